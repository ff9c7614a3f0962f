"""SwissBorg, one Merkle-sum tree per currency under one commitment (spec swissborg).

Two files: the audit's roots (public, the fact `audit`) and the user's liabilities; and one
secret, the credential, from which the nonce of each leaf is derived and which is never shown.
Inner nodes hash both children's sums, so there is no Maxwell flaw and the totals hold. In leaf
and commitment an amount is hashed as it stands, in inner nodes in its shortest form. The official
program counts a leaf listed twice twice, reads "Infinity", and finds an empty list valid. The
commitment hashes a partition's id and not its currency, which is checked here (`_check_names`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import add, add_balances, amount, plain, stripped
from merkle_por.documents import Document, Fields
from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Node, Scope, Snapshot, Totals

AUDIT_NONCE = "SB PoL - Audit nonce derivation"
TREE_NONCE = "SB PoL - Currency Merkle tree nonce derivation"
LEAF_NONCE = "SB PoL - Leaf nonce derivation"
COMMITMENT = "SB PoL - Audit commitment hash"
MAX_LEVELS = 63
NAME_CHARS = 500
MAX_LEAVES = 100_000  # leaves of one user, or partitions of one audit
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")


@dataclass(frozen=True)
class Amount:
    """An amount as it stands in the file, and its value."""

    raw: str
    value: Decimal


@dataclass(frozen=True)
class Partition:
    """One currency's tree: its published total and root."""

    id: str
    currency: str
    total: Amount
    digest: str


@dataclass(frozen=True)
class Audit:
    """The audit's public file."""

    id: str
    time: str | None
    commitment: str
    partitions: Mapping[str, Partition]


@dataclass(frozen=True)
class Leaf:
    """One of the user's leaves. witnesses: siblings from the leaf upward (amount, digest)."""

    partition: str
    total: Amount
    index: int
    witnesses: tuple[tuple[Amount, str], ...]
    where: str


@dataclass(frozen=True)
class Liabilities:
    """The user's file."""

    user: str
    audit: str
    leaves: tuple[Leaf, ...]


def _name(fields: Fields, key: str) -> str:
    text = fields.text(key, NAME_CHARS)
    if not text or "," in text:
        raise Malformed("bad-field", "empty, or a comma in it", where=fields.place(key))
    return text


def _amount(fields: Fields, key: str) -> Amount:
    raw = fields.get(key)
    return Amount(str(raw), amount(raw, fields.place(key), max_chars=fields.limits.number_chars))


def parse_audit(document: Document) -> Audit:
    """File 1. Members that are in no hash are ignored. Raises Malformed; Invalid where ids or
    currencies stand twice."""
    audit = Fields(document.json, "", document.limits).object("audit")
    partitions: dict[str, Partition] = {}
    currencies: set[str] = set()
    rows = audit.array("partitions", low=1, high=MAX_LEAVES)
    for index, row in enumerate(rows):
        fields = Fields(row, f"audit.partitions[{index}]", document.limits)
        root = fields.object("commitment")
        partition = Partition(
            _name(fields, "id"),
            _name(fields, "currency"),
            _amount(root, "liability"),
            root.hex("digest", 64),
        )
        if partition.id in partitions:
            raise Invalid("duplicate-partition", "an id stands twice", where=fields.where)
        if partition.currency.upper() in currencies:
            raise Invalid("duplicate-asset", "a currency stands twice", where=fields.where)
        partitions[partition.id] = partition
        currencies.add(partition.currency.upper())
    time = audit.text("time", 40) if "time" in audit else ""
    digest = audit.object("commitment").hex("digest", 64)
    return Audit(_name(audit, "id"), time if _TIME.fullmatch(time) else None, digest, partitions)


