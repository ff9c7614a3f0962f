"""Bybit's Merkle-sum proofs, ten sets of assets (spec bybit-merkle)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised

from merkle_por.exchanges import bybit
from merkle_por.verdict import Inclusion, State

FOLDER = "bybit"
LEAF = "8446ac71620e9ac84b5bcfd6064a4e7c1628a9250e6d71b14969f78b69fecef9"
SIBLING = "d1714f927da35dd6df22e607b3d32985d373a8d195c13d1917804c1bc9c4946c"
ROOT = "cedfde9a8540a0aff351db264f854f93603e748ef5049055f992e5f277720e31"

ACCEPTED_BY_BYBIT = {
    "bad_busd_in_leaf_not_summed.json": "asset-set",
    "bad_duplicate_key.json": "duplicate-key",
    "bad_excess_precision.json": "bad-amount",
    "bad_exponent_consistent.json": "bad-amount",
    "bad_last_node_not_root_type.json": "bad-node-type",
    "bad_negative_leaf.json": "negative-balance",
    "bad_negative_sibling.json": "negative-balance",
    "bad_numbers_unquoted.json": "wrong-type",
    "bad_shifted_digit.json": "bad-amount",
    "bad_sibling_hash_is_text.json": "bad-hash",
    "bad_sibling_height_wrong.json": "bad-height",
    "bad_type4_right_sibling_consistent.json": "bad-node-type",
    "bad_unicode_digit.json": "bad-amount",
    "bad_wrong_published_root.json": "root-mismatch",
}


def worked_example() -> dict[str, Any]:
    def balance(*amounts: str) -> dict[str, str]:
        return dict(zip(("BTC", "ETH", "USDT", "USDC"), amounts, strict=True))

    return {
        "self": {
            "type": 1,
            "height": 1,
            "hash": LEAF,
            "userHash": "11" * 32,
            "balance": balance("1.00000000", "2.50000000", "10.0000", "0.0000"),
        },
        "path": [
            {
                "type": 2,
                "height": 1,
                "hash": SIBLING,
                "balance": balance("0.00000001", "0.00000000", "5.5000", "7.0000"),
            },
            {
                "type": 3,
                "height": 2,
                "hash": ROOT,
                "balance": balance("1.00000001", "2.50000000", "15.5000", "7.0000"),
            },
        ],
    }


def test_worked_example() -> None:
    verdict = judged(worked_example(), {"root": ROOT})
    assert verdict.state is State.VALID
    assert verdict.version == "4"
    assert verdict.account is not None
    assert verdict.account.balances["ETH"] == Decimal("2.5")
    assert verdict.published["USDC"] == 7
    assert [warning.id for warning in verdict.warnings] == ["maxwell"]


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_BYBIT.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", FOLDER, name, "bybit").reason == reason


@pytest.mark.parametrize("name", ["bad_negative_leaf.json", "bad_negative_sibling.json"])
def test_a_negative_amount_leaves_inclusion_standing(name: str) -> None:
    verdict = of("made", FOLDER, name)
    assert verdict.inclusion is Inclusion.HOLDS
    assert verdict.totals.value == "fails"
    assert verdict.details["negatives"]


def test_the_ten_sets_of_assets_are_distinct_and_of_the_known_sizes() -> None:
    assert [len(v.assets) for v in bybit.VERSIONS] == [4, 20, 20, 32, 40, 40, 40, 40, 40, 50]
    assert len({frozenset(v.assets) for v in bybit.VERSIONS}) == 10


def test_a_missing_asset_names_the_nearest_version() -> None:
    problem = of("made", FOLDER, "bad_missing_asset.json").errors[0]
    assert problem.text == "no Bybit version has these 49 assets"
    assert problem.hints[0] == 'nearest is version 50 (July 2026); AAVE is missing in "self"'


@pytest.mark.parametrize("field", ["auditId", "nonce"])
def test_what_no_hash_covers_may_be_absent(field: str) -> None:
    path, given = entry("made", FOLDER, "ok_v40v5_n8_i1.json")
    members = json.loads(path.read_text())
    for node in (members["self"], *members["path"]):
        node.pop(field, None)
    assert judged(members, given).state is State.VALID


def test_both_leaves_on_one_side() -> None:
    verdict = judged(changed(worked_example(), lambda f: f["self"].update(type=2)), {"root": ROOT})
    assert verdict.reason == "bad-side"


@pytest.mark.parametrize("minus_zero", ["-0.00000000", "-0.0000"])
def test_minus_zero_is_refused(minus_zero: str) -> None:
    asset = "ETH" if len(minus_zero) > 8 else "USDC"
    file = changed(worked_example(), lambda f: f["path"][0]["balance"].update({asset: minus_zero}))
    assert judged(file).reason == "bad-amount"


def test_recognises_its_own_only() -> None:
    assert recognised(worked_example()) == ["bybit"]
    assert recognised(changed(worked_example(), lambda f: f["self"].pop("userHash"))) == []
    renamed = json.dumps(worked_example()).replace('"balance"', '"balances"').encode()
    assert recognised(renamed) == []


def test_a_file_without_user_hash_gets_a_hint() -> None:
    file = changed(worked_example(), lambda f: f["self"].pop("userHash"))
    problem = judged(file).errors[0]
    assert problem.reason == "unknown-format"
    assert any("userHash" in hint for hint in problem.hints)


@pytest.mark.parametrize("name", ["ok_v4_n2_i1.json", "ok_v20_n7_i2.json"])
def test_changed_bytes(name: str) -> None:
    path, given = entry("made", FOLDER, name)
    changed_bytes_never_valid(path, given)
