"""Where one command's output is another's input: nothing becomes truer by being handed on."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import vectorfiles

import merkle_por
from merkle_por import pins
from merkle_por.demo import BYBIT_ROOT, folder
from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.evidence import Input, Ran, evidence_document
from merkle_por.recheck import recheck
from merkle_por.report.save import write
from merkle_por.reserves.api import Balance, reserves
from merkle_por.reserves.holding import Level
from merkle_por.solvency import solvency
from merkle_por.verdict import State

ALICE = folder() / "alice.json"


def owed(**changes: Any) -> bytes:
    """A document of audit --json that is valid."""
    document = {
        "schema": "merkle-por/audit/1",
        "state": "valid",
        "exchange": "okx",
        "root": {"value": "ab" * 32, "source": "option", "confirmed": True},
        "totals": "holds",
        "liabilities": {"BTC": "1.5"},
        **changes,
    }
    return json.dumps(document).encode()


def held(sha256: str = "11" * 32, exchange: str | None = "okx", **changes: Any) -> bytes:
    """A document of reserves --json: one wallet with 1 BTC, asked for at an own node."""
    holding = {
        "asset": "BTC",
        "coin": "BTC",
        "network": "BTC",
        "kind": "native",
        "ownership": "proven",
        "level": "own-node",
        "amount": "1",
        "rows": 1,
        "unknown_rows": 0,
    }
    file = {"file": {"name": "list.csv", "sha256": sha256}, "exchange": exchange}
    document = {
        "schema": "merkle-por/reserves/1",
        "state": "valid",
        "files": [file],
        "ownership": {"proven": 1},
        "holdings": [holding],
        "checks": [],
        **changes,
    }
    return json.dumps(document).encode()


def test_one_saved_list_does_not_count_twice() -> None:
    assert solvency([owed()], [held()]).reason == "short"
    assert solvency([owed()], [held(), held()]).reason == "source-conflict"
    again = solvency([owed()], [held(), held(state="unconfirmed")])  # saved on another day
    assert (again.state, again.reason) == (State.INVALID, "source-conflict")


def test_saved_lists_of_one_asset_can_t_be_told_apart() -> None:
    report = solvency([owed()], [held(), held("22" * 32)])
    assert report.ratios is not None
    assert report.ratios.solvent
    assert report.state is State.INCOMPLETE
    assert "not-compared" in {check.id for check in report.checks}
    other = json.loads(held("22" * 32))
    other["holdings"][0]["asset"] = "ETH"
    both = solvency(
        [owed(liabilities={"BTC": "1", "ETH": "1"})], [held(), json.dumps(other).encode()]
    )
    assert both.state is State.VALID


def test_results_of_one_list_do_not_count_twice() -> None:
    path = vectorfiles.file("made", "okx-por-csv", "valid-nine-columns.csv")
    report = reserves(path, balance_of=lambda row: Balance(Level.OWN_NODE, row.amount))
    assert solvency([owed(liabilities={"ETH": "0.1"})], [report]).state is State.VALID
    twice = solvency([owed(liabilities={"ETH": "0.1"})], [report, report])
    assert twice.reason == "source-conflict"
    saved = json.dumps(report.to_json()).encode()
    assert solvency([owed()], [saved, path]).reason == "source-conflict"


@pytest.mark.parametrize("name", ["bybit", "Bybit"])
def test_another_exchange_s_coins_do_not_pay(name: str) -> None:
    enough = owed(liabilities={"BTC": "1"})
    assert solvency([enough], [held()]).state is State.VALID
    assert solvency([enough], [held(exchange="OKX")]).state is State.VALID
    assert solvency([enough], [held(exchange=None)]).state is State.VALID
    assert solvency([enough], [held(exchange=name)]).reason == "source-conflict"
    assert solvency([enough], [held()], exchange=name).reason == "source-conflict"


def test_a_name_that_nobody_knows_is_no_confirmation() -> None:
    report = solvency([owed(liabilities={"BTC": "1"})], [held(exchange="okx.example")])
    assert report.state is State.UNCONFIRMED
    assert "other-exchange" in {check.id for check in report.checks}


def test_what_a_saved_list_could_not_check_stays_open() -> None:
    check = {"id": "unreachable", "about": "balances", "status": "not-checked", "text": "x"}
    enough = owed(liabilities={"BTC": "1"})
    report = solvency([enough], [held(state="incomplete", checks=[check])])
    assert report.state is State.INCOMPLETE
    unsigned = {**check, "about": "ownership"}  # only leaves its row unproven
    assert solvency([enough], [held(state="incomplete", checks=[unsigned])]).state is State.VALID


def test_the_worst_of_several_proofs_is_the_state_of_their_document() -> None:
    proof = {"state": "unconfirmed", "totals": "holds", "published": {"BTC": "1"}, "root": None}
    document = {"schema": "merkle-por/verify/1", "state": "invalid"}
    two = [proof, {**proof, "state": "invalid"}]
    source = json.dumps({**document, "proofs": two}).encode()
    assert solvency([source], [held()]).state is State.INVALID
    # and where the document says otherwise of the whole than its proofs do
    source = json.dumps({**document, "state": "valid", "proofs": two}).encode()
    assert solvency([source], [held()]).state is State.INVALID


# -- a report is somebody's word -----------------------------------------------------------------


def test_saved_verdicts_in_a_report_are_the_reporter_s_word() -> None:
    sides = {"liabilities": owed(liabilities={"BTC": "1"}), "reserves": held()}
    inputs = tuple(
        Input(role, Document(f"{role}.json", content=data)) for role, data in sides.items()
    )
    result = solvency(*([item.document] for item in inputs))
    assert result.state is State.VALID
    report = json.dumps(evidence_document(Ran("solvency", inputs), result)).encode()
    again = recheck(report, *sides.values())
    assert (again.outcome, again.state) == ("same", State.UNCONFIRMED)
    assert again.unconfirmed == ("liabilities", "reserves")
    assert recheck(report, *sides.values(), given={"checked": True}).state is State.VALID


def test_a_root_that_a_report_s_own_file_proves_is_the_reporter_s_word() -> None:
    name = "04901da16f1333523beafb9565dcc81eabdee5426c2b55dbb0580836e5bcb6d9.json"
    user = vectorfiles.file("made", "okx-plonky2", f"n4cli/user_proofs/{name}")
    other = vectorfiles.file("made", "okx-plonky2", "n4cli/sum_proof_data.json")
    given: dict[str, Any] = {"global": str(other), "branchout": 4}
    document = Document.of(user)
    unknown = merkle_por.verify(document, given=given).proofs[0]
    mine = {"circuit_sha256": unknown.details["circuit"]["verifier_data_sha256"], "branchout": 4}
    given |= mine
    result = merkle_por.verify(document, given=given)
    assert result.state is State.VALID
    ran = Ran("verify", (Input("file", document),), given=given)
    report = json.dumps(evidence_document(ran, result)).encode()
    again = recheck(report, user, other, given=mine)
    assert (again.outcome, again.state) == ("same", State.UNCONFIRMED)
    assert again.unconfirmed == ("global",)
    assert recheck(report, user, given=given).state is State.VALID
    differs = recheck(report, user, other, given={**mine, "global": str(user)})
    assert (differs.outcome, differs.state) == ("differs", State.INVALID)


# -- facts of the caller ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["totals", "expect"])
def test_an_empty_comparison_is_no_comparison(name: str) -> None:
    with pytest.raises(UsageError, match="names no asset"):
        merkle_por.verify(ALICE, root=BYBIT_ROOT, given={name: {}})


def test_a_fact_of_the_global_proof_needs_it() -> None:
    path = vectorfiles.folder("made", "okx-plonky2")
    entry = next(
        e
        for e in vectorfiles.all_entries()
        if e.format == "okx-plonky2-user" and e.data["expect"] == "valid" and path == e.folder
    )
    with pytest.raises(UsageError, match="global"):
        merkle_por.verify(*entry.files, scheme=entry.format, given={"circuit_sha256": "0" * 64})


@pytest.mark.parametrize("value", ["x" * 5000, "\0", "\ud800"])
def test_what_can_t_be_a_path_is_a_usage_error(value: str) -> None:
    with pytest.raises(UsageError):
        merkle_por.verify(value)
    with pytest.raises(UsageError):
        merkle_por.verify(folder() / "customer.json", given={"audit": value})


@pytest.mark.parametrize(
    ("name", "value"), [("credential", "\ud800"), ("credential", {1: 2}), ("root", "\udfff")]
)
def test_what_no_json_could_say_is_a_usage_error(name: str, value: Any) -> None:
    given = {"audit": folder() / "audit_roots.json", name: value}
    with pytest.raises(UsageError):
        merkle_por.verify(folder() / "customer.json", given=given)


# -- what is written, and where -------------------------------------------------------------------


def test_devices_and_links_are_written_into(tmp_path: Path) -> None:
    target, link = tmp_path / "report.html", tmp_path / "link.html"
    link.symlink_to(target)
    write(link, b"page")
    assert link.is_symlink()
    assert target.read_bytes() == b"page"
    assert stat.S_IMODE(target.stat().st_mode) & 0o400
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, b"page")
    assert os.read(reader, 10) == b"page"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_holds_balances_is_for_the_owner_s_eyes(tmp_path: Path) -> None:
    write(tmp_path / "a", b"x", private=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"b\xff.json")
    path.write_bytes(ALICE.read_bytes())
    result = merkle_por.verify(path, root=BYBIT_ROOT)
    assert result.state is State.VALID
    assert result.proofs[0].file.name == "b\\xff.json"
    json.dumps(result.to_json()).encode().decode()


def test_a_pin_that_could_not_be_read_back_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    for seen in ("\udcff", "x" * 5000):
        with pytest.raises(UsageError):
            pins.add("bybit", "1", BYBIT_ROOT, name="root", seen=seen, path=file)
    assert pins.load(file) == ()


# -- exit statuses where nothing can be said ------------------------------------------------------


def status(*arguments: str, **streams: Any) -> int:
    program = f"from merkle_por.cli.main import main; main({[*arguments]!r})"
    command = [sys.executable, "-c", program]
    where = {"cwd": vectorfiles.PROJECT, "env": {**os.environ, "MERKLE_POR_HOME": "/nonexistent"}}
    return subprocess.run(
        command, stderr=subprocess.DEVNULL, check=False, **where, **streams
    ).returncode


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_is_no_verdict(more: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        assert status("verify", str(ALICE), "--root", BYBIT_ROOT, *more, stdout=full) == 74


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_closed_pipe_is_no_verdict(more: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    # Neither 0 (valid) nor 1 (invalid): nobody has read the result.
    assert status("verify", str(ALICE), "--root", BYBIT_ROOT, *more, stdout=writer) == 141
    os.close(writer)


def test_closed_streams_leave_the_exit_status() -> None:
    def close() -> None:
        for number in range(3):
            os.close(number)

    arguments = ("verify", str(ALICE), "--root", BYBIT_ROOT)
    assert status(*arguments, preexec_fn=close) == 0


# -- hostile figures and texts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"coin,network,address,balance,height,Third party custodian name\nBTC,BTC,bc1qx,1,%d,\n",
        b"coin,height,amount,address\nBTC-BTC,%d,1,bc1qx\n",
        b'{"exchange": "x", "addresses": {"bitcoin": ["bc1qx"]}, "heights": {"bitcoin": %d}}',
        b'{"reserves": [{"asset": "BTC", "amount": "1", "height": %d}]}',
    ],
)
def test_no_height_is_too_high_for_readers_of_json(data: bytes) -> None:
    good = merkle_por.verify(data % 900_000)
    assert good.state is State.UNCONFIRMED, good.sentence
    report = merkle_por.verify(data % 2**64)
    assert report.state is State.MALFORMED, report.sentence


def test_an_attestation_names_no_file_to_open() -> None:
    facts = {"schema": "merkle-por/attestation/1", "facts": {"audit": "/etc/hostname"}}
    with pytest.raises(UsageError, match="attestation names a file"):
        merkle_por.verify(folder() / "customer.json", attestation=json.dumps(facts).encode())


def test_a_text_without_an_end_takes_no_longer_than_one_with() -> None:
    data = b'{"' + b'\\"' * 3_000_000
    start = time.monotonic()
    assert merkle_por.verify(data).state is State.MALFORMED
    assert time.monotonic() - start < 10  # it took hours when each quote began a new text


def test_more_values_than_any_proof_has() -> None:
    for data in (b"[" + b"[]," * 4_000_001 + b"1]", b"[" + b"1," * 4_000_001 + b"1]"):
        result = merkle_por.verify(data)
        assert (result.state, result.proofs[0].reason) == (State.MALFORMED, "too-big")
