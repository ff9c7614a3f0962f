"""RLP, Ethereum's encoding of nested byte strings (yellow paper, appendix B): canonical form only.

An item is `bytes` or a list of items. There is one right encoding of each; any other is refused,
so that what was decoded encodes to the very bytes that were hashed.
"""

from __future__ import annotations

from typing import TypeAlias

from merkle_por.errors import Malformed

Item: TypeAlias = "bytes | list[Item]"

STRING, LONG_STRING, LIST, LONG_LIST = 0x80, 0xB7, 0xC0, 0xF7
MAX_DEPTH = 8
"""A trie node nests at most twice."""


def encode(item: Item) -> bytes:
    """The encoding of an item."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < STRING:
            return item
        return _head(len(item), STRING) + item
    body = b"".join(map(encode, item))
    return _head(len(body), LIST) + body


def encode_integer(value: int) -> bytes:
    """A number: big-endian without leading zeros, zero as the empty string."""
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _head(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


def integer(item: Item, where: str | None = None) -> int:
    """The number that a byte string stands for. Raises Malformed bad-rlp for leading zeros."""
    if not isinstance(item, bytes) or item[:1] == b"\0" or len(item) > 32:
        raise Malformed("bad-rlp", "not a number without leading zeros", where=where)
    return int.from_bytes(item, "big")


def decode(data: bytes, where: str | None = None) -> Item:
    """The one item that `data` encodes. Raises Malformed bad-rlp for anything but its encoding."""
    item, end = _item(data, 0, len(data), where, 0)
    if end != len(data):
        raise _bad("bytes after the end", where)
    return item


def _bad(text: str, where: str | None) -> Malformed:
    return Malformed("bad-rlp", f"not canonical RLP: {text}", where=where)


def _length(data: bytes, place: int, end: int, size: int, where: str | None) -> int:
    text = data[place : place + size]
    if place + size > end or text[:1] == b"\0":
        raise _bad("a length that is cut short or has leading zeros", where)
    length = int.from_bytes(text, "big")
    if length < 56:
        raise _bad("a length that is not written in its short form", where)
    return length


def _item(data: bytes, place: int, end: int, where: str | None, depth: int) -> tuple[Item, int]:
    """The item at `place` and where it ends; it may not reach beyond `end`."""
    if place >= end or depth > MAX_DEPTH:
        raise _bad("nothing, or nested too deeply", where)
    first = data[place]
    if first < STRING:
        return data[place : place + 1], place + 1
    base, long = (STRING, LONG_STRING) if first < LIST else (LIST, LONG_LIST)
    start = place + 1
    if first <= long:
        length = first - base
    else:
        size = first - long
        length = _length(data, start, end, size, where)
        start += size
    stop = start + length
    if stop > end:
        raise _bad("an item that is cut short", where)
    if base == STRING:
        if length == 1 and data[start] < STRING:
            raise _bad("a small byte that is not its own encoding", where)
        return data[start:stop], stop
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, where, depth + 1)
        items.append(item)
    return items, stop
