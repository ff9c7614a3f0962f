"""What a list of reserves comes to: per coin and asset, what is listed and what is proven.

State rule (specs/ownership-signatures.md section 1, shared/README.md): a failed check or row makes
the list invalid; a row that can't be judged makes it incomplete; a file without one proven row is
unconfirmed; else valid, and the shares say how much of it is proven. Balances are the exchange's
own figures (`claimed`) unless a node was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import ZERO, add
from merkle_por.reserves.holding import NOT_JUDGED, Holding, Level
from merkle_por.reserves.lists.row import RowKind
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.verdict import Caution, Check, CheckStatus, FileInfo, Problem, State, deciding

if TYPE_CHECKING:
    from merkle_por.report.text import Page
    from merkle_por.reserves.asking import ChainRead
    from merkle_por.reserves.overlap import Overlap
    from merkle_por.reserves.snapshot import Course
    from merkle_por.reserves.transfers import Shown

SIGNED = (Owned.PROVEN, Owned.OWNER_ASSERTED, Owned.KEY_UNBOUND)
"""States of rows whose signature is good."""
_WITHOUT = (Owned.UNSIGNED, NOT_JUDGED)
"""What is said of rows that carry no signature, or whose signature was not looked at."""
SIGNER_ROW = "/signer-row"
"""Ending of a count: rows that only name a signer of the row above (HTX)."""


@dataclass(frozen=True)
class ListFile:
    """One file that was read. heights: chain -> lowest and highest block height of its rows.
    facts: what the file says about itself."""

    file: FileInfo
    scheme: str | None
    exchange: str | None
    exchange_name: str | None
    rows: int = 0
    heights: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CoinLine:
    """All rows of one coin tag and kind. listed: whole coins; None where the list has no amounts.
    proven: of the listed amounts those whose owner is shown. on_chain: as nodes answered, None
    where none did. unknown_rows: rows whose amount is not known. levels: rows by level of trust."""

    coin: str
    asset: str
    title: str
    network: str | None
    kind: RowKind
    listed: Decimal | None
    proven: Decimal | None
    rows: int
    unknown_rows: int
    signed_rows: int
    on_chain: Decimal | None = None
    levels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AssetLine:
    """One asset over all its coins; by_*: counted amounts under each word. on_chain, levels: as in
    `CoinLine`. own_token: issued by the exchange itself."""

    asset: str
    listed: Decimal | None
    proven: Decimal | None
    rows: int
    unknown_rows: int
    by_level: Mapping[str, Decimal]
    by_kind: Mapping[str, Decimal]
    by_ownership: Mapping[str, Decimal]
    coins: tuple[CoinLine, ...]
    on_chain: Decimal | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    own_token: bool = False


def share(part: Decimal, whole: Decimal) -> Fraction | None:
    """part / whole exactly; None where there is no whole."""
    return Fraction(part) / Fraction(whole) if whole else None


@dataclass(frozen=True)
class ReservesReport:
    """The result of `reserves`. counts: rows per state of ownership; signer rows apart.

    holdings: the same rows summed up as a ratio needs them (see reserves.holding). asked: whether
    balances were asked for; chains: what was read of each chain; missing: why nobody was asked
    (class name), and the chain or coin -> rows. overlaps: addresses in two lists, counted once.
    transfers: what came of transfers by which addresses show who controls them.
    """

    state: State
    files: tuple[ListFile, ...]
    checks: tuple[Check, ...] = ()
    warnings: tuple[Caution, ...] = ()
    errors: tuple[Problem, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    holdings: tuple[Holding, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False
    asked: bool = False
    chains: tuple[ChainRead, ...] = ()
    missing: Mapping[tuple[str, str], int] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    own_tokens: tuple[str, ...] = ()
    around: tuple[Course, ...] = ()
    transfers: tuple[Shown, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all files, signer rows too."""
        return sum(file.rows for file in self.files)

    @property
    def proofs(self) -> tuple[ReservesReport, ...]:
        """The files whose errors a command shows."""
        return (self,)

    @property
    def file(self) -> FileInfo:
        return self.files[0].file

    @property
    def root(self) -> None:
        """Lists have no root."""
        return None

    @property
    def reason(self) -> str | None:
        """Class name of what decided against the list, None where nothing did."""
        return deciding(self.errors, self.checks)

    def count(self, *states: str) -> int:
        """Rows and signer rows in these states of ownership."""
        return sum(
            self.counts.get(name, 0) for state in states for name in (state, state + SIGNER_ROW)
        )

    @property
    def coins(self) -> tuple[CoinLine, ...]:
        """One line for each coin tag and kind, in file order."""
        groups: dict[tuple[str, str], list[Holding]] = {}
        for holding in self.holdings:
            groups.setdefault((holding.coin or holding.asset, str(holding.kind)), []).append(
                holding
            )
        return tuple(self._coin(found) for found in groups.values())

    def _coin(self, holdings: list[Holding]) -> CoinLine:
        first = holdings[0]
        coin = first.coin or first.asset
        return CoinLine(
            coin=coin,
            asset=first.asset,
            title=self.titles.get(coin, coin),
            network=first.chain,
            kind=first.kind or RowKind.NATIVE,
            listed=_listed(holdings),
            proven=_listed([h for h in holdings if h.ownership == Owned.PROVEN]),
            on_chain=_on_chain(holdings),
            levels=_rows(holdings),
            rows=sum(h.rows for h in holdings),
            unknown_rows=sum(h.unknown_rows for h in holdings),
            signed_rows=sum(h.rows for h in holdings if h.ownership not in _WITHOUT),
        )

    @property
    def assets(self) -> tuple[AssetLine, ...]:
        """One line for each asset, in file order."""
        groups: dict[str, list[Holding]] = {}
        for holding in self.holdings:
            groups.setdefault(holding.asset, []).append(holding)
        coins = self.coins
        return tuple(
            AssetLine(
                asset=asset,
                listed=_listed(found),
                proven=_listed([h for h in found if h.ownership == Owned.PROVEN]),
                on_chain=_on_chain(found),
                levels=_rows(found),
                own_token=asset in self.own_tokens,
                rows=sum(h.rows for h in found),
                unknown_rows=sum(h.unknown_rows for h in found),
                by_level=_by(found, lambda h: str(h.level)),
                by_kind=_by(found, lambda h: str(h.kind)),
                by_ownership=_by(found, lambda h: h.ownership),
                coins=tuple(line for line in coins if line.asset == asset),
            )
            for asset, found in groups.items()
        )

    @property
    def totals(self) -> dict[str, Decimal]:
        """Asset -> listed amount, where the list has amounts."""
        return {line.asset: line.listed for line in self.assets if line.listed is not None}

    @property
    def sentence(self) -> str:
        from merkle_por.report.reserves_text import sentence

        return sentence(self)

    def page(self, page: Page, *, path: bool = False) -> Page:
        """The result as terminal text (see report.text); path: nothing here."""
        from merkle_por.report.reserves_text import reserves_page

        return reserves_page(self, page)

    def to_json(self, **options: bool) -> dict[str, Any]:
        """The document `merkle-por/reserves/1`, JSON types only (see schemas/)."""
        from merkle_por.report.reserves_json import reserves_document

        return reserves_document(self, **options)


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Exact sum of the known amounts, None where there are some and none is known."""
    total: Decimal | None = None
    found = False
    for amount in amounts:
        found = True
        if amount is not None:
            total = add(total or ZERO, amount)
    return total if found else ZERO


def _listed(holdings: Iterable[Holding]) -> Decimal | None:
    return _total(holding.listed for holding in holdings)


def _on_chain(holdings: Iterable[Holding]) -> Decimal | None:
    """What nodes answered, None where none did."""
    read = [h.amount for h in holdings if h.level not in (Level.CLAIMED, Level.UNKNOWN)]
    return _total(read) if read else None


def _rows(holdings: Iterable[Holding]) -> dict[str, int]:
    """Rows by level of trust, best first."""
    found: dict[str, int] = {}
    for holding in holdings:
        found[str(holding.level)] = found.get(str(holding.level), 0) + holding.rows
    return {str(level): found[str(level)] for level in Level if str(level) in found}


def _by(holdings: Iterable[Holding], name: Any) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for holding in holdings:
        if holding.amount is not None:
            key = name(holding)
            sums[key] = add(sums.get(key, ZERO), holding.amount)
    return sums


def state_of(
    checks: Iterable[Check], errors: Iterable[Problem], counts: Mapping[str, int]
) -> State:
    """The one rule."""
    if tuple(errors):
        return State.MALFORMED
    statuses = {check.status for check in checks}
    if CheckStatus.FAIL in statuses:
        return State.INVALID
    if CheckStatus.NOT_CHECKED in statuses or counts.get(NOT_JUDGED):
        return State.INCOMPLETE
    proven = counts.get(Owned.PROVEN) and CheckStatus.UNCONFIRMED not in statuses
    return State.VALID if proven else State.UNCONFIRMED


__all__ = ["AssetLine", "CoinLine", "Level", "ListFile", "ReservesReport", "share", "state_of"]
