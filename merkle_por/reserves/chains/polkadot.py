"""Polkadot, Kusama and their kin over JSON-RPC: the free and reserved balance of an account.

The account stands in the storage map System.Account under twox128("System"), twox128("Account"),
blake2_128(key), key; its value is SCALE: four u32 counters, then free, reserved, frozen (or the
older two locks) and flags as u128. Archive nodes answer for past blocks. Since the end of 2025
DOT's balances are kept on the asset hub: name a node for `polkadot-asset-hub`.
Source: specs/onchain-balances.md; Substrate's frame_system and pallet_balances.
"""

from __future__ import annotations

from hashlib import blake2b

from merkle_por.errors import Incomplete
from merkle_por.reserves.chains.http import RpcError
from merkle_por.reserves.chains.interface import Block, Figure, Query
from merkle_por.reserves.chains.plain import Service
from merkle_por.reserves.ownership.encodings import base58, ss58

ACCOUNTS = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9")
"""twox128("System") and twox128("Account")."""
KEY_BYTES = 32
ACCOUNT_BYTES = 4 * 4 + 4 * 16
FREE, RESERVED = slice(16, 32), slice(32, 48)
_PRUNED = ("state already discarded", "unknown block", "pruned", "header was not found")


def storage_key(account: bytes) -> str:
    """Where an account's entry stands (0x and hexadecimal digits)."""
    return "0x" + (ACCOUNTS + blake2b(account, digest_size=16).digest() + account).hex()


def account_of(address: str, network: int) -> bytes:
    """The 32-byte key in an SS58 address of one network. Raises Incomplete bad-address."""
    data = base58.decode(address) if len(address) < 60 else None
    account = b"" if data is None else data[-2 - KEY_BYTES : -2]
    if len(account) != KEY_BYTES or ss58.encode(network, account) != address:
        raise Incomplete("bad-address", "the address does not decode as one of its chain")
    return account


class Polkadot(Service):
    """One node."""

    def pin(self, at: int | str | None) -> Block:
        genesis = self.text(self.http.call("chain_getBlockHash", [0]), "a block's hash")
        self.same_chain(genesis.removeprefix("0x"))
        if at is None:
            hash = self.http.call("chain_getFinalizedHead")
        elif isinstance(at, str):
            hash = at
        else:
            hash = self.http.call("chain_getBlockHash", [at])
            if hash is None:
                raise Incomplete("block-unknown", f"{self.source} does not have block {at}")
        hash = self.text(hash, "a block's hash")
        header = self.http.call("chain_getHeader", [hash])
        if header is None:
            raise Incomplete("block-unknown", f"{self.source} does not have the block")
        number = self.text(self.mapping(header).get("number"), "a height")
        if not number.startswith("0x") or len(number) > 18:
            raise self.http.nonsense("something else than a height")
        try:
            height = int(number[2:], 16)
        except ValueError:
            raise self.http.nonsense("something else than a height") from None
        if isinstance(at, int) and height != at:
            raise self.http.nonsense("another block than the one that was asked for")
        return Block(height, hash)

    def balance(self, query: Query, block: Block) -> Figure:
        self.no_token(query)
        account = account_of(query.address, self.chain.network or 0)
        try:
            found = self.http.call(
                "state_getStorage", [storage_key(account), block.hash], block=block.hash
            )
        except RpcError as error:
            if any(words in error.message.lower() for words in _PRUNED):
                text = f"{error.text}; an archive node is needed"
                raise Incomplete("history-unavailable", text) from None
            raise
        if found is None:
            raise self.unknown_account()
        try:
            data = bytes.fromhex(self.text(found).removeprefix("0x"))
        except ValueError:
            raise self.http.nonsense("something else than an account") from None
        if len(data) != ACCOUNT_BYTES:
            raise self.http.nonsense("an account of another form than is known")
        free, reserved = (int.from_bytes(data[part], "little") for part in (FREE, RESERVED))
        return self.figure(free + reserved)
