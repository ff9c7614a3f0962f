"""Reserves against liabilities: every vector's figures, ux.md example j to the letter, and each
rule of specs/solvency-ratio.md that no vector shows."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschemas
import pytest
import vectorfiles
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.errors import UsageError
from merkle_por.ratio import compare
from merkle_por.report.reserves_json import ratio_text
from merkle_por.report.reserves_text import percent
from merkle_por.report.solvency_text import known_ratio
from merkle_por.report.text import Page
from merkle_por.reserves.api import Balance, reserves
from merkle_por.reserves.holding import Holding, Level
from merkle_por.solvency import ratio, solvency
from merkle_por.verdict import State

ENTRIES = vectorfiles.manifest("made", "solvency")


def judged(value: dict[str, Any], **given: Any) -> Any:
    return ratio(json.dumps(value).encode(), given=given)


def file(**changes: Any) -> dict[str, Any]:
    """A file with one asset that is covered."""
    row = {"asset": "BTC", "amount": "1", "status": "own-node"}
    return {"liabilities": {"BTC": "1"}, "reserves": [row], **changes}


def rows(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"asset": "BTC", "amount": "1", "status": "own-node", **item} for item in items]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_vector(entry: vectorfiles.Entry) -> None:
    report = merkle_por.verify(*entry.files, scheme="solvency")
    document = report.to_json()
    jsonschemas.check(json.loads(json.dumps(document)))
    reason = (entry.data["reason"] or "").split(" ")[0]
    match entry.data["expect"]:
        case "valid":
            assert report.state is State.UNCONFIRMED
            checked = merkle_por.verify(*entry.files, scheme="solvency", given={"checked": True})
            claimed = "claimed" in entry.files[0].read_text()
            assert checked.state is (State.UNCONFIRMED if claimed else State.VALID)
        case _ if reason == "incomplete":
            assert report.state is State.INCOMPLETE
        case _:
            assert report.state in (State.INVALID, State.MALFORMED)
            names = {"negative-amount": "negative-balance"}
            assert report.reason == names.get(reason, reason)
    if entry.data["result"]:
        _figures(document, entry.data["result"])
        assert report.solvent is entry.data["result"]["solvent"]


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _figures(document: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = {asset["asset"]: asset for asset in document["assets"]}
    assert set(found) == set(wanted["assets"])
    for name, figures in wanted["assets"].items():
        for key, value in figures.items():
            if key == "state":
                assert found[name][key] == value
            else:
                assert _number(found[name][key]) == _number(value), (name, key)
    total = wanted["total"]
    if total is None:
        assert document["total"] is None
        return
    shown = document["total"]
    assert Decimal(shown["liabilities"]) == Decimal(total["liabilities_usd"])
    assert Decimal(shown["reserves"]) == Decimal(total["reserves_usd"])
    assert shown["prices"]["missing"] == total["unpriced"]
    for key in ("ratio", "own_token_share", "clean_share"):
        assert _number(shown[key]) == _number(total[key])


EXAMPLE = """\
UNCONFIRMED  On KuCoin's own figures all 4 assets are covered. None is proven.
  state  asset       owed (published)          held (listed)  covered  proven
  [ok]   BTC          9,751.16814126        10,306.77689497  105.69 %  0.00 %
  [ok]   ETH        145,807.39997863       168,779.12806518  115.75 %  0.00 %
  [ok]   USDC    85,712,340.19          93,416,502.74        108.98 %  0.00 %
  [ok]   USDT 1,179,019,201.63       1,338,479,001.98        113.52 %  0.00 %
         USD  2,443,794,667.05       2,704,534,963.36        110.66 %  0.00 %
  own token 0.00 % of reserves; snapshot 2025-04-30; USD line by prices.json
  limits    One asset's surplus doesn't pay another's gap. Other debts: unseen.
  next      [ ? ] liabilities: use a valid verdict   [ ? ] balances: --node
