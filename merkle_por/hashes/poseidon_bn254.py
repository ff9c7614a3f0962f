"""Poseidon over BN254 in the sponge that Binance, Gate and HTX use (the "bnb variant").

Rules: specs/zk-primitives-bn254 section 2; the permutation is circomlib's. The sponge is not: the
digest is lane 1, and inputs longer than a block are taken block by block into lanes 1.., while lane
0 is carried from one block to the next. A shorter last block uses a narrower permutation. There is
neither length nor padding nor domain tag, so callers must fix the number of elements.

Elements are integers 0 <= value < MODULUS; as bytes, 32 big-endian. `poseidon` hashes one message,
`poseidon_many` many of the same length in one call of the native kernel where it is built.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType

from merkle_por._native import backend, kernel, known_answer
from merkle_por.errors import Malformed, UsageError
from merkle_por.hashes.poseidon_bn254_python import permute
from merkle_por.hashes.poseidon_bn254_tables import (
    ELEMENT_BYTES,
    MODULUS,
    PARTIAL_ROUNDS,
    table_bytes,
)

BLOCK = 12
"""Elements a block in every format but one."""
BLOCK_V1B = 16
"""Elements a block in Binance's release v1.0.2."""
PORTABLE = "portable"
_LONG = 64


def field_element(data: bytes, where: str | None = None) -> int:
    """The field element of an unsigned big-endian byte string; an empty one is 0.

    Malformed (field-element-range) where it is not below MODULUS.
    """
    value = int.from_bytes(data)
    if len(data) > ELEMENT_BYTES or value >= MODULUS:
        raise _out_of_range(where)
    return value


def _out_of_range(where: str | None) -> Malformed:
    return Malformed(
        "field-element-range", "a value is not below the order of the BN254 groups", where=where
    )


def poseidon_in_python(
    elements: Sequence[int], block: int = BLOCK, number: Callable[[int], int] = int
) -> int:
    """`poseidon` without the native kernel. number: `int`, or gmpy2's `mpz`."""
    lanes = [0, 0]
    for start in range(0, len(elements), block):
        lanes = permute([lanes[0], *elements[start : start + block]], number)
    return int(lanes[1])


@cache
def _gmpy2() -> Callable[[int], int] | None:
    try:
        from gmpy2 import mpz
    except ImportError:
        return None
    number: Callable[[int], int] = mpz
    return number


def _number(blocks: int) -> Callable[[int], int]:
    """What to calculate with in Python: gmpy2 takes as long to load as it saves in _LONG blocks."""
    if backend() == "python" or (blocks < _LONG and "gmpy2" not in sys.modules):
        return int
    return _gmpy2() or int


def poseidon(elements: Sequence[int], block: int = BLOCK) -> int:
    """The digest of one message of at least one element.

    block: elements absorbed at a time, 1..16 (BLOCK, or BLOCK_V1B). Malformed
    (field-element-range) where an element is not in 0..MODULUS-1; UsageError for an empty message.
    """
    _check_shape(len(elements), block)
    native = kernel("poseidon_bn254")
    if native is None:
        if not all(0 <= element < MODULUS for element in elements):
            raise _out_of_range(None)
        return poseidon_in_python(elements, block, _number(-(-len(elements) // block)))
    try:
        message = b"".join([element.to_bytes(ELEMENT_BYTES) for element in elements])
    except OverflowError:  # negative, or far too large; the kernel finds what is left
        raise _out_of_range(None) from None
    return int.from_bytes(_native(native, message, len(elements), block, backend() != "c"))


def poseidon_many(messages: bytes, length: int, block: int = BLOCK) -> bytes:
    """Digests (32 bytes each) of many messages of `length` elements, one after the other.

    A tree's level is `poseidon_many(level_below, 2)`. Errors as `poseidon`; UsageError also where
    the bytes are not a whole number of messages.
    """
    _check_shape(length, block)
    step = ELEMENT_BYTES * length
    if len(messages) % step:
        raise UsageError(f"the bytes are not a whole number of messages of {length} elements")
    native = kernel("poseidon_bn254")
    if native is not None:
        return _native(native, messages, length, block, backend() != "c")
    out = []
    number = _number(len(messages) // step * -(-length // block))
    for start in range(0, len(messages), step):
        elements = [
            field_element(messages[at : at + ELEMENT_BYTES])
            for at in range(start, start + step, ELEMENT_BYTES)
        ]
        out.append(poseidon_in_python(elements, block, number).to_bytes(ELEMENT_BYTES))
    return b"".join(out)


def _check_shape(length: int, block: int) -> None:
    if length < 1:
        raise UsageError("a message has at least one element")
    if block + 1 not in PARTIAL_ROUNDS:
        raise UsageError(f"no Poseidon with blocks of {block} elements")


@cache
def _prepared(native: ModuleType, width: int) -> bytes:
    """The table of a width as the kernel wants it (Montgomery form, partial rounds in groups)."""
    prepared: bytes = native.poseidon_bn254_prepare(table_bytes(width), width)
    return prepared


def engine() -> str | None:
    """The kernel's engine that serves here: `adx` or `portable`; None for the Python twin.

    UsageError for MERKLE_POR_BACKEND=simd on a processor without the instructions.
    """
    native = kernel("poseidon_bn254")
    fastest = None if native is None else str(native.poseidon_bn254_engine())
    if backend() == "simd" and fastest != "adx":
        raise UsageError("MERKLE_POR_BACKEND=simd: no Poseidon kernel for this processor")
    return PORTABLE if fastest is not None and backend() == "c" else fastest


def _native(native: ModuleType, messages: bytes, length: int, block: int, fast: bool) -> bytes:
    rest = length % block or block
    full = _prepared(native, block + 1) if length > block else b""
    last = _prepared(native, rest + 1)
    try:
        digests: bytes = native.poseidon_bn254_hash(messages, length, block, full, last, fast)
    except ValueError as error:  # the kernel found an element that is not reduced
        raise _out_of_range(None) from error
    return digests


KNOWN: tuple[tuple[list[int], int, str], ...] = (
    ([1, 2], BLOCK, "0fca49b798923ab0239de1c9e7a4a9a2210312b6a2f616d18b5a87f9b628ae29"),
    (
        [MODULUS - 1] * 14,
        BLOCK,
        "0c875168ca63630165bdd692e6f2ea239194b62066c645a15a271d421f1b5742",
    ),
    (
        list(range(18)),
        BLOCK_V1B,
        "1ede499c1263864e37f1fc96cf8480899787752460f6a4b5c4d666ed13dcf2e7",
    ),
)
"""Message, block and digest: a node, the largest elements in a block with a narrower last one, and
the widest. Written down, since the twin would take longer than the check of a user's file."""


def _known_answer(native: ModuleType) -> bool:
    """Both engines of the kernel on KNOWN."""
    if not hasattr(native, "poseidon_bn254_hash"):  # built before this part was added
        return False
    for elements, block, digest in KNOWN:
        message = b"".join(element.to_bytes(ELEMENT_BYTES) for element in elements)
        for fast in (False, True):
            if _native(native, message, len(elements), block, fast).hex() != digest:
                return False
    return True


known_answer("poseidon_bn254")(_known_answer)
