"""Which parts of a proof set were verified already, so that a long audit can go on where it was.

One JSON object a line: {"set": HEX, "first": N, "count": N}. `set` is a hash over the table's and
the keys' SHA-256 and the constants used, so a note never counts for another file or key. Hashes
and chain are checked again in any case, only the zk proofs of noted parts are not. The journal is
the user's own file and believed; a line that cannot be read (a crash while writing) is skipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from merkle_por.errors import UsageError

MAX_LINE = 1000


@dataclass(frozen=True)
class Journal:
    """The notes on one set in a journal; path None keeps none."""

    path: Path | None
    set_hash: str

    @classmethod
    def of(cls, path: Path | None, *facts: object) -> Journal:
        """facts: everything that a note depends on. Raises UsageError where none can be kept."""
        text = json.dumps([str(fact) for fact in facts])
        if path is not None:
            _opened(path).close()  # said now, not after hours of work
        return cls(path, hashlib.sha256(text.encode()).hexdigest())

    def verified(self, sizes: Iterable[tuple[int, int]]) -> frozenset[int]:
        """First batches of the noted parts among those that there are (first, count)."""
        if self.path is None or not self.path.exists():
            return frozenset()
        known = set(sizes)
        found = set()
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            while line := lines.readline(MAX_LINE):
                try:
                    note = json.loads(line)
                    part = (note["first"], note["count"])
                    if note["set"] == self.set_hash and part in known:
                        found.add(part[0])
                except (ValueError, KeyError, TypeError):
                    continue
        return frozenset(found)

    def note(self, first: int, count: int) -> None:
        """A part whose proofs all verified."""
        if self.path is None:
            return
        line = json.dumps({"set": self.set_hash, "first": first, "count": count})
        with _opened(self.path) as stream:
            # A torn last line would swallow the next note: each begins on a line of its own.
            stream.write(f"\n{line}\n" if stream.tell() else f"{line}\n")


def _opened(path: Path) -> TextIO:
    """The journal, to be added to. Raises UsageError."""
    try:
        return path.open("a", encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise UsageError(f"journal {str(path)[:200]}: {why.lower()}") from None
