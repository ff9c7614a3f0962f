"""The groups G1 and G2 of BN254 in plain Python: membership, sums of multiples, scaling.

Rules: specs/zk-primitives-bn254 section 4; curve y^2 = x^3 + 3 over Fp, twist y^2 = x^3 + 3/(9+u)
over Fp2. Multiples in G1 use the endomorphism phi(x, y) = (BETA x, y) = LAMBDA (x, y) of Gallant,
Lambert, Vanstone (2001). It has 1 + phi + phi^2 = 0, so that the sum of a point and its image
costs nothing: P + phi(P) = -phi^2(P).

A point of G1 is (x, y), one of G2 is (x0, x1, y0, y1) with x = x0 + x1 u; None is the point at
infinity. Coordinates are `int` or gmpy2 `mpz`, like the modulus `p` that each function takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from merkle_por.zk.bn254.fields import XI, P, R, X, inv2, mul2, sqr2

G1 = tuple[int, int] | None
G2 = tuple[int, int, int, int] | None
_Jacobian = tuple[int, int, int]  # x = X/Z^2, y = Y/Z^3; Z = 0 is infinity

B1 = 3
B2 = mul2(P, (3, 0), inv2(P, XI))
"""The constant of the twist, 3/(9 + u)."""

GENERATOR1: tuple[int, int] = (1, 2)
GENERATOR2: tuple[int, int, int, int] = (
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
)
"""The generators of EIP-197."""

BETA = (18 * X**3 + 18 * X**2 + 9 * X + 1) % P
LAMBDA = (36 * X**3 + 18 * X**2 + 6 * X + 1) % R
"""Cube roots of one, modulo P and R: (BETA x, y) = LAMBDA (x, y)."""
# Two short vectors (a, b) with a + b LAMBDA = 0 mod R; their determinant is R.
_SHORT1 = (6 * X**2 + 4 * X + 1, 2 * X + 1)
_SHORT2 = (-(2 * X + 1), 6 * X**2 + 2 * X)


def on_curve1(point: G1) -> bool:
    """Is it a point of G1? (The cofactor is 1: all points have order R.)"""
    if point is None:
        return True
    x, y = point
    return (y * y - x * x * x - B1) % P == 0


def on_twist(point: G2) -> bool:
    """Is it a point of the twist? Whether it has order R is another question."""
    if point is None:
        return True
    x0, x1, y0, y1 = point
    s0, s1 = (x0 + x1) * (x0 - x1), 2 * x0 * x1
    real = (y0 + y1) * (y0 - y1) - (s0 * x0 - s1 * x1) - B2[0]
    imaginary = 2 * y0 * y1 - (s0 * x1 + s1 * x0) - B2[1]
    return real % P == 0 and imaginary % P == 0


def negate1(point: G1) -> G1:
    return None if point is None else (point[0], -point[1] % P)


def negate2(point: G2) -> G2:
    return None if point is None else (point[0], point[1], -point[2] % P, -point[3] % P)


def add2(p: int, a: G2, b: G2) -> G2:
    """Sum on the twist, affine. For keys and tests: each call costs an inversion."""
    if a is None or b is None:
        return a if b is None else b
    ax, ay, bx, by = a[:2], a[2:], b[:2], b[2:]
    if ax == bx:
        if ay != by or ay == (0, 0):
            return None
        s = sqr2(p, ax)
        slope = mul2(p, (3 * s[0], 3 * s[1]), inv2(p, (2 * ay[0], 2 * ay[1])))
    else:
        slope = mul2(p, (by[0] - ay[0], by[1] - ay[1]), inv2(p, (bx[0] - ax[0], bx[1] - ax[1])))
    s = sqr2(p, slope)
    x = ((s[0] - ax[0] - bx[0]) % p, (s[1] - ax[1] - bx[1]) % p)
    t = mul2(p, slope, (ax[0] - x[0], ax[1] - x[1]))
    return x[0], x[1], (t[0] - ay[0]) % p, (t[1] - ay[1]) % p


def multiply2(p: int, point: G2, scalar: int) -> G2:
    """scalar * point for scalar >= 0, which is not reduced: the twist has more than R points."""
    result: G2 = None
    for bit in bin(scalar)[2:]:
        result = add2(p, result, result)
        if bit == "1":
            result = add2(p, result, point)
    return result


def _double(p: int, a: _Jacobian) -> _Jacobian:
    x, y, z = a
    yy = y * y % p
    s = 4 * x * yy % p
    m = 3 * x * x % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add_affine(p: int, a: _Jacobian, b: tuple[int, int]) -> _Jacobian:
    x1, y1, z1 = a
    x2, y2 = b
    if z1 == 0:
        return x2, y2, 1
    zz = z1 * z1 % p
    h = (x2 * zz - x1) % p
    d = (y2 * z1 * zz - y1) % p
    if h == 0:
        return _double(p, a) if d == 0 else (1, 1, 0)
    hh = h * h % p
    hhh = h * hh % p
    v = x1 * hh % p
    x3 = (d * d - hhh - 2 * v) % p
    return x3, (d * (v - x3) - y1 * hhh) % p, z1 * h % p


def _add(p: int, a: _Jacobian, b: _Jacobian) -> _Jacobian:
    x1, y1, z1 = a
    x2, y2, z2 = b
    if z1 == 0 or z2 == 0:
        return a if z2 == 0 else b
    zz1, zz2 = z1 * z1 % p, z2 * z2 % p
    u1 = x1 * zz2 % p
    s1 = y1 * z2 * zz2 % p
    h = (x2 * zz1 - u1) % p
    d = (y2 * z1 * zz1 - s1) % p
    if h == 0:
        return _double(p, a) if d == 0 else (1, 1, 0)
    hh = h * h % p
    hhh = h * hh % p
    v = u1 * hh % p
    x3 = (d * d - hhh - 2 * v) % p
    return x3, (d * (v - x3) - s1 * hhh) % p, z1 * z2 * h % p


def inverses(p: int, values: Sequence[int], factor: int = 1) -> list[int]:
    """factor/v for each v, none of them zero modulo p, with one inversion (Montgomery's trick)."""
    product = 1
    prefixes = []
    for value in values:
        prefixes.append(product)
        product = product * value % p
    rest = pow(product, -1, p) * factor % p
    out = [0] * len(values)
    for index in range(len(values) - 1, -1, -1):
        out[index] = rest * prefixes[index] % p
        rest = rest * values[index] % p
    return out


def _to_affine(p: int, points: Sequence[_Jacobian]) -> list[G1]:
    out: list[G1] = []
    for (x, y, z), inverse in zip(points, inverses(p, [z or 1 for _, _, z in points]), strict=True):
        if z == 0:
            out.append(None)
        else:
            square = inverse * inverse % p
            out.append((x * square % p, y * square * inverse % p))
    return out


def split(scalar: int) -> tuple[int, int]:
    """(a, b) with a + b LAMBDA = scalar mod R and |a|, |b| < 2^128, by rounding to the lattice.

    Where a scalar was built as a + b LAMBDA from halves below 2^64, these are found again.
    """
    c1 = (2 * scalar * _SHORT2[1] + R) // (2 * R)
    c2 = (-2 * scalar * _SHORT1[1] + R) // (2 * R)
    return scalar - c1 * _SHORT1[0] - c2 * _SHORT2[0], -c1 * _SHORT1[1] - c2 * _SHORT2[1]


def scale(p: int, points: Sequence[G1], scalars: Sequence[int]) -> list[G1]:
    """scalars[i] * points[i] for each i."""
    out = []
    for point, scalar in zip(points, scalars, strict=True):
        a, b = split(scalar % R)
        out.append((1, 1, 0) if point is None else _multiply(p, point, a, b))
    return _to_affine(p, out)


def _multiply(p: int, point: tuple[int, int], a: int, b: int) -> _Jacobian:
    """a P + b phi(P): both halves at once, bit by bit (Straus)."""
    x, y = point
    x1 = BETA * x % p
    x2 = -x - x1  # 1 + BETA + BETA^2 = 0
    if a < 0 and b <= 0:
        a, b, y = -a, -b, -y
    # Until both are non-negative: -phi = 1 + phi^2 and -1 = phi + phi^2.
    if b < 0:
        a, b, x1, x2 = a - b, -b, x2, x1
    elif a < 0:
        a, b, x, x1, x2 = b - a, -a, x1, x2, x
    # Now a, b >= 0 go with (x, y) and (x1, y), and both together with (x2, -y).
    table = ((0, 0), (x, y % p), (x1 % p, y % p), (x2 % p, -y % p))
    result = (1, 1, 0)
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        result = _double(p, result)
        choice = a >> bit & 1 | (b >> bit & 1) << 1
        if choice:
            result = _add_affine(p, result, table[choice])
    return result


def sum_of_multiples(p: int, points: Sequence[G1], scalars: Sequence[int]) -> G1:
    """The sum of all scalars[i] * points[i] (Pippenger's buckets over half-length scalars)."""
    terms: list[tuple[int, tuple[int, int]]] = []
    for point, scalar in zip(points, scalars, strict=True):
        if point is None:
            continue
        x, y = point
        for half, x_image in zip(split(scalar % R), (x, BETA * x % p), strict=True):
            if half:
                terms.append((abs(half), (x_image, y if half > 0 else -y % p)))
    if not terms:
        return None
    bits = max(scalar for scalar, _ in terms).bit_length()
    # Each window costs one addition a term and two a bucket: take the cheapest width.
    width = min(range(1, 16), key=lambda w: -(-bits // w) * (len(terms) + 2 ** (w + 1)))
    result: _Jacobian = (1, 1, 0)
    for window in range(-(-bits // width) - 1, -1, -1):
        for _ in range(width):
            result = _double(p, result)
        buckets: list[_Jacobian] = [(1, 1, 0)] * (1 << width)
        shift, mask = window * width, (1 << width) - 1
        for scalar, point in terms:
            digit = scalar >> shift & mask
            if digit:
                buckets[digit] = _add_affine(p, buckets[digit], point)
        running: _Jacobian = (1, 1, 0)
        for bucket in reversed(buckets[1:]):
            running = _add(p, running, bucket)
            result = _add(p, result, running)
    return _to_affine(p, [result])[0]