"""


def split(folder: Path, *, with_status: bool = False) -> tuple[Path, Path, Path]:
    """valid-four-assets as three files: what is owed, what is held, prices."""
    whole = json.loads(vectorfiles.file("made", "solvency", "valid-four-assets.json").read_text())
    owed, held, prices = (folder / name for name in ("kucoin.json", "list.json", "prices.json"))
    attestation = {
        "schema": "merkle-por/attestation/1",
        "exchange": "kucoin",
        "snapshot": {"time": "2025-04-30T16:00:00Z"},
        "totals": whole["liabilities"],
    }
    keep = ("asset", "amount", "status") if with_status else ("asset", "amount")
    listed = [{key: row[key] for key in keep} for row in whole["reserves"]]
    owed.write_text(json.dumps(attestation))
    held.write_text(json.dumps({"reserves": listed}))
    prices.write_text(json.dumps(whole["prices"]))
    return owed, held, prices


def test_example_j(tmp_path: Path) -> None:
    owed, held, prices = split(tmp_path)
    report = solvency([owed], [held], prices)
    assert report.page(Page()).plain() == EXAMPLE
    document = report.to_json()
    jsonschemas.check(json.loads(json.dumps(document)))
    assert document["exit"] == 4
    assert document["exchange"] == "kucoin"
    assert document["liabilities"] == [
        {
            "source": "kucoin.json",
            "kind": "attestation",
            "state": "unconfirmed",
            "time": "2025-04-30T16:00:00Z",
            "net_of_debt": None,
            "loans": {},
            "pledged": {},
        }
    ]
    (listed,) = document["reserves"]
    assert listed["levels"] == {"claimed": 4}
    assert listed["ownership"] == {"unsigned": 4}
    btc = next(asset for asset in document["assets"] if asset["asset"] == "BTC")
    assert btc["surplus"] == "555.60875371"
    assert btc["ratio"] == "1.056978"
    assert btc["kinds"] == {"native": "10306.77689497"}


def verdict_document(liabilities: dict[str, str], **changes: Any) -> bytes:
    """A document of audit --json, as far as it is read."""
    document = {
        "schema": "merkle-por/audit/1",
        "state": "valid",
        "exchange": "kucoin",
        "scheme": "any",
        "snapshot": {"id": "1", "time": "2025-04-30T16:00:00Z"},
        "root": {"value": "ab" * 32, "source": "option", "confirmed": True},
        "totals": "holds",
        "liabilities": liabilities,
        **changes,
    }
    return json.dumps(document).encode()


def test_valid_needs_a_verdict_and_levels_that_somebody_checked(tmp_path: Path) -> None:
    _, held, _ = split(tmp_path, with_status=True)
    whole = json.loads(vectorfiles.file("made", "solvency", "valid-four-assets.json").read_text())
    owed = verdict_document(whole["liabilities"])
    stated = solvency([owed], [held])
    assert stated.state is State.UNCONFIRMED
    assert "levels-stated" in {check.id for check in stated.checks}
    checked = solvency([owed], [held], checked=True)
    assert checked.state is State.VALID
    assert checked.sentence == ("All 4 assets are covered. No wallet is proven to be KuCoin's.")
    for state in ("unconfirmed", "incomplete", "invalid", "malformed"):
        weak = solvency([verdict_document(whole["liabilities"], state=state)], [held], checked=True)
        assert weak.state.value == state
        assert ("covered" in weak.sentence) is (state == "unconfirmed")
    unclaimed = verdict_document(whole["liabilities"], totals="not-claimed")
    assert solvency([unclaimed], [held], checked=True).state is State.UNCONFIRMED
    for name in ("prover-can-forge", "unsound-circuit"):
        warnings = [{"class": name, "text": "its maker can forge it"}]
        forgeable = solvency(
            [verdict_document(whole["liabilities"], warnings=warnings)], [held], checked=True
        )
        assert forgeable.state is State.UNCONFIRMED
        assert name in {warning.id for warning in forgeable.warnings}


def test_a_node_makes_a_list_valid() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-nine-columns.csv")
    report = reserves(path, balance_of=lambda row: Balance(Level.OWN_NODE, row.amount))
    owed = verdict_document({"ETH": "1", "BTC": "1"}, exchange="okx")
    result = solvency([owed], [report])
    assert result.state is State.VALID
    assert result.sentence == "All 2 assets are covered. All 2 by proven wallets."
    assert solvency([owed], [path]).state is State.UNCONFIRMED
    more = verdict_document({"ETH": "1.000000000000000001"}, exchange="okx")
    short = solvency([more], [report])
    assert short.state is State.INVALID
    assert short.sentence == "ETH is short by 0.000000000000000001."


def test_results_of_verify_are_liabilities() -> None:
    entry = next(e for e in vectorfiles.manifest("made", "bybit") if e.data["expect"] == "valid")
    verdict = merkle_por.verify(*entry.files, root=entry.data["root"])
    assert verdict.state is State.VALID
    held = [{"asset": a, "amount": "99999999"} for a in verdict.proofs[0].published]
    result = solvency([verdict], [json.dumps({"reserves": held}).encode()])
    assert result.state is State.UNCONFIRMED  # the list is a claim
    (source,) = result.liabilities
    assert (source.kind, source.state) == ("verify", State.VALID)
    assert "totals-bound" in {warning.id for warning in result.warnings}


# -- details of the rules --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", ["1e0", "+1", " 1", "1,0", "01", "1.", ".1", "", "NaN", 1, 1.5, True, "1" * 61]
)
def test_amounts_are_plain_decimals_in_quotes(amount: Any) -> None:
    assert judged(file(liabilities={"BTC": amount})).reason == "bad-amount"
    assert judged(file(reserves=rows({"amount": amount}))).reason == "bad-amount"
    assert judged(file(prices={"XYZ": amount})).reason == "bad-amount"
    entry = {"to": "BTC", "factor": amount}
    assert judged(file(map={"unused": entry})).reason == "bad-amount"


@pytest.mark.parametrize("amount", ["-1", "-0", "-0.00"])
def test_a_minus_is_negative_everywhere(amount: str) -> None:
    for changes in (
        {"liabilities": {"BTC": amount}},
        {"reserves": rows({"amount": amount})},
        {"prices": {"XYZ": amount}},
        {"map": {"x": {"to": "BTC", "factor": amount}}},
    ):
        report = judged(file(**changes))
        assert (report.state, report.reason) == (State.INVALID, "negative-balance")


def test_products_are_exact_at_any_length() -> None:
    """Two factors of 47 characters: short by 10^-90, which 80 digits don't see."""
    one = "1." + "0" * 44 + "1"  # 1 + 10^-45
    square = "1." + "0" * 44 + "2"  # (1 + 10^-45)^2 less 10^-90 is owed: covered
    value = {
        "liabilities": {"BTC": square},
        "reserves": [{"asset": "W", "amount": one}],
        "map": {"W": {"to": "BTC", "factor": one}},
    }
    report = judged(value)
    assert report.solvent is True
    assert report.to_json()["assets"][0]["surplus"] == "0." + "0" * 89 + "1"
    value["liabilities"] = {"BTC": "1." + "0" * 44 + "3"}
    assert judged(value).reason == "short"


