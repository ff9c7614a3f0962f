"""The Plonky2 engine piece by piece: gates, transcript, FRI folding and a whole small FRI."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import Any

import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges.okx.plonky2_circuit import DIALECT
from merkle_por.hashes.poseidon_goldilocks import (
    compress,
    linear_layer,
    permute_dense,
    round_constants,
)
from merkle_por.zk.goldilocks import (
    GENERATOR,
    Ext,
    P,
    inverse,
    reduce_with_powers,
    reverse_bits,
    root_of_unity,
)
from merkle_por.zk.plonky2 import fri, gates
from merkle_por.zk.plonky2.circuit import (
    Circuit,
    Dialect,
    FriConfig,
    check_circuit,
    circuit_digest,
    parse_circuit,
    reductions,
)
from merkle_por.zk.plonky2.proof import Opened, Openings, Proof, Query
from merkle_por.zk.plonky2.reader import Reader
from merkle_por.zk.plonky2.transcript import Transcript

ELEMENTS = st.integers(0, P - 1)
EXTENSIONS = st.builds(Ext, ELEMENTS, ELEMENTS)
WEIGHTS = tuple(pow(root_of_unity(4), i, P) * inverse(16) % P for i in range(16))
GATES = [
    gates.Noop(),
    gates.PoseidonMds(),
    gates.PublicInput(),
    gates.BaseSum(63),
    gates.LowDegreeInterpolation(4),
    gates.RandomAccess(1, 20, 0),
    gates.ReducingExtension(32),
    gates.Reducing(43),
    gates.ArithmeticExtension(10),
    gates.Arithmetic(20),
    gates.MulExtension(13),
    gates.Exponentiation(66),
    gates.RandomAccess(4, 4, 2),
    gates.Poseidon(),
    gates.Constant(2),
    gates.CosetInterpolation(4, 16, WEIGHTS),
]


def element(pair: list[str]) -> Ext:
    return Ext(int(pair[0]), int(pair[1]))


@cache
def known_answers() -> dict[str, Any]:
    path = vectorfiles.file("made", "okx-plonky2", "gate_kat.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("position", range(len(GATES)), ids=lambda i: type(GATES[i]).__name__)
def test_gate_at_a_random_point(position):
    known = known_answers()
    assert len(known["gates"]) == len(GATES)
    gate, answer = GATES[position], known["gates"][position]
    assert answer["gate"].startswith(type(gate).__name__)
    values = gate.evaluate(
        [element(wire) for wire in known["wires"]],
        [element(constant) for constant in known["constants"]],
        [int(word) for word in known["public_inputs_hash"]],
    )
    assert values == [element(value) for value in answer["out"]]
    assert len(values) == gate.constraints


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: type(gate).__name__)
def test_a_gate_reads_no_more_than_it_says(gate):
    wires = [Ext(i + 3, i) for i in range(gate.wires)]
    constants = [Ext(5)] * gate.constants
    assert len(gate.evaluate(wires, constants, [1, 2, 3, 4])) == gate.constraints
    assert gate.is_sound()


def poseidon_row(start: list[int]) -> list[int]:
    """A satisfied row without swap: inputs, outputs, swap and differences, S-box inputs."""
    inputs: list[int] = []
    state = list(start)
    for number, constants in enumerate(round_constants()):
        state = [(x + c) % P for x, c in zip(state, constants, strict=True)]
        active = 1 if 4 <= number < 26 else 12
        if number:
            inputs += state[:active]
        state[:active] = [pow(x, 7, P) for x in state[:active]]
        state = [x % P for x in linear_layer(state)]
    assert state == permute_dense(start)
    return [*start, *state, *[0] * 5, *inputs]


def test_the_poseidon_gate_holds_for_a_permutation_and_nothing_else():
    row = poseidon_row(list(range(1, 13)))
    gate = gates.Poseidon()
    assert len(row) == gate.wires == 135
    assert not any(gate.evaluate([Ext(x) for x in row], [], []))
    for wire in range(gate.wires):
        wrong = [Ext(x + (i == wire)) for i, x in enumerate(row)]
        assert any(gate.evaluate(wrong, [], []))


def test_random_access_picks_the_entry():
    gate = gates.RandomAccess(2, 1, 1)
    entries = [Ext(10), Ext(11), Ext(12), Ext(13)]
    constant = Ext(99)
    for index in range(4):
        bits = [Ext(index & 1), Ext(index >> 1)]
        wires = [Ext(index), entries[index], *entries, constant, *bits]
        assert not any(gate.evaluate(wires, [constant], []))
        wires[1] = Ext(14)
        assert any(gate.evaluate(wires, [constant], []))


@pytest.mark.parametrize(
    "gate",
    [
        gates.Exponentiation(0),
        gates.Reducing(0),
        gates.ReducingExtension(0),
        gates.RandomAccess(200, 1, 0),
        gates.LowDegreeInterpolation(0),
        gates.LowDegreeInterpolation(200),
        gates.CosetInterpolation(200, 255, ()),
        gates.CosetInterpolation(4, 6, WEIGHTS),
        gates.CosetInterpolation(4, 16, WEIGHTS[:-1]),
        gates.CosetInterpolation(4, 16, (*WEIGHTS[1:], WEIGHTS[0])),
    ],
)
def test_parameters_that_no_gate_can_have(gate):
    assert not gate.is_sound()


# Transcript.


def test_transcript_squeezes_from_the_end():
    transcript = Transcript()
    transcript.observe(range(1, 11))
    first = permute_dense([*range(1, 9), 0, 0, 0, 0])
    second = permute_dense([9, 10, *first[2:]])
    assert transcript.challenges(8) == second[:8][::-1]
    assert transcript.challenge() == permute_dense(second)[7]


def test_observing_throws_unused_output_away():
    transcript = Transcript()
    transcript.observe([1])
    first = permute_dense([1] + [0] * 11)
    assert transcript.challenge() == first[7]
    transcript.observe([2])
    second = permute_dense([2, *first[1:]])
    assert transcript.extension_challenge() == Ext(second[7], second[6])


# Verifier data.


@cache
def verifier_data() -> bytes:
    path = vectorfiles.file("made", "okx-plonky2", "global/n64_verifier_data.hex")
    return bytes.fromhex(path.read_text())


def test_the_test_circuit():
    circuit = parse_circuit(verifier_data(), DIALECT)
    check_circuit(circuit)
    assert circuit.degree_bits == 18
    assert circuit.groups == ((0, 7), (7, 11), (11, 13))
    assert circuit.oracle_widths == (85, 135, 20, 16)
    assert circuit.reduction_bits == (4, 4, 4, 4)


@pytest.mark.parametrize(
    ("degree_bits", "wanted"), [(18, (4,) * 4), (15, (4,) * 3), (19, (4,) * 4), (5, ()), (6, (4,))]
)
def test_reductions(degree_bits, wanted):
    assert reductions(degree_bits, FriConfig(3, 1, 28, 16, (1, 4, 5))) == wanted


def test_reductions_that_never_end():
    assert reductions(18, FriConfig(3, 1, 28, 16, (1, 0, 5))) is None
    assert reductions(18, FriConfig(3, 1, 28, 16, (0, 4, 4))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"degree_bits": 30},
        {"degree_bits": 0},
        {"reduction_bits": (4, 4, 4)},
        {"reduction_bits": (8, 4, 4)},
        {"hiding": False},
        {"selectors": (0,) * 13},
        {"groups": ((0, 7), (7, 11), (11, 14))},
        {"groups": ((0, 7), (8, 11), (11, 13))},
        {"groups": ((0, 7), (7, 7), (7, 13))},
        {"groups": ()},
        {"constants": 4},
        {"gate_constraints": 122},
        {"gate_constraints": 124},
        {"quotient_degree_factor": 7},
        {"partial_products": 8},
        {"wire_shifts": (1,) * 80},
        {"wire_shifts": ()},
        {"gates": ()},
        {"cap": ((0, 0, 0, 0),)},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_circuits_that_contradict_themselves(changes):
    circuit = dataclasses.replace(parse_circuit(verifier_data(), DIALECT), **changes)
    with pytest.raises(Invalid) as caught:
        check_circuit(circuit)
    assert caught.value.reason == "weak-verifier-data"


def test_the_digest_is_the_hash_of_the_commitment():
    circuit = parse_circuit(verifier_data(), DIALECT)
    assert circuit_digest(circuit) == circuit.digest
    other = dataclasses.replace(circuit, digest=(1, 2, 3, 4))
    with pytest.raises(Invalid) as caught:
        check_circuit(other)
    assert caught.value.reason == "verifier-data-digest"


def test_a_gate_that_the_dialect_does_not_have_is_refused():
    few = Dialect({tag: read for tag, read in DIALECT.gates.items() if tag != 13}, True)
    with pytest.raises(Malformed):
        parse_circuit(verifier_data(), few)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_cleanly(data):
    with pytest.raises(Malformed):
        parse_circuit(data, DIALECT)


@given(st.integers(0, 1300), st.binary(min_size=1, max_size=8))
@settings(max_examples=150)
def test_overwritten_verifier_data_are_refused_or_equal(at, junk):
    data = bytearray(verifier_data())
    data[at : at + len(junk)] = junk
    try:
        circuit = parse_circuit(bytes(data[: len(verifier_data())]), DIALECT)
        check_circuit(circuit)
    except (Malformed, Invalid):
        return
    # What the digest does not bind must at least be read back as it is written.
    assert circuit.digest == parse_circuit(verifier_data(), DIALECT).digest


def test_numbers_of_the_wrong_range():
    for data, read in (
        (b"\x02", Reader.boolean),
        (P.to_bytes(8, "little"), Reader.field),
        (b"\x01" * 7, Reader.u64),
        ((2**60).to_bytes(8, "little") + bytes(64), Reader.numbers),
    ):
        with pytest.raises(Malformed):
            read(Reader(data))


# FRI.


@given(st.lists(EXTENSIONS, min_size=16, max_size=16), st.integers(1, P - 1), EXTENSIONS)
@settings(max_examples=20)
def test_folding_evaluates_the_polynomial_through_the_values(coefficients, start, beta):
    root = root_of_unity(4)
    points = [start * pow(root, reverse_bits(j, 4), P) % P for j in range(16)]
    values = [reduce_with_powers(coefficients, Ext(point)) for point in points]
    folded = fri.fold([v.a for v in values], [v.b for v in values], start, beta)
    assert folded == reduce_with_powers(coefficients, beta)


def test_short_leaves_are_their_own_hash():
    assert fri.leaf_digests([(1, 2), (3, 4)]) == [(1, 2, 0, 0), (3, 4, 0, 0)]


class Tree:
    """A Merkle tree as the prover builds it, cut at `height` levels above the cap."""

    def __init__(self, leaves: list[tuple[int, ...]], cap_height: int) -> None:
        self.levels = [fri.leaf_digests(leaves)]
        while len(self.levels[-1]) > 1 << cap_height:
            level = self.levels[-1]
            self.levels.append([compress(*level[i : i + 2]) for i in range(0, len(level), 2)])
        self.leaves = leaves

    @property
    def cap(self) -> tuple[Any, ...]:
        return tuple(self.levels[-1])

    def opened(self, index: int) -> Opened:
        path = [level[index >> k ^ 1] for k, level in enumerate(self.levels[:-1])]
        return Opened(self.leaves[index], tuple(path))


DEGREE_BITS, RATE_BITS, ARITY_BITS = 5, 2, 2
HEIGHT = DEGREE_BITS + RATE_BITS


def small_circuit() -> Circuit:
    """Sizes only: FRI looks at nothing else."""
    circuit = parse_circuit(verifier_data(), DIALECT)
    sizes = FriConfig(RATE_BITS, 1, 6, 0, (1, ARITY_BITS, 1))
    return dataclasses.replace(
        circuit,
        config=dataclasses.replace(
            circuit.config, wires=2, routed_wires=1, challenges=1, fri=sizes
        ),
        fri=sizes,
        degree_bits=DEGREE_BITS,
        reduction_bits=(ARITY_BITS, ARITY_BITS),
        hiding=False,
        constants=1,
        partial_products=1,
        quotient_degree_factor=1,
    )


def small_proof(
    circuit: Circuit, dialect: Dialect, seed: int, extra: int = 0
) -> tuple[Circuit, Proof, fri.FriChallenges, Ext]:
    """An honest prover of FRI for 7 random polynomials; `extra` raises the degree of one."""
    chance = st_random(seed)
    draw = lambda: chance.randrange(P)  # noqa: E731
    alpha, zeta = Ext(draw(), draw()), Ext(draw(), draw())
    betas = (Ext(draw(), draw()), Ext(draw(), draw()))
    size = 1 << DEGREE_BITS
    polynomials = [[draw() for _ in range(size)] for _ in range(7)]
    polynomials[3] += [draw() for _ in range(extra)]
    widths = circuit.oracle_widths
    root = root_of_unity(HEIGHT)
    xs = [GENERATOR * pow(root, reverse_bits(i, HEIGHT), P) % P for i in range(1 << HEIGHT)]
    rows = [[evaluate(polynomial, Ext(x)).a for polynomial in polynomials] for x in xs]
    trees, first = [], 0
    for width in widths:
        trees.append(Tree([tuple(row[first : first + width]) for row in rows], 1))
        first += width
    at_zeta = [evaluate(polynomial, zeta) for polynomial in polynomials]
    next_zeta = zeta.scale(root_of_unity(DEGREE_BITS))
    products = polynomials[4]  # the first column of table 2
    at_next = evaluate(products, next_zeta)
    claims = reduce_with_powers(at_zeta, alpha)
    values = []
    for x, row in zip(xs, rows, strict=True):
        whole = reduce_with_powers([Ext(word) for word in row], alpha)
        value = (whole - claims) * (Ext(x) - zeta).inverse() * alpha
        value = value + (Ext(row[4]) - at_next) * (Ext(x) - next_zeta).inverse()
        values.append(value.scale(x) if dialect.combination_times_x else value)
    layers = []
    step = 1 << ARITY_BITS
    for beta in betas:
        groups = [values[i : i + step] for i in range(0, len(values), step)]
        layers.append(Tree([tuple(w for v in group for w in (v.a, v.b)) for group in groups], 1))
        values = [
            fri.fold([v.a for v in group], [v.b for v in group], xs[step * i], beta)
            for i, group in enumerate(groups)
        ]
        xs = [pow(xs[step * i], step, P) for i in range(len(groups))]
    final = interpolate(xs[:2], values[:2])
    queries = tuple(chance.randrange(1 << HEIGHT) for _ in range(circuit.fri.queries))
    shown = tuple(
        Query(
            tuple(tree.opened(index) for tree in trees),
            tuple(tree.opened(index >> ARITY_BITS * (k + 1)) for k, tree in enumerate(layers)),
        )
        for index in queries
    )
    opened = Openings(
        tuple(at_zeta[:1]),
        tuple(at_zeta[1:2]),
        tuple(at_zeta[2:4]),
        tuple(at_zeta[4:5]),
        (at_next,),
        tuple(at_zeta[5:6]),
        tuple(at_zeta[6:]),
    )
    proof = Proof(
        trees[1].cap,
        trees[2].cap,
        trees[3].cap,
        opened,
        tuple(tree.cap for tree in layers),
        shown,
        final,
        0,
    )
    circuit = dataclasses.replace(circuit, cap=trees[0].cap)
    return circuit, proof, fri.FriChallenges(alpha, betas, queries), zeta


def st_random(seed: int) -> Any:
    import random

    return random.Random(seed)


def evaluate(coefficients: list[int], point: Ext) -> Ext:
    return reduce_with_powers([Ext(c) for c in coefficients], point)


def interpolate(xs: list[int], values: list[Ext]) -> tuple[Ext, Ext]:
    slope = (values[1] - values[0]).scale(inverse(xs[1] - xs[0]))
    return values[0] - slope.scale(xs[0]), slope


@pytest.mark.parametrize("times_x", [True, False])
def test_a_whole_small_fri(times_x):
    dialect = Dialect({}, times_x)
    circuit, proof, challenges, zeta = small_proof(small_circuit(), dialect, seed=1)
    fri.check_fri(circuit, dialect, proof, challenges, zeta)
    with pytest.raises(Invalid):  # the two dialects are not interchangeable
        fri.check_fri(circuit, Dialect({}, not times_x), proof, challenges, zeta)


def test_a_polynomial_of_too_high_degree_is_refused():
    dialect = Dialect({}, False)
    circuit, proof, challenges, zeta = small_proof(small_circuit(), dialect, seed=2, extra=40)
    with pytest.raises(Invalid) as caught:
        fri.check_fri(circuit, dialect, proof, challenges, zeta)
    assert caught.value.reason == "fri-degree"


def test_another_claim_is_refused():
    dialect = Dialect({}, False)
    circuit, proof, challenges, zeta = small_proof(small_circuit(), dialect, seed=3)
    for name in ("wires", "next_products", "quotients"):
        values = getattr(proof.openings, name)
        wrong = (values[0] + Ext(1), *values[1:])
        openings = dataclasses.replace(proof.openings, **{name: wrong})
        changed = dataclasses.replace(proof, openings=openings)
        with pytest.raises(Invalid) as caught:
            fri.check_fri(circuit, dialect, changed, challenges, zeta)
        assert caught.value.reason == "fri-fold"


def test_every_cap_counts():
    dialect = Dialect({}, True)
    circuit, proof, challenges, zeta = small_proof(small_circuit(), dialect, seed=4)
    nothing = ((0, 0, 0, 0),) * 2
    for name in ("wires_cap", "products_cap", "quotients_cap"):
        changed = dataclasses.replace(proof, **{name: nothing})
        with pytest.raises(Invalid) as caught:
            fri.check_fri(circuit, dialect, changed, challenges, zeta)
        assert caught.value.reason == "fri-merkle-path"
    with pytest.raises(Invalid):
        fri.check_paths(dataclasses.replace(circuit, cap=nothing), proof, challenges.queries)
    for layer in range(2):
        caps = [*proof.layer_caps]
        caps[layer] = nothing
        changed = dataclasses.replace(proof, layer_caps=tuple(caps))
        with pytest.raises(Invalid):
            fri.check_paths(circuit, changed, challenges.queries)


def test_a_query_on_the_opened_point_is_refused():
    dialect = Dialect({}, True)
    circuit, proof, challenges, _ = small_proof(small_circuit(), dialect, seed=5)
    index = challenges.queries[0]
    x = GENERATOR * pow(root_of_unity(HEIGHT), reverse_bits(index, HEIGHT), P) % P
    with pytest.raises(Invalid):
        fri.check_fri(circuit, dialect, proof, challenges, Ext(x))
