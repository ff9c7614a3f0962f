"""What is learned while a list is read: strict lines, cells, amounts, and what was found wrong.

A layout's reader is a generator of rows over one `Reading`. Structure that is not the layout's
raises Malformed and ends it; what is well formed but wrong (a negative amount) is noted by `fail`
and reading goes on, so that a report names everything. Memory stays constant: of each class of
failure a bounded number is kept, the rest is counted.

Source: specs/reserve-files.md, "Common strict rules".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from merkle_por.documents import Document
from merkle_por.errors import Invalid, Malformed
from merkle_por.verdict import About, Caution, Check, CheckStatus

AMOUNT_CHARS = 60
"""Longest amount (specs/reserve-files.md)."""
HEIGHT_DIGITS = 15
HEIGHT_MOST = 10**HEIGHT_DIGITS - 1
"""Far above any chain, and still a number that every reader of JSON takes."""
"""Longest block height; 64-bit integers have no more."""
NAME_CHARS = 100
"""Longest name of a coin, network or custodian."""
KEPT = 20
"""Failures of one class that are kept with their places."""
ABSENT = frozenset({"", "-", "null", "\\N"})

_AMOUNT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_BOM = b"\xef\xbb\xbf"
_OPEN, _CLOSE = "[{", "]}"
_MARKS = '"[{]}'


@dataclass
class Reading:
    """One list being read.

    dialect: name of the way its rows are signed (reserves.ownership), None where they are not.
    facts: what the file says about itself (exchange, source, time, chain...).
    """

    document: Document
    dialect: str | None = None
    checks: list[Check] = field(default_factory=list)
    warnings: list[Caution] = field(default_factory=list)
    summary: list[SummaryLine] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    given: dict[str, object] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def fail(self, reason: str, text: str, line: int | None = None, **values: str) -> None:
        """Notes something that is wrong with a well-formed file and goes on."""
        Invalid(reason, text)  # the reason must be documented
        where = None if line is None else f"line {line}"
        self._note(Check(reason, About.LIST, CheckStatus.FAIL, text, where, **values))

    def unjudged(self, reason: str, text: str, line: int | None = None) -> None:
        """Notes something that can't be judged: the list is `incomplete` at best."""
        Invalid(reason, text)
        where = None if line is None else f"line {line}"
        self._note(Check(reason, About.LIST, CheckStatus.NOT_CHECKED, text, where))

    def passed(self, id: str, text: str) -> None:
        self.checks.append(Check(id, About.LIST, CheckStatus.PASS, text))

    def warn(self, id: str, text: str) -> None:
        """Notes something that the reader should know; of each class a bounded number is kept."""
        same = [known.text for known in self.warnings if known.id == id]
        if len(same) < KEPT and text not in same:
            self.warnings.append(Caution(id, text))

    def _note(self, check: Check) -> None:
        seen = self.counts.get(check.id, 0) + 1
        self.counts[check.id] = seen
        if seen <= KEPT:
            self.checks.append(check)

    # -- text ---------------------------------------------------------------------------------

    def lines(self) -> Iterator[tuple[int, str]]:
        """Every line with its number, without its end; a leading byte order mark is dropped.

        Raises Malformed: empty-file, bad-utf8, bad-row (NUL, a carriage return inside), too-big.
        """
        document, limit = self.document, self.document.limits.row_chars
        if document.path is None and document.size > document.limits.proof_bytes:
            # Standard input is read up to that limit: what follows would be missing silently.
            raise Malformed("too-big", "too big to be read from standard input", "name the file")
        number = 0
        with document.open() as stream:
            while raw := stream.readline(limit + 2):
                number += 1
                if number == 1:
                    raw = raw.removeprefix(_BOM)
                line = raw.rstrip(b"\n").removesuffix(b"\r")
                if len(line) > limit:
                    raise Malformed(
                        "too-big", f"a line longer than {limit} bytes", where=f"line {number}"
                    )
                if b"\0" in line or b"\r" in line:
                    raise Malformed(
                        "bad-row", "a character that no list has", where=f"line {number}"
                    )
                try:
                    yield number, line.decode()
                except UnicodeDecodeError:
                    raise Malformed("bad-utf8", "not UTF-8", where=f"line {number}") from None
        if not number:
            raise Malformed("empty-file", "there is nothing in the file")

    # -- cells --------------------------------------------------------------------------------

    def amount(self, text: str, line: int) -> Decimal | None:
        """An amount in whole coins; None (and a failure) where it is negative.

        Raises Malformed bad-amount.
        """
        if len(text) > AMOUNT_CHARS or _AMOUNT.fullmatch(text) is None:
            raise Malformed(
                "bad-amount", f'"{text[:40]}" is not a plain decimal amount', where=f"line {line}"
            )
        if text[0] == "-":
            self.fail("negative-balance", f"{text} is less than nothing", line)
            return None
        return Decimal(text)

    def height(self, text: str, line: int) -> int:
        """A block height. Raises Malformed bad-height."""
        if not (text.isascii() and text.isdigit() and len(text) <= HEIGHT_DIGITS):
            raise Malformed(
                "bad-height", f'"{text[:40]}" is not a block height', where=f"line {line}"
            )
        return int(text)

    def name(self, text: str, line: int, what: str = "coin") -> str:
        """The name of a coin, network or address: present and not too long. Raises Malformed."""
        if not text or text != text.strip() or len(text) > NAME_CHARS or not text.isprintable():
            raise Malformed(
                "bad-row", f'"{text[:40]}" is not the name of a {what}', where=f"line {line}"
            )
        return text

    def address(self, text: str, line: int) -> str:
        """An address as text: present, without blanks. Raises Malformed bad-row."""
        if not text or len(text) > 4 * NAME_CHARS or not text.isprintable() or " " in text:
            raise Malformed("bad-row", f'"{text[:40]}" is not an address', where=f"line {line}")
        return text


