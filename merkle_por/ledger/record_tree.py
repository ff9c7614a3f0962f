"""The tree file that BitMEX and River publish: root first, a power of two leaves, no padding.

First line `block_height:<H>`, then `<64 lower hex>,<decimal u64>` for node 0, 1, 2, ...; the
children of node i are 2i+1 and 2i+2 (specs bitmex-liabilities, river-liabilities).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from merkle_por.documents import Limits
from merkle_por.errors import Malformed
from merkle_por.execution import Execution
from merkle_por.ledger import packed
from merkle_por.ledger.bands import (
    HASH,
    ROW_PROBLEMS,
    SUM,
    Buffer,
    Level,
    Range,
    Rows,
    Tree,
    Wrong,
    read_range,
)
from merkle_por.ledger.source import STRIDE, Lines, Opened, Place, find_lines

HEADER_BYTES = 40
_HEADER = re.compile(rb"block_height:(0|[1-9][0-9]{0,19})(\r?\n|\Z)")
_FIRST = re.compile(rb"block_height:[0-9]+\r?\n[0-9a-f]{64},[0-9]+")
_ROW_BYTES = 2 * packed.HASH_BYTES + 1 + packed.U64_DIGITS + 2


@dataclass(frozen=True)
class Records:
    """The rows' dialect. crlf: all lines end with CR LF."""

    crlf: bool
    size: int = packed.RECORD_BYTES

    def read(self, text: Buffer, level: Level, *, final: bool) -> Rows:
        rows = packed.read_rows(text, crlf=self.crlf, final=final)
        return Rows(rows.records, len(rows.records) // self.size, rows.problem)

    def check(self, parents: Buffer, children: Buffer, level: Level) -> list[Wrong]:
        found = packed.check_parents(parents, children, limit=2 * (len(parents) // self.size))
        reasons: dict[int, list[str]] = {}
        for violation in found.first:
            reasons.setdefault(violation.index, []).append(violation.reason)
        return [_wrong(index, tuple(names), parents, children) for index, names in reasons.items()]

    def padding(self, records: Buffer) -> str | None:
        return None

    def sums(self, records: Buffer) -> tuple[int, ...]:
        return (packed.total(records),)

    def prefixes(self, records: Buffer) -> bytes:
        return packed.prefixes(records)

    def find(self, records: Buffer, first: int, key: bytes) -> list[tuple[int, int]]:
        numbers = packed.find_leaves(records, first, key)
        return [(number, packed.record(records, number - first)[1]) for number in numbers]


def _wrong(index: int, reasons: tuple[str, ...], parents: Buffer, children: Buffer) -> Wrong:
    node, said = packed.record(parents, index)
    held = packed.record(children, 2 * index)[1] + packed.record(children, 2 * index + 1)[1]
    made = ""
    if HASH in reasons:
        pair = children[2 * index * packed.RECORD_BYTES : (2 * index + 2) * packed.RECORD_BYTES]
        made = hashlib.sha256(pair).hexdigest()
    ordered = tuple(reason for reason in (SUM, HASH) if reason in reasons)
    return Wrong(index, ordered, (said,), (held,), node.hex(), made)


def looks_like(head: bytes) -> bool:
    """Whether a file's first bytes are those of such a ledger."""
    return _FIRST.match(head) is not None


def open_tree(ledger: Opened, limits: Limits, execution: Execution) -> tuple[Tree, int]:
    """The tree and its block height.

    Raises Malformed: empty-file, bad-header, node-count, bad-row; Incomplete file-changed.
    """
    if ledger.size == 0:
        raise Malformed("empty-file", "there is nothing in the file")
    head = ledger.place.read(0, min(HEADER_BYTES, ledger.size))
    match = _HEADER.match(head)
    if match is None or int(match[1]) >= packed.U64_END:
        raise Malformed(
            "bad-header",
            "the first line is not block_height:NUMBER, plainly written",
            where="line 1",
        )
    # Noted places lead by one row: level k begins at row 2^k - 1, so they cut levels evenly.
    lines = find_lines(ledger, match[0], longest=_ROW_BYTES, lead=1, progress=execution.progress)
    dialect = Records(match[2] == b"\r\n")
    if (lines.rows + 1) & lines.rows or not lines.rows:
        _refuse_wrong_row(lines, ledger.place, dialect)
        raise Malformed(
            "node-count",
            f"{lines.rows:,} nodes: a whole tree of this kind has 1, 3, 7, 15, ... of them",
            "the file is cut short, or has lines too many",
        )
    depth = lines.rows.bit_length()
    levels = tuple(Level(k, (1 << k) - 1, 1 << k) for k in range(depth))
    return Tree(levels, lines, ledger.place, dialect), int(match[1])


def _refuse_wrong_row(lines: Lines, place: Place, dialect: Records) -> None:
    """Says which row is none, if it isn't the last one (that one may be cut off)."""
    every = Level(0, 0, lines.rows)
    for begin in range(0, lines.rows, STRIDE):
        count = min(STRIDE, lines.rows - begin)
        rows = read_range(place, dialect, Range(every, begin, count, lines.span(begin, count)))
        if rows.problem is not None and begin + rows.count + 1 < lines.rows:
            raise Malformed(
                rows.problem, ROW_PROBLEMS[rows.problem], where=f"line {begin + rows.count + 2}"
            )
