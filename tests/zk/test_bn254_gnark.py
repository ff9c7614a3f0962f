"""gnark's encodings: every deviation from the one canonical form is malformed."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trapdoor import Trapdoor, point1, point2
from vectorfiles import file, manifest

from merkle_por.errors import Finding, Malformed
from merkle_por.zk import gnark, groth16
from merkle_por.zk.bn254.curve import G1, G2, GENERATOR1, GENERATOR2, multiply2, negate1, negate2
from merkle_por.zk.bn254.fields import P
from merkle_por.zk.bn254.mcl import NOT_IN_GROUP
from merkle_por.zk.groth16 import Proof, VerifyingKey

HALF = (P - 1) // 2


def raw1(point: G1) -> bytes:
    return bytes(64) if point is None else point[0].to_bytes(32) + point[1].to_bytes(32)


def raw2(point: G2) -> bytes:
    if point is None:
        return bytes(128)
    x0, x1, y0, y1 = point
    return b"".join(value.to_bytes(32) for value in (x1, x0, y1, y0))


def flagged(data: bytes, flag: int) -> bytes:
    return bytes([data[0] | flag]) + data[1:]


def short1(point: G1) -> bytes:
    if point is None:
        return flagged(bytes(32), 0x40)
    return flagged(point[0].to_bytes(32), 0xC0 if point[1] > HALF else 0x80)


def short2(point: G2) -> bytes:
    if point is None:
        return flagged(bytes(64), 0x40)
    x0, x1, y0, y1 = point
    larger = y1 > HALF if y1 else y0 > HALF
    return flagged(x1.to_bytes(32) + x0.to_bytes(32), 0xC0 if larger else 0x80)


def proof_bytes(
    proof: Proof, one: Callable[[G1], bytes] = raw1, two: Callable[[G2], bytes] = raw2
) -> bytes:
    out = one(proof.a) + two(proof.b) + one(proof.c)
    if proof.has_tail:
        out += len(proof.commitments).to_bytes(4) + b"".join(map(one, proof.commitments))
        out += one(proof.pok)
    return out


def key_bytes(
    key: VerifyingKey, one: Callable[[G1], bytes] = raw1, two: Callable[[G2], bytes] = raw2
) -> bytes:
    out = one(key.alpha1) + one(GENERATOR1) + two(key.beta2) + two(key.gamma2)
    out += one(GENERATOR1) + two(key.delta2)
    out += len(key.k).to_bytes(4) + b"".join(map(one, key.k))
    if key.has_tail:
        out += len(key.committed).to_bytes(4)
        for covered in key.committed:
            out += len(covered).to_bytes(4) + b"".join(index.to_bytes(8) for index in covered)
        out += len(key.commitment_keys).to_bytes(4)
        out += b"".join(two(a) + two(b) for a, b in key.commitment_keys)
    return out


PLAIN, COMMITTED = Trapdoor(), Trapdoor(commitments=True)


@pytest.mark.parametrize("trapdoor", [PLAIN, COMMITTED], ids=["0.7", "0.10"])
@pytest.mark.parametrize("forms", [(raw1, raw2), (short1, short2), (raw1, short2)])
def test_proofs_and_keys_are_read_as_written(
    trapdoor: Trapdoor, forms: tuple[Callable[[G1], bytes], Callable[[G2], bytes]]
) -> None:
    inputs = (5, 6)[: 1 if trapdoor.commitments else 2]
    proof = trapdoor.prove(inputs, 11, 12)
    assert gnark.read_proof(proof_bytes(proof, *forms)) == proof
    assert gnark.read_verifying_key(key_bytes(trapdoor.key, *forms)) == trapdoor.key


def test_the_lengths_of_the_specification() -> None:
    inputs = (5, 6)
    assert len(proof_bytes(PLAIN.prove(inputs, 3, 4))) == 256
    assert len(proof_bytes(COMMITTED.prove(inputs[:1], 3, 4))) == 388
    assert len(proof_bytes(COMMITTED.prove(inputs[:1], 3, 4), short1, short2)) == 196


@settings(max_examples=25)
@given(st.integers(1, 2**80))
def test_compressed_points_come_back(scalar: int) -> None:
    first, second = point1(scalar), multiply2(P, GENERATOR2, scalar)
    for a in (first, negate1(first)):
        for b in (second, negate2(second)):
            proof = Proof(a, b, a)
            assert gnark.read_proof(proof_bytes(proof, short1, short2)) == proof


def test_infinity_is_read_in_both_forms() -> None:
    proof = Proof(None, None, None)
    assert gnark.read_proof(bytes(256)) == proof
    assert gnark.read_proof(proof_bytes(proof, short1, short2)) == proof


def proof_with(a: bytes = raw1(GENERATOR1), b: bytes = raw2(GENERATOR2)) -> bytes:
    return a + b + raw1(GENERATOR1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "proof-length"),
        (proof_with()[:-1], "proof-length"),
        (proof_with() + b"\0", "proof-length"),
        (proof_with() + bytes(4), "proof-length"),
        (proof_with() + bytes(4 + 65), "proof-length"),
        (proof_with() + b"\xff\xff\xff\xff" + bytes(64), "proof-length"),
        (bytes(5000), "proof-length"),
        (proof_with(a=P.to_bytes(32) + (2).to_bytes(32)), "bad-point"),
        (proof_with(a=(P + 1).to_bytes(32) + (2).to_bytes(32)), "bad-point"),
        (proof_with(a=(1).to_bytes(32) + (P + 2).to_bytes(32)), "bad-point"),
        (proof_with(a=flagged((P + 1).to_bytes(32), 0x80)), "bad-point"),
        (proof_with(a=flagged(bytes(31) + b"\1", 0x40)), "bad-point"),
        (proof_with(a=(1).to_bytes(32) + (3).to_bytes(32)), "not-on-curve"),
        (proof_with(a=(0).to_bytes(32) + (1).to_bytes(32)), "not-on-curve"),
        (proof_with(a=flagged((4).to_bytes(32), 0x80)), "not-on-curve"),
        (proof_with(b=raw2((1, 2, 3, 4))), "not-on-curve"),
        (proof_with(b=raw2((GENERATOR2[1], GENERATOR2[0], *GENERATOR2[2:]))), "not-on-curve"),
        (proof_with(b=raw2((GENERATOR2[0] + P, *GENERATOR2[1:]))), "bad-point"),
        (proof_with(b=flagged(bytes(63) + b"\1", 0x40)), "bad-point"),
    ],
)
def test_proofs_that_are_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        gnark.read_proof(data)
    assert caught.value.reason == reason


def test_a_point_outside_the_group_is_read_and_left_to_verification() -> None:
    proof = gnark.read_proof(proof_with(b=raw2(NOT_IN_GROUP)))
    assert proof.b == NOT_IN_GROUP


def changed(**fields: object) -> bytes:
    base = {name: getattr(COMMITTED.key, name) for name in VerifyingKey.__dataclass_fields__}
    return key_bytes(VerifyingKey(**{**base, **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "key-length"),
        (bytes(2**20 + 1), "key-length"),
        (key_bytes(PLAIN.key)[:-1], "key-length"),
        (key_bytes(PLAIN.key) + b"\0", "key-length"),
        (key_bytes(COMMITTED.key)[:-1], "key-length"),
        (key_bytes(COMMITTED.key) + b"\0", "key-length"),
        (changed(k=()), "bad-key"),
        (changed(k=COMMITTED.key.k[:1], commitment_keys=(), committed=((),)), "bad-key"),
        (changed(k=COMMITTED.key.k[:1], committed=((),)), "bad-key"),
        (changed(committed=((0,),)), "bad-key"),
        (changed(committed=((2,),)), "bad-key"),
        (changed(committed=((2**64 - 1,),)), "bad-key"),
        (changed(committed=()), "bad-key"),
        (changed(alpha1=None), "infinity"),
        (changed(gamma2=None), "infinity"),
        (changed(k=(None, *COMMITTED.key.k[1:])), "infinity"),
        (changed(beta2=NOT_IN_GROUP), "subgroup"),
        (changed(delta2=NOT_IN_GROUP), "subgroup"),
        (changed(commitment_keys=((GENERATOR2, NOT_IN_GROUP),)), "subgroup"),
        (changed(alpha1=(1, 3)), "not-on-curve"),
    ],
)
def test_keys_that_are_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        gnark.read_verifying_key(data)
    assert caught.value.reason == reason


TRAILER = b"Commitment" + bytes(20) + b"\x03\xff\x8a\x00"


def test_generation_0_7_2() -> None:
    data = bytes(264) + key_bytes(PLAIN.key)
    assert gnark.read_verifying_key(data + TRAILER) == PLAIN.key
    for trailer in (
        b"",
        b"\x03\xff\x8a\x00",
        TRAILER + b"\0",
        TRAILER[:-1] + b"\1",
        TRAILER[:-3] + b"\xfe\x8a\x00",
        b"Commitment" + bytes(300) + b"\x03\xff\x8a\x00",
    ):
        with pytest.raises(Malformed) as caught:
            gnark.read_verifying_key(data + trailer)
        assert caught.value.reason == "bad-key"


@settings(max_examples=80)
@given(st.data())
def test_junk_never_raises_anything_else(data: st.DataObject) -> None:
    key = bytearray(key_bytes(COMMITTED.key, short1, short2))
    proof = bytearray(proof_bytes(COMMITTED.prove((5,), 3, 4)))
    readers: list[tuple[bytearray, Callable[[bytes], VerifyingKey | Proof]]] = [
        (key, gnark.read_verifying_key),
        (proof, gnark.read_proof),
    ]
    for target, read in readers:
        place = data.draw(st.integers(0, len(target) - 1))
        value = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(target)))
        altered = bytes(target[:place]) + bytes([value]) + bytes(target[place + 1 :])
        for candidate in (altered, bytes(target[:cut])):
            try:
                found = read(candidate)
            except Malformed:
                continue
            # Whole, or cut just where a file of an older generation ends.
            assert len(candidate) == len(target) or not found.has_tail


AUDITS = ["binance-zk-v1", "binance-zk-v1b", "binance-zk-v2", "binance-zk-v3", "gate-zk", "htx-zk"]


@pytest.mark.parametrize("name", AUDITS)
def test_proofs_and_keys_of_made_audits(name: str) -> None:
    """Every row of every audit said to be valid, in one batch; junk proofs named one by one."""
    entries = [entry for entry in manifest("made", f"{name}/audit") if entry.data.get("args")]
    if not entries:
        pytest.skip(f"made/{name} is not on this machine (../shared/vectors)")
    checked = 0
    for entry in entries:
        if entry.data["expect"] != "valid" and "junk" not in entry.name:
            continue
        stream = list(rows(entry))
        found = list(groth16.failures(stream))
        checked += len(stream)
        if entry.data["expect"] == "valid":
            assert found == []
        else:
            assert [label for label, _ in found] == [one.label for one in stream]
    assert checked


def rows(entry: object) -> list[groth16.Statement[int]]:
    folder = entry.files[0].parent  # type: ignore[attr-defined]
    args = entry.data["args"]  # type: ignore[attr-defined]
    base = entry.folder  # type: ignore[attr-defined]
    out = []
    keys = {
        tier: gnark.read_verifying_key((base / path).read_bytes())
        for tier, path in args["verifying_keys"].items()
    }
    with (folder / "proof.csv").open() as text:
        for index, row in enumerate(csv.DictReader(text)):
            lower = {name.lower().replace("_", ""): value for name, value in row.items()}
            tier = lower.get("assetscount")
            key = keys[tier or "0"]
            public = (int.from_bytes(b64decode(lower["batchcommitment"])),)
            proof = gnark.read_proof(b64decode(lower["proofinfo"]))
            out.append(groth16.Statement(index, key, public, proof))
    return out


def test_proofs_and_keys_of_bitgo() -> None:
    data = json.loads(file("made", "bitgo-zk", "valid_1.json").read_text())["ProofInfo"]
    for part in ("BottomProof", "MiddleProof", "TopProof"):
        key = gnark.read_verifying_key(b64decode(data[part]["VerificationKey"]))
        public = tuple(
            int.from_bytes(b64decode(data[part][name]))
            for name in ("MerkleRoot", "MerkleRootWithAssetSumHash")
        )
        proof = gnark.read_proof(b64decode(data[part]["Proof"]))
        groth16.verify(key, public, proof)
        with pytest.raises(Finding):
            groth16.verify(key, public[::-1], proof)
    assert point2(1) == GENERATOR2
