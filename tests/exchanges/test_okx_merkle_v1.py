"""OKX's Merkle-sum proofs of the first generation (spec okx-merkle-v1)."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from helpers import (
    changed,
    changed_bytes_never_valid,
    entry,
    judged,
    of,
    recognised,
    wrongly_accepted,
)

from merkle_por.exchanges.okx import merkle_v1
from merkle_por.verdict import Inclusion, State

FOLDER = "okx-merkle-v1"
COINS = ("BTC", "ETH", "USDT")
NONCE, OTHER = "aa" * 32, "bb" * 32

ACCEPTED_BY_OKX = {
    "bad_dup_key.json": "duplicate-key",
    "bad_exponent.json": "bad-amount",
    "bad_extra_field.json": "bad-keys",
    "bad_height_gap.json": "bad-height",
    "bad_negative_self.json": "negative-balance",
    "bad_negative_sibling.json": "negative-balance",
    "bad_nine_decimals.json": "bad-amount",
    "bad_nonhex.json": "bad-hash",
    "bad_pad_hash.json": "padding-hash",
    "bad_pad_not_zero.json": "padding-not-zero",
    "bad_root_type.json": "bad-node-type",
    "bad_self_height.json": "bad-height",
    "bad_sibling_leaf_hash.json": "sibling-leaf-hash",
    "bad_trailing_zero.json": "bad-amount",
    "bad_wrong_root_arg.json": "root-mismatch",
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def leaf(nonce: str, amounts: dict[str, str]) -> str:
    return digest(nonce + json.dumps({c: amounts[c] for c in COINS}, separators=(",", ":")))


def of_coins(*values: str) -> dict[str, str]:
    return dict(zip(COINS, values, strict=True))


def two_users(own: dict[str, str], other: dict[str, str], sums: dict[str, str]) -> dict[str, Any]:
    """A tree of two leaves, the first one's proof; `sums` is what its maker calls their sum."""
    left, right = leaf(NONCE, own), leaf(OTHER, other)
    root = digest(left + right + "".join(sums[coin] for coin in COINS) + "2")
    return {
        "self": {"balances": own, "type": 1, "nonce": NONCE, "hash": left, "height": 1},
        "path": [
            {"balances": other, "type": 2, "nonce": OTHER, "hash": right, "height": 1},
            {"balances": sums, "type": 3, "hash": root, "height": 2},
        ],
    }


def example() -> dict[str, Any]:
    own, other = of_coins("1.5", "0", "7"), of_coins("0.50000001", "2", "0")
    return two_users(own, other, of_coins("2.00000001", "2", "7"))


def root_of(file: dict[str, Any]) -> dict[str, str]:
    return {"root": file["path"][-1]["hash"]}


@pytest.mark.peer
def test_the_official_sample() -> None:
    verdict = of("peer", FOLDER, "merkle_proof_file.json")
    assert verdict.state is State.VALID
    assert verdict.account is not None
    assert verdict.account.balances["USDT"] == Decimal("19398.33550812")
    assert verdict.published["BTC"] == Decimal("95088.55505656")
    assert [warning.id for warning in verdict.warnings] == ["maxwell"]


def test_the_worked_examples_leaf() -> None:
    nonce = "580c5e814d180153ba6d28eb61a5b60b145450884f9931822b15fd9e0f50ae22"
    amounts = of_coins("1.000069", "0.99908176", "19398.33550812")
    wanted = "461a101e9aa20e694e52cb95dae0d84d81787f532859f1385bae3f009926366c"
    assert merkle_v1.leaf_hash(nonce, amounts) == wanted


def test_two_users_without_an_audit_id() -> None:
    file = example()
    assert judged(file).state is State.UNCONFIRMED
    assert judged(file, root_of(file)).state is State.VALID


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_OKX.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", FOLDER, name, FOLDER).reason == reason


def test_each_wrongly_accepted_file_is_named_here() -> None:
    names = {
        item.data["file"]
        for item in wrongly_accepted("made", FOLDER) + _passed("made")
        if item.data["expect"] != "valid"
    }
    assert names == set(ACCEPTED_BY_OKX)


