"""BingX, TopOne and Pionex: plain SHA-256 paths in one container (spec plain-sha256-path).

The three hand the user strings for a command line, no file; the container keeps these strings
verbatim. What differs between them is data (`DIALECTS`) and one small function each for the
record and the path. Their programs print a root and leave the comparison to the eye; BingX's and
TopOne's read any unknown side token as the other side, Pionex's takes indices of no tree at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import amount, stripped
from merkle_por.documents import LIMITS, Document, Fields, Limits
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._plainpath import (
    CANNOT,
    PlainProof,
    hash_of,
    judge,
    sha256_text,
    sided_steps,
    split_path,
)
from merkle_por.merkle.paths import Joined, Side, Step
from merkle_por.scheme import ROOT, Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import Totals

TOTAL = "Total"  # a member of the record, in USD (BingX) or as the page shows it
RECORD_CHARS = 200_000
_INDEX = re.compile(r"[1-9][0-9]{0,19}")

Record = dict[str, Decimal]


@dataclass(frozen=True)
class Dialect:
    """One exchange: how hashes are joined, and how record and path are written.

    record: asset -> amount text, in order -> checked amounts. steps: path text -> steps.
    """

    exchange: str
    name: str
    joined: Joined
    record: Callable[[list[tuple[str, str]]], Record]
    steps: Callable[[str, Joined, Limits], tuple[Step, ...]]


def parse_record(record: str, dialect: Dialect, limits: Limits = LIMITS) -> tuple[str, Record]:
    """`id,ASSET:amount,...` -> (id, amounts in file order).

    Raises Malformed: bad-hash, bad-row, bad-amount, duplicate-asset, asset-set; Invalid:
    non-canonical-amount, asset-order.
    """
    owner, *items = record.split(",", limits.assets + 1)
    if len(items) > limits.assets:
        raise Malformed("too-big", f"more than {limits.assets} assets", where="record")
    hash_of(owner, Joined.BYTES, "record")
    pairs: dict[str, str] = {}
    for item in items:
        asset, separator, value = item.partition(":")
        if not (asset and separator):
            raise Malformed("bad-row", f'"{item[:40]}" is not ASSET:amount', where="record")
        amount(value, f"record, {asset[:20]}", max_chars=limits.number_chars)
        if asset in pairs:
            raise Malformed("duplicate-asset", f'"{asset[:20]}" stands twice', where="record")
        pairs[asset] = value
    return owner, dialect.record(list(pairs.items()))


def canonical(text: str) -> bool:
    """BingX's number rule: no trailing zeros, zero is 0.0, whole numbers stay bare."""
    number = Decimal(text)
    return text == (stripped(number) if number else "0.0")


def _amounts(pairs: list[tuple[str, str]]) -> Record:
    return {asset: Decimal(text) for asset, text in pairs}


def _canonical_amounts(pairs: list[tuple[str, str]]) -> Record:
    for asset, text in pairs:
        if not canonical(text):
            raise Invalid(
                "non-canonical-amount",
                f'"{text[:40]}" breaks the number rule (no trailing zeros, zero is 0.0)',
                where=f"record, {asset[:20]}",
            )
    return _amounts(pairs)


def _total_last(pairs: list[tuple[str, str]]) -> None:
    if not pairs or pairs[-1][0] != TOTAL:
        raise Malformed("asset-set", f'the record must end in "{TOTAL}"', where="record")


def _bingx_record(pairs: list[tuple[str, str]]) -> Record:
    _total_last(pairs)
    return _canonical_amounts(pairs)


def _topone_record(pairs: list[tuple[str, str]]) -> Record:
    if [asset for asset, _ in pairs] != ["USDT"]:
        raise Malformed("asset-set", "the record must hold USDT and nothing else", where="record")
    return _canonical_amounts(pairs)


def _pionex_record(pairs: list[tuple[str, str]]) -> Record:
    _total_last(pairs)
    names = [asset for asset, _ in pairs[:-1]]
    if names != sorted(names):
        raise Invalid("asset-order", "the assets are not sorted by their names", where="record")
    return _amounts(pairs)


def _bingx_steps(path: str, joined: Joined, limits: Limits) -> tuple[Step, ...]:
    return sided_steps(path, {"l": Side.LEFT, "r": Side.RIGHT}, ":", joined, limits)


