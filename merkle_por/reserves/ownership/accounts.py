"""Signatures of account chains: one key, one signature, the address made from the key.

Two families: ECDSA on secp256k1 whose key is recovered from the signature (EVM chains, TRON,
Cosmos, Filecoin and others), and Ed25519 whose key stands in the row or in the address.
Source: specs/ownership-signatures.md sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from merkle_por.errors import Invalid, Malformed
from merkle_por.reserves.ownership import ed25519, secp256k1, texts
from merkle_por.reserves.ownership.addresses import AddressKind, exact
from merkle_por.reserves.ownership.claims import Claim, Rule, Signed
from merkle_por.reserves.ownership.encodings import base32, base58

Digest = Callable[[str], bytes]

_HALF_ORDER = secp256k1.HALF_ORDER.to_bytes(32, "big")


def recovered_keys(
    digests: tuple[Digest, ...], message: str, text: texts.Recoverable
) -> Iterator[bytes]:
    """The keys that a signature gives under each way of hashing; raises if none gives any.

    Recovering is what costs, so each key is found when it is asked for.
    """
    found = False
    for digest in digests:
        key = secp256k1.recover(digest(message), text.r_s, text.recovery)
        if key is not None:
            found = True
            yield key
    if not found:
        raise Malformed("bad-signature", "no key on the curve could have made the signature")


def recoverable(
    kind: AddressKind | None,
    digests: tuple[Digest, ...],
    read: Callable[[str], texts.Recoverable] = texts.okx_rsv,
    *,
    low_s: bool = False,
    key_in_row: bool = False,
) -> Rule:
    """The rule of a chain whose signatures give their key away.

    kind: None where an address cannot be computed; the row must then name its key.
    digests: ways of hashing the message, in the order in which they are tried.
    low_s: refuse s above half the order. key_in_row: a key named in the row must be the signer.
    """

    def verify(claim: Claim) -> Signed:
        address = kind.parse(claim.address) if kind else ""
        signature = read(claim.signature1)
        if low_s and signature.r_s[32:] > _HALF_ORDER:
            raise Malformed("high-s", "the signature is the one of its pair with the larger s")
        keys = recovered_keys(digests, claim.message, signature)
        if kind is not None:
            derive = kind.derive
            keys = filter(lambda key: address in derive(key), keys)
        signer = next(keys, None)
        if signer is None:
            raise Invalid("address-mismatch", "the signature is by the key of another address")
        if kind is None and claim.key is None:
            raise Malformed("missing-public-key", "the row names no public key to check with")
        if claim.key is not None and (kind is None or key_in_row):
            named = texts.secp256k1_key(claim.key)
            if named != signer and named not in keys:
                raise Invalid("key-mismatch", "the signature is not by the key in the row")
            signer = named
        return Signed((secp256k1.compress(signer).hex(),), bound=kind is not None)

    return Rule(verify, kind.parse if kind else exact)


def _verified(message: bytes, signature: bytes | None, key: bytes) -> None:
    if signature is None or len(signature) != 64:
        raise Malformed("bad-signature", "the signature is not 64 bytes in the list's encoding")
    if not ed25519.verify(message, signature, key):
        raise Invalid("bad-signature", "the signature does not fit the message and the public key")


def _sound(key: bytes) -> bytes:
    if ed25519.small_order(key):
        raise Malformed("small-order-key", "the public key is one that anybody can sign for")
    if not ed25519.is_key(key):
        raise Malformed("bad-public-key", "the public key is not a point of Ed25519")
    return key


def ed25519_in_row(kind: AddressKind | None, signed: Digest) -> Rule:
    """The rule of OKX's Ed25519 chains: the key stands in the row, in hexadecimal."""

    def verify(claim: Claim) -> Signed:
        key = texts.ed25519_key(claim.key)
        signature = texts.unhex(claim.signature1)
        message = signed(claim.message)
        good = signature is not None and ed25519.verify(message, signature, key)
        if not good:  # nothing fits a key that is none, so only then it is worth a look
            _sound(key)
        if kind is not None and kind.parse(claim.address) not in kind.derive(key):
            raise Invalid("address-mismatch", "the address is not that of the row's public key")
        if not good:
            _verified(message, signature, key)
        return Signed((key.hex(),), bound=kind is not None)

    return Rule(verify, kind.parse if kind else exact)


def solana_key(address: str) -> bytes:
    """The key that a Solana address is."""
    key = base58.decode(address)
    if key is None or len(key) != 32:
        raise Malformed("bad-address", "the address is not 32 bytes in base58")
    return key


def algorand_key(kind: AddressKind) -> Callable[[str], bytes]:
    """The key in an Algorand address, its checksum tested."""

    def read(address: str) -> bytes:
        data = base32.decode(address)
        if data is None or len(data) != 36 or kind.derive(data[:32]) != (address,):
            raise Malformed("bad-address", "the address is not an Algorand address")
        return data[:32]

    return read


def ed25519_in_address(read_key: Callable[[str], bytes], signed: Digest) -> Rule:
    """The rule of HTX's Ed25519 chains: the key is in the address, the signature in base64."""

    def verify(claim: Claim) -> Signed:
        key = _sound(read_key(claim.address))
        _verified(signed(claim.message), texts.unbase64(claim.signature1), key)
        return Signed((key.hex(),))

    return Rule(verify, read_key)
