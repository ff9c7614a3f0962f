"""The path engine: folding a path, and whole trees."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.merkle.paths import Joined, Odd, Side, Step, climb, parent, root_of, top_of


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(left + right).digest()


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=70), st.sampled_from(Odd))
def test_the_batched_tree_is_the_plain_one(leaves: list[bytes], odd: Odd) -> None:
    assert root_of(leaves, odd) == top_of(leaves, node, odd)


def test_odd_nodes() -> None:
    a, b, c = (bytes([i]) * 32 for i in range(3))
    assert root_of([a, b, c]) == node(node(a, b), c)
    assert root_of([a, b, c], Odd.DUPLICATE) == node(node(a, b), node(c, c))
    assert root_of([a], Odd.DUPLICATE) == a


def test_a_tree_needs_a_leaf() -> None:
    with pytest.raises(ValueError):
        root_of([])
    with pytest.raises(ValueError):
        top_of([], node)


@given(st.integers(0, 2**6 - 1), st.sampled_from(Joined))
def test_every_leaf_of_a_full_tree_climbs_to_its_root(index: int, joined: Joined) -> None:
    level = [hashlib.sha256(bytes([i])).hexdigest() for i in range(64)]
    leaf, steps = level[index], []
    while len(level) > 1:
        side = Side.LEFT if index % 2 else Side.RIGHT
        steps.append(Step(side, level[index ^ 1]))
        level = [parent(a, b, joined) for a, b in zip(level[::2], level[1::2], strict=True)]
        index //= 2
    assert climb(leaf, steps, joined)[-1] == level[0]
    assert climb(leaf, [], joined) == []
