"""c32check, the address encoding of Stacks (SIP-005): Crockford's base 32 and a checksum."""

from __future__ import annotations

from merkle_por.reserves.ownership.encodings.base58 import checksum

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def encode_check(version: int, data: bytes) -> str:
    """`S`, the version character, and c32 of the data and its checksum."""
    payload = data + checksum(bytes([version]) + data)
    number = int.from_bytes(payload, "big")
    digits = []
    while number:
        digits.append(ALPHABET[number & 31])
        number >>= 5
    zeros = len(payload) - len(payload.lstrip(b"\0"))
    return "S" + ALPHABET[version] + "0" * zeros + "".join(reversed(digits))
