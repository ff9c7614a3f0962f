"""The hashes of this family: assets to a leaf, a path to its root, totals to a commitment.

Rules: specs binance-zk ("Leaf", "Exchange commitment"), gate-zk, htx-zk. All values are integers
below the field's modulus; three unsigned 64-bit numbers are packed into one element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from merkle_por.exchanges._gnark_por.family import DEPTH, Assets, Profile
from merkle_por.hashes.poseidon_bn254 import poseidon

Amounts = Mapping[int, tuple[int, ...]]
"""A user's assets: index -> the amounts of one row, in the order of the family's asset keys."""


def packed(values: Iterable[int]) -> list[int]:
    """Groups of three (a, b, c) as a*2^128 + b*2^64 + c, filled up with zeros at the end."""
    numbers = list(values)
    numbers += [0] * (-len(numbers) % 3)
    return [
        (numbers[i] << 128) + (numbers[i + 1] << 64) + numbers[i + 2]
        for i in range(0, len(numbers), 3)
    ]


def tier_of(count: int, tiers: Sequence[int]) -> int | None:
    """The smallest tier that holds `count` assets, None where none does."""
    return next((tier for tier in tiers if tier >= count), None)


def _filled(assets: Amounts, tier: int) -> list[tuple[int, tuple[int, ...]]]:
    """Rows of a tier: the smallest unused indexes stand for nothing, in their places."""
    rows = dict(assets)
    index = 0
    while len(rows) < tier:
        rows.setdefault(index, (0, 0, 0, 0, 0))
        index += 1
    return sorted(rows.items())


def asset_elements(kind: Assets, assets: Amounts, profile: Profile) -> list[int]:
    """What is hashed for a user's assets. Every index is below the profile's slots, and a tier
    for so many exists (ROWS): the caller has checked both."""
    match kind:
        case Assets.FLAT:
            nothing = (0, 0)
            return packed(v for i in range(profile.slots) for v in assets.get(i, nothing))
        case Assets.ABSOLUTE:
            return [assets.get(i, (0,))[0] for i in range(profile.slots)]
        case Assets.ROWS:
            tier = tier_of(len(assets), profile.tiers)
            assert tier is not None
            return packed(v for i, row in _filled(assets, tier) for v in (i, *row))


def leaf(
    kind: Assets, account: int, values: Sequence[int], assets: Amounts, profile: Profile
) -> int:
    """values: total equity, total debt and, where there is one, total collateral."""
    commitment = poseidon(asset_elements(kind, assets, profile), profile.block)
    return poseidon([account, *values, commitment], profile.block)


def climb(node: int, index: int, siblings: Sequence[int], block: int) -> list[int]:
    """Nodes above `node`, the root last; bit i of the index says whether it is a right child."""
    nodes = []
    for level, sibling in enumerate(siblings):
        pair = [sibling, node] if index >> level & 1 else [node, sibling]
        node = poseidon(pair, block)
        nodes.append(node)
    return nodes


@cache
def empty_root(kind: Assets, profile: Profile) -> int:
    """The root of a tree of 2^28 empty leaves."""
    if kind is Assets.ROWS:
        node = poseidon([0, 0, 0, 0, 0], profile.block)
    else:
        node = leaf(kind, 0, (0, 0), {}, profile)
    for _ in range(DEPTH):
        node = poseidon([node, node], profile.block)
    return node
