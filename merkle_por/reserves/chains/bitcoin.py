"""Own nodes of the Bitcoin kind (Bitcoin Core's RPC): balances by a scan of all unspent outputs.

One scan serves any number of addresses, but sees the tip only. A past height is reached exactly in
one of two ways: by default the blocks after it are read once more, and what they spent is added
back (outputs that did not exist then are left out); with the option `#rewind=yes`, and only then,
the node itself is set back with invalidateblock, scanned, and set forward with reconsiderblock:
while that runs the node serves nobody else. A height further back than REPLAY blocks without that
option is `history-unavailable`. Outputs to bare public keys are no address's and are not counted.
Source: specs/onchain-balances.md, specs/bitmex-reserves.md ("on-chain step").
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from merkle_por.errors import Incomplete, Malformed
from merkle_por.reserves.chains import transactions
from merkle_por.reserves.chains.http import Call, RpcError
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.plain import Endpoint
from merkle_por.reserves.chains.transactions import Outpoint
from merkle_por.reserves.chains.utxo_chains import (
    DECIMALS,
    block_hash,
    check_chain,
    satoshi,
)

REPLAY = 2016
"""Blocks that are read once more at most (two weeks of Bitcoin); `#replay=N` says otherwise."""
GROWTH = 100
"""Blocks that may be found while a scan runs."""
SCAN_SECONDS = 3600.0
"""A scan of the main network takes minutes."""
RECOVER_SECONDS = 600.0
VERSION = "1.0"
_RPC_BUSY, _RPC_LOADING = -8, -28


@dataclass(frozen=True, slots=True)
class Unspent:
    """An output as a node states it. value: satoshi. height: of its block."""

    value: int
    script: bytes
    height: int


class Core(Endpoint):
    """One node with Bitcoin Core's RPC."""

    def call(self, method: str, *params: Any, block: str | None = None) -> Any:
        return self.http.call(method, params, block=block, version=VERSION)

    # -- block ------------------------------------------------------------------------------

    def pin(self, at: int | str | None) -> Block:
        try:
            tip = self._height(self.call("getblockcount"))
            check_chain(self.http, self.chain, self._hash_at, tip)
            if isinstance(at, str):
                hash = at.removeprefix("0x")
            else:
                hash = self._hash_at(tip if at is None else at)
            return self._block(hash)
        except RpcError as error:
            raise self._explained(error) from None

    def _hash_at(self, height: int) -> str:
        hash = block_hash(self.call("getblockhash", height))
        if hash is None:
            raise self.http.nonsense("something else than a block's hash")
        return hash

    def _block(self, hash: str) -> Block:
        header = self.call("getblockheader", hash)
        if not isinstance(header, Mapping) or header.get("hash") != hash:
            raise self.http.nonsense("another block than the one that was asked for")
        confirmations = header.get("confirmations")
        if not isinstance(confirmations, int) or confirmations < 1:
            raise Incomplete("block-unknown", f"{self.source}: the block is not on its chain")
        time = header.get("time")
        return Block(self._height(header.get("height")), hash, time if type(time) is int else None)

    def _height(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.http.nonsense("something else than a height")
        return value

    # -- balances ---------------------------------------------------------------------------

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        answers: list[Answer] = [
            Incomplete("unknown-token", f"{self.chain.name} has no tokens") for _ in queries
        ]
        coins = [place for place, query in enumerate(queries) if query.token is None]
        scripts: dict[int, bytes] = {}
        addresses = [queries[place].address for place in coins]
        for place, script in zip(coins, self._scripts(addresses), strict=True):
            if isinstance(script, Incomplete):
                answers[place] = script
            else:
                scripts[place] = script
        try:
            sums = self._sums(set(scripts.values()), block)
        except RpcError as error:
            explained = self._explained(error)
            sums = dict.fromkeys(scripts.values(), explained)
        except Incomplete as error:
            sums = dict.fromkeys(scripts.values(), error)
        for place, script in scripts.items():
            answers[place] = sums[script]
        return answers

    def _scripts(self, addresses: Sequence[str]) -> list[bytes | Incomplete]:
        """The output scripts of addresses, as the node reads them (on any network)."""
        calls = [Call("validateaddress", [address]) for address in addresses]
        found: list[bytes | Incomplete] = []
        # What an address means no block changes; the first one stands for all in the memory.
        for answer in self.http.calls(calls, block=str(self.chain.id)):
            if isinstance(answer, Incomplete):
                found.append(answer)
            elif not isinstance(answer, Mapping) or answer.get("isvalid") is not True:
                found.append(Incomplete("bad-address", "the address is not one of its chain"))
            else:
                try:
                    found.append(_unhex(answer.get("scriptPubKey")))
                except Malformed:
                    found.append(self.http.nonsense("something else than a script"))
        return found

    def _sums(self, scripts: set[bytes], block: Block) -> Mapping[bytes, Answer]:
        """The balance of each script at the block."""
        if not scripts:
            return {}
        tip = self._height(self.call("getblockcount"))
        far = tip - block.height > self._most()
        if self.http.node.option("rewind") == "yes" and tip > block.height:
            with self._rewound(block):
                return _summed(self._at(scripts, block), scripts)
        if far:
            raise Incomplete(
                "history-unavailable",
                f"block {block.height} lies {tip - block.height} blocks back; add #rewind=yes to "
                "let this node be set back to it for a while, or #replay=N to read N blocks again",
            )
        return _summed(self._at(scripts, block), scripts)

    def _most(self) -> int:
        """Blocks that may be read once more."""
        named = self.http.node.option("replay") or ""
        return int(named) if named.isascii() and named.isdigit() and len(named) < 10 else REPLAY

    def _at(self, scripts: set[bytes], block: Block) -> dict[Outpoint, Unspent]:
        """Unspent outputs of the scripts at the block: the tip's, less what came after, and what
        was spent after."""
        found, tip = self._scan(scripts, block.hash)
        unspent = {place: out for place, out in found.items() if out.height <= block.height}
        if tip != block.hash:
            for place, spent in self.spent_after(block, tip):
                if spent.height <= block.height and spent.script in scripts:
                    unspent[place] = spent
        return unspent

    def _scan(self, scripts: set[bytes], block: str | None) -> tuple[dict[Outpoint, Unspent], str]:
        """All unspent outputs of the scripts at the tip, and the tip's hash."""
        wanted = [f"raw({script.hex()})" for script in sorted(scripts)]
        try:
            answer = self.http.call(
                "scantxoutset",
                ["start", wanted],
                block=block,
                seconds=SCAN_SECONDS,
                version=VERSION,
            )
        except RpcError as error:
            if error.code == _RPC_BUSY and "progress" in error.message:
                text = f"another scan is running on {self.source}; try again when it has ended"
                raise Incomplete("node-error", text) from None
            raise
        tip = block_hash(answer.get("bestblock")) if isinstance(answer, Mapping) else None
        if tip is None or answer.get("success") is not True:
            raise self.http.nonsense("a scan that did not succeed")
        found: dict[Outpoint, Unspent] = {}
        try:
            for item in answer["unspents"]:
                place = Outpoint(_txid(item["txid"]), self._height(item["vout"]))
                out = Unspent(
                    satoshi(item["amount"]),
                    _unhex(item["scriptPubKey"]),
                    self._height(item["height"]),
                )
                if place in found or out.script not in scripts:
                    raise Malformed("bad-row", "an output twice, or one not asked for")
                found[place] = out
            if sum(out.value for out in found.values()) != satoshi(answer["total_amount"]):
                raise Malformed("sum-mismatch", "outputs that are not the total")
        except (Malformed, KeyError, TypeError):
            raise self.http.nonsense("a scan that can't be read or does not add up") from None
        return found, tip

    # -- blocks after the height ------------------------------------------------------------

    def spent_after(self, block: Block, tip: str) -> Iterator[tuple[Outpoint, Unspent]]:
        """Every output that blocks after `block`, up to the one with hash `tip`, have spent.

        height: of the block that made it; for one made after `block` a later one.
        Raises Incomplete.
        """
        previous, height = block.hash, block.height
        while previous != tip:
            height += 1
            if height - block.height > self._most() + GROWTH:
                raise self.http.nonsense("more blocks than it says there are")
            hash = self._hash_at(height)
            found = self._whole_block(hash)
            if found.get("previousblockhash") != previous or found.get("hash") != hash:
                text = "the chain was reorganised while it was read"
                raise Incomplete("block-changed", text)
            previous = hash
            yield from self._spent(found, height, block.height)

    def _whole_block(self, hash: str) -> Mapping[str, Any]:
        """A block with the outputs that it spends, where the node tells them (Core >= 23)."""
        try:
            found = self.call("getblock", hash, 3, block=hash)
        except RpcError as error:
            if error.code == -1 or "not available (pruned" in error.message:
                raise
            found = self.call("getblock", hash, 2, block=hash)
        if not isinstance(found, Mapping) or not isinstance(found.get("tx"), list):
            raise self.http.nonsense("something else than a block")
        return found

    def _spent(
        self, found: Mapping[str, Any], height: int, since: int
    ) -> Iterator[tuple[Outpoint, Unspent]]:
        unknown: list[Outpoint] = []
        try:
            for transaction in found["tx"]:
                for item in transaction["vin"]:
                    if "coinbase" in item:
                        continue
                    place = Outpoint(_txid(item["txid"]), self._height(item["vout"]))
                    previous = item.get("prevout")
                    if previous is None:
                        unknown.append(place)
                        continue
                    yield (
                        place,
                        Unspent(
                            satoshi(previous["value"]),
                            _unhex(previous["scriptPubKey"]["hex"]),
                            self._height(previous["height"]),
                        ),
                    )
        except (Malformed, KeyError, TypeError, AttributeError):
            raise self.http.nonsense("a block that can't be read") from None
        yield from self._looked_up(unknown, since)

    def _looked_up(self, places: list[Outpoint], since: int) -> Iterator[tuple[Outpoint, Unspent]]:
        """Outputs by their transactions: an older node needs its index (-txindex) for that."""
        calls = [Call("getrawtransaction", [place.txid, True]) for place in places]
        heights: dict[str, int] = {}
        for place, answer in zip(places, self.http.calls(calls), strict=True):
            if isinstance(answer, Incomplete):
                raise Incomplete(
                    "history-unavailable",
                    f"{self.source} does not tell what its blocks spent: it needs -txindex=1, a "
                    "newer version, or #rewind=yes",
                )
            try:
                spent = transactions.parse(_unhex(answer["hex"]))
                made = block_hash(answer["blockhash"])
                if spent.txid != place.txid or made is None:
                    raise Malformed("bad-transaction", "another transaction")
                output = spent.outputs[place.index]
            except (Malformed, KeyError, TypeError, IndexError):
                raise self.http.nonsense("another transaction than was asked for") from None
            if made not in heights:
                heights[made] = self._block(made).height
            yield place, Unspent(output.value, output.script, heights[made])

    # -- rewinding --------------------------------------------------------------------------

    @contextmanager
    def _rewound(self, block: Block) -> Iterator[None]:
        """The node's chain ends at the block. Only ever done where the user said #rewind=yes."""
        child = self._hash_at(block.height + 1)
        before = block_hash(self.call("getbestblockhash"))
        try:
            self.http.call("invalidateblock", [child], seconds=SCAN_SECONDS, version=VERSION)
            if self.call("getbestblockhash") != block.hash:
                raise Incomplete("node-error", f"{self.source} could not be set back")
            yield
        finally:
            self._restore(child, before)

    def _restore(self, child: str, before: str | None) -> None:
        hint = f"{self.source} was left set back: run reconsiderblock {child} on it"
        try:
            self.http.call("reconsiderblock", [child], seconds=SCAN_SECONDS, version=VERSION)
            ends = time.monotonic() + RECOVER_SECONDS
            while before is not None and self._block_or_none(before) is None:
                if time.monotonic() > ends:
                    raise Incomplete("node-error", hint)
                self.http.sleep(0.2)
        except RpcError:
            raise Incomplete("node-error", hint) from None

    def _block_or_none(self, hash: str) -> Block | None:
        try:
            return self._block(hash)
        except Incomplete:
            return None

    # -- single outputs ---------------------------------------------------------------------

    def outputs(
        self, places: Mapping[Outpoint, str | None], block: Block
    ) -> dict[Outpoint, Unspent | Incomplete]:
        """Outputs that were unspent at the block, others as the reason why not.

        places: outpoint -> hash of the block that made it, where known (a node without an index
        needs it for outputs that were spent since).
        """
        tip = self._height(self.call("getblockcount"))
        best = self._hash_at(tip)
        calls = [Call("gettxout", [place.txid, place.index, False]) for place in places]
        found: dict[Outpoint, Unspent | Incomplete] = {}
        missing: set[Outpoint] = set()
        for place, answer in zip(places, self.http.calls(calls), strict=True):
            if isinstance(answer, Incomplete):
                found[place] = answer
            elif answer is None:
                missing.add(place)
            else:
                found[place] = self._existing(answer, best, tip, block)
        if missing and tip > block.height:
            for place, spent in self.spent_after(block, best):
                if place in missing:
                    found[place] = _made_by(spent, block)
        for place in missing - found.keys():
            text = "the output was spent before the block, or never existed"
            found[place] = Incomplete("output-spent", text)
        return found

    def _existing(self, answer: Any, best: str, tip: int, block: Block) -> Unspent | Incomplete:
        try:
            if answer["bestblock"] != best:
                return Incomplete("block-changed", "the chain grew while it was read")
            height = tip - self._height(answer["confirmations"]) + 1
            script = _unhex(answer["scriptPubKey"]["hex"])
            out = Unspent(satoshi(answer["value"]), script, height)
        except (Malformed, KeyError, TypeError):
            return self.http.nonsense("something else than an output")
        return _made_by(out, block)

    def header(self, hash: str) -> bytes:
        """The bytes of a block's header. Raises Incomplete."""
        try:
            return _unhex(self.call("getblockheader", hash, False, block=hash))
        except RpcError as error:
            raise self._explained(error) from None
        except Malformed:
            raise self.http.nonsense("something else than a header") from None

    def script_of(self, address: str) -> bytes:
        """The output script of an address, as the node reads it. Raises Incomplete."""
        [script] = self._scripts([address])
        if isinstance(script, Incomplete):
            raise script
        return script

    def transaction(
        self, txid: str, made_in: str | None = None
    ) -> tuple[transactions.Transaction, Block]:
        """A mined transaction and its block. Raises Incomplete (also where the node has no index
        and made_in, the hash of its block, is not given)."""
        params: list[Any] = [txid, True] if made_in is None else [txid, True, made_in]
        try:
            answer = self.call("getrawtransaction", *params)
        except RpcError as error:
            raise Incomplete("txid-not-found", error.text) from None
        try:
            found = transactions.parse(_unhex(answer["hex"]))
            hash = block_hash(answer["blockhash"])
        except (Malformed, KeyError, TypeError):
            raise self.http.nonsense("a transaction that can't be read or is not mined") from None
        if found.txid != txid or hash is None:
            raise self.http.nonsense("another transaction than was asked for")
        return found, self._block(hash)

    # -- errors -----------------------------------------------------------------------------

    def _explained(self, error: RpcError) -> Incomplete:
        message = error.message.lower()
        if "pruned" in message:
            return Incomplete("history-unavailable", f"{error.text}; it keeps no such block")
        if "out of range" in message or "block not found" in message:
            return Incomplete("block-unknown", error.text)
        if error.code == _RPC_LOADING:
            return Incomplete("node-unreachable", f"{error.text}; the node is starting")
        return error


def _made_by(out: Unspent, block: Block) -> Unspent | Incomplete:
    if out.height > block.height:
        return Incomplete("output-spent", "the output was made after the block")
    return out


def _summed(unspent: Mapping[Outpoint, Unspent], scripts: set[bytes]) -> dict[bytes, Answer]:
    sums = dict.fromkeys(scripts, 0)
    for out in unspent.values():
        sums[out.script] += out.value
    return {script: Figure(value, DECIMALS) for script, value in sums.items()}


def _unhex(value: object) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * transactions.MAX_BYTES:
        raise Malformed("wrong-type", "not bytes in hexadecimal")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Malformed("bad-hash", "not bytes in hexadecimal") from None


def _txid(value: object) -> str:
    found = block_hash(value)
    if found is None:
        raise Malformed("bad-hash", "not a transaction's id")
    return found
