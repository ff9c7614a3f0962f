"""The rows of a list beside their balances on chain: which are asked, and what an answer makes of a
row.

Rules (specs/onchain-balances.md, "Trust levels"), in one place:
- a row that nobody was asked about (no node for its chain, a coin that no table knows, no address,
  staked coins that don't stand on it) stays the list's own figure, `claimed`, and the list
  incomplete;
- a row that was asked without an answer is `unknown`, never zero, and the list incomplete;
- an answer counts as the chain states it; lower than listed makes the list invalid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from merkle_por.errors import Incomplete, UsageError
from merkle_por.execution import Execution
from merkle_por.reserves import bip127
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.balances import balances, ways
from merkle_por.reserves.chains.interface import Balance
from merkle_por.reserves.holding import Level
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.reserves.ownership.row import Ownership

SOURCES = 16
"""Services that are named for one chain."""
BEACON, VALIDATORS = "beacon", "ETH-BEACON"
"""The registry's names for Ethereum's consensus chain and the coins on it."""
NAMES = 1000
"""Chains and coins, that nobody was asked about, which are counted by name."""
KNOWN_TAGS = 100_000
"""Coin tags whose chain is kept in memory."""

_VALIDATOR = re.compile(r"0x[0-9a-fA-F]{96}")
"""A validator's public key: 48 bytes."""


@dataclass(frozen=True)
class Asking:
    """Whom to ask, and at which blocks; the names are those of `reserves`."""

    nodes: Mapping[str, str | Sequence[str]]
    at: Mapping[str, int | str]
    tokens: Mapping[str, tuple[str, str | None]]
    memory: Path | None = None
    offline: bool = False


def asking(
    nodes: Mapping[str, str | Sequence[str]] | None,
    at: Mapping[str, int | str] | None,
    tokens: Mapping[str, tuple[str, str | None]] | None,
    memory: str | Path | None,
    *,
    offline: bool,
) -> Asking | None:
    """What the caller named, None where no node is asked. Raises UsageError."""
    if not nodes:
        for name, value in (("at", at), ("tokens", tokens), ("cache", memory)):
            if value:
                raise UsageError(f"--{name} needs a node", "add --node CHAIN=URL")
        if offline:
            raise UsageError("--offline needs a node's name and a cache of its answers")
        return None
    if offline and memory is None:
        raise UsageError("--offline needs --cache FILE, with the answers of an earlier run")
    path = None if memory is None else Path(memory)
    asked = ways(nodes, at, tokens=tokens, memory=path, offline=offline)
    for chain in asked.at:
        if chain not in asked.nodes:
            raise UsageError(f"a block of {chain} is named, but no node of it")
    for tag, (chain, _) in asked.tokens.items():
        registry.chain(chain)
        if not tag:
            raise UsageError("a token without the list's name for it")
    if path is not None:
        from merkle_por.reserves.chains.memory import Memory

        Memory(path, offline=offline).close()  # says now what is wrong with the file
    return Asking(asked.nodes, asked.at, asked.tokens, path, offline)


class Block(NamedTuple):
    """A block at which balances were read. time: UTC."""

    height: int
    hash: str | None
    time: str | None


@dataclass
class ChainRead:
    """What was read of one chain. asked: rows. unknown: rows without an answer. first, last: the
    lowest and the highest block. sources: hosts that answered."""

    chain: str
    asked: int = 0
    unknown: int = 0
    first: Block | None = None
    last: Block | None = None
    sources: list[str] = field(default_factory=list)

    def take(self, balance: Balance) -> None:
        self.asked += 1
        if balance.amount is None:
            self.unknown += 1
            return
        if balance.height is not None:
            block = Block(balance.height, balance.block_hash, balance.time)
            if self.first is None or block.height < self.first.height:
                self.first = block
            if self.last is None or block.height > self.last.height:
                self.last = block
        for source in (balance.source or "").split(", "):
            if source and source not in self.sources and len(self.sources) < SOURCES:
                self.sources.append(source)


class Question(NamedTuple):
    """A row as its chain is asked about it. addresses: none where nobody is asked (`why`)."""

    row: Row
    owned: Ownership | None
    coin: str
    network: str | None
    addresses: tuple[str, ...]
    amount: Decimal | None
    height: int | None
    chain: str | None
    why: Incomplete | None = None


Answered = tuple[Row, Ownership | None, Balance | None]
"""A row, the judgement of its signature, and its balance (None: a row without one)."""