def test_names_compare_code_point_by_code_point() -> None:
    report = judged(file(liabilities={"BTC": "1"}, reserves=rows({"asset": "btc"})))
    assert report.reason == "short"
    decomposed, composed = "e\u0301", "\u00e9"
    report = judged(file(liabilities={composed: "1"}, reserves=rows({"asset": decomposed})))
    assert report.reason == "short"


def test_repeated_addresses() -> None:
    twice = rows({"address": "0xAB"}, {"address": "0Xab"})
    assert judged(file(reserves=twice)).reason == "duplicate-address"
    assert judged(file(reserves=rows({"address": "Ab"}, {"address": "aB"}))).reason is None
    other = rows({"address": "a"}, {"address": "a", "asset": "ETH"})
    assert judged(file(reserves=other)).reason is None


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": {"to": "b", "factor": "1"}, "b": {"to": "BTC", "factor": "1"}},
        {"a": {"to": "b", "factor": "1"}, "b": {"to": "a", "factor": "1"}},
        {"a": {"to": "a", "factor": "1"}},
        {"BTC": {"to": "ETH", "factor": "1"}},
        {"a": {"to": "BTC"}},
        {"a": {"to": "BTC", "factor": "1", "kind": "good"}},
        {"a": {"to": 5, "factor": "1"}},
        {"a": {"to": "", "factor": "1"}},
        {"wBTC": {"to": "ETH"}},
    ],
)
def test_bad_maps(mapping: Any) -> None:
    report = judged(file(map=mapping))
    assert (report.state, report.reason) == (State.MALFORMED, "bad-map")


