"""One address in two lists: coins that would be counted twice (specs/solvency-ratio.md, rule 8).

Addresses are compared per asset, without case where hexadecimal. One hexadecimal address can
stand on many chains, so there the networks must be the same words too. First pass: hashes of 64
bits per list; only what may stand in two lists is read again and compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from merkle_por.documents import Document
from merkle_por.errors import Finding
from merkle_por.recognise import recognise
from merkle_por.reserves.lists.layouts import layout_of
from merkle_por.reserves.lists.reading import KEPT, Reading
from merkle_por.reserves.lists.row import Row, address_key

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Overlap:
    """One address that stands in two lists; it is counted in the first one."""

    asset: str
    address: str
    first: str
    again: str

    @property
    def text(self) -> str:
        """In words."""
        address = f"{self.address[:8]}...{self.address[-8:]}"
        return f"{self.asset} {address} stands in {self.first} and {self.again}: counted once"


def _keys(row: Row) -> Iterator[Key]:
    for address in row.addresses:
        key = address_key(address)
        chain = (row.network or "").lower() if key.startswith("0x") else ""
        yield (row.asset, key, chain)


def _rows(document: Document) -> Iterator[Row]:
    """Rows as far as the list can be read; what is wrong with it is said elsewhere."""
    try:
        layout = layout_of(recognise(document).id)
        if layout is not None:
            yield from layout.read(Reading(document))
    except Finding:
        return


def overlaps(
    documents: Sequence[Document],
) -> tuple[tuple[Overlap, ...], list[frozenset[int]]]:
    """Addresses in two lists (a bounded number), and for each list the lines not to count."""
    skips: list[frozenset[int]] = [frozenset() for _ in documents]
    if len(documents) < 2:
        return (), skips
    seen: set[int] = set()
    twice: set[int] = set()
    for document in documents:
        own = {hash(key) for row in _rows(document) for key in _keys(row)}
        twice |= seen & own
        seen |= own
    if not twice:
        return (), skips
    found: list[Overlap] = []
    first: dict[Key, int] = {}
    for place, document in enumerate(documents):
        again: set[int] = set()
        for row in _rows(document):
            for key in _keys(row):
                if hash(key) not in twice or first.setdefault(key, place) == place:
                    continue
                again.add(row.line)
                if len(found) < KEPT:
                    names = documents[first[key]].name, document.name
                    found.append(Overlap(row.asset, key[1], *names))
        skips[place] = frozenset(again)
    return tuple(found), skips
