"""The gates of Plonky2: which polynomials of a row's wires must be zero.

Each gate is a small value with its parameters; `evaluate` answers its constraints at one point,
in the order of Plonky2. Wires and constants are extension elements there. A pair of consecutive
wires can hold one element of the extension: at a point of the extension that is an element of
the algebra F2[Y]/(Y^2 - 7), `Pair` here, whose two halves are two constraints.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import mul

from merkle_por.hashes.poseidon_goldilocks import (
    DIGEST,
    HALF_FULL_ROUNDS,
    PARTIAL_ROUNDS,
    WIDTH,
    linear_layer,
    round_constants,
)
from merkle_por.zk.goldilocks import (
    NON_RESIDUE,
    ONE,
    ZERO,
    Ext,
    P,
    inverse,
    reduce_with_powers,
    root_of_unity,
)
from merkle_por.zk.plonky2.reader import Reader

Values = Sequence[Ext]
LARGEST_PARAMETER = 255  # no row has so many wires; bounds work on hostile parameters
LARGEST_BITS = 6  # of a subgroup or list whose 2^bits elements must fit a row


class Gate(ABC):
    """One kind of row.

    wires, constants: how many of a row's the gate reads. constraints: length of `evaluate`.
    """

    @property
    @abstractmethod
    def wires(self) -> int: ...

    @property
    def constants(self) -> int:
        return 0

    @property
    @abstractmethod
    def constraints(self) -> int: ...

    @abstractmethod
    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        """Constraints at a point: w wires, k the row's constants after the selectors."""

    def is_sound(self) -> bool:
        """Whether the parameters are ones that this gate can have."""
        return True


GateReader = Callable[[Reader], Gate]


class Pair:
    """An algebra element u + vY, Y^2 = 7. Not to be changed."""

    __slots__ = ("u", "v")

    def __init__(self, u: Ext, v: Ext) -> None:
        self.u = u
        self.v = v

    def __add__(self, other: Pair) -> Pair:
        return Pair(self.u + other.u, self.v + other.v)

    def __sub__(self, other: Pair) -> Pair:
        return Pair(self.u - other.u, self.v - other.v)

    def __mul__(self, other: Pair) -> Pair:
        return Pair(
            self.u * other.u + (self.v * other.v).scale(NON_RESIDUE),
            self.u * other.v + self.v * other.u,
        )

    def times(self, factor: Ext) -> Pair:
        return Pair(self.u * factor, self.v * factor)

    def scale(self, factor: int) -> Pair:
        return Pair(self.u.scale(factor), self.v.scale(factor))

    @property
    def halves(self) -> tuple[Ext, Ext]:
        return self.u, self.v


PAIR_ZERO = Pair(ZERO, ZERO)


def _pair(w: Values, at: int) -> Pair:
    return Pair(w[at], w[at + 1])


def _pairs(w: Values, at: int, count: int) -> list[Pair]:
    return [_pair(w, at + 2 * i) for i in range(count)]


def _flat(pairs: Sequence[Pair]) -> list[Ext]:
    return [half for pair in pairs for half in pair.halves]


def _is_bit(bit: Ext) -> Ext:
    return bit * (bit - ONE)


class Noop(Gate):
    """A row without constraints."""

    wires = 0
    constraints = 0

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        return []


@dataclass(frozen=True)
class Constant(Gate):
    """Puts the row's constants on wires."""

    count: int

    @property
    def wires(self) -> int:
        return self.count

    @property
    def constants(self) -> int:
        return self.count

    @property
    def constraints(self) -> int:
        return self.count

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        return [k[i] - w[i] for i in range(self.count)]


class PublicInput(Gate):
    """Ties four wires to the hash of the public inputs."""

    wires = DIGEST
    constraints = DIGEST

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        return [w[i] - Ext(inputs_hash[i]) for i in range(DIGEST)]