def test_listed_pairs_need_no_factor() -> None:
    held = rows({"asset": "wBTC"})
    report = judged(file(reserves=held, map={"wBTC": {"to": "BTC"}}))
    assert report.solvent is True
    assert report.to_json()["assets"][0]["kinds"] == {"wrapped": "1"}


def test_self_pegged_coins_count_nowhere() -> None:
    entry = {"to": "BTC", "factor": "1", "kind": "self-pegged"}
    held = rows({"asset": "BBTC", "amount": "5", "ownership": "proven"})
    report = judged(file(reserves=held, map={"BBTC": entry}))
    asset = report.to_json()["assets"][0]
    assert report.reason == "short"
    assert (asset["reserves"], asset["verified_ratio"]) == ("0", "0.000000")
    assert asset["kinds"] == {"self-pegged": "5"}


def test_custody_counts_but_is_never_verified() -> None:
    held = rows({"custody": "CEFFU", "ownership": "proven"})
    asset = judged(file(reserves=held)).to_json()["assets"][0]
    assert (asset["ratio"], asset["verified_ratio"]) == ("1.000000", "0.000000")
    assert asset["third_party"] == "1"


def test_failed_ownership_makes_all_of_it_invalid() -> None:
    held = rows({}, {"ownership": "failed", "amount": "9"})
    report = judged(file(reserves=held))
    assert (report.state, report.reason) == (State.INVALID, "ownership-failed")
    assert report.solvent is True  # of the figures alone
    assert report.to_json()["assets"][0]["reserves"] == "1"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"encumbered": "true"}, "bad-row"),
        ({"encumbered": 1}, "bad-row"),
        ({"encumberd": True}, "bad-keys"),
        ({"status": "sure"}, "bad-row"),
        ({"ownership": "mine"}, "bad-row"),
        ({"asset": ""}, "bad-row"),
        ({"asset": 7}, "bad-row"),
        ({"address": 7}, "bad-row"),
        ({"time": "2025-04-30 16:00"}, "bad-time"),
        ({"time": "2025-02-30T16:00:00Z"}, "bad-time"),
        ({"time": None}, "bad-time"),
    ],
)
def test_bad_rows(row: dict[str, Any], reason: str) -> None:
    report = judged(file(reserves=rows(row)))
    assert (report.state, report.reason) == (State.MALFORMED, reason)


def test_missing_amount_is_malformed_and_null_is_unknown() -> None:
    assert judged(file(reserves=[{"asset": "BTC"}])).reason == "missing-field"
    nobody_knows = {"asset": "BTC", "status": "unknown"}
    assert judged(file(reserves=[nobody_knows])).state is State.INCOMPLETE
    assert judged(file(reserves=[nobody_knows | {"amount": "1e3"}])).reason == "bad-amount"
    assert judged(file(reserves=rows({"status": "unknown"}))).state is State.INCOMPLETE
    both = rows({"amount": None}, {"asset": "ETH", "amount": "1"})
    report = judged(file(liabilities={"BTC": "1", "ETH": "2"}, reserves=both))
    assert report.state is State.INVALID  # ETH is short whatever the unknown amount is
    assert judged(file(reserves=[])).reason == "short"


@pytest.mark.parametrize(
    ("owed", "held", "gaps"),
    [
        ("00:00:00", ["01:00:00"], []),
        ("00:00:00", ["01:00:01"], ["snapshot-gap"]),
        (None, ["00:00:00", "01:00:01"], ["reserve-gap"]),
        ("00:30:00", ["00:00:00", "01:00:01"], ["reserve-gap"]),
        ("02:30:00", ["00:00:00", "01:00:01"], ["snapshot-gap", "reserve-gap"]),
        ("00:00:00", [], []),
    ],
)
def test_times_warn_and_change_no_state(owed: str | None, held: list[str], gaps: list[str]) -> None:
    stamped = rows(*({"time": f"2025-04-30T{clock}Z"} for clock in held)) or rows({})
    value = file(reserves=stamped)
    if owed is not None:
        value["liabilities_time"] = f"2025-04-30T{owed}Z"
    report = judged(value, checked=True)
    assert [w.id for w in report.warnings] == gaps
    assert report.state is State.VALID


