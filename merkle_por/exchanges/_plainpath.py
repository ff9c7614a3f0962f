"""The checks that all plain hash paths share, in one order (spec plain-sha256-path, section 1).

These trees carry no sums: a path shows that a record is included, never totals. An exchange's
file parses its own layout to a `PlainProof` (the frozen normal form) and calls `judge`. Nothing
separates a leaf from an inner node in these hashes, so a bare leaf hash shows less than a record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from merkle_por.amounts import Balances, grouped, negatives
from merkle_por.documents import LIMITS, Limits, check_hex
from merkle_por.errors import Malformed
from merkle_por.merkle.paths import Joined, Side, Step, climb
from merkle_por.scheme import Findings, Given
from merkle_por.verdict import About, Account, Node, Scope

HASH_DIGITS = 64
_HEX64 = re.compile(r"[0-9A-Fa-f]{64}")

NO_TOTALS = "no totals: the tree holds none, so none can be shown from this file"
CANNOT = (
    "What all customers together are owed: the tree carries no sums.",
    "Who was left out altogether.",
    "Whether other customers' balances are negative.",
)


@dataclass(frozen=True)
class PlainProof:
    """Normal form of one user's plain hash path.

    leaf: the leaf as the file or the caller gives it, None where it follows from the record.
    rebuilt: the leaf rebuilt from the record, None where there is no record or its text is not
    published. steps: siblings from the leaf upward. root: the root as the file shows it, or None.
    user, balances: what the record says; `balances` only where the leaf binds them.
    """

    leaf: str | None
    rebuilt: str | None
    steps: tuple[Step, ...]
    joined: Joined
    root: str | None = None
    user: str | None = None
    balances: Balances = field(default_factory=dict)


def judge(proof: PlainProof, findings: Findings, given: Given) -> None:
    """Runs the shared checks; raises Invalid at the first that fails."""
    leaf = check_leaf(proof, findings)
    rebuilt = climb(leaf, proof.steps, proof.joined)
    finish(proof, leaf, rebuilt, findings, given)


def check_leaf(proof: PlainProof, findings: Findings) -> str:
    """The leaf that the path starts from. Raises Invalid leaf-hash."""
    findings.about(About.INCLUDED)
    bound = proof.rebuilt is not None
    findings.scope = Scope(
        leaf="recomputed" if bound else "given",
        own_balance="bound" if bound else "not-bound",
        totals="not-claimed",
        others_non_negative="not-shown",
        hash_bits=256,
    )
    if proof.rebuilt is None:
        assert proof.leaf is not None
        return proof.leaf
    findings.account = Account(proof.user, proof.balances)
    findings.check(
        proof.leaf in (None, proof.rebuilt),
        "leaf-hash",
        "leaf rebuilt from your record",
        "the leaf rebuilt from the record is not the leaf given",
        expected=proof.leaf,
        computed=proof.rebuilt,
    )
    for asset, value in negatives(proof.balances).items():
        findings.warn("negative-balance", f"your own {asset} is negative: {grouped(value)}")
    return proof.rebuilt


def finish(
    proof: PlainProof, leaf: str, rebuilt: Sequence[str], findings: Findings, given: Given
) -> None:
    """Root in the file, published root, warnings and evidence, once the path was climbed."""
    top = rebuilt[-1] if rebuilt else leaf
    assert findings.scope is not None
    findings.scope = replace(findings.scope, levels=len(proof.steps))
    findings.nodes.extend(evidence(proof, leaf, rebuilt))
    levels = "the leaf is the root"
    if proof.steps:
        levels = f"{len(proof.steps)} level{'' if len(proof.steps) == 1 else 's'}"
    if proof.root is None:
        findings.passed("path", f"{levels}; 256-bit hashes")
    else:
        findings.check(
            top == proof.root,
            "root-inconsistent",
            f"{levels}, to the file's root; 256-bit hashes",
            "the path does not lead to the file's own root",
            expected=proof.root,
            computed=top,
        )
    findings.lines.setdefault(About.TOTALS, NO_TOTALS)
    if not proof.steps:
        findings.warn("single-leaf-tree", "the path is empty: a tree of this one leaf only")
    if proof.rebuilt is None:
        findings.warn(
            "leaf-not-recomputed",
            "the leaf hash was taken as given, not rebuilt from a record: an inner node of the "
            "tree would pass as well, and no balance was checked",
        )
    else:
        findings.compare("balances", "your statement at the snapshot")
    findings.published_root(top, given)


def evidence(proof: PlainProof, leaf: str, rebuilt: Sequence[str]) -> list[Node]:
    """Every node of the path, leaf upward."""
    sides = [step.side.other.value for step in proof.steps] + [None]
    nodes = [Node(0, "leaf", leaf, sides[0], proof.balances, proof.user)]
    for index, (step, above) in enumerate(zip(proof.steps, rebuilt, strict=True)):
        nodes.append(Node(index, "sibling", step.hash, step.side.value))
        role = "root" if index == len(rebuilt) - 1 else "rebuilt"
        nodes.append(Node(index + 1, role, above, sides[index + 1]))
    return nodes


def hash_of(text: str, joined: Joined, where: str) -> str:
    """A 64-digit hash from a file, lower case.

    Letter case is free where hashes enter as bytes, and part of the preimage where they enter as
    text: there only lower case is read. Raises Malformed bad-hash.
    """
    if joined is Joined.TEXT:
        return check_hex(text, HASH_DIGITS, where)
    if not _HEX64.fullmatch(text):
        raise Malformed("bad-hash", f"not {HASH_DIGITS} hexadecimal digits", where=where)
    return text.lower()


def sided_steps(
    path: str, tokens: dict[str, Side], separator: str, joined: Joined, limits: Limits = LIMITS
) -> tuple[Step, ...]:
    """Comma list of `token separator hash`, leaf level first; "" is the empty path.

    tokens: side token -> which child the SIBLING is. Raises Malformed bad-step, bad-hash,
    too-deep.
    """
    steps = []
    for index, item in enumerate(split_path(path, limits)):
        where = f"path item {index + 1}"
        for token, side in tokens.items():
            if item.startswith(token + separator):
                digits = item[len(token + separator) :]
                steps.append(Step(side, hash_of(digits, joined, where)))
                break
        else:
            raise Malformed("bad-step", f'"{item[:20]}" names no known side', where=where)
    return tuple(steps)


def split_path(path: str, limits: Limits = LIMITS) -> list[str]:
    """The items of a comma list, [] for "". Raises Malformed too-deep."""
    if path.count(",") >= limits.path_levels:
        raise Malformed("too-deep", f"more than {limits.path_levels} steps", where="path")
    return path.split(",") if path else []


def sha256_text(text: str) -> str:
    """SHA-256 of UTF-8 text as lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
