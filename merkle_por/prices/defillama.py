"""DefiLlama's prices, by coingecko:ID or CHAIN:CONTRACT (specs/solvency-ratio.md, "Prices").

Now: /prices/current/{ids}. At a time: /prices/historical/{unix time}/{ids}, which fits a snapshot
best. No key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from merkle_por.prices.source import Http, connect, members, portions, price, seconds
from merkle_por.prices.table import Quote

URL = "https://coins.llama.fi"


class DefiLlama:
    """One session with the service."""

    name = "defillama"

    def __init__(self, http: Http) -> None:
        self.http = http

    @classmethod
    def of(cls, url: str | None, environment: Mapping[str, str], **options: Any) -> DefiLlama:
        """url: None for the usual address. Raises UsageError."""
        return cls(connect(url or URL, None, "", **options))

    def quotes(self, ids: Sequence[str], at: int | None) -> dict[str, Quote]:
        when = "current" if at is None else f"historical/{at}"
        quotes: dict[str, Quote] = {}
        for part in portions(ids):
            coins = ",".join(quote(id, safe=":") for id in part)
            answer = members(self.http, self.http.get(f"/prices/{when}/{coins}"), "an answer")
            found = members(self.http, answer.get("coins"), "prices by id")
            for id in part:
                if id in found:
                    coin = members(self.http, found[id], f"the price of {id}")
                    if coin.get("price") is not None:
                        moment = seconds(self.http, coin.get("timestamp"), id)
                        value = price(self.http, coin["price"], id)
                        quotes[id] = Quote(self.name, value, moment)
        return quotes
