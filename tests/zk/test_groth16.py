"""Groth16 on every layer: the vectors of the official fork, and batches against single checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectorfiles import file

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed, UsageError
from merkle_por.zk import gnark, groth16
from merkle_por.zk.bn254 import layers
from merkle_por.zk.bn254.curve import GENERATOR1, GENERATOR2, multiply2, scale
from merkle_por.zk.bn254.fields import P, R
from merkle_por.zk.groth16 import Proof, Statement, VerifyingKey

WORKING = [name for name, why in layers.reasons().items() if why == "works"]

REASONS = {
    "pairing": "proof-rejected",
    "commitment": "proof-rejected",
    "commitment_pok": "commitment-proof",
    "commitment_count": "commitment-count",
    "subgroup": "subgroup",
    "vk_subgroup": "subgroup",
    "infinity": "infinity",
    "not_on_curve": "not-on-curve",
    "coordinate_range": "bad-point",
    "public_count": "public-input-count",
    "public_range": "public-input-range",
}


@cache
def cases() -> list[dict[str, Any]]:
    bundle = json.loads(file("made", "zk-primitives-bn254", "groth16.json").read_text())
    return bundle if isinstance(bundle, list) else next(iter(bundle.values()))


def load(case: dict[str, Any]) -> tuple[VerifyingKey, tuple[int, ...], Proof]:
    return (
        gnark.read_verifying_key(bytes.fromhex(case["vk"])),
        tuple(int(value) for value in case["public"]),
        gnark.read_proof(bytes.fromhex(case["proof"])),
    )


@pytest.fixture(params=layers.LAYERS)
def engine(request: pytest.FixtureRequest) -> layers.Layer:
    try:
        return layers.layer(request.param)
    except UsageError as error:
        pytest.skip(str(error.hints))


def test_vectors(engine: layers.Layer) -> None:
    assert len(cases()) >= 28
    for case in cases():
        try:
            groth16.verify(*load(case), engine=engine)
            answer, reason = "valid", None
        except Finding as finding:
            answer, reason = type(finding).__name__.lower(), finding.reason
        assert answer == case["expect"], case["name"]
        wanted = case["reason"]
        if wanted == "length":
            wanted = "key-length" if "vk" in case["name"] else "proof-length"
        assert reason == REASONS.get(wanted, wanted), case["name"]


# --- keys and proofs of our own, with a known trapdoor: as many as a test wants ---------------


@cache
def forge(trapdoor: int) -> VerifyingKey:
    """A key without commitments whose discrete logarithms are known (alpha = trapdoor, ...)."""
    multiples = [trapdoor % R, 17, 5, 3 * trapdoor % R, 11]
    alpha, k0, k1, k2 = scale(P, [GENERATOR1] * 4, [multiples[0], 17, 5, multiples[3]])
    assert alpha is not None
    assert k0 is not None
    assert k1 is not None
    assert k2 is not None
    seconds = [multiply2(P, GENERATOR2, n) for n in (7, 13, 19)]
    beta, gamma, delta = seconds
    assert beta is not None
    assert gamma is not None
    assert delta is not None
    return VerifyingKey(alpha, beta, gamma, delta, (k0, k1, k2))


def prove(trapdoor: int, inputs: tuple[int, int], seed: int) -> Proof:
    """c = (ab - alpha beta - s gamma) / delta in the exponents."""
    a, b = seed % 1000 + 2, seed % 77 + 3
    s = 17 + 5 * inputs[0] + 3 * trapdoor * inputs[1]
    c = (a * b - trapdoor * 7 - s * 13) * pow(19, -1, R) % R
    pa, pc = scale(P, [GENERATOR1] * 2, [a, c])
    return Proof(pa, multiply2(P, GENERATOR2, b), pc)


def statements(count: int, bad: set[int]) -> Iterator[Statement[int]]:
    for label in range(count):
        trapdoor = 1001 + label % 2
        inputs = (label, 2 * label + 1)
        proof = prove(trapdoor, inputs, label)
        if label in bad:
            inputs = (label, 2 * label + 2)
        yield Statement(label, forge(trapdoor), inputs, proof)


def test_own_proofs_verify(engine: layers.Layer) -> None:
    for one in statements(3, set()):
        groth16.verify(one.key, one.public_inputs, one.proof, engine=engine)
    (one,) = statements(1, {0})
    with pytest.raises(Invalid) as caught:
        groth16.verify(one.key, one.public_inputs, one.proof, engine=engine)
    assert caught.value.reason == "proof-rejected"


@pytest.mark.parametrize(
    "bad", [set(), {0}, {8}, {3, 4}, {0, 2, 4, 6, 8}, set(range(9))], ids=lambda bad: str(len(bad))
)
def test_batch_names_the_bad_ones(engine: layers.Layer, bad: set[int]) -> None:
    found = list(groth16.failures(statements(9, bad), engine=engine))
    assert [label for label, _ in found] == sorted(bad)
    assert {finding.reason for _, finding in found} <= {"proof-rejected"}


@settings(max_examples=12)
@given(bad=st.sets(st.integers(0, 11), max_size=12), chunk=st.integers(1, 13))
def test_chunks_do_not_change_the_answer(bad: set[int], chunk: int) -> None:
    found = groth16.failures(prepared(frozenset(bad)), chunk=chunk)
    assert [label for label, _ in found] == sorted(bad)


@cache
def _good() -> tuple[Statement[int], ...]:
    return tuple(statements(12, set()))


def prepared(bad: frozenset[int]) -> list[Statement[int]]:
    return [
        replace(one, public_inputs=(one.public_inputs[0] + 1, one.public_inputs[1]))
        if one.label in bad
        else one
        for one in _good()
    ]


def test_all_vectors_as_one_stream(engine: layers.Layer) -> None:
    """Every kind of fault in one batch with valid proofs, with commitments and several keys."""
    stream, expected = [], []
    keys: dict[str, VerifyingKey] = {}
    for case in cases():
        try:
            key, inputs, proof = load(case)
        except Malformed:
            continue
        stream.append(Statement(case["name"], keys.setdefault(case["vk"], key), inputs, proof))
        if case["expect"] != "valid":
            expected.append((case["name"], case["expect"]))
    for chunk in (5, 100):
        found = [
            (label, type(finding).__name__.lower())
            for label, finding in groth16.failures(stream, chunk=chunk, engine=engine)
        ]
        assert found == expected


def test_failures_that_cancel_each_other_are_found(engine: layers.Layer) -> None:
    """Without random scalars, C + T in one proof and C - T in the next would hide each other."""
    one, two = list(statements(3, set()))[::2]
    shifted = scale(P, [GENERATOR1] * 2, [_exponent(one) + 5, _exponent(two) - 5])
    stream = [
        replace(one, proof=replace(one.proof, c=shifted[0])),
        replace(two, proof=replace(two.proof, c=shifted[1])),
        *statements(3, set()),
    ]
    assert len(list(groth16.failures(stream, engine=engine))) == 2


def _exponent(one: Statement[int]) -> int:
    trapdoor = 1001 + one.label % 2
    s = 17 + 5 * one.public_inputs[0] + 3 * trapdoor * one.public_inputs[1]
    a, b = one.label % 1000 + 2, one.label % 77 + 3
    return (a * b - trapdoor * 7 - s * 13) * pow(19, -1, R)


def test_the_stream_is_read_chunk_by_chunk() -> None:
    read = []

    def stream() -> Iterator[Statement[int]]:
        for one in prepared(frozenset({1})):
            read.append(one.label)
            yield one

    label, _ = next(groth16.failures(stream(), chunk=3))
    assert label == 1
    assert read == [0, 1, 2]


def test_an_empty_stream_has_no_failures() -> None:
    assert list(groth16.failures([])) == []
    with pytest.raises(UsageError):
        list(groth16.failures([], chunk=0))


def test_scalars_are_fresh_and_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = groth16._random_scalars(50)
    assert len(set(drawn)) == 50
    values = iter([0, 1, 1 << 64])
    monkeypatch.setattr(groth16.secrets, "randbits", lambda bits: next(values))
    assert groth16._random_scalars(2) == [groth16.LAMBDA, 1]


def test_shapes_that_are_refused_before_any_pairing() -> None:
    (one,) = statements(1, set())
    key, inputs, proof = one.key, one.public_inputs, one.proof
    for changed, error, reason in [
        ((key, inputs[:1], proof), Malformed, "public-input-count"),
        ((key, (*inputs, 0), proof), Malformed, "public-input-count"),
        ((key, (inputs[0], R), proof), Malformed, "public-input-range"),
        ((key, (inputs[0], -1), proof), Malformed, "public-input-range"),
        ((key, inputs, replace(proof, has_tail=True)), Malformed, "proof-length"),
        ((key, inputs, replace(proof, commitments=(GENERATOR1,))), Invalid, "commitment-count"),
        ((key, inputs, replace(proof, pok=GENERATOR1)), Invalid, "commitment-proof"),
        ((key, inputs, replace(proof, a=None)), Invalid, "infinity"),
        ((key, inputs, replace(proof, b=None)), Invalid, "infinity"),
        ((key, inputs, replace(proof, c=None)), Invalid, "infinity"),
    ]:
        with pytest.raises(error) as caught:
            groth16.verify(*changed)
        assert caught.value.reason == reason


def test_two_commitments_are_incomplete_not_trusted() -> None:
    (one,) = statements(1, set())
    key = replace(
        one.key,
        k=one.key.k + one.key.k[:2],
        commitment_keys=((GENERATOR2, GENERATOR2),) * 2,
        committed=((), ()),
        has_tail=True,
    )
    proof = replace(one.proof, commitments=(GENERATOR1,) * 2, has_tail=True)
    with pytest.raises(Incomplete) as caught:
        groth16.verify(key, one.public_inputs, proof)
    assert caught.value.reason == "several-commitments"


def test_hash_to_field() -> None:
    bundle = json.loads(file("made", "zk-primitives-bn254", "hashes.json").read_text())
    assert bundle["hash_to_field"]
    for case in bundle["hash_to_field"]:
        value = groth16.hash_to_field(bytes.fromhex(case["msg_hex"]), case["dst"].encode())
        assert value == int(case["value"])


def test_expand_message_matches_rfc_9380() -> None:
    """RFC 9380 appendix K.1, SHA-256, messages "" and "abc", 32 bytes."""
    dst = b"QUUX-V01-CS02-with-expander-SHA256-128"
    assert groth16.expand_message_xmd(b"", dst, 32).hex() == (
        "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"
    )
    assert groth16.expand_message_xmd(b"abc", dst, 32).hex() == (
        "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"
    )
    with pytest.raises(ValueError):
        groth16.expand_message_xmd(b"", dst, 256 * 32)