class Answers:
    """The answers for one or several lists; `chains` sums up what was read of each chain."""

    def __init__(self, asked: Asking, execution: Execution) -> None:
        self.asked = asked
        self.execution = execution
        self.chains: dict[str, ChainRead] = {}
        self.nobody: dict[tuple[str, str], int] = {}
        """Why nobody was asked (class name), and the chain or coin -> rows."""
        self._resolved: dict[tuple[str, str | None], tuple[str | None, Incomplete | None]] = {}

    def of(
        self,
        layout: Layout,
        judged: Iterable[tuple[Row, Ownership | None]],
        skip: frozenset[int] = frozenset(),
    ) -> Iterator[Answered]:
        """Each row with its balance, in file order, in bounded memory. skip: lines not to ask."""
        asked = self.asked
        self.execution.progress("asking nodes", 0, None, "rows")
        questions = (self._question(layout, row, owned, skip) for row, owned in judged)
        for question, found in balances(
            questions,
            asked.nodes,
            asked.at,
            self.execution,
            tokens=asked.tokens,
            memory=asked.memory,
            offline=asked.offline,
        ):
            yield question.row, question.owned, self._answer(question, found)

    def outputs(
        self, chain: registry.Chain, file: bip127.ProofFile
    ) -> list[tuple[Balance, tuple[str, ...]]]:
        """What each transaction of a BIP-127 file proves, and who signed it, as all nodes of the
        chain say. Raises Invalid, and Incomplete."""
        urls = self.asked.nodes.get(chain.name, ())
        if not urls:
            key = ("no-node", chain.name)
            self.nobody[key] = self.nobody.get(key, 0) + len(file.proofs)
            raise Incomplete("no-node", f"no node was named for {chain.name}")
        self.execution.progress("asking nodes", 0, None, "rows")
        found = bip127.balances(
            file,
            chain,
            (urls,) if isinstance(urls, str) else tuple(urls),
            self.asked.at.get(chain.name),
            memory=self.asked.memory,
            offline=self.asked.offline,
        )
        read = self.chains.setdefault(chain.name, ChainRead(chain.name))
        for balance, _ in found:
            read.take(balance)
        return found

    def asked_rows(self, layout: Layout, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that nodes are asked about, as they are asked."""
        for row in rows:
            question = self._question(layout, row, None, frozenset())
            if question.addresses:
                yield row._replace(coin=question.coin)

    def _question(
        self, layout: Layout, row: Row, owned: Ownership | None, skip: frozenset[int]
    ) -> Question:
        coin = row.asset if layout.coin_is_network else row.coin
        head = (row, owned, coin, row.network)
        if row.signer_of is not None or row.line in skip:
            return Question(*head, (), row.amount, None, None)
        if row.kind is RowKind.STAKED and row.type is not None:
            return self._staked(row, owned, coin)
        chain, why = self._where(coin, row.network)
        if not row.addresses:
            why = why or Incomplete("bad-address", "the row names no address")
        if why is not None:
            return Question(*head, (), row.amount, None, chain, why)
        height = row.height
        if height is None and chain in self.chains:
            # One block for all lists, also where neither the list nor the user names one.
            last = self.chains[chain].last
            height = None if last is None else last.height
        return Question(*head, row.addresses, row.amount, height, chain)

    def _staked(self, row: Row, owned: Ownership | None, coin: str) -> Question:
        """Staked coins don't stand on an address; a validator's balance is on the beacon chain,
        whose slots are not the heights of the list: the caller names the slot."""
        head = (row, owned, coin, row.network, (), row.amount, None)
        if not (coin == "ETH" and _VALIDATOR.fullmatch(row.address)):
            text = f"{coin[:40]}: staked coins don't stand on the address itself"
            return Question(*head, None, Incomplete("staked-elsewhere", text))
        chain, why = self._where(VALIDATORS, None)
        if why is None and BEACON not in self.asked.at:
            text = "a validator's balance is read at a slot: name it, --at beacon=SLOT"
            why = Incomplete("staked-elsewhere", text)
        if why is not None:
            return Question(*head, chain, why)
        addresses = row.addresses
        return Question(row, owned, VALIDATORS, None, addresses, row.amount, None, chain)

    def _where(self, coin: str, network: str | None) -> tuple[str | None, Incomplete | None]:
        """The chain of a coin tag, or why it can't be asked."""
        key = (coin, network)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolve(coin, network)
            if len(self._resolved) < KNOWN_TAGS:
                self._resolved[key] = found
        return found

    def _resolve(self, coin: str, network: str | None) -> tuple[str | None, Incomplete | None]:
        """As registry.resolve; but a network that no table knows is never taken for the one where
        a coin of that name is at home."""
        if (
            network is not None
            and coin not in self.asked.tokens
            and registry.find_chain(network) is None
            and not ("-" in coin and registry.find_chain(coin.rpartition("-")[2]))
        ):
            text = f"{coin[:40]}: {network[:40]} is not a chain that can be asked"
            return network, Incomplete("unknown-token", text)
        try:
            chain, _ = registry.resolve(coin, network, self.asked.tokens)
        except Incomplete as error:
            return coin, error
        if chain.name in self.asked.nodes:
            return chain.name, None
        return chain.name, Incomplete("no-node", f"no node was named for {chain.name}")

    def _answer(self, question: Question, found: Balance) -> Balance | None:
        if question.why is None and question.chain is None:
            return None
        if question.why is not None:
            why = question.why
            key = (why.reason, question.chain or question.coin)
            if key in self.nobody or len(self.nobody) < NAMES:
                self.nobody[key] = self.nobody.get(key, 0) + 1
            level = Level.UNKNOWN if question.amount is None else Level.CLAIMED
            return Balance(level, reason=why.reason, text=why.text)
        assert question.chain is not None
        self.chains.setdefault(question.chain, ChainRead(question.chain)).take(found)
        return found
