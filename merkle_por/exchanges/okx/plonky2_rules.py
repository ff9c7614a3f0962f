"""OKX, proof of reserves v2 (Plonky2): the rules for a user's file (spec okx-plonky2-user).

Pure functions: a decoded JSON value (or the bytes) goes in, a frozen result comes out, or
`Malformed` / `Invalid` says which rule is broken. What must be believed from elsewhere (root,
tree shape, totals) comes in as keywords, never from the file. plonky2_global has the rules for
the global proof and is imported only where one is checked: it brings the proof system along.

Order of trust: known circuit -> global proof -> root, totals and tree shape -> a user's file.
Amounts are plain integers; their unit and scale, and the names of the tokens, are not in the
files. The global total is one sum over all tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.documents import LIMITS, Fields, check_hex, parse_json
from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.poseidon_goldilocks import (
    Digest,
    P,
    compress,
    digest_from_hex,
    digest_hex,
    hash_words,
)

BRANCHOUT = 64  # children of a node above the batches, in every published round
RANGE = 2**62  # every amount, sum and net value is below (range check of the circuits)
AMOUNT_DIGITS = 19  # of 2^62 - 1
PADDING_ID = "0" * 64
MAX_BATCH_LEVELS = 32  # binary levels in a batch; production has 10
MAX_LEVELS = 10  # levels above: 64^10 batches
MAX_U64 = 2**64 - 1
_BOM = b"\xef\xbb\xbf"

Named = tuple[str, str]
"""A passed check (id, sentence) or a warning (class, sentence)."""


@dataclass(frozen=True)
class Level:
    """One level above the batches: the own node's siblings, left and right of it."""

    left: tuple[Digest, ...]
    right: tuple[Digest, ...]


