"""Keccak Merkle trees over a domain of values, and many leaves opened at once.

Rule: specs/okx-stark-v1.md sections 1 and 4. A tree over n = 2^d leaves holds the value of domain
index x at leaf position x // (n/4) + 4 * (x mod n/4), so that the four values that FRI folds into
one stand side by side. An inner node is Keccak-256(left + right); the depth is fixed by the
domain, never by the proof, so leaf and inner node can't be mistaken for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import DIGEST_BYTES, keccak256_rows

FOLD = 4  # FRI folds four values into one, and the permutation keeps those four together


@dataclass(frozen=True)
class Openings:
    """Some leaves of one tree with what is needed to climb to its root.

    leaves: the opened leaves (32 bytes each), one per opened index, repetitions allowed.
    siblings: per opened leaf one list from the leaf upward; b"" where a sibling can be derived
    from other openings or was given before.
    """

    leaves: tuple[bytes, ...]
    siblings: tuple[tuple[bytes, ...], ...]


def leaf_position(index: int, size: int) -> int:
    """Where domain index `index` stands among the `size` leaves (0 <= index < size)."""
    return index // (size // FOLD) + FOLD * (index % (size // FOLD))


def depth_of(size: int) -> int:
    """Levels between the leaves and the root of a tree over `size` (a power of two) leaves."""
    return size.bit_length() - 1


def verify_openings(
    root: bytes, size: int, indexes: Sequence[int], openings: Openings, where: str
) -> None:
    """Climbs from all opened leaves to the root at once, every given node compared.

    indexes: domain indexes (0 <= index < size), in the order of the openings.
    Raises Malformed bad-length (number or length of branches), missing-node (a needed sibling is
    neither given nor derivable); Invalid conflicting-nodes (two values for one node),
    root-inconsistent.
    """
    depth = depth_of(size)
    if len(openings.leaves) != len(indexes) or len(openings.siblings) != len(indexes):
        raise Malformed(
            "bad-length", f"{len(openings.leaves)} branches, {len(indexes)} needed", where=where
        )
    if any(len(branch) != depth for branch in openings.siblings):
        raise Malformed("bad-length", f"a branch does not have {depth + 1} elements", where=where)
    positions = [leaf_position(index, size) for index in indexes]
    nodes: dict[int, bytes] = {}
    for position, leaf in zip(positions, openings.leaves, strict=True):
        if nodes.setdefault(position, leaf) != leaf:
            raise _conflict(where, 0)
    for level, given in enumerate(zip(*openings.siblings, strict=True)):
        parents = sorted({position >> 1 for position in nodes})
        for position, sibling in zip(positions, given, strict=True):
            if sibling and nodes.setdefault(position ^ 1, sibling) != sibling:
                raise _conflict(where, level)
        try:
            pairs = b"".join([nodes[2 * p] + nodes[2 * p + 1] for p in parents])
        except KeyError:
            raise Malformed(
                "missing-node", f"a sibling at level {level} is missing", where=where
            ) from None
        digests = keccak256_rows(pairs, 2 * DIGEST_BYTES)
        nodes = {
            parent: digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES]
            for i, parent in enumerate(parents)
        }
        positions = [position >> 1 for position in positions]
    if nodes[0] != root:
        raise Invalid(
            "root-inconsistent",
            "the opened leaves do not lead to the root",
            where=where,
            expected=root.hex(),
            computed=nodes[0].hex(),
        )


def _conflict(where: str, level: int) -> Invalid:
    return Invalid("conflicting-nodes", f"two values for one node at level {level}", where=where)


def climb(leaf: bytes, position: int, siblings: Sequence[bytes]) -> bytes:
    """The root above one leaf at leaf position `position` (siblings from the leaf upward)."""
    node = leaf
    for sibling in siblings:
        pair = sibling + node if position & 1 else node + sibling
        node = keccak256_rows(pair, 2 * DIGEST_BYTES)
        position >>= 1
    return node


def tree_root(values: Sequence[bytes]) -> bytes:
    """The root over all values of a domain, given in the order of the domain (n = 2^d, n >= 4)."""
    size = len(values)
    level = [b""] * size
    for index, value in enumerate(values):
        level[leaf_position(index, size)] = value
    nodes = b"".join(level)
    while len(nodes) > DIGEST_BYTES:
        nodes = keccak256_rows(nodes, 2 * DIGEST_BYTES)
    return nodes
