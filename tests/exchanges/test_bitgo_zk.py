"""BitGo's proof of one account: keys in the user's own file, three levels, MiMC."""

from __future__ import annotations

import json
from typing import Any

import pytest
import vectorfiles
from helpers import (
    changed,
    changed_bytes_never_valid,
    entry,
    judged,
    of,
    recognised,
    wrongly_accepted,
)

import merkle_por
from merkle_por.amounts import EXACT
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges.bitgo import ASSETS, leaf_of, wallet_number
from merkle_por.hashes.mimc_bn254 import mimc
from merkle_por.report.text import Page
from merkle_por.verdict import State, Totals

FORGED = ("bad_forged_vk_half_total.json", "bad_forged_vk_zero_total.json")


def valid() -> tuple[Any, dict[str, Any]]:
    path, given = entry("made", "bitgo-zk", "valid_2.json")
    return json.loads(path.read_bytes()), given


def test_a_valid_file_under_pinned_keys() -> None:
    verdict = of("made", "bitgo-zk", "valid_2.json")
    assert (verdict.state, verdict.totals) == (State.VALID, Totals.HOLDS)
    manifest = next(
        e.data for e in vectorfiles.manifest("made", "bitgo-zk") if e.data["file"] == "valid_2.json"
    )
    assert verdict.root is not None
    assert verdict.root.value == manifest["root"]
    assert verdict.details["leaf"] == manifest["leaf"]
    assert verdict.account is not None
    for asset, decimals in ASSETS.items():
        own, total = verdict.account.balances[asset], verdict.published[asset]
        assert EXACT.scaleb(own, decimals) == int(manifest["balances"].get(asset, 0))
        assert EXACT.scaleb(total, decimals) == int(manifest["totals"].get(asset, 0))
    warned = {warning.id for warning in verdict.warnings}
    assert {"single-party-setup", "root-not-given"} <= warned


@pytest.mark.parametrize("file", FORGED)
def test_a_forged_key_in_the_user_s_own_file(file: str) -> None:
    """The official program says "User verification succeeded!"."""
    path, given = entry("made", "bitgo-zk", file)
    assert judged(path, given).reason == "key-not-pinned"
    unpinned = judged(path)
    if file == FORGED[1]:  # a total of zero is below the account's own balance
        assert (unpinned.state, unpinned.reason) == (State.INVALID, "exceeds-total")
        return
    assert (unpinned.state, unpinned.totals) == (State.UNCONFIRMED, Totals.BOUND)
    for digest in unpinned.details["verifying_keys"].values():
        assert digest in unpinned.sentence
    # A root from outside does not make the file's own keys good.
    root = unpinned.root.value if unpinned.root else None
    assert judged(path, {"root": root}).state is State.UNCONFIRMED


@pytest.mark.parametrize("symbols", [False, True])
def test_hashes_of_keys_are_whole_and_within_80_columns(symbols: bool) -> None:
    path, _ = entry("made", "bitgo-zk", FORGED[0])
    result = merkle_por.verify(path)
    lines = result.page(Page(80, symbols)).plain().splitlines()
    assert max(map(len, lines)) <= 80
    for digest in result.proofs[0].details["verifying_keys"].values():
        assert any(line.strip() == digest for line in lines)


def test_whatever_the_official_program_accepts_wrongly_is_refused() -> None:
    found = wrongly_accepted("made", "bitgo-zk")
    assert len(found) >= 8
    for item in found:
        verdict = judged(item.files[0], item.data["args"], "bitgo-zk")
        assert verdict.state in (State.INVALID, State.MALFORMED), item.name


def test_published_root_and_totals_are_compared() -> None:
    data, given = valid()
    assert judged(data, {**given, "root": "1" * 64}).reason == "root-mismatch"
    assert judged(data, {**given, "totals": {"BTC": "1"}}).reason == "total-mismatch"
    same = judged(data, {**given, "totals": {"BTC": "791999030931.01831373"}})
    assert same.state is State.VALID
    assert "root-not-given" not in {warning.id for warning in same.warnings}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["AccountInfo"]["Balance"][3].update(Amount="2"), "root-inconsistent"),
        (lambda d: d["AccountInfo"]["Balance"][3].update(Amount="01"), "bad-amount"),
        (lambda d: d["AccountInfo"]["Balance"][3].update(Amount=str(2**128)), "bad-amount"),
        (lambda d: d["AccountInfo"]["Balance"][3].update(Amount=1), "wrong-type"),
        (lambda d: d["AccountInfo"]["Balance"][3].update(Asset="XBT"), "asset-order"),
        (lambda d: d["AccountInfo"]["Balance"].pop(), "bad-length"),
        (lambda d: d["AccountInfo"].update(WalletId="a_1"), "bad-field"),
        (lambda d: d["ProofInfo"].update(UserMerklePosition=1024), "bad-number"),
        (lambda d: d["ProofInfo"]["MiddleProof"].update(MerklePosition=1), "root-inconsistent"),
        (lambda d: d["ProofInfo"]["TopProof"]["AssetSum"][3].update(Amount="1"), "sum-mismatch"),
        (lambda d: d["ProofInfo"]["TopProof"].pop("AssetSum"), "missing-field"),
        (
            lambda d: d["ProofInfo"]["TopProof"].update(
                Proof=d["ProofInfo"]["MiddleProof"]["Proof"]
            ),
            "proof-rejected",
        ),
    ],
)
def test_refused_by_reason(change: Any, reason: str) -> None:
    data, given = valid()
    assert judged(changed(data, change), given).reason == reason


def test_wallet_numbers() -> None:
    assert wallet_number("z-1") == wallet_number("Z1") == 35 * 36 + 1
    for wrong in ("", "-", "a b", "1_000", "\u0661", "z" * 49):
        with pytest.raises(Malformed):
            wallet_number(wrong)


def test_wallet_number_0_is_no_element() -> None:
    assert leaf_of(0, [1, 2]) == mimc([mimc([1, 2])])
    assert leaf_of(3, [1, 2]) == mimc([3, mimc([1, 2])])


def test_another_list_of_assets_is_a_fact() -> None:
    data, given = valid()
    names = list(ASSETS)
    same = judged(data, {**given, "assets": names})
    assert same.state is State.VALID
    assert judged(data, {**given, "assets": names[:-1]}).reason == "bad-length"
    with pytest.raises(UsageError):
        judged(data, {**given, "assets": ["BTC", "BTC"]})


def test_recognised_by_its_two_members() -> None:
    data, _ = valid()
    assert recognised(data) == ["bitgo-zk"]
    assert recognised({**data, "more": 1}) == []


def test_two_customers_files_agree() -> None:
    (first, given), (second, _) = (entry("made", "bitgo-zk", f"valid_{n}.json") for n in (1, 2))
    both = merkle_por.verify(first, second, given=given)
    assert both.state is State.VALID, both.sentence


def test_no_changed_byte_gives_other_content() -> None:
    path, given = entry("made", "bitgo-zk", "valid_2.json")
    changed_bytes_never_valid(path, given, "bitgo-zk", max_examples=60)
