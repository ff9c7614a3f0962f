"""What makes a file of OKX's zk-STARK proof of liabilities consistent (2023-04-27 to 2024-08-08).

Rule: specs/okx-stark-v1.md sections 6 to 8. Two questions: is a user in a batch, and the batch in
the trunk (`check_inclusion`); do all batches and the trunk add up to the published totals, as far
as the format can show it (`check_proof_set`). Both raise Malformed or Invalid at the first check
that fails and answer a frozen result otherwise.

Trust: only what comes from outside the user's file counts as published: a proof set that the user
downloaded (`published`), a trunk root, a config, his own id. And even a set that passes proves no
totals: forged sets pass every possible check of it. So each result carries PROVER_CAN_FORGE, and
nobody may word it as more than STANDING.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed
from merkle_por.exchanges.okx.stark_files import (
    BLOWUP,
    PARAMETERS,
    TRUNK_UTS,
    Config,
    Folder,
    Part,
    ProofFiles,
    Statement,
    batch_order,
    check_steps,
    check_uts,
    own_config,
    parse_config,
    parse_inclusion,
    parse_part,
    parse_proof,
)
from merkle_por.scheme import normal_hash
from merkle_por.zk.stark import proof as stark
from merkle_por.zk.stark.commitment import climb, leaf_position
from merkle_por.zk.stark.field import ELEMENT_BYTES, P
from merkle_por.zk.stark.trace import DIGIT_BASE, Shape

if TYPE_CHECKING:
    from concurrent.futures import Executor

STANDING = (
    "consistent with the published proof; this proof system is known to be forgeable by its prover"
)
PROVER_CAN_FORGE = (
    "prover-can-forge",
    STANDING + ": OKX's 2023-24 proof format does not by itself exclude understated totals",
)
NET_NOT_TIED = (
    "net-not-tied",
    "nothing in the proof ties an account's net value to its coins: a made-up account with a "
    "negative balance can lower the totals, and only its own inclusion file would show it",
)
TRUNK_ROWS = (
    "trunk-rows-not-shown",
    "the published files can't show that the trunk's rows are exactly these batches; each user's "
    "inclusion file shows it for one batch",
)
OFF_TRACE_IDS = (
    "off-trace-ids",
    "{rows} opened rows of {names} carry an id where OKX's own prover writes 0: the way in which "
    "a known forgery of this proof system is made",
)
UNPROVEN = (
    "unproven-coins",
    "no constraint covers the totals of {count} of {all} coins, which are claimed only: {names}",
)
NOT_PUBLISHED = (
    "root-not-given",
    "the trunk root was compared with nothing from outside the file: anybody can build such a file",
)
BATCH_NOT_COMPARED = (
    "batch-not-compared",
    "the batch's size and totals were not compared with the published proof set",
)
SET_NOT_PROVEN = (
    "set-not-proven",
    "of the proof set only roots, sizes and totals were read here: verify its folder too",
)
BATCH_ORDER = (
    "batch-order",
    "the file shows the batch as number {shown} of the trunk, its folder's place is {place}",
)
EMPTY_ROW = ("empty-row", "the id is all zeros: an unused row of the batch, no user's")

MAX_BATCH_TOTAL = DIGIT_BASE ** (TRUNK_UTS - 2)  # a trunk row holds it
_ZERO_ID = bytes(ELEMENT_BYTES)
_T = TypeVar("_T")
Said = tuple[str, str]
"""(class name or check id, sentence)."""


@dataclass(frozen=True)
class ProofSet:
    """A published set: config, batches in the trunk's order, trunk. Amounts in the common unit."""

    config: Config
    batches: tuple[Part, ...]
    trunk: Part


@dataclass(frozen=True)
class ProofSetResult:
    """A set whose every check passed.

    published: hand it to `check_inclusion`. root: the trunk's, 64 hex. totals: per coin, total:
    net of all coins, in the files' one common unit. constrained: coins whose totals are claimed
    and constraint-checked; unproven: coins whose totals are claimed only. batches: their number.
    """

    published: ProofSet
    root: str
    totals: Mapping[str, int]
    total: int
    constrained: tuple[str, ...]
    unproven: tuple[str, ...]
    batches: int
    checks: tuple[Said, ...]
    warnings: tuple[Said, ...]


