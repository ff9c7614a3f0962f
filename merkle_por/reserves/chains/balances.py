"""The balances of the rows of a list: each row's chain is asked once, at one block for all rows.

Rows go through in blocks of a bounded number, so that a list of any length takes bounded memory;
within a block each chain is one task of the executor. A row with several addresses is their sum,
with the worst level among them; one unknown address makes the row unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from merkle_por.amounts import grouped
from merkle_por.errors import Incomplete, UsageError
from merkle_por.execution import Execution
from merkle_por.reserves.chains import agree, registry
from merkle_por.reserves.chains.families import client
from merkle_por.reserves.chains.interface import Balance, Query, unknown
from merkle_por.reserves.chains.memory import Memory
from merkle_por.reserves.holding import Level

ROWS_AT_ONCE = 20_000
"""A scan of a whole Bitcoin node takes minutes, for one address or for thousands."""
MAX_ADDRESSES = 100_000
"""Addresses in one row."""
_WORST_LAST = tuple(Level)
_HEX = frozenset("0123456789abcdef")


class Listed(Protocol):
    """What a row of a list must tell (reserves.lists.row.Row does)."""

    @property
    def coin(self) -> str: ...
    @property
    def network(self) -> str | None: ...
    @property
    def addresses(self) -> tuple[str, ...]: ...
    @property
    def amount(self) -> Decimal | None: ...
    @property
    def height(self) -> int | None: ...


R = TypeVar("R", bound=Listed)


class Match(StrEnum):
    """A listed amount beside the one on its chain."""

    MATCH = "match"
    LOWER = "lower"
    HIGHER = "higher"
    UNKNOWN = "unknown"


def compare(listed: Decimal | None, balance: Balance) -> Match:
    """How the chain's amount stands to the listed one; half a unit of the listed amount's last
    digit is rounding (specs/onchain-balances.md, "Client advice")."""
    found = balance.amount
    if listed is None or found is None:
        return Match.UNKNOWN
    exponent = listed.as_tuple().exponent
    half = Decimal(5).scaleb((exponent if isinstance(exponent, int) else 0) - 1)
    if abs(found - listed) <= half:
        return Match.MATCH
    return Match.LOWER if found < listed else Match.HIGHER


@dataclass(frozen=True)
class Ways:
    """How chains are asked. nodes: chain -> URLs. at: chain -> height, or hash of a trusted block.
    tokens: a list's coin tag -> (chain, token id). memory: file of kept answers; offline: from it
    only. row_heights: where `at` names no block of a chain, each row's own height counts."""

    nodes: Mapping[str, tuple[str, ...]]
    at: Mapping[str, int | str]
    tokens: Mapping[str, tuple[str, str | None]]
    memory: Path | None = None
    offline: bool = False
    row_heights: bool = True


def ways(
    nodes: Mapping[str, str | Sequence[str]],
    at: Mapping[str, int | str] | None = None,
    *,
    tokens: Mapping[str, tuple[str, str | None]] | None = None,
    memory: Path | None = None,
    offline: bool = False,
    row_heights: bool = True,
) -> Ways:
    """Reads what the user named; chains by any of their names. Raises UsageError."""
    urls: dict[str, tuple[str, ...]] = {}
    for name, value in nodes.items():
        chain = registry.chain(name)
        given = (value,) if isinstance(value, str) else tuple(value)
        urls[chain.name] = urls.get(chain.name, ()) + given
    for name, given in urls.items():
        for url in given:
            client(registry.chain(name), url)  # says now what is wrong with it
    blocks = {registry.chain(name).name: _at(value) for name, value in (at or {}).items()}
    return Ways(urls, blocks, dict(tokens or {}), memory, offline, row_heights)


def _at(value: int | str) -> int | str:
    if isinstance(value, str):
        text = value.strip().lower()
        if text.isascii() and text.isdigit() and len(text) < 20:
            return int(text)
        if len(text) < 40:
            raise UsageError("a block is named by its height or its whole hash")
        # Nodes write hexadecimal hashes small; those of other forms keep their case.
        return text if _HEX.issuperset(text.removeprefix("0x")) else value.strip()
    if isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise UsageError("a block's height is a whole number")
    return value


def balances(
    rows: Iterable[R],
    nodes: Mapping[str, str | Sequence[str]],
    at: Mapping[str, int | str] | None = None,
    execution: Execution | None = None,
    *,
    tokens: Mapping[str, tuple[str, str | None]] | None = None,
    memory: Path | None = None,
    offline: bool = False,
    row_heights: bool = True,
) -> Iterator[tuple[R, Balance]]:
    """Each row with its balance on its chain, in the order of the rows.

    nodes: chain -> one URL or several (several must agree); only these are talked to. at: chain ->
    height or trusted block hash; absent: the row's own height (row_heights), else the latest
    block. Other names as in `Ways`. Raises UsageError only; whatever a node does, the row is
    answered with a balance of level `unknown` and the reason.
    """
    asked = ways(nodes, at, tokens=tokens, memory=memory, offline=offline, row_heights=row_heights)
    return _balances(iter(rows), asked, execution or Execution())


