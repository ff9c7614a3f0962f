"""Bitunix' Merkle-sum proofs (spec bitunix-merkle-sum)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised

from merkle_por.exchanges import bitunix
from merkle_por.merkle.paths import sha256_hex
from merkle_por.verdict import Inclusion, State

ACCEPTED_BY_BITUNIX = {
    "bad_dupkey.json": "duplicate-key",
    "bad_height.json": "bad-height",
    "bad_left_drops_asset.json": "asset-set",
    "bad_negative_sibling.json": "negative-balance",
    "bad_root.json": "root-mismatch",
    "bad_root_total.json": "sum-mismatch",
}


def example() -> tuple[dict[str, Any], dict[str, Any]]:
    path, given = entry("made", "bitunix", "n2_u0.json")
    return json.loads(path.read_text()), given


@pytest.mark.peer
def test_worked_example() -> None:
    path, given = entry("peer", "bitunix", "merkle_tree_bitunix.json")
    verdict = judged(path, given)
    assert verdict.state is State.VALID
    assert verdict.nodes[0].hash == (
        "e9fb43c060b97249f508ba77f8a1f68310c82e95462073372a0d20de96642663"
    )
    assert verdict.scope is not None
    assert verdict.scope.levels == 18


def test_fifteen_coins() -> None:
    verdict = of("made", "bitunix", "n5_u0.json")
    assert verdict.state is State.VALID
    assert verdict.nodes[0].hash == (
        "3aff09b180e1de2f645ee9b653418fce42151efe726f4469d24d65aba380b1fc"
    )
    assert verdict.root is not None
    assert verdict.root.value == (
        "f3b230a8489a5940159595c72d03aade143aaa0e6a181776e1272ddf042343a9"
    )


@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_BITUNIX.items())
def test_the_official_program_accepts_but_we_refuse(name: str, reason: str) -> None:
    assert of("made", "bitunix", name, "bitunix").reason == reason


def test_wrong_totals_leave_inclusion_standing() -> None:
    assert of("made", "bitunix", "bad_root_total.json").inclusion is Inclusion.HOLDS


def test_a_disclosed_neighbour_is_rebuilt() -> None:
    file, given = example()
    verdict = judged(changed(file, lambda f: f["path"][0].update(nonce="0" * 64)), given)
    assert verdict.reason == "sibling-leaf-hash"


def test_an_undisclosed_neighbour_is_warned_of() -> None:
    file, given = example()
    verdict = judged(changed(file, lambda f: f["path"][0].pop("nonce")), given)
    assert verdict.state is State.VALID
    assert "sibling-leaf-not-disclosed" in {warning.id for warning in verdict.warnings}


def test_a_neighbour_with_empty_id_and_nonce_is_undisclosed() -> None:
    file, given = example()
    empty = judged(changed(file, lambda f: f["path"][0].update(nonce="", encryptUid="")), given)
    assert empty.state is State.VALID
    assert "sibling-leaf-not-disclosed" in {warning.id for warning in empty.warnings}
    half = judged(changed(file, lambda f: f["path"][0].update(nonce="")), given)
    assert half.reason == "bad-field"


@pytest.mark.parametrize("coin", ["1INCH", "币安", "é"])
@pytest.mark.parametrize("height", [1, 2])
def test_coins_of_any_script_and_roots_of_any_height(coin: str, height: int) -> None:
    leaf = bitunix.leaf_hash("uid,nonce", {coin: "1.50"})
    text = f"{leaf}{'0' * 64},{bitunix.json_text({coin: '4.00'})},{height - 1}"
    root = sha256_hex(text.encode())

    def node(kind: int, at: int, amount: str, digest: str) -> dict[str, Any]:
        return {"type": kind, "height": at, "balances": {coin: amount}, "merkleLeaf": digest}

    own = {**node(1, height, "1.50", leaf), "nonce": "nonce", "encryptUid": "uid"}
    path = [node(2, height, "2.5", "0" * 64), node(3, height - 1, "4.00", root)]
    file = {"path": path, "self": {**own, "precisions": {coin: 2}}}
    assert judged(json.dumps(file).encode(), {"root": root}).state is State.VALID


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f["self"]["precisions"].update(BTC=7), "precision"),
        (lambda f: f["self"]["precisions"].update(BTC=9), "root-inconsistent"),
        (lambda f: f["self"]["precisions"].update(BTC=10**9), "bad-number"),
        (lambda f: f["self"]["precisions"].update(BTC=-1), "bad-number"),
        (lambda f: f["self"]["precisions"].pop("BTC"), "asset-set"),
        (lambda f: f["self"].update(type=2), "bad-side"),
        (lambda f: f["self"].update(encryptUid="a,b"), "bad-field"),
        (lambda f: f["path"][0].update(height=3), "bad-height"),
        (lambda f: f["path"][0].update(type=3), "bad-node-type"),
        (lambda f: f["path"][-1].update(type=2), "bad-node-type"),
        (lambda f: f["path"][0]["balances"].update(ETH="-0.00000000"), "bad-amount"),
    ],
)
def test_changes(change: Callable[[Any], object], reason: str) -> None:
    file, given = example()
    assert judged(changed(file, change), given).reason == reason


def test_recognises_its_own_only() -> None:
    file, _ = example()
    assert recognised(file) == ["bitunix"]
    assert recognised(changed(file, lambda f: f["self"].pop("precisions"))) == []


def test_changed_bytes() -> None:
    path, given = entry("made", "bitunix", "n2_u0.json")
    changed_bytes_never_valid(path, given)
