"""Maxwell trees as lproof writes them, 2013-2015 (spec maxwell-lproof).

`maxwell-partial` is one user's tree with everything off his path cut away; `maxwell-complete` is
the operator's whole tree. A parent hashes the SUM of its children only: that is the flaw this
family is named after. Sums are hashed as text in one of two ways, `spec` (never an exponent) and
`lproof` (what the program does: an exponent below 1e-6 and from 1e21); one way per file. The
official program accepts a leaf that brings its own hash, and data on inner nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.amounts import EXACT, add, amount, grouped, plain, stripped
from merkle_por.amounts import total as sum_of
from merkle_por.documents import Document, Fields, Number
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges._ledger import sums_headline
from merkle_por.exchanges._sumproof import MAXWELL, SumProof, check_negatives, evidence
from merkle_por.ledger.bands import SUM
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep, climb
from merkle_por.scheme import (
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Scheme,
    Where,
    normal_hash,
)
from merkle_por.verdict import About, Account, Node, Scope, Totals

CURRENCY = "BTC"  # the files name none; lproof's users counted bitcoin
DUMMY = "dummy"  # padding accounts of the program's deterministic test mode
DIGITS = 60  # on either side of the point
MAX_EXPONENT = 60
NONCE_CHARS = 256
USER_CHARS = 1_000
_EXPONENT = re.compile(r"(-?[1-9](?:\.[0-9]*[1-9])?)e([+-])([1-9][0-9]?)")
_NONCE = re.compile(r"[0-9A-Fa-f]+")
SMALL, LARGE = Decimal("1e-6"), Decimal("1e21")

Writer = Callable[[Decimal], str]


def scientific(value: Decimal) -> str:
    """`lproof`: as `stripped`, but d[.ddd]e-8 / e+21 outside of [1e-6, 1e21)."""
    size = value.copy_abs()
    if not value or SMALL <= size < LARGE:
        return stripped(value)
    digits = "".join(map(str, size.as_tuple().digits)).rstrip("0")
    exponent = size.adjusted()
    head = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{'-' if value < 0 else ''}{head}e{exponent:+d}"


DIALECTS: dict[str, Writer] = {"spec": stripped, "lproof": scientific}


def decimal_of(value: object, where: str) -> tuple[Decimal, bool]:
    """A sum from a file, and whether it stands with an exponent (then in the canonical form).

    Raises Malformed: wrong-type, bad-amount.
    """
    match = _EXPONENT.fullmatch(value) if isinstance(value, str) and len(value) <= 130 else None
    if match is not None:
        assert isinstance(value, str)
        if int(match[3]) <= MAX_EXPONENT and len(match[1]) <= 2 * DIGITS:
            number = Decimal(value)
            if scientific(number) == value:
                return number, True
        raise Malformed("bad-amount", f'"{value[:40]}" is not the canonical form', where=where)
    number = amount(value, where, max_chars=2 * DIGITS + 2)
    if not _fits(number):
        raise Malformed("bad-amount", f"more than {DIGITS} digits on one side", where=where)
    return number, False


def _fits(number: Decimal) -> bool:
    whole, _, fraction = plain(number.copy_abs()).partition(".")
    return len(whole) <= DIGITS and len(fraction) <= DIGITS


@dataclass(frozen=True)
class Leaf:
    """The user's data; `hash` where the file brings one."""

    user: str
    sum: Decimal
    nonce: str
    hash: str | None

    def digest(self, write: Writer) -> str:
        """Leaf hash: user|sum|nonce."""
        return sha256_hex(f"{self.user}|{write(self.sum)}|{self.nonce}".encode())


def inner_text(left: str, right: str, total: Decimal, write: Writer) -> str:
    """What an inner node is the hash of."""
    return f"{write(total)}|{left}|{right}"


def _leaf(data: Fields) -> tuple[Leaf, bool]:
    data.only("user", "sum", "nonce", "hash").required("user", "sum", "nonce")
    user, nonce = data.text("user", USER_CHARS), data.text("nonce", NONCE_CHARS)
    if not user or user != user.strip() or "|" in user:
        raise Malformed("bad-field", 'empty, blank at an end, or "|" in it', where=data.where)
    if not _NONCE.fullmatch(nonce):
        raise Malformed("bad-field", "not hexadecimal digits", where=data.place("nonce"))
    total, exponent = decimal_of(data.get("sum"), data.place("sum"))
    digest = data.hex("hash", 64) if "hash" in data else None
    return Leaf(user, total, nonce, digest), exponent


