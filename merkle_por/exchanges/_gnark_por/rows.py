"""proof.csv as a stream: columns, one row's fields, and where each batch's row begins.

Rules: spec binance-zk ("Auditor files"), htx-zk (its own column names). Rows may stand in any
order; the numbers are 0..n-1, each once. The file is read twice: first only the numbers are kept
(eight bytes a row), then tasks read their rows by place. A row is one line: none of the fields can
hold a line break.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from merkle_por.documents import LIMITS, Document, Limits, decode, parse_json
from merkle_por.errors import Malformed
from merkle_por.exchanges._gnark_por.family import MAX_ACCOUNTS, MAX_SLOTS
from merkle_por.exchanges._zk import bytes_of_base64, element_of_base64

MAX_BATCHES = 1 << 22
"""2^28 accounts in the smallest known batches (92 users) are 2.9 million."""
PLAIN = {
    "batch_number": "batch_number",
    "proof_info": "proof_info",
    "cex_asset_list_commitments": "cex_asset_list_commitments",
    "account_tree_roots": "account_tree_roots",
    "batch_commitment": "batch_commitment",
}
TIERED = {**PLAIN, "assets_count": "assets_count"}
RANGED = {
    **TIERED,
    "min_account_index": "min_account_index",
    "max_account_index": "max_account_index",
}
CAMEL = {
    "BatchNumber": "batch_number",
    "ProofInfo": "proof_info",
    "CexAssetListCommitments": "cex_asset_list_commitments",
    "AccountTreeRoots": "account_tree_roots",
    "BatchCommitment": "batch_commitment",
}
DATABASE = frozenset(("id", "created_at", "updated_at", "deleted_at"))
"""Columns that exports from the exchange's database have besides; nothing is read from them."""


_BOM = b"\xef\xbb\xbf"
_BLANK = (b"\n", b"\r\n")
"""Lines without anything, which the official programs' reader passes over too."""
_SPECIAL = frozenset('"\\')


@dataclass(frozen=True)
class Columns:
    """What each cell of a row is, in order; "" for one that is not read. camel: HTX's names."""

    names: tuple[str, ...]
    camel: bool = False

    @property
    def tiered(self) -> bool:
        return "assets_count" in self.names

    @property
    def ranged(self) -> bool:
        return "min_account_index" in self.names


@dataclass(frozen=True)
class Link:
    """What a batch states: account tree root and exchange commitment before and after it. Where
    all batches share one final root (v3), both roots are that one. low, high: account indexes."""

    root_before: int
    root_after: int
    assets_before: int
    assets_after: int
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class Row:
    """One batch. tier: assets_count, None where there is one key. proof: gnark's bytes."""

    number: int
    link: Link
    commitment: int
    tier: int | None
    proof: bytes


def columns_of(header: str) -> Columns | None:
    """The columns that a header line names, None where they are not those of this family."""
    try:
        cells = next(csv.reader([header], strict=True), [])
    except csv.Error:
        return None
    if len(set(cells)) != len(cells):
        return None
    present = set(cells) - DATABASE
    for known in (PLAIN, TIERED, RANGED, CAMEL):
        if present == set(known):
            return Columns(tuple(known.get(cell, "") for cell in cells), known is CAMEL)
    return None


def near(header: str) -> bool:
    """Whether a header line has some, not all, of the columns, so that it can be said."""
    return "proof_info" in header or "ProofInfo" in header


def _line(stream: BinaryIO, limits: Limits, where: str) -> bytes:
    line = stream.readline(limits.row_chars + 1)
    if len(line) > limits.row_chars:
        raise Malformed("too-big", f"longer than {limits.row_chars} characters", where=where)
    return line


def _cells(line: bytes, where: str) -> list[str]:
    text = decode(line.removesuffix(b"\n").removesuffix(b"\r"))
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise Malformed("bad-row", f"not a row of a CSV file: {error}", where=where) from None
    if len(rows) != 1 or "\r" in text or "\n" in text:
        raise Malformed("bad-row", "not one row of a CSV file", where=where)
    return rows[0]


def _named(line: bytes, columns: Columns, where: str) -> dict[str, str]:
    cells = _cells(line, where)
    if len(cells) != len(columns.names):
        text = f"{len(cells)} cells, the header has {len(columns.names)}"
        raise Malformed("column-count", text, where=where)
    return {name: cell for name, cell in zip(columns.names, cells, strict=True) if name}


