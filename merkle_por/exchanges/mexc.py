"""MEXC, Merkle-sum proof of one user (spec mexc-merkle).

A level without a sibling is left out of the file or shown with an empty hash; its parent is
hashed with two commas in a row. A parent has the shape of a leaf, so a leaf's `proofId` that
looks like a hash is refused. The official program never compares the totals shown at the root.
"""

from __future__ import annotations

from decimal import Decimal

from merkle_por.amounts import ZERO, Balances, add_balances, amounts, stripped
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof, check_coins, check_id
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle.javamap import utf16
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import Snapshot

HASH_DIGITS = 32
LEFT, RIGHT, ROOT = 1, 2, 3  # `type` of a node
ALWAYS = ("BTC", "ETH", "USDC", "USDT")  # listed in every parent of two, also at zero
_ID_CHARS = 200
_HEX = set("0123456789abcdef")


def _listed(texts: dict[str, str]) -> str:
    return ",".join(f"{coin}:{texts[coin]}" for coin in sorted(texts, key=utf16))


def _sums(balances: Balances) -> str:
    return _listed({coin: stripped(value) for coin, value in balances.items()})


def _add(left: Balances, right: Balances) -> dict[str, Decimal]:
    return add_balances(dict.fromkeys(ALWAYS, ZERO), add_balances(left, right))


def _preimage(left: str, right: str, sums: Balances, level: int) -> str:
    return f"{left},{right},{_sums(sums)}"


def _lone(child: SumNode, level: int) -> tuple[str, Balances]:
    return f"{child.hash},,{_sums(child.balances)}", child.balances


DIALECT = SumDialect(preimage=_preimage, add=_add, digits=HASH_DIGITS, lone=_lone)


def leaf_hash(proof_id: str, account: str, texts: dict[str, str]) -> str:
    """First 128 bits of SHA-256 over `proofId,accountId,COIN:amount,...`, amounts as they stand."""
    return sha256_hex(f"{proof_id},{account},{_listed(texts)}".encode())[:HASH_DIGITS]


def _balances(fields: Fields) -> dict[str, Decimal]:
    inner = fields.object("balances")
    return amounts(check_coins(inner, lambda c: c.isprintable() and not set(c) & set(",:")))


def _node(fields: Fields) -> SumNode:
    return SumNode(fields.hex("hash", HASH_DIGITS), _balances(fields))


def _id(own: Fields, key: str) -> str:
    return check_id(own.text(key, _ID_CHARS), own.place(key))


def parse(document: Document) -> tuple[SumProof, Snapshot]:
    """The file's normal form. Raises Malformed, and Invalid where sides contradict each other."""
    top = Fields(document.json, "", document.limits).required("self", "pathList")
    own = top.object("self")
    depth_limit = document.limits.path_levels
    rows = [
        Fields(row, f"pathList[{i}]", document.limits)
        for i, row in enumerate(top.array("pathList", low=1, high=depth_limit + 1))
    ]
    if own.integer("level") != 0:
        raise Malformed("bad-height", "your own leaf is level 0", where=own.where)
    own_side = _side(own)
    leaf = _node(own)
    proof_id, account = _id(own, "proofId"), _id(own, "accountId")
    if len(proof_id) == HASH_DIGITS and set(proof_id) <= _HEX:
        # An inner node's text has the form of a leaf's, its two hashes in place of the ids.
        raise Malformed("bad-field", "a hash where the proof's id must stand", where="self.proofId")
    depth = _check_levels(rows, depth_limit)
    root = _node(rows[-1])
    at: dict[int, SumStep] = {}
    beside: dict[int, Balances] = {}
    for row in rows[:-1]:
        level, side = row.integer("level"), _side(row)
        if row.text("hash", 100):
            at[level] = SumStep(side, _node(row))
        elif side is Side.LEFT:
            raise Invalid("bad-side", "only a right sibling can be empty", where=row.where)
        else:
            beside[level] = _balances(row)
    lowest = at.get(0)
    if own_side is not (lowest.side.other if lowest else Side.LEFT):
        raise Invalid("bad-side", "your leaf is not on the other side of its neighbour")
    proof = SumProof(
        leaf=leaf,
        leaf_hash=leaf_hash(proof_id, account, own.object("balances").members),
        steps=tuple(at.get(level, SumStep(Side.RIGHT, None)) for level in range(depth)),
        root=root,
        user=account,
        account=account,
        beside_nothing=beside,
    )
    return proof, Snapshot(proof_id)


def _side(fields: Fields) -> Side:
    kind = fields.integer("type")
    if kind not in (LEFT, RIGHT):
        raise Malformed("bad-node-type", f"type {kind}", where=fields.place("type"))
    return Side.LEFT if kind == LEFT else Side.RIGHT


def _check_levels(rows: list[Fields], limit: int) -> int:
    """Levels rise and are unique; answers the root's level, the number of steps."""
    before = -1
    for row in rows:
        level = row.integer("level")
        if level == before >= 0:
            raise Malformed("duplicate-level", f"level {level} stands twice", where=row.where)
        if not before < level <= limit:
            raise Malformed("bad-height", f"level {level} after {before}", where=row.where)
        before = level
    if before == 0:
        raise Malformed("bad-height", "the root can't be level 0", where=rows[-1].where)
    if rows[-1].integer("type") != ROOT:
        raise Malformed("bad-node-type", "the last node is not the root", where=rows[-1].where)
    return before


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"pathList": list(), "self": {"proofId": _}}:
            return True
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, findings.snapshot = parse(document)
    judge_sums(proof, DIALECT, findings, given)


SCHEME = Scheme(
    id="mexc",
    exchange="mexc",
    exchange_name="MEXC",
    title="Merkle-sum proof of one user",
    used="2025-01 to now",
    file_name="merkle_proof.json",
    recognises=_recognises,
    members=("self", "pathList", "balances", "level", "type", "hash", "proofId", "accountId"),
    judge=_judge,
    facts={
        "root": Fact(
            FactKind.HASH,
            "the Merkle root published by the exchange, seen outside this file",
            (HASH_DIGITS,),
        )
    },
    assurance=Assurance(
        included="your leaf, rebuilt from proof id, account id and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=CANNOT,
    ),
    where=Where(
        file="mexc.com, logged in: Proof of Reserves > details, copy the text into a file",
        root="mexc.com > Proof of Reserves > the audit named in proofId",
        certain="official program and its sample were run",
    ),
)
