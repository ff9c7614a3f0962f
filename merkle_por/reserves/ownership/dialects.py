"""What differs between the lists: expected messages, and the rule of each coin.

A `Dialect` is data and one look-up; `judge` knows no exchange. Source:
specs/ownership-signatures.md sections 1 to 4, specs/reserve-files.md (HTX's coin names).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from merkle_por.reserves.ownership import accounts, bls, digests, eos, stark, texts, utxo
from merkle_por.reserves.ownership.addresses import ED25519, SECP256K1
from merkle_por.reserves.ownership.claims import Rule
from merkle_por.reserves.ownership.coins import coin

OKX_MESSAGES = frozenset({"I am an OKX address"})
OKX_AUDIT_MESSAGES = OKX_MESSAGES | {"OKC_DTT_AUP2025"}
HTX_MESSAGES = frozenset({"huobi", "htx", "King will be back!"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one publisher's rows are signed.

    messages: texts that a row may have signed. rule: from coin tag to rule; None where there is
    none.
    """

    name: str
    messages: frozenset[str]
    rule: Callable[[str], Rule | None]


_ADDRESS_OF_ETHEREUM = "ETH"
_KEY_IN_ROW = frozenset({"XRP", "AVAX-X"})
"""Kinds whose rows name the signing key beside an address that follows from it."""


@lru_cache(2048)
def okx_rule(tag: str) -> Rule | None:
    """The rule of an OKX coin tag; None for a tag or a kind of address that has no rule."""
    entry = coin(tag)
    if entry is None:
        return None
    kind = entry.address
    match entry.family:
        case "EVM" if kind is not None:
            return accounts.recoverable(
                SECP256K1[kind], (digests.ethereum_hashed,), low_s=kind == _ADDRESS_OF_ETHEREUM
            )
        case "TRX":
            return accounts.recoverable(SECP256K1["TRX"], (digests.tron_hashed, digests.tron))
        case "ECDSA":
            return accounts.recoverable(
                SECP256K1[kind] if kind is not None else None,
                (digests.okx_keccak,),
                key_in_row=kind in _KEY_IN_ROW,
            )
        case "ED25519":
            address = ED25519[kind] if kind is not None else None
            return accounts.ed25519_in_row(address, digests.okx_bytes)
        case "UTXO" if kind is not None and kind in utxo.CHAINS:
            return utxo.rule(utxo.CHAINS[kind], digests.okx_keccak)
        case "EOS":
            return eos.RULE
        case "STARK":
            return stark.RULE
        case "BLS":
            return bls.RULE
    return None


_HTX_SOLANA = frozenset({"SOL", "USDT-SOL", "TRX-SOL", "USDC-SOL", "SOL-USDC"})
_HTX_EVM = accounts.recoverable(
    SECP256K1["ETH"], (digests.keccak_raw, digests.ethereum), texts.htx_rsv, low_s=True
)
_HTX_TRON = accounts.recoverable(
    SECP256K1["TRX"], (digests.tron_raw32, digests.tron_hashed), texts.htx_rsv
)


@lru_cache(2048)
def htx_rule(tag: str) -> Rule | None:
    """The rule of an HTX coin name: its chain is in the name, everything else is an EVM chain."""
    name = tag.upper()
    if name.endswith("-TRC20") or name in ("TRX", "JSTRX"):
        return _HTX_TRON
    if name in ("BTC", "USDT-OMNI"):
        return utxo.rule(utxo.CHAINS["BTC"])
    if name == "DOGE":
        return utxo.rule(utxo.CHAINS["DOGE"])
    if name in _HTX_SOLANA:
        return accounts.ed25519_in_address(accounts.solana_key, digests.text_bytes)
    if name == "USDT-ALGO":
        read_key = accounts.algorand_key(ED25519["ALGO"])
        return accounts.ed25519_in_address(read_key, digests.text_bytes)
    if name == "XRP":
        return None
    return _HTX_EVM


OKX = Dialect("OKX", OKX_MESSAGES, okx_rule)
OKX_AUDIT = Dialect("OKX auditor", OKX_AUDIT_MESSAGES, okx_rule)
HTX = Dialect("HTX", HTX_MESSAGES, htx_rule)
