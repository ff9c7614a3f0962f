"""Protobuf messages as far as proofs and chains need them: numbers and byte strings.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.errors import Malformed

_VARINT, _BYTES = 0, 2


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of one protobuf message: (number, value). Raises Malformed bad-field."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        value, place = _varint(data, place)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES and place + value <= len(data):
            yield tag >> 3, data[place : place + value]
            place += value
        else:
            raise Malformed("bad-field", "not a message of the format's kind")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
    raise Malformed("bad-field", "not a message of the format's kind")
