"""A user's `user_config.json`: read strictly, then rebuilt from the amounts up to the root.

Rules: spec binance-zk ("user_config.json", "Leaf", "User checks"), gate-zk, htx-zk. The official
programs drop signs, ignore the index's high bits, take the last of two equal keys, count a missing
number as 0 and take the root from the same file; all of that is refused here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._gnark_por import commitments
from merkle_por.exchanges._gnark_por.commitments import Amounts, tier_of
from merkle_por.exchanges._gnark_por.family import (
    DEPTH,
    INT64,
    MAX_ACCOUNTS,
    MAX_SLOTS,
    UINT64,
    VALUE_MAX,
    Assets,
    Family,
    Profile,
)
from merkle_por.exchanges._zk import element_of_base64
from merkle_por.hashes.poseidon_bn254 import field_element
from merkle_por.hashes.poseidon_bn254_tables import ELEMENT_BYTES, MODULUS

HEX = 2 * ELEMENT_BYTES


@dataclass(frozen=True)
class User:
    """Normal form. account, root, siblings: field elements. values: total equity, total debt and,
    where the release has it, total collateral (scale 10^16). assets: see commitments.Amounts."""

    index: int
    account: int
    values: tuple[int, ...]
    assets: Amounts
    root: int
    siblings: tuple[int, ...]

    @property
    def account_hex(self) -> str:
        return f"{self.account:0{HEX}x}"


@dataclass(frozen=True)
class Rebuilt:
    """What the user's data lead to: the profile under which they do, the leaf, nodes above it."""

    profile: Profile
    leaf: int
    nodes: tuple[int, ...]


def _element_of_hex(fields: Fields, key: str) -> int:
    return field_element(bytes.fromhex(fields.hex(key, HEX)), fields.place(key))


def parse(document: Document, family: Family) -> User:
    """Raises Malformed."""
    keys = family.keys
    top = Fields(document.json, "", document.limits).only(*keys.all).required(*keys.all)
    names = (keys.equity, keys.debt, *([keys.collateral] if keys.collateral else []))
    path = top.array(keys.path)
    if len(path) != DEPTH:
        raise Malformed("path-length", f"{len(path)} siblings, this tree has {DEPTH} levels")
    return User(
        index=top.integer(keys.index, 0, MAX_ACCOUNTS - 1),
        account=_element_of_hex(top, keys.account),
        values=tuple(top.integer(name, 0, VALUE_MAX) for name in names),
        assets=_assets(top, family),
        root=_element_of_hex(top, keys.root),
        siblings=tuple(
            element_of_base64(item, f"{keys.path}[{level}]") for level, item in enumerate(path)
        ),
    )


def _assets(top: Fields, family: Family) -> Amounts:
    keys = family.keys
    if top.get(keys.assets) is None:
        return {}  # Go writes an empty list as null
    most = INT64 if family.assets is Assets.ABSOLUTE else UINT64
    found: dict[int, tuple[int, ...]] = {}
    last = -1
    for place, item in enumerate(top.array(keys.assets, high=MAX_SLOTS)):
        where = f"{keys.assets}[{place}]"
        index, amounts = _asset(item, family, most) or _asset_slowly(
            Fields(item, where, top.limits), family, most
        )
        if index in found:
            raise Malformed("duplicate-asset", f"asset {index} stands twice", where=where)
        if index < last:
            raise Malformed("asset-order", "assets are not in ascending order", where=where)
        found[index] = amounts
        last = index
    return found


def _asset(item: object, family: Family, most: int) -> tuple[int, tuple[int, ...]] | None:
    """One row if nothing is wrong with it (there may be hundreds), else None."""
    if not isinstance(item, dict) or item.keys() != family.keys.asset:
        return None
    index = item["Index"]
    amounts = tuple([item[name] for name in family.keys.asset_keys])
    if any(type(number) is not int for number in (index, *amounts)):
        return None
    if not 0 <= index < MAX_SLOTS or min(amounts) < 0 or max(amounts) > most:
        return None
    return index, amounts


