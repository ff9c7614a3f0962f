"""Verifying a Plonky2 proof: transcript, identity, proof of work, FRI, in this order.

Everything the prover sends is absorbed before the challenge that depends on it; the order below
is the protocol (Plonky2's `get_challenges`).
"""

from __future__ import annotations

from collections.abc import Sequence

from merkle_por.errors import Invalid
from merkle_por.hashes.poseidon_goldilocks import Digest, hash_words
from merkle_por.zk.plonky2.circuit import Circuit, Dialect
from merkle_por.zk.plonky2.fri import FriChallenges, check_fri
from merkle_por.zk.plonky2.proof import Proof
from merkle_por.zk.plonky2.transcript import Transcript
from merkle_por.zk.plonky2.vanishing import Point, check_identity


def verify(circuit: Circuit, dialect: Dialect, proof: Proof, public_inputs: Sequence[int]) -> None:
    """Refuses a proof that does not hold for the circuit and the public inputs (below p).

    The circuit must have passed `check_circuit`, the proof come from `parse_proof` with it.
    Raises Invalid: constraint, proof-of-work, fri-fold, fri-degree, fri-merkle-path.
    """
    inputs_hash = hash_words(public_inputs)
    transcript = Transcript()
    point = _point(transcript, circuit, proof, inputs_hash)
    check_identity(circuit, proof.openings, point, inputs_hash)
    challenges = _fri_challenges(transcript, circuit, proof)
    check_fri(circuit, dialect, proof, challenges, point.zeta)


def _point(transcript: Transcript, circuit: Circuit, proof: Proof, inputs_hash: Digest) -> Point:
    rounds = circuit.config.challenges
    transcript.observe_digests([circuit.digest, inputs_hash, *proof.wires_cap])
    betas = transcript.challenges(rounds)
    gammas = transcript.challenges(rounds)
    transcript.observe_digests(proof.products_cap)
    alphas = transcript.challenges(rounds)
    transcript.observe_digests(proof.quotients_cap)
    zeta = transcript.extension_challenge()
    return Point(tuple(betas), tuple(gammas), tuple(alphas), zeta)


def _fri_challenges(transcript: Transcript, circuit: Circuit, proof: Proof) -> FriChallenges:
    opened = proof.openings
    for values in (
        opened.constants,
        opened.wiring,
        opened.wires,
        opened.products,
        opened.partial_products,
        opened.quotients,
        opened.next_products,
    ):
        transcript.observe_extension(values)
    alpha = transcript.extension_challenge()
    betas = []
    for cap in proof.layer_caps:
        transcript.observe_digests(cap)
        betas.append(transcript.extension_challenge())
    transcript.observe_extension(proof.final)
    transcript.observe([proof.pow_witness])
    work = transcript.challenge()
    if work >> (64 - circuit.fri.pow_bits):
        raise Invalid(
            "proof-of-work",
            f"the proof does not show {circuit.fri.pow_bits} bits of work",
            where="proof.opening_proof.pow_witness",
        )
    mask = (1 << circuit.height) - 1
    queries = tuple(word & mask for word in transcript.challenges(circuit.fri.queries))
    return FriChallenges(alpha, tuple(betas), queries)
