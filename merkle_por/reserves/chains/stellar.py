"""Stellar through a Horizon service: XLM and issued assets (CODE:ISSUER), the present only.

Source: specs/onchain-balances.md; Horizon's API. Amounts have seven decimals, always written out.
"""

from __future__ import annotations

from merkle_por.amounts import EXACT, amount
from merkle_por.errors import Incomplete, Malformed
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

DECIMALS = 7
NATIVE = "native"


class Stellar(Service):
    """One Horizon service."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        root = self.mapping(self.http.get("/"))
        self.same_chain(root.get("network_passphrase"))
        return Block(self.integer(root.get("history_latest_ledger"), "a ledger's number"))

    def balance(self, query: Query, block: Block) -> Figure:
        try:
            found = self.mapping(self.http.get(f"/accounts/{self.safe(query.address)}"))
        except RestError as error:
            if error.status == 404:
                raise self.unknown_account() from None
            if error.status == 400:
                raise Incomplete("bad-address", "not the address of an account") from None
            raise
        if found.get("account_id") != query.address:
            raise self.http.nonsense("another account than was asked for")
        matching = []
        for line in map(self.mapping, self.items(found.get("balances"))):
            if line.get("asset_type") == NATIVE:
                name = None
            else:
                name = f"{line.get('asset_code')}:{line.get('asset_issuer')}"
            if name == query.token and "pool" not in str(line.get("asset_type")):
                matching.append(line.get("balance"))
        if not matching:
            raise self.unknown_account()
        if len(matching) > 1:
            raise self.http.nonsense("one asset twice")
        try:
            coins = amount(matching[0], "balance", decimals=DECIMALS, negative=False)
        except Malformed:
            raise self.http.nonsense("something else than an amount") from None
        return Figure(int(coins.scaleb(DECIMALS, EXACT)), DECIMALS)
