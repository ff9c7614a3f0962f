"""The facts that schemes of this family take from outside their files, and how each is read.

Everything here raises UsageError: what the caller says is never a finding about a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from merkle_por.errors import UsageError
from merkle_por.exchanges._gnark_por.family import MAX_SLOTS, RESERVED
from merkle_por.scheme import ROOT, TOTALS, Fact, FactKind, Given

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

FACTS: Mapping[str, Fact] = {
    "root": ROOT,
    "totals": TOTALS,
    "config": Fact(FactKind.FILE, "the published config.json (totals, prices, symbols)"),
    "verifying_keys": Fact(
        FactKind.VALUE,
        "the published verifying key, or tier -> file: counts as seen outside the set",
    ),
    "vk_sha256": Fact(FactKind.VALUE, "SHA-256 of the verifying keys, seen outside the set"),
    "proof": Fact(FactKind.FILE, "the published proof.csv, to audit along with a user's file"),
    "max_account_index": Fact(FactKind.INTEGER, "last account index that the proofs cover"),
    "index_range": Fact(FactKind.VALUE, "first and last account index of a finished audit"),
    "prices": Fact(FactKind.VALUE, "asset index -> price of a finished audit, as in its config"),
    "symbols": Fact(FactKind.VALUE, "asset index -> symbol of a published list, to compare with"),
    "asset_counts": Fact(FactKind.INTEGER, "asset slots of the exchange's program, if known"),
    "tiers": Fact(FactKind.VALUE, "sizes of a user's asset list in the exchange's program"),
    "two_digit_assets": Fact(FactKind.VALUE, "symbols whose amounts have 2 decimals, not 8"),
    "account": Fact(FactKind.HASH, "your account id's hash, 64 hexadecimal digits"),
    "snapshot_date": Fact(FactKind.TEXT, "day of the snapshot, YYYY-MM-DD, seen outside the set"),
    "skip_snark": Fact(FactKind.FLAG, "leave the zk proofs out: hashes, chain and totals only"),
}


def slots(given: Given) -> int | None:
    """Asset slots of the exchange's program, None where not known."""
    count = given.integer("asset_counts")
    if count is not None and not 0 < count <= MAX_SLOTS:
        raise UsageError("asset_counts is not a number of assets")
    return count


def _numbers(text: str) -> list[int | None]:
    """The numbers of a list written as text, None for whatever is none."""
    parts = text.strip("[] ").replace(",", " ").split()
    return [int(p) if p.isascii() and p.isdigit() and len(p) < 10 else None for p in parts]


def tiers(given: Given) -> tuple[int, ...] | None:
    """Sizes of a user's asset list, ascending."""
    value = given.value("tiers")
    if isinstance(value, str):
        value = _numbers(value)
    if value is None:
        return None
    numbers = isinstance(value, list | tuple) and value
    if not numbers or not all(type(item) is int and 0 < item <= MAX_SLOTS for item in value):
        raise UsageError("tiers must be a list of numbers of assets")
    return tuple(sorted(set(value)))


def _by_index(given: Given, name: str) -> dict[int, Any] | None:
    """A fact that maps asset indexes, as text or numbers."""
    value = given.object(name)
    if value is None:
        return None
    out = {}
    for key, item in value.items():
        text = str(key)
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise UsageError(f"{name}: {text[:20]} is not the index of an asset")
        out[int(text)] = item
    return out


def prices(given: Given) -> dict[int, int] | None:
    """Asset index -> price, scaled as in the config."""
    found = _by_index(given, "prices")
    if found is None:
        return None
    out = {}
    for index, item in found.items():
        text = str(item)
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise UsageError(f"prices: {text[:30]} is not a price as in the config")
        out[index] = int(text)
    return out


def symbols(given: Given) -> dict[int, str] | None:
    """Asset index -> symbol."""
    found = _by_index(given, "symbols")
    if found is None:
        return None
    if not all(isinstance(item, str) and item for item in found.values()):
        raise UsageError("symbols must be texts")
    named = [item.casefold() for item in found.values() if item.casefold() != RESERVED]
    if len(set(named)) != len(named):
        raise UsageError("symbols names two assets alike")
    return found


def two_digit(given: Given) -> frozenset[str] | None:
    """Symbols (lower case) whose amounts have 2 decimals."""
    value = given.value("two_digit_assets")
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UsageError("two_digit_assets must be a list of symbols")
    return frozenset(item.lower() for item in value)


def last_index(given: Given) -> int | None:
    """The last account index that the proofs cover, from either fact."""
    last = given.integer("max_account_index")
    span = given.value("index_range")
    if isinstance(span, str):
        span = _numbers(span)
    if span is None:
        return last
    if (
        not isinstance(span, list | tuple)
        or len(span) != 2
        or not all(type(i) is int for i in span)
    ):
        raise UsageError("index_range must be the first and the last account index")
    if span[0] != 0 or (last is not None and last != span[1]):
        raise UsageError("index_range does not begin with 0, or is not max_account_index")
    return int(span[1])


def snapshot_date(given: Given) -> str | None:
    """Day of the snapshot, YYYY-MM-DD."""
    date = given.text("snapshot_date")
    if date is not None and not _DATE.fullmatch(date):
        raise UsageError("snapshot_date must be written YYYY-MM-DD")
    return date
