"""Signatures of Bitcoin and its relatives: signed messages, multisig scripts, BIP-322.

The address is decoded fully before anything else. Then: a key hash must be that of the signing
key; a script hash must be that of the row's script, and so many different keys of the script must
have signed as the script itself demands. Source: specs/ownership-signatures.md section 5, BIP-137
(headers of signed messages), BIP-16, BIP-141, BIP-350.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256

from merkle_por.errors import Incomplete, Invalid, Malformed
from merkle_por.reserves.ownership import bip322, scripts, secp256k1, texts
from merkle_por.reserves.ownership.blake256 import blake256
from merkle_por.reserves.ownership.claims import Claim, Rule, Signed
from merkle_por.reserves.ownership.digests import bitcoin, hash160, ripemd160
from merkle_por.reserves.ownership.encodings import base58, bech32, cashaddr


@dataclass(frozen=True, slots=True)
class Chain:
    """header: first part of a signed message. p2pkh, p2sh: version bytes, hexadecimal.

    segwit: prefix of segwit addresses. cash: prefix of CashAddr addresses. blake: keys, scripts
    and checksums are hashed with BLAKE-256 in place of SHA-256 (Decred). hexed: how a list hashes
    the text of a signature that it writes as 0x and hexadecimal; None where it has none such.
    """

    header: str
    p2pkh: tuple[str, ...]
    p2sh: tuple[str, ...]
    segwit: str | None = None
    cash: str | None = None
    blake: bool = False
    hexed: Callable[[str], bytes] | None = None

    def hash160(self, data: bytes) -> bytes:
        """The 20 bytes that stand for a key or a script in an address."""
        return ripemd160(blake256(data)) if self.blake else hash160(data)

    def payload(self, address: str) -> bytes | None:
        """Version and hash of a base58 address; None if the checksum is wrong."""
        if not self.blake:
            return base58.decode_check(address)
        data = base58.decode(address)
        if data is None or len(data) < 4 or blake256(blake256(data[:-4]))[:4] != data[-4:]:
            return None
        return data[:-4]


_BITCOIN = "Bitcoin Signed Message:\n"

CHAINS: Mapping[str, Chain] = {
    "BTC": Chain(_BITCOIN, ("00",), ("05",), "bc"),
    # No such chain has segwit; the lists and the official program take BTC addresses there.
    "BSV": Chain(_BITCOIN, ("00",), ("05",), "bc"),
    "BCH": Chain(_BITCOIN, ("00",), ("05",), cash="bitcoincash"),
    "XEC": Chain(_BITCOIN, ("00",), ("05",), cash="ecash"),
    "BCD": Chain("Bitcoindiamond Signed Message:\n", ("00",), ("05",), "bcd"),
    "BTG": Chain("Bitcoin Gold Signed Message:\n", ("26",), ("17",), "btg"),
    "DASH": Chain("DarkCoin Signed Message:\n", ("4c",), ("10",)),
    "DCR": Chain(_BITCOIN, ("073f",), ("071a",), blake=True),
    "DGB": Chain("DigiByte Signed Message:\n", ("1e",), ("3f", "05"), "dgb"),
    "DOGE": Chain("Dogecoin Signed Message:\n", ("1e",), ("16",)),
    "LTC": Chain("Litecoin Signed Message:\n", ("30",), ("32", "05"), "ltc"),
    "QTUM": Chain("Qtum Signed Message:\n", ("3a",), ("32",), "qc"),
    "RVN": Chain("Raven Signed Message:\n", ("3c",), ("7a",)),
    "ZEC": Chain("Zcash Signed Message:\n", ("1cb8",), ("1cbd",)),
    "ZEN": Chain(_BITCOIN, ("2089", "1cb8"), ("2096", "1cbd")),
}


class Kind(Enum):
    P2PKH = "P2PKH"
    P2SH = "P2SH"
    P2WPKH = "P2WPKH"
    P2WSH = "P2WSH"
    P2TR = "P2TR"


@dataclass(frozen=True, slots=True)
class Output:
    """What an address pays to. program: 20-byte hash, or 32 bytes for P2WSH and P2TR."""

    kind: Kind
    program: bytes


def _bad_address() -> Malformed:
    return Malformed("bad-address", "the address does not decode as one of this chain")


def decode(chain: Chain, address: str) -> Output:
    """Decodes an address of the chain; raises Malformed for any other text."""
    if chain.segwit and address.lower().startswith(chain.segwit + "1"):
        return _segwit(chain.segwit, address)
    payload = chain.payload(address)
    if payload is not None and len(payload) > 20:
        version, program = payload[:-20].hex(), payload[-20:]
        if version in chain.p2pkh:
            return Output(Kind.P2PKH, program)
        if version in chain.p2sh:
            return Output(Kind.P2SH, program)
    if chain.cash:
        payload = cashaddr.decode(address, chain.cash)
        if payload is not None and len(payload) == 21 and payload[0] in _CASH_KINDS:
            return Output(_CASH_KINDS[payload[0]], payload[1:])
    raise _bad_address()


_CASH_KINDS = {cashaddr.P2PKH: Kind.P2PKH, cashaddr.P2SH: Kind.P2SH}


def _segwit(prefix: str, address: str) -> Output:
    decoded = bech32.decode_segwit(address, prefix)
    if decoded is None:
        raise _bad_address()
    version, program = decoded
    if version == 0:
        return Output(Kind.P2WPKH if len(program) == 20 else Kind.P2WSH, program)
    if version == 1 and len(program) == 32:
        return Output(Kind.P2TR, program)
    raise Incomplete("no-rule", f"no rule says how a version {version} witness program signs")


def rule(chain: Chain, hexed: Callable[[str], bytes] | None = None) -> Rule:
    """The rule of one chain; hexed as in `Chain`."""
    chain = replace(chain, hexed=hexed)
    return Rule(lambda claim: verify(chain, claim), lambda address: decode(chain, address))


def verify(chain: Chain, claim: Claim) -> Signed:
    """Checks the claim's one or two signatures against its address and script."""
    output = decode(chain, claim.address)
    script = _script(claim) if output.kind in (Kind.P2SH, Kind.P2WSH) else None
    if output.kind is Kind.P2WSH and script is not None:
        _same(sha256(script).digest(), output.program)
    witness = _witness(output, claim)
    if witness is not None:
        taproot = output.kind is Kind.P2TR
        return Signed(bip322.verify(output.program, claim.message, witness, taproot=taproot))
    match output.kind:
        case Kind.P2PKH | Kind.P2WPKH:
            return _one_key(chain, claim, output)
        case Kind.P2SH:
            return _p2sh(chain, claim, output.program, script)
        case Kind.P2WSH if script is not None:
            return _multisig(chain, claim, script)
        case Kind.P2WSH:
            raise _missing_script()
    raise Incomplete("no-rule", "a Taproot address can only sign by BIP-322, and this is none")


