"""HTX' plain Merkle-sum proofs (spec htx-merkle-sum)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised

from merkle_por.verdict import Inclusion, State

FOLDER = SCHEME = "htx-merkle-sum"

ACCEPTED_BY_HTX = {
    "b_bad_coin_order.json": "asset-set",
    "b_bad_duplicate_key.json": "duplicate-key",
    "b_bad_negative_sibling.json": "negative-balance",
    "b_bad_published_root.json": "root-mismatch",
    "b_bad_side_value.json": "bad-number",
    "bad_negative_sibling.json": "negative-balance",
    "bad_precision.json": "bad-amount",
    "bad_root.json": "root-mismatch",
    "bad_root_extra_asset.json": "asset-set",
    "bad_side_conflict.json": "bad-side",
}


def example() -> dict[str, Any]:
    """The spec's worked example, b_valid_1.json."""
    path, _ = entry("made", FOLDER, "b_valid_1.json")
    members: dict[str, Any] = json.loads(path.read_text())
    return members


def test_worked_example() -> None:
    file = example()
    verdict = judged(file, {"root": file["data"][0]["hash"]})
    assert verdict.state is State.VALID
    assert verdict.scope is not None
    assert (verdict.scope.leaf, verdict.scope.own_balance) == ("given", "not-bound")
    assert {w.id for w in verdict.warnings} == {
        "leaf-preimage-unpublished",
        "totals-not-separated",
        "maxwell",
    }


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_HTX.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", FOLDER, name, SCHEME).reason == reason


@pytest.mark.parametrize(
    "name", ["own_balance_not_bound.json", "b_ok_shifted_between_self_and_sibling.json"]
)
def test_amounts_moved_between_self_and_neighbour_can_only_be_warned_of(name: str) -> None:
    verdict = of("made", FOLDER, name)
    assert verdict.inclusion is Inclusion.HOLDS
    assert "leaf-preimage-unpublished" in {warning.id for warning in verdict.warnings}


def test_one_root_with_two_totals_is_told_apart_by_the_published_totals() -> None:
    (a, given), (b, other) = (entry("made", FOLDER, f"resplit_{x}.json") for x in "ab")
    assert given["root"] == other["root"]
    first, second = judged(a, given), judged(b, other)
    assert first.state is second.state is State.VALID
    assert first.published != second.published
    totals = {coin: str(value) for coin, value in first.published.items()}
    with_totals = judged(a, {**given, "totals": totals})
    assert with_totals.state is State.VALID
    assert "totals-not-separated" not in {warning.id for warning in with_totals.warnings}
    assert judged(b, {**given, "totals": totals}).reason == "total-mismatch"


@pytest.mark.parametrize(
    ("balances", "reason"),
    [
        ("", "bad-field"),
        ("btc", "bad-field"),
        ("btc:1:2", "bad-amount"),
        ("btc:1,btc:2", "duplicate-asset"),
        ("btc:-0", "bad-amount"),
        ("btc:0.000000001", "bad-amount"),
        ("btc: 1", "bad-amount"),
        ("btc:1", "asset-set"),
    ],
)
def test_balances_are_read_strictly(balances: str, reason: str) -> None:
    file = changed(example(), lambda f: f["data"][1].update(balances=balances))
    assert judged(file).reason == reason


def test_a_root_total_of_the_same_value_but_another_text_is_refused() -> None:
    file = changed(
        example(),
        lambda f: f["data"][0].update(
            balances=f["data"][0]["balances"].replace("eth:906", "eth:906.0")
        ),
    )
    assert judged(file).reason == "sum-mismatch"


@pytest.mark.parametrize("change", [{"type": "?"}, {"depth": 99}, {"uhash": ""}])
def test_what_binds_nothing_is_not_judged(change: dict[str, object]) -> None:
    file = changed(example(), lambda f: f["data"][2].update(change))
    assert judged(file, {"root": file["data"][0]["hash"]}).state is State.VALID


def test_recognises_its_own_only() -> None:
    assert recognised(example()) == [SCHEME]
    assert SCHEME not in recognised(changed(example(), lambda f: f.update(more=1)))
    assert SCHEME not in recognised(changed(example(), lambda f: f["data"][0].pop("uhash")))


def test_changed_bytes() -> None:
    """Only a change that keeps the pair's sum can pass; one byte can't do that."""
    path, given = entry("made", FOLDER, "n7_u0.json")
    changed_bytes_never_valid(path, given)
