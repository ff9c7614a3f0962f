"""Reserves against liabilities, asset by asset, exactly: the arithmetic and nothing else.

No netting (extra ETH doesn't heal missing BTC), no rounding before the end, and what is unknown
stays unknown. Source: specs/solvency-ratio.md ("Rules", "Details", "Mapping of variants").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from merkle_por.amounts import EXACT, ZERO, add
from merkle_por.documents import Fields
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.holding import Holding, seconds_between, strict_amount
from merkle_por.reserves.lists.row import RowKind
from merkle_por.reserves.ownership.row import State as Owned

GAP_SECONDS = 3600
"""Snapshots that lie further apart leave room for borrowed coins (rule 7)."""
SAME = "same"
"""Kind of a variant that is the coin itself on another chain."""
KINDS = frozenset({SAME, "wrapped", "staked", "lent-out", "self-pegged"})
ENCUMBERED = "encumbered"
THIRD_PARTY = "third-party"


class AssetState(StrEnum):
    SOLVENT = "solvent"
    SHORT = "short"
    INCOMPLETE = "incomplete"
    OUT_OF_SCOPE = "out-of-scope"


@dataclass(frozen=True)
class Variant:
    """What one unit of a variant counts as: `factor` of the asset `to`."""

    to: str
    factor: Decimal
    kind: str | None = None


@dataclass(frozen=True)
class AssetRatio:
    """One asset. liabilities: None where out of scope. verified: reserves whose balance and
    ownership are both shown. ratio: None where nothing is owed. kinds: amounts by kind, also of
    what is not counted (self-pegged, encumbered). third_party: counted, held by a custodian.
    """

    asset: str
    liabilities: Decimal | None
    reserves: Decimal
    verified: Decimal
    state: AssetState
    kinds: Mapping[str, Decimal]
    third_party: Decimal
    unknown_rows: int
    failed_rows: int

    @property
    def surplus(self) -> Decimal | None:
        """Reserves less liabilities."""
        if self.liabilities is None:
            return None
        return EXACT.subtract(self.reserves, self.liabilities)

    @property
    def ratio(self) -> Fraction | None:
        return _part(self.reserves, self.liabilities)

    @property
    def verified_ratio(self) -> Fraction | None:
        return _part(self.verified, self.liabilities)


@dataclass(frozen=True)
class Total:
    """All priced assets in scope, in money: information, never a verdict.

    verified: the part of the reserves whose balance and ownership are shown.
    missing: assets in scope and own tokens without a price.
    """

    liabilities: Decimal
    reserves: Decimal
    verified: Decimal
    own: Decimal
    own_liabilities: Decimal
    missing: tuple[str, ...]

    @property
    def ratio(self) -> Fraction | None:
        return _part(self.reserves, self.liabilities)

    @property
    def verified_ratio(self) -> Fraction | None:
        return _part(self.verified, self.liabilities)

    @property
    def own_token_share(self) -> Fraction | None:
        return _part(self.own, self.reserves)

    @property
    def clean_share(self) -> Fraction | None:
        share = self.own_token_share
        return None if share is None else 1 - share

    @property
    def clean_ratio(self) -> Fraction | None:
        """The ratio without own tokens on either side."""
        reserves = EXACT.subtract(self.reserves, self.own)
        return _part(reserves, EXACT.subtract(self.liabilities, self.own_liabilities))


@dataclass(frozen=True)
class Ratios:
    """The whole comparison. gaps: warnings snapshot-gap, reserve-gap."""

    assets: tuple[AssetRatio, ...]
    total: Total | None
    gaps: tuple[str, ...]

    @property
    def in_scope(self) -> tuple[AssetRatio, ...]:
        return tuple(a for a in self.assets if a.state is not AssetState.OUT_OF_SCOPE)

    @property
    def solvent(self) -> bool:
        """Every asset in scope is covered; of the figures alone."""
        return all(asset.state is AssetState.SOLVENT for asset in self.in_scope)


def _part(part: Decimal, whole: Decimal | None) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if whole else None


def read_map(fields: Fields, liabilities: Mapping[str, Decimal]) -> dict[str, Variant]:
    """A mapping {variant: {to, factor, kind, source}}, one step only. Raises Malformed bad-map.

    Without a factor the pair must be one of the shipped table (variants.json, "pairs").
    """
    pairs = variants.data()["pairs"]
    found: dict[str, Variant] = {}
    for name in fields.members:
        entry = fields.object(name).only("to", "factor", "kind", "source", "note")
        to = entry.get("to")
        if not isinstance(to, str) or not to:
            raise Malformed("bad-map", "names no asset to count as", where=entry.where)
        kind = entry.members.get("kind")
        if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
            raise Malformed("bad-map", "not a kind of variant", where=entry.place("kind"))
        if "factor" in entry:
            factor = strict_amount(entry.get("factor"), entry.place("factor"))
        elif pairs.get(name, {}).get("to") == to:
            factor = Decimal(1)
            kind = kind or pairs[name]["kind"]
        else:
            raise Malformed("bad-map", "how many units it counts for is missing", where=entry.where)
        found[name] = Variant(to, factor, kind)
    check_map(found, liabilities)
    return found


def check_map(mapping: Mapping[str, Variant], liabilities: Mapping[str, Decimal]) -> None:
    """Refuses chains, cycles, and variants that are owed themselves. Raises Malformed bad-map."""
    for name, variant in mapping.items():
        if variant.to in mapping:
            text = f"{name} counts as {variant.to}, which counts as another asset itself"
            raise Malformed("bad-map", text)
        if name in liabilities:
            raise Malformed("bad-map", f"{name} is owed itself and can't count as {variant.to}")


@dataclass
class _Sums:
    reserves: Decimal = ZERO
    verified: Decimal = ZERO
    third_party: Decimal = ZERO
    unknown: int = 0
    failed: int = 0
    kinds: dict[str, Decimal] = field(default_factory=dict)

    def take(self, holding: Holding, variant: Variant | None) -> None:
        self.unknown += holding.unknown_rows
        if holding.ownership == Owned.FAILED:
            self.failed += holding.rows
            return
        if holding.amount is None:
            return
        amount = holding.amount
        if variant is not None:
            amount = EXACT.multiply(amount, variant.factor)
        kind = _kind(holding, variant)
        self.kinds[kind] = add(self.kinds.get(kind, ZERO), amount)
        if kind in (ENCUMBERED, RowKind.SELF_PEGGED):
            return
        self.reserves = add(self.reserves, amount)
        if holding.custody:
            self.third_party = add(self.third_party, amount)
        elif holding.verified:
            self.verified = add(self.verified, amount)


def _kind(holding: Holding, variant: Variant | None) -> str:
    if holding.encumbered:
        return ENCUMBERED
    if variant is not None:
        return variant.kind or SAME
    if holding.custody:
        return THIRD_PARTY
    return str(holding.kind or RowKind.NATIVE)


def compare(
    liabilities: Mapping[str, Decimal],
    holdings: Iterable[Holding],
    *,
    mapping: Mapping[str, Variant] | None = None,
    prices: Mapping[str, Decimal] | None = None,
    own_tokens: Sequence[str] = (),
    liabilities_time: str | None = None,
) -> Ratios:
    """Compares what is held with what is owed. Figures are whole coins, exact at any length."""
    mapping = mapping or {}
    sums: dict[str, _Sums] = {asset: _Sums() for asset in liabilities}
    times: list[str] = []
    for holding in holdings:
        variant = mapping.get(holding.asset)
        asset = variant.to if variant is not None else holding.asset
        sums.setdefault(asset, _Sums()).take(holding, variant)
        times.extend(time for time in (holding.time, holding.until) if time is not None)
    assets = tuple(
        AssetRatio(
            asset=asset,
            liabilities=liabilities.get(asset),
            reserves=found.reserves,
            verified=found.verified,
            state=_state(liabilities.get(asset), found),
            kinds=dict(found.kinds),
            third_party=found.third_party,
            unknown_rows=found.unknown,
            failed_rows=found.failed,
        )
        for asset, found in sums.items()
    )
    total = _total(assets, prices, own_tokens) if prices else None
    return Ratios(assets, total, _gaps(times, liabilities_time))


def _state(owed: Decimal | None, sums: _Sums) -> AssetState:
    if owed is None:
        return AssetState.OUT_OF_SCOPE
    if sums.unknown:
        return AssetState.INCOMPLETE
    return AssetState.SOLVENT if sums.reserves >= owed else AssetState.SHORT


def _total(
    assets: Iterable[AssetRatio], prices: Mapping[str, Decimal], own_tokens: Sequence[str]
) -> Total:
    owed = held = verified = own = own_owed = ZERO
    missing = [token for token in own_tokens if token not in prices]
    for asset in assets:
        if asset.liabilities is None:
            continue
        price = prices.get(asset.asset)
        if price is None:
            missing.append(asset.asset)
            continue
        owes = EXACT.multiply(asset.liabilities, price)
        holds = EXACT.multiply(asset.reserves, price)
        owed, held = add(owed, owes), add(held, holds)
        verified = add(verified, EXACT.multiply(asset.verified, price))
        if asset.asset in own_tokens:
            own, own_owed = add(own, holds), add(own_owed, owes)
    return Total(owed, held, verified, own, own_owed, tuple(sorted(set(missing))))


def _gaps(times: Sequence[str], liabilities_time: str | None) -> tuple[str, ...]:
    found = []
    if not times:
        return ()
    ends = (min(times), max(times))
    if liabilities_time is not None and any(
        seconds_between(end, liabilities_time) > GAP_SECONDS for end in ends
    ):
        found.append("snapshot-gap")
    if seconds_between(*ends) > GAP_SECONDS:
        found.append("reserve-gap")
    return tuple(found)
