"""Ed25519 signatures as RFC 8032 defines them, and stricter about keys.

The curve arithmetic is pycryptodome's; the verification is here, for three reasons: its own one
accepts a key of small order (32 zero bytes, Solana's address 1111...: anybody can sign for it), it
multiplies by the cofactor (most chains don't), and it does not refuse every non-canonical point.
"""

from __future__ import annotations

import hashlib
from typing import Any

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Order of the base point, L in RFC 8032."""

_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_Y = frozenset((0, 1, PRIME - 1, _Y_OF_ORDER_8, PRIME - _Y_OF_ORDER_8))
"""The y of the 8 points whose multiple by 8 is the neutral element."""


def _y(encoded: bytes) -> int:
    return int.from_bytes(encoded, "little") & ((1 << 255) - 1)


def small_order(key: bytes) -> bool:
    """Is the 32-byte key one of the 8 points of small order, in any encoding?"""
    return _y(key) % PRIME in SMALL_ORDER_Y


def is_key(key: bytes) -> bool:
    """Are the 32 bytes the one encoding of a point of the curve?"""
    return _y(key) < PRIME and _import(key) is not None


def _import(key: bytes) -> Any:
    from Crypto.Signature import eddsa

    try:
        return eddsa.import_public_key(key)
    except ValueError:
        return None


def verify(message: bytes, signature: bytes, key: bytes) -> bool:
    """Is the 64-byte signature over the message by the 32-byte key good?

    Without cofactor: R must equal S*B - k*A to the bit, so a non-canonical R fails by itself.
    """
    if len(signature) != 64 or len(key) != 32 or small_order(key) or _y(key) >= PRIME:
        return False
    s = int.from_bytes(signature[32:], "little")
    public = _import(key)
    if public is None or s >= ORDER:
        return False
    from Crypto.PublicKey import ECC

    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(hashed, "little") % ORDER
    point = _base(ECC) * s + -(public.pointQ * k)
    x, y = int(point.x), int(point.y)
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _base(ecc: Any) -> Any:
    """The base point B of RFC 8032."""
    return ecc.EccPoint(_BASE_X, _BASE_Y, "Ed25519")


_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
