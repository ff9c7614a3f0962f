"""Keccak-256 (Ethereum's, padding 0x01) and SHA3-256 (padding 0x06), one message or many.

Rule: the Keccak reference (Keccak-f[1600], rate 136 bytes, 32-byte output) and FIPS 202, which
differ in the padding byte alone. Many messages go to the native kernel in one call; without it
pycryptodome (Keccak) and hashlib (SHA3) hash them one by one. `sponge256` is the readable twin of
all of them and serves where pycryptodome is absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType

from merkle_por._native import backend, kernel, known_answer

DIGEST_BYTES = 32
RATE_BYTES = 136  # 1600 bits of state less twice the 256 bits of the digest
KECCAK_PADDING = 0x01
SHA3_PADDING = 0x06

_MASK = (1 << 64) - 1
_ROUNDS = 24


def _round_constants() -> tuple[int, ...]:
    """The 24 iota constants, from the reference's linear feedback shift register."""
    constants = []
    register = 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


def _rotations() -> tuple[int, ...]:
    """Rotation of lane x + 5y (rho): the triangular numbers along the walk (x, y) -> (y, 2x+3y)."""
    offsets = [0] * 25
    x, y = 1, 0
    for step in range(24):
        offsets[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(offsets)


_IOTA = _round_constants()
_RHO = _rotations()
# pi: lane (x, y) moves to (y, 2x + 3y)
_PI = tuple(y + 5 * ((2 * x + 3 * y) % 5) for y in range(5) for x in range(5))


def _permute(lanes: list[int]) -> list[int]:
    for constant in _IOTA:
        parity = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        mix = [
            parity[x - 1] ^ ((parity[(x + 1) % 5] << 1 | parity[(x + 1) % 5] >> 63) & _MASK)
            for x in range(5)
        ]
        moved = [0] * 25
        for place, lane in enumerate(lanes):
            lane ^= mix[place % 5]
            turn = _RHO[place]
            moved[_PI[place]] = (lane << turn | lane >> (64 - turn)) & _MASK
        lanes = [
            moved[y + x] ^ (~moved[y + (x + 1) % 5] & moved[y + (x + 2) % 5])
            for y in range(0, 25, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def sponge256(message: bytes, padding: int) -> bytes:
    """32-byte digest of one message, in plain Python: the twin of every faster way here."""
    padded = bytearray(message)
    padded += b"\0" * (RATE_BYTES - len(message) % RATE_BYTES)
    padded[len(message)] = padding
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), RATE_BYTES):
        for place in range(RATE_BYTES // 8):
            at = start + 8 * place
            lanes[place] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


@known_answer("keccak")
def _known_answer(module: ModuleType) -> bool:
    """Lengths around the rate, rows by fives (so that SIMD groups and the rest both run)."""
    if not hasattr(module, "keccak_rows"):  # an older build
        return False
    for fast in (False, True):
        for padding in (KECCAK_PADDING, SHA3_PADDING):
            for length in (0, 64, 135, 136):
                rows = bytes((7 * i + length) & 0xFF for i in range(5 * length))
                messages = [rows[i * length : (i + 1) * length] for i in range(5)]
                want = b"".join(sponge256(message, padding) for message in messages)
                if module.keccak_many(messages, padding, fast) != want:
                    return False
                if length and module.keccak_rows(rows, length, padding, fast) != want:
                    return False
    return True


@cache
def _single(padding: int) -> Callable[[bytes], bytes]:
    if padding == SHA3_PADDING:
        return lambda message: hashlib.sha3_256(message).digest()
    try:
        from Crypto.Hash import keccak
    except ImportError:
        return lambda message: sponge256(message, padding)
    new = keccak.new
    return lambda message: bytes(new(data=message, digest_bits=256).digest())


def _hash(message: bytes, padding: int) -> bytes:
    native = kernel("keccak")
    if native is not None:
        return bytes(native.keccak_many([message], padding, False))  # one fills no SIMD lanes
    return _single(padding)(message)


def _many(messages: Sequence[bytes], padding: int) -> list[bytes]:
    native = kernel("keccak")
    if native is None:
        single = _single(padding)
        return [single(message) for message in messages]
    digests: bytes = native.keccak_many(list(messages), padding, backend() != "c")
    return [digests[i : i + DIGEST_BYTES] for i in range(0, len(digests), DIGEST_BYTES)]


def _rows(rows: bytes, length: int, padding: int) -> bytes:
    if length <= 0 or len(rows) % length:
        raise ValueError("rows must be a whole number of messages of a positive length")
    native = kernel("keccak")
    if native is not None:
        return bytes(native.keccak_rows(rows, length, padding, backend() != "c"))
    single = _single(padding)
    return b"".join(single(rows[i : i + length]) for i in range(0, len(rows), length))


def keccak256(message: bytes) -> bytes:
    """Keccak-256 of one message: 32 bytes."""
    return _hash(message, KECCAK_PADDING)


def keccak256_many(messages: Sequence[bytes]) -> list[bytes]:
    """Keccak-256 of each message, in order: 32 bytes each. Lengths may differ."""
    return _many(messages, KECCAK_PADDING)


def keccak256_rows(rows: bytes, length: int) -> bytes:
    """Keccak-256 of equally long messages laid end to end; the digests, laid end to end.

    rows: n * length bytes (n may be 0). Result: n * 32 bytes. ValueError for a ragged input.
    """
    return _rows(rows, length, KECCAK_PADDING)


def sha3_256(message: bytes) -> bytes:
    """SHA3-256 (FIPS 202) of one message: 32 bytes."""
    return hashlib.sha3_256(message).digest()


def sha3_256_many(messages: Sequence[bytes]) -> list[bytes]:
    """SHA3-256 of each message, in order: 32 bytes each. Lengths may differ."""
    return _many(messages, SHA3_PADDING)
