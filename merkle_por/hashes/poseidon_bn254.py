"""Poseidon over BN254 in the sponge that Binance, Gate and HTX use (the "bnb variant").

Rules: specs/zk-primitives-bn254 section 2; the permutation is circomlib's. The sponge is not: the
digest is lane 1, and inputs longer than a block are taken block by block into lanes 1.., while lane
0 is carried from one block to the next. A shorter last block uses a narrower permutation. There is
neither length nor padding nor domain tag, so callers must fix the number of elements.

Elements are integers 0 <= value < MODULUS; as bytes, 32 big-endian. `poseidon` hashes one message,
`poseidon_many` many of the same length in one call of the native kernel where it is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType

from merkle_por._native import backend, kernel, known_answer
from merkle_por.errors import Malformed, UsageError
from merkle_por.hashes.poseidon_bn254_tables import (
    ELEMENT_BYTES,
    FULL_ROUNDS,
    MODULUS,
    PARTIAL_ROUNDS,
    table,
    table_bytes,
)

BLOCK = 12
"""Elements a block in every format but one."""
BLOCK_V1B = 16
"""Elements a block in Binance's release v1.0.2."""
PORTABLE = "portable"


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


def permute(state: Sequence[int]) -> list[int]:
    """The permutation of 2..17 lanes, in plain Python.

    Lanes above 0 stay unreduced through all partial rounds (below 2^515 after 70 of them): one
    longer product a lane and round is cheaper than a reduction.
    """
    width = len(state)
    constants = table(width)
    lanes = list(state)
    half = FULL_ROUNDS // 2
    for index, row in enumerate(constants.first):
        matrix = constants.mds if index < half - 1 else constants.joint
        lanes = _full_round(lanes, row, matrix)
    zero, others = lanes[0], lanes[1:]
    for one in constants.partial:
        x = zero + one.constant
        x = pow(x, 5, MODULUS)
        zero = one.corner * x
        for factor, lane in zip(one.row, others, strict=True):
            zero += factor * lane
        zero %= MODULUS
        others = [lane + factor * x for lane, factor in zip(others, one.column, strict=True)]
    lanes = [zero, *others]
    for row in constants.last:
        lanes = _full_round(lanes, row, constants.mds)
    return lanes


def _full_round(
    lanes: list[int], constants: tuple[int, ...], matrix: tuple[tuple[int, ...], ...]
) -> list[int]:
    boxed = [pow(a + b, 5, MODULUS) for a, b in zip(lanes, constants, strict=True)]
    return [sum([a * b for a, b in zip(row, boxed, strict=True)]) % MODULUS for row in matrix]


def poseidon_in_python(elements: Sequence[int], block: int = BLOCK) -> int:
    """`poseidon` without the native kernel: the readable twin."""
    lanes = [0, 0]
    for start in range(0, len(elements), block):
        lanes = permute([lanes[0], *elements[start : start + block]])
    return lanes[1]


def poseidon(elements: Sequence[int], block: int = BLOCK) -> int:
    """The digest of one message of at least one element.

    block: elements absorbed at a time, 1..16 (BLOCK, or BLOCK_V1B). Malformed
    (field-element-range) where an element is not in 0..MODULUS-1; UsageError for an empty message.
    """
    _check_shape(len(elements), block)
    for element in elements:
        if not 0 <= element < MODULUS:
            raise _out_of_range(None)
    native = kernel("poseidon_bn254")
    if native is None:
        return poseidon_in_python(elements, block)
    message = b"".join([element.to_bytes(ELEMENT_BYTES) for element in elements])
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
    for start in range(0, len(messages), step):
        elements = [
            field_element(messages[at : at + ELEMENT_BYTES])
            for at in range(start, start + step, ELEMENT_BYTES)
        ]
        out.append(poseidon_in_python(elements, block).to_bytes(ELEMENT_BYTES))
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


def _known_answer(native: ModuleType) -> bool:
    """A node, a block with a narrower last one, and the largest elements, against the twin."""
    if not hasattr(native, "poseidon_bn254_hash"):  # built before this part was added
        return False
    cases = (([1, 2], BLOCK), ([MODULUS - 1] * 14, BLOCK), (list(range(18)), BLOCK_V1B))
    for elements, block in cases:
        message = b"".join(element.to_bytes(ELEMENT_BYTES) for element in elements)
        digest = poseidon_in_python(elements, block).to_bytes(ELEMENT_BYTES)
        for fast in (False, True):
            if _native(native, message, len(elements), block, fast) != digest:
                return False
    return True


known_answer("poseidon_bn254")(_known_answer)
