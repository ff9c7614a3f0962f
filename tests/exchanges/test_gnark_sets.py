"""Published proof sets of Binance, Gate and HTX: every way to get a false one accepted, keys,
journals, executors, and the order of rows."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gnarksets import audited, copied, entries, facts, named, rewritten
from helpers import changed_bytes_never_valid, recognised

import merkle_por
from merkle_por.amounts import grouped
from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges._gnark_por import batches, rows
from merkle_por.exchanges._gnark_por.batches import Task
from merkle_por.exchanges._gnark_por.rows import Columns, Link
from merkle_por.execution import Execution
from merkle_por.report.text import Page
from merkle_por.verdict import CheckStatus, State, Totals, Verdict

FORMATS = ("binance-zk-v1", "binance-zk-v1b", "binance-zk-v2", "binance-zk-v3", "gate-zk", "htx-zk")
VALID = {
    "binance-zk-v1": "valid_v1_small",
    "binance-zk-v1b": "valid_v1b_small",
    "binance-zk-v2": "valid_v2_multi",
    "binance-zk-v3": "valid_v3_multi",
    "gate-zk": "valid_gate_multi",
    "htx-zk": "valid_htx_small",
}


def valid_name(format_: str) -> str:
    wanted = VALID[format_]
    found = [e.data["file"].split("/")[0] for e in entries(format_, "audit")]
    return wanted if wanted in found else next(name for name in found if name.startswith("valid"))


def failed(verdict: Verdict) -> set[str]:
    return {check.id for check in verdict.checks if check.status is CheckStatus.FAIL}


# -- what official programs let through ---------------------------------------------------------


@pytest.mark.parametrize("format_", ["binance-zk-v1", "binance-zk-v2", "gate-zk"])
def test_junk_proofs_that_the_official_v2_auditor_accepts(format_: str) -> None:
    verdict = audited(format_, "bad_all_proofs_junk")
    assert verdict.state in (State.INVALID, State.MALFORMED)
    if format_ == "binance-zk-v2":
        said = named(format_, "audit", "bad_all_proofs_junk/proof.csv").data["official"]
        assert said.startswith("pass")


def test_a_junk_last_proof_is_named_by_its_batch() -> None:
    verdict = audited("binance-zk-v2", "bad_proofs_swapped")
    assert failed(verdict) == {"proof-rejected"}
    assert verdict.totals is Totals.FAILS
    listed = verdict.details["violations"]["listed"]
    assert all(item["where"].startswith("batch ") for item in listed)
    assert verdict.details["violations"]["counts"]["proof-rejected"] == 2


@pytest.mark.parametrize("format_", ["binance-zk-v2", "binance-zk-v3", "gate-zk", "htx-zk"])
@pytest.mark.parametrize("name", ["bad_spliced_runs", "bad_batch_replayed"])
def test_spliced_or_replayed_batches(format_: str, name: str) -> None:
    names = [e.data["file"].split("/")[0] for e in entries(format_, "audit")]
    if name not in names:
        pytest.skip(f"{format_} has no {name}")
    verdict = audited(format_, name)
    assert verdict.state is State.INVALID
    assert failed(verdict) & {"chain-broken", "batch-order", "total-mismatch"}


@pytest.mark.parametrize("format_", FORMATS)
def test_whatever_the_official_program_passes_wrongly_is_refused(format_: str) -> None:
    passed = [
        e
        for e in entries(format_, "audit")
        if e.data["expect"] != "valid" and str(e.data["official"]).startswith("pass")
    ]
    assert passed
    for entry in passed:
        name = entry.data["file"].split("/")[0]
        assert audited(format_, name).state in (State.INVALID, State.MALFORMED), name


@pytest.mark.parametrize("format_", FORMATS)
def test_empty_lines_of_a_table_change_nothing(format_: str, tmp_path: Path) -> None:
    """The official readers pass over them, and exports end with them."""
    folder = copied(format_, valid_name(format_), tmp_path)
    table = folder / "proof.csv"
    lines = table.read_bytes().splitlines()
    table.write_bytes(b"\r\n".join([lines[0], b"", *lines[1:], b"", b""]))
    given = {"asset_counts": entries(format_, "audit")[0].data["args"]["asset_counts"]}
    result = merkle_por.audit(folder, given={**given, "skip_snark": True})
    assert result.state is State.UNCONFIRMED, result.sentence
    table.write_bytes(b"\n".join([*lines, b" "]))
    spaced = merkle_por.audit(folder, given={**given, "skip_snark": True})
    assert spaced.state is State.MALFORMED
    assert f"line {len(lines) + 1}" in str(spaced.to_json())


def test_hidden_user_of_v3_is_in_the_tree_but_in_no_total() -> None:
    covered, hidden = (
        named("binance-zk-v3", "hidden_user", f"user_{which}.json")
        for which in ("covered", "hidden")
    )
    verdict = merkle_por.verify(
        covered.files[0], scheme="binance-zk-v3", given=facts(covered)
    ).proofs[0]
    assert verdict.state is State.VALID
    assert verdict.totals is Totals.HOLDS  # the whole set was audited along
    other = merkle_por.verify(hidden.files[0], scheme="binance-zk-v3", given=facts(hidden)).proofs[
        0
    ]
    assert (other.state, other.reason) == (State.INVALID, "index-range")
    # The index alone is enough, without the set; and without either it is said.
    few: dict[str, Any] = {k: v for k, v in facts(hidden).items() if k in ("root", "tiers")}
    few["asset_counts"] = 8
    bare = merkle_por.verify(hidden.files[0], given={**few, "index_range": [0, 5]}).proofs[0]
    assert bare.reason == "index-range"
    blind = merkle_por.verify(hidden.files[0], given=few).proofs[0]
    assert "index-range-not-given" in {w.id for w in blind.warnings}


@pytest.mark.parametrize(
    ("format_", "name"),
    [("htx-zk", "unsound_negative_dummy"), ("binance-zk-v1", "unsound_debt_bug")],
)
def test_known_unsound_circuits_are_said_first(format_: str, name: str) -> None:
    verdict = audited(format_, name)
    assert verdict.state is State.VALID
    assert verdict.totals is Totals.BOUND
    assert verdict.sentence.startswith("Proof verified, circuit known to be unsound")
    assert "unsound-circuit" in {warning.id for warning in verdict.warnings}


def test_a_v1_set_known_to_be_later_than_the_repair_is_not_called_unsound() -> None:
    late = audited("binance-zk-v1", "valid_v1_small", snapshot_date="2023-03-01")
    assert late.state is State.VALID
    assert "unsound-circuit" not in {warning.id for warning in late.warnings}
    early = audited("binance-zk-v1", "valid_v1_small", snapshot_date="2023-02-13")
    assert "unsound-circuit" in {warning.id for warning in early.warnings}
    with pytest.raises(UsageError):
        audited("binance-zk-v1", "valid_v1_small", snapshot_date="after")


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_a_key_beside_the_proofs_is_not_confirmed(format_: str, tmp_path: Path) -> None:
    """The folder alone: recognised, every proof verifies, the key's fingerprint is asked for."""
    folder = copied(format_, valid_name(format_), tmp_path)
    slots = entries(format_, "audit")[0].data["args"]["asset_counts"]
    result = merkle_por.audit(folder, given={"asset_counts": slots})
    assert result.state is State.UNCONFIRMED, result.sentence
    prints = [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.vk")]
    assert any(digest in result.sentence for digest in prints) or format_ in (
        "htx-zk",
        "binance-zk-v1",
    )
    document = json.dumps(result.to_json())
    assert all(digest in document for digest in prints)
    assert result.verdict.totals is Totals.BOUND
    pinned = merkle_por.audit(folder, given={"asset_counts": slots, "vk_sha256": prints})
    assert pinned.state is State.VALID, pinned.sentence
    other = merkle_por.audit(folder, given={"asset_counts": slots, "vk_sha256": ["0" * 64]})
    assert (other.state, other.verdict.reason) == (State.INVALID, "key-not-pinned")


def test_a_root_does_not_make_up_for_an_unpinned_key(tmp_path: Path) -> None:
    folder = copied("binance-zk-v3", "valid_v3_multi", tmp_path)
    root = named("binance-zk-v3", "audit", "valid_v3_multi/proof.csv").data["root"]
    result = merkle_por.audit(folder, root=root, given={"asset_counts": 8})
    assert result.state is State.UNCONFIRMED
    assert result.verdict.root is not None
    assert result.verdict.root.confirmed


def test_without_a_key_nothing_is_proven(tmp_path: Path) -> None:
    folder = copied("gate-zk", "valid_gate_multi", tmp_path)
    for path in folder.glob("*.vk"):
        path.unlink()
    slots = entries("gate-zk", "audit")[0].data["args"]["asset_counts"]
    result = merkle_por.audit(folder, given={"asset_counts": slots})
    assert result.state is State.INCOMPLETE
    assert "missing-key" in {c.id for c in result.checks if c.status is CheckStatus.NOT_CHECKED}
    assert result.verdict.totals is Totals.BOUND
    skipped = merkle_por.audit(folder, given={"asset_counts": slots, "skip_snark": True})
    assert skipped.state is State.UNCONFIRMED
    rewritten(folder / "proof.csv", lambda table: table.pop())
    assert merkle_por.audit(folder, given={"asset_counts": slots}).state is State.INVALID


def test_the_setup_is_always_said_to_be_the_exchange_s_alone() -> None:
    for format_ in FORMATS:
        verdict = audited(format_, valid_name(format_))
        assert "single-party-setup" in {warning.id for warning in verdict.warnings}


# -- totals, symbols, attestations --------------------------------------------------------------


def test_totals_are_equity_less_debt_in_whole_coins() -> None:
    verdict = audited("binance-zk-v3", "valid_v3_multi")
    totals = named("binance-zk-v3", "audit", "valid_v3_multi/proof.csv").data["totals"]
    for symbol, units in totals.items():
        decimals = 2 if symbol in ("shib", "doge") else 8
        assert verdict.published[symbol.upper()].scaleb(decimals) == int(units)
    assert verdict.totals is Totals.HOLDS
    first = verdict.details["assets"][0]
    assert first["equity"] - first["debt"] == verdict.published["BTC"]
    assert set(first["collateral"]) == {"loan", "margin", "portfolio_margin"}


def test_loans_and_what_is_pledged_for_them_are_shown(tmp_path: Path) -> None:
    """In the audit's text, and in what solvency makes of the saved audit."""
    name = "valid_v3_multi"
    entry = named("binance-zk-v3", "audit", f"{name}/proof.csv")
    result = merkle_por.audit(entry.files[0], given=facts(entry))
    config = json.loads((entry.folder / name / "config.json").read_bytes())
    names = ("LoanCollateral", "MarginCollateral", "PortfolioMarginCollateral")
    first = next(a for a in config["CexAssetsInfo"] if a["Symbol"] == "btc")
    debt, pledged = (
        Decimal(n).scaleb(-8) for n in (first["TotalDebt"], sum(first[key] for key in names))
    )
    assert debt
    assert pledged
    text = result.page(Page()).plain()
    line = next(line for line in text.splitlines() if line.startswith("  loans     BTC"))
    assert f"{grouped(debt)} " in line
    assert line.endswith(f"pledged {grouped(pledged)}")
    saved, held = tmp_path / "audit.json", tmp_path / "held.json"
    saved.write_text(json.dumps(result.to_json()))
    rows = [{"asset": asset, "amount": "1"} for asset in result.to_json()["liabilities"]]
    held.write_text(json.dumps({"reserves": rows}))
    report = merkle_por.solvency([str(saved)], [str(held)])
    (source,) = report.to_json()["liabilities"]
    assert Decimal(source["loans"]["BTC"]) == debt
    assert Decimal(source["pledged"]["BTC"]) == pledged
    assert source["net_of_debt"] is True
    shown = report.page(Page()).plain()
    assert f"BTC {grouped(debt)}" in shown
    assert "  pledged   for loans: BTC" in shown


def test_published_totals_and_symbols_are_compared() -> None:
    name = "valid_v3_multi"
    verdict = audited("binance-zk-v3", name)
    symbols = verdict.details["facts"]["symbols"]
    totals = {asset: format(value, "f") for asset, value in verdict.published.items()}
    same = audited("binance-zk-v3", name, symbols=symbols, totals=totals)
    assert same.state is State.VALID
    assert "symbols-not-bound" not in {warning.id for warning in same.warnings}
    assert audited("binance-zk-v3", name, totals={"BTC": "1"}).reason == "total-mismatch"
    renamed = audited("binance-zk-v3", "ok_symbol_renamed", symbols=symbols)
    assert (renamed.state, renamed.reason) == (State.INVALID, "asset-order")


def test_a_finished_audit_confirms_a_user_s_file(tmp_path: Path) -> None:
    """What the audit hands on: root, index range, prices, as facts of an attestation."""
    folder = "hidden_user"
    entry = named("binance-zk-v3", folder, "proof.csv")
    audit = merkle_por.audit(entry.files[0], given=facts(entry)).to_json()
    assert audit["state"] == "valid"
    saved = {
        "schema": "merkle-por/attestation/1",
        "root": audit["root"]["value"],
        "totals": audit["liabilities"],
        "facts": {**audit["details"]["facts"], "tiers": [4, 8]},
    }
    path = tmp_path / "attestation.json"
    path.write_text(json.dumps(saved))
    good, bad = (entry.folder / f"user_{which}.json" for which in ("covered", "hidden"))
    confirmed = merkle_por.verify(good, attestation=path).proofs[0]
    assert confirmed.state is State.VALID, confirmed.sentence
    assert any(check.id == "value-mismatch" for check in confirmed.checks)
    assert confirmed.account is not None
    assert "BTC" in confirmed.account.balances
    assert merkle_por.verify(bad, attestation=path).proofs[0].reason == "index-range"
    saved["facts"] = {**saved["facts"], "prices": {"0": "1"}}  # type: ignore[dict-item]
    path.write_text(json.dumps(saved))
    assert merkle_por.verify(good, attestation=path).proofs[0].reason == "value-mismatch"


# -- rows, journals, executors ------------------------------------------------------------------


def test_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    folder = copied("binance-zk-v3", "valid_v3_multi", tmp_path)
    given = facts(named("binance-zk-v3", "audit", "valid_v3_multi/proof.csv"))
    rewritten(folder / "proof.csv", lambda table: table.reverse())
    assert merkle_por.audit(folder / "proof.csv", given=given).state is State.VALID


def test_a_journal_spares_the_proofs_of_the_same_set_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[bool] = []
    original = batches.run

    def counted(task: Task) -> batches.Part:
        ran.append(task.proofs)
        return original(task)

    monkeypatch.setattr(batches, "run", counted)
    journal = tmp_path / "journal"
    journal.write_text("not a note\n{}\n")
    folder = copied("binance-zk-v3", "valid_v3_multi", tmp_path)
    given = facts(named("binance-zk-v3", "audit", "valid_v3_multi/proof.csv"))

    def state() -> State:
        ran.clear()
        execution = Execution(journal=journal)
        return merkle_por.audit(folder / "proof.csv", given=given, execution=execution).state

    assert (state(), any(ran)) == (State.VALID, True)
    assert (state(), any(ran)) == (State.VALID, False)

    def swap(table: list[dict[str, str]]) -> None:
        first, second = table[0], table[1]
        first["proof_info"], second["proof_info"] = second["proof_info"], first["proof_info"]

    rewritten(folder / "proof.csv", swap)
    assert (state(), any(ran)) == (State.INVALID, True)
    assert (state(), any(ran)) == (State.INVALID, True)  # what failed was not noted


@pytest.mark.parametrize("name", [".", "none/journal", "x" * 5000])
def test_a_journal_that_can_t_be_kept_is_said_before_the_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="journal"):
        audited("gate-zk", "valid_gate_small", Execution(journal=tmp_path / name))


