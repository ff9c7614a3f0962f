"""The fields of BN254 (alt_bn128): Fp, Fp2, Fp6 and Fp12, as plain functions on integers.

Rules: specs/zk-primitives-bn254 section 1; parameters as in EIP-197; formulas as in Devegili,
O hEigeartaigh, Scott, Dahab, "Multiplication and Squaring on Pairing-Friendly Fields" (2006) and
Granger, Scott, "Faster Squaring in the Cyclotomic Subgroup" (2010).

Fp2 = Fp[u]/(u^2 + 1). Fp12 = Fp2[w]/(w^6 - XI) with XI = 9 + u, and v = w^2 spans Fp6 over Fp2.
An element of Fp12 is a tuple of 12 integers: real and imaginary part of the coefficient of
w^0, w^1, ... w^5. Every function takes the modulus `p` first. It may be an `int` or a gmpy2 `mpz`:
arithmetic keeps the type of its operands, so the same code serves both. Products are summed
before one reduction wherever Python's unbounded integers allow it.
"""

from __future__ import annotations

from collections.abc import Sequence

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""The base field's modulus, where coordinates live."""
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""The order of the groups; hashes and public inputs live modulo R."""
X = 4965661367192848881
"""The parameter x of the Barreto-Naehrig family: P = 36x^4 + 36x^3 + 24x^2 + 6x + 1."""
XI = (9, 1)
"""XI = 9 + u, neither a square nor a cube in Fp2."""

Fp2 = tuple[int, int]
Fp12 = tuple[int, int, int, int, int, int, int, int, int, int, int, int]

ONE12: Fp12 = (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def mul2(p: int, a: Fp2, b: Fp2) -> Fp2:
    a0, a1 = a
    b0, b1 = b
    return (a0 * b0 - a1 * b1) % p, (a0 * b1 + a1 * b0) % p


def sqr2(p: int, a: Fp2) -> Fp2:
    a0, a1 = a
    return (a0 + a1) * (a0 - a1) % p, 2 * a0 * a1 % p


def inv2(p: int, a: Fp2) -> Fp2:
    """1/a; ValueError or ZeroDivisionError for zero."""
    a0, a1 = a
    n = pow((a0 * a0 + a1 * a1) % p, -1, p)
    return a0 * n % p, -a1 * n % p


def pow2(p: int, a: Fp2, exponent: int) -> Fp2:
    result: Fp2 = (1, 0)
    for bit in bin(exponent)[2:]:
        result = sqr2(p, result)
        if bit == "1":
            result = mul2(p, result, a)
    return result


def sqrt(p: int, a: int) -> int | None:
    """A square root of `a` modulo P (P = 3 mod 4), or None where there is none."""
    root = pow(a, (P + 1) // 4, p)
    return root if (root * root - a) % p == 0 else None


def sqrt2(p: int, a: Fp2) -> Fp2 | None:
    """A square root in Fp2 by the norm: with n^2 = |a|, x^2 = (a0 +- n)/2 and y = a1/(2x)."""
    a0, a1 = a
    if a1 % p == 0:
        real = sqrt(p, a0)
        if real is not None:
            return real, 0
        imaginary = sqrt(p, -a0 % p)
        return None if imaginary is None else (0, imaginary)
    norm = sqrt(p, (a0 * a0 + a1 * a1) % p)
    if norm is None:
        return None
    half = (P + 1) // 2
    x = sqrt(p, (a0 + norm) * half % p)
    if x is None:
        x = sqrt(p, (a0 - norm) * half % p)
    if x is None:
        return None
    return x, a1 * half * pow(x, -1, p) % p


def _mul6(
    p: int, a: tuple[int, int, int, int, int, int], b: tuple[int, int, int, int, int, int]
) -> tuple[int, int, int, int, int, int]:
    """Product in Fp6 = Fp2[v]/(v^3 - XI): Karatsuba over the three coefficients."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    # v_i = a_i * b_i, unreduced.
    r0, i0 = a0 * b0 - a1 * b1, a0 * b1 + a1 * b0
    r1, i1 = a2 * b2 - a3 * b3, a2 * b3 + a3 * b2
    r2, i2 = a4 * b4 - a5 * b5, a4 * b5 + a5 * b4
    s0, s1, t0, t1 = a2 + a4, a3 + a5, b2 + b4, b3 + b5
    r12, i12 = s0 * t0 - s1 * t1 - r1 - r2, s0 * t1 + s1 * t0 - i1 - i2
    s0, s1, t0, t1 = a0 + a2, a1 + a3, b0 + b2, b1 + b3
    r01, i01 = s0 * t0 - s1 * t1 - r0 - r1, s0 * t1 + s1 * t0 - i0 - i1
    s0, s1, t0, t1 = a0 + a4, a1 + a5, b0 + b4, b1 + b5
    r02, i02 = s0 * t0 - s1 * t1 - r0 - r2, s0 * t1 + s1 * t0 - i0 - i2
    return (
        (r0 + 9 * r12 - i12) % p,
        (i0 + 9 * i12 + r12) % p,
        (r01 + 9 * r2 - i2) % p,
        (i01 + 9 * i2 + r2) % p,
        (r02 + r1) % p,
        (i02 + i1) % p,
    )