@dataclass(frozen=True)
class UserProof:
    """A user's file, read. equity, debt: one amount for each token, in the exchange's order."""

    id: str
    equity: tuple[int, ...]
    debt: tuple[int, ...]
    index: int
    siblings: tuple[Digest, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class TreeNode:
    """A node that the file shows or leads to. level: 0 = leaves; position: from the left."""

    level: int
    position: int
    hash: str


@dataclass(frozen=True)
class UserResult:
    """A user's file whose path leads to `root` (64 hex digits each hash).

    balances: equity - debt for each token, stated only; the leaf commits to the two sums.
    """

    id: str
    index: int
    leaf: str
    root: str
    equity: int
    debt: int
    balances: tuple[int, ...]
    nodes: tuple[TreeNode, ...]
    passed: tuple[Named, ...]
    warnings: tuple[Named, ...]

    @property
    def net(self) -> int:
        """equity - debt."""
        return self.equity - self.debt


def decoded(source: object) -> object:
    """JSON bytes to a value, a value as it is. OKX's reader refuses a byte order mark; so here."""
    if not isinstance(source, bytes):
        return source
    if source.startswith(_BOM):
        raise Malformed("bad-json", "a byte order mark before the JSON text")
    return parse_json(source)


def parse_user(source: object) -> UserProof:
    """A user's file (bytes or decoded JSON) in its normal form. Raises Malformed."""
    fields = Fields(decoded(source), "")
    fields.only("account", "index", "sum_tree_siblings", "recursive_tree_siblings")
    account = fields.object("account").only("id", "equity", "debt")
    equity = _amounts(account, "equity")
    debt = _amounts(account, "debt")
    if len(equity) != len(debt):
        raise Malformed(
            "bad-length", f"{len(equity)} equities but {len(debt)} debts", where="account"
        )
    levels = fields.array("recursive_tree_siblings", 0, MAX_LEVELS)
    return UserProof(
        id=account.hex("id", 64),
        equity=equity,
        debt=debt,
        index=fields.integer("index", 0, MAX_U64),
        siblings=_digests(fields, "sum_tree_siblings", MAX_BATCH_LEVELS),
        levels=tuple(_level(value, number) for number, value in enumerate(levels)),
    )


def _amounts(account: Fields, key: str) -> tuple[int, ...]:
    values = account.array(key, 1, LIMITS.assets)
    return tuple(_amount(value, f"{account.place(key)}[{i}]") for i, value in enumerate(values))


def _amount(value: object, where: str) -> int:
    if not isinstance(value, str):
        raise Malformed("wrong-type", "an amount must be an integer in quotes", where=where)
    digits = value.isascii() and value.isdigit()
    if not digits or (value[0] == "0" and value != "0"):
        raise Malformed("bad-amount", f'"{value[:40]}" is not a plain integer', where=where)
    if len(value) > AMOUNT_DIGITS or int(value) >= RANGE:
        raise Malformed("bad-amount", "an amount of 2^62 or more", where=where)
    return int(value)


def _digests(fields: Fields, key: str, most: int) -> tuple[Digest, ...]:
    values = fields.array(key, 0, most)
    return tuple(_digest(value, f"{fields.place(key)}[{i}]") for i, value in enumerate(values))


def _digest(value: object, where: str) -> Digest:
    if not isinstance(value, str):
        raise Malformed("wrong-type", "a hash must be a text", where=where)
    digest = digest_from_hex(check_hex(value, 64, where))
    if max(digest) >= P:
        raise Malformed("not-canonical", "a part of the hash is not below the modulus", where=where)
    return digest


def _level(value: object, number: int) -> Level:
    fields = Fields(value, f"recursive_tree_siblings[{number}]").only("left_hashes", "right_hashes")
    return Level(
        _digests(fields, "left_hashes", BRANCHOUT), _digests(fields, "right_hashes", BRANCHOUT)
    )


def id_words(account_id: str) -> list[int]:
    """An account id (64 hex digits) as five field elements: 14 digits each, the last eight."""
    return [int(account_id[start : start + 14], 16) for start in range(0, 64, 14)]


def leaf_hash(account_id: str, equity: int, debt: int) -> Digest:
    """Leaf of an account: its id and the sums of equity and debt over all tokens."""
    return hash_words([*id_words(account_id), equity, debt])


def check_user(
    proof: UserProof,
    *,
    root: str | None = None,
    batch_size: int | None = None,
    token_num: int | None = None,
    levels_expected: int | None = None,
    branchout: int = BRANCHOUT,
) -> UserResult:
    """Checks a user's file against facts from a verified global proof.

    root: 64 hex digits; without it the result's root has still to be compared with the
    published one. The other facts, where None, are not compared. Raises Invalid. The comparison
    with the totals is a check of its own (`check_within_totals`): inclusion holds without it.
    """
    passed = _check_shape(proof, batch_size, token_num, levels_expected, branchout)
    equity, debt = _check_account(proof)
    passed.append(("account", "equity covers debt, and no token has both"))
    leaf = leaf_hash(proof.id, equity, debt)
    passed.append(("leaf", "the leaf is rebuilt from the account id and the sums of its amounts"))
    nodes = _climb(proof, leaf, branchout)
    found = nodes[-1].hash
    if root is not None:
        if found != root:
            raise Invalid(
                "root-mismatch",
                "the path leads to another root than the published one",
                expected=root,
                computed=found,
            )
        passed.append(("root", "the path leads to the published root"))
    return UserResult(
        id=proof.id,
        index=proof.index,
        leaf=digest_hex(leaf),
        root=found,
        equity=equity,
        debt=debt,
        balances=tuple(have - owe for have, owe in zip(proof.equity, proof.debt, strict=True)),
        nodes=nodes,
        passed=tuple(passed),
        warnings=(
            (
                "amounts-not-committed",
                "the tree commits only to the sums of your equity and debt over all tokens: "
                "the amounts of single tokens are stated by the file, not proven",
            ),
        ),
    )


def _check_shape(
    proof: UserProof,
    batch_size: int | None,
    token_num: int | None,
    levels_expected: int | None,
    branchout: int,
) -> list[Named]:
    passed: list[Named] = []
    if token_num is not None:
        if len(proof.equity) != token_num:
            raise Invalid(
                "bad-length",
                "the number of amounts is not the number of tokens in the global proof",
                where="account",
                expected=str(token_num),
                computed=str(len(proof.equity)),
            )
        passed.append(("tokens", "one amount for each token of the global proof"))
    if batch_size is not None and 2 ** len(proof.siblings) != batch_size:
        raise Invalid(
            "path-length",
            f"{len(proof.siblings)} siblings do not lead through a batch of {batch_size}",
            where="sum_tree_siblings",
        )
    if not proof.levels or levels_expected not in (None, len(proof.levels)):
        raise Invalid(
            "path-length",
            "the number of levels above the batch is not that of the global proof",
            where="recursive_tree_siblings",
            expected=str(levels_expected or "1 or more"),
            computed=str(len(proof.levels)),
        )
    position = 0
    for number, level in enumerate(proof.levels):
        if len(level.left) + len(level.right) != branchout - 1:
            raise Invalid(
                "path-length",
                f"a node of this level has {branchout - 1} siblings",
                where=f"recursive_tree_siblings[{number}]",
                computed=str(len(level.left) + len(level.right)),
            )
        position += len(level.left) * branchout**number
    if proof.index >> len(proof.siblings) != position:
        raise Invalid(
            "index-mismatch",
            "the index is not the place that the path leads through",
            where="index",
            expected=str(position),
            computed=str(proof.index >> len(proof.siblings)),
        )
    passed.append(("position", "the path has the tree's shape and belongs to the index"))
    return passed


def _check_account(proof: UserProof) -> tuple[int, int]:
    if proof.id == PADDING_ID:
        raise Invalid(
            "padding-account", "this is the padding account, nobody's", where="account.id"
        )
    for token, (have, owe) in enumerate(zip(proof.equity, proof.debt, strict=True)):
        if have and owe:
            raise Invalid(
                "equity-and-debt",
                "a token has equity and debt at once, an honest file never does",
                where=f"account.equity[{token}]",
            )
    equity, debt = sum(proof.equity), sum(proof.debt)
    if max(equity, debt) >= RANGE:
        raise Invalid("sum-range", "the account's sum is 2^62 or more", where="account")
    if debt > equity:
        raise Invalid(
            "negative-balance",
            f"the account owes {debt} but holds only {equity}: it lowers the total",
            where="account",
        )
    return equity, debt


def _climb(proof: UserProof, leaf: Digest, branchout: int) -> tuple[TreeNode, ...]:
    """Every node that the file shows, and on each level the own node; the root comes last."""
    node, position, height = leaf, proof.index, 0
    nodes = []

    def show(place: int, digest: Digest) -> None:
        nodes.append(TreeNode(height, place, digest_hex(digest)))

    for sibling in proof.siblings:
        show(position, node)
        show(position ^ 1, sibling)
        node = compress(sibling, node) if position & 1 else compress(node, sibling)
        position, height = position >> 1, height + 1
    for level in proof.levels:
        family: Sequence[Digest] = (*level.left, node, *level.right)
        first = position - len(level.left)
        for place, digest in enumerate(family, first):
            show(place, digest)
        node = hash_words([word for digest in family for word in digest])
        position, height = position // branchout, height + 1
    show(position, node)
    return tuple(nodes)


def check_within_totals(user: UserResult, *, equity: int, debt: int) -> Named:
    """Refuses a user who holds, owes or nets more than all users together (exceeds-total).

    equity, debt: totals of the verified global proof. It is the one defence that a single user
    has against a global proof over an exchanged inner circuit (global spec, 10.3).
    """
    for what, own, total in (
        ("equity", user.equity, equity),
        ("debt", user.debt, debt),
        ("net balance", user.net, equity - debt),
    ):
        if own > total:
            raise Invalid(
                "exceeds-total",
                f"your {what} is larger than the proven total of all users: the total is false",
                expected=f"{total} or less",
                computed=str(own),
            )
    return "within-totals", "the account is not larger than the proven totals of all users"
