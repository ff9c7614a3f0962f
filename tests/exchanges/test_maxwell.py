"""lproof's Maxwell trees (spec maxwell-lproof)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import strategies as st

import merkle_por
from merkle_por.amounts import stripped
from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import maxwell
from merkle_por.exchanges.maxwell import DIALECTS, Leaf, decimal_of, scientific
from merkle_por.execution import Execution
from merkle_por.merkle.paths import sha256_hex
from merkle_por.recognise import recognise
from merkle_por.verdict import Inclusion, Totals

ROOT = "129033320ac9a72fbe0e6a3b75bc6bbf423de2083f77375f447b868684042cdd"
TOTAL = "123456789012350348.727746439012345678"


def test_worked_leaf() -> None:
    leaf = Leaf("frank@example.com", Decimal("3.1415"), "e3b0c44298fc1c149afbf4c8996fb924", None)
    assert leaf.digest(stripped) == (
        "7856aa35ddcf71ab84d18c16d5ac1b90b19e6d54e932d972595235d343c17461"
    )


@pytest.mark.peer
def test_published_example() -> None:
    verdict = of("peer", "maxwell", "partial_mark.json", "maxwell-partial")
    assert (verdict.state, verdict.totals) == ("valid", Totals.BOUND)
    assert "maxwell" in [w.id for w in verdict.warnings]
    whole = of("peer", "maxwell", "complete_tree.json", "maxwell-complete")
    assert (whole.state, whole.inclusion) == ("unconfirmed", Inclusion.NOT_CLAIMED)
    named = of("peer", "maxwell", "complete_tree.json", "maxwell-complete", user="mark")
    assert named.inclusion is Inclusion.HOLDS
    assert named.account is not None
    assert named.account.balances == {"BTC": 462}


@pytest.mark.parametrize(
    "root",
    [
        ROOT,
        ROOT.upper(),
        {"sum": TOTAL, "hash": ROOT},
        json.dumps({"root": {"sum": TOTAL, "hash": ROOT}, "currency": "BTC", "timestamp": 1}),
    ],
)
def test_forms_of_the_published_root(root: object) -> None:
    path, _ = entry("made", "maxwell", "ok_partial_deep.json")
    verdict = judged(path, {"root": root}, scheme="maxwell-partial")
    assert verdict.state == "valid"
    assert verdict.published == {"BTC": Decimal(TOTAL)}


@pytest.mark.parametrize("root", ["12", {"sum": "1"}, {"sum": "x", "hash": ROOT}, [], 5, "{"])
def test_a_root_of_another_form_is_a_usage_error(root: object) -> None:
    path, _ = entry("made", "maxwell", "ok_partial_deep.json")
    with pytest.raises(UsageError):
        judged(path, {"root": root}, scheme="maxwell-partial")


def test_the_published_sum_is_compared_too() -> None:
    verdict = of("made", "maxwell", "bad_root_sum.json", "maxwell-partial")
    assert (verdict.reason, verdict.inclusion) == ("total-mismatch", Inclusion.HOLDS)
    assert verdict.totals is Totals.FAILS


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_preset_leaf_hash_wrong_user.json", "leaf-hash"),
        ("bad_inner_data.json", "bad-keys"),
        ("bad_sum_leading_zero.json", "bad-amount"),
        ("bad_duplicate_key.json", "duplicate-key"),
    ],
)
def test_what_the_official_program_accepts(name: str, reason: str) -> None:
    assert of("made", "maxwell", name, "maxwell-partial").reason == reason


def test_the_flaw_passes_alone_and_is_warned_of() -> None:
    for name in ("alice", "bob"):
        verdict = of("made", "maxwell", f"flaw_understated_root_{name}.json", "maxwell-partial")
        assert verdict.state == "valid"
        assert verdict.warnings[0].id == "maxwell"
        assert verdict.nodes


def test_another_user_or_balance() -> None:
    path, given = entry("made", "maxwell", "ok_partial_deep.json")
    wrong = judged(path, {**given, "user": "mallory"}, scheme="maxwell-partial")
    assert wrong.reason == "user-id"
    wrong = judged(path, {**given, "balance": "1"}, scheme="maxwell-partial")
    assert wrong.reason == "balance-mismatch"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("0.00000123", "0.00000123"),
        ("0.000000123", "1.23e-7"),
        ("999999999999999999999", "999999999999999999999"),
        ("1000000000000000000000", "1e+21"),
        ("-0.00000001", "-1e-8"),
        ("0", "0"),
        ("1.500", "1.5"),
    ],
)
def test_lproof_writes_exponents(text: str, plain: str) -> None:
    assert scientific(Decimal(text)) == plain


@drawn(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**50, places=18))
def test_what_lproof_writes_is_read_back(value: Decimal) -> None:
    assert decimal_of(scientific(value), "here")[0] == value
    assert decimal_of(stripped(value), "here") == (value, False)


@pytest.mark.parametrize(
    "text",
    [
        *("1e-6", "1e+20", "10e-8", "1.0e-8", "1.10e-8", "1E-8", "1e21", "1e-08", "+1e-8"),
        *("1e-99", "1e+61", "0e-8", "1e", "e-8", "1.e-8", "9" * 61, "0." + "0" * 60 + "1"),
    ],
)
def test_other_exponents_and_lengths_are_refused(text: str) -> None:
    with pytest.raises(Malformed, match="bad-amount"):
        decimal_of(text, "here")


@pytest.mark.parametrize("user", ["", " a", "a\n", "a|b"])
def test_names_that_would_shift_the_preimage(user: str) -> None:
    _, given = entry("made", "maxwell", "ok_partial_single.json")
    tree = {"partial_tree": {"data": {"user": user, "sum": "1", "nonce": "00"}}}
    verdict = judged(json.dumps(tree).encode(), given, scheme="maxwell-partial")
    assert verdict.reason == "bad-field"


def test_a_path_is_bounded() -> None:
    node: dict[str, object] = {"data": {"user": "a", "sum": "1", "nonce": "00"}}
    for _ in range(65):
        node = {"left": node, "right": {"data": {"sum": "0", "hash": "0" * 64}}}
    data = json.dumps({"partial_tree": node}).encode()
    assert judged(data, scheme="maxwell-partial").reason == "too-deep"


def whole(count: int, dialect: str) -> list[dict[str, object]]:
    write = DIALECTS[dialect]
    leaves = [Leaf(f"u{i}", Decimal(10) ** (3 * i - 9), f"{i:032x}", None) for i in range(count)]
    nodes: list[tuple[str, Decimal]] = [("", Decimal(0))] * (count - 1)
    nodes += [(leaf.digest(write), leaf.sum) for leaf in leaves]
    for i in range(count - 2, -1, -1):
        left, right = nodes[2 * i + 1], nodes[2 * i + 2]
        total = left[1] + right[1]
        text = maxwell.inner_text(left[0], right[0], total, write)
        nodes[i] = (maxwell.sha256_hex(text.encode()), total)
    data: list[dict[str, object]] = [{"sum": write(s), "hash": h} for h, s in nodes]
    for place, leaf in enumerate(leaves, start=count - 1):
        data[place] |= {"user": leaf.user, "nonce": leaf.nonce}
    return [{"index": i, "data": item} for i, item in enumerate(data)]


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_whole_trees_of_both_dialects(count: int, dialect: str) -> None:
    tree = whole(count, dialect)
    given = {"root": tree[0]["data"]["hash"], "user": "u0"}  # type: ignore[index]
    verdict = judged(json.dumps(tree).encode(), given)
    assert (verdict.state, verdict.totals, verdict.version) == ("valid", Totals.HOLDS, dialect)
    missing = judged(json.dumps(tree).encode(), {**given, "user": "u99"})
    assert missing.reason == "leaf-not-found"


def heap(values: list[str], users: list[str] | None = None) -> list[dict[str, Any]]:
    """The elements of a whole tree, the dialect spec."""
    count = len(values)
    names = users or [f"u{i}" for i in range(count)]
    nodes: list[dict[str, Any]] = [{} for _ in range(2 * count - 1)]
    for place, (user, value) in enumerate(zip(names, values, strict=True), start=count - 1):
        digest = Leaf(user, Decimal(value), "ab", None).digest(stripped)
        nodes[place] = {"user": user, "sum": value, "nonce": "ab", "hash": digest}
    for place in range(count - 2, -1, -1):
        left, right = nodes[2 * place + 1], nodes[2 * place + 2]
        total = Decimal(left["sum"]) + Decimal(right["sum"])
        text = maxwell.inner_text(left["hash"], right["hash"], total, stripped)
        nodes[place] = {"sum": str(total), "hash": sha256_hex(text.encode())}
    return [{"index": i, "data": node} for i, node in enumerate(nodes)]


def test_every_wrong_node_of_a_whole_tree_is_listed() -> None:
    tree = heap(["5", "6", "7", "8", "9"])
    assert judged(tree).details["counts"] == {
        "nodes": 9,
        "leaves": 5,
        "duplicates": 0,
        "height": 4,
    }
    tree[3]["data"]["sum"] = "1"  # over the last two leaves, 8 and 9
    tree[6]["data"]["nonce"] = "cd"
    audit = merkle_por.audit(json.dumps(tree).encode(), execution=Execution(violations=3))
    listed = audit.to_json()["violations"]
    assert [(item["class"], item["where"]) for item in listed["listed"]] == [
        ("leaf-hash", "node 6"),
        ("sum-mismatch", "node 3"),
        ("sum-mismatch", "node 1"),
    ]
    assert listed["more"] == 1  # node 1's hash, made with the sum of its children
    assert listed["counts"] == {"leaf-hash": 1, "sum-mismatch": 2, "parent-hash": 1}
    assert (audit.verdict.totals, audit.verdict.reason) == (Totals.FAILS, "leaf-hash")


def test_a_whole_tree_that_hides_liabilities_says_how_much() -> None:
    tree = heap(["5", "6", "7", "8"])
    tree[0]["data"]["sum"] = "1"
    verdict = judged(tree, {"user": "u1"})
    assert verdict.sentence == "The ledger hides 25 BTC of liabilities (sum-mismatch)."
    assert (verdict.inclusion, verdict.totals) == (Inclusion.HOLDS, Totals.FAILS)
    assert verdict.details["owed_at_least"] == {"BTC": 26}


def test_negative_and_repeated_accounts_are_said_of_the_totals() -> None:
    tree = heap(["5", "-6", "7"], ["a", "b", "a"])
    root = tree[0]["data"]["hash"]
    verdict = judged(tree, {"root": root, "user": "b"})
    counts = {"negative-balance": 1, "duplicate-user": 1}
    assert verdict.details["violations"]["counts"] == counts
    assert (verdict.inclusion, verdict.totals) == (Inclusion.HOLDS, Totals.FAILS)
    changed = json.loads(json.dumps(tree))
    changed[3]["data"]["nonce"] = "cd"  # of b
    assert judged(changed, {"root": root, "user": "b"}).inclusion is Inclusion.FAILS


def test_changed_bytes() -> None:
    path, given = entry("made", "maxwell", "ok_partial_deep.json")
    changed_bytes_never_valid(path, given, "maxwell-partial")
    path, given = entry("made", "maxwell", "ok_complete_11.json")
    changed_bytes_never_valid(path, given, "maxwell-complete", 100)


def test_neighbours_are_not_recognised() -> None:
    accounts = b'[{"user":"a","balance":"1"}]'
    for data in (accounts, b'{"root":{"sum":"1","hash":"00"}}', b"[]", b"{}"):
        document = Document.of(data)
        assert not any(scheme.recognises(document) for scheme in maxwell.SCHEMES)
    path, _ = entry("made", "maxwell", "ok_complete_2.json")
    assert recognise(Document.of(path)) is maxwell.COMPLETE


@pytest.mark.parametrize("name", ["spec", "lproof"])
@pytest.mark.parametrize("text", ["0.00000001", "1e-8"])
def test_a_leafs_own_hash_tells_the_dialect_where_no_root_does(name: str, text: str) -> None:
    leaf = Leaf("alice", Decimal("1e-8"), "ab", None)
    digest = leaf.digest(DIALECTS[name])
    data = {"user": "alice", "sum": text, "nonce": "ab", "hash": digest}
    verdict = judged({"partial_tree": {"data": data}}, {})
    assert (verdict.state, verdict.version) == ("unconfirmed", name)
    assert verdict.root is not None
    assert verdict.root.value == digest
    assert judged({"partial_tree": {"data": data}}, {"root": "00" * 32}).reason == "root-mismatch"
