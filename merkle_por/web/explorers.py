"""Where an address can be looked up on the web: links the user may follow, never fetched by us."""

from __future__ import annotations

EXPLORERS = {
    "aptos": "https://explorer.aptoslabs.com/account/",
    "arbitrum": "https://arbiscan.io/address/",
    "avalanche": "https://snowtrace.io/address/",
    "base": "https://basescan.org/address/",
    "bitcoin": "https://mempool.space/address/",
    "bsc": "https://bscscan.com/address/",
    "cardano": "https://cardanoscan.io/address/",
    "dogecoin": "https://dogechain.info/address/",
    "ethereum": "https://etherscan.io/address/",
    "litecoin": "https://litecoinspace.org/address/",
    "optimism": "https://optimistic.etherscan.io/address/",
    "polygon": "https://polygonscan.com/address/",
    "solana": "https://explorer.solana.com/address/",
    "ton": "https://tonviewer.com/",
    "tron": "https://tronscan.org/#/address/",
    "xrp": "https://livenet.xrpl.org/accounts/",
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def link(chain: str | None, address: str) -> str | None:
    """The address's page at its chain's explorer; None where there is none.

    Only plain addresses get a link: nothing in a list can steer it elsewhere.
    """
    base = EXPLORERS.get(chain or "")
    if base is None or not 20 <= len(address) <= 130 or set(address) - _PLAIN:
        return None
    return base + address
