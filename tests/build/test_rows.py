"""Reading the books: what is read, and what is refused with which name and place."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import books
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.build.rows import ABSENT, Rules, fixed_text, read, unit_text
from merkle_por.errors import Finding, Invalid, Malformed

COINS = Rules(decimals=8, most=2**64 - 1, assets=("BTC", "ETH"))
ANY = Rules(decimals=30, most=10**60)
NUMBERED = Rules(decimals=8, most=2**64 - 1, assets=("BTC",), number=True)


def test_rows_of_an_account_may_stand_anywhere() -> None:
    ledger = read(books.rows_of("b,ETH,1.50;a,BTC,0.00000001;b,BTC,2"), COINS)
    assert ledger.accounts == ["b", "a"]
    assert list(ledger.columns) == ["BTC", "ETH"]
    assert ledger.columns["BTC"].units == [200_000_000, 1]
    assert ledger.columns["ETH"].units == [150_000_000, ABSENT]
    assert ledger.units("ETH", 1) == 0
    assert ledger.totals == {"BTC": Decimal("2.00000001"), "ETH": Decimal("1.5")}
    assert ledger.columns["ETH"].places == 2
    assert ledger.rows == 3


def test_an_asset_nobody_has_counts_zero() -> None:
    ledger = read(books.rows_of("a,BTC,1"), COINS)
    assert ledger.columns["ETH"].units == [ABSENT]
    assert ledger.totals == {"BTC": Decimal(1), "ETH": Decimal(0)}


def test_crlf_and_triples_read_the_same() -> None:
    data = books.rows_of("a,BTC,1;b,BTC,2")
    assert read(data.replace(b"\n", b"\r\n"), COINS) == read(data, COINS)
    assert read([("a", "BTC", "1"), ("b", "BTC", "2")], COINS) == read(data, COINS)


def test_assets_of_an_open_scheme_are_in_order_of_name() -> None:
    assert list(read(books.rows_of("a,ZEC,1;a,ADA,2"), ANY).columns) == ["ADA", "ZEC"]


@pytest.mark.parametrize(
    ("data", "reason", "where"),
    [
        (b"", "empty-file", None),
        (b"\xef\xbb\xbf" + books.rows_of("a,BTC,1"), "no-header", "line 1"),
        (b"a,BTC,1\n", "no-header", "line 1"),
        (b"account,amount\n1,2\n", "no-header", "line 1"),
        (books.HEAD, "no-liabilities", None),
        (books.HEAD + b"a,BTC,1.25", "bad-row", "line 2"),
        (books.rows_of("a,BTC,1;"), "bad-row", "line 3"),
        (books.rows_of("a,BTC"), "bad-row", "line 2"),
        (books.rows_of("a,BTC,1,000"), "bad-row", "line 2"),
        (books.HEAD + b"\xff,BTC,1\n", "bad-utf8", "line 2"),
        (books.rows_of('"a",BTC,1'), "bad-field", "line 2"),
        (books.rows_of(" a,BTC,1"), "bad-field", "line 2"),
        (books.rows_of(",BTC,1"), "bad-field", "line 2"),
        (books.rows_of("a\x1b[2J,BTC,1"), "bad-field", "line 2"),
        (books.rows_of("a,DOGE,1"), "asset-set", "line 2"),
        (books.rows_of("a,btc,1"), "asset-set", "line 2"),
        (books.rows_of("a,BTC,-1"), "negative-balance", "line 2"),
        (books.rows_of("a,BTC,-0"), "bad-amount", "line 2"),
        (books.rows_of("a,BTC,0.000000001"), "bad-amount", "line 2"),
        (books.rows_of("a,BTC,1;b,BTC,1;a,BTC,1"), "duplicate-user", "line 4"),
        (books.rows_of("a,BTC,0;a,BTC,0"), "duplicate-user", "line 3"),
        (books.rows_of("a,BTC,184467440737.09551616"), "sum-range", None),
        (books.rows_of("a,BTC,184467440737.09551615;b,BTC,0.00000001"), "sum-range", None),
    ],
)
def test_refused(data: bytes, reason: str, where: str | None) -> None:
    with pytest.raises(Finding) as caught:
        read(data, COINS)
    assert (caught.value.reason, caught.value.where) == (reason, where)


@pytest.mark.parametrize(
    "text", ["1e3", "+1", " 1", "1 ", "01", ".5", "1.", "1_000", "NaN", "", "１", "0x10", "9" * 101]
)
def test_an_amount_is_a_plain_decimal(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read([("a", "BTC", text)], COINS)
    assert caught.value.reason == "bad-amount"


@pytest.mark.parametrize("account", ["", "-1", "+1", "01", "1.0", "１", str(2**64), "9" * 30, "a"])
def test_a_numbered_account_is_a_u64(account: str) -> None:
    with pytest.raises(Malformed) as caught:
        read([(account, "BTC", "1")], NUMBERED)
    assert caught.value.reason == "bad-number"


def test_the_largest_number_and_total_are_read() -> None:
    ledger = read([(str(2**64 - 1), "BTC", "184467440737.09551615")], NUMBERED)
    assert ledger.columns["BTC"].total == 2**64 - 1


@pytest.mark.parametrize("asset", ["", "A,B", "A:B", "A=B", "A|B", "#A", "A B", "Ä", "A" * 41])
def test_an_asset_name_holds_no_separator(asset: str) -> None:
    with pytest.raises(Malformed) as caught:
        read([("a", asset, "1")], ANY)
    assert caught.value.reason == "bad-field"


@settings(max_examples=40)
@given(books.books(("BTC", "ETH", "A.B-1"), 20))
def test_totals_are_exact(rows: list[books.Triple]) -> None:
    ledger = read(rows, ANY)
    assert ledger.totals == books.totals(rows)
    assert set(ledger.accounts) == {account for account, _, _ in rows}


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, books.HEAD + data + b"\n"):
        with suppress(Malformed, Invalid):
            read(text, COINS)


@given(st.integers(0, 10**40), st.integers(0, 30))
def test_texts_of_units(units: int, decimals: int) -> None:
    text = unit_text(units, decimals)
    assert Decimal(text) * 10**decimals == units or units >= 10**28  # the default context's digits
    assert "E" not in text
    assert not ("." in text and text.endswith("0"))
    assert fixed_text(units, decimals, decimals).replace(".", "").lstrip("0") == (
        str(units) if units else ""
    )
