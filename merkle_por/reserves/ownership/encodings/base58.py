"""Base58 and Base58Check (Bitcoin's alphabet, and Ripple's).

Source: Bitcoin wiki "Base58Check encoding"; xrpl.org "Base58 encodings" for the other alphabet.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"

_TEN_DIGITS, _TWO_DIGITS = 58**10, 58**2

MAX_TEXT = 256
"""Longest text decoded; the work grows with the square of the length."""


@cache
def _pairs(alphabet: str) -> tuple[str, ...]:
    return tuple(first + second for first in alphabet for second in alphabet)


@cache
def _values(alphabet: str) -> dict[str, int]:
    return {character: value for value, character in enumerate(alphabet)}


def encode(data: bytes, alphabet: str = BITCOIN) -> str:
    """Base58 text of the bytes; a leading zero byte is a leading zero digit."""
    number = int.from_bytes(data, "big")
    pairs = _pairs(alphabet)
    digits = []
    while number:
        # Ten digits at a time: most divisions are of small numbers then.
        number, part = divmod(number, _TEN_DIGITS)
        for _ in range(5):
            part, pair = divmod(part, _TWO_DIGITS)
            digits.append(pairs[pair])
    digits.reverse()
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + "".join(digits).lstrip(alphabet[0])


def decode(text: str, alphabet: str = BITCOIN) -> bytes | None:
    """Bytes of a Base58 text; None if it is too long or holds another character."""
    if len(text) > MAX_TEXT:
        return None
    number = 0
    try:
        for digit in map(_values(alphabet).__getitem__, text):
            number = number * 58 + digit
    except KeyError:
        return None
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def checksum(payload: bytes) -> bytes:
    """First 4 bytes of SHA-256 applied twice."""
    return sha256(sha256(payload).digest()).digest()[:4]


def encode_check(payload: bytes, alphabet: str = BITCOIN) -> str:
    """Base58 text of the payload (version and data) and its checksum."""
    return encode(payload + checksum(payload), alphabet)


def decode_check(text: str, alphabet: str = BITCOIN) -> bytes | None:
    """Payload (version and data) of a Base58Check text; None if text or checksum is wrong."""
    data = decode(text, alphabet)
    if data is None or len(data) < 4 or checksum(data[:-4]) != data[-4:]:
        return None
    return data[:-4]