def _sum_node(data: Fields) -> tuple[str, Decimal, bool]:
    data.only("sum", "hash").required("sum", "hash")
    total, exponent = decimal_of(data.get("sum"), data.place("sum"))
    return data.hex("hash", 64), total, exponent


@dataclass(frozen=True)
class Partial:
    """Normal form: the user's leaf, siblings from the leaf upward with their side."""

    leaf: Leaf
    siblings: tuple[tuple[Side, str, Decimal], ...]
    exponents: bool


def _children(node: Fields) -> tuple[Fields, Fields] | None:
    """Both children, None for a node without. Raises Malformed."""
    node.only("left", "right", "data")
    found = [node.members.get(key) is not None for key in ("left", "right")]
    if not any(found):
        return None
    if not all(found):
        raise Malformed("one-child", "a node has one child only", where=node.where)
    if node.members.get("data") not in (None, {}):
        raise Malformed("bad-keys", "an inner node brings data of its own", where=node.where)
    return node.object("left"), node.object("right")


def _holds_user(node: Fields) -> bool:
    """Whether the path goes on below: an inner node, or a leaf that names a user."""
    data = node.members.get("data")
    if node.members.get("left") is not None or node.members.get("right") is not None:
        return True
    return isinstance(data, dict) and ("user" in data or "nonce" in data)


def parse_partial(document: Document) -> Partial:
    """Walks down to the user's leaf. Raises Malformed."""
    top = Fields(document.json, "", document.limits).only("id", "partial_tree")
    if top.members.get("id") is not None:
        top.text("id", USER_CHARS)
    node = top.object("partial_tree")
    siblings: list[tuple[Side, str, Decimal]] = []
    exponents = False
    while (pair := _children(node)) is not None:
        if len(siblings) == document.limits.path_levels:
            raise Malformed("too-deep", "the path is too long", where=node.where)
        below = [_holds_user(child) for child in pair]
        if below[0] is below[1]:
            many = "two users or paths" if below[0] else "no user"
            raise Malformed("bad-keys", f"{many} below this node", where=node.where)
        node, other = pair if below[0] else pair[::-1]
        if _children(other) is not None:
            raise Malformed("bad-keys", "a sibling has children", where=other.where)
        digest, total, exponent = _sum_node(other.object("data"))
        siblings.append((Side.RIGHT if below[0] else Side.LEFT, digest, total))
        exponents |= exponent
    leaf, exponent = _leaf(node.object("data"))
    return Partial(leaf, tuple(reversed(siblings)), exponents or exponent)


@dataclass(frozen=True)
class Published:
    """The root as somebody published it: hash, and sum and currency where they are named."""

    hash: str | None
    sum: Decimal | None = None
    currency: str | None = None


def published(given: Given) -> Published:
    """The fact `root`: a hash, {"sum", "hash"}, or a whole root file as JSON. Raises UsageError."""
    value = given.value("root")
    if value is None:
        return Published(None)
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return Published(normal_hash(value, "root"))
    members = given.object("root")
    assert members is not None
    inner = members["root"] if isinstance(members.get("root"), Mapping) else members
    digest, total, currency = inner.get("hash"), inner.get("sum"), members.get("currency")
    if not isinstance(digest, str) or not isinstance(currency, str | None):
        raise UsageError('root is a hash or an object with "sum" and "hash"')
    try:
        read = None if total is None else decimal_of(total, "sum")[0]
    except Malformed as error:
        raise UsageError(f"root: {error.text}") from None
    return Published(normal_hash(digest, "root"), read, currency)


def _dialect(write: Writer, currency: str) -> SumDialect:
    return SumDialect(
        preimage=lambda left, right, sums, level: inner_text(left, right, sums[currency], write)
    )


