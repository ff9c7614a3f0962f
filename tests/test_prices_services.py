"""Price services: recorded answers from loopback, keys, faults, and several sources as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Asked, Loopback, Reply, loopback

from merkle_por.errors import Incomplete, UsageError
from merkle_por.prices import PriceSources, Quote
from merkle_por.prices.ask import is_service, open_service, prices_from
from merkle_por.prices.ids import data, given_ids, ids_of
from merkle_por.prices.median import combine, median
from merkle_por.prices.source import Source
from merkle_por.solvency import solvency

RECORDED = json.loads((Path(__file__).parent / "recorded/prices.json").read_text("utf-8"))
SNAPSHOT = "2025-04-30T16:00:00Z"
UNIX = 1_746_028_800
KEY = "secret-0123456789"
ENVIRONMENT = {"COINMARKETCAP_API_KEY": KEY, "COINGECKO_DEMO_API_KEY": KEY}

Serve = Callable[[Callable[[Asked], Reply]], Loopback]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(loopback(answer))


def recorded(name: str) -> Callable[[Asked], Reply]:
    """The recorded answer to just that question; 404 to any other."""

    def answer(asked: Asked) -> Reply:
        for entry in RECORDED[name]:
            if (asked.path, asked.query) == (entry["path"], entry["query"]):
                return Reply(entry["body"])
        return Reply({"status": {"error_code": 404, "error_message": "not recorded"}}, 404)

    return answer


def service(name: str, url: str, environment: Mapping[str, str] = ENVIRONMENT) -> Source:
    return open_service(f"{name}={url}", environment, sleep=lambda _: None)


def test_coingecko_now(serve: Serve) -> None:
    server = serve(recorded("coingecko"))
    found = service("coingecko", server.url).quotes(["bitcoin", "ethereum", "tether"], None)
    assert found == {
        "bitcoin": Quote("coingecko", Decimal("94207.3123456"), "2025-04-30T15:59:50Z"),
        "ethereum": Quote("coingecko", Decimal(1793), "2025-04-30T15:59:51Z"),
        "tether": Quote("coingecko", Decimal("1.0001"), SNAPSHOT),
    }
    assert server.asked[0].headers["x-cg-demo-api-key"] == KEY


def test_no_digit_is_lost(serve: Serve) -> None:
    server = serve(lambda _: Reply(b'{"bitcoin": {"usd": 94207.310000000000000000001e-1}}'))
    found = service("coingecko", server.url).quotes(["bitcoin"], None)
    assert found["bitcoin"].value == Decimal("9420.7310000000000000000001")


def test_coingecko_at_a_time_takes_the_nearest_point_or_the_nearest_midnight(serve: Serve) -> None:
    server = serve(recorded("coingecko"))
    found = service("coingecko", server.url).quotes(["bitcoin", "ethereum", "nothing"], UNIX)
    assert found == {
        "bitcoin": Quote("coingecko", Decimal("94200.25"), "2025-04-30T16:00:12Z"),
        "ethereum": Quote("coingecko", Decimal("1791.5"), "2025-05-01T00:00:00Z"),
    }


def test_coinmarketcap_now(serve: Serve) -> None:
    server = serve(recorded("coinmarketcap"))
    found = service("coinmarketcap", server.url).quotes(["1", "1027", "825"], None)
    assert found == {
        "1": Quote("coinmarketcap", Decimal("94210.31"), "2025-04-30T15:59:00Z"),
        "1027": Quote("coinmarketcap", Decimal(1795), "2025-04-30T15:59:00Z"),
    }
    assert server.asked[0].headers["x-cmc_pro_api_key"] == KEY


def test_coinmarketcap_at_a_time(serve: Serve) -> None:
    server = serve(recorded("coinmarketcap"))
    found = service("coinmarketcap", server.url).quotes(["1"], 1_584_057_600)
    assert found == {"1": Quote("coinmarketcap", Decimal("5032.35707012"), "2020-03-13T00:00:00Z")}


def test_coinmarketcap_one_coin_without_its_key(serve: Serve) -> None:
    coin = RECORDED["coinmarketcap"][1]["body"]["data"]["1"]
    for id, good in ((1, True), (2, False), (True, False)):
        body = {"status": {"error_code": 0}, "data": {**coin, "id": id}}
        server = serve(lambda _, body=body: Reply(body))
        source = service("coinmarketcap", server.url)
        if good:
            assert set(source.quotes(["1"], 1_584_057_600)) == {"1"}
        else:
            with pytest.raises(Incomplete, match="another coin"):
                source.quotes(["1"], 1_584_057_600)


def test_defillama(serve: Serve) -> None:
    server = serve(recorded("defillama"))
    source = service("defillama", server.url)
    contract = "ethereum:0xdAC17F958D2ee523a2206206994597C13D831ec7"
    assert source.quotes(["coingecko:bitcoin", contract], UNIX) == {
        "coingecko:bitcoin": Quote("defillama", Decimal("94204.5"), "2025-04-30T15:59:21Z"),
        contract: Quote("defillama", Decimal("1.0003"), "2025-04-30T15:58:20Z"),
    }
    now = source.quotes(["coingecko:bitcoin", "coingecko:ethereum", "coingecko:tether"], None)
    assert set(now) == {"coingecko:bitcoin", "coingecko:ethereum"}


# -- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coingecko", "coinmarketcap", "defillama"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"<html>"), "node-answer"),
        (Reply([1]), "node-answer"),
        (Reply(b'{"a": NaN}'), "node-answer"),
        (Reply({}, 429, {"Retry-After": "7200"}), "node-refused"),
        (Reply({}, 503), "node-error"),
        (Reply({}, 403), "node-refused"),
        (Reply({}, 302, {"Location": "http://127.0.0.1:1/"}), "node-redirect"),
        (Reply(b"[" * 100_000), "node-answer"),
    ],
)
def test_a_fault_is_never_a_price(serve: Serve, name: str, reply: Reply, reason: str) -> None:
    server = serve(lambda _: reply)
    id = {"coingecko": "bitcoin", "coinmarketcap": "1", "defillama": "coingecko:bitcoin"}[name]
    with pytest.raises(Incomplete) as found:
        service(name, server.url).quotes([id], None)
    assert found.value.reason == reason
    assert KEY not in str(found.value)


BAD_PRICES: list[Any] = ["94000", True, [], {}, -1, 10**100]


@pytest.mark.parametrize("value", BAD_PRICES, ids=repr)
def test_prices_that_are_none(serve: Serve, value: Any) -> None:
    bodies = {
        "coingecko": {"bitcoin": {"usd": value}},
        "coinmarketcap": {
            "status": {"error_code": 0},
            "data": {"1": {"id": 1, "quote": {"USD": {"price": value}}}},
        },
        "defillama": {"coins": {"coingecko:bitcoin": {"price": value}}},
    }
    for name, body in bodies.items():
        server = serve(lambda _, body=body: Reply(body))
        with pytest.raises(Incomplete) as found:
            service(name, server.url).quotes([ids_of("BTC", {})[name]], None)
        assert found.value.reason == "node-answer"


def test_an_error_in_coinmarketcaps_own_words_shows_no_key(serve: Serve) -> None:
    words = f"This API Key {KEY} is invalid\x1b[31m"
    body = {"status": {"error_code": 1001, "error_message": words}, "data": {}}
    for status in (200, 400):
        server = serve(lambda _, status=status: Reply(body, status))
        with pytest.raises(Incomplete) as found:
            service("coinmarketcap", server.url).quotes(["1"], None)
        assert "API Key *** is invalid" in found.value.text
        assert KEY not in str(found.value)
        assert "\x1b" not in found.value.text


def test_a_pause_that_the_service_asks_for_is_kept(serve: Serve) -> None:
    replies = [Reply({}, 429, {"Retry-After": "7"}), Reply({"bitcoin": {"usd": 1}})]
    server = serve(lambda _: replies.pop(0))
    pauses: list[float] = []
    source = open_service(f"coingecko={server.url}", {}, sleep=pauses.append)
    assert source.quotes(["bitcoin"], None)["bitcoin"].value == 1
    assert pauses == [7.0]


# -- keys and names ----------------------------------------------------------------------------


def test_keys_come_from_the_environment_and_are_not_sent_in_the_open() -> None:
    with pytest.raises(UsageError, match="COINMARKETCAP_API_KEY"):
        open_service("coinmarketcap", {})
    with pytest.raises(UsageError, match="plain http") as found:
        open_service("coinmarketcap=http://example.org", ENVIRONMENT)
    assert KEY not in str(found.value)
    with pytest.raises(UsageError, match="is not a key"):
        open_service("coinmarketcap", {"COINMARKETCAP_API_KEY": "a\r\nX-Evil: 1"})
    assert KEY not in repr(vars(open_service("coinmarketcap", ENVIRONMENT))["http"].node)
    paid = open_service("coingecko", {"COINGECKO_PRO_API_KEY": KEY})
    assert vars(paid)["http"].node.source == "pro-api.coingecko.com"


def test_names() -> None:
    assert is_service("coingecko")
    assert is_service("defillama=http://127.0.0.1:1")
    assert not is_service("prices.json")
    for text in ("coingecko=", "cmc", "coingecko=ftp://x", "coingecko=tcp://x:1"):
        with pytest.raises(UsageError):
            open_service(text, {})


def test_ids_not_symbols() -> None:
    assert ids_of("BTC", {}) == {
        "coingecko": "bitcoin",
        "coinmarketcap": "1",
        "defillama": "coingecko:bitcoin",
    }
    assert ids_of("btc", {}) == {}
    assert ids_of("LUNA", {}) == {}
    assert ids_of("coinmarketcap:4172", {}) == {"coinmarketcap": "4172"}
    given = given_ids(["LUNA=coingecko:terra-luna", "LUNA=coinmarketcap:4172", "X=ethereum:0xAb"])
    assert ids_of("LUNA", given)["defillama"] == "coingecko:terra-luna"
    assert ids_of("LUNA", given)["coinmarketcap"] == "4172"
    assert ids_of("X", given) == {"defillama": "ethereum:0xAb"}
    for text in ("BTC", "BTC=1", "=coingecko:bitcoin", "BTC=coingecko:../x", "B=coinmarketcap:x"):
        with pytest.raises(UsageError):
            given_ids([text])


def test_the_table_names_each_coin_once_and_no_ambiguous_symbol() -> None:
    table = data()
    for name in ("coingecko", "coinmarketcap"):
        ids = [entry[name] for entry in table["assets"].values() if name in entry]
        assert len(ids) == len(set(ids))
    assert not set(table["assets"]) & set(table["ambiguous"])


# -- several sources ---------------------------------------------------------------------------


def test_median_of_three_with_a_warning_above_one_per_cent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merkle_por.prices.ask.now", lambda: SNAPSHOT)
    named = [service(n, serve(recorded(n)).url) for n in RECORDED if n != "note"]
    found = prices_from(named, ["BTC", "ETH", "USDT", "LUNA", "XYZ"])
    assert found.values == {
        "BTC": Decimal("94207.3123456"),
        "ETH": Decimal(1795),
        "USDT": Decimal("1.0001"),
    }
    assert found.source == "median of coingecko, coinmarketcap, defillama"
    assert found.time == "2025-04-30T15:59:00Z"
    assert found.ambiguous == ("LUNA",)
    said = {warning.id: warning.text for warning in found.warnings}
    assert "ETH lie more than 1 % apart" in said["price-spread"]
    assert "coingecko 1,793; coinmarketcap 1,795; defillama 1,900" in said["price-spread"]
    assert [w.text[:4] for w in found.warnings if w.id == "price-id"] == ["LUNA", "XYZ:"]


def test_a_source_that_fails_is_named_and_the_others_count(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merkle_por.prices.ask.now", lambda: SNAPSHOT)
    bad = service("defillama", serve(lambda _: Reply({}, 404)).url)
    good = service("coingecko", serve(recorded("coingecko")).url)
    found = prices_from([bad, good], ["BTC", "ETH", "USDT"])
    assert found.values["BTC"] == Decimal("94207.3123456")
    assert list(found.failed) == ["defillama"]
    assert [w.id for w in found.warnings] == ["price-source"]
    none = prices_from([bad], ["BTC"])
    assert (dict(none.values), none.source, list(none.failed)) == ({}, None, ["defillama"])


def test_files_stand_beside_services(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"prices": {"BTC": "94202.00"}, "time": SNAPSHOT}))
    assert prices_from([str(file)], ["ETH"]).values == {"BTC": Decimal("94202.00")}
    server = serve(recorded("defillama"))
    usdt = "ethereum:0xdAC17F958D2ee523a2206206994597C13D831ec7"
    named = [service("defillama", server.url), str(file)]
    found = prices_from(named, ["BTC", usdt], at=SNAPSHOT)
    assert found.values == {"BTC": Decimal("94203.250"), usdt: Decimal("1.0003")}
    file.write_text(json.dumps({"prices": {"BTC": "1"}, "currency": "EUR"}))
    with pytest.raises(UsageError, match="another currency"):
        prices_from([str(file), named[0]], ["BTC"])


def test_prices_of_another_time_do_not_count_beside_timely_ones() -> None:
    old = Quote("a", Decimal(50), "2025-04-30T00:00:00Z")
    good = Quote("b", Decimal(100), "2025-04-30T16:20:00Z")
    assert combine("BTC", [old, good], SNAPSHOT) == (Decimal(100), (good,), [])
    value, counted, warnings = combine("BTC", [old], SNAPSHOT)
    assert (value, counted) == (Decimal(50), (old,))
    assert [w.id for w in warnings] == ["price-time"]


def test_one_per_cent_exactly_is_no_spread() -> None:
    def spread(*values: str) -> list[str]:
        quotes = [Quote(str(n), Decimal(v)) for n, v in enumerate(values)]
        return [w.id for w in combine("BTC", quotes, SNAPSHOT)[2]]

    assert spread("99.5", "100", "100.5") == []
    assert spread("99.5", "100", "100.5000000000000000000000000000000001") == ["price-spread"]
    assert spread("0", "0") == []
    assert spread("0", "1") == ["price-spread"]


@given(st.lists(st.decimals(0, 10**9, places=12), min_size=1, max_size=6))
def test_the_median_has_as_many_above_as_below(values: list[Decimal]) -> None:
    middle = median(values)
    assert min(values) <= middle <= max(values)
    assert sum(v < middle for v in values) <= len(values) / 2
    assert sum(v > middle for v in values) <= len(values) / 2


# -- the USD line of a ratio ---------------------------------------------------------------------


def test_solvency_asks_for_the_time_of_the_liabilities(serve: Serve) -> None:
    """`solvency --prices SERVICE`: only assets in scope are asked for, at the snapshot's time."""
    answers = {"coingecko:bitcoin": "94204.5", "coingecko:kucoin-shares": "10"}

    def answer(asked: Asked) -> Reply:
        ids = asked.path.removeprefix(f"/prices/historical/{UNIX}/").split(",")
        body = {"coins": {id: {"price": float(answers[id]), "timestamp": UNIX} for id in ids}}
        return Reply(body)

    server = serve(answer)
    owed = {"liabilities": {"BTC": "2", "KCS": "1"}, "exchange": "kucoin", "time": SNAPSHOT}
    held = {"reserves": [{"asset": a, "amount": "3"} for a in ("BTC", "KCS", "DOGE")]}
    report = solvency(
        [json.dumps(owed).encode()],
        [json.dumps(held).encode()],
        PriceSources((f"defillama={server.url}",)),
    )
    assert [asked.path.rsplit("/", 1)[1] for asked in server.asked] == [
        "coingecko:bitcoin,coingecko:kucoin-shares"
    ]
    assert report.ratios is not None
    assert report.ratios.total is not None
    assert report.ratios.total.liabilities == Decimal("188419")
    assert report.prices is not None
    assert (report.prices.source, report.prices.time) == ("defillama", SNAPSHOT)


def test_a_silent_service_leaves_the_usd_line_out_and_says_so(serve: Serve) -> None:
    server = serve(lambda _: Reply({}, 404))
    report = solvency(
        [b'{"liabilities": {"BTC": "2"}}'],
        [b'{"reserves": [{"asset": "BTC", "amount": "3"}]}'],
        PriceSources((f"coingecko={server.url}",)),
    )
    assert report.ratios is not None
    assert report.ratios.total is None
    assert [w.id for w in report.warnings] == ["price-source"]
