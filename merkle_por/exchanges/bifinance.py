"""BiFinance, plain SHA-256 path in the layout of sum proofs (spec plain-sha256-path, section 7).

What a leaf is the hash of is not published: balances, nonce and uid in the file are in no hash,
and nothing about them is verified. The official program takes the root from the same file and
accepts a path of somebody else with any `self`, no `self` at all, and a file of the root alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.amounts import amounts, texts
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid
from merkle_por.exchanges._plainpath import CANNOT, PlainProof, check_leaf, finish, hash_of
from merkle_por.merkle.paths import Joined, Side, Step, parent
from merkle_por.scheme import ROOT, Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Snapshot, Totals

LEFT, RIGHT, TOP = 1, 2, 3  # `role` of a node
KEYS = ("auditId", "balances", "level", "merkelLeaf", "nonce", "role")
MORE = ("parentMerkelLeaf", "encryptUid")


@dataclass(frozen=True)
class PathNode:
    """One node: hash and claimed parent hash (or None) in lower-case hex; level 0 is the root."""

    audit: str
    level: int
    role: int
    hash: str
    parent: str | None
    where: str


def _hash(fields: Fields, key: str) -> str:
    text = fields.text(key).removeprefix("0x")
    return hash_of(text, Joined.BYTES, fields.place(key))


def _node(fields: Fields) -> PathNode:
    fields.only(*KEYS, *MORE).required("auditId", "level", "merkelLeaf", "role")
    if "balances" in fields:
        amounts(fields.object("balances"))
    for key in ("nonce", "encryptUid"):
        if key in fields:
            fields.text(key)
    above = fields.text("parentMerkelLeaf") if "parentMerkelLeaf" in fields else ""
    return PathNode(
        audit=fields.text("auditId"),
        level=fields.integer("level", 0, fields.limits.path_levels),
        role=fields.integer("role", LEFT, TOP),
        hash=_hash(fields, "merkelLeaf"),
        parent=_hash(fields, "parentMerkelLeaf") if above else None,
        where=fields.where,
    )


def parse(document: Document) -> tuple[PathNode, list[PathNode], Fields]:
    """The user's own node, the path's nodes, and the own node's fields. Raises Malformed."""
    top = Fields(document.json, "", document.limits).only("path", "self").required("path", "self")
    own = top.object("self")
    # Two nodes a level, the root, and `self` once more.
    rows = top.array("path", low=1, high=2 * document.limits.path_levels + 2)
    nodes = [_node(Fields(row, f"path[{i}]", document.limits)) for i, row in enumerate(rows)]
    return _node(own), nodes, own


def by_place(own: PathNode, path: Sequence[PathNode]) -> dict[tuple[int, int], PathNode]:
    """(level, role) -> node, with the shape of one path to one root. Raises Invalid."""
    places: dict[tuple[int, int], PathNode] = {}
    for node in (own, *path):
        if node.audit != own.audit:
            raise Invalid("audit-id-mismatch", "nodes of different audits", where=node.where)
        if (node.role == TOP) is not (node.level == 0):
            raise Invalid("bad-node-type", "the root, and only it, is on level 0", where=node.where)
        known = places.setdefault((node.level, node.role), node)
        # A node may stand twice, as `self` and in the path, and name its parent only once.
        if known.parent is None and known.hash == node.hash:
            known = places[node.level, node.role] = node
        if known.hash != node.hash or node.parent not in (None, known.parent):
            raise Invalid(
                "conflicting-nodes",
                f"{known.where} and {node.where} claim one place in the tree",
                where=node.where,
            )
    deepest = max(level for level, _ in places)
    if {level for level, _ in places} != set(range(deepest + 1)):
        raise Invalid("level-gap", "a level of the path is missing")
    if own.role == TOP or own.level != deepest:
        raise Invalid("self-not-leaf", "your own node is not on the deepest level", where="self")
    return places


def climb(
    own: PathNode, places: dict[tuple[int, int], PathNode], findings: Findings
) -> tuple[tuple[Step, ...], list[str]]:
    """Steps and running hashes from the leaf to level 0. Raises Invalid."""
    running = own.hash
    steps, rebuilt = [], []
    for level in range(own.level, 0, -1):
        nodes = [node for role in (LEFT, RIGHT) if (node := places.get((level, role)))]
        hashes = [node.hash for node in nodes]
        if running not in hashes:
            raise Invalid("chain-broken", f"the path's node is not on level {level}")
        if len(hashes) == 1:
            findings.warn("lone-node-duplicated", f"level {level}: a lone node, hashed with itself")
            hashes *= 2
        elif hashes[0] == hashes[1]:
            raise Invalid("duplicate-sibling", f"level {level}: one node stands on both sides")
        if hashes[0] == running:
            steps.append(Step(Side.RIGHT, hashes[1]))
        else:
            steps.append(Step(Side.LEFT, hashes[0]))
        running = parent(hashes[0], hashes[1], Joined.BYTES)
        for node in nodes:
            if node.parent not in (None, running):
                raise Invalid(
                    "parent-hash",
                    "the parent named is not the hash of both children",
                    where=node.where,
                    expected=node.parent,
                    computed=running,
                )
        rebuilt.append(running)
    return tuple(steps), rebuilt


def _judge(document: Document, given: Given, findings: Findings) -> None:
    own, path, fields = parse(document)
    findings.snapshot = Snapshot(own.audit)
    findings.about(About.INCLUDED)
    places = by_place(own, path)
    root = places[0, TOP]
    if root.parent is not None:
        raise Invalid("parent-hash", "the root names a parent", where=root.where)
    steps, rebuilt = climb(own, places, findings)
    proof = PlainProof(own.hash, None, steps, Joined.BYTES, root.hash)
    start = check_leaf(proof, findings)
    if "balances" in fields:
        stated = amounts(fields.object("balances"))
        findings.details["balances_stated_not_verified"] = texts(stated)
    findings.warn(
        "leaf-preimage-unpublished",
        "balance: not verified. BiFinance does not say what a leaf is the hash of; the balances "
        "in the file could be any",
    )
    finish(proof, start, rebuilt, findings, given)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"path": list(path), "self": {"merkelLeaf": str(digest), "role": _, "level": _}}:
            # Sum proofs of Bitget, UZX and MEXC have the same members and 16-digit hashes.
            hashes = [n.get("merkelLeaf") for n in path if isinstance(n, dict)]
            return any(
                isinstance(h, str) and len(h.removeprefix("0x")) == 64 for h in (digest, *hashes)
            )
    return False


SCHEME = Scheme(
    id="bifinance",
    exchange="bifinance",
    exchange_name="BiFinance",
    title="Plain SHA-256 path of one user; balances not verifiable",
    used="2025-11",
    file_name="merkle_proof.json",
    recognises=_recognises,
    members=("self", "path", *KEYS, *MORE),
    judge=_judge,
    facts={"root": ROOT},
    assurance=Assurance(
        included="the leaf hash in the file is under the root; what it stands for is not shown",
        totals="not claimed: the tree carries no sums",
        cannot=(*CANNOT, "Your own balance: the text that a leaf is the hash of is unpublished."),
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file="bifinance.com, logged in: proof of reserves, download your proof",
        root="BiFinance's public proof-of-reserves page",
        certain="official program was run",
    ),
)
