"""The Goldilocks field and its quadratic extension: field laws, roots of unity, power sums."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.zk.goldilocks import (
    GENERATOR,
    NON_RESIDUE,
    ONE,
    TWO_ADICITY,
    ZERO,
    Ext,
    P,
    PowerSum,
    inverse,
    product,
    reduce_with_powers,
    reverse_bits,
    root_of_unity,
)

ELEMENTS = st.one_of(st.sampled_from([0, 1, 2**32 - 1, 2**32, P - 1]), st.integers(0, P - 1))
EXTENSIONS = st.builds(Ext, ELEMENTS, ELEMENTS)


def test_the_modulus_has_the_known_subgroups():
    assert P == 2**64 - 2**32 + 1
    order = P - 1
    for prime in (2, 3, 5, 17, 257, 65537):  # all prime factors of p - 1
        assert pow(GENERATOR, order // prime, P) != 1
        while order % prime == 0:
            order //= prime
    assert order == 1


def test_the_extension_is_a_field():
    assert pow(NON_RESIDUE, (P - 1) // 2, P) == P - 1


@pytest.mark.parametrize("bits", [1, 2, 4, 19, 32])
def test_roots_of_unity_have_their_order(bits):
    root = root_of_unity(bits)
    assert pow(root, 1 << bits, P) == 1
    assert pow(root, 1 << (bits - 1), P) == P - 1


@pytest.mark.parametrize("bits", [-1, TWO_ADICITY + 1])
def test_no_root_of_another_order(bits):
    with pytest.raises(ValueError):
        root_of_unity(bits)


@given(EXTENSIONS, EXTENSIONS, EXTENSIONS)
def test_field_laws(x, y, z):
    assert (x + y) * z == x * z + y * z
    assert (x * y) * z == x * (y * z)
    assert x * y == y * x
    assert x - y + y == x
    assert x + ZERO == x * ONE == x


def test_the_square_of_x_is_seven():
    assert Ext(0, 1) * Ext(0, 1) == Ext(7)


@given(EXTENSIONS)
def test_inverses(x):
    if x == ZERO:
        with pytest.raises(ZeroDivisionError):
            x.inverse()
    else:
        assert x * x.inverse() == ONE
    if x.a:
        assert x.a * inverse(x.a) % P == 1


def test_zero_has_no_inverse():
    for zero in (0, P):
        with pytest.raises(ZeroDivisionError):
            inverse(zero)


@given(EXTENSIONS, ELEMENTS)
def test_scaling_is_multiplying(x, factor):
    assert x.scale(factor) == x * Ext(factor)


@given(EXTENSIONS, st.integers(0, 40))
def test_powers(x, exponent):
    assert x**exponent == product([x] * exponent)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), EXTENSIONS)
def test_power_sums(values, point):
    wanted = ZERO
    for power, value in enumerate(values):
        wanted = wanted + point**power * Ext(value % P)
    assert reduce_with_powers([Ext(value % P) for value in values], point) == wanted
    assert PowerSum(point, 40).of(values) == wanted


def test_power_sums_at_their_bounds():
    point = Ext(P - 1, P - 1)
    values = [2**64 - 1] * 500
    wanted = reduce_with_powers([Ext(value % P) for value in values], point)
    assert PowerSum(point, 500).of(values) == wanted
    with pytest.raises(ValueError):
        PowerSum(point, 3).of([1] * 4)
    with pytest.raises(ValueError):
        PowerSum(point, 1 << 17)


@given(st.integers(0, 2**20 - 1))
def test_reversing_bits_twice(value):
    assert reverse_bits(reverse_bits(value, 20), 20) == value
    assert f"{reverse_bits(value, 20):020b}" == f"{value:020b}"[::-1]
