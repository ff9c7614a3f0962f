"""Solana over JSON-RPC: SOL, SPL tokens by mint, and stake accounts; the present only.

No node answers for a past slot (minContextSlot is a lower bound only). An account that doesn't
exist is unknown, not zero. A token balance is the sum of the owner's accounts of that mint.
Token `stake`: all stake accounts whose withdrawer is the address.
Source: specs/onchain-balances.md; Solana's JSON-RPC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import Call
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.plain import Service
from merkle_por.reserves.ownership.encodings import base58

FINAL = "finalized"
AT_ONCE = 100
"""getMultipleAccounts takes so many."""
STAKE = "stake"
STAKE_PROGRAM = "Stake11111111111111111111111111111111111111"
WITHDRAWER = 44
"""Where a stake account names who may withdraw: 4 (state) + 8 (rent) + 32 (staker)."""


class Solana(Service):
    """One RPC node."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        self.same_chain(self.http.call("getGenesisHash"))
        slot = self.integer(self.http.call("getSlot", [{"commitment": FINAL}]), "a slot")
        return Block(slot)

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        answers: dict[int, Answer] = {}
        plain: list[int] = []
        for place, query in enumerate(queries):
            data = base58.decode(query.address) if len(query.address) < 60 else None
            if data is None or len(data) != 32:
                answers[place] = Incomplete("bad-address", "not the address of an account")
            elif query.token is None:
                plain.append(place)
            else:
                [answers[place]] = self.each([query], lambda q: self._other(q, block))
        for start in range(0, len(plain), AT_ONCE):
            places = plain[start : start + AT_ONCE]
            found = self._accounts([queries[place].address for place in places], block)
            answers.update(zip(places, found, strict=True))
        return [answers[place] for place in range(len(queries))]

    def _options(self, block: Block, **more: Any) -> dict[str, Any]:
        return {"commitment": FINAL, "minContextSlot": block.height, **more}

    def _accounts(self, addresses: list[str], block: Block) -> list[Answer]:
        options = self._options(block, encoding="base64", dataSlice={"offset": 0, "length": 0})
        [answer] = self.http.calls([Call("getMultipleAccounts", [addresses, options])])
        if isinstance(answer, Incomplete):
            return [answer] * len(addresses)
        try:
            values = self.items(self.mapping(answer).get("value"))
            if len(values) != len(addresses):
                raise self.http.nonsense("not as many accounts as were asked for")
        except Incomplete as error:
            return [error] * len(addresses)
        return [self._one(value) for value in values]

    def _one(self, value: Any) -> Answer:
        if value is None:
            return self.unknown_account()
        try:
            return self.figure(self.mapping(value).get("lamports"))
        except Incomplete as error:
            return error

    def _other(self, query: Query, block: Block) -> Figure:
        if query.token == STAKE:
            return self._stake(query.address)
        options = self._options(block, encoding="jsonParsed")
        answer = self.http.call(
            "getTokenAccountsByOwner", [query.address, {"mint": query.token}, options]
        )
        accounts = self.items(self.mapping(answer).get("value"))
        if not accounts:
            raise self.unknown_account()
        total, decimals = 0, None
        for account in self._distinct(accounts):
            info = self.mapping(account, "account", "data", "parsed", "info")
            if info.get("mint") != query.token or info.get("owner") != query.address:
                raise self.http.nonsense("another token or owner than was asked for")
            amount = self.mapping(info, "tokenAmount")
            places = self.integer(amount.get("decimals"), "a number of decimals")
            if decimals not in (None, places) or places > 255:
                raise self.http.nonsense("one token with two numbers of decimals")
            decimals = places
            total += self.integer(amount.get("amount"), "an amount")
        return self.figure(total, decimals)

    def _distinct(self, accounts: list[Any]) -> list[Any]:
        names = [self.text(self.mapping(account).get("pubkey")) for account in accounts]
        if len(set(names)) != len(names):
            raise self.http.nonsense("one account twice")
        return accounts

    def _stake(self, owner: str) -> Figure:
        answer = self.http.call(
            "getProgramAccounts",
            [
                STAKE_PROGRAM,
                {
                    "commitment": FINAL,
                    "encoding": "base64",
                    "dataSlice": {"offset": 0, "length": 0},
                    "filters": [{"memcmp": {"offset": WITHDRAWER, "bytes": owner}}],
                },
            ],
        )
        accounts = self._distinct(self.items(answer))
        if not accounts:
            raise self.unknown_account()
        lamports = (self.mapping(account, "account").get("lamports") for account in accounts)
        return self.figure(sum(self.integer(value, "an amount") for value in lamports))
