"""Without a compiler the build succeeds, the package works, and it says what it runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent

USE = """
from merkle_por._native import status
from merkle_por.ledger import packed
print(packed.read_rows(packed._EXAMPLE).problem, packed.duplicate_leaves(bytes(80)))
print(status())
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as a machine without a compiler gets it."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("bare")
    built = subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "build_ext"),
            *("--build-lib", str(folder), "--build-temp", str(folder / "temp")),
        ],
        cwd=PROJECT,
        env={**os.environ, "CC": "/nonexistent/cc", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert not list(folder.rglob("*.so"))
    shutil.copytree(
        PROJECT / "merkle_por",
        folder / "merkle_por",
        ignore=shutil.ignore_patterns("_kernel.*", "__pycache__", "data"),
        dirs_exist_ok=True,
    )
    return folder


def lines(folder: Path, backend: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "MERKLE_POR_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize("backend", ["auto", "c"])
def test_python_serves_and_status_says_not_built(bare: Path, backend: str) -> None:
    results, status = lines(bare, backend)
    assert results == "None (1, [1])"
    assert status.startswith("not built (")


def test_switched_off_is_said_as_well(bare: Path) -> None:
    assert lines(bare, "python")[1] == "switched off (MERKLE_POR_BACKEND=python)"
