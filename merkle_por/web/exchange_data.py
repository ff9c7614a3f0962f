"""What the exchange pages show, read from the history that `merkle-por watch` writes.

Nothing is fetched and nothing is computed twice: figures are those of the readings. What is not
known is shown as unknown, with the last known value beside it, its age, and the word "old".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from merkle_por.amounts import EXACT, cut, grouped
from merkle_por.errors import UsageError
from merkle_por.history import AssetReading, History, Reading, Wallet, default_path
from merkle_por.report.charts import (
    Amount,
    Chart,
    Coverage,
    Moment,
    coverage_bars,
    history_line,
    stacked_kinds,
    token_bars,
)
from merkle_por.report.reserves_text import percent
from merkle_por.report.text import safe
from merkle_por.report.watch_text import total_ratio
from merkle_por.reserves.holding import VERIFIED
from merkle_por.web.explorers import link
from merkle_por.web.settings import Settings

T = TypeVar("T")
OLD_SECONDS = 15 * 60  # three missed readings at the usual pace
CHART_ROWS = 30
KIND_ROWS = 12
POINTS = 500
WALLETS_A_PAGE = 100
COMPARED = 4
OUTSIDE_NAMED = 8
UNKNOWN = "unknown"
CLOCK = "%Y-%m-%dT%H:%M:%SZ"

OWNERSHIP_WORDS = {
    "proven": "signed by its own key",
    "owner-asserted": "signed, owner only asserted",
    "key-unbound": "signed, key not bound to it",
    "unsigned": "not signed",
    "failed": "signature fails",
    "unsupported": "can't be judged",
    "not-judged": "not judged",
}
LEVEL_WORDS = {
    "proved": "proved under a block's hash",
    "own-node": "own node",
    "agreed": "several sources agree",
    "single-source": "one source",
    "claimed": "claimed by the exchange",
    "unknown": "unknown",
}


@contextmanager
def _opened(settings: Settings) -> Iterator[History | None]:
    """The history, None where nothing was watched yet. Raises UsageError for a damaged file."""
    path = settings.history or default_path()
    if not path.exists():
        yield None
        return
    with History(path) as history:
        yield history


def read(settings: Settings, look: Callable[[History], T]) -> T | None:
    """What `look` finds in the history; None where there is none. Raises UsageError."""
    try:
        with _opened(settings) as history:
            return None if history is None else look(history)
    except sqlite3.DatabaseError as error:
        raise UsageError(f"the history can't be read: {error}") from None


def age_of(time: str, now: datetime | None = None) -> int:
    """Seconds since a time of the history; 0 for one ahead of this computer's clock."""
    then = datetime.strptime(time, CLOCK).replace(tzinfo=UTC)
    return max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))


def age_words(seconds: int) -> str:
    """ "4 min old", "3 h old", "2 days old"; "old" alone is said by the page."""
    if seconds < 3600:
        return f"{seconds // 60} min old"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h old"
    return f"{seconds // 86400} days old"


def part(value: Decimal | None, whole: Decimal | None) -> Fraction | None:
    """value / whole exactly; None where either is unknown or there is no whole."""
    if value is None or not whole:
        return None
    return Fraction(value) / Fraction(whole)


def worth(held: Decimal | None, price: Decimal | None) -> Decimal | None:
    """held x price exactly; None where either is unknown."""
    return None if held is None or price is None else EXACT.multiply(held, price)


def share(value: Fraction | None, *, up: bool = False) -> str:
    """Per cent in words."""
    return UNKNOWN if value is None else f"{percent(value, up=up)} %"


def money(value: Decimal | None) -> str:
    """Two decimals, cut."""
    return UNKNOWN if value is None else grouped(cut(value, 2))


def amount(value: Decimal | None) -> str:
    return UNKNOWN if value is None else grouped(value)


@dataclass(frozen=True)
class AssetView:
    """One asset as a row of the page's table."""

    asset: str
    held: str
    owed: str
    covered: str
    proven: str
    price: str
    value: str
    part: str
    levels: str
    ownership: str
    state: str
    note: str


