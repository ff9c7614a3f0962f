"""One part of a proof set, as a task that any executor can run: rows, commitments, Groth16.

Rules: spec binance-zk ("Order of checks"), zk-primitives-bn254 section 6. A task names the file
and the places of its rows, never their content (but for input that is no file on disk). It checks
what concerns its own rows, and answers the first and last state, so that the caller can join the
tasks' answers to one chain. The number of rows of a task is fixed: no verdict depends on workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from merkle_por.errors import Finding, Invalid, Malformed
from merkle_por.exchanges._gnark_por.rows import Columns, Link, Row, at_places
from merkle_por.hashes.poseidon_bn254 import poseidon

if TYPE_CHECKING:
    from merkle_por.zk.groth16 import Statement, VerifyingKey

ROWS = 1000
"""Batches of a task: as many as one Groth16 batch holds (zk.groth16.CHUNK)."""


@dataclass(frozen=True)
class Task:
    """source: path of the table, or its bytes. places: of the rows of batch first, first + 1....
    keys: tier (None where there is one key) and bytes of the key. proofs: whether the zk proofs
    are still to be checked (False: skipped, or noted as verified in the journal)."""

    source: str | bytes
    first: int
    places: tuple[int, ...]
    columns: Columns
    block: int
    tiers: tuple[int | None, ...]
    keys: tuple[tuple[int | None, bytes], ...]
    proofs: bool


@dataclass(frozen=True)
class Problem:
    """One broken batch."""

    number: int
    reason: str
    text: str


@dataclass(frozen=True)
class Part:
    """What a task found: the states at both its ends, and what is broken (in order of batches)."""

    first: int
    count: int
    begin: Link
    end: Link
    problems: tuple[Problem, ...]


@lru_cache(maxsize=64)
def _key(data: bytes) -> VerifyingKey:
    from merkle_por.zk.gnark import read_verifying_key

    # One object for equal bytes: groth16 batches by the key's identity.
    return read_verifying_key(data)


def public_input(link: Link, block: int) -> int:
    """The one public input of a batch's proof."""
    if link.low is None or link.high is None:
        states = [link.root_before, link.root_after, link.assets_before, link.assets_after]
    else:
        states = [link.root_after, link.assets_before, link.assets_after, link.low, link.high]
    return poseidon(states, block)


def joins(before: Link, after: Link) -> tuple[str, str] | None:
    """Whether a batch continues from the one before: class and text of what is wrong, or None."""
    if after.assets_before != before.assets_after:
        return "chain-broken", "the batch does not continue from the totals of the one before"
    if after.low is None:
        if after.root_before != before.root_after:
            text = "the batch does not continue from the account tree of the one before"
            return "chain-broken", text
        return None
    if after.root_after != before.root_after:
        return "chain-broken", "the batch is about another account tree than the one before"
    if before.high is None or after.low != before.high + 1:
        return "batch-order", "the batch does not continue from the last account of the one before"
    return None


def run(task: Task) -> Part:
    """Checks one part. Raises Malformed; what is well formed but wrong is in the answer."""
    source = task.source
    with BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as stream:
        return _run(task, stream)


def _run(task: Task, stream: BinaryIO) -> Part:
    from merkle_por.zk.gnark import read_proof
    from merkle_por.zk.groth16 import Statement, failures

    problems: list[Problem] = []
    links: list[Link] = []  # the first row's and the last one's
    keys = {tier: _key(data) for tier, data in task.keys} if task.proofs else {}

    def statements() -> Iterator[Statement[int]]:
        for row in at_places(stream, task.places, task.columns, task.first):
            problems.extend(_hash_problems(row, links[-1] if links else None, task))
            links[1:] = [row.link]
            if not task.proofs:
                continue
            try:
                proof = read_proof(row.proof)
            except Malformed as error:
                raise _placed(error, row.number) from None
            yield Statement(row.number, keys[row.tier], (row.commitment,), proof)

    for number, finding in failures(statements(), chunk=ROWS):
        if isinstance(finding, Malformed):
            raise _placed(finding, number)
        if not isinstance(finding, Invalid):
            raise finding
        problems.append(Problem(number, finding.reason, finding.text))
    problems.sort(key=lambda problem: problem.number)
    return Part(task.first, len(task.places), links[0], links[-1], tuple(problems))


def _placed(error: Finding, number: int) -> Malformed:
    where = f"batch {number}" + (f", {error.where}" if error.where else "")
    return Malformed(error.reason, error.text, where=where)


def _hash_problems(row: Row, before: Link | None, task: Task) -> Iterator[Problem]:
    """Everything about a row but its proof. Raises Malformed for a tier that is none."""
    link = row.link
    if row.tier not in task.tiers:
        text = f"assets_count {row.tier} is not one of the tiers"
        raise Malformed("bad-number", text, where=f"batch {row.number}")
    if before is not None and (wrong := joins(before, link)):
        yield Problem(row.number, *wrong)
    if link.low is not None and link.high is not None and link.high < link.low:
        yield Problem(row.number, "batch-order", "the batch ends before its first account")
    if public_input(link, task.block) != row.commitment:
        text = "the batch's public input is not the hash of its states"
        yield Problem(row.number, "batch-commitment", text)


def tasks(
    source: str | bytes,
    places: Sequence[int],
    columns: Columns,
    block: int,
    tiers: tuple[int | None, ...],
    keys: tuple[tuple[int | None, bytes], ...],
    verified: frozenset[int],
    *,
    proofs: bool,
) -> Iterator[Task]:
    """All parts of a table. verified: first batches of the parts whose proofs were verified."""
    for first in range(0, len(places), ROWS):
        part = tuple(places[first : first + ROWS])
        todo = proofs and first not in verified
        yield Task(source, first, part, columns, block, tiers, keys, todo)
