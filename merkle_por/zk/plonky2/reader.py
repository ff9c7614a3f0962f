"""A cursor over the little-endian bytes in which Plonky2 writes circuits."""

from __future__ import annotations

from merkle_por.errors import Malformed
from merkle_por.hashes.poseidon_goldilocks import Digest
from merkle_por.zk.goldilocks import P


class Reader:
    """Reads numbers in order; a number that is cut off or out of range is Malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def refuse(self, text: str) -> Malformed:
        """An error at the present place."""
        return Malformed("bad-verifier-data", text, where=f"verifier data, byte {self._at}")

    def _number(self, size: int) -> int:
        end = self._at + size
        if end > len(self._data):
            raise self.refuse("the verifier data end too early")
        value = int.from_bytes(self._data[self._at : end], "little")
        self._at = end
        return value

    def u8(self) -> int:
        return self._number(1)

    def u32(self) -> int:
        return self._number(4)

    def u64(self) -> int:
        return self._number(8)

    def boolean(self) -> bool:
        value = self.u8()
        if value > 1:
            raise self.refuse("neither 0 nor 1 where a truth value must stand")
        return bool(value)

    def field(self) -> int:
        value = self.u64()
        if value >= P:
            raise self.refuse("a field element is not below the modulus")
        return value

    def digest(self) -> Digest:
        return self.field(), self.field(), self.field(), self.field()

    def count(self, item_bytes: int) -> int:
        """A list's length, refused where the rest of the data could not hold so many items."""
        value = self.u64()
        if value * item_bytes > len(self._data) - self._at:
            raise self.refuse("a list is longer than the data")
        return value

    def numbers(self) -> tuple[int, ...]:
        return tuple(self.u64() for _ in range(self.count(8)))

    def fields(self) -> tuple[int, ...]:
        return tuple(self.field() for _ in range(self.count(8)))

    def end(self) -> None:
        if self._at != len(self._data):
            raise self.refuse(f"{len(self._data) - self._at} bytes follow the verifier data")
