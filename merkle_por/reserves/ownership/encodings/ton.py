"""TON addresses of the standard wallet contracts that an Ed25519 key deploys.

A TON account is the hash of its first state: code and data cells. The code of the two wallets is
fixed, so the address follows from the key. Source: docs.ton.org (cells, addresses, wallet
contracts); code hashes in specs/ownership-signatures.md section 4.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from merkle_por.reserves.ownership.encodings.crc16 import crc16

BOUNCEABLE, NOT_BOUNCEABLE = 0x11, 0x51
BASECHAIN = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell known by its hash (32 bytes) and depth."""

    hash: bytes
    depth: int


V3R2_CODE = Cell(
    bytes.fromhex("84dafa449f98a6987789ba232358072bc0f76dc4524002a5d0918b9a75d2d599"), 0
)
V3R2_SUBWALLET = 698983191
HIGHLOAD_V3_CODE = Cell(
    bytes.fromhex("11acad7955844090f283bf238bc1449871f783e7cc0979408d3f4859483e8525"), 6
)
HIGHLOAD_V3_SUBWALLET = 4269
HIGHLOAD_V3_TIMEOUT = 43200
"""Seconds."""


def cell(bits: str, *refs: Cell) -> Cell:
    """The cell of a string of 0 and 1 and its references (at most 4).

    Descriptor 1 counts references, descriptor 2 counts half bytes; data that does not fill its
    last byte is closed with a one bit and zeros.
    """
    full, rest = divmod(len(bits), 8)
    if rest:
        bits += "1" + "0" * (7 - rest)
    data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    head = bytes([len(refs), 2 * full + (1 if rest else 0)])
    depths = b"".join(ref.depth.to_bytes(2, "big") for ref in refs)
    hashes = b"".join(ref.hash for ref in refs)
    depth = 1 + max(ref.depth for ref in refs) if refs else 0
    return Cell(sha256(head + data + depths + hashes).digest(), depth)


def _bits(value: int, width: int) -> str:
    return format(value, f"0{width}b")


def wallets(key: bytes) -> tuple[bytes, bytes]:
    """Account hashes (32 bytes) of wallet v3r2 and highload wallet v3 of a 32-byte key."""
    key_bits = _bits(int.from_bytes(key, "big"), 256)
    v3r2 = cell(_bits(0, 32) + _bits(V3R2_SUBWALLET, 32) + key_bits)
    # Highload v3: key, subwallet, two empty dictionaries, last clean time 0, timeout.
    highload = cell(
        key_bits
        + _bits(HIGHLOAD_V3_SUBWALLET, 32)
        + "00"
        + _bits(0, 64)
        + _bits(HIGHLOAD_V3_TIMEOUT, 22)
    )
    # StateInit: no split depth, not special, code present, data present, no library.
    return cell("00110", V3R2_CODE, v3r2).hash, cell("00110", HIGHLOAD_V3_CODE, highload).hash


def encode(account: bytes, tag: int) -> str:
    """User-friendly address (48 characters, URL-safe) of an account on the basechain."""
    payload = bytes([tag, BASECHAIN]) + account
    return urlsafe_b64encode(payload + crc16(payload).to_bytes(2, "big")).decode()


def addresses(key: bytes) -> tuple[str, ...]:
    """The four addresses that belong to a key: two wallets, bounceable or not."""
    return tuple(encode(a, tag) for a in wallets(key) for tag in (BOUNCEABLE, NOT_BOUNCEABLE))