def _proof(partial: Partial, write: Writer, currency: str) -> SumProof:
    leaf = SumNode(partial.leaf.digest(write), {currency: partial.leaf.sum})
    steps = tuple(
        SumStep(side, SumNode(digest, {currency: total}))
        for side, digest, total in partial.siblings
    )
    rebuilt = climb(leaf, steps, _dialect(write, currency))
    return SumProof(leaf, leaf.hash, steps, rebuilt[-1] if rebuilt else leaf, partial.leaf.user)


def _partial_dialect(partial: Partial, proofs: Mapping[str, SumProof], root: str | None) -> str:
    """The published root tells the dialect; without it the leaf's own hash does where the file
    brings one, else whether a sum stands with an exponent."""
    likely = "lproof" if partial.exponents else "spec"
    for fits in (
        [name for name, proof in proofs.items() if proof.root.hash == root],
        [name for name, proof in proofs.items() if proof.leaf.hash == partial.leaf.hash],
    ):
        if fits:
            return likely if likely in fits else fits[0]
    return likely


def _judge_partial(document: Document, given: Given, findings: Findings) -> None:
    partial = parse_partial(document)
    root = published(given)
    currency = given.text("currency") or root.currency or CURRENCY
    proofs = {name: _proof(partial, write, currency) for name, write in DIALECTS.items()}
    name = _partial_dialect(partial, proofs, root.hash)
    proof = proofs[name]
    findings.version = name
    findings.account = Account(proof.user, proof.leaf.balances)
    findings.published = proof.root.balances
    findings.scope = Scope(hash_bits=256, levels=len(proof.steps))
    findings.about(About.INCLUDED)
    findings.check(
        partial.leaf.hash in (None, proof.leaf.hash),
        "leaf-hash",
        "leaf rebuilt from your name, balance and nonce",
        "the leaf rebuilt from name, balance and nonce is not the file's leaf",
        expected=partial.leaf.hash,
        computed=proof.leaf.hash,
    )
    _own(partial.leaf.user, partial.leaf.sum, given, findings)
    rebuilt = climb(proof.leaf, proof.steps, _dialect(DIALECTS[name], currency))
    findings.nodes.extend(evidence(proof, rebuilt))
    levels = f"{len(proof.steps)} level{'' if len(proof.steps) == 1 else 's'}"
    findings.passed("path", f"{levels}; 256-bit hashes")
    _anchor(proof.root, root, currency, given, findings)
    check_negatives(proof, findings)
    findings.warn(MAXWELL[0], MAXWELL[1].format(name=findings.exchange_name))
    findings.compare("balances", "your statement at the snapshot")


def _own(user: str, total: Decimal, given: Given, findings: Findings) -> None:
    """Name and balance as the caller knows them."""
    wanted, balance = given.text("user"), given.amount("balance")
    if wanted is not None:
        findings.check(
            wanted == user,
            "user-id",
            "the leaf carries your name",
            "the leaf is another user's",
            about=About.INCLUDED,
        )
    if balance is not None:
        findings.check(
            balance == total,
            "balance-mismatch",
            "the leaf carries your balance",
            f"the file says {grouped(total)}, your own figure is {grouped(balance)}",
            about=About.INCLUDED,
            expected=plain(balance),
            computed=plain(total),
        )


def _anchor(top: SumNode, root: Published, currency: str, given: Given, findings: Findings) -> None:
    findings.anchor(top.hash, root.hash, given.source("root"))
    total = top.balances[currency]
    if root.sum is None:
        if not findings.violations:
            findings.passed(
                "total", f"the root's hash covers its total, {grouped(total)}", about=About.TOTALS
            )
        return
    findings.check(
        root.sum == total,
        "total-mismatch",
        "the total under the root is the published one",
        "the total under the root is not the published one",
        about=About.TOTALS,
        expected=plain(root.sum),
        computed=plain(total),
    )


@dataclass(frozen=True)
class Complete:
    """Normal form of a whole tree in heap order: inner nodes, then leaves."""

    inner: tuple[tuple[str, Decimal], ...]
    leaves: tuple[Leaf, ...]
    exponents: bool


