"""OKX's monthly list of reserve addresses (spec okx-por-csv; okx-reserves-csv for 2022).

Two sections: printed totals per coin, an empty line, rows. Five headers are known, from 7 cells
(November 2022, amounts in base units) to 12 (with a type of staking). The official programs read
only some of them, take anything for an amount, and pass a file without rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from operator import itemgetter

from merkle_por.amounts import EXACT, ZERO, add, grouped
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
from merkle_por.reserves.lists.summary import Sums, asset_gaps, check_lines
from merkle_por.reserves.variants import Variant
from merkle_por.scheme import Where

SUMMARY_HEADERS = ("coin,snapshotheight,amount", "coin,amount")
KEPT_CASE = "Vaulta"
"""The one tag that the official table writes in mixed case."""

_SIGNED = ("message", "signature1", "signature2", "script")
_2022 = ("coin", "address", "amount", *_SIGNED)
_2023 = ("coin", "network", "height", "address", "amount", *_SIGNED)
_2024 = (*_2023, "eoa1", "eoa2")
_2026 = ("coin", "type", *_2024[1:])
HEADERS = {len(names): names for names in (_2022, _2023, _2024, _2026)}
LEAST = {7: 7, 9: 9, 11: 9, 12: 10}
"""Cells that a row must have at least; empty ones at its end may be missing."""
KEPT_TAGS = 10_000
"""Tags (each with a type of staking) whose meaning is kept while a list is read."""
_SPELLINGS = {
    "snapshotheight": "height",
    "balance": "amount",
    "redeemscript/publickey": "script",
    "redeem_script": "script",
    "redeemscript": "script",
}


def detail_header(line: str) -> tuple[str, ...] | None:
    """The columns of a header of rows, None if the line is not one."""
    names = tuple(_SPELLINGS.get(name, name) for name in squeezed(line).split(","))
    return names if HEADERS.get(len(names)) == names else None


def recognises(document: Document) -> bool:
    line = document.first_line
    return squeezed(line) in SUMMARY_HEADERS or detail_header(line) is not None


def _tag(text: str, line: int, reading: Reading) -> str:
    name = reading.name(text, line)
    return name if name == KEPT_CASE else name.upper()


def _summary_line(cells: list[str], line: int, reading: Reading) -> SummaryLine:
    name = reading.name(cells[0].strip(), line)
    group = name.upper().endswith("(ALL)")
    height = cells[1].strip() if len(cells) == 3 else "-"
    amount = reading.amount(cells[-1].strip(), line)
    return SummaryLine(
        coin=name.upper() if group else _tag(name, line, reading),
        amount=ZERO if amount is None else amount,
        line=line,
        height=None if height == "-" else reading.height(height, line),
        group=group,
    )


def _summary(reading: Reading, lines: Iterator[tuple[int, str]]) -> tuple[int, str]:
    """Reads the summary where there is one; answers the header of the rows."""
    number, first = next(lines)
    if detail_header(first) is not None:
        return number, first
    header = squeezed(first)
    if header not in SUMMARY_HEADERS:
        raise Malformed("bad-row", "not the header of such a list", where=f"line {number}")
    width = header.count(",") + 1
    seen: set[str] = set()
    for number, text in lines:
        if not text.strip():
            break
        if detail_header(text) is not None:
            raise Malformed(
                "no-detail-section",
                "no empty line between the summary and the rows",
                where=f"line {number}",
            )
        cells = plain_cells(text, number)
        if len(cells) != width:
            raise column_count(number, len(cells), str(width))
        line = _summary_line(cells, number, reading)
        if line.coin in seen:
            raise Malformed(
                "bad-row", f"{line.coin} stands twice in the summary", where=f"line {number}"
            )
        if len(seen) >= reading.document.limits.assets:
            raise Malformed("too-big", "a summary of too many lines", where=f"line {number}")
        seen.add(line.coin)
        reading.summary.append(line)
    for number, text in lines:
        if text.strip():
            return number, text
    raise Malformed("no-detail-section", "the list ends before its rows")


def _base_units(tag: str, text: str, line: int, reading: Reading) -> Decimal | None:
    """An amount of the 2022 layout, in the coin's smallest unit, to whole coins."""
    amount = reading.amount(text, line)
    if "." in text:
        raise Malformed(
            "bad-amount", "the 2022 layout counts in whole base units", where=f"line {line}"
        )
    entry = variants.okx_coin(tag)
    if entry is None or entry.decimals is None:
        reading.unjudged("unknown-coin", f"{tag}: the size of its unit is not known", line)
        return None
    return None if amount is None else amount.scaleb(-entry.decimals, EXACT)


