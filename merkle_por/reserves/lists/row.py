"""One row of a published list of reserves, whatever its layout: the normal form.

Source: specs/reserve-files.md. A named tuple and not a data class, because the largest list has
four million rows and a tuple is made several times faster.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the ownership room is heavy, and telling a format doesn't need it
    from merkle_por.reserves.ownership.row import Ownership


class RowKind(StrEnum):
    """What the listed coins are, as far as the list's own names say it (specs/solvency-ratio.md,
    "Mapping of variants")."""

    NATIVE = "native"
    """The chain's own coin."""

    TOKEN = "token"
    """The asset as a token on some chain, issued by somebody else."""

    WRAPPED = "wrapped"
    """A token that a third party backs with the coin."""

    SELF_PEGGED = "self-pegged"
    """A token that the exchange itself says it backs; the coins behind it are the reserve."""

    LENT_OUT = "lent-out"
    """A receipt for coins lent to somebody."""

    STAKED = "staked"
    """Staked coins or a receipt for them; they may be locked."""

    THIRD_PARTY = "third-party"
    """Held by a custodian; not the exchange's own address."""

    UNSPENDABLE = "unspendable"
    """The list itself says that nobody can spend these coins."""


class Row(NamedTuple):
    """One row.

    coin: the list's own tag of coin and chain. asset: what amounts of it add up to.
    amount: whole coins; None where the layout has no amounts or the unit is not known.
    addresses: as written; () only in lists that people type. line: line in the file, 1 for the
    first (or the place in a JSON list). height: block height of the snapshot.
    signer_of: line of the row that this one is a signer of (HTX); such a row has no amount.
    ownership: the layout's own judgement, where it has one (BitMEX's scripts); None: `judge` asks
    the signatures.
    """

    coin: str
    asset: str
    addresses: tuple[str, ...]
    amount: Decimal | None
    line: int
    kind: RowKind = RowKind.NATIVE
    network: str | None = None
    type: str | None = None
    height: int | None = None
    custodian: str | None = None
    message: str | None = None
    signature1: str | None = None
    signature2: str | None = None
    script: str | None = None
    eoa1: str | None = None
    eoa2: str | None = None
    signer_of: int | None = None
    ownership: Ownership | None = None

    @property
    def address(self) -> str:
        return self.addresses[0] if self.addresses else ""


_UPPER_BECH32 = re.compile(r"[A-Z]{2,20}[1:][0-9A-Z]{20,}")


def address_key(address: str) -> str:
    """An address as it counts for "the same address": hexadecimal ones and those of the Bech32
    kind (a prefix, 1 or a colon, the rest; all in one case) without case."""
    if address[:2] in ("0x", "0X") or (address.isupper() and _UPPER_BECH32.fullmatch(address)):
        return address.lower()
    return address


RowKey = tuple[str, str | None, str | None, str, int | None]
"""Coin, network, type, address, and the line whose signer the row is."""


def row_keys(row: Row) -> list[RowKey]:
    """What may stand only once in a list: one key for each address of the row."""
    addresses = row.addresses
    if len(addresses) == 1:  # nearly always, and this is asked four million times
        return [(row.coin, row.network, row.type, address_key(addresses[0]), row.signer_of)]
    head = (row.coin, row.network, row.type)
    return [(*head, address_key(address), row.signer_of) for address in addresses]
