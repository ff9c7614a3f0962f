"""Signatures of Ethereum validator keys (BLS12-381); the address of such a row is the key itself.

Ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_, as in Ethereum's consensus specification;
the signed message is the EIP-191 digest of the text. The pairing is py_ecc's (optional; without it
such rows are unsupported). It checks that key and signature are in their subgroups and that the
key is not the neutral element.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.reserves.ownership import texts
from merkle_por.reserves.ownership.claims import Claim, Rule, Signed
from merkle_por.reserves.ownership.digests import ethereum_hashed

KEY_BYTES, SIGNATURE_BYTES = 48, 96


def parse_key(address: str) -> bytes:
    """The 48 bytes of a validator key, hexadecimal with 0x."""
    key = texts.unhex(address) if address.startswith("0x") else None
    if key is None or len(key) != KEY_BYTES:
        raise Malformed("bad-address", "the address is not a validator key of 48 bytes")
    return key


def _scheme() -> Any:
    # py_ecc lifts the whole process's recursion limit when it is imported; its own recursion is
    # 256 deep, and what else runs here is safer with the usual limit.
    limit = sys.getrecursionlimit()
    try:
        return import_module("py_ecc.bls").G2ProofOfPossession
    except ImportError:
        return None
    finally:
        sys.setrecursionlimit(limit)


def verify(claim: Claim) -> Signed:
    """One signature by the key that is the address."""
    key = parse_key(claim.address)
    signature = texts.unhex(claim.signature1)
    if signature is None or len(signature) != SIGNATURE_BYTES:
        raise Malformed("bad-signature", "the signature is not 96 bytes in hexadecimal")
    scheme = _scheme()
    if scheme is None:
        raise Incomplete(
            "missing-part",
            "signatures of validator keys need the package py_ecc, which is not installed",
            "pip install py_ecc",
        )
    if not scheme.Verify(key, ethereum_hashed(claim.message), signature):
        raise Invalid("bad-signature", "the signature does not fit the message and the public key")
    return Signed((key.hex(),))


RULE = Rule(verify, parse_key)
