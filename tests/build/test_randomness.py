"""Draws are uniform and within bounds; a seed repeats them, nothing else does."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.build.randomness import Randomness


def test_seeded_bytes_are_the_documented_stream() -> None:
    block = [hashlib.sha256(i.to_bytes(8, "little") + b"seed").digest() for i in range(3000)]
    random = Randomness("seed")
    assert random.take(5) + random.take(90) == b"".join(block)[:95]
    assert random.take(70_000) == b"".join(block)[95:70_095]


def test_without_a_seed_nothing_repeats() -> None:
    assert Randomness().take(32) != Randomness().take(32)
    assert Randomness("a").take(32) != Randomness("b").take(32)


@given(st.integers(1, 2**70), st.text(max_size=3))
def test_below_stays_below(end: int, seed: str) -> None:
    random = Randomness(seed)
    assert all(0 <= random.below(end) < end for _ in range(20))


def test_below_has_no_favourites() -> None:
    random = Randomness("fair")
    counts = Counter(random.below(5) for _ in range(50_000))
    # Five standard deviations of a binomial with p = 1/5.
    assert all(abs(counts[i] - 10_000) < 5 * 90 for i in range(5))


def test_every_order_is_as_likely() -> None:
    random = Randomness("orders")
    counts = Counter(tuple(random.order(3)) for _ in range(12_000))
    assert len(counts) == 6
    assert all(abs(count - 2_000) < 5 * 41 for count in counts.values())


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ValueError):
        Randomness().below(0)
