"""Points of a short Weierstrass curve y^2 = x^3 + ax + b over a prime field, in plain Python.

Serves secp256k1 where coincurve is absent and the STARK curve always. Only public values pass
through here, so nothing is constant-time. Jacobian coordinates: (X, Y, Z) is the point
(X/Z^2, Y/Z^3), Z = 0 the neutral element; formulas from hyperelliptic.org/EFD.
"""

from __future__ import annotations

from dataclasses import dataclass

Affine = tuple[int, int]
Jacobian = tuple[int, int, int]

NEUTRAL: Jacobian = (1, 1, 0)


def square_root(value: int, prime: int) -> int | None:
    """A root of value modulo an odd prime, or None where there is none (Tonelli and Shanks)."""
    value %= prime
    if value == 0:
        return 0
    if pow(value, (prime - 1) // 2, prime) != 1:
        return None
    if prime % 4 == 3:
        return pow(value, (prime + 1) // 4, prime)
    odd, twos = prime - 1, 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    non_residue = 2
    while pow(non_residue, (prime - 1) // 2, prime) == 1:
        non_residue += 1
    factor = pow(non_residue, odd, prime)
    root, rest = pow(value, (odd + 1) // 2, prime), pow(value, odd, prime)
    while rest != 1:
        order, power = 0, rest
        while power != 1:
            power = power * power % prime
            order += 1
        step = pow(factor, 1 << (twos - order - 1), prime)
        factor = step * step % prime
        root, rest, twos = root * step % prime, rest * factor % prime, order
    return root


@dataclass(frozen=True, slots=True)
class Curve:
    """p: the field. a, b: the curve. n: prime order of the generator. x, y: the generator."""

    p: int
    a: int
    b: int
    n: int
    x: int
    y: int

    @property
    def generator(self) -> Affine:
        return self.x, self.y

    def contains(self, point: Affine) -> bool:
        """Are both coordinates below p and on the curve?"""
        x, y = point
        p = self.p
        return 0 <= x < p and 0 <= y < p and (y * y - (x * x + self.a) * x - self.b) % p == 0

    def lift(self, x: int, odd: bool = False) -> Affine | None:
        """The point with this x whose y is odd or even; None if x is on no point."""
        if not 0 <= x < self.p:
            return None
        y = square_root((x * x + self.a) * x + self.b, self.p)
        if y is None:
            return None
        return x, y if y % 2 == odd else (self.p - y) % self.p

    def double(self, point: Jacobian) -> Jacobian:
        x, y, z = point
        p = self.p
        if not z or not y:
            return NEUTRAL
        yy = y * y % p
        s = 4 * x * yy % p
        m = 3 * x * x
        if self.a:
            zz = z * z % p
            m += self.a * zz * zz
        m %= p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def add_affine(self, point: Jacobian, other: Affine) -> Jacobian:
        """Sum of a Jacobian and an affine point."""
        x, y, z = point
        if not z:
            return other[0], other[1], 1
        p = self.p
        zz = z * z % p
        h = (other[0] * zz - x) % p
        r = (other[1] * zz * z - y) % p
        if not h:
            return NEUTRAL if r else self.double(point)
        hh = h * h % p
        hhh = h * hh % p
        v = x * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - y * hhh) % p, z * h % p

    def affine(self, point: Jacobian) -> Affine | None:
        """Affine coordinates; None for the neutral element."""
        x, y, z = point
        if not z:
            return None
        inverse = pow(z, -1, self.p)
        square = inverse * inverse % self.p
        return x * square % self.p, y * square * inverse % self.p

    def sum(self, one: Affine, other: Affine) -> Affine | None:
        """Affine sum of two affine points."""
        return self.affine(self.add_affine((*one, 1), other))

    def combine(self, u: int, one: Affine, v: int, other: Affine) -> Affine | None:
        """u * one + v * other for 0 <= u, v; None for the neutral element (Shamir's trick)."""
        both = self.sum(one, other)
        total = NEUTRAL
        for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
            total = self.double(total)
            pick = (u >> bit & 1) + 2 * (v >> bit & 1)
            if pick == 1:
                total = self.add_affine(total, one)
            elif pick == 2:
                total = self.add_affine(total, other)
            elif pick == 3 and both is not None:
                total = self.add_affine(total, both)
        return self.affine(total)
