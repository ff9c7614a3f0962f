"""Stellar's StrKey of an Ed25519 account key (SEP-23); Pi uses the same."""

from __future__ import annotations

from merkle_por.reserves.ownership.encodings.base32 import encode as base32
from merkle_por.reserves.ownership.encodings.crc16 import crc16

ACCOUNT = 6 << 3
"""Version byte of an account key: its text starts with G."""


def encode(key: bytes, version: int = ACCOUNT) -> str:
    """Text of a 32-byte key."""
    payload = bytes([version]) + key
    return base32(payload + crc16(payload).to_bytes(2, "little"))
