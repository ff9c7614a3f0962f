"""OKX, the whole published tree of 2023-03 and a user's leaves in it (spec okx-merkle-v2).

The official validator looks for the user's lines in the file and hashes no inner node, so lines
appended to a tree that does not hold them pass; it counts lines, not leaves, so one leaf that
stands twice stands in for a missing one; and it compares no root. Here the whole tree is
recomputed, and each of the user's leaves needs a line of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from merkle_por.amounts import EXACT, add, amounts, grouped, negatives, stripped
from merkle_por.documents import Document, Fields, parse_json
from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.exchanges import _ledger
from merkle_por.exchanges.okx.merkle_v1 import COINS, DECIMALS, leaf_hash
from merkle_por.execution import Execution
from merkle_por.ledger.bands import Audit, Tree, audit_tree, leaves_with, repeated_leaves
from merkle_por.ledger.source import Opened, find_lines, opened
from merkle_por.ledger.text_levels import AMOUNT_END, OTHER_LEVEL, Form, literal
from merkle_por.ledger.text_tree import TextRows, leaf_rows_of, levels_of, runs, with_leaf_padding
from merkle_por.scheme import (
    EXPECT,
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
from merkle_por.verdict import About, Account, Node, Scope, Totals

DIGITS = 64
MOST_PARTS = 10_000  # leaves that one user is split into
_ROW = Form(
    b"x',n',"
    + b"".join(
        literal(f'{"{" if coin == COINS[0] else chr(34) + ","}"{coin}":"') + b"a" for coin in COINS
    )
    + literal('"}'),
    decimals=(DECIMALS,) * len(COINS),
)
# In file order the right child stands before the left one, whose hash comes first.
_NODE = Form(b"yx" + b"a" * len(COINS) + b"n", decimals=(DECIMALS,) * len(COINS))
_ROW_BYTES = 400  # 64 digits, a height, three amounts of at most 49 characters, their names
_TREE = re.compile(rb'[0-9a-f]{64},[0-9]+,\{"BTC":')
_HEAD = re.compile(rb"[0-9a-f]{64},(0|[1-9][0-9]{0,18}),")
NAMING = _ledger.Naming(
    COINS, DECIMALS, node=lambda row: f"line {row + 1}", line=lambda row: row + 1
)
DIALECT = TextRows(_ROW, _NODE)


# ---- the tree ----


def _lines_of(ledger: Opened) -> Iterator[bytes]:
    with ledger.place.open() as stream:
        while line := stream.readline(_ROW_BYTES + 1):
            yield line


def _heights(ledger: Opened) -> Iterator[int]:
    for number, line in enumerate(_lines_of(ledger), start=1):
        match = _HEAD.match(line)
        if match is None:
            raise _bad_line(line, number)
        yield int(match[1])


def _bad_line(line: bytes, number: int, reason: str = "bad-row") -> Malformed:
    """Says what is wrong with a line that is no row, as exactly as it can."""
    where = f"line {number}"
    node, _, rest = line.rstrip(b"\n").partition(b",")
    _, _, shown = rest.partition(b",")
    if len(node) != DIGITS or not re.fullmatch(rb"[0-9a-f]+", node):
        return Malformed("bad-hash", "not 64 lower-case hexadecimal digits", where=where)
    try:
        fields = Fields(parse_json(shown), "").only(*COINS).required(*COINS)
        amounts(fields, decimals=DECIMALS, canonical=True)
    except Malformed as error:
        return Malformed(error.reason, error.text, where=where)
    return Malformed(reason, 'not hash,height,{"BTC":"..","ETH":"..","USDT":".."}', where=where)


def _line(ledger: Opened, number: int) -> bytes:
    return next((text for n, text in enumerate(_lines_of(ledger), start=1) if n == number), b"")


def _refuse_shape(ledger: Opened) -> None:
    """The levels as the lines name them; raises what is wrong with them."""
    found = runs(_heights(ledger))
    heights = [height for height, _ in found]
    if heights[-1] != 1 and heights == list(range(heights[0], heights[-1] - 1, -1)):
        raise Malformed(
            "level-gap", f"the lowest level is {heights[-1]}: the leaves (level 1) are missing"
        )
    if heights != list(range(heights[0], 0, -1)):
        raise Malformed("bad-height", "the levels do not run from the root's down to 1")
    if found[0][1] != 1:
        raise Invalid("many-roots", f"{found[0][1]} nodes stand on the top level", where="line 1")
    for (height, count), (_, below) in pairwise(found):
        nodes = below // 2
        wanted = nodes + (nodes % 2 if height != heights[0] else 0)
        if below % 2 or wanted != count:
            raise Invalid(
                "level-size",
                f"level {height} has {count:,} lines above {below:,}",
                expected=str(wanted),
                computed=str(count),
            )


def open_tree(ledger: Opened, execution: Execution) -> Tree:
    """Raises Malformed (empty-file, bad-row, bad-height, level-gap), Invalid (level-size,
    many-roots), Incomplete."""
    if ledger.size == 0:
        raise Malformed("empty-file", "there is nothing in the file")
    lines = find_lines(ledger, b"", longest=_ROW_BYTES, lead=0, progress=execution.progress)
    leaf_rows = leaf_rows_of(lines.rows)
    if leaf_rows is None:
        _refuse_shape(ledger)
        raise Invalid("level-size", f"no tree has {lines.rows:,} lines")
    return with_leaf_padding(Tree(levels_of(leaf_rows), lines, ledger.place, DIALECT))


@dataclass
class Whole:
    """A recomputed tree: the engine's answer, and how many leaf lines stand twice."""

    tree: Tree
    audit: Audit
    root: str


