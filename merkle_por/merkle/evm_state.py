"""Balances in the state of an EVM chain, proven against the hash of one block.

Source: Ethereum yellow paper 4.1 to 4.3, EIP-1186 (eth_getProof), and the EIPs that added fields
to the header: 1559, 4895, 4844, 4788, 7685. Block hash -> header -> state root -> account ->
storage root -> one slot; each step is a hash. Spec: onchain-balances.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merkle_por.errors import Invalid, Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.merkle import patricia, rlp

ADDRESS_BYTES = 20
HASH_BYTES = 32
EMPTY_CODE = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak256 of nothing, written out as patricia.EMPTY_ROOT is."""
NO_HASH = bytes(HASH_BYTES)
"""What some nodes state as code hash and storage root of an account that doesn't exist."""
MAX_EXTRA_BYTES = 1024
"""32 on the main network; chains with signed blocks put their signatures there."""

# JSON name -> bytes, or None for a number
_HEADER: tuple[tuple[str, int | None], ...] = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
_LATER: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says, once its hash was compared. hash, state_root: 32 bytes. time: Unix."""

    hash: bytes
    state_root: bytes
    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the state. balance: wei. storage_root, code_hash: 32 bytes."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


ABSENT = Account(0, 0, patricia.EMPTY_ROOT, EMPTY_CODE)
"""An account that was never used."""


def data(value: object, length: int | None, where: str) -> bytes:
    """Bytes from `0x` and hexadecimal digits in lower case; None: any even number of digits.

    Raises Malformed bad-hash.
    """
    text = value if isinstance(value, str) else ""
    digits = text[2:]
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = None
    # fromhex passes over blanks and takes capitals: the digits must be just as many, and small.
    exact = found is not None and 2 * len(found) == len(digits) and digits == digits.lower()
    if found is None or not exact or text[:2] != "0x" or length not in (None, len(found)):
        size = f"{length} bytes" if length is not None else "bytes"
        raise Malformed("bad-hash", f"not {size} in lower-case hexadecimal", where=where)
    return found


def quantity(value: object, where: str, bits: int = 256) -> int:
    """A number from `0x` and digits without leading zeros. Raises Malformed bad-number."""
    text = value if isinstance(value, str) else ""
    digits = text[2:]
    right = text[:2] == "0x" and 0 < len(digits) <= bits // 4 and _DIGITS.issuperset(digits)
    if not right or (digits[0] == "0" and digits != "0"):
        raise Malformed("bad-number", "not a number in hexadecimal without zeros", where=where)
    return int(digits, 16)


def header_hash(fields: Mapping[str, Any], where: str = "header") -> bytes:
    """Keccak-256 of the header that a node describes in JSON (32 bytes).

    The fields that later forks added must stand in their order without a gap; members that are no
    fields of a header are passed over. Raises Malformed.
    """
    items: list[rlp.Item] = []
    ended: str | None = None
    for name, size in _HEADER + _LATER:
        value = fields.get(name)
        if value is None and (name, size) in _LATER:
            ended = ended or name
            continue
        place = f"{where}.{name}"
        if value is None or ended is not None:
            raise Malformed("missing-field", f'"{ended or name}" is missing', where=where)
        if size is None:
            number = quantity(value, place)
            items.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        elif size < 0:
            items.append(data(value, None, place))
            if len(items[-1]) > MAX_EXTRA_BYTES:
                raise Malformed("too-big", f"{len(items[-1])} bytes of extra data", where=place)
        else:
            if size == ADDRESS_BYTES and isinstance(value, str):
                value = value.lower()  # as anywhere: many programs write addresses in mixed case
            items.append(data(value, size, place))
    return keccak256(rlp.encode(items))


def header(fields: Mapping[str, Any], where: str = "header") -> Header:
    """A header whose hash is the one that it states.

    Raises Malformed, and Invalid header-hash-mismatch.
    """
    stated = data(fields.get("hash"), HASH_BYTES, f"{where}.hash")
    found = header_hash(fields, where)
    if found != stated:
        raise Invalid(
            "header-hash-mismatch",
            "the fields of the header do not hash to the block's hash",
            where=where,
            expected=stated.hex(),
            computed=found.hex(),
        )
    return Header(
        hash=found,
        state_root=data(fields["stateRoot"], HASH_BYTES, f"{where}.stateRoot"),
        number=quantity(fields["number"], f"{where}.number", 64),
        time=quantity(fields["timestamp"], f"{where}.timestamp", 64),
    )


def account(
    state_root: bytes, address: bytes, nodes: Sequence[bytes], where: str = "accountProof"
) -> Account | None:
    """The account of an address (20 bytes) under a state root, None where it is shown absent.

    Raises as patricia.lookup.
    """
    value = patricia.lookup(state_root, keccak256(address), nodes, where)
    if value is None:
        return None
    item = rlp.decode(value, where)
    if isinstance(item, bytes) or len(item) != 4:
        raise Malformed("bad-node", "the leaf is not an account", where=where)
    nonce, balance, storage_root, code_hash = item
    if (
        isinstance(storage_root, list)
        or isinstance(code_hash, list)
        or {len(storage_root), len(code_hash)} != {HASH_BYTES}
    ):
        raise Malformed("bad-node", "the leaf is not an account", where=where)
    return Account(rlp.integer(nonce, where), rlp.integer(balance, where), storage_root, code_hash)


def storage(
    storage_root: bytes, slot: bytes, nodes: Sequence[bytes], where: str = "storageProof"
) -> int:
    """The number in one slot (32 bytes) of a contract; a slot shown absent holds 0.

    Raises as patricia.lookup.
    """
    value = patricia.lookup(storage_root, keccak256(slot), nodes, where)
    return 0 if value is None else rlp.integer(rlp.decode(value, where), where)


def mapping_slot(holder: bytes, base: int, *, key_first: bool = True) -> bytes:
    """The slot of `mapping[holder]` where the mapping is declared at slot `base` (32 bytes).

    key_first: Solidity's order; Vyper hashes the base before the key.
    """
    key, place = holder.rjust(32, b"\0"), base.to_bytes(32, "big")
    return keccak256(key + place if key_first else place + key)


@dataclass(frozen=True, slots=True)
class Proven:
    """What an eth_getProof answer shows: the account, and slot (32 bytes) -> number."""

    account: Account
    exists: bool
    slots: Mapping[bytes, int]


def proof(
    answer: Mapping[str, Any],
    state_root: bytes,
    address: bytes,
    slots: Sequence[bytes] = (),
    where: str = "proof",
) -> Proven:
    """Checks an eth_getProof answer for an address and exactly these slots.

    What the answer states beside its proofs must be what they show. Raises Malformed and Invalid:
    wrong-address, account-absent, account-fields-mismatch, storage-value-mismatch, and those of
    patricia.lookup.
    """
    stated_address = str(answer.get("address")).lower()
    if data(stated_address, ADDRESS_BYTES, f"{where}.address") != address:
        raise Invalid("wrong-address", "the proof is about another address", where=where)
    nodes = _nodes(answer.get("accountProof"), f"{where}.accountProof")
    found = account(state_root, address, nodes, f"{where}.accountProof")
    stated = _stated(answer, where)
    shown = found or ABSENT
    if stated != shown:
        if found is None and not _nothing(stated):
            text = "the proof shows that there is no such account, yet the file states one"
            raise Invalid("account-absent", text, where=where)
        if found is not None:
            raise Invalid(
                "account-fields-mismatch",
                "the stated account is not the proven one",
                where=where,
                expected=str(found),
                computed=str(stated),
            )
    return Proven(shown, found is not None, _slots(answer, shown, slots, where))


def _nothing(stated: Account) -> bool:
    return (
        stated.nonce == stated.balance == 0
        and stated.storage_root in (NO_HASH, patricia.EMPTY_ROOT)
        and stated.code_hash in (NO_HASH, EMPTY_CODE)
    )


def _stated(answer: Mapping[str, Any], where: str) -> Account:
    return Account(
        nonce=quantity(answer.get("nonce"), f"{where}.nonce", 64),
        balance=quantity(answer.get("balance"), f"{where}.balance"),
        storage_root=data(answer.get("storageHash"), HASH_BYTES, f"{where}.storageHash"),
        code_hash=data(answer.get("codeHash"), HASH_BYTES, f"{where}.codeHash"),
    )


def _nodes(value: object, where: str) -> list[bytes]:
    if not isinstance(value, list):
        raise Malformed("wrong-type", "not a list of nodes", where=where)
    if len(value) > patricia.MAX_NODES:
        raise Malformed("too-deep", f"{len(value)} nodes in one path", where=where)
    return [data(node, None, f"{where}[{i}]") for i, node in enumerate(value)]


def slot_of(value: object, where: str) -> bytes:
    """A slot's name: 32 bytes, or (as some nodes write it) a number."""
    text = value if isinstance(value, str) else ""
    if len(text) == 2 + 2 * HASH_BYTES:
        return data(text, HASH_BYTES, where)
    return quantity(text, where).to_bytes(HASH_BYTES, "big")