def _topone_steps(path: str, joined: Joined, limits: Limits) -> tuple[Step, ...]:
    return sided_steps(path, {"0": Side.LEFT, "1": Side.RIGHT}, "", joined, limits)


def pionex_steps(path: str, joined: Joined, limits: Limits = LIMITS) -> tuple[Step, ...]:
    """Comma list of `INDEX:hash` in any order; INDEX is the sibling's place in a heap (root 1).

    Raises Malformed: bad-step, bad-hash, duplicate-index, too-deep; Invalid: index-chain.
    """
    nodes: dict[int, str] = {}
    for position, item in enumerate(split_path(path, limits)):
        where = f"path item {position + 1}"
        index, separator, digits = item.partition(":")
        if not (separator and _INDEX.fullmatch(index)) or int(index) < 2:
            raise Malformed("bad-step", f'"{item[:20]}" has no index of a node', where=where)
        if int(index) in nodes:
            raise Malformed("duplicate-index", f"index {index} stands twice", where=where)
        nodes[int(index)] = hash_of(digits, joined, where)
    order = sorted(nodes, reverse=True)
    # The deepest sibling fixes the whole path: above it stands its uncle, and so on to 2 or 3.
    expected = [(below >> 1) ^ 1 for below in order]
    if order and (order[1:] != expected[:-1] or order[-1] not in (2, 3)):
        raise Invalid("index-chain", "the indices do not form one path to the root", where="path")
    return tuple(Step(Side.RIGHT if i % 2 else Side.LEFT, nodes[i]) for i in order)


DIALECTS = {
    "bingx": Dialect("bingx", "BingX", Joined.TEXT, _bingx_record, _bingx_steps),
    "topone": Dialect("topone", "TopOne", Joined.BYTES, _topone_record, _topone_steps),
    "pionex": Dialect("pionex", "Pionex", Joined.BYTES, _pionex_record, pionex_steps),
}


def parse(document: Document) -> tuple[PlainProof, Dialect]:
    """The file's normal form and its dialect."""
    top = Fields(document.json, "", document.limits)
    top.only("scheme", "record", "leaf", "path", "root").required("scheme", "path")
    name = top.text("scheme")
    if name not in DIALECTS:
        raise Malformed("bad-field", f'"{name[:20]}" is no dialect of this format', where="scheme")
    dialect = DIALECTS[name]
    balances: Record = {}
    user = rebuilt = None
    if "record" in top:
        record = top.text("record", RECORD_CHARS)
        user, balances = parse_record(record, dialect, document.limits)
        rebuilt = sha256_text(record)
    elif "leaf" not in top:
        raise Malformed("missing-field", 'neither "record" nor "leaf" is there')
    leaf, root = (
        hash_of(top.text(key), dialect.joined, key) if key in top else None
        for key in ("leaf", "root")
    )
    steps = dialect.steps(top.text("path"), dialect.joined, document.limits)
    proof = PlainProof(leaf, rebuilt, steps, dialect.joined, root, user, balances)
    return proof, dialect


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"scheme": str(name)}:
            return name in DIALECTS
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, dialect = parse(document)
    findings.exchange, findings.exchange_name = dialect.exchange, dialect.name
    findings.version = dialect.exchange
    judge(proof, findings, given)


SCHEME = Scheme(
    id="plain-path",
    aliases=tuple(DIALECTS),
    exchange="bingx",
    also=("topone", "pionex"),
    exchange_name="BingX, TopOne or Pionex",
    title="Plain SHA-256 path of one user (BingX, TopOne, Pionex)",
    used="2022-11 (BingX, Pionex), 2025-02 (TopOne)",
    file_name="proof.json",
    recognises=_recognises,
    members=("scheme", "record", "path"),
    judge=_judge,
    facts={"root": ROOT},
    assurance=Assurance(
        included="your record is rebuilt to the leaf, and the path leads from it to the root",
        totals="not claimed: the tree carries no sums",
        cannot=(*CANNOT, "Anything about your balances where only a leaf hash is in the file."),
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file=(
            "the exchange's proof-of-reserves page shows record and path as text; put them into "
            'a file {"scheme": "bingx", "record": "...", "path": "..."}'
        ),
        root="the same exchange's proof-of-reserves page",
        certain="official programs were run; the pages themselves were not seen",
    ),
)