@dataclass(frozen=True)
class ExchangeView:
    """One exchange's latest reading. last: its last known value with age, where now unknown."""

    id: str
    name: str
    reading: Reading
    age: str
    old: bool
    held: str
    owed: str
    covered: str
    proven: str
    own: str
    clean: str
    last: str
    weakest: str
    assets: tuple[AssetView, ...]

    @property
    def outside(self) -> str:
        """Assets that are held while nothing is known to be owed in them."""
        names = [safe(asset.asset) for asset in self.reading.assets if asset.owed is None]
        more = f" and {len(names) - OUTSIDE_NAMED} more" if len(names) > OUTSIDE_NAMED else ""
        return ", ".join(names[:OUTSIDE_NAMED]) + more if names else "none"

    @property
    def sentence(self) -> str:
        """The page's first line; true when pasted alone."""
        unit = self.reading.currency
        if self.reading.held_value is None:
            return f"The value of what {self.name} holds is unknown at this reading."
        if self.reading.owed_value is None:
            return f"{self.name} lists {self.held} {unit}; what it owes is not known here."
        scope = [a.owed is not None for a in self.reading.assets if a.price is not None]
        more = "" if all(scope) else " (some of it in assets that nobody is owed)"
        return (
            f"{self.name} holds {self.held} {unit}{more} against {self.owed} owed: "
            f"{self.covered} covered, {self.proven} proven."
        )


def exchange_view(history: History, id: str) -> ExchangeView | None:
    """The latest reading of an exchange, None where it was never watched."""
    reading = history.latest(id)
    if reading is None:
        return None
    held, owed = reading.held_value, reading.owed_value
    own = part(reading.own_token_value, held)
    last = ""
    if held is None:
        known = history.last_value(id, before=reading.id)
        if known is not None:
            age = age_words(age_of(known.time))
            last = f"{money(known.held)} {known.currency} at {known.time}, {age} (old)"
    seconds = age_of(reading.time)
    return ExchangeView(
        id=id,
        name=safe(reading.name or id, 60),
        reading=reading,
        age=age_words(seconds),
        old=seconds > OLD_SECONDS,
        held=money(held),
        owed=money(owed),
        # What is held in assets that nobody is owed heals no gap: it is in neither ratio.
        covered=share(total_ratio(reading)),
        proven=share(
            part(reading.verified_value, held)
            if owed is None
            else total_ratio(reading, verified=True)
        ),
        own=share(own, up=True),
        clean=share(None if own is None else 1 - own),
        last=last,
        weakest=weakest(reading),
        assets=tuple(_asset(asset, held) for asset in reading.assets),
    )


def _asset(asset: AssetReading, total: Decimal | None) -> AssetView:
    value = worth(asset.held, asset.price)
    whole = asset.owed if asset.owed is not None else asset.held
    note = "" if asset.reason is None else f"{safe(asset.text or '', 200)} ({asset.reason})"
    return AssetView(
        asset=safe(asset.asset),
        held=amount(asset.held),
        owed=amount(asset.owed),
        covered=share(part(asset.held, asset.owed)),
        proven=share(part(asset.verified, whole)),
        price=amount(asset.price),
        value=money(value),
        part=share(part(value, total)),
        levels=_counted(asset.levels, LEVEL_WORDS),
        ownership=_counted(asset.ownership, OWNERSHIP_WORDS),
        state=asset.state,
        note=note,
    )


def _counted(rows: Mapping[str, int], words: Mapping[str, str]) -> str:
    return ", ".join(f"{words.get(name, safe(name))}: {count:,}" for name, count in rows.items())


