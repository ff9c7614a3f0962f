"""Prices from a file the user names: for the information line in USD, never for a verdict.

Read: JSON {asset: "price"} or {"prices": {...}, "currency", "time", "source"}; CSV with the header
asset,price; a CoinMarketCap answer (price_usd). Prices are decimals in quotes. A symbol that
stands for two coins in an answer is not a price. Source: specs/solvency-ratio.md, "Prices".
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from merkle_por.documents import LIMITS, Document, Fields, Limits
from merkle_por.errors import Invalid, Malformed
from merkle_por.prices.table import USD, Prices
from merkle_por.reserves.holding import strict_amount, strict_asset, strict_time
from merkle_por.reserves.lists import cmc_assets
from merkle_por.reserves.lists.reading import Reading, column_count, quoted_cells, squeezed

KEYS = ("prices", "currency", "time", "source", "note")
CSV_HEADERS = ("asset,price", "asset,price,time", "asset,price,time,source")


def prices_of(source: str | Path | bytes | Document, limits: Limits = LIMITS) -> Prices:
    """Reads a price file of one of the forms above. Raises Malformed, Invalid, UsageError."""
    document = Document.of(source, limits)
    if not document.looks_like_json:
        return _csv(document)
    if cmc_assets.recognises(document):
        return _coinmarketcap(document)
    top = Fields(document.json, "", limits)
    try:
        if isinstance(top.members.get("prices"), dict):
            top.only(*KEYS)
            return Prices(
                prices_in(top.object("prices")),
                currency=top.text("currency", 10) if "currency" in top else USD,
                source=top.text("source", 400) if "source" in top else document.name,
                time=strict_time(top.get("time"), "time") if "time" in top else None,
            )
        return Prices(prices_in(top), source=document.name)
    except (Malformed, Invalid) as error:
        _placed(error, document, top)
        raise


def prices_in(fields: Fields) -> dict[str, Decimal]:
    """The members of one object as prices. Raises Malformed bad-amount, Invalid."""
    if len(fields.members) > fields.limits.assets:
        raise Malformed("too-big", f"{len(fields.members)} prices", where=fields.where)
    return {
        strict_asset(asset, fields.where): strict_amount(value, fields.place(asset))
        for asset, value in fields.members.items()
    }


def _placed(error: Malformed | Invalid, document: Document, top: Fields) -> None:
    """Puts line and column of the price in place of its path, where its text stands only once."""
    member = (error.where or "").removeprefix("prices.")
    inner = top.members.get("prices", top.members)
    value = inner.get(member) if isinstance(inner, dict) else None
    if not isinstance(value, str):
        return
    text, written = document.text_without_bom, json.dumps(value, ensure_ascii=False)
    if text.count(written) == 1:
        before = text[: text.index(written)]
        column = len(before) - before.rfind("\n") + 1  # inside the quotes
        error.where = f"line {before.count(chr(10)) + 1}, column {column}"


def _csv(document: Document) -> Prices:
    reading = Reading(document)
    lines = reading.lines()
    number, header = next(lines)
    if squeezed(header) not in CSV_HEADERS:
        raise Malformed("bad-row", "not a price file: asset,price", where=f"line {number}")
    width = header.count(",") + 1
    values: dict[str, Decimal] = {}
    times: set[str] = set()
    for number, text in lines:
        if not text:
            continue
        where = f"line {number}"
        cells = quoted_cells(text, number)
        if len(cells) != width:
            raise column_count(number, len(cells), str(width))
        asset = reading.name(cells[0], number, "asset")
        if asset in values:
            raise Malformed("duplicate-asset", f"{asset[:40]} has two prices", where=where)
        if len(values) >= document.limits.assets:
            raise Malformed("too-big", "too many prices", where=where)
        values[asset] = strict_amount(cells[1], where)
        if width > 2:
            times.add(strict_time(cells[2], where))
    if not values:
        raise Malformed("no-rows", "there is no price in the file")
    return Prices(values, source=document.name, time=max(times) if len(times) == 1 else None)


def _coinmarketcap(document: Document) -> Prices:
    top = Fields(document.json, "", document.limits)
    cmc_assets.check_status(top)
    found: dict[str, set[tuple[int, Decimal]]] = {}
    for place, item in enumerate(top.array("data", high=cmc_assets.WALLETS)):
        currency = Fields(item, f"data[{place}]", document.limits).object("currency")
        symbol = strict_asset(currency.get("symbol"), currency.where)
        price = cmc_assets.number(currency.get("price_usd"), currency.place("price_usd"))
        if price.is_signed():
            raise Invalid("negative-balance", "a price below zero", where=currency.where)
        known = found.setdefault(symbol, set())
        if len(known) < 2:
            known.add((currency.integer("crypto_id", low=0), price))
    clear = {symbol: next(iter(ways))[1] for symbol, ways in found.items() if len(ways) == 1}
    return Prices(
        clear,
        source=f"{document.name} (CoinMarketCap)",
        time=_stamp(top),
        ambiguous=tuple(sorted(set(found) - set(clear))),
    )


def _stamp(top: Fields) -> str | None:
    """The answer's time to the second; None where it has none in the usual form."""
    if "status" not in top:
        return None
    stamp = top.object("status").members.get("timestamp")
    if not isinstance(stamp, str) or not stamp.endswith("Z"):
        return None
    try:
        return strict_time(stamp.split(".")[0].removesuffix("Z") + "Z", "status.timestamp")
    except Malformed:
        return None