def parse_complete(document: Document) -> Complete:
    """Raises Malformed."""
    elements: Any = document.json
    if not isinstance(elements, list):
        raise Malformed("wrong-type", "not an array")
    if not elements:
        raise Malformed("empty-file", "there is no node in the file")
    if len(elements) % 2 == 0:
        raise Malformed("node-count", f"{len(elements)} nodes: a binary tree has an odd number")
    inner, leaves, exponents = [], [], False
    for index, element in enumerate(elements):
        node = Fields(element, f"[{index}]", document.limits).only("index", "data")
        if node.integer("index") != index:
            raise Malformed("bad-number", f"index {index} is expected", where=node.place("index"))
        data = node.object("data")
        if index < len(elements) // 2:
            digest, total, exponent = _sum_node(data)
            inner.append((digest, total))
        else:
            leaf, exponent = _leaf(data.required("hash"))
            leaves.append(leaf)
        exponents |= exponent
    return Complete(tuple(inner), tuple(leaves), exponents)


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one node of a whole tree; place: its number in heap order."""

    place: int
    reason: str
    text: str


def wrong_nodes(tree: Complete, write: Writer) -> list[Wrong]:
    """Recomputes every leaf, then every parent from the bottom up: leaf-hash, sum-mismatch,
    parent-hash."""
    count = len(tree.inner)
    hashes = [digest for digest, _ in tree.inner] + [leaf.hash or "" for leaf in tree.leaves]
    sums = [total for _, total in tree.inner] + [leaf.sum for leaf in tree.leaves]
    wrong = [
        Wrong(place, "leaf-hash", "the leaf rebuilt from its data is not the file's")
        for place, leaf in enumerate(tree.leaves, start=count)
        if leaf.digest(write) != leaf.hash
    ]
    for place in range(count - 1, -1, -1):
        left, right = 2 * place + 1, 2 * place + 2
        total = add(sums[left], sums[right])
        if total != sums[place]:
            text = f"says {grouped(sums[place])}, its two children hold {grouped(total)}"
            wrong.append(Wrong(place, SUM, text))
        preimage = inner_text(hashes[left], hashes[right], total, write)
        if sha256_hex(preimage.encode()) != hashes[place]:
            text = "its hash is not that of its two children"
            wrong.append(Wrong(place, "parent-hash", text))
    return wrong


def wrong_accounts(tree: Complete) -> list[Wrong]:
    """duplicate-user, negative-balance."""
    first: dict[str, int] = {}
    wrong = []
    for place, leaf in enumerate(tree.leaves, start=len(tree.inner)):
        known = first.setdefault(leaf.user, place)
        if known != place and (leaf.user != DUMMY or leaf.sum):
            wrong.append(Wrong(place, "duplicate-user", f"the user of node {known} again"))
        if leaf.sum < 0:
            text = f"the account owes {grouped(leaf.sum)}: it hides as much of other accounts"
            wrong.append(Wrong(place, "negative-balance", text))
    return wrong


def _fitting(tree: Complete) -> tuple[str, list[Wrong]]:
    """The dialect that the tree fits best, and what is wrong in it even so."""
    names = ("lproof", "spec") if tree.exponents else ("spec", "lproof")
    found = {}
    for name in names:
        found[name] = wrong_nodes(tree, DIALECTS[name])
        if not found[name]:
            break
    best = min(found, key=lambda name: len(found[name]))
    return best, found[best]


def _judge_complete(document: Document, given: Given, findings: Findings) -> None:
    tree = parse_complete(document)
    root = published(given)
    currency = given.text("currency") or root.currency or CURRENCY
    findings.version, wrong = _fitting(tree)
    wanted = given.text("user")
    if wanted is None and given.value("balance") is not None:
        raise UsageError("balance is compared with a user's: name him with user")
    findings.claims_inclusion = wanted is not None
    findings.about(About.TOTALS)
    accounts = wrong_accounts(tree)
    for item in (*wrong, *accounts):
        findings.violation(item.reason, item.text, f"node {item.place}")
    count, nodes = len(tree.leaves), 2 * len(tree.leaves) - 1
    if not wrong:
        findings.passed("tree", "every leaf and every parent recomputed")
    if not accounts:
        findings.passed("negative-balance", "no amount is negative, no user stands twice")
    digest, total = tree.inner[0] if tree.inner else (tree.leaves[0].hash or "", tree.leaves[0].sum)
    top = SumNode(digest, {currency: total})
    findings.published = top.balances
    findings.scope = Scope(others_non_negative="shown", hash_bits=256)
    twice = sum(item.reason == "duplicate-user" for item in accounts)
    findings.details["counts"] = {
        "nodes": nodes,
        "leaves": count,
        "duplicates": twice,
        "height": nodes.bit_length(),
    }
    if any(item.reason == SUM for item in wrong):
        held = sum_of(leaf.sum for leaf in tree.leaves)
        findings.details["owed_at_least"] = {currency: held}
        findings.headline = sums_headline({currency: EXACT.subtract(held, total)})
    if wanted is not None:
        _find_user(wanted, tree, currency, given, findings)
    _anchor(top, root, currency, given, findings)


def _find_user(
    wanted: str, tree: Complete, currency: str, given: Given, findings: Findings
) -> None:
    leaf = next((x for x in tree.leaves if x.user == wanted), None)
    findings.check(
        leaf is not None,
        "leaf-not-found",
        "your account is one of the leaves",
        "no leaf carries that name",
        about=About.INCLUDED,
    )
    assert leaf is not None
    rebuilt = leaf.digest(DIALECTS[findings.version or ""])
    findings.check(
        rebuilt == leaf.hash,
        "leaf-hash",
        "it is rebuilt from your name, balance and nonce",
        "the leaf rebuilt from name, balance and nonce is not the file's leaf",
        expected=leaf.hash,
        computed=rebuilt,
    )
    _own(leaf.user, leaf.sum, given, findings)
    findings.account = Account(leaf.user, {currency: leaf.sum})
    findings.nodes.append(Node(0, "leaf", leaf.hash or "", None, {currency: leaf.sum}, leaf.user))
    findings.compare("balances", "your statement at the snapshot")


def _recognises_partial(document: Document) -> bool:
    match document.json_or_none:
        case {"partial_tree": _}:
            return True
    return False


def _recognises_complete(document: Document) -> bool:
    match document.json_or_none:
        case [{"index": int(first), "data": {"sum": str() | int() | Number(), "hash": str()}}, *_]:
            return first == 0
    return False


ROOT_FACT = Fact(
    FactKind.VALUE,
    'the published root: its hash, or {"sum": "...", "hash": "..."} as the site publishes it',
)
FACTS = {
    "root": ROOT_FACT,
    "user": Fact(FactKind.TEXT, "your user name at the exchange"),
    "balance": Fact(FactKind.AMOUNT, "your balance at the snapshot"),
    "currency": Fact(FactKind.TEXT, f"what the sums are in; the files don't say ({CURRENCY})"),
}
WHERE = Where(
    file="historical: the exchanges that used it (2013-2015) handed it out on the account page",
    root="the site's public page (meta tag x-liabilities-proof-root)",
    certain="official program and its own test data were run; no exchange serves it today",
)

PARTIAL = Scheme(
    id="maxwell-partial",
    exchange="lproof",
    exchange_name="the exchange",
    title="Maxwell tree of one user, lproof JSON",
    used="2013 to 2015, historical",
    file_name="partial_tree.json",
    recognises=_recognises_partial,
    members=("id", "partial_tree", "data", "sum", "user", "nonce"),
    judge=_judge_partial,
    facts=FACTS,
    assurance=Assurance(
        included="your leaf, rebuilt from name, balance and nonce, is under the root",
        totals="your path's sums add up to the root's total",
        cannot=(
            "A parent binds only the sum of its children: two customers can be shown different "
            "neighbours, and the total can be as low as the largest balance (maxwell).",
            "Who was left out altogether.",
            "Whether amounts away from your path are negative.",
        ),
    ),
    where=WHERE,
)

COMPLETE = Scheme(
    id="maxwell-complete",
    exchange="lproof",
    exchange_name="the exchange",
    title="Maxwell tree, whole, lproof JSON",
    used="2013 to 2015, historical; kept by the operator",
    file_name="complete_tree.json",
    recognises=_recognises_complete,
    members=("index", "data", "sum", "hash", "user", "nonce"),
    judge=_judge_complete,
    facts=FACTS,
    assurance=Assurance(
        included="with your name given: your leaf is one of the tree's",
        totals="every leaf and every parent is recomputed, no account is negative",
        cannot=("Who was left out altogether.",),
        totals_claim=Totals.HOLDS,
    ),
    where=WHERE,
)
SCHEMES = (PARTIAL, COMPLETE)
