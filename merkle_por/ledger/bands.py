"""Auditing a published tree that stands level by level, root first: in bands that fit in memory.

The children of a node stand side by side and in the nodes' own order, so any run of nodes and
all that stands below it, some levels deep, is a handful of ranges of rows. A band task reads such
ranges, recomputes every node in them, and answers with what is wrong; nothing has to be combined,
since each pair of neighbouring levels is checked by exactly one task. Ranges follow from the tree's
size alone, never from the number of workers, so no verdict can depend on the engine.

What a row and a node look like is a `Dialect`; the engine knows no exchange.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Protocol

from merkle_por.execution import Execution
from merkle_por.ledger.packed import PREFIX_BYTES, repeated_prefixes
from merkle_por.ledger.source import Lines, Place, Span

Buffer = bytes | bytearray | memoryview

DEPTH = 4  # levels below the first in one band
TOP_ROWS = 2048  # rows of the first level in one task: 2^15 rows in its last
SUM, HASH = "sum-mismatch", "parent-hash"
ROW_PROBLEMS = {
    "bad-row": "the line does not have the form of a row",
    "bad-hash": "the hash is not 64 lower-case hexadecimal digits",
    "bad-amount": "an amount is not written as a plain decimal of this format",
    "bad-number": "a number is not written plainly",
    "negative-balance": "an amount is below zero",
}


@dataclass(frozen=True)
class Level:
    """One level of the tree, in file order.

    number: what the format calls it. first: its first row. count: its rows. padding: how many of
    its first rows fill it up (0 or 1); they have no children.
    """

    number: int
    first: int
    count: int
    padding: int = 0


@dataclass(frozen=True)
class Rows:
    """Records of a range of rows, and the reason's name where one row could not be read."""

    records: Buffer
    count: int
    problem: str | None = None


@dataclass(frozen=True)
class Wrong:
    """A node that its children contradict.

    row: its number in the file. reasons: what is wrong. said, held: the sums it states and those
    of its children, in smallest units. hash, made: its hash and the recomputed one, hexadecimal.
    """

    row: int
    reasons: tuple[str, ...]
    said: tuple[int, ...]
    held: tuple[int, ...]
    hash: str
    made: str


class Dialect(Protocol):
    """Rows and nodes of one format; instances are small, and picklable."""

    @property
    def size(self) -> int:
        """Bytes of a record; its hash stands first, 32 bytes."""

    def read(self, text: Buffer, level: Level, *, final: bool) -> Rows:
        """The rows at the start of a text; reading stops where the level ends."""

    def check(self, parents: Buffer, children: Buffer, level: Level) -> list[Wrong]:
        """What is wrong with parents (of `level`); row counts from 0 in them."""

    def padding(self, records: Buffer) -> str | None:
        """What is wrong with a padding row, the first of these records, or None."""

    def sums(self, records: Buffer) -> tuple[int, ...]:
        """Sums over all records, in smallest units."""

    def prefixes(self, records: Buffer) -> bytes:
        """The first PREFIX_BYTES of each record's hash."""

    def find(self, records: Buffer, first: int, key: bytes) -> list[tuple[int, int]]:
        """Leaves that belong to a key, as (leaf number, value); [] where keys mean nothing."""


@dataclass(frozen=True)
class Range:
    """Rows of one level that a task reads."""

    level: Level
    first: int
    count: int
    span: Span

    @property
    def padded(self) -> int:
        """How many of these rows are padding."""
        return self.level.padding if self.first == self.level.first else 0


@dataclass(frozen=True)
class Band:
    """One task: ranges of neighbouring levels, the upper one first.

    leaves: whether the last range is of the lowest level; then its number of the first leaf is
    last range's first row - the level's. keys: accounts to look for. limit: violations to list.
    """

    place: Place
    dialect: Dialect
    ranges: tuple[Range, ...]
    leaves: bool
    keys: tuple[bytes, ...]
    limit: int


