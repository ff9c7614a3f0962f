"""BLAKE-256 with 14 rounds, the SHA-3 candidate (not BLAKE2): Decred hashes keys and scripts so.

Source: "SHA-3 proposal BLAKE", version 1.3 (Aumasson, Henzen, Meier, Phan). No library that we
depend on has it; an address takes two or three blocks, so plain Python is fast enough.
"""

from __future__ import annotations

from math import isqrt

_MASK = 0xFFFFFFFF
_ROUNDS = 14

_START = tuple(
    # As in SHA-256: fractional parts of the square roots of the first eight primes.
    isqrt(prime << 64) & _MASK
    for prime in (2, 3, 5, 7, 11, 13, 17, 19)
)
_PI = (
    "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89"
    "452821e638d01377be5466cf34e90c6cc0ac29b7c97c50dd3f84d5b5b5470917"
)
_CONSTANTS = tuple(int(_PI[i : i + 8], 16) for i in range(0, 128, 8))
"""First digits of pi, 32 bits each."""
_ORDERS = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def _turn(word: int, places: int) -> int:
    return (word >> places | word << (32 - places)) & _MASK


def _compress(state: tuple[int, ...], block: bytes, counter: int) -> tuple[int, ...]:
    words = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    low, high = counter & _MASK, counter >> 32
    v = [*state, *_CONSTANTS[:8]]
    for place, count in ((12, low), (13, low), (14, high), (15, high)):
        v[place] ^= count
    for number in range(_ROUNDS):
        order = _ORDERS[number % 10]
        for step, (a, b, c, d) in enumerate(_COLUMNS_AND_DIAGONALS):
            i, j = order[2 * step], order[2 * step + 1]
            v[a] = (v[a] + v[b] + (words[i] ^ _CONSTANTS[j])) & _MASK
            v[d] = _turn(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _turn(v[b] ^ v[c], 12)
            v[a] = (v[a] + v[b] + (words[j] ^ _CONSTANTS[i])) & _MASK
            v[d] = _turn(v[d] ^ v[a], 8)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _turn(v[b] ^ v[c], 7)
    return tuple(h ^ v[i] ^ v[i + 8] for i, h in enumerate(state))


def padding(length: int) -> bytes:
    """What follows data of so many bytes: a one bit, zeros, a one bit, 64 bits of length.

    Both ones share a byte where it is the only one that is free.
    """
    zeros = -(length + 10) % 64
    ones = b"\x81" if zeros == 63 else b"\x80" + bytes(zeros) + b"\x01"
    return ones + (length * 8).to_bytes(8, "big")


def blake256(data: bytes) -> bytes:
    """32-byte digest."""
    bits = len(data) * 8
    padded = data + padding(len(data))
    state = _START
    for start in range(0, len(padded), 64):
        # The counter is the bits hashed so far; a block that holds no bit of data counts as 0.
        counter = min(bits, (start + 64) * 8) if start * 8 < bits else 0
        state = _compress(state, padded[start : start + 64], counter)
    return b"".join(word.to_bytes(4, "big") for word in state)
