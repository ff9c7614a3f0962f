"""One price from several sources: the median, with a warning where they lie apart.

Quotes of another time than the one wanted don't count while there are quotes of that time.
Source: specs/solvency-ratio.md, "Prices" (median of sources, warn above 1 % spread).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from merkle_por.amounts import EXACT, grouped
from merkle_por.prices.table import Quote
from merkle_por.reserves.holding import seconds_between
from merkle_por.verdict import Caution

SPREAD = Fraction(1, 100)
TIME_SECONDS = 3_600
"""A price further from the wanted time is another time's price."""
_HALF = Decimal("0.5")


def median(values: Sequence[Decimal]) -> Decimal:
    """The middle value, or the exact mean of the two middle ones. values: at least one."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return EXACT.multiply(EXACT.add(ordered[middle - 1], ordered[middle]), _HALF)


def combine(
    asset: str, quotes: Sequence[Quote], wanted: str
) -> tuple[Decimal, tuple[Quote, ...], list[Caution]]:
    """The price of an asset at a time (UTC), the quotes that count, and what to warn of.

    quotes: at least one; a quote without a time is taken as of the wanted one.
    """
    warnings = []
    timely = tuple(
        quote
        for quote in quotes
        if quote.time is None or seconds_between(quote.time, wanted) <= TIME_SECONDS
    )
    counted = timely or tuple(quotes)
    if not timely:
        nearest = min(quotes, key=lambda quote: seconds_between(quote.time or wanted, wanted))
        counted = (nearest,)
        text = f"the price of {asset} is of {nearest.time}, not of {wanted} ({nearest.source})"
        warnings.append(Caution("price-time", text))
    values = [quote.value for quote in counted]
    low, high, middle = min(values), max(values), median(values)
    gap = Fraction(EXACT.subtract(high, low))
    if gap > SPREAD * Fraction(middle):
        said = "; ".join(f"{quote.source} {grouped(quote.value)}" for quote in counted)
        text = f"prices of {asset} lie more than 1 % apart: {said}; counted as {grouped(middle)}"
        warnings.append(Caution("price-spread", text))
    return middle, counted, warnings
