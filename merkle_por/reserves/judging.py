"""The signatures of a list's rows, judged in line or by an executor, a chunk of rows at a time.

An executor is handed plain values only and a bounded number of chunks ahead, so memory does not
grow with the list; the order of the rows, and so the report, is the same either way. It should be
one of processes (execution.local_processes): half of the work is Python's own, and threads would
wait for one another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from functools import partial
from itertools import islice

from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.reserves.ownership import HTX, OKX, OKX_AUDIT, judge
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import Row as SignedRow
from merkle_por.reserves.ownership.row import State as Owned

DIALECTS = {"okx": OKX, "okx-audit": OKX_AUDIT, "htx": HTX}
CHUNK = 500
"""Rows that are judged in one task of an executor: 40 ms of work, so that handing it over costs
little, and a list's end leaves no worker idle for long."""
AHEAD = 16
"""Tasks handed to an executor before the first answer is waited for."""

_Plain = tuple[object, ...]
"""A row or a judgement on its way between processes: a bare tuple is packed several times faster
than one with names."""

_UNSIGNED = Ownership(Owned.UNSIGNED, None, "the row has no signature")

Judged = Iterator[tuple[Row, Ownership | None]] | Iterator[tuple[Row, Ownership]]
"""Each row with the judgement of its signature; None where none was asked for."""


def judged_rows(layout: Layout, reading: Reading, executor: Executor | None) -> Judged:
    """The rows of a list, judged in file order. reading.given: `signatures`, `message`."""
    rows = layout.read(reading)
    if reading.given.get("signatures") is False:
        return ((row, None) for row in rows)
    if not layout.signed:
        return ((row, row.ownership or _UNSIGNED) for row in rows)
    messages = reading.given.get("message")
    texts = messages if isinstance(messages, frozenset) else None
    if executor is not None:
        return _parallel(rows, reading, texts, executor)
    return (pair for chunk in _chunks(rows) for pair in _in_line(chunk, reading, texts))


def _in_line(rows: list[Row], reading: Reading, messages: frozenset[str] | None) -> Judged:
    signed = [_signed(row) for row in rows if has_signature(row)]
    return _merged(rows, iter(judge_rows(signed, reading.dialect, messages)))


def _parallel(
    rows: Iterator[Row], reading: Reading, messages: frozenset[str] | None, executor: Executor
) -> Judged:
    ahead: deque[tuple[list[Row], Future[list[_Plain]]]] = deque()
    for chunk in _chunks(rows):
        # Only here, since a reader names its dialect when it begins.
        task = partial(judge_plain, dialect=reading.dialect, messages=messages)
        signed = [tuple(_signed(row)) for row in chunk if has_signature(row)]
        ahead.append((chunk, executor.submit(task, signed)))
        if len(ahead) >= AHEAD:
            yield from _answers(*ahead.popleft())
    while ahead:
        yield from _answers(*ahead.popleft())


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _answers(rows: list[Row], task: Future[list[_Plain]]) -> Judged:
    return _merged(rows, map(Ownership._make, task.result()))


def _merged(rows: list[Row], answers: Iterator[Ownership]) -> Judged:
    return ((row, next(answers) if has_signature(row) else _UNSIGNED) for row in rows)


def has_signature(row: Row) -> bool:
    """Whether the row carries a signature (good or not)."""
    return row.signature1 is not None or row.signature2 is not None


def _signed(row: Row) -> SignedRow:
    return SignedRow(
        row.coin,
        row.address,
        row.network,
        row.type,
        row.message,
        row.signature1,
        row.signature2,
        row.script,
        row.eoa1,
        row.eoa2,
    )


def judge_rows(
    rows: list[SignedRow], dialect: str | None, messages: frozenset[str] | None
) -> list[Ownership]:
    """Judgements of some rows, in their order."""
    if dialect is None:
        return [_UNSIGNED] * len(rows)
    return [judge(row, DIALECTS[dialect], messages=messages) for row in rows]


def judge_plain(
    rows: list[_Plain], dialect: str | None, messages: frozenset[str] | None
) -> list[_Plain]:
    """As `judge_rows` (a task of an executor: plain values only)."""
    judged = judge_rows([SignedRow._make(row) for row in rows], dialect, messages)
    return [tuple(one) for one in judged]