def mul12(p: int, f: Fp12, g: Fp12) -> Fp12:
    """Product in Fp12 = Fp6[w]/(w^2 - v): Karatsuba over the even and odd powers of w."""
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11 = f
    g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, g10, g11 = g
    a0, a1, a2, a3, a4, a5 = _mul6(p, (f0, f1, f4, f5, f8, f9), (g0, g1, g4, g5, g8, g9))
    b0, b1, b2, b3, b4, b5 = _mul6(p, (f2, f3, f6, f7, f10, f11), (g2, g3, g6, g7, g10, g11))
    c0, c1, c2, c3, c4, c5 = _mul6(
        p,
        (f0 + f2, f1 + f3, f4 + f6, f5 + f7, f8 + f10, f9 + f11),
        (g0 + g2, g1 + g3, g4 + g6, g5 + g7, g8 + g10, g9 + g11),
    )
    return (
        (a0 + 9 * b4 - b5) % p,
        (a1 + 9 * b5 + b4) % p,
        (c0 - a0 - b0) % p,
        (c1 - a1 - b1) % p,
        (a2 + b0) % p,
        (a3 + b1) % p,
        (c2 - a2 - b2) % p,
        (c3 - a3 - b3) % p,
        (a4 + b2) % p,
        (a5 + b3) % p,
        (c4 - a4 - b4) % p,
        (c5 - a5 - b5) % p,
    )


def sqr12(p: int, f: Fp12) -> Fp12:
    """Square: with f = A + B w, f^2 = (A+B)(A+vB) - AB - vAB + 2AB w."""
    a0, a1, b0, b1, a2, a3, b2, b3, a4, a5, b4, b5 = f
    t0, t1, t2, t3, t4, t5 = _mul6(p, (a0, a1, a2, a3, a4, a5), (b0, b1, b2, b3, b4, b5))
    s0, s1, s2, s3, s4, s5 = _mul6(
        p,
        (a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4, a5 + b5),
        (a0 + 9 * b4 - b5, a1 + 9 * b5 + b4, a2 + b0, a3 + b1, a4 + b2, a5 + b3),
    )
    return (
        (s0 - t0 - 9 * t4 + t5) % p,
        (s1 - t1 - 9 * t5 - t4) % p,
        2 * t0 % p,
        2 * t1 % p,
        (s2 - t2 - t0) % p,
        (s3 - t3 - t1) % p,
        2 * t2 % p,
        2 * t3 % p,
        (s4 - t4 - t2) % p,
        (s5 - t5 - t3) % p,
        2 * t4 % p,
        2 * t5 % p,
    )


def conj12(p: int, f: Fp12) -> Fp12:
    """f^(p^6): w -> -w. Equals 1/f once f has been raised to p^6 - 1."""
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11 = f
    return f0, f1, -f2 % p, -f3 % p, f4, f5, -f6 % p, -f7 % p, f8, f9, -f10 % p, -f11 % p


