"""SS58 (Substrate chains: Polkadot, Kusama and relatives).

Source: Substrate documentation "SS58 address format": network number of one byte below 64, else of
two with its bits shuffled; checksum = first 2 bytes of BLAKE2b-512 of "SS58PRE", number and key.
"""

from __future__ import annotations

from hashlib import blake2b

from merkle_por.reserves.ownership.encodings import base58


def encode(network: int, key: bytes) -> str:
    """Text of a 32-byte key for a network number below 16384."""
    if network < 64:
        prefix = bytes([network])
    else:
        prefix = bytes([network >> 2 & 0x3F | 0x40, network >> 8 | (network & 3) << 6])
    payload = prefix + key
    return base58.encode(payload + blake2b(b"SS58PRE" + payload).digest()[:2])
