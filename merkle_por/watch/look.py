"""One look at an exchange: balances from the nodes that were named, prices, and a `Reading` of it.

Rows whose chain has no node keep the listed amount, as claimed. Rows that were asked for and not
answered are unknown, and their asset with them; a node's failure is noted for the back-off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from merkle_por.amounts import EXACT, ZERO, add, fixed
from merkle_por.daemons import Daemons
from merkle_por.errors import Incomplete
from merkle_por.execution import Execution
from merkle_por.history import WALLETS_KEPT, AssetReading, Reading, Wallet
from merkle_por.prices import Prices
from merkle_por.prices.ask import is_service, open_service, prices_from
from merkle_por.prices.ids import Ids
from merkle_por.prices.source import Source
from merkle_por.ratio import AssetRatio, AssetState, Ratios, compare
from merkle_por.reserves.chains import balances
from merkle_por.reserves.chains.interface import Balance, unknown
from merkle_por.reserves.holding import VERIFIED, Holding, Level, seconds_between
from merkle_por.verdict import State
from merkle_por.watch.backoff import Backoff
from merkle_por.watch.target import Target, Watched

OLD_BLOCK_SECONDS = 3 * 3_600
"""A latest block older than this is of a node that has stopped; Bitcoin's can take two hours."""
RATIO_DECIMALS = 6
VALUE_DECIMALS = 2


@dataclass
class Ways:
    """Whom to ask. nodes: chain -> URLs; tokens: a list's coin tag -> (chain, token id); prices:
    services and files as named; ids: the user's own price ids."""

    nodes: Mapping[str, tuple[str, ...]]
    backoff: Backoff
    tokens: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    prices: Sequence[str] = ()
    ids: Ids = field(default_factory=dict)
    _services: dict[str, Source] = field(default_factory=dict)

    def service(self, name: str) -> Source:
        """A price service, kept open over the rounds. Raises UsageError."""
        if name not in self._services:
            self._services[name] = open_service(name)
        return self._services[name]


class Found(NamedTuple):
    """A reading and the rows behind it."""

    reading: Reading
    wallets: list[Wallet]


def scope_of(target: Target, nodes: Iterable[str]) -> str:
    """Names what is compared: the same lists, asked on the same chains."""
    asked = sorted({watched.chain for watched in target.rows if watched.chain in set(nodes)})
    return hashlib.sha256(" ".join([target.digest, *map(str, asked)]).encode()).hexdigest()[:16]


def look(target: Target, ways: Ways, now: str, clock: Callable[[], float]) -> Found:
    """Looks once. now: UTC; clock: monotonic seconds. Raises UsageError; nothing for what nodes
    and services do."""
    sources: dict[str, str] = {}
    found = _balances(target, ways, sources, clock)
    prices = _prices(target, ways, sources, clock)
    holdings = [_holding(w, b) for w, b in zip(target.rows, found, strict=True)]
    ratios = compare(target.owed, holdings, mapping=target.variants)
    state = _state(target, ratios, holdings)
    assets = _assets(target, ratios, found, holdings, prices)
    warnings = [*target.warnings, *((w.id, w.text) for w in prices.warnings)]
    warnings += _old_blocks(target, found, now)
    unpriced = [asset.asset for asset in assets if asset.price is None]
    if prices.ambiguous:
        names = ", ".join(prices.ambiguous[:8])
        warnings.append(("ambiguous-symbol", f"{names}: several coins or several prices"))
    if ways.prices and unpriced and (prices.values or not prices.failed):
        names = ", ".join(unpriced[:8])
        warnings.append(("price-missing", f"no price for {names}: not in the USD line"))
    reading = Reading(
        exchange=target.exchange,
        name=target.name,
        time=now,
        scope=scope_of(target, ways.nodes),
        state=state.value,
        assets=assets,
        snapshot_time=target.snapshot_time,
        currency=prices.currency,
        held_value=_value(assets, lambda asset: asset.held),
        owed_value=_value([a for a in assets if a.owed is not None], lambda asset: asset.owed),
        verified_value=_value(assets, lambda asset: asset.verified),
        own_token_value=_value(
            [a for a in assets if a.asset in target.own_tokens], lambda asset: asset.held
        ),
        prices_source=prices.source,
        prices_time=prices.time,
        wallets=len(target.rows),
        sources=sources,
        warnings=tuple(dict.fromkeys(warnings)),
    )
    rows = islice(zip(target.rows, found, holdings, strict=True), WALLETS_KEPT)
    return Found(reading, [_wallet(w, b, h, target, now) for w, b, h in rows])


# -- balances --------------------------------------------------------------------------------


