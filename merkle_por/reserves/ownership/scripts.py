"""Bitcoin output scripts and redeem scripts, as far as reserve lists use them.

Source: Bitcoin Core script/solver.cpp (bare multisig), BIP-16, BIP-141.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from merkle_por.errors import Malformed
from merkle_por.reserves.ownership.secp256k1 import uncompressed

OP_1, OP_16 = 0x51, 0x60
OP_CHECKMULTISIG = 0xAE
MAX_P2SH_SCRIPT = 520
"""Bytes: a longer element cannot be pushed, so nobody can spend from such an address."""


@dataclass(frozen=True, slots=True)
class Multisig:
    """threshold: signatures needed. keys: in uncompressed form, all different."""

    threshold: int
    keys: tuple[bytes, ...]


def _bad(text: str) -> Malformed:
    return Malformed("bad-script", text)


_NONE: Mapping[bytes, bytes] = {}


def multisig(script: bytes, known: Mapping[bytes, bytes] = _NONE) -> Multisig:
    """Reads exactly `OP_m key... OP_n OP_CHECKMULTISIG`; anything else is refused.

    known: keys by their compressed form, which need not be computed again.
    """
    if len(script) < 3 or script[-1] != OP_CHECKMULTISIG:
        raise _bad("the script is not a multisig script")
    first, last = script[0], script[-2]
    if not (OP_1 <= first <= OP_16 and OP_1 <= last <= OP_16):
        raise _bad("the script does not begin and end with the counts of a multisig script")
    keys, place, end = [], 1, len(script) - 2
    while place < end:
        length = script[place]
        pushed = script[place + 1 : min(place + 1 + length, end)]
        key = known.get(pushed) or uncompressed(pushed)
        if length not in (33, 65) or key is None:
            raise _bad("the script holds something that is not a public key")
        keys.append(key)
        place += 1 + length
    threshold, count = first - OP_1 + 1, last - OP_1 + 1
    if place != end or len(keys) != count or threshold > count:
        raise _bad("the script's counts do not fit its keys")
    if len(set(keys)) != count:
        raise _bad("the script names one key twice")
    return Multisig(threshold, tuple(keys))


def p2wpkh(key_hash: bytes) -> bytes:
    """Output or redeem script of a witness key hash (20 bytes)."""
    return b"\x00\x14" + key_hash


def is_p2wpkh(script: bytes) -> bool:
    return len(script) == 22 and script[:2] == b"\x00\x14"


def p2wsh(script_hash: bytes) -> bytes:
    """Output or redeem script of a witness script hash (32 bytes)."""
    return b"\x00\x20" + script_hash


def p2tr(key: bytes) -> bytes:
    """Output script of a Taproot key (32 bytes)."""
    return b"\x51\x20" + key