def inv12(p: int, f: Fp12) -> Fp12:
    """1/f by norms: down to Fp6, from there to Fp2. f must not be zero."""
    g = mul12(p, f, conj12(p, f))  # in Fp6: the odd powers of w vanish
    a: Fp2 = (g[0], g[1])
    b: Fp2 = (g[4], g[5])
    c: Fp2 = (g[8], g[9])
    bc, aa, bb, cc = mul2(p, b, c), sqr2(p, a), sqr2(p, b), sqr2(p, c)
    ab, ac = mul2(p, a, b), mul2(p, a, c)
    # Adjugate of a + b v + c v^2, with v^3 = XI.
    t0 = ((aa[0] - 9 * bc[0] + bc[1]) % p, (aa[1] - 9 * bc[1] - bc[0]) % p)
    t1 = ((9 * cc[0] - cc[1] - ab[0]) % p, (9 * cc[1] + cc[0] - ab[1]) % p)
    t2 = ((bb[0] - ac[0]) % p, (bb[1] - ac[1]) % p)
    ct1, bt2, at0 = mul2(p, c, t1), mul2(p, b, t2), mul2(p, a, t0)
    s = (ct1[0] + bt2[0], ct1[1] + bt2[1])
    n = inv2(p, ((at0[0] + 9 * s[0] - s[1]) % p, (at0[1] + 9 * s[1] + s[0]) % p))
    i0, i1, i2 = mul2(p, t0, n), mul2(p, t1, n), mul2(p, t2, n)
    return mul12(p, conj12(p, f), (*i0, 0, 0, *i1, 0, 0, *i2, 0, 0))


def sqr_cyclotomic(p: int, f: Fp12) -> Fp12:
    """f^2 for f with f^(p^4 - p^2 + 1) = 1 (Granger and Scott): three squarings in Fp4."""
    a0, a1, b0, b1, c0, c1, d0, d1, e0, e1, g0, g1 = f
    # Fp4 pairs (coefficients of w^i and w^(i+3)): (a, d), (c, g), (b, e).
    ad0, ad1, sa0, sa1 = _sqr4(a0, a1, d0, d1)
    cg0, cg1, sc0, sc1 = _sqr4(b0, b1, e0, e1)
    be0, be1, sb0, sb1 = _sqr4(c0, c1, g0, g1)
    return (
        (3 * ad0 - 2 * a0) % p,
        (3 * ad1 - 2 * a1) % p,
        (3 * (9 * sb0 - sb1) + 2 * b0) % p,
        (3 * (9 * sb1 + sb0) + 2 * b1) % p,
        (3 * cg0 - 2 * c0) % p,
        (3 * cg1 - 2 * c1) % p,
        (3 * sa0 + 2 * d0) % p,
        (3 * sa1 + 2 * d1) % p,
        (3 * be0 - 2 * e0) % p,
        (3 * be1 - 2 * e1) % p,
        (3 * sc0 + 2 * g0) % p,
        (3 * sc1 + 2 * g1) % p,
    )


def _sqr4(x0: int, x1: int, y0: int, y1: int) -> tuple[int, int, int, int]:
    """(x + y s)^2 with s^2 = XI: x^2 + XI y^2, then 2xy; unreduced."""
    yy0, yy1 = (y0 + y1) * (y0 - y1), 2 * y0 * y1
    return (
        (x0 + x1) * (x0 - x1) + 9 * yy0 - yy1,
        2 * x0 * x1 + 9 * yy1 + yy0,
        2 * (x0 * y0 - x1 * y1),
        2 * (x0 * y1 + x1 * y0),
    )


FROBENIUS: tuple[Fp2, ...] = tuple(pow2(P, XI, i * (P - 1) // 6) for i in range(6))
"""XI^(i(p-1)/6): what w^i is multiplied with under the p-power map, as w^(p-1) = XI^((p-1)/6)."""


def frobenius12(p: int, f: Fp12, table: Sequence[Fp2] = FROBENIUS) -> Fp12:
    """f^p."""
    out: list[int] = []
    for i in range(6):
        a0, a1 = f[2 * i], f[2 * i + 1]
        c0, c1 = table[i]
        out += ((a0 * c0 + a1 * c1) % p, (a0 * c1 - a1 * c0) % p)
    return tuple(out)  # type: ignore[return-value]
