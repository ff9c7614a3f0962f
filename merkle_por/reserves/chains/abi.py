"""The little of Ethereum's contract ABI that balances need: balanceOf, decimals, Multicall3.

Source: Solidity's contract ABI specification; ERC-20; Multicall3 (one address on most chains).
Words are 32 bytes, big-endian. Answers are read strictly: a short or long one is no number.
"""

from __future__ import annotations

from collections.abc import Sequence

from merkle_por.errors import Malformed

WORD = 32
BALANCE_OF = bytes.fromhex("70a08231")
DECIMALS = bytes.fromhex("313ce567")
AGGREGATE3 = bytes.fromhex("82ad56cb")
GET_ETH_BALANCE = bytes.fromhex("4d2301cc")
MULTICALL3 = bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11")


def word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def of_address(selector: bytes, address: bytes) -> bytes:
    """A call with one address (20 bytes) as its argument."""
    return selector + address.rjust(WORD, b"\0")


def number(data: bytes) -> int:
    """The one number that a call answered. Raises Malformed bad-length."""
    if len(data) != WORD:
        raise Malformed("bad-length", f"{len(data)} bytes where a number must stand")
    return int.from_bytes(data, "big")


def aggregate3(calls: Sequence[tuple[bytes, bytes]]) -> bytes:
    """aggregate3 of (target of 20 bytes, call data), each allowed to fail."""
    heads, tails = [], []
    place = len(calls) * WORD
    for target, call in calls:
        heads.append(word(place))
        padded = call + bytes(-len(call) % WORD)
        tail = target.rjust(WORD, b"\0") + word(1) + word(3 * WORD) + word(len(call)) + padded
        tails.append(tail)
        place += len(tail)
    return AGGREGATE3 + word(WORD) + word(len(calls)) + b"".join(heads) + b"".join(tails)


def aggregated(data: bytes, count: int) -> list[bytes | None]:
    """What each call of an aggregate3 answered, None where it failed. Raises Malformed."""

    def at(place: int) -> int:
        part = data[place : place + WORD]
        if len(part) != WORD:
            raise Malformed("bad-length", "the answer to many calls is cut short")
        value = int.from_bytes(part, "big")
        if value > len(data) and place != 0:
            raise Malformed("bad-length", "the answer to many calls points beyond its end")
        return value

    start = at(0) + WORD
    if at(start - WORD) != count:
        raise Malformed("bad-length", "not as many answers as calls")
    answers: list[bytes | None] = []
    for index in range(count):
        place = start + at(start + index * WORD)
        success, content = at(place), place + at(place + WORD)
        length = at(content)
        answer = data[content + WORD : content + WORD + length]
        if len(answer) != length or success > 1:
            raise Malformed("bad-length", "the answer to many calls is cut short")
        answers.append(answer if success else None)
    return answers
