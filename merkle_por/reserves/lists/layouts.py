"""All layouts there are, as one plain tuple; adding one is adding its file and a line here."""

from merkle_por.reserves.lists import (
    address_list,
    binance_por,
    bip127_proof,
    bitfinex_wallets,
    bitmex_reserves,
    bybit_por,
    cmc_assets,
    htx_por,
    okx_aup,
    okx_por,
    typed_list,
)
from merkle_por.reserves.lists.layout import Layout

LAYOUTS: tuple[Layout, ...] = (
    okx_por.LAYOUT,
    okx_aup.LAYOUT,
    htx_por.LAYOUT,
    binance_por.LAYOUT,
    bybit_por.LAYOUT,
    bitfinex_wallets.LAYOUT,
    bitmex_reserves.LAYOUT,
    bip127_proof.LAYOUT,
    cmc_assets.LAYOUT,
    address_list.LAYOUT,
    typed_list.LAYOUT,
)


def layout_of(name: str) -> Layout | None:
    """The layout of a scheme id or alias, None where the scheme is no list."""
    return next((lay for lay in LAYOUTS if name == lay.id or name in lay.aliases), None)
