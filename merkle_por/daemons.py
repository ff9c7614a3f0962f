"""Threads for waiting on the network that never hold up the end of the program.

The pools of concurrent.futures are joined when the interpreter exits; a node that does not answer
would keep Ctrl-C waiting for minutes. Tasks are few here (one a chain), so each gets a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class Daemons(Executor):
    """Runs each task on a daemon thread of its own."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, daemon=True).start()
        return future
