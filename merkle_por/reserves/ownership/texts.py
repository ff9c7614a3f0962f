"""Signatures and keys as lists write them: strict hexadecimal, base64, recoverable signatures.

Source: specs/ownership-signatures.md section 3. Every function here answers with the bytes or
raises Malformed with a class; sizes are bounded by `judge` before.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from merkle_por.errors import Malformed
from merkle_por.reserves.ownership.secp256k1 import uncompressed


def unhex(text: str) -> bytes | None:
    """Bytes of hexadecimal text, `0x` in front optional; None if it is anything else."""
    body = text[2:] if text.startswith("0x") else text
    try:
        data = bytes.fromhex(body)
    except ValueError:
        return None
    return data if 2 * len(data) == len(body) else None  # blanks are skipped there


def unbase64(text: str) -> bytes | None:
    """Bytes of standard base64 with padding; None if it is not the one text of its bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


class Recoverable(NamedTuple):
    """An ECDSA signature from which its key can be recovered.

    r_s: 64 bytes. recovery: 0 to 3. compressed: does it ask for the compressed key only?
    """

    r_s: bytes
    recovery: int
    compressed: bool


def _bad(text: str) -> Malformed:
    return Malformed("bad-signature", text)


def _rsv(text: str) -> bytes:
    data = unhex(text)
    if data is None or len(data) != 65:
        raise _bad("the signature is not 65 bytes in hexadecimal")
    return data


def okx_rsv(text: str) -> Recoverable:
    """65 bytes r, s, v in hexadecimal; v is 27 or 28, or 31 or 32 for a compressed key."""
    data = _rsv(text)
    v = data[64]
    if v not in (27, 28, 31, 32):
        raise _bad(f"the signature's last byte is {v}, not 27, 28, 31 or 32")
    return Recoverable(data[:64], (v - 27) & 3, v >= 31)


def htx_rsv(text: str) -> Recoverable:
    """65 bytes r, s, v in hexadecimal; v is 0, 1, 27 or 28."""
    data = _rsv(text)
    v = data[64]
    if v not in (0, 1, 27, 28):
        raise _bad(f"the signature's last byte is {v}, not 0, 1, 27 or 28")
    return Recoverable(data[:64], v if v < 27 else v - 27, False)


FIRST_HEADER, FIRST_COMPRESSED, LAST_HEADER = 27, 31, 42
"""Header bytes of a compact signature: 27 to 30 plain key, 31 to 34 compressed key, 35 to 42 the
segwit kinds of BIP-137 (compressed as well)."""


def compact(data: bytes) -> Recoverable:
    """65 bytes header, r, s (Bitcoin's signed messages, BIP-137)."""
    header = data[0] if len(data) == 65 else 0
    if not FIRST_HEADER <= header <= LAST_HEADER:
        raise _bad("the signature is not 65 bytes that begin with a header of 27 to 42")
    return Recoverable(data[1:], (header - FIRST_HEADER) & 3, header >= FIRST_COMPRESSED)


def ed25519_key(text: str | None) -> bytes:
    """32 bytes of a public key in hexadecimal."""
    if text is None:
        raise Malformed("missing-public-key", "the row names no public key to check with")
    data = unhex(text)
    if data is None or len(data) != 32:
        raise Malformed("bad-public-key", "the public key is not 32 bytes in hexadecimal")
    return data


def secp256k1_key(text: str) -> bytes:
    """A public key in hexadecimal, 33 or 65 bytes; answers with the 65-byte form."""
    data = unhex(text)
    key = uncompressed(data) if data else None
    if key is None:
        raise Malformed("bad-public-key", "the public key is not a point of secp256k1")
    return key
