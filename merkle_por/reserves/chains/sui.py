"""Sui over JSON-RPC: SUI and other coin types, the present only.

An owner without any coin object of the type is unknown, not zero: a service answers the same for an
address that never was. Source: specs/onchain-balances.md; Sui's JSON-RPC.
"""

from __future__ import annotations

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RpcError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

COIN = "0x2::sui::SUI"
MAX_DECIMALS = 32


class Sui(Service):
    """One node."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        self.same_chain(self.http.call("sui_getChainIdentifier"))
        latest = self.http.call("sui_getLatestCheckpointSequenceNumber")
        return Block(self.integer(latest, "a checkpoint's number"))

    def balance(self, query: Query, block: Block) -> Figure:
        token = query.token or COIN
        digits = query.address.removeprefix("0x")
        if len(digits) != 64 or set(digits.lower()) - set("0123456789abcdef"):
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        try:
            found = self.mapping(self.http.call("suix_getBalance", [query.address, token]))
        except RpcError as error:
            raise Incomplete("node-error", error.text) from None
        if found.get("coinType") != token:
            raise self.http.nonsense("another coin than was asked for")
        if not self.integer(found.get("coinObjectCount"), "a number of coins"):
            raise self.unknown_account()
        decimals = self.chain.decimals
        if token != COIN:
            about = self.mapping(self.http.call("suix_getCoinMetadata", [token]))
            decimals = self.integer(about.get("decimals"), "a number of decimals")
            if decimals > MAX_DECIMALS:
                raise self.http.nonsense(f"{decimals} as the token's number of decimals")
        return self.figure(found.get("totalBalance"), decimals)
