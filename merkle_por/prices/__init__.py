"""Prices, for the information line in USD and never for a verdict: from a file, or from services
that the user named. Services are asked by ids, never by symbols: see `ask` and `ids`."""

from merkle_por.prices.file import prices_in, prices_of
from merkle_por.prices.table import USD, Prices, PriceSources, Quote

__all__ = ["USD", "PriceSources", "Prices", "Quote", "prices_in", "prices_of"]
