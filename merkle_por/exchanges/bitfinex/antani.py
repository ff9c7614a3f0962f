"""antani, Bitfinex's public balances file of 2018 (spec bitfinex, section 3).

Balances are cut into buckets, each under a key that the exchange makes for its owner; the file
holds every bucket and every parent of a flat tree, BLAKE2b-256. A parent hashes the sum of its
children only, which matters to nobody here, since the whole file is recomputed. The official
`proof` looks at one path, never rebuilds a bucket's hash from its balance, and takes negative
and repeated buckets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Node, Scope, Totals

UNIT = "unit"  # the file names no asset
HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES = 32, 32, 64
MAX_BALANCE = 2**53 - 1  # what the official program's numbers hold exactly
BUCKET, PARENT, ROOT = b"bucket\n", b"parent\n", b"root\n"


@dataclass(frozen=True)
class Bucket:
    hash: bytes
    balance: int
    key: bytes
    key_text: str
    signature: bytes


@dataclass(frozen=True)
class Parent:
    """A parent, or the root."""

    hash: bytes
    balance: int


@dataclass(frozen=True)
class File:
    """Normal form: n buckets; parents by flat index, complete ones only; the root."""

    buckets: tuple[Bucket, ...]
    parents: dict[int, Parent]
    root: Parent


def blake2b(*parts: bytes) -> bytes:
    """BLAKE2b with a 32-byte digest and no key."""
    return hashlib.blake2b(b"".join(parts), digest_size=HASH_BYTES).digest()


def _signed(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def bucket_hash(balance: int, key: bytes) -> bytes:
    return blake2b(BUCKET, _signed(balance), key)


def parent_hash(total: int, left: bytes, right: bytes) -> bytes:
    return blake2b(PARENT, _signed(total), left, right)


def root_hash(total: int, peaks: Sequence[tuple[int, int, bytes]]) -> bytes:
    """peaks: (flat index, balance, hash), left to right."""
    parts = [i.to_bytes(8, "big") + _signed(balance) + digest for i, balance, digest in peaks]
    return blake2b(ROOT, _signed(total), *parts)


def trailing_ones(index: int) -> int:
    return (~index & (index + 1)).bit_length() - 1


def is_complete(index: int, buckets: int) -> bool:
    """Whether the odd `index` spans buckets only; else its entry is a placeholder."""
    return index + (1 << trailing_ones(index)) - 1 < 2 * buckets


def peak_indexes(buckets: int) -> list[int]:
    """Roots of the largest perfect subtrees, left to right."""
    peaks, offset = [], 0
    for bit in range(buckets.bit_length() - 1, -1, -1):
        if buckets >> bit & 1:
            peaks.append(2 * offset + (1 << bit) - 1)
            offset += 1 << bit
    return peaks


def _bytes(text: str, length: int, where: str) -> bytes:
    """Standard base64 with padding, in its one form. Raises Malformed bad-field."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != length or base64.b64encode(value).decode() != text:
        raise Malformed("bad-field", f"not the base64 of {length} bytes", where=where)
    return value


def _member(fields: Fields, key: str, length: int) -> bytes:
    return _bytes(fields.text(key, 200), length, fields.place(key))


def _balance(fields: Fields) -> int:
    return fields.integer("balance", -MAX_BALANCE, MAX_BALANCE)


def parse(document: Document) -> File:
    """Raises Malformed."""
    top = Fields(document.json, "", document.limits).only("valueSize", "length", "values")
    top.integer("valueSize", 1)
    values = top.array("values")
    if not values:
        raise Malformed("empty-file", "there is no bucket in the file", where="values")
    if len(values) != top.integer("length", 0) or len(values) % 2 == 0 or len(values) < 3:
        raise Malformed("node-count", f"{len(values)} values are not a tree's", where="values")
    count = len(values) // 2
    buckets: list[Bucket] = []
    parents: dict[int, Parent] = {}
    root = None
    for index, value in enumerate(values):
        fields = Fields(value, f"values[{index}]", document.limits)
        if fields.integer("index") != index:
            raise Malformed("bad-number", f"index {index} is expected", where=fields.where)
        if index == 2 * count:
            root = _parent(fields)
        elif index % 2 == 0:
            buckets.append(_bucket(fields))
        elif is_complete(index, count):
            parents[index] = _parent(fields)
        elif fields.only("index", "placeholder").get("placeholder") is not True:
            raise Malformed("bad-keys", "a placeholder is expected", where=fields.where)
    assert root is not None
    return File(tuple(buckets), parents, root)