def _passed(side: str) -> list[Any]:
    import vectorfiles

    return [
        item
        for item in vectorfiles.manifest(side, FOLDER)
        if "validation passed" in str(item.data.get("official"))
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f["self"].update(type=2), "bad-side"),
        (lambda f: f["self"].update(type=3), "bad-node-type"),
        (lambda f: f["self"].update(type="1"), "wrong-type"),
        (lambda f: f["path"][0].update(type=4), "padding-not-zero"),
        (lambda f: f["path"][0].update(height=2), "bad-height"),
        (lambda f: f["path"].pop(0), "bad-height"),
        (lambda f: f["path"][1].update(nonce=OTHER), "bad-keys"),
        (lambda f: f["path"][0].update(nonce=NONCE), "sibling-leaf-hash"),
        (lambda f: f["path"][0].update(nonce=None), "wrong-type"),
        (lambda f: f["self"].update(auditId="12a"), "bad-field"),
        (lambda f: f["self"].update(hash=f["self"]["hash"].upper()), "bad-hash"),
        (lambda f: f["self"]["balances"].update(BTC="-0"), "bad-amount"),
        (lambda f: f["self"]["balances"].update(BTC="1.50"), "bad-amount"),
        (lambda f: f["self"]["balances"].update(BTC="2.5"), "leaf-hash"),
        (lambda f: f["self"]["balances"].update(USDC="0"), "bad-keys"),
        (lambda f: f["path"][1]["balances"].update(BTC="3"), "sum-mismatch"),
    ],
)
def test_changes(change: Any, reason: str) -> None:
    file = example()
    assert judged(changed(file, change), root_of(file), FOLDER).reason == reason


def test_a_neighbours_leaf_that_is_not_disclosed_is_a_warning() -> None:
    file = changed(example(), lambda f: f["path"][0].pop("nonce"))
    verdict = judged(file, root_of(file))
    assert verdict.state is State.VALID
    assert "sibling-leaf-not-disclosed" in {warning.id for warning in verdict.warnings}


def test_a_lone_users_neighbour_is_padding() -> None:
    own = of_coins("0.00000001", "0", "12345678901234567890.12345678")
    zero = of_coins("0", "0", "0")
    file = two_users(own, zero, own)
    hash_ = file["self"]["hash"]
    file["path"][0].update(type=4, hash=hash_)
    file["path"][1]["hash"] = digest(hash_ + hash_ + "".join(own.values()) + "2")
    assert judged(file, root_of(file)).state is State.VALID
    other = changed(file, lambda f: f["path"][0].update(hash="0" * 64))
    assert judged(other, root_of(file)).reason == "padding-hash"


def test_a_negative_amount_leaves_inclusion_standing() -> None:
    verdict = of("made", FOLDER, "bad_negative_sibling.json")
    assert verdict.inclusion is Inclusion.HOLDS
    assert verdict.totals.value == "fails"


def test_one_root_hash_shown_with_two_totals() -> None:
    """No separators: BTC 1, ETH 23 and BTC 12, ETH 3 hash alike. What the scheme says it can't."""
    own = of_coins("0", "1", "0")
    first = two_users(own, of_coins("1", "22", "0"), of_coins("1", "23", "0"))
    second = two_users(own, of_coins("12", "2", "0"), of_coins("12", "3", "0"))
    # The maker's own tree can't hold both leaves, but a file needn't disclose the neighbour's.
    for file in (first, second):
        file["path"][0].pop("nonce")
    second["path"][0]["hash"] = first["path"][0]["hash"]
    second["path"][1]["hash"] = first["path"][1]["hash"]
    for file in (first, second):
        assert judged(file, root_of(first)).state is State.VALID
    assert any("separators" in sentence for sentence in merkle_v1.SCHEME.assurance.cannot)


def test_recognises_its_own_only() -> None:
    file = example()
    assert recognised(file) == [FOLDER]
    for change in (
        lambda f: f["self"]["balances"].pop("BTC"),
        lambda f: f["self"]["balances"].update(USDC="0"),
        lambda f: f["self"].pop("nonce"),
        lambda f: f.update(path=[]),
    ):
        assert recognised(changed(file, change)) == []


@pytest.mark.parametrize("name", ["ok_n1_i0.json", "ok_n5_i4.json"])
def test_changed_bytes(name: str) -> None:
    path, given = entry("made", FOLDER, name)
    changed_bytes_never_valid(path, given)
