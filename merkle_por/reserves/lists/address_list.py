"""Addresses that somebody names as an exchange's (spec address-list): for cross-checks, no proof.

{exchange, source, asserted_by, addresses: {chain: [address...]}}, optionally heights: {chain: n}
and addresses_by_coin: {chain: {coin: [address...]}} in place of, or beside, the plain lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import Document, Fields
from merkle_por.errors import Malformed
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import HEIGHT_MOST, Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Where

ADDRESSES = 2_000_000


def recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"addresses": dict()}:
            return True
    return False


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list; `line` counts addresses from 1."""
    document = reading.document
    top = Fields(document.json, "", document.limits)
    for name in ("exchange", "source", "asserted_by"):
        if name in top:
            reading.facts[name] = top.text(name)
    heights = top.object("heights") if "heights" in top else Fields({}, "heights")
    count = 0
    chains = top.object("addresses")
    for chain in chains.members:
        reading.name(chain, count, "chain")
        height = heights.integer(chain, 0, HEIGHT_MOST) if chain in heights else None
        for place, item in enumerate(chains.array(chain, high=ADDRESSES)):
            if not isinstance(item, str):
                raise Malformed("wrong-type", "not a text", where=f"addresses.{chain}[{place}]")
            count += 1
            address = reading.address(item, count)
            yield Row(chain, chain, (address,), None, count, network=chain, height=height)
    if "addresses_by_coin" in top:
        _same_addresses(top.object("addresses_by_coin"), chains)
    if not count:
        raise Malformed("no-rows", "the list holds no addresses")


def _same_addresses(by_coin: Fields, chains: Fields) -> None:
    """The addresses per coin must be ones of their chain's list."""
    for chain in by_coin.members:
        coins = by_coin.object(chain)
        listed = set(map(str, chains.array(chain))) if chain in chains else set()
        for coin in coins.members:
            for place, item in enumerate(coins.array(coin, high=ADDRESSES)):
                if item not in listed:
                    where = f"addresses_by_coin.{chain}.{coin}[{place}]"
                    raise Malformed("bad-row", "not in the chain's own list", where=where)


LAYOUT = Layout(
    id="address-list",
    exchange="third-party",
    exchange_name="the list",
    title="Addresses that a third party names as an exchange's",
    used="any time",
    file_name="NAME.json",
    where=Where(
        file="a list you made or were given",
        root="no root: the addresses' balances are on their chains",
        certain="our own format",
    ),
    recognises=recognises,
    read=read,
    transfers=True,
    amounts=False,
)
