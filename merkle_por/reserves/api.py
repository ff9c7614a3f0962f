"""`reserves`: reads published lists of reserves and judges what is in them.

What is asked, in order: is each file a list of its layout; do its rows add up to its own summary;
does no address stand twice (over all files of one layout); does each row's signature show who
controls the address. Nothing here asks a node: `balance_of` is the door for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from merkle_por.amounts import ZERO, add, plain
from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.recognise import by_id, recognise
from merkle_por.reserves.holding import NOT_JUDGED, Holding, Level
from merkle_por.reserves.lists.duplicates import Duplicates, repeated
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.layouts import layout_of
from merkle_por.reserves.lists.reading import KEPT, Reading
from merkle_por.reserves.lists.row import Row, RowKind, row_keys
from merkle_por.reserves.ownership import HTX, OKX, OKX_AUDIT, judge
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import Row as SignedRow
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import SIGNER_ROW, ListFile, ReservesReport, state_of
from merkle_por.reserves.variants import htx
from merkle_por.scheme import Given
from merkle_por.verdict import About, Caution, Check, CheckStatus, FileInfo, Problem

Source = str | Path | bytes | Document

DIALECTS = {"okx": OKX, "okx-audit": OKX_AUDIT, "htx": HTX}
AMOUNTS_ONLY = "okx-reserves-csv"
"""Naming this id asks for the amounts of an OKX list, not for its signatures."""
CHUNK = 250
"""Rows that are judged in one task of an executor."""
AHEAD = 16
"""Tasks handed to an executor before the first answer is waited for."""

_UNSIGNED = Ownership(Owned.UNSIGNED, None, "the row has no signature")


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
    tally = _Tally(limits.assets)
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


class _Tally:
    """Sums over all rows of all files, in memory that doesn't grow with the rows."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sums: dict[tuple[Any, ...], list[Any]] = {}
        self.counts: dict[str, int] = {}
        self.checks: list[Check] = []
        self.kept: dict[str, int] = {}
        self.warnings: list[Caution] = []
        self.errors: list[Problem] = []
        self.titles: dict[str, str] = {}
        self.signed = False
        self.asked = False

    def add(self, row: Row, owned: str, level: Level, amount: Decimal | None) -> None:
        """One row that has (or could have) an amount."""
        key = (row.asset, row.coin, row.network, row.kind, owned, level)
        entry = self.sums.get(key)
        if entry is None:
            if len(self.sums) >= 16 * self.most:
                raise Malformed("too-big", "too many different coins")
            entry = self.sums[key] = [ZERO, 0, 0]
        if amount is None:
            entry[2] += 1
        else:
            entry[0] = add(entry[0], amount)
        entry[1] += 1

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def note(
        self, id: str, text: str, where: str | None, about: About, status: CheckStatus
    ) -> None:
        """A check of one row; of each class a bounded number is kept."""
        seen = self.kept.get(id, 0) + 1
        self.kept[id] = seen
        if seen <= KEPT:
            self.checks.append(Check(id, about, status, text, where))

    def take(self, reading: Reading) -> None:
        self.checks.extend(reading.checks)
        self.warnings.extend(w for w in reading.warnings if w not in self.warnings)

    def holdings(self) -> tuple[Holding, ...]:
        return tuple(
            Holding(
                asset=asset,
                amount=None if rows == unknown else amount,
                level=level,
                ownership=str(owned),
                kind=kind,
                custody=kind is RowKind.THIRD_PARTY,
                encumbered=kind is RowKind.UNSPENDABLE,
                rows=rows,
                unknown_rows=unknown,
                chain=network,
                coin=coin,
            )
            for (asset, coin, network, kind, owned, level), (
                amount,
                rows,
                unknown,
            ) in self.sums.items()
        )

    def report(self, files: tuple[ListFile, ...]) -> ReservesReport:
        if not self.errors and not self.asked and any(file.rows for file in files):
            self.warnings.append(Caution("claimed", CLAIMED))
        if self.counts.get(NOT_JUDGED):
            text = "the signatures of the list were not judged"
            self.note("ownership-not-checked", text, None, About.OWNERSHIP, CheckStatus.NOT_CHECKED)
        good = sum(n for name, n in self.counts.items() if name.split("/")[0] == Owned.PROVEN)
        if good:
            text = f"{good} rows are signed by the keys of their own addresses"
            self.checks.append(Check("signatures", About.OWNERSHIP, CheckStatus.PASS, text))
        return ReservesReport(
            state=state_of(self.checks, self.errors, self.counts),
            files=files,
            checks=tuple(self.checks),
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
            counts={str(name): count for name, count in self.counts.items()},
            holdings=self.holdings(),
            titles=dict(self.titles),
            signed=self.signed,
        )


