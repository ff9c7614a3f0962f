"""What is signed: the bytes or digest that each kind of signature makes of the message text.

Source: specs/ownership-signatures.md section 2; EIP-191 and TIP-191 for the wrapped messages.
Lists repeat one message in every row, so digests are kept.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from merkle_por.hashes.keccak import keccak256

ETHEREUM = b"\x19Ethereum Signed Message:\n"
TRON = b"\x19TRON Signed Message:\n"
OKX = b"OKX Signed Message:\n"
_KEPT = 256


def var_bytes(data: bytes) -> bytes:
    """The bytes behind their length as Bitcoin's CompactSize."""
    size = len(data)
    if size < 0xFD:
        return bytes([size]) + data
    if size <= 0xFFFF:
        return b"\xfd" + size.to_bytes(2, "little") + data
    return b"\xfe" + size.to_bytes(4, "little") + data


def double_sha256(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def ripemd160(data: bytes) -> bytes:
    from Crypto.Hash import RIPEMD160

    return bytes(RIPEMD160.new(data).digest())


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: 20 bytes."""
    return ripemd160(sha256(data).digest())


@lru_cache(_KEPT)
def ethereum_hashed(message: str) -> bytes:
    """E-hash: EIP-191 over the 32-byte Keccak of the text."""
    return keccak256(ETHEREUM + b"32" + keccak256(message.encode()))


@lru_cache(_KEPT)
def ethereum(message: str) -> bytes:
    """E-191: EIP-191 over the text."""
    data = message.encode()
    return keccak256(ETHEREUM + str(len(data)).encode() + data)


@lru_cache(_KEPT)
def keccak_raw(message: str) -> bytes:
    """E-raw: Keccak of the text without any prefix."""
    return keccak256(message.encode())


@lru_cache(_KEPT)
def tron_hashed(message: str) -> bytes:
    """T-hash: like E-hash with TRON's prefix."""
    return keccak256(TRON + b"32" + keccak256(message.encode()))


@lru_cache(_KEPT)
def tron(message: str) -> bytes:
    """T-v2: like E-191 with TRON's prefix."""
    data = message.encode()
    return keccak256(TRON + str(len(data)).encode() + data)


@lru_cache(_KEPT)
def tron_raw32(message: str) -> bytes:
    """T-raw32: the text itself, announced as 32 bytes whatever its length."""
    return keccak256(TRON + b"32" + message.encode())


@lru_cache(_KEPT)
def okx_bytes(message: str) -> bytes:
    """O-ed: OKX's header and the text, each behind its length, not hashed."""
    return var_bytes(OKX) + var_bytes(message.encode())


@lru_cache(_KEPT)
def okx_keccak(message: str) -> bytes:
    """O-ecdsa: Keccak of O-ed."""
    return keccak256(okx_bytes(message))


@lru_cache(_KEPT)
def okx_sha256(message: str) -> bytes:
    """O-eos: SHA-256 of O-ed."""
    return sha256(okx_bytes(message)).digest()


@lru_cache(_KEPT)
def bitcoin(message: str, header: str) -> bytes:
    """U(header): SHA-256 twice over header and text, each behind its length."""
    return double_sha256(var_bytes(header.encode()) + var_bytes(message.encode()))


def text_bytes(message: str) -> bytes:
    """H-ed: the bytes of the text."""
    return message.encode()
