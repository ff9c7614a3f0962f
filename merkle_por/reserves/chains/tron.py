"""TRON full nodes (HTTP API below /wallet): TRX at a block if the node keeps history, TRC-20 now.

A full node answers for a past block only if its history of balances is switched on
(/wallet/getaccountbalance); tokens it reads at its latest block only. The present is not pinned to
a block: such a figure is one source's. Source: specs/onchain-balances.md; TRON's HTTP API.
"""

from __future__ import annotations

from typing import Any

from merkle_por.errors import Incomplete, Malformed
from merkle_por.reserves.chains import abi
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service
from merkle_por.reserves.ownership.addresses import tron_text
from merkle_por.reserves.ownership.encodings import base58

NOW = "the balance of the present: the node keeps no history of it"
MAX_DECIMALS = 77


class Tron(Service):
    """One full node."""

    def pin(self, at: int | str | None) -> Block:
        first = self.mapping(self.http.post("/wallet/getblockbynum", {"num": 0}))
        self.same_chain(first.get("blockID"))
        if isinstance(at, str):
            raise Incomplete("block-unknown", f"{self.source} finds blocks by height only")
        if at is None:
            found = self.mapping(self.http.post("/wallet/getnowblock", {}))
        else:
            found = self.mapping(self.http.post("/wallet/getblockbynum", {"num": at}))
            if "blockID" not in found:
                raise Incomplete("block-unknown", f"{self.source} does not have block {at}")
        header = self.mapping(found, "block_header", "raw_data")
        height = self.integer(header.get("number", 0), "a height")
        if at is not None and height != at:
            raise self.http.nonsense("another block than the one that was asked for")
        hash = None if at is None else self.text(found.get("blockID"), "a block's hash")
        return Block(height, hash, self.integer(header.get("timestamp", 0), "a time") // 1000)

    def balance(self, query: Query, block: Block) -> Figure:
        try:
            address = tron_text(query.address)
        except Malformed as error:
            raise Incomplete(error.reason, error.text) from None
        if query.token is not None:
            return self._token(address, query.token, block)
        if block.hash is None:
            found = self._post("/wallet/getaccount", {"address": address, "visible": True})
            if not found or found.get("address") != address:
                raise self.unknown_account()
            # A balance of zero is left out; the account itself is there.
            return self.figure(found.get("balance", 0), note=NOW)
        found = self._post(
            "/wallet/getaccountbalance",
            {
                "account_identifier": {"address": address},
                "block_identifier": {"hash": block.hash, "number": block.height},
                "visible": True,
            },
            block.hash,
        )
        if "balance" not in found:
            raise self.unknown_account()
        answered = self.mapping(found, "block_identifier")
        if answered.get("hash") != block.hash:
            raise self.http.nonsense("the balance at another block")
        return self.figure(found["balance"])

    def _post(self, path: str, body: Any, block: str | None = None) -> Any:
        try:
            found = self.mapping(self.http.post(path, body, block=block))
        except RestError as error:
            raise Incomplete("history-unavailable", error.text) from None
        if "Error" in found:
            message = self.http.cleaned(found["Error"])
            raise Incomplete("history-unavailable", f"{self.source} answers: {message}")
        return found

    def _token(self, address: str, token: str, block: Block) -> Figure:
        if block.hash is not None:
            self.no_history(block.height)
        account = base58.decode_check(address)
        assert account is not None  # tron_text has decoded it
        units = self._constant(token, "balanceOf(address)", account[1:].rjust(32, b"\0").hex())
        decimals = self._constant(token, "decimals()", "")
        if decimals > MAX_DECIMALS:
            raise self.http.nonsense(f"{decimals} as the token's number of decimals")
        return self.figure(units, decimals, NOW)

    def _constant(self, token: str, function: str, parameter: str) -> int:
        """The one number that a contract's function answers."""
        found = self.mapping(
            self.http.post(
                "/wallet/triggerconstantcontract",
                {
                    "owner_address": token,
                    "contract_address": token,
                    "function_selector": function,
                    "parameter": parameter,
                    "visible": True,
                },
            )
        )
        if self.mapping(found, "result").get("result") is not True:
            raise Incomplete("node-error", f"{self.source}: the contract refuses to answer")
        [*answers] = self.items(found.get("constant_result"))
        try:
            return abi.number(bytes.fromhex(answers[0] if len(answers) == 1 else ""))
        except (Malformed, ValueError, TypeError):
            raise self.http.nonsense("something else than the contract's number") from None