def weakest(reading: Reading) -> str:
    """The weakest link between the figures and what is true, in words."""
    scope = [asset for asset in reading.assets if asset.owed is not None]
    short = [asset for asset in scope if asset.state == "short"]
    if short:
        return f"{safe(short[0].asset)} does not cover what is owed"
    if any(asset.held is None for asset in reading.assets):
        return "some balances are unknown"
    if not scope:
        return "what is owed is not known here"
    levels = {level for asset in reading.assets for level, n in asset.levels.items() if n}
    if levels - {str(level) for level in VERIFIED}:
        return "balances are claimed, or from one source only"
    if not any(asset.verified for asset in scope):
        return "no wallet is proven to be the exchange's"
    if reading.state != "valid":
        return "what is owed is only claimed"
    return "wallets beyond the proven ones"


def measure(reading: Reading) -> str:
    """How the figures were obtained; figures of two kinds are not the same measure."""
    levels = {level for asset in reading.assets for level, n in asset.levels.items() if n}
    ranks = [level for level in LEVEL_WORDS if level in levels]
    held = " and ".join(LEVEL_WORDS[level] for level in ranks) or UNKNOWN
    owed = any(asset.owed is not None for asset in reading.assets)
    return f"held: {held}; owed: {'given' if owed else UNKNOWN}"


# -- charts ----------------------------------------------------------------------------------


def charts(history: History, reading: Reading, asset: str | None) -> list[Chart]:
    """The charts of an exchange's page; asset: whose history is drawn, None for the value."""
    found = []
    scope = [a for a in reading.assets if a.owed is not None][:CHART_ROWS]
    if scope:
        rows = [Coverage(a.asset, part(a.held, a.owed), part(a.verified, a.owed)) for a in scope]
        found.append(coverage_bars("coverage", rows))
    values = [Amount(a.asset, worth(a.held, a.price)) for a in reading.assets]
    if values:
        found.append(token_bars("tokens", values, reading.currency))
    kinds = [(a.asset, a.kinds) for a in reading.assets if any(a.kinds.values())][:KIND_ROWS]
    if kinds:
        found.append(stacked_kinds("kinds", kinds))
    found.append(_line(history, reading, asset))
    return found


def _line(history: History, reading: Reading, asset: str | None) -> Chart:
    marks = [reading.snapshot_time] if _readable(reading.snapshot_time) else []
    if asset is not None and reading.asset(asset) is not None:
        points = history.series(reading.exchange, asset, limit=POINTS)
        moments = [Moment(p.time, p.held) for p in points if p.scope == reading.scope]
        return history_line("history", moments, unit=safe(asset), snapshots=[m for m in marks if m])
    values = history.values(reading.exchange, limit=POINTS)
    moments = [
        Moment(v.time, None if v.held is None else cut(v.held, 2))
        for v in values
        if v.scope == reading.scope and v.currency == reading.currency
    ]
    unit = reading.currency
    return history_line("history", moments, unit=unit, snapshots=[m for m in marks if m])


def _readable(time: str | None) -> bool:
    try:
        return time is not None and bool(datetime.strptime(time, CLOCK))
    except ValueError:
        return False


# -- wallets ---------------------------------------------------------------------------------

COLUMNS = (
    ("address", "Address"),
    ("chain", "Chain"),
    ("asset", "Asset"),
    ("kind", "Kind"),
    ("listed", "Listed"),
    ("held", "On chain"),
    ("height", "Height"),
    ("level", "How known"),
    ("ownership", "Signed"),
)
FILTERS = ("kind", "level", "ownership", "chain")


@dataclass(frozen=True)
class WalletQuery:
    """What of the wallets is asked for; page counts from 1."""

    q: str = ""
    asset: str = ""
    kind: str = ""
    level: str = ""
    ownership: str = ""
    chain: str = ""
    sort: str = "place"
    order: str = "asc"
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> WalletQuery:
        """From a query string. Raises UsageError for a page that is no number."""
        texts = {name: given.get(name, "")[:200] for name in ("q", "asset", *FILTERS)}
        page = given.get("page", "1")
        if not (page.isascii() and page.isdigit() and 0 < len(page) < 8 and int(page)):
            raise UsageError("page: a number from 1 on")
        sort = given.get("sort", "") or "place"
        order = given.get("order", "asc")
        if order not in ("asc", "desc"):
            raise UsageError("order: asc or desc")
        return cls(**texts, sort=sort[:20], order=order, page=int(page))

    def having(self, **more: object) -> str:
        """The query string with some values changed; empty ones are left out."""
        from urllib.parse import urlencode

        values = {**self.__dict__, **more}
        defaults = WalletQuery().__dict__
        return urlencode({k: v for k, v in values.items() if v not in ("", defaults[k])})