def _slots(
    answer: Mapping[str, Any], of: Account, slots: Sequence[bytes], where: str
) -> dict[bytes, int]:
    entries = answer.get("storageProof")
    if not isinstance(entries, list) or len(entries) != len(slots):
        text = f"not the proofs of {len(slots)} slots"
        raise Malformed("bad-length", text, where=f"{where}.storageProof")
    values: dict[bytes, int] = {}
    for place, (entry, slot) in enumerate(zip(entries, slots, strict=True)):
        here = f"{where}.storageProof[{place}]"
        if not isinstance(entry, Mapping):
            raise Malformed("wrong-type", "not a slot's proof", where=here)
        if slot_of(entry.get("key"), f"{here}.key") != slot:
            raise Invalid("wrong-slot", "the proof is about another slot", where=here)
        nodes = _nodes(entry.get("proof"), f"{here}.proof")
        found = storage(of.storage_root, slot, nodes, f"{here}.proof")
        stated = _value(entry.get("value"), f"{here}.value")
        if found != stated:
            raise Invalid(
                "storage-value-mismatch",
                "the stated value is not the proven one",
                where=here,
                expected=str(found),
                computed=str(stated),
            )
        values[slot] = found
    return values


def _value(value: object, where: str) -> int:
    text = value if isinstance(value, str) else ""
    if len(text) == 2 + 2 * HASH_BYTES:
        return int.from_bytes(data(text, HASH_BYTES, where), "big")
    return quantity(text, where)
