"""Around the snapshot: was the money there only for the day, and was it there only once?

`around` reads the same addresses some days before and after the snapshot: coins that were borrowed
for it show as a peak. `claimed_twice` finds addresses that two exchanges claim, on one chain
whatever their lists call it. `through_wrappers` finds coins that may be counted twice in one list:
as themselves, and through a token that they back.
None of these proves a fraud: each answers with what was seen. Source: specs/onchain-balances.md,
specs/solvency-ratio.md ("Mapping of variants"), issue 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from merkle_por.amounts import ZERO, add, grouped
from merkle_por.errors import Incomplete, UsageError
from merkle_por.execution import Execution
from merkle_por.reserves.chains import agree, registry
from merkle_por.reserves.chains.balances import Listed, balances
from merkle_por.reserves.chains.families import client
from merkle_por.reserves.chains.interface import Block, Client
from merkle_por.reserves.lists.row import RowKind, address_key

DAY = 86_400
DAYS = (-7, -1, 0, 1, 7)
"""Days from the snapshot that are looked at; 0 is the snapshot itself."""
PEAK = Fraction(1, 10)
"""A total at the snapshot that is larger than on any other day by this part of it is a peak."""


class Named(Listed, Protocol):
    """A row that also says what its amount adds up to and what kind of coin it is."""

    @property
    def asset(self) -> str: ...
    @property
    def kind(self) -> RowKind: ...


Rows = Callable[[], Iterable[Named]]
"""The rows of a list; called once for each reading, so that a long list need not be kept."""


# --- before and after ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """The sum of one asset on one chain on one day. days: from the snapshot. amount: whole coins of
    the rows that are known; unknown: rows that are not."""

    days: int
    height: int
    time: str | None
    amount: Decimal
    rows: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Course:
    """One asset on one chain, in the order of days."""

    chain: str
    asset: str
    readings: tuple[Reading, ...]

    @property
    def snapshot(self) -> Reading:
        return next(reading for reading in self.readings if reading.days == 0)

    @property
    def complete(self) -> bool:
        """Whether every row was known on every day; else a peak can hide in what is missing."""
        return not any(reading.unknown for reading in self.readings)

    @property
    def peak(self) -> Fraction | None:
        """How much larger the total is at the snapshot than on any other day, as a part of it;
        None where there is nothing to compare or something is unknown."""
        others = [reading.amount for reading in self.readings if reading.days != 0]
        at = self.snapshot.amount
        if not others or not at or not self.complete:
            return None
        return (Fraction(at) - Fraction(max(others))) / Fraction(at)

    @property
    def only_for_the_day(self) -> bool:
        """Whether a good part of the money was there at the snapshot only."""
        peak = self.peak
        return peak is not None and peak > PEAK

    @property
    def text(self) -> str:
        """In words, with the figures."""
        at = self.snapshot
        days = "; ".join(f"{r.days:+} d: {grouped(r.amount)}" for r in self.readings if r.days)
        what = f"{self.asset} on {self.chain}: {grouped(at.amount)} at the snapshot ({days})"
        if self.only_for_the_day:
            return f"{what}: a good part of it was there only then"
        return what if self.complete else f"{what}: some balances are unknown"


def around(
    rows: Rows,
    nodes: Mapping[str, str | Sequence[str]],
    at: Mapping[str, int],
    *,
    days: Sequence[int] = DAYS,
    execution: Execution | None = None,
    tokens: Mapping[str, tuple[str, str | None]] | None = None,
) -> list[Course]:
    """The totals of each asset on each chain of `at`, some days before and after its block.

    nodes: chain -> URLs. at: chain -> height of the snapshot; chains that tell no past balances
    come out with every row unknown. Raises UsageError, and Incomplete where a chain's blocks can't
    be found.
    """
    if 0 not in days:
        raise UsageError("the snapshot itself (day 0) must be among the days")
    chains = {registry.chain(name).name: height for name, height in at.items()}
    urls: dict[str, tuple[str, ...]] = {}
    for name, value in nodes.items():
        given = (value,) if isinstance(value, str) else tuple(value)
        chain = registry.chain(name).name
        urls[chain] = urls.get(chain, ()) + given
    heights = {
        name: days_to_heights(registry.chain(name), urls.get(name, ()), height, days)
        for name, height in chains.items()
    }
    sums: dict[tuple[str, str], dict[int, Reading]] = {}
    for day in sorted(set(days)):
        blocks = {name: found[day] for name, found in heights.items()}
        wanted = (row for row in rows() if _chain(row, tokens) in chains)
        for row, balance in balances(wanted, urls, blocks, execution, tokens=tokens):
            chain = _chain(row, tokens) or ""
            known = sums.setdefault((chain, row.asset), {})
            old = known.get(day) or Reading(day, blocks[chain], None, ZERO, 0, 0)
            known[day] = Reading(
                day,
                old.height,
                old.time or balance.time,
                old.amount if balance.amount is None else add(old.amount, balance.amount),
                old.rows + 1,
                old.unknown + (balance.amount is None),
            )
    return [
        Course(chain, asset, tuple(found[day] for day in sorted(found)))
        for (chain, asset), found in sums.items()
    ]


def _chain(row: Listed, tokens: Mapping[str, tuple[str, str | None]] | None = None) -> str | None:
    try:
        return registry.resolve(row.coin, row.network, tokens)[0].name
    except Incomplete:
        return None


def days_to_heights(
    chain: registry.Chain, urls: Sequence[str], height: int, days: Sequence[int]
) -> dict[int, int]:
    """Day -> height of the last block that is not later than so many days from the snapshot's.

    Looked up by the blocks' own times (blocks come at uneven paces). Days beyond the latest block
    take that one. Raises Incomplete, and UsageError where no node is named.
    """
    if not urls:
        raise UsageError(f"no node was named for {chain.name}")
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(client(chain, url))) for url in urls]
        pinned = agree.pin(clients, height)
        one = pinned.clients[0]
        if pinned.block.time is None:
            raise Incomplete("block-unknown", f"{one.source} tells no times of blocks")
        latest = one.pin(None)
        return {
            day: height
            if day == 0
            else height_at(one, pinned.block.time + day * DAY, latest).height
            for day in days
        }


def height_at(one: Client, time: int, latest: Block) -> Block:
    """The last block of a client that is not later than `time` (Unix). Raises Incomplete."""

    def block(height: int) -> Block:
        found = one.pin(height)
        if found.time is None:
            raise Incomplete("block-unknown", f"{one.source} tells no times of blocks")
        return found

    low, high = block(1), latest
    if low.time is not None and low.time > time:
        raise Incomplete("block-unknown", "the chain did not exist at that time")
    if high.time is not None and high.time <= time:
        return high
    while high.height - low.height > 1:
        middle = block((low.height + high.height) // 2)
        if middle.time is not None and middle.time <= time:
            low = middle
        else:
            high = middle
    return low


# --- the same address, twice ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TwiceClaimed:
    """An address that several exchanges claim. chain: the registry's name, or the list's own tag
    where it names none. exchanges: who, sorted."""

    chain: str
    address: str
    exchanges: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.chain} {self.address[:60]}: claimed by {' and '.join(self.exchanges)}"


def claimed_twice(lists: Mapping[str, Iterable[Listed]]) -> list[TwiceClaimed]:
    """Addresses that stand in the lists of several exchanges (exchange -> its rows).

    Compared per chain, whatever coin or token is counted there: who controls an address controls
    all of it. Keeps one entry for each different address in memory.
    """
    first: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], set[str]] = {}
    for exchange, rows in lists.items():
        for row in rows:
            chain = _chain(row) or row.network or row.coin
            for address in row.addresses:
                key = (chain, address_key(address))
                owner = first.setdefault(key, exchange)
                if owner != exchange:
                    found.setdefault(key, {owner}).add(exchange)
    return [
        TwiceClaimed(chain, address, tuple(sorted(names)))
        for (chain, address), names in found.items()
    ]


# --- the same coins, through a wrapper -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Coins that may be counted twice. amount: whole coins counted through the wrapper, None where
    the list has no amounts. certain: the backing itself is in the list."""

    asset: str
    coin: str
    kind: RowKind
    amount: Decimal | None
    certain: bool
    text: str


