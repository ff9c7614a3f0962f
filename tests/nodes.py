"""Real nodes on loopback for the tests: anvil (Ethereum kind) and litecoind (Bitcoin kind).

`anvil()` and `litecoind()` start one on a free port and stop it again. Installed by
tools/install_nodes.sh. Without the binary the calling test skips and says so; where CI=true it
fails, so that CI can't pass by leaving the nodes out.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

READY_SECONDS = 30
LITECOIND = Path("/usr/lib/litecoin/litecoind")
"""/usr/bin/litecoind is a shell wrapper: its process id would not be the node's."""


@dataclass
class Node:
    """A running node; `call` asks it over JSON-RPC with the simplest possible client."""

    url: str
    version: str = "2.0"

    def call(self, method: str, *params: Any, wallet: str = "") -> Any:
        question = {"jsonrpc": self.version, "id": 1, "method": method, "params": list(params)}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self.url + wallet, json=question, timeout=30).json()
        if answer.get("error"):
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


def _binary(name: str, *places: Path) -> str:
    found = next((str(p) for p in places if p.exists()), None) or shutil.which(name)
    if found is None:
        words = f"{name} is not installed (tools/install_nodes.sh)"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], node: Node, first_call: str) -> Iterator[Node]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                node.call(first_call)
                break
            except (requests.RequestException, RuntimeError, ValueError):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{command[0]} did not start")
                time.sleep(0.05)
        yield node
    finally:
        # Their data is thrown away: no need to let them put it in order.
        process.kill()
        process.wait()


@contextmanager
def anvil(*options: str) -> Iterator[Node]:
    """An empty chain with id 31337 and three unlocked, funded accounts."""
    binary = _binary("anvil")
    port = _free_port()
    command = [binary, "--port", str(port), "--silent", "--accounts", "3", *options]
    with _running(command, Node(f"http://127.0.0.1:{port}"), "eth_blockNumber") as node:
        yield node


@contextmanager
def litecoind(*options: str) -> Iterator[Node]:
    """An empty regtest chain with a wallet `w` and a transaction index."""
    binary = _binary("litecoind", LITECOIND)
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="litecoind-") as folder:
        command = [
            binary,
            "-regtest",
            f"-datadir={folder}",
            f"-rpcport={port}",
            "-rpcuser=u",
            "-rpcpassword=p",
            "-rpcbind=127.0.0.1",
            "-rpcallowip=127.0.0.1",
            "-listen=0",
            "-connect=0",
            "-dnsseed=0",
            "-upnp=0",
            "-fallbackfee=0.0001",
            "-server=1",
            "-printtoconsole=0",
            *(options or ("-txindex=1",)),
        ]
        node = Node(f"http://u:p@127.0.0.1:{port}", "1.0")
        with _running(command, node, "getblockcount") as running:
            running.call("createwallet", "w")
            yield running
