"""The auditor's whole tree of the 2022 reviews (spec plain-sha256-path, section 3, auditor mode).

Files tree-level1.csv, tree-level2.csv, ... of rows `parent,level,left,right`; level 1 holds the
leaves in pairs. An odd last node rises unhashed, so an odd last leaf stands first as the right
child of the last row of some higher level. Every row is recomputed and compared with the level
below, one level in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from merkle_por.documents import Document
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.exchanges._plainpath import CANNOT, NO_TOTALS
from merkle_por.exchanges.silversixpence import (
    MODES,
    is_level_one,
    leaf_hashes,
    level_sizes,
    parse_record,
    promotions,
)
from merkle_por.hashes.sha256 import digests_of_slices
from merkle_por.ledger.bands import ROW_PROBLEMS, leaves_with
from merkle_por.ledger.packed import repeated_prefixes
from merkle_por.ledger.source import Lines, Opened, find_lines, opened
from merkle_por.ledger.text_levels import OTHER_LEVEL, Form, read_rows
from merkle_por.scheme import (
    ROOT,
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
from merkle_por.verdict import About, Account, Scope, Snapshot, Totals

HASH = 32
ROW = 3 * HASH  # a packed row: parent, left, right
BLOCK_ROWS = 1 << 14
_FORM = Form(b"y',n',y',y")
_ROW_BYTES = 3 * 64 + 3 + 2 + 2
MOST_LEVELS = 64
SUFFIXES = ("", ".gz", ".xz", ".zst")


@dataclass
class Level:
    """One file: its number from 1 at the bottom, and where its rows stand."""

    number: int
    ledger: Opened
    lines: Lines
    name: str

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Runs of packed rows with the first one's number. Raises Malformed, Invalid."""
        first_line = self.ledger.place.read(0, min(_ROW_BYTES + 1, self.ledger.size))
        crlf = b"\r\n" in first_line
        for begin in range(0, self.lines.rows, BLOCK_ROWS):
            count = min(BLOCK_ROWS, self.lines.rows - begin)
            span = self.lines.span(begin, count)
            rows = read_rows(
                span.read(self.ledger.place), _FORM, level=self.number, crlf=crlf, final=span.final
            )
            if rows.count < count:
                place = f"{self.name}, line {begin + rows.count + 1}"
                if rows.stop == OTHER_LEVEL:
                    raise Invalid(
                        "bad-height",
                        f"a row of level {self.number} names another level",
                        where=place,
                    )
                reason = rows.stop or "bad-row"
                raise Malformed(reason, ROW_PROBLEMS[reason], where=place)
            yield begin, bytes(rows.records[: count * ROW])


@dataclass
class Nodes:
    """The nodes of one level, 32 bytes each; unknown: whether one more, not yet seen, follows."""

    packed: bytearray = field(default_factory=bytearray)
    unknown: bool = False

    @property
    def count(self) -> int:
        return len(self.packed) // HASH + self.unknown


def check_levels(levels: list[Level], findings: Findings) -> tuple[bytes, bytes]:
    """Recomputes every row: the leaves (32 bytes each), the root. Raises Malformed, Invalid."""
    sizes = [level.lines.rows for level in levels]
    pairs = 2 * sizes[0]
    leaves = next((n for n in (pairs, pairs + 1) if level_sizes(n) == sizes), None)
    if leaves is None:
        raise Invalid("level-mismatch", "the numbers of rows are not those of one tree")
    below = Nodes(unknown=bool(leaves % 2))
    bottom = bytearray()
    last_leaf = b""
    for level in levels:
        above = bytearray()
        rise = promotions(leaves) + 1 if leaves % 2 else 0  # where the odd last leaf shows
        for begin, rows in level.blocks():
            above += _check_block(level, begin, rows, below, findings)
            if level.number == 1:
                bottom += _children(rows)
        if level.number == rise:
            last_leaf = rows[-HASH:]
        if level.number == 1:
            below = Nodes(bottom, below.unknown)
        odd = bytes(below.packed[-HASH:]) if below.count % 2 and not below.unknown else b""
        still = below.unknown and level.number < rise
        below = Nodes(above + odd, still)
    return bytes(bottom) + last_leaf, bytes(below.packed)


