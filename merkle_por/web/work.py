"""Worker processes that judge uploaded files, each bounded in time and memory.

Hostile bytes are read in a process of their own: it may be slow, eat memory or die, and the
server goes on. A worker that runs over its time is killed and replaced. What it was told and
what it answered lives in memory only. Workers are spawned, not forked (a server with threads
can't be forked safely), and kept, so that a plain proof costs no start-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from merkle_por.web.faults import place_of
from merkle_por.web.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

TICK = 0.2  # seconds between two looks at whether the user still waits
READY_SECONDS = 60.0  # for a worker to start


class WorkError(Exception):
    """A job without an answer."""


class TimedOut(WorkError):
    """It took longer than allowed; the worker was killed."""


class WorkerDied(WorkError):
    """The worker ended or failed by itself: our fault, not the file's."""


class Failed(WorkerDied):
    """It met a fault of ours and lives on."""


class Busy(WorkError):
    """Too many jobs wait already."""


class Cancelled(WorkError):
    """Nobody waits for the answer any more; the worker was killed."""


def _serve(connection: Connection, worker_bytes: int) -> None:
    """The worker's main loop: a job in, an answer out."""
    from merkle_por.web.confine import confine
    from merkle_por.web.tasks import answer, warm_up

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's: it ends its workers
    warm_up()
    confine(worker_bytes)
    connection.send(None)
    while True:
        try:
            reply: tuple[str, Any] = ("answer", answer(connection.recv()))
        except (EOFError, MemoryError):
            return  # nobody is there, or what is left of this process is not to be trusted
        except Exception as error:
            # The type and the place only: a message may hold what stands in a file.
            reply = ("fault", place_of(error))
        connection.send(reply)


@dataclass(eq=False)
class _Worker:
    """One process and our end of its pipe."""

    worker_bytes: int
    process: SpawnProcess = field(init=False)
    connection: Connection = field(init=False)
    ready: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, self.worker_bytes), daemon=True, name="merkle-por-worker"
        )
        self.process.start()
        theirs.close()

    def await_ready(self) -> None:
        """Waits for the worker's start. Raises WorkerDied."""
        if self.ready:
            return
        try:
            if not self.connection.poll(READY_SECONDS):
                raise WorkerDied("a worker did not start")
            self.connection.recv()
        except (EOFError, OSError):
            raise WorkerDied("a worker did not start") from None
        self.ready = True

    def run(self, job: Any, seconds: float, gone: threading.Event) -> Any:
        """The answer to one job. Raises TimedOut, WorkerDied, Failed, Cancelled."""
        self.await_ready()
        deadline = time.monotonic() + seconds
        try:
            self.connection.send(job)
            while not self.connection.poll(min(TICK, max(0.0, deadline - time.monotonic()))):
                if gone.is_set():
                    raise Cancelled
                if time.monotonic() >= deadline:
                    raise TimedOut
            word, value = self.connection.recv()
        except (EOFError, OSError):
            raise WorkerDied("a worker ended by itself") from None
        if word != "answer":
            raise Failed(str(value))
        return value

    def kill(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


class Workers:
    """A fixed number of workers; `run` hands a job to the next free one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="job")
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._jobs = 0
        for _ in range(settings.workers):
            self._idle.append(self._new())

    def _new(self) -> _Worker:
        worker = _Worker(self._settings.worker_bytes)
        with self._lock:
            self._all.add(worker)
        return worker

    def pids(self) -> list[int]:
        """Process ids of the workers that live, for tests and the benchmark."""
        with self._lock:
            return [worker.process.pid or 0 for worker in self._all]

    async def run(self, job: Any, still_there: Callable[[], Awaitable[bool]] | None = None) -> Any:
        """The answer to a job; still_there: asked now and then whether anybody waits for it.

        Raises Busy, TimedOut, WorkerDied, Cancelled.
        """
        if self._jobs >= self._settings.queue + self._settings.workers:
            raise Busy
        self._jobs += 1
        gone = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._do, job, gone)
        try:
            while not work.done():
                done, _ = await asyncio.wait([work], timeout=2 * TICK)
                if not done and still_there is not None and not await still_there():
                    gone.set()
            return await work
        except asyncio.CancelledError:
            gone.set()
            raise
        finally:
            self._jobs -= 1

    def _do(self, job: Any, gone: threading.Event) -> Any:
        """Runs in a thread of its own for each worker, so that an idle worker is always left."""
        if gone.is_set():
            raise Cancelled
        with self._lock:
            if self._closed:
                raise WorkerDied("the server is ending")
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = self._new()
        try:
            value = worker.run(job, self._settings.seconds, gone)
        except Failed:
            self._take_back(worker)
            raise
        except BaseException:
            self._drop(worker)
            raise
        self._take_back(worker)
        return value

    def _take_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)

    def _drop(self, worker: _Worker) -> None:
        """A worker that failed is killed, and another one starts in its place."""
        with self._lock:
            self._all.discard(worker)
            closed = self._closed
        worker.kill()
        if not closed:
            fresh = self._new()
            with self._lock:
                self._idle.append(fresh)

    def close(self) -> None:
        """Ends all workers."""
        with self._lock:
            self._closed = True
            workers, self._all, self._idle = list(self._all), set(), []
        for worker in workers:
            with contextlib.suppress(OSError, ValueError):
                worker.process.kill()
                worker.process.join()
        self._threads.shutdown(wait=False, cancel_futures=True)
