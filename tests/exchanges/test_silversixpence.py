"""Mazars reviews of 2022 (spec plain-sha256-path, section 3)."""

from __future__ import annotations

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of

from merkle_por.documents import LIMITS, Document
from merkle_por.errors import Invalid, UsageError
from merkle_por.exchanges import silversixpence
from merkle_por.exchanges.silversixpence import Row, check_rows
from merkle_por.merkle.paths import Joined, parent
from merkle_por.verdict import About

RECORD = {
    "user_id": "18fc922081c123456eccad04cf52514942b83bb97e50b3a9f9876fa72fefd04c",
    "salt": "9713e8bd",
    "audit_id": "PR31DEC22",
    "balances": "BTC=1.0000|ETH=2.0000|USDC=3.0000|USDT=4.0000",
}
LEAF = "478cdca13278b1bdb273f9dcc671bf0e6989cd7b452332485412e2eb8cfbba46"
LEFT = "e5f039b0905c0b6c82bdd7edf6f87ac7b3e983b0124acfaaeb4ed1c05302ec1f"
RIGHT = "ff9345288cc66a29dd711784a0cf0b499ad99159bfd982d8537b12bd1449c61f"
PARENT = "917c99591ea45feb6096b83b7e265f7b3040db5a659497c42c5a02f4076fa7eb"


def test_worked_example() -> None:
    record = silversixpence.parse_record(RECORD, LIMITS)
    assert silversixpence.leaf_hashes(record.text)["single"] == LEAF
    assert parent(LEFT, RIGHT, Joined.BYTES) == PARENT


def test_a_tree_of_one_leaf_has_no_row() -> None:
    given = {"record": RECORD, "root": LEAF}
    assert judged(b"", {**given, "single_leaf": True}, scheme="silversixpence").state == "valid"
    assert judged(b"", given, scheme="silversixpence").reason == "empty-file"


def test_the_record_may_come_as_json_text() -> None:
    import json

    given = {"record": json.dumps(RECORD), "root": LEAF, "single_leaf": True}
    assert judged(b"", given, scheme="silversixpence").state == "valid"
    with pytest.raises(UsageError):
        judged(b"", {**given, "record": "{"}, scheme="silversixpence")


def test_both_depths_are_tried_and_the_match_is_named() -> None:
    verdict = of("made", "silversixpence", "n7_mode_auto.csv", "silversixpence")
    assert (verdict.state, verdict.version) == ("valid", "double")
    assert "hashed twice" in verdict.lines[About.INCLUDED]
    path, given = entry("made", "silversixpence", "n7_mode_auto.csv")
    forced = judged(path, {**given, "leaf_mode": "single"}, scheme="silversixpence")
    assert forced.reason == "leaf-hash"


def test_without_a_leaf_nothing_is_included() -> None:
    path, given = entry("made", "silversixpence", "n7_u3.csv")
    verdict = judged(path, {"root": given["root"]})
    assert (verdict.state, verdict.checks[-1].id) == ("incomplete", "leaf-not-given")


def test_inner_node_as_leaf_is_warned_of() -> None:
    verdict = of("made", "silversixpence", "n9_internal_node_as_leaf.csv", "silversixpence")
    assert "leaf-not-recomputed" in [w.id for w in verdict.warnings]
    assert verdict.account is None


def test_odd_node_is_promoted_never_duplicated() -> None:
    verdict = of("made", "silversixpence", "n33_bad_odd_duplicated.csv", "silversixpence")
    assert verdict.reason == "duplicate-sibling"


def test_negative_own_balance_is_a_warning() -> None:
    verdict = of("made", "silversixpence", "n9_u4.csv", "silversixpence")
    assert verdict.state == "valid"
    assert "negative-balance" in [w.id for w in verdict.warnings]


@pytest.mark.parametrize("pair", ["+a", "0", " a", "a\t"])
def test_hex_that_the_official_parser_reads_is_refused(pair: str) -> None:
    row = f"{PARENT},1,{LEFT[:-2]}{pair},{RIGHT}\n"
    verdict = judged(row.encode(), {"leaf": LEFT, "root": PARENT}, scheme="silversixpence")
    assert verdict.reason == "bad-hash"


def test_levels_must_rise() -> None:
    row = Row(PARENT, 1, LEFT, RIGHT)
    top = Row(parent(PARENT, LEFT, Joined.BYTES), 1, PARENT, LEFT)
    with pytest.raises(Invalid, match="bad-height"):
        check_rows([row, top], LEFT)


def test_changed_bytes() -> None:
    path, given = entry("made", "silversixpence", "n9_u4.csv")
    changed_bytes_never_valid(path, given, "silversixpence")


def test_neighbours_are_not_recognised() -> None:
    for line in (f"{PARENT},1,{LEFT}", f"{PARENT},1,{LEFT},{RIGHT},{LEFT}", "a,1,b,c", ""):
        assert not silversixpence.SCHEME.recognises(Document.of(line.encode()))