def _children(rows: bytes) -> bytes:
    return b"".join([rows[at + HASH : at + ROW] for at in range(0, len(rows), ROW)])


def _check_block(level: Level, begin: int, rows: bytes, below: Nodes, findings: Findings) -> bytes:
    """The parents of some rows as the file has them; what is wrong goes to findings."""
    parents = b"".join([rows[at : at + HASH] for at in range(0, len(rows), ROW)])
    children = _children(rows)
    made = digests_of_slices(rows, 2 * HASH, first=HASH, stride=ROW)
    count = len(rows) // ROW
    if made != parents:
        for row in range(count):
            at = row * HASH
            if made[at : at + HASH] != parents[at : at + HASH]:
                _violation(
                    level,
                    begin + row,
                    "parent-hash",
                    "the parent is not the hash of its children",
                    findings,
                )
    if level.number > 1:
        known = below.packed[2 * HASH * begin : 2 * HASH * (begin + count)]
        if children[: len(known)] != known:
            for row in range(count):
                here = known[2 * HASH * row : 2 * HASH * (row + 1)]
                if children[2 * HASH * row :][: len(here)] != here:
                    _violation(
                        level,
                        begin + row,
                        "chain-broken",
                        "the children are not the nodes of the level below",
                        findings,
                    )
    for row in range(count):
        at = 2 * HASH * row
        if children[at : at + HASH] == children[at + HASH : at + 2 * HASH]:
            _violation(
                level, begin + row, "duplicate-sibling", "a node is its own sibling", findings
            )
    return parents


def _violation(level: Level, row: int, reason: str, text: str, findings: Findings) -> None:
    findings.violation(reason, text, f"{level.name}, line {row + 1}", line=row + 1)


def _level_files(document: Document, given: Given) -> list[Document]:
    """The level files, level 1 first: as given, else those that lie beside the first one."""
    files = given.files("files")
    if files:
        return files
    if document.path is None:
        raise UsageError("files is missing: the level files, level 1 first")
    folder = document.path if document.is_folder else document.path.parent
    found = []
    for number in range(1, MOST_LEVELS + 1):
        path = _level_path(folder, number)
        if path is None:
            break
        found.append(Document.of(path, document.limits))
    return found or [document]


