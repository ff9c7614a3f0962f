"""TON through a service with toncenter's HTTP API (version 2): TON at a masterchain block.

A height is the number (seqno) of a masterchain block; services over archive nodes answer for past
ones. The answer must be at that very block. Jettons take another contract's address that has to be
computed by the chain itself, and are not read. Source: specs/onchain-balances.md; toncenter's API.
"""

from __future__ import annotations

from typing import Any

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

MASTERCHAIN = -1
WHOLE_SHARD = "-9223372036854775808"
_ADDRESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:+/=")


class Ton(Service):
    """One service; its URL ends in /api/v2."""

    def _get(self, path: str, block: str | None = None, **params: str | int) -> Any:
        try:
            found = self.mapping(self.http.get(path, params, block=block))
        except RestError as error:
            raise self._explained(error.message, error.text) from None
        except Incomplete as error:
            if error.reason == "node-error":  # the service says 500 for blocks that it lacks
                raise self._explained(error.text, error.text) from None
            raise
        if found.get("ok") is not True or "result" not in found:
            message = self.http.cleaned(found.get("error"))
            raise self._explained(message, f"{self.source} answers: {message or 'an error'}")
        return found["result"]

    def _explained(self, message: str, text: str) -> Incomplete:
        lower = message.lower()
        if "address" in lower:
            return Incomplete("bad-address", text)
        missing = "not in db" in lower or "not found" in lower or "seqno" in lower
        return Incomplete("history-unavailable" if missing else "node-error", text)

    def pin(self, at: int | str | None) -> Block:
        if isinstance(at, str):
            raise Incomplete("block-unknown", f"{self.source} finds blocks by number only")
        if at is None:
            last = self.mapping(self._get("/getMasterchainInfo"), "last")
            at = self.integer(last.get("seqno"), "a block's number")
        found = self.mapping(
            self._get("/getBlockHeader", workchain=MASTERCHAIN, shard=WHOLE_SHARD, seqno=at)
        )
        id = self.mapping(found, "id")
        if id.get("workchain") != MASTERCHAIN or id.get("seqno") != at:
            raise self.http.nonsense("another block than the one that was asked for")
        hash = self.text(id.get("root_hash"), "a block's hash")
        return Block(at, hash, self.integer(found.get("gen_utime"), "a time"))

    def balance(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        if not query.address or not _ADDRESS.issuperset(query.address) or len(query.address) > 80:
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        found = self.mapping(
            self._get(
                "/getAddressInformation", block.hash, address=query.address, seqno=block.height
            )
        )
        at = self.mapping(found, "block_id")
        if at.get("seqno") != block.height or at.get("root_hash") != block.hash:
            raise self.http.nonsense("the balance at another block")
        units = self.integer(found.get("balance"), "an amount")
        if not units and found.get("state") == "uninitialized":
            raise self.unknown_account()
        return self.figure(units)
