"""Wide characters (CJK, emoji) and marks that stand on others: columns stay columns."""

from __future__ import annotations

import json
import textwrap
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.report.text import Page, cells, padded, safe
from merkle_por.reserves.api import reserves

NAMES = ["比特幣", "BTC", "이더", "e\u0301th", "\U0001f415dog"]
WORDS = st.text(st.sampled_from("ab比é\u0301 "), max_size=60)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("BTC", 3), ("比特幣", 6), ("이더", 4), ("e\u0301th", 3), ("ＢＴＣ", 6), ("✓ ok", 4), ("", 0)],
)
def test_columns_of_a_text(text: str, columns: int) -> None:
    assert cells(text) == columns
    assert padded(text, 8) == text + " " * (8 - columns)


@given(st.text(max_size=60), st.integers(8, 30))
def test_text_from_a_file_is_cut_to_columns(text: str, columns: int) -> None:
    assert cells(safe(text, columns)) <= columns


@given(WORDS, st.integers(4, 30))
def test_lines_are_wrapped_by_columns_and_no_word_is_lost(text: str, room: int) -> None:
    lines = Page().wrapped(text, room)
    assert " ".join(lines).split() == text.split()
    assert all(cells(line) <= room for line in lines if " " in line.strip())


@given(st.text(st.sampled_from("ab-, "), max_size=60), st.integers(4, 30))
def test_wide_text_is_wrapped_as_other_text_is(text: str, room: int) -> None:
    from merkle_por.report.text import _wrapped

    words = textwrap.wrap(text.strip(), room, break_long_words=False, break_on_hyphens=False)
    assert [line.rstrip() for line in _wrapped(text.strip(), room)] == (words or [""])


def points(page: str) -> set[int]:
    """Columns in which the figures' points stand."""
    return {cells(line[: line.index(".")]) for line in page.splitlines() if ".25" in line}


def test_balances_stand_in_one_column() -> None:
    page = Page()
    page.balances("yours", dict.fromkeys(NAMES, Decimal("1.25")))
    assert len(page.plain().splitlines()) == len(NAMES)
    assert len(points(page.plain())) == 1


def test_lists_and_ratios_stand_in_one_column() -> None:
    held = [{"asset": name, "amount": "2.25"} for name in NAMES]
    listed = reserves(json.dumps({"reserves": held}).encode()).page(Page()).plain()
    assert len(points(listed)) == 1
    owed = dict.fromkeys(NAMES, "1.25")
    both = json.dumps({"liabilities": owed, "reserves": held}).encode()
    ratios = merkle_por.verify(both).page(Page()).plain()
    table = [line for line in ratios.splitlines() if "%" in line]
    assert len(table) == len(NAMES)
    assert len(points(ratios)) == 1
    assert len({cells(line) for line in table}) == 1