def _balances(
    target: Target, ways: Ways, sources: dict[str, str], clock: Callable[[], float]
) -> list[Balance | None]:
    """One balance for each row; None where its chain has no node: the list's word counts."""
    answers: list[Balance | None] = [None] * len(target.rows)
    waiting: dict[str, Incomplete] = {}
    asked: list[int] = []
    for place, watched in enumerate(target.rows):
        if watched.chain is None or watched.chain not in ways.nodes or not watched.row.addresses:
            if watched.row.amount is None:
                why = watched.why or Incomplete("no-node", f"no node for {watched.chain}")
                answers[place] = unknown(why)
            continue
        if watched.chain not in waiting:
            pause = ways.backoff.waiting(watched.chain, clock())
            if pause is None:
                asked.append(place)
                continue
            why_not, seconds = pause
            text = f"{why_not}, asked again in {_minutes(seconds)}"
            waiting[watched.chain] = Incomplete("node-unreachable", text)
            sources[watched.chain] = text
        answers[place] = unknown(waiting[watched.chain])
    rows = [target.rows[place].row for place in asked]
    nodes = {chain: urls for chain, urls in ways.nodes.items() if chain not in waiting}
    execution = Execution(executor=Daemons())
    answered = balances(rows, nodes, None, execution, tokens=ways.tokens, row_heights=False)
    for place, (_, balance) in zip(asked, answered, strict=True):
        answers[place] = balance
    for chain in dict.fromkeys(str(target.rows[place].chain) for place in asked):
        own = [answers[place] for place in asked if target.rows[place].chain == chain]
        _note(chain, [balance for balance in own if balance is not None], ways, sources, clock)
    return answers


def _note(
    chain: str,
    found: Sequence[Balance],
    ways: Ways,
    sources: dict[str, str],
    clock: Callable[[], float],
) -> None:
    """A chain that answered nothing has failed; one that answered something has not."""
    bad = [balance for balance in found if balance.units is None]
    if len(bad) < len(found):
        ways.backoff.answered(chain)
        sources[chain] = "ok" if not bad else f"{len(bad)} of {len(found)} rows not answered"
        return
    sources[chain] = short_reason(chain, bad[0])
    ways.backoff.failed(chain, sources[chain], clock())


def short_reason(chain: str | None, balance: Balance) -> str:
    """Why a balance is not known, in a few words that name the chain."""
    text = balance.text or "no answer"
    if chain is None or text.startswith(chain):
        return text
    if balance.reason == "node-unreachable":
        return f"{chain} node {'timed out' if 'in time' in text else 'not reached'}"
    return text if chain in text else f"{chain}: {text}"