def _asset_slowly(row: Fields, family: Family, most: int) -> tuple[int, tuple[int, ...]]:
    """As `_asset`, saying what is wrong. Raises Malformed."""
    row.only("Index", *family.keys.asset_keys)
    index = row.integer("Index", 0, MAX_SLOTS - 1)
    return index, tuple(row.integer(name, 0, most) for name in family.keys.asset_keys)


def profiles_for(user: User, family: Family) -> list[Profile]:
    """The profiles in which the listed assets have a place. Raises Malformed where none has."""
    highest = max(user.assets, default=0)
    fitting = [profile for profile in family.profiles if highest < profile.slots]
    if not fitting:
        raise Malformed(
            "index-range",
            f"there is no asset {highest}" + _unless_grown(family),
            where=family.keys.assets,
        )
    if family.assets is Assets.ROWS:
        count = len(user.assets)
        fitting = [p for p in fitting if tier_of(count, p.tiers) is not None]
        if not fitting:
            raise Malformed("bad-length", f"{count} assets are more than any tier holds")
    return fitting


def rebuild(user: User, family: Family) -> Rebuilt:
    """Tries the family's profiles until the root in the file is met.

    Raises Malformed (profiles_for), Invalid root-inconsistent where none leads to it.
    """
    last = 0
    for profile in profiles_for(user, family):
        leaf = commitments.leaf(family.assets, user.account, user.values, user.assets, profile)
        nodes = commitments.climb(leaf, user.index, user.siblings, profile.block)
        last = nodes[-1]
        if last == user.root:
            return Rebuilt(profile, leaf, tuple(nodes))
    # Rows are hashed with their indexes: there the number of slots changes no leaf.
    unless_grown = "" if family.assets is Assets.ROWS else _unless_grown(family)
    raise Invalid(
        "root-inconsistent",
        "your amounts and the path do not lead to the root in the file" + unless_grown,
        expected=f"{user.root:0{HEX}x}",
        computed=f"{last:0{HEX}x}",
    )


def _unless_grown(family: Family) -> str:
    """What else may explain a failure: a release that is not known here, unless it was given."""
    if family.fixed:
        return ""
    tried = ", ".join(map(str, family.slots_tried))
    return (
        f" with {tried} asset slots; if the exchange's program has another number, the file may "
        "be right: --given asset_counts=N"
    )


def is_padding(user: User, family: Family) -> bool:
    """Whether the account is one that fills a tier's last batch: Binance v2 uses account 0, v3
    the SHA-256 of the index (4 bytes, big-endian)."""
    if family.assets is not Assets.ROWS or any(user.values) or any(map(any, user.assets.values())):
        return False
    filler = int.from_bytes(hashlib.sha256(user.index.to_bytes(4)).digest()) % MODULUS
    return user.account in (0, filler)


def check_amounts(user: User, family: Family) -> None:
    """Collateral within equity asset by asset; debt within what backs it. Raises Invalid."""
    if family.assets is Assets.ROWS:
        for index, (equity, _, *collaterals) in user.assets.items():
            if sum(collaterals) > equity:
                raise Invalid(
                    "collateral-exceeds-equity",
                    "more of an asset is pledged as collateral than there is of it",
                    where=f"asset {index}",
                    expected=str(equity),
                    computed=str(sum(collaterals)),
                )
    if not family.bounds_debt:
        return
    backing = user.values[2] if family.assets is Assets.ROWS else user.values[0]
    if user.values[1] > backing:
        raise Invalid(
            "debt-exceeds-equity",
            "the account's debt is larger than what backs it",
            expected=str(backing),
            computed=str(user.values[1]),
        )


def check_values(user: User, prices: dict[int, int]) -> None:
    """Total equity and debt are the sums of amount times price. Raises Invalid."""
    for place, what in enumerate(("equity", "debt")):
        computed = sum(row[place] * prices.get(index, 0) for index, row in user.assets.items())
        if computed != user.values[place]:
            raise Invalid(
                "value-mismatch",
                f"total {what} is not the sum of the amounts at the published prices",
                expected=str(computed),
                computed=str(user.values[place]),
            )
