"""The sums of `reserves`: over all rows of all files, in memory that doesn't grow with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from merkle_por.amounts import ZERO, add
from merkle_por.errors import Malformed
from merkle_por.reserves.holding import NOT_JUDGED, Holding, Level
from merkle_por.reserves.lists.reading import KEPT, Reading
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import ListFile, ReservesReport, state_of
from merkle_por.verdict import About, Caution, Check, CheckStatus, Problem

CLAIMED = "balances are the exchange's own figures (claimed): add --node"


class Tally:
    """Sums over all rows of all files, in memory that doesn't grow with the rows."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sums: dict[tuple[Any, ...], list[Any]] = {}
        self.counts: dict[str, int] = {}
        self.checks: list[Check] = []
        self.kept: dict[str, int] = {}
        self.warnings: list[Caution] = []
        self.errors: list[Problem] = []
        self.titles: dict[str, str] = {}
        self.signed = False
        self.asked = False

    def add(self, row: Row, owned: str, level: Level, amount: Decimal | None) -> None:
        """One row that has (or could have) an amount."""
        key = (row.asset, row.coin, row.network, row.kind, owned, level)
        entry = self.sums.get(key)
        if entry is None:
            if len(self.sums) >= 16 * self.most:
                raise Malformed("too-big", "too many different coins")
            entry = self.sums[key] = [ZERO, 0, 0]
        if amount is None:
            entry[2] += 1
        else:
            entry[0] = add(entry[0], amount)
        entry[1] += 1

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
                amount=None if rows == unknown else amount,
                level=level,
                ownership=str(owned),
                kind=kind,
                custody=kind is RowKind.THIRD_PARTY,
                encumbered=kind is RowKind.UNSPENDABLE,
                rows=rows,
                unknown_rows=unknown,
                chain=network,
                coin=coin,
            )
            for (asset, coin, network, kind, owned, level), (
                amount,
                rows,
                unknown,
            ) in self.sums.items()
        )

    def report(self, files: tuple[ListFile, ...]) -> ReservesReport:
        if not self.errors and not self.asked and any(file.rows for file in files):
            self.warnings.append(Caution("claimed", CLAIMED))
        if self.counts.get(NOT_JUDGED):
            text = "the signatures of the list were not judged"
            self.note("ownership-not-checked", text, None, About.OWNERSHIP, CheckStatus.NOT_CHECKED)
        good = sum(n for name, n in self.counts.items() if name.split("/")[0] == Owned.PROVEN)
        if good:
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
        )
