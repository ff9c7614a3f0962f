"""The order in which Java's `HashMap` yields text keys, for trees whose makers hashed it.

Source: the Java platform's documentation of `String.hashCode` and `HashMap` (power-of-two table,
load factor 0.75, upper half of the hash folded into the lower). Some exchanges print a map as
JSON and hash that text, so the order of the coins is this one: neither alphabetical nor that of
the file. Not modelled: a bin of 8 or more keys in a table of 64 or more turns into a tree, whose
order differs; no list of coins comes near that.
"""

from __future__ import annotations

from collections.abc import Iterable

FIRST_CAPACITY = 16
LOAD_FACTOR = (3, 4)  # the table is doubled when more than 3/4 of its slots' number is used
_MASK = 0xFFFFFFFF


def utf16(text: str) -> bytes:
    """Big-endian UTF-16: Java's own units, and a sort key that orders texts as Java does."""
    return text.encode("utf-16-be")


def string_hash(text: str) -> int:
    """Java's `String.hashCode` as an unsigned 32-bit number: h = 31 h + unit."""
    units = utf16(text)
    result = 0
    for index in range(0, len(units), 2):
        result = (31 * result + (units[index] << 8 | units[index + 1])) & _MASK
    return result


def capacity(count: int) -> int:
    """Slots of a map that grew from empty to `count` keys."""
    slots = FIRST_CAPACITY
    while count * LOAD_FACTOR[1] > slots * LOAD_FACTOR[0]:
        slots *= 2
    return slots


def ordered(keys: Iterable[str]) -> list[str]:
    """Distinct keys, given in order of insertion, in the order in which the map yields them."""
    inserted = list(keys)
    mask = capacity(len(inserted)) - 1

    def slot(key: str) -> int:
        spread = string_hash(key)
        return (spread ^ spread >> 16) & mask

    return sorted(inserted, key=slot)  # stable: one slot keeps the order of insertion
