"""FRI: the committed tables are polynomials of low degree, with the claimed values at zeta.

Every query opens one leaf of each table, combines it with all claims into one value of one
polynomial, and follows that through the folded layers down to the final polynomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from merkle_por.errors import Invalid
from merkle_por.hashes.poseidon_goldilocks import DIGEST, Digest, climb_many, hash_many
from merkle_por.zk.goldilocks import (
    GENERATOR,
    NON_RESIDUE,
    Ext,
    P,
    PowerSum,
    inverse,
    reduce_with_powers,
    reverse_bits,
    root_of_unity,
)
from merkle_por.zk.plonky2.circuit import Circuit, Dialect
from merkle_por.zk.plonky2.proof import Opened, Proof

_HALF = (P + 1) // 2
PRODUCTS_TABLE = 2  # of the four tables; its first columns are opened at a second point


@dataclass(frozen=True)
class FriChallenges:
    """alpha combines polynomials; betas fold the layers; queries are indexes of leaves."""

    alpha: Ext
    betas: tuple[Ext, ...]
    queries: tuple[int, ...]


def check_fri(
    circuit: Circuit, dialect: Dialect, proof: Proof, challenges: FriChallenges, zeta: Ext
) -> None:
    """Raises Invalid: fri-fold, fri-degree, fri-merkle-path."""
    _check_values(circuit, dialect, proof, challenges, zeta)
    check_paths(circuit, proof, challenges.queries)


def check_paths(circuit: Circuit, proof: Proof, queries: Sequence[int]) -> None:
    """Every opened leaf lies in the tree that the prover committed to (fri-merkle-path)."""
    caps = (circuit.cap, proof.wires_cap, proof.products_cap, proof.quotients_cap)
    for table, cap in enumerate(caps):
        leaves = [query.tables[table] for query in proof.queries]
        _check_tree(leaves, queries, cap, f"evals_proofs[{table}]")
    indexes = list(queries)
    for layer, (cap, bits) in enumerate(zip(proof.layer_caps, circuit.reduction_bits, strict=True)):
        indexes = [index >> bits for index in indexes]
        leaves = [query.layers[layer] for query in proof.queries]
        _check_tree(leaves, indexes, cap, f"steps[{layer}]")


def leaf_digests(leaves: Sequence[Sequence[int]]) -> list[Digest]:
    """Hashes of leaves of one width; up to four words are their own hash."""
    if len(leaves[0]) > DIGEST:
        return hash_many(leaves)
    padded = [(*leaf, *[0] * (DIGEST - len(leaf))) for leaf in leaves]
    return [(a, b, c, d) for a, b, c, d in padded]


def _check_tree(
    leaves: Sequence[Opened], indexes: Sequence[int], cap: Sequence[Digest], what: str
) -> None:
    nodes = leaf_digests([leaf.words for leaf in leaves])
    roots = climb_many(nodes, indexes, [leaf.path for leaf in leaves])
    depth = len(leaves[0].path)
    for number, (root, index) in enumerate(zip(roots, indexes, strict=True)):
        if root != cap[index >> depth]:
            raise Invalid(
                "fri-merkle-path",
                "an opened value is not in the tree that the proof committed to",
                where=f"query_round_proofs[{number}].{what}",
            )


def _check_values(
    circuit: Circuit, dialect: Dialect, proof: Proof, challenges: FriChallenges, zeta: Ext
) -> None:
    opened = proof.openings
    alpha = challenges.alpha
    at_zeta = reduce_with_powers(
        (
            *opened.constants,
            *opened.wiring,
            *opened.wires,
            *opened.products,
            *opened.partial_products,
            *opened.quotients,
        ),
        alpha,
    )
    at_next = reduce_with_powers(opened.next_products, alpha)
    widths = circuit.oracle_widths
    powers = PowerSum(alpha, sum(widths))
    second = alpha ** len(opened.next_products)
    next_zeta = zeta.scale(root_of_unity(circuit.degree_bits))
    root = root_of_unity(circuit.height)
    for number, (query, index) in enumerate(zip(proof.queries, challenges.queries, strict=True)):
        x = GENERATOR * pow(root, reverse_bits(index, circuit.height), P) % P
        values: list[int] = []
        for table, width in zip(query.tables, widths, strict=True):
            values += table.words[:width]
        products = query.tables[PRODUCTS_TABLE].words[: len(opened.next_products)]
        value = _quotient(powers.of(values) - at_zeta, x, zeta) * second
        value = value + _quotient(powers.of(products) - at_next, x, next_zeta)
        if dialect.combination_times_x:
            value = value.scale(x)
        _check_layers(circuit, proof, challenges, number, index, x, value)


def _quotient(value: Ext, x: int, point: Ext) -> Ext:
    # A point of the extension proper is never x; a point of the base field could be.
    difference = Ext((x - point.a) % P, -point.b % P)
    if not difference:
        raise Invalid("fri-fold", "a query falls on the opened point")
    return value * difference.inverse()


def _check_layers(
    circuit: Circuit,
    proof: Proof,
    challenges: FriChallenges,
    number: int,
    index: int,
    x: int,
    value: Ext,
) -> None:
    layers = proof.queries[number].layers
    for layer, bits in enumerate(circuit.reduction_bits):
        words = layers[layer].words
        within = index & ((1 << bits) - 1)
        if (value.a, value.b) != words[2 * within : 2 * within + 2]:
            raise Invalid(
                "fri-fold",
                "a layer does not continue the one before",
                where=f"query_round_proofs[{number}].steps[{layer}]",
            )
        # The leaf holds the values on the coset of x; its first point has index 0 within.
        start = x * pow(root_of_unity(bits), -reverse_bits(within, bits), P) % P
        value = fold(words[::2], words[1::2], start, challenges.betas[layer])
        x = pow(x, 1 << bits, P)
        index >>= bits
    if reduce_with_powers(proof.final, Ext(x)) != value:
        raise Invalid(
            "fri-degree",
            "the last layer is not the final polynomial",
            where=f"query_round_proofs[{number}]",
        )


@cache
def _inverse_points(bits: int) -> tuple[int, ...]:
    """1 / y for every other y of the subgroup of order 2^bits in bit-reversed order."""
    root = inverse(root_of_unity(bits))
    half = 1 << (bits - 1)
    return tuple(pow(root, reverse_bits(j, bits - 1), P) for j in range(half))


def fold(real: Sequence[int], imaginary: Sequence[int], start: int, beta: Ext) -> Ext:
    """The value at beta of the polynomial of degree < 2^bits through 2^bits values.

    real, imaginary: halves of the values at start * w^rev(j), j = 0.., rev reversing the bits of
    j, w of order 2^bits.
    """
    bits = len(real).bit_length() - 1
    halves = pow(_HALF, bits, P)
    scale = inverse(start)
    while bits:
        # Neighbours stand at y and -y; twice the even part is their sum, twice the odd part
        # their difference over y. The factor 2 of each step goes at the end (`halves`).
        a, b = beta.a * scale % P, beta.b * scale % P
        next_real, next_imaginary = [], []
        for i, inverse_point in enumerate(_inverse_points(bits)):
            u, v = real[2 * i], real[2 * i + 1]
            s, t = imaginary[2 * i], imaginary[2 * i + 1]
            c, d = u - v, s - t
            next_real.append((u + v + (a * c + NON_RESIDUE * b * d) * inverse_point) % P)
            next_imaginary.append((s + t + (a * d + b * c) * inverse_point) % P)
        real, imaginary = next_real, next_imaginary
        beta = beta * beta
        scale = scale * scale % P
        bits -= 1
    return Ext(real[0], imaginary[0]).scale(halves)
