"""Groth16 keys with known discrete logarithms, and as many true proofs under them as wanted.

Whoever knows the trapdoor proves anything; here it replaces a prover. For tests and benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from merkle_por.zk.bn254.curve import G2, GENERATOR1, GENERATOR2, add2, multiply2, scale
from merkle_por.zk.bn254.fields import P, R
from merkle_por.zk.bn254.pairing import Point1, Point2
from merkle_por.zk.groth16 import COMMITMENT_DST, Proof, VerifyingKey, hash_to_field


def point1(scalar: int) -> Point1:
    (point,) = scale(P, [GENERATOR1], [scalar])
    assert point is not None
    return point


def point2(scalar: int) -> Point2:
    point = multiply2(P, GENERATOR2, scalar % R)
    assert point is not None
    return point


@dataclass(frozen=True)
class Trapdoor:
    """All logarithms to the generators. k: constant, then one a public input, then, with
    commitments, one for the hash of the commitment."""

    alpha: int = 1001
    beta: int = 7
    gamma: int = 13
    delta: int = 19
    k: tuple[int, ...] = (17, 5, 3003)
    commitments: bool = False
    pedersen: int = 23
    sigma: int = 29

    @cached_property
    def key(self) -> VerifyingKey:
        pedersen = ((point2(self.pedersen), point2(self.pedersen * self.sigma)),)
        return VerifyingKey(
            point1(self.alpha),
            point2(self.beta),
            point2(self.gamma),
            point2(self.delta),
            tuple(point1(scalar) for scalar in self.k),
            pedersen if self.commitments else (),
            ((1,),) if self.commitments else (),
            self.commitments,
        )

    def c(self, inputs: tuple[int, ...], a: int, b: int, committed: int) -> int:
        """The logarithm of C for those of A, B and of the commitment."""
        weights = list(inputs)
        if self.commitments:
            x, y = point1(committed)
            message = x.to_bytes(32) + y.to_bytes(32) + inputs[0].to_bytes(32)
            weights.append(hash_to_field(message, COMMITMENT_DST))
        s = self.k[0] + sum(x * y for x, y in zip(weights, self.k[1:], strict=True))
        s += committed if self.commitments else 0
        return (a * b - self.alpha * self.beta - s * self.gamma) * pow(self.delta, -1, R) % R

    def prove(self, inputs: tuple[int, ...], a: int, b: int, b_point: G2 = None) -> Proof:
        """A true proof; b_point saves the multiplication where it is b times the generator."""
        committed = (a * 31 + 1) % R
        c = self.c(inputs, a, b, committed)
        second = b_point or point2(b)
        if not self.commitments:
            return Proof(point1(a), second, point1(c))
        return Proof(
            point1(a),
            second,
            point1(c),
            (point1(committed),),
            point1(-self.sigma * committed % R),
            has_tail=True,
        )


def many(trapdoor: Trapdoor, count: int) -> list[tuple[tuple[int, ...], Proof]]:
    """Public inputs and proofs, all different, with points of full length."""
    start = 0x123456789ABCDEF << 150
    point: G2 = point2(start)
    inputs = len(trapdoor.k) - 1 - int(trapdoor.commitments)
    out = []
    for index in range(count):
        public = tuple(pow(7, index + place + 50, R) for place in range(inputs))
        proof = trapdoor.prove(public, pow(5, index + 99, R), start + index, point)
        out.append((public, proof))
        point = add2(P, point, GENERATOR2)
    return out