def _leaf(row: object, index: int, document: Document) -> Leaf:
    fields = Fields(row, f"liabilities[{index}]", document.limits)
    proof = fields.object("proof")
    witnesses = []
    for number, item in enumerate(proof.array("witnesses", low=1, high=MAX_LEVELS)):
        node = Fields(item, f"{proof.where}.witnesses[{number}]", document.limits)
        witnesses.append((_amount(node, "liability"), node.hex("digest", 64)))
    return Leaf(
        partition=_name(fields, "audit_partition_id"),
        total=_amount(fields, "liability"),
        index=proof.integer("leaf_index", 0, 2**MAX_LEVELS),
        witnesses=tuple(witnesses),
        where=fields.where,
    )


def parse_liabilities(document: Document) -> Liabilities:
    """File 2; `proof.nonce` is never read, as old files hold something else there."""
    top = Fields(document.json, "", document.limits)
    rows = top.array("liabilities", high=MAX_LEAVES)
    leaves = tuple(_leaf(row, index, document) for index, row in enumerate(rows))
    return Liabilities(_name(top, "user_id"), _name(top, "audit_id"), leaves)


def derive(key: str, label: str, text: str) -> str:
    """One link of the key chain: keys are texts, hexadecimal ones too."""
    return hmac.new(key.encode(), f"{label},{text}".encode(), hashlib.sha256).hexdigest()


def _joined(*fields: str) -> str:
    return hashlib.sha256(",".join(fields).encode()).hexdigest()


def leaf_hash(leaf_nonce: str, user: str, raw: str) -> str:
    return _joined("leaf", leaf_nonce, user, raw)


def inner_hash(left: tuple[Decimal, str], right: tuple[Decimal, str]) -> str:
    """Both children's sums enter, in their shortest form."""
    return _joined("inner", stripped(left[0]), stripped(right[0]), left[1], right[1])


def commitment(audit: Audit) -> str:
    """Over all partitions, sorted by upper-cased currency as JavaScript sorts (UTF-16 units)."""
    ordered = sorted(
        audit.partitions.values(), key=lambda part: part.currency.upper().encode("utf-16-be")
    )
    fields = [text for part in ordered for text in (part.id, part.total.raw, part.digest)]
    return _joined(COMMITMENT, *fields)


def climb(leaf: Leaf, digest: str) -> list[tuple[Decimal, str]]:
    """The running (sum, hash) after each level; bit i of the index tells the side at level i."""
    running = (leaf.total.value, digest)
    rebuilt = []
    for level, (other, other_digest) in enumerate(leaf.witnesses):
        sibling = (other.value, other_digest)
        if leaf.index >> level & 1:
            pair = sibling, running
        else:
            pair = running, sibling
        running = add(pair[0][0], pair[1][0]), inner_hash(*pair)
        rebuilt.append(running)
    return rebuilt


def _check_shape(user: Liabilities, audit: Audit) -> None:
    """What several fields together must fulfil before anything is hashed. Raises Invalid."""
    if user.audit != audit.id:
        raise Invalid("audit-id-mismatch", "the two files are of different audits")
    if not user.leaves:
        raise Invalid("leaf-not-found", "the file lists no leaf of yours")
    depths: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    for leaf in user.leaves:
        if leaf.partition not in audit.partitions:
            raise Invalid("unknown-partition", "no such partition in the audit", where=leaf.where)
        if depths.setdefault(leaf.partition, len(leaf.witnesses)) != len(leaf.witnesses):
            raise Invalid("path-length", "two paths of one tree differ in length", where=leaf.where)
        if leaf.index >> len(leaf.witnesses):
            raise Invalid("index-range", "the leaf's index is outside its tree", where=leaf.where)
        if (leaf.partition, leaf.index) in seen:
            raise Invalid("duplicate-leaf", "one leaf is listed twice", where=leaf.where)
        seen.add((leaf.partition, leaf.index))


