"""The circuit's identity at zeta: every constraint, combined, is the quotient times X^n - 1.

PLONK with several challenges instead of an extension's one: the permutation argument runs once
for each (beta, gamma), and each alpha combines all terms of all runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from merkle_por.errors import Invalid
from merkle_por.hashes.poseidon_goldilocks import Digest
from merkle_por.zk.goldilocks import (
    ONE,
    ZERO,
    Ext,
    P,
    inverse,
    product,
    reduce_with_powers,
)
from merkle_por.zk.plonky2.circuit import Circuit
from merkle_por.zk.plonky2.proof import Openings

UNUSED_SELECTOR = 2**32 - 1  # a selector's value on rows whose gate is in another group


@dataclass(frozen=True)
class Point:
    """The challenges that the identity is checked with, one of each per round."""

    betas: tuple[int, ...]
    gammas: tuple[int, ...]
    alphas: tuple[int, ...]
    zeta: Ext


def check_identity(circuit: Circuit, openings: Openings, point: Point, inputs_hash: Digest) -> None:
    """Raises Invalid `constraint` where the opened values break the identity."""
    in_subgroup = point.zeta ** (1 << circuit.degree_bits)
    vanishing = in_subgroup - ONE
    if not vanishing or not point.zeta - ONE:
        raise Invalid("constraint", "the challenge lies in the circuit's own domain")
    first_row = vanishing * (point.zeta - ONE).inverse()
    first_row = first_row.scale(inverse(1 << circuit.degree_bits))
    terms = [
        *(first_row * (z - ONE) for z in openings.products),
        *permutation_terms(circuit, openings, point),
        *gate_terms(circuit, openings, inputs_hash),
    ]
    size = circuit.quotient_degree_factor
    for number, alpha in enumerate(point.alphas):
        parts = openings.quotients[number * size : (number + 1) * size]
        quotient = reduce_with_powers(parts, in_subgroup)
        if reduce_with_powers(terms, Ext(alpha)) != vanishing * quotient:
            raise Invalid(
                "constraint",
                "the opened values do not satisfy the circuit for these public inputs",
                where="proof.openings",
            )


def permutation_terms(circuit: Circuit, openings: Openings, point: Point) -> Iterator[Ext]:
    """For each round and chunk of wires: the running product moves on as the wiring demands."""
    size = circuit.quotient_degree_factor
    count = circuit.partial_products
    wires = openings.wires[: circuit.config.routed_wires]
    own = [point.zeta.scale(shift) for shift in circuit.wire_shifts]
    for number, (beta, gamma) in enumerate(zip(point.betas, point.gammas, strict=True)):
        shifted = [Ext((wire.a + gamma) % P, wire.b) for wire in wires]
        left = [w + x.scale(beta) for w, x in zip(shifted, own, strict=True)]
        right = [w + x.scale(beta) for w, x in zip(shifted, openings.wiring, strict=True)]
        running = [
            openings.products[number],
            *openings.partial_products[number * count : (number + 1) * count],
            openings.next_products[number],
        ]
        for chunk in range(count + 1):
            part = slice(chunk * size, (chunk + 1) * size)
            before = running[chunk] * product(left[part])
            yield before - running[chunk + 1] * product(right[part])


def gate_terms(circuit: Circuit, openings: Openings, inputs_hash: Sequence[int]) -> list[Ext]:
    """Slot t: over all gates, the filter that is zero on other gates' rows times constraint t."""
    constants = openings.constants[len(circuit.groups) :]
    slots = [ZERO] * circuit.gate_constraints
    for position, gate in enumerate(circuit.gates):
        factor = gate_filter(circuit, openings, position)
        values = gate.evaluate(openings.wires, constants, inputs_hash)
        for slot, value in enumerate(values):
            slots[slot] = slots[slot] + factor * value
    return slots


def gate_filter(circuit: Circuit, openings: Openings, position: int) -> Ext:
    """Zero where the selector of the gate's group names another gate, or none of the group."""
    group = circuit.selectors[position]
    selector = openings.constants[group]
    others = [other for other in range(*circuit.groups[group]) if other != position]
    if len(circuit.groups) > 1:
        others.append(UNUSED_SELECTOR)
    return product(Ext(other) - selector for other in others)
