"""Keccak-256 and SHA3-256: published answers, and every way of hashing against the plain twin."""

from __future__ import annotations

import hashlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por._native import _known_answers, kernel
from merkle_por.hashes import keccak
from merkle_por.hashes.keccak import KECCAK_PADDING, SHA3_PADDING, sponge256

LENGTHS = (0, 1, 7, 8, 64, 134, 135, 136, 137, 271, 272, 273, 1000)


@pytest.fixture(params=["auto", "c", "python"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MERKLE_POR_BACKEND", request.param)
    return str(request.param)


def message(length: int) -> bytes:
    return bytes((31 * i + length) % 256 for i in range(length))


@pytest.mark.parametrize(
    ("text", "digest"),
    [  # the empty string and "abc": Keccak team's legacy answers, used by Ethereum
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_published_answers(backend: str, text: bytes, digest: str) -> None:
    assert keccak.keccak256(text).hex() == digest
    assert keccak.keccak256_many([text])[0].hex() == digest
    assert sponge256(text, KECCAK_PADDING).hex() == digest


@pytest.mark.parametrize("length", LENGTHS)
def test_twin_is_sha3_with_the_other_padding(length: int) -> None:
    assert sponge256(message(length), SHA3_PADDING) == hashlib.sha3_256(message(length)).digest()


@pytest.mark.parametrize("length", LENGTHS)
def test_single_message(backend: str, length: int) -> None:
    text = message(length)
    assert keccak.keccak256(text) == sponge256(text, KECCAK_PADDING)
    assert keccak.sha3_256(text) == hashlib.sha3_256(text).digest()


@given(st.lists(st.binary(max_size=300), max_size=9))
def test_many_messages_equal_the_twin(messages: list[bytes]) -> None:
    assert keccak.keccak256_many(messages) == [sponge256(m, KECCAK_PADDING) for m in messages]
    assert keccak.sha3_256_many(messages) == [hashlib.sha3_256(m).digest() for m in messages]


@pytest.mark.parametrize("length", LENGTHS[1:])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 11])
def test_rows_equal_the_twin(backend: str, length: int, count: int) -> None:
    rows = message(length * count)
    expected = [keccak.keccak256(rows[i * length : (i + 1) * length]) for i in range(count)]
    assert keccak.keccak256_rows(rows, length) == b"".join(expected)
    if expected:
        assert expected[-1] == sponge256(rows[-length:], KECCAK_PADDING)


@pytest.mark.parametrize(("rows", "length"), [(b"abc", 2), (b"abc", 0), (b"", 0), (b"abc", -3)])
def test_ragged_rows_are_refused(backend: str, rows: bytes, length: int) -> None:
    with pytest.raises(ValueError):
        keccak.keccak256_rows(rows, length)


def test_kernel_refuses_what_it_cannot_hash() -> None:
    native = kernel("keccak")
    if native is None:
        pytest.skip("the kernel is not built")
    for rows, length, padding in ((b"abc", 2, 1), (b"abc", 0, 1), (b"abc", 3, -1), (b"", 3, 256)):
        with pytest.raises(ValueError):
            native.keccak_rows(rows, length, padding, True)
    with pytest.raises(ValueError):
        native.keccak_many((b"abc",), 1, True)
    with pytest.raises(TypeError):
        native.keccak_many([b"abc", "abc"], 1, True)


def test_without_pycryptodome_the_twin_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERKLE_POR_BACKEND", "python")
    monkeypatch.setitem(sys.modules, "Crypto.Hash", None)
    keccak._single.cache_clear()
    try:
        assert keccak.keccak256(b"abc").hex().startswith("4e03657aea45a94f")
    finally:
        keccak._single.cache_clear()


def test_a_wrong_kernel_is_not_believed() -> None:
    class Wrong:
        keccak_many = staticmethod(lambda messages, padding, fast: bytes(32 * len(messages)))
        keccak_rows = staticmethod(lambda rows, length, padding, fast: bytes(32))

    test = _known_answers["keccak"]
    assert not test(Wrong())  # type: ignore[arg-type]
    assert not test(object())  # type: ignore[arg-type]
