"""Signatures of EOS and its relatives (A, WAX, Vaulta): named accounts, keys declared in the row.

An account's name says nothing about its keys, so a good signature is bound to the declared key
only; which keys may act for the account stands on the chain. Source: EOSIO key and signature
formats (K1), specs/ownership-signatures.md section 3.
"""

from __future__ import annotations

import json
from operator import itemgetter

from merkle_por.errors import Invalid, Malformed
from merkle_por.reserves.ownership import secp256k1, texts
from merkle_por.reserves.ownership.claims import Claim, Rule, Signed
from merkle_por.reserves.ownership.digests import okx_sha256, ripemd160
from merkle_por.reserves.ownership.encodings import base58

SIGNATURE_PREFIX, KEY_PREFIX = "SIG_K1_", "EOS"
_PAIR = ("publicKey1", "publicKey2")


def read_signature(text: str) -> texts.Recoverable:
    """`SIG_K1_` and base58 of 65 bytes header, r, s and 4 bytes of RIPEMD-160 (of them and K1)."""
    data = base58.decode(text[len(SIGNATURE_PREFIX) :])
    if not text.startswith(SIGNATURE_PREFIX) or data is None or len(data) != 69:
        raise Malformed("bad-signature", "the signature is not of the form SIG_K1_ and 65 bytes")
    body, check = data[:65], data[65:]
    if ripemd160(body + b"K1")[:4] != check or body[0] > 34:
        raise Malformed("bad-signature", "the signature's own checksum or header is wrong")
    return texts.compact(body)


def read_key(text: object) -> bytes:
    """`EOS` and base58 of a 33-byte key and 4 bytes of its RIPEMD-160; answers with 65 bytes."""
    data = None
    if isinstance(text, str) and text.startswith(KEY_PREFIX):
        data = base58.decode(text[len(KEY_PREFIX) :])
    if data is None or len(data) != 37 or ripemd160(data[:33])[:4] != data[33:]:
        raise Malformed("bad-public-key", "the public key is not of the form EOS and 33 bytes")
    key = secp256k1.uncompressed(data[:33])
    if key is None:
        raise Malformed("bad-public-key", "the public key is not a point of secp256k1")
    return key


def read_keys(text: str | None) -> list[bytes]:
    """The declared key, or the two of a JSON object with publicKey1 and publicKey2."""
    if text is None:
        raise Malformed("missing-public-key", "the row names no public key to check with")
    if not text.startswith("{"):
        return [read_key(text)]
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, list) or sorted(name for name, _ in pairs) != list(_PAIR):
        raise Malformed("bad-public-key", "the public keys are not publicKey1 and publicKey2")
    return [read_key(value) for _, value in sorted(pairs, key=itemgetter(0))]


def verify(claim: Claim) -> Signed:
    """Each declared key must have made the signature in its place."""
    keys = read_keys(claim.key)
    signatures = [claim.signature1, claim.signature2][: len(keys)]
    if len(set(keys)) < len(keys):
        raise Invalid("too-few-signers", "both public keys are the same")
    digest = okx_sha256(claim.message)
    for key, text in zip(keys, signatures, strict=True):
        if text is None:
            raise Malformed("missing-signature", "the second public key has no signature")
        signature = read_signature(text)
        found = secp256k1.recover(digest, signature.r_s, signature.recovery)
        if found is None:
            raise Malformed("bad-signature", "no key on the curve could have made the signature")
        if found != key:
            raise Invalid("key-mismatch", "the signature is not by the key in the row")
    return Signed(tuple(secp256k1.compress(key).hex() for key in keys), bound=False)


MAX_NAME = 13


def parse_name(name: str) -> str:
    """An account name: up to 13 characters of a to z, 1 to 5 and the point."""
    if not 0 < len(name) <= MAX_NAME or not set(name) <= set("abcdefghijklmnopqrstuvwxyz12345."):
        raise Malformed("bad-address", "the address is not an account name")
    return name


RULE = Rule(verify, parse_name)
