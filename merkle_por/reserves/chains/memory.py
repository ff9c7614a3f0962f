"""Answers of nodes kept on the user's disk, so that a run can be repeated offline.

One SQLite file; an answer is kept under the service that gave it, the hash of the block that fixes
it, and the question. What no block fixes (the latest block, a block's hash at a height) is always
asked again while online. The file is believed as much as the disk it lies on; proofs in it are
checked again at each run.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from merkle_por.errors import UsageError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    source TEXT NOT NULL,
    block TEXT NOT NULL,
    question TEXT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (source, block, question)
) WITHOUT ROWID
"""


class Memory:
    """Kept answers. offline: answer from the file only. Raises UsageError for no such database."""

    def __init__(self, path: Path, *, offline: bool = False) -> None:
        self.path = path
        self.offline = offline
        self._lock = threading.Lock()
        if offline and not path.exists():
            raise UsageError(f"{path}: no recorded answers there")
        try:
            self._database = sqlite3.connect(path, check_same_thread=False)
            if not offline:
                self._database.execute(_SCHEMA)
            self._database.execute("SELECT 1 FROM answers LIMIT 1")
        except sqlite3.Error:
            raise UsageError(f"{path}: not a file of recorded answers") from None

    def get(self, source: str, block: str | None, question: str) -> bytes | None:
        """The answer kept for a question, None where there is none."""
        with self._lock:
            row = self._database.execute(
                "SELECT answer FROM answers WHERE source = ? AND block = ? AND question = ?",
                (source, block or "", question),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, source: str, block: str | None, question: str, answer: bytes) -> None:
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                (source, block or "", question, answer),
            )

    def close(self) -> None:
        with self._lock:
            self._database.close()