@dataclass(frozen=True)
class WalletView:
    """One wallet as a row."""

    address: str
    short: str
    link: str | None
    chain: str
    asset: str
    coin: str
    kind: str
    listed: str
    held: str
    height: str
    level: str
    ownership: str
    price: str
    value: str
    note: str


@dataclass(frozen=True)
class WalletsView:
    """One page of wallets. found: how many match; kept: how many the history keeps of all."""

    query: WalletQuery
    found: int
    pages: int
    rows: tuple[WalletView, ...]
    all: int

    @property
    def first(self) -> int:
        return (self.query.page - 1) * WALLETS_A_PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


def page_of_wallets(
    history: History, exchange: str, query: WalletQuery, limit: int = WALLETS_A_PAGE
) -> tuple[int, tuple[Wallet, ...]]:
    """How many match, and one page of them. Raises UsageError for an unknown column."""
    where = {name: getattr(query, name) for name in FILTERS if getattr(query, name)}
    return history.wallets(
        exchange,
        search=query.q,
        asset=query.asset or None,
        where=where,
        order=query.sort,
        descending=query.order == "desc",
        offset=(query.page - 1) * limit,
        limit=limit,
    )


def wallets_view(history: History, reading: Reading, query: WalletQuery) -> WalletsView:
    found, rows = page_of_wallets(history, reading.exchange, query)
    prices = {asset.asset: asset.price for asset in reading.assets}
    return WalletsView(
        query=query,
        found=found,
        pages=max(1, -(-found // WALLETS_A_PAGE)),
        rows=tuple(_wallet(row, prices.get(row.asset)) for row in rows),
        all=reading.wallets,
    )


def _wallet(row: Wallet, price: Decimal | None) -> WalletView:
    address = safe(row.address, 200)
    return WalletView(
        address=address,
        short=address if len(address) <= 20 else f"{address[:8]}…{address[-8:]}",
        link=link(row.chain, row.address),
        chain=safe(row.chain or UNKNOWN),
        asset=safe(row.asset),
        coin=safe(row.coin),
        kind=row.kind,
        listed=amount(row.listed),
        held=amount(row.held),
        height=UNKNOWN if row.height is None else f"{row.height:,}",
        level=LEVEL_WORDS.get(row.level, safe(row.level)),
        ownership=OWNERSHIP_WORDS.get(row.ownership, safe(row.ownership)),
        price=amount(price),
        value=money(worth(row.held, price)),
        note="" if row.reason is None else f"{safe(row.text or '', 200)} ({safe(row.reason)})",
    )


# -- comparison ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Several exchanges side by side. rows: asset -> (covered, proven) of each, None if absent."""

    views: tuple[ExchangeView, ...]
    measures: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str] | None, ...]], ...]
    missing: tuple[str, ...]

    @property
    def same_measure(self) -> bool:
        return len(set(self.measures)) <= 1


def comparison(history: History, ids: list[str]) -> Comparison:
    """Up to four exchanges, asset by asset; without rank or score."""
    views = [(id, exchange_view(history, id)) for id in dict.fromkeys(ids[:COMPARED])]
    found = [view for _, view in views if view is not None]
    by_asset: dict[str, list[tuple[str, str] | None]] = {}
    for number, view in enumerate(found):
        for asset in view.assets:
            row = by_asset.setdefault(asset.asset, [None] * len(found))
            row[number] = (asset.covered, asset.proven)
    return Comparison(
        tuple(found),
        tuple(measure(view.reading) for view in found),
        tuple((asset, tuple(row)) for asset, row in by_asset.items()),
        tuple(safe(id, 60) for id, view in views if view is None),
    )
