"""Bitget, Merkle-sum proof of one user, in two ways to print an amount (spec bitget-merkle).

`bare` (2022): the number as Java's BigDecimal prints it, trailing zeros and scientific form
included. `quoted` (since v1.0.4): a JSON text without trailing zeros. The file doesn't say which;
the leaf's hash does. Hashes are cut to 64 bits, for which two records with one hash were made at
home. UZX publishes files of the same form.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from merkle_por.amounts import Balances, add_balances, amount, stripped
from merkle_por.documents import Document, Fields, Number
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof, check_coins, check_id, same_coins
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle import javamap
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep, climb
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import Snapshot

HASH_DIGITS = 16
PADDING, LEFT, RIGHT, ROOT = 0, 1, 2, 3  # `role` of a node
_ID_CHARS = 200
SHORT_HASH = "64-bit hashes: two records with one hash can be made at home."


def quoted(value: Decimal) -> str:
    """An amount as files since v1.0.4 hash it."""
    return f'"{stripped(value)}"'


def bare(value: Decimal) -> str:
    """An amount as files of 2022 hash it: digits and scale as they are, 1E-8 when that small."""
    return str(value)  # the same rule as Java's BigDecimal.toString


STYLES: dict[str, Callable[[Decimal], str]] = {"quoted": quoted, "bare": bare}


def ordered(balances: Balances) -> dict[str, Decimal]:
    """Balances in the order in which Java's HashMap yields them."""
    return {coin: balances[coin] for coin in javamap.ordered(balances)}


def _add(left: Balances, right: Balances) -> dict[str, Decimal]:
    return ordered(add_balances(left, right))


def json_text(balances: Balances, style: str) -> str:
    """The balances as compact JSON, in the order they stand in."""
    show = STYLES[style]
    return "{" + ",".join(f'"{coin}":{show(value)}' for coin, value in balances.items()) + "}"


def leaf_hash(user: str, balances: Balances, style: str) -> str:
    """First 64 bits of SHA-256 over `uid,nonce,{balances}`; user is `uid,nonce`."""
    return sha256_hex(f"{user},{json_text(balances, style)}".encode())[:HASH_DIGITS]


def dialect(style: str, leaf_level: int) -> SumDialect:
    """leaf_level: as Bitget counts, root 1."""

    def preimage(left: str, right: str, sums: Balances, level: int) -> str:
        return f"{left}{right},{json_text(sums, style)},{leaf_level - level}"

    return SumDialect(preimage=preimage, add=_add, digits=HASH_DIGITS)


def _amount(value: object, where: str) -> Decimal:
    # A JSON number or a text, in either style; the digits as they stand, never through a float.
    if isinstance(value, Number):
        value = value.text
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return amount(value, where)


def _node(fields: Fields, level: int) -> SumNode:
    if fields.integer("level") != level:
        raise Malformed("bad-height", f"level {level} is expected here", where=fields.where)
    balances = fields.object("balances")
    check_coins(balances, lambda coin: coin.isascii() and coin.isalnum())
    if len(balances.members) > fields.limits.assets:
        raise Malformed("too-big", f"{len(balances.members)} assets", where=balances.where)
    values = {coin: _amount(v, balances.place(coin)) for coin, v in balances.members.items()}
    return SumNode(fields.hex("merkelLeaf", HASH_DIGITS), ordered(values))


def _role(fields: Fields, *allowed: int) -> int:
    role = fields.integer("role")
    if role not in allowed:
        raise Malformed("bad-node-type", f"role {role}", where=fields.place("role"))
    return role


def _user(fields: Fields) -> str:
    parts = (fields.text(key) for key in ("encryptUid", "nonce"))  # of any length (spec)
    return ",".join(check_id(part, fields.where) for part in parts)


