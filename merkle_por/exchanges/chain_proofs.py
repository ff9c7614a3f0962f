"""Proofs that a chain itself gives: a balance in an EVM state, a transaction in a Bitcoin block.

Source: specs/onchain-balances.md (formats evm-proof and btc-spv). They belong to no exchange; an
exchange, or a user, saves them with a list of reserves. Each hangs on one block's hash: valid only
if that (or the root in its header) came from outside the file. The rules are in merkle.evm_state
and merkle.spv; here the files are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.merkle import evm_state, spv
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Root, Scope, Snapshot, State, Totals

MAX_SLOTS = 1000
MAX_PROOF_DIGITS = 2 * 16 * 1024 * 1024
FLAG_BIT = 1 << 255
"""Some tokens (USDC) keep a mark in the top bit of a balance."""
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class EvmBalance:
    """What a file of the format evm-proof shows at its block.

    address: 0x and 40 digits. wei: its balance. holder, units: whose tokens of the contract
    `address`, in the token's smallest unit (None where the file proves no token balance).
    slots: slot -> number, hexadecimal names.
    """

    header: evm_state.Header
    address: str
    exists: bool
    wei: int
    holder: str | None
    units: int | None
    slots: Mapping[str, int]


def verify_evm_proof(
    document: Mapping[str, Any], block_hash: str | None = None, state_root: str | None = None
) -> EvmBalance:
    """Checks one evm-proof (its JSON object) and answers what it shows.

    block_hash, state_root: 64 hex digits from outside; None leaves the file's own word.
    Raises Malformed and Invalid (header-hash-mismatch, untrusted-block, root-mismatch, and those
    of evm_state.proof).
    """
    top = Fields(document, "")
    address = _address(top, "address")
    if "mapping_base_slot" in top:
        top.required("holder")
    holder = _address(top, "holder") if "holder" in top else None
    header = evm_state.header(top.object("header").members)
    trusted = evm_state.data(top.get("trusted_block_hash"), 32, "trusted_block_hash")
    if header.hash != trusted:
        raise Invalid(
            "untrusted-block",
            "the header is that of another block than the trusted one",
            expected=trusted.hex(),
            computed=header.hash.hex(),
        )
    _anchored("untrusted-block", "block", block_hash, header.hash.hex())
    _anchored("root-mismatch", "state root", state_root, header.state_root.hex())
    slots = [
        evm_state.slot_of(slot, f"slots[{i}]")
        for i, slot in enumerate(top.array("slots", high=MAX_SLOTS))
    ]
    if len(set(slots)) != len(slots):
        raise Malformed("duplicate-key", "a slot stands twice", where="slots")
    proven = evm_state.proof(top.object("proof").members, header.state_root, address, slots)
    return EvmBalance(
        header=header,
        address="0x" + address.hex(),
        exists=proven.exists,
        wei=proven.account.balance,
        holder=None if holder is None else "0x" + holder.hex(),
        units=None if holder is None else _units(top, holder, slots, proven),
        slots={"0x" + slot.hex(): value for slot, value in proven.slots.items()},
    )


def _anchored(reason: str, what: str, wanted: str | None, found: str) -> None:
    if wanted is not None and wanted != found:
        text = f"the file's {what} is not the one you gave"
        raise Invalid(reason, text, expected=wanted, computed=found)


def _address(top: Fields, name: str) -> bytes:
    return evm_state.data(top.text(name).lower(), evm_state.ADDRESS_BYTES, name)


def _units(top: Fields, holder: bytes, slots: list[bytes], proven: evm_state.Proven) -> int:
    base = top.integer("mapping_base_slot", low=0, high=(1 << 256) - 1)
    ways = {evm_state.mapping_slot(holder, base, key_first=first) for first in (True, False)}
    found = [slot for slot in slots if slot in ways]
    if len(found) != 1:
        raise Invalid("wrong-slot", "the slots are not the one of the holder's balance")
    if not proven.exists:
        raise Invalid("account-absent", "the token's contract does not exist at this block")
    return proven.slots[found[0]]


def _recognises_evm(document: Document) -> bool:
    match document.json_or_none:
        case {"header": dict(), "proof": {"accountProof": _}, "trusted_block_hash": _}:
            return True
    return False


def _judge_evm(document: Document, given: Given, findings: Findings) -> None:
    findings.about(About.INCLUDED)
    shown = verify_evm_proof(document.json)
    findings.passed("header", "the header's fields hash to the block's hash")
    words = "an account" if shown.exists else "the absence of the account"
    findings.passed("account-proof", f"the trie shows {words} {shown.address}")
    balances = {"wei": Decimal(shown.wei)}
    whose = shown.address
    if shown.units is not None and shown.holder is not None:
        findings.passed("storage-proof", f"the contract's storage shows {shown.holder}'s balance")
        balances, whose = {"token_units": Decimal(shown.units)}, shown.holder
        findings.warn("wrong-slot", _SLOT_WORDS)
        if shown.units & FLAG_BIT:
            findings.warn("storage-value-mismatch", "The top bit is set: some tokens mark so.")
    findings.account = Account(whose, balances)
    findings.headlines[State.VALID] = _evm_words(shown)
    findings.snapshot = Snapshot(str(shown.header.number), _time(shown.header.time))
    findings.details["block"] = {
        "hash": shown.header.hash.hex(),
        "height": shown.header.number,
        "state_root": shown.header.state_root.hex(),
    }
    findings.scope = Scope(totals="not-claimed", others_non_negative="not-shown", hash_bits=256)
    _anchor(given, findings, shown.header.hash.hex(), shown.header.state_root.hex())


def _evm_words(shown: EvmBalance) -> str:
    at = f"At block {shown.header.number}"
    if shown.units is not None:
        return f"{at} contract {shown.address} counts {shown.units} units for {shown.holder}."
    if not shown.exists:
        return f"{at} there is no account {shown.address}: it holds nothing."
    return f"{at} {shown.address} holds {shown.wei} wei."


_SLOT_WORDS = (
    "That this slot holds the balance is the file's word: compare the slot of the mapping with the "
    "contract's source."
)


def _anchor(given: Given, findings: Findings, block_hash: str, root: str) -> None:
    """Confirmed by the block's hash or by the root in its header, whichever was given.

    The hash commits to the root, and is what explorers show: given as the root it counts as well.
    """
    findings.headlines[State.UNCONFIRMED] = (
        "The file agrees with itself. Is its block one of the chain's?"
    )
    names = [name for name in ("block_hash", "root") if given.hash(name) == block_hash]
    name = names[0] if names else "block_hash"
    wanted = given.hash(name)
    if wanted is None:
        findings.published_root(root, given)
        return
    findings.about(About.ROOT)
    findings.root = Root(root)
    findings.check(
        wanted == block_hash,
        "untrusted-block",
        "the block is the one you gave",
        "the proof is about another block than the one you gave",
        expected=wanted,
        computed=block_hash,
    )
    findings.root = Root(root, given.source(name), confirmed=True)
    if "root" in given and given.hash("root") != block_hash:
        findings.published_root(root, given)


def _time(seconds: int) -> str:
    import time

    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        raise Malformed("bad-number", "the block's time is out of range") from None


def verify_spv(
    document: Mapping[str, Any], block_hash: str | None = None, root: str | None = None
) -> spv.Inclusion:
    """Checks one btc-spv file (its JSON object) and answers what its proof shows.

    block_hash, root: 64 hex digits from outside, None leaves the file's own word. Raises Malformed
    and Invalid (block-hash-mismatch, txid-not-found, untrusted-block, root-mismatch, and those of
    spv.merkleblock).
    """
    top = Fields(document, "")
    stated, txid = top.hex("block_hash", 64), top.hex("txid", 64)
    if "height" in top:
        top.integer("height", low=0, high=1 << 32)
    text = top.text("merkleblock", MAX_PROOF_DIGITS)
    if len(text) % 2 or not _HEX.issuperset(text):
        raise Malformed("bad-hash", "not bytes in hexadecimal", where="merkleblock")
    shown = spv.merkleblock(bytes.fromhex(text))
    if shown.block_hash != stated:
        raise Invalid(
            "block-hash-mismatch",
            "the proof's header is not that of the block",
            expected=stated,
            computed=shown.block_hash,
        )
    if txid not in shown.txids:
        raise Invalid("txid-not-found", "the transaction is not among those that the proof shows")
    _anchored("untrusted-block", "block", block_hash, shown.block_hash)
    _anchored("root-mismatch", "Merkle root", root, shown.root)
    return shown


def _recognises_spv(document: Document) -> bool:
    match document.json_or_none:
        case {"merkleblock": str(), "txid": str()}:
            return True
    return False


def _judge_spv(document: Document, given: Given, findings: Findings) -> None:
    findings.about(About.INCLUDED)
    shown = verify_spv(document.json)
    findings.passed("merkle-path", "the transaction is under the root in the block's header")
    findings.passed("block-hash", "the header hashes to the block's hash")
    findings.headlines[State.VALID] = "The transaction is in the block that you gave."
    findings.snapshot = Snapshot(shown.block_hash, _time(shown.time))
    findings.details["block"] = {"hash": shown.block_hash, "transactions": shown.transactions}
    findings.scope = Scope(
        leaf="given",
        own_balance="not-bound",
        totals="not-claimed",
        others_non_negative="not-shown",
        hash_bits=256,
    )
    findings.warn("output-spent", "Whether the coins were moved since can't be shown this way.")
    _anchor(given, findings, shown.block_hash, shown.root)


_BLOCK = Fact(FactKind.HASH, "the block's hash, from your own node or from two services")

SCHEMES = (
    Scheme(
        id="evm-proof",
        exchange="chain",
        exchange_name="the chain",
        title="Balance of an account or of a token's holder at one block (eth_getProof)",
        used="any time",
        file_name="NAME.json",
        recognises=_recognises_evm,
        members=("header", "proof", "accountProof", "trusted_block_hash"),
        judge=_judge_evm,
        assurance=Assurance(
            included="the balance is part of the state that the block's hash commits to",
            totals="nothing is claimed about totals",
            cannot=(
                "Who controls the address.",
                "That the block is part of the chain: compare its hash with a node's.",
                "Which slot holds a token's balances: that is the contract's source code.",
            ),
            totals_claim=Totals.NOT_CLAIMED,
        ),
        where=Where(
            file="saved from a node: eth_getBlockByNumber and eth_getProof",
            root="the block's hash, or that root: your own node, or two block explorers",
            certain="made with a local node (anvil)",
        ),
        facts={
            "root": Fact(FactKind.HASH, "the state root in the block's header, or its hash"),
            "block_hash": _BLOCK,
        },
    ),
    Scheme(
        id="btc-spv",
        exchange="chain",
        exchange_name="the chain",
        title="Inclusion of a transaction in a block of the Bitcoin kind (merkleblock)",
        used="any time",
        file_name="NAME.json",
        recognises=_recognises_spv,
        members=("merkleblock", "txid", "block_hash"),
        judge=_judge_spv,
        assurance=Assurance(
            included="the transaction is in the block",
            totals="nothing is claimed about totals",
            cannot=(
                "Whether the coins are still there.",
                "That the block is part of the chain: compare its hash with a node's.",
                "That the id is a transaction's and not an inner node's: look the transaction up "
                "(one of 64 bytes could be either).",
            ),
            totals_claim=Totals.NOT_CLAIMED,
        ),
        where=Where(
            file="saved from a node: gettxoutproof",
            root="the block's hash, or that root: your own node, or two block explorers",
            certain="made with a local node (litecoind)",
        ),
        facts={
            "root": Fact(FactKind.HASH, "the Merkle root in the block's header, or its hash"),
            "block_hash": _BLOCK,
        },
    ),
)
