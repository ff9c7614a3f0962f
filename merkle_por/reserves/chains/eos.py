"""EOS and its kin (nodeos' HTTP API): liquid balances of token contracts, the present only.

A token is named CONTRACT:SYMBOL; the chain's own coin is eosio.token:EOS (core.vaulta:A since the
chain was renamed). Amounts carry their decimals and symbol. Source: specs/onchain-balances.md.
"""

from __future__ import annotations

from merkle_por.amounts import EXACT, amount
from merkle_por.errors import Incomplete, Malformed
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service
from merkle_por.reserves.ownership.eos import parse_name

COIN = "eosio.token:EOS"
NOTE = "what the account has staked or lent is not counted"


class Eos(Service):
    """One node."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        found = self.mapping(self.http.post("/v1/chain/get_info", {}))
        self.same_chain(found.get("chain_id"))
        return Block(self.integer(found.get("head_block_num"), "a height"))

    def balance(self, query: Query, block: Block) -> Figure:
        try:
            name = parse_name(query.address)
        except Malformed as error:
            raise Incomplete(error.reason, error.text) from None
        contract, _, symbol = (query.token or COIN).partition(":")
        body = {"code": contract, "account": name, "symbol": symbol}
        try:
            found = self.items(self.http.post("/v1/chain/get_currency_balance", body))
        except RestError as error:
            raise Incomplete("node-error", error.text) from None
        if not found:
            raise self.unknown_account()
        text, _, stated = self.text(found[0]).partition(" ")
        if len(found) != 1 or stated != symbol:
            raise self.http.nonsense("another token than was asked for")
        try:
            coins = amount(text, "balance", negative=False)
        except Malformed:
            raise self.http.nonsense("something else than an amount") from None
        exponent = coins.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else 0
        return Figure(int(coins.scaleb(decimals, EXACT)), decimals, note=NOTE)
