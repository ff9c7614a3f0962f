"""Poseidon over Goldilocks: known answers, the fast form against the definition, the constants."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por._native import kernel
from merkle_por.hashes import poseidon_goldilocks as poseidon
from merkle_por.hashes.poseidon_goldilocks import P

WORDS = st.one_of(
    st.sampled_from([0, 1, 2**32 - 1, 2**32, P - 1, P, P + 1, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
STATES = st.lists(WORDS, min_size=12, max_size=12)
DIGESTS = st.tuples(WORDS, WORDS, WORDS, WORDS)


def test_constants_are_the_derived_ones():
    script = vectorfiles.PROJECT / "tools" / "derive_poseidon_goldilocks.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert poseidon.round_constants()[0][0] == 0xB585F766F2144405
    assert [len(row) for row in poseidon.round_constants()] == [12] * 30


def test_zero_state():
    assert tuple(poseidon.permute_dense([0] * 12)[:4]) == poseidon.BLOCK_ONE
    assert tuple(poseidon.permute_dense([2**64 - 1] * 12)[:4]) == poseidon.BLOCK_TWO


def test_official_hashes():
    path = vectorfiles.file("made", "okx-plonky2", "poseidon_kat.json")
    cases = json.loads(path.read_text())["hash_no_pad"]
    assert len(cases) == 8
    for case in cases:
        digest = poseidon.hash_words([int(word) for word in case["in"]])
        assert poseidon.digest_hex(digest) == case["hash_hex"]


@given(STATES)
def test_fast_form_is_the_permutation(state):
    wanted = poseidon.permute_dense(state)
    assert poseidon.permute_python(state) == wanted
    assert poseidon.permute(state) == wanted


@pytest.mark.parametrize("word", [0, P - 1, P, 2**64 - 1])
def test_extreme_states(word):
    assert poseidon.permute_python([word] * 12) == poseidon.permute_dense([word] * 12)
    assert poseidon.permute([word] * 12) == poseidon.permute_dense([word] * 12)


@given(st.integers(0, 20).flatmap(lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n))))
@settings(max_examples=25)
def test_many_hashes_are_single_hashes(messages):
    wanted = [poseidon.hash_python(message) for message in messages]
    assert poseidon.hash_many(messages) == wanted


def test_a_short_last_block_keeps_the_old_words():
    first = poseidon.permute_dense([*range(1, 9), 0, 0, 0, 0])
    wanted = poseidon.permute_dense([9, *first[1:]])
    assert poseidon.hash_words(range(1, 10)) == tuple(wanted[:4])


def test_messages_of_different_lengths_are_refused():
    with pytest.raises(ValueError):
        poseidon.hash_many([[1], [1, 2]])


@given(
    st.lists(
        st.tuples(DIGESTS, st.integers(0, 2**64 - 1), st.lists(DIGESTS, min_size=3, max_size=3)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=20)
def test_paths_fold_step_by_step(paths):
    leaves, indexes, siblings = (list(column) for column in zip(*paths, strict=True))
    wanted = []
    for leaf, index, path in paths:
        node = leaf
        for height, sibling in enumerate(path):
            right = index >> height & 1
            node = poseidon.hash_python((*sibling, *node) if right else (*node, *sibling))
        wanted.append(node)
    assert poseidon.climb_many(leaves, indexes, siblings) == wanted


def test_paths_of_different_lengths_are_refused():
    node = poseidon.BLOCK_ONE
    with pytest.raises(ValueError):
        poseidon.climb_many([node, node], [0, 0], [[node], [node, node]])
    with pytest.raises(ValueError):
        poseidon.climb_many([node], [0, 0], [[node], [node]])


@given(DIGESTS)
def test_hex_form(digest):
    text = poseidon.digest_hex(digest)
    assert len(text) == 64
    assert poseidon.digest_from_hex(text) == digest


def test_the_kernel_refuses_bad_buffers():
    native = kernel("goldilocks")
    if native is None:
        pytest.skip("the compiled kernel is not in use")
    table = poseidon.kernel_tables()
    for call in (
        lambda: native.goldilocks_permute(table[1:], bytes(96)),
        lambda: native.goldilocks_permute(table, bytes(95)),
        lambda: native.goldilocks_hash(table, bytes(15), 2),
        lambda: native.goldilocks_hash(table, bytes(16), 0),
        lambda: native.goldilocks_hash(table, bytes(16), -1),
        lambda: native.goldilocks_hash(table, bytes(16), 2**62),
        lambda: native.goldilocks_climb(table, bytes(32), bytes(8), bytes(31), 1),
        lambda: native.goldilocks_climb(table, bytes(32), bytes(16), bytes(32), 1),
        lambda: native.goldilocks_climb(table, bytes(32), bytes(8), bytes(32), -1),
        lambda: native.goldilocks_climb(table, bytes(32), bytes(8), bytes(32), 2**62),
        lambda: native.goldilocks_climb(table, bytes(31), bytes(8), bytes(32), 1),
    ):
        with pytest.raises(ValueError):
            call()
