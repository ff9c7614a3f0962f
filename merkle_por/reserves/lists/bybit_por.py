"""Bybit's monthly list (spec bybit-por-csv): a row is a coin on a chain with all its addresses.

`ETH(ALL)` lines state the sum over chains. No signatures; Bybit shows control by sending a given
amount to itself. Published files are known to hold damaged EVM addresses: such a row can't be
judged, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from merkle_por.amounts import ZERO, add, grouped, plain
from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import (
    Reading,
    SummaryLine,
    column_count,
    quoted_cells,
    squeezed,
)
from merkle_por.reserves.lists.row import Row
from merkle_por.reserves.lists.summary import asset_gaps
from merkle_por.scheme import Where

HEADER = "coin,height,amount,address"
COLUMNS = 4
EVM_DIGITS = 40
ADDRESSES = 100_000
"""Most addresses in one row."""
_LONG_HEX = frozenset({"aptos", "starknet", "sui"})
"""Chains whose hexadecimal addresses are not those of the Ethereum kind."""
_HEX = frozenset("0123456789abcdefABCDEF")


def recognises(document: Document) -> bool:
    return squeezed(document.first_line).startswith(HEADER)


def damaged(address: str, network: str) -> bool:
    """Whether a hexadecimal address can't be one of its chain."""
    if address[:2] not in ("0x", "0X"):
        return False
    digits = address[2:]
    if not digits or not _HEX.issuperset(digits):
        return True
    if network.lower() in _LONG_HEX:
        return len(digits) > 64
    return len(digits) != EVM_DIGITS


def _addresses(cells: list[str], line: int, reading: Reading) -> tuple[str, ...]:
    # Blanks, further cells, or commas in one quoted cell stand between addresses.
    found = [part for cell in cells for part in cell.replace(",", " ").split()]
    if not found:
        raise Malformed("bad-row", "a row without an address", where=f"line {line}")
    if len(found) > ADDRESSES:
        raise Malformed("too-big", f"{len(found)} addresses in one row", where=f"line {line}")
    return tuple(reading.address(part, line) for part in found)


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list; the sums over chains are compared after the last."""
    lines = reading.lines()
    number, header = next(lines)
    if not squeezed(header).startswith(HEADER):
        raise Malformed("bad-row", "not the header of such a list", where=f"line {number}")
    totals: dict[str, tuple[Decimal, int]] = {}
    for number, text in lines:
        if not text:
            continue
        cells = quoted_cells(text, number)
        if len(cells) < COLUMNS:
            raise column_count(number, len(cells), f"{COLUMNS} or more")
        coin = reading.name(cells[0], number)
        amount = reading.amount(cells[2], number)
        if coin.upper().endswith("(ALL)"):
            line = SummaryLine(coin, ZERO if amount is None else amount, number, group=True)
            reading.summary.append(line)
            if len(reading.summary) > reading.document.limits.assets:
                raise Malformed("too-big", "too many group lines", where=f"line {number}")
            continue
        asset, dash, network = coin.rpartition("-")
        if not dash or not asset or not network:
            raise Malformed("bad-row", "a coin without its chain", where=f"line {number}")
        height = reading.height(cells[1], number)
        addresses = _addresses(cells[3:], number, reading)
        for address in addresses:
            if damaged(address, network):
                text = f"{address[:60]} is not an address of {network}"
                reading.unjudged("bad-address", text, number)
        total, rows = totals.get(asset, (ZERO, 0))
        if not rows and len(totals) >= reading.document.limits.assets:
            raise Malformed("too-big", "too many different coins", where=f"line {number}")
        totals[asset] = (total if amount is None else add(total, amount), rows + 1)
        yield Row(
            coin=coin,
            asset=asset,
            addresses=addresses,
            amount=amount,
            line=number,
            kind=variants.plain_kind(asset),
            network=network,
            height=height,
        )
    if not totals:
        raise Malformed("no-rows", "the list holds no rows")
    gaps = asset_gaps(reading.summary, totals)
    for group, found in gaps:
        reading.fail(
            "group-mismatch",
            f"{group.coin}: {grouped(group.amount)} are stated, the rows hold {grouped(found)}",
            group.line,
            expected=plain(group.amount),
            computed=plain(found),
        )
    if reading.summary and not gaps:
        reading.passed("groups", f"{len(reading.summary)} group lines are the sums of their rows")


LAYOUT = Layout(
    id="bybit-por-csv",
    exchange="bybit",
    exchange_name="Bybit",
    title="Addresses per coin and chain, without signatures",
    used="2023 to now, monthly",
    file_name="bybit_por_YYYYMM.csv",
    where=Where(
        file="api2.bybit.com/common-static/por/bybit_por_YYYYMM.csv",
        root="no root: the addresses' balances are on their chains",
        certain="read only",
    ),
    recognises=recognises,
    members=tuple(HEADER.split(",")),
    read=read,
    transfers=True,
)
