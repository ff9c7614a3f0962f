"""A proof of one user pays for nothing that it does not need (whole processes)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import vectorfiles

HEAVY = (
    "rich",
    "requests",
    "numpy",
    "gmpy2",
    "mclbn256",
    "asyncio",
    "pydantic",
    "importlib.metadata",
    "coincurve",
    "distributed",
    "dask",
    "yaml",
    "Crypto",
    "sqlite3",
    "starlette",
    "concurrent.futures",
    "logging",
)
PROOF = ("made", "bybit", "ok_v40v5_n8_i1.json")


def imported(*arguments: str, code: str | None = None) -> set[str]:
    """Names of all modules that one run of the command line leaves imported."""
    program = code or (
        "from merkle_por.cli.main import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint('\\n', *sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        cwd=vectorfiles.PROJECT,
        env={**os.environ, "MERKLE_POR_HOME": os.devnull + "-none"},
        check=False,
    )
    assert done.stderr == ""
    return set(done.stdout.splitlines())


def heavy_in(modules: set[str]) -> set[str]:
    return {name for name in modules if any(f"{name}.".startswith(f"{h}.") for h in HEAVY)}


@pytest.mark.parametrize("arguments", [("--help",), ("verify", "--help"), ("--version",)])
def test_help_imports_nothing_heavy_and_no_scheme(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    assert "merkle_por.cli.main" in modules
    assert heavy_in(modules) == set()
    assert not {name for name in modules if name.startswith("merkle_por.exchanges")}


@pytest.mark.parametrize("options", [(), ("--format", "bybit")])
def test_a_plain_proof_imports_nothing_heavy(options: tuple[str, ...]) -> None:
    modules = imported("verify", str(vectorfiles.file(*PROOF)), *options)
    assert "merkle_por.exchanges.bybit" in modules
    assert heavy_in(modules) == set()


def test_importing_the_package_imports_next_to_nothing() -> None:
    modules = imported(code="import merkle_por")
    assert {name for name in modules if name.startswith("merkle_por.")} <= {"merkle_por.version"}


def test_the_hashes_of_nothing_that_are_written_out_are_right() -> None:
    from merkle_por.hashes.keccak import keccak256
    from merkle_por.merkle import evm_state, patricia

    assert keccak256(patricia.EMPTY_NODE) == patricia.EMPTY_ROOT
    assert keccak256(b"") == evm_state.EMPTY_CODE


def test_the_package_runs_from_any_folder(tmp_path: Path) -> None:
    proof = vectorfiles.file(*PROOF).resolve()
    done = subprocess.run(
        [sys.executable, "-m", "merkle_por", "verify", str(proof), "-q"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(vectorfiles.PROJECT)},
        check=False,
    )
    assert done.returncode == 4
    assert done.stdout.startswith("UNCONFIRMED  ")
