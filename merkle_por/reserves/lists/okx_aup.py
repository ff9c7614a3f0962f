"""The set of OKX's auditor: addresses and signatures without amounts (spec okx-aup-csv).

`coin` is the network column, by which the rows are signed; `asset` is digitalAsset.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import (
    Reading,
    column_count,
    plain_cells,
    present,
    squeezed,
)
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Where

COLUMNS = "digitalasset,network,address,signedmessage,signedmessage2,message,publickey"
OWNERS = ",owner1,owner2"
LEAST = 7


def recognises(document: Document) -> bool:
    return squeezed(document.first_line).startswith(COLUMNS)


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the set."""
    reading.dialect = "okx-audit"
    lines = reading.lines()
    number, header = next(lines)
    if squeezed(header) not in (COLUMNS, COLUMNS + OWNERS):
        raise Malformed("bad-row", "not the header of such a list", where=f"line {number}")
    width = header.count(",") + 1
    rows = 0
    for number, text in lines:
        if not text:
            continue
        cells = plain_cells(text, number)
        if not LEAST <= len(cells) <= width:
            raise column_count(number, len(cells), f"{LEAST} to {width}")
        cells += [""] * (LEAST + 2 - len(cells))
        network = reading.name(cells[1], number, "network")
        asset = reading.name(cells[0], number)
        if variants.okx_coin(network) is None:
            text = f"{network} is not in the table of OKX's coins"
            reading.unjudged("unknown-coin", text, number)
        rows += 1
        yield Row(
            coin=network,
            asset=asset,
            addresses=(reading.address(cells[2], number),),
            amount=None,
            line=number,
            kind=variants.plain_kind(asset),
            network=network,
            type=asset,  # one address may stand once for each asset
            message=cells[5],
            signature1=present(cells[3]),
            signature2=present(cells[4]),
            script=present(cells[6]),
            eoa1=present(cells[7]),
            eoa2=present(cells[8]),
        )
    if not rows:
        raise Malformed("no-rows", "the list holds no rows")


LAYOUT = Layout(
    id="okx-aup-csv",
    aliases=("okx-ownership-csv",),
    exchange="okx",
    exchange_name="OKX",
    title="Addresses and signatures for the auditor, without amounts",
    used="2025 to now",
    file_name="test.csv",
    where=Where(
        file="github.com/okx/proof-of-reserves, example/test.csv",
        root="no root: the addresses' balances are on their chains",
        certain="official program and its sample were run",
    ),
    recognises=recognises,
    members=tuple(COLUMNS.split(",")),
    read=read,
    amounts=False,
    signed=True,
    coin_is_network=True,
)
