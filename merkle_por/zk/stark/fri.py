"""FRI: that committed values lie near a polynomial of low degree, by folding four into one.

Rule: specs/okx-stark-v1.md section 4. Layer with root R over n points of generator w: the
challenge is s = R mod p, and the next column at y is the cubic through the four points
(w^(y + j n/4), value), j = 0..3, taken at s. The last column is given in clear.

The indexes are drawn once, from the first column's root, and only reduced afterwards: that is the
format's rule and a flaw (a prover fits the later layers to them), see the package's docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.errors import Invalid, Malformed
from merkle_por.zk.stark.commitment import FOLD, Openings, tree_root, verify_openings
from merkle_por.zk.stark.field import P, elements, is_low_degree, root_of_unity
from merkle_por.zk.stark.transcript import draw_indexes

_QUARTER = pow(FOLD, -1, P)


@dataclass(frozen=True)
class Layer:
    """One fold: root of the column, the column's values at the drawn points (one each), and the
    four values each of them is folded from (openings of the layer below)."""

    root: bytes
    column: Openings
    rows: Openings


@dataclass(frozen=True)
class LowDegreeProof:
    """layers: the folds in order. last: all values of the last column, 32 bytes each."""

    layers: tuple[Layer, ...]
    last: tuple[bytes, ...]


def layer_count(bound: int, last_bound: int) -> int:
    """Folds until a degree bound is at most `last_bound`."""
    count = 0
    while bound > last_bound:
        bound //= FOLD
        count += 1
    return count


def verify_low_degree(
    root: bytes,
    size: int,
    bound: int,
    proof: LowDegreeProof,
    *,
    queries: int,
    spacing: int,
    last_bound: int,
) -> None:
    """Checks that the values under `root` on `size` points fold down to degree < bound.

    queries: points looked at per layer. spacing: multiples of it are never looked at.
    Raises Malformed fri-layers (number of layers, length of the last), Invalid fri-fold,
    fri-degree, and what `verify_openings` raises.
    """
    if len(proof.layers) != layer_count(bound, last_bound):
        raise Malformed(
            "fri-layers",
            f"{len(proof.layers)} layers, {layer_count(bound, last_bound)} needed",
        )
    last_size = size // FOLD ** len(proof.layers)
    if len(proof.last) != last_size:
        raise Malformed("fri-layers", f"{len(proof.last)} last values, {last_size} needed")
    indexes: list[int] = []
    for number, layer in enumerate(proof.layers, 1):
        quarter = size // FOLD
        if number == 1:
            indexes = draw_indexes(layer.root, quarter, queries, spacing)
        else:
            indexes = [index % quarter for index in indexes]
        _verify_layer(root, size, indexes, layer, f"low degree, layer {number}")
        root, size, bound = layer.root, quarter, bound // FOLD
    if tree_root(proof.last) != root:
        raise Invalid(
            "root-inconsistent",
            "the last values are not those committed to",
            where="low degree, last layer",
            expected=root.hex(),
        )
    seen = [index for index in range(size) if index % spacing]
    generator = root_of_unity(size)
    points = [pow(generator, index, P) for index in seen]
    values = elements(b"".join(proof.last))
    if not is_low_degree(points, [values[index] for index in seen], bound):
        raise Invalid(
            "fri-degree",
            f"the last values do not lie on one polynomial of degree below {bound}",
            where="low degree, last layer",
        )


def _verify_layer(root: bytes, size: int, indexes: list[int], layer: Layer, where: str) -> None:
    quarter = size // FOLD
    fours = [index + j * quarter for index in indexes for j in range(FOLD)]
    verify_openings(layer.root, quarter, indexes, layer.column, f"{where}, column")
    verify_openings(root, size, fours, layer.rows, f"{where}, rows")
    challenge = int.from_bytes(root, "big") % P
    column = elements(b"".join(layer.column.leaves))
    values = elements(b"".join(layer.rows.leaves))
    for i, index in enumerate(indexes):
        if fold(size, index, values[FOLD * i : FOLD * (i + 1)], challenge) != column[i]:
            raise Invalid(
                "fri-fold", "a column value is not the fold of its row", where=f"{where}, point {i}"
            )


def fold(size: int, index: int, values: Sequence[int], challenge: int) -> int:
    """The cubic through (w^(index + j size/4), values[j]), j = 0..3, at the challenge.

    With u = challenge / w^index and the fourth root i = w^(size/4) the four points are the powers
    of i times w^index, so the coefficients of the cubic in u are an inverse transform of size 4.
    """
    generator = root_of_unity(size)
    u = challenge * pow(generator, size - index, P) % P
    i = root_of_unity(FOLD)
    a, b, c, d = values
    even, odd = a + c, b + d
    turned = (a - c, (b - d) * (P - i))  # divided by i: i^-1 = -i
    total = (even + odd) + u * (
        (turned[0] + turned[1]) + u * ((even - odd) + u * (turned[0] - turned[1]))
    )
    return total * _QUARTER % P
