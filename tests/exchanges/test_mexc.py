"""MEXC's Merkle-sum proofs (spec mexc-merkle)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised

from merkle_por.exchanges import mexc
from merkle_por.report.text import Page
from merkle_por.report.verify_text import proof_lines
from merkle_por.verdict import Inclusion, State, Totals

LEAF = "8c288ee092d370002ff31d0f8f48eb5f"
LEVEL_1 = "b14c25fd8654714240b820bbfc70def9"
LEVEL_2 = "918e0d559883b8712b8da280c5bf01d7"

ACCEPTED_BY_MEXC = {
    "bad_duplicate_key.json": "duplicate-key",
    "bad_empty_sibling_with_balance.json": "padding-not-zero",
    "bad_inner_node_as_leaf.json": "bad-field",
    "bad_last_node_not_root_type.json": "bad-node-type",
    "bad_negative_sibling.json": "negative-balance",
    "bad_root_balance_changed.json": "sum-mismatch",
    "bad_root_balance_inflated.json": "sum-mismatch",
    "bad_self_level_1.json": "bad-height",
    "bad_sibling_same_side_as_self.json": "bad-side",
    "bad_wrong_published_root.json": "root-mismatch",
}


def worked_example() -> dict[str, Any]:
    """The official sample's leaf with two levels that have no sibling above it."""
    return {
        "pathList": [
            {"level": 1, "type": 2, "hash": "", "balances": {}},
            {"level": 2, "type": 3, "hash": LEVEL_2, "balances": {"ETH": "195462.73"}},
        ],
        "self": {
            "level": 0,
            "type": 1,
            "hash": LEAF,
            "balances": {"ETH": "195462.73"},
            "proofId": "PR-2025-01-22",
            "accountId": "1745297673",
        },
    }


def test_worked_example() -> None:
    assert mexc.leaf_hash("PR-2025-01-22", "1745297673", {"ETH": "195462.73"}) == LEAF
    verdict = judged(worked_example(), {"root": LEVEL_2})
    assert verdict.state is State.VALID
    assert [node.hash for node in verdict.nodes] == [LEAF, LEVEL_1, LEVEL_2]
    assert verdict.snapshot.id == "PR-2025-01-22"


@pytest.mark.peer
def test_official_sample() -> None:
    path, given = entry("peer", "mexc", "merkle_proof.json")
    assert judged(path, given).state is State.VALID


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_MEXC.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", "mexc", name, "mexc").reason == reason


def test_wrong_totals_leave_inclusion_standing() -> None:
    verdict = of("made", "mexc", "bad_root_balance_inflated.json")
    assert verdict.inclusion is Inclusion.HOLDS
    assert verdict.totals.value == "fails"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("type", 2, "bad-side"),  # no sibling: the leaf must be the left child
        ("proofId", LEAF, "bad-field"),
        ("proofId", "PR,1", "bad-field"),
        ("accountId", "", "bad-field"),
        ("accountId", 7, "wrong-type"),
        ("balances", {"A:B": "1"}, "bad-field"),
        ("balances", {"ETH": "-0"}, "bad-amount"),
        ("balances", {"ETH": "195462.7300"}, "leaf-hash"),
    ],
)
def test_changes_to_self(key: str, value: object, reason: str) -> None:
    file = changed(worked_example(), lambda f: f["self"].update({key: value}))
    assert judged(file, scheme="mexc").reason == reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"level": 1, "type": 1, "hash": "", "balances": {}}, "bad-side"),
        ({"level": 2, "type": 2, "hash": "", "balances": {}}, "duplicate-level"),
        ({"level": 3, "type": 2, "hash": "", "balances": {}}, "bad-height"),
        ({"level": -1, "type": 2, "hash": "", "balances": {}}, "bad-height"),
        ({"level": 1, "type": 3, "hash": "", "balances": {}}, "bad-node-type"),
        ({"level": 1, "type": 2, "hash": "", "balances": {"X": "1"}}, "padding-not-zero"),
    ],
)
def test_a_level_without_a_sibling(row: dict[str, Any], reason: str) -> None:
    file = changed(worked_example(), lambda f: f["pathList"].__setitem__(0, row))
    assert judged(file).reason == reason


def test_a_root_far_above_is_too_deep() -> None:
    file = changed(worked_example(), lambda f: f["pathList"][-1].update(level=10**9))
    assert judged(file).state is State.MALFORMED


def test_wrong_totals_under_another_root_are_not_called_included() -> None:
    path, _ = entry("made", "mexc", "bad_root_balance_inflated.json")
    own_root = json.loads(path.read_bytes())["pathList"][-1]["hash"]
    for root, inclusion in ((own_root, Inclusion.HOLDS), ("0" * 32, Inclusion.FAILS)):
        verdict = judged(path, {"root": root})
        assert verdict.reason == "sum-mismatch"
        assert verdict.inclusion is inclusion
        assert verdict.totals is Totals.FAILS


def test_wrong_totals_and_negative_amounts_are_both_shown() -> None:
    path, _ = entry("made", "mexc", "bad_negative_sibling.json")
    file = changed(
        json.loads(path.read_bytes()), lambda f: f["pathList"][-1]["balances"].update(BTC="12")
    )
    verdict = judged(file)
    assert verdict.reason == "sum-mismatch"
    page = Page(80)
    proof_lines(verdict, page)
    text = "\n".join("".join(span.text for span in line) for line in page.lines)
    assert "totals    [FAIL] the sums on the path are not the root's totals" in text
    assert "          [FAIL] negative amounts under the root (negative-balance)" in text


def test_recognises_its_own_only() -> None:
    assert recognised(worked_example()) == ["mexc"]
    assert recognised(changed(worked_example(), lambda f: f["self"].pop("proofId"))) == []


def test_changed_bytes() -> None:
    path, given = entry("made", "mexc", "ok_n5_i4.json")
    changed_bytes_never_valid(path, given)
