"""River's keys to its leaves; the ledger itself is BitMEX's (specs river-liabilities, bitmex.py).

account_id = base32 of the UID; account_subkey = SHA256(key || email || LE64(id)); the key of this
ledger's leaves = SHA256(subkey || LE64(height) || LE64(id)).
"""

from __future__ import annotations

import hashlib

from merkle_por.errors import Malformed
from merkle_por.ledger.packed import U64_END

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648, upper case only, no padding
_IMPOSSIBLE = (1, 3, 6)  # lengths modulo 8 that no whole bytes have


def account_id(uid: str) -> int:
    """The number behind an account UID. Spare low bits are dropped, as River's decoder does.

    Raises Malformed bad-account-uid.
    """
    if not uid or set(uid) - set(ALPHABET) or len(uid) % 8 in _IMPOSSIBLE or len(uid) > 64:
        raise Malformed("bad-account-uid", "not base32 in capitals, as River shows it")
    bits = 0
    for character in uid:
        bits = bits << 5 | ALPHABET.index(character)
    number = bits >> (len(uid) * 5 % 8)
    if number >= U64_END:
        raise Malformed("bad-account-uid", "the number behind it has more than 64 bits")
    return number


def leaf_key(email: str, uid: str, key: bytes, height: int) -> bytes:
    """The 32-byte key of one account's leaves in the ledger of that block height.

    email: as registered, its case kept. key: 32 bytes. Raises Malformed bad-account-uid.
    """
    number = account_id(uid).to_bytes(8, "little")
    subkey = hashlib.sha256(key + email.encode("utf-8", "replace") + number).digest()
    return hashlib.sha256(subkey + height.to_bytes(8, "little") + number).digest()
