"""All schemes there are, as one plain table of modules; each holds a `SCHEME` or `SCHEMES`.

Adding an exchange is adding its file and one line here; nothing else changes. A module is
imported at first use. So that checking one file imports only the modules that can know it, each
line tells the signs of the files that its module recognises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.scheme import Scheme


@dataclass(frozen=True)
class Signs:
    """What a file must show to be one that a module recognises.

    json: alternatives, each a list of words apart by blanks; one alternative stands whole in
    every JSON file that is recognised. text: the same for the first 64 KiB, unpacked, of a file
    that is no JSON (ANY: whatever they hold). folder: whether folders are recognised. Nothing
    said: none of that kind is.
    """

    json: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    folder: bool = False


ANY = ("",)
UNSIGNED = b"023456789"
"""Bytes that no word of a JSON file's signs holds."""
_TABLES = ("account_tree_roots", "AccountTreeRoots")  # columns of proof.csv

MODULES: dict[str, Signs] = {
    "bifinance": Signs(("merkelLeaf role level",)),
    "binance.zk": Signs(("AccountIndex AccountIdHash",), _TABLES, folder=True),
    "bitbase": Signs(("POR_V1 leafPayload",)),
    "bitfinex.antani": Signs(("valueSize values",)),
    "bitfinex.easy_audit": Signs(("accounts nonce",)),
    "bitget": Signs(("merkelLeaf path",)),
    "bitgo": Signs(("AccountInfo ProofInfo",)),
    "bitmex": Signs(text=("block_height:",)),
    "bitunix": Signs(("merkleLeaf precisions",)),
    "bybit": Signs(("userHash path",)),
    "cakedefi": Signs(("hash assets left", "hash assets right")),
    "chain_proofs": Signs(("accountProof", "merkleblock")),
    "coinex": Signs(("root self nonce path",)),
    "deribit": Signs(),
    "gate.zk": Signs(("UniqueIdentification",), _TABLES, folder=True),
    "htx.merkle_sum": Signs(("uhash",)),
    "htx.zk": Signs(("AccountIndex AccountIdHash",), _TABLES, folder=True),
    "leaf_list": Signs(text=("Level Hash",)),
    "maxwell": Signs(("partial_tree", "index data sum hash")),
    "mexc": Signs(("pathList proofId",)),
    "okx.merkle_v1": Signs(("self path balances nonce BTC ETH USDT",)),
    "okx.merkle_v2": Signs(("totalBalances nodes nonce",), ('{"BTC":',)),
    "okx.plonky2": Signs(("sum_tree_siblings", "root_vd_digest")),
    "okx.stark": Signs(("batch_inclusion_proof",), folder=True),
    "plain_path": Signs(("scheme",)),
    "reserve_lists": Signs(("wallet_address", "credit_count", "addresses", "reserves"), ANY),
    "silversixpence": Signs(text=(",",)),
    "silversixpence_tree": Signs(text=(",1,",), folder=True),
    "solvency_file": Signs(("liabilities reserves",)),
    "swissborg": Signs(("partitions commitment", "liabilities user_id audit_id")),
    "template": Signs(("scheme template",)),
    "tnf_ledger": Signs(text=("#",)),
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
    possible = _question(document)
    for name, signs in MODULES.items():
        if possible(signs):
            yield from of_module(name)


def _question(document: Document) -> Callable[[Signs], bool]:
    """What tells whether a module with such signs can know the document."""
    if document.is_folder:
        return lambda signs: signs.folder
    if not document.looks_like_json:
        head = _unpacked_head(document)
        return lambda signs: _shows(head, signs.text)
    try:
        data = document.data
    except Malformed:
        return lambda signs: bool(signs.json)
    if b"\\u" in data:  # an escape may hide a letter of a word
        return lambda signs: bool(signs.json)
    # Long files are mostly digits: without them less is left to search for each module's words.
    letters = data.translate(None, UNSIGNED)
    return lambda signs: _shows(letters, signs.json)


def _unpacked_head(document: Document) -> bytes:
    from merkle_por.unpacking import plain_head

    return plain_head(document)


def _shows(data: bytes, alternatives: tuple[str, ...]) -> bool:
    return any(
        all(word.encode() in data for word in alternative.split()) for alternative in alternatives
    )
