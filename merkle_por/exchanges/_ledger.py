"""What the schemes of whole published trees share: from the engine's answer to findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.errors import Invalid, Malformed
from merkle_por.ledger.bands import HASH, ROW_PROBLEMS, SUM, Audit, Tree, Wrong
from merkle_por.scheme import Findings
from merkle_por.verdict import About, Totals


@dataclass(frozen=True)
class Naming:
    """How one format's nodes and amounts are spoken of.

    assets: in the records' order. decimals: units are 10^-decimals of a coin. node: name of the
    node in a row. line: the row's line in the file, from 1.
    """

    assets: tuple[str, ...]
    decimals: int
    node: Callable[[int], str]
    line: Callable[[int], int]

    def coins(self, units: int) -> Decimal:
        """Whole coins, with all decimals."""
        return Decimal(units).scaleb(-self.decimals)

    def balances(self, units: Sequence[int]) -> dict[str, Decimal]:
        return {asset: self.coins(u) for asset, u in zip(self.assets, units, strict=True)}

    def shown(self, units: int) -> str:
        return f"{self.coins(units):,f}"


def stop(audit: Audit, naming: Naming) -> None:
    """Raises Malformed for the first row that is none (Invalid where it is only negative)."""
    if audit.stop is None:
        return
    row, reason = audit.stop
    error = Invalid if reason == "negative-balance" else Malformed
    raise error(reason, ROW_PROBLEMS[reason], where=f"line {naming.line(row)}")


def report_nodes(audit: Audit, naming: Naming, findings: Findings) -> None:
    """Every wrong node as a violation: the first ones listed in file order, all counted."""
    findings.about(About.TOTALS)
    rest = audit.counts.copy()
    for wrong in audit.wrong:
        first = True
        for reason in wrong.reasons:
            text = _text(wrong, reason, naming)
            where, line = naming.node(wrong.row), naming.line(wrong.row)
            findings.violation(reason, text, where, line=line, listed=first)
            rest[reason] -= 1
            first = False
    # A node that is wrong in both counts once among the rest, as it does among the listed.
    listed = sum(bool({SUM, HASH} & set(wrong.reasons)) for wrong in audit.wrong)
    both = rest[SUM] + rest[HASH] - (audit.nodes - listed)
    rest[HASH] -= both
    for reason, count in rest.items():
        if count > 0:
            findings.violation(reason, _PLAIN[reason], _REST, count)
    if both > 0:
        findings.violation(HASH, _PLAIN[HASH], _REST, both, listed=False)


_REST = "nodes behind these"
_PLAIN = {
    SUM: "a node's sum is not that of its two children",
    HASH: "a node's hash is not that of its two children",
    "padding-hash": "a padding node is not a copy of its neighbour",
    "padding-not-zero": "a padding node has a balance",
}


def _text(wrong: Wrong, reason: str, naming: Naming) -> str:
    if reason != SUM:
        return _PLAIN[reason].replace("a node's", "its").replace("a padding node", "padding")
    several = len(naming.assets) > 1
    parts = [
        f"{f'{asset} ' if several else ''}{naming.shown(said)}, "
        f"its two children hold {naming.shown(held)}"
        for asset, said, held in zip(naming.assets, wrong.said, wrong.held, strict=True)
        if said != held
    ]
    return "says " + "; ".join(parts)


def conclude(tree: Tree, audit: Audit, repeated: int, naming: Naming, findings: Findings) -> None:
    """Counts, published totals, what the leaves hold beyond them, and the checks that passed."""
    stated = tree.dialect.sums(tree.root())
    findings.published = naming.balances(stated)
    leaves = tree.leaves.count - tree.leaves.padding
    findings.details["counts"] = {
        "nodes": sum(level.count for level in tree.levels),
        "leaves": leaves,
        "duplicates": repeated,
        "height": len(tree.levels),
    }
    findings.details["checked"] = _checked(audit, leaves, repeated)
    if not findings.violations:
        findings.passed(
            "tree", "every node's hash and sum recomputed from the leaves up", about=About.TOTALS
        )
        return
    if audit.counts[SUM]:
        held = [a + b for a, b in zip(stated, audit.more, strict=True)]
        findings.details["owed_at_least"] = naming.balances(held)
        findings.headline = sums_headline(naming.balances(audit.more))


def sums_headline(more: Mapping[str, Decimal]) -> str:
    """The sentence on sums that don't add up. more: what the leaves hold beyond what is stated."""
    hidden = [f"{amount:,f} {asset}" for asset, amount in more.items() if amount > 0]
    if hidden:
        return f"The ledger hides {' and '.join(hidden)} of liabilities ({SUM})."
    added = [f"{-amount:,f} {asset}" for asset, amount in more.items() if amount < 0]
    if added:
        return f"The ledger states {' and '.join(added)} more than its leaves hold ({SUM})."
    return f"The sums inside this ledger do not add up ({SUM})."


def _checked(audit: Audit, leaves: int, repeated: int) -> str:
    kinds = [word for reason, word in ((SUM, "sum"), (HASH, "hash")) if audit.counts[reason]]
    wrong = f", {audit.nodes:,} wrong ({', '.join(kinds)})" if audit.nodes else ""
    right = f"{audit.checked - audit.nodes:,} right{wrong}"
    twice = f"{repeated:,} stand twice" if repeated else "none twice"
    inner = f"{audit.checked:,} inner node{'s' if audit.checked != 1 else ''}"
    return f"{inner}: {right}; {leaves:,} {'leaves' if leaves != 1 else 'leaf'}, {twice}"


def lone_leaf(tree: Tree, rebuilt: bool, findings: Findings) -> None:
    """A tree that is nothing but its root: no parent's hash binds the amount that stands there,
    only the leaf itself does, and that only where it was rebuilt."""
    if len(tree.levels) == 1 and not rebuilt:
        findings.totals_claim = Totals.NOT_CLAIMED
        findings.unconfirmed(
            "single-leaf-tree",
            "the total of a tree of one node is bound by that leaf alone: compare the total too, "
            "or let its owner look for it",
            about=About.ROOT,
        )
