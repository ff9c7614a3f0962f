"""The optimal ate pairing of BN254 over many pairs at once, in plain Python.

Rule: Vercauteren, "Optimal Pairings" (2010), with the loop count 6x + 2; the final exponent of
Fuentes-Castaneda, Knapp, Rodriguez-Henriquez (2011), a multiple of (p^4 - p^2 + 1)/r prime to r.
All pairs advance together: each step takes one inversion for all of them, and all lines go into
one running product, so that its squarings are shared.

While the loop runs, membership of the second points in the group of order r is tested for free
(specs/zk-primitives-bn254 section 6): after the last addition the running point must be
-psi^3(Q). That is [6x + 2 + psi - psi^2 + psi^3] Q = 0; the norm of that number is divisible by r
once and prime to the twist's cofactor 2p - r (a test computes it), so that no point outside the
group passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from merkle_por.zk.bn254.curve import inverses
from merkle_por.zk.bn254.fields import (
    FROBENIUS,
    ONE12,
    XI,
    Fp2,
    Fp12,
    P,
    X,
    conj12,
    frobenius12,
    inv12,
    mul2,
    mul12,
    pow2,
    sqr12,
    sqr_cyclotomic,
)

Point1 = tuple[int, int]
Point2 = tuple[int, int, int, int]
_Line = tuple[int, int, int, int]  # slope s and s x - y, both in Fp2


def _signed_digits(value: int) -> tuple[int, ...]:
    """Non-adjacent form of value, most significant digit (1) first."""
    digits = []
    while value:
        digit = 2 - value % 4 if value & 1 else 0
        digits.append(digit)
        value = (value - digit) // 2
    return tuple(reversed(digits))


LOOP = _signed_digits(6 * X + 2)
# psi(x, y) = (conj(x) XI^((p-1)/3), conj(y) XI^((p-1)/2)); psi^2 multiplies x by a number of Fp
# and y by -1.
_PSI_X, _PSI_Y = FROBENIUS[2], FROBENIUS[3]
_PSI2_X = pow2(P, XI, (P * P - 1) // 3)[0]


def psi(p: int, point: Point2) -> Point2:
    """The p-power map carried to the twist; multiplies by P on the group of order R."""
    x0, x1, y0, y1 = point
    x = mul2(p, (x0, -x1), _PSI_X)
    y = mul2(p, (y0, -y1), _PSI_Y)
    return x[0], x[1], y[0], y[1]


def psi2(p: int, point: Point2) -> Point2:
    x0, x1, y0, y1 = point
    return x0 * _PSI2_X % p, x1 * _PSI2_X % p, -y0 % p, -y1 % p


class _Walk:
    """Carries the running points of all pairs through the loop and hands out their lines."""

    def __init__(self, p: int, points: Sequence[Point2]) -> None:
        self.p = p
        self.running = list(points)
        self.points = points
        self.outside: set[int] = set()

    def _invert(self, norms: list[int], factor: int) -> list[int]:
        # A zero never comes up for a point of order r: T = kQ with 1 < k < r - 1 there.
        for index, norm in enumerate(norms):
            if not norm:
                self.outside.add(index)
                norms[index] = 1
        return inverses(self.p, norms, factor)

    def double(self) -> list[_Line]:
        """T <- 2T for all pairs; the tangents."""
        p, running = self.p, self.running
        lines = []
        # slope = 3x^2 / 2y = 3/2 x^2 conj(y) / |y|
        norms = [(y0 * y0 + y1 * y1) % p for _, _, y0, y1 in running]
        scaled = self._invert(norms, 3 * (P + 1) // 2)
        for index, inverse in enumerate(scaled):
            x0, x1, y0, y1 = running[index]
            a0 = (x0 + x1) * (x0 - x1) % p
            a1 = (x0 + x0) * x1 % p
            s0 = (a0 * y0 + a1 * y1) % p * inverse % p
            s1 = (a1 * y0 - a0 * y1) % p * inverse % p
            u0 = ((s0 + s1) * (s0 - s1) - x0 - x0) % p
            u1 = ((s0 + s0) * s1 - x1 - x1) % p
            m0 = (s0 * x0 - s1 * x1 - y0) % p
            m1 = (s0 * x1 + s1 * x0 - y1) % p
            running[index] = (
                u0,
                u1,
                (m0 - s0 * u0 + s1 * u1) % p,
                (m1 - s0 * u1 - s1 * u0) % p,
            )
            lines.append((s0, s1, m0, m1))
        return lines

    def add(self, points: Sequence[Point2]) -> list[_Line]:
        """T <- T + Q for all pairs; the chords."""
        p, running = self.p, self.running
        lines = []
        norms = []
        for (x0, x1, _, _), (q0, q1, _, _) in zip(running, points, strict=True):
            d0, d1 = x0 - q0, x1 - q1
            norms.append((d0 * d0 + d1 * d1) % p)
        for index, inverse in enumerate(self._invert(norms, 1)):
            x0, x1, y0, y1 = running[index]
            q0, q1, v0, v1 = points[index]
            d0, d1, e0, e1 = x0 - q0, x1 - q1, y0 - v0, y1 - v1
            s0 = (e0 * d0 + e1 * d1) % p * inverse % p
            s1 = (e1 * d0 - e0 * d1) % p * inverse % p
            u0 = ((s0 + s1) * (s0 - s1) - x0 - q0) % p
            u1 = ((s0 + s0) * s1 - x1 - q1) % p
            m0 = (s0 * x0 - s1 * x1 - y0) % p
            m1 = (s0 * x1 + s1 * x0 - y1) % p
            running[index] = (
                u0,
                u1,
                (m0 - s0 * u0 + s1 * u1) % p,
                (m1 - s0 * u1 - s1 * u0) % p,
            )
            lines.append((s0, s1, m0, m1))
        return lines

    def steps(self) -> Iterator[tuple[bool, list[_Line]]]:
        """(square first?, lines) of each step; afterwards `outside` is complete."""
        p, points = self.p, self.points
        negated = [(x0, x1, -y0 % p, -y1 % p) for x0, x1, y0, y1 in points]
        for digit in LOOP[1:]:
            yield True, self.double()
            if digit:
                yield False, self.add(points if digit > 0 else negated)
        yield False, self.add([psi(p, point) for point in points])
        twice = [psi2(p, point) for point in negated]
        yield False, self.add(twice)
        for index, point in enumerate(twice):  # psi(-psi^2 Q) = -psi^3 Q
            if self.running[index] != psi(p, point):
                self.outside.add(index)


def outside_subgroup(p: int, points: Sequence[Point2]) -> set[int]:
    """Indexes of the points of the twist that are not in the group of order R."""
    walk = _Walk(p, points)
    for _ in walk.steps():
        pass
    return walk.outside


def miller_loop(p: int, pairs: Sequence[tuple[Point1, Point2]]) -> tuple[Fp12, set[int]]:
    """Product of the Miller functions of all pairs, up to factors that the final exponentiation
    removes, and the indexes of the pairs whose second point is not in the group of order R."""
    walk = _Walk(p, [q for _, q in pairs])
    # A line s w + m w^3 at (x, y) is y - x s w + m w^3; divided by y (never 0: r is odd) its first
    # coefficient is 1.
    at = [
        (-x * inverse % p, inverse)
        for ((x, _), _), inverse in zip(pairs, inverses(p, [y for (_, y), _ in pairs]), strict=True)
    ]
    f = ONE12
    for square, lines in walk.steps():
        f = _absorb(p, sqr12(p, f) if square else f, lines, at)
    return f, walk.outside


def _absorb(p: int, f: Fp12, lines: Sequence[_Line], at: Sequence[tuple[int, int]]) -> Fp12:
    """f times all lines, each 1 + b w + c w^3; one reduction per coefficient and line."""
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11 = f
    for (s0, s1, m0, m1), (x, y) in zip(lines, at, strict=True):
        b0, b1, c0, c1 = s0 * x % p, s1 * x % p, m0 * y % p, m1 * y % p
        # XI times b and c, for what wraps around at w^6.
        d0, d1 = 9 * b0 - b1, 9 * b1 + b0
        e0, e1 = 9 * c0 - c1, 9 * c1 + c0
        f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11 = (
            (f0 + d0 * f10 - d1 * f11 + e0 * f6 - e1 * f7) % p,
            (f1 + d0 * f11 + d1 * f10 + e0 * f7 + e1 * f6) % p,
            (f2 + b0 * f0 - b1 * f1 + e0 * f8 - e1 * f9) % p,
            (f3 + b0 * f1 + b1 * f0 + e0 * f9 + e1 * f8) % p,
            (f4 + b0 * f2 - b1 * f3 + e0 * f10 - e1 * f11) % p,
            (f5 + b0 * f3 + b1 * f2 + e0 * f11 + e1 * f10) % p,
            (f6 + b0 * f4 - b1 * f5 + c0 * f0 - c1 * f1) % p,
            (f7 + b0 * f5 + b1 * f4 + c0 * f1 + c1 * f0) % p,
            (f8 + b0 * f6 - b1 * f7 + c0 * f2 - c1 * f3) % p,
            (f9 + b0 * f7 + b1 * f6 + c0 * f3 + c1 * f2) % p,
            (f10 + b0 * f8 - b1 * f9 + c0 * f4 - c1 * f5) % p,
            (f11 + b0 * f9 + b1 * f8 + c0 * f5 + c1 * f4) % p,
        )
    return f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11


_X_BITS = _signed_digits(X)


def _power_x(p: int, f: Fp12) -> Fp12:
    """f^x in the cyclotomic subgroup, where the inverse is the conjugate."""
    inverse = conj12(p, f)
    result = f
    for digit in _X_BITS[1:]:
        result = sqr_cyclotomic(p, result)
        if digit:
            result = mul12(p, result, f if digit > 0 else inverse)
    return result


def final_exponentiation(p: int, f: Fp12) -> Fp12:
    """f^((p^12 - 1)/r * 2x(6x^2 + 3x + 1)); the last factor is prime to r."""
    f = mul12(p, conj12(p, f), inv12(p, f))  # p^6 - 1
    f = mul12(p, frobenius12(p, frobenius12(p, f)), f)  # p^2 + 1
    x1 = _power_x(p, f)
    x2 = sqr_cyclotomic(p, x1)  # 2x
    x6 = mul12(p, sqr_cyclotomic(p, x2), x2)  # 6x
    xx6 = _power_x(p, x6)  # 6x^2
    xxx12 = _power_x(p, sqr_cyclotomic(p, xx6))  # 12x^3
    a = mul12(p, mul12(p, xxx12, xx6), x6)  # 12x^3 + 6x^2 + 6x
    b = mul12(p, a, conj12(p, x2))  # 12x^3 + 6x^2 + 4x
    c = mul12(p, mul12(p, a, xx6), f)  # 12x^3 + 12x^2 + 6x + 1
    d = mul12(p, b, conj12(p, f))  # 12x^3 + 6x^2 + 4x - 1
    # c b^p a^(p^2) d^(p^3), by Horner in the p-power map.
    result = frobenius12(p, d)
    result = frobenius12(p, mul12(p, result, a))
    result = frobenius12(p, mul12(p, result, b))
    return mul12(p, result, c)


def as_pairing(f: Fp12) -> tuple[Fp2, ...]:
    """The six coefficients of w^0..w^5 as plain integers, for comparison between backends."""
    return tuple((int(f[2 * i]), int(f[2 * i + 1])) for i in range(6))
