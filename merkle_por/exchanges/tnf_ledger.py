"""The auditor's ledger of Armanino / The Network Firm (spec leaf-list-armanino, "Ledger").

`#ID,ASSET,ASSET...` and a row for each account; from it the leaves (cut to 64 bits), the root and
the totals are made again. The official program takes negative rows and a second row for one
account, and reads the last line that begins with # as the header, wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from merkle_por.amounts import amount
from merkle_por.documents import LIMITS, Document
from merkle_por.errors import Incomplete, Malformed, UsageError
from merkle_por.exchanges.leaf_list import (
    DIALECTS,
    LEAF_BITS,
    LEAF_BYTES,
    LEAF_DIGITS,
    layers,
    list_root,
)
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
from merkle_por.unpacking import plain_head
from merkle_por.verdict import About, Account, Scope, Totals

HEADER_BYTES = 1 << 20
ID_BYTES = 4_000


@dataclass(frozen=True)
class Columns:
    """The header: names of all columns behind the id's, None for those that are no asset.

    dialect: how a leaf is written.
    """

    assets: tuple[str | None, ...]
    dialect: str
    leaf_bytes: int = LEAF_BYTES

    def entry(self, line: str) -> Entry:
        if not line.strip():
            raise Malformed("bad-row", "the line is empty")
        if line.startswith("#"):
            raise Malformed("bad-row", "a second header")
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(self.assets) + 1:
            raise Malformed(
                "column-count", f"{len(cells)} cells under {len(self.assets) + 1} columns"
            )
        if not cells[0]:
            raise Malformed("bad-row", "there is no id")
        pairs = [
            (asset, text)
            for asset, text in zip(self.assets, cells[1:], strict=True)
            if asset is not None
        ]
        amounts = tuple((asset, amount(text, asset[:20])) for asset, text in pairs)
        return Entry(cells[0], amounts, DIALECTS[self.dialect].preimage(cells[0], pairs))


def _header(ledger: Opened) -> tuple[bytes, list[str]]:
    """The first line with its end, and its cells. Raises Malformed."""
    if ledger.size == 0:
        raise Malformed("empty-file", "there is nothing in the file")
    head = ledger.place.read(0, min(HEADER_BYTES, ledger.size))
    line = head[: head.find(b"\n") + 1] or head
    try:
        cells = [cell.strip() for cell in line.decode("utf-8").rstrip("\r\n").split(",")]
    except UnicodeDecodeError:
        raise Malformed("bad-utf8", "the header is not UTF-8", where="line 1") from None
    if not line.startswith(b"#"):
        raise Malformed("no-header", "the first line does not begin with #", where="line 1")
    return line, cells


def columns_of(cells: list[str], dialect: str) -> Columns:
    """Raises Malformed no-header, duplicate-asset, too-big."""
    if len(cells) < 2 or any(not cell for cell in cells):
        raise Malformed("no-header", "the header does not name every column", where="line 1")
    if len(cells) > LIMITS.assets:
        raise Malformed("too-big", f"{len(cells)} columns", where="line 1")
    assets = [None if cell.startswith("#") else cell for cell in cells[1:]]
    named = [asset for asset in assets if asset is not None]
    if not named:
        raise Malformed("no-header", "the header names no asset", where="line 1")
    if len(set(named)) != len(named):
        raise Malformed("duplicate-asset", "an asset has two columns", where="line 1")
    return Columns(tuple(assets), dialect)


def _dialect(given: Given) -> str:
    name = given.text("scheme")
    if name is None:
        raise Incomplete(
            "fact-not-given",
            "which of the leaf dialects it is was not said",
            "--given scheme=concat (or split, gate2020, bitso)",
        )
    if name not in DIALECTS:
        raise UsageError(f"scheme is one of {', '.join(DIALECTS)}")
    return name


def _judge(document: Document, given: Given, findings: Findings) -> None:
    dialect = _dialect(given)
    findings.version = dialect
    execution = given.execution
    owner = given.text("account")
    findings.claims_inclusion = owner is not None
    with opened(document, document.limits, shared=execution.shared) as ledger:
        header, cells = _header(ledger)
        columns = columns_of(cells, dialect)
        longest = ID_BYTES + len(cells) * (LIMITS.number_chars + 3)
        lines = find_lines(ledger, header, longest=longest, lead=0, progress=execution.progress)
        if not lines.rows:
            raise Malformed("empty-file", "there is no row below the header")
        rows = read_rows(ledger.place, lines, columns, execution)
        repeated = list(rows.repeated())
        own = rows.of(owner) if owner is not None else []
        ledger.check_unchanged()
    _report(rows, repeated, findings)
    if owner is not None:
        findings.check(
            bool(own),
            "leaf-not-found",
            "your row is in the ledger",
            "no row has your id",
            about=About.INCLUDED,
        )
        findings.account = Account(owner, dict(own[0][1].amounts))
        findings.compare("balances", "your statement at the snapshot")
    findings.published_root(list_root(bytes(rows.leaves)).hex(), given)


def _report(rows: Rows, repeated: list[tuple[int, int]], findings: Findings) -> None:
    caution = DIALECTS[findings.version or ""].caution
    findings.totals_claim = Totals.BOUND if caution else Totals.HOLDS
    findings.about(About.TOTALS)
    if caution:
        findings.warn("leaf-not-unique", caution)
    findings.warn(
        "truncated-hash",
        "leaf hashes are cut to 64 bits: whoever makes the ledger can prepare two rows with one "
        "leaf at the cost of about 2^32 hashes",
    )
    listed = [(n.row, "negative-balance", f"{n.asset} {n.amount:,f}") for n in rows.negatives]
    listed += [
        (row, "duplicate-user", f"the account of line {first + 2} again") for row, first in repeated
    ]
    for row, reason, text in sorted(listed):
        findings.violation(reason, text, f"line {row + 2}", line=row + 2)
    unlisted = rows.counts["negative-balance"] - len(rows.negatives)
    if unlisted > 0:
        findings.violation("negative-balance", "an amount is below zero", "rows below", unlisted)
    count = rows.lines.rows
    findings.published = rows.sums
    findings.details["counts"] = {
        "leaves": count,
        "duplicates": len(repeated),
        "height": layers(count),
    }
    findings.scope = Scope(
        own_balance="bound" if findings.claims_inclusion else "not-bound",
        others_non_negative="shown",
        hash_bits=LEAF_BITS,
    )
    if not findings.violations:
        findings.passed(
            "rows", f"{count:,} rows added up, none negative, no account twice", about=About.TOTALS
        )


def _recognises(document: Document) -> bool:
    head = plain_head(document)
    if not head.startswith(b"#"):
        return False
    first, _, rest = head.partition(b"\n")
    second = rest.partition(b"\n")[0]
    commas = first.count(b",")
    return commas > 0 and b"\t" not in first and second.count(b",") == commas and second[:1] != b"#"


SCHEME = Scheme(
    id="tnf-ledger",
    exchange="tnf",
    also=("gate", "kraken"),
    exchange_name="the exchange",
    title="Auditor's ledger: leaves, root and totals made again (Armanino, The Network Firm)",
    used="2020 to 2022, historical",
    file_name="ledger.csv",
    kind=Kind.LEDGER,
    streams=True,
    recognises=_recognises,
    judge=_judge,
    facts={
        "root": Fact(FactKind.HASH, "the Merkle root in the auditor's report", (64, LEAF_DIGITS)),
        "scheme": Fact(FactKind.TEXT, f"how leaves are written: {', '.join(DIALECTS)}"),
        "account": Fact(FactKind.TEXT, "your id as it stands in the ledger"),
    },
    assurance=Assurance(
        included="with your id given: your row is in the ledger that has the root",
        totals="every row is added up, none is negative, no account stands twice",
        cannot=(
            "Who was left out altogether, and whether rows are invented.",
            "Totals are not in the tree: they hang on leaves of 64 bits.",
        ),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file="the auditor's input, not public; the exchange makes it",
        root="the auditor's report (output_merkle_root.txt)",
        certain="the official program was run on example and made ledgers",
    ),
)
