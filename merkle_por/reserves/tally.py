"""The sums of `reserves`: over all rows of all files, in memory that doesn't grow with them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import ZERO, add
from merkle_por.errors import Malformed
from merkle_por.reserves.holding import NOT_JUDGED, VERIFIED, Holding, Level
from merkle_por.reserves.lists.reading import KEPT, Reading
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import ListFile, ReservesReport, state_of
from merkle_por.verdict import About, Caution, Check, CheckStatus, Problem

if TYPE_CHECKING:
    from merkle_por.reserves.asking import Answers
    from merkle_por.reserves.overlap import Overlap
    from merkle_por.reserves.snapshot import Course
    from merkle_por.reserves.transfers import Shown

CLAIMED = "balances are the exchange's own figures (claimed): add --node"
NO_AMOUNTS = "the list names addresses, no amounts: add --node to see what they hold"


class Sum:
    """The sum of some rows. amount: as counted; listed: as the list states it, where that is
    another figure. unknown: rows whose amount nobody knows. first, last: times of blocks."""

    __slots__ = ("amount", "first", "last", "listed", "rows", "unknown")

    def __init__(self) -> None:
        self.amount = ZERO
        self.listed: Decimal | None = None
        self.rows = 0
        self.unknown = 0
        self.first: str | None = None
        self.last: str | None = None

    @property
    def counted(self) -> Decimal | None:
        """The amount, None where no row has one."""
        return None if self.unknown == self.rows else self.amount

    def take(self, amount: Decimal | None, listed: Decimal | None, time: str | None) -> None:
        self.rows += 1
        if listed is not None:
            self.listed = listed if self.listed is None else add(self.listed, listed)
        if amount is None:
            self.unknown += 1
        else:
            self.amount = add(self.amount, amount)
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)


class Tally:
    """Sums over all rows of all files, in memory that doesn't grow with the rows."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sums: dict[tuple[Any, ...], Sum] = {}
        self.counts: dict[str, int] = {}
        self.checks: list[Check] = []
        self.kept: dict[str, int] = {}
        self.warnings: list[Caution] = []
        self.errors: list[Problem] = []
        self.titles: dict[str, str] = {}
        self.signed = False
        self.asked = False
        self.contracts = False  # does a row's address name the contract of a known token?
        self.answers: Answers | None = None
        self.overlaps: tuple[Overlap, ...] = ()
        self.around: list[Course] = []
        self.transfers: list[Shown] = []

    def add(
        self, row: Row, owned: str, level: Level, amount: Decimal | None, time: str | None = None
    ) -> None:
        """One row that has (or could have) an amount. time: of the block it was read at."""
        key = (row.asset, row.coin, row.network, row.kind, owned, level)
        entry = self.sums.get(key)
        if entry is None:
            if len(self.sums) >= 16 * self.most:
                raise Malformed("too-big", "too many different coins")
            entry = self.sums[key] = Sum()
        # A claimed amount is the listed one: no second sum, there can be four million rows.
        entry.take(amount, None if level is Level.CLAIMED else row.amount, time)

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def note(
        self, id: str, text: str, where: str | None, about: About, status: CheckStatus
    ) -> None:
        """A check of one row; of each class a bounded number is kept."""
        seen = self.kept.get(id, 0) + 1
        self.kept[id] = seen
        if seen <= KEPT:
            self.checks.append(Check(id, about, status, text, where))

    def take(self, reading: Reading) -> None:
        self.checks.extend(reading.checks)
        self.warnings.extend(w for w in reading.warnings if w not in self.warnings)

    def holdings(self) -> tuple[Holding, ...]:
        return tuple(
            Holding(
                asset=asset,
                amount=found.counted,
                level=level,
                ownership=str(owned),
                kind=kind,
                custody=kind is RowKind.THIRD_PARTY,
                encumbered=kind is RowKind.UNSPENDABLE,
                rows=found.rows,
                unknown_rows=found.unknown,
                chain=network,
                coin=coin,
                time=found.first,
                until=found.last,
                listed=found.counted if level is Level.CLAIMED else found.listed,
            )
            for (asset, coin, network, kind, owned, level), found in self.sums.items()
        )

    def report(
        self, files: tuple[ListFile, ...], own_tokens: tuple[str, ...] = ()
    ) -> ReservesReport:
        if not self.errors and not self.asked and any(file.rows for file in files):
            named = any(found.counted is not None for found in self.sums.values())
            self.warnings.append(Caution("claimed", CLAIMED if named else NO_AMOUNTS))
        if self.counts.get(NOT_JUDGED):
            text = "the signatures of the list were not judged"
            self.note("ownership-not-checked", text, None, About.OWNERSHIP, CheckStatus.NOT_CHECKED)
        self._asked()
        good = sum(n for name, n in self.counts.items() if name.split("/")[0] == Owned.PROVEN)
        sent = sum(shown.rows.get(Owned.PROVEN, 0) for shown in self.transfers)
        if sent:
            text = f"{sent} rows are of addresses that sent themselves what was demanded"
            self.checks.append(Check("transfers", About.OWNERSHIP, CheckStatus.PASS, text))
        if good := good - sent:
            text = f"{good} rows are signed by the keys of their own addresses"
            self.checks.append(Check("signatures", About.OWNERSHIP, CheckStatus.PASS, text))
        return ReservesReport(
            state=state_of(self.checks, self.errors, self.counts),
            files=files,
            checks=tuple(self.checks),
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
            counts={str(name): count for name, count in self.counts.items()},
            holdings=self.holdings(),
            titles=dict(self.titles),
            signed=self.signed,
            asked=self.asked,
            chains=() if self.answers is None else tuple(self.answers.chains.values()),
            missing={} if self.answers is None else dict(self.answers.nobody),
            overlaps=self.overlaps,
            own_tokens=own_tokens,
            around=tuple(self.around),
            transfers=tuple(self.transfers),
        )

    def _asked(self) -> None:
        """What the nodes' answers come to."""
        rows: dict[Level, int] = {}
        for key, found in self.sums.items():
            rows[key[-1]] = rows.get(key[-1], 0) + found.rows
        good = sum(rows.get(level, 0) for level in (*VERIFIED, Level.SINGLE_SOURCE))
        if good and Level.UNKNOWN not in rows and "lower-balance" not in self.kept:
            text = f"{good} balances on chain, none lower than listed"
            self.checks.append(Check("balances", About.BALANCES, CheckStatus.PASS, text))
        if single := rows.get(Level.SINGLE_SOURCE):
            text = f"{single} balances hang on the word of one service (single-source)"
            self.warnings.append(Caution("single-source", text))
        for overlap in self.overlaps:
            self.warnings.append(Caution("double-counted", overlap.text))
