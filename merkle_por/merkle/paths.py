"""Folding a hash path from a leaf to its root, for trees without sums.

The shape (sides, number of steps) is settled by the caller before anything is hashed; a parent
is SHA-256 over its two children, joined either as raw bytes or as lower-case hex text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypeVar

T = TypeVar("T")


class Side(StrEnum):
    """Which child a node is."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Joined(Enum):
    """How two child hashes enter their parent's preimage."""

    BYTES = "bytes"
    TEXT = "text"


class Odd(Enum):
    """What a tree does with the last node of a level of odd length."""

    PROMOTE = "promote"  # moves up unchanged
    DUPLICATE = "duplicate"  # hashed with itself


@dataclass(frozen=True)
class Step:
    """One sibling on the way up: its hash (lower-case hex) and which child IT is."""

    side: Side
    hash: str


def sha256_hex(preimage: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(preimage).hexdigest()


def parent(left: str, right: str, joined: Joined) -> str:
    """Parent hash of two hex hashes."""
    if joined is Joined.TEXT:
        return sha256_hex((left + right).encode())
    return sha256_hex(bytes.fromhex(left) + bytes.fromhex(right))


def climb(leaf: str, steps: Iterable[Step], joined: Joined) -> list[str]:
    """The running hash after each step, leaf level upward; the last one is the root.

    Empty for no steps: then the leaf is the root.
    """
    running = leaf
    rebuilt = []
    for step in steps:
        if step.side is Side.LEFT:
            running = parent(step.hash, running, joined)
        else:
            running = parent(running, step.hash, joined)
        rebuilt.append(running)
    return rebuilt


def top_of(level: Sequence[T], node: Callable[[T, T], T], odd: Odd = Odd.PROMOTE) -> T:
    """The top of a tree over `level`, parent = node(left, right). 1 <= len(level)."""
    if not level:
        raise ValueError("a tree needs a leaf")
    nodes = list(level)
    while len(nodes) > 1:
        last = nodes[-1:] if len(nodes) % 2 else []
        if last and odd is Odd.DUPLICATE:
            nodes.append(last[0])
            last = []
        nodes = [node(left, right) for left, right in _pairs(nodes)] + last
    return nodes[0]


def _pairs(nodes: Sequence[T]) -> Iterable[tuple[T, T]]:
    return zip(nodes[::2], nodes[1::2], strict=False)


def root_of(leaves: Sequence[bytes], odd: Odd = Odd.PROMOTE) -> bytes:
    """Root over raw leaves (any length), parent = SHA-256(left || right), level by level.

    1 <= len(leaves); a single leaf is its own root. As `top_of`, each level hashed at once.
    """
    from merkle_por.hashes.sha256 import digests

    if not leaves:
        raise ValueError("a tree needs a leaf")
    nodes = list(leaves)
    while len(nodes) > 1:
        last = nodes[-1:] if len(nodes) % 2 else []
        if last and odd is Odd.DUPLICATE:
            nodes.append(last[0])
            last = []
        nodes = digests(left + right for left, right in _pairs(nodes)) + last
    return nodes[0]
