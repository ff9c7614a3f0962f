"""The Goldilocks field and its quadratic extension, for proof systems over them.

p = 2^64 - 2^32 + 1. Field elements are plain integers below p. The extension is Fp[X]/(X^2 - 7);
`Ext(a, b)` is a + bX. The generator 7 and the root of unity are Plonky2's choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from operator import mul

from merkle_por.hashes.poseidon_goldilocks import P

__all__ = [
    "GENERATOR",
    "NON_RESIDUE",
    "ONE",
    "TWO_ADICITY",
    "ZERO",
    "Ext",
    "P",
    "PowerSum",
    "inverse",
    "product",
    "reduce_with_powers",
    "reverse_bits",
    "root_of_unity",
]

GENERATOR = 7
NON_RESIDUE = 7
TWO_ADICITY = 32
_ROOT_OF_UNITY = 1753635133440165772  # of order 2^32


def inverse(value: int) -> int:
    """1 / value. Raises ZeroDivisionError for zero."""
    if value % P == 0:
        raise ZeroDivisionError("zero has no inverse")
    return pow(value, -1, P)


@cache
def root_of_unity(bits: int) -> int:
    """The root of order 2^bits, 0 <= bits <= 32."""
    if not 0 <= bits <= TWO_ADICITY:
        raise ValueError(f"no root of unity of order 2^{bits}")
    return pow(_ROOT_OF_UNITY, 1 << (TWO_ADICITY - bits), P)


def reverse_bits(value: int, bits: int) -> int:
    """The lowest `bits` bits of value in reverse order."""
    out = 0
    for _ in range(bits):
        out = out << 1 | value & 1
        value >>= 1
    return out


class Ext:
    """An element a + bX of the quadratic extension; a and b are reduced. Not to be changed."""

    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int = 0) -> None:
        self.a = a
        self.b = b

    def __repr__(self) -> str:
        return f"Ext({self.a}, {self.b})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ext) and self.a == other.a and self.b == other.b

    def __hash__(self) -> int:
        return hash((self.a, self.b))

    def __bool__(self) -> bool:
        return bool(self.a or self.b)

    def __add__(self, other: Ext) -> Ext:
        return Ext((self.a + other.a) % P, (self.b + other.b) % P)

    def __sub__(self, other: Ext) -> Ext:
        return Ext((self.a - other.a) % P, (self.b - other.b) % P)

    def __mul__(self, other: Ext) -> Ext:
        a, b, c, d = self.a, self.b, other.a, other.b
        return Ext((a * c + NON_RESIDUE * b * d) % P, (a * d + b * c) % P)

    def scale(self, factor: int) -> Ext:
        """Product with a base field element."""
        return Ext(self.a * factor % P, self.b * factor % P)

    def __pow__(self, exponent: int) -> Ext:
        result, base = ONE, self
        while exponent:
            if exponent & 1:
                result = result * base
            base = base * base
            exponent >>= 1
        return result

    def inverse(self) -> Ext:
        """1 / self. Raises ZeroDivisionError for zero."""
        # (a + bX)(a - bX) = a^2 - 7 b^2 lies in the base field.
        factor = inverse(self.a * self.a - NON_RESIDUE * self.b * self.b)
        return Ext(self.a * factor % P, -self.b * factor % P)


ZERO = Ext(0)
ONE = Ext(1)


def reduce_with_powers(values: Sequence[Ext], point: Ext) -> Ext:
    """sum of values[i] * point^i."""
    total = ZERO
    for value in reversed(values):
        total = total * point + value
    return total


class PowerSum:
    """sums v[0] + v[1]*point + v[2]*point^2 + ... of base field values, for one fixed point."""

    # Both halves of a power in one integer: a sum of 2^16 products below 2^128 fits a slot.
    _SLOT = 144
    _MASK = (1 << _SLOT) - 1

    def __init__(self, point: Ext, count: int) -> None:
        """count: how many powers are prepared, the longest list that `of` takes (<= 2^16)."""
        if count > 1 << 16:
            raise ValueError("too many values")
        packed = []
        power = ONE
        for _ in range(count):
            packed.append(power.a | power.b << self._SLOT)
            power = power * point
        self._powers = packed

    def of(self, values: Sequence[int]) -> Ext:
        """The sum for `values`, each 0 <= v < 2^64."""
        if len(values) > len(self._powers):
            raise ValueError("more values than powers")
        total = sum(map(mul, values, self._powers))
        return Ext((total & self._MASK) % P, (total >> self._SLOT) % P)


def product(values: Iterable[Ext]) -> Ext:
    """Product of all values, 1 for none."""
    result = ONE
    for value in values:
        result = result * value
    return result