def _check_leaf(leaf: Leaf, user: str, part: Partition, key: str, findings: Findings) -> Decimal:
    """One path against its partition's root; evidence. Answers the sum it leads to."""
    nonce = derive(derive(key, TREE_NONCE, part.currency), LEAF_NONCE, str(leaf.index))
    digest = leaf_hash(nonce, user, leaf.total.raw)
    rebuilt = climb(leaf, digest)
    total, top = rebuilt[-1]
    if top != part.digest:
        raise Invalid(
            "root-inconsistent",
            "leaf and path do not lead to the partition's root: the file was changed, or the "
            "credential is another one",
            where=leaf.where,
            expected=part.digest,
            computed=top,
        )
    coin = part.currency
    sides = ["right" if leaf.index >> level & 1 else "left" for level in range(len(rebuilt))]
    nodes = [Node(0, "leaf", digest, sides[0], {coin: leaf.total.value}, user)]
    for level, (other, other_digest) in enumerate(leaf.witnesses):
        side = "left" if sides[level] == "right" else "right"
        nodes.append(Node(level, "sibling", other_digest, side, {coin: other.value}))
        role, own = ("root", None) if level + 1 == len(rebuilt) else ("rebuilt", sides[level + 1])
        sum_, hash_ = rebuilt[level]
        nodes.append(Node(level + 1, role, hash_, own, {coin: sum_}))
    findings.nodes.extend(nodes)
    return total


def _check_user(user: Liabilities, audit: Audit, credential: str, findings: Findings) -> None:
    key = derive(credential, AUDIT_NONCE, audit.id)
    findings.about(About.INCLUDED)
    sums = [
        (leaf, _check_leaf(leaf, user.user, audit.partitions[leaf.partition], key, findings))
        for leaf in user.leaves
    ]
    count = len(sums)
    leaves, paths = ("leaf", "path reaches") if count == 1 else ("leaves", "paths reach")
    said = f"{count} {leaves} rebuilt from your balances, {count} {paths} the roots"
    findings.passed("path", said)
    findings.lines[About.INCLUDED] = said
    findings.about(About.TOTALS)
    for leaf, total in sums:
        stated = audit.partitions[leaf.partition].total.value
        if total != stated:
            raise Invalid(
                "sum-mismatch",
                "the sums on the path are not the partition's total",
                where=leaf.where,
                expected=plain(stated),
                computed=plain(total),
            )
    findings.passed("sums", "every sum on your paths adds up")


def _check_names(user: Liabilities | None, audit: Audit, findings: Findings) -> None:
    """The commitment covers a partition's id, not its currency: that is bound by the key chain
    where the user has a leaf, else only where the id ends in it."""
    own = {leaf.partition for leaf in user.leaves} if user else set()
    loose = [
        part.currency
        for part in audit.partitions.values()
        if part.id not in own and part.id != f"{audit.id}-{part.currency}"
    ]
    if not loose:
        return
    text = (
        f"nothing ties the total called {loose[0][:20]} to that currency "
        f"({len(loose)} of {len(audit.partitions)} totals)"
    )
    if user is None:
        # The totals' names are all that such a file is asked for.
        findings.unconfirmed("currency-not-bound", text, about=About.ROOT)
    else:
        findings.warn("currency-not-bound", f"Of currencies you don't hold: {text}.")


def _check_negatives(user: Liabilities | None, audit: Audit, findings: Findings) -> None:
    shown = [(f"the total of {p.currency[:20]}", p.total) for p in audit.partitions.values()]
    for leaf in user.leaves if user else ():
        shown.append((leaf.where, leaf.total))
        shown += [(f"{leaf.where}, step {i}", w) for i, (w, _) in enumerate(leaf.witnesses, 1)]
    found = [(place, item) for place, item in shown if item.value < 0]
    for place, item in found[:20]:
        findings.failed(
            "negative-balance",
            f"{place} is {item.raw}",
            about=About.TOTALS,
            where=place,
            computed=item.raw,
        )
    if not found:
        findings.passed("negative-balance", "no amount is negative", about=About.TOTALS)


