"""Whether an input of a transaction is signed by the keys that its coins demand.

Kinds: P2PKH, P2SH multisig, P2WPKH and P2WSH multisig (also inside P2SH), Taproot by its key. A
signature must cover the whole transaction (SIGHASH_ALL, or Taproot's default); any other script is
Incomplete, not false. Multisig signatures stand in the order of their keys.
Source: BIP-16, BIP-141, BIP-143, BIP-341; Bitcoin Core script/interpreter.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from merkle_por.errors import Incomplete, Invalid
from merkle_por.reserves.chains.transactions import Output, Transaction
from merkle_por.reserves.ownership import scripts, secp256k1
from merkle_por.reserves.ownership.bip322 import SIGHASH_ALL, signature_numbers
from merkle_por.reserves.ownership.digests import hash160

Digest = Callable[[bytes], bytes]
"""Script code -> digest that is signed."""
_PUSH1, _PUSH2 = 0x4C, 0x4D


def _bad(text: str) -> Invalid:
    return Invalid("bad-signature", text)


def check(transaction: Transaction, index: int, spent: Sequence[Output]) -> tuple[str, ...]:
    """Keys (hexadecimal) that signed input `index`. spent: the outputs of all inputs, in order.

    Raises Invalid, Malformed, and Incomplete no-rule for scripts of other kinds.
    """
    output, entry = spent[index], transaction.inputs[index]
    script = output.script

    def legacy(code: bytes) -> bytes:
        return transaction.legacy_digest(index, code)

    def segwit(code: bytes) -> bytes:
        return transaction.segwit_digest(index, code, output.value)

    if _is_p2pkh(script):
        if entry.witness:
            raise _bad("a witness where the coins take none")
        return _one_key(pushes(entry.script), script[3:23], legacy)
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        elements = pushes(entry.script)
        redeem = elements[-1] if elements else b""
        if hash160(redeem) != script[2:22]:
            raise Invalid("script-mismatch", "the script does not hash to the address")
        if not _is_program(redeem):
            return _several(elements[:-1], redeem, legacy)
        if len(elements) != 1:
            raise _bad("more than the script where a witness must stand")
        script = redeem
    elif entry.script:
        raise _bad("a script where only a witness may stand")
    witness = list(entry.witness)
    if scripts.is_p2wpkh(script):
        return _one_key(witness, script[2:], segwit)
    if len(script) == 34 and script[:2] == b"\x00\x20":
        if not witness or sha256(witness[-1]).digest() != script[2:]:
            raise Invalid("script-mismatch", "the script does not hash to the address")
        return _several(witness[:-1], witness[-1], segwit)
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return _taproot(transaction, index, spent, witness, script[2:])
    raise Incomplete("no-rule", "there is no rule for how such coins are spent")


def _is_p2pkh(script: bytes) -> bool:
    return len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac"


def _is_program(script: bytes) -> bool:
    return scripts.is_p2wpkh(script) or (len(script) == 34 and script[:2] == b"\x00\x20")


def pushes(script: bytes) -> list[bytes]:
    """The elements that an input script pushes. Raises Invalid for anything but pushes."""
    found, place = [], 0
    while place < len(script):
        op, place = script[place], place + 1
        size = {_PUSH1: 1, _PUSH2: 2}.get(op, 0)
        if op > _PUSH2:
            raise _bad("an input script does more than push")
        length = int.from_bytes(script[place : place + size], "little") if size else op
        place += size
        if place + length > len(script):
            raise _bad("an input script is cut short")
        found.append(script[place : place + length])
        place += length
    return found


def _one_key(elements: list[bytes], program: bytes, digest: Digest) -> tuple[str, ...]:
    if len(elements) != 2:
        raise _bad("not a signature and a key")
    signature, key = elements
    if hash160(key) != program:
        raise Invalid("address-mismatch", "the signature is by the key of another address")
    r, s = signature_numbers(signature)
    if not secp256k1.verify(digest(b"\x76\xa9\x14" + program + b"\x88\xac"), r, s, key):
        raise _bad("the signature does not fit the transaction and the key")
    return (key.hex(),)


def _several(elements: list[bytes], script: bytes, digest: Digest) -> tuple[str, ...]:
    needed = scripts.multisig(script)
    signatures = elements[1:]
    if not elements or elements[0] or len(signatures) != needed.threshold:
        raise _bad("not as many signatures as the script demands")
    message = digest(script)
    signers = []
    keys = iter(needed.keys)
    for signature in signatures:
        r, s = signature_numbers(signature)
        signer = next((key for key in keys if secp256k1.verify(message, r, s, key)), None)
        if signer is None:
            raise _bad("a signature fits none of the script's keys that are left for it")
        signers.append(secp256k1.compress(signer).hex())
    return tuple(signers)


def _taproot(
    transaction: Transaction,
    index: int,
    spent: Sequence[Output],
    witness: list[bytes],
    key: bytes,
) -> tuple[str, ...]:
    if len(witness) != 1:
        raise Incomplete("no-rule", "the Taproot witness takes a script path, which is not read")
    signature, kind = witness[0][:64], witness[0][64:]
    if len(signature) != 64 or kind not in (b"", bytes([SIGHASH_ALL])):
        raise _bad("the Taproot signature is not 64 bytes, or not over the whole transaction")
    message = transaction.taproot_digest(index, list(spent), kind[0] if kind else 0)
    if not secp256k1.verify_schnorr(message, signature, key):
        raise _bad("the signature does not fit the transaction and the key")
    return (key.hex(),)
