"""Published trees whose rows and nodes are text, level by level with the root first.

The rows' and nodes' templates are data (text_levels.py); how many nodes a level has follows from
the level below: a level of odd length gets one padding row at its start, except for the root.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from merkle_por.ledger import text_levels
from merkle_por.ledger.bands import HASH, SUM, Buffer, Level, Rows, Tree, Wrong
from merkle_por.ledger.packed import words_of
from merkle_por.ledger.text_levels import Form

HASH_BYTES = 32
_WORD = 8


@dataclass(frozen=True)
class TextRows:
    """The rows' dialect: one hash, then amounts, as `row` reads and `node` hashes them."""

    row: Form
    node: Form

    @property
    def size(self) -> int:
        return self.row.record_bytes()

    def read(self, text: Buffer, level: Level, *, final: bool) -> Rows:
        rows = text_levels.read_rows(text, self.row, level=level.number, final=final)
        return Rows(rows.records, rows.count, rows.stop)

    def check(self, parents: Buffer, children: Buffer, level: Level) -> list[Wrong]:
        made = text_levels.parents(children, self.node, level=level.number)
        if made == parents:
            return []
        size = self.size
        wrong = []
        for index in range(len(parents) // size):
            said = bytes(parents[index * size : (index + 1) * size])
            pair = children[2 * index * size : 2 * (index + 1) * size]
            # What was made ends where a sum leaves 128 bits; what is missing is judged alone.
            if made[index * size : (index + 1) * size] != said:
                found = self._wrong(index, said, pair, level)
                if found.reasons:
                    wrong.append(found)
        return wrong

    def _wrong(self, index: int, said: bytes, pair: Buffer, level: Level) -> Wrong:
        made = text_levels.parents(pair, self.node, level=level.number)
        held = self.sums(pair)
        own = self.sums(said)
        reasons = [SUM] if held != own else []
        if made[:HASH_BYTES] != said[:HASH_BYTES]:
            reasons.append(HASH)
        return Wrong(
            index, tuple(reasons), own, held, said[:HASH_BYTES].hex(), made[:HASH_BYTES].hex()
        )

    def padding(self, records: Buffer) -> str | None:
        size = self.size
        if records[:HASH_BYTES] != records[size : size + HASH_BYTES]:
            return "padding-hash"
        return "padding-not-zero" if any(records[HASH_BYTES:size]) else None

    def sums(self, records: Buffer) -> tuple[int, ...]:
        values = words_of(records)
        step = self.size // _WORD
        totals = []
        for asset in range(len(self.row.decimals)):
            at = HASH_BYTES // _WORD + 2 * asset
            totals.append(sum(values[at::step]) + (sum(values[at + 1 :: step]) << 64))
        return tuple(totals)

    def prefixes(self, records: Buffer) -> bytes:
        return memoryview(records).cast("B").cast("Q")[:: self.size // _WORD].tobytes()

    def find(self, records: Buffer, first: int, key: bytes) -> list[tuple[int, int]]:
        return []


def level_counts(leaf_rows: int) -> list[tuple[int, int]]:
    """Nodes and rows of each level from the leaves up, as (nodes, rows).

    leaf_rows: rows of the lowest level, 1 or even (its padding can't be told from a leaf here, so
    all count as nodes). A level of odd length above it has one padding row, except for the root.
    """
    counts = [(leaf_rows, leaf_rows)]
    while counts[-1][1] > 1:
        nodes = counts[-1][1] // 2
        counts.append((nodes, nodes + (nodes % 2 if nodes > 1 else 0)))
    return counts


def _rows(leaf_rows: int) -> int:
    return sum(rows for _, rows in level_counts(leaf_rows))


def leaf_rows_of(rows: int) -> int | None:
    """Rows of the lowest level in a file of so many rows, None where no tree has so many."""
    if rows == 1:
        return 1
    low, high = 1, max(rows // 2, 1)  # half of the answer
    while low < high:
        middle = (low + high) // 2
        if _rows(2 * middle) < rows:
            low = middle + 1
        else:
            high = middle
    return 2 * low if _rows(2 * low) == rows else None


def levels_of(leaf_rows: int) -> tuple[Level, ...]:
    """The levels, root first, numbered from 1 at the leaves; no padding among the leaves."""
    counts = level_counts(leaf_rows)
    levels = []
    first = 0
    for number in range(len(counts), 0, -1):
        nodes, rows = counts[number - 1]
        levels.append(Level(number, first, rows, rows - nodes))
        first += rows
    return tuple(levels)


def with_leaf_padding(tree: Tree) -> Tree:
    """The tree, its first leaf row taken as padding where it is one: nothing but a copy of its
    neighbour's hash. A row that only nearly is one counts as a leaf, and is judged as such."""
    leaves = tree.leaves
    if leaves.count < 2:
        return tree
    rows = tree.read(tree.range(leaves, leaves.first, 2))
    if rows.problem is not None or tree.dialect.padding(rows.records) is not None:
        return tree
    return replace(tree, levels=(*tree.levels[:-1], replace(leaves, padding=1)))


def runs(heights: Iterator[int]) -> list[tuple[int, int]]:
    """Runs of equal numbers, as (number, how often)."""
    found: list[tuple[int, int]] = []
    for height in heights:
        if found and found[-1][0] == height:
            found[-1] = (height, found[-1][1] + 1)
        else:
            found.append((height, 1))
    return found
