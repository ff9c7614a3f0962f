"""The signatures of a list's rows, judged in line or by an executor, a chunk of rows at a time.

An executor is handed plain values only and a bounded number of chunks ahead, so memory does not
grow with the list; the order of the rows, and so the report, is the same either way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from itertools import islice

from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.reserves.ownership import HTX, OKX, OKX_AUDIT, judge
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import Row as SignedRow
from merkle_por.reserves.ownership.row import State as Owned

DIALECTS = {"okx": OKX, "okx-audit": OKX_AUDIT, "htx": HTX}
CHUNK = 250
"""Rows that are judged in one task of an executor."""
AHEAD = 16
"""Tasks handed to an executor before the first answer is waited for."""

_UNSIGNED = Ownership(Owned.UNSIGNED, None, "the row has no signature")

Judged = Iterator[tuple[Row, Ownership | None]]
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
    answers = iter(judge_rows(signed, reading.dialect, messages))
    return ((row, _merge(row, answers)) for row in rows)


def _parallel(
    rows: Iterator[Row], reading: Reading, messages: frozenset[str] | None, executor: Executor
) -> Judged:
    ahead: deque[tuple[list[Row], Future[list[Ownership]]]] = deque()
    for chunk in _chunks(rows):
        signed = [_signed(row) for row in chunk if has_signature(row)]
        ahead.append((chunk, executor.submit(judge_rows, signed, reading.dialect, messages)))
        if len(ahead) >= AHEAD:
            yield from _answers(*ahead.popleft())
    while ahead:
        yield from _answers(*ahead.popleft())


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _answers(rows: list[Row], task: Future[list[Ownership]]) -> Judged:
    answers = iter(task.result())
    return ((row, _merge(row, answers)) for row in rows)


def _merge(row: Row, answers: Iterator[Ownership]) -> Ownership:
    return next(answers) if has_signature(row) else _UNSIGNED


def has_signature(row: Row) -> bool:
    """Whether the row carries a signature (good or not)."""
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