def audit_whole(ledger: Opened, execution: Execution, findings: Findings) -> Whole:
    """Recomputes the tree and reports what is wrong. Raises Malformed, Invalid, Incomplete."""
    tree = open_tree(ledger, execution)
    audit = audit_tree(tree, execution)
    if audit.stop is not None:
        ledger.check_unchanged()
        row, reason = audit.stop
        if reason == OTHER_LEVEL:
            _refuse_shape(ledger)
        if reason == "negative-balance":
            _ledger.stop(audit, NAMING)
        raise _bad_line(_line(ledger, row + 1), row + 1, "bad-row")
    twice = 0
    conflicts = []
    for number, first, record, before in repeated_leaves(tree, audit.prefixes):
        if record == before:
            twice += 1
        else:
            conflicts.append((number, first))
    ledger.check_unchanged()
    _ledger.report_nodes(audit, NAMING, findings)
    for number, first in conflicts:
        place, other = (NAMING.node(tree.leaves.first + n) for n in (number, first))
        findings.violation(
            "duplicate-leaf",
            f"the leaf of {other} with other balances",
            place,
            line=tree.leaves.first + number + 1,
        )
    _ledger.conclude(tree, audit, twice + len(conflicts), NAMING, findings)
    if twice:
        findings.warn(
            "leaf-not-unique",
            f"{twice:,} leaf {'line stands' if twice == 1 else 'lines stand'} twice, balances "
            "and all: a customer's equal parts, or one leaf shown to two customers",
        )
    return Whole(tree, audit, tree.root()[:32].hex())


# ---- the user's file ----


@dataclass(frozen=True)
class Part:
    """One of a user's leaves."""

    hash: str
    balances: Mapping[str, Decimal]
    texts: Mapping[str, str]

    @property
    def record(self) -> bytes | None:
        """As the tree file's rows are packed; None for an amount that no row holds."""
        units = [int(EXACT.scaleb(self.balances[coin], DECIMALS)) for coin in COINS]
        if max(units) >= AMOUNT_END:
            return None
        return bytes.fromhex(self.hash) + b"".join(u.to_bytes(16, "little") for u in units)


@dataclass(frozen=True)
class User:
    """Normal form of `user_info_file.json`."""

    hash: str
    nonce: str
    total: Part
    parts: tuple[Part, ...]


def part_hash(user: str, texts: Mapping[str, str]) -> str:
    """A leaf: SHA-256 of the user's hash and the three amounts, nothing between them."""
    return hashlib.sha256((user + "".join(texts[coin] for coin in COINS)).encode()).hexdigest()


def _part(fields: Fields, digest: str) -> Part:
    read = amounts(fields.only(*COINS).required(*COINS), decimals=DECIMALS, canonical=True)
    return Part(digest, read, fields.members)


def parse_user(document: Document) -> User:
    """Raises Malformed."""
    known = ("hash", "nonce", "totalBalances", "nodes")
    top = Fields(document.json, "", document.limits).only(*known).required(*known)
    rows = top.array("nodes", low=1, high=MOST_PARTS)
    parts = []
    for index, row in enumerate(rows):
        node = Fields(row, f"nodes[{index}]", document.limits)
        node.only("hash", "balances", "height", "type")
        parts.append(_part(node.object("balances"), node.hex("hash", DIGITS)))
    own = top.hex("hash", DIGITS)
    return User(
        own, top.hex("nonce", DIGITS), _part(top.object("totalBalances"), own), tuple(parts)
    )


def check_user(user: User, findings: Findings) -> None:
    """The file against itself. Raises Invalid."""
    findings.about(About.INCLUDED)
    rebuilt = leaf_hash(user.nonce, user.total.texts)
    findings.check(
        rebuilt == user.hash,
        "user-hash",
        "your hash is rebuilt from nonce and balances",
        "the hash rebuilt from nonce and balances is not the file's",
        expected=user.hash,
        computed=rebuilt,
    )
    sums = dict.fromkeys(COINS, Decimal(0))
    for index, part in enumerate(user.parts):
        made = part_hash(user.hash, part.texts)
        if made != part.hash:
            raise Invalid(
                "leaf-hash",
                "the leaf rebuilt from the balances is not the file's leaf",
                where=f"nodes[{index}]",
                expected=part.hash,
                computed=made,
            )
        sums = {coin: add(sums[coin], part.balances[coin]) for coin in COINS}
    for part in (*user.parts, user.total):
        for coin, value in negatives(part.balances).items():
            raise Invalid(
                "negative-balance",
                f"a part of your {coin} is negative: it hides as much elsewhere ({grouped(value)})",
            )
    for coin in COINS:
        if stripped(sums[coin]) != user.total.texts[coin]:
            raise Invalid(
                "sum-mismatch",
                f"your parts of {coin} do not add up to your balance",
                expected=user.total.texts[coin],
                computed=stripped(sums[coin]),
            )
    findings.passed("parts", f"{len(user.parts)} leaves rebuilt, they add up to your balances")


def find_parts(user: User, whole: Whole) -> list[int]:
    """Leaf lines of the user's parts, each with one of its own. Raises Invalid leaf-not-found."""
    lines: list[int] = []
    for (digest, record), wanted in Counter((p.hash, p.record) for p in user.parts).items():
        same: list[int] = []
        if record is not None:
            numbers = sorted(leaves_with(whole.audit.prefixes, record[:32]))
            # A padding row is a copy without balances: of a leaf that has none it can't be told.
            first = whole.tree.leaves.padding if any(record[32:]) else 0
            real = [number for number in numbers if number >= first]
            same = [n for n, found in whole.tree.leaf_records(real) if found == record]
        if len(same) < wanted:
            raise Invalid(
                "leaf-not-found",
                "one of your leaves has no line of its own in the published tree",
                computed=digest,
            )
        lines += [whole.tree.leaves.first + number + 1 for number in same[:wanted]]
    return sorted(lines)


def _judge_user(document: Document, given: Given, findings: Findings) -> None:
    user = parse_user(document)
    check_user(user, findings)
    findings.account = Account(user.hash, user.total.balances)
    findings.nodes.extend(
        Node(0, "leaf", part.hash, None, part.balances, user.hash) for part in user.parts
    )
    findings.compare("balances", "your statement at the snapshot")
    tree = given.file("tree")
    if tree is None:
        raise Incomplete(
            "fact-not-given",
            "the published tree (full-liabilities-merkle-tree.txt) is needed: --given tree=FILE",
        )
    shared = given.execution.shared
    with opened(tree, document.limits, shared=shared) as ledger:
        whole = audit_whole(ledger, given.execution, findings)
        findings.about(About.INCLUDED)
        lines = find_parts(user, whole)
    findings.scope = _scope(whole, own=True)
    findings.details["lines"] = lines[:100]
    findings.passed(
        "leaf", f"each of your leaves has a line of its own ({len(lines)})", about=About.INCLUDED
    )
    findings.published_root(whole.root, given)


def _judge_tree(document: Document, given: Given, findings: Findings) -> None:
    findings.claims_inclusion = False
    findings.about(About.TOTALS)
    with opened(document, document.limits, shared=given.execution.shared) as ledger:
        whole = audit_whole(ledger, given.execution, findings)
    findings.scope = _scope(whole, own=False)
    findings.published_root(whole.root, given)
    _ledger.lone_leaf(whole.tree, "totals" in given, findings)


def _scope(whole: Whole, *, own: bool) -> Scope:
    return Scope(
        leaf="recomputed" if own else "given",
        own_balance="bound" if own else "not-bound",
        others_non_negative="shown",
        hash_bits=256,
        levels=len(whole.tree.levels) - 1,
    )


def _judge(document: Document, given: Given, findings: Findings) -> None:
    if document.looks_like_json or not (document.size or given.file("tree") is None):
        _judge_user(document, given, findings)
    else:
        _judge_tree(document, given, findings)


def _recognises(document: Document) -> bool:
    if not document.looks_like_json:
        return _TREE.match(plain_head(document)) is not None
    match document.json_or_none:
        case {"hash": _, "nonce": _, "totalBalances": _, "nodes": _} as members:
            return "path" not in members
    return False


SCHEME = Scheme(
    id="okx-merkle-v2",
    exchange="okx",
    exchange_name="OKX",
    title="Whole published Merkle-sum tree, and a user's leaves in it",
    used="2023-03, historical",
    file_name="full-liabilities-merkle-tree.txt, user_info_file.json",
    kind=Kind.LEDGER,
    streams=True,
    recognises=_recognises,
    members=("hash", "nonce", "totalBalances", "nodes", "balances"),
    judge=_judge,
    facts={
        "root": ROOT,
        "expect": EXPECT,
        "tree": Fact(FactKind.FILE, "with a user's file: the published tree"),
    },
    assurance=Assurance(
        included="your leaves, rebuilt from nonce and balances, each have a line in the tree",
        totals="every node of the tree is recomputed, no amount is negative",
        cannot=(
            "Who was left out altogether.",
            "That two customers with one nonce and equal balances are not shown the same leaves: "
            "compare with others.",
        ),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file="your file: OKX > Audits > Details, copy; the tree: the public download page",
        root="OKX's proof of reserves page, audit of 2023-03",
        certain="official sample and program; the order of lines was found from the sample",
    ),
)
