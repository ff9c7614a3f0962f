"""One report, whatever runs the tasks: this thread, threads, a Dask cluster, one that loses a
worker. And what may not leave this process does not."""

from __future__ import annotations

import json
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ledgers import BitmexLedger, OkxTree

import merkle_por
from merkle_por.execution import Execution
from merkle_por.ledger import bands
from merkle_por.verdict import State

KEY = bytes(range(32))
LEAVES = 1 << 14


@pytest.fixture(autouse=True, scope="module")
def small_bands() -> Iterator[None]:
    """Bands of 2^12 leaves: 5 tasks for these ledgers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bands, "TOP_ROWS", 256)
        yield


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """A right ledger with own leaves, one with many faults, one cut, and a tree of OKX's."""
    folder = tmp_path_factory.mktemp("ledgers")
    right = BitmexLedger(LEAVES, own=(3, LEAVES - 1), key=KEY)
    given = {"root": right.root, "snapshot_nonce": KEY.hex(), "balance": right.balance}
    broken = BitmexLedger(LEAVES)
    for row in range(5, 2 * LEAVES - 1, 700):
        broken.nodes[row] = (bytes(28) + row.to_bytes(4, "big"), row)
    broken.nodes[-1] = broken.nodes[-2]
    okx = OkxTree(5000)
    texts = {
        "right": (right.text(), given),
        "broken": (broken.text(), {"root": broken.root}),
        "cut": (right.text()[:-90], {}),
        "okx": (okx.text(), {"root": okx.root}),
    }
    result = {}
    for name, (text, facts) in texts.items():
        path = folder / f"{name}.csv"
        path.write_bytes(text)
        result[name] = (path, facts)
    return result


def report(path: Path, given: dict[str, Any], executor: Executor | None = None) -> str:
    """The whole JSON report but its time."""
    result = merkle_por.audit(path, given=given, execution=Execution(executor))
    document = result.to_json()
    del document["time"]
    return json.dumps(document, indent=1)


@pytest.mark.parametrize("name", ["right", "broken", "cut", "okx"])
@pytest.mark.parametrize("threads", [2, 5])
def test_threads_make_the_same_report(ledgers: Any, name: str, threads: int) -> None:
    path, given = ledgers[name]
    alone = report(path, given)
    with ThreadPoolExecutor(threads) as executor:
        assert report(path, given, executor) == alone
    state = json.loads(alone)["state"]
    wanted = {"right": "valid", "broken": "invalid", "cut": "malformed", "okx": "valid"}
    assert state == wanted[name]


def test_the_size_of_bands_does_not_show(ledgers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, given in ledgers.values():
        alone = report(path, given)
        for rows, depth in ((16, 3), (4096, 4)):
            monkeypatch.setattr(bands, "TOP_ROWS", rows)
            monkeypatch.setattr(bands, "DEPTH", depth)
            assert report(path, given) == alone


class Elsewhere(Executor):
    """Runs tasks here, but as another machine would get them: pickled."""

    def __init__(self, before: Callable[[int], None] = lambda number: None) -> None:
        self.sent: list[bytes] = []
        self.before = before

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        self.before(len(self.sent))
        self.sent.append(pickle.dumps((function, args, more)))
        future: Future[Any] = Future()
        function, args, more = pickle.loads(self.sent[-1])  # noqa: S301
        try:
            future.set_result(function(*args, **more))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))  # noqa: S301
        return future


def test_tasks_carry_no_data_and_no_secret(ledgers: Any) -> None:
    path, given = ledgers["right"]
    executor = Elsewhere()
    assert report(path, given, executor) == report(path, given)
    assert len(executor.sent) == 5
    text = path.read_bytes()
    for sent in executor.sent:
        assert KEY not in sent
        assert KEY.hex().encode() not in sent
        assert len(sent) < 4000
        assert text[1000:1064] not in sent


@pytest.mark.parametrize("name", ["right", "broken"])
def test_a_change_between_two_tasks_is_noticed_elsewhere(
    ledgers: Any, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(ledgers[name][0].read_bytes())
    before = path.stat()

    def edit(number: int) -> None:
        if number == 2:  # same size, same times
            data = bytearray(path.read_bytes())
            data[-100_000] ^= 1
            path.write_bytes(data)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    result = merkle_por.audit(path, execution=Execution(Elsewhere(edit)))
    assert (result.state, result.checks[-1].id) == (State.INCOMPLETE, "file-changed")


def test_a_worker_without_the_file_is_said_not_failed(ledgers: Any, tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(ledgers["right"][0].read_bytes())
    away = tmp_path / "away"
    hidden = Elsewhere(lambda number: path.rename(away) and None if path.exists() else None)
    result = merkle_por.audit(path, execution=Execution(hidden))
    assert (result.state, result.checks[-1].id) == (State.INCOMPLETE, "missing-file")


def test_a_pool_that_breaks_is_done_without(ledgers: Any) -> None:
    class Broken(Executor):
        calls = 0

        def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
            self.calls += 1
            if self.calls > 5:
                raise BrokenExecutor("no worker is left")
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a worker died"))
            return future

    path, given = ledgers["right"]
    assert report(path, given, Broken()) == report(path, given)


# ---- a real cluster on this machine ----

quiet = pytest.mark.filterwarnings(
    "ignore::Warning:distributed",
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as local:
            yield local


@pytest.fixture
def dask(cluster: Any) -> Iterator[Executor]:
    from merkle_por.execution import dask_executor

    executor = dask_executor(cluster.scheduler_address)
    yield executor
    executor.shutdown(wait=False)


@quiet
@pytest.mark.parametrize("name", ["right", "broken", "cut", "okx"])
def test_a_cluster_makes_the_same_report(ledgers: Any, dask: Executor, name: str) -> None:
    path, given = ledgers[name]
    assert report(path, given, dask) == report(path, given)


@quiet
def test_a_cluster_is_not_answered_from_memory(dask: Executor, tmp_path: Path) -> None:
    """The same path with another content: a pure function would be answered from before."""
    path = tmp_path / "ledger.csv"
    for seed in (1, 2):
        ledger = BitmexLedger(1 << 10, seed=seed)
        path.write_bytes(ledger.text())
        assert merkle_por.audit(path, root=ledger.root, execution=Execution(dask)).state is (
            State.VALID
        )


class Killing(Executor):
    """Kills a worker of the cluster once a few tasks are out."""

    def __init__(self, inner: Executor, victim: int) -> None:
        self.inner, self.victim, self.calls = inner, victim, 0

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future = self.inner.submit(function, *args, **more)
        self.calls += 1
        if self.calls == 3:
            os.kill(self.victim, signal.SIGKILL)
        return future


@quiet
def test_a_killed_worker_changes_nothing(ledgers: Any, cluster: Any, dask: Executor) -> None:
    path, given = ledgers["broken"]
    victim = next(iter(cluster.workers.values())).pid
    killing = Killing(dask, victim)
    assert report(path, given, killing) == report(path, given)
    assert killing.calls >= 5
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
