"""Regrouping of bits, shared by Bech32, CashAddr and Conflux (all cut bytes into groups of 5)."""

from __future__ import annotations

from collections.abc import Sequence


def to_fives(data: bytes) -> list[int]:
    """Groups of 5 bits, most significant first, the last filled with zero bits."""
    count = (len(data) * 8 + 4) // 5
    number = int.from_bytes(data, "big") << (count * 5 - len(data) * 8)
    return [number >> (5 * (count - 1 - i)) & 31 for i in range(count)]


def multiples(generators: tuple[int, int, int, int, int]) -> tuple[int, ...]:
    """What each of the 32 groups, shifted out of a BCH checksum, adds to it: the sum of the
    generators of its bits."""
    sums = [0]
    for generator in generators:
        sums += [known ^ generator for known in sums]
    return tuple(sums)


_DIGITS = b"0123456789abcdefghijklmnopqrstuv".ljust(256, b"?")
"""A group as `int` reads it in base 32."""


def from_fives(groups: Sequence[int]) -> bytes | None:
    """The bytes again; None if five or more bits, or a one bit, are left over."""
    number = int(bytes(groups).translate(_DIGITS), 32) if groups else 0
    count = 5 * len(groups)
    left = count % 8
    if left >= 5 or number & ((1 << left) - 1):
        return None
    return (number >> left).to_bytes(count // 8, "big")
