"""The Fiat-Shamir transcript: a duplex sponge over Poseidon that overwrites its rate."""

from __future__ import annotations

from collections.abc import Iterable

from merkle_por.hashes.poseidon_goldilocks import RATE, WIDTH, Digest, permute
from merkle_por.zk.goldilocks import Ext


class Transcript:
    """Absorbs what the prover has committed to, and answers challenges that depend on all of it."""

    def __init__(self) -> None:
        self._state = [0] * WIDTH
        self._absorbed: list[int] = []
        self._output: list[int] = []

    def observe(self, words: Iterable[int]) -> None:
        """Absorbs field elements."""
        for word in words:
            self._output.clear()
            self._absorbed.append(word)
            if len(self._absorbed) == RATE:
                self._duplex()

    def observe_digests(self, digests: Iterable[Digest]) -> None:
        """Absorbs hashes, four elements each."""
        self.observe(word for digest in digests for word in digest)

    def observe_extension(self, values: Iterable[Ext]) -> None:
        """Absorbs extension elements, real part first."""
        self.observe(word for value in values for word in (value.a, value.b))

    def challenge(self) -> int:
        """The next field element."""
        if self._absorbed or not self._output:
            self._duplex()
        return self._output.pop()  # from the end: state[7] comes first

    def challenges(self, count: int) -> list[int]:
        return [self.challenge() for _ in range(count)]

    def extension_challenge(self) -> Ext:
        """The next extension element; the real part is drawn first."""
        real = self.challenge()
        return Ext(real, self.challenge())

    def _duplex(self) -> None:
        self._state[: len(self._absorbed)] = self._absorbed
        self._absorbed.clear()
        self._state = permute(self._state)
        self._output = self._state[:RATE]
