"""SwissBorg (spec swissborg)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import strategies as st

from merkle_por.documents import Document
from merkle_por.exchanges import swissborg
from merkle_por.exchanges.swissborg import Amount, Audit, Leaf, Partition, derive
from merkle_por.recognise import recognise
from merkle_por.verdict import Inclusion, Totals

CREDENTIAL = "PaY746f8DsYiK8s33J33Jk"  # published in the official test suite
COMMITMENT = "017a68ca267d6369f24fb749151c143b43c775451e794e0a287887ad31dbb8d1"


def test_worked_key_chain() -> None:
    audit = derive(CREDENTIAL, swissborg.AUDIT_NONCE, "SBPOL20230111")
    assert audit == "d5b7881261df10dd2e990ee144f5d9c84eebccf0bb1ca32dbc12ac22d1d6bfbd"
    tree = derive(audit, swissborg.TREE_NONCE, "USDC")
    assert tree == "2956bf2293387ef3bba366889c9e1bec93819d322bb0622db64ac5ceb524625a"
    leaf = derive(tree, swissborg.LEAF_NONCE, "7574")
    assert leaf == "6b0769843b46b7a2a5c68bae39da557c24b9e29efcc6b684ef2662e44fd81412"


@pytest.mark.peer
def test_published_sample() -> None:
    verdict = of("peer", "swissborg", "userLiab_7.json", "swissborg", root=COMMITMENT)
    assert (verdict.state, verdict.totals) == ("valid", Totals.HOLDS)
    assert verdict.account is not None
    assert verdict.account.balances == {"USDC": Decimal("99.70291")}


def test_two_answers() -> None:
    verdict = of("made", "swissborg", "ok_3assets.user.json", "swissborg")
    assert (verdict.state, verdict.inclusion, verdict.totals) == (
        "valid",
        Inclusion.HOLDS,
        Totals.HOLDS,
    )
    assert verdict.sentence == (
        "Your balances are in SwissBorg's tree SBPOL20240322, and its sums hold."
    )
    assert not verdict.warnings


def test_the_audit_file_alone() -> None:
    path, given = entry("made", "swissborg", "ok_audit_only.audit.json")
    root = json.loads(path.read_bytes())["audit"]["commitment"]["digest"]
    verdict = judged(path, {**given, "root": root})
    assert (verdict.state, verdict.inclusion, verdict.totals) == (
        "valid",
        Inclusion.NOT_CLAIMED,
        Totals.BOUND,
    )


@pytest.mark.parametrize("missing", ["audit", "credential"])
def test_without_one_of_the_facts_it_is_incomplete(missing: str) -> None:
    path, given = entry("made", "swissborg", "ok_3assets.user.json")
    del given[missing]
    verdict = judged(path, given)
    assert (verdict.state, verdict.inclusion) == ("incomplete", Inclusion.NOT_CHECKED)


def test_the_credential_is_in_no_output() -> None:
    path, given = entry("made", "swissborg", "ok_3assets.user.json")
    secret = given["credential"]
    for credential in (secret, secret + "\n", secret[:-1] + "x"):
        verdict = judged(path, {**given, "credential": credential})
        assert credential.strip() not in repr(verdict)
        assert derive(secret, swissborg.AUDIT_NONCE, "SBPOL20240322") not in repr(verdict)
        assert verdict.state == ("invalid" if credential.endswith("x") else "valid")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_duplicated_leaf", "duplicate-leaf"),
        ("bad_index_out_of_range", "index-range"),
        ("bad_infinity", "bad-amount"),
        ("bad_negative_other_partition", "negative-balance"),
        ("bad_empty_liabilities", "leaf-not-found"),
        ("bad_number_amount", "wrong-type"),
        ("bad_duplicate_key", "duplicate-key"),
        ("bad_published_root", "root-mismatch"),
        ("bad_unknown_partition", "unknown-partition"),
    ],
)
def test_what_the_official_program_misses(name: str, reason: str) -> None:
    assert of("made", "swissborg", f"{name}.user.json", "swissborg").reason == reason


def built(currency: str, amounts: list[str], credential: str) -> tuple[dict[str, Any], Any]:
    """An audit of one currency with 2^d leaves, and the user's file of leaf 0."""
    key = derive(credential, swissborg.AUDIT_NONCE, "A")
    tree = derive(key, swissborg.TREE_NONCE, currency)
    row = [
        (Decimal(a), swissborg.leaf_hash(derive(tree, swissborg.LEAF_NONCE, str(i)), "me", a))
        for i, a in enumerate(amounts)
    ]
    witnesses, level = [], list(row)
    while len(level) > 1:
        witnesses.append(level[1])
        level = [
            (a[0] + b[0], swissborg.inner_hash(a, b))
            for a, b in zip(level[::2], level[1::2], strict=True)
        ]
    total = str(level[0][0])
    part = Partition("A-x", currency, Amount(total, level[0][0]), level[0][1])
    digest = swissborg.commitment(Audit("A", None, "", {"A-x": part}))
    root = {"liability": total, "digest": level[0][1]}
    audit = {
        "id": "A",
        "commitment": {"digest": digest},
        "partitions": [{"id": "A-x", "currency": currency, "commitment": root}],
    }
    proof = {
        "leaf_index": 0,
        "nonce": "0" * 64,
        "witnesses": [{"liability": format(s, "f"), "digest": h} for s, h in witnesses],
    }
    leaf = {"audit_partition_id": "A-x", "liability": amounts[0], "proof": proof}
    return {"audit": audit}, {"user_id": "me", "audit_id": "A", "liabilities": [leaf]}