def _parent(fields: Fields) -> Parent:
    fields.only("index", "hash", "balance")
    return Parent(_member(fields, "hash", HASH_BYTES), _balance(fields))


def _bucket(fields: Fields) -> Bucket:
    fields.only("index", "hash", "balance", "key", "signature")
    return Bucket(
        hash=_member(fields, "hash", HASH_BYTES),
        balance=_balance(fields),
        key=_member(fields, "key", KEY_BYTES),
        key_text=fields.text("key"),
        signature=_member(fields, "signature", SIGNATURE_BYTES),
    )


def check_tree(file: File) -> None:
    """Recomputes every hash and sum. Raises Invalid: leaf-hash, sum-mismatch, parent-hash."""
    nodes: dict[int, tuple[int, bytes]] = {}
    for place, bucket in enumerate(file.buckets):
        if bucket_hash(bucket.balance, bucket.key) != bucket.hash:
            raise Invalid(
                "leaf-hash",
                "a bucket's hash is not that of its balance and key",
                where=f"values[{2 * place}]",
            )
        nodes[2 * place] = bucket.balance, bucket.hash
    for index in sorted(file.parents, key=trailing_ones):
        half = 1 << (trailing_ones(index) - 1)
        (left, left_hash), (right, right_hash) = nodes[index - half], nodes[index + half]
        total, parent = left + right, file.parents[index]
        _check_sum(total, parent, f"values[{index}]")
        if not _fits(total) or parent_hash(total, left_hash, right_hash) != parent.hash:
            raise Invalid(
                "parent-hash", "a parent is not the hash of its children", where=f"values[{index}]"
            )
        nodes[index] = total, parent.hash
    peaks = [(index, *nodes[index]) for index in peak_indexes(len(file.buckets))]
    total = sum(balance for _, balance, _ in peaks)
    _check_sum(total, file.root, "the root")
    if not _fits(total) or root_hash(total, peaks) != file.root.hash:
        raise Invalid("root-inconsistent", "the root is not the hash of the subtrees under it")


def _fits(total: int) -> bool:
    return abs(total) < 1 << 63


def _check_sum(total: int, parent: Parent, where: str) -> None:
    if total != parent.balance:
        raise Invalid(
            "sum-mismatch",
            "a balance is not the sum of those below",
            where=where,
            expected=str(parent.balance),
            computed=str(total),
        )


def check_keys(buckets: Sequence[Bucket]) -> None:
    """Strictly ascending by base64 text. Raises Invalid: duplicate-leaf, keys-not-sorted."""
    for place in range(1, len(buckets)):
        below, key = buckets[place - 1].key_text, buckets[place].key_text
        if key <= below:
            same = key == below
            raise Invalid(
                "duplicate-leaf" if same else "keys-not-sorted",
                "one key has two buckets" if same else "the buckets are not sorted by key",
                where=f"values[{2 * place}]",
            )


def check_signatures(buckets: Sequence[Bucket]) -> None:
    """Each bucket's key signed its hash. Raises Invalid bad-signature."""
    from merkle_por.reserves.ownership.ed25519 import verify

    for place, bucket in enumerate(buckets):
        if not verify(bucket.hash, bucket.signature, bucket.key):
            raise Invalid(
                "bad-signature",
                "a bucket's signature is not good for its hash and key",
                where=f"values[{2 * place}]",
            )


def _given_keys(given: Given) -> list[str] | None:
    """Own public keys: a list, or the text of keys.pub (`account TAB key` lines)."""
    value: Any = given.value("keys")
    if value is None:
        return None
    if isinstance(value, str):
        value = [line.split("\t")[-1].strip() for line in value.splitlines() if line.strip()]
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise UsageError("keys is a list of base64 texts, or the text of keys.pub")
    for number, key in enumerate(value, 1):
        try:
            _bytes(key, KEY_BYTES, "keys")
        except Malformed:
            # It may be the private one, given by mistake: it is not shown.
            text = f"keys: number {number} is not the base64 of a key of 32 bytes"
            raise UsageError(text) from None
    return value


