"""Groth16 over BN254 with gnark's commitment extension: one proof, or many in one equation.

Rules: Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016); gnark's extension
and the batch equation as in specs/zk-primitives-bn254 section 6. Batches follow Bellare, Garay,
Rabin, "Fast Batch Verification" (1998): a random combination of all equations, drawn from the
operating system's generator after the proofs are fixed, holds for a false one with probability
2^-128 at most.

What the equations take for granted is checked before them: public inputs below R and as many as
the key wants, no point at infinity among A, B, C, and B in the group of order R. Points are on
their curves by the way they are read (`merkle_por.zk.gnark`).

Trust: whoever made the key can forge any proof under it. Pinning keys is the caller's business.
Proofs are malleable (A/k, kB verifies too): their bytes identify nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed, UsageError
from merkle_por.zk.bn254.curve import G1, G2, LAMBDA, negate1
from merkle_por.zk.bn254.fields import R
from merkle_por.zk.bn254.layers import Layer, Pair, layer, light
from merkle_por.zk.bn254.pairing import Point1, Point2

COMMITMENT_DST = b"bsb22-commitment"
"""gnark's domain separation tag for the hash of a commitment."""
CHUNK = 1000
"""Proofs a batch: beyond it the shared parts no longer weigh, and memory stays small."""
_FEW = 4  # up to here loading a quick layer takes longer than it saves
_SINGLES = 2  # a batch of so few costs as much as single checks
_BISECTION = 4  # rows in failing batches, in multiples of the chunk; see _Search

Label = TypeVar("Label")


@dataclass(frozen=True)
class VerifyingKey:
    """A checked key; made by `gnark.read_verifying_key`, which tests every point's membership.

    alpha1, beta2, gamma2, delta2: the usual names. k: one point for the constant 1, one for each
    public input, one for each commitment. commitment_keys: (G, G sigma) for each commitment.
    committed: for each commitment the public inputs it covers, counted from 1. has_tail: does the
    gnark generation of this key write commitments (even none) into its proofs?
    """

    alpha1: Point1
    beta2: Point2
    gamma2: Point2
    delta2: Point2
    k: tuple[Point1, ...]
    commitment_keys: tuple[tuple[Point2, Point2], ...] = ()
    committed: tuple[tuple[int, ...], ...] = ()
    has_tail: bool = False

    @property
    def public_inputs(self) -> int:
        """How many public inputs a statement under this key has."""
        return len(self.k) - 1 - len(self.commitment_keys)


@dataclass(frozen=True)
class Proof:
    """Points on their curves; b's membership in the group of order R is tested on verification.

    commitments, pok: gnark's Pedersen commitments and their proof of knowledge. has_tail: were
    they written at all (proofs of older gnark generations end after c)?
    """

    a: G1
    b: G2
    c: G1
    commitments: tuple[G1, ...] = ()
    pok: G1 = None
    has_tail: bool = False


@dataclass(frozen=True)
class Statement(Generic[Label]):
    """One proof with what it is to be checked against; the label is the caller's."""

    label: Label
    key: VerifyingKey
    public_inputs: tuple[int, ...]
    proof: Proof