@dataclass(frozen=True)
class InclusionResult:
    """A user's file whose every check passed.

    root: the trunk's, batch_root: the batch's, leaf: the user's leaf hash; 64 hex each.
    balances: per coin, total: their net sum; batch_totals, batch_total: the same of the batch as
    the trunk holds it. siblings: hashes beside the user's path in his batch, from the leaf up, then
    beside the batch's in the trunk. pinned: the trunk root was compared with one from outside the
    file.
    """

    root: str
    batch_root: str
    leaf: str
    user_id: str
    user_index: int
    batch_index: int
    balances: Mapping[str, int]
    total: int
    batch_totals: Mapping[str, int]
    batch_total: int
    siblings: tuple[str, ...]
    unproven: tuple[str, ...]
    pinned: bool
    checks: tuple[Said, ...]
    warnings: tuple[Said, ...]


# --- the whole set -------------------------------------------------------------------------------


def open_files(source: ProofFiles | str | Path) -> ProofFiles:
    """The files of a set: a `sum_proof_data` folder's path, or already a `ProofFiles`."""
    return Folder(Path(source)) if isinstance(source, str | Path) else source


def read_proof_set(source: ProofFiles | str | Path, *, config: object | None = None) -> ProofSet:
    """The set's roots, sizes and totals, strictly parsed and added up, no proof checked.

    Enough to compare an inclusion file with. config: as for `check_proof_set`. Raises Malformed,
    Invalid.
    """
    files = open_files(source)
    order = _set_config(files, config)
    names = batch_order(files.batches())
    parts = tuple(_read_part(files, order, name) for name in names)
    published = ProofSet(order, parts, _read_part(files, order, "trunk"))
    _check_roots(published)
    _check_trunk(published)
    return published


def check_proof_set(
    source: ProofFiles | str | Path,
    *,
    root: str | None = None,
    config: object | None = None,
    executor: Executor | None = None,
) -> ProofSetResult:
    """Every batch's proof, the trunk's, and that the batches add up to the trunk.

    source: a `sum_proof_data` folder. root: trunk root from outside (64 hex). config:
    decoded config.json from outside, for the sets of 2023-04-25, which have none. executor:
    checks batches in it, one task per batch (`source` must be picklable for processes).
    Raises Malformed, Invalid.
    """
    files = open_files(source)
    order = _set_config(files, config)
    names = [*batch_order(files.batches()), "trunk"]
    run = map if executor is None else executor.map
    results = list(run(check_part, [files] * len(names), [order] * len(names), names))
    parts = [part for part, _ in results]
    published = ProofSet(order, tuple(parts[:-1]), parts[-1])
    _check_roots(published)
    _check_trunk(published)
    if root is not None:
        _check_published_root(published.trunk.root, root)
    marked = {part.name: rows for part, rows in results if rows}
    return ProofSetResult(
        published,
        published.trunk.root,
        dict(zip(order.coins, published.trunk.sums.coins, strict=True)),
        published.trunk.sums.total,
        order.coins[: order.main_coins_num],
        order.unproven,
        len(published.batches),
        _set_checks(published, root is not None),
        _set_warnings(order, marked),
    )


def _set_config(files: ProofFiles, given: object | None) -> Config:
    """The set's own config.json; where it has none, the given one."""
    wanted = None if given is None else parse_config(given)
    try:
        own = parse_config(files.json("config.json"), "config.json")
    except Malformed as error:
        if wanted is None or error.reason != "missing-file":
            raise
        return wanted
    if wanted is not None and wanted != own:
        raise Invalid("config-mismatch", "the set's config.json is not the one given")
    return own


def check_part(files: ProofFiles, config: Config, name: str) -> tuple[Part, int]:
    """One batch, or "trunk": its sums and its proof. Answers it and the number of opened rows
    that carry an id off the trace. Raises Malformed, Invalid, with the part's name as place."""
    folder = _folder(name)
    value = files.json(f"{folder}/sum_proof.json")
    part = parse_part(name, value, files.json(f"{folder}/sum_values.json"), config)
    _check_sums(part)
    shape, proof = parse_proof(name, value, config)
    totals = part.sums.residues[: config.main_coins_num]
    return part, _at(name, lambda: stark.verify(proof, shape, PARAMETERS, part.sums.total, totals))