@dataclass
class _Sum:
    kind: RowKind
    amount: Decimal | None = None


def through_wrappers(rows: Iterable[Named]) -> list[Wrapped]:
    """Findings of two kinds.

    A listed address that is itself the contract of a token which the same list counts: the
    contract's coins back those tokens (certain). And tokens that the exchange itself backs, beside
    the coins that would back them: whether the listed coins are those can't be seen in the list.
    """
    contracts: dict[tuple[str, str], tuple[Named, str]] = {}
    counted: dict[tuple[str, str], Named] = {}
    sums: dict[tuple[str, str], _Sum] = {}
    natives: dict[str, Decimal] = {}
    for row in rows:
        _note_contract(row, contracts, counted)
        if row.kind is RowKind.SELF_PEGGED:
            entry = sums.setdefault((row.asset, row.coin), _Sum(row.kind))
            if row.amount is not None:
                entry.amount = add(entry.amount or ZERO, row.amount)
        elif row.kind is RowKind.NATIVE and row.amount is not None:
            natives[row.asset] = add(natives.get(row.asset, ZERO), row.amount)
    return [*_contracts(contracts, counted), *_pegged(sums, natives)]


def _note_contract(
    row: Named,
    contracts: dict[tuple[str, str], tuple[Named, str]],
    counted: dict[tuple[str, str], Named],
) -> None:
    try:
        chain, token = registry.resolve(row.coin, row.network)
    except Incomplete:
        return
    if token is not None:
        counted.setdefault((chain.name, address_key(token)), row)
    for address in row.addresses:
        key = address_key(address)
        if key not in registry.token_ids():
            continue
        known = {address_key(t.id): symbol for symbol, t in registry.tokens(chain.name).items()}
        if key in known:
            contracts.setdefault((chain.name, key), (row, known[key]))


def _contracts(
    contracts: Mapping[tuple[str, str], tuple[Named, str]],
    counted: Mapping[tuple[str, str], Named],
) -> Iterator[Wrapped]:
    for key, (row, symbol) in contracts.items():
        token = counted.get(key)
        if token is not None and token.coin != row.coin:
            text = (
                f"{row.coin} at {key[1]} is what {symbol} on {key[0]} is made of, and {token.coin} "
                "is counted as well"
            )
            yield Wrapped(row.asset, row.coin, row.kind, row.amount, True, text)


def _pegged(
    sums: Mapping[tuple[str, str], _Sum], natives: Mapping[str, Decimal]
) -> Iterator[Wrapped]:
    for (asset, coin), entry in sums.items():
        if asset in natives:
            text = (
                f"{coin} is a token that the exchange backs itself, and {grouped(natives[asset])} "
                f"{asset} are counted as well: the same coins may be in both"
            )
            yield Wrapped(asset, coin, entry.kind, entry.amount, False, text)