@dataclass(frozen=True)
class Arithmetic(Gate):
    """operations times: out = k0*x*y + k1*z; wires x, y, z, out."""

    operations: int
    constants = 2

    @property
    def wires(self) -> int:
        return 4 * self.operations

    @property
    def constraints(self) -> int:
        return self.operations

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        out = []
        for at in range(0, 4 * self.operations, 4):
            x, y, z, result = w[at : at + 4]
            out.append(result - (x * y * k[0] + z * k[1]))
        return out


@dataclass(frozen=True)
class ArithmeticExtension(Gate):
    """As Arithmetic, over the extension."""

    operations: int
    constants = 2

    @property
    def wires(self) -> int:
        return 8 * self.operations

    @property
    def constraints(self) -> int:
        return 2 * self.operations

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        out = []
        for at in range(0, 8 * self.operations, 8):
            x, y, z, result = _pairs(w, at, 4)
            out.append(result - ((x * y).times(k[0]) + z.times(k[1])))
        return _flat(out)


@dataclass(frozen=True)
class MulExtension(Gate):
    """operations times, over the extension: out = k0*x*y; wires x, y, out."""

    operations: int
    constants = 1

    @property
    def wires(self) -> int:
        return 6 * self.operations

    @property
    def constraints(self) -> int:
        return 2 * self.operations

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        out = []
        for at in range(0, 6 * self.operations, 6):
            x, y, result = _pairs(w, at, 3)
            out.append(result - (x * y).times(k[0]))
        return _flat(out)


@dataclass(frozen=True)
class BaseSum(Gate):
    """Splits w0 into `limbs` bits, lowest first."""

    limbs: int

    @property
    def wires(self) -> int:
        return 1 + self.limbs

    @property
    def constraints(self) -> int:
        return 1 + self.limbs

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        bits = w[1 : 1 + self.limbs]
        return [reduce_with_powers(bits, Ext(2)) - w[0], *map(_is_bit, bits)]


@dataclass(frozen=True)
class Exponentiation(Gate):
    """Raises w0 to a power given by its bits, lowest first: square and multiply from the top."""

    bits: int

    @property
    def wires(self) -> int:
        return 2 + 2 * self.bits

    @property
    def constraints(self) -> int:
        return self.bits + 1

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        base = w[0]
        result = w[1 + self.bits]
        running = w[2 + self.bits : 2 + 2 * self.bits]
        out = []
        previous = ONE
        for i, value in enumerate(running):
            bit = w[self.bits - i]
            out.append(previous * (bit * base + ONE - bit) - value)
            previous = value * value
        return [*out, result - running[-1]]

    def is_sound(self) -> bool:
        return self.bits > 0


@dataclass(frozen=True)
class RandomAccess(Gate):
    """copies times: claimed = list[index], list of 2^bits; then `extra` constants on wires."""

    bits: int
    copies: int
    extra: int

    @property
    def _block(self) -> int:
        return 2 + (1 << self.bits)

    @property
    def wires(self) -> int:
        return self._block * self.copies + self.extra + self.bits * self.copies

    @property
    def constants(self) -> int:
        return self.extra

    @property
    def constraints(self) -> int:
        return self.copies * (self.bits + 2) + self.extra

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        extras_at = self._block * self.copies
        out: list[Ext] = []
        for copy in range(self.copies):
            at = self._block * copy
            bits_at = extras_at + self.extra + copy * self.bits
            bits = w[bits_at : bits_at + self.bits]
            values = list(w[at + 2 : at + self._block])
            for bit in bits:
                values = [x + bit * (y - x) for x, y in zip(values[::2], values[1::2], strict=True)]
            out += map(_is_bit, bits)
            out.append(reduce_with_powers(bits, Ext(2)) - w[at])
            out.append(values[0] - w[at + 1])
        return [*out, *(k[i] - w[extras_at + i] for i in range(self.extra))]

    def is_sound(self) -> bool:
        return self.bits <= LARGEST_BITS


