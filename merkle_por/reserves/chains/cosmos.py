"""Chains of the Cosmos SDK over their HTTP gateway: the chain's own coin at a height.

A past height is asked for with the header x-cosmos-block-height; archive nodes answer. Coins that
are staked or unbonding are not in the bank module and are not counted here.
Source: specs/onchain-balances.md; the SDK's bank and tendermint services.
"""

from __future__ import annotations

from datetime import datetime

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

HEIGHT = "x-cosmos-block-height"
NOTE = "what the address has staked is not counted"
_NO_HISTORY = ("pruned", "version", "not available", "lowest height", "failed to load state")


class Cosmos(Service):
    """One gateway."""

    def pin(self, at: int | str | None) -> Block:
        if isinstance(at, str):
            raise Incomplete("block-unknown", f"{self.source} finds blocks by height only")
        name = "latest" if at is None else str(at)
        try:
            found = self.http.get(f"/cosmos/base/tendermint/v1beta1/blocks/{name}")
        except RestError as error:
            raise Incomplete("block-unknown", error.text) from None
        header = self.mapping(found, "block", "header")
        self.same_chain(header.get("chain_id"))
        height = self.integer(header.get("height"), "a height")
        if at not in (None, height):
            raise self.http.nonsense("another block than the one that was asked for")
        hash = self.text(self.mapping(found, "block_id").get("hash"), "a block's hash")
        return Block(height, hash, self._seconds(header.get("time")))

    def _seconds(self, value: object) -> int:
        """A UTC time with up to nine decimals of a second, which are dropped."""
        text = self.text(value, "a time")
        try:
            return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())
        except ValueError:
            raise self.http.nonsense("something else than a time") from None

    def balance(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        unit = self.chain.unit or ""
        path = f"/cosmos/bank/v1beta1/balances/{self.safe(query.address)}/by_denom"
        try:
            found = self.http.get(
                path, {"denom": unit}, headers={HEIGHT: str(block.height)}, block=block.hash
            )
        except RestError as error:
            raise self._explained(error.text, error.message) from None
        except Incomplete as error:
            if error.reason == "node-error":  # gateways answer 500 for heights they lack
                raise Incomplete("history-unavailable", error.text) from None
            raise
        coin = self.mapping(found, "balance")
        if coin.get("denom") != unit:
            raise self.http.nonsense("another coin than was asked for")
        return self.figure(coin.get("amount"), note=NOTE)

    def _explained(self, text: str, message: str) -> Incomplete:
        lower = message.lower()
        if "bech32" in lower or "invalid address" in lower:
            return Incomplete("bad-address", "the address does not decode as one of its chain")
        if any(words in lower for words in _NO_HISTORY):
            return Incomplete("history-unavailable", text)
        return Incomplete("node-error", text)
