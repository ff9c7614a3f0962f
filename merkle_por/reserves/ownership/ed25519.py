"""Ed25519 signatures as RFC 8032 defines them, and stricter about keys.

The curve arithmetic is the C kernel's or pycryptodome's; the verification is here, for three
reasons: the latter's own one accepts a key of small order (32 zero bytes, Solana's address 1111...:
anybody can sign for it), it multiplies by the cofactor (most chains don't), and it does not refuse
every non-canonical point.
"""

from __future__ import annotations

import hashlib
from types import ModuleType
from typing import Any

from merkle_por._native import kernel, known_answer

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
    native = kernel("ed25519")
    if native is not None:
        return bool(native.ed25519_is_point(key))
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
    if s >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(hashed, "little") % ORDER
    return combine(key, s, k) == signature[:32]


def combine(key: bytes, s: int, k: int) -> bytes | None:
    """The encoding of s*B - k*A for the key's point A; None if the key is not one's encoding.

    s, k: below ORDER.
    """
    native = kernel("ed25519")
    if native is not None:
        result: bytes | None = native.ed25519_combine(
            key, s.to_bytes(32, "little"), k.to_bytes(32, "little")
        )
        return result
    return plain_combine(key, s, k)


def plain_combine(key: bytes, s: int, k: int) -> bytes | None:
    public = _import(key) if _y(key) < PRIME else None
    if public is None:
        return None
    from Crypto.PublicKey import ECC

    point = _base(ECC) * s + -(public.pointQ * k)
    x, y = int(point.x), int(point.y)
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _base(ecc: Any) -> Any:
    """The base point B of RFC 8032."""
    return ecc.EccPoint(_BASE_X, _BASE_Y, "Ed25519")


_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960


@known_answer("ed25519")
def _known_answer(module: ModuleType) -> bool:
    """RFC 8032's first test (section 7.1), and what is no point or none of its encodings."""
    if not hasattr(module, "ed25519_combine"):  # an older build, or no 128-bit integers
        return False
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    r = bytes.fromhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
    s = bytes.fromhex("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
    k = int.from_bytes(hashlib.sha512(r + key).digest(), "little") % ORDER
    wrong = [PRIME.to_bytes(32, "little"), bytes((2, *bytes(31))), bytes((1, *bytes(30), 0x80))]
    return (
        module.ed25519_combine(key, s, k.to_bytes(32, "little")) == r
        and module.ed25519_is_point(key)
        and not any(module.ed25519_is_point(one) for one in wrong)
    )
