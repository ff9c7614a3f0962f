"""Accounts that can be written in several ways: one text for all of them.

A list that names an account twice, each time in another of its chain's spellings, counts it twice;
the texts differ, so a comparison of addresses as written does not see it. Source:
specs/ownership-signatures.md, sections 4 and 5 (the kinds of address that have two forms).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import lru_cache

from merkle_por.reserves.ownership.coins import coin
from merkle_por.reserves.ownership.encodings import base32, base58, bech32, cashaddr
from merkle_por.reserves.ownership.encodings.bits import from_fives


def _evm(address: str) -> str | None:
    """0x, Bech32 of the 20 bytes, or Filecoin's delegated form."""
    if address[:2] == "0x":
        return address.lower()
    if address.startswith("f410f"):
        data = base32.decode(address[5:].upper())
        return None if data is None or len(data) != 24 else "0x" + data[:20].hex()
    decoded = bech32.decode_groups(address)
    data = None if decoded is None else from_fives(decoded[1])
    return None if data is None else "0x" + data.hex()


def _short_hex(address: str) -> str | None:
    """Leading zeros may be left out."""
    return "0x" + address[2:].lower().lstrip("0") if address[:2] == "0x" else None


def _cash(prefix: str) -> Callable[[str], str | None]:
    """CashAddr with or without its prefix, or the older form."""

    def read(address: str) -> str | None:
        data = cashaddr.decode(address, prefix)
        if data is not None:
            return f"{'script' if data[:1] == bytes([cashaddr.P2SH]) else 'key'} {data[1:].hex()}"
        data = base58.decode_check(address)
        return None if not data else f"{'script' if data[0] == 5 else 'key'} {data[1:].hex()}"

    return read


def _ton(address: str) -> str | None:
    """The first byte says only whether money that can't be delivered bounces."""
    try:
        data = base64.urlsafe_b64decode(address)
    except (binascii.Error, ValueError):
        return None
    return data[1:34].hex() if len(data) == 36 else None


_READ: Mapping[str, Callable[[str], str | None]] = {
    "OKC": _evm,
    "LAT": _evm,
    "FIL-EVM": _evm,
    "APTOS": _short_hex,
    "TON": _ton,
    "BCH": _cash("bitcoincash"),
    "XEC": _cash("ecash"),
}


def account(tag: str, address: str) -> str | None:
    """One text for all spellings of an OKX coin tag's address; None where there is only one."""
    read = _reader(tag)
    return None if read is None else read(address)


@lru_cache(2048)
def _reader(tag: str) -> Callable[[str], str | None] | None:
    entry = coin(tag)
    return _READ.get(entry.address or "") if entry is not None else None