def test_an_executor_changes_nothing() -> None:
    for name in ("valid_v3_multi", "bad_proofs_swapped", "bad_batch_replayed"):
        alone = audited("binance-zk-v3", name)
        with ThreadPoolExecutor(2) as pool:
            together = audited("binance-zk-v3", name, Execution(executor=pool))
        assert replace(together, file=alone.file) == alone


def chain(count: int) -> tuple[bytes, list[Link]]:
    """A v3 table of `count` batches of one account, without proofs."""
    import base64

    def text(value: int) -> str:
        return base64.b64encode(value.to_bytes(32)).decode()

    header = (
        "batch_number,proof_info,cex_asset_list_commitments,account_tree_roots,"
        "batch_commitment,min_account_index,max_account_index,assets_count"
    )
    lines, links = [header], []
    for i in range(count):
        link = Link(7, 7, i, i + 1, i, i)
        links.append(link)
        states = json.dumps([text(i), text(i + 1)]).replace('"', '""')
        root = json.dumps([text(7)]).replace('"', '""')
        public = text(batches.public_input(link, 12))
        lines.append(f'{i},,"{states}","{root}",{public},{i},{i},4')
    return "\n".join(lines).encode() + b"\n", links


def parts(data: bytes) -> list[batches.Part]:
    index = rows.index(Document.of(data), lambda n: None)
    todo = batches.tasks(data, index.places, index.columns, 12, (4,), (), frozenset(), proofs=False)
    return [batches.run(task) for task in todo]


