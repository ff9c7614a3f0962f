"""Base32 of RFC 4648 without padding, upper and lower case (Stellar, Algorand, Filecoin)."""

from __future__ import annotations

import binascii
from base64 import b32decode, b32encode

MAX_TEXT = 256


def encode(data: bytes) -> str:
    """Upper-case text without padding."""
    return b32encode(data).decode().rstrip("=")


def decode(text: str) -> bytes | None:
    """Bytes of an upper-case text without padding; None if it is not the one text of its bytes."""
    if len(text) > MAX_TEXT:
        return None
    try:
        data = b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    return data if encode(data) == text else None
