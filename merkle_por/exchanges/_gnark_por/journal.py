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

MAX_LINE = 1000


@dataclass(frozen=True)
class Journal:
    """The notes on one set in a journal; path None keeps none."""

    path: Path | None
    set_hash: str

    @classmethod
    def of(cls, path: Path | None, *facts: object) -> Journal:
        """facts: everything that a note depends on."""
        text = json.dumps([str(fact) for fact in facts])
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
        with self.path.open("a", encoding="utf-8") as stream:
            # A torn last line would swallow the next note: each begins on a line of its own.
            stream.write(f"\n{line}\n" if stream.tell() else f"{line}\n")
