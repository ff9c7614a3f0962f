"""Bitfinex: antani's balances file and easy-audit's list (spec bitfinex, sections 2 and 3)."""

from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from merkle_por.documents import Document
from merkle_por.errors import Invalid, UsageError
from merkle_por.exchanges.bitfinex import antani, easy_audit
from merkle_por.exchanges.bitfinex.antani import Bucket, File, Parent
from merkle_por.recognise import recognise
from merkle_por.report.json_document import proof_document
from merkle_por.verdict import About, Inclusion, Totals

OK_7_ROOT = "CeEfR3TTymbnbmwDFhuyMPBMueKX1Ay5yE4F1lzDSUE="


def test_antani_worked_example() -> None:
    verdict = of("made", "bitfinex-antani", "ok_7buckets.json", "bitfinex-antani")
    assert (verdict.state, verdict.totals) == ("valid", Totals.HOLDS)
    assert verdict.published == {"unit": 4503602402849959}
    assert verdict.account is not None
    assert verdict.account.balances == {"unit": 1296741249}


def test_the_root_may_be_hex_too() -> None:
    path, given = entry("made", "bitfinex-antani", "ok_7buckets.json")
    digits = base64.b64decode(OK_7_ROOT).hex().upper()
    assert judged(path, {**given, "root": "0x" + digits}).state == "valid"
    for bad in ("abc", OK_7_ROOT[:-1], ""):
        with pytest.raises(UsageError):
            judged(path, {**given, "root": bad})


def test_keys_may_be_the_text_of_the_key_file() -> None:
    path, given = entry("made", "bitfinex-antani", "ok_7buckets.json")
    text = "".join(f"me\t{key}\r\n" for key in given["keys"])
    assert judged(path, {**given, "keys": text}).inclusion is Inclusion.HOLDS
    with pytest.raises(UsageError):
        judged(path, {**given, "keys": "me\tno key"})
    with pytest.raises(UsageError):
        judged(path, {"balance": "1", "root": given["root"]})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_bucket_balances_shifted_resigned.json", "leaf-hash"),
        ("bad_leaf_hash.json", "leaf-hash"),
        ("bad_signature.json", "bad-signature"),
        ("bad_parent_hash_offpath.json", "parent-hash"),
        ("bad_parent_balance_offpath.json", "sum-mismatch"),
        ("bad_root_balance_field.json", "sum-mismatch"),
        ("bad_published_root.json", "root-mismatch"),
        ("bad_negative_bucket_consistent.json", "negative-balance"),
        ("bad_duplicate_bucket.json", "duplicate-leaf"),
        ("bad_same_key_twice.json", "duplicate-leaf"),
    ],
)
def test_what_the_official_proof_accepts(name: str, reason: str) -> None:
    assert of("made", "bitfinex-antani", name, "bitfinex-antani").reason == reason


@pytest.mark.parametrize(
    ("buckets", "peaks"), [(1, [0]), (2, [1]), (3, [1, 4]), (7, [3, 9, 12]), (8, [7])]
)
def test_peaks(buckets: int, peaks: list[int]) -> None:
    assert antani.peak_indexes(buckets) == peaks


@drawn(st.integers(1, 300))
def test_complete_parents_are_those_under_the_peaks(buckets: int) -> None:
    complete = {i for i in range(1, 2 * buckets, 2) if antani.is_complete(i, buckets)}
    assert len(complete) == buckets - buckets.bit_count()
    for index in complete:
        reach = (1 << antani.trailing_ones(index)) - 1
        assert index - reach >= 0
        assert index + reach <= 2 * buckets - 2


def tree(balances: list[int]) -> File:
    buckets = tuple(
        Bucket(antani.bucket_hash(b, bytes([i]) * 32), b, bytes([i]) * 32, str(i), b"")
        for i, b in enumerate(balances)
    )
    nodes = {2 * i: (b.balance, b.hash) for i, b in enumerate(buckets)}
    parents = {}
    complete = [i for i in range(1, 2 * len(buckets), 2) if antani.is_complete(i, len(buckets))]
    for i in sorted(complete, key=antani.trailing_ones):
        half = 1 << (antani.trailing_ones(i) - 1)
        left, right = nodes[i - half], nodes[i + half]
        total = left[0] + right[0]
        nodes[i] = total, antani.parent_hash(total, left[1], right[1])
        parents[i] = Parent(nodes[i][1], total)
    peaks = [(i, *nodes[i]) for i in antani.peak_indexes(len(buckets))]
    total = sum(balances)
    return File(buckets, parents, Parent(antani.root_hash(total, peaks), total))


