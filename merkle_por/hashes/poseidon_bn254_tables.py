"""Constants of Poseidon over BN254, and the sparse form of its partial rounds.

Rules: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (2021), appendices B (sparse
matrices) and E (Grain LFSR), with the round numbers of specs/zk-primitives-bn254 section 2.

Widths that exchanges use are shipped in data/ (tools/derive_poseidon_bn254.py writes them, a test
derives them again); the others are derived when first asked for.

A partial round applies the S-box to lane 0 alone, so it commutes with every matrix diag(1, H).
Two steps follow. Constants of the lanes above 0 pass through the matrix into the next round until
they meet the first later full round: one constant a partial round is left. Then, from the last
partial round backwards, its matrix N = S diag(1, H) splits so that S is the identity but for its
first row and column; diag(1, H) moves before the S-box and joins the matrix of the round before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""The scalar field of BN254."""
ELEMENT_BYTES = 32
FULL_ROUNDS = 8
PARTIAL_ROUNDS = dict(
    enumerate((56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68), start=2)
)
"""By width t, the number of lanes: those of circomlib and iden3."""
SHIPPED = (3, 5, 6, 7, 9, 11, 13, 15, 17)
"""Tree nodes 3, leaves 5 and 6, full blocks 13 and 17; the others are last blocks."""

