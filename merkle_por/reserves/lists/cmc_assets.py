"""CoinMarketCap's answer on an exchange's assets (spec cmc-exchange-assets): wallets of 100,000
USD or more, as the exchange gave them; CoinMarketCap says that it doesn't verify them.

Numbers are JSON numbers there; each keeps all its digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from merkle_por.documents import Document, Fields, Number
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import AMOUNT_CHARS, Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Where

EXPONENT = 60
"""Largest power of ten that a number may be written with."""
WALLETS = 2_000_000


def recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"data": [{"wallet_address": _}, *_]}:
            return True
        case {"status": {"credit_count": _, "error_code": _}, "data": []}:
            return True
    return False


def number(value: object, where: str) -> Decimal:
    """A JSON number, exact; an exponent is read where it is small. Raises Malformed bad-amount."""
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, Number):
        text = value.text
    else:
        raise Malformed("bad-amount", "not a JSON number", where=where)
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > AMOUNT_CHARS or len(exponent) > 4 or abs(int(exponent or 0)) > EXPONENT:
        raise Malformed("bad-amount", f"a number of {len(text)} characters", where=where)
    return Decimal(text)


def check_status(top: Fields) -> None:
    """Refuses an error answer (Malformed error-answer)."""
    if "status" in top:
        code = top.object("status").members.get("error_code", 0)
        if code not in (0, "0"):
            raise Malformed("error-answer", "CoinMarketCap answered with an error")


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the answer; `line` is the place in the list, from 0."""
    document = reading.document
    top = Fields(document.json, "", document.limits)
    check_status(top)
    items = top.array("data", high=WALLETS)
    if not items:
        raise Malformed("no-rows", "the list holds no wallets")
    if "status" in top:
        stamp = top.object("status").members.get("timestamp")
        if isinstance(stamp, str):
            reading.facts["time"] = stamp[:40]
    ids: dict[str, int] = {}
    for place, item in enumerate(items):
        fields = Fields(item, f"data[{place}]", document.limits)
        currency, platform = fields.object("currency"), fields.object("platform")
        symbol = reading.name(currency.text("symbol"), place)
        id = currency.integer("crypto_id", low=0)
        # A symbol names several coins; the first id keeps it, others get theirs added.
        if ids.setdefault(symbol, id) != id:
            reading.warn("ambiguous-symbol", f"{symbol} stands for several coins; their ids differ")
            symbol = f"{symbol} ({id})"
        balance = number(fields.get("balance"), fields.place("balance"))
        if balance.is_signed():
            reading.fail("negative-balance", f"data[{place}]: an amount below zero")
        yield Row(
            coin=symbol,
            asset=symbol,
            addresses=(reading.address(fields.text("wallet_address"), place),),
            amount=None if balance.is_signed() else balance,
            line=place,
            kind=variants.plain_kind(symbol),
            network=reading.name(platform.text("symbol"), place, "network"),
            type=f"{platform.integer('crypto_id', low=0)}/{id}",
        )


LAYOUT = Layout(
    id="cmc-exchange-assets",
    exchange="coinmarketcap",
    exchange_name="CoinMarketCap",
    title="Wallets of an exchange, as it gave them to CoinMarketCap",
    used="2022-11 to now",
    file_name="assets.json",
    where=Where(
        file="pro-api.coinmarketcap.com/v1/exchange/assets?id=N, header X-CMC_PRO_API_KEY",
        root="no root: the addresses' balances are on their chains",
        certain="from the service's documentation",
    ),
    recognises=recognises,
    members=("data", "wallet_address", "balance", "currency", "platform"),
    read=read,
)
