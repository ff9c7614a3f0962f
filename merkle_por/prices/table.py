"""Prices of some assets as one table, with where each comes from and when it was true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from merkle_por.verdict import Caution

USD = "USD"


@dataclass(frozen=True)
class Quote:
    """One source's price of one whole coin. time: when it was that, UTC; None where not said."""

    source: str
    value: Decimal
    time: str | None = None


@dataclass(frozen=True)
class Prices:
    """Price of one whole coin per asset. source: where from, in words; time: of the prices, UTC.

    ambiguous: symbols left out because they stand for several coins or have several prices.
    quotes: what each source said, where several were asked. failed: sources that gave no answer,
    and why. warnings: what a reader must know (spread, age, no id).
    """

    values: Mapping[str, Decimal] = field(default_factory=dict)
    currency: str = USD
    source: str | None = None
    time: str | None = None
    ambiguous: tuple[str, ...] = ()
    quotes: Mapping[str, tuple[Quote, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class PriceSources:
    """Files and services to ask, as the user named them (see `ask.prices_from`). ids: asset ->
    service -> id, the user's own."""

    names: tuple[str, ...]
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
