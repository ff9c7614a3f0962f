"""Which client serves which chain; each is imported when its chain is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from merkle_por.errors import UsageError
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.http import Http, endpoint
from merkle_por.reserves.chains.interface import Client

if TYPE_CHECKING:
    from merkle_por.reserves.chains.memory import Memory

# family -> api (the option `#api=` of a URL; the first is the usual one) -> module, class
_CLIENTS: dict[str, dict[str, tuple[str, str]]] = {
    "evm": {"rpc": ("evm", "Evm")},
    "bitcoin": {
        "core": ("bitcoin", "Core"),
        "esplora": ("esplora", "Esplora"),
        "electrum": ("electrum", "Electrum"),
    },
    "tron": {"wallet": ("tron", "Tron")},
    "solana": {"rpc": ("solana", "Solana")},
    "xrp": {"rpc": ("xrp", "Xrp")},
    "stellar": {"horizon": ("stellar", "Stellar")},
    "cosmos": {"lcd": ("cosmos", "Cosmos")},
    "aptos": {"rest": ("aptos", "Aptos")},
    "ton": {"toncenter": ("ton", "Ton")},
    "polkadot": {"rpc": ("polkadot", "Polkadot")},
    "sui": {"rpc": ("sui", "Sui")},
    "algorand": {"algod": ("algorand", "Algorand")},
    "starknet": {"rpc": ("starknet", "Starknet")},
    "beacon": {"rest": ("beacon", "Beacon")},
    "eos": {"rpc": ("eos", "Eos")},
    "cardano": {"koios": ("cardano", "Koios"), "blockfrost": ("cardano", "Blockfrost")},
}


def client(chain: registry.Chain, url: str, memory: Memory | None = None) -> Client:
    """A client of one node or service that the user named. Raises UsageError."""
    node = endpoint(url)
    apis = _CLIENTS[chain.family]
    name = node.option("api") or next(iter(apis))
    if node.base.startswith(("tcp:", "ssl:")):
        name = "electrum"
    if name not in apis:
        raise UsageError(
            f"{chain.name} is not asked through {name[:40]}", f"api= one of: {', '.join(apis)}"
        )
    module, kind = apis[name]
    made = getattr(import_module(f"merkle_por.reserves.chains.{module}"), kind)
    result: Client = made(chain, Http(node, memory=memory))
    return result
