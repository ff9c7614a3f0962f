"""BitMEX's file of reserves: Bitcoin scripts that only its founder keys can spend (spec
bitmex-reserves). No signatures: a script with n-1 different founder keys is controlled by who
holds them, and that they are BitMEX's must come from outside the file (`keys`).

The file is read twice, line by line: keys and totals first (they may stand last), then the rows.
The official checker accepts an address that is not its script's, one founder key three times, a
founder key of the other parity, negative balances and entries named twice; all refused here.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import Document
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Fact, FactKind, Where

KEYS = frozenset(
    {"height", "chain", "claim", "total", "keys", "xpub", "address", "custodial", "version"}
)
"""Top-level members of the file."""


def recognises(document: Document) -> bool:
    """A YAML text whose head has only top-level keys of this file, one of them telling."""
    if document.looks_like_json:
        return False
    found = set()
    lines = document.head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for line in lines[: -1 if len(lines) > 1 else None]:
        if line[:1] in (b"", b" ", b"-", b"#", b"%", b"\r") or line.rstrip() == b"...":
            continue
        key, colon, _ = line.partition(b":")
        name = key.strip(b"'\"").decode("ascii", "replace")
        if not colon or name not in KEYS:
            return False
        found.add(name)
    return bool(found & {"claim", "keys", "address"})


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list in BTC; the total is compared after the last."""
    from merkle_por.reserves.lists.bitmex_rows import rows

    return rows(reading)


LAYOUT = Layout(
    id="bitmex-reserves",
    exchange="bitmex",
    exchange_name="BitMEX",
    title="Bitcoin scripts with the exchange's keys",
    used="2021 to now",
    file_name="YYYYMMDD-reserves-HEIGHT-ID.yaml",
    where=Where(
        file="public.bitmex.com, folder data/porl: YYYYMMDD-reserves-HEIGHT-ID.yaml",
        root="no root; the founder keys: github.com/BitMEX/proof-of-reserves-liabilities",
        certain="official program was run on made files",
    ),
    recognises=recognises,
    read=read,
    facts={
        "keys": Fact(FactKind.VALUE, "the exchange's founder keys, seen outside this file, hex"),
    },
    shown="listed amounts; with the keys given, that only they can spend from each script",
    unshown="Whose the keys in the scripts are, unless you know the exchange's.",
)