def test_parts_have_a_fixed_size_and_join_to_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "ROWS", 40)
    data, links = chain(100)
    found = parts(data)
    assert [(p.first, p.count) for p in found] == [(0, 40), (40, 40), (80, 20)]
    assert [(p.begin, p.end) for p in found] == [
        (links[a], links[b]) for a, b in ((0, 39), (40, 79), (80, 99))
    ]
    assert not any(p.problems for p in found)
    assert batches.joins(found[0].end, found[1].begin) is None
    assert batches.joins(found[0].end, found[2].begin) is not None


@pytest.mark.parametrize("number", [0, 1, 39, 40, 41, 99])
def test_a_changed_state_is_caught_at_every_place(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS", 40)
    data, _ = chain(100)
    lines = data.split(b"\n")
    cells = lines[number + 1].rsplit(b",", 2)
    lines[number + 1] = b",".join([cells[0], b"100", cells[2]])  # the last account it covers
    found = parts(b"\n".join(lines))
    broken = {problem.number for part in found for problem in part.problems}
    assert number in broken  # its public input no longer fits
    if number == 39:
        assert batches.joins(found[0].end, found[1].begin) is not None


def test_the_index_keeps_places_only() -> None:
    data, _ = chain(50)
    index = rows.index(Document.of(data), lambda n: None)
    assert len(index.places) == 50
    assert isinstance(index.columns, Columns)
    assert index.columns.ranged
    lines = data.split(b"\n")
    for broken in (
        [*lines[:3], lines[2], *lines[4:]],  # batch 1 twice
        [lines[0], *lines[2:]],  # batch 0 absent
        [lines[0]],  # no batch
        [lines[0].replace(b"batch_commitment", b"commitment"), *lines[1:]],
        [lines[0], lines[1] + b",1", *lines[2:]],
        [lines[0], b"-" + lines[1], *lines[2:]],
        [lines[0], b"00" + lines[1][1:], *lines[2:]],
        [lines[0], b'"' + lines[1], *lines[2:]],
        [b"\xef\xbb\xbf" + lines[0], *lines[1:]],
        [lines[0], lines[1].replace(b",", b"\r,", 1), *lines[2:]],
    ):
        with pytest.raises(Malformed):
            rows.index(Document.of(b"\n".join(broken)), lambda n: None)


# -- recognising --------------------------------------------------------------------------------


def test_tables_without_a_config_are_nobody_s_or_the_one_that_has_such_columns() -> None:
    for format_, answers in (
        ("binance-zk-v1", {"binance-zk-v1", "gate-zk", "htx-zk"}),
        ("binance-zk-v3", {"binance-zk-v3"}),
        ("binance-zk-v2", {"binance-zk-v3"}),
        ("htx-zk", {"htx-zk"}),
    ):
        entry = named(format_, "audit", f"{valid_name(format_)}/proof.csv")
        assert set(recognised(entry.files[0].read_bytes())) == answers
    entry = named("gate-zk", "audit", "valid_gate_multi/proof.csv")
    ambiguous = merkle_por.verify(entry.files[0].read_bytes())
    assert ambiguous.proofs[0].reason == "ambiguous-format"


@pytest.mark.parametrize("format_", ["binance-zk-v1", "gate-zk"])
def test_column_names_in_camel_case_are_htx_s_alone(format_: str, tmp_path: Path) -> None:
    folder = copied(format_, valid_name(format_), tmp_path)
    table = folder / "proof.csv"
    lines = table.read_text().splitlines(keepends=True)
    camel = {snake: name for name, snake in rows.CAMEL.items()}
    for snake, name in camel.items():
        lines[0] = lines[0].replace(snake, name)
    table.write_text("".join(lines))
    given = facts(named(format_, "audit", f"{valid_name(format_)}/proof.csv"))
    verdict = merkle_por.audit(table, scheme=format_, given=given).verdict
    assert (verdict.state, verdict.reason) == (State.MALFORMED, "bad-keys")


def test_reserved_slots_need_no_name_in_a_published_list(tmp_path: Path) -> None:
    format_, name = "binance-zk-v3", "valid_v3_multi"
    folder = copied(format_, name, tmp_path)
    settings = json.loads((folder / "config.json").read_bytes())
    assets = settings["CexAssetsInfo"]
    symbols = {str(asset["Index"]): asset["Symbol"] for asset in assets}
    unused = [{"BoundaryValue": 1 << 118, "Ratio": 0, "PrecomputedValue": 0}] * 12
    zeros = {key: unused if "Ratios" in key else 0 for key in assets[0]}
    assets += [{**zeros, "Symbol": "reserved", "Index": len(assets) + i} for i in range(2)]
    (folder / "config.json").write_text(json.dumps(settings))
    config = str(folder / "config.json")
    verdict = audited(format_, name, config=config, symbols=symbols)
    assert verdict.state is State.VALID, verdict.sentence
    assert "RESERVED" not in verdict.published


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Ratio": 101}, "bad-number"),
        ({"Ratio": -1}, "bad-number"),
        ({"Ratio": True}, "wrong-type"),
        ({"Ratio": "90"}, "wrong-type"),
        ({"BoundaryValue": (1 << 118) + 1}, "bad-number"),
        ({"BoundaryValue": -1}, "bad-number"),
        ({"PrecomputedValue": -1}, "bad-number"),
        ({"PrecomputedValue": 1}, "tier-value"),
        ({"Note": 0}, "bad-keys"),
        ({"Ratio": None}, "missing-field"),
        (None, "wrong-type"),
    ],
)
def test_what_may_stand_in_a_tier_of_collateral(
    change: dict[str, Any] | None, reason: str, tmp_path: Path
) -> None:
    format_, name = "binance-zk-v3", "valid_v3_multi"
    folder = copied(format_, name, tmp_path)
    settings = json.loads((folder / "config.json").read_bytes())
    tiers = settings["CexAssetsInfo"][1]["MarginRatios"]
    tiers[5] = None if change is None else tiers[5] | change
    if reason == "missing-field":
        del tiers[5]["Ratio"]
    (folder / "config.json").write_text(json.dumps(settings))
    verdict = audited(format_, name, config=str(folder / "config.json"))
    assert verdict.state is (State.INVALID if reason == "tier-value" else State.MALFORMED)
    assert verdict.reason == reason
    failed_ones = (c for c in verdict.checks if c.status is CheckStatus.FAIL)
    problem = next(iter((*verdict.errors, *failed_ones)))
    assert (problem.where or "").startswith("CexAssetsInfo[1].MarginRatios[5]")


