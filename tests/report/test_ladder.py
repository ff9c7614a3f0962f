"""The ladder's folding rules (shared/ux.md, section 3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from merkle_por.report.ladder import BOTTOM, TOP, UNFOLDED, Fold, Rung, folded, ladders, split
from merkle_por.verdict import Node


def path(levels: int) -> list[Node]:
    """A path of so many levels, leaf first, as the schemes give it."""
    nodes = [Node(0, "leaf", "leaf", "left", {"BTC": Decimal(1), "ETH": Decimal(0)})]
    for level in range(levels):
        side = "right" if level % 2 else "left"
        nodes.append(Node(level, "sibling", f"s{level}", side, {"BTC": Decimal(level)}))
        role = "root" if level == levels - 1 else "rebuilt"
        nodes.append(Node(level + 1, role, f"n{level + 1}", None, {"BTC": Decimal(9)}))
    return nodes


def test_root_on_top_and_you_at_the_bottom() -> None:
    (rungs,) = ladders(path(4))
    assert [rung.role for rung in rungs] == ["root", *["sibling"] * 4, "leaf"]
    assert [rung.step for rung in rungs] == [5, 4, 3, 2, 1, 1]
    assert rungs[-1].amounts == (("BTC", "1"),)


def test_short_ladders_are_whole() -> None:
    (rungs,) = ladders(path(UNFOLDED - 2))
    assert folded(rungs) == rungs


def test_long_ladders_fold_their_middle() -> None:
    (rungs,) = ladders(path(23))
    rows = folded(rungs)
    fold = rows[TOP]
    assert isinstance(fold, Fold)
    assert len(fold.rungs) == 20
    assert fold.worst == "ok"
    assert len(rows) == TOP + 1 + BOTTOM


def test_what_is_wrong_stays_open() -> None:
    nodes = path(23)
    at = next(i for i, node in enumerate(nodes) if node.hash == "s10")
    nodes[at] = replace(nodes[at], balances={"BTC": Decimal(5), "USDC": Decimal(-2)})
    (rungs,) = ladders(nodes, conflicts={"s15", "n7"})
    open_ = [row for row in folded(rungs)[TOP:-BOTTOM] if isinstance(row, Rung)]
    assert [(rung.hash, rung.status) for rung in open_] == [
        ("s15", "conflict"),
        ("s10", "negative"),
        ("n7", "conflict"),
    ]
    assert open_[1].amounts[0] == ("USDC", "-2")


def test_amounts_are_few_and_counted() -> None:
    balances = {f"A{i}": Decimal(i) for i in range(10)}
    (rungs,) = ladders([Node(0, "leaf", "x", None, balances)], own=["A0", "A7"])
    assert [asset for asset, _ in rungs[0].amounts] == ["A0", "A7", "A1"]
    assert rungs[0].more == 7


def test_several_leaves_are_several_ladders() -> None:
    assert len(ladders(path(3) + path(2))) == 2


def test_a_ladder_is_cut_at_the_shared_node() -> None:
    (rungs,) = ladders(path(5))
    above, node, below = split(rungs, "s2")
    assert node is not None
    assert [*above, node, *below] == rungs
    assert split(rungs, "absent") == (rungs, None, [])


@given(st.integers(0, 64), st.sets(st.integers(0, 63)))
def test_nothing_is_lost_and_nothing_wrong_is_hidden(levels: int, wrong: set[int]) -> None:
    (rungs,) = ladders(path(levels), conflicts={f"s{level}" for level in wrong})
    rows = folded(rungs)
    flat = [r for row in rows for r in (row.rungs if isinstance(row, Fold) else (row,))]
    assert flat == rungs
    for row in rows:
        if isinstance(row, Fold):
            assert row.worst == "ok"
            assert len(row.rungs) > 1