@dataclass(frozen=True)
class Reducing(Gate):
    """acc = acc*alpha + coefficient for each coefficient of the base field; the last acc is out."""

    coefficients: int

    @property
    def wires(self) -> int:
        return 6 + self.coefficients + 2 * (self.coefficients - 1)

    @property
    def constraints(self) -> int:
        return 2 * self.coefficients

    def _coefficients(self, w: Values) -> list[Pair]:
        return [Pair(w[6 + i], ZERO) for i in range(self.coefficients)]

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        result, alpha, running = _pairs(w, 0, 3)
        coefficients = self._coefficients(w)
        steps = _pairs(w, self.wires - 2 * (self.coefficients - 1), self.coefficients - 1)
        out = []
        for coefficient, step in zip(coefficients, [*steps, result], strict=True):
            out.append(running * alpha + coefficient - step)
            running = step
        return _flat(out)

    def is_sound(self) -> bool:
        return self.coefficients > 0


class ReducingExtension(Reducing):
    """As Reducing, with coefficients of the extension."""

    @property
    def wires(self) -> int:
        return 6 + 2 * self.coefficients + 2 * (self.coefficients - 1)

    def _coefficients(self, w: Values) -> list[Pair]:
        return _pairs(w, 6, self.coefficients)


def _linear(state: Values) -> list[Ext]:
    real = linear_layer([x.a for x in state])
    imaginary = linear_layer([x.b for x in state])
    return [Ext(a % P, b % P) for a, b in zip(real, imaginary, strict=True)]


class PoseidonMds(Gate):
    """Poseidon's linear layer on 12 elements of the extension."""

    wires = 4 * WIDTH
    constraints = 2 * WIDTH

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        start = _pairs(w, 0, WIDTH)
        result = _pairs(w, 2 * WIDTH, WIDTH)
        mixed = map(Pair, _linear([x.u for x in start]), _linear([x.v for x in start]))
        return _flat([given - wanted for given, wanted in zip(result, mixed, strict=True)])


def _sbox(x: Ext) -> Ext:
    square = x * x
    return square * square * square * x


class Poseidon(Gate):
    """A permutation of w0-11 to w12-23; the first eight inputs change halves if w24 is 1.

    w25-28: half differences times w24; from w29 the S-box inputs of all rounds but the first.
    """

    _SWAP = 2 * WIDTH
    _DELTA = _SWAP + 1
    _SBOXES = _DELTA + 4
    wires = _SBOXES + (2 * HALF_FULL_ROUNDS - 1) * WIDTH + PARTIAL_ROUNDS
    constraints = 1 + 4 + (2 * HALF_FULL_ROUNDS - 1) * WIDTH + PARTIAL_ROUNDS + WIDTH

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        swap = w[self._SWAP]
        delta = w[self._DELTA : self._DELTA + 4]
        out = [_is_bit(swap), *(swap * (w[i + 4] - w[i]) - delta[i] for i in range(4))]
        state = [
            *(w[i] + delta[i] for i in range(4)),
            *(w[i + 4] - delta[i] for i in range(4)),
            *w[8:WIDTH],
        ]
        at = self._SBOXES
        for number, constants in enumerate(round_constants()):
            state = [x + Ext(c) for x, c in zip(state, constants, strict=True)]
            partial = HALF_FULL_ROUNDS <= number < HALF_FULL_ROUNDS + PARTIAL_ROUNDS
            active = 1 if partial else WIDTH
            if number > 0:
                inputs = w[at : at + active]
                at += active
                out += [x - wire for x, wire in zip(state[:active], inputs, strict=True)]
                state[:active] = inputs
            state[:active] = [_sbox(x) for x in state[:active]]
            state = _linear(state)
        return out + [x - w[WIDTH + i] for i, x in enumerate(state)]


@cache
def _subgroup(bits: int) -> list[int]:
    root = root_of_unity(bits)
    return [pow(root, i, P) for i in range(1 << bits)]


