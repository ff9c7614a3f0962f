"""All schemes there are, as one plain tuple of modules; each holds a `SCHEME` or `SCHEMES`.

Adding an exchange is adding its file and one line here; nothing else changes. Modules are
imported at first use, so that a command that needs no scheme doesn't pay for them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from merkle_por.scheme import Scheme

MODULES = (
    "bifinance",
    "bitbase",
    "bitfinex.antani",
    "bitfinex.easy_audit",
    "binance.zk",
    "bitget",
    "bitgo",
    "bitmex",
    "bitunix",
    "bybit",
    "cakedefi",
    "chain_proofs",
    "coinex",
    "deribit",
    "gate.zk",
    "htx.merkle_sum",
    "htx.zk",
    "leaf_list",
    "maxwell",
    "mexc",
    "okx.merkle_v1",
    "okx.merkle_v2",
    "okx.plonky2",
    "okx.stark",
    "plain_path",
    "reserve_lists",
    "silversixpence",
    "silversixpence_tree",
    "solvency_file",
    "swissborg",
    "template",
    "tnf_ledger",
)


@cache
def schemes() -> tuple[Scheme, ...]:
    """Every scheme, in the order of MODULES."""
    found: list[Scheme] = []
    for name in MODULES:
        module = import_module(f"{__name__}.{name}")
        found.extend(getattr(module, "SCHEMES", None) or (module.SCHEME,))
    return tuple(found)