DATA = Path(__file__).parent / "data"

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PartialRound:
    """lane 0 <- (lane 0 + constant)^5; then lane 0 <- corner * lane 0 + row . others, and each of
    the others gains column * (lane 0 before)."""

    constant: int
    corner: int
    row: tuple[int, ...]
    column: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Everything one width needs.

    first, last: constants of the 4 full rounds before and after the partial ones. mds: the matrix
    of full rounds; joint: the one of the last full round before the partial ones.
    """

    width: int
    first: Matrix
    mds: Matrix
    joint: Matrix
    partial: tuple[PartialRound, ...]
    last: Matrix

    def to_bytes(self) -> bytes:
        """All numbers, 32 bytes big-endian each: first, mds, joint, partial rounds, last."""
        numbers = [
            number for rows in (self.first, self.mds, self.joint) for row in rows for number in row
        ]
        for one in self.partial:
            numbers += (one.constant, one.corner, *one.row, *one.column)
        numbers += (number for row in self.last for number in row)
        return b"".join(number.to_bytes(ELEMENT_BYTES) for number in numbers)

    @classmethod
    def from_bytes(cls, width: int, data: bytes) -> Table:
        """ValueError where the length is not that of this width or a number is not reduced."""
        half, rounds = FULL_ROUNDS // 2, PARTIAL_ROUNDS[width]
        if len(data) != ELEMENT_BYTES * (2 * width * (half + width) + 2 * rounds * width):
            raise ValueError(f"no table of width {width}")
        numbers = [
            int.from_bytes(data[i : i + ELEMENT_BYTES]) for i in range(0, len(data), ELEMENT_BYTES)
        ]
        if not all(number < MODULUS for number in numbers):
            raise ValueError("a number of the table is not reduced")
        stream = iter(numbers)

        def take(count: int) -> tuple[int, ...]:
            return tuple(next(stream) for _ in range(count))

        first = tuple(take(width) for _ in range(half))
        mds = tuple(take(width) for _ in range(width))
        joint = tuple(take(width) for _ in range(width))
        partial = tuple(
            PartialRound(next(stream), next(stream), take(width - 1), take(width - 1))
            for _ in range(rounds)
        )
        return cls(width, first, mds, joint, partial, tuple(take(width) for _ in range(half)))


@cache
def table_bytes(width: int) -> bytes:
    """The table of a width, 2..17, as bytes: from data/ or derived. KeyError for other widths."""
    if width in SHIPPED:
        return (DATA / f"poseidon_bn254_{width:02}.bin").read_bytes()
    return derive(width).to_bytes()


@cache
def table(width: int) -> Table:
    """The table of a width, 2..17."""
    return Table.from_bytes(width, table_bytes(width))


def _grain_bits(width: int, count: int) -> str:
    """At least `count` bits of the Grain LFSR after the warm-up of 160, as text.

    b[n+80] = b[n+62] + b[n+51] + b[n+38] + b[n+23] + b[n+13] + b[n]. Squared k times (over two
    elements (f)^2 = f(x^2)) the same rule holds with all distances times 2^k, so that from 80 * 2^k
    bits the next 18 * 2^k come in one step.
    """
    # field prime (2 bits), S-box x^n (4), bits of the prime (12), t (12), R_F (10), R_P (10), ones.
    fields = (
        *((1, 2), (0, 4), (MODULUS.bit_length(), 12), (width, 12)),
        *((FULL_ROUNDS, 10), (PARTIAL_ROUNDS[width], 10), ((1 << 30) - 1, 30)),
    )
    text = "".join(f"{value:0{size}b}" for value, size in fields)
    bits = int(text[::-1], 2)  # bit n of the number is b[n]
    known, factor = 80, 1
    while known < 80 + 160 + count:
        while 80 * 2 * factor <= known:
            factor *= 2
        start = known - 80 * factor
        window = bits >> start
        step = 18 * factor
        new = 0
        for distance in (0, 13, 23, 38, 51, 62):
            new ^= window >> (distance * factor)
        bits |= (new & (1 << step) - 1) << known
        known += step
    return f"{bits:0{known}b}"[::-1][80 + 160 :]


class _Grain:
    """Numbers of 254 bits from the self-shrinking output of the LFSR: in each pair of bits the
    first says whether the second counts."""

    def __init__(self, width: int, numbers: int) -> None:
        size = MODULUS.bit_length()
        # Half of the pairs count and a quarter of the numbers is drawn again: six bits for each.
        stream = _grain_bits(width, 6 * size * (numbers + 8))
        self._bits = "".join(
            second for first, second in zip(stream[::2], stream[1::2], strict=False) if first == "1"
        )
        self._at = 0

    def number(self) -> int:
        self._at += MODULUS.bit_length()
        if self._at > len(self._bits):
            raise ValueError("the stream of bits is too short")
        return int(self._bits[self._at - MODULUS.bit_length() : self._at], 2)

    def below_modulus(self) -> int:
        while (value := self.number()) >= MODULUS:
            pass
        return value


@cache
def dense(width: int) -> tuple[Matrix, Matrix]:
    """Round constants (a row a round) and the Cauchy matrix, as the paper defines them."""
    rounds = FULL_ROUNDS + PARTIAL_ROUNDS[width]
    grain = _Grain(width, rounds * width + 2 * width)
    constants = tuple(tuple(grain.below_modulus() for _ in range(width)) for _ in range(rounds))
    xs = [grain.number() % MODULUS for _ in range(width)]
    ys = [grain.number() % MODULUS for _ in range(width)]
    return constants, tuple(tuple(pow(x + y, -1, MODULUS) for y in ys) for x in xs)


def derive(width: int) -> Table:
    """The table of a width from nothing but the rules above."""
    constants, mds = dense(width)
    half, rounds = FULL_ROUNDS // 2, PARTIAL_ROUNDS[width]
    scalars = []
    pushed = [0] * width
    for own in constants[half : half + rounds]:
        here = [(a + b) % MODULUS for a, b in zip(own, pushed, strict=True)]
        scalars.append(here[0])
        pushed = [_dot(row[1:], here[1:]) for row in mds]
    later = list(constants[half + rounds :])
    later[0] = tuple((a + b) % MODULUS for a, b in zip(later[0], pushed, strict=True))
    partial = []
    current = mds
    for constant in reversed(scalars):
        inner = tuple(row[1:] for row in current[1:])
        row = _times(tuple(zip(*_inverse(inner), strict=True)), current[0][1:])
        column = tuple(line[0] for line in current[1:])
        partial.append(PartialRound(constant, current[0][0], row, column))
        # diag(1, inner) times the matrix of the round before, which is mds again.
        columns = tuple(zip(*mds[1:], strict=True))
        current = (mds[0], *(tuple(_dot(line, c) for c in columns) for line in inner))
    return Table(width, constants[:half], mds, current, tuple(reversed(partial)), tuple(later))


def _dot(a: tuple[int, ...] | list[int], b: tuple[int, ...] | list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True)) % MODULUS


def _times(matrix: Matrix, vector: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(_dot(row, vector) for row in matrix)


def _inverse(matrix: Matrix) -> Matrix:
    """Gauss and Jordan; ValueError where there is none."""
    size = len(matrix)
    rows = [[*row, *(int(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for place in range(size):
        pivot = next((i for i in range(place, size) if rows[i][place]), None)
        if pivot is None:
            raise ValueError("the matrix has no inverse")
        rows[place], rows[pivot] = rows[pivot], rows[place]
        factor = pow(rows[place][place], -1, MODULUS)
        lead = rows[place] = [value * factor % MODULUS for value in rows[place]]
        for i in range(size):
            if i != place and rows[i][place]:
                times = rows[i][place]
                rows[i] = [(a - times * b) % MODULUS for a, b in zip(rows[i], lead, strict=True)]
    return tuple(tuple(row[size:]) for row in rows)
