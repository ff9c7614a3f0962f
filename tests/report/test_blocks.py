"""Pages as blocks for HTML, and figures that stand on their points in any font."""

from __future__ import annotations

from decimal import Decimal

import vectorfiles

import merkle_por
from merkle_por.report.blocks import BlockPage
from merkle_por.report.text import pointed


def test_figures_get_blanks_of_a_digits_and_a_points_width() -> None:
    figure, point = "\u2007", "\u2008"
    assert pointed(["1.25", "10", "3.5"]) == ["1.25", f"10{figure * 2}{point}", f"3.5{figure}"]
    assert pointed(["1", "20"]) == ["1", "20"]
    assert pointed(["unknown", "1.5"]) == ["unknown", "1.5"]
    assert pointed([]) == []


def test_notes_on_balances_stand_beside_them() -> None:
    page = BlockPage()
    page.balances("yours", {"BTC": Decimal(1), "ETH": Decimal(2)}, ["3 leaves", "1 leaf"])
    assert page.items[0].beside == ["3 leaves", "1 leaf"]
    assert page.items[0].texts == []


def test_a_mark_says_its_words_once() -> None:
    page = BlockPage()
    page.marked("totals", "not-checked", "not checked, since the leaf is wrong")
    assert page.items[0].texts == ["since the leaf is wrong"]


def test_a_comparison_says_where_its_figures_are_from() -> None:
    page = BlockPage()
    merkle_por.verify(vectorfiles.file("made", "solvency", "valid-four-assets.json")).page(page)
    figures = next(item for item in page.items if item.label == "figures")
    assert "USD line by valid-four-assets.json" in figures.texts[0]
