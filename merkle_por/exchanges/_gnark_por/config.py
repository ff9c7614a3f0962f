"""The exchange's published totals: `config.json` (Gate: `cex_config.json`) and their commitment.

Rules: specs binance-zk ("Auditor files", "Exchange commitment"), gate-zk, htx-zk. Symbols and the
tiers' PrecomputedValue are in no hash: symbols are compared with a published list by the caller,
the values are recomputed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._gnark_por.family import (
    INT64,
    MAX_SLOTS,
    RESERVED,
    UINT64,
    Assets,
    Family,
    Profile,
)
from merkle_por.hashes.poseidon_bn254 import poseidon

LIST = "CexAssetsInfo"
TIERS = 12
UNBOUNDED = 1 << 118
"""The upper boundary of unused tiers, in values (scale 10^16)."""
FULL_RATIO = 100
SYMBOL_CHARS = 64
COLLATERALS = ("LoanCollateral", "MarginCollateral", "PortfolioMarginCollateral")
RATIOS = ("LoanRatios", "MarginRatios", "PortfolioMarginRatios")
FLAT_KEYS = frozenset(("TotalEquity", "TotalDebt", "BasePrice", "Symbol", "Index"))
ABSOLUTE_KEYS = frozenset(("TotalBalance", "Symbol", "Index"))
ROWS_KEYS = FLAT_KEYS | {*COLLATERALS, *RATIOS}
TIER_KEYS = frozenset(("BoundaryValue", "Ratio", "PrecomputedValue"))
KEYS = {Assets.FLAT: FLAT_KEYS, Assets.ABSOLUTE: ABSOLUTE_KEYS, Assets.ROWS: ROWS_KEYS}

Haircut = tuple[int, int]
"""Upper boundary of a tier, and the per cent of the value in it that counts."""


@dataclass(frozen=True)
class CexAsset:
    """One asset of the exchange: amounts in the asset's smallest unit, price in USD by the scale
    that makes amount * price a value of scale 10^16. collaterals: loan, margin, portfolio margin.
    haircuts: twelve tiers for each of them."""

    index: int
    symbol: str
    equity: int
    debt: int = 0
    price: int = 0
    collaterals: tuple[int, ...] = ()
    haircuts: tuple[tuple[Haircut, ...], ...] = ()

    @property
    def is_reserved(self) -> bool:
        """Whether it is a slot that no asset uses."""
        unused = not (self.equity or self.debt or self.price or any(self.collaterals))
        return unused and self.symbol.casefold() == RESERVED


_EMPTY_HAIRCUTS = (((UNBOUNDED, 0),) * TIERS,) * len(RATIOS)


@dataclass(frozen=True)
class Config:
    """A read config. tiers: AssetsCountTiers, () where there is none. key_names: of the files of
    the verifying keys, in the order of the tiers, without folders."""

    assets: tuple[CexAsset, ...]
    tiers: tuple[int, ...]
    key_names: tuple[str, ...]

    @property
    def by_index(self) -> Mapping[int, CexAsset]:
        return {asset.index: asset for asset in self.assets}


def looks_like(value: object, kind: Assets, top: frozenset[str]) -> bool:
    """Whether a JSON value is a config of that kind, by its key sets alone."""
    if not isinstance(value, dict) or not set(value) <= top | {LIST}:
        return False
    rows = value.get(LIST)
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return False
    return set(rows[0]) == KEYS[kind]


def parse(document: Document, family: Family) -> Config:
    """Raises Malformed, and Invalid for values that contradict each other (tier-value,
    duplicate-asset)."""
    top = Fields(document.json, "", document.limits).only(LIST, *sorted(family.config_keys))
    rows = top.array(LIST, low=1, high=MAX_SLOTS)
    assets = [
        _asset(Fields(row, f"{LIST}[{i}]", document.limits), family.assets)
        for i, row in enumerate(rows)
    ]
    seen: set[int] = set()
    for asset in assets:
        if asset.index in seen:
            raise Malformed("duplicate-index", f"asset index {asset.index} stands twice")
        seen.add(asset.index)
    tiers = _tiers(top) if family.assets is Assets.ROWS else ()
    names = _key_names(top)
    if tiers and len(names) not in (0, len(tiers)):
        raise Malformed("bad-length", "not one name of a key for each tier", where="ZkKeyName")
    return Config(tuple(sorted(assets, key=lambda asset: asset.index)), tiers, names)


def _tiers(top: Fields) -> tuple[int, ...]:
    row = top.array("AssetsCountTiers", low=1, high=16)
    for tier in row:
        if not isinstance(tier, int) or isinstance(tier, bool) or not 0 < tier <= MAX_SLOTS:
            raise Malformed("bad-number", "not a number of assets", where="AssetsCountTiers")
    if len(set(row)) != len(row):
        raise Malformed("duplicate-index", "a tier stands twice", where="AssetsCountTiers")
    return tuple(row)


def _key_names(top: Fields) -> tuple[str, ...]:
    for name in ("ZkKeyName", "ZkKeyVKDirectoryAndPrefix"):
        value = top.members.get(name)
        if value is None:
            continue
        names = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) and len(item) < 1000 for item in names):
            raise Malformed("wrong-type", "not the name of a key", where=name)
        # Folders in it are of the exchange's machine; nothing here is used as a path.
        return tuple(str(item).replace("\\", "/").rsplit("/", 1)[-1] for item in names)
    return ()


def _asset(row: Fields, kind: Assets) -> CexAsset:
    row.only(*sorted(KEYS[kind]))
    index = row.integer("Index", 0, MAX_SLOTS - 1)
    symbol = row.text("Symbol", SYMBOL_CHARS)
    if not symbol or not symbol.isprintable() or symbol != symbol.strip():
        raise Malformed("bad-field", "not a symbol of an asset", where=row.place("Symbol"))
    if kind is Assets.ABSOLUTE:
        return CexAsset(index, symbol, row.integer("TotalBalance", 0, INT64))
    equity, debt, price = (
        row.integer(name, 0, UINT64) for name in ("TotalEquity", "TotalDebt", "BasePrice")
    )
    if kind is Assets.FLAT:
        return CexAsset(index, symbol, equity, debt, price)
    return CexAsset(
        index,
        symbol,
        equity,
        debt,
        price,
        tuple(row.integer(name, 0, UINT64) for name in COLLATERALS),
        tuple(_haircuts(row, name) for name in RATIOS),
    )


def _haircuts(row: Fields, name: str) -> tuple[Haircut, ...]:
    items = row.array(name, low=TIERS, high=TIERS)
    tiers = []
    worth = before = 0
    for place, item in enumerate(items):
        where = f"{row.place(name)}[{place}]"
        boundary, ratio, stated = _tier(item) or _tier_slowly(Fields(item, where, row.limits))
        if boundary < before:
            raise Invalid("tier-value", "a tier ends below the one before", where=where)
        worth += (boundary - before) * ratio // FULL_RATIO
        before = boundary
        if stated != worth:
            raise Invalid(
                "tier-value",
                "PrecomputedValue is not the collateral value of all tiers so far",
                where=where,
                expected=str(worth),
                computed=str(stated),
            )
        tiers.append((boundary, ratio))
    return tuple(tiers)


def _tier(item: object) -> tuple[int, int, int] | None:
    """One tier if nothing is wrong with it (a config has 36 for each asset), else None."""
    if not isinstance(item, dict) or item.keys() != TIER_KEYS:
        return None
    boundary, ratio, stated = item["BoundaryValue"], item["Ratio"], item["PrecomputedValue"]
    if {type(boundary), type(ratio), type(stated)} != {int}:
        return None
    if not (0 <= boundary <= UNBOUNDED and 0 <= ratio <= FULL_RATIO and stated >= 0):
        return None
    return boundary, ratio, stated


def _tier_slowly(fields: Fields) -> tuple[int, int, int]:
    """As `_tier`, saying what is wrong. Raises Malformed."""
    fields.only(*TIER_KEYS)
    return (
        fields.integer("BoundaryValue", 0, UNBOUNDED),
        fields.integer("Ratio", 0, FULL_RATIO),
        fields.integer("PrecomputedValue", 0),
    )


def check_symbols(config: Config) -> None:
    """Raises Invalid duplicate-asset where a symbol stands twice (in any case of letters)."""
    seen: set[str] = set()
    for asset in config.assets:
        if asset.is_reserved:
            continue
        name = asset.symbol.casefold()
        if name in seen:
            raise Invalid(
                "duplicate-asset", f"the symbol {asset.symbol[:20]} stands twice", where=LIST
            )
        seen.add(name)


def _packed_haircuts(haircuts: Sequence[Haircut]) -> list[int]:
    """Two tiers to an element: r0 + b0*2^8 + r1*2^126 + b1*2^134."""
    return [
        r0 + (b0 << 8) + (r1 << 126) + (b1 << 134)
        for (b0, r0), (b1, r1) in zip(haircuts[::2], haircuts[1::2], strict=True)
    ]


def elements(config: Config, kind: Assets, slots: int, *, amounts: bool) -> list[int]:
    """What the exchange's commitment hashes. amounts: False for the state before the first batch,
    with all totals and collaterals zero."""
    found = config.by_index
    out: list[int] = []
    for index in range(slots):
        asset = found.get(index) or CexAsset(index, RESERVED, 0)
        equity, debt = (asset.equity, asset.debt) if amounts else (0, 0)
        if kind is Assets.ABSOLUTE:
            out.append(equity)
            continue
        out.append((equity << 128) + (debt << 64) + asset.price)
        if kind is Assets.ROWS:
            loan, margin, portfolio = (
                asset.collaterals if amounts and asset.collaterals else (0, 0, 0)
            )
            out.append((loan << 128) + (margin << 64) + portfolio)
            for haircuts in asset.haircuts or _EMPTY_HAIRCUTS:
                out += _packed_haircuts(haircuts)
    return out


def commitment(config: Config, kind: Assets, profile: Profile, *, amounts: bool) -> int:
    """The exchange's commitment to its assets. Every index is below the profile's slots."""
    return poseidon(elements(config, kind, profile.slots, amounts=amounts), profile.block)
