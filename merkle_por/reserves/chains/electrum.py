"""Bitcoin balances at a height from an Electrum server (lines of JSON-RPC over TCP or TLS).

The server says which transactions touch a script; each is then fetched whole, its id computed from
its bytes, and its place in its block shown by a Merkle branch to a header that hashes to the pinned
chain's block. So what was received is shown; a spending that the server leaves out can't be seen:
such a figure is `agreed` at most. Source: specs/onchain-balances.md; ElectrumX protocol 1.4.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from merkle_por.documents import Limits, parse_json
from merkle_por.errors import Finding, Incomplete, Malformed
from merkle_por.merkle.spv import HEADER_BYTES, ROOT, TIME, double_sha256, shown
from merkle_por.reserves.chains import registry, transactions
from merkle_por.reserves.chains.http import CONNECT_SECONDS, READ_SECONDS, Http, RpcError
from merkle_por.reserves.chains.interface import Answer, Block, Figure, Query
from merkle_por.reserves.chains.transactions import Outpoint
from merkle_por.reserves.chains.utxo_chains import DECIMALS, block_hash, script_of

LINE_BYTES = 16 * 1024 * 1024
MAX_HISTORY = 20_000
PROTOCOL = "1.4"
MAX_BRANCH = 32


class Electrum:
    """One Electrum server: tcp://host:port or ssl://host:port."""

    def __init__(self, chain: registry.Chain, http: Http) -> None:
        self.chain = chain
        self.http = http  # its endpoint and memory; the transport is a line of text here
        self.source = http.node.source
        self.own = http.node.own
        self.seconds = READ_SECONDS
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._id = 0
        self._greeted = False

    # -- transport --------------------------------------------------------------------------

    def call(self, method: str, *params: Any, block: str | None = None) -> Any:
        """The result of one call. Raises Incomplete (RpcError for the server's error)."""
        key = f"{method} {json.dumps(params)}"
        kept = self.http.kept(block, key)
        if kept is not None:
            return kept
        self.http.still_asked()
        self._id += 1
        question = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)}
        try:
            answer = self._exchange(json.dumps(question).encode() + b"\n")
        except (OSError, ssl.SSLError):
            self._close()
            self.http.unanswered()
            raise Incomplete("node-unreachable", f"{self.source} can't be reached") from None
        self.http.answered()
        result = self.http.result(answer, self._id)
        self.http.keep(block, key, result)
        return result

    def _open(self) -> socket.socket:
        if self._socket is None:
            parts = urlsplit(self.http.node.base)
            if parts.hostname is None or parts.port is None:
                raise Incomplete("node-unreachable", f"{self.source}: an Electrum port is needed")
            made = socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS)
            if parts.scheme == "ssl":
                made = ssl.create_default_context().wrap_socket(
                    made, server_hostname=parts.hostname
                )
            self._socket, self._buffer = made, b""
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._greeted = False

    def _exchange(self, question: bytes) -> Any:
        """One answer, within a time for the whole of it. Notifications in between are skipped."""
        connection = self._open()
        ends = time.monotonic() + self.seconds
        connection.settimeout(self.seconds)
        connection.sendall(question)
        while True:
            line = self._line(connection, ends)
            try:
                answer = parse_json(line, Limits(json_depth=64))
            except Malformed:
                self._close()
                raise self.http.nonsense("something that can't be read") from None
            if isinstance(answer, Mapping) and "method" in answer and "id" not in answer:
                continue
            return answer

    def _line(self, connection: socket.socket, ends: float) -> bytes:
        while b"\n" not in self._buffer:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            part = connection.recv(1 << 16)
            if not part:
                raise ConnectionError
            self._buffer += part
            if len(self._buffer) > LINE_BYTES:
                self._close()
                raise Incomplete("too-big", f"{self.source} sends more than can be an answer")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def close(self) -> None:
        """Ends the connection."""
        self._close()

    def __del__(self) -> None:
        self._close()

    # -- block ------------------------------------------------------------------------------

    def pin(self, at: int | str | None) -> Block:
        if not self._greeted:
            # Once a connection: a second greeting is an error to most servers.
            self.call("server.version", "merkle-por", PROTOCOL)
            self._greeted = True
        if isinstance(at, str):
            raise Incomplete("block-unknown", f"{self.source} finds blocks by height only")
        features = self.call("server.features")
        genesis = features.get("genesis_hash") if isinstance(features, Mapping) else None
        if genesis != (self.http.node.option("genesis") or self.chain.id):
            raise Incomplete("chain-mismatch", f"{self.source} does not serve {self.chain.name}")
        tip = self.call("blockchain.headers.subscribe")
        top = tip.get("height") if isinstance(tip, Mapping) else None
        if type(top) is not int:
            raise self.http.nonsense("something else than the latest block")
        fork = self.chain.fork
        if fork and self.http.node.option("genesis") is None and top >= fork[0]:
            found = shown(double_sha256(self._header(fork[0])))
            if found != fork[1]:
                text = f"{self.source} does not serve {self.chain.name}"
                raise Incomplete("chain-mismatch", text)
        height = top if at is None else at
        if height > top:
            raise Incomplete("block-unknown", f"{self.source} has {top} blocks only")
        header = self._header(height)
        seconds = int.from_bytes(header[TIME], "little")
        return Block(height, shown(double_sha256(header)), seconds)

    def _header(self, height: int) -> bytes:
        header = self._bytes(self.call("blockchain.block.header", height))
        if len(header) != HEADER_BYTES:
            raise self.http.nonsense("a header of another length than Bitcoin's")
        return header

    def _bytes(self, value: object) -> bytes:
        try:
            return bytes.fromhex(value) if isinstance(value, str) else b""
        except ValueError:
            raise self.http.nonsense("something else than bytes in hexadecimal") from None

    # -- balances ---------------------------------------------------------------------------

    def ask(self, queries: Sequence[Query], block: Block) -> list[Answer]:
        answers: list[Answer] = []
        for query in queries:
            try:
                if query.token is not None:
                    raise Incomplete("unknown-token", f"{self.chain.name} has no tokens")
                answers.append(Figure(self._balance(self._script(query.address), block), DECIMALS))
            except Incomplete as error:
                answers.append(error)
            except Finding as error:
                answers.append(Incomplete(error.reason, f"{self.source}: {error.text}"))
        return answers

    def _script(self, address: str) -> bytes:
        """raw:HEX names a script itself (test networks, multisig without an address)."""
        if address.startswith("raw:"):
            return self._bytes(address[4:])
        return script_of(self.chain.coin, address)

    def _balance(self, script: bytes, block: Block) -> int:
        name = sha256(script).digest()[::-1].hex()
        history = self.call("blockchain.scripthash.get_history", name, block=block.hash)
        if not isinstance(history, list):
            raise self.http.nonsense("something else than a history")
        if len(history) > MAX_HISTORY:
            raise Incomplete("too-big", f"the address has {len(history)} transactions")
        unspent: dict[Outpoint, int] = {}
        spent: set[Outpoint] = set()
        seen: set[str] = set()
        for item in history:
            txid = block_hash(item.get("tx_hash")) if isinstance(item, Mapping) else None
            height = item.get("height") if isinstance(item, Mapping) else None
            if txid is None or type(height) is not int or txid in seen:
                raise self.http.nonsense("a history that can't be read")
            seen.add(txid)
            if not 0 < height <= block.height:
                continue  # later, or not in a block yet
            found = self._transaction(txid, height)
            for index, out in enumerate(found.outputs):
                if out.script == script:
                    unspent[Outpoint(txid, index)] = out.value
            spent.update(item.previous for item in found.inputs)
        return sum(value for place, value in unspent.items() if place not in spent)

    def _transaction(self, txid: str, height: int) -> transactions.Transaction:
        """A transaction by its bytes, shown to be in the block at `height`."""
        try:
            raw = self._bytes(self.call("blockchain.transaction.get", txid, block=txid))
            branch = self.call("blockchain.transaction.get_merkle", txid, height, block=txid)
        except RpcError as error:
            raise Incomplete("node-error", error.text) from None
        found = transactions.parse(raw)
        if found.txid != txid:
            raise self.http.nonsense("another transaction than was asked for")
        root = self._header(height)[ROOT]
        if self._folded(txid, branch) != root:
            raise Incomplete("root-inconsistent", f"{self.source}: a transaction not in its block")
        return found

    def _folded(self, txid: str, branch: Any) -> bytes:
        node = bytes.fromhex(txid)[::-1]
        siblings = branch.get("merkle") if isinstance(branch, Mapping) else None
        place = branch.get("pos") if isinstance(branch, Mapping) else None
        if not isinstance(siblings, list) or type(place) is not int or len(siblings) > MAX_BRANCH:
            raise self.http.nonsense("something else than a branch")
        if place < 0 or place >> len(siblings):
            raise self.http.nonsense("a branch of another length than its place")
        for sibling in siblings:
            other = self._bytes(sibling)[::-1]
            if len(other) != 32:
                raise self.http.nonsense("something else than a hash")
            node = double_sha256(other + node if place & 1 else node + other)
            place >>= 1
        return node
