"""CoinMarketCap's prices by its own ids (specs/solvency-ratio.md, "Prices").

Now: /v2/cryptocurrency/quotes/latest. At a time: /v3/cryptocurrency/quotes/historical around it
(`time_start` is not part of the span), of which the nearest point counts; it needs a paid plan.
Key: COINMARKETCAP_API_KEY, without which the service answers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from merkle_por.errors import Malformed, UsageError
from merkle_por.prices.source import Http, Incomplete, connect, members, portions, price
from merkle_por.prices.table import Quote
from merkle_por.reserves.chains.interface import utc
from merkle_por.reserves.holding import seconds_between, strict_time

URL = "https://pro-api.coinmarketcap.com"
KEY = "COINMARKETCAP_API_KEY"
HEADER = "X-CMC_PRO_API_KEY"
AROUND_SECONDS = 1_800


class CoinMarketCap:
    """One session with the service."""

    name = "coinmarketcap"

    def __init__(self, http: Http) -> None:
        self.http = http

    @classmethod
    def of(cls, url: str | None, environment: Mapping[str, str], **options: Any) -> CoinMarketCap:
        """url: None for the usual address. Raises UsageError without a key."""
        key = environment.get(KEY)
        if not key:
            raise UsageError(f"CoinMarketCap needs a key: set {KEY} in the environment")
        return cls(connect(url or URL, key, HEADER, **options))

    def quotes(self, ids: Sequence[str], at: int | None) -> dict[str, Quote]:
        quotes: dict[str, Quote] = {}
        for part in portions(ids):
            if at is None:
                data = self._data("/v2/cryptocurrency/quotes/latest", {"id": ",".join(part)})
                found = {id: self._latest(id, data[id]) for id in part if id in data}
            else:
                found = self._past(part, at)
            quotes.update((id, quote) for id, quote in found.items() if quote is not None)
        return quotes

    def _data(self, path: str, params: dict[str, str | int]) -> Mapping[str, Any]:
        answer = members(self.http, self.http.get(path, {**params, "convert": "USD"}), "an answer")
        status = members(self.http, answer.get("status"), "an answer with a status")
        if status.get("error_code") not in (0, "0"):
            words = self.http.cleaned(status.get("error_message")) or "an error"
            raise Incomplete("node-error", f"{self.http.node.source} answers: {words}")
        return members(self.http, answer.get("data"), "quotes by id")

    def _coin(self, id: str, value: object) -> Mapping[str, Any]:
        coin = members(self.http, value, f"the quote of {id}")
        if str(coin.get("id")) != id or isinstance(coin.get("id"), bool):
            raise self.http.nonsense("the quote of another coin than the one that was asked for")
        return coin

    def _latest(self, id: str, value: object) -> Quote | None:
        usd = members(self.http, self._coin(id, value).get("quote"), "quotes").get("USD")
        usd = members(self.http, usd, f"the USD quote of {id}")
        if usd.get("price") is None:
            return None
        moment = usd.get("last_updated")
        moment = None if moment is None else self._time(moment, id)
        return Quote(self.name, price(self.http, usd["price"], id), moment)

    def _past(self, ids: Sequence[str], at: int) -> dict[str, Quote | None]:
        data = self._data(
            "/v3/cryptocurrency/quotes/historical",
            {
                "id": ",".join(ids),
                "time_start": at - AROUND_SECONDS,
                "time_end": at + AROUND_SECONDS,
                "interval": "5m",
            },
        )
        if "quotes" in data and len(ids) == 1:
            data = {ids[0]: data}  # one coin stands there without its id as a key
        wanted = utc(at) or ""
        found: dict[str, Quote | None] = {}
        for id in ids:
            if id in data:
                points = list(self._points(id, self._coin(id, data[id])))
                found[id] = min(
                    points,
                    key=lambda quote: seconds_between(quote.time or wanted, wanted),
                    default=None,
                )
        return found

    def _points(self, id: str, coin: Mapping[str, Any]) -> Iterator[Quote]:
        points = coin.get("quotes")
        if not isinstance(points, list):
            raise self.http.nonsense(f"no list of quotes of {id}")
        for point in points:
            fields = members(self.http, point, f"a quote of {id}")
            usd = members(self.http, fields.get("quote"), f"a quote of {id}").get("USD")
            usd = members(self.http, usd, f"a USD quote of {id}")
            if usd.get("price") is not None:
                moment = self._time(fields.get("timestamp"), id)
                yield Quote(self.name, price(self.http, usd["price"], id), moment)

    def _time(self, value: object, id: str) -> str:
        """2025-04-30T16:00:00.000Z, to the second."""
        text = value if isinstance(value, str) else ""
        try:
            return strict_time(text.split(".")[0].removesuffix("Z") + "Z", id)
        except Malformed:
            raise self.http.nonsense(f"a price of {id} without a proper time") from None
