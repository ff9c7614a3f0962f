"""Addresses of account chains: from a key to the texts that stand for it.

Source: specs/ownership-signatures.md section 4, and each chain's own document named at its
function. A kind has two sides: `parse` brings an address in a row to its canonical text (or raises
Malformed), `derive` lists the canonical texts that belong to a key. A row's address is the key's
when the one is among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from merkle_por.errors import Malformed
from merkle_por.hashes.keccak import keccak256, sha3_256
from merkle_por.reserves.ownership.digests import double_sha256, hash160
from merkle_por.reserves.ownership.encodings import (
    base32,
    base58,
    bech32,
    c32,
    cashaddr,
    ss58,
    strkey,
    ton,
)
from merkle_por.reserves.ownership.secp256k1 import compress

_LOWER_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class AddressKind:
    """How addresses of one kind are read (`parse`) and made from a key (`derive`).

    Keys: 65 bytes uncompressed on secp256k1, 32 bytes on Ed25519.
    """

    parse: Callable[[str], str]
    derive: Callable[[bytes], tuple[str, ...]]


def exact(address: str) -> str:
    """The text as it is: upper and lower case differ."""
    return address


def one_case(address: str) -> str:
    """Lower case for a text that is all upper case (Bech32 and its relatives allow both)."""
    return address.lower() if address.isupper() else address


def hex_text(address: str) -> str:
    """0x and hexadecimal digits, in lower case."""
    if not address.startswith("0x") or not _LOWER_HEX.issuperset(address[2:].lower()):
        raise Malformed("bad-address", "the address is not 0x and hexadecimal digits")
    return "0x" + address[2:].lower()


# --- secp256k1 -----------------------------------------------------------------------------------


def evm_account(key: bytes) -> bytes:
    """Last 20 bytes of Keccak-256 of the key's coordinates (Ethereum yellow paper, F)."""
    return keccak256(key[1:])[12:]


def evm_text(address: str) -> str:
    """An EVM address in lower case. Mixed case must be the checksum of EIP-55."""
    digits = address[2:]
    lower = digits.lower()
    if len(address) != 42 or address[:2] != "0x" or not _LOWER_HEX.issuperset(lower):
        raise Malformed("bad-address", "the address is not 0x and 40 hexadecimal digits")
    if digits != lower and digits != digits.upper() and digits != eip55(lower):
        raise Malformed("bad-checksum", "the address has upper and lower case against EIP-55")
    return "0x" + lower


def eip55(lower: str) -> str:
    """40 hexadecimal digits in the case that EIP-55 gives them."""
    marks = keccak256(lower.encode()).hex()
    return "".join(c.upper() if m >= "8" else c for c, m in zip(lower, marks, strict=False))


def evm(key: bytes) -> tuple[str, ...]:
    return ("0x" + evm_account(key).hex(),)


def evm_or(parse: Callable[[str], str]) -> Callable[[str], str]:
    """For kinds that may also be written as an EVM address."""

    def either(address: str) -> str:
        return evm_text(address) if address.startswith("0x") else parse(address)

    return either


def filecoin_checksum(payload: bytes) -> bytes:
    """4 bytes of BLAKE2b over the binary address (spec.filecoin.io, Address)."""
    return blake2b(payload, digest_size=4).digest()


def filecoin(key: bytes) -> tuple[str, ...]:
    """f1: BLAKE2b-160 of the uncompressed key."""
    hashed = blake2b(key, digest_size=20).digest()
    return ("f1" + base32.encode(hashed + filecoin_checksum(b"\1" + hashed)).lower(),)


def filecoin_evm(key: bytes) -> tuple[str, ...]:
    """f410f: an Ethereum account under actor 10 (FIP-0048), or its 0x form."""
    account = evm_account(key)
    delegated = base32.encode(account + filecoin_checksum(b"\4\x0a" + account)).lower()
    return "f410f" + delegated, "0x" + account.hex()


def conflux(key: bytes) -> tuple[str, ...]:
    """CIP-37: the account with its first nibble set to 1 (a user's), behind version byte 0."""
    account = evm_account(key)
    user = bytes([account[0] & 0x0F | 0x10]) + account[1:]
    return (cashaddr.encode("cfx", b"\0" + user, cashaddr.CONFLUX),)


def aelf(key: bytes) -> tuple[str, ...]:
    """Base58Check of SHA-256 twice over the uncompressed key, without a version."""
    return (base58.encode_check(double_sha256(key)),)


def cosmos(prefix: str) -> AddressKind:
    """Bech32 of the key's HASH160."""
    return AddressKind(one_case, lambda key: (bech32.encode(prefix, hash160(compress(key))),))


def ethermint(prefix: str) -> AddressKind:
    """Bech32 of the EVM account."""
    return AddressKind(one_case, lambda key: (bech32.encode(prefix, evm_account(key)),))


def evm_or_bech32(prefix: str) -> AddressKind:
    """0x or Bech32 of the EVM account."""
    return AddressKind(
        evm_or(one_case),
        lambda key: ("0x" + evm_account(key).hex(), bech32.encode(prefix, evm_account(key))),
    )


