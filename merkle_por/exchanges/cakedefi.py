"""Cake DeFi (Bake), a whole Merkle-sum tree in one JSON file, SHA-1 (spec cakedefi-sum-tree).

Every inner node is recomputed: its hash over its own assets as text and both children's hashes,
its assets as the sum of the children's. What a leaf is the hash of is not published, so between
two sibling leaves the split of their sum is not proved. The official program skips nodes without
assets, finds any node as "your leaf", adds negative amounts up, and has no root to compare.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from merkle_por.amounts import add, add_balances, amount, grouped, plain, texts
from merkle_por.documents import Document, Fields, kind_of
from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Node, Scope, Totals

DIGITS = 40  # SHA-1
_LARGEST_INDEX = 2**32 - 2  # keys up to it are array indices in JavaScript

Assets = Mapping[str, Mapping[str, Decimal]]
"""class (lending, staking, ...) -> coin -> amount, in file order."""


@dataclass(frozen=True)
class TreeNode:
    """One node. texts: the assets as they stand; children: indexes in the list of all nodes."""

    hash: str
    assets: Assets
    texts: Mapping[str, Mapping[str, str]]
    children: tuple[int, int] | None
    where: str


def parse(document: Document) -> list[TreeNode]:
    """All nodes, every parent before its children, the root first. Raises Malformed."""
    top = Fields(document.json, "", document.limits)
    if "timeOfSnapshot" in top:
        if kind_of(top.get("timeOfSnapshot")) != "a number":
            raise Malformed("wrong-type", "not a number", where="timeOfSnapshot")
        rest = {key: value for key, value in top.members.items() if key != "timeOfSnapshot"}
        top = Fields(rest, "", document.limits)
    nodes: list[TreeNode] = []
    waiting = [top]
    following = 1
    while len(nodes) < len(waiting):
        fields = waiting[len(nodes)]
        fields.only("hash", "assets", "left", "right").required("hash", "assets")
        found = [fields.members.get(side) is not None for side in ("left", "right")]
        children = None
        if all(found):
            waiting += [fields.object("left"), fields.object("right")]
            children = (following, following + 1)
            following += 2
        elif any(found):
            raise Malformed("one-child", "a node has one child only", where=fields.where)
        assets, shown = _assets(fields)
        digest = fields.hex("hash", DIGITS)
        nodes.append(TreeNode(digest, assets, shown, children, fields.where))
    return nodes


def _assets(fields: Fields) -> tuple[Assets, dict[str, dict[str, str]]]:
    shown: dict[str, dict[str, str]] = {}
    read: dict[str, dict[str, Decimal]] = {}
    members = fields.object("assets")
    count = 0
    for name in members.members:
        coins = members.object(name)
        count += len(coins.members) + 1
        if count > fields.limits.assets:
            raise Malformed("too-big", "too many assets", where=members.where)
        read[name] = {
            coin: amount(value, coins.place(coin)) for coin, value in coins.members.items()
        }
        shown[name] = dict(coins.members)
    return read, shown


def _javascript_order(members: Mapping[str, object]) -> list[str]:
    """Keys as JavaScript lists them: array indices ascending, then in order of appearance."""

    def is_index(key: str) -> bool:
        plain_number = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0")
        return plain_number and len(key) <= 10 and int(key) <= _LARGEST_INDEX

    indices = sorted((key for key in members if is_index(key)), key=int)
    return indices + [key for key in members if not is_index(key)]


def inner_hash(shown: Mapping[str, Mapping[str, str]], left: str, right: str) -> str:
    """SHA-1 of the compact JSON of [assets, left hash, right hash], as JSON.stringify writes it."""
    ordered = {
        name: {coin: shown[name][coin] for coin in _javascript_order(shown[name])}
        for name in _javascript_order(shown)
    }
    text = json.dumps([ordered, left, right], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def check_node(node: TreeNode, left: TreeNode, right: TreeNode) -> None:
    """Hash, classes and coins, sums of one inner node. Raises Invalid."""
    computed = inner_hash(node.texts, left.hash, right.hash)
    if computed != node.hash:
        raise Invalid(
            "parent-hash",
            "a node is not the hash of its assets and children",
            where=node.where or "root",
            expected=node.hash,
            computed=computed,
        )
    for name in {*node.assets, *left.assets, *right.assets}:
        mine, ours, theirs = (some.assets.get(name) for some in (node, left, right))
        if mine is None or (ours is None and theirs is None):
            raise Invalid("asset-set", f'class "{name[:20]}" differs from the children', where=name)
        ours, theirs = ours or {}, theirs or {}
        if set(mine) != {*ours, *theirs}:
            raise Invalid("asset-set", f'coins of "{name[:20]}" differ from the children')
        for coin, value in mine.items():
            both = [side[coin] for side in (ours, theirs) if coin in side]
            total = both[0] if len(both) == 1 else add(both[0], both[1])
            # The hash covers the text, so the number of decimals must be right too.
            if plain(total) != plain(value):
                raise Invalid(
                    "sum-mismatch",
                    f"{name[:20]} {coin[:20]} is not the sum of the children's",
                    where=node.where or "root",
                    expected=plain(value),
                    computed=plain(total),
                )


def per_coin(assets: Assets) -> dict[str, Decimal]:
    """coin -> amount over all classes."""
    total: dict[str, Decimal] = {}
    for coins in assets.values():
        total = add_balances(total, coins)
    return total


def path_of(nodes: list[TreeNode], leaf: int) -> Iterator[int]:
    """Indexes from a leaf up to the root."""
    above = {child: i for i, node in enumerate(nodes) for child in node.children or ()}
    yield leaf
    while leaf in above:
        leaf = above[leaf]
        yield leaf


def _judge(document: Document, given: Given, findings: Findings) -> None:
    nodes = parse(document)
    root, own = nodes[0], given.hash("leaf")
    findings.claims_inclusion = own is not None
    findings.published = per_coin(root.assets)
    findings.details["totals"] = {name: texts(coins) for name, coins in root.assets.items()}
    findings.scope = Scope(
        leaf="given", own_balance="stated", others_non_negative="shown", hash_bits=DIGITS * 4
    )
    findings.about(About.TOTALS)
    if root.children is None:
        # Nothing can be recomputed, but another hash than the user's own or the published one is
        # no open question.
        for about, wanted, reason, text in (
            (About.INCLUDED, own, "leaf-not-found", "your hash is no leaf of the tree"),
            (About.ROOT, given.hash("root"), "root-mismatch", "not the published root"),
        ):
            findings.about(about)
            if wanted not in (None, root.hash):
                raise Invalid(reason, text, expected=wanted, computed=root.hash)
        raise Incomplete(
            "leaf-preimage-unpublished",
            "the tree is a single leaf, and what a leaf is the hash of is not published",
        )
    for node in nodes:
        if node.children is not None:
            check_node(node, *(nodes[i] for i in node.children))
    findings.passed("tree", f"all {len(nodes)} nodes: hashes and sums recomputed")
    leaves = {node.hash: i for i, node in enumerate(nodes) if node.children is None}
    if len(leaves) * 2 - 1 != len(nodes):
        raise Invalid("duplicate-leaf", "one leaf hash stands twice")
    if own is not None:
        _own_leaf(own, leaves, nodes, findings)
    findings.published_root(root.hash, given)
    _check_negatives(nodes, findings)
    findings.warn(
        "leaf-preimage-unpublished",
        "Cake does not say what a leaf is the hash of: between two neighbouring leaves the split "
        "of their balances is not proved",
    )
    findings.warn("weak-hash", "SHA-1: whoever builds the tree can make two contents with one hash")


def _own_leaf(
    own: str, leaves: Mapping[str, int], nodes: list[TreeNode], findings: Findings
) -> None:
    findings.check(
        own in leaves,
        "leaf-not-found",
        "your hash is a leaf of the tree; 160-bit hash",
        "your hash is no leaf of the tree",
        about=About.INCLUDED,
        computed=own,
    )
    path = list(path_of(nodes, leaves[own]))
    mine = nodes[path[0]]
    findings.account = Account(mine.hash, per_coin(mine.assets))
    findings.details["balances"] = {name: texts(coins) for name, coins in mine.assets.items()}
    findings.compare("balances", "your statement at the snapshot")
    for level, (below, above) in enumerate(pairwise(path)):
        left, right = nodes[above].children or (below, below)
        for index, side in ((left, "left"), (right, "right")):
            role = "sibling" if index != below else "leaf" if level == 0 else "rebuilt"
            node = nodes[index]
            findings.nodes.append(Node(level, role, node.hash, side, per_coin(node.assets)))
    findings.nodes.append(
        Node(len(path) - 1, "root", nodes[0].hash, None, per_coin(nodes[0].assets))
    )


def _check_negatives(nodes: list[TreeNode], findings: Findings) -> None:
    for node in nodes:
        for name, coins in node.assets.items():
            for coin, value in coins.items():
                if value < 0:
                    findings.about(About.TOTALS)
                    raise Invalid(
                        "negative-balance",
                        f"a node owes {grouped(value)} {coin[:20]} ({name[:20]})",
                        where=node.where or "root",
                        computed=plain(value),
                    )
    findings.passed("negative-balance", "no amount is negative", about=About.TOTALS)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"hash": str(digest), "assets": dict()} as top:
            return len(digest) == DIGITS and ("left" in top or "right" in top)
    return False


SCHEME = Scheme(
    id="cakedefi",
    exchange="cakedefi",
    exchange_name="Cake DeFi",
    title="Whole Merkle-sum tree, SHA-1",
    used="2022-12, historical",
    file_name="merkle-tree.json",
    recognises=_recognises,
    members=("hash", "assets", "left", "right"),
    judge=_judge,
    facts={
        "root": Fact(FactKind.HASH, "the root published by Cake, seen outside this file", (40,)),
        "leaf": Fact(FactKind.HASH, "your hash from your account page", (40,)),
    },
    assurance=Assurance(
        included="your hash is a leaf of the tree; what it stands for is not shown",
        totals="every inner node's hash and sums are recomputed, no amount is negative",
        cannot=(
            "How a sum is split between two neighbouring leaves: what a leaf is the hash of is "
            "not published.",
            "That nobody prepared two contents with one hash: SHA-1 collisions are practical.",
            "Who was left out altogether.",
        ),
        totals_claim=Totals.BOUND,
    ),
    where=Where(
        file="Cake's proof-of-reserves page had the tree for download, and your hash",
        root="Cake's proof-of-reserves page; historical, no page is known to show it today",
        certain="official program and its five examples were run",
    ),
)
