"""CoinEx' Merkle-sum proofs under both rules for absent siblings (spec coinex-merkle)."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised

from merkle_por.verdict import Inclusion, State

NONCE = "79b0319c0003e6b5f149525a6677f1bcb7851e9bd7bf05c7089576d38dd95efa"
LEAF = "e94638c05f2e20de9201319f121917955525b52f940b27777ed061d0d0f0dd0d"
SINGLE = "c16acd54db0b686defb09a89f199a7f265c1be8a912763eb775972e186a3ce7a"
DOUBLE = "3dbf2bd243ec3e198a43cdaa998bc162ab09238b06221d2f153ad668ec10a4fc"

ACCEPTED_BY_COINEX = {
    "bad_duplicate_key.json": "duplicate-key",
    "bad_exponent_consistent.json": "bad-amount",
    "bad_inner_node_as_leaf.json": "bad-hash",
    "bad_negative_sibling.json": "negative-balance",
    "bad_number_consistent.json": "wrong-type",
    "bad_pos_unknown.json": "bad-side",
    "bad_short_nonce.json": "bad-hash",
    "bad_wrong_published_root.json": "root-mismatch",
}


def lone_user(root: str) -> dict[str, Any]:
    return {
        "root": {"balances": {"USDT": "374.250573"}, "hash": root},
        "self": {"balances": {"USDT": "374.250573"}, "nonce": NONCE},
        "path": [{}],
    }


@pytest.mark.parametrize(("rule", "root"), [("single", SINGLE), ("double", DOUBLE)])
def test_worked_example(rule: str, root: str) -> None:
    verdict = judged(lone_user(root), {"root": root})
    assert verdict.state is State.VALID
    assert verdict.version == rule
    assert verdict.nodes[0].hash == LEAF


@pytest.mark.peer
def test_the_official_sample_which_the_official_program_refuses() -> None:
    path, given = entry("peer", "coinex", "merkle_proof_file.json")
    verdict = judged(path, given)
    assert verdict.state is State.VALID
    assert verdict.version == "single"


def test_one_rule_for_the_whole_path() -> None:
    """single at one level and double at the next fits neither rule."""
    from merkle_por.merkle.paths import sha256_hex

    text = '{"USDT":"374.250573"}'
    mixed = lone_user(sha256_hex((SINGLE + SINGLE + text).encode()))
    mixed["path"].append({})
    assert judged(mixed).reason == "root-inconsistent"
    same = lone_user(sha256_hex((DOUBLE + DOUBLE + text).encode()))
    same["path"].append({})
    assert judged(same).version == "double"


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_COINEX.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", "coinex", name, "coinex").reason == reason


def test_a_negative_amount_leaves_inclusion_standing() -> None:
    assert of("made", "coinex", "bad_negative_sibling.json").inclusion is Inclusion.HOLDS


def test_the_nonce_is_never_shown() -> None:
    verdict = judged(lone_user(SINGLE), {"root": SINGLE})
    assert NONCE not in str(verdict.to_json(path=True))


@pytest.mark.parametrize("coin", ["A<B", "A&B", 'A"B', "A\\B", "Ä", ""])
def test_coins_that_go_would_escape_are_refused(coin: str) -> None:
    file = changed(lone_user(SINGLE), lambda f: f["self"]["balances"].update({coin: "1"}))
    assert judged(file).reason == "bad-field"


@pytest.mark.parametrize("key", ["Nonce", "NONCE", "balanceſ"])
def test_a_key_that_go_takes_for_a_known_one_is_refused(key: str) -> None:
    file = changed(lone_user(SINGLE), lambda f: f["self"].update({key: "x"}))
    assert judged(file).reason == "duplicate-key"


def test_other_unknown_keys_are_ignored() -> None:
    file = changed(lone_user(SINGLE), lambda f: f["self"].update(note="x"))
    assert judged(file, {"root": SINGLE}).state is State.VALID


def test_an_incomplete_step_is_refused() -> None:
    file = changed(lone_user(SINGLE), lambda f: f["path"].__setitem__(0, {"pos": "left"}))
    assert judged(file).reason == "missing-field"


def test_a_listed_zero_at_the_root_must_be_listed_below() -> None:
    file = changed(lone_user(SINGLE), lambda f: f["root"]["balances"].update(BTC="0"))
    assert judged(file).reason == "sum-mismatch"


def test_recognises_its_own_only() -> None:
    assert recognised(lone_user(SINGLE)) == ["coinex"]
    assert recognised(changed(lone_user(SINGLE), lambda f: f["self"].update(hash=LEAF))) == []
    assert recognised(changed(lone_user(SINGLE), lambda f: f.pop("root"))) == []


@pytest.mark.parametrize("name", ["ok_single_n5_i4.json", "ok_double_n3_i1.json"])
def test_changed_bytes(name: str) -> None:
    path, given = entry("made", "coinex", name)
    changed_bytes_never_valid(path, given)