@dataclass(frozen=True)
class _Ready:
    """A statement whose shape is right: only group membership and the equations are left."""

    key: VerifyingKey
    weights: tuple[int, ...]  # of the key's k, without the leading 1
    a: Point1
    b: Point2
    c: Point1
    commitments: tuple[G1, ...]
    pok: G1


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """RFC 9380 section 5.3.1 with SHA-256; length <= 255 * 32 bytes, dst <= 255 bytes."""
    if length > 255 * 32 or len(dst) > 255:
        raise ValueError("expand_message_xmd: length or tag too long")
    suffix = dst + bytes([len(dst)])
    first = hashlib.sha256(bytes(64) + message + length.to_bytes(2) + b"\0" + suffix).digest()
    block = hashlib.sha256(first + b"\1" + suffix).digest()
    out = block
    for index in range(2, -(-length // 32) + 1):
        mixed = bytes(x ^ y for x, y in zip(first, block, strict=True))
        block = hashlib.sha256(mixed + bytes([index]) + suffix).digest()
        out += block
    return out[:length]


def hash_to_field(message: bytes, dst: bytes) -> int:
    """gnark's hash to Fr: 48 bytes of expand_message_xmd, big-endian, modulo R."""
    return int.from_bytes(expand_message_xmd(message, dst, 48)) % R


def _raw(point: G1) -> bytes:
    return bytes(64) if point is None else point[0].to_bytes(32) + point[1].to_bytes(32)


def _prepare(key: VerifyingKey, public_inputs: Sequence[int], proof: Proof) -> _Ready:
    """Shape first: everything that needs no group operation. Raises Malformed, Invalid."""
    if len(public_inputs) != key.public_inputs:
        raise Malformed(
            "public-input-count",
            "the number of public inputs is not the one of the verifying key",
            expected=str(key.public_inputs),
            computed=str(len(public_inputs)),
        )
    if not all(0 <= value < R for value in public_inputs):
        raise Malformed("public-input-range", "a public input is not below the group order")
    if proof.has_tail != key.has_tail:
        raise Malformed("proof-length", "proof and verifying key are of different generations")
    if len(proof.commitments) != len(key.commitment_keys):
        raise Invalid(
            "commitment-count",
            "the number of commitments in the proof is not the one of the verifying key",
            expected=str(len(key.commitment_keys)),
            computed=str(len(proof.commitments)),
        )
    if len(proof.commitments) > 1:
        raise Incomplete(
            "several-commitments", "proofs with more than one commitment are not supported"
        )
    if not proof.commitments and proof.pok is not None:
        raise Invalid("commitment-proof", "a proof of knowledge without any commitment")
    a, b, c = proof.a, proof.b, proof.c
    if a is None or b is None or c is None:
        raise Invalid("infinity", "a point of the proof is the point at infinity")
    weights = list(public_inputs)
    for point, covered in zip(proof.commitments, key.committed, strict=True):
        values = b"".join(public_inputs[index - 1].to_bytes(32) for index in covered)
        weights.append(hash_to_field(_raw(point) + values, COMMITMENT_DST))
    return _Ready(key, tuple(weights), a, b, c, proof.commitments, proof.pok)


def _finite(pairs: Iterable[tuple[G1, Point2]]) -> list[Pair]:
    """Without those at infinity: their pairing is 1."""
    return [(first, second) for first, second in pairs if first is not None]


def _subgroup() -> Invalid:
    return Invalid("subgroup", "point B of the proof lies outside the group of prime order")


def _verify_one(item: _Ready, engine: Layer) -> None:
    """Both equations exactly, without randomness. Raises Invalid."""
    key = item.key
    s = engine.sum_of_multiples(
        [*key.k, *item.commitments], [1, *item.weights, *(1 for _ in item.commitments)]
    )
    holds, outside = engine.product_is_one(
        [(item.a, item.b)],
        None,
        _finite(
            (
                (negate1(s), key.gamma2),
                (negate1(item.c), key.delta2),
                (negate1(key.alpha1), key.beta2),
            )
        ),
    )
    if outside:
        raise _subgroup()
    if not holds:
        raise Invalid("proof-rejected", "the zk proof does not verify under its key")
    for point, (g, g_sigma) in zip(item.commitments, key.commitment_keys, strict=True):
        pairs = _finite(((point, g_sigma), (item.pok, g)))
        if pairs and not engine.product_is_one([], None, pairs)[0]:
            raise Invalid("commitment-proof", "the commitment's proof of knowledge fails")


def verify(
    key: VerifyingKey, public_inputs: Sequence[int], proof: Proof, *, engine: Layer | None = None
) -> None:
    """Check one proof; returns if it verifies.

    public_inputs: field elements, 0 <= value < R. engine: a layer to use instead of the
    one chosen here.
    Raises Malformed (inputs that don't fit the key), Invalid (subgroup, infinity, commitment-count,
    commitment-proof, proof-rejected), Incomplete (several-commitments).
    """
    _verify_one(_prepare(key, public_inputs, proof), engine or light())


def _random_scalars(count: int) -> list[int]:
    """a + b LAMBDA mod R with 64-bit a and b: 2^128 - 1 different values, none of them 0.

    They are different because no vector of the lattice {a + b LAMBDA = 0 mod R} but 0 is shorter
    than about 2^127; and with halves this short a multiplication takes half as many doublings.
    """
    out: list[int] = []
    while len(out) < count:
        bits = secrets.randbits(128)
        if bits:
            out.append(((bits >> 64) + (bits & (1 << 64) - 1) * LAMBDA) % R)
    return out


def _batch_holds(items: Sequence[_Ready], engine: Layer) -> tuple[bool, set[int]]:
    """Do all equations of all items hold (but with probability 2^-128)? And whose B is outside?"""
    scalars = _random_scalars(len(items))
    groups: dict[int, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(id(item.key), []).append(index)
    key_pairs: list[tuple[G1, Point2]] = []
    for members in groups.values():
        key = items[members[0]].key
        r = [scalars[index] for index in members]
        weights = [sum(r)]
        for place in range(len(key.k) - 1):
            products = (
                x * items[index].weights[place] for x, index in zip(r, members, strict=True)
            )
            weights.append(sum(products))
        multiples = engine.sum_of_multiples
        s_points: list[G1] = list(key.k)
        if key.commitment_keys:
            commitments = [items[index].commitments[0] for index in members]
            s_points.append(multiples(commitments, r))
            weights.append(1)
            t = _random_scalars(len(members))
            (g, g_sigma) = key.commitment_keys[0]
            key_pairs.append((multiples(commitments, t), g_sigma))
            key_pairs.append((multiples([items[index].pok for index in members], t), g))
        key_pairs.append((negate1(multiples(s_points, weights)), key.gamma2))
        c_sum = multiples([items[index].c for index in members], r)
        key_pairs.append((negate1(c_sum), key.delta2))
        key_pairs.append((negate1(multiples([key.alpha1], weights[:1])), key.beta2))
    return engine.product_is_one([(item.a, item.b) for item in items], scalars, _finite(key_pairs))


class _Search:
    """Names the bad ones of a chunk: one equation for all, halves where it fails.

    Bisection pays where few are bad. `_budget` bounds it where many are: once that many rows
    stood in failing batches, the rest goes one by one, so that junk costs a constant factor.
    """

    def __init__(self, items: Sequence[_Ready], engine: Layer) -> None:
        self.items = items
        self.engine = engine
        self.bad: dict[int, Finding] = {}
        self._budget = _BISECTION * len(items)

    def run(self) -> dict[int, Finding]:
        """Row -> what is wrong with it."""
        self._search(list(range(len(self.items))), known_bad=False)
        return self.bad

    def _search(self, rows: list[int], *, known_bad: bool) -> bool:
        """Is one of these rows bad?"""
        if len(rows) <= _SINGLES or self._budget <= 0:
            return self._one_by_one(rows)
        if not known_bad:
            holds, outside = _batch_holds([self.items[row] for row in rows], self.engine)
            if outside:
                for place in outside:
                    self.bad[rows[place]] = _subgroup()
                rest = [row for place, row in enumerate(rows) if place not in outside]
                self._search(rest, known_bad=False)
                return True
            if holds:
                return False
        self._budget -= len(rows)
        middle = len(rows) // 2
        left = self._search(rows[:middle], known_bad=False)
        right = self._search(rows[middle:], known_bad=not left)
        return left or right

    def _one_by_one(self, rows: list[int]) -> bool:
        before = len(self.bad)
        for row in rows:
            try:
                _verify_one(self.items[row], self.engine)
            except Finding as finding:
                self.bad[row] = finding
        return len(self.bad) > before


def failures(
    statements: Iterable[Statement[Label]], *, chunk: int = CHUNK, engine: Layer | None = None
) -> Iterator[tuple[Label, Finding]]:
    """Check a stream of statements; yields label and finding of each bad one, in order.

    Reads `chunk` statements at a time (>= 1) and holds no more; keys may alternate freely, but
    equal keys should be one object, since each key object adds its own pairings to a batch. A
    statement that does not come up was verified. Findings are those of `verify`.
    """
    if chunk < 1:
        raise UsageError("a chunk holds at least one statement")
    stream = iter(statements)
    while part := list(islice(stream, chunk)):
        bad: dict[int, Finding] = {}
        ready: list[tuple[int, _Ready]] = []
        for place, one in enumerate(part):
            try:
                ready.append((place, _prepare(one.key, one.public_inputs, one.proof)))
            except Finding as finding:
                bad[place] = finding
        chosen = engine or (light() if len(ready) <= _FEW else layer())
        found = _Search([item for _, item in ready], chosen).run()
        bad |= {ready[row][0]: finding for row, finding in found.items()}
        for place in sorted(bad):
            yield part[place].label, bad[place]
