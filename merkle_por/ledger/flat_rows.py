"""Ledgers without a tree in them: one row an account or a piece of one, added up and compared.

Rows are split into runs of fixed length; each is a task that answers with sums, fingerprints of
the ids, leaves, and what is wrong. What a row means is a `Layout`; the engine knows no exchange.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from merkle_por.amounts import ZERO, add
from merkle_por.errors import Malformed
from merkle_por.execution import Execution
from merkle_por.hashes.sha256 import digests
from merkle_por.ledger.bands import leaves_with
from merkle_por.ledger.packed import PREFIX_BYTES, repeated_prefixes
from merkle_por.ledger.source import STRIDE, Lines, Place, Span

RUN = 4 * STRIDE  # rows of one task


@dataclass(frozen=True)
class Entry:
    """One row: its id, its amounts, and the text of its leaf where the format has leaves."""

    id: str
    amounts: tuple[tuple[str, Decimal], ...]
    leaf: str | None = None


class Layout(Protocol):
    """How a row is read; instances are small, and picklable."""

    @property
    def leaf_bytes(self) -> int:
        """Bytes of a leaf's hash, 0 for none."""

    def entry(self, line: str) -> Entry:
        """One row without its line end. Raises Malformed."""


@dataclass(frozen=True)
class Run:
    """One task."""

    place: Place
    span: Span
    first: int
    layout: Layout
    limit: int


@dataclass(frozen=True)
class Negative:
    """An amount below zero: its row, asset and amount."""

    row: int
    asset: str
    amount: Decimal


@dataclass(frozen=True)
class RunFound:
    """problem: row, reason and text of the first row that is none. ids: 8 bytes a row."""

    rows: int
    sums: dict[str, Decimal]
    ids: bytes
    leaves: bytes
    negatives: tuple[Negative, ...]
    negative: int
    problem: tuple[int, str, str] | None = None


def fingerprint(owner: str) -> bytes:
    """What tells ids apart until two agree in it."""
    return hashlib.sha256(owner.encode()).digest()[:PREFIX_BYTES]


def _texts(run: Run) -> list[str]:
    data = bytes(run.span.read(run.place))
    rows = data.split(b"\n", run.span.count)
    if len(rows) > run.span.count:  # what stands behind the last row's end
        rows.pop()
    texts = []
    for number, row in enumerate(rows):
        try:
            texts.append(row.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError:
            raise _AtRow(run.first + number, "bad-utf8", "the row is not UTF-8") from None
    return texts


class _AtRow(Exception):
    """A row that is none."""


def read_run(run: Run) -> RunFound:
    """One task. Raises Incomplete file-changed."""
    sums: dict[str, Decimal] = {}
    ids, preimages = [], []
    negatives: list[Negative] = []
    negative = 0
    try:
        texts = _texts(run)
        for row, text in enumerate(texts, start=run.first):
            try:
                entry = run.layout.entry(text)
            except Malformed as error:
                place = f"{error.where}: " if error.where else ""
                raise _AtRow(row, error.reason, f"{place}{error.text}") from None
            ids.append(fingerprint(entry.id))
            if entry.leaf is not None:
                preimages.append(entry.leaf.encode())
            for asset, amount in entry.amounts:
                sums[asset] = add(sums.get(asset, ZERO), amount)
                if amount < 0:
                    negative += 1
                    if len(negatives) < run.limit:
                        negatives.append(Negative(row, asset, amount))
    except _AtRow as stop:
        return RunFound(0, {}, b"", b"", (), 0, (stop.args[0], stop.args[1], stop.args[2]))
    size = run.layout.leaf_bytes
    leaves = b"".join(digest[:size] for digest in digests(preimages)) if size else b""
    return RunFound(len(ids), sums, b"".join(ids), leaves, tuple(negatives), negative)


@dataclass
class Rows:
    """The rows of a ledger, and what all tasks found in them."""

    place: Place
    lines: Lines
    layout: Layout
    sums: dict[str, Decimal] = field(default_factory=dict)
    ids: bytearray = field(default_factory=bytearray)
    leaves: bytearray = field(default_factory=bytearray)
    negatives: list[Negative] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def entries(self, numbers: Sequence[int]) -> Iterator[tuple[int, Entry]]:
        """Some rows again, by ascending number."""
        texts: list[str] = []
        begin = -STRIDE
        for number in numbers:
            if number >= begin + STRIDE:
                begin = number - number % STRIDE
                span = self.lines.span(begin, min(STRIDE, self.lines.rows - begin))
                texts = _texts(Run(self.place, span, begin, self.layout, 0))
            yield number, self.layout.entry(texts[number - begin])

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Rows whose id stood before, with the first one of that id."""
        again = repeated_prefixes(self.ids)
        if not again:
            return
        wanted = set(array("Q", b"".join(again)))
        numbers = [n for n, word in enumerate(array("Q", bytes(self.ids))) if word in wanted]
        first: dict[str, int] = {}
        for number, entry in self.entries(numbers):
            known = first.setdefault(entry.id, number)
            if known != number:
                yield number, known

    def of(self, owner: str) -> list[tuple[int, Entry]]:
        """The rows of one id."""
        numbers = sorted(leaves_with(self.ids, fingerprint(owner)))
        return [(n, entry) for n, entry in self.entries(numbers) if entry.id == owner]


def read_rows(place: Place, lines: Lines, layout: Layout, execution: Execution) -> Rows:
    """Reads all rows. Raises Malformed for the first row that is none, Incomplete."""
    result = Rows(place, lines, layout)
    stop: tuple[int, str, str] | None = None
    runs = (
        Run(
            place,
            lines.span(first, min(RUN, lines.rows - first)),
            first,
            layout,
            execution.violations,
        )
        for first in range(0, lines.rows, RUN)
    )
    done = 0
    for found in execution.map(read_run, runs):
        stop = stop or found.problem
        for asset, amount in found.sums.items():
            result.sums[asset] = add(result.sums.get(asset, ZERO), amount)
        result.ids += found.ids
        result.leaves += found.leaves
        result.negatives.extend(found.negatives[: execution.violations - len(result.negatives)])
        result.counts["negative-balance"] += found.negative
        done += found.rows
        execution.progress("adding up", done, lines.rows, "rows")
        if stop is not None:
            break
    if stop is not None:
        row, reason, text = stop
        raise Malformed(reason, text, where=f"line {row + 2}")
    return result
