"""Fields, groups and pairing of BN254 against their definitions, py_ecc, and each other."""

from __future__ import annotations

import sys
from math import gcd
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por._native import VARIABLE
from merkle_por.errors import UsageError
from merkle_por.zk.bn254 import curve, fields, layers, pairing
from merkle_por.zk.bn254.curve import (
    BETA,
    G1,
    GENERATOR1,
    GENERATOR2,
    LAMBDA,
    add2,
    multiply2,
    negate1,
    negate2,
    on_curve1,
    on_twist,
    scale,
    split,
    sum_of_multiples,
)
from merkle_por.zk.bn254.fields import ONE12, XI, Fp12, P, R, X
from merkle_por.zk.bn254.mcl import NOT_IN_GROUP, MclLayer

BASE = st.one_of(st.integers(0, P - 1), st.sampled_from([0, 1, P - 1, P // 2]))
SCALARS = st.one_of(
    st.integers(0, R - 1),
    st.integers(0, 2**64),
    st.sampled_from([0, 1, 2, R - 1, R - 2, LAMBDA, R - LAMBDA, LAMBDA + 1, LAMBDA * LAMBDA % R]),
)
TOWER = st.tuples(*[BASE] * 12)
SECOND = st.tuples(BASE, BASE)


@pytest.fixture(params=layers.LAYERS)
def engine(request: pytest.FixtureRequest) -> layers.Layer:
    try:
        return layers.layer(request.param)
    except UsageError as error:
        pytest.skip(str(error.hints))


def test_parameters() -> None:
    assert P == 36 * X**4 + 36 * X**3 + 24 * X**2 + 6 * X + 1
    assert R == 36 * X**4 + 36 * X**3 + 18 * X**2 + 6 * X + 1
    assert (LAMBDA**2 + LAMBDA + 1) % R == 0
    assert (BETA**2 + BETA + 1) % P == 0
    assert pow(3, (P - 1) // 2, P) == P - 1  # on y^2 = x^3 + 3 no point has x = y = 0 or y = 0


def test_the_free_group_test_is_exact() -> None:
    """[6x + 2 + psi - psi^2 + psi^3] Q = 0 only in the group of order R: the norm of that number,
    over the characteristic equation psi^2 - t psi + p = 0, has R once and nothing in common with
    the cofactor."""
    trace = P + 1 - R

    def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:  # a0 + a1 psi
        high = a[1] * b[1]
        return a[0] * b[0] - P * high, a[0] * b[1] + a[1] * b[0] + trace * high

    psi = (0, 1)
    psi2, psi3 = times(psi, psi), times(psi, times(psi, psi))
    a, b = (6 * X + 2 + psi[0] - psi2[0] + psi3[0], psi[1] - psi2[1] + psi3[1])
    norm = a * a + a * b * trace + b * b * P
    cofactor = 2 * P - R
    assert norm % R == 0
    assert norm // R % R != 0
    assert gcd(norm, cofactor) == 1
    assert gcd(R, cofactor) == 1


def test_the_final_exponent_is_a_multiple_prime_to_r() -> None:
    hard = (P**4 - P**2 + 1) // R
    a = 12 * X**3 + 6 * X**2 + 6 * X
    b = 12 * X**3 + 6 * X**2 + 4 * X
    c = 12 * X**3 + 12 * X**2 + 6 * X + 1
    factor = 2 * X * (6 * X**2 + 3 * X + 1)
    assert c + b * P + a * P**2 + (b - 1) * P**3 == hard * factor
    assert gcd(factor, R) == 1


def schoolbook(f: Fp12, g: Fp12) -> Fp12:
    """Polynomials in w over Fp2, w^6 = XI."""
    out = [(0, 0)] * 11
    for i in range(6):
        for j in range(6):
            x, y = fields.mul2(P, (f[2 * i], f[2 * i + 1]), (g[2 * j], g[2 * j + 1]))
            out[i + j] = (out[i + j][0] + x, out[i + j][1] + y)
    for k in range(6, 11):
        x, y = fields.mul2(P, out[k], XI)
        out[k - 6] = (out[k - 6][0] + x, out[k - 6][1] + y)
    return tuple(value % P for pair in out[:6] for value in pair)  # type: ignore[return-value]


@given(TOWER, TOWER)
def test_tower_products(f: Fp12, g: Fp12) -> None:
    assert fields.mul12(P, f, g) == schoolbook(f, g)
    assert fields.sqr12(P, f) == schoolbook(f, f)


@settings(max_examples=10)
@given(TOWER.filter(any))
def test_tower_inverse_frobenius_and_cyclotomic_square(f: Fp12) -> None:
    assert fields.mul12(P, f, fields.inv12(P, f)) == ONE12
    power = ONE12
    for bit in bin(P)[2:]:
        power = fields.sqr12(P, power)
        if bit == "1":
            power = fields.mul12(P, power, f)
    assert fields.frobenius12(P, f) == power
    g = fields.mul12(P, fields.conj12(P, f), fields.inv12(P, f))
    g = fields.mul12(P, fields.frobenius12(P, fields.frobenius12(P, g)), g)
    assert fields.sqr_cyclotomic(P, g) == fields.sqr12(P, g)


@given(SECOND)
def test_square_roots(a: fields.Fp2) -> None:
    square = fields.sqr2(P, a)
    root = fields.sqrt2(P, square)
    assert root is not None
    assert root in (a, (-a[0] % P, -a[1] % P))
    if a != (0, 0):
        assert fields.sqrt2(P, fields.mul2(P, square, XI)) is None
    first = fields.sqrt(P, a[0] * a[0] % P)
    assert first in (a[0], -a[0] % P)


def naive(scalar: int) -> G1:
    """scalar times the generator by affine double and add."""
    result: G1 = None
    for bit in bin(scalar)[2:]:
        result = plus(result, result)
        if bit == "1":
            result = plus(result, GENERATOR1)
    return result


def plus(a: G1, b: G1) -> G1:
    if a is None or b is None:
        return a if b is None else b
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


@given(SCALARS)
def test_split_gives_short_halves(scalar: int) -> None:
    a, b = split(scalar)
    assert (a + b * LAMBDA - scalar) % R == 0
    assert max(abs(a), abs(b)) < 2**128


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_split_finds_the_halves_of_batch_scalars(a: int, b: int) -> None:
    assert split((a + b * LAMBDA) % R) == (a, b)


@settings(max_examples=40)
@given(SCALARS)
def test_multiples(scalar: int) -> None:
    expected = naive(scalar)
    assert scale(P, [GENERATOR1], [scalar]) == [expected]
    assert sum_of_multiples(P, [GENERATOR1], [scalar]) == expected
    assert on_curve1(expected)


def test_the_endomorphism() -> None:
    assert naive(LAMBDA) == (BETA * GENERATOR1[0] % P, GENERATOR1[1])
    assert naive(R) is None


@settings(max_examples=15)
@given(st.lists(st.tuples(SCALARS, SCALARS), max_size=12))
def test_sums_of_multiples(terms: list[tuple[int, int]]) -> None:
    """With repeated points, their negatives and infinity among them, on every layer."""
    points = scale(P, [GENERATOR1] * len(terms), [a for a, _ in terms])
    scalars = [b for _, b in terms]
    expected = naive(sum(a * b for a, b in terms) % R)
    for name, why in layers.reasons().items():
        if why == "works":
            one = layers.layer(name)
            assert one.sum_of_multiples(points, scalars) == expected
            mirrored = [negate1(point) for point in points]
            assert one.sum_of_multiples(points + mirrored, scalars + scalars) is None


def test_the_twist() -> None:
    assert on_twist(GENERATOR2)
    assert multiply2(P, GENERATOR2, R) is None
    five = multiply2(P, GENERATOR2, 5)
    assert add2(P, five, negate2(GENERATOR2)) == multiply2(P, GENERATOR2, 4)
    assert not on_twist((1, 2, 3, 4))
    assert not on_curve1((1, 3))
    assert on_twist(NOT_IN_GROUP)
    assert multiply2(P, NOT_IN_GROUP, R) is not None
    psi = pairing.psi(P, GENERATOR2)
    assert psi == multiply2(P, GENERATOR2, P % R)
    assert pairing.psi2(P, GENERATOR2) == pairing.psi(P, psi)


def outsiders() -> list[Any]:
    """Points of the twist outside the group: in general position, and of small prime order."""
    cofactor = 2 * P - R
    points = [multiply2(P, NOT_IN_GROUP, n) for n in (1, 2, 77)]
    points += [multiply2(P, NOT_IN_GROUP, R * (cofactor // prime)) for prime in (10069, 5864401)]
    points.append(multiply2(P, NOT_IN_GROUP, R))
    points.append(add2(P, points[3], GENERATOR2))
    assert None not in points
    return points


def test_group_membership(engine: layers.Layer) -> None:
    inside = [GENERATOR2, multiply2(P, GENERATOR2, 12345), negate2(GENERATOR2)]
    assert engine.outside_subgroup(inside) == set()  # type: ignore[arg-type]
    mixed = inside + outsiders()
    assert engine.outside_subgroup(mixed) == set(range(3, len(mixed)))
    assert engine.outside_subgroup([]) == set()


def test_group_membership_of_many(engine: layers.Layer) -> None:
    """So many that mcl tests sums with random coefficients."""
    point = multiply2(P, GENERATOR2, 3**100)
    many: list[Any] = []
    for _ in range(220):
        many.append(point)
        point = add2(P, point, GENERATOR2)
    assert engine.outside_subgroup(many) == set()
    for place, outsider in zip((0, 100, 219), outsiders()[3:], strict=False):
        changed = [*many[:place], outsider, *many[place + 1 :]]
        assert engine.outside_subgroup(changed) == {place}


def test_two_outsiders_that_cancel_in_a_plain_sum(engine: layers.Layer) -> None:
    outsider = outsiders()[3]
    many = [GENERATOR2] * 210 + [outsider, negate2(outsider)]
    assert engine.outside_subgroup(many) == {210, 211}  # type: ignore[arg-type]


def test_products(engine: layers.Layer) -> None:
    g, h = GENERATOR1, GENERATOR2
    six, minus = naive(6), naive(R - 42)
    seven = multiply2(P, h, 7)
    assert six is not None
    assert minus is not None
    assert seven is not None
    one = engine.product_is_one
    assert one([(six, seven)], None, [(minus, h)]) == (True, set())
    assert one([(g, seven)], [6], [(minus, h)]) == (True, set())
    assert one([(g, h), (six, h)], [36, 1], [(minus, h)]) == (True, set())
    assert one([(g, h)], [41], [(minus, h)]) == (False, set())
    assert one([(g, h)], None, []) == (False, set())
    assert one([], None, [(six, seven), (minus, h)]) == (True, set())
    assert one([], None, []) == (True, set())
    for outsider in outsiders():
        assert one([(six, seven), (g, outsider)], None, [(minus, h)]) == (False, {1})


def test_a_scalar_of_zero_is_refused(engine: layers.Layer) -> None:
    with pytest.raises((UsageError, ValueError)):
        engine.product_is_one([(GENERATOR1, GENERATOR2)], [R], [])


def test_pairing_equals_py_ecc() -> None:
    """After raising py_ecc's value to the factor that our final exponentiation has in addition."""
    ecc = pytest.importorskip("py_ecc.optimized_bn128")
    first, second = naive(1234567), multiply2(P, GENERATOR2, 7654321)
    assert first is not None
    assert second is not None
    f, outside = pairing.miller_loop(P, [(first, second)])
    assert not outside
    ours = pairing.as_pairing(pairing.final_exponentiation(P, f))
    theirs = ecc.pairing(
        (ecc.FQ2(second[:2]), ecc.FQ2(second[2:]), ecc.FQ2.one()),
        (ecc.FQ(first[0]), ecc.FQ(first[1]), ecc.FQ.one()),
    ) ** (2 * X * (6 * X**2 + 3 * X + 1) % R)
    # py_ecc has Fp12 = Fp[w] with w^12 = 18 w^6 - 82, so u = w^6 - 9.
    expected = [0] * 12
    for i, (real, imaginary) in enumerate(ours):
        expected[i] += real - 9 * imaginary
        expected[i + 6] += imaginary
    assert [int(c) % P for c in theirs.coeffs] == [value % P for value in expected]


def test_layers_can_be_forced_and_say_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layers.layer("python").name == "python"
    with pytest.raises(UsageError, match="no pairing layer"):
        layers.layer("abacus")
    monkeypatch.setenv(VARIABLE, "python")
    assert layers.layer().name == "python"
    assert "MERKLE_POR_BACKEND" in layers.reasons()["mcl"]
    with pytest.raises(UsageError):
        layers.layer("mcl")


def test_the_light_layer_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mclbn256", "gmpy2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert layers.light().name == "python"
    monkeypatch.setitem(sys.modules, "gmpy2", ModuleType("gmpy2"))
    if layers.reasons()["gmpy2"] == "works":
        assert layers.light().name == "gmpy2"


def mcl() -> MclLayer:
    try:
        return MclLayer()
    except layers.LayerUnavailable as error:
        pytest.skip(str(error))


def test_another_curve_chosen_elsewhere_in_the_process_is_noticed() -> None:
    """The wheel's own curve (number 0), as another user of the wheel might set it."""
    layer = mcl()
    assert layer._library.mclBn_init(0, 44) == 0
    assert layer._order("mclBn_getCurveOrder") != R
    assert layer.sum_of_multiples([GENERATOR1], [6]) == naive(6)
    assert layer._order("mclBn_getCurveOrder") == R


def test_a_wheel_with_wrong_answers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    mcl()
    monkeypatch.setattr(MclLayer, "_known_answers", lambda self: False)
    with pytest.raises(layers.LayerUnavailable, match="wrong known answers"):
        MclLayer()


def test_a_wheel_on_another_curve_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    mcl()
    monkeypatch.setattr(MclLayer, "_order", lambda self, name: R - 2)
    with pytest.raises(layers.LayerUnavailable, match="BN254"):
        MclLayer()


def test_a_wheel_that_does_not_load_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mclbn256", None)
    with pytest.raises(layers.LayerUnavailable, match="does not load"):
        MclLayer()


def test_known_answers_notice_each_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = mcl()
    for name, answer in (
        ("sum_of_multiples", GENERATOR1),
        ("outside_subgroup", set()),
        ("product_is_one", (True, set())),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(MclLayer, name, lambda self, *a, answer=answer: answer)
            assert layer._known_answers() is False
    assert layer._known_answers() is True


def test_addition_of_points_meets_its_special_cases() -> None:
    """Doubling and cancelling inside the buckets' additions."""
    g, minus = GENERATOR1, negate1(GENERATOR1)
    assert sum_of_multiples(P, [g, g, g], [1, 1, 1]) == naive(3)
    assert sum_of_multiples(P, [g, minus], [1, 1]) is None
    assert sum_of_multiples(P, [None], [5]) is None
    assert sum_of_multiples(P, [], []) is None
    assert scale(P, [None, g], [5, 0]) == [None, None]
    assert curve._add(P, (1, 1, 0), (1, 2, 1)) == (1, 2, 1)
