"""The table of OKX's coin tags: how each is signed and addressed, and what it counts into.

Data: coins.json, one tag a line. Source: specs/ownership-signatures.md section 4 and the facts
behind it (coin_table.json, coin_units.json), plus AVAX-X, which only the auditor's set uses.

family: how rows of the tag are signed (EVM, ECDSA, ED25519, UTXO, TRX, EOS, BLS, STARK).
address: kind of address; null where an address cannot be computed from a key.
totals_into: the asset that amounts of the tag add up to. decimals: digits of its base unit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Coin:
    """One tag of the table; see the module's text for the fields."""

    tag: str
    family: str
    address: str | None
    totals_into: str | None = None
    decimals: int | None = None


@cache
def coins() -> dict[str, Coin]:
    """The whole table, by tag. Not to be changed."""
    text = Path(__file__).with_name("coins.json").read_text(encoding="utf-8")
    return {tag: Coin(tag=tag, **fields) for tag, fields in json.loads(text).items()}


def coin(tag: str) -> Coin | None:
    """The entry of a tag as written, else in upper case; None if the table has none."""
    table = coins()
    return table.get(tag) or table.get(tag.upper())
