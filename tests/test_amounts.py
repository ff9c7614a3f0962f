"""Exact amounts: what text is one, and arithmetic that never rounds."""

from __future__ import annotations

from decimal import Decimal, Inexact, InvalidOperation, Rounded
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.amounts import (
    add,
    add_balances,
    amount,
    amounts,
    cut,
    fixed,
    grouped,
    negatives,
    plain,
    same,
    stripped,
    texts,
    total,
)
from merkle_por.documents import Fields, Limits, Number
from merkle_por.errors import Malformed
from merkle_por.report.text import aligned

DECIMAL = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda value: abs(value.adjusted()) < 40 and len(plain(value)) < 100
)
CANONICAL = st.from_regex(r"(0|[1-9][0-9]{0,30})(\.[0-9]{0,18}[1-9])?", fullmatch=True)


def reason(value: object, **rules: bool | int | None) -> str:
    with pytest.raises(Malformed) as caught:
        amount(value, "here", **rules)  # type: ignore[arg-type]
    assert caught.value.where == "here"
    return caught.value.reason


@given(DECIMAL)
def test_a_decimal_comes_back_from_its_text(value: Decimal) -> None:
    text = plain(value)
    assert "E" not in text
    assert "e" not in text
    assert amount(text, "here", minus_zero=True) == value


@given(CANONICAL)
def test_text_comes_back_from_its_decimal(text: str) -> None:
    value = amount(text, "here", canonical=True)
    assert plain(value) == text
    assert stripped(value) == text
    assert amount(grouped(value).replace(",", ""), "here") == value


@given(CANONICAL, st.integers(0, 5))
def test_trailing_zeros_change_no_value_and_are_not_canonical(text: str, zeros: int) -> None:
    longer = text + ("" if "." in text else ".0") + "0" * zeros
    assert amount(longer, "here") == amount(text, "here")
    if longer != text:
        assert reason(longer, canonical=True) == "bad-amount"
    assert stripped(amount(longer, "here")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1e3",
        "1E-3",
        "01",
        "-01",
        ".5",
        "5.",
        "1,000",
        "1_000",
        "0x10",
        "NaN",
        "Infinity",
        "-",
        "--1",
        "1.2.3",
        "１",  # a full-width digit
        "١",  # an Arabic digit
        "1\n",
        "1\x00",
        "½",
        "9" * 101,
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    assert reason(text) == "bad-amount"


@pytest.mark.parametrize("value", [1, 1.5, None, True, Number("1.5"), ["1"], {"a": "1"}, b"1"])
def test_what_is_no_text_is_refused(value: object) -> None:
    assert reason(value) == "wrong-type"


def test_the_callers_rules_hold() -> None:
    assert reason("1.123456789", decimals=8) == "bad-amount"
    assert amount("1.12345678", "here", decimals=8) == Decimal("1.12345678")
    assert reason("1.5", exactly=8) == "bad-amount"
    assert plain(amount("1.50000000", "here", exactly=8)) == "1.50000000"
    assert reason("1.50", canonical=True) == "bad-amount"
    assert amount("100", "here", canonical=True) == 100
    assert reason("-1", negative=False) == "bad-amount"
    assert reason("-0") == "bad-amount"
    assert reason("-0.00") == "bad-amount"
    assert amount("-0", "here", minus_zero=True) == 0
    assert amount("-1.5", "here") == Decimal("-1.5")


def test_an_objects_members_are_amounts_in_its_order_and_bounded() -> None:
    fields = Fields({"b": "1", "a": "2.5"}, "self")
    assert list(amounts(fields).items()) == [("b", Decimal(1)), ("a", Decimal("2.5"))]
    with pytest.raises(Malformed) as caught:
        amounts(Fields({"b": "x"}, "self"))
    assert caught.value.where == "self.b"
    with pytest.raises(Malformed) as many:
        amounts(Fields({str(i): "1" for i in range(3)}, "self", Limits(assets=2)))
    assert many.value.reason == "too-big"


@given(st.lists(DECIMAL, max_size=8))
def test_sums_are_exact_in_any_order(values: list[Decimal]) -> None:
    assert Fraction(total(values)) == sum(map(Fraction, values))
    assert total(values) == total(reversed(values))


def test_a_sum_that_would_have_to_round_is_an_error() -> None:
    with pytest.raises((Inexact, Rounded, InvalidOperation)):
        add(Decimal("1e1200"), Decimal("1e-10"))
    assert plain(add(Decimal(10**40), Decimal("1e-40"))) == f"1{'0' * 40}.{'0' * 39}1"


def test_balances_add_over_the_union_of_their_assets() -> None:
    found = add_balances({"B": Decimal(1), "A": Decimal(2)}, {"C": Decimal(3), "A": Decimal("0.5")})
    assert list(found.items()) == [("B", Decimal(1)), ("A", Decimal("2.5")), ("C", Decimal(3))]


@pytest.mark.parametrize(
    ("value", "places", "wanted"),
    [
        ("1.999", 2, "1.99"),
        ("-1.999", 2, "-1.99"),
        ("-0.001", 2, "0.00"),
        ("5", 2, "5.00"),
        ("99.996", 2, "99.99"),
        ("0.1", 0, "0"),
    ],
)
def test_figures_are_cut_toward_zero_never_rounded(value: str, places: int, wanted: str) -> None:
    assert fixed(Decimal(value), places) == wanted
    assert plain(cut(Decimal(value), places)) == wanted


def test_a_missing_asset_counts_as_zero() -> None:
    assert same({"A": Decimal(1), "B": Decimal(0)}, {"A": Decimal("1.0")})
    assert not same({"A": Decimal(1)}, {"A": Decimal(1), "B": Decimal("0.00000001")})
    assert negatives({"A": Decimal(-1), "B": Decimal(0)}) == {"A": Decimal(-1)}
    assert texts({"A": Decimal("1E+3")}) == {"A": "1000"}


def test_amounts_are_grouped_and_stand_on_their_points() -> None:
    assert grouped(Decimal("-1234567.8900")) == "-1,234,567.8900"
    assert grouped(Decimal("1E+6")) == "1,000,000"
    rows = aligned(["1,234.5", "-7", "0.00000001"])
    assert len({len(row) for row in rows}) == 1
    assert rows[0].index(".") == rows[2].index(".")
    assert rows[1].rstrip().endswith("-7")
