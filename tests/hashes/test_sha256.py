"""SHA-256 of many messages: each engine and the Python twin against hashlib."""

from __future__ import annotations

import hashlib
import random
from array import array
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por import _native
from merkle_por.errors import UsageError
from merkle_por.hashes import sha256

KERNEL = _native.kernel("sha256")
ENGINES = KERNEL.sha256_engines() if KERNEL else []
needs_kernel = pytest.mark.skipif(KERNEL is None, reason="the kernel is not built")

# Around every border of the padding: 55/56 and 63/64 bytes, for one to three blocks.
EDGES = [n + k for n in (0, 64, 128) for k in (0, 1, 54, 55, 56, 57, 62, 63)] + [1000, 4096]


def expected(messages: list[bytes]) -> list[bytes]:
    return [hashlib.sha256(message).digest() for message in messages]


@pytest.fixture(params=["auto", "python", "c"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(_native.VARIABLE, request.param)
    return str(request.param)


@needs_kernel
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 17, 256, 257, 600])
def test_each_engine_equals_hashlib_on_mixed_lengths(engine: str, count: int) -> None:
    rng = random.Random(count)
    messages = [rng.randbytes(rng.choice([*EDGES, rng.randrange(300)])) for _ in range(count)]
    assert KERNEL is not None
    assert KERNEL.sha256_of_list(messages, engine) == b"".join(expected(messages))


@pytest.mark.usefixtures("backend")
def test_padding_borders() -> None:
    messages = [bytes([n % 251]) * n for n in EDGES]
    assert sha256.digests(messages) == expected(messages)


@given(messages=st.lists(st.binary(max_size=200), max_size=40))
@settings(deadline=None, max_examples=60)
def test_list_flat_and_slices_agree(messages: list[bytes]) -> None:
    offsets = array("Q", accumulate(map(len, messages), initial=0))
    flat = b"".join(messages)
    assert sha256.digests(messages) == expected(messages)
    assert sha256.digests_at(flat, offsets) == b"".join(expected(messages))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("length", "stride", "first"), [(64, 64, 0), (64, 96, 32), (80, 80, 40)])
def test_slices(length: int, stride: int, first: int) -> None:
    data = random.Random(length).randbytes(first + stride * 33 + length)
    messages = [data[first + i * stride :][:length] for i in range(34)]
    got = sha256.digests_of_slices(data, length, first=first, stride=stride)
    assert got == b"".join(expected(messages))


@pytest.mark.usefixtures("backend")
def test_slices_may_repeat_or_be_none() -> None:
    assert sha256.digests_of_slices(b"abc", 3, stride=0, count=2) == b"".join(
        expected([b"abc", b"abc"])
    )
    assert sha256.digests_of_slices(b"", 64) == b""
    assert sha256.digests_of_slices(b"xy", 0, count=0) == b""


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "arguments",
    [
        {"length": 3, "count": 2},
        {"length": 6, "count": 1},
        {"length": -1},
        {"length": 1, "first": -1},
        {"length": 1, "first": 6, "count": 1},
        {"length": 1, "stride": 0},
        {"length": 1, "stride": 2**62, "count": 3},
        {"length": 1, "count": -1},
    ],
)
def test_slices_beyond_the_data_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="slices"):
        sha256.digests_of_slices(b"abcde", **arguments)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("places", [[0, 9], [2, 1], [5, 5, 4], [], [0, 2**64 - 1]])
def test_offsets_outside_the_data_are_refused(places: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        sha256.digests_at(b"abcde", array("Q", places))


@pytest.mark.usefixtures("backend")
def test_other_offset_types_are_refused() -> None:
    with pytest.raises(ValueError, match="offsets"):
        sha256.digests_at(b"abcde", array("i", [0, 1]))


@pytest.mark.usefixtures("backend")
def test_text_is_not_bytes() -> None:
    with pytest.raises(TypeError):
        sha256.digests(["abc"])  # type: ignore[list-item]


@needs_kernel
@pytest.mark.parametrize(
    "arguments",
    [
        (b"abc", -1, 1, 1, 1),
        (b"abc", 4, 0, 0, 1),
        (b"abc", 0, 1, 4, 1),
        (b"abc", 0, 2**62, 1, 3),
        (b"abc", 0, 1, 1, 4),
        (b"abc", 0, 1, -1, 1),
        (b"abc", 0, -1, 1, 1),
        (b"abc", 0, 1, 1, -1),
    ],
)
def test_the_kernel_itself_refuses_slices_beyond_the_data(arguments: tuple[object, ...]) -> None:
    assert KERNEL is not None
    with pytest.raises(ValueError, match="slices"):
        KERNEL.sha256_of_slices(*arguments, "auto")


@needs_kernel
def test_unknown_engine_is_refused() -> None:
    assert KERNEL is not None
    with pytest.raises(ValueError, match="engine"):
        KERNEL.sha256_of_list([], "quantum")


def test_backend_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_native.VARIABLE, "python")
    assert sha256.engine() is None
    monkeypatch.setenv(_native.VARIABLE, "c")
    assert sha256.engine() == ("portable" if KERNEL else None)
    monkeypatch.setenv(_native.VARIABLE, "simd")
    if ENGINES[:1] in ([], ["portable"]):
        with pytest.raises(UsageError):
            sha256.engine()
    else:
        assert sha256.engine() == ENGINES[0]


def test_a_wrong_kernel_is_not_used() -> None:
    class Wrong:
        def sha256_engines(self) -> list[str]:
            return ["sha"]

        def sha256_of_list(self, messages: list[bytes], _: str) -> bytes:
            return bytes(32 * len(messages))

    assert not _native._known_answers["sha256"](Wrong())  # type: ignore[arg-type]
