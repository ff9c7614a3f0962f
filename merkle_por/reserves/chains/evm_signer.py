"""Who signed a transaction of the Ethereum kind, from its fields as nodes describe them in JSON.

The fields must hash to the transaction's id, and the key is recovered from the signature: then the
node's word is needed for nothing but that the transaction was mined. An account with a key has the
same address on all chains of the kind, and nobody else can have it there.
Source: EIP-155 (legacy with chain id), EIP-2718 and EIP-2930 (type 1), EIP-1559 (type 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merkle_por.errors import Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.merkle import evm_state, rlp
from merkle_por.reserves.ownership import secp256k1

LEGACY, ACCESS_LISTS, FEES = 0, 1, 2
"""Types that are read; others (deposits from another chain, blobs...) are not."""
_WORD = 32


def signer(fields: Mapping[str, Any]) -> str | None:
    """The address that signed, lower case; None for a transaction of another type.

    Raises Malformed: fields that can't be read, hash to another id, or a signature of no key.
    """
    kind = evm_state.quantity(fields.get("type", "0x0"), "type", 8)
    prices: tuple[str, ...] = ("gasPrice",)
    if kind == FEES:
        prices = ("maxPriorityFeePerGas", "maxFeePerGas")
    elif kind not in (LEGACY, ACCESS_LISTS):
        return None
    body: list[rlp.Item] = [_number(fields, name) for name in ("nonce", *prices, "gas")]
    body += [_bytes(fields, "to"), _number(fields, "value"), _bytes(fields, "input")]
    r, s = (evm_state.quantity(fields.get(name), name) for name in ("r", "s"))
    v = evm_state.quantity(fields.get("v", fields.get("yParity")), "v", 64)
    numbers: list[rlp.Item] = [_trimmed(v), _trimmed(r), _trimmed(s)]
    if kind == LEGACY:
        head, whole = b"", body + numbers
        recovery = v - 27
        if v >= 35:  # the chain's id times two and 35, or 36
            body = [*body, _trimmed((v - 35) >> 1), b"", b""]
            recovery = (v - 35) & 1
    else:
        head = bytes([kind])
        body = [_number(fields, "chainId"), *body, _access_list(fields.get("accessList"))]
        whole, recovery = body + numbers, v
    if keccak256(head + rlp.encode(whole)) != evm_state.data(fields.get("hash"), _WORD, "hash"):
        raise Malformed("bad-transaction", "the fields do not hash to the transaction's id")
    key = None
    if recovery in (0, 1):
        r_s = r.to_bytes(_WORD, "big") + s.to_bytes(_WORD, "big")
        key = secp256k1.recover(keccak256(head + rlp.encode(body)), r_s, recovery)
    if key is None:
        raise Malformed("bad-signature", "no key could have made the signature")
    return "0x" + keccak256(key[1:])[12:].hex()


def _trimmed(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _number(fields: Mapping[str, Any], name: str) -> bytes:
    return _trimmed(evm_state.quantity(fields.get(name), name))


def _bytes(fields: Mapping[str, Any], name: str) -> bytes:
    value = fields.get(name)
    if value is None and name == "to":  # it makes a contract
        return b""
    return evm_state.data(value.lower() if isinstance(value, str) else value, None, name)


def _access_list(value: object) -> list[rlp.Item]:
    if not isinstance(value, list):
        raise Malformed("wrong-type", "not a list", where="accessList")
    found: list[rlp.Item] = []
    for entry in value:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("storageKeys"), list):
            raise Malformed("wrong-type", "not an entry", where="accessList")
        keys: list[rlp.Item] = [
            evm_state.data(key, _WORD, "storageKeys") for key in entry["storageKeys"]
        ]
        found.append([_bytes(entry, "address"), keys])
    return found
