"""Prices from what the user named: files, and services by name (`--prices coingecko`).

All are asked for the same assets at the same time; each asset's price is the median. A service that
fails is named, with why; its silence is never a price. Nothing is asked that was not named.
"""

from __future__ import annotations

import os
import time
from calendar import timegm
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from merkle_por.clock import now
from merkle_por.daemons import Daemons
from merkle_por.errors import Incomplete, UsageError
from merkle_por.prices.coingecko import CoinGecko
from merkle_por.prices.coinmarketcap import CoinMarketCap
from merkle_por.prices.defillama import DefiLlama
from merkle_por.prices.file import prices_of
from merkle_por.prices.ids import Ids, ambiguous, ids_of
from merkle_por.prices.median import combine
from merkle_por.prices.source import Source
from merkle_por.prices.table import USD, Prices, Quote
from merkle_por.reserves.holding import TIME_FORMAT
from merkle_por.verdict import Caution

SERVICES: dict[str, Callable[..., Source]] = {
    "coingecko": CoinGecko.of,
    "coinmarketcap": CoinMarketCap.of,
    "defillama": DefiLlama.of,
}


def is_service(text: str) -> bool:
    """Whether a --prices value names a service (with or without =URL), not a file."""
    return text.partition("=")[0] in SERVICES


def open_service(text: str, environment: Mapping[str, str] = os.environ, **options: Any) -> Source:
    """A service as named: NAME or NAME=URL. options: of its `Http`. Raises UsageError."""
    name, equals, url = text.partition("=")
    if name not in SERVICES or (equals and not url):
        raise UsageError(f'"{name[:40]}" is not a price service', f"known: {', '.join(SERVICES)}")
    return SERVICES[name](url or None, environment, **options)


def prices_from(
    named: Sequence[str | Source],
    assets: Iterable[str],
    *,
    at: str | None = None,
    ids: Ids | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Prices:
    """Prices of some assets from files and services. at: UTC time, None for now.

    Raises UsageError for what is not a source, Malformed and Invalid for a bad file; what a
    service does is told in `failed`.
    """
    sources = [
        item if not isinstance(item, str) else open_service(item, environment)
        for item in named
        if not isinstance(item, str) or is_service(item)
    ]
    files = [prices_of(item) for item in named if isinstance(item, str) and not is_service(item)]
    if not sources and len(files) == 1:
        return files[0]
    if any(file.currency != USD for file in files):
        raise UsageError("price files of another currency than USD can't be joined with others")
    wanted = list(dict.fromkeys(assets))
    table = {asset: ids_of(asset, ids or {}) for asset in wanted}
    moment = None if at is None else timegm(time.strptime(at, TIME_FORMAT))
    asked = list(Daemons().map(lambda source: _ask(source, table, moment), sources))
    quotes: dict[str, list[Quote]] = {}
    failed: dict[str, str] = {}
    for source, answer in zip(sources, asked, strict=True):
        if isinstance(answer, Incomplete):
            failed[source.name] = answer.text
            continue
        for asset, quote in answer.items():
            quotes.setdefault(asset, []).append(quote)
    for file in files:
        for asset in wanted:
            if asset in file.values:
                quote = Quote(file.source or "a file", file.values[asset], file.time)
                quotes.setdefault(asset, []).append(quote)
    return _joined(wanted, table, quotes, failed, at)


def _ask(
    source: Source, table: Mapping[str, Mapping[str, str]], at: int | None
) -> dict[str, Quote] | Incomplete:
    """asset -> quote of one service, or why it has none."""
    wanted = {asset: ids[source.name] for asset, ids in table.items() if source.name in ids}
    if not wanted:
        return {}
    try:
        found = source.quotes(list(dict.fromkeys(wanted.values())), at)
    except Incomplete as error:
        return error
    return {asset: found[id] for asset, id in wanted.items() if id in found}


def _joined(
    wanted: Sequence[str],
    table: Mapping[str, Mapping[str, str]],
    quotes: Mapping[str, Sequence[Quote]],
    failed: Mapping[str, str],
    at: str | None,
) -> Prices:
    moment = at or now()
    warnings = [Caution("price-source", f"no prices from {n}: {t}") for n, t in failed.items()]
    values, counted = {}, {}
    for asset in wanted:
        if asset not in quotes:
            if not table[asset]:
                warnings.append(Caution("price-id", _no_id(asset)))
            continue
        values[asset], counted[asset], more = combine(asset, quotes[asset], moment)
        warnings += more
    names = sorted({quote.source for found in counted.values() for quote in found})
    times = sorted({quote.time for found in counted.values() for quote in found if quote.time})
    return Prices(
        values,
        source=("median of " if len(names) > 1 else "") + ", ".join(names) if names else None,
        time=times[0] if times else None,  # the oldest: no price in the table is older
        ambiguous=tuple(asset for asset in wanted if not table[asset] and ambiguous(asset)),
        quotes=counted,
        failed=dict(failed),
        warnings=tuple(warnings),
    )


def _no_id(asset: str) -> str:
    several = ambiguous(asset)
    if several:
        return f"{asset[:40]} stands for several coins ({several}): say which, --price-id"
    return f"{asset[:40]}: which coin that is at a price service is not known: --price-id"