@cache
def _subgroup_powers(bits: int) -> list[list[int]]:
    """Row i: the powers 0, 1, 2.. of the subgroup's i-th element."""
    roots, size = _subgroup(bits), 1 << bits
    return [[roots[i * j % size] for j in range(size)] for i in range(size)]


def _on_subgroup(coefficients: Sequence[Pair], bits: int) -> list[Pair]:
    """Values of a polynomial on the subgroup of order 2^bits."""
    numbers = ((c.u.a, c.u.b, c.v.a, c.v.b) for c in coefficients)
    columns = list(zip(*numbers, strict=True))
    values = []
    for powers in _subgroup_powers(bits):
        a, b, c, d = (sum(map(mul, column, powers)) % P for column in columns)
        values.append(Pair(Ext(a, b), Ext(c, d)))
    return values


@dataclass(frozen=True)
class LowDegreeInterpolation(Gate):
    """Evaluates at a point the polynomial with given values on a coset of 2^bits points.

    Wires: shift, values, point, value, the coefficients, powers 2.. of shift and of the point.
    """

    bits: int

    @property
    def _size(self) -> int:
        return 1 << self.bits

    @property
    def wires(self) -> int:
        return 5 + 4 * self._size + 3 * (self._size - 2)

    @property
    def constraints(self) -> int:
        return (self._size - 2) + 2 * self._size + 2 * (self._size - 2) + 2

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        size = self._size
        values = _pairs(w, 1, size)
        point = _pair(w, 1 + 2 * size)
        value = _pair(w, 3 + 2 * size)
        coefficients = _pairs(w, 5 + 2 * size, size)
        at = 5 + 4 * size
        shifts = [ONE, w[0], *w[at : at + size - 2]]
        powers = [Pair(ONE, ZERO), point, *_pairs(w, at + size - 2, size - 2)]
        out = [shifts[i] * w[0] - shifts[i + 1] for i in range(1, size - 1)]
        shifted = [c.times(shift) for c, shift in zip(coefficients, shifts, strict=True)]
        for given, computed in zip(values, _on_subgroup(shifted, self.bits), strict=True):
            out += (given - computed).halves
        for i in range(1, size - 1):
            out += (powers[i] * point - powers[i + 1]).halves
        total = PAIR_ZERO
        for coefficient, power in zip(coefficients, powers, strict=True):
            total = total + coefficient * power
        return [*out, *(value - total).halves]

    def is_sound(self) -> bool:
        return 1 <= self.bits <= LARGEST_BITS


@dataclass(frozen=True)
class CosetInterpolation(Gate):
    """As LowDegreeInterpolation, by barycentric weights, without intermediate values.

    degree: how many points one step takes in; only a single step for all 2^bits is supported.
    """

    bits: int
    degree: int
    weights: tuple[int, ...]

    @property
    def _size(self) -> int:
        return 1 << self.bits

    @property
    def wires(self) -> int:
        return 1 + 2 * self._size + 6

    constraints = 4

    def evaluate(self, w: Values, k: Values, inputs_hash: Sequence[int]) -> list[Ext]:
        size = self._size
        values = _pairs(w, 1, size)
        point = _pair(w, 1 + 2 * size)
        value = _pair(w, 3 + 2 * size)
        unshifted = _pair(w, 5 + 2 * size)  # point / shift
        total, whole = PAIR_ZERO, Pair(ONE, ZERO)
        for given, weight, root in zip(values, self.weights, _subgroup(self.bits), strict=True):
            term = unshifted - Pair(Ext(root), ZERO)
            total = total * term + given.scale(weight) * whole
            whole = whole * term
        return [*(point - unshifted.times(w[0])).halves, *(value - total).halves]

    def is_sound(self) -> bool:
        if not 1 <= self.bits <= LARGEST_BITS or self.degree < self._size:
            return False
        # On the subgroup of order n the weight of x is x / n.
        part = inverse(self._size)
        return self.weights == tuple(x * part % P for x in _subgroup(self.bits))