def test_prices() -> None:
    held = rows({}, {"asset": "KCS"}, {"asset": "ETH"})
    owed = {"BTC": "1", "KCS": "1", "ETH": "1"}
    value = file(liabilities=owed, reserves=held, prices={"BTC": "0"}, own_tokens=["KCS"])
    total = judged(value).to_json()["total"]
    assert total["prices"]["missing"] == ["ETH", "KCS"]  # a price of 0 is a price
    assert (total["ratio"], total["own_token_share"], total["clean_share"]) == (None,) * 3
    value["prices"] = {"BTC": "10", "KCS": "5"}
    total = judged(value).to_json()["total"]
    assert (total["own_token_share"], total["clean_share"]) == ("0.333333", "0.666666")
    value["prices"] = {}
    assert judged(value).to_json()["total"] is None


@pytest.mark.parametrize(
    ("value", "down", "up"),
    [
        (Fraction(99996, 100000), "99.99", "100.00"),
        (Fraction(1), "100.00", "100.00"),
        (Fraction(1, 3), "33.33", "33.34"),
        (Fraction(0), "0.00", "0.00"),
        (Fraction(12345), "1,234,500.00", "1,234,500.00"),
    ],
)
def test_per_cents_round_against_the_exchange(value: Fraction, down: str, up: str) -> None:
    assert percent(value) == down
    assert percent(value, up=True) == up


def test_a_list_with_self_pegged_and_failed_rows() -> None:
    """Kinds that a list's own names tell go the same way as those of a map."""
    path = vectorfiles.file("made", "htx-por-csv", "bad-signature-flipped.csv")
    report = solvency([b'{"liabilities": {"ETH": "1"}}'], [path])
    assert report.state is State.INVALID
    assert "ownership-failed" in {check.id for check in report.checks}


def test_what_is_unknown_is_not_shown_as_zero() -> None:
    def line(*items: dict[str, Any]) -> list[str]:
        text = judged(file(reserves=rows(*items))).page(Page()).plain()
        return next(line for line in text.splitlines() if "] BTC" in line).split()

    start, end = ["[", "--", "]", "BTC", "1"], ["unknown", "0.00", "%"]
    assert line({"amount": None}) == [*start, "unknown", *end]
    assert line({"amount": None}, {"amount": "5"}) == [*start, "5", *end]
    report = judged(file(reserves=rows({"amount": None}, {"amount": "5"})))
    assert report.ratios is not None
    [asset] = report.ratios.assets
    assert (asset.ratio, known_ratio(asset)) == (5, None)  # for charts, too


def test_the_text_names_the_clean_ratio_and_what_third_parties_hold() -> None:
    entry = next(e for e in ENTRIES if e.files[0].name == "valid-wrapped-own-token.json")
    plain = merkle_por.verify(*entry.files).page(Page()).plain()
    assert "  own token 2.95 % of reserves; " in plain
    assert "  clean     covered 103.12 % without own tokens on either side\n" in plain
    assert "third party" not in plain
    held = rows({"asset": "stETH", "custody": "CEFFU"}, {"asset": "ETH", "amount": "2"})
    mapping = {"stETH": {"to": "ETH", "factor": "1", "kind": "staked"}}
    report = judged(file(liabilities={"ETH": "3"}, reserves=held, map=mapping))
    assert "  kind      held by a third party: ETH 33.34 %\n" in report.page(Page()).plain()


@pytest.mark.peer
def test_htx_list_against_typed_figures() -> None:
    path = vectorfiles.file("peer", "htx-por-csv", "huobi_por.csv")
    owed = b'{"liabilities": {"BTC": "10487.66"}, "exchange": "htx"}'
    report = solvency([owed], [path])
    btc = next(a for a in report.to_json()["assets"] if a["asset"] == "BTC")
    assert btc["reserves"] == "10487.66"  # without the 10,388.92 that HTX pegs itself
    assert btc["kinds"]["self-pegged"] == "10388.92"
    assert btc["state"] == "solvent"
    assert report.state is State.UNCONFIRMED
    assert "not counted: BTC 10,388.92 pegged by the exchange itself" in report.page(Page()).plain()


