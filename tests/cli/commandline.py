"""Runs the command line as users do: in this process with captured streams, or on a terminal."""

from __future__ import annotations

import io
import os
import re
import select
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import merkle_por
from merkle_por.cli.main import main

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PROMPT = "(Enter: leave unconfirmed): "
PATIENCE = 30.0  # seconds that a run on a terminal may take


@dataclass(frozen=True)
class Done:
    """What came of one run. Line ends of a terminal are already "\\n"."""

    status: int
    out: str
    err: str = ""

    @property
    def lines(self) -> list[str]:
        """Of stdout, without the empty ones."""
        return [line for line in self.out.splitlines() if line.strip()]

    @property
    def text(self) -> str:
        """Stdout without colour codes."""
        return COLOURS.sub("", self.out)


@cache
def _bytecode() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="merkle-por-bytecode-")


def subprocess_environment() -> dict[str, str]:
    """For processes of their own: compiled once per test run, found as the tests find it."""
    settings = {key: v for key, v in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    root = str(Path(merkle_por.__file__).parent.parent)
    return {**settings, "PYTHONPYCACHEPREFIX": _bytecode().name, "PYTHONPATH": root}


def run(*arguments: str | Path, stdin: bytes | None = None) -> Done:
    """One run in this process; stdout and stderr are pipes, stdin holds the bytes given."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin or b""), encoding="utf-8")
    status: Any = 0
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "stdin", given):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return Done(status or 0, *texts)


def on_terminal(
    *arguments: str | Path,
    answers: Sequence[str] = (),
    columns: int = 80,
    prompt: str = PROMPT,
    **environment: str,
) -> Done:
    """One run in a process of its own on a terminal; each prompt gets the next answer."""
    import fcntl
    import pty
    import struct
    import termios

    pid, terminal = pty.fork()
    if pid == 0:  # the child: the program itself
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        settings = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment}
        command = [sys.executable, "-m", "merkle_por", *map(str, arguments)]
        os.execve(sys.executable, command, {**subprocess_environment(), **settings})
    shown, waiting, seen = b"", list(answers), 0
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so when the child has closed its side
            break
        if not piece:
            break
        shown += piece
        if waiting and prompt.encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    else:
        import signal

        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert not waiting, f"never asked: {shown.decode(errors='replace')}"
    text = shown.decode("utf-8").replace("\r\n", "\n")
    return Done(os.waitstatus_to_exitcode(status), text)
