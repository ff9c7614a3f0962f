"""Bech32 and Bech32m, and the segwit addresses made of them.

Source: BIP-173 (Bech32, version 0), BIP-350 (Bech32m, versions 1 to 16). Chains of the Cosmos kind
and others use plain Bech32 of bytes without a witness version.
"""

from __future__ import annotations

from functools import lru_cache

from merkle_por.reserves.ownership.encodings.bits import from_fives, multiples, to_fives

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32 = 1
"""Constant that the checksum of Bech32 comes to (BIP-173)."""
BECH32M = 0x2BC830A3
"""Constant that the checksum of Bech32m comes to (BIP-350)."""
MAX_TEXT = 90
"""BIP-173: a Bech32 string is at most 90 characters long."""

_MULTIPLES = multiples((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3))


_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def _polymod(values: list[int], check: int) -> int:
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _MULTIPLES[check >> 25]
    return check


@lru_cache(256)
def _start(prefix: str) -> int:
    """The checksum of a prefix, which all addresses of a chain share."""
    return _polymod([ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix], 1)


def encode_groups(prefix: str, groups: list[int], constant: int = BECH32) -> str:
    """Text of groups of 5 bits under a prefix, with its checksum."""
    check = _polymod(groups + [0] * 6, _start(prefix)) ^ constant
    tail = [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(ALPHABET[g] for g in groups + tail)


def encode(prefix: str, data: bytes) -> str:
    """Bech32 text of bytes (no witness version)."""
    return encode_groups(prefix, to_fives(data))


def decode_groups(text: str) -> tuple[str, list[int], int] | None:
    """Prefix, groups of 5 bits and the constant (BECH32 or BECH32M); None if it is neither."""
    if len(text) > MAX_TEXT or (text != text.lower() and text != text.upper()):
        return None
    text = text.lower()
    cut = text.rfind("1")
    prefix, body = text[:cut], text[cut + 1 :]
    if cut < 1 or len(body) < 6 or not (prefix.isascii() and prefix.isprintable()):
        return None
    if " " in prefix:
        return None
    try:
        groups = [_VALUES[c] for c in body]
    except KeyError:
        return None
    constant = _polymod(groups, _start(prefix))
    if constant not in (BECH32, BECH32M):
        return None
    return prefix, groups[:-6], constant


def encode_segwit(prefix: str, version: int, program: bytes) -> str:
    """Segwit address of a witness program (2 to 40 bytes) of version 0 to 16."""
    return encode_groups(prefix, [version, *to_fives(program)], BECH32M if version else BECH32)


def decode_segwit(text: str, prefix: str) -> tuple[int, bytes] | None:
    """Witness version and program of a segwit address with this prefix; None if it is not one."""
    decoded = decode_groups(text)
    if decoded is None:
        return None
    found, groups, constant = decoded
    if found != prefix or not groups:
        return None
    version, program = groups[0], from_fives(groups[1:])
    if version > 16 or program is None or not 2 <= len(program) <= 40:
        return None
    if constant != (BECH32M if version else BECH32):
        return None
    if version == 0 and len(program) not in (20, 32):
        return None
    return version, program