@dataclass(frozen=True)
class Found:
    """What a task found.

    stop: row and reason of the first row that is none. wrong: the first nodes that are wrong;
    counts: how many there are by reason. more: what the last range's sums exceed the first one's
    by. prefixes: of the leaves. matches: leaves of each key, as (number, value).
    """

    checked: int = 0
    stop: tuple[int, str] | None = None
    wrong: tuple[Wrong, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    nodes: int = 0
    more: tuple[int, ...] = ()
    prefixes: bytes = b""
    matches: tuple[tuple[tuple[int, int], ...], ...] = ()


def bands_of(
    levels: Sequence[Level],
    lines: Lines,
    place: Place,
    dialect: Dialect,
    *,
    keys: tuple[bytes, ...],
    limit: int,
) -> Iterator[Band]:
    """The tasks of a tree, the top first. levels: root first."""
    edges = [len(levels) - 1]
    while levels[edges[-1]].count > TOP_ROWS << DEPTH:
        edges.append(edges[-1] - DEPTH)
    edges.append(0)
    for low, high in zip(edges[::-1][1:], edges[::-1], strict=False):
        top = levels[high]
        step = top.count if high == 0 else TOP_ROWS
        for begin in range(0, top.count, step):
            ranges = _ranges(levels[high : low + 1], begin, min(begin + step, top.count), lines)
            leaves = low == len(levels) - 1
            yield Band(place, dialect, ranges, leaves, keys if leaves else (), limit)


def _ranges(levels: Sequence[Level], begin: int, end: int, lines: Lines) -> tuple[Range, ...]:
    ranges = []
    for level in levels:
        first = level.first + begin
        ranges.append(Range(level, first, end - begin, lines.span(first, end - begin)))
        begin = 2 * max(0, begin - level.padding)
        end = 2 * (end - level.padding)
    return tuple(ranges)


def read_range(place: Place, dialect: Dialect, part: Range) -> Rows:
    """The records of one range, as many as it has unless a row is wrong."""
    text = part.span.read(place)
    rows = dialect.read(text, part.level, final=part.span.final)
    if rows.count >= part.count:
        return Rows(memoryview(rows.records)[: part.count * dialect.size], part.count)
    return Rows(rows.records, rows.count, rows.problem or "bad-row")


def check_band(band: Band) -> Found:
    """One task. Raises Incomplete file-changed."""
    dialect, size = band.dialect, band.dialect.size
    above: Buffer = b""
    before: Range | None = None
    wrong: list[Wrong] = []
    counts: Counter[str] = Counter()
    top: Buffer = b""
    checked = nodes = 0
    for part in band.ranges:
        rows = read_range(band.place, dialect, part)
        if rows.problem is not None:
            return Found(stop=(part.first + rows.count, rows.problem))
        if before is not None:
            # Here and not at a band's first level: that one is the last of the band above.
            if part.padded and (problem := dialect.padding(rows.records)) is not None:
                counts[problem] += 1
                wrong.append(Wrong(part.first, (problem,), (), (), "", ""))
            parents = memoryview(above)[before.padded * size :]
            skipped = before.first + before.padded
            for item in dialect.check(parents, rows.records, before.level):
                counts.update(item.reasons)
                nodes += 1
                row = skipped + item.row
                wrong.append(Wrong(row, item.reasons, item.said, item.held, item.hash, item.made))
            checked += len(parents) // size
        else:
            top = rows.records
        above, before = rows.records, part
    assert before is not None
    more: tuple[int, ...] = ()
    if counts[SUM]:
        low, high = dialect.sums(above), dialect.sums(top)
        more = tuple(a - b for a, b in zip(low, high, strict=True))
    first = before.first - before.level.first
    return Found(
        checked=checked,
        wrong=tuple(sorted(wrong, key=lambda item: item.row)[: band.limit]),
        counts=counts,
        nodes=nodes,
        more=more,
        prefixes=dialect.prefixes(above) if band.leaves else b"",
        matches=tuple(tuple(dialect.find(above, first, key)) for key in band.keys),
    )


@dataclass
class Tree:
    """A tree to audit: its levels (root first), where its rows stand, how they are written."""

    levels: tuple[Level, ...]
    lines: Lines
    place: Place
    dialect: Dialect

    @property
    def leaves(self) -> Level:
        return self.levels[-1]

    def range(self, level: Level, first: int, count: int) -> Range:
        return Range(level, first, count, self.lines.span(first, count))

    def read(self, part: Range) -> Rows:
        return read_range(self.place, self.dialect, part)

    def leaf_records(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Records of some leaves (numbers ascending, padding counts), as (number, record)."""
        size = self.dialect.size
        at = 0
        while at < len(numbers):
            begin = numbers[at]
            count = min(TOP_ROWS, self.leaves.count - begin)
            rows = self.read(self.range(self.leaves, self.leaves.first + begin, count))
            while at < len(numbers) and numbers[at] < begin + count:
                place = (numbers[at] - begin) * size
                yield numbers[at], bytes(rows.records[place : place + size])
                at += 1

    def root(self) -> bytes:
        """The record of the root."""
        return bytes(self.read(self.range(self.levels[0], 0, 1)).records)


@dataclass
class Audit:
    """What all tasks found together. prefixes: 8 bytes a leaf, padding included."""

    stop: tuple[int, str] | None = None
    wrong: list[Wrong] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    nodes: int = 0
    more: tuple[int, ...] = ()
    prefixes: bytearray = field(default_factory=bytearray)
    matches: list[list[tuple[int, int]]] = field(default_factory=list)


def audit_tree(tree: Tree, execution: Execution, keys: tuple[bytes, ...] = ()) -> Audit:
    """Recomputes every node. keys: accounts to look for.

    Keys are secrets and stay in this process: where tasks run elsewhere, the leaves are scanned
    here. Raises Incomplete file-changed.
    """
    limit = execution.violations
    here = () if execution.shared else keys
    total = sum(level.count for level in tree.levels)
    result = Audit(matches=[[] for _ in keys])
    bands = bands_of(tree.levels, tree.lines, tree.place, tree.dialect, keys=here, limit=limit)
    for found in execution.map(check_band, bands):
        _collect(found, result, limit)
        execution.progress("hashing", min(total, 2 * result.checked), total, "nodes")
    if keys and not here:
        for number, records in _leaf_chunks(tree):
            for own, key in zip(result.matches, keys, strict=True):
                own.extend(tree.dialect.find(records, number, key))
    return result


def _collect(found: Found, result: Audit, limit: int) -> None:
    if found.stop is not None:
        result.stop = min(result.stop or found.stop, found.stop)
    if found.wrong:
        result.wrong = nsmallest(limit, [*result.wrong, *found.wrong], key=lambda item: item.row)
    result.counts.update(found.counts)
    result.checked += found.checked
    result.nodes += found.nodes
    if found.more:
        before = result.more or (0,) * len(found.more)
        result.more = tuple(a + b for a, b in zip(before, found.more, strict=True))
    result.prefixes += found.prefixes
    for own, matches in zip(result.matches, found.matches, strict=False):
        own.extend(matches)


def _leaf_chunks(tree: Tree) -> Iterator[tuple[int, Buffer]]:
    level = tree.leaves
    step = TOP_ROWS << DEPTH
    for begin in range(0, level.count, step):
        part = tree.range(level, level.first + begin, min(step, level.count - begin))
        yield begin, tree.read(part).records


def repeated_leaves(tree: Tree, prefixes: Buffer) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Leaves whose hash stood before, as (number, first one's number, record, first's record).

    prefixes: of all leaves; only where two agree in them are the whole hashes read again.
    """
    again = repeated_prefixes(prefixes)
    if not again:
        return
    words = array("Q", bytes(prefixes))
    wanted = set(array("Q", b"".join(again)))
    numbers = [number for number, word in enumerate(words) if word in wanted]
    first: dict[bytes, tuple[int, bytes]] = {}
    for number, record in tree.leaf_records(numbers):
        if number < tree.leaves.padding:
            continue
        known = first.setdefault(record[:32], (number, record))
        if known[0] != number:
            yield number, known[0], record, known[1]


def leaves_with(prefixes: Buffer, node: bytes) -> Iterator[int]:
    """Numbers of the leaves whose hash begins like this one."""
    data, wanted = bytes(prefixes), node[:PREFIX_BYTES]
    at = data.find(wanted)
    while at >= 0:
        if at % PREFIX_BYTES == 0:
            yield at // PREFIX_BYTES
        at = data.find(wanted, at + 1)
