"""What the web app may take in and how long it may work: all bounds in one place.

The caps are shown on the page before anybody chooses a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 1024 * 1024
PORT = 8734
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """host, port: where it listens. names: further host names it answers to (beside loopback).

    files: proofs in one request. upload_bytes: of one request, all files together.
    memory_bytes: of all requests that are being read or judged. discard_bytes: of a request that
    is too big, read and thrown away so that the browser can show the answer.
    seconds: of one verification. workers: processes that judge files. queue: requests that wait
    for one. worker_bytes: address space of one worker.
    history: the file of `merkle-por watch`; None for the usual one.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = ()
    files: int = 20
    upload_bytes: int = 64 * MEGABYTE
    memory_bytes: int = 256 * MEGABYTE
    discard_bytes: int = 512 * MEGABYTE
    seconds: int = 180
    workers: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))
    queue: int = 200
    worker_bytes: int = 6 * 1024 * MEGABYTE
    history: Path | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header that are answered; any other may be a rebound name."""
        names = {*LOOPBACK, *self.names, self.host}
        shown = {f"[{name}]" if ":" in name else name for name in names}
        with_port = {f"{name}:{self.port}" for name in shown}
        return frozenset(with_port | (shown if self.port == 80 else set()))

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"
