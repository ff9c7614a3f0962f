"""What schemes with Groth16 proofs over BN254 share: base64 of bytes and field elements, amounts
in smallest units, pinned verifying keys."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from decimal import Decimal

from merkle_por.amounts import EXACT
from merkle_por.errors import Malformed, UsageError
from merkle_por.hashes.poseidon_bn254 import field_element
from merkle_por.hashes.poseidon_bn254_tables import ELEMENT_BYTES
from merkle_por.scheme import Given, normal_hash


def element_of_base64(text: object, where: str) -> int:
    """A field element from the canonical base64 of 32 bytes. Raises Malformed."""
    raw = bytes_of_base64(text, where)
    if len(raw) != ELEMENT_BYTES:
        raise Malformed("bad-hash", f"not {ELEMENT_BYTES} bytes in base64", where=where)
    return field_element(raw, where)


def bytes_of_base64(text: object, where: str) -> bytes:
    """Bytes from canonical base64, padded. Raises Malformed bad-hash."""
    if not isinstance(text, str):
        raise Malformed("wrong-type", "a text in base64 must stand here", where=where)
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise Malformed("bad-hash", "not base64", where=where) from None
    if binascii.b2a_base64(raw, newline=False).decode() != text:
        raise Malformed("bad-hash", "not base64 in its one canonical form", where=where)
    return raw


def coins(units: int, decimals: int) -> Decimal:
    """Smallest units as whole coins, exactly, without zeros at the end (the default context of
    Decimal would round at 28 digits)."""
    return EXACT.normalize(EXACT.scaleb(Decimal(units), -decimals))


def pinned_keys(given: Given) -> frozenset[str] | None:
    """SHA-256 of verifying keys known from outside: a list, or a mapping with them as values.

    None where none was given: then nothing is pinned. Raises UsageError.
    """
    value = given.value("vk_sha256")
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if isinstance(value, Mapping):
        value = list(value.values())
    if value is None:
        return None
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise UsageError("vk_sha256 must be a list of SHA-256 hashes")
    if not value:
        raise UsageError("vk_sha256 names no key")
    return frozenset(normal_hash(item, "vk_sha256") for item in value)
