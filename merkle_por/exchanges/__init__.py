"""All schemes there are, as one plain table of modules; each holds a `SCHEME` or `SCHEMES`.

Adding an exchange is adding its file and one line here; nothing else changes. A module is
imported at first use. So that checking one JSON proof imports only the modules that can know it,
each names the words that stand in every JSON file it recognises.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.scheme import Scheme

Words = tuple[str, ...]
"""Alternatives, each a list of words apart by blanks: one alternative stands whole in the file.
() for modules that recognise no JSON file."""

MODULES: dict[str, Words] = {
    "bifinance": ("merkelLeaf role level",),
    "binance.zk": ("AccountIndex AccountIdHash",),
    "bitbase": ("POR_V1 leafPayload",),
    "bitfinex.antani": ("valueSize values",),
    "bitfinex.easy_audit": ("accounts nonce",),
    "bitget": ("merkelLeaf path",),
    "bitgo": ("AccountInfo ProofInfo",),
    "bitmex": (),
    "bitunix": ("merkleLeaf precisions",),
    "bybit": ("userHash path",),
    "cakedefi": ("hash assets left", "hash assets right"),
    "chain_proofs": ("accountProof", "merkleblock"),
    "coinex": ("root self nonce path",),
    "deribit": (),
    "gate.zk": ("UniqueIdentification",),
    "htx.merkle_sum": ("uhash",),
    "htx.zk": ("AccountIndex AccountIdHash",),
    "leaf_list": (),
    "maxwell": ("partial_tree", "index data sum hash"),
    "mexc": ("pathList proofId",),
    "okx.merkle_v1": ("self path balances nonce BTC ETH USDT",),
    "okx.merkle_v2": ("totalBalances nodes nonce",),
    "okx.plonky2": ("sum_tree_siblings", "root_vd_digest"),
    "okx.stark": ("batch_inclusion_proof",),
    "plain_path": ("scheme",),
    "reserve_lists": ("wallet_address", "credit_count", "addresses", "reserves"),
    "silversixpence": (),
    "silversixpence_tree": (),
    "solvency_file": ("liabilities reserves",),
    "swissborg": ("partitions commitment", "liabilities user_id audit_id"),
    "template": ("scheme template",),
    "tnf_ledger": (),
}


@cache
def of_module(name: str) -> tuple[Scheme, ...]:
    """The schemes of one module of MODULES."""
    module = import_module(f"{__name__}.{name}")
    return tuple(getattr(module, "SCHEMES", None) or (module.SCHEME,))


@cache
def schemes() -> tuple[Scheme, ...]:
    """Every scheme, in the order of MODULES."""
    return tuple(scheme for name in MODULES for scheme in of_module(name))


def candidates(document: Document) -> Iterator[Scheme]:
    """The schemes whose recogniser can answer for the document: all but those that can't."""
    for name, words in MODULES.items():
        if _possible(document, words):
            yield from of_module(name)


def _possible(document: Document, words: Words) -> bool:
    if not document.looks_like_json:
        return True
    try:
        data = document.data
    except Malformed:
        return True
    # An escape may hide a letter of a word, so such a file is shown to everybody.
    return b"\\u" in data or any(
        all(word.encode() in data for word in alternative.split()) for alternative in words
    )
