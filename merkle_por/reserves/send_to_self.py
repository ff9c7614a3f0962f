"""Bybit's proof of control: each announced address sends a given small amount to itself.

The amount follows from a Bitcoin block that nobody could know before: the first three decimal
digits of its nonce, divided by a million. On TRON, where an address can't pay itself, it goes to
another announced one. Source: specs/ownership-signatures.md ("Bybit send to self"). The transfer is
read from a node; that it was mined in the window is the block's time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from merkle_por.amounts import EXACT
from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.merkle import evm_state
from merkle_por.merkle.spv import HEADER_BYTES, double_sha256, shown
from merkle_por.reserves.chains.bitcoin import Core
from merkle_por.reserves.chains.evm_signer import signer
from merkle_por.reserves.chains.http import Http
from merkle_por.reserves.chains.interface import whole
from merkle_por.reserves.chains.protobuf import fields
from merkle_por.reserves.chains.tron import Tron
from merkle_por.reserves.chains.utxo_chains import DECIMALS
from merkle_por.reserves.ownership.encodings import base58

NONCE = slice(76, 80)
DIGITS = 3
SCALE = 6
"""The digits stand for millionths of a coin."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as a node tells it. senders, receiver: as the chain's node writes them.
    amounts: what the receiver got, whole coins, one for each output. time: Unix, of its block.
    signed: whether the sender's signature was checked here, of a key that is the sender's on other
    chains too."""

    senders: frozenset[str]
    receiver: str
    amounts: frozenset[Decimal]
    time: int
    block_hash: str
    signed: bool = False


def amount_of(header: bytes, block_hash: str) -> Decimal:
    """The amount that a Bitcoin block demands, whole coins. header: 80 bytes.

    Raises Malformed bad-length, Invalid block-hash-mismatch, and Malformed bad-number for a nonce
    of fewer digits than are needed.
    """
    if len(header) != HEADER_BYTES:
        raise Malformed("bad-length", f"a header of {len(header)} bytes")
    if shown(double_sha256(header)) != block_hash:
        raise Invalid("block-hash-mismatch", "the header is not that of the block")
    text = str(int.from_bytes(header[NONCE], "little"))
    if len(text) < DIGITS:
        raise Malformed("bad-number", "the nonce has fewer than three digits")
    return Decimal(text[:DIGITS]).scaleb(-SCALE, EXACT)


def check(
    transfer: Transfer,
    address: str,
    amount: Decimal,
    window: tuple[int, int],
    others: Collection[str] = (),
) -> None:
    """Whether a transfer shows control of `address`.

    window: first and last Unix second in which it must be mined. others: announced addresses that
    it may go to in place of the sender's own (TRON). Raises Invalid: address-mismatch,
    amount-mismatch, wrong-address, wrong-time.
    """
    if transfer.senders != {address}:
        raise Invalid("address-mismatch", "the transfer is not by the announced address alone")
    if transfer.receiver not in {address, *others}:
        raise Invalid("wrong-address", "the transfer goes to an address that is not announced")
    if amount not in transfer.amounts:
        raise Invalid(
            "amount-mismatch",
            "the transfer is not of the amount that the block demands",
            expected=f"{amount:f}",
            computed=", ".join(sorted(f"{found:f}" for found in transfer.amounts)),
        )
    if not window[0] <= transfer.time <= window[1]:
        raise Invalid("wrong-time", "the transfer was not mined within the announced time")


def evm_transfer(node: Http, txid: str, decimals: int = 18) -> Transfer:
    """A transfer of a chain's own coin, by a node with Ethereum's JSON-RPC (TRON has it too, with
    6 decimals). Addresses in lower case. Raises Incomplete, Invalid."""
    found = node.call("eth_getTransactionByHash", [txid])
    receipt = node.call("eth_getTransactionReceipt", [txid])
    if found is None or receipt is None:
        raise Incomplete("txid-not-found", f"{node.node.source} does not know the transfer")
    if not isinstance(found, Mapping) or not isinstance(receipt, Mapping):
        raise node.nonsense("something else than a transfer")
    try:
        same = (
            evm_state.data(found.get("hash"), 32, "hash")
            == evm_state.data(receipt.get("transactionHash"), 32, "hash")
            == bytes.fromhex(txid.removeprefix("0x"))
        )
        block_hash = evm_state.data(found.get("blockHash"), 32, "blockHash")
        sender, receiver = _account(found, "from"), _account(found, "to")
        units = evm_state.quantity(found.get("value"), "value")
        succeeded = evm_state.quantity(receipt.get("status"), "status") == 1
        block = node.call("eth_getBlockByHash", ["0x" + block_hash.hex(), False])
        if not same or not isinstance(block, Mapping):
            raise Malformed("bad-field", "another transfer or block")
        time = evm_state.quantity(block.get("timestamp"), "timestamp", 64)
        if evm_state.data(block.get("hash"), 32, "hash") != block_hash:
            raise Malformed("bad-field", "another block")
        key = signer(found)
    except (Malformed, ValueError):
        raise node.nonsense("a transfer that can't be read") from None
    if not succeeded:
        raise Invalid("bad-transaction", "the transfer was mined, but did not succeed")
    if key not in (None, sender):
        raise Invalid("bad-signature", "the transfer is not signed by its sender's key")
    sent, amounts = frozenset({sender}), frozenset({whole(units, decimals)})
    hash = "0x" + block_hash.hex()
    return Transfer(sent, receiver, amounts, time, hash, signed=key is not None)


def _account(found: Mapping[str, Any], name: str) -> str:
    return "0x" + evm_state.data(str(found.get(name)).lower(), 20, name).hex()


def tron_transfer(node: Tron, txid: str) -> Transfer:
    """A transfer of TRX, as a full node tells it (addresses as shown to people).
    Raises Incomplete, Invalid."""
    asked = {"value": txid, "visible": True}
    found = node.mapping(node.http.post("/wallet/gettransactionbyid", asked))
    info = node.mapping(node.http.post("/wallet/gettransactioninfobyid", asked))
    if not found or not info:
        raise Incomplete("txid-not-found", f"{node.source} does not know the transfer")
    raw = found.get("raw_data_hex")
    try:
        data = bytes.fromhex(raw if isinstance(raw, str) else "")
    except ValueError:
        data = b""
    if not sha256(data).hexdigest() == txid == info.get("id"):
        raise node.http.nonsense("another transfer than was asked for")
    sender, receiver, units = _tron_parts(data)
    results = found.get("ret")
    if not isinstance(results, list) or not results:
        raise node.http.nonsense("a transfer without its result")
    if any(node.mapping(result).get("contractRet") != "SUCCESS" for result in results):
        raise Invalid("bad-transaction", "the transfer was mined, but did not succeed")
    block = node.pin(node.integer(info.get("blockNumber"), "a height"))
    amounts = frozenset({whole(units, node.chain.decimals)})
    return Transfer(frozenset({sender}), receiver, amounts, block.time or 0, block.hash or "")


_CONTRACT, _TRANSFER = 11, 1
"""Field of a TRON transaction's contracts, and the type of those that transfer TRX."""


