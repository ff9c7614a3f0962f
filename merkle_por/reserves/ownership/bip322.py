"""BIP-322 "simple" signatures of segwit addresses: P2WPKH, P2WSH multisig, P2TR by its key.

The message is put into an imaginary payment to the address (`to_spend`), and the signature is the
witness with which a second one (`to_sign`) spends it. Source: BIP-322; BIP-143 and BIP-341 for the
digest that is signed, BIP-340 for Taproot's signatures, BIP-146 for the low s.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.reserves.ownership import scripts, secp256k1
from merkle_por.reserves.ownership.digests import double_sha256, hash160, var_bytes

SIGHASH_DEFAULT, SIGHASH_ALL = 0, 1
MAX_ELEMENTS = 32
MIN_DER, MAX_DER = 8, 72
_OP_RETURN_OUTPUT = bytes(8) + b"\x01\x6a"
"""The only output of to_sign: nothing, to nobody."""
_VERSION = _LOCK_TIME = _SEQUENCE = bytes(4)


def witness(data: bytes) -> list[bytes] | None:
    """The elements of a serialized witness; None if the bytes are not exactly one.

    Lengths above 252 are read in the three-byte form; no element here needs more.
    """
    if not data or not 0 < data[0] <= MAX_ELEMENTS:
        return None
    elements, place = [], 1
    for _ in range(data[0]):
        if place >= len(data):
            return None
        length, place = data[place], place + 1
        if length == 0xFD:
            length, place = int.from_bytes(data[place : place + 2], "little"), place + 2
            if length < 0xFD:
                return None
        elif length > 0xFD:
            return None
        if place + length > len(data):
            return None
        elements.append(data[place : place + length])
        place += length
    return elements if place == len(data) else None


@dataclass(frozen=True, slots=True)
class ToSign:
    """The imaginary spending. prevout: 36 bytes. script: output script that is spent."""

    prevout: bytes
    script: bytes

    def segwit_digest(self, script_code: bytes) -> bytes:
        """BIP-143, SIGHASH_ALL."""
        return double_sha256(
            _VERSION
            + double_sha256(self.prevout)
            + double_sha256(_SEQUENCE)
            + self.prevout
            + var_bytes(script_code)
            + bytes(8)
            + _SEQUENCE
            + double_sha256(_OP_RETURN_OUTPUT)
            + _LOCK_TIME
            + SIGHASH_ALL.to_bytes(4, "little")
        )

    def taproot_digest(self, kind: int) -> bytes:
        """BIP-341, key path, no annex, SIGHASH_DEFAULT or SIGHASH_ALL."""
        message = (
            b"\0"
            + bytes([kind])
            + _VERSION
            + _LOCK_TIME
            + sha256(self.prevout).digest()
            + sha256(bytes(8)).digest()
            + sha256(var_bytes(self.script)).digest()
            + sha256(_SEQUENCE).digest()
            + sha256(_OP_RETURN_OUTPUT).digest()
            + b"\0"
            + bytes(4)
        )
        return secp256k1.tagged_hash("TapSighash", message)


def to_sign(script: bytes, message: str) -> ToSign:
    """The spending of a message addressed to an output script."""
    message_hash = secp256k1.tagged_hash("BIP0322-signed-message", message.encode())
    to_spend = (
        _VERSION
        + b"\x01"
        + bytes(32)
        + b"\xff\xff\xff\xff"
        + var_bytes(b"\x00\x20" + message_hash)
        + _SEQUENCE
        + b"\x01"
        + bytes(8)
        + var_bytes(script)
        + _LOCK_TIME
    )
    return ToSign(double_sha256(to_spend) + bytes(4), script)


def _bad(text: str) -> Invalid:
    return Invalid("bad-signature", text)


def signature_numbers(element: bytes) -> tuple[int, int]:
    """r and s of a witness element: strict DER, low s, then SIGHASH_ALL."""
    body, kind = element[:-1], element[-1:]
    if kind != bytes([SIGHASH_ALL]):
        raise _bad("the signature does not cover the whole message")
    # One encoding is right; read the numbers loosely, write them again and compare.
    split = 4 + body[3] if MIN_DER <= len(body) <= MAX_DER else 0
    r = int.from_bytes(body[4:split], "big")
    s = int.from_bytes(body[split + 2 : split + 2 + 33], "big")
    if not split or r >> 256 or s >> 256 or body != secp256k1.der(r, s):
        raise _bad("the signature is not in the one DER form of its numbers")
    if s > secp256k1.HALF_ORDER:
        raise Malformed("high-s", "the signature is the one of its pair with the larger s")
    return r, s


def verify(program: bytes, message: str, data: bytes, *, taproot: bool = False) -> tuple[str, ...]:
    """Checks a serialized witness for a witness program (20 bytes, or 32 bytes).

    Returns the keys that signed, hexadecimal; raises where they did not.
    """
    elements = witness(data)
    if elements is None:
        raise Malformed("bad-signature", "the signature is not one serialized witness")
    if taproot:
        return _taproot(program, message, elements)
    if len(program) == 20:
        return _key_hash(program, message, elements)
    return _script_hash(program, message, elements)


def _key_hash(program: bytes, message: str, elements: list[bytes]) -> tuple[str, ...]:
    if len(elements) != 2 or len(elements[1]) != 33:
        raise _bad("the witness is not a signature and a compressed key")
    signature, key = elements
    if hash160(key) != program:
        raise Invalid("address-mismatch", "the signature is by the key of another address")
    r, s = signature_numbers(signature)
    code = b"\x76\xa9\x14" + program + b"\x88\xac"
    digest = to_sign(scripts.p2wpkh(program), message).segwit_digest(code)
    if not secp256k1.verify(digest, r, s, key):
        raise _bad("the signature does not fit the message and the key")
    return (key.hex(),)


def _script_hash(program: bytes, message: str, elements: list[bytes]) -> tuple[str, ...]:
    script = elements[-1]
    if sha256(script).digest() != program:
        raise Invalid("script-mismatch", "the script does not hash to the address")
    needed = scripts.multisig(script)
    signatures = elements[1:-1]
    if elements[0] or len(signatures) != needed.threshold:
        raise _bad("the witness does not hold as many signatures as its script demands")
    digest = to_sign(scripts.p2wsh(program), message).segwit_digest(script)
    signers = []
    keys = iter(needed.keys)
    for signature in signatures:
        r, s = signature_numbers(signature)
        # CHECKMULTISIG goes through the keys once: signatures stand in the order of their keys.
        signer = next((key for key in keys if secp256k1.verify(digest, r, s, key)), None)
        if signer is None:
            raise _bad("a signature fits none of the script's keys that are left for it")
        signers.append(secp256k1.compress(signer).hex())
    return tuple(signers)


def _taproot(key: bytes, message: str, elements: list[bytes]) -> tuple[str, ...]:
    if len(elements) != 1:
        raise Incomplete("no-rule", "the Taproot witness takes a script path, which is not read")
    signature, kind = elements[0][:64], elements[0][64:]
    if len(signature) != 64 or kind not in (b"", bytes([SIGHASH_ALL])):
        raise _bad("the Taproot signature is not 64 bytes, or not over the whole message")
    digest = to_sign(scripts.p2tr(key), message).taproot_digest(kind[0] if kind else 0)
    if not secp256k1.verify_schnorr(digest, signature, key):
        raise _bad("the signature does not fit the message and the key")
    return (key.hex(),)
