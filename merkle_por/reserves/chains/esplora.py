"""Bitcoin balances at a height from an index service with Esplora's HTTP API.

The whole history of an address is read, 25 transactions a page, and summed up to the height: what
its outputs received less what its inputs spent. The history must be as long as the service itself
says and each spending must spend something seen; that a service leaves out both a spending and its
count can't be seen: such a figure is `agreed` at most, never proved.
Source: specs/onchain-balances.md; Esplora's API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from merkle_por.errors import Incomplete
from merkle_por.merkle import spv
from merkle_por.reserves.chains.http import RestError
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.plain import Endpoint
from merkle_por.reserves.chains.transactions import MAX_MONEY, Outpoint
from merkle_por.reserves.chains.utxo_chains import DECIMALS, block_hash, check_chain, script_of

MAX_HISTORY = 20_000
"""Transactions of one address; busier ones are a case for an own node."""
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:")


class Esplora(Endpoint):
    """One Esplora service."""

    def pin(self, at: int | str | None) -> Block:
        tip = self._number(self.http.get("/blocks/tip/height", text=True))
        check_chain(self.http, self.chain, self._hash_at, tip)
        if isinstance(at, str):
            hash = at.removeprefix("0x")
        else:
            hash = self._hash_at(tip if at is None else at)
        found = self._object(self._found(f"/block/{self._safe(hash)}"))
        if found.get("id") != hash:
            raise self.http.nonsense("another block than the one that was asked for")
        height, time = found.get("height"), found.get("timestamp")
        if type(height) is not int or self._hash_at(height) != hash:
            raise Incomplete("block-unknown", f"{self.source}: the block is not on its chain")
        return Block(height, hash, time if type(time) is int else None)

    def _hash_at(self, height: int) -> str:
        hash = block_hash(self._found(f"/block-height/{height}", text=True))
        if hash is None:
            raise self.http.nonsense("something else than a block's hash")
        return hash

    def header(self, hash: str) -> bytes:
        """The bytes of a block's header. Raises Incomplete."""
        try:
            return bytes.fromhex(self._found(f"/block/{self._safe(hash)}/header", text=True))
        except ValueError:
            raise self.http.nonsense("something else than a header") from None

    def _found(self, path: str, *, text: bool = False) -> Any:
        try:
            return self.http.get(path, text=text)
        except RestError as error:
            if error.status == 404:
                raise Incomplete("block-unknown", f"{self.source} has no such block") from None
            raise

    def _number(self, value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
            return int(value)
        if type(value) is int and value >= 0:
            return value
        raise self.http.nonsense("something else than a number")

    def _object(self, value: object) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.http.nonsense("something else than an object")
        return value

    def _safe(self, text: str) -> str:
        if not text or len(text) > 120 or not _SAFE.issuperset(text):
            raise Incomplete("bad-address", "the address does not decode as one of its chain")
        return text

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        answers: list[Answer] = []
        for query in queries:
            try:
                if query.token is not None:
                    raise Incomplete("unknown-token", f"{self.chain.name} has no tokens")
                answers.append(Figure(self._balance(query.address, block), DECIMALS))
            except Incomplete as error:
                answers.append(error)
        return answers

    def _balance(self, address: str, block: Block) -> int:
        script = None
        if self.http.node.option("genesis") is None:
            script = script_of(self.chain.coin, address).hex()
        received: dict[Outpoint, int] = {}
        spent: set[Outpoint] = set()
        try:
            for item in self._history(self._safe(address), block):
                status = self._object(item["status"])
                if self._number(status["block_height"]) > block.height:
                    continue
                for index, out in enumerate(item["vout"]):
                    if _is(out, script, address):
                        received[Outpoint(item["txid"], index)] = self._satoshi(out["value"])
                for spend in item["vin"]:
                    previous = spend.get("prevout")
                    if previous is not None and _is(previous, script, address):
                        spent.add(Outpoint(spend["txid"], self._number(spend["vout"])))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self.http.nonsense("transactions that can't be read") from None
        if not spent <= received.keys():
            raise self.http.nonsense("a history that spends what it never received")
        return sum(value for place, value in received.items() if place not in spent)

    def _satoshi(self, value: object) -> int:
        if type(value) is not int or not 0 <= value <= MAX_MONEY:
            raise self.http.nonsense("something else than an amount")
        return value

    def _history(self, address: str, block: Block) -> list[Mapping[str, Any]]:
        """All confirmed transactions of an address; their number must be the stated one."""
        # Asked first: a transaction that comes in between makes the two differ, not agree.
        stats = self._object(self.http.get(f"/address/{address}", block=block.hash))
        count = self._number(self._object(stats.get("chain_stats")).get("tx_count"))
        if count > MAX_HISTORY:
            raise Incomplete("too-big", f"the address has {count} transactions: ask an own node")
        found: dict[str, Mapping[str, Any]] = {}
        path = f"/address/{address}/txs/chain"
        while len(found) <= count:
            page = self.http.get(path, block=block.hash)
            if not isinstance(page, list):
                raise self.http.nonsense("something else than a list of transactions")
            if not page:
                break
            for item in page:
                txid = block_hash(self._object(item).get("txid"))
                if txid is None or txid in found:
                    raise self.http.nonsense("a transaction twice, or without its id")
                found[txid] = item
            path = f"/address/{address}/txs/chain/{txid}"
        if len(found) != count:
            raise self.http.nonsense(f"{len(found)} transactions of an address that has {count}")
        return list(found.values())

    def deposit(self, txid: str, block: Block) -> bool:
        """Whether the service proves that a transaction is in the block (merkleblock).

        Raises Incomplete where it can't, Finding where its proof fails.
        """
        text = self.http.get(f"/tx/{self._safe(txid)}/merkleblock-proof", text=True)
        try:
            shown = spv.merkleblock(bytes.fromhex(text))
        except ValueError:
            raise self.http.nonsense("something else than a proof") from None
        return shown.block_hash == block.hash and txid in shown.txids


def _is(out: Mapping[str, Any], script: str | None, address: str) -> bool:
    if script is not None:
        return bool(out["scriptpubkey"] == script)
    return bool(out.get("scriptpubkey_address") == address)
