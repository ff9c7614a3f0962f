"""OKX's Merkle-sum trees of both generations: levels from leaves, and how nodes are written.

A record is hash (32 bytes) and the amounts of BTC, ETH, USDT (16 bytes each, little endian, units
of 10^-8), as in ledger/text_levels. Every level but the root's is made even by a padding node on
the right: no balances, its neighbour's hash (specs okx-merkle-v1, okx-merkle-v2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from merkle_por.build.rows import Rules, unit_text
from merkle_por.exchanges.okx.merkle_v1 import COINS, DECIMALS
from merkle_por.ledger.text_levels import AMOUNT_END, Form, parents

RULES = Rules(decimals=DECIMALS, most=AMOUNT_END - 1, assets=COINS)
NODE = Form(b"xyaaan", decimals=(DECIMALS,) * len(COINS))
HASH_BYTES = 32
RECORD_BYTES = NODE.record_bytes()
NONCE_BYTES = 32
_RECORD = struct.Struct("<32s" + "QQ" * len(COINS))

Amounts = tuple[int, ...]
"""Units of 10^-8 for each coin, in the order of COINS."""


def amount_bytes(amounts: Amounts) -> bytes:
    """The amounts as in a record."""
    return b"".join(units.to_bytes(16, "little") for units in amounts)


def texts(amounts: Amounts) -> list[str]:
    """The amounts as they are hashed and shown."""
    return [unit_text(units, DECIMALS) for units in amounts]


def coin_json(amounts: Amounts) -> str:
    """Compact JSON of the amounts, the fixed order of coins."""
    members = zip(COINS, texts(amounts), strict=True)
    return "{" + ",".join(f'"{coin}":"{text}"' for coin, text in members) + "}"


def nodes(records: bytes | bytearray) -> Iterator[tuple[str, Amounts]]:
    """Hash (hex) and amounts of each record."""
    for hash_, *halves in _RECORD.iter_unpack(records):
        amounts = tuple(halves[i] | halves[i + 1] << 64 for i in range(0, len(halves), 2))
        yield hash_.hex(), amounts


def node(records: bytes | bytearray, index: int) -> tuple[str, Amounts]:
    """Hash (hex) and amounts of one record."""
    at = index * RECORD_BYTES
    return next(nodes(records[at : at + RECORD_BYTES]))


def levels_of(leaves: bytes | bytearray) -> tuple[list[bytes], list[bool]]:
    """All levels from the leaves to the root, and which of them end in a padding node.

    A tree has two levels at least: a lone leaf gets a padding beside it.
    """
    levels: list[bytes] = []
    padded: list[bool] = []
    level = bytes(leaves)
    while not levels or len(level) > RECORD_BYTES:
        odd = bool(len(level) // RECORD_BYTES % 2)
        if odd:
            last = level[-RECORD_BYTES:][:HASH_BYTES]
            level += last.ljust(RECORD_BYTES, b"\0")
        levels.append(level)
        padded.append(odd)
        level = bytes(parents(level, NODE, level=len(levels) + 1))
    return [*levels, level], [*padded, False]


def root_totals(levels: Sequence[bytes]) -> tuple[str, Amounts]:
    """The root's hash and amounts."""
    return node(levels[-1], 0)
