"""ECDSA and Schnorr signatures on secp256k1: recover and verify.

libsecp256k1 through coincurve where it can be imported, else (or where the environment asks for
Python) the plain code below, which gives the same answers. Source: SEC 1 (4.1.4 verification,
4.1.6 recovery), SEC 2 (the curve), BIP-340 (Schnorr). Nothing here refuses a large s; where a
chain does, its own rule does so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from threading import local
from typing import NamedTuple

from merkle_por._native import backend
from merkle_por.reserves.ownership.weierstrass import Curve

CURVE = Curve(
    p=2**256 - 2**32 - 977,
    a=0,
    b=7,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    x=0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    y=0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
ORDER = CURVE.n
HALF_ORDER = CURVE.n // 2
"""A signature with s above it is the "high" one of a pair (EIP-2, BIP-146)."""


def compress(key: bytes) -> bytes:
    """33-byte form of a 65-byte key."""
    return bytes([2 + (key[64] & 1)]) + key[1:33]


# --- plain Python --------------------------------------------------------------------------------


def _point(x: int, y: int) -> bytes:
    return b"\4" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def plain_uncompressed(key: bytes) -> bytes | None:
    if len(key) == 33 and key[0] in (2, 3):
        point = CURVE.lift(int.from_bytes(key[1:], "big"), odd=key[0] == 3)
        return _point(*point) if point else None
    if len(key) == 65 and key[0] == 4:
        x, y = int.from_bytes(key[1:33], "big"), int.from_bytes(key[33:], "big")
        return key if CURVE.contains((x, y)) else None
    return None


def plain_recover(digest: bytes, r_s: bytes, recovery: int) -> bytes | None:
    r, s = int.from_bytes(r_s[:32], "big"), int.from_bytes(r_s[32:], "big")
    if not (0 < r < ORDER and 0 < s < ORDER):
        return None
    # Bit 1 of the recovery id: x was r + n, reduced. Bit 0: y was odd.
    point = CURVE.lift(r + ORDER * (recovery >> 1), odd=bool(recovery & 1))
    if point is None:
        return None
    inverse = pow(r, -1, ORDER)
    z = int.from_bytes(digest, "big")
    key = CURVE.combine(-z * inverse % ORDER, CURVE.generator, s * inverse % ORDER, point)
    return _point(*key) if key else None


def plain_verify(digest: bytes, r: int, s: int, key: bytes) -> bool:
    full = plain_uncompressed(key)
    if full is None or not (0 < r < ORDER and 0 < s < ORDER):
        return False
    point = int.from_bytes(full[1:33], "big"), int.from_bytes(full[33:], "big")
    inverse = pow(s, -1, ORDER)
    z = int.from_bytes(digest, "big")
    total = CURVE.combine(z * inverse % ORDER, CURVE.generator, r * inverse % ORDER, point)
    return total is not None and total[0] % ORDER == r


def tagged_hash(tag: str, data: bytes) -> bytes:
    """SHA-256 of the tag's hash twice, then the data (BIP-340)."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def plain_verify_schnorr(digest: bytes, signature: bytes, x_only: bytes) -> bool:
    key = CURVE.lift(int.from_bytes(x_only, "big"))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if key is None or r >= CURVE.p or s >= ORDER:
        return False
    challenge = tagged_hash("BIP0340/challenge", signature[:32] + x_only + digest)
    e = int.from_bytes(challenge, "big") % ORDER
    total = CURVE.combine(s, CURVE.generator, -e % ORDER, key)
    return total is not None and total[1] % 2 == 0 and total[0] == r


# --- the doors -----------------------------------------------------------------------------------


Recover = Callable[[bytes, bytes, int], bytes | None]


class Fast(NamedTuple):
    """The four operations in libsecp256k1."""

    recover: Recover
    verify: Callable[[bytes, int, int, bytes], bool]
    verify_schnorr: Callable[[bytes, bytes, bytes], bool]
    uncompressed: Callable[[bytes], bytes | None]