def _integer(cells: dict[str, str], name: str, high: int, where: str) -> int:
    text = cells[name]
    plain = text.isascii() and text.isdigit() and len(text) <= 20
    if not plain or str(int(text)) != text or int(text) > high:
        raise Malformed("bad-number", f"{name} is not a number of its range", where=where)
    return int(text)


@dataclass(frozen=True)
class Index:
    """places: for batch 0, 1, 2... where its row begins. tiers: the values of assets_count."""

    columns: Columns
    places: Sequence[int]
    tiers: frozenset[int | None]


def index(document: Document, progress: Callable[[int], None]) -> Index:
    """Where the rows are, and what they are.

    Raises Malformed: bad-keys, no-rows, bad-row, column-count, bad-number, index-order, too-big.
    """
    with document.open() as stream:
        header = _line(stream, document.limits, "line 1")
        at = len(header)
        if header.startswith(_BOM):
            raise Malformed("bad-keys", "a byte order mark before the columns", where="line 1")
        columns = columns_of(decode(header).rstrip("\r\n"))
        if columns is None:
            raise Malformed("bad-keys", "not the columns of a proof table", where="line 1")
        numbers, places = array("L"), array("Q")
        tiers: set[int | None] = set()
        last = 1
        while line := _line(stream, document.limits, f"line {last + 1}"):
            last += 1
            where = f"line {last}"
            if line in _BLANK:
                at += len(line)
                continue
            if len(numbers) >= MAX_BATCHES:
                raise Malformed("too-big", f"more than {MAX_BATCHES} batches", where=where)
            cells = _named(line, columns, where)
            numbers.append(_integer(cells, "batch_number", MAX_BATCHES, where))
            places.append(at)
            tiers.add(_integer(cells, "assets_count", MAX_SLOTS, where) if columns.tiered else None)
            at += len(line)
            if len(numbers) % 10_000 == 0:
                progress(len(numbers))
    if not numbers:
        raise Malformed("no-rows", "the table holds no batch")
    ordered = array("Q", bytes(8 * len(numbers)))
    for number, place in zip(numbers, places, strict=True):
        # No row begins at 0, where the header is: 0 says that the number is still free.
        if number >= len(numbers) or ordered[number]:
            text = f"batches must be numbered 0 to {len(numbers) - 1}, each once"
            raise Malformed("index-order", text, where=f"batch {number}")
        ordered[number] = place
    return Index(columns, ordered, frozenset(tiers))


def at_places(
    stream: BinaryIO, places: Sequence[int], columns: Columns, first: int, limits: Limits = LIMITS
) -> Iterator[Row]:
    """The rows of batches first, first + 1, ... at those places. Raises Malformed."""
    for number, place in enumerate(places, first):
        where = f"batch {number}"
        stream.seek(place)
        yield _row(_named(_line(stream, limits, where), columns, where), columns, number)


def _elements(text: str, count: int, where: str) -> list[int]:
    # What the programs write, ["A","B"], is split; anything else goes through the JSON reader.
    value: Any = text[2:-2].split('","')
    if f"""["{'","'.join(value)}"]""" != text or any(set(item) & _SPECIAL for item in value):
        value = parse_json(text.encode())
    if not isinstance(value, list) or len(value) != count:
        raise Malformed("bad-row", f"not a list of {count} hashes", where=where)
    return [element_of_base64(item, where) for item in value]


def _row(cells: dict[str, str], columns: Columns, number: int) -> Row:
    where = f"batch {number}"
    if _integer(cells, "batch_number", MAX_BATCHES, where) != number:
        raise Malformed("index-order", "the file changed while it was read", where=where)
    roots = _elements(
        cells["account_tree_roots"], 1 if columns.ranged else 2, f"{where}, account_tree_roots"
    )
    assets = _elements(
        cells["cex_asset_list_commitments"], 2, f"{where}, cex_asset_list_commitments"
    )
    low = high = None
    if columns.ranged:
        low, high = (
            _integer(cells, name, MAX_ACCOUNTS - 1, where)
            for name in ("min_account_index", "max_account_index")
        )
    return Row(
        number,
        Link(roots[0], roots[-1], assets[0], assets[1], low, high),
        element_of_base64(cells["batch_commitment"], f"{where}, batch_commitment"),
        _integer(cells, "assets_count", MAX_SLOTS, where) if columns.tiered else None,
        bytes_of_base64(cells["proof_info"], f"{where}, proof_info"),
    )