def _tron_parts(data: bytes) -> tuple[str, str, int]:
    """Sender, receiver and amount of the one transfer in a transaction's bytes."""
    other = Invalid("bad-transaction", "the transaction is not one plain transfer of TRX")
    try:
        contracts = [value for number, value in fields(data) if number == _CONTRACT]
        if len(contracts) != 1 or not isinstance(contracts[0], bytes):
            raise other
        contract = dict(fields(contracts[0]))
        parameter = contract.get(2)
        if contract.get(1) != _TRANSFER or not isinstance(parameter, bytes):
            raise other
        inner = dict(fields(parameter)).get(2)
        parts = dict(fields(inner if isinstance(inner, bytes) else b""))
    except Malformed:
        raise other from None
    sender, receiver, units = parts.get(1), parts.get(2), parts.get(3)
    if not (isinstance(sender, bytes) and isinstance(receiver, bytes) and isinstance(units, int)):
        raise other
    return base58.encode_check(sender), base58.encode_check(receiver), units


def bitcoin_transfer(node: Core, txid: str, address: str, made_in: str | None = None) -> Transfer:
    """A transfer of a chain of the Bitcoin kind. amounts: of
    each output that pays to `address`. made_in: hash of its block, for nodes
    without an index. Raises Incomplete, Invalid."""
    own = node.script_of(address)
    found, block = node.transaction(txid, made_in)
    senders: set[str] = set()
    for entry in found.inputs:
        spent, _ = node.transaction(entry.previous.txid)
        if entry.previous.index >= len(spent.outputs):
            raise node.http.nonsense("a transaction that spends what was never made")
        script = spent.outputs[entry.previous.index].script
        senders.add(address if script == own else script.hex())
    to_itself = [out for out in found.outputs if out.script == own]
    if not to_itself:
        raise Invalid("wrong-address", "the transfer does not pay to the address")
    # Change may come back to the address as well: any one output may be the announced amount.
    amounts = frozenset(whole(out.value, DECIMALS) for out in to_itself)
    return Transfer(frozenset(senders), address, amounts, block.time or 0, block.hash or "")