def icon(key: bytes) -> tuple[str, ...]:
    return ("hx" + sha3_256(key[1:])[12:].hex(),)


STACKS_SINGLE_SIG = 22
"""Mainnet, one signature (SIP-005)."""


def stacks(key: bytes) -> tuple[str, ...]:
    """c32check of the HASH160 of the *uncompressed* key, as OKX's rows have it."""
    return (c32.encode_check(STACKS_SINGLE_SIG, hash160(key)),)


def ripple(key: bytes) -> tuple[str, ...]:
    return (base58.encode_check(b"\0" + hash160(compress(key)), base58.RIPPLE),)


def avalanche_x(key: bytes) -> tuple[str, ...]:
    return ("X-" + bech32.encode("avax", hash160(compress(key))),)


TRON_VERSION = b"\x41"


def tron(key: bytes) -> tuple[str, ...]:
    return (base58.encode_check(TRON_VERSION + evm_account(key)),)


def tron_text(address: str) -> str:
    """A TRON address whose length, version and checksum are right."""
    payload = base58.decode_check(address)
    if payload is None or len(payload) != 21 or payload[:1] != TRON_VERSION:
        raise Malformed("bad-address", "the address is not a TRON address")
    return address


SECP256K1: Mapping[str, AddressKind] = {
    "ETH": AddressKind(evm_text, evm),
    "FIL-EVM": AddressKind(evm_or(exact), filecoin_evm),
    "LAT": evm_or_bech32("lat"),
    "OKC": evm_or_bech32("ex"),
    "FIL": AddressKind(exact, filecoin),
    "CFX": AddressKind(one_case, conflux),
    "ELF": AddressKind(exact, aelf),
    "TERRA": cosmos("terra"),
    "ATOM": cosmos("cosmos"),
    "CRO": cosmos("cro"),
    "DORA": cosmos("dora"),
    "DYDX": cosmos("dydx"),
    "TIA": cosmos("celestia"),
    "INJ": ethermint("inj"),
    "ONE": ethermint("one"),
    "ICX": AddressKind(exact, icon),
    "STX": AddressKind(exact, stacks),
    "XRP": AddressKind(exact, ripple),
    "AVAX-X": AddressKind(exact, avalanche_x),
    "TRX": AddressKind(tron_text, tron),
}

# --- Ed25519 -------------------------------------------------------------------------------------


def solana(key: bytes) -> tuple[str, ...]:
    return (base58.encode(key),)


def aptos(key: bytes) -> tuple[str, ...]:
    """SHA3-256 of key and scheme byte 0; leading zeros may be left out (Aptos, authentication)."""
    digits = sha3_256(key + b"\0").hex()
    return "0x" + digits, "0x" + digits.lstrip("0")


def sui(key: bytes) -> tuple[str, ...]:
    """BLAKE2b-256 of scheme byte 0 and key."""
    return ("0x" + blake2b(b"\0" + key, digest_size=32).hexdigest(),)


def substrate(network: int) -> AddressKind:
    return AddressKind(exact, lambda key: (ss58.encode(network, key),))


CARDANO_ENTERPRISE_MAINNET = b"\x61"
"""Header byte: payment key only, network 1 (CIP-19)."""


def cardano(key: bytes) -> tuple[str, ...]:
    hashed = blake2b(key, digest_size=28).digest()
    return (bech32.encode("addr", CARDANO_ENTERPRISE_MAINNET + hashed),)


TEZOS_ED25519 = bytes.fromhex("06a19f")
"""Makes the text begin with tz1."""


def tezos(key: bytes) -> tuple[str, ...]:
    return (base58.encode_check(TEZOS_ED25519 + blake2b(key, digest_size=20).digest()),)


def algorand(key: bytes) -> tuple[str, ...]:
    from Crypto.Hash import SHA512

    return (base32.encode(key + bytes(SHA512.new(key, truncate="256").digest())[-4:]),)


def hex_key(prefix: str) -> AddressKind:
    return AddressKind(exact, lambda key: (prefix + key.hex(),))


ED25519: Mapping[str, AddressKind] = {
    "SOL": AddressKind(exact, solana),
    "APTOS": AddressKind(hex_text, aptos),
    "SUI": AddressKind(hex_text, sui),
    "TON": AddressKind(exact, ton.addresses),
    "DOT": substrate(0),
    "KSM": substrate(2),
    "SDN": substrate(5),
    "KARU": substrate(8),
    "PHA": substrate(30),
    "CFG": substrate(36),
    "CLV": substrate(42),
    "AVAIL": substrate(42),
    "EFI": substrate(1110),
    "ENJIN": substrate(2135),
    "XLM": AddressKind(exact, lambda key: (strkey.encode(key),)),
    "ADA": AddressKind(one_case, cardano),
    "NEAR": hex_key(""),
    "XTZ": AddressKind(exact, tezos),
    "ALGO": AddressKind(exact, algorand),
    "EGLD": AddressKind(one_case, lambda key: (bech32.encode("erd", key),)),
    "KDA": hex_key("k:"),
}
