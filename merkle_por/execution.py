"""How long work is run: on which executor, with what progress, resumable from which journal.

The one seam to threads and machines is `concurrent.futures.Executor`. A task is a top-level,
picklable function with small arguments (a path, an offset, a count), never the data itself; task
sizes follow from the format, never from the number of workers, so no verdict can depend on the
engine. Results come back in the order of the tasks.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:  # it brings logging along, which no single proof needs
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS = 3  # a task whose worker died is given to another one so often
IN_FLIGHT = 64  # tasks handed out before their results are awaited: bounds memory
VIOLATIONS = 20  # violations listed in a report; the rest is counted


class Progress(Protocol):
    """Told how far the work is; `done` of `total` units (total None where unknown)."""

    def __call__(self, what: str, done: int, total: int | None, unit: str) -> None: ...


def silent(what: str, done: int, total: int | None, unit: str) -> None:
    """The progress of work that nobody watches."""


@dataclass
class Execution:
    """executor: None runs in this thread. journal: where verified parts are noted, so that a
    second run skips them; None for no journal. violations: how many a report lists."""

    executor: Executor | None = None
    progress: Progress = silent
    journal: Path | None = None
    violations: int = VIOLATIONS

    @property
    def shared(self) -> bool:
        """Whether tasks may run outside of this process, so that files must be compared there
        and secrets must not be handed on."""
        if self.executor is None:
            return False
        from concurrent.futures import ThreadPoolExecutor

        return not isinstance(self.executor, ThreadPoolExecutor)

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """function over tasks, results in order; at most IN_FLIGHT tasks are out at a time.

        A task whose worker died is retried; errors raised by the function are raised here.
        """
        if self.executor is None:
            yield from map(function, tasks)
            return
        waiting: deque[tuple[T, Future[R]]] = deque()
        try:
            for task in tasks:
                waiting.append((task, self.executor.submit(function, task)))
                if len(waiting) >= IN_FLIGHT:
                    yield self._result(function, *waiting.popleft())
            while waiting:
                yield self._result(function, *waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, function: Callable[[T], R], task: T, future: Future[R]) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return future.result()
            except Exception as error:
                if not _worker_died(error) or self.executor is None:
                    raise
                try:
                    future = self.executor.submit(function, task)
                except Exception as broken:
                    if not _worker_died(broken):
                        raise
                    # A broken local pool takes no more tasks: do this one here.
                    return function(task)
        return future.result()


def _worker_died(error: Exception) -> bool:
    # distributed.KilledWorker is told by name: Dask is optional and must not be imported here.
    from concurrent.futures import BrokenExecutor

    return isinstance(error, BrokenExecutor) or type(error).__name__ in (
        "KilledWorker",
        "CancelledError",
        "FutureCancelledError",
    )


@dataclass
class TerminalProgress:
    """One rewritten line on stderr, after a second, at most five times a second, wiped at the end.

    `hashing  2,883,584 of 4,194,303 nodes  [##########----]  69 %  0:01 left`
    """

    bar_columns: int = 14
    _started: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0
    _drawn: bool = False

    def __call__(self, what: str, done: int, total: int | None, unit: str) -> None:
        now = time.monotonic()
        start = self._started.setdefault(what, now)
        if now - start < 1.0 or now - self._last < 0.2:
            return
        self._last = now
        self._drawn = True
        rate = done / (now - start)
        if total:
            part = min(done / total, 1.0)
            full = int(part * self.bar_columns)
            left = int((total - done) / rate) if rate else 0
            bar = "#" * full + "-" * (self.bar_columns - full)
            text = (
                f"{what}  {done:,} of {total:,} {unit}  [{bar}]  {int(part * 100)} %  "
                f"{left // 60}:{left % 60:02} left"
            )
        else:
            text = f"{what}  {done:,} {unit}, {rate:,.0f} a second"
        sys.stderr.write(f"\r{text[:79]:<79}")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Removes the line."""
        if self._drawn:
            sys.stderr.write("\r" + " " * 79 + "\r")
            sys.stderr.flush()
            self._drawn = False


def local_executor(workers: int) -> Executor | None:
    """Threads for the compiled kernel (it releases the GIL); None for one worker."""
    if workers <= 1:
        return None
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(workers)


def local_processes(workers: int) -> Executor | None:
    """Processes for work that is partly Python's own, like a list's signatures; None for one
    worker. They are started at the first task, and a signal ends them without a word: the one who
    started them speaks for all."""
    if workers <= 1:
        return None
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(workers, initializer=_end_at_once)


def _end_at_once() -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def dask_executor(address: str) -> Executor:
    """An executor over a running Dask cluster (extra [dask]).

    Raises UsageError where Dask is not installed or nobody answers.
    """
    from merkle_por.cluster import connect

    return connect(address)