def _read_part(files: ProofFiles, config: Config, name: str) -> Part:
    folder = _folder(name)
    part = parse_part(
        name,
        files.json(f"{folder}/sum_proof.json"),
        files.json(f"{folder}/sum_values.json"),
        config,
    )
    _check_sums(part)
    return part


def _folder(name: str) -> str:
    return name if name == "trunk" else f"batches/{name}"


def _at(name: str, check: Callable[[], _T]) -> _T:
    """Runs a check; a finding's place gets the part's name in front."""
    try:
        return check()
    except Finding as error:
        error.where = f"{name}, {error.where}" if error.where else name
        raise


def _check_sums(part: Part) -> None:
    """The totals of a part against each other, and that its accounts can hold them."""
    sums = part.sums
    where = f"{part.name} sum_values"
    if sums.total_value < 0:
        raise Invalid("sum-range", "total_value is negative", where=where)
    if not all(0 <= value < P for value in sums.residues):
        raise Invalid("sum-range", "a coin's total is not in the range of residues", where=where)
    if sums.total_value != sum(sums.residues):
        raise Invalid("sum-mismatch", "total_value is not the sum of the coins", where=where)
    most = (part.steps // part.uts - 1) * (DIGIT_BASE ** (part.uts - 2) - 1)
    if part.name != "trunk":
        most = min(most, MAX_BATCH_TOTAL - 1)
    if sums.total > most:
        raise Invalid(
            "sum-range",
            "the net total is negative or more than the accounts of the tree can hold",
            where=where,
        )
    if sum(sums.coins) != sums.total:
        raise Invalid("sum-range", "the coins' totals wrap around p", where=where)


def _check_roots(published: ProofSet) -> None:
    """No tree is there twice, and the trunk has a row for each batch."""
    seen = {published.trunk.root: "trunk"}
    for part in published.batches:
        other = seen.setdefault(part.root, part.name)
        if other != part.name:
            raise Invalid("duplicate-batch", f"{part.name} has the same root as {other}")
    rows = published.trunk.steps // TRUNK_UTS - 1
    if rows < len(published.batches):
        raise Invalid("steps-range", f"{len(published.batches)} batches, {rows} rows in the trunk")


def _check_trunk(published: ProofSet) -> None:
    """The batches add up to the trunk, coin by coin, and no coin's total is negative."""
    trunk = published.trunk.sums
    for place, coin in enumerate(published.config.coins):
        if trunk.coins[place] < 0:
            raise Invalid("sum-range", f"the total of {coin} is negative", where="trunk sum_values")
        added = sum(part.sums.coins[place] for part in published.batches)
        if added != trunk.coins[place]:
            raise Invalid(
                "sum-mismatch",
                f"the batches' {coin} do not add up to the trunk's",
                expected=str(trunk.coins[place]),
                computed=str(added),
            )
    if sum(part.sums.total for part in published.batches) != trunk.total:
        raise Invalid("sum-mismatch", "the batches' totals do not add up to the trunk's")


def _check_published_root(shown: str, root: str) -> None:
    wanted = normal_hash(root, "a trunk root")
    if shown != wanted:
        raise Invalid(
            "root-mismatch", "this is not the published root", expected=wanted, computed=shown
        )


def _set_checks(published: ProofSet, pinned: bool) -> tuple[Said, ...]:
    batches = len(published.batches)
    proofs = f"{batches} batch{'es' if batches > 1 else ''} and the trunk"
    main = published.config.main_coins_num
    said = [
        ("sum-range", f"the totals of {proofs} are in range"),
        ("proof-of-work", f"{proofs}: {PARAMETERS.work_bits} bits of work"),
        ("leaf-hash", f"{proofs}: opened leaves rebuilt from their rows"),
        ("root-inconsistent", f"{proofs}: opened leaves lead to the roots"),
        ("constraint", f"{proofs}: constraints on net values and {main} coins hold where opened"),
        ("linear-combination", f"{proofs}: the combination tree holds what the rows give"),
        ("fri-fold", f"{proofs}: low-degree test passes"),
        ("duplicate-batch", "no tree is there twice"),
        ("sum-mismatch", "the batches add up to the trunk"),
    ]
    if pinned:
        said.append(("root-mismatch", "the trunk root is the published one"))
    return tuple(said)


def _set_warnings(config: Config, marked: Mapping[str, int]) -> tuple[Said, ...]:
    said = [PROVER_CAN_FORGE, NET_NOT_TIED, *_unproven(config), TRUNK_ROWS]
    if marked:
        rows = sum(marked.values())
        said.append((OFF_TRACE_IDS[0], OFF_TRACE_IDS[1].format(rows=rows, names=", ".join(marked))))
    return tuple(said)


def _unproven(config: Config) -> list[Said]:
    if not config.unproven:
        return []
    text = UNPROVEN[1].format(
        count=len(config.unproven), all=len(config.coins), names=", ".join(config.unproven)
    )
    return [(UNPROVEN[0], text)]


# --- one user ------------------------------------------------------------------------------------


def check_inclusion(
    document: object,
    *,
    published: ProofSet | None = None,
    root: str | None = None,
    config: object | None = None,
    user_id: str | None = None,
) -> InclusionResult:
    """A user's file: the user in a batch, the batch in the trunk.

    document: the decoded JSON. From outside the file, each may be absent: published: the set
    that the user downloaded (`read_proof_set` or `ProofSetResult.published`); root: trunk root,
    64 hex; config: decoded config.json; user_id: 64 hex.
    Raises Malformed, Invalid; Incomplete missing-config where a file of 2023-04 comes alone.
    """
    order = _order(document, published, None if config is None else parse_config(config))
    file = parse_inclusion(document, order)
    batch, trunk = file.batch, file.trunk
    said: list[Said] = []
    _check_statement(batch, "batch")
    _check_statement(trunk, "trunk")
    said.append(("sum-range", "the amounts are in range and add up to the totals"))
    if batch.total > trunk.total:
        raise Invalid("sum-range", "the user's net value is more than the whole batch's")
    for statement, name in ((batch, "batch"), (trunk, "trunk")):
        _check_path(statement, name)
    said += [
        ("leaf-hash", "the user's leaf and the batch's are rebuilt from the amounts"),
        ("root-inconsistent", f"{len(batch.path)} and {len(trunk.path)} levels lead to the roots"),
    ]
    if trunk.label != batch.root:
        raise Invalid(
            "batch-mismatch",
            "the trunk's leaf is for another batch",
            expected=batch.root.hex(),
            computed=trunk.label.hex(),
        )
    said.append(("batch-mismatch", "the trunk's leaf is for the user's batch"))
    warnings = [PROVER_CAN_FORGE, *_unproven(order)]
    if root is not None:
        _check_published_root(trunk.root.hex(), root)
    if published is not None:
        warnings += _check_against(published, batch, trunk)
        warnings.append(SET_NOT_PROVEN)
        said.append(("published-set", "batch and trunk are those of the set you gave"))
    elif root is not None:
        warnings.append(BATCH_NOT_COMPARED)
        said.append(("root-mismatch", "the trunk root is the published one"))
    else:
        warnings.append(NOT_PUBLISHED)
    if user_id is not None:
        _check_user(batch, user_id)
        said.append(("user-id", "the leaf is for the user's own id"))
    if batch.label == _ZERO_ID:
        warnings.append(EMPTY_ROW)
    return InclusionResult(
        trunk.root.hex(),
        batch.root.hex(),
        batch.leaf.hex(),
        batch.label.hex(),
        batch.index,
        trunk.index,
        dict(zip(order.coins, batch.coins, strict=True)),
        batch.total,
        dict(zip(order.coins, trunk.coins, strict=True)),
        trunk.total,
        tuple(node.hex() for node in (*batch.path, *trunk.path)),
        order.unproven,
        published is not None or root is not None,
        tuple(said),
        tuple(warnings),
    )


def _order(document: object, published: ProofSet | None, given: Config | None) -> Config:
    """The one config that everything agrees on."""
    own = own_config(document)
    known = [c for c in (published.config if published else None, given, own) if c is not None]
    if not known:
        raise Incomplete(
            "missing-config",
            "the file does not say in which order the coins are hashed",
            "give the config.json of the published proof set",
        )
    if any(other != known[0] for other in known):
        raise Invalid("config-mismatch", "the file's coins are not those of the published config")
    return known[0]


def _check_statement(statement: Statement, name: str) -> None:
    """Sizes, index and amounts of one half of the file."""
    where = f"{name}_inclusion_proof"
    check_uts(statement.uts, f"{where}.uts")
    domain = 1 << len(statement.path)
    check_steps(domain // BLOWUP, statement.uts, f"{where}.merkle_path")
    accounts = domain // BLOWUP // statement.uts - 1
    if not 0 <= statement.index < accounts:
        raise Invalid(
            "index-range",
            f"index {statement.index} in a tree of {accounts} accounts",
            where=where,
        )
    if not 0 <= statement.total < DIGIT_BASE ** (statement.uts - 2):
        raise Invalid("sum-range", "total_value is negative or too large for its tree", where=where)
    if sum(statement.coins) != statement.total:
        raise Invalid(
            "sum-mismatch",
            "the coins do not add up to total_value",
            where=where,
            expected=str(statement.total),
            computed=str(sum(statement.coins)),
        )


def _check_path(statement: Statement, name: str) -> None:
    """The leaf rebuilt from the amounts, and the path from it to the root."""
    where = f"{name}_inclusion_proof"
    leaf = stark.account_leaf(
        _element(statement.total),
        b"".join(_element(value) for value in statement.coins),
        statement.label,
        statement.salt,
    )
    if leaf != statement.leaf:
        raise Invalid(
            "leaf-hash",
            "the leaf rebuilt from the amounts is not the file's",
            where=where,
            expected=statement.leaf.hex(),
            computed=leaf.hex(),
        )
    domain = 1 << len(statement.path)
    shape = Shape(statement.uts, domain // BLOWUP, len(statement.coins), 0, BLOWUP)
    position = leaf_position(shape.value_index(statement.index), domain)
    top = climb(leaf, position, statement.path)
    if top != statement.root:
        raise Invalid(
            "root-inconsistent",
            "the path does not lead to the file's own root",
            where=where,
            expected=statement.root.hex(),
            computed=top.hex(),
        )


def _element(value: int) -> bytes:
    return (value % P).to_bytes(ELEMENT_BYTES, "big")


def _check_against(published: ProofSet, batch: Statement, trunk: Statement) -> list[Said]:
    """The file against the published set: roots, sizes, and the batch's totals."""
    _check_published_root(trunk.root.hex(), published.trunk.root)
    place, part = _find(published.batches, batch.root.hex())
    if part is None:
        raise Invalid(
            "root-mismatch",
            "the batch's root is not among the published batches",
            computed=batch.root.hex(),
        )
    for statement, known in ((batch, part), (trunk, published.trunk)):
        if (statement.uts, BLOWUP * known.steps) != (known.uts, 1 << len(statement.path)):
            raise Invalid("batch-mismatch", f"the tree is not of the size of {known.name}")
    if trunk.coins != part.sums.coins or trunk.total != part.sums.total:
        raise Invalid(
            "sum-mismatch", f"the batch's amounts in the trunk are not the totals of {part.name}"
        )
    if place == trunk.index:
        return []
    return [(BATCH_ORDER[0], BATCH_ORDER[1].format(shown=trunk.index, place=place))]


def _find(parts: Sequence[Part], root: str) -> tuple[int, Part | None]:
    for place, part in enumerate(parts):
        if part.root == root:
            return place, part
    return -1, None


def _check_user(batch: Statement, user_id: str) -> None:
    wanted = normal_hash(user_id, "a user id")
    if batch.label.hex() != wanted:
        raise Invalid(
            "user-id",
            "the proof is for another user",
            expected=wanted,
            computed=batch.label.hex(),
        )
