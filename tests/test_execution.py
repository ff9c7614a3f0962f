"""Long work: results in order on any executor, tasks of dead workers done again, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from merkle_por.errors import Invalid, UsageError
from merkle_por.execution import (
    ATTEMPTS,
    IN_FLIGHT,
    Execution,
    TerminalProgress,
    dask_executor,
    local_executor,
)


class Mocked(Executor):
    """Runs each task at once; `deaths` first submissions of a task end with its worker."""

    def __init__(self, deaths: int = 0, error: type[Exception] = BrokenProcessPool) -> None:
        self.deaths, self.error = deaths, error
        self.seen: dict[Any, int] = {}
        self.out = self.most = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        task = args[0]
        self.seen[task] = self.seen.get(task, 0) + 1
        future: Future[Any] = Future()
        self.out += 1
        self.most = max(self.most, self.out)
        original = future.result

        def result(timeout: float | None = None) -> Any:
            self.out -= 1
            return original(timeout)

        future.result = result  # type: ignore[method-assign]
        if self.seen[task] <= self.deaths:
            future.set_exception(self.error("worker died"))
        else:
            try:
                future.set_result(function(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future


class KilledWorker(Exception):
    """Named as Dask's own."""


def double(task: int) -> int:
    return 2 * task


def refuse(task: int) -> int:
    if task == 3:
        raise Invalid("parent-hash", "wrong parent")
    return task


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_their_tasks(workers: int) -> None:
    executor = local_executor(workers)
    assert (executor is None) is (workers == 1)
    assert list(Execution(executor).map(double, range(500))) == [2 * i for i in range(500)]
    if executor is not None:
        executor.shutdown()


def test_only_so_many_tasks_are_out_at_a_time() -> None:
    executor = Mocked()
    taken = 0

    def tasks() -> Any:
        nonlocal taken
        for task in range(1000):
            taken += 1
            yield task

    results = Execution(executor).map(double, tasks())
    assert next(results) == 0
    assert taken == IN_FLIGHT
    assert list(results) == [2 * i for i in range(1, 1000)]
    assert executor.most == IN_FLIGHT


@pytest.mark.parametrize("error", [BrokenProcessPool, KilledWorker])
def test_a_task_whose_worker_died_is_done_again(error: type[Exception]) -> None:
    executor = Mocked(ATTEMPTS - 1, error)
    assert list(Execution(executor).map(double, range(5))) == [0, 2, 4, 6, 8]
    assert set(executor.seen.values()) == {ATTEMPTS}


def test_workers_that_die_again_and_again_are_an_error_not_a_result() -> None:
    with pytest.raises(BrokenProcessPool):
        list(Execution(Mocked(ATTEMPTS)).map(double, range(5)))


class Broken(Mocked):
    """A pool that takes no more tasks once a worker died."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.seen.get(args[0]):
            raise BrokenProcessPool("no more")
        return super().submit(function, *args, **kwargs)


def test_what_a_broken_pool_left_is_done_here() -> None:
    assert list(Execution(Broken(1)).map(double, range(5))) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("executor", [None, Mocked(), ThreadPoolExecutor(2)])
def test_errors_of_the_work_itself_are_raised_once_and_not_tried_again(executor: Any) -> None:
    results = Execution(executor).map(refuse, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Invalid):
        next(results)
    if isinstance(executor, Mocked):
        assert executor.seen[3] == 1


def test_tasks_not_wanted_any_more_are_called_off() -> None:
    class Waiting(Mocked):
        futures: list[Future[Any]] = []  # noqa: RUF012

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if args[0] == 0:
                return super().submit(function, *args, **kwargs)
            future: Future[Any] = Future()
            self.futures.append(future)
            return future

    executor = Waiting()
    results = Execution(executor).map(double, range(100))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert executor.futures
    assert all(future.cancelled() for future in executor.futures)


# -- progress --------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("merkle_por.execution.time.monotonic", made)
    return made


def test_nothing_is_drawn_in_the_first_second(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = TerminalProgress()
    for done in range(10):
        progress("hashing", done, 10, "nodes")
        clock.now += 0.09
    progress.wipe()
    assert capsys.readouterr().err == ""


def test_one_rewritten_line_at_most_five_times_a_second_wiped_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = TerminalProgress()
    progress("hashing", 0, 4_194_303, "nodes")
    for step in range(100):
        clock.now += 0.1
        progress("hashing", 28_835 * (step + 1), 4_194_303, "nodes")
    text = capsys.readouterr().err
    assert "\n" not in text
    drawn = text.split("\r")[1:]
    assert 30 <= len(drawn) <= 50
    assert all(len(line) == 79 for line in drawn)
    # ux.md, example h.
    assert drawn[-1].startswith("hashing  2,8")
    assert " of 4,194,303 nodes  [#########-----]  6" in drawn[-1]
    assert drawn[-1].rstrip().endswith(" left")
    progress.wipe()
    assert capsys.readouterr().err == "\r" + " " * 79 + "\r"
    progress.wipe()
    assert capsys.readouterr().err == ""


def test_work_of_unknown_size_shows_its_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = TerminalProgress()
    progress("reading", 0, None, "rows")
    clock.now += 2
    progress("reading", 5000, None, "rows")
    assert capsys.readouterr().err.strip() == "reading  5,000 rows, 2,500 a second"


# -- other machines --------------------------------------------------------------------------------


def test_without_dask_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught:
        dask_executor("tcp://127.0.0.1:1")
    assert caught.value.hints == ("pip install 'merkle-por[dask]'",)