@dataclass(frozen=True)
class SummaryLine:
    """One line of a list's summary. group: a line that sums up others, like BTC(ALL).

    amount: as printed; its number of decimals says how far it was rounded.
    """

    coin: str
    amount: Decimal
    line: int
    height: int | None = None
    group: bool = False


def present(text: str) -> str | None:
    """A cell, None for each spelling of nothing."""
    return None if text in ABSENT else text


def squeezed(line: str) -> str:
    """A header for comparison: lower case, without blanks and quotes."""
    return "".join(line.split()).replace('"', "").lower()


def plain_cells(line: str, number: int) -> list[str]:
    """Cells between commas; commas inside [...] or {...} belong to their cell, and one pair of
    quotes around a cell is dropped (the layout of OKX's and HTX's files).

    Raises Malformed bad-row where brackets don't close or a quote stands alone.
    """
    for mark in _MARKS:
        if mark in line:
            return _marked_cells(line, number)
    return line.split(",")


def _marked_cells(line: str, number: int) -> list[str]:
    cells: list[str] = []
    start = depth = 0
    for place, character in enumerate(line):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth < 0:
                break
        elif character == "," and not depth:
            cells.append(line[start:place])
            start = place + 1
    if depth:
        raise Malformed("bad-row", "brackets that don't close", where=f"line {number}")
    cells.append(line[start:])
    return [_unquoted(cell, number) for cell in cells]


def _unquoted(cell: str, number: int) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return cell[1:-1]
    if cell[:1] == '"' or cell[-1:] == '"':
        raise Malformed("bad-row", "a quote that doesn't close", where=f"line {number}")
    return cell


def quoted_cells(line: str, number: int) -> list[str]:
    """Cells of one line of CSV after RFC 4180 (no line ends inside cells).

    Raises Malformed bad-row.
    """
    if '"' not in line:
        return line.split(",")
    try:
        rows = list(csv.reader([line], strict=True))
    except csv.Error:
        raise Malformed("bad-row", "quotes that don't close", where=f"line {number}") from None
    return rows[0] if rows else []


def column_count(number: int, found: int, wanted: str) -> Malformed:
    return Malformed("column-count", f"{found} cells, not {wanted}", where=f"line {number}")
