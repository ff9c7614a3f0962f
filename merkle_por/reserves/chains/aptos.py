"""Aptos full nodes (REST API): APT, coins and fungible assets at a ledger version.

A height here is a ledger version (each transaction makes one); nodes keep a window of them. A token
is named by its coin type (0x..::module::Name) or the address of its metadata. Source:
specs/onchain-balances.md; Aptos' REST API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

COIN = "0x1::aptos_coin::AptosCoin"
MAX_DECIMALS = 32
_TYPE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:<>, ")


class Aptos(Service):
    """One node; the URL may or may not end in /v1."""

    def _get(self, path: str, block: str | None = None, **params: int) -> Any:
        prefix = "" if self.http.node.base.endswith("/v1") else "/v1"
        try:
            return self.http.get(prefix + path, params, block=block)
        except RestError as error:
            message = error.message.lower()
            if error.status == 410 or "pruned" in message:
                raise Incomplete("history-unavailable", error.text) from None
            if "version_not_found" in message or "block_not_found" in message:
                raise Incomplete("block-unknown", error.text) from None
            if error.status == 404:
                raise self.unknown_account() from None
            raise

    def pin(self, at: int | str | None) -> Block:
        if isinstance(at, str):
            raise Incomplete("block-unknown", f"{self.source} finds versions by number only")
        info = self.mapping(self._get(""))
        self.same_chain(info.get("chain_id"))
        latest = self.integer(info.get("ledger_version"), "a ledger version")
        version = latest if at is None else at
        found: Mapping[str, Any] = self.mapping(self._get(f"/blocks/by_version/{version}"))
        first = self.integer(found.get("first_version"), "a ledger version")
        last = self.integer(found.get("last_version"), "a ledger version")
        if not first <= version <= last:
            raise self.http.nonsense("another block than the one that was asked for")
        seconds = self.integer(found.get("block_timestamp"), "a time") // 1_000_000
        return Block(version, self.text(found.get("block_hash"), "a block's hash"), seconds)

    def balance(self, query: Query, block: Block) -> Figure:
        token = query.token or COIN
        if not _TYPE.issuperset(token) or len(token) > 400:
            raise Incomplete("unknown-token", "not the name of a coin or asset on Aptos")
        digits = query.address.lower().removeprefix("0x")
        if not 0 < len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        name = quote(token, safe=":")
        found = self._get(
            f"/accounts/0x{digits}/balance/{name}", block.hash, ledger_version=block.height
        )
        decimals = self.chain.decimals if token == COIN else self._decimals(token, block)
        return self.figure(found, decimals)

    def _decimals(self, token: str, block: Block) -> int:
        if "::" in token:
            owner, kind = token.split("::", 1)[0], f"0x1::coin::CoinInfo<{token}>"
        else:
            owner, kind = token, "0x1::fungible_asset::Metadata"
        path = f"/accounts/{self.safe(owner)}/resource/{quote(kind, safe=':')}"
        found = self.mapping(self._get(path, block.hash, ledger_version=block.height), "data")
        decimals = self.integer(found.get("decimals"), "a number of decimals")
        if decimals > MAX_DECIMALS:
            raise self.http.nonsense(f"{decimals} as the token's number of decimals")
        return decimals