def _given_root(given: Given) -> str | None:
    """The published root, base64 as in the file, or hex."""
    text = given.text("root")
    if text is None:
        return None
    digits = "".join(text.split()).lower().removeprefix("0x")
    if len(digits) == 2 * HASH_BYTES and not set(digits) - set("0123456789abcdef"):
        return base64.b64encode(bytes.fromhex(digits)).decode()
    try:
        _bytes(text.strip(), HASH_BYTES, "root")
    except Malformed as error:
        raise UsageError(f"root: {error.text}, nor 64 hexadecimal digits") from None
    return text.strip()


def _own(file: File, keys: list[str], given: Given, findings: Findings) -> None:
    findings.about(About.INCLUDED)
    if len(set(keys)) != len(keys):
        raise Invalid("duplicate-leaf", "one of your keys was given twice, it counts once")
    buckets = {bucket.key_text: bucket for bucket in file.buckets}
    missing = [key for key in keys if key not in buckets]
    if missing or not keys:
        what = f"{len(missing)} of your {len(keys)} keys have no bucket" if keys else "no key given"
        raise Invalid("leaf-not-found", what)
    total = sum(buckets[key].balance for key in keys)
    findings.account = Account(None, {UNIT: Decimal(total)})
    for key in keys:
        bucket = buckets[key]
        balances = {UNIT: Decimal(bucket.balance)}
        findings.nodes.append(Node(0, "leaf", bucket.hash.hex(), None, balances, key))
    findings.passed("leaf", f"{len(keys)} buckets of yours rebuilt from balance and key")
    wanted = given.amount("balance")
    if wanted is not None:
        findings.check(
            wanted == total,
            "balance-mismatch",
            "your buckets hold your balance",
            "your buckets do not hold your balance",
            expected=str(wanted),
            computed=str(total),
        )
    findings.compare("balances", "your statement at the snapshot")


def _judge(document: Document, given: Given, findings: Findings) -> None:
    file = parse(document)
    keys, wanted = _given_keys(given), _given_root(given)
    if keys is None and "balance" in given:
        raise UsageError("balance is compared with your buckets': give your keys")
    findings.claims_inclusion = keys is not None
    findings.published = {UNIT: Decimal(file.root.balance)}
    findings.scope = Scope(others_non_negative="shown", hash_bits=256)
    findings.details["buckets"] = len(file.buckets)
    findings.about(About.TOTALS)
    check_tree(file)
    check_keys(file.buckets)
    negative = next((b for b in file.buckets if b.balance < 0), None)
    if negative is not None:
        raise Invalid(
            "negative-balance", f"a bucket owes {negative.balance}", computed=str(negative.balance)
        )
    check_signatures(file.buckets)
    findings.passed(
        "tree",
        f"all {len(file.buckets)} buckets and {len(file.parents)} parents recomputed, every "
        "signature good, no amount is negative",
    )
    findings.lines[About.TOTALS] = (
        f"all {len(file.buckets)} buckets add up, none is negative: {file.root.balance:,} "
        "(the unit is not stated)"
    )
    if keys is not None:
        _own(file, keys, given, findings)
    findings.anchor(base64.b64encode(file.root.hash).decode(), wanted, given.source("root"))


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"valueSize": _, "values": list()}:
            return True
    return False


SCHEME = Scheme(
    id="bitfinex-antani",
    exchange="bitfinex",
    exchange_name="Bitfinex",
    title="Public balances file (antani), all buckets",
    used="2018, a proposal; no published data is known",
    file_name="balances.json",
    recognises=_recognises,
    members=("valueSize", "values", "length", "index", "hash", "balance", "key", "signature"),
    judge=_judge,
    facts={
        "root": Fact(FactKind.VALUE, "the published root hash, base64 as in the file, or hex"),
        "keys": Fact(FactKind.VALUE, "your public keys: a list, or the text of keys.pub"),
        "balance": Fact(FactKind.AMOUNT, "your balance in the file's unit"),
    },
    assurance=Assurance(
        included="with your keys given: each has its bucket, rebuilt from balance and key",
        totals="every bucket, parent and signature is recomputed, no balance is negative",
        cannot=(
            "Who was left out altogether.",
            "That nobody else was given your keys: the exchange makes them.",
        ),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file="no published file is known; the program writes it with `antani`",
        root="none is known to be published",
        certain="official program was run on files it wrote",
    ),
)
