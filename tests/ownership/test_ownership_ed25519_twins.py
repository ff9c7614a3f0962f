"""Ed25519's combination s*B - k*A: the C kernel against its plain twin."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from merkle_por._native import kernel
from merkle_por.reserves.ownership import ed25519
from merkle_por.reserves.ownership.ed25519 import ORDER, PRIME

native = kernel("ed25519")
if native is None:
    pytest.skip("the C kernel is not built or switched off", allow_module_level=True)

EDGES = (0, 1, 2, 15, 16, 17, 31, 32, 2**51 - 1, 2**51, 2**252, ORDER - 1)
SCALARS = st.one_of(st.sampled_from(EDGES), st.integers(0, ORDER - 1))


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def combined(key: bytes, s: int, k: int) -> bytes | None:
    result: bytes | None = native.ed25519_combine(key, little(s), little(k))
    return result


@settings(max_examples=150, deadline=None)
@given(st.integers(1, ORDER - 1), SCALARS, SCALARS)
@example(1, 5, 5)  # the sum is the neutral point
@example(ORDER - 1, 7, ORDER - 7)
@example(1, 0, 0)
def test_points(secret: int, s: int, k: int) -> None:
    key = combined(little(1), secret, 0)  # y = 1: the neutral point as A
    assert key is not None
    assert combined(key, s, k) == ed25519.plain_combine(key, s, k)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(min_size=32, max_size=32), st.integers(0, 30).map(little)))
def test_what_is_a_point(key: bytes) -> None:
    for one in (key, key[:31] + bytes([key[31] ^ 0x80])):
        wanted = ed25519.plain_combine(one, 3, 4)
        assert combined(one, 3, 4) == wanted
        assert native.ed25519_is_point(one) == (wanted is not None)


def test_encodings_that_are_not_the_one() -> None:
    for y in range(19):  # y + p is the same number
        for sign in (0, 1 << 255):
            assert not native.ed25519_is_point(little(y + PRIME | sign))
    for y in (1, PRIME - 1):  # x = 0 has no sign
        assert native.ed25519_is_point(little(y))
        assert not native.ed25519_is_point(little(y | 1 << 255))


@pytest.mark.parametrize(
    ("key", "s", "k"),
    [(31, 32, 32), (32, 31, 32), (32, 32, 33)],
)
def test_sizes_are_tested(key: int, s: int, k: int) -> None:
    with pytest.raises(ValueError, match="sizes"):
        native.ed25519_combine(bytes(key), bytes(s), bytes(k))
    with pytest.raises(ValueError, match="scalars"):
        native.ed25519_combine(bytes(32), b"\xff" * 32, bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        native.ed25519_is_point(bytes(31))
