"""The normal form of a proof, and its strict reading from Plonky2's JSON.

The JSON is serde's form of `Proof`: every list has a length that follows from the circuit, which
is checked before its items are read. Numbers are 64-bit words and mean their residue mod p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from merkle_por.documents import Fields, kind_of
from merkle_por.errors import Malformed
from merkle_por.hashes.poseidon_goldilocks import DIGEST, Digest
from merkle_por.zk.goldilocks import Ext, P
from merkle_por.zk.plonky2.circuit import Circuit

_WORD = 2**64


@dataclass(frozen=True)
class Openings:
    """Values of all polynomials at zeta; next_products at zeta times the subgroup's root."""

    constants: tuple[Ext, ...]
    wiring: tuple[Ext, ...]
    wires: tuple[Ext, ...]
    products: tuple[Ext, ...]
    next_products: tuple[Ext, ...]
    partial_products: tuple[Ext, ...]
    quotients: tuple[Ext, ...]


@dataclass(frozen=True)
class Opened:
    """A leaf of a committed table (its words) and the siblings from it upwards."""

    words: tuple[int, ...]
    path: tuple[Digest, ...]


@dataclass(frozen=True)
class Query:
    """What the prover shows for one query: a leaf of each table, then one of each FRI layer."""

    tables: tuple[Opened, ...]
    layers: tuple[Opened, ...]


@dataclass(frozen=True)
class Proof:
    """A proof. layer_caps: commitments of the FRI layers; final: coefficients, lowest first."""

    wires_cap: tuple[Digest, ...]
    products_cap: tuple[Digest, ...]
    quotients_cap: tuple[Digest, ...]
    openings: Openings
    layer_caps: tuple[tuple[Digest, ...], ...]
    queries: tuple[Query, ...]
    final: tuple[Ext, ...]
    pow_witness: int


def parse_proof(value: object, circuit: Circuit, where: str = "proof") -> Proof:
    """A decoded JSON value in its normal form.

    Raises Malformed: proof-shape, bad-number, wrong-type, bad-keys, missing-field.
    """
    fields = Fields(value, where).only(
        "wires_cap",
        "plonk_zs_partial_products_cap",
        "quotient_polys_cap",
        "openings",
        "opening_proof",
    )
    fri = fields.object("opening_proof").only(
        "commit_phase_merkle_caps", "query_round_proofs", "final_poly", "pow_witness"
    )
    roots = 1 << circuit.fri.cap_height
    final = fri.object("final_poly").only("coeffs")
    final_bits = circuit.degree_bits - sum(circuit.reduction_bits)
    return Proof(
        wires_cap=_digests(fields, "wires_cap", roots),
        products_cap=_digests(fields, "plonk_zs_partial_products_cap", roots),
        quotients_cap=_digests(fields, "quotient_polys_cap", roots),
        openings=_openings(fields.object("openings"), circuit),
        layer_caps=tuple(
            _hashes(_array(cap, roots, place), place)
            for cap, place in _list(fri, "commit_phase_merkle_caps", len(circuit.reduction_bits))
        ),
        queries=tuple(
            _query(item, place, circuit)
            for item, place in _list(fri, "query_round_proofs", circuit.fri.queries)
        ),
        final=_extensions(final, "coeffs", 1 << final_bits),
        pow_witness=words([fri.get("pow_witness")], 1, fri.place("pow_witness"))[0],
    )


def words(value: object, count: int, where: str) -> tuple[int, ...]:
    """`count` 64-bit words, reduced mod p.

    Raises Malformed: proof-shape, bad-number, wrong-type.
    """
    return _reduced(_array(value, count, where), where)


def _reduced(values: Sequence[object], where: str) -> tuple[int, ...]:
    if set(map(type, values)) - {int}:
        wrong = next(item for item in values if type(item) is not int)
        raise Malformed(
            "bad-number", f"{kind_of(wrong)} where a 64-bit number must stand", where=where
        )
    numbers = cast("Sequence[int]", values)
    if min(numbers, default=0) < 0 or max(numbers, default=0) >= _WORD:
        raise Malformed("bad-number", "a number outside of 64 bits", where=where)
    return tuple(numbers) if max(numbers, default=0) < P else tuple(n % P for n in numbers)


