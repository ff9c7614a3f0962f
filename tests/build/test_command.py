"""`merkle-por build`: streams, exit statuses, the JSON document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import books
import jsonschemas
import pytest

ROWS = books.rows_of("a,BTC,1.5;b,ETH,2")


def run(*arguments: str, rows: bytes = ROWS) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "merkle_por", "build", "-", *arguments]
    return subprocess.run(command, input=rows, capture_output=True, check=False)


def document(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(done.stdout)
    jsonschemas.check(value)
    assert value["exit"] == done.returncode
    return value


def test_built(tmp_path: Path) -> None:
    done = run("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "o"), "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    value = document(done)
    assert value["state"] == "built"
    assert value["totals"] == {"BTC": "1.5", "ETH": "2", "USDT": "0"}
    assert value == books.summary(tmp_path / "o")


def test_text(tmp_path: Path) -> None:
    done = run("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "o"))
    assert done.stdout.startswith(b"BUILT  2 accounts in a tree of 2 leaves: okx-merkle-v1.\n")
    assert books.summary(tmp_path / "o")["root"].encode() in done.stdout
    again = run("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "o"), "-q", "--force")
    assert again.stdout == b"BUILT  2 accounts in a tree of 2 leaves: okx-merkle-v1.\n"


def test_a_test_seed_is_warned_of(tmp_path: Path) -> None:
    options = ("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "o"), "--test-seed", "x")
    done = run(*options, "--json")
    assert done.stderr.startswith(b"warning: MADE WITH A TEST SEED")
    assert document(done)["test_seed"] is True
    assert document(done)["time"] is None
    assert b"TEST SEED" in run(*options, "--force").stdout


@pytest.mark.parametrize(
    ("rows", "status", "state", "reason"),
    [
        (books.rows_of("a,BTC,-1"), 1, "invalid", "negative-balance"),
        (books.rows_of("a,BTC,1;a,BTC,1"), 1, "invalid", "duplicate-user"),
        (books.rows_of("a,BTC,1e3"), 3, "malformed", "bad-amount"),
        (books.rows_of("a,DOGE,1"), 3, "malformed", "asset-set"),
    ],
)
def test_refused(rows: bytes, status: int, state: str, reason: str, tmp_path: Path) -> None:
    options = ("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "o"))
    done = run(*options, "--json", rows=rows)
    value = document(done)
    assert (done.returncode, value["state"], value["errors"][0]["class"]) == (status, state, reason)
    assert value["root"] is None
    told = run(*options, rows=rows)
    assert (told.returncode, told.stdout) == (status, b"")
    assert told.stderr.startswith(b"error: -: ")
    assert f"({reason})".encode() in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_usage(tmp_path: Path) -> None:
    for options in (
        ("--scheme", "bybit", "-o", str(tmp_path / "o")),
        ("--scheme", "bitmex-liabilities", "-o", str(tmp_path / "o")),
        ("--scheme", "okx-merkle-v1", "-o", str(tmp_path / "no" / "o")),
        ("--scheme", "okx-merkle-v1"),
    ):
        done = run(*options)
        assert done.returncode == 2, options
        assert done.stderr.startswith(b"error: ")
        assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_scheme_and_option() -> None:
    from merkle_por.build.api import BUILDERS, builder

    done = subprocess.run(
        [sys.executable, "-m", "merkle_por", "build", "--help"], capture_output=True, check=True
    )
    lines = done.stdout.decode().splitlines()
    for scheme in BUILDERS:
        line = next(line for line in lines if line.split()[:1] == [scheme])
        assert all(name in line for name in builder(scheme).options)
