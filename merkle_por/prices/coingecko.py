"""CoinGecko's prices (specs/solvency-ratio.md, "Prices").

Now: /simple/price. At a time: /coins/{id}/market_chart/range around it, of which the nearest point
counts; where that has none, /coins/{id}/history of the nearest midnight (UTC), with that time.
Keys: COINGECKO_PRO_API_KEY (the paid service has an address of its own) or COINGECKO_DEMO_API_KEY.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from merkle_por.documents import Number
from merkle_por.prices.source import Http, connect, members, portions, price, seconds
from merkle_por.prices.table import Quote
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import utc

URL = "https://api.coingecko.com/api/v3"
PRO_URL = "https://pro-api.coingecko.com/api/v3"
KEYS = (
    ("COINGECKO_PRO_API_KEY", "x-cg-pro-api-key", PRO_URL),
    ("COINGECKO_DEMO_API_KEY", "x-cg-demo-api-key", URL),
)
AROUND_SECONDS = 5_400
"""An hour and a half either way: past points are an hour apart."""
DAY_SECONDS = 86_400


class CoinGecko:
    """One session with the service."""

    name = "coingecko"

    def __init__(self, http: Http) -> None:
        self.http = http

    @classmethod
    def of(cls, url: str | None, environment: Mapping[str, str], **options: Any) -> CoinGecko:
        """url: None for the usual address. Raises UsageError."""
        for variable, header, usual in KEYS:
            if key := environment.get(variable):
                return cls(connect(url or usual, key, header, **options))
        return cls(connect(url or URL, None, "", **options))

    def quotes(self, ids: Sequence[str], at: int | None) -> dict[str, Quote]:
        if at is not None:
            found = {id: self._past(id, at) for id in ids}
            return {id: quote for id, quote in found.items() if quote is not None}
        quotes: dict[str, Quote] = {}
        for part in portions(ids):
            answer = self.http.get(
                "/simple/price",
                {
                    "ids": ",".join(part),
                    "vs_currencies": "usd",
                    "include_last_updated_at": "true",
                    "precision": "full",
                },
            )
            answer = members(self.http, answer, "prices by id")
            for id in part:
                coin = members(self.http, answer.get(id, {}), f"the price of {id}")
                if coin.get("usd") is not None:
                    moment = seconds(self.http, coin.get("last_updated_at"), id)
                    quotes[id] = Quote(self.name, price(self.http, coin["usd"], id), moment)
        return quotes

    def _past(self, id: str, at: int) -> Quote | None:
        span: dict[str, str | int] = {
            "vs_currency": "usd",
            "from": at - AROUND_SECONDS,
            "to": at + AROUND_SECONDS,
            "precision": "full",
        }
        try:
            answer = self.http.get(f"/coins/{quote(id, safe='')}/market_chart/range", span)
        except RestError as error:
            if error.status == 404:
                return None  # no such coin
            if error.status != 400:
                raise
            answer = {}  # the plan does not reach that far back: a day's price may
        points = members(self.http, answer, "a chart").get("prices", [])
        if not isinstance(points, list):
            raise self.http.nonsense("a chart without a list of prices")
        near = [self._point(id, point) for point in points]
        if not near:
            return self._midnight(id, at)
        moment, value = min(near, key=lambda point: abs(point[0] - at))
        return Quote(self.name, value, utc(moment))

    def _point(self, id: str, point: object) -> tuple[int, Decimal]:
        """[Unix milliseconds, price]; the service writes either with or without a fraction."""
        if not isinstance(point, list) or len(point) != 2:
            raise self.http.nonsense(f"a point of {id} that is no pair")
        moment = point[0]
        if isinstance(moment, Number):
            moment = int(price(self.http, moment, id))
        if not isinstance(moment, int) or isinstance(moment, bool) or utc(moment // 1000) is None:
            raise self.http.nonsense(f"a price of {id} without a proper time")
        return moment // 1000, price(self.http, point[1], id)

    def _midnight(self, id: str, at: int) -> Quote | None:
        day = (at + DAY_SECONDS // 2) // DAY_SECONDS * DAY_SECONDS
        answer = self.http.get(
            f"/coins/{quote(id, safe='')}/history",
            {"date": time.strftime("%d-%m-%Y", time.gmtime(day)), "localization": "false"},
        )
        coin = members(self.http, answer, "a coin's history")
        if coin.get("id") != id:
            raise self.http.nonsense("the history of another coin")
        data = coin.get("market_data")
        if data is None:
            return None
        usd = members(self.http, members(self.http, data, "prices").get("current_price"), "prices")
        if usd.get("usd") is None:
            return None
        return Quote(self.name, price(self.http, usd["usd"], id), utc(day))