def _minutes(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _old_blocks(target: Target, found: Sequence[Balance | None], now: str) -> list[tuple[str, str]]:
    times = {
        str(watched.chain): balance.time
        for watched, balance in zip(target.rows, found, strict=True)
        if balance is not None and balance.units is not None and balance.time is not None
    }
    return [
        ("block-old", f"{chain}: the node's latest block is of {time}, the figures are as old")
        for chain, time in times.items()
        if time < now and seconds_between(time, now) > OLD_BLOCK_SECONDS
    ]


# -- prices ----------------------------------------------------------------------------------


def _prices(
    target: Target, ways: Ways, sources: dict[str, str], clock: Callable[[], float]
) -> Prices:
    named: list[str | Source] = []
    services: list[Source] = []
    late: list[tuple[str, str]] = []
    for name in ways.prices:
        if not is_service(name):
            named.append(name)
            continue
        service = ways.service(name)
        pause = ways.backoff.waiting(service.name, clock())
        if pause is None:
            named.append(service)
            services.append(service)
        else:
            text = f"{pause[0]}, asked again in {_minutes(pause[1])}"
            sources[service.name] = text
            late.append((service.name, text))
    if not named:
        return Prices(failed=dict(late))
    prices = prices_from(named, target.assets(), ids=ways.ids)
    for service in services:
        why = prices.failed.get(service.name)
        if why is None:
            ways.backoff.answered(service.name)
            sources[service.name] = "ok"
        else:
            ways.backoff.failed(service.name, why, clock())
            sources[service.name] = why
    return replace(prices, failed={**prices.failed, **dict(late)})


def _value(
    assets: Sequence[AssetReading], amount: Callable[[AssetReading], Decimal | None]
) -> Decimal | None:
    """Sum over the assets that have a price; None where there is none, or one is not known."""
    total: Decimal | None = None
    for asset in assets:
        if asset.price is None:
            continue
        found = amount(asset)
        if found is None:
            return None
        total = add(total or ZERO, EXACT.multiply(found, asset.price))
    return None if total is None else Decimal(fixed(total, VALUE_DECIMALS))


# -- figures ---------------------------------------------------------------------------------


def _holding(watched: Watched, balance: Balance | None) -> Holding:
    if balance is None:
        return watched.holding(watched.row.amount, Level.CLAIMED)
    return watched.holding(balance.amount, balance.level)


def _state(target: Target, ratios: Ratios, holdings: Sequence[Holding]) -> State:
    """As `solvency` has it: short or failed, unknown, claimed, else valid."""
    if target.failed or any(a.failed_rows or a.state is AssetState.SHORT for a in ratios.assets):
        return State.INVALID
    if any(asset.unknown_rows for asset in ratios.assets):
        return State.INCOMPLETE
    states = {source.state for source in target.liabilities}
    for state in (State.INVALID, State.INCOMPLETE):
        if state in states:
            return state
    shown = bool(states) and states == {State.VALID}
    return (
        State.VALID if shown and all(h.level in VERIFIED for h in holdings) else (State.UNCONFIRMED)
    )


@dataclass
class _Sources:
    """What stands behind one asset, over its rows."""

    rows: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    ownership: dict[str, int] = field(default_factory=dict)
    heights: dict[str, int] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    reason: str | None = None
    text: str | None = None

    def take(self, watched: Watched, balance: Balance | None, level: str) -> None:
        self.rows += 1
        self.levels[level] = self.levels.get(level, 0) + 1
        state = watched.ownership
        self.ownership[state] = self.ownership.get(state, 0) + 1
        if balance is None:
            if watched.row.amount is None and self.reason is None:
                self.reason, self.text = "unknown-balance", "the list names no amount"
            return
        if balance.units is None:
            if self.reason is None:
                self.reason, self.text = balance.reason, short_reason(watched.chain, balance)
            return
        if balance.height is not None and watched.chain is not None:
            self.heights[watched.chain] = balance.height
        self.hosts.update(part for part in (balance.source or "").split(", ") if part)


def _assets(
    target: Target,
    ratios: Ratios,
    found: Sequence[Balance | None],
    holdings: Sequence[Holding],
    prices: Prices,
) -> tuple[AssetReading, ...]:
    behind: dict[str, _Sources] = {}
    for watched, balance, holding in zip(target.rows, found, holdings, strict=True):
        name = target.target(watched.row.asset)
        behind.setdefault(name, _Sources()).take(watched, balance, str(holding.level))
    ordered = [*ratios.in_scope, *(a for a in ratios.assets if a.liabilities is None)]
    return tuple(
        _asset(asset, target.listed.get(asset.asset), behind.get(asset.asset, _Sources()), prices)
        for asset in ordered
    )


def _asset(
    asset: AssetRatio, listed: Decimal | None, behind: _Sources, prices: Prices
) -> AssetReading:
    known = not asset.unknown_rows
    ratio = asset.ratio if known else None
    return AssetReading(
        asset=asset.asset,
        state=asset.state.value if known else AssetState.INCOMPLETE.value,
        held=asset.reserves if known else None,
        owed=asset.liabilities,
        listed=listed,
        verified=asset.verified,
        known=asset.reserves,
        price=prices.values.get(asset.asset),
        ratio=None if ratio is None else _cut(ratio.numerator, ratio.denominator),
        rows=behind.rows,
        unknown_rows=asset.unknown_rows,
        reason=None if known else behind.reason,
        text=None if known else behind.text,
        levels=behind.levels,
        ownership=behind.ownership,
        kinds=dict(asset.kinds),
        heights=behind.heights,
        sources=tuple(sorted(behind.hosts)),
    )


def _cut(numerator: int, denominator: int) -> str:
    """A ratio cut (never rounded up) at 6 places."""
    scaled = numerator * 10**RATIO_DECIMALS // denominator
    return fixed(Decimal(scaled).scaleb(-RATIO_DECIMALS, EXACT), RATIO_DECIMALS)


def _wallet(
    watched: Watched, balance: Balance | None, holding: Holding, target: Target, now: str
) -> Wallet:
    row = watched.row
    return Wallet(
        address=row.address
        if len(row.addresses) < 2
        else f"{row.address} +{len(row.addresses) - 1}",
        asset=target.target(row.asset),
        coin=row.coin,
        kind=str(row.kind),
        level=str(holding.level),
        ownership=watched.ownership,
        time=now,
        chain=watched.chain or row.network,
        listed=row.amount,
        held=holding.amount,
        height=row.height if balance is None else balance.height,
        source=None if balance is None else balance.source,
        reason=None if balance is None or balance.units is not None else balance.reason,
        text=None if balance is None or balance.units is not None else balance.text,
    )
