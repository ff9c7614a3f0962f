"""Folding a path of a Merkle-sum tree: hashes and balances together.

A tree whose parents bind only the SUM of their children (not each child's own balances) lets its
maker show each user another, smaller sibling: the Maxwell flaw. That is a property of the
dialect's preimage, not of this engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import Balances, add_balances
from merkle_por.merkle.paths import Side, sha256_hex


@dataclass(frozen=True)
class SumNode:
    """A node: hash (lower-case hex, the dialect's length) and the balances shown for it."""

    hash: str
    balances: Balances


@dataclass(frozen=True)
class SumStep:
    """One sibling on the way up and which child IT is; node None where a level has none."""

    side: Side
    node: SumNode | None


@dataclass(frozen=True)
class SumDialect:
    """How a family of trees adds and hashes.

    preimage: (left hash, right hash, summed balances, level of the parent) -> text that is
    hashed; leaves are level 0. add: sum of two children, per asset. digits: hex digits kept of
    the digest. lone: parent where the right sibling is absent, for dialects that have that:
    (child, level) -> (text that is hashed, balances).
    """

    preimage: Callable[[str, str, Balances, int], str]
    add: Callable[[Balances, Balances], dict[str, Decimal]] = add_balances
    digits: int = 64
    lone: Callable[[SumNode, int], tuple[str, Balances]] | None = None


def parent(left: SumNode, right: SumNode | None, level: int, dialect: SumDialect) -> SumNode:
    """The parent at `level` (leaves are level 0) of two children, or of a lone left one."""
    if right is None:
        if dialect.lone is None:
            raise ValueError("this dialect has no parent of a single child")
        text, balances = dialect.lone(left, level)
    else:
        balances = dialect.add(left.balances, right.balances)
        text = dialect.preimage(left.hash, right.hash, balances, level)
    return SumNode(sha256_hex(text.encode())[: dialect.digits], balances)


def climb(leaf: SumNode, steps: Iterable[SumStep], dialect: SumDialect) -> list[SumNode]:
    """The running node after each step, leaf level upward; the last one is the root."""
    running = leaf
    rebuilt = []
    for level, step in enumerate(steps, start=1):
        if step.node is not None and step.side is Side.LEFT:
            running = parent(step.node, running, level, dialect)
        else:
            running = parent(running, step.node, level, dialect)
        rebuilt.append(running)
    return rebuilt
