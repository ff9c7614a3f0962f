"""What a list layout is: how to know it and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from merkle_por.documents import Document
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Fact, FactKind, Where

if TYPE_CHECKING:
    from merkle_por.reserves.asking import Answered, Answers

MESSAGE = Fact(FactKind.VALUE, "the text(s) that the rows may have signed, if not the usual ones")
SIGNATURES = Fact(FactKind.FLAG, "false: read the amounts only, don't judge signatures")
_SENT = 'its addresses\' transfers to themselves: {"transfers": [{"chain", "address", "txid"}]}'
TRANSFERS = {
    "transfers": Fact(FactKind.FILE, _SENT),
    "block": Fact(FactKind.HASH, "the Bitcoin block that fixes the transfers' amount"),
    "header": Fact(FactKind.TEXT, "that block's header, hexadecimal, where no node of it is named"),
    "after": Fact(FactKind.TEXT, "from when transfers count, like 2022-12-11T12:30:00Z"),
    "until": Fact(FactKind.TEXT, "until when transfers count"),
}


@dataclass(frozen=True)
class Layout:
    """One layout. `read` yields rows and notes failures in the reading; it raises Malformed.

    amounts: whether its rows have any. signed: whether its rows can carry signatures.
    coin_is_network: its coin tags name the chain, and `asset` what is held there.
    facts: the layout's own facts from outside; `all_facts` adds those of signed lists.
    members: as `Scheme.members`. shown, unshown: what such a list shows of the totals, and what it
    leaves open of who controls the coins, where that is not what lists of addresses do.
    prove: for layouts whose rows name no addresses, how nodes are asked about them.
    transfers: whether control of its addresses may be shown by transfers (reserves.transfers).
    """

    id: str
    exchange: str
    exchange_name: str
    title: str
    used: str
    file_name: str
    where: Where
    recognises: Callable[[Document], bool]
    read: Callable[[Reading], Iterator[Row]]
    amounts: bool = True
    signed: bool = False
    coin_is_network: bool = False
    aliases: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    shown: str = ""
    unshown: str = ""
    prove: Callable[[Reading, Answers], Iterator[Answered]] | None = None
    transfers: bool = False

    @property
    def all_facts(self) -> dict[str, Fact]:
        """What may be given from outside for lists of this layout."""
        facts = dict(self.facts) | (TRANSFERS if self.transfers else {})
        return facts | {"message": MESSAGE, "signatures": SIGNATURES} if self.signed else facts
