"""What the tests of `build` share: random books, and reading a build back as users would."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

HEAD = b"account,asset,amount\n"
Triple = tuple[str, str, str]


def rows_of(text: str) -> bytes:
    """Rows without their header: "1,BTC,2;2,BTC,3"."""
    return HEAD + "".join(f"{row}\n" for row in text.split(";")).encode()


def owed(rows: list[Triple]) -> dict[str, dict[str, Decimal]]:
    """What each account is owed."""
    found: dict[str, dict[str, Decimal]] = {}
    for account, asset, text in rows:
        found.setdefault(account, {})[asset] = Decimal(text)
    return found


def totals(rows: list[Triple]) -> dict[str, Decimal]:
    """Per asset; small enough in the tests for the default context to be exact."""
    found: dict[str, Decimal] = {}
    for _, asset, text in rows:
        found[asset] = found.get(asset, Decimal(0)) + Decimal(text)
    return found


def users(out: Path) -> Iterator[tuple[str, Path]]:
    """Each account and its file."""
    with (out / "private" / "accounts.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            yield line["account"], out / "private" / line["file"]


def summary(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "build.json").read_text())
    return value


def texts(decimals: int, most: int = 10**12) -> st.SearchStrategy[str]:
    """Amounts as text, with and without needless zeros, small and zero ones often."""
    units = st.one_of(st.integers(0, 3), st.integers(0, most))

    def text(value: int, places: int) -> str:
        whole = f"{Decimal(value).scaleb(-decimals):f}"
        if "." in whole:
            whole = whole.rstrip("0").rstrip(".")
        if places and "." not in whole:
            whole += "." + "0" * places
        return whole

    return st.builds(text, units, st.integers(0, min(decimals, 4)))


def books(
    assets: tuple[str, ...], decimals: int, *, accounts: int = 60, numbers: bool = False
) -> st.SearchStrategy[list[Triple]]:
    """Rows of 1 to `accounts` accounts, in any order, no (account, asset) twice."""
    names = st.integers(0, 2**64 - 1).map(str)
    if not numbers:
        names = st.one_of(names, st.text("abcXYZ-é_ 0./", min_size=1, max_size=9).map(str.strip))
        names = names.filter(bool)
    keys = st.lists(
        st.tuples(names, st.sampled_from(assets)), min_size=1, max_size=accounts, unique=True
    )
    amounts = texts(decimals)
    return keys.flatmap(
        lambda pairs: st.tuples(*[st.tuples(st.just(a), st.just(b), amounts) for a, b in pairs])
    ).map(list)
