"""Ethereum's beacon chain (consensus nodes' REST API): a validator's balance at a slot.

Addresses are validators' public keys (0x and 96 digits); a height is a slot; amounts are gwei.
Nodes that keep archive states answer for past slots. A slot may hold no block.
Source: specs/onchain-balances.md; Ethereum's Beacon APIs.
"""

from __future__ import annotations

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

KEY_DIGITS = 96
SLOT_SECONDS = 12


class Beacon(Service):
    """One consensus node."""

    def pin(self, at: int | str | None) -> Block:
        genesis = self.mapping(self.http.get("/eth/v1/beacon/genesis"), "data")
        self.same_chain(genesis.get("genesis_validators_root"))
        name = "finalized" if at is None else self.safe(str(at))
        try:
            found = self.mapping(self.http.get(f"/eth/v1/beacon/headers/{name}"), "data")
        except RestError as error:
            text = f"{error.text}; that slot may hold no block"
            raise Incomplete("block-unknown", text) from None
        slot = self.integer(self.mapping(found, "header", "message").get("slot"), "a slot")
        root = self.text(found.get("root"), "a block's root")
        if at not in (None, slot, root) or found.get("canonical") is not True:
            raise self.http.nonsense("another block than the one that was asked for")
        started = self.integer(genesis.get("genesis_time"), "a time")
        return Block(slot, root, started + SLOT_SECONDS * slot)

    def balance(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        key = query.address.lower()
        if len(key) != 2 + KEY_DIGITS or key[:2] != "0x" or set(key[2:]) - _DIGITS:
            raise Incomplete("bad-address", "the address is not a validator's public key")
        try:
            found = self.mapping(
                self.http.get(
                    f"/eth/v1/beacon/states/{block.height}/validators",
                    {"id": key},
                    block=block.hash,
                )
            )
        except RestError as error:
            if error.status == 404:
                text = f"{error.text}; archive states are needed"
                raise Incomplete("history-unavailable", text) from None
            raise
        if found.get("execution_optimistic") is True:
            raise Incomplete("node-error", f"{self.source} has not verified that state")
        rows = self.items(found.get("data"))
        if not rows:
            raise self.unknown_account()
        row = self.mapping(rows[0])
        if len(rows) != 1 or self.mapping(row, "validator").get("pubkey") != key:
            raise self.http.nonsense("another validator than was asked for")
        return self.figure(row.get("balance"))


_DIGITS = frozenset("0123456789abcdef")
