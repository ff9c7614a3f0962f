"""Long work of a command: its progress on a terminal, its end by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from merkle_por.execution import Progress, TerminalProgress, silent

if TYPE_CHECKING:
    from concurrent.futures import Executor


@contextmanager
def long_work(executor: Executor | None = None, *, quiet: bool) -> Iterator[Progress]:
    """Within it a signal ends the command with status 130 (click.Abort), the progress line is
    wiped at the end, and the executor is given up without waiting."""
    progress = TerminalProgress() if sys.stderr.isatty() and not quiet else None
    signal.signal(signal.SIGTERM, stop)
    try:
        yield progress or silent
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        if progress:
            progress.wipe()
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)


def stop(number: int, frame: FrameType | None) -> None:
    """A signal's handler: it ends the work as Ctrl-C does."""
    raise KeyboardInterrupt
