"""A small reader of the vector lists, so that ownership is tested without the list readers."""

from __future__ import annotations

import csv
from pathlib import Path

from merkle_por.reserves.ownership import Row

_NAMES = {
    "digitalasset": "asset",
    "signedmessage": "signature1",
    "signedmessage2": "signature2",
    "signature": "signature1",
    "redeemscript/publickey": "key",
    "redeem_script": "key",
    "publickey": "key",
    "owner1": "eoa1",
    "owner2": "eoa2",
}


def rows(path: Path) -> list[Row]:
    """The signature rows of an OKX, auditor or HTX list; [] where there is no such section."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    start = next((i for i, s in enumerate(lines) if "signature" in s or "signedMess" in s), None)
    if start is None:
        return []
    header, *body = list(csv.reader(lines[start:]))
    names = [name.lower().replace(" ", "") for name in header]
    names = [_NAMES.get(name, name) for name in names]
    return [_row(dict(zip(names, cells, strict=False))) for cells in body if cells]


def _row(cells: dict[str, str]) -> Row:
    return Row(
        coin=cells["network"] if "asset" in cells else cells["coin"],
        address=cells["address"],
        network=cells.get("network"),
        type=cells.get("type"),
        message=cells["message"],
        signature1=cells["signature1"],
        signature2=cells.get("signature2"),
        script_or_public_key=cells.get("key"),
        eoa1=cells.get("eoa1"),
        eoa2=cells.get("eoa2"),
    )
