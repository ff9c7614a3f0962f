"""Bitfinex's list of wallets: lines `ADDRESS - LABEL`, no amounts, no signatures, no chain but in
the label's words (spec bitfinex-wallets; historical, December 2022). Some addresses are names.
"""

from __future__ import annotations

from collections.abc import Iterator

from merkle_por.documents import HEAD_BYTES, Document
from merkle_por.errors import Malformed
from merkle_por.reserves import variants
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.reading import NAME_CHARS, Reading
from merkle_por.reserves.lists.row import Row
from merkle_por.scheme import Where

DASH = " - "


def _parts(line: str) -> tuple[str, str] | None:
    """Address and label; None for a line of another form. One or two blanks beside the dash; a
    remark in parentheses may follow the address."""
    left, dash, label = line.rstrip().partition(DASH)
    address, _, remark = left.removesuffix(" ").partition(" ")
    label = label.removeprefix(" ")
    if not dash or not address or not label or label[0] == " ":
        return None
    if remark and not (remark[0] == "(" and remark[-1] == ")"):
        return None
    return address, label


def recognises(document: Document) -> bool:
    if document.looks_like_json:
        return False
    head = document.head.removeprefix(b"\xef\xbb\xbf")
    lines = head.split(b"\n")
    if len(head) >= HEAD_BYTES - 3:
        lines = lines[:-1]  # the last one may be cut
    found = False
    for line in lines:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            return False
        if text and _parts(text) is None:
            return False
        found = found or bool(text)
    return found


def _coin(label: str) -> str:
    """The label without its last words: "ETH/ERC20 (old) hot wallet" -> "ETH/ERC20"."""
    words = label.split(" ")
    while len(words) > 1 and words[-1].strip("()").lower() in ("hot", "cold", "wallet", "old"):
        words.pop()
    return " ".join(words)


def read(reading: Reading) -> Iterator[Row]:
    """Rows of the list: the whole label is the row's type, its first words the coin."""
    rows = 0
    for number, line in reading.lines():
        if not line.strip():
            continue
        parts = _parts(line)
        if parts is None or len(parts[1]) > NAME_CHARS:
            raise Malformed("bad-row", "not a line ADDRESS - LABEL", where=f"line {number}")
        address, label = parts
        coin = reading.name(_coin(label), number)
        rows += 1
        yield Row(
            coin=coin,
            asset=coin,
            addresses=(reading.address(address, number),),
            amount=None,
            line=number,
            kind=variants.plain_kind(coin),
            type=reading.name(label, number, "wallet"),
        )
    if not rows:
        raise Malformed("no-rows", "the list holds no rows")


LAYOUT = Layout(
    id="bitfinex-wallets",
    exchange="bitfinex",
    exchange_name="Bitfinex",
    title="Wallet addresses with labels, without amounts",
    used="2022-12",
    file_name="wallets.txt",
    where=Where(
        file="github.com/bitfinexcom/pub, wallets.txt",
        root="no root: the addresses' balances are on their chains",
        certain="the published list was read",
    ),
    recognises=recognises,
    read=read,
    amounts=False,
)
