"""Algorand through algod: ALGO and assets by number, the present only.

algod answers an amount of 0 for every address that was never used; no used one can hold 0, so that
is unknown. Source: specs/onchain-balances.md; algod's REST API.
"""

from __future__ import annotations

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

MAX_DECIMALS = 19


class Algorand(Service):
    """One node."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        found = self.mapping(self.http.get("/v2/transactions/params"))
        self.same_chain(found.get("genesis-hash"))
        return Block(self.integer(found.get("last-round"), "a round"))

    def balance(self, query: Query, block: Block) -> Figure:
        try:
            found = self.mapping(self.http.get(f"/v2/accounts/{self.safe(query.address)}"))
        except RestError as error:
            if error.status == 400:
                raise Incomplete("bad-address", error.text) from None
            if error.status == 404:
                raise self.unknown_account() from None
            raise
        if found.get("address") != query.address:
            raise self.http.nonsense("another account than was asked for")
        amount = self.integer(found.get("amount"), "an amount")
        if not amount:
            raise self.unknown_account()
        if query.token is None:
            return self.figure(amount)
        number = self.integer(query.token, "an asset's number")
        held = [self.mapping(asset) for asset in self.items(found.get("assets"))]
        amounts = [asset.get("amount") for asset in held if asset.get("asset-id") == number]
        if len(amounts) != 1:
            raise self.unknown_account()
        about = self.mapping(self.http.get(f"/v2/assets/{number}"), "params")
        decimals = self.integer(about.get("decimals"), "a number of decimals")
        if decimals > MAX_DECIMALS:
            raise self.http.nonsense(f"{decimals} as the token's number of decimals")
        return self.figure(amounts[0], decimals)
