"""Random bytes and what is drawn from them: nonces, split points, orders.

By default every byte comes from the operating system's generator. A test seed replaces it by a
stream that anybody can compute, block i = SHA-256(LE64(i) || seed), so that two runs write the
same files; such files protect nobody and are marked by whoever asks for them (build/api.py).
"""

from __future__ import annotations

import hashlib
import secrets
from array import array
from collections.abc import Callable

_BLOCK = 1 << 16  # bytes taken from the source at once


class Randomness:
    """Uniform draws. seed: only for tests, see above."""

    def __init__(self, seed: str | None = None) -> None:
        self._source: Callable[[int], bytes] = secrets.token_bytes
        if seed is not None:
            self._source = _stream(seed.encode())
        self._block = b""
        self._at = 0

    def take(self, length: int) -> bytes:
        """`length` random bytes."""
        end = self._at + length
        if end > len(self._block):
            self._block = self._block[self._at :] + self._source(max(_BLOCK, length))
            self._at, end = 0, length
        taken = self._block[self._at : end]
        self._at = end
        return taken

    def below(self, end: int) -> int:
        """A whole number from 0 to end - 1, each equally likely. 1 <= end."""
        if end < 1:
            raise ValueError("nothing to draw from")
        bits = (end - 1).bit_length()
        length, surplus = (bits + 7) // 8, -bits % 8
        while True:
            drawn = int.from_bytes(self.take(length), "little") >> surplus
            if drawn < end:
                return drawn

    def shuffle(self, items: list[int] | array[int]) -> None:
        """Every order equally likely (Fisher and Yates), in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def order(self, count: int) -> array[int]:
        """The numbers 0 to count - 1 in random order."""
        numbers = array("Q", range(count))
        self.shuffle(numbers)
        return numbers


def _stream(seed: bytes) -> Callable[[int], bytes]:
    counter = 0

    def source(length: int) -> bytes:
        nonlocal counter
        blocks = []
        for number in range(counter, counter + -(-length // 32)):
            blocks.append(hashlib.sha256(number.to_bytes(8, "little") + seed).digest())
        counter += len(blocks)
        return b"".join(blocks)

    return source
