"""MiMC over BN254 as gnark-crypto has it: exponent 5, 110 rounds, Miyaguchi-Preneel.

Rules: specs/zk-primitives-bn254 section 3; Albrecht, Grassi, Rechberger, Roy, Tiessen, "MiMC"
(2016). The round constants are a chain of Keccak-256 values from the word "seed". Used by BitGo,
whose user check takes 36 + 20 + some elements: plain Python does it in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from merkle_por.errors import Malformed
from merkle_por.hashes.keccak import keccak256
from merkle_por.hashes.poseidon_bn254_tables import ELEMENT_BYTES, MODULUS

ROUNDS = 110
_SEED = b"seed"


@cache
def round_constants() -> tuple[int, ...]:
    """c_0 = keccak(keccak("seed")), c_i = keccak(c_(i-1)), each taken modulo the field's order."""
    constants = []
    digest = keccak256(_SEED)
    for _ in range(ROUNDS):
        digest = keccak256(digest)
        constants.append(int.from_bytes(digest) % MODULUS)
    return tuple(constants)


def mimc(elements: Iterable[int]) -> int:
    """Digest of a sequence of field elements; of none it is 0.

    Malformed (field-element-range) where an element is not in 0..MODULUS-1.
    """
    constants = round_constants()
    digest = 0
    for element in elements:
        if not 0 <= element < MODULUS:
            raise Malformed(
                "field-element-range", "a value is not below the order of the BN254 groups"
            )
        x = element
        for constant in constants:
            x = pow(x + digest + constant, 5, MODULUS)
        # E_h(x) = x + h after the rounds; the digest is E_h(x) + h + x.
        digest = (x + 2 * digest + element) % MODULUS
    return digest


def elements_of(*texts: bytes) -> list[int]:
    """What gnark's hasher makes of byte strings written to it: up to 32 bytes are one element,
    big-endian; an empty string adds none. Malformed (field-element-range) for anything larger."""
    out = []
    for text in texts:
        if not text:
            continue
        value = int.from_bytes(text)
        if len(text) > ELEMENT_BYTES or value >= MODULUS:
            raise Malformed(
                "field-element-range", "a value is not below the order of the BN254 groups"
            )
        out.append(value)
    return out