def parse(document: Document) -> tuple[SumProof, str, Snapshot]:
    """The file's normal form and style. Raises Malformed, and Invalid for contradicting sides."""
    top = Fields(document.json, "", document.limits).required("self", "path")
    own = top.object("self")
    path = top.array("path", low=2, high=document.limits.path_levels + 1)
    rows = [Fields(row, f"path[{i}]", document.limits) for i, row in enumerate(path)]
    leaf_level = len(rows)
    leaf = _node(own, leaf_level)
    nodes = [_node(row, leaf_level - i) for i, row in enumerate(rows)]
    own_role = _role(own, LEFT, RIGHT)
    roles = [_role(row, PADDING, LEFT, RIGHT) for row in rows[:-1]]
    if "role" in rows[-1]:
        _role(rows[-1], ROOT)
    user = _user(own)
    audit = own.text("auditId", _ID_CHARS) if "auditId" in own else None
    if (own_role == LEFT) is (roles[0] == LEFT):
        raise Invalid("bad-side", "your leaf and its neighbour are on the same side")
    steps = tuple(
        SumStep(Side.LEFT if role == LEFT else Side.RIGHT, node)
        for role, node in zip(roles, nodes, strict=False)
    )
    style = _style(user, leaf, steps, nodes[-1])
    # A member that is there but null or empty discloses nothing; no hash covers its absence.
    shown = all(rows[0].members.get(key) for key in ("encryptUid", "nonce"))
    disclosed = shown and roles[0] != PADDING
    neighbour = _user(rows[0]) if disclosed else None
    proof = SumProof(
        leaf=leaf,
        leaf_hash=leaf_hash(user, leaf.balances, style),
        steps=steps,
        root=nodes[-1],
        user=user,
        account=own.text("encryptUid"),
        paddings=frozenset(i for i, role in enumerate(roles) if role == PADDING),
        sibling_leaf=leaf_hash(neighbour, nodes[0].balances, style) if neighbour else None,
        sibling_user=neighbour,
        same_root_totals=same_coins,
    )
    return proof, style, Snapshot(audit)


def _style(user: str, leaf: SumNode, steps: tuple[SumStep, ...], root: SumNode) -> str:
    """The style whose leaf fits; where both do (no coin at all), the one that leads to the root;
    where none does, the newer, and the leaf check says so."""
    fitting = [style for style in STYLES if leaf_hash(user, leaf.balances, style) == leaf.hash]
    for style in fitting:
        if climb(leaf, steps, dialect(style, len(steps) + 1))[-1].hash == root.hash:
            return style
    return fitting[0] if fitting else "quoted"


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"self": {"merkelLeaf": str(digest)}, "path": list()}:
            return len(digest) == HASH_DIGITS
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, style, findings.snapshot = parse(document)
    findings.version = style
    findings.warn("short-hash", SHORT_HASH)
    judge_sums(proof, dialect(style, len(proof.steps) + 1), findings, given)


SCHEME = Scheme(
    id="bitget",
    aliases=("bitget-2022", "bitget-2025"),
    exchange="bitget",
    exchange_name="Bitget",
    also=("uzx",),
    title="Merkle-sum proof of one user, 2022 and present style",
    used="2022-11 to now",
    file_name="merkel_tree_bg.json",
    recognises=_recognises,
    members=("self", "path", "balances", "level", "merkelLeaf", "role", "encryptUid", "nonce"),
    judge=_judge,
    facts={
        "root": Fact(
            FactKind.HASH,
            "the Merkle root published by the exchange, seen outside this file",
            (HASH_DIGITS,),
        )
    },
    assurance=Assurance(
        included="your leaf, rebuilt from uid, nonce and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=(
            *CANNOT,
            "That a hash stands for one record only: 64 bits are few, two records with one hash "
            "were made on one core within half an hour.",
            "Of which day the file is: no hash covers the audit id.",
        ),
    ),
    where=Where(
        file="bitget.com, logged in: Proof of Reserves, download merkel_tree_bg.json",
        root="bitget.com > Proof of Reserves",
        certain="both official programs and their samples were run",
    ),
)
