"""Rows that stand twice, found in small memory.

Four million keys as text would take half a gigabyte. First pass: 8 bytes a key (its hash, in one
array per leading byte). Then each array is sorted alone, and hashes that stand twice name the
suspects. Only if there are any, the lists are read again and the suspects' keys compared exactly:
a collision of hashes is never called a duplicate, and no duplicate is missed.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Place = TypeVar("Place")

_BUCKETS = 256
_MASK = (1 << 64) - 1


class Duplicates:
    """Collects keys; `suspects` answers the hashes that came more than once."""

    def __init__(self) -> None:
        self._arrays = [array("Q") for _ in range(_BUCKETS)]

    def add(self, key: Hashable) -> None:
        value = hash(key) & _MASK
        self._arrays[value >> 56].append(value)

    def suspects(self) -> set[int]:
        """Hashes of keys that may stand twice; the collected hashes are given up."""
        found: set[int] = set()
        for bucket in self._arrays:
            last = -1
            for value in sorted(bucket):
                if value == last:
                    found.add(value)
                last = value
        self._arrays = []
        return found


def repeated(
    keys: Iterable[tuple[Key, Place]], suspects: set[int]
) -> Iterator[tuple[Key, Place, Place]]:
    """Each repetition among the keys whose hash is suspected: key, its place, the first's."""
    first: dict[Key, Place] = {}
    for key, place in keys:
        if hash(key) & _MASK in suspects:
            if key in first:
                yield key, place, first[key]
            else:
                first[key] = place
