"""The checks that all Merkle-sum proofs of one user share, in one order.

An exchange's file parses its own layout to a `SumProof` (the frozen normal form) and calls
`judge`: leaf, path, root totals, published root, and, last, negative amounts, so that inclusion
is known even where the totals fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from merkle_por.amounts import Balances, grouped, negatives, plain, same
from merkle_por.documents import Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.merkle.paths import Side
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep, climb
from merkle_por.scheme import Findings, Given
from merkle_por.verdict import About, Account, Node, Scope

MAXWELL = (
    "maxwell",
    "This format can't show that {name}'s totals are complete: it can give two customers "
    "different neighbours (maxwell). Compare with others: merkle-por digest FILE; "
    "merkle-por compare YOURS THEIRS",
)
CANNOT = (
    "A parent binds only the sum of its children: two customers can be shown different "
    "neighbours (maxwell).",
    "Who was left out altogether.",
    "Whether amounts away from your path are negative.",
)  # what no proof of this family shows, one sentence each


@dataclass(frozen=True)
class SumProof:
    """Normal form of one user's Merkle-sum proof.

    leaf: the user's node as the file shows it. leaf_hash: the hash rebuilt from the user's data,
    None where the preimage is not published (then the hash is taken as given). leaf_shown:
    whether the file has the leaf's hash at all. steps: siblings from the leaf upward. paddings:
    indexes of steps that repeat the running hash with zero balances by the format's rule.
    root: the root as the file shows it. user: what the leaf binds beside the balances, to tell
    two users apart; never shown, since nonces are secrets. account: the id to show.
    sibling_leaf: hash of the first sibling rebuilt from its own data, where the file discloses
    that; sibling_user: as `user`. disclosable: whether the format can disclose it at all.
    beside_nothing: index of a step without sibling -> balances that the file shows there.
    """

    leaf: SumNode
    leaf_hash: str | None
    steps: tuple[SumStep, ...]
    root: SumNode
    user: str | None = None
    paddings: frozenset[int] = frozenset()
    sibling_leaf: str | None = None
    disclosable: bool = False
    same_root_totals: Callable[[Balances, Balances], bool] = same
    leaf_shown: bool = True
    account: str | None = None
    sibling_user: str | None = None
    beside_nothing: Mapping[int, Balances] = field(default_factory=dict)


def same_coins(left: Balances, right: Balances) -> bool:
    """Equal amounts for one and the same set of assets."""
    return left.keys() == right.keys() and same(left, right)


def check_id(text: str, where: str, forbidden: str = ",") -> str:
    """An id or nonce that is hashed with separators around it: not empty, no separator, printable.

    Raises Malformed bad-field.
    """
    if not text or any(c in forbidden or not c.isprintable() for c in text):
        raise Malformed("bad-field", "an id must be a text without separators", where=where)
    return text


def check_coins(fields: Fields, allowed: Callable[[str], bool]) -> Fields:
    """Refuses a coin name that could be read in two ways once hashed (bad-field)."""
    for coin in fields.members:
        if not (coin and allowed(coin)):
            raise Malformed("bad-field", "a coin's name has other characters", where=fields.where)
    return fields


def plain_name(coin: str) -> bool:
    """Whether a name stands in a JSON text as it is: printable ASCII, no quote or backslash."""
    return coin.isascii() and coin.isprintable() and not set(coin) & {'"', "\\"}


def judge(proof: SumProof, dialect: SumDialect, findings: Findings, given: Given) -> None:
    """Runs the shared checks; raises Invalid at the first that hides what comes after it."""
    bits = dialect.digits * 4
    findings.account = Account(proof.account, proof.leaf.balances)
    findings.published = proof.root.balances
    findings.scope = Scope(
        leaf="given" if proof.leaf_hash is None else "recomputed",
        own_balance="not-bound" if proof.leaf_hash is None else "bound",
        hash_bits=bits,
        levels=len(proof.steps),
    )
    findings.about(About.INCLUDED)
    if proof.leaf_hash is not None and proof.leaf_shown:
        findings.check(
            proof.leaf_hash == proof.leaf.hash,
            "leaf-hash",
            "leaf rebuilt from your balances",
            "the leaf rebuilt from the balances is not the file's leaf",
            expected=proof.leaf.hash,
            computed=proof.leaf_hash,
        )
    check_sibling_leaf(proof, findings)
    rebuilt = climb(proof.leaf, proof.steps, dialect)
    check_paddings(proof, rebuilt, findings)
    findings.nodes.extend(evidence(proof, rebuilt))
    top = rebuilt[-1] if rebuilt else proof.leaf
    findings.check(
        top.hash == proof.root.hash,
        "root-inconsistent",
        f"{levels_lead(len(proof.steps))} to the file's root; {bits}-bit hashes",
        "the path does not lead to the file's own root",
        expected=proof.root.hash,
        computed=top.hash,
    )
    # Wrong totals don't end the judge: whether the hash is the published root's is the answer to
    # the other question, which must not stand as "included" without having been asked.
    if proof.same_root_totals(top.balances, proof.root.balances):
        text = "the sums on the path add up to the root's totals"
        findings.passed("sum-mismatch", text, about=About.TOTALS)
    else:
        text = "the sums on the path are not the root's totals"
        findings.failed("sum-mismatch", text, about=About.TOTALS)
    findings.published_root(top.hash, given)
    check_negatives(proof, findings)
    name = findings.scheme.exchange_name
    findings.warn(MAXWELL[0], MAXWELL[1].format(name=name))
    findings.compare("balances", "your statement at the snapshot")


def check_sibling_leaf(proof: SumProof, findings: Findings) -> None:
    """The first sibling's leaf, where the file discloses what it is made of."""
    first = proof.steps[0].node if proof.steps else None
    if proof.sibling_leaf is not None and first is not None:
        findings.check(
            proof.sibling_leaf == first.hash,
            "sibling-leaf-hash",
            "your neighbour's leaf rebuilt from the data in the file",
            "the neighbour's leaf rebuilt from its data is not the file's",
            expected=first.hash,
            computed=proof.sibling_leaf,
        )
    elif proof.disclosable and first is not None and 0 not in proof.paddings:
        findings.warn(
            "sibling-leaf-not-disclosed",
            "the file does not disclose your neighbour's leaf, so it was not rebuilt",
        )