def test_the_one_key_of_the_one_tier_may_have_any_name() -> None:
    entry = named("binance-zk-v3", "audit", "valid_v3_onetier/proof.csv")
    (key,) = facts(entry)["verifying_keys"].values()
    for keys in ({"0": key}, {"zkpor": key}, key, [key]):
        assert audited("binance-zk-v3", "valid_v3_onetier", verifying_keys=keys).state is (
            State.VALID
        )
    with pytest.raises(UsageError):
        audited("gate-zk", "valid_gate_small", verifying_keys={"0": key, "864": key})


def test_wrong_facts_are_the_caller_s_mistakes() -> None:
    for wrong in (
        {"vk_sha256": ["12"]},
        {"vk_sha256": []},
        {"verifying_keys": {"five": "x.vk"}},
        {"verifying_keys": {"4": None}},
        {"verifying_keys": "9" * 5000},
        {"tiers": [0]},
        {"asset_counts": 0},
        {"symbols": {"x": "btc"}},
        {"prices": {"0": "-1"}},
        {"two_digit_assets": [1]},
    ):
        if set(wrong) == {"prices"}:
            continue  # asked for by a user's file only
        with pytest.raises(UsageError):
            audited("binance-zk-v3", "valid_v3_multi", **wrong)


@pytest.mark.parametrize("format_", ["binance-zk-v3", "gate-zk"])
def test_no_changed_byte_of_a_table_gives_other_content(format_: str) -> None:
    entry = named(format_, "audit", f"{valid_name(format_)}/proof.csv")
    changed_bytes_never_valid(entry.files[0], facts(entry), format_, max_examples=40)


@pytest.mark.parametrize("format_", ["binance-zk-v3", "htx-zk"])
def test_no_changed_byte_of_a_config_gives_other_totals(format_: str, tmp_path: Path) -> None:
    """A config's names are in no hash; its amounts, prices and tiers are."""
    folder = copied(format_, valid_name(format_), tmp_path)
    entry = named(format_, "audit", f"{valid_name(format_)}/proof.csv")
    given = facts(entry, config=str(folder / "config.json"))
    original = (folder / "config.json").read_bytes()
    wanted = merkle_por.audit(folder / "proof.csv", scheme=format_, given=given).verdict
    assert wanted.state is State.VALID
    digits = [i for i, byte in enumerate(original) if chr(byte).isdigit()]
    for place in digits[:: max(1, len(digits) // 25)]:
        byte = ord("1") if original[place] != ord("1") else ord("2")
        data = original[:place] + bytes([byte]) + original[place + 1 :]
        (folder / "config.json").write_bytes(data)
        state = merkle_por.audit(folder / "proof.csv", scheme=format_, given=given).state
        assert state in (State.INVALID, State.MALFORMED), original[place - 40 : place + 5]