def _missing_script() -> Malformed:
    return Malformed("missing-script", "the row has no script for its script address")


def _same(hashed: bytes, program: bytes) -> None:
    if hashed != program:
        raise Invalid("script-mismatch", "the script does not hash to the address")


def _witness(output: Output, claim: Claim) -> bytes | None:
    """The bytes of a BIP-322 signature, if the first signature can be one.

    65 bytes are a signed message of BIP-137; no witness of these kinds is so short.
    """
    if output.kind not in (Kind.P2WPKH, Kind.P2WSH, Kind.P2TR):
        return None
    data = texts.unbase64(claim.signature1)
    if data is None or len(data) == 65 or bip322.witness(data) is None:
        return None
    return data


def _p2sh(chain: Chain, claim: Claim, program: bytes, script: bytes | None) -> Signed:
    """A script hash: of a multisig script, or of a witness key or script hash (BIP-141).

    Where a chain has no segwit, the last two would be scripts that anybody can spend from.
    """
    if script is None and not chain.segwit:
        raise _missing_script()
    if script is None or (chain.segwit and scripts.is_p2wpkh(script)):
        if script is not None:
            _same(hash160(script), program)
        key, _ = _signer(chain, claim.message, claim.signature1)
        if hash160(scripts.p2wpkh(hash160(secp256k1.compress(key)))) != program:
            raise _mismatch()
        return _signed(key)
    if len(script) > scripts.MAX_P2SH_SCRIPT or chain.hash160(script) != program:
        nested = hash160(scripts.p2wsh(sha256(script).digest())) if chain.segwit else b""
        _same(nested, program)
    return _multisig(chain, claim, script)


def _script(claim: Claim) -> bytes | None:
    if claim.key is None:
        return None
    script = texts.unhex(claim.key)
    if script is None:
        raise Malformed("bad-script", "the script is not in hexadecimal")
    return script


def _signer(chain: Chain, message: str, text: str) -> tuple[bytes, bool]:
    """The 65-byte key that made a signature, and whether it speaks for its compressed form only.

    Text that begins with 0x is a list's own ECDSA form; everything else is a Bitcoin signed
    message.
    """
    if chain.hexed is not None and text.startswith("0x"):
        signature, digest = texts.okx_rsv(text), chain.hexed(message)
    else:
        data = texts.unbase64(text)
        if data is None:
            raise Malformed("bad-signature", "the signature is not in base64")
        signature, digest = texts.compact(data), bitcoin(message, chain.header)
    key = secp256k1.recover(digest, signature.r_s, signature.recovery)
    if key is None:
        raise Malformed("bad-signature", "no key on the curve could have made the signature")
    return key, signature.compressed


def _signed(*keys: bytes) -> Signed:
    return Signed(tuple(secp256k1.compress(key).hex() for key in keys))


def _mismatch() -> Invalid:
    return Invalid("address-mismatch", "the signature is by the key of another address")


def _one_key(chain: Chain, claim: Claim, output: Output) -> Signed:
    key, compressed = _signer(chain, claim.message, claim.signature1)
    if chain.hash160(secp256k1.compress(key)) == output.program:
        return _signed(key)
    # Only the oldest kind of address can be of a key that is not compressed.
    old = output.kind is Kind.P2PKH and not compressed
    if old and chain.hash160(key) == output.program:
        return _signed(key)
    raise _mismatch()


def _multisig(chain: Chain, claim: Claim, script: bytes) -> Signed:
    signatures = [s for s in (claim.signature1, claim.signature2) if s is not None]
    try:
        keys = dict.fromkeys(_signer(chain, claim.message, s)[0] for s in signatures)
    except Malformed:
        scripts.multisig(script)  # what is wrong with the script is said first
        raise
    needed = scripts.multisig(script, {secp256k1.compress(key): key for key in keys})
    if not set(keys) <= set(needed.keys):
        raise Invalid("signer-not-in-script", "a signature is by a key that the script lacks")
    if len(keys) < needed.threshold:
        raise Invalid(
            "too-few-signers",
            f"{len(keys)} key signed where the script demands {needed.threshold} different ones",
        )
    return _signed(*keys)