def _columns(names: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """From a row's cells, and an empty one behind the last, to those of the widest layout: empty
    where the list has no such column."""
    return itemgetter(*(names.index(name) if name in names else len(names) for name in _2026))


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list; the summary is compared after the last."""
    reading.dialect = "okx"
    lines = reading.lines()
    number, header = _summary(reading, lines)
    names = detail_header(header)
    if names is None:
        raise Malformed("no-detail-section", "no header of rows", where=f"line {number}")
    width, columns = len(names), _columns(names)
    missing = [""] * (width + 1)
    old = width == len(_2022)
    heights = {line.coin: line.height for line in reading.summary}
    sums = Sums(reading.document.limits.assets)
    per_asset: dict[str, tuple[Decimal, int]] = {}
    meanings: dict[tuple[str, str], tuple[str, str | None, Variant]] = {}
    height: int | None = None
    read_height, last_message = "", ""
    for number, text in lines:
        if not text:
            continue
        cells = plain_cells(text, number)
        if not LEAST[width] <= len(cells) <= width:
            raise column_count(number, len(cells), f"{LEAST[width]} to {width}")
        coin, typed, network, at, address, units, message, *rest = columns(
            cells + missing[len(cells) :]
        )
        signature1, signature2, script, eoa1, eoa2 = map(present, rest)
        meaning = meanings.get((coin, typed))
        if meaning is None:
            tag, type = _tag(coin, number, reading), present(typed)
            meaning = tag, type, variants.okx(tag, type)
            if len(meanings) < KEPT_TAGS:
                meanings[coin, typed] = meaning
        tag, type, variant = meaning
        if old:
            amount = _base_units(tag, units, number, reading)
            height = heights.get(tag)
        else:
            amount = reading.amount(units, number)
            if at != read_height or height is None:
                read_height, height = at, reading.height(at, number)
        if message == last_message:
            message = last_message  # one text for all rows, also on its way between processes
        last_message = message
        if not variant.known:
            reading.unjudged("unknown-coin", f"{tag} is not in the table of OKX's coins", number)
        sums.add(tag, amount)
        total, rows = per_asset.get(variant.asset, (ZERO, 0))
        per_asset[variant.asset] = (total if amount is None else add(total, amount), rows + 1)
        yield Row(
            tag,
            variant.asset,
            (reading.address(address, number),),
            amount,
            number,
            variant.kind,
            present(network),
            type,
            height,
            None,  # no custodian
            message,
            signature1,
            signature2,
            script,
            eoa1,
            eoa2,
        )
    if not sums.rows:
        raise Malformed("no-rows", "the list holds no rows")
    check_lines(reading, sums)
    for group, found in asset_gaps(reading.summary, per_asset):
        reading.warn(
            "group-mismatch",
            f"{group.coin}: {grouped(group.amount)} are stated, the rows hold {grouped(found)}",
        )


LAYOUT = Layout(
    id="okx-por-csv",
    aliases=("okx-reserves-csv",),
    exchange="okx",
    exchange_name="OKX",
    title="Reserve addresses with signatures",
    used="2022-11 to now, monthly",
    file_name="okx_por_YYYYMMDDHH_vN.csv",
    where=Where(
        file="okx.com/proof-of-reserves/download, tab Reserves: a zip with one csv",
        root="no root: the addresses' balances are on their chains",
        certain="official programs and their samples were run",
    ),
    recognises=recognises,
    members=("coin", "network", "snapshotheight", "address", "amount", *_SIGNED[:-1]),
    read=read,
    signed=True,
)
