"""Users' files of Binance, Gate and HTX: worked examples, profiles, strictness, recognition."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from gnarksets import entries, facts, named
from helpers import changed, changed_bytes_never_valid, judged, recognised

import merkle_por
from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.exchanges._gnark_por import commitments, user
from merkle_por.exchanges._gnark_por.commitments import asset_elements, empty_root, leaf, tier_of
from merkle_por.exchanges._gnark_por.family import Assets, Profile
from merkle_por.exchanges.htx.zk import HTX
from merkle_por.hashes.poseidon_bn254 import poseidon
from merkle_por.hashes.poseidon_bn254_tables import MODULUS
from merkle_por.report.text import Page
from merkle_por.verdict import Inclusion, State, Totals

FORMATS = ("binance-zk-v1", "binance-zk-v1b", "binance-zk-v2", "binance-zk-v3", "gate-zk", "htx-zk")


def load(entry: vectorfiles.Entry) -> Any:
    return json.loads(entry.files[0].read_bytes())


# -- worked examples ----------------------------------------------------------------------------


def test_empty_trees_of_the_specs() -> None:
    flat, rows = Assets.FLAT, Assets.ROWS
    for kind, profile, root in (
        (flat, Profile(350), "0118925954da77d1a4b241fd163e4373e2265c515cfa60af7fcd28c8cb9ad58a"),
        (
            flat,
            Profile(350, 16),
            "0e85b74bfd43747cb5e18ecb067727243f2e919a91ef69d86b5a27ed74bea7c2",
        ),
        (flat, Profile(800), "037bf6d8fe5b7cbaecf7b35604b57f82173f5c8155c1c750cef00afebcd65436"),
        (rows, Profile(500), "08696bfcb563a2ee4dde9e1dbd34f68d3f4643df6e3709cdb1855c9f886240c7"),
        (
            Assets.ABSOLUTE,
            Profile(174),
            "2787c6e55c2da2a73e57628e70386add83fd42cb4da4c401269381e918944558",
        ),
        (
            Assets.ABSOLUTE,
            Profile(168),
            "08030a5616bdd248a983dd1f994f557361c742cc4adaa2618275fbc35a9bdc24",
        ),
    ):
        assert f"{empty_root(kind, profile):064x}" == root
    assert f"{leaf(flat, 0, (0, 0), {}, Profile(800)):064x}".startswith("2853aadbbd06deb5")


@pytest.mark.parametrize("format_", FORMATS)
def test_valid_files_lead_to_leaf_and_root_of_the_manifest(format_: str) -> None:
    for entry in entries(format_, "user"):
        if entry.data["expect"] != "valid":
            continue
        given = {**facts(entry), "root": entry.data["root"]}
        del given["verifying_keys"]
        verdict = merkle_por.verify(entry.files[0], given=given).proofs[0]
        assert verdict.state is State.VALID, verdict.sentence
        assert verdict.details["leaf"] == entry.data["leaf"]
        assert (verdict.inclusion, verdict.totals) == (Inclusion.HOLDS, Totals.NOT_CLAIMED)
        assert len(verdict.nodes) == 1 + 2 * 28


def test_gate_s_own_sample_of_2023_is_met_by_another_number_of_slots() -> None:
    """Without asset_counts: profiles are tried until the root matches."""
    for file, slots in (("user_config.json", 800), ("user_config_2023.json", 350)):
        verdict = judged(vectorfiles.file("peer", "gate-zk", file))
        assert (verdict.state, verdict.details["asset_slots"]) == (State.UNCONFIRMED, slots)


def test_htx_s_own_sample_has_168_slots() -> None:
    verdict = judged(vectorfiles.file("peer", "htx-zk", "user_config.json"))
    assert verdict.details["asset_slots"] == 168


def test_an_unknown_number_of_slots_is_named_as_a_possible_cause() -> None:
    """A program that has grown is no forgery: what to say is said, unless the slots were given."""
    entry = named("htx-zk", "user", "valid_1.json")
    one = user.parse(Document.of(entry.files[0]), HTX)
    grown = commitments.leaf(HTX.assets, one.account, one.values, one.assets, Profile(190))
    root = commitments.climb(grown, one.index, one.siblings, 12)[-1]
    data = changed(load(entry), lambda d: d.update(Root=f"{root:064x}"))
    alone = judged(data)
    assert (alone.state, alone.reason) == (State.INVALID, "root-inconsistent")
    assert "--given asset_counts=N" in alone.sentence
    assert judged(data, {"asset_counts": 190}).state is State.UNCONFIRMED
    named_wrongly = judged(data, {"asset_counts": 174})
    assert named_wrongly.state is State.INVALID
    assert "asset_counts" not in named_wrongly.sentence
    config = {"TotalBalance": 1, "Symbol": "btc", "Index": 189}
    listed = json.dumps({"ProofTable": "p", "ZkKeyName": "k", "CexAssetsInfo": [config]}).encode()
    shown = judged(data, {"config": listed})
    assert shown.reason != "root-inconsistent"
    assert shown.details["asset_slots"] == 190


def test_an_index_beyond_the_known_slots_says_what_to_give() -> None:
    entry = named("binance-zk-v3", "user", "valid_1.json")
    row = dict.fromkeys(("Equity", "Debt", "Loan", "Margin", "PortfolioMargin"), 0)
    data = changed(load(entry), lambda d: d.update(Assets=[{"Index": 500, **row}]))
    alone = judged(data)
    assert (alone.state, alone.reason) == (State.MALFORMED, "index-range")
    assert "--given asset_counts=N" in alone.errors[0].text
    assert judged(data, {"asset_counts": 501}).reason == "root-inconsistent"


def test_tiers_of_a_published_config_are_those_of_the_user_file() -> None:
    entry = named("binance-zk-v3", "hidden_user", "user_covered.json")
    given = {k: v for k, v in facts(entry).items() if k in ("config", "root", "asset_counts")}
    verdict = judged(entry.files[0], given)
    assert verdict.reason != "root-inconsistent"
    assert verdict.state is State.VALID


def test_binance_v1_tells_its_release_by_the_block_width() -> None:
    for format_, release in (("binance-zk-v1", "v1"), ("binance-zk-v1b", "v1b")):
        verdict = judged(named(format_, "user", "valid_1.json").files[0])
        assert verdict.version == release


# -- the leaf -----------------------------------------------------------------------------------


def test_a_short_asset_list_is_filled_with_the_smallest_unused_indexes() -> None:
    profile = Profile(8, 12, (4, 8))
    row = (1, 2, 3, 4, 5)
    elements = asset_elements(Assets.ROWS, {1: row}, profile)
    indexes = [element >> 128 for element in elements[::2]]
    assert indexes == [0, 1, 2, 3]
    assert elements[2:4] == [(1 << 128) + (1 << 64) + 2, (3 << 128) + (4 << 64) + 5]
    used = dict.fromkeys((2, 5, 6, 7), row)
    assert [e >> 128 for e in asset_elements(Assets.ROWS, used, profile)[::2]] == [2, 5, 6, 7]


def test_one_asset_more_than_a_tier_takes_the_next() -> None:
    assert [tier_of(n, (50, 500)) for n in (0, 50, 51, 500, 501)] == [50, 50, 500, 500, None]


def test_flat_slots_are_packed_in_threes() -> None:
    elements = asset_elements(Assets.FLAT, {1: (7, 9)}, Profile(2))
    assert elements == [7, 9 << 128]


def test_htx_does_not_commit_to_signs() -> None:
    """A leaf of 5 is one of -5 as well: negative balances are refused, the format warned of."""
    entry = named("htx-zk", "user", "bad_negative_balance.json")
    assert entry.data["official"] == "pass"
    assert judged(entry.files[0], scheme="htx-zk").state is State.MALFORMED
    verdict = judged(
        named("htx-zk", "user", "valid_1.json").files[0],
        {"root": named("htx-zk", "user", "valid_1.json").data["root"]},
    )
    assert verdict.state is State.VALID
    assert "unsound" in verdict.sentence
    assert "unsound-circuit" in {warning.id for warning in verdict.warnings}


# -- what official programs let through ---------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_whatever_the_official_program_passes_wrongly_is_refused(format_: str) -> None:
    passed = [
        e
        for e in entries(format_, "user")
        if e.data["expect"] != "valid" and str(e.data["official"]).startswith("pass")
    ]
    assert len(passed) >= 5
    for entry in passed:
        given = {k: v for k, v in facts(entry).items() if k != "verifying_keys"}
        state = judged(entry.files[0], given, format_).state
        assert state in (State.INVALID, State.MALFORMED), entry.name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(AccountIndex=d["AccountIndex"] + 2**28), "bad-number"),
        (lambda d: d.update(TotalEquity=-d["TotalEquity"]), "bad-number"),
        (lambda d: d.update(TotalDebt=d["TotalCollateral"] + 1), "root-inconsistent"),
        (lambda d: d["Assets"].reverse(), "asset-order"),
        (lambda d: d["Assets"].append(d["Assets"][-1]), "duplicate-asset"),
        (lambda d: d["Assets"][0].pop("Debt"), "missing-field"),
        (lambda d: d.update(assets=d.pop("Assets")), "bad-keys"),
        (lambda d: d["Proof"].pop(), "path-length"),
        (lambda d: d["Proof"].__setitem__(0, d["Proof"][0][:-1]), "bad-hash"),
        (lambda d: d.update(Root=d["Root"].upper()), "bad-hash"),
        (lambda d: d.update(AccountIdHash=f"{MODULUS:064x}"), "field-element-range"),
    ],
)
def test_refused_by_reason(change: Any, reason: str) -> None:
    valid = (e for e in entries("binance-zk-v3", "user") if e.data["expect"] == "valid")
    data = next(data for data in map(load, valid) if len(data["Assets"] or ()) > 1)
    assert judged(changed(data, change), scheme="binance-zk-v3").reason == reason


def test_base64_has_one_form() -> None:
    """The last character of a 32-byte hash has two bits to spare."""
    data = load(named("gate-zk", "user", "valid_1.json"))
    text = data["MerkleProofEncode"][0]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:-2] + alphabet[alphabet.index(text[-2]) + 1] + "="
    data["MerkleProofEncode"][0] = other
    assert judged(data).reason == "bad-hash"


def made(assets: list[dict[str, int]], **values: int) -> dict[str, Any]:
    """A Binance v3 file with a root of its own: well formed, whatever its amounts."""
    import base64

    rows = {a["Index"]: tuple(a[k] for k in a if k != "Index") for a in assets}
    totals = {"TotalEquity": 0, "TotalDebt": 0, "TotalCollateral": 0, **values}
    profile = Profile(500, 12, (50, 500))
    node = leaf(Assets.ROWS, 5, tuple(totals.values()), rows, profile)
    for _ in range(28):
        node = poseidon([node, 0])
    return {
        "AccountIndex": 0,
        "AccountIdHash": f"{5:064x}",
        **totals,
        "Assets": assets,
        "Root": f"{node:064x}",
        "Proof": [base64.b64encode(bytes(32)).decode()] * 28,
    }


def test_bounds_that_no_hash_shows() -> None:
    row = {"Index": 3, "Equity": 9, "Debt": 2, "Loan": 3, "Margin": 3, "PortfolioMargin": 3}
    assert judged(made([row], TotalEquity=9)).state is State.UNCONFIRMED
    over = {**row, "Margin": 4}
    assert judged(made([over], TotalEquity=9)).reason == "collateral-exceeds-equity"
    owing = made([row], TotalEquity=90, TotalDebt=8, TotalCollateral=7)
    assert judged(owing).reason == "debt-exceeds-equity"


def test_values_names_and_expected_amounts() -> None:
    row = {"Index": 0, "Equity": 250, "Debt": 50, "Loan": 0, "Margin": 0, "PortfolioMargin": 0}
    file = made([row], TotalEquity=500, TotalDebt=100, TotalCollateral=100)
    facts_ = {"root": file["Root"], "prices": {"0": "2"}, "symbols": {"0": "shib"}}
    good = judged(file, {**facts_, "index_range": "[0, 0]", "expect": {"SHIB": "2"}})
    assert (good.state, good.version) == (State.VALID, "v3")
    assert judged(file, {**facts_, "expect": {"SHIB": "200"}}).reason == "balance-mismatch"
    assert judged(file, {**facts_, "prices": {"0": "3"}}).reason == "value-mismatch"
    eight = judged(file, {**facts_, "two_digit_assets": ["pepe"]})
    assert eight.account is not None
    assert eight.account.balances["SHIB"].scaleb(8) == 200
    assert judged(file, {**facts_, "symbols": {"1": "btc"}}).reason == "unknown-coin"
    nameless = judged(file, {"root": file["Root"]})
    assert nameless.account is not None
    assert dict(nameless.account.balances) == {"asset 0": 200}


@pytest.mark.parametrize("file", ["valid_2.json", "bad_flipped_sibling.json"])
@pytest.mark.parametrize("symbols", [False, True])
def test_long_figures_and_hash_pairs_stay_within_80_columns(file: str, symbols: bool) -> None:
    entry = named("htx-zk", "user", file)
    root = named("htx-zk", "user", "valid_2.json").data["root"]
    result = merkle_por.verify(entry.files[0], root=root)
    text = result.page(Page(80, symbols)).plain()
    assert max(map(len, text.splitlines())) <= 80
    if result.state is State.VALID:
        assert "--given config=FILE names them" in text


def test_rows_of_nothing_in_slots_that_a_published_list_leaves_out() -> None:
    """A tier is filled up with such rows, and a list of symbols has no reserved slots."""
    row = {"Index": 0, "Equity": 2, "Debt": 0, "Loan": 0, "Margin": 0, "PortfolioMargin": 0}
    nothing = {**row, "Index": 3, "Equity": 0}
    file = made([row, nothing], TotalEquity=2)
    facts_ = {"root": file["Root"], "symbols": {"0": "shib"}, "prices": {"0": "1"}}
    good = judged(file, facts_)
    assert good.state is State.VALID, good.sentence
    assert good.account is not None
    assert set(good.account.balances) == {"SHIB"}
    owed = made([row, {**nothing, "Debt": 1}], TotalEquity=2)
    assert judged(owed, {**facts_, "root": owed["Root"]}).reason == "unknown-coin"


def test_two_assets_of_one_name_are_not_one_balance(tmp_path: Path) -> None:
    entry = named("binance-zk-v3", "hidden_user", "user_covered.json")
    given = facts(entry)
    settings = json.loads(Path(given["config"]).read_bytes())
    settings["CexAssetsInfo"][1]["Symbol"] = settings["CexAssetsInfo"][0]["Symbol"].upper()
    twice = tmp_path / "config.json"
    twice.write_text(json.dumps(settings))
    few = {**given, "config": str(twice)}
    del few["proof"], few["verifying_keys"]
    assert judged(entry.files[0], few).reason == "duplicate-asset"
    file = made([])
    with pytest.raises(UsageError):
        judged(file, {"root": file["Root"], "symbols": {"0": "btc", "1": "BTC"}})


@pytest.mark.parametrize("span", ["", "0", "0,\u00b2", "0 " + "9" * 5000, "[1, 5]", [0, "5"], {}])
def test_an_index_range_that_is_none_is_the_caller_s_mistake(span: Any) -> None:
    file = made([])
    assert judged(file, {"root": file["Root"], "index_range": "[0, 0]"}).state is State.VALID
    with pytest.raises(UsageError):
        judged(file, {"root": file["Root"], "index_range": span})


def test_own_account() -> None:
    file = made([])
    assert judged(file, {"root": file["Root"], "account": f"{5:064x}"}).state is State.VALID
    reduced = {"root": file["Root"], "account": f"{5 + MODULUS:064x}"}
    assert judged(file, reduced).state is State.VALID
    assert judged(file, {"account": f"{6:064x}"}).reason == "user-id"


def test_htx_s_user_id_is_what_the_leaf_holds() -> None:
    entry = named("htx-zk", "user", "valid_1.json")
    wanted = int(load(entry)["AccountIdHash"], 16)
    known = [str(n) for n in range(2000)]
    uid = next(
        (n for n in known if int(hashlib.sha256(n.encode()).hexdigest(), 16) % MODULUS == wanted),
        None,
    )
    assert judged(entry.files[0], {"user_id": "another"}).reason == "user-id"
    if uid is not None:
        assert judged(entry.files[0], {"user_id": uid}).state is State.UNCONFIRMED


def test_padding_accounts_are_nobody_s() -> None:
    entry = named("binance-zk-v3", "user", "valid_6.json")
    verdict = judged(entry.files[0])
    assert "padding-account" in {warning.id for warning in verdict.warnings}


# -- recognising --------------------------------------------------------------------------------


def test_neighbouring_formats_are_told_apart() -> None:
    for format_, id_ in (
        ("binance-zk-v1", "binance-zk-v1"),
        ("binance-zk-v1b", "binance-zk-v1"),
        ("binance-zk-v2", "binance-zk-v3"),
        ("gate-zk", "gate-zk"),
        ("htx-zk", "htx-zk"),
    ):
        data = load(named(format_, "user", "valid_1.json"))
        assert recognised(data) == [id_]
        assert recognised({**data, "more": 1}) == []


def test_a_file_without_assets_is_told_by_the_hash() -> None:
    import base64

    def empty(kind: Assets, profile: Profile) -> dict[str, Any]:
        node = leaf(kind, 5, (0, 0), {}, profile)
        for _ in range(28):
            node = poseidon([node, 0], profile.block)
        return {
            "AccountIndex": 0,
            "AccountIdHash": f"{5:064x}",
            "TotalEquity": 0,
            "TotalDebt": 0,
            "Assets": None,
            "Root": f"{node:064x}",
            "Proof": [base64.b64encode(bytes(32)).decode()] * 28,
        }

    for kind, profile, id_ in (
        (Assets.FLAT, Profile(350), "binance-zk-v1"),
        (Assets.FLAT, Profile(350, 16), "binance-zk-v1"),
        (Assets.ABSOLUTE, Profile(174), "htx-zk"),
        (Assets.ABSOLUTE, Profile(205), "htx-zk"),
    ):
        file = empty(kind, profile)
        assert recognised(file) == [id_]
        assert judged(file, {"root": file["Root"]}).state is State.VALID
    # HTX's program with another number of slots, which only the caller can say: not Binance's.
    file = empty(Assets.ABSOLUTE, Profile(210))
    assert judged(file, {"root": file["Root"]}).reason == "ambiguous-format"
    named_ = judged(file, {"root": file["Root"], "asset_counts": 210}, "htx-zk")
    assert named_.state is State.VALID


@pytest.mark.parametrize("format_", ["binance-zk-v1", "binance-zk-v3", "gate-zk", "htx-zk"])
def test_no_changed_byte_gives_other_content(format_: str, tmp_path: Path) -> None:
    entry = named(format_, "user", "valid_1.json")
    given = {k: v for k, v in facts(entry).items() if k != "verifying_keys"}
    given["root"] = entry.data["root"]
    changed_bytes_never_valid(entry.files[0], given, format_, max_examples=60)


def test_files_of_one_tree_agree_and_roots_of_two_are_told() -> None:
    first, second = (named("gate-zk", "user", f"valid_{n}.json") for n in (1, 2))
    both = merkle_por.verify(first.files[0], second.files[0], root=first.data["root"])
    assert both.state is State.VALID
