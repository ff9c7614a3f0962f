"""The path of a proof as a ladder: one row a level, root on top, your leaf at the bottom.

A ladder's width does not grow with the tree, which a drawn tree's does. Rows that need a reader's
eye (an amount below zero, a failed node, one that contradicts another file) are never folded.
Source: shared/ux.md section 3, "Path of 28 levels". Plain data in, plain data out: the web app and
the HTML report draw the same rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import grouped
from merkle_por.report.text import shortened
from merkle_por.verdict import Node

UNFOLDED = 12  # ladders of up to so many rows are shown whole
TOP, BOTTOM = 2, 3  # rows that stay open above and below the fold
AMOUNTS = 3  # amounts shown in a row; the others are counted
OK, NEGATIVE, CONFLICT, PADDING = "ok", "negative", "conflict", "padding"
_WORST = (CONFLICT, NEGATIVE, PADDING, OK)


@dataclass(frozen=True)
class Rung:
    """One row: a node beside or on the path.

    step: number of the hashing step, 1 beside the leaf; the root has one more than the last.
    role: root | sibling | rebuilt | leaf. side: where the node stands when it is hashed, "left" or
    "right"; None where the format doesn't say. amounts: (asset, figure) of those shown; more:
    assets left out. status: ok | padding | negative | conflict | what the node itself says.
    """

    step: int
    role: str
    side: str | None
    hash: str
    amounts: tuple[tuple[str, str], ...]
    more: int
    status: str

    @property
    def short(self) -> str:
        """First 8 ... last 8 digits."""
        return shortened(self.hash)

    @property
    def is_open(self) -> bool:
        """Whether the row must be seen, however long the ladder."""
        return self.status not in (OK, PADDING)


@dataclass(frozen=True)
class Fold:
    """Rows that stand closed until asked for."""

    rungs: tuple[Rung, ...]

    @property
    def worst(self) -> str:
        """The worst status among them."""
        found = {rung.status for rung in self.rungs}
        return next((status for status in _WORST if status in found), OK)


Row = Rung | Fold


def ladders(
    nodes: Sequence[Node],
    *,
    own: Collection[str] = (),
    conflicts: Collection[str] = (),
    assets: Sequence[str] = (),
) -> list[list[Rung]]:
    """All ladders of a verdict, root first; a file with several leaves has several.

    own: assets that the user holds, shown before others. conflicts: hashes of nodes that another
    file contradicts. assets: to be shown before all others (those that differ).
    """
    wanted = (*assets, *own)
    found = []
    for path in _paths(nodes):
        rungs = [_rung(node, wanted, conflicts) for node in path]
        # Nodes rebuilt on the way only repeat what stands beside them, unless another file
        # shows one of them differently.
        shown = [r for r in rungs if r.role != "rebuilt" or r.status == CONFLICT]
        found.append(sorted(shown, key=_height))
    return found


def folded(rungs: Sequence[Rung]) -> list[Row]:
    """The rows with the uninteresting middle folded, one fold for each run of such rows."""
    if len(rungs) <= UNFOLDED:
        return list(rungs)
    rows: list[Row] = list(rungs[:TOP])
    run: list[Rung] = []
    for rung in rungs[TOP : len(rungs) - BOTTOM]:
        if rung.is_open:
            rows += _closed(run)
            rows.append(rung)
            run = []
        else:
            run.append(rung)
    return [*rows, *_closed(run), *rungs[len(rungs) - BOTTOM :]]


def split(rungs: Sequence[Rung], hash_: str) -> tuple[list[Rung], Rung | None, list[Rung]]:
    """The ladder above the node of that hash, the node, and below; (all, None, []) if absent."""
    for index, rung in enumerate(rungs):
        if rung.hash == hash_:
            return list(rungs[:index]), rung, list(rungs[index + 1 :])
    return list(rungs), None, []


def _closed(run: list[Rung]) -> list[Row]:
    # A fold of one row would be as long as the row.
    return [Fold(tuple(run))] if len(run) > 1 else list(run)


def _paths(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """Nodes come leaf first; each further leaf begins another path."""
    path: list[Node] = []
    leaf = False
    for node in nodes:
        if node.role == "leaf" and leaf:
            yield path
            path = []
        leaf = leaf or node.role == "leaf"
        path.append(node)
    if path:
        yield path


_ORDER = {"root": 0, "rebuilt": 1, "sibling": 2, "leaf": 3}


def _height(rung: Rung) -> tuple[int, int]:
    return -rung.step, _ORDER.get(rung.role, 2)


def _rung(node: Node, wanted: Sequence[str], conflicts: Collection[str]) -> Rung:
    negative = [asset for asset, value in node.balances.items() if value < 0]
    status = node.status
    if node.hash in conflicts:
        status = CONFLICT
    elif negative:
        status = NEGATIVE
    elif node.padding and status == OK:
        status = PADDING
    amounts, more = _amounts(node.balances, negative, wanted)
    return Rung(node.level + 1, node.role, node.side, node.hash, amounts, more, status)


def _amounts(
    balances: Mapping[str, Decimal], negative: Sequence[str], wanted: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], int]:
    """Amounts worth a place: below zero, then the wanted, then others that are not zero."""
    held = [asset for asset, value in balances.items() if value]
    order = [*negative, *(asset for asset in wanted if asset in balances), *held]
    chosen = list(dict.fromkeys(order))[:AMOUNTS]
    more = sum(asset not in chosen for asset in held)
    return tuple((asset, grouped(balances[asset])) for asset in chosen), more