@drawn(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.data())
@settings(max_examples=40)
def test_any_tree_is_recomputed(balances: list[int], data: st.DataObject) -> None:
    file = tree(balances)
    antani.check_tree(file)
    if file.parents:
        chosen = data.draw(st.sampled_from(sorted(file.parents)))
        parent = file.parents[chosen]
        wrong = Parent(parent.hash, parent.balance + 1)
        with pytest.raises(Invalid):
            antani.check_tree(File(file.buckets, {**file.parents, chosen: wrong}, file.root))
    with pytest.raises(Invalid):
        antani.check_tree(File(file.buckets, file.parents, Parent(b"\0" * 32, file.root.balance)))


@pytest.mark.parametrize("text", ["AA", "AAAA", "A" * 43, "A" * 43 + "B", "-" * 43 + "="])
def test_base64_in_its_one_form(text: str) -> None:
    path, given = entry("made", "bitfinex-antani", "ok_2buckets.json")
    value = json.loads(path.read_bytes())
    value["values"][0]["hash"] = text
    verdict = judged(json.dumps(value).encode(), given, scheme="bitfinex-antani")
    assert verdict.reason == "bad-field"


def test_antani_changed_bytes() -> None:
    path, given = entry("made", "bitfinex-antani", "ok_2buckets.json")
    changed_bytes_never_valid(path, given, "bitfinex-antani", 100)


# -- easy-audit -------------------------------------------------------------------------------


@pytest.mark.peer
def test_easy_audit_published_sample() -> None:
    verdict = of("peer", "easy-audit", "liabilities.json", "easy-audit")
    assert (verdict.state, verdict.totals) == ("valid", Totals.HOLDS)
    assert verdict.published == {"BTC": Decimal("0.00011602")}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_duplicate.json", "duplicate-leaf"),
        ("bad_leading_zero.json", "bad-amount"),
        ("bad_nonce.json", "bad-hash"),
        ("bad_empty_list.json", "empty-file"),
        ("bad_user_balance.json", "balance-mismatch"),
        ("bad_not_included.json", "leaf-not-found"),
    ],
)
def test_what_easy_audit_accepts(name: str, reason: str) -> None:
    assert of("made", "easy-audit", name, "easy-audit").reason == reason


def accounts(*pairs: tuple[str, Any]) -> bytes:
    return json.dumps({"accounts": [{"nonce": n, "balance": b} for n, b in pairs]}).encode()


def test_easy_audit_tree_of_three() -> None:
    leaves = [hashlib.sha256(f"{c * 64}|5".encode()).hexdigest() for c in "abc"]
    pair = hashlib.sha256(f"{leaves[0]}|{leaves[1]}".encode()).hexdigest()
    root = hashlib.sha256(f"{pair}|{leaves[2]}".encode()).hexdigest()
    data = accounts(*((c * 64, "5") for c in "abc"))
    verdict = judged(data, {"root": root, "nonce": "b" * 64, "balance": "5"})
    assert verdict.state == "valid"
    assert verdict.account is not None
    assert verdict.account.balances == {"BTC": Decimal("0.00000005")}
    # The nonce is all that ties the row to the user.
    assert "b" * 64 not in json.dumps(proof_document(verdict))
    assert verdict.lines[About.TOTALS].startswith("all 3 accounts add up")


@pytest.mark.parametrize("balance", ["05", "1.0", "-0", "+1", "1e3", "", " 1", 1])
def test_easy_audit_amounts(balance: Any) -> None:
    verdict = judged(accounts(("a" * 64, balance)), scheme="easy-audit")
    assert verdict.state == "malformed"


def test_without_a_nonce_no_inclusion_is_claimed() -> None:
    verdict = of("made", "easy-audit", "ok_root.json", "easy-audit")
    assert (verdict.state, verdict.inclusion) == ("valid", Inclusion.NOT_CLAIMED)
    path, given = entry("made", "easy-audit", "ok_root.json")
    with pytest.raises(UsageError):
        judged(path, {**given, "balance": "1"})


def test_easy_audit_changed_bytes() -> None:
    path, given = entry("made", "easy-audit", "ok_root.json")
    changed_bytes_never_valid(path, given, "easy-audit")


def test_neighbours_are_not_recognised() -> None:
    for data in (
        b'[{"user":"a","balance":"1"}]',
        b'{"accounts":[{"user":"a","balance":"1"}]}',
        b'{"values":[]}',
        b'{"accounts":[]}',
    ):
        document = Document.of(data)
        assert not antani.SCHEME.recognises(document)
        assert not easy_audit.SCHEME.recognises(document)
    path, _ = entry("made", "bitfinex-antani", "ok_2buckets.json")
    assert recognise(Document.of(path)) is antani.SCHEME
