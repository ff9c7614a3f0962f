"""`reserves`: reads published lists of reserves and judges what is in them.

What is asked, in order: is each file a list of its layout; do its rows add up to its own summary;
does no address stand twice (over all files of one layout); does each row's signature show who
controls the address. Nothing here asks a node: `balance_of` is the door for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from merkle_por.amounts import plain
from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.recognise import by_id, recognise
from merkle_por.reserves.holding import NOT_JUDGED, Level
from merkle_por.reserves.judging import has_signature, judged_rows
from merkle_por.reserves.lists.duplicates import Duplicates, repeated
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.layouts import layout_of
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row, row_keys
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import SIGNER_ROW, ListFile, ReservesReport
from merkle_por.reserves.tally import Tally
from merkle_por.reserves.variants import htx
from merkle_por.scheme import Given
from merkle_por.verdict import About, Check, CheckStatus, FileInfo, Problem

Source = str | Path | bytes | Document

AMOUNTS_ONLY = "okx-reserves-csv"
"""Naming this id asks for the amounts of an OKX list, not for its signatures."""


@dataclass(frozen=True)
class Balance:
    """A node's answer on one row. amount: None where it could not be had (never zero for that).

    problem: reason and text where the answer speaks against the list.
    """

    level: Level
    amount: Decimal | None
    problem: tuple[str, str] | None = None


BalanceOf = Callable[[Row], Balance | None]


def reserves(
    *sources: Source,
    scheme: str | None = None,
    given: Mapping[str, Any] | None = None,
    limits: Limits = LIMITS,
    balance_of: BalanceOf | None = None,
    executor: Executor | None = None,
    skip: frozenset[int] = frozenset(),
) -> ReservesReport:
    """Judges one or several lists of reserves (files of one publication are given together).

    scheme: a format id, None to recognise each file. given: facts from outside by name
    (`message`: the texts that rows may have signed; `signatures`: false to read amounts only).
    balance_of: asks for one row's balance on its chain. executor: judges signatures in parallel.
    skip: lines not to count (rows that another list has counted). Raises UsageError only.
    """
    if not sources:
        raise UsageError("no file was given")
    tally = Tally(limits.assets)
    files: list[ListFile] = []
    readings: list[tuple[Layout, Document, dict[str, object]]] = []
    duplicates = Duplicates()
    for source in sources:
        document = Document.of(source, limits)
        layout = None
        reading = Reading(document)
        try:
            layout = _layout(document, scheme)
            reading.given = _given(layout, given, document, limits, judged=scheme != AMOUNTS_ONLY)
            job = _Job(layout, reading, tally, duplicates, balance_of, executor, skip)
            files.append(job.run())
            readings.append((layout, document, reading.given))
        except Malformed as error:
            tally.errors.append(Problem(error.reason, error.text, error.where, error.hints))
            files.append(_unread(document, layout))
        except Invalid as error:
            tally.note(error.reason, error.text, error.where, About.LIST, CheckStatus.FAIL)
            files.append(_unread(document, layout))
        tally.take(reading)
    if not tally.errors:
        _repeated(readings, duplicates, tally)
    return tally.report(tuple(files))


def _layout(document: Document, scheme: str | None) -> Layout:
    name = by_id(scheme).id if scheme else recognise(document).id
    layout = layout_of(name)
    if layout is None:
        if scheme:
            raise UsageError(f"{name} is not a list of reserves")
        raise Malformed("unknown-format", f"a file of {name}, not a list of reserves")
    return layout


def _given(
    layout: Layout,
    given: Mapping[str, Any] | None,
    document: Document,
    limits: Limits,
    *,
    judged: bool,
) -> dict[str, object]:
    folder = document.path.parent if document.path else None
    bound = Given(given, folder=folder, limits=limits)
    bound.facts = layout.all_facts
    for name in bound.values:
        if name not in bound.facts:
            known = ", ".join(sorted(bound.facts)) or "nothing"
            raise UsageError(f'"{name}" is not a fact that {layout.id} takes', f"it takes: {known}")
    values: dict[str, object] = dict(bound.values)
    if "signatures" in values:
        values["signatures"] = bound.flag("signatures")
    elif not judged:
        values["signatures"] = False
    if "message" in values:
        texts = values["message"]
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list | tuple) or not all(isinstance(t, str) for t in texts):
            raise UsageError("message must be one or several texts")
        values["message"] = frozenset(texts)
    return values


def _unread(document: Document, layout: Layout | None) -> ListFile:
    return ListFile(
        FileInfo(document.name, document.size, document.sha256),
        layout.id if layout else None,
        layout.exchange if layout else None,
        layout.exchange_name if layout else None,
    )


@dataclass
class _Job:
    """The reading of one file into the tally."""

    layout: Layout
    reading: Reading
    tally: Tally
    duplicates: Duplicates
    balance_of: BalanceOf | None
    executor: Executor | None
    skip: frozenset[int]
    heights: dict[str, tuple[int, int]] = field(default_factory=dict)

    def run(self) -> ListFile:
        tally, reading = self.tally, self.reading
        tally.asked = tally.asked or self.balance_of is not None
        rows = 0
        add_key, id = self.duplicates.add, self.layout.id
        chain: str | None = None
        proven = 0
        height: int | None = None
        for row, owned in judged_rows(self.layout, reading, self.executor):
            tally.signed = tally.signed or (owned is not None and has_signature(row))
            rows += 1
            for key in row_keys(row):
                add_key((id, key))
            state: str = NOT_JUDGED if owned is None else owned.state
            if row.signer_of is not None:
                tally.count(state + SIGNER_ROW)
            else:
                tally.count(state)
                proven += state == Owned.PROVEN
                if row.line not in self.skip:
                    self._amount(row, state)
            if owned is not None and owned.reason is not None:
                self._speak(row, owned)
            where = row.network or row.coin
            if row.height is not None and (row.height != height or where != chain):
                chain, height = where, row.height
                self._height(where, height)
        document = reading.document
        if not proven:
            text = f"{document.name}: no row shows who controls its address"
            status = CheckStatus.UNCONFIRMED
            tally.note("nothing-proven", text, None, About.OWNERSHIP, status)
        return ListFile(
            FileInfo(document.name, document.size, document.sha256),
            self.layout.id,
            self.layout.exchange,
            self.layout.exchange_name,
            rows,
            self.heights,
            dict(reading.facts),
        )

    def _amount(self, row: Row, state: str) -> None:
        level, amount = Level.CLAIMED, row.amount
        if self.balance_of is not None:
            balance = self.balance_of(row)
            if balance is None or balance.amount is None:
                text = f"{row.coin} {row.address[:60]}: the balance is not known"
                self._note("unknown-balance", text, row, About.BALANCES, CheckStatus.NOT_CHECKED)
                level, amount = Level.UNKNOWN, None
            else:
                level, amount = balance.level, balance.amount
            if balance is not None and balance.problem is not None:
                reason, text = balance.problem
                self._note(reason, text, row, About.BALANCES, CheckStatus.FAIL)
        self.tally.add(row, state, level, amount)
        if row.coin not in self.tally.titles and len(self.tally.titles) < self.tally.most:
            name = htx(row.coin).title if self.layout.exchange == "htx" else row.coin
            self.tally.titles[row.coin] = name

    def _speak(self, row: Row, owned: Ownership) -> None:
        failed = owned.state is Owned.FAILED
        if row.ownership is not None and failed:
            return  # the layout has noted it itself
        status = CheckStatus.FAIL if failed else CheckStatus.NOT_CHECKED
        text = f"{row.coin} {row.address[:60]}: {owned.text}"
        self._note(str(owned.reason), text, row, About.OWNERSHIP, status)

    def _note(self, id: str, text: str, row: Row, about: About, status: CheckStatus) -> None:
        self.tally.note(id, text, f"line {row.line}", about, status)

    def _height(self, chain: str, height: int) -> None:
        low, high = self.heights.get(chain, (height, height))
        if chain in self.heights or len(self.heights) < self.tally.most:
            self.heights[chain] = (min(low, height), max(high, height))


def _repeated(
    readings: Iterable[tuple[Layout, Document, dict[str, object]]],
    duplicates: Duplicates,
    tally: Tally,
) -> None:
    """Names rows that stand twice; the files are read again only where there may be one."""
    suspects = duplicates.suspects()
    if not suspects:
        text = "no address stands twice for one coin"
        tally.checks.append(Check("unique", About.LIST, CheckStatus.PASS, text))
        return
    keys = (
        ((layout.id, key), (document.name, row))
        for layout, document, given in readings
        for row in layout.read(Reading(document, given=given))
        for key in row_keys(row)
    )
    for _, (_, row), (name, first) in repeated(keys, suspects):
        amount = "" if row.amount is None else f" with {plain(row.amount)}"
        text = f"{row.coin} {row.address[:60]} stands again{amount}, first in line {first.line}"
        tally.note(
            "duplicate-address",
            f"{text} of {name}",
            f"line {row.line}",
            About.LIST,
            CheckStatus.FAIL,
        )