def _array(value: object, count: int, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("wrong-type", f"{kind_of(value)} where an array must stand", where=where)
    if len(value) != count:
        raise Malformed(
            "proof-shape",
            "a list does not have the length that the circuit demands",
            where=where,
            expected=str(count),
            computed=str(len(value)),
        )
    return value


def _items(value: object, count: int, where: str) -> list[tuple[Any, str]]:
    return [(item, f"{where}[{i}]") for i, item in enumerate(_array(value, count, where))]


def _list(fields: Fields, key: str, count: int) -> list[tuple[Any, str]]:
    return _items(fields.get(key), count, fields.place(key))


def digest(value: object, where: str) -> Digest:
    """A hash in its JSON form {"elements": [4 words]}."""
    return _hashes([value], where)[0]


def _hashes(items: Sequence[object], where: str) -> tuple[Digest, ...]:
    elements = []
    for item in items:
        if type(item) is not dict or item.keys() != {"elements"}:
            raise Malformed("wrong-type", "not a hash: an object with just `elements`", where=where)
        elements.append(item["elements"])
    flat = _flattened(elements, DIGEST, where)
    return tuple(zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True))


def _flattened(lists: Sequence[object], length: int, where: str) -> tuple[int, ...]:
    """The words of several lists of `length` words, end to end."""
    values: list[object] = []
    for item in lists:
        values += _array(item, length, where)
    return _reduced(values, where)


def _digests(fields: Fields, key: str, count: int) -> tuple[Digest, ...]:
    where = fields.place(key)
    return _hashes(_array(fields.get(key), count, where), where)


def _path(value: object, count: int, where: str) -> tuple[Digest, ...]:
    return _digests(Fields(value, where).only("siblings"), "siblings", count)


def _pairs(fields: Fields, key: str, count: int) -> tuple[int, ...]:
    """`count` extension elements, two words each, end to end."""
    where = fields.place(key)
    return _flattened(_array(fields.get(key), count, where), 2, where)


def _extensions(fields: Fields, key: str, count: int) -> tuple[Ext, ...]:
    flat = _pairs(fields, key, count)
    return tuple(map(Ext, flat[::2], flat[1::2]))


def _openings(fields: Fields, circuit: Circuit) -> Openings:
    rounds = circuit.config.challenges
    counts = {
        "constants": circuit.constants,
        "plonk_sigmas": circuit.config.routed_wires,
        "wires": circuit.config.wires,
        "plonk_zs": rounds,
        "plonk_zs_next": rounds,
        "partial_products": rounds * circuit.partial_products,
        "quotient_polys": rounds * circuit.quotient_degree_factor,
    }
    fields.only(*counts)
    return Openings(*(_extensions(fields, key, count) for key, count in counts.items()))


def _query(value: object, where: str, circuit: Circuit) -> Query:
    fields = Fields(value, where).only("initial_trees_proof", "steps")
    initial = fields.object("initial_trees_proof").only("evals_proofs")
    widths = [sum(pair) for pair in zip(circuit.oracle_widths, circuit.salts, strict=True)]
    height = circuit.height - circuit.fri.cap_height
    tables = []
    for (pair, place), width in zip(
        _list(initial, "evals_proofs", len(widths)), widths, strict=True
    ):
        leaf, path = _array(pair, 2, place)
        tables.append(Opened(words(leaf, width, place), _path(path, height, place)))
    layers = []
    steps = _list(fields, "steps", len(circuit.reduction_bits))
    for (step, place), bits in zip(steps, circuit.reduction_bits, strict=True):
        height -= bits
        members = Fields(step, place).only("evals", "merkle_proof")
        values = _pairs(members, "evals", 1 << bits)
        layers.append(Opened(values, _path(members.get("merkle_proof"), height, place)))
    return Query(tuple(tables), tuple(layers))