@cache
def _coincurve() -> Fast | None:
    if backend() == "python":
        return None
    try:
        from coincurve import PublicKey, PublicKeyXOnly
    except ImportError:
        return None
    load = PublicKey.from_signature_and_message

    def by_objects(digest: bytes, r_s: bytes, recovery: int) -> bytes | None:
        try:
            key: bytes = load(r_s + bytes((recovery,)), digest, None).format(False)
        except ValueError:
            return None
        return key

    direct = _direct()
    right = direct is not None and all(direct(*one) == by_objects(*one) for one in _ANSWERS)
    recover = direct if direct is not None and right else by_objects

    def verify(digest: bytes, r: int, s: int, key: bytes) -> bool:
        if not (0 < r < ORDER and 0 < s < ORDER) or plain_prefix(key) is None:
            return False
        # libsecp256k1 takes only the lower s; (r, s) and (r, n - s) hold or fail together.
        low = min(s, ORDER - s)
        try:
            return bool(PublicKey(key).verify(der(r, low), digest, None))
        except ValueError:
            return False

    def verify_schnorr(digest: bytes, signature: bytes, x_only: bytes) -> bool:
        try:
            return bool(PublicKeyXOnly(x_only).verify(signature, digest))
        except ValueError:
            return False

    def uncompressed(key: bytes) -> bytes | None:
        try:
            full: bytes | None = PublicKey(key).format(False) if plain_prefix(key) else None
        except ValueError:
            return None
        return full

    return Fast(recover, verify, verify_schnorr, uncompressed)


_ANSWERS = tuple(
    (hashlib.sha256(b"%d" % number).digest(), r.to_bytes(32, "big") + s.to_bytes(32, "big"), number)
    for number, (r, s) in enumerate(((CURVE.x, 1), (CURVE.x, ORDER - 1), (1, 1), (CURVE.x, ORDER)))
)
"""Recoveries with a key, without one, and of a number out of range."""


def _direct() -> Recover | None:
    """Recovery by the functions of libsecp256k1 that coincurve's objects call, into memory that a
    thread keeps: it saves the making of five objects for each of a list's rows.

    None where coincurve keeps them elsewhere.
    """
    try:
        from coincurve._libsecp256k1 import ffi, lib
        from coincurve.context import GLOBAL_CONTEXT

        context = GLOBAL_CONTEXT.ctx
        parse = lib.secp256k1_ecdsa_recoverable_signature_parse_compact
        find, write = lib.secp256k1_ecdsa_recover, lib.secp256k1_ec_pubkey_serialize
        plain = lib.SECP256K1_EC_UNCOMPRESSED
    except (ImportError, AttributeError):
        return None

    class Memory(local):
        def __init__(self) -> None:
            self.signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
            self.key = ffi.new("secp256k1_pubkey *")
            self.text = ffi.new("unsigned char[65]")
            self.bytes = ffi.buffer(self.text)
            self.length = ffi.new("size_t *")

    memory = Memory()

    def recover(digest: bytes, r_s: bytes, recovery: int) -> bytes | None:
        if len(digest) != 32 or len(r_s) != 64 or not 0 <= recovery <= 3:
            return None  # sizes that the library takes for granted
        own = memory
        signature, key, length = own.signature, own.key, own.length
        if not (parse(context, signature, r_s, recovery) and find(context, key, signature, digest)):
            return None
        length[0] = 65
        write(context, own.text, length, key, plain)
        found: bytes = own.bytes[:]
        return found

    return recover


def plain_prefix(key: bytes) -> bytes | None:
    """The key if its length and first byte fit (libsecp256k1 also takes hybrid keys, 06 and 07)."""
    if (len(key) == 33 and key[0] in (2, 3)) or (len(key) == 65 and key[0] == 4):
        return key
    return None


def der(r: int, s: int) -> bytes:
    """DER text of a signature (SEC 1 C.8, shortest form)."""

    def integer(value: int) -> bytes:
        body = value.to_bytes(value.bit_length() // 8 + 1, "big")
        return bytes([2, len(body)]) + body

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def recover(digest: bytes, r_s: bytes, recovery: int) -> bytes | None:
    """The key that made a signature.

    digest: 32 bytes. r_s: 64 bytes. recovery: 0 to 3. Returns the 65-byte key, or None where
    r or s is out of range or no key fits.
    """
    fast = _coincurve()
    return fast.recover(digest, r_s, recovery) if fast else plain_recover(digest, r_s, recovery)


def verify(digest: bytes, r: int, s: int, key: bytes) -> bool:
    """Does (r, s) over the 32-byte digest fit the key of 33 or 65 bytes?"""
    fast = _coincurve()
    return fast.verify(digest, r, s, key) if fast else plain_verify(digest, r, s, key)


def verify_schnorr(digest: bytes, signature: bytes, x_only: bytes) -> bool:
    """BIP-340: 32-byte digest, 64-byte signature, 32-byte key."""
    if len(signature) != 64 or len(x_only) != 32:
        return False
    fast = _coincurve()
    if fast:
        return fast.verify_schnorr(digest, signature, x_only)
    return plain_verify_schnorr(digest, signature, x_only)


def uncompressed(key: bytes) -> bytes | None:
    """65-byte form of a key of 33 or 65 bytes; None if it is not a point of the curve."""
    fast = _coincurve()
    return fast.uncompressed(key) if fast else plain_uncompressed(key)
