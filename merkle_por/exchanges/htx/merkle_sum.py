"""HTX (Huobi), plain Merkle-sum proof of one user (spec htx-merkle-sum).

How a leaf's hash is made is not published: it is taken as given, so only the sum of the user's
balance and the neighbour's is bound. The sums of a parent are joined without separators and
without the coins' names: one root hash can be shown with differing totals, which therefore need
a comparison of their own.
"""

from __future__ import annotations

from decimal import Decimal

from merkle_por.amounts import Balances, add, amount, cut, plain, same, stripped
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle.paths import Side
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep
from merkle_por.scheme import ROOT, Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About

DECIMALS = 8
LEFT, RIGHT = 0, 1  # `r`: which child a node is
_KEYS = ("type", "hash", "uhash", "depth", "r", "balances")
_TEXT_CHARS = 1_000_000


def _add(left: Balances, right: Balances) -> dict[str, Decimal]:
    return {coin: cut(add(left[coin], right[coin]), DECIMALS) for coin in left}


def _preimage(left: str, right: str, sums: Balances, level: int) -> str:
    return left + right + "".join(stripped(value) for value in sums.values())


DIALECT = SumDialect(preimage=_preimage, add=_add)


def _same_text(sums: Balances, shown: Balances) -> bool:
    """HTX compares the texts: a root that shows 1.50 where the sum prints 1.5 doesn't fit."""
    return all(stripped(sums[coin]) == plain(shown[coin]) for coin in sums)


def balances_of(text: str, where: str, most: int) -> dict[str, Decimal]:
    """`coin:amount,coin:amount` in the file's order. Raises Malformed."""
    if text.count(",") >= most:
        raise Malformed("too-big", f"more than {most} assets", where=where)
    found: dict[str, Decimal] = {}
    for item in text.split(","):
        coin, colon, value = item.partition(":")
        if not colon or not coin or not coin.isprintable():
            raise Malformed("bad-field", "not a list of coin:amount", where=where)
        if coin in found:
            raise Malformed("duplicate-asset", f'"{coin[:40]}" stands twice', where=where)
        # A ninth decimal would be cut from every sum and so leave the total.
        found[coin] = amount(value, where, decimals=DECIMALS)
    return found


def _node(fields: Fields) -> SumNode:
    fields.only(*_KEYS).required(*_KEYS)
    for key in ("type", "uhash"):
        fields.text(key)
    for key in ("depth", "r"):
        fields.integer(key)
    text = fields.text("balances", _TEXT_CHARS)
    balances = balances_of(text, fields.place("balances"), fields.limits.assets)
    return SumNode(fields.hex("hash", 64), balances)


def _side(fields: Fields) -> Side:
    return Side.RIGHT if fields.integer("r", LEFT, RIGHT) == RIGHT else Side.LEFT


def parse(document: Document) -> SumProof:
    """The file's normal form. Raises Malformed, and Invalid for coins and contradicting sides."""
    top = Fields(document.json, "", document.limits).only("data").required("data")
    data = top.array("data", low=3, high=document.limits.path_levels + 2)
    rows = [Fields(row, f"data[{i}]", document.limits) for i, row in enumerate(data)]
    nodes = [_node(row) for row in rows]
    sides = [_side(row) for row in rows[1:]]  # r of the root says nothing
    for row, node in zip(rows, nodes, strict=True):
        if list(node.balances) != list(nodes[0].balances):
            raise Invalid(
                "asset-set", "the coins or their order are not the root's", where=row.where
            )
    if sides[0] is sides[-1]:
        raise Invalid("bad-side", "your leaf and its neighbour are on the same side")
    return SumProof(
        leaf=nodes[-1],
        leaf_hash=None,
        steps=tuple(SumStep(side, node) for side, node in zip(sides, nodes[1:-1], strict=False)),
        root=nodes[0],
        same_root_totals=_same_text,
    )


def _totals(given: Given, findings: Findings) -> None:
    wanted = given.amounts("totals")
    if wanted is None:
        findings.warn(
            "totals-not-separated",
            "Other totals can be shown under the same root hash: compare them, too, with the "
            "published ones (--given totals=...).",
        )
        findings.compare("totals", "those published beside the root")
        return
    findings.check(
        same(findings.published, wanted),
        "total-mismatch",
        "the totals are the published ones",
        "the totals are not the published ones",
        about=About.TOTALS,
    )


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"data": [{"uhash": _, "depth": _, "r": _, "balances": _}, *_], **rest}:
            return not rest
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    findings.warn(
        "leaf-preimage-unpublished",
        "HTX doesn't publish what a leaf's hash is made of: only the sum of your balance and your "
        "neighbour's is bound to the root.",
    )
    judge_sums(parse(document), DIALECT, findings, given)
    _totals(given, findings)


SCHEME = Scheme(
    id="htx-merkle-sum",
    exchange="htx",
    exchange_name="HTX",
    title="Merkle-sum proof of one user, first generation",
    used="2022-12 to 2023-09",
    file_name="merkle_sum_proof.json",
    recognises=_recognises,
    members=("data", *_KEYS),
    judge=_judge,
    padding_known=False,
    facts={
        "root": ROOT,
        "totals": Fact(FactKind.AMOUNTS, "the totals published beside the root"),
    },
    assurance=Assurance(
        included="the leaf in the file is under the root; that it is yours is not shown",
        totals="your path's sums add up to the root's totals",
        cannot=(
            "That the leaf is yours, and your own amount: only the sum of your balance and your "
            "neighbour's is bound.",
            *CANNOT,
            "The totals by the root alone: amounts are hashed without separators and without the "
            "names of the coins.",
        ),
    ),
    where=Where(
        file="htx.com, logged in: the account page's Merkle proof of an audit before October 2023",
        root="htx.com > Proof of Reserves, the audit's own page",
        certain="official program was run on files of our own; no sample is published",
    ),
)
