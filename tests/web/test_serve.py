"""`merkle-por serve` from the outside: what it listens on, and how it fails."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from merkle_por.web.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-m", "merkle_por", "serve"]


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A running `serve` that has answered once, and its port."""
    process = subprocess.Popen(
        [*SERVE, "--port", "0", "--workers", "1"], stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stderr is not None
    with process.stderr:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
        assert found
        port = int(found[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().read()
        connection.close()
        yield process, port
        process.kill()
        process.wait(30)


def test_it_listens_on_loopback_only(server: tuple[subprocess.Popen[str], int]) -> None:
    own = socket.gethostbyname_ex(socket.gethostname())[2]
    for address in (a for a in own if not a.startswith("127.")):
        with pytest.raises(OSError):
            socket.create_connection((address, server[1]), 2).close()


def test_it_ends_with_a_signal(server: tuple[subprocess.Popen[str], int]) -> None:
    process, _ = server
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_no_worker_outlives_it(server: tuple[subprocess.Popen[str], int]) -> None:
    process, _ = server
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.wait(30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(map(_lives, children)):
        time.sleep(0.1)
    assert not any(map(_lives, children))


def _lives(pid: str) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*SERVE, "--port", port], capture_output=True, text=True, cwd=PROJECT, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: can't listen on 127.0.0.1, port {port}: ")
    assert "hint: another port: --port 0" in done.stderr


@pytest.mark.parametrize(
    ("settings", "answered"),
    [
        (Settings(port=80), "localhost"),
        (Settings(port=8734), "127.0.0.1:8734"),
        (Settings(port=8734), "[::1]:8734"),
        (Settings(port=8734, names=("box.local",)), "box.local:8734"),
    ],
)
def test_names_it_answers_to(settings: Settings, answered: str) -> None:
    assert answered in settings.hosts
    assert "evil.example:8734" not in settings.hosts
