"""Reserves that a person typed from a page or report (our own layout, "reserve-rows"):

{"exchange": ..., "time": ..., "source": ..., "reserves": [{"asset": "BTC", "amount": "1.5"}...]}

The rows are those of the `solvency` file (specs/solvency-ratio.md). As a list, all amounts are
claims, whatever level a row names.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import Document, Fields
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.scheme import Where

KEYS = ("exchange", "time", "source", "note", "seen", "reserves")


def recognises(document: Document) -> bool:
    value = document.json_or_none
    match value:
        case {"reserves": list()}:
            return "liabilities" not in value and "schema" not in value
    return False


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list; `line` counts rows from 1."""
    from merkle_por.reserves.holding import strict_time, typed_rows

    document = reading.document
    top = Fields(document.json, "", document.limits).only(*KEYS)
    for name in ("exchange", "source"):
        if name in top:
            reading.facts[name] = top.text(name, 400)
    if "time" in top:
        reading.facts["time"] = strict_time(top.get("time"), "time")
    holdings = typed_rows(top.array("reserves"), "reserves", document.limits)
    if not holdings:
        raise Malformed("no-rows", "the list holds no rows")
    for place, holding in enumerate(holdings, 1):
        kind = variants.plain_kind(holding.asset)
        if holding.encumbered:
            kind = RowKind.UNSPENDABLE
        elif holding.custody:
            kind = RowKind.THIRD_PARTY
        yield Row(
            coin=holding.asset,
            asset=holding.asset,
            addresses=() if holding.address is None else (holding.address,),
            amount=holding.amount,
            line=place,
            kind=kind,
            network=holding.chain,
            height=holding.height,
        )


LAYOUT = Layout(
    id="reserve-rows",
    exchange="any",
    exchange_name="the exchange",
    title="Reserves typed from a page or report",
    used="any time",
    file_name="list.json",
    where=Where(
        file="a list you typed from the exchange's page",
        root="no root: the addresses' balances are on their chains",
        certain="our own format",
    ),
    recognises=recognises,
    read=read,
    transfers=True,
)
