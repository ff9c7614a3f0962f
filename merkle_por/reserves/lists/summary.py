"""The summary of a list against its rows.

A summary prints rounded figures, so a line may differ from the sum of its rows by as much as
rounding can explain, and not by more. Source: specs/reserve-files.md (okx-por-csv, htx-por-csv).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from merkle_por.amounts import EXACT, ZERO, grouped, plain
from merkle_por.errors import Malformed
from merkle_por.reserves.lists.reading import Reading, SummaryLine

PART = Decimal("1e-9")
"""Share of the printed figure that is always tolerated: the lists' makers add up in floats."""


@dataclass
class Sums:
    """Sum and number of rows per coin; the coins are bounded by the caller's limit."""

    limit: int
    amounts: dict[str, Decimal] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, coin: str, amount: Decimal | None) -> None:
        """One row; `amount` None where it has none or is wrong."""
        if coin not in self.rows:
            if len(self.rows) >= self.limit:
                raise Malformed("too-big", f"more than {self.limit} different coins")
            self.rows[coin] = 0
            self.amounts[coin] = ZERO
        self.rows[coin] += 1
        if amount is not None:
            self.amounts[coin] = EXACT.add(self.amounts[coin], amount)


def half_unit(printed: Decimal) -> Decimal:
    """Half of the last digit printed: 9185.95 -> 0.005."""
    return Decimal(5).scaleb(int(printed.as_tuple().exponent) - 1)


def tolerated(printed: Decimal, rows: int) -> Decimal:
    """How far the sum of `rows` rounded rows may lie from the printed figure."""
    by_digits = EXACT.multiply(half_unit(printed), Decimal(1 + rows))
    return max(by_digits, EXACT.multiply(printed, PART))


def check_lines(reading: Reading, sums: Sums, same: Callable[[str], str] = str) -> None:
    """Each line that is not a group against the rows of its coin.

    same: from a summary's name of a coin to the rows' one.
    """
    named: set[str] = set()
    before = len(reading.checks)
    for line in reading.summary:
        if line.group:
            continue
        coin = same(line.coin)
        named.add(coin)
        if coin not in sums.rows:
            if line.amount:
                reading.fail(
                    "summary-without-rows",
                    f"{line.coin}: {grouped(line.amount)} are stated, no row has any",
                    line.line,
                )
            continue
        found = sums.amounts[coin]
        if abs(EXACT.subtract(found, line.amount)) > tolerated(line.amount, sums.rows[coin]):
            reading.fail(
                "summary-mismatch",
                f"{line.coin}: {grouped(line.amount)} are stated, the rows hold {grouped(found)}",
                line.line,
                expected=plain(line.amount),
                computed=plain(found),
            )
    if named and len(reading.checks) == before:
        reading.passed("summary", "each line of the summary is the sum of its rows")
    lines = [line for line in reading.summary if not line.group]
    unnamed = [coin for coin in sums.rows if coin not in named]
    if lines and unnamed:
        shown = ", ".join(unnamed[:5])
        reading.warn("not-in-summary", f"rows of {len(unnamed)} coins no line sums up: {shown}")


def groups(summary: Iterable[SummaryLine]) -> list[tuple[SummaryLine, list[SummaryLine]]]:
    """Group lines, each with the lines below it up to the next group line."""
    found: list[tuple[SummaryLine, list[SummaryLine]]] = []
    for line in summary:
        if line.group:
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return found


def check_groups(reading: Reading) -> None:
    """Each group line against the lines below it (HTX)."""
    before = len(reading.checks)
    found = groups(reading.summary)
    for group, lines in found:
        total, slack = ZERO, half_unit(group.amount)
        for line in lines:
            total = EXACT.add(total, line.amount)
            slack = EXACT.add(slack, half_unit(line.amount))
        if abs(EXACT.subtract(total, group.amount)) > slack:
            reading.fail(
                "group-mismatch",
                f"{group.coin}: {grouped(group.amount)} are stated, "
                f"its lines hold {grouped(total)}",
                group.line,
                expected=plain(group.amount),
                computed=plain(total),
            )
    if found and len(reading.checks) == before:
        reading.passed("groups", f"{len(found)} group lines are the sums of their lines")


def asset_gaps(
    summary: Iterable[SummaryLine], totals: Mapping[str, tuple[Decimal, int]]
) -> list[tuple[SummaryLine, Decimal]]:
    """Group lines that are not the sum of the rows of their asset, with that sum.

    totals: asset -> sum and number of its rows.
    """
    gaps = []
    for line in summary:
        if line.group:
            found, rows = totals.get(line.coin.split("(")[0], (ZERO, 0))
            if abs(EXACT.subtract(found, line.amount)) > tolerated(line.amount, rows):
                gaps.append((line, found))
    return gaps
