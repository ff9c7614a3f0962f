"""Bitunix, Merkle-sum proof of one user (spec bitunix-merkle-sum).

A relative of Bitget's: full SHA-256, amounts hashed with the fixed number of decimals that the
file names for each coin, coins in the order of Java's HashMap. The official program never reads
the totals shown at the root, and lets a coin that a left node lacks vanish from all sums above.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from merkle_por.amounts import Balances, add, amounts, cut, fixed
from merkle_por.documents import LIMITS, Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof, check_coins, check_id
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle import javamap
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where

LEFT, RIGHT, ROOT = 1, 2, 3  # `type` of a node
_ID_CHARS = 200
_TALLEST = 1_000_000  # heights are hashed as text; no tree comes near


def json_text(texts: Mapping[str, str]) -> str:
    """Compact JSON of amounts as texts, in the order they stand in."""
    return "{" + ",".join(f'"{coin}":"{text}"' for coin, text in texts.items()) + "}"


def _coin(name: str) -> bool:
    """Whether a name stands in the JSON text as it is; the text is UTF-8, so any script does."""
    return name.isprintable() and not set(name) & {'"', "\\"}


def ordered(members: Mapping[str, str]) -> dict[str, str]:
    """Amount texts in the order in which Java's HashMap yields their coins."""
    return {coin: members[coin] for coin in javamap.ordered(members)}


def dialect(precisions: Mapping[str, int], leaf_height: int) -> SumDialect:
    """precisions: decimals for each coin. leaf_height: as Bitunix counts, falling to the root."""

    def sums(left: Balances, right: Balances) -> dict[str, Decimal]:
        total = {c: cut(add(left[c], right[c]), precisions[c]) for c in left}
        return {coin: total[coin] for coin in javamap.ordered(total)}

    def preimage(left: str, right: str, total: Balances, level: int) -> str:
        texts = {coin: fixed(value, precisions[coin]) for coin, value in total.items()}
        return f"{left}{right},{json_text(texts)},{leaf_height - level}"

    return SumDialect(preimage=preimage, add=sums)


def _node(fields: Fields) -> SumNode:
    inner = check_coins(fields.object("balances"), _coin)
    values = amounts(inner)
    balances = {coin: values[coin] for coin in javamap.ordered(values)}
    fields.integer("type", LEFT, ROOT)
    fields.integer("height", 0, _TALLEST)
    return SumNode(fields.hex("merkleLeaf", 64), balances)


def _precisions(own: Fields) -> dict[str, int]:
    inner = own.object("precisions")
    return {coin: inner.integer(coin, 0, LIMITS.number_chars) for coin in inner.members}


def _user(fields: Fields) -> str:
    parts = (fields.text(key, _ID_CHARS) for key in ("encryptUid", "nonce"))
    return ",".join(check_id(part, fields.where) for part in parts)


def leaf_hash(user: str, members: Mapping[str, str]) -> str:
    """SHA-256 of `uid,nonce,{balances}`, amounts as they stand; user is `uid,nonce`."""
    return sha256_hex(f"{user},{json_text(ordered(members))}".encode())


def _disclosed(fields: Fields) -> tuple[str, str]:
    user = _user(fields)
    return user, leaf_hash(user, fields.object("balances").members)


def parse(document: Document) -> tuple[SumProof, SumDialect]:
    """The file's normal form and its dialect. Raises Malformed, and Invalid for coins, heights,
    decimals and sides that contradict each other."""
    top = Fields(document.json, "", document.limits).required("self", "path")
    own = top.object("self")
    path = top.array("path", low=2, high=document.limits.path_levels + 1)
    rows = [Fields(row, f"path[{i}]", document.limits) for i, row in enumerate(path)]
    leaf, nodes = _node(own), [_node(row) for row in rows]
    user, rebuilt = _disclosed(own)
    precisions = _precisions(own)
    _check_types(own, rows)
    # Two empty texts disclose no more than two absent ones.
    shows_leaf = {"encryptUid", "nonce"} <= rows[0].members.keys() and not all(
        rows[0].get(key) == "" for key in ("encryptUid", "nonce")
    )
    neighbour, neighbour_leaf = _disclosed(rows[0]) if shows_leaf else (None, None)
    for fields, node in zip((own, *rows), (leaf, *nodes), strict=True):
        _check_coins(fields, node, precisions)
    _check_heights(own, rows)
    if own.integer("type") == rows[0].integer("type"):
        raise Invalid("bad-side", "your leaf and its neighbour are on the same side")
    proof = SumProof(
        leaf=leaf,
        leaf_hash=rebuilt,
        steps=tuple(
            SumStep(Side.LEFT if row.integer("type") == LEFT else Side.RIGHT, node)
            for row, node in zip(rows[:-1], nodes, strict=False)
        ),
        root=nodes[-1],
        user=user,
        account=own.text("encryptUid"),
        sibling_leaf=neighbour_leaf,
        sibling_user=neighbour,
        disclosable=True,
    )
    return proof, dialect(precisions, own.integer("height"))


def _check_types(own: Fields, rows: list[Fields]) -> None:
    for fields in (own, *rows[:-1]):
        if fields.integer("type") == ROOT:
            raise Malformed("bad-node-type", "the root inside the path", where=fields.where)
    if rows[-1].integer("type") != ROOT:
        raise Malformed("bad-node-type", "the last node is not the root", where=rows[-1].where)


def _check_coins(fields: Fields, node: SumNode, precisions: Mapping[str, int]) -> None:
    if node.balances.keys() != precisions.keys():
        raise Invalid("asset-set", "the coins are not those of self.precisions", where=fields.where)
    for coin, value in node.balances.items():
        if -int(value.as_tuple().exponent) > precisions[coin]:
            raise Invalid(
                "precision",
                f"more decimals than the {precisions[coin]} of self.precisions",
                where=f"{fields.where}.balances.{coin}",
            )


def _check_heights(own: Fields, rows: list[Fields]) -> None:
    top = own.integer("height")
    for index, row in enumerate(rows):
        if row.integer("height") != top - index:
            raise Invalid("bad-height", f"height {top - index} is expected", where=row.where)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"self": {"merkleLeaf": _, "precisions": dict()}, "path": list()}:
            return True
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, rules = parse(document)
    judge_sums(proof, rules, findings, given)


SCHEME = Scheme(
    id="bitunix",
    exchange="bitunix",
    exchange_name="Bitunix",
    title="Merkle-sum proof of one user",
    used="2024-09 to now",
    file_name="merkle_tree_bitunix.json",
    recognises=_recognises,
    members=("self", "path", "balances", "type", "height", "merkleLeaf", "precisions"),
    judge=_judge,
    padding_known=False,
    assurance=Assurance(
        included="your leaf, rebuilt from uid, nonce and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=(*CANNOT, "Of which audit the file is: it names none."),
    ),
    where=Where(
        file="bitunix.com, logged in: Proof of Reserves, download merkle_tree_bitunix.json. It "
        "may hold your neighbour's id, nonce and balances: keep it private.",
        root="bitunix.com > Proof of Reserves",
        certain="official program and its sample were run",
    ),
)
