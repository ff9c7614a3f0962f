"""The STARK engine's layers, against definitions written here and a small honest FRI prover."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.zk.stark import field, transcript
from merkle_por.zk.stark.commitment import (
    Openings,
    climb,
    depth_of,
    leaf_position,
    tree_root,
    verify_openings,
)
from merkle_por.zk.stark.field import P
from merkle_por.zk.stark.fri import Layer, LowDegreeProof, fold, verify_low_degree

elements = st.integers(0, P - 1)


def evaluate(coefficients: list[int], x: int) -> int:
    return sum(c * pow(x, power, P) for power, c in enumerate(coefficients)) % P


def values_on_domain(coefficients: list[int], size: int) -> list[int]:
    generator = field.root_of_unity(size)
    return [evaluate(coefficients, pow(generator, i, P)) for i in range(size)]


def to_bytes(values: list[int]) -> list[bytes]:
    return [value.to_bytes(32, "big") for value in values]


def full_branches(values: list[bytes], indexes: list[int]) -> Openings:
    """Openings with every sibling written out."""
    size = len(values)
    nodes = [b""] * (2 * size)
    for index, value in enumerate(values):
        nodes[size + leaf_position(index, size)] = value
    for node in range(size - 1, 0, -1):
        nodes[node] = keccak256(nodes[2 * node] + nodes[2 * node + 1])
    siblings = []
    for index in indexes:
        node = size + leaf_position(index, size)
        branch = []
        while node > 1:
            branch.append(nodes[node ^ 1])
            node //= 2
        siblings.append(tuple(branch))
    return Openings(tuple(values[index] for index in indexes), tuple(siblings))


def prove_low_degree(values: list[int], bound: int, queries: int = 16) -> LowDegreeProof:
    layers = []
    column = to_bytes(values)
    indexes: list[int] = []
    while bound > 16:
        size = len(column)
        quarter = size // 4
        challenge = int.from_bytes(tree_root(column), "big") % P
        numbers = [int.from_bytes(value, "big") for value in column]
        folded = to_bytes(
            [fold(size, y, [numbers[y + j * quarter] for j in range(4)], challenge)
             for y in range(quarter)]
        )  # fmt: skip
        root = tree_root(folded)
        if layers:
            indexes = [index % quarter for index in indexes]
        else:
            indexes = transcript.draw_indexes(root, quarter, queries, 16)
        fours = [index + j * quarter for index in indexes for j in range(4)]
        layers.append(Layer(root, full_branches(folded, indexes), full_branches(column, fours)))
        column, bound = folded, bound // 4
    return LowDegreeProof(tuple(layers), tuple(column))


def verify(values: list[int], bound: int, proof: LowDegreeProof) -> None:
    verify_low_degree(
        tree_root(to_bytes(values)),
        len(values),
        bound,
        proof,
        queries=16,
        spacing=16,
        last_bound=16,
    )


def test_field_is_the_published_one() -> None:
    assert P == 3618502788666131213697322783095070105623107215331596699973092056135872020481
    root = field.root_of_unity(1 << 20)
    assert pow(root, 1 << 20, P) == 1
    assert pow(root, 1 << 19, P) == P - 1
    with pytest.raises(ValueError):
        field.root_of_unity(7 << 200)


@given(st.lists(st.integers(1, P - 1), max_size=20))
def test_inverses(values: list[int]) -> None:
    assert [v * i % P for v, i in zip(values, field.inverses(values), strict=True)] == [1] * len(
        values
    )


def test_no_inverse_of_zero() -> None:
    with pytest.raises(ValueError):
        field.inverses([3, 0, 5])


@pytest.mark.parametrize(
    ("value", "good"), [(0, True), (P - 1, True), (P, False), (P + 1, False), (2**256 - 1, False)]
)
def test_canonical_elements(value: int, good: bool) -> None:
    data = bytes(32) + value.to_bytes(32, "big") + bytes(32)
    assert field.elements_are_canonical(data) is good


@given(st.lists(elements, min_size=8, max_size=8), st.integers(1, P - 1), st.integers(0, 19))
def test_low_degree_test_sees_any_single_error(
    coefficients: list[int], error: int, place: int
) -> None:
    points = list(range(5, 25))
    values = [evaluate(coefficients, x) for x in points]
    assert field.is_low_degree(points, values, 8)
    values[place] = (values[place] + error) % P
    assert not field.is_low_degree(points, values, 8)


@given(st.lists(elements, min_size=4, max_size=4), elements, st.integers(0, 15))
def test_fold_is_the_cubic_at_the_challenge(
    coefficients: list[int], challenge: int, index: int
) -> None:
    size = 64
    generator = field.root_of_unity(size)
    values = [evaluate(coefficients, pow(generator, index + j * 16, P)) for j in range(4)]
    assert fold(size, index, values, challenge) == evaluate(coefficients, challenge)


@pytest.mark.parametrize("size", [32, 64, 512])
def test_leaf_positions_are_a_permutation_with_each_row_together(size: int) -> None:
    assert sorted(leaf_position(x, size) for x in range(size)) == list(range(size))
    for y in range(size // 4):
        row = [leaf_position(y + j * size // 4, size) for j in range(4)]
        assert row == [4 * y, 4 * y + 1, 4 * y + 2, 4 * y + 3]


@given(st.binary(min_size=32, max_size=32), st.sampled_from([32, 128, 1024, 1 << 23]))
def test_drawn_indexes_are_in_the_domain_and_off_the_trace(seed: bytes, size: int) -> None:
    drawn = transcript.draw_indexes(seed, size, 16, 16)
    assert len(drawn) == 16
    assert all(0 < index < size and index % 16 for index in drawn)


def test_drawing_uses_the_seed_itself_first() -> None:
    first = transcript.draw_indexes(bytes(28) + b"\0\0\0\x11", 1024, 16, 16)
    assert first[:8] == [1] * 7 + [0x11 + 1 + 1]


@given(st.lists(st.integers(0, 63), min_size=1, max_size=12), st.data())
def test_openings(indexes: list[int], data: st.DataObject) -> None:
    values = to_bytes(list(range(100, 164)))
    root = tree_root(values)
    openings = full_branches(values, indexes)
    verify_openings(root, 64, indexes, openings, "here")
    for index, leaf, path in zip(indexes, openings.leaves, openings.siblings, strict=True):
        assert climb(leaf, leaf_position(index, 64), path) == root
    branch = data.draw(st.integers(0, len(indexes) - 1))
    level = data.draw(st.integers(0, depth_of(64)))
    wrong = b"\x01" * 32
    if level == depth_of(64):
        leaves = list(openings.leaves)
        leaves[branch] = wrong
        changed = replace(openings, leaves=tuple(leaves))
    else:
        siblings = [list(path) for path in openings.siblings]
        siblings[branch][level] = wrong
        changed = replace(openings, siblings=tuple(tuple(path) for path in siblings))
    with pytest.raises(Invalid):
        verify_openings(root, 64, indexes, changed, "here")


def test_openings_with_what_is_derivable_left_out() -> None:
    values = to_bytes(list(range(64)))
    root = tree_root(values)
    indexes = [0, 16, 32, 48]  # four leaves side by side
    full = full_branches(values, indexes)
    kept = (("", "", *full.siblings[0][2:]), *((("",) * 6,) * 3))
    lean = Openings(full.leaves, tuple(tuple(s or b"" for s in path) for path in kept))
    verify_openings(root, 64, indexes, lean, "here")
    empty = Openings(full.leaves, ((b"",) * 6,) * 4)
    with pytest.raises(Malformed) as caught:
        verify_openings(root, 64, indexes, empty, "here")
    assert caught.value.reason == "missing-node"


def test_openings_of_the_wrong_shape() -> None:
    values = to_bytes(list(range(64)))
    root = tree_root(values)
    full = full_branches(values, [1, 2])
    short = replace(full, siblings=tuple(path[:-1] for path in full.siblings))
    for indexes, openings in (([1], full), ([1, 2, 3], full), ([1, 2], short)):
        with pytest.raises(Malformed) as caught:
            verify_openings(root, 64, indexes, openings, "here")
        assert caught.value.reason == "bad-length"


@pytest.mark.parametrize(("size", "bound"), [(128, 32), (256, 64), (1024, 256)])
def test_low_degree_proof_of_an_honest_prover(size: int, bound: int) -> None:
    coefficients = [pow(7, i, P) for i in range(bound)]
    values = values_on_domain(coefficients, size)
    proof = prove_low_degree(values, bound)
    verify(values, bound, proof)


def test_too_high_a_degree_is_seen() -> None:
    values = values_on_domain([pow(7, i, P) for i in range(65)], 256)
    with pytest.raises(Invalid) as caught:
        verify(values, 64, prove_low_degree(values, 64))
    assert caught.value.reason == "fri-degree"


def test_a_column_that_is_not_the_fold_is_seen() -> None:
    values = values_on_domain([3, 1, 4, 1, 5], 128)
    other = prove_low_degree(values_on_domain([3, 1, 4, 1, 6], 128), 32)
    honest = prove_low_degree(values, 32)
    indexes = transcript.draw_indexes(other.layers[0].root, 32, 16, 16)
    fours = [index + j * 32 for index in indexes for j in range(4)]
    layer = replace(other.layers[0], rows=full_branches(to_bytes(values), fours))
    with pytest.raises(Invalid) as caught:
        verify(values, 32, LowDegreeProof((layer,), other.last))
    assert caught.value.reason == "fri-fold"
    with pytest.raises(Invalid) as caught:
        verify(values, 32, replace(honest, last=other.last))
    assert caught.value.reason == "root-inconsistent"


def test_number_of_layers_and_last_length_are_fixed() -> None:
    values = values_on_domain([2, 7, 1], 256)
    proof = prove_low_degree(values, 64)
    for wrong in (
        replace(proof, layers=proof.layers[:-1]),
        replace(proof, layers=(*proof.layers, proof.layers[-1])),
        replace(proof, last=proof.last[:16]),
        replace(proof, last=()),
    ):
        with pytest.raises(Malformed) as caught:
            verify(values, 64, wrong)
        assert caught.value.reason == "fri-layers"


def test_work_is_counted_in_leading_zero_bits() -> None:
    root = bytes(32)
    for nonce in (n.to_bytes(32, "big") for n in range(50)):
        digest = keccak256(root + nonce)
        zeros = len(f"{int.from_bytes(digest, 'big'):0256b}".split("1")[0])
        assert transcript.work_bits(root, nonce) == zeros
