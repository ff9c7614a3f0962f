"""The prime field of the STARK: p = 2^251 + 17 * 2^192 + 1, multiplicative generator 3.

Rule: specs/okx-stark-v1.md section 1. Elements are ints in [0, p); 32 bytes big-endian on the
wire. p - 1 is divisible by 2^192, so there are domains of any power of two in use.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from itertools import repeat

P = 2**251 + 17 * 2**192 + 1
GENERATOR = 3
ELEMENT_BYTES = 32
_P_BYTES = P.to_bytes(ELEMENT_BYTES, "big")
_P_TOP_BYTE = _P_BYTES[0]


@cache
def root_of_unity(order: int) -> int:
    """The generator of the subgroup of `order` elements (a power of two) that provers use."""
    if order < 1 or (P - 1) % order:
        raise ValueError(f"no subgroup of {order} elements")
    return pow(GENERATOR, (P - 1) // order, P)


def signed(residue: int) -> int:
    """The representative of a residue in (-p/2, p/2]."""
    return residue - P if residue > P // 2 else residue


def elements_are_canonical(data: bytes) -> bool:
    """Whether each 32-byte element of `data`, laid end to end, is below p."""
    tops = data[::ELEMENT_BYTES]
    if not tops or max(tops) < _P_TOP_BYTE:
        return True
    return all(
        data[i : i + ELEMENT_BYTES] < _P_BYTES
        for i in range(0, len(data), ELEMENT_BYTES)
        if data[i] >= _P_TOP_BYTE
    )


def elements(data: bytes) -> list[int]:
    """The elements laid end to end in `data` (32 bytes each, big-endian) as ints."""
    chunks = struct.unpack(f"{ELEMENT_BYTES}s" * (len(data) // ELEMENT_BYTES), data)
    return list(map(int.from_bytes, chunks, repeat("big")))  # type: ignore[arg-type]


def inverses(values: Sequence[int]) -> list[int]:
    """The inverse of each value with one field inversion for all (Montgomery's trick).

    ValueError where a value is zero.
    """
    running = 1
    before = []
    for value in values:
        before.append(running)
        running = running * value % P
    inverse = pow(running, -1, P)
    found = [0] * len(values)
    for place in range(len(values) - 1, -1, -1):
        found[place] = inverse * before[place] % P
        inverse = inverse * values[place] % P
    return found


@cache
def _newton_inverses(points: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """1 / (x_i - x_(i-j)) for j = 1, 2, ... and i = j .. n-1: the divisors of the differences."""
    pairs = [(i, j) for j in range(1, len(points)) for i in range(j, len(points))]
    flat = inverses([(points[i] - points[i - j]) % P for i, j in pairs])
    rows: list[tuple[int, ...]] = []
    start = 0
    for j in range(1, len(points)):
        count = len(points) - j
        rows.append(tuple(flat[start : start + count]))
        start += count
    return tuple(rows)


def is_low_degree(points: Sequence[int], values: Sequence[int], bound: int) -> bool:
    """Whether the values at the (distinct) points lie on one polynomial of degree < bound.

    Newton's divided differences through the first `bound` points, Horner at the others.
    """
    if len(points) <= bound:
        return True
    nodes = tuple(points[:bound])
    coefficients = list(values[:bound])
    for j, row in enumerate(_newton_inverses(nodes), 1):
        for i in range(bound - 1, j - 1, -1):
            difference = coefficients[i] - coefficients[i - 1]
            coefficients[i] = difference * row[i - j] % P
    for point, value in zip(points[bound:], values[bound:], strict=True):
        result = 0
        for coefficient, node in zip(reversed(coefficients), reversed(nodes), strict=True):
            result = (result * (point - node) + coefficient) % P
        if result != value % P:
            return False
    return True
