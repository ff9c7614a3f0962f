"""HTX's monthly list of reserve addresses, partly signed (spec htx-por-csv).

The summary groups coins: `BTC(ALL)` is the sum of the lines below it, so the exchange itself says
that a lending receipt or a token it pegs counts as the coin; `kind` says which is which. Rows
without height and balance are signers of the row above, a contract that can't sign itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from merkle_por.amounts import ZERO
from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import (
    Reading,
    SummaryLine,
    column_count,
    plain_cells,
    present,
    squeezed,
)
from merkle_por.reserves.lists.row import Row
from merkle_por.reserves.lists.summary import Sums, check_groups, check_lines, groups
from merkle_por.reserves.variants import Variant
from merkle_por.scheme import Where

SUMMARY_HEADER = "coin,snapshotheight,balance"
DETAIL_HEADER = "coin,address,snapshotheight,balance,message,signature"
COLUMNS = 6


def recognises(document: Document) -> bool:
    return squeezed(document.first_line) == SUMMARY_HEADER


def _summary(reading: Reading, lines: Iterator[tuple[int, str]]) -> None:
    number, header = next(lines)
    if squeezed(header) != SUMMARY_HEADER:
        raise Malformed("bad-row", "not the header of such a list", where=f"line {number}")
    seen: set[str] = set()
    for number, text in lines:
        if not text.strip():
            break
        if squeezed(text) == DETAIL_HEADER:
            raise Malformed(
                "no-detail-section",
                "no empty line between the summary and the rows",
                where=f"line {number}",
            )
        cells = [cell.strip() for cell in plain_cells(text, number)]
        if len(cells) != 3:
            raise column_count(number, len(cells), "3")
        name = reading.name(cells[0], number)
        if name in seen:
            raise Malformed(
                "bad-row", f"{name} stands twice in the summary", where=f"line {number}"
            )
        if len(seen) >= reading.document.limits.assets:
            raise Malformed("too-big", "a summary of too many lines", where=f"line {number}")
        seen.add(name)
        amount = reading.amount(cells[2], number)
        height = None if cells[1] == "-" else reading.height(cells[1], number)
        group = name.upper().endswith("(ALL)")
        reading.summary.append(
            SummaryLine(name, ZERO if amount is None else amount, number, height, group)
        )
    for _, text in lines:
        if text.strip():
            if squeezed(text) != DETAIL_HEADER:
                break
            return
    raise Malformed("no-detail-section", "no header of rows after the summary")


def _assets(summary: list[SummaryLine]) -> dict[str, str]:
    """Name in the summary -> asset, where a group line says it."""
    return {
        line.coin: group.coin[: -len("(ALL)")] for group, lines in groups(summary) for line in lines
    }


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list; summary and groups are compared after the last."""
    reading.dialect = "htx"
    lines = reading.lines()
    _summary(reading, lines)
    grouped = _assets(reading.summary)
    known: dict[str, Variant] = {}
    sums = Sums(reading.document.limits.assets)
    parent: int | None = None
    for number, text in lines:
        if not text:
            continue
        cells = plain_cells(text, number)
        if len(cells) != COLUMNS:
            raise column_count(number, len(cells), str(COLUMNS))
        coin = reading.name(cells[0], number)
        name = variants.htx_summary_name(coin)
        if name not in known:
            variant = variants.htx(name)
            known[name] = replace(variant, asset=grouped.get(name, variant.asset))
            sums.add(name, None)
            sums.rows[name] = 0
        variant = known[name]
        address = reading.address(cells[1], number)
        signer = cells[2] == "-" and cells[3] == "-"
        if signer and parent is None:
            raise Malformed("bad-row", "a signer of no row", where=f"line {number}")
        amount = height = None
        if not signer:
            height = reading.height(cells[2], number)
            amount = reading.amount(cells[3], number)
            sums.add(name, amount)
            parent = number
        yield Row(
            coin=name,
            asset=variant.asset,
            addresses=(address,),
            amount=amount,
            line=number,
            kind=variant.kind,
            network=variant.network,
            height=height,
            message=present(cells[4]),
            signature1=present(cells[5]),
            signer_of=parent if signer else None,
        )
    if not sums.rows:
        raise Malformed("no-rows", "the list holds no rows")
    check_lines(reading, sums)
    check_groups(reading)


LAYOUT = Layout(
    id="htx-por-csv",
    exchange="htx",
    exchange_name="HTX",
    title="Reserve addresses, partly signed",
    used="2023 to now, monthly",
    file_name="huobi_por.csv",
    where=Where(
        file="github.com/huobiapi/Tool-Node.js-VerifyAddress, folder snapshot and its releases",
        root="no root: the addresses' balances are on their chains",
        certain="official program and the real list were run",
    ),
    recognises=recognises,
    members=tuple(SUMMARY_HEADER.split(",")),
    read=read,
    signed=True,
)
