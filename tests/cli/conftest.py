"""No test of the command line touches the pins of the person who runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and no colour settings from outside."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MERKLE_POR_HOME", str(folder))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder
