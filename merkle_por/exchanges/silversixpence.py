"""Silver Sixpence / Mazars reviews of 2022: Binance, KuCoin, Crypto.com (plain-sha256-path, 3).

The proof is the user's rows of the auditor's own level files, `parent,level,left,right`, bottom
first; the record behind the leaf is shown on the user's account page and given from outside,
because its joined text can't be split back. An odd last node moves up unhashed (the program does
so, the README's prose does not). No path verifier was ever published, two hash helpers only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from merkle_por.amounts import amount
from merkle_por.documents import Document, Fields, Limits
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.exchanges._plainpath import (
    CANNOT,
    HASH_DIGITS,
    PlainProof,
    check_leaf,
    finish,
    hash_of,
    sha256_text,
)
from merkle_por.exchanges.template import OWN_NOTE, ROOT_MATCH, TEMPLATE, Template
from merkle_por.merkle.paths import Joined, Side, Step, parent
from merkle_por.scheme import ROOT, Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Snapshot, Totals

FIELDS = ("user_id", "salt", "audit_id", "balances")
FIELD_CHARS = 1_000
SINGLE, DOUBLE = "single", "double"
MODES = (SINGLE, DOUBLE)
_TIMES = {SINGLE: "once", DOUBLE: "twice"}
_LEVEL = re.compile(r"[1-9][0-9]?")
_ROW = re.compile(r"[0-9A-Fa-f]{64},[0-9]{1,2},[0-9A-Fa-f]{64},[0-9A-Fa-f]{64}")


@dataclass(frozen=True)
class Row:
    """One row of a level file: hashes in lower case, level counted from 1 above the leaves."""

    parent: str
    level: int
    left: str
    right: str


@dataclass(frozen=True)
class Record:
    """What the exchange shows a user. `text` is what is hashed."""

    user: str
    audit: str
    text: str
    balances: Mapping[str, Decimal]


def parse_rows(data: str, limits: Limits) -> list[Row]:
    """Rows of a proof or of one level file, [] for an empty text.

    Raises Malformed: bad-row, bad-hash.
    """
    lines = data.split("\n")
    if lines[-1] == "":
        lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        where = f"line {number}"
        cells = line.removesuffix("\r").split(",", 4)
        if len(cells) != 4:
            raise Malformed("bad-row", "not parent,level,left,right", where=where)
        if not _LEVEL.fullmatch(cells[1]) or int(cells[1]) > limits.path_levels:
            raise Malformed("bad-row", "the level is no number from 1 up", where=where)
        above, left, right = (hash_of(cells[i], Joined.BYTES, where) for i in (0, 2, 3))
        rows.append(Row(above, int(cells[1]), left, right))
    return rows


def parse_balances(text: str, limits: Limits) -> dict[str, Decimal]:
    """`BTC=1.0000|ETH=2.0000` -> amounts in order. Raises Malformed."""
    balances: dict[str, Decimal] = {}
    if text.count("|") >= limits.assets:
        raise Malformed("too-big", f"more than {limits.assets} assets", where="record.balances")
    for item in text.split("|"):
        asset, separator, value = item.partition("=")
        if not (asset and separator):
            raise Malformed("bad-row", f'"{item[:40]}" is not ASSET=amount', where="record")
        if asset in balances:
            raise Malformed("duplicate-asset", f'"{asset[:20]}" stands twice', where="record")
        balances[asset] = amount(value, f"record, {asset[:20]}", max_chars=limits.number_chars)
    return balances


def parse_record(value: Mapping[str, Any], limits: Limits) -> Record:
    """The record as the exchange displays it, four texts. Raises Malformed."""
    fields = Fields(dict(value), "record", limits).only(*FIELDS).required(*FIELDS)
    user, salt, audit = (fields.text(name, FIELD_CHARS) for name in FIELDS[:3])
    shown = fields.text("balances", 200_000)
    return Record(user, audit, user + salt + audit + shown, parse_balances(shown, limits))


def leaf_hashes(record: str) -> dict[str, str]:
    """Both depths in use: `single` hash of the record, `double` hash of that hash's text."""
    single = sha256_text(record)
    return {SINGLE: single, DOUBLE: sha256_text(single)}


def check_rows(rows: Sequence[Row], leaf: str) -> tuple[tuple[Step, ...], list[str]]:
    """Sides and running hashes of a leaf's path. Raises Invalid.

    A level number may be skipped (the node was promoted there), never repeated.
    """
    running, level = leaf, 0
    steps, rebuilt = [], []
    for number, row in enumerate(rows, start=1):
        where = f"line {number}"
        if row.level <= level:
            raise Invalid("bad-height", "the levels do not rise", where=where)
        if row.left == row.right:
            raise Invalid("duplicate-sibling", "a node is its own sibling", where=where)
        computed = parent(row.left, row.right, Joined.BYTES)
        if computed != row.parent:
            raise Invalid(
                "parent-hash",
                "the parent is not the hash of its children",
                where=where,
                expected=row.parent,
                computed=computed,
            )
        if running not in (row.left, row.right):
            raise Invalid("chain-broken", "the path's node is not in this row", where=where)
        if running == row.left:
            steps.append(Step(Side.RIGHT, row.right))
        else:
            steps.append(Step(Side.LEFT, row.left))
        running, level = row.parent, row.level
        rebuilt.append(running)
    return tuple(steps), rebuilt


def level_sizes(leaves: int) -> list[int]:
    """Rows of each level file of a tree, level 1 first."""
    sizes = []
    while leaves > 1:
        sizes.append(leaves // 2)
        leaves = (leaves + 1) // 2
    return sizes


def promotions(leaves: int) -> int:
    """How many levels the last of an odd number of leaves rises unhashed."""
    count = 0
    while leaves % 2:
        count += 1
        leaves = (leaves + 1) // 2
    return count


def _rebuilt(
    record: Record, leaf: str | None, rows: Sequence[Row], given: Given, findings: Findings
) -> str:
    """The leaf rebuilt from the record, at the depth that fits the leaf, the first row or (a
    tree of one leaf) the published root."""
    mode = given.text("leaf_mode")
    if mode is not None and mode not in MODES:
        raise UsageError("leaf_mode is single or double")
    leaves = {
        name: leaf_ for name, leaf_ in leaf_hashes(record.text).items() if mode in (None, name)
    }
    wanted = {leaf} if leaf else {rows[0].left, rows[0].right} if rows else {given.hash("root")}
    fits = [name for name, digest in leaves.items() if digest in wanted]
    findings.version = fits[0] if fits else next(iter(leaves))
    rebuilt = leaves[findings.version]
    if rows and not leaf and not fits:
        raise Invalid(
            "leaf-hash",
            "the leaf rebuilt from the record is not in the path's first row",
            computed=rebuilt,
        )
    return rebuilt


def _judge(document: Document, given: Given, findings: Findings) -> None:
    rows = parse_rows(document.text_without_bom, document.limits)
    if not rows and not given.flag("single_leaf"):
        raise Malformed(
            "empty-file",
            "there is no row in the file",
            "a tree of one leaf has none: --given single_leaf=true",
        )
    if len(rows) > document.limits.path_levels:
        raise Malformed("too-deep", f"{len(rows)} rows")
    template = Template.given(given) if "record" in given else None
    proof = _own_leaf(rows, document.limits, given, template, findings)
    start = check_leaf(proof, findings)
    if proof.rebuilt is not None:
        findings.details["own_notes"] = [OWN_NOTE]
    steps, rebuilt = check_rows(rows, start)
    finish(replace(proof, steps=steps), start, rebuilt, findings, given)
    if template is not None:
        template.confirmed(findings, ROOT_MATCH)
    elif proof.rebuilt is not None:
        # Which exchange hashes the record how often is not public: the user learns which fits.
        findings.lines[About.INCLUDED] = (
            f"leaf rebuilt from your record, hashed {_TIMES[str(findings.version)]}; "
            f"{len(steps)} level{'s' if len(steps) != 1 else ''}; 256-bit hashes"
        )


def _own_leaf(
    rows: Sequence[Row],
    limits: Limits,
    given: Given,
    template: Template | None,
    findings: Findings,
) -> PlainProof:
    """The proof so far: leaf and record as the caller gave them, no steps yet."""
    leaf, shown = given.hash("leaf"), given.object("record")
    if shown is None:
        if leaf is None:
            raise Incomplete(
                "leaf-not-given",
                "which leaf is yours was not said: give your record or your leaf hash",
            )
        return PlainProof(leaf, None, (), Joined.BYTES)
    if template is not None:
        if template.leaf_digits != HASH_DIGITS:
            raise UsageError("these rows hold whole hashes: leaf_digits must be 64")
        owner = template.record(shown, limits)
        template.report(findings)
        findings.snapshot = Snapshot(owner.audit or None)
        rebuilt = template.leaf(owner)
        return PlainProof(leaf, rebuilt, (), Joined.BYTES, None, owner.uid, owner.balances)
    record = parse_record(shown, limits)
    findings.snapshot = Snapshot(record.audit)
    rebuilt = _rebuilt(record, leaf, rows, given, findings)
    return PlainProof(leaf, rebuilt, (), Joined.BYTES, None, record.user, record.balances)


def is_level_one(head: bytes) -> bool:
    """Whether a file begins with two rows of level 1: a whole level's file, no user's path."""
    lines = head.split(b"\n", 2)[:2]
    rows = [line.removesuffix(b"\r").decode("latin-1") for line in lines]
    return len(rows) == 2 and all(_ROW.fullmatch(row) and row[64:67] == ",1," for row in rows)


def _recognises(document: Document) -> bool:
    return _ROW.fullmatch(document.first_line) is not None and not is_level_one(document.head)


SCHEME = Scheme(
    id="silversixpence",
    exchange="silversixpence",
    also=("binance", "kucoin", "crypto-com"),
    exchange_name="the reviewed exchange",
    title="Plain SHA-256 path of the 2022 reviews by Mazars (Binance, KuCoin, Crypto.com)",
    used="2022-11 to 2022-12, historical",
    file_name="proof.csv",
    recognises=_recognises,
    judge=_judge,
    facts={
        "root": ROOT,
        "record": Fact(
            FactKind.VALUE,
            "your record as the exchange shows it: an object with the texts user_id, salt, "
            "audit_id, balances (balances like BTC=1.0000|ETH=2.0000, digits as shown)",
        ),
        "leaf": Fact(FactKind.HASH, "your leaf hash, if there is no record or besides it"),
        "leaf_mode": Fact(FactKind.TEXT, "single or double: how often the record is hashed"),
        "single_leaf": Fact(FactKind.FLAG, "the tree has one leaf only, so the file is empty"),
        "template": TEMPLATE,
    },
    assurance=Assurance(
        included="your record is rebuilt to the leaf, and the rows lead from it to the root",
        totals="not claimed: the tree carries no sums",
        cannot=(
            *CANNOT,
            "Which exchange hashed the record once and which twice was never published; a match "
            "with the published root settles it.",
        ),
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file=(
            "the auditor's review page (no longer online) drew the path; the record is on the "
            "exchange's own proof-of-reserves page"
        ),
        root=(
            "the auditor's report; for Binance's review PR22NOV22 it was "
            "b47221413078d47b0d9beb40447786904dae1ed2ff35e365416b5de6cd1089ee (read on the "
            "auditor's page, not recomputed)"
        ),
        certain="the official hash functions and the published tree were run; no path program",
    ),
)
