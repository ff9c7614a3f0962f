"""Deribit's daily file of all clients' pieces, by a column mapping of the user's own.

The file's layout is not public to us (specs deribit, public-text-notes), so nothing is recognised
and nothing guessed: the user says which column is what. Then the part that needs no secret is
checked: pieces added up per asset, none negative, no identifier twice, one's own pieces found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.amounts import ZERO, add, amount
from merkle_por.documents import LIMITS, Document
from merkle_por.errors import Incomplete, Malformed, UsageError
from merkle_por.ledger.flat_rows import Entry, Rows, read_rows
from merkle_por.ledger.source import Opened, find_lines, opened
from merkle_por.scheme import (
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Kind,
    Scheme,
    Where,
)
from merkle_por.verdict import About, Account, Scope, Totals

HEADER_BYTES = 1 << 20
ROW_BYTES = 8_000
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "\t": "\t", "|": "|"}
MOST_IDS = 100_000


@dataclass(frozen=True)
class Mapped:
    """Numbers of the columns that a row has, and what stands in them.

    asset: number of the asset's column, or the one asset of the whole file.
    """

    columns: int
    delimiter: str
    id: int
    asset: int | str
    amount: int
    leaf_bytes: int = 0

    def entry(self, line: str) -> Entry:
        cells = [cell.strip() for cell in line.split(self.delimiter)]
        if len(cells) != self.columns:
            raise Malformed("column-count", f"{len(cells)} cells under {self.columns} columns")
        if '"' in line:
            raise Malformed("bad-row", "a quote: cells are read as they stand")
        asset = cells[self.asset] if isinstance(self.asset, int) else self.asset
        if not cells[self.id] or not asset:
            raise Malformed("bad-row", "no identifier, or no asset")
        return Entry(cells[self.id], ((asset, amount(cells[self.amount], "amount")),))


def mapping(value: Mapping[str, Any], names: list[str], delimiter: str) -> Mapped:
    """The user's mapping {"id": column, "asset": column or "=BTC", "amount": column} on a header.

    Raises UsageError.
    """
    if set(value) != {"id", "asset", "amount"} or not all(
        isinstance(item, str) for item in value.values()
    ):
        raise UsageError(
            "columns has the members id, asset, amount, each the name of a column",
            'one asset for the whole file: "asset": "=BTC"',
        )

    def number(name: str) -> int:
        if names.count(name) != 1:
            raise UsageError(f'columns: the file has no single column "{name[:40]}"')
        return names.index(name)

    asset = value["asset"]
    return Mapped(
        len(names),
        delimiter,
        number(value["id"]),
        asset[1:] if asset.startswith("=") and len(asset) > 1 else number(asset),
        number(value["amount"]),
    )


def _header(ledger: Opened, delimiter: str) -> tuple[bytes, list[str]]:
    if ledger.size == 0:
        raise Malformed("empty-file", "there is nothing in the file")
    head = ledger.place.read(0, min(HEADER_BYTES, ledger.size))
    line = head[: head.find(b"\n") + 1] or head
    try:
        text = line.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Malformed("bad-utf8", "the header is not UTF-8", where="line 1") from None
    names = [name.strip() for name in text.rstrip("\r\n").split(delimiter)]
    if len(names) > LIMITS.assets:
        raise Malformed("too-big", f"{len(names)} columns", where="line 1")
    return line, names


def _own_ids(given: Given) -> list[str]:
    document = given.file("own_ids")
    if document is None:
        return []
    ids = [line.strip() for line in document.text_without_bom.splitlines() if line.strip()]
    if not 0 < len(set(ids)) <= MOST_IDS or len(set(ids)) != len(ids):
        raise UsageError(f"own_ids: 1 to {MOST_IDS} identifiers, a line each, none twice")
    return ids


def _judge(document: Document, given: Given, findings: Findings) -> None:
    wanted = given.object("columns")
    if wanted is None:
        raise Incomplete(
            "fact-not-given",
            "the layout of this file is not public: say which column is what",
            """--given 'columns={"id":"NAME","asset":"NAME","amount":"NAME"}'""",
        )
    delimiter = DELIMITERS.get(given.text("delimiter") or ",")
    if delimiter is None:
        raise UsageError("delimiter is one of , ; | tab")
    ids = _own_ids(given)
    findings.claims_inclusion = bool(ids)
    execution = given.execution
    with opened(document, document.limits, shared=execution.shared) as ledger:
        header, names = _header(ledger, delimiter)
        layout = mapping(wanted, names, delimiter)
        lines = find_lines(ledger, header, longest=ROW_BYTES, lead=0, progress=execution.progress)
        if not lines.rows:
            raise Malformed("empty-file", "there is no row below the header")
        rows = read_rows(ledger.place, lines, layout, execution)
        repeated = list(rows.repeated())
        own = [rows.of(owner) for owner in ids]
        ledger.check_unchanged()
    _report(rows, repeated, findings)
    if ids:
        _find(own, findings)
    findings.unconfirmed(
        "root-not-given",
        "the file has no root that is known: compare its sha256 with another customer's copy",
        about=About.ROOT,
    )


def _report(rows: Rows, repeated: list[tuple[int, int]], findings: Findings) -> None:
    findings.about(About.TOTALS)
    findings.published = rows.sums
    findings.details["counts"] = {"leaves": rows.lines.rows, "duplicates": len(repeated)}
    findings.scope = Scope(
        leaf="given", own_balance="stated", totals="stated", others_non_negative="shown"
    )
    findings.warn(
        "template-not-confirmed",
        "the columns were named by you; how identifiers are made from a Proof ID is not public",
    )
    for negative in rows.negatives:
        line = negative.row + 2
        text = f"{negative.asset} {negative.amount:,f}"
        findings.violation("negative-balance", text, f"line {line}", line=line)
    unlisted = rows.counts["negative-balance"] - len(rows.negatives)
    if unlisted > 0:
        findings.violation("negative-balance", "an amount is below zero", "rows below", unlisted)
    for row, first in repeated:
        text = f"the identifier of line {first + 2} again"
        findings.violation("duplicate-leaf", text, f"line {row + 2}", line=row + 2)
    if not findings.violations:
        text = f"{rows.lines.rows:,} pieces added up, none negative, no identifier twice"
        findings.passed("rows", text, about=About.TOTALS)


def _find(own: list[list[tuple[int, Entry]]], findings: Findings) -> None:
    missing = sum(not found for found in own)
    findings.check(
        not missing,
        "leaf-not-found",
        f"all {len(own)} of your pieces are in the file",
        f"{missing} of your {len(own)} pieces are not in the file",
        about=About.INCLUDED,
    )
    balances: dict[str, Decimal] = {}
    for found in own:
        for asset, value in found[0][1].amounts:
            balances[asset] = add(balances.get(asset, ZERO), value)
    findings.account = Account(None, balances)
    findings.compare("balances", "your statement at the snapshot")


SCHEME = Scheme(
    id="deribit",
    exchange="deribit",
    exchange_name="Deribit",
    title="Daily file of all clients' pieces, by your own column mapping (layout not public to us)",
    used="2022-12 to now",
    file_name="(not known)",
    kind=Kind.LEDGER,
    streams=True,
    recognises=lambda document: False,
    judge=_judge,
    facts={
        "columns": Fact(
            FactKind.VALUE,
            'which column is what: {"id": NAME, "asset": NAME or "=BTC", "amount": NAME}',
        ),
        "delimiter": Fact(FactKind.TEXT, "what stands between two cells: , (default) ; | or tab"),
        "own_ids": Fact(FactKind.FILE, "the identifiers of your own pieces, one a line"),
    },
    assurance=Assurance(
        included="with your identifiers given: each has a row, and what they hold together",
        totals="pieces are added up per asset, none is negative, no identifier stands twice",
        cannot=(
            "That the identifiers are yours: how they come from your Proof ID is not public.",
            "Who was left out altogether.",
        ),
        totals_claim=Totals.BOUND,
    ),
    where=Where(
        file="deribit.com, insights page on proof of reserves: a public file every day",
        root="no root is known; another customer's copy of the same day's file",
        certain="read through a search index only; no sample was seen. Send one",
    ),
)
