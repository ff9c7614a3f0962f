"""What a proof's challenges are drawn from: indexes from a root, weights and work from the nonce.

Rule: specs/okx-stark-v1.md sections 1 and 4.
"""

from __future__ import annotations

from merkle_por.hashes.keccak import DIGEST_BYTES, keccak256, keccak256_rows
from merkle_por.zk.stark.field import P, elements

_WORD_BYTES = 4
MAX_DOMAIN = 1 << 24  # the drawing of indexes is defined below this size


def draw_indexes(seed: bytes, size: int, count: int, spacing: int) -> list[int]:
    """`count` domain indexes below `size`, none of them a multiple of `spacing` (a trace point).

    seed: a 32-byte root; its own bytes are drawn first, then its hash chain.
    """
    stream = seed
    while len(stream) < _WORD_BYTES * count:
        stream += keccak256(stream[-DIGEST_BYTES:])
    usable = size * (spacing - 1) // spacing
    found = []
    for start in range(0, _WORD_BYTES * count, _WORD_BYTES):
        value = int.from_bytes(stream[start : start + _WORD_BYTES], "big") % usable
        found.append(value + 1 + value // (spacing - 1))
    return found


def draw_weights(nonce: bytes, count: int) -> list[int]:
    """`count` field elements: Keccak-256(nonce + i as 32 bytes) mod p for i = 0, 1, ..."""
    rows = b"".join([nonce + i.to_bytes(DIGEST_BYTES, "big") for i in range(count)])
    return [value % P for value in elements(keccak256_rows(rows, len(nonce) + DIGEST_BYTES))]


def work_bits(root: bytes, nonce: bytes) -> int:
    """Leading zero bits of Keccak-256(root + nonce): the proof of work that the nonce shows."""
    return 8 * DIGEST_BYTES - int.from_bytes(keccak256(root + nonce), "big").bit_length()