def _level_path(folder: Path, number: int) -> Path | None:
    paths = (folder / f"tree-level{number}.csv{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.exists()), None)


def _judge(document: Document, given: Given, findings: Findings) -> None:
    files = _level_files(document, given)
    if len(files) > MOST_LEVELS:
        raise UsageError(f"{len(files)} level files, at most {MOST_LEVELS}")
    execution = given.execution
    wanted = _own_leaves(document, given, findings)
    findings.claims_inclusion = bool(wanted)
    findings.about(About.INCLUDED if wanted else About.LEDGER)
    with ExitStack() as stack:
        levels = []
        for number, file in enumerate(files, start=1):
            ledger = stack.enter_context(opened(file, document.limits, shared=False))
            if not ledger.size:
                raise Malformed("empty-file", f"there is no row on level {number}")
            lines = find_lines(ledger, b"", longest=_ROW_BYTES, lead=0, progress=execution.progress)
            levels.append(Level(number, ledger, lines, file.name))
        leaves, root = check_levels(levels, findings)
        for level in levels:
            level.ledger.check_unchanged()
    count = len(leaves) // HASH
    rows = sum(level.lines.rows for level in levels)
    findings.details["counts"] = {
        "nodes": rows + count,
        "leaves": count,
        "duplicates": _repeated(leaves),
        "height": len(levels) + 1,
    }
    findings.scope = Scope(
        leaf="given",
        own_balance="not-bound",
        totals="not-claimed",
        others_non_negative="not-shown",
        hash_bits=256,
        levels=len(levels),
    )
    findings.lines[About.TOTALS] = NO_TOTALS
    if not findings.violations:
        findings.passed("tree", f"all {rows:,} rows recomputed", about=About.LEDGER)
    if findings.details["counts"]["duplicates"]:
        findings.warn("leaf-not-unique", "a leaf stands more than once in the tree")
    if wanted:
        _find(wanted, leaves, findings)
    findings.published_root(root.hex(), given)


def _repeated(leaves: bytes) -> int:
    prefixes = memoryview(leaves).cast("Q")[:: HASH // 8].tobytes()
    again = repeated_prefixes(prefixes)
    if not again:
        return 0
    words = set(array("Q", b"".join(again)))
    numbers = [n for n, word in enumerate(array("Q", prefixes)) if word in words]
    hashes = [leaves[n * HASH : (n + 1) * HASH] for n in numbers]
    return len(hashes) - len(set(hashes))


def _own_leaves(document: Document, given: Given, findings: Findings) -> dict[str, str]:
    """Leaf hashes that may be the user's, by how they were made; {} where none was asked for."""
    leaf, shown = given.hash("leaf"), given.object("record")
    found = {"given": leaf} if leaf is not None else {}
    if shown is None:
        return found
    record = parse_record(shown, document.limits)
    findings.snapshot = Snapshot(record.audit)
    findings.account = Account(record.user, record.balances)
    mode = given.text("leaf_mode")
    if mode is not None and mode not in MODES:
        raise UsageError("leaf_mode is single or double")
    made = {k: v for k, v in leaf_hashes(record.text).items() if mode in (None, k)}
    if leaf is None:
        return made
    if leaf not in made.values():
        raise Invalid(
            "leaf-hash",
            "the leaf rebuilt from the record is not the leaf given",
            expected=leaf,
            computed=next(iter(made.values())),
        )
    return {name: digest for name, digest in made.items() if digest == leaf}


def _find(wanted: dict[str, str], leaves: bytes, findings: Findings) -> None:
    prefixes = memoryview(leaves).cast("Q")[:: HASH // 8].tobytes()
    places = {}
    for name, digest in wanted.items():
        node = bytes.fromhex(digest)
        numbers = leaves_with(prefixes, node)
        places[name] = [n for n in numbers if leaves[n * HASH : (n + 1) * HASH] == node]
    found = next((name for name, numbers in places.items() if numbers), None)
    findings.check(
        found is not None,
        "leaf-not-found",
        "your leaf is one of the tree's",
        "your leaf is not in the tree",
        about=About.INCLUDED,
    )
    if found is not None:
        findings.version = found if found in MODES else None
        findings.details["leaf_indexes"] = places[found][:100]
        if len(places[found]) > 1:
            findings.warn("leaf-not-unique", f"your leaf stands {len(places[found])} times")


def _recognises(document: Document) -> bool:
    if document.is_folder:
        assert document.path is not None
        return _level_path(document.path, 1) is not None
    return is_level_one(plain_head(document))


SCHEME = Scheme(
    id="silversixpence-tree",
    exchange="silversixpence",
    also=("binance", "kucoin", "crypto-com"),
    exchange_name="the reviewed exchange",
    title="The auditor's whole tree of the 2022 reviews by Mazars, all level files",
    used="2022-11 to 2022-12, historical",
    file_name="tree-level1.csv",
    kind=Kind.LEDGER,
    streams=True,
    recognises=_recognises,
    judge=_judge,
    facts={
        "root": ROOT,
        "files": Fact(
            FactKind.FILES,
            "all level files, level 1 first; those beside the first one where not given",
        ),
        "leaf": Fact(FactKind.HASH, "your leaf hash"),
        "record": Fact(
            FactKind.VALUE,
            "your record as the exchange shows it: an object with the texts user_id, salt, "
            "audit_id, balances",
        ),
        "leaf_mode": Fact(FactKind.TEXT, "single or double: how often the record is hashed"),
    },
    assurance=Assurance(
        included="with your record or leaf given: it is one of the tree's leaves",
        totals="not claimed: the tree carries no sums",
        cannot=CANNOT,
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file="the auditor's repository (merkletree-verify) holds one example; none of an exchange",
        root="the auditor's report",
        certain="the official builder was run; its published tree was rebuilt",
    ),
)
