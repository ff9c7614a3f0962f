"""Nodes that are started once for all tests here, and servers that misbehave on purpose."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import nodes
import pytest
from chainhelpers import CONTRACTS, MULTICALL3, TOKEN, Asked, Handler, Reply, holder, mint


@pytest.fixture(scope="session")
def evm() -> Iterator[nodes.Node]:
    """anvil with a token, Multicall3 and, at block `evm.height`, some balances."""
    with nodes.anvil() as node:
        node.call("anvil_setCode", TOKEN, CONTRACTS["Token"])
        node.call("anvil_setCode", MULTICALL3, CONTRACTS["Multicall"])
        for number in range(1, 40):
            node.call("anvil_setBalance", holder(0xA000 + number), hex(number * 10**18 + number))
        for number in range(1, 8):
            mint(node, holder(0xA000 + number), 1_000_000 * number)
        node.call("anvil_mine")
        yield node


@pytest.fixture(scope="session")
def ltc() -> Iterator[nodes.Node]:
    """litecoind with 101 blocks, whose first coins can be spent."""
    with nodes.litecoind() as node:
        node.call("generatetoaddress", 101, node.call("getnewaddress", "", "legacy"))
        yield node


@pytest.fixture
def server() -> Iterator[Callable[[Handler], str]]:
    """Starts loopback servers: serve(handler) -> URL. A handler turns Asked into a reply."""
    started: list[ThreadingHTTPServer] = []

    def serve(handler: Handler) -> str:
        class Bound(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    value = json.loads(body) if body else None
                except ValueError:
                    value = None
                asked = Asked(
                    method=self.command,
                    path=self.path,
                    headers={k.lower(): v for k, v in self.headers.items()},
                    body=body,
                    json=value,
                )
                answer = handler(asked)
                self.send_response(answer.status)
                for name, text in answer.headers.items():
                    self.send_header(name, text)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self._send(answer)

            def _send(self, answer: Reply) -> None:
                try:
                    if not answer.drip:
                        self.wfile.write(answer.body)
                    for byte in answer.body if answer.drip else b"":
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if stopped.wait(answer.drip):
                            return
                except OSError:
                    pass  # the client has gone, as it should

            do_GET = do_POST = _answer  # noqa: N815 (the base class's names)

            def log_message(self, *args: Any) -> None:
                pass

        served = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        served.daemon_threads = True
        started.append(served)
        threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{served.server_address[1]}"

    stopped = threading.Event()
    yield serve
    stopped.set()
    for served in started:
        served.shutdown()
        served.server_close()
