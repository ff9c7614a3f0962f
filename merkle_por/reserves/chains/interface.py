"""What is asked of a chain and what comes back; the shape that every client of a chain has.

Trust rules (specs/onchain-balances.md), in one place:
- an error, a time-out or an address that a service doesn't know is never zero: the balance is
  `unknown`, with the reason;
- a figure is `proved` only under a block hash that the user gave, that came from a node of the
  user's own, or that two independent services name;
- several answers that differ make the balance unknown, whoever is right.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from merkle_por.amounts import EXACT
from merkle_por.errors import Finding, Incomplete
from merkle_por.reserves.holding import Level


@dataclass(frozen=True, slots=True)
class Query:
    """One question. chain: a name of the registry. token: the token's contract, mint or id on
    that chain, None for the chain's own coin. height: block, None for the latest."""

    chain: str
    address: str
    token: str | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block (or ledger, slot, version). hash: as its chain shows it, None where the service
    names none. time: Unix seconds, None where not said."""

    height: int
    hash: str | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """What one node or service answered. units: in the smallest unit; decimals: of the coin.

    proved: checked against the block's own hash. note: what the reader should know about it.
    """

    units: int
    decimals: int
    proved: bool = False
    note: str | None = None


Answer = Figure | Incomplete
"""A figure, or why there is none."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of one address. units: in the smallest unit, None where it is not known.

    time: of the block, UTC. source: who was asked, by host names. reason, text: why the balance is
    unknown (class name of reasons.py and a sentence). problem: reason and text where the figure
    speaks against the list. note: how a figure must be read.
    """

    level: Level
    units: int | None = None
    decimals: int | None = None
    height: int | None = None
    block_hash: str | None = None
    time: str | None = None
    source: str | None = None
    reason: str | None = None
    text: str | None = None
    problem: tuple[str, str] | None = None
    note: str | None = None

    @property
    def amount(self) -> Decimal | None:
        """Whole coins, exactly; None where unknown."""
        if self.units is None or self.decimals is None:
            return None
        return whole(self.units, self.decimals)


def whole(units: int, decimals: int) -> Decimal:
    """Whole coins from the smallest unit, exactly."""
    return Decimal(units).scaleb(-decimals, EXACT)


def unknown(why: Finding, block: Block | None = None, source: str | None = None) -> Balance:
    """A balance that is not known, and why."""
    return Balance(
        Level.UNKNOWN,
        height=block.height if block else None,
        block_hash=block.hash if block else None,
        time=utc(block.time) if block else None,
        source=source,
        reason=why.reason,
        text=why.text,
    )


def utc(seconds: int | None) -> str | None:
    """Unix seconds as UTC text (RFC 3339), None for a time that can't be one."""
    if seconds is None or not 0 <= seconds < 1 << 40:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Client(Protocol):
    """One node or service of one chain. Its methods raise Incomplete, and nothing else, for
    whatever the other side does."""

    @property
    def source(self) -> str:
        """The service's host, without anything secret."""

    @property
    def own(self) -> bool:
        """Whether the user runs it."""

    def pin(self, at: int | str | None) -> Block:
        """The block at a height or with a hash; None: the latest. Also checks that the service
        serves the chain that was asked for."""

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        """One answer for each query, in order, all at that block."""

    def close(self) -> None:
        """Ends the connections."""
