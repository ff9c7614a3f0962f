"""CashAddr (Bitcoin Cash family) and the same code under Conflux's alphabet.

Source: Bitcoin Cash "CashAddr" specification; Conflux CIP-37 (own alphabet, same checksum).
"""

from __future__ import annotations

from merkle_por.reserves.ownership.encodings.bits import from_fives, multiples, to_fives

CASHADDR = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CONFLUX = "abcdefghjkmnprstuvwxyz0123456789"

P2PKH, P2SH = 0, 8
"""Version bytes for a hash of 20 bytes."""

MAX_TEXT = 112

_CHECK_GROUPS = 8
_MULTIPLES = multiples((0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470))


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        check = (check & 0x07FFFFFFFF) << 5 ^ value ^ _MULTIPLES[check >> 35]
    return check ^ 1


def _expand(prefix: str) -> list[int]:
    return [ord(c) & 31 for c in prefix] + [0]


def encode(prefix: str, payload: bytes, alphabet: str = CASHADDR) -> str:
    """`prefix:text` of a payload (version byte and hash)."""
    groups = to_fives(payload)
    check = _polymod(_expand(prefix) + groups + [0] * _CHECK_GROUPS)
    tail = [check >> 5 * (_CHECK_GROUPS - 1 - i) & 31 for i in range(_CHECK_GROUPS)]
    return prefix + ":" + "".join(alphabet[g] for g in groups + tail)


def decode(text: str, prefix: str, alphabet: str = CASHADDR) -> bytes | None:
    """Payload of an address; the prefix may be left out. None if it is not one of this prefix."""
    if len(text) > MAX_TEXT or (text != text.lower() and text != text.upper()):
        return None
    text = text.lower()
    found, colon, body = text.rpartition(":")
    if colon and found != prefix:
        return None
    groups = [alphabet.find(c) for c in body]
    if len(groups) <= _CHECK_GROUPS or -1 in groups or _polymod(_expand(prefix) + groups):
        return None
    return from_fives(groups[:-_CHECK_GROUPS])