def levels_lead(levels: int) -> str:
    """The subject and verb of the sentence on a path."""
    return "1 level leads" if levels == 1 else f"{levels} levels lead"


def check_paddings(proof: SumProof, rebuilt: list[SumNode], findings: Findings) -> None:
    """A padding node repeats the running hash and owes nothing; an absent one owes nothing."""
    running = [proof.leaf, *rebuilt]
    for index, balances in proof.beside_nothing.items():
        if any(balances.values()):
            raise Invalid(
                "padding-not-zero", f"level {index + 1} shows a balance where there is no node"
            )
    for index in sorted(proof.paddings):
        node = proof.steps[index].node
        assert node is not None
        if any(node.balances.values()):
            raise Invalid("padding-not-zero", f"padding at level {index + 1} has a balance")
        if node.hash != running[index].hash:
            raise Invalid(
                "padding-hash", f"padding at level {index + 1} is not a copy of its neighbour"
            )


def check_negatives(proof: SumProof, findings: Findings) -> None:
    """No amount of the user or of any sibling is below zero: a negative one hides others'."""
    shown = [("your own balance", proof.leaf)]
    shown += [(f"step {i}", step.node) for i, step in enumerate(proof.steps, 1) if step.node]
    found = [
        (place, node.hash, asset, value)
        for place, node in shown
        for asset, value in negatives(node.balances).items()
    ]
    if not found:
        findings.passed("negative-balance", "no amount is negative", about=About.TOTALS)
        return
    findings.details["negatives"] = [
        {"place": place, "hash": digest, "asset": asset, "amount": value}
        for place, digest, asset, value in found
    ]
    for place, digest, asset, value in found:
        findings.failed(
            "negative-balance",
            f"{place} owes {grouped(value)} {asset}",
            about=About.TOTALS,
            where=f"{place} {digest}",
            computed=plain(value),
        )


def evidence(proof: SumProof, rebuilt: list[SumNode]) -> list[Node]:
    """Every node whose balances the file shows or implies, for the ladder and for `compare`."""
    own = proof.leaf
    nodes = [_shown(0, "leaf", own, _own_side(proof, 0), proof.user)]
    for index, (step, above) in enumerate(zip(proof.steps, rebuilt, strict=True)):
        if step.node is not None:
            user = proof.sibling_user if index == 0 else None
            padded = index in proof.paddings
            nodes.append(_shown(index, "sibling", step.node, step.side.value, user, padded))
        role = "root" if index == len(rebuilt) - 1 else "rebuilt"
        nodes.append(_shown(index + 1, role, above, _own_side(proof, index + 1)))
    return nodes


def _shown(
    level: int,
    role: str,
    node: SumNode,
    side: str | None,
    user: str | None = None,
    padding: bool = False,
) -> Node:
    status = "negative-balance" if negatives(node.balances) else "ok"
    return Node(level, role, node.hash, side, node.balances, user, padding, status)


def _own_side(proof: SumProof, index: int) -> str | None:
    if index >= len(proof.steps):
        return None
    step = proof.steps[index]
    return (step.side.other if step.node is not None else Side.LEFT).value
