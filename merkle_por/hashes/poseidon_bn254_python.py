"""Poseidon's permutation over BN254 in Python: on plain integers, or on gmpy2's in a third of the
time. It is the kernel's twin, and what serves where the kernel was not built.

Rules: the sparse form of `poseidon_bn254_tables`. What a loop over lanes costs is mostly Python's
own, so numbers are packed: one long integer holds many of them, SLOT bits each, and multiplying it
by a lane multiplies all of them. A matrix is its packed columns: the sum of column times lane holds
the new lanes.

Partial rounds go in groups of GROUP. Within a group the lanes above 0 stay as they were at its
beginning: `rows` gives what they add to lane 0 in each of its rounds, `feedback` what a round's
S-box adds to lane 0 in this and the later rounds, `columns` what it adds to the lanes above 0 when
the group is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from merkle_por.hashes.poseidon_bn254_tables import MODULUS, PartialRound, table

SLOT = 520
"""Bits a packed number may take. The fullest slot holds at most 16 products of a lane below 9
MODULUS (it gains less than MODULUS a group) and GROUP products below MODULUS^2: under 2^515."""
GROUP = 9
"""Partial rounds a group; measured, with little between 7 and 14."""

Number = Callable[[int], int]
"""`int`, or gmpy2's `mpz`, which behaves as one."""
Vector = tuple[int, ...]


@dataclass(frozen=True)
class _Group:
    """Some partial rounds in a row. constants, feedback, columns: one a round; rows: one a lane
    above 0."""

    constants: Vector
    rows: Vector
    feedback: Vector
    columns: Vector


@dataclass(frozen=True)
class _Packed:
    """A width's table. first, last: constants of the full rounds, each with its matrix after it."""

    modulus: int
    mask: int
    first: tuple[tuple[Vector, Vector], ...]
    groups: tuple[_Group, ...]
    last: tuple[tuple[Vector, Vector], ...]


def _pack(numbers: Sequence[int]) -> int:
    """The numbers in slots, the first one lowest."""
    return int.from_bytes(b"".join(n.to_bytes(SLOT // 8, "little") for n in numbers), "little")


def _group(rounds: Sequence[PartialRound], number: Number) -> _Group:
    feedback = []
    for place, one in enumerate(rounds):
        later = rounds[place + 1 :]
        reached = (sum(a * b for a, b in zip(two.row, one.column, strict=True)) for two in later)
        feedback.append(_pack([one.corner, *(value % MODULUS for value in reached)]))
    rows = zip(*(one.row for one in rounds), strict=True)
    return _Group(
        tuple(number(one.constant) for one in rounds),
        tuple(number(_pack(row)) for row in rows),
        tuple(map(number, feedback)),
        tuple(number(_pack(one.column)) for one in rounds),
    )


@cache
def _packed(width: int, number: Number) -> _Packed:
    constants = table(width)
    mds, joint = (
        tuple(number(_pack(column)) for column in zip(*matrix, strict=True))
        for matrix in (constants.mds, constants.joint)
    )
    first, last = (
        [tuple(map(number, row)) for row in rows] for rows in (constants.first, constants.last)
    )
    partial = constants.partial
    return _Packed(
        number(MODULUS),
        number((1 << SLOT) - 1),
        tuple(zip(first, (*(mds for _ in first[1:]), joint), strict=True)),
        tuple(_group(partial[at : at + GROUP], number) for at in range(0, len(partial), GROUP)),
        tuple((row, mds) for row in last),
    )


def permute(state: Sequence[int], number: Number = int) -> list[int]:
    """The permutation of 2..17 lanes, each in 0..MODULUS-1; the new lanes are of type `number`."""
    width = len(state)
    packed = _packed(width, number)
    modulus, mask = packed.modulus, packed.mask
    lanes = list(map(number, state))
    for constants, columns in packed.first:
        lanes = _full_round(lanes, constants, columns, packed)
    zero, others = lanes[0], lanes[1:]
    for group in packed.groups:
        ahead = number(0)  # lane 0 of the rounds to come, the next one lowest
        for lane, row in zip(others, group.rows, strict=True):
            ahead += lane * row
        gained = number(0)
        for constant, feedback, column in zip(
            group.constants, group.feedback, group.columns, strict=True
        ):
            x = zero + constant
            square = x * x % modulus
            x = square * square * x % modulus
            ahead += x * feedback
            gained += x * column
            zero = (ahead & mask) % modulus
            ahead >>= SLOT
        more = _unpacked(gained, width - 1, packed)
        others = [lane + gain for lane, gain in zip(others, more, strict=True)]
    lanes = [zero, *others]
    for constants, columns in packed.last:
        lanes = _full_round(lanes, constants, columns, packed)
    return lanes


def _full_round(lanes: list[int], constants: Vector, columns: Vector, packed: _Packed) -> list[int]:
    modulus = packed.modulus
    total = 0
    for lane, constant, column in zip(lanes, constants, columns, strict=True):
        x = lane + constant
        square = x * x % modulus
        total += square * square * x % modulus * column
    return _unpacked(total, len(lanes), packed)


def _unpacked(total: int, count: int, packed: _Packed) -> list[int]:
    modulus, mask = packed.modulus, packed.mask
    return [(total >> at & mask) % modulus for at in range(0, SLOT * count, SLOT)]