def test_one_address_in_two_lists_counts_once() -> None:
    header = "coin,network,address,balance,Height,Third party custodian name\n"
    one = (header + "BTC,BTC,bc1qsame,1,5,\n").encode()
    two = json.dumps(
        {"reserves": [{"asset": "BTC", "amount": "1", "address": "bc1qsame"}]}
    ).encode()
    report = solvency([b'{"liabilities": {"BTC": "2"}}'], [one, two])
    assert report.reason == "short"
    (overlap,) = report.double_counted
    assert (overlap.asset, overlap.address) == ("BTC", "bc1qsame")
    other = json.dumps(
        {"reserves": [{"asset": "BTC", "amount": "1", "address": "bc1qother"}]}
    ).encode()
    assert solvency([b'{"liabilities": {"BTC": "2"}}'], [one, other]).solvent is True


def test_two_sources_of_liabilities() -> None:
    held = [b'{"reserves": [{"asset": "BTC", "amount": "3"}, {"asset": "ETH", "amount": "3"}]}']
    btc, eth = b'{"liabilities": {"BTC": "1"}}', b'{"liabilities": {"ETH": "1"}}'
    assert len(solvency([btc, eth], held).ratios.in_scope) == 2
    other = b'{"liabilities": {"BTC": "2"}}'
    assert solvency([btc, other], held).reason == "source-conflict"
    names = [b'{"liabilities": {"BTC": "1"}, "exchange": "%s"}' % n for n in (b"okx", b"htx")]
    assert solvency(names, held).reason == "source-conflict"


def test_own_tokens_of_the_exchange_are_known() -> None:
    owed = b'{"liabilities": {"BTC": "1", "KCS": "1"}, "exchange": "KuCoin"}'
    held = b'{"reserves": [{"asset": "BTC", "amount": "1"}, {"asset": "KCS", "amount": "1"}]}'
    total = solvency([owed], [held], {"BTC": "3", "KCS": "1"}).to_json()["total"]
    assert total["own_token_share"] == "0.250000"
    assert total["clean_ratio"] == "1.000000"


def test_usage_and_unreadable_input() -> None:
    with pytest.raises(UsageError):
        solvency([], [b"{}"])
    assert solvency([b"{}"], [b"{}"]).state is State.MALFORMED
    assert solvency([b'{"liabilities": {}}'], [b"x"]).reason == "no-liabilities"
    owed = [b'{"liabilities": {"BTC": "1"}}']
    assert solvency(owed, [b"nonsense"]).state is State.MALFORMED
    assert solvency(owed, [b'{"reserves": []}']).reason == "no-rows"
    broken = solvency(owed, [b'{"reserves": [{"asset": "BTC", "amount": "1"}]}'], b'{"BTC": 1}')
    assert broken.reason == "bad-amount"
    for report in (broken, solvency([b"{}"], [b"{}"])):
        jsonschemas.check(json.loads(json.dumps(report.to_json())))
        assert report.page(Page()).plain()


def test_wide_figures_stack() -> None:
    huge = "9" * 59
    value = file(liabilities={"BTC": huge}, reserves=rows({"amount": huge}))
    text = judged(value).page(Page()).plain()
    assert "  [ok]   BTC\n" in text
    assert "    covered 100.00 %, proven 0.00 %\n" in text


AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=8, allow_nan=False)


@given(
    owed=st.dictionaries(st.sampled_from("ABC"), AMOUNTS, min_size=1),
    held=st.lists(st.tuples(st.sampled_from("ABCD"), AMOUNTS)),
)
def test_solvent_means_each_asset_is_covered(
    owed: dict[str, Decimal], held: list[tuple[str, Decimal]]
) -> None:
    holdings = [Holding(asset, amount) for asset, amount in held]
    found = compare(owed, holdings)
    for asset in found.in_scope:
        total = sum((Fraction(a) for name, a in held if name == asset.asset), Fraction(0))
        assert Fraction(asset.reserves) == total
        due = Fraction(owed[asset.asset])
        assert (asset.state == "solvent") is (total >= due)
        if due:
            text = ratio_text(asset.ratio)
            assert text is not None
            assert Fraction(text) <= total / due < Fraction(text) + Fraction(1, 10**6)
    assert found.solvent is all(a.state == "solvent" for a in found.in_scope)


