"""Binance's monthly lists of addresses: hot and cold wallets, and four million deposit addresses
(spec binance-por-csv). No signatures. Rows that name a custodian are held by a third party; coins
on another chain than their own are tokens that Binance says it backs itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading, column_count, quoted_cells, squeezed
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.scheme import Where

HEADER = "coin,network,address,balance,height,thirdpartycustodianname"
COLUMNS = 6


def recognises(document: Document) -> bool:
    return squeezed(document.first_line) == HEADER


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list, in constant memory."""
    lines = reading.lines()
    number, header = next(lines)
    if squeezed(header) != HEADER:
        raise Malformed("bad-row", "not the header of such a list", where=f"line {number}")
    # Coins and networks already found to be good names: there are few.
    kinds: dict[tuple[str, str], RowKind] = {}
    third_party = RowKind.THIRD_PARTY
    rows = 0
    for number, text in lines:
        if not text:
            continue
        cells = quoted_cells(text, number)
        if len(cells) != COLUMNS:
            raise column_count(number, len(cells), str(COLUMNS))
        coin, network, address, balance, height, custodian = cells
        kind = kinds.get((coin, network))
        if kind is None:
            if len(kinds) > 2 * reading.document.limits.assets:
                raise Malformed("too-big", "too many different coins and networks")
            reading.name(coin, number)
            reading.name(network, number, "network")
            kind = kinds[coin, network] = variants.binance_kind(coin, network)
        rows += 1
        yield Row(
            coin,
            coin,
            (reading.address(address, number),),
            reading.amount(balance, number),
            number,
            third_party if custodian else kind,
            network,
            None,
            reading.height(height, number),
            reading.name(custodian, number, "custodian") if custodian else None,
        )
    if not rows:
        raise Malformed("no-rows", "the list holds no rows")


LAYOUT = Layout(
    id="binance-por-csv",
    exchange="binance",
    exchange_name="Binance",
    title="Wallet and deposit addresses, without signatures",
    used="2022-11 to now, monthly",
    file_name="PRddMMMyy_HotCold.csv, PRddMMMyy_Deposit.csv",
    where=Where(
        file="binance.com > Proof of Reserves > wallet addresses: wallet_address_YYYYMMDD.zip",
        root="no root: the addresses' balances are on their chains",
        certain="read only; header from a third party's notes",
    ),
    recognises=recognises,
    members=tuple(HEADER.split(",")),
    read=read,
)
