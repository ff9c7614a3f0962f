"""OKX, Merkle-sum proof of one user, audits 2022-11-22 to 2023-03-16 (spec okx-merkle-v1).

Leaf and node hashes are SHA-256 over text; a parent binds only the sums of its children, so the
scheme has the Maxwell flaw. The official validator takes the root from the same file, hashes
whatever height the file names, and lets negative amounts and made-up padding through; every one
of these is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from merkle_por.amounts import Balances, add, amounts, cut, stripped
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import Snapshot

COINS = ("BTC", "ETH", "USDT")  # fixed order in every preimage
DECIMALS = 8
LEFT, RIGHT, ROOT, PADDING = 1, 2, 3, 4  # `type` of a node
NONCE_DIGITS = 64


def _add(left: Balances, right: Balances) -> dict[str, Decimal]:
    return {coin: cut(add(left[coin], right[coin]), DECIMALS) for coin in COINS}


def _preimage(left: str, right: str, sums: Balances, level: int) -> str:
    # OKX counts heights from 1 at the leaves.
    return left + right + "".join(stripped(sums[coin]) for coin in COINS) + str(level + 1)


DIALECT = SumDialect(preimage=_preimage, add=_add)


def leaf_hash(nonce: str, texts: Mapping[str, str]) -> str:
    """SHA-256 of the nonce's text and the compact JSON of the amounts as they stand."""
    members = ",".join(f'"{coin}":"{texts[coin]}"' for coin in COINS)
    return sha256_hex(f"{nonce}{{{members}}}".encode())


def _node(fields: Fields, *more: str) -> SumNode:
    fields.only("auditId", "balances", "type", "hash", "height", *more)
    if "auditId" in fields:
        audit = fields.text("auditId")
        if not (audit.isascii() and audit.isdigit()):
            raise Malformed("bad-field", "not a string of digits", where=fields.place("auditId"))
    fields.integer("type")
    fields.integer("height")
    balances = fields.object("balances").only(*COINS).required(*COINS)
    return SumNode(fields.hex("hash", 64), amounts(balances, decimals=DECIMALS, canonical=True))


def _disclosed_leaf(fields: Fields) -> str:
    return leaf_hash(fields.hex("nonce", NONCE_DIGITS), fields.object("balances").members)


def parse(document: Document) -> tuple[SumProof, Snapshot]:
    """The file's normal form. Raises Malformed, and Invalid for heights and types."""
    top = Fields(document.json, "", document.limits).only("self", "path").required("self", "path")
    own = top.object("self")
    leaf = _node(own, "nonce")
    rebuilt = _disclosed_leaf(own)
    limit = document.limits.path_levels + 1
    rows = [
        Fields(row, f"path[{i}]", document.limits)
        for i, row in enumerate(top.array("path", high=limit))
    ]
    nodes = [_node(row, *(["nonce"] if i == 0 else [])) for i, row in enumerate(rows)]
    if "nonce" in (rows[0] if rows else top):
        rows[0].hex("nonce", NONCE_DIGITS)
    _check_shape(own, rows)
    padded = frozenset(i for i, row in enumerate(rows[:-1]) if row.integer("type") == PADDING)
    steps = tuple(
        SumStep(Side.LEFT if row.integer("type") == LEFT else Side.RIGHT, node)
        for row, node in zip(rows[:-1], nodes[:-1], strict=True)
    )
    disclosed = "nonce" in rows[0] and 0 not in padded
    proof = SumProof(
        leaf=leaf,
        leaf_hash=rebuilt,
        steps=steps,
        root=nodes[-1],
        user=own.text("nonce"),
        paddings=padded,
        sibling_leaf=_disclosed_leaf(rows[0]) if disclosed else None,
        disclosable=True,
    )
    return proof, Snapshot(own.text("auditId") if "auditId" in own else None)


def _check_shape(own: Fields, rows: list[Fields]) -> None:
    if len(rows) < 2 or own.integer("height") != 1:
        raise Invalid("bad-height", "a path needs a sibling and the root, the leaf height 1")
    for index, row in enumerate(rows):
        if row.integer("height") != index + 1:
            raise Invalid("bad-height", f"height {index + 1} is expected", where=row.where)
    if own.integer("type") not in (LEFT, RIGHT) or rows[-1].integer("type") != ROOT:
        raise Invalid("bad-node-type", "the leaf must be left or right, the last node the root")
    for row in rows[:-1]:
        if row.integer("type") not in (LEFT, RIGHT, PADDING):
            raise Invalid("bad-node-type", "neither left, right nor padding", where=row.where)
    right = rows[0].integer("type") != LEFT
    if right is not (own.integer("type") == LEFT):
        raise Invalid("bad-side", "your leaf and its neighbour are on the same side")


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"self": {"balances": dict(balances), "nonce": _}, "path": [dict(first), *_]}:
            return set(balances) == set(COINS) and {"type", "height", "hash"} <= set(first)
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, findings.snapshot = parse(document)
    judge_sums(proof, DIALECT, findings, given)


SCHEME = Scheme(
    id="okx-merkle-v1",
    exchange="okx",
    exchange_name="OKX",
    title="Merkle-sum proof of one user, first generation",
    used="2022-11 to 2023-03",
    file_name="merkle_proof_file.json",
    recognises=_recognises,
    members=("self", "path", "balances", "type", "height", "hash", "nonce"),
    judge=_judge,
    assurance=Assurance(
        included="your leaf, rebuilt from nonce and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=(
            *CANNOT,
            "The totals by the root alone: amounts are hashed without separators, so that other "
            "totals can be shown under the same root hash.",
            "Of which day the file is: no hash covers the audit id.",
        ),
    ),
    where=Where(
        file="okx.com, logged in: Audits > Details > Copy data, paste into a file",
        root="okx.com > Proof of reserves, the audit's own page",
        certain="official program and its sample were run",
    ),
)
