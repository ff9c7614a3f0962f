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
from trapdoor import Trapdoor, point1
from vectorfiles import file

from merkle_por.errors import Finding, Incomplete, Invalid, Malformed, UsageError
from merkle_por.zk import gnark, groth16
from merkle_por.zk.bn254 import layers
from merkle_por.zk.bn254.curve import GENERATOR1, GENERATOR2, add2, multiply2
from merkle_por.zk.bn254.fields import P, R
from merkle_por.zk.bn254.mcl import NOT_IN_GROUP
from merkle_por.zk.groth16 import Proof, Statement, VerifyingKey

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

TRAPDOORS = (Trapdoor(), Trapdoor(alpha=1002), Trapdoor(commitments=True))


def statements(count: int, bad: set[int]) -> Iterator[Statement[int]]:
    """True proofs under three keys in turn, one of them with commitments; the bad ones claim
    another public input."""
    for label in range(count):
        trapdoor = TRAPDOORS[label % 3]
        inputs = (label, 2 * label + 1)[: 1 if trapdoor.commitments else 2]
        proof = trapdoor.prove(inputs, label + 2, label % 7 + 3)
        if label in bad:
            inputs = (inputs[0] + 1, *inputs[1:])
        yield Statement(label, trapdoor.key, inputs, proof)


def test_own_proofs_verify(engine: layers.Layer) -> None:
    for one in statements(3, set()):
        groth16.verify(one.key, one.public_inputs, one.proof, engine=engine)
    (one,) = statements(1, {0})
    with pytest.raises(Invalid) as caught:
        groth16.verify(one.key, one.public_inputs, one.proof, engine=engine)
    assert caught.value.reason == "proof-rejected"


@pytest.mark.parametrize("bad", [set(), {8}, {3, 4}, set(range(9))], ids=lambda bad: str(len(bad)))
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
        replace(one, public_inputs=(one.public_inputs[0] + 1, *one.public_inputs[1:]))
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
    for chunk in (5, 100) if engine.name == "mcl" else (100,):
        found = [
            (label, type(finding).__name__.lower())
            for label, finding in groth16.failures(stream, chunk=chunk, engine=engine)
        ]
        assert found == expected


def test_failures_that_cancel_each_other_are_found(engine: layers.Layer) -> None:
    """Without random scalars, C + T in one proof and C - T in the next would hide each other."""
    stream = []
    for label, shift in enumerate((5, -5, 0, 0, 0)):
        inputs, a, b = (label, label), label + 2, label + 9
        c = TRAPDOORS[0].c(inputs, a, b, 0) + shift
        proof = replace(TRAPDOORS[0].prove(inputs, a, b), c=point1(c))
        stream.append(Statement(label, TRAPDOORS[0].key, inputs, proof))
    found = [label for label, _ in groth16.failures(stream, engine=engine)]
    assert found == [0, 1]


def test_commitments_that_cancel_each_other_are_found(engine: layers.Layer) -> None:
    """The same for the proofs of knowledge: they have random scalars of their own."""
    good = [one for one in statements(15, set()) if one.proof.commitments]
    shifted = []
    for one, shift in zip(good, (3, -3, 0, 0, 0), strict=True):
        committed = (one.label + 2) * 31 + 1
        pok = point1(-TRAPDOORS[2].sigma * committed + shift)
        shifted.append(replace(one, proof=replace(one.proof, pok=pok)))
    found = list(groth16.failures(shifted, engine=engine))
    assert [label for label, _ in found] == [good[0].label, good[1].label]
    assert {finding.reason for _, finding in found} == {"commitment-proof"}


def test_the_proof_of_knowledge_cannot_make_up_for_the_equation(engine: layers.Layer) -> None:
    """One random combination carries both equations: each must hold by itself."""
    one = next(one for one in statements(3, set()) if one.proof.commitments)
    for changed in (
        replace(one.proof, pok=None),
        replace(one.proof, commitments=(None,)),
        replace(one.proof, commitments=(None,), pok=None),
        replace(one.proof, c=point1(4711)),
    ):
        bad = replace(one, proof=changed)
        found = list(groth16.failures([*statements(2, set()), bad], engine=engine))
        assert [label for label, _ in found] == [one.label]
        with pytest.raises(Invalid):
            groth16.verify(bad.key, bad.public_inputs, bad.proof, engine=engine)


def test_points_outside_the_group_do_not_spoil_their_batch(engine: layers.Layer) -> None:
    stream = list(statements(8, {5}))
    outside = multiply2(P, NOT_IN_GROUP, 3)
    stream[2] = replace(stream[2], proof=replace(stream[2].proof, b=outside))
    found = [(label, finding.reason) for label, finding in groth16.failures(stream, engine=engine)]
    assert found == [(2, "subgroup"), (5, "proof-rejected")]


def test_small_torsion_added_to_a_true_proof_is_found(engine: layers.Layer) -> None:
    """B plus a point of order 10069, the smallest prime that divides the twist's cofactor."""
    torsion = multiply2(P, NOT_IN_GROUP, R * ((2 * P - R) // 10069))
    assert torsion is not None
    assert multiply2(P, torsion, 10069) is None
    stream = list(statements(6, set()))
    b = add2(P, stream[0].proof.b, torsion)
    stream[0] = replace(stream[0], proof=replace(stream[0].proof, b=b))
    found = [(label, finding.reason) for label, finding in groth16.failures(stream, engine=engine)]
    assert found == [(0, "subgroup")]
    with pytest.raises(Invalid) as caught:
        groth16.verify(stream[0].key, stream[0].public_inputs, stream[0].proof, engine=engine)
    assert caught.value.reason == "subgroup"


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