@drawn(
    st.lists(st.decimals(0, 10**9, places=4).map(str), min_size=8, max_size=8),
    st.sampled_from([2, 4, 8]),
)
def test_trees_of_any_amounts(amounts: list[str], count: int) -> None:
    audit, user = built("ETH", amounts[:count], "secret")
    given = {
        "audit": json.dumps(audit).encode(),
        "credential": "secret",
        "root": audit["audit"]["commitment"]["digest"],
    }
    assert judged(json.dumps(user).encode(), given).state == "valid"
    user["liabilities"][0]["liability"] += "0"
    assert judged(json.dumps(user).encode(), given).state == "invalid"


def test_raw_and_shortest_form() -> None:
    left, right = (Decimal("0.250"), "a"), (Decimal("1.0"), "b")
    assert swissborg.inner_hash(left, right) == swissborg._joined("inner", "0.25", "1", "a", "b")


def test_sides_follow_the_index() -> None:
    one = (Amount("1", Decimal(1)), "b" * 64)
    even = swissborg.climb(Leaf("p", one[0], 0, (one,), ""), "a" * 64)
    odd = swissborg.climb(Leaf("p", one[0], 1, (one,), ""), "a" * 64)
    assert even[0][1] == swissborg.inner_hash((Decimal(1), "a" * 64), (Decimal(1), "b" * 64))
    assert odd[0][1] == swissborg.inner_hash((Decimal(1), "b" * 64), (Decimal(1), "a" * 64))


@pytest.mark.parametrize("name", ["", "a,b"])
def test_names_that_would_shift_the_preimage(name: str) -> None:
    audit, user = built("ETH", ["1", "2"], "secret")
    user["user_id"] = name
    given = {"audit": json.dumps(audit).encode(), "credential": "secret"}
    assert judged(json.dumps(user).encode(), given, scheme="swissborg").reason == "bad-field"


def test_changed_bytes() -> None:
    path, given = entry("made", "swissborg", "ok_3assets.user.json")
    changed_bytes_never_valid(path, given, "swissborg")


def test_changed_bytes_of_the_audit() -> None:
    user, facts = entry("made", "swissborg", "ok_3assets.user.json")
    audit = user.with_name("ok_3assets.audit.json")
    changed_bytes_never_valid(audit, {"root": facts["root"]}, "swissborg")


def test_neighbours_are_not_recognised() -> None:
    for data in (b"{}", b'{"audit":{}}', b'{"liabilities":[{}]}', b"[]"):
        assert not swissborg.SCHEME.recognises(Document.of(data))
    path, _ = entry("made", "swissborg", "ok_3assets.user.json")
    assert recognise(Document.of(path)) is swissborg.SCHEME
    assert recognise(Document.of(path.with_name("ok_3assets.audit.json"))) is swissborg.SCHEME


def test_a_partition_of_another_name_is_warned_of_where_it_is_not_the_users() -> None:
    """The id's form is not relied on (spec); what no hash binds is said."""
    path, args = entry("made", "swissborg", "ok_3assets.user.json")
    document = json.loads((path.parent / "ok_3assets.audit.json").read_text())
    parts = document["audit"]["partitions"]
    held = {leaf["audit_partition_id"] for leaf in json.loads(path.read_text())["liabilities"]}
    next(part for part in parts if part["id"] not in held)["id"] = "any other id"
    shape = Document.of(json.dumps(document).encode())
    digest = swissborg.commitment(swissborg.parse_audit(shape))
    document["audit"]["commitment"]["digest"] = digest
    facts = {"audit": json.dumps(document).encode(), "credential": args["credential"]}
    verdict = judged(path, {**facts, "root": digest})
    assert verdict.state.value == "valid"
    assert "currency-not-bound" in {warning.id for warning in verdict.warnings}
