"""OKX, proof of reserves v2 (Plonky2): the rules for a user's file and for the global proof.

Specs okx-plonky2-user and okx-plonky2-global; official program okx/proof-of-reserves-v2.
Pure functions: a decoded JSON value (or the bytes) goes in, a frozen result comes out, or
`Malformed` / `Invalid` says which rule is broken. What must be believed from elsewhere (root,
tree shape, totals, known circuits) comes in as keywords, never from the file.

Order of trust: known circuit -> global proof -> root, totals and tree shape -> a user's file.
Amounts are plain integers; their unit and scale, and the names of the tokens, are not in the
files. The global total is one sum over all tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from merkle_por.documents import LIMITS, Fields, check_hex, parse_json
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges.okx.plonky2_circuit import (
    DIALECT,
    KNOWN_LEVELS,
    KNOWN_ROUND,
    PINS,
    PUBLIC_INPUTS,
    ROOT_CONFIG,
    Pin,
    identify,
    load_circuit,
    parse_config,
    verifier_data_from_hex,
)
from merkle_por.hashes.poseidon_goldilocks import (
    Digest,
    P,
    compress,
    digest_from_hex,
    digest_hex,
    hash_words,
)
from merkle_por.zk.plonky2 import proof as proofs
from merkle_por.zk.plonky2.circuit import Circuit, CircuitConfig
from merkle_por.zk.plonky2.verify import verify

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


@dataclass(frozen=True)
class GlobalProof:
    """A global proof, read. The six public inputs are reduced mod p.

    configs: what the file states about its circuits, batch circuit first, root last; () in the
    first round's file, which states nothing. verifier_data: the root circuit's bytes, from the
    file or, where `given`, from outside.
    """

    round_num: int
    branchout: int
    batch_size: int
    token_num: int
    levels: int
    configs: tuple[CircuitConfig, ...]
    digest: Digest
    verifier_data: bytes
    given: bool
    circuit: Circuit
    proof: proofs.Proof
    public_inputs: tuple[int, ...]


@dataclass(frozen=True)
class GlobalResult:
    """A global proof that holds for its circuit.

    equity, debt: totals over all users and all tokens. pin: the known circuit that it is about,
    None where the circuit is not known. circuit_given: the caller handed in the verifier data.
    Nothing in the proof binds round_num, batch_size, token_num and levels: they hold only as far
    as the pin names them.
    """

    root: str
    equity: int
    debt: int
    round_num: int
    batch_size: int
    token_num: int
    levels: int
    branchout: int
    verifier_data_sha256: str
    circuit_digest: str
    pin: Pin | None
    circuit_given: bool
    passed: tuple[Named, ...]
    warnings: tuple[Named, ...]

    @property
    def net(self) -> int:
        """equity - debt: what the exchange owes its users."""
        return self.equity - self.debt

    @property
    def circuit_known(self) -> bool:
        """Whether the circuit is one known from outside the file."""
        return self.pin is not None or self.circuit_given


def parse_global(source: object, *, verifier_data: bytes | None = None) -> GlobalProof:
    """A global proof (bytes or decoded JSON) in its normal form.

    verifier_data: the root circuit's bytes from outside; needed for files without their own,
    compared where the file has them. Raises Malformed; Invalid where the circuit, which settles
    the proof's shape, is refused (weak-verifier-data, verifier-data-digest, -unknown, -not-pinned).
    """
    fields = Fields(decoded(source), "")
    fields.only("general", "root_vd_digest", "circuits_info", "circuit_configs", "proof")
    general = fields.object("general")
    general.only("round_num", "recursion_branchout_num", "batch_size", "token_num")
    round_num = general.integer("round_num", 0, MAX_U64)
    branchout = general.integer("recursion_branchout_num", 2, MAX_U64)
    batch_size = general.integer("batch_size", 1, 1 << MAX_BATCH_LEVELS)
    if batch_size & (batch_size - 1):
        raise Malformed(
            "bad-number", f"{batch_size} is not a power of two", where="general.batch_size"
        )
    token_num = general.integer("token_num", 1, LIMITS.assets)
    digest = proofs.digest(fields.get("root_vd_digest"), "root_vd_digest")
    configs, in_file = _circuits(fields, round_num)
    data = _choose(in_file, verifier_data)
    circuit = load_circuit(data)
    outer = fields.object("proof").only("proof", "public_inputs")
    return GlobalProof(
        round_num=round_num,
        branchout=branchout,
        batch_size=batch_size,
        token_num=token_num,
        levels=len(configs) - 1 if configs else KNOWN_LEVELS,
        configs=configs,
        digest=digest,
        verifier_data=data,
        given=verifier_data is not None,
        circuit=circuit,
        proof=proofs.parse_proof(outer.get("proof"), circuit, "proof.proof"),
        public_inputs=proofs.words(
            outer.get("public_inputs"), PUBLIC_INPUTS, "proof.public_inputs"
        ),
    )


def _circuits(fields: Fields, round_num: int) -> tuple[tuple[CircuitConfig, ...], bytes | None]:
    """What the file states about circuits, and its verifier data: three layouts (spec, 2)."""
    if "circuits_info" in fields and "circuit_configs" in fields:
        raise Malformed("bad-keys", "circuits are described twice", where="circuit_configs")
    if "circuits_info" in fields:
        info = fields.object("circuits_info")
        info.only("batch_circuit_config", "recursive_circuit_configs", "root_verifier_data_hex")
        key = "root_verifier_data_hex"
        text = info.typed(key, str, "a text")
        return _configs(info), verifier_data_from_hex(text, info.place(key))
    if "circuit_configs" in fields:
        info = fields.object("circuit_configs")
        return _configs(info.only("batch_circuit_config", "recursive_circuit_configs")), None
    if round_num != KNOWN_ROUND:
        fields.get("circuits_info")
    return (), None


def _configs(info: Fields) -> tuple[CircuitConfig, ...]:
    key = "recursive_circuit_configs"
    batch = parse_config(info.get("batch_circuit_config"), info.place("batch_circuit_config"))
    levels = info.array(key, 1, MAX_LEVELS)
    return batch, *(parse_config(v, f"{info.place(key)}[{i}]") for i, v in enumerate(levels))


def _choose(in_file: bytes | None, given: bytes | None) -> bytes:
    if in_file is not None and given is not None and in_file != given:
        raise Invalid(
            "verifier-data-not-pinned",
            "the circuit in the file is not the one given from outside",
            where="circuits_info.root_verifier_data_hex",
            expected=hashlib.sha256(given).hexdigest(),
            computed=hashlib.sha256(in_file).hexdigest(),
        )
    data = given if given is not None else in_file
    if data is None:
        raise Invalid(
            "verifier-data-unknown",
            "the file does not hold its circuit, and none was given",
            "files of September and October 2024 need the verifier data from outside",
            where="circuits_info",
        )
    return data


def check_global(
    proof: GlobalProof,
    *,
    root: str | None = None,
    branchout: int = BRANCHOUT,
    pins: Iterable[Pin] = PINS,
) -> GlobalResult:
    """Verifies a global proof.

    root: the published root, 64 hex digits, where known. branchout: children of a node, 64 in
    every published round. pins: circuits known from outside. Raises Invalid.
    """
    passed = _check_statements(proof, branchout)
    pin = _check_pin(proof, pins)
    verify(proof.circuit, DIALECT, proof.proof, proof.public_inputs)
    passed.append(("proof", "the proof holds for its circuit, these totals and this root"))
    equity, debt, *words = proof.public_inputs
    if max(equity, debt) >= RANGE or debt > equity:
        raise Invalid(
            "sum-range",
            "total equity must cover total debt, both below 2^62",
            where="proof.public_inputs",
            computed=f"{equity}, {debt}",
        )
    passed.append(("totals", "total equity covers total debt, both are in range"))
    a, b, c, d = words
    found = digest_hex((a, b, c, d))
    if root is not None:
        if found != root:
            raise Invalid(
                "root-mismatch",
                "the proof is about another root than the published one",
                expected=root,
                computed=found,
            )
        passed.append(("root", "the proof is about the published root"))
    if pin is not None:
        passed.append(("circuit", f"the circuit is known: {pin.name}"))
    elif proof.given:
        passed.append(("circuit", "the circuit is the one given from outside"))
    return GlobalResult(
        root=found,
        equity=equity,
        debt=debt,
        round_num=proof.round_num,
        batch_size=proof.batch_size,
        token_num=proof.token_num,
        levels=proof.levels,
        branchout=proof.branchout,
        verifier_data_sha256=hashlib.sha256(proof.verifier_data).hexdigest(),
        circuit_digest=digest_hex(proof.circuit.digest),
        pin=pin,
        circuit_given=proof.given,
        passed=tuple(passed),
        warnings=_global_warnings(known=pin is not None or proof.given),
    )


def _check_statements(proof: GlobalProof, branchout: int) -> list[Named]:
    if proof.branchout != branchout:
        raise Invalid(
            "branchout",
            f"a node has {branchout} children in this scheme",
            where="general.recursion_branchout_num",
            computed=str(proof.branchout),
        )
    for number, config in enumerate(proof.configs):
        inner = number < len(proof.configs) - 1
        if (replace(config, zero_knowledge=True) if inner else config) != ROOT_CONFIG:
            raise Invalid(
                "weak-verifier-data",
                "the file states other parameters for a circuit than the scheme has",
                where="circuits_info",
            )
    if proof.digest != proof.circuit.digest:
        raise Invalid(
            "verifier-data-digest",
            "the stated digest is not that of the circuit",
            where="root_vd_digest",
            expected=digest_hex(proof.circuit.digest),
            computed=digest_hex(proof.digest),
        )
    return [("parameters", "the circuit has the parameters and the digest of the scheme")]


def _check_pin(proof: GlobalProof, pins: Iterable[Pin]) -> Pin | None:
    pin = identify(proof.verifier_data, pins)
    if pin is None:
        return None
    for what, stated, wanted in (
        ("batch size", proof.batch_size, pin.batch_size),
        ("number of tokens", proof.token_num, pin.token_num),
        ("number of levels", proof.levels, pin.levels),
        ("children of a node", proof.branchout, pin.branchout),
    ):
        if wanted is not None and stated != wanted:
            raise Invalid(
                "config-mismatch",
                f"the {what} in the file is not that of the known circuit",
                expected=str(wanted),
                computed=str(stated),
            )
    return pin


def _global_warnings(*, known: bool) -> tuple[Named, ...]:
    warnings: tuple[Named, ...] = (
        (
            "prover-can-forge",
            "the recursion does not bind the inner circuits: an exchange that exchanges them can "
            "prove any total for the same root, so the totals are only as good as its word",
        ),
        (
            "gross-totals",
            "only the net total is meant to be bound: equity and debt can both be shown too "
            "small by the same amount",
        ),
    )
    if known:
        return warnings
    return (
        (
            "circuit-not-pinned",
            "the circuit came from the proof file and is not a known one: the proof is "
            "consistent, but nothing shows that it is about the exchange's circuit",
        ),
        *warnings,
    )
