"""One app with its workers for all tests of a module, and a client that is a browser's equal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("starlette", reason="the extra [web] is not installed")

import histories
from pages import BASE
from starlette.testclient import TestClient

from merkle_por.web.app import create_app
from merkle_por.web.settings import Settings


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return histories.write(tmp_path_factory.mktemp("history") / "history.db")


@pytest.fixture(scope="session")
def client(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    import os

    os.environ["MERKLE_POR_HOME"] = str(tmp_path_factory.mktemp("home"))
    app = create_app(Settings(workers=2, history=history, seconds=60))
    with TestClient(app, base_url=BASE) as found:
        yield found
