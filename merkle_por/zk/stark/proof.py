"""One proof that the accounts under a root add up to totals: its normal form and the whole check.

Rule: specs/okx-stark-v1.md section 4. What passing means, and what it does not: see the package's
docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import keccak256_many, keccak256_rows
from merkle_por.zk.stark.commitment import Openings, verify_openings
from merkle_por.zk.stark.field import ELEMENT_BYTES, P, elements
from merkle_por.zk.stark.fri import LowDegreeProof, verify_low_degree
from merkle_por.zk.stark.trace import (
    NET_TERMS,
    Constraints,
    FullRow,
    PartialRow,
    Shape,
    Weights,
    combine,
    weight_count,
)
from merkle_por.zk.stark.transcript import draw_indexes, draw_weights, work_bits

ROWS_PER_POINT = 4
FRI_BOUND_PER_ROW = 4  # the combination has degree below four times the rows
_ZERO = bytes(ELEMENT_BYTES)
_E = ELEMENT_BYTES


@dataclass(frozen=True)
class Parameters:
    """What a family of proofs fixes: points opened, bits of work, degree at which FRI stops."""

    queries: int
    work_bits: int
    last_bound: int


@dataclass(frozen=True)
class HashedRow:
    """A row whose balances are given as their hash. Each 32 bytes."""

    net: bytes
    balances_hash: bytes
    label: bytes
    salt: bytes


@dataclass(frozen=True)
class BalanceRow:
    """A row whose balances are given in full (32 bytes each, end to end)."""

    net: bytes
    balances: bytes
    label: bytes
    salt: bytes


@dataclass(frozen=True)
class Point:
    """The four rows opened at one point. here: all elements of the row, end to end
    (`Shape.row_bytes`); following: one row on; before, total: block-1 and block rows on."""

    here: bytes
    following: HashedRow
    before: BalanceRow
    total: BalanceRow


@dataclass(frozen=True)
class Proof:
    """Normal form. Roots and nonce are 32 bytes; every field element is below p."""

    trace_root: bytes
    combination_root: bytes
    nonce: bytes
    trace: Openings
    points: tuple[Point, ...]
    combination: Openings
    low_degree: LowDegreeProof


def account_leaf(net: bytes, balances: bytes, label: bytes, salt: bytes) -> bytes:
    """The leaf of one row: H(net + H(balances) + label + salt); all but balances 32 bytes."""
    return keccak256_many([net + keccak256_many([balances])[0] + label + salt])[0]


def verify(
    proof: Proof, shape: Shape, parameters: Parameters, total: int, totals: Sequence[int]
) -> int:
    """Runs every check of the proof against the totals (field elements).

    total: sum of the net values. totals: sums of the checked balance columns, `shape.checked` of
    them. Answers how many opened rows carry a label although no row off the trace has one in an
    honest proof (0 there). Raises Malformed / Invalid at the first check that fails.
    """
    if work_bits(proof.trace_root, proof.nonce) < parameters.work_bits:
        raise Invalid("proof-of-work", f"the nonce does not show {parameters.work_bits} zero bits")
    indexes = draw_indexes(proof.combination_root, shape.domain, parameters.queries, shape.blowup)
    if len(proof.points) != len(indexes):
        raise Malformed("bad-length", f"{len(proof.points)} points, {len(indexes)} needed")
    _check_leaves(proof, shape)
    opened = [(index + offset) % shape.domain for index in indexes for offset in shape.offsets]
    verify_openings(proof.trace_root, shape.domain, opened, proof.trace, "trace tree")
    verify_openings(
        proof.combination_root, shape.domain, indexes, proof.combination, "combination tree"
    )
    _check_points(proof, shape, indexes, total, totals)
    verify_low_degree(
        proof.combination_root,
        shape.domain,
        FRI_BOUND_PER_ROW * shape.rows,
        proof.low_degree,
        queries=parameters.queries,
        spacing=shape.blowup,
        last_bound=parameters.last_bound,
    )
    return _labelled_rows(proof, shape)


def _check_leaves(proof: Proof, shape: Shape) -> None:
    """Every opened leaf of the trace tree is rebuilt from the row that is shown for it."""
    start, end = _E, _E * (1 + shape.columns)
    given = []
    for point in proof.points:
        given += [point.here[start:end], point.before.balances, point.total.balances]
    hashes = keccak256_rows(b"".join(given), end - start)
    terms = b"".join([point.here[end + _E :] for point in proof.points])
    salts = keccak256_rows(terms, shape.row_bytes - end - _E)
    rows = []
    for i, point in enumerate(proof.points):
        at = 3 * _E * i
        here, following, before, total = point.here, point.following, point.before, point.total
        rows += [
            here[:_E], hashes[at : at + _E], here[end : end + _E], salts[_E * i : _E * (i + 1)],
            following.net, following.balances_hash, following.label, following.salt,
            before.net, hashes[at + _E : at + 2 * _E], before.label, before.salt,
            total.net, hashes[at + 2 * _E : at + 3 * _E], total.label, total.salt,
        ]  # fmt: skip
    leaves = keccak256_rows(b"".join(rows), 4 * _E)
    for i, leaf in enumerate(proof.trace.leaves):
        if leaf != leaves[_E * i : _E * (i + 1)]:
            raise Invalid(
                "leaf-hash",
                "an opened leaf is not the hash of the row shown for it",
                where=f"point {i // ROWS_PER_POINT}, row {i % ROWS_PER_POINT}",
                expected=leaf.hex(),
                computed=leaves[_E * i : _E * (i + 1)].hex(),
            )


def _check_points(
    proof: Proof, shape: Shape, indexes: Sequence[int], total: int, totals: Sequence[int]
) -> None:
    """The constraints, and that the combination tree holds their linear combination."""
    constraints = Constraints(shape, total, totals)
    weights = Weights.of(draw_weights(proof.nonce, weight_count(shape)))
    checked = shape.checked * _E
    for number, (index, point) in enumerate(zip(indexes, proof.points, strict=True)):
        row = full_row(point.here, shape)
        constraints.check(
            index,
            row,
            int.from_bytes(point.following.net, "big"),
            _partial(point.before, checked),
            _partial(point.total, checked),
        )
        value = combine(row, weights, constraints.weights_at(index))
        if value.to_bytes(_E, "big") != proof.combination.leaves[number]:
            raise Invalid(
                "linear-combination",
                "a value of the combination tree is not the combination of its row",
                where=f"point {number}",
            )


def full_row(data: bytes, shape: Shape) -> FullRow:
    """The elements of a row opened in full (`Shape.row_bytes`, each below p)."""
    values = elements(data)
    label = 1 + shape.columns
    terms = label + 1 + NET_TERMS
    return FullRow(
        values[0], values[1:label], values[label], values[label + 1 : terms], values[terms:]
    )


def _partial(row: BalanceRow, length: int) -> PartialRow:
    return PartialRow(int.from_bytes(row.net, "big") % P, elements(row.balances[:length]))


def _labelled_rows(proof: Proof, shape: Shape) -> int:
    at = _E * (1 + shape.columns)
    return sum(
        (point.here[at : at + _E] != _ZERO)
        + (point.following.label != _ZERO)
        + (point.before.label != _ZERO)
        + (point.total.label != _ZERO)
        for point in proof.points
    )