def _balances(rows: Iterator[R], asked: Ways, execution: Execution) -> Iterator[tuple[R, Balance]]:
    latest: dict[str, int | str] = {}
    done = 0
    while part := list(islice(rows, ROWS_AT_ONCE)):
        found = _part(part, asked, execution, latest)
        for row, answers in zip(part, found, strict=True):
            yield row, judged(row.amount, total(answers))
        done += len(part)
        execution.progress("asking nodes", done, None, "rows")


def judged(listed: Decimal | None, balance: Balance) -> Balance:
    """The balance with its problem, where it is lower than the list claims."""
    if compare(listed, balance) is not Match.LOWER:
        return balance
    assert listed is not None
    assert balance.amount is not None
    text = f"{grouped(listed)} are listed, {grouped(balance.amount)} were there"
    return replace(balance, problem=("lower-balance", text))


def total(found: Sequence[Balance]) -> Balance:
    """Several addresses' balances as one: the sum, as well known as the worst of them."""
    if len(found) == 1:
        return found[0]
    missing = next((b for b in found if b.units is None), None)
    if not found or missing is not None:
        return missing or unknown(Incomplete("bad-address", "the row names no address"))
    worst = max(found, key=lambda b: _WORST_LAST.index(b.level))
    if len({(b.decimals, b.block_hash, b.height) for b in found}) > 1:
        why = Incomplete("sources-disagree", "the row's addresses were not read at one block")
        return unknown(why, source=worst.source)
    sources = sorted({b.source for b in found if b.source})
    note = next((b.note for b in found if b.note), None)
    units = sum(b.units for b in found if b.units is not None)
    return replace(worst, units=units, source=", ".join(sources) or None, note=note)


@dataclass(frozen=True)
class Task:
    """All questions about one chain at one block."""

    chain: str
    urls: tuple[str, ...]
    at: int | str | None
    queries: tuple[Query, ...]
    memory: Path | None
    offline: bool


def _part(
    rows: Sequence[Listed],
    asked: Ways,
    execution: Execution,
    latest: dict[str, int | str],
) -> list[list[Balance]]:
    answers: list[list[Balance]] = [[] for _ in rows]
    groups: dict[tuple[str, int | str | None], list[tuple[int, Query]]] = {}
    for place, row in enumerate(rows):
        try:
            chain, token = registry.resolve(row.coin, row.network, asked.tokens)
            if chain.name not in asked.nodes:
                raise Incomplete("no-node", f"no node was named for {chain.name}")
            if not row.addresses or len(row.addresses) > MAX_ADDRESSES:
                raise Incomplete("bad-address", "the row does not name its addresses")
        except Incomplete as error:
            answers[place] = [unknown(error)]
            continue
        at: int | str | None = asked.at.get(chain.name)
        if at is None and asked.row_heights:
            at = row.height
        if at is None:
            at = latest.get(chain.name)  # the block that the rows before were read at
        height = at if isinstance(at, int) else None
        found = groups.setdefault((chain.name, at), [])
        for address in dict.fromkeys(row.addresses):
            found.append((place, Query(chain.name, address, token, height)))
    tasks = [
        Task(
            chain=name,
            urls=asked.nodes[name],
            at=at,
            queries=tuple(query for _, query in found),
            memory=asked.memory,
            offline=asked.offline,
        )
        for (name, at), found in groups.items()
    ]
    for task, found, results in zip(
        tasks, groups.values(), execution.map(answer, tasks), strict=True
    ):
        for (place, _), result in zip(found, results, strict=True):
            answers[place].append(result)
        if task.at is None:
            height = next((b.height for b in results if b.block_hash is not None), None)
            if height is not None:
                latest[task.chain] = height
    return answers


def answer(task: Task) -> list[Balance]:
    """One balance for each of a task's questions (a task runs on any worker)."""
    memory = Memory(task.memory, offline=task.offline) if task.memory is not None else None
    chain = registry.chain(task.chain)
    clients = [client(chain, url, memory) for url in task.urls]
    try:
        try:
            pinned = agree.pin(clients, task.at)
        except Incomplete as error:
            source = ", ".join(sorted({c.source for c in clients}))
            return [unknown(error, source=source)] * len(task.queries)
        return agree.ask(pinned, task.queries)
    finally:
        for one in clients:
            one.close()
        if memory is not None:
            memory.close()
