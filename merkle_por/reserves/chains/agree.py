"""Several answers to one question: the level of trust that each balance earns.

Rules: all who name the block must name the same one; answers that differ make a balance unknown;
a proven answer counts as proved only under a block hash that can be trusted (given by the user,
named by an own node, or by two independent services). Independent means different hosts.
Spec: onchain-balances.md, "Trust levels".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.interface import (
    Answer,
    Balance,
    Block,
    Client,
    Figure,
    Query,
    unknown,
    utc,
)
from merkle_por.reserves.holding import Level

LAG_SECONDS = 3600
"""How far behind the newest block another service's latest may be (Bitcoin's can be that rare)."""


@dataclass(frozen=True)
class Pinned:
    """The block at which balances are read. trusted: its hash is more than one service's word.

    clients: those that have the block. failed: why the others can't be asked.
    """

    block: Block
    trusted: bool
    clients: tuple[Client, ...]
    failed: tuple[Incomplete, ...] = ()

    @property
    def sources(self) -> str:
        return ", ".join(sorted({client.source for client in self.clients}))


def pin(clients: Sequence[Client], at: int | str | None) -> Pinned:
    """The block that all clients agree on. at: height, or the hash that the user trusts; None:
    the latest that all of them have.

    Raises Incomplete: sources-disagree, or the first client's error where none answers.
    """
    found, failed = _pinned(clients, at)
    if at is None:
        height = _common(found)
        late = [client for client, block in found if block.hash and block.height != height]
        again, missing = _pinned(late, height)
        found = [pair for pair in found if pair[0] not in late] + again
        failed += missing
    if not found:
        raise failed[0]
    blocks = [block for _, block in found]
    hashes = {block.hash for block in blocks if block.hash is not None}
    if len(hashes) > 1:
        names = "; ".join(f"{c.source}: {b.hash}" for c, b in found)
        text = f"the services name different blocks at height {blocks[0].height} ({names})"
        raise Incomplete("sources-disagree", text)
    hosts = {client.source for client, block in found if block.hash is not None}
    trusted = isinstance(at, str) or any(c.own for c, _ in found) or len(hosts) > 1
    named = next((block for block in blocks if block.hash is not None), blocks[0])
    return Pinned(named, trusted, tuple(c for c, _ in found), tuple(failed))


def _pinned(
    clients: Sequence[Client], at: int | str | None
) -> tuple[list[tuple[Client, Block]], list[Incomplete]]:
    found: list[tuple[Client, Block]] = []
    failed: list[Incomplete] = []
    for client in clients:
        try:
            found.append((client, client.pin(at)))
        except Incomplete as error:
            failed.append(error)
    return found, failed


def _common(found: Sequence[tuple[Client, Block]]) -> int | None:
    """The highest block that all have who keep up: services are some seconds apart, and one that
    stands still must not take the others back with it. Nor does a service take back the user's own
    node, which may know its latest block only."""
    named = [(client, block) for client, block in found if block.hash is not None]
    blocks = [block for client, block in named if client.own] or [block for _, block in named]
    newest = max((block.time for block in blocks if block.time is not None), default=0)
    current = [b.height for b in blocks if b.time is None or newest - b.time <= LAG_SECONDS]
    return min(current, default=None)


def ask(pinned: Pinned, queries: Sequence[Query]) -> list[Balance]:
    """One balance for each query, at the pinned block; the block is looked up again afterwards."""
    block = pinned.block
    answers: list[list[tuple[Client, Answer]]] = [[] for _ in queries]
    for client in pinned.clients:
        for place, answer in enumerate(_answers(client, queries, block)):
            answers[place].append((client, answer))
    return [combine(found, block, trusted=pinned.trusted) for found in answers]


def _answers(client: Client, queries: Sequence[Query], block: Block) -> Sequence[Answer]:
    try:
        found = client.ask(queries, block)
        if len(found) != len(queries):
            raise Incomplete("node-answer", f"{client.source} does not answer every question")
        if block.hash is not None and client.pin(block.height).hash != block.hash:
            raise Incomplete(
                "block-changed", f"block {block.height} was replaced while balances were read"
            )
    except Incomplete as error:
        return [error] * len(queries)
    return found


def combine(answers: Sequence[tuple[Client, Answer]], block: Block, *, trusted: bool) -> Balance:
    """The balance that several answers come to."""
    good = [(client, answer) for client, answer in answers if isinstance(answer, Figure)]
    bad = [(client, answer) for client, answer in answers if isinstance(answer, Incomplete)]
    sources = ", ".join(sorted({client.source for client, _ in good or bad}))
    if not good:
        return unknown(bad[0][1], block, sources)
    proof_failed = next((a for _, a in bad if a.reason in PROOF_FAILED), None)
    if proof_failed is not None:
        # A service that contradicts itself outweighs those that agree with each other.
        return unknown(proof_failed, block, sources)
    figures = {(figure.units, figure.decimals) for _, figure in good}
    if len(figures) > 1:
        said = "; ".join(f"{c.source}: {f.units}" for c, f in good)
        return unknown(
            Incomplete("sources-disagree", f"the services state different balances ({said})"),
            block,
            sources,
        )
    figure = next((f for _, f in good if f.proved), good[0][1])
    return Balance(
        level=_level(good, block, trusted=trusted),
        units=figure.units,
        decimals=figure.decimals,
        height=block.height,
        block_hash=block.hash,
        time=utc(block.time),
        source=sources,
        note=figure.note,
    )


PROOF_FAILED = frozenset(
    {
        "account-absent",
        "account-fields-mismatch",
        "node-hash-mismatch",
        "storage-value-mismatch",
        "unused-nodes",
        "wrong-address",
        "wrong-slot",
    }
)


def _level(good: Sequence[tuple[Client, Figure]], block: Block, *, trusted: bool) -> Level:
    if trusted and any(figure.proved for _, figure in good):
        return Level.PROVED
    if any(client.own for client, _ in good):
        return Level.OWN_NODE
    # "The same number for the same block hash": without a block two answers are two questions.
    independent = len({client.source for client, _ in good}) > 1
    return Level.AGREED if independent and block.hash is not None else Level.SINGLE_SOURCE


def by_place(found: Mapping[int, Balance], count: int) -> list[Balance]:
    """Balances in the order of their places."""
    return [found[place] for place in range(count)]
