"""Price files: the three forms, strictly."""

from __future__ import annotations

from decimal import Decimal

import pytest
import vectorfiles

from merkle_por.errors import Finding, Invalid, Malformed
from merkle_por.prices import prices_of


def test_json() -> None:
    flat = prices_of(b'{"BTC": "94000", "USDT": "1"}')
    assert flat.values == {"BTC": Decimal(94000), "USDT": Decimal(1)}
    assert (flat.currency, flat.time) == ("USD", None)
    full = prices_of(
        b'{"prices": {"BTC": "1.5"}, "currency": "EUR", "time": "2025-04-30T16:00:00Z",'
        b' "source": "my notes"}'
    )
    assert (full.currency, full.time, full.source) == ("EUR", "2025-04-30T16:00:00Z", "my notes")


def test_place_of_a_bad_price() -> None:
    """ux.md, errors: line and column of the text, where it stands once."""
    text = b'{\n  "BTC": "94000",\n  "ETH": "1800",\n  "USDT": "1e3"\n}'
    with pytest.raises(Malformed) as found:
        prices_of(text)
    assert (found.value.reason, found.value.where) == ("bad-amount", "line 4, column 12")
    assert '"1e3" is not an amount' in found.value.text


@pytest.mark.parametrize(
    "text",
    [
        b'{"BTC": 94000}',
        b'{"BTC": null}',
        b'{"prices": {"BTC": "1"}, "extra": "1"}',
        b'{"prices": {"BTC": "1"}, "time": "yesterday"}',
        b'{"BTC": "1", "BTC": "2"}',
        b"[]",
        b"",
        b"price\n1\n",
        b"asset,price\nBTC,1e3\n",
        b"asset,price\nBTC,1,2\n",
        b"asset,price\nBTC,1\nBTC,2\n",
        b"asset,price\n",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        prices_of(text)


def test_negative() -> None:
    with pytest.raises(Invalid):
        prices_of(b'{"BTC": "-1"}')


def test_csv() -> None:
    found = prices_of(b"Asset, Price, Time\nBTC,94000,2025-04-30T16:00:00Z\r\n\n")
    assert found.values == {"BTC": Decimal(94000)}
    assert found.time == "2025-04-30T16:00:00Z"


def test_coinmarketcap_answer_leaves_out_what_is_not_one_price() -> None:
    found = prices_of(vectorfiles.file("made", "cmc-exchange-assets", "valid.json"))
    assert found.values == {}
    assert found.ambiguous == ("USDT",)  # two prices for one coin in that file
    one = (
        b'{"status": {"timestamp": "2026-01-01T00:00:00.000Z", "error_code": 0},'
        b'"data": [{"wallet_address": "a", "balance": 1, "platform": {"crypto_id": 1,'
        b'"symbol": "B"}, "currency": {"crypto_id": 1, "symbol": "BTC", "price_usd": 1.5e-3}}]}'
    )
    known = prices_of(one)
    assert known.values == {"BTC": Decimal("0.0015")}
    assert known.time == "2026-01-01T00:00:00Z"
    with pytest.raises(Finding):
        prices_of(one.replace(b'"error_code": 0', b'"error_code": 1001'))
    with pytest.raises(Malformed):
        prices_of(one.replace(b"1.5e-3", b"1e999999999"))
