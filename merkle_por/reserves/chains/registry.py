"""Which chain and token a row of a list is about.

Data: registry.json. chains: family of client, own coin, its decimals, the id that a node of that
chain must answer with, other names. tokens: contract or mint, decimals; slot: where an ERC-20's
balances are declared (specs/onchain-balances.md); mask: the top bit of a balance is a mark; shares:
the contract keeps shares, not balances. tags: lists' own tags that don't follow ASSET-CHAIN.
A row is resolved by its own tag, never by the asset that it counts into (stETH counts into ETH).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from merkle_por.errors import Incomplete, UsageError


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain. id: what its nodes answer with (chain id, genesis hash...), None: not checked.
    unit: name of the smallest unit (Cosmos). network: number in addresses (Polkadot). fork: height
    and hash of the block that tells this chain from those with the same first block."""

    name: str
    family: str
    coin: str
    decimals: int
    id: int | str | None = None
    coins: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    unit: str | None = None
    network: int | None = None
    fork: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token on one chain; see the module's text."""

    id: str
    decimals: int | None = None
    slot: int | None = None
    mask: bool = False
    shares: bool = False


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("registry.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@cache
def chains() -> dict[str, Chain]:
    """All chains by name. Not to be changed."""
    return {name: _chain(name, fields) for name, fields in _data()["chains"].items()}


def _chain(name: str, fields: Mapping[str, Any]) -> Chain:
    lists = {key: tuple(fields.get(key, ())) for key in ("coins", "aliases")}
    fork = tuple(fields["fork"]) if "fork" in fields else None
    return Chain(name=name, **{**fields, **lists, "fork": fork})


@cache
def tokens(chain: str) -> dict[str, Token]:
    """Known tokens of a chain by symbol. Not to be changed."""
    found = _data()["tokens"].get(chain, {})
    return {symbol: Token(**fields) for symbol, fields in found.items()}


@cache
def token_ids() -> frozenset[str]:
    """The ids of all known tokens on all chains, hexadecimal ones in lower case."""
    ids = (token.id for chain in _data()["tokens"] for token in tokens(chain).values())
    return frozenset(id.lower() if id.startswith("0x") else id for id in ids)


@cache
def token_of(chain: str, id: str) -> Token:
    """What is known of a token by its id on the chain."""
    folded = id.lower() if id.startswith("0x") else id
    for token in tokens(chain).values():
        if token.id == id or token.id.lower() == folded:
            return token
    return Token(id)


def _folded(name: str) -> str:
    return "".join(name.lower().split()).replace("-", "").replace("_", "")


@cache
def _names() -> dict[str, Chain]:
    names: dict[str, Chain] = {}
    for chain in chains().values():
        for name in (chain.name, *chain.aliases):
            names.setdefault(_folded(name), chain)
    return names


def chain(name: str) -> Chain:
    """The chain of a name, however it is written. Raises UsageError."""
    found = _names().get(_folded(name))
    if found is None:
        raise UsageError(
            f'"{name[:40]}" is not a chain that can be asked', f"known: {', '.join(chains())}"
        )
    return found


def find_chain(name: str | None) -> Chain | None:
    """The chain of a name, None where there is none."""
    return None if name is None else _names().get(_folded(name))


@cache
def _natives() -> dict[str, Chain]:
    """Coin symbol -> the chain whose own coin it is, where that is one chain only (the first
    named: ETH is Ethereum's)."""
    found: dict[str, Chain] = {}
    for chain in chains().values():
        for coin in (chain.coin, *chain.coins):
            found.setdefault(coin, chain)
    return found


def resolve(
    coin: str, network: str | None = None, given: Mapping[str, tuple[str, str | None]] | None = None
) -> tuple[Chain, str | None]:
    """Chain and token (None: the chain's own coin) of a row's coin tag and network.

    given: the user's own tags -> (chain, token id). Raises Incomplete unknown-token.
    """
    if given and coin in given:
        name, token = given[coin]
        return chain(name), token
    if coin in _data()["tags"]:
        name, symbol = _data()["tags"][coin]
        return _symbol(chains()[name], symbol, coin)
    on = find_chain(network)
    if on is not None:
        if find_chain(coin) is on and _folded(coin) not in map(_folded, tokens(on.name)):
            return on, None  # a list that names chains only
        asset, dash, tail = coin.rpartition("-")
        return _symbol(on, asset if dash and find_chain(tail) is on else coin, coin)
    if coin in _natives():
        return _natives()[coin], None
    asset, dash, tail = coin.rpartition("-")
    named = find_chain(tail) if dash else None
    if named is None:
        raise Incomplete("unknown-token", f"{coin[:40]}: it is not known on which chain it is")
    return _symbol(named, asset, coin)


def _symbol(on: Chain, symbol: str, coin: str) -> tuple[Chain, str | None]:
    if symbol in (on.coin, *on.coins):
        return on, None
    found = tokens(on.name).get(symbol)
    if found is None:
        raise Incomplete(
            "unknown-token", f"{coin[:40]}: which token it is on {on.name} is not known"
        )
    return on, found.id
