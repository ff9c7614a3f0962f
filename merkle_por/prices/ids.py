"""Which coin a price service means: ids, never symbols.

Data: ids.json (assets: the id of each at each service; ambiguous: symbols that stand for several
coins, for which the user must say which). An asset may be written as an id itself:
coingecko:bitcoin, coinmarketcap:1, ethereum:0x... (DefiLlama's CHAIN:CONTRACT).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from merkle_por.errors import UsageError

Ids = Mapping[str, Mapping[str, str]]
"""Asset -> service -> id."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_CONTRACT = re.compile(r"[a-z0-9_-]{1,40}:[A-Za-z0-9:._-]{1,120}")


@cache
def data() -> dict[str, Any]:
    """The table. Not to be changed."""
    text = Path(__file__).with_name("ids.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def read_id(text: str) -> dict[str, str]:
    """service -> id of a written id; {} where the text is none."""
    service, colon, id = text.partition(":")
    if not colon:
        return {}
    if service == "coingecko" and _SLUG.fullmatch(id):
        return {"coingecko": id, "defillama": f"coingecko:{id}"}
    if service == "coinmarketcap" and _NUMBER.fullmatch(id):
        return {"coinmarketcap": id}
    if service not in ("coingecko", "coinmarketcap") and _CONTRACT.fullmatch(text):
        return {"defillama": text}
    return {}


def given_ids(pairs: Iterable[str]) -> dict[str, dict[str, str]]:
    """ASSET=coingecko:ID, ASSET=coinmarketcap:NUMBER or ASSET=CHAIN:CONTRACT. Raises UsageError."""
    found: dict[str, dict[str, str]] = {}
    for pair in pairs:
        asset, equals, text = pair.partition("=")
        ids = read_id(text)
        if not equals or not asset or not ids:
            raise UsageError(
                f'"{pair[:60]}" names no price id',
                "write ASSET=coingecko:ID, ASSET=coinmarketcap:NUMBER or ASSET=CHAIN:CONTRACT",
            )
        found.setdefault(asset, {}).update(ids)
    return found


def ids_of(asset: str, given: Ids) -> Mapping[str, str]:
    """service -> id of an asset: as given, as written in its name, or as the table has it."""
    if asset in given:
        return given[asset]
    if ":" in asset:
        return read_id(asset)
    entry = data()["assets"].get(asset)
    if entry is None:
        return {}
    ids = {name: str(id) for name, id in entry.items()}
    if "coingecko" in ids:
        ids["defillama"] = f"coingecko:{ids['coingecko']}"
    return ids


def ambiguous(asset: str) -> str | None:
    """What a symbol stands for, where that is several coins; None for all others."""
    found: str | None = data()["ambiguous"].get(asset)
    return found