def _judge(document: Document, given: Given, findings: Findings) -> None:
    user = None if _is_audit(document) else parse_liabilities(document)
    shown = document if user is None else given.file("audit")
    credential = given.text("credential")
    if shown is None:
        raise Incomplete("fact-not-given", "the audit's roots are needed: give audit=FILE")
    audit = parse_audit(shown)
    findings.snapshot = Snapshot(audit.id, audit.time)
    findings.published = {p.currency: p.total.value for p in audit.partitions.values()}
    findings.scope = Scope(hash_bits=256)
    findings.claims_inclusion = user is not None
    findings.about(About.TOTALS)
    if user is not None:
        balances: dict[str, Decimal] = {}
        _check_shape(user, audit)
        for leaf in user.leaves:
            coin = audit.partitions[leaf.partition].currency
            balances = add_balances(balances, {coin: leaf.total.value})
        findings.account = Account(user.user, balances)
        held = Counter(audit.partitions[leaf.partition].currency for leaf in user.leaves)
        findings.details["leaves"] = len(user.leaves)
        findings.details["own_notes"] = [
            f"{held[coin]} {'leaf' if held[coin] == 1 else 'leaves'}" for coin in balances
        ]
        depth = max(len(leaf.witnesses) for leaf in user.leaves)
        findings.scope = Scope(hash_bits=256, levels=depth)
    else:
        findings.totals_claim = Totals.BOUND
        findings.scope = Scope(others_non_negative="not-shown", hash_bits=256)
    computed = commitment(audit)
    findings.check(
        computed == audit.commitment,
        "root-inconsistent",
        f"the commitment covers all {len(audit.partitions)} totals",
        "the commitment is not the hash of the partitions",
        about=About.TOTALS,
        expected=audit.commitment,
        computed=computed,
    )
    if user is not None:
        if credential is None:
            raise Incomplete(
                "fact-not-given", "your credential is needed: give credential=@FILE, never in plain"
            )
        # A credential read from a file ends in that file's line end.
        _check_user(user, audit, credential.rstrip("\r\n"), findings)
        findings.compare("balances", "your statement at the snapshot")
    findings.published_root(computed, given)
    _check_names(user, audit, findings)
    _check_negatives(user, audit, findings)


def _is_audit(document: Document) -> bool:
    match document.json:
        case {"audit": dict()} as top:
            return "liabilities" not in top
    return False


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"audit": {"partitions": list(), "commitment": {"digest": _}}}:
            return True
        case {"liabilities": list(leaves), "user_id": _, "audit_id": _}:
            return not leaves or (isinstance(leaves[0], dict) and "audit_partition_id" in leaves[0])
    return False


SCHEME = Scheme(
    id="swissborg",
    exchange="swissborg",
    exchange_name="SwissBorg",
    title="Merkle-sum tree per currency under one commitment",
    used="2022-12 to 2023-11, historical",
    file_name="user-liabilities.json",
    recognises=_recognises,
    members=("liabilities", "user_id", "audit_id", "audit_partition_id"),
    judge=_judge,
    facts={
        "root": Fact(FactKind.HASH, "the audit's published commitment"),
        "audit": Fact(FactKind.FILE, "the audit's public file with all roots"),
        "credential": Fact(FactKind.SECRET, "your credential for that audit, from the app"),
    },
    assurance=Assurance(
        included="every leaf of yours, rebuilt from credential and balance, is under its root",
        totals="both children's sums are in every hash on your paths: the totals hold",
        cannot=(
            "Who was left out altogether, or a leaf of yours that your file leaves out.",
            "Whether amounts away from your paths are negative.",
            "From the audit's file alone: anything but that its totals are the published ones.",
        ),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file="the app's proof-of-liabilities page gave file and credential; historical",
        root="SwissBorg's repository proof-of-liabilities, README: commitments of 2023",
        certain="official program and its samples were run; the service is not known to answer",
    ),
)
