"""Which asset a coin tag adds up to, and what kind of coin it is.

Data: data/variants.json (from specs/solvency-ratio.md, "Mapping of variants", and the names in the
published lists) and the ownership room's table of OKX tags. What no table names is its own asset.

natives: tags of chains' own coins. okx_self_pegged: tokens on OKX's own chains that OKX says it
backs. binance_self_pegged: networks on which Binance issues tokens of other chains' coins itself
(BTC on BSC is its BTCB, on Ethereum its BBTC), with what is at home there. htx: HTX's summary
names. htx_aliases: its rows' other spellings of them. pairs: variants that a ratio may count one to
one without being told a factor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from merkle_por.reserves.lists.row import RowKind

if TYPE_CHECKING:
    from merkle_por.reserves.ownership.coins import Coin


@dataclass(frozen=True)
class Variant:
    """asset: what amounts add up to. title: the name shown to people. known: a table names it."""

    asset: str
    kind: RowKind
    network: str | None
    title: str
    known: bool = True


@cache
def data() -> dict[str, Any]:
    """The table. Not to be changed."""
    from importlib.resources import files

    text = files("merkle_por.reserves.data").joinpath("variants.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


@cache
def _natives() -> frozenset[str]:
    return frozenset(data()["natives"])


def plain_kind(tag: str) -> RowKind:
    """NATIVE for a chain's own coin, else TOKEN."""
    return RowKind.NATIVE if tag in _natives() else RowKind.TOKEN


def binance_kind(coin: str, network: str) -> RowKind:
    """The kind of a row of Binance's lists."""
    kind = plain_kind(coin)
    pegged = data()["binance_self_pegged"].get(network)
    if kind is RowKind.TOKEN or pegged is None or coin in pegged.get("but", ()):
        return kind
    return RowKind.SELF_PEGGED if coin in pegged.get("only", (coin,)) else kind


def okx_coin(tag: str) -> Coin | None:
    """The ownership room's entry of an OKX tag (imported at first use: that room is heavy)."""
    from merkle_por.reserves.ownership.coins import coin

    return coin(tag)


@lru_cache(10_000)
def okx(tag: str, type: str | None = None) -> Variant:
    """An OKX tag (upper case) with the row's type."""
    entry = okx_coin(tag)
    asset = (entry.totals_into if entry else None) or tag
    if type is not None and "staking" in type.lower() and not type.lower().startswith("non"):
        kind = RowKind.STAKED
    elif tag in data()["okx_self_pegged"]:
        kind = RowKind.SELF_PEGGED
    else:
        kind = plain_kind(tag)
    return Variant(asset, kind, None, tag, known=entry is not None)


def htx_summary_name(name: str) -> str:
    """The summary's spelling of a name in the rows."""
    alias: str = data()["htx_aliases"].get(name, name)
    return alias


@lru_cache(10_000)
def htx(name: str) -> Variant:
    """An HTX name as the summary spells it; what the table lacks is its own asset."""
    entry = data()["htx"].get(name)
    if entry is None:
        return Variant(name, RowKind.TOKEN, None, name, known=False)
    return Variant(entry["asset"], RowKind(entry["kind"]), entry["network"], entry["title"])