CLAIMED = "balances are the exchange's own figures (claimed): add --node"


@dataclass
class _Job:
    """The reading of one file into the tally."""

    layout: Layout
    reading: Reading
    tally: _Tally
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
        for row, owned in self._judged():
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

    # -- ownership --------------------------------------------------------------------------

    def _judged(self) -> Iterator[tuple[Row, Ownership | None]]:
        """Each row with the judgement of its signature; None where none was asked for."""
        rows = self.layout.read(self.reading)
        if self.reading.given.get("signatures") is False:
            return ((row, None) for row in rows)
        messages = self.reading.given.get("message")
        texts = messages if isinstance(messages, frozenset) else None
        if not self.layout.signed:
            return ((row, row.ownership or _UNSIGNED) for row in rows)
        if self.executor is not None:
            return self._parallel(rows, texts)
        return (pair for chunk in _chunks(rows) for pair in self._chunk(chunk, texts))

    def _chunk(
        self, rows: list[Row], messages: frozenset[str] | None
    ) -> Iterator[tuple[Row, Ownership | None]]:
        signed = [row for row in rows if row.ownership is None and _has_signature(row)]
        self.tally.signed = self.tally.signed or bool(signed)
        answers = iter(judge_rows([_signed(row) for row in signed], self.reading.dialect, messages))
        return ((row, _merge(row, answers)) for row in rows)

    def _parallel(
        self, rows: Iterator[Row], messages: frozenset[str] | None
    ) -> Iterator[tuple[Row, Ownership | None]]:
        assert self.executor is not None
        ahead: deque[tuple[list[Row], Future[list[Ownership]]]] = deque()
        for chunk in _chunks(rows):
            signed = [_signed(r) for r in chunk if r.ownership is None and _has_signature(r)]
            self.tally.signed = self.tally.signed or bool(signed)
            task = self.executor.submit(judge_rows, signed, self.reading.dialect, messages)
            ahead.append((chunk, task))
            if len(ahead) >= AHEAD:
                yield from _answers(*ahead.popleft())
        while ahead:
            yield from _answers(*ahead.popleft())


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _answers(
    rows: list[Row], task: Future[list[Ownership]]
) -> Iterator[tuple[Row, Ownership | None]]:
    answers = iter(task.result())
    return ((row, _merge(row, answers)) for row in rows)


def _merge(row: Row, answers: Iterator[Ownership]) -> Ownership:
    if row.ownership is not None:
        return row.ownership
    return next(answers) if _has_signature(row) else _UNSIGNED


def _has_signature(row: Row) -> bool:
    return row.signature1 is not None or row.signature2 is not None


def _signed(row: Row) -> SignedRow:
    return SignedRow(
        coin=row.coin,
        address=row.address,
        network=row.network,
        type=row.type,
        message=row.message,
        signature1=row.signature1,
        signature2=row.signature2,
        script_or_public_key=row.script,
        eoa1=row.eoa1,
        eoa2=row.eoa2,
    )


def judge_rows(
    rows: list[SignedRow], dialect: str | None, messages: frozenset[str] | None
) -> list[Ownership]:
    """Judgements of some rows, in their order (a task of an executor: plain values only)."""
    if dialect is None:
        return [_UNSIGNED] * len(rows)
    return [judge(row, DIALECTS[dialect], messages=messages) for row in rows]


def _repeated(
    readings: Iterable[tuple[Layout, Document, dict[str, object]]],
    duplicates: Duplicates,
    tally: _Tally,
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
