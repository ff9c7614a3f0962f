"""BitMEX's and River's ledgers of several bands: every node, sum, duplicate and own leaf."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from ledgers import BitmexLedger, node

import merkle_por
from merkle_por import _native
from merkle_por.execution import Execution
from merkle_por.ledger import bands
from merkle_por.verdict import State, Verdict

KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bands and few rows between noted places, so that all borders are met."""
    from merkle_por.ledger import source

    monkeypatch.setattr(bands, "TOP_ROWS", 4)
    monkeypatch.setattr(bands, "DEPTH", 2)
    monkeypatch.setattr(source, "STRIDE", 4)
    monkeypatch.setattr(source, "BLOCK", 1000)


def audited(text: bytes, violations: int = 20, **given: Any) -> Verdict:
    execution = Execution(violations=violations)
    return merkle_por.audit(
        text, scheme="bitmex-liabilities", given=given, execution=execution
    ).verdict


def changed(ledger: BitmexLedger, row: int, digest: bytes | None = None, value: int = -1) -> bytes:
    before = ledger.nodes[row]
    ledger.nodes[row] = (digest or before[0], before[1] if value < 0 else value)
    text = ledger.text()
    ledger.nodes[row] = before
    return text


@pytest.mark.parametrize("backend", ["auto", "python"])
@pytest.mark.parametrize("leaves", [1, 2, 4, 8, 16, 32, 128, 512])
def test_a_right_ledger_is_valid(
    leaves: int, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_native.VARIABLE, backend)
    own = tuple({0, leaves // 3, leaves - 1})
    ledger = BitmexLedger(leaves, own=own, key=KEY)
    for end in (b"\n", b"\r\n"):
        verdict = audited(ledger.text(end), root=ledger.root, snapshot_nonce=KEY.hex())
        assert verdict.state is State.VALID, verdict.sentence
        assert verdict.account is not None
        assert verdict.account.balances == {"BTC": Decimal(ledger.balance).scaleb(-8)}
        assert verdict.published == {"BTC": Decimal(ledger.nodes[0][1]).scaleb(-8)}
        assert sorted(verdict.details["leaf_indexes"]) == sorted(own)
        assert verdict.details["counts"] == {
            "nodes": 2 * leaves - 1,
            "leaves": leaves,
            "duplicates": 0,
            "height": leaves.bit_length(),
        }


LEDGER = BitmexLedger(128)


@settings(max_examples=120, deadline=None)
@drawn(st.integers(0, 254), st.integers(0, 255), st.integers(1, 255))
def test_any_changed_hash_is_found_at_its_node(row: int, place: int, bits: int) -> None:
    digest = bytearray(LEDGER.nodes[row][0])
    digest[place % 32] ^= bits
    verdict = audited(changed(LEDGER, row, bytes(digest)))
    assert verdict.state is State.INVALID
    found = verdict.details["violations"]
    wrong = {f"node {row}"} if row < 127 else set()
    wrong |= {f"node {(row - 1) // 2}"} if row else set()
    assert {item["where"] for item in found["listed"]} == wrong
    assert found["counts"] == {"parent-hash": len(wrong)}


@settings(max_examples=120, deadline=None)
@drawn(st.integers(0, 254), st.integers(0, 2**64 - 1))
def test_any_changed_value_is_found_and_what_is_owed_is_the_leaves(row: int, value: int) -> None:
    if value == LEDGER.nodes[row][1]:
        return
    verdict = audited(changed(LEDGER, row, value=value))
    assert verdict.state is State.INVALID
    assert verdict.reason == "sum-mismatch"
    leaves = sum(v for _, v in LEDGER.nodes[127:])
    if row >= 127:
        leaves += value - LEDGER.nodes[row][1]
    assert verdict.details["owed_at_least"]["BTC"] == Decimal(leaves).scaleb(-8)


def test_a_hidden_subtree_is_named_with_what_it_hides() -> None:
    ledger = BitmexLedger(8)
    ledger.nodes[3] = (ledger.nodes[3][0], 1)
    for row in (1, 0):
        left, right = ledger.nodes[2 * row + 1], ledger.nodes[2 * row + 2]
        ledger.nodes[row] = node(left, right)
    verdict = audited(ledger.text(), root=ledger.root)
    hidden = Decimal(sum(v for _, v in ledger.nodes[7:9]) - 1).scaleb(-8)
    expected = f"The ledger hides {hidden:,f} BTC of liabilities (sum-mismatch)."
    assert verdict.sentence == expected
    assert verdict.details["checked"].startswith("7 inner nodes: 6 right, 1 wrong (sum); 8")


def test_a_sum_beyond_64_bits_is_wrong_not_wrapped() -> None:
    ledger = BitmexLedger(2)
    leaves = [(bytes([i]) * 32, 2**63) for i in range(2)]
    digest, _ = node(*leaves)
    ledger.nodes = [(digest, 0), *leaves]
    assert audited(ledger.text()).reason == "sum-mismatch"


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_leaves_that_stand_twice_are_named(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_native.VARIABLE, backend)
    ledger = BitmexLedger(32)
    leaves = ledger.nodes[31:]
    leaves[20] = leaves[17] = leaves[3]
    # Leaves that only begin alike are not the same.
    leaves[5] = (leaves[4][0][:8] + bytes(24), 7)
    levels = [leaves]
    while len(levels[0]) > 1:
        pairs = zip(levels[0][::2], levels[0][1::2], strict=True)
        levels.insert(0, [node(a, b) for a, b in pairs])
    ledger.nodes = [row for level in levels for row in level]
    verdict = audited(ledger.text(), root=ledger.root)
    assert verdict.reason == "duplicate-leaf"
    listed = verdict.details["violations"]["listed"]
    assert [item["where"] for item in listed] == ["leaf 17", "leaf 20"]
    assert [item["line"] for item in listed] == [31 + 17 + 2, 31 + 20 + 2]
    assert all(item["text"] == "stands before as leaf 3" for item in listed)
    assert verdict.details["counts"]["duplicates"] == 2


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_violations_are_listed_in_file_order_and_all_counted(limit: int) -> None:
    ledger = BitmexLedger(128)
    leaves = range(127, 255, 7)
    for row in leaves:
        ledger.nodes[row] = (bytes(31) + bytes([row]), ledger.nodes[row][1])
    parents = sorted({(row - 1) // 2 for row in leaves})
    verdict = audited(ledger.text(), violations=limit)
    found = verdict.details["violations"]
    listed = [item["where"] for item in found["listed"]]
    assert listed == [f"node {row}" for row in parents[:limit]]
    assert found["more"] == len(parents) - len(listed)
    assert found["counts"] == {"parent-hash": len(parents)}
    assert all(item["line"] == int(item["where"][5:]) + 2 for item in found["listed"])


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_a_node_wrong_in_sum_and_hash_is_one_among_the_rest_too(limit: int) -> None:
    ledger = BitmexLedger(128)
    leaves = range(127, 255, 7)
    for row in leaves:
        ledger.nodes[row] = (ledger.nodes[row][0], ledger.nodes[row][1] + 1)
    parents = {(row - 1) // 2 for row in leaves}
    verdict = audited(ledger.text(), violations=limit)
    found = verdict.details["violations"]
    assert len(found["listed"]) + found["more"] == len(parents)
    assert found["counts"] == {"sum-mismatch": len(parents), "parent-hash": len(parents)}


@drawn(st.integers(0, 62), st.sampled_from([b"x", b"", b"\x00", b",", b" ", b"\xff"]))
def test_a_row_that_is_none_is_malformed_with_its_line(row: int, junk: bytes) -> None:
    lines = BitmexLedger(32).text().split(b"\n")
    line = lines[row + 1]
    lines[row + 1] = junk + line[1:]
    verdict = audited(b"\n".join(lines))
    assert verdict.state is State.MALFORMED
    assert verdict.errors[0].where == f"line {row + 2}"


def test_the_total_of_a_lone_root_is_not_believed() -> None:
    ledger = BitmexLedger(8, own=(1,), key=KEY)
    text = b"block_height:848470\n%s,1\n" % ledger.root.encode()
    assert audited(text, root=ledger.root).state is State.UNCONFIRMED
    assert audited(text, root=ledger.root, total=1).state is State.VALID
    assert audited(text, root=ledger.root, total=ledger.nodes[0][1]).reason == "total-mismatch"
    # Who owns a leaf of the whole tree notices at once.
    found = audited(text, root=ledger.root, snapshot_nonce=KEY.hex())
    assert found.reason == "leaf-not-found"


@drawn(st.integers(0, 4800))
def test_a_ledger_cut_anywhere_is_never_valid(cut: int) -> None:
    ledger = BitmexLedger(32)
    text = ledger.text()
    rows = text[:cut].count(b"\n") - (text[:cut].endswith(b"\n") or cut >= len(text) - 1)
    verdict = audited(text[:cut], root=ledger.root)
    if verdict.state is State.VALID:
        # Whole levels cut off leave a tree with the same root and total: nobody's hash tells
        # which level the leaves are on. Or the cut left the last value as it was.
        assert verdict.published == {"BTC": Decimal(ledger.nodes[0][1]).scaleb(-8)}
        assert (rows + 1).bit_count() == 1 or cut >= len(text) - 1
    elif verdict.state is State.UNCONFIRMED:
        assert rows == 1
    else:
        assert verdict.state in (State.MALFORMED, State.INVALID)


@pytest.mark.parametrize("extra", [b"\n", b"\r\n", b" ", b"00\n"])
def test_anything_behind_the_last_row_is_refused(extra: bytes) -> None:
    assert audited(BitmexLedger(4).text() + extra).state is State.MALFORMED


def test_line_ends_must_be_of_one_kind() -> None:
    text = BitmexLedger(4).text(b"\r\n").replace(b"\r\n", b"\n", 3)
    assert audited(text).state is State.MALFORMED
    text = BitmexLedger(4).text()
    assert audited(text.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1)).state is State.MALFORMED


def test_an_endless_line_is_refused_without_being_read_as_one() -> None:
    text = b"block_height:1\n" + b"0" * 100_000
    verdict = merkle_por.audit(text, scheme="bitmex-liabilities").verdict
    assert (verdict.state, verdict.reason) == (State.MALFORMED, "bad-row")