def test_saved_document_of_reserves() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-nine-columns.csv")
    report = reserves(path, balance_of=lambda row: Balance(Level.OWN_NODE, row.amount))
    saved = json.dumps(report.to_json()).encode()
    owed = verdict_document({"ETH": "1", "BTC": "1"}, exchange="okx")
    found, direct = solvency([owed], [saved]), solvency([owed], [report])
    assert found.state is direct.state is State.VALID
    assert found.to_json()["assets"] == direct.to_json()["assets"]
    bad = json.dumps({**report.to_json(), "state": "invalid"}).encode()
    assert solvency([owed], [bad]).reason == "verdict-failed"
    for change in ({"kind": "gold"}, {"level": "sure"}, {"amount": None}, {"rows": 0}):
        document = report.to_json()
        document["holdings"][0].update(change)
        assert solvency([owed], [json.dumps(document).encode()]).state is State.MALFORMED


def test_the_file_is_named_where_something_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "typed.json"
    path.write_text('{"reserves": [{"asset": "BTC", "amount": "1e3"}]}')
    report = solvency([b'{"liabilities": {"BTC": "1"}}'], [path])
    assert report.errors[0].place == "typed.json, reserves[0].amount"
    assert report.to_json()["errors"][0]["where"] == "typed.json, reserves[0].amount"
    path.write_text('{"BTC": "1e3"}')
    held = [b'{"reserves": [{"asset": "BTC", "amount": "1"}]}']
    report = solvency([b'{"liabilities": {"BTC": "1"}}'], held, prices=path)
    assert report.errors[0].place == "typed.json, line 1, column 10"


def test_mapping_files(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    owed = [b'{"liabilities": {"BTC": "1"}}']
    held = [b'{"reserves": [{"asset": "WBTC", "amount": "2"}]}']
    assert solvency(owed, held).reason == "short"
    entry = {"WBTC": {"to": "BTC", "factor": "0.5", "kind": "wrapped"}}
    for written in (entry, {"map": entry}):
        path.write_text(json.dumps(written))
        assert solvency(owed, held, mapping=path).solvent is True
    assert solvency(owed, held, mapping=entry).solvent is True
    assert solvency(owed, held, mapping={"WBTC": {"to": "WBTC", "factor": "1"}}).reason == "bad-map"


def test_figures_too_wide_for_one_line_stand_above_each_other() -> None:
    held = rows({"asset": "HTX", "amount": "250640810380507.91"})
    held += rows({"asset": "BTC", "amount": "1.000000000000"})
    liabilities = {"HTX": "200000000000000", "BTC": "2"}
    page = judged(file(liabilities=liabilities, reserves=held)).page(Page()).plain()
    assert (
        "  state  asset  covered  proven\n"
        "  [FAIL] BTC    50.00 %  0.00 %  owed                    2\n"
        "                                 held                    1.000000000000\n"
        "  [ok]   HTX   125.32 %  0.00 %  owed  200,000,000,000,000\n"
        "                                 held  250,640,810,380,507.91\n"
    ) in page


def test_what_a_list_does_not_say_is_unknown_not_zero() -> None:
    """Bitfinex's list has labels of its own and no amounts (specs/reserve-files.md)."""
    held = b"0x742d35Cc6634C0532925a3b844Bc454e4438f44e - ETH/ERC20 cold wallet\n"
    owed = b'{"liabilities": {"ETH": "5"}, "exchange": "bitfinex"}'
    report = solvency([owed], [held])
    page = report.page(Page()).plain()
    assert "  not owed  ETH/ERC20 unknown\n" in page
    assert 'no row is named "ETH"; if "ETH/ERC20" is it, say so: --map FILE' in page
    assert [w.id for w in report.warnings] == ["not-mapped"]
