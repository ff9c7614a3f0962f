"""Cardano through an index: Koios (the present, or a past block) or Blockfrost (the present).

For a past block the history of an address is read from Koios and its unspent outputs at the block
are summed up, as for Bitcoin. A transaction whose script failed spends its collateral in place of
its inputs: an address with such a one is left unknown. Only lovelace is read, no other tokens.
Source: specs/onchain-balances.md; the services' API documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.plain import Service

PAGE = 1000
"""Rows that Koios answers at most."""
AT_ONCE = 50
MAX_HISTORY = 20_000
ORDER = "block_height.asc,tx_hash.asc"
LOVELACE = "lovelace"


class Koios(Service):
    """One Koios service; its URL ends in /api/v1."""

    def pin(self, at: int | str | None) -> Block:
        if at is None:
            rows = self.items(self.http.get("/tip"))
        elif isinstance(at, int):
            query = {"block_height": f"eq.{at}", "select": "hash,block_height,block_time"}
            rows = self.items(self.http.get("/blocks", query))
        else:
            rows = self.items(self.http.post("/block_info", {"_block_hashes": [at]}))
        if len(rows) != 1:
            raise Incomplete("block-unknown", f"{self.source} does not have the block")
        row = self.mapping(rows[0])
        height = self.integer(row.get("block_no", row.get("block_height")), "a height")
        hash = self.text(row.get("hash"), "a block's hash")
        if at not in (None, height, hash):
            raise self.http.nonsense("another block than the one that was asked for")
        # The present is not pinned: its figures may be of a later block.
        return Block(height, None if at is None else hash, self._time(row.get("block_time")))

    def _time(self, value: object) -> int:
        return self.integer(value, "a time")

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        return self.each(
            queries,
            lambda query: self._present(query) if block.hash is None else self._past(query, block),
        )

    def _present(self, query: Query) -> Figure:
        self.no_token(query)
        rows = self.items(self.http.post("/address_info", {"_addresses": [query.address]}))
        if not rows:
            raise self.unknown_account()
        row = self.mapping(rows[0])
        if len(rows) != 1 or row.get("address") != query.address:
            raise self.http.nonsense("another address than was asked for")
        return self.figure(row.get("balance"))

    def _past(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        hashes = self._history(self.safe(query.address), block)
        if not hashes:
            raise self.unknown_account()
        received: dict[tuple[str, int], int] = {}
        spent: set[tuple[str, int]] = set()
        for start in range(0, len(hashes), AT_ONCE):
            wanted = hashes[start : start + AT_ONCE]
            body = {"_tx_hashes": wanted, "_inputs": True, "_scripts": True}
            found = [
                self.mapping(t)
                for t in self.items(self.http.post("/tx_info", body, block=block.hash))
            ]
            if sorted(str(t.get("tx_hash")) for t in found) != sorted(wanted):
                raise self.http.nonsense("other transactions than were asked for")
            for transaction in found:
                self._succeeded(transaction)
                received.update(self._own(transaction.get("outputs"), query.address))
                spent.update(self._own(transaction.get("inputs"), query.address))
        if not spent <= received.keys():
            raise self.http.nonsense("a history that spends what it never received")
        return self.figure(sum(v for place, v in received.items() if place not in spent))

    def _history(self, address: str, block: Block) -> list[str]:
        """Ids of the address's transactions up to the block."""
        hashes: list[str] = []
        while len(hashes) < MAX_HISTORY:
            body = {"_addresses": [address], "_after_block_height": 0}
            page = self.items(
                self.http.post(
                    "/address_txs",
                    body,
                    {"order": ORDER, "offset": len(hashes), "limit": PAGE},
                    block=block.hash,
                )
            )
            for item in map(self.mapping, page):
                height = self.integer(item.get("block_height"), "a height")
                hashes.append(self.text(item.get("tx_hash")) if height <= block.height else "")
            if len(page) < PAGE:
                found = [hash for hash in hashes if hash]
                if len(set(found)) != len(found):
                    raise self.http.nonsense("one transaction twice")
                return found
        raise Incomplete("too-big", f"the address has more than {MAX_HISTORY} transactions")

    def _succeeded(self, transaction: Any) -> None:
        contracts = transaction.get("plutus_contracts") or []
        if any(self.mapping(c).get("valid_contract") is False for c in self.items(contracts)):
            text = "a transaction of the address failed in its script: its coins are not followed"
            raise Incomplete("no-rule", text)

    def _own(self, outputs: object, address: str) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        for out in map(self.mapping, self.items(outputs)):
            if self.mapping(out, "payment_addr").get("bech32") == address:
                place = (
                    self.text(out.get("tx_hash")),
                    self.integer(out.get("tx_index"), "a place"),
                )
                found[place] = self.integer(out.get("value"), "an amount")
        return found


class Blockfrost(Service):
    """One Blockfrost service; its key goes into a header: #header=project_id: ${NAME}."""

    def pin(self, at: int | str | None) -> Block:
        self.no_history(at)
        found = self.mapping(self.http.get("/blocks/latest"))
        height = self.integer(found.get("height"), "a height")
        return Block(height, None, self.integer(found.get("time"), "a time"))

    def balance(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        try:
            found = self.mapping(self.http.get(f"/addresses/{self.safe(query.address)}"))
        except RestError as error:
            if error.status == 404:
                raise self.unknown_account() from None
            if error.status == 400:
                raise Incomplete("bad-address", error.text) from None
            raise
        if found.get("address") != query.address:
            raise self.http.nonsense("another address than was asked for")
        amounts = [self.mapping(a) for a in self.items(found.get("amount"))]
        own = [a.get("quantity") for a in amounts if a.get("unit") == LOVELACE]
        if len(own) != 1:
            raise self.http.nonsense("something else than one amount of lovelace")
        return self.figure(own[0])
