"""Starknet over JSON-RPC: STRK, ETH and other ERC-20 tokens at a block, by the contracts' own word.

Every coin there is a token; amounts are two numbers below 2^128. Source: specs/onchain-balances.md;
Starknet's JSON-RPC specification.
"""

from __future__ import annotations

from typing import Any

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RpcError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service
from merkle_por.reserves.ownership.stark import selector

STRK = "0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"
FELT_LIMIT = 2**251 + 17 * 2**192 + 1
HALF = 1 << 128
MAX_DECIMALS = 77
BLOCK_NOT_FOUND, CONTRACT_NOT_FOUND = 24, 20


class Starknet(Service):
    """One node."""

    def pin(self, at: int | str | None) -> Block:
        self.same_chain(self.http.call("starknet_chainId"))
        if at is None:
            id: Any = "latest"
        else:
            id = {"block_hash": at} if isinstance(at, str) else {"block_number": at}
        try:
            found = self.mapping(self.http.call("starknet_getBlockWithTxHashes", [id]))
        except RpcError as error:
            if error.code == BLOCK_NOT_FOUND:
                raise Incomplete("block-unknown", error.text) from None
            raise
        height = self.integer(found.get("block_number"), "a height")
        hash = self.text(found.get("block_hash"), "a block's hash")
        if at not in (None, height) and self._felt(hash) != self._felt(at):
            raise self.http.nonsense("another block than the one that was asked for")
        return Block(height, hash, self.integer(found.get("timestamp"), "a time"))

    def _felt(self, value: object) -> int:
        text = value if isinstance(value, str) else ""
        digits = text[2:]
        if text[:2] != "0x" or not 0 < len(digits) <= 64 or set(digits.lower()) - _DIGITS:
            raise self.http.nonsense("something else than a field element")
        number = int(digits, 16)
        if number >= FELT_LIMIT:
            raise self.http.nonsense("something else than a field element")
        return number

    def balance(self, query: Query, block: Block) -> Figure:
        digits = query.address.lower().removeprefix("0x")
        if not 0 < len(digits) <= 64 or set(digits) - _DIGITS or int(digits, 16) >= FELT_LIMIT:
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        token = query.token or STRK
        low, high = self._call(token, "balanceOf", [hex(int(digits, 16))], block, 2)
        if low >= HALF or high >= HALF:
            raise self.http.nonsense("something else than an amount")
        [decimals] = self._call(token, "decimals", [], block, 1)
        if decimals > MAX_DECIMALS:
            raise self.http.nonsense(f"{decimals} as the token's number of decimals")
        return self.figure(low + high * HALF, decimals)

    def _call(
        self, token: str, function: str, data: list[str], block: Block, count: int
    ) -> list[int]:
        """The numbers that a contract's function answers."""
        call = {
            "contract_address": token,
            "entry_point_selector": hex(selector(function)),
            "calldata": data,
        }
        at = {"block_hash": block.hash}
        try:
            found = self.items(self.http.call("starknet_call", [call, at], block=block.hash))
        except RpcError as error:
            if error.code == CONTRACT_NOT_FOUND:
                raise Incomplete("unknown-token", error.text) from None
            raise
        if len(found) != count:
            raise self.http.nonsense("something else than the contract's number")
        return [self._felt(value) for value in found]


_DIGITS = frozenset("0123456789abcdef")
