"""Charts: well-formed, from 0, exact words, nothing from a file unescaped."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.report.charts import (
    Amount,
    Chart,
    Coverage,
    Moment,
    coverage_bars,
    history_line,
    stacked_kinds,
    token_bars,
)

HOSTILE = '<script>alert("1")</script>'


def drawn(chart: Chart) -> ElementTree.Element:
    for swatch, _ in chart.key:
        ElementTree.fromstring(swatch)
    return ElementTree.fromstring(chart.svg)


def widths(chart: Chart) -> list[Fraction]:
    """Widths of the bars, as shares of the drawing."""
    bars = [r for r in drawn(chart).iter("rect") if r.get("stroke")]
    return [Fraction(Decimal(str(bar.get("width")).rstrip("%"))) / 100 for bar in bars]


def test_coverage_is_to_scale_with_a_mark_at_what_is_owed() -> None:
    rows = [
        Coverage("BTC", Fraction(3, 2), Fraction(3, 4)),
        Coverage("ETH", Fraction(1, 2), None),
        Coverage("XRP", None, None),
    ]
    chart = coverage_bars("c", rows)
    top = Fraction(3, 2) * 21 / 20
    expected = [Fraction(3, 2) / top, Fraction(3, 4) / top, Fraction(1, 2) / top]
    assert all(abs(a - b) < Fraction(1, 5000) for a, b in zip(widths(chart), expected, strict=True))
    mark = next(line for line in drawn(chart).iter("line"))
    assert abs(Fraction(Decimal(str(mark.get("x1")).rstrip("%"))) / 100 - 1 / top) < Fraction(
        1, 5000
    )
    assert chart.title == "ETH is covered to 50.00 % only."
    assert chart.rows[0] == ("BTC", "150.00 %", "75.00 %")
    assert chart.rows[2] == ("XRP", "unknown", "unknown")


@pytest.mark.parametrize(
    ("covered", "title"),
    [
        ([Fraction(99_999, 100_000)], "A0 is covered to 99.99 % only."),
        ([Fraction(1)], "Each asset is covered; the least, A0, to 100.00 %."),
        ([Fraction(1), None], "Of 2 assets 1 are known to be covered."),
        ([None], "How much of what is owed is held is not known."),
    ],
)
def test_coverage_title_says_the_finding(covered: list[Fraction | None], title: str) -> None:
    rows = [Coverage(f"A{i}", value, None) for i, value in enumerate(covered)]
    assert coverage_bars("c", rows).title == title


def test_coverage_beyond_the_end_keeps_its_figure() -> None:
    chart = coverage_bars("c", [Coverage("X", Fraction(50), None)])
    assert widths(chart) == [1]
    assert "5,000.00 %" in chart.svg


def test_tokens_are_sorted_and_the_rest_is_one_bar() -> None:
    rows = [Amount(f"T{i:02d}", Decimal(i)) for i in range(1, 13)] + [Amount("U", None)]
    chart = token_bars("t", rows)
    assert [row[0] for row in chart.rows] == [
        *(f"T{i:02d}" for i in range(12, 3, -1)),
        "3 others",
        "U",
    ]
    assert chart.rows[9][1] == "6.00"
    assert chart.note == "Without 1 of unknown value."
    assert max(widths(chart)) == 1


def test_kinds_fill_the_bar() -> None:
    kinds = {"native": Decimal(3), "lent-out": Decimal(1), "odd": Decimal(0)}
    chart = stacked_kinds("k", [("BTC", kinds)])
    assert widths(chart) == [Fraction(3, 4), Fraction(1, 4)]
    assert chart.title == "25.00 % of BTC is not the coin itself."
    assert len(re.findall("<pattern ", chart.svg)) == 2


def moments(*values: str | None) -> list[Moment]:
    return [
        Moment(f"2026-01-{day:02d}T00:00:00Z", None if value is None else Decimal(value))
        for day, value in enumerate(values, 1)
    ]


def test_history_has_gaps_and_lone_points() -> None:
    chart = history_line("h", moments("1", "2", None, "3", None, "2", "2"), unit="BTC")
    svg = drawn(chart)
    assert len(list(svg.iter("polyline"))) == 2
    assert len(list(svg.iter("circle"))) == 1
    assert "2 of 7 readings are unknown" in chart.note
    assert chart.rows[2] == ("2026-01-03 00:00 UTC", "unknown")
    assert "grew by 100.00 %" in chart.title


def test_history_begins_at_zero() -> None:
    chart = history_line("h", moments("100", "105"), unit="BTC")
    line = next(drawn(chart).iter("polyline"))
    ys = [int(pair.split(",")[1]) for pair in str(line.get("points")).split()]
    assert ys[0] - ys[1] < 20  # of 180: five per cent do not look like the whole


def test_history_marks_snapshots_inside_only() -> None:
    inside, outside = "2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z"
    chart = history_line("h", moments("1", "1", "1"), unit="BTC", snapshots=[inside, outside])
    dashed = [line for line in drawn(chart).iter("line") if line.get("stroke-dasharray") == "4 3"]
    assert [line.get("x1") for line in dashed] == ["50.00%"]
    assert "has not changed" in chart.title


@pytest.mark.parametrize("values", [(), ("1",), (None, None), ("0", "0"), ("0", "5"), ("5", "0")])
def test_little_history(values: tuple[str | None, ...]) -> None:
    drawn(history_line("h", moments(*values), unit="BTC"))


class Text(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def test_names_from_files_are_escaped() -> None:
    one = Decimal(1)
    charts = [
        coverage_bars("a", [Coverage(HOSTILE, Fraction(1, 2), None)]),
        token_bars("b", [Amount(HOSTILE, one)], HOSTILE),
        stacked_kinds("c", [(HOSTILE, {HOSTILE: one})]),
        history_line("d", moments("1", "2"), unit=HOSTILE),
    ]
    for chart in charts:
        drawn(chart)
        assert "script" not in Text(chart.html()).tags
        assert "style=" not in chart.html()


amounts = st.decimals(0, 10**30, places=8)


@given(st.lists(st.tuples(st.text(max_size=30), amounts), max_size=15))
def test_any_figures_can_be_drawn(rows: list[tuple[str, Decimal]]) -> None:
    drawn(token_bars("t", [Amount(name, value) for name, value in rows]))
    drawn(stacked_kinds("k", [(name, {"native": value}) for name, value in rows]))
    drawn(coverage_bars("c", [Coverage(name, Fraction(value), None) for name, value in rows]))


def test_a_kind_has_one_name_in_bar_key_and_table() -> None:
    chart = stacked_kinds("k", [("BTC", {"native": Decimal(1)})])
    name = chart.rows[0][1]
    assert f"100.00 % {name}</text>" in chart.svg
    assert [words for _, words in chart.key] == [name]
    assert f"<td>{name}</td>" in chart.html()  # words stand on the left, figures on the right


def test_what_is_not_known_to_be_proven_says_so() -> None:
    chart = coverage_bars("c", [Coverage("BTC", Fraction(1), None)])
    assert "100.00 %, proven unknown" in chart.svg
