"""`merkle-por audit` as a process: texts, statuses, signals; and the same answer as `verify`."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import jsonschemas
import pytest
import vectorfiles
from ledgers import BitmexLedger

import merkle_por
from merkle_por.verdict import State

RUN = [sys.executable, "-c", "from merkle_por.cli.main import main; main()", "audit"]
LEDGER = BitmexLedger(256)

WHOLE_FILES = ("maxwell-complete", "cakedefi", "easy-audit", "leaf-list", "bitfinex-antani")


def run(*arguments: str | Path, status: int) -> str:
    done = subprocess.run(
        [*RUN, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "entry",
    [e for e in vectorfiles.all_entries() if e.format in WHOLE_FILES],
    ids=lambda entry: entry.name,
)
def test_schemes_that_read_whole_files_say_the_same_in_an_audit(entry: vectorfiles.Entry) -> None:
    given = {
        name: str(entry.folder / value) if name in ("assets", "keys_file") else value
        for name, value in (entry.data.get("args") or {}).items()
    }
    if len(entry.files) > 1:
        pytest.skip("several files are verified together, not audited")
    verified = merkle_por.verify(entry.files[0], scheme=entry.format, given=given)
    audited = merkle_por.audit(entry.files[0], scheme=entry.format, given=given)
    assert audited.verdict == verified.proofs[0]
    jsonschemas.check(json.loads(json.dumps(audited.to_json())))


def test_the_text_of_a_ledger_that_hides() -> None:
    path = vectorfiles.file("made", "bitmex-liabilities", "bad_hidden_liabilities_subtree.csv")
    assert run(path, status=1) == (
        "INVALID  The ledger hides 2,857.06746116 BTC of liabilities (sum-mismatch).\n"
        "  [FAIL]    node 3: says 0.00000001, its two children hold 2,857.06746117\n"
        "  stated    BTC 280,346.24530212      owed at least  BTC 283,203.31276328\n"
        "  checked   7 inner nodes: 6 right, 1 wrong (sum, hash); 8 leaves, none twice\n"
    )


def test_statuses_and_the_json_report(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    document = json.loads(run(path, "--json", "--root", LEDGER.root, "--workers", "2", status=0))
    jsonschemas.check(document)
    assert document["schema"] == "merkle-por/audit/1"
    assert document["counts"] == {"nodes": 511, "leaves": 256, "duplicates": 0, "height": 9}
    total = LEDGER.nodes[0][1]
    assert document["liabilities"] == {"BTC": f"{total // 10**8}.{total % 10**8:08}"}
    run(path, status=4)
    run(path, "--root", "00" * 32, status=1)
    run(path, "--total", "BTC=1", status=1)
    path.write_bytes(LEDGER.text()[:-200])
    run(path, status=3)


def test_an_account_is_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_text("#ID,BTC\nalice,1.50\nbob,3\n")
    scheme = ("--given", "scheme=concat")
    document = json.loads(run(path, *scheme, "--account", "alice", "--json", status=4))
    assert document["account"] == {"id": "alice", "balances": {"BTC": "1.50"}, "expected": None}
    run(path, *scheme, "--account", "carol", status=1)
    run(path, *scheme, "--account", "alice", "--given", "account=bob", status=2)


def test_an_audit_is_a_liabilities_input_of_solvency(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    report = tmp_path / "audit.json"
    report.write_text(run(path, "--json", "--root", LEDGER.root, status=0))
    owed = Decimal(LEDGER.nodes[0][1]).scaleb(-8)
    for held, solvent in ((owed, True), (owed - Decimal("1e-8"), False)):
        row = {"asset": "BTC", "amount": str(held), "status": "own-node"}
        rows = tmp_path / "reserves.json"
        rows.write_text(json.dumps({"reserves": [row]}))
        result = merkle_por.solvency([report], [rows], checked=True)
        assert result.state is (State.VALID if solvent else State.INVALID), result.sentence
        (btc,) = result.to_json()["assets"]
        assert btc["liabilities"] == str(owed)


class Stuck:
    """An audit that stands still in the middle: it waits for a pipe nobody writes to.

    The ledger is compressed, so that a temporary file is there to be left behind.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "ledger.csv.gz"
        path.write_bytes(gzip.compress(LEDGER.text()))
        pipe = folder / "accounts"
        os.mkfifo(pipe)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.tries = 0
        self.process = subprocess.Popen(
            [*RUN, str(path), "--given", f"accounts={pipe}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(self.temporary)},
        )
        end = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "the audit did not come to the pipe"
            try:
                # Held open and never written to: the audit's reading of it does not end.
                self.writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as error:
                if error.errno != errno.ENXIO:  # that one: nobody reads yet
                    raise
            time.sleep(0.02)
        assert any(self.temporary.iterdir())

    def end(self, number: int) -> tuple[int, str, str]:
        while True:
            self.process.send_signal(number)
            try:
                out, error = self.process.communicate(timeout=5)
                break
            except subprocess.TimeoutExpired:
                # Just before the read began: Python noticed it only after that would have ended.
                self.tries += 1
                assert self.tries < 6, "it does not end"
        os.close(self.writer)
        return self.process.returncode, out, error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_ends_it_cleanly(number: int, tmp_path: Path) -> None:
    stuck = Stuck(tmp_path)
    status, out, error = stuck.end(number)
    assert status == 130  # of no verdict
    assert out == ""
    assert error.strip() == "stopped"
    assert list(stuck.temporary.iterdir()) == []


def test_an_unreachable_cluster_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(LEDGER.text())
    pytest.importorskip("distributed")
    assert run(path, "--dask", "nonsense://x", status=2) == ""
