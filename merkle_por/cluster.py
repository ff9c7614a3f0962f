"""Tasks on a Dask cluster (extra [dask]): many machines behind the executor seam.

Tasks name a path and offsets, so the file must lie at the same path on every worker.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

from merkle_por.errors import UsageError
from merkle_por.execution import ATTEMPTS


class ClusterExecutor(Executor):
    """Tasks on a Dask cluster; shutting it down lets go of the cluster, which goes on running."""

    def __init__(self, client: Any) -> None:
        self._client = client
        # pure=False: else a changed file would be answered from the scheduler's memory.
        self._tasks = client.get_executor(pure=False, retries=ATTEMPTS)

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = self._tasks.submit(function, *args, **more)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._tasks.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def connect(address: str) -> Executor:
    """An executor over a running Dask cluster (extra [dask]).

    Raises UsageError where Dask is not installed or nobody answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("Dask is not installed", "pip install 'merkle-por[dask]'") from None
    try:
        client: Any = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):
        raise UsageError(
            f"no Dask scheduler answers at {address[:80]}", "tcp://HOST:PORT"
        ) from None
    return ClusterExecutor(client)
