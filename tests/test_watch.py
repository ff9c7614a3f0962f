"""Watch: looks at loopback nodes and services, unknown and old figures, alerts, the real thing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschemas
import nodes
import pytest
from loopback import Asked, Reply, loopback

from merkle_por.cli.watch import duration, groups, named_nodes
from merkle_por.errors import Malformed, UsageError
from merkle_por.history import History
from merkle_por.prices.ask import open_service
from merkle_por.report.text import Page
from merkle_por.report.watch_json import watch_document
from merkle_por.report.watch_text import age, sentence, watch_page
from merkle_por.verdict import State
from merkle_por.watch.alerts import Bounds, Webhook, bounds, broken
from merkle_por.watch.backoff import Backoff
from merkle_por.watch.changes import ago
from merkle_por.watch.look import Ways
from merkle_por.watch.loop import Round, Watcher
from merkle_por.watch.target import Named

ETHER = 10**18
ADDRESS = "0x" + "a1" * 20
OTHER = "0x" + "b2" * 20
START = "2025-04-30T16:55:00Z"


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.fixture
def kucoin(tmp_path: Path) -> Named:
    """The figures of 2025-04-30 (specs/solvency-ratio.md)."""
    held = {
        "BTC": "10306.77689497",
        "ETH": "168779.12806518",
        "USDC": "93416502.74",
        "USDT": "1338479001.98",
    }
    rows = [{"asset": asset, "amount": amount} for asset, amount in held.items()]
    owed = {
        "BTC": "9751.16814126",
        "ETH": "145807.39997863",
        "USDC": "85712340.19",
        "USDT": "1179019201.63",
    }
    lists = write(tmp_path / "list.json", {"time": "2025-04-30T16:00:00Z", "reserves": rows})
    figures = write(tmp_path / "owed.json", {"liabilities": owed})
    return Named((lists,), "kucoin", (figures,))


def on_chain(tmp_path: Path, *rows: tuple[str, str, str]) -> Named:
    """A typed list with addresses: asset, amount, address (all on Ethereum)."""
    typed = [
        {"asset": asset, "amount": amount, "address": address, "chain": "ethereum"}
        for asset, amount, address in rows
    ]
    return Named((write(tmp_path / "chain.json", {"reserves": typed}),), "okx")


class Time:
    """A clock that only moves when it is told to (or waited for)."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def moment(self) -> str:
        return ago(START, -round(self.seconds))

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


@contextmanager
def watching(
    tmp_path: Path,
    named: Named,
    *,
    urls: tuple[str, ...] = (),
    prices: tuple[str, ...] = (),
    limits: Bounds | None = None,
    hook: Webhook | None = None,
    every: float = 300,
) -> Iterator[tuple[Watcher, Time]]:
    moves = Time()
    ways = Ways(
        nodes=named_nodes([f"ethereum={url}" for url in urls], []).nodes,
        backoff=Backoff(every),
        prices=prices,
    )
    for name in prices:
        if "=" in name:
            found = open_service(name, {}, attempts=1)
            ways._services[name] = found
    with History(tmp_path / "h.db", write=True) as history:
        watcher = Watcher(
            [named],
            ways,
            history,
            every,
            limits or Bounds({}, {}),
            hook,
            clock=moves.clock,
            moment=moves.moment,
        )
        yield watcher, moves


def rounds(
    watcher: Watcher, moves: Time, count: int, between: Callable[[int], None]
) -> list[Round]:
    """Some rounds; `between` is called before each but the first with its number."""
    found: list[Round] = []

    def wait(seconds: float) -> None:
        moves.wait(seconds)
        between(len(found))

    watcher.run(found.append, wait, rounds=count)
    return found


def text_of(result: Round, width: int = 80, moment: str | None = None) -> str:
    return watch_page(result, Page(width), 300, moment).plain()


class Node:
    """An Ethereum node in a few lines: balances that a test may change; down when told so."""

    def __init__(self, balances: dict[str, int]) -> None:
        self.balances = balances
        self.down = False
        self.height = 100

    def __call__(self, asked: Asked) -> Reply:
        if self.down:
            return Reply(b"", 502, {})
        question = json.loads(asked.body)
        answers = [self.one(q) for q in (question if isinstance(question, list) else [question])]
        return Reply(answers if isinstance(question, list) else answers[0])

    def one(self, question: dict[str, Any]) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": question["id"]}
        match question["method"], question["params"]:
            case "eth_chainId", _:
                return {**head, "result": "0x1"}
            case (("eth_getBlockByNumber" | "eth_getBlockByHash"), _):
                hash_ = "0x" + f"{self.height:064x}"
                block = {"number": hex(self.height), "hash": hash_, "timestamp": hex(1746032000)}
                return {**head, "result": block}
            case "eth_getBalance", [address, _]:
                return {**head, "result": hex(self.balances.get(address.lower(), 0))}
            case _:
                return {**head, "error": {"code": -32601, "message": "no such method"}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes are asked once, not five times with pauses."""
    monkeypatch.setattr("merkle_por.reserves.chains.http.Http._delay", lambda *_: 0.0)


# -- figures and words -------------------------------------------------------------------------


def test_listed_figures_with_ratios_and_value(tmp_path: Path, kucoin: Named) -> None:
    table = {"BTC": "94000", "ETH": "1800", "USDC": "1", "USDT": "1", "LUNA": "1"}
    file = write(tmp_path / "prices.json", table)
    with watching(tmp_path, kucoin, prices=(str(file),)) as (watcher, moves):
        result = rounds(watcher, moves, 1, lambda _: None)[0]
    assert result.state is State.UNCONFIRMED
    reading = result.outcomes[0].reading
    assert reading is not None
    assert {a.asset: a.ratio for a in reading.assets} == {
        "BTC": "1.056978",
        "ETH": "1.157548",
        "USDC": "1.089883",
        "USDT": "1.135247",
    }
    assert reading.held_value == Decimal("2704534963.36")
    assert reading.owed_value == Decimal("2443794667.05")
    assert reading.snapshot_time == "2025-04-30T16:00:00Z"
    lines = [" ".join(line.split()) for line in text_of(result, 100).splitlines()]
    assert lines[0] == "16:55 UTC held 5 min 24 h since list covered source"
    assert lines[1] == "BTC 10,306.77689497 - - 0 105.69 % listed"
    assert lines[-1] == "USD 2,704,534,963.36 - - 110.66 % prices.json"
    jsonschemas.check(watch_document(result))


def test_a_narrow_page_holds_every_figure(tmp_path: Path, kucoin: Named) -> None:
    with watching(tmp_path, kucoin) as (watcher, moves):
        result = rounds(watcher, moves, 1, lambda _: None)[0]
    for width in (40, 60, 80, 120):
        text = text_of(result, width)
        for figure in ("10,306.77689497", "1,338,479,001.98", "105.69 %", "16:55 UTC", "listed"):
            assert figure in text
        assert max(map(len, text.splitlines())) <= width


def test_short_rounds_show_seconds(tmp_path: Path, kucoin: Named) -> None:
    with watching(tmp_path, kucoin, every=30) as (watcher, moves):
        result = rounds(watcher, moves, 2, lambda _: None)[0]
    text = watch_page(result, Page(80), 30).plain()
    assert text.startswith("  16:55:00 UTC, next 16:55:30 ")


def test_one_asset_short_is_invalid_whatever_the_others(tmp_path: Path, kucoin: Named) -> None:
    owed = write(tmp_path / "o.json", {"liabilities": {"BTC": "10306.77689498", "ETH": "1"}})
    with watching(tmp_path, replace(kucoin, liabilities=(owed,))) as (watcher, moves):
        result = rounds(watcher, moves, 1, lambda _: None)[0]
    assert result.state is State.INVALID
    assert sentence(result) == "KuCoin: BTC is short by 0.00000001."
    assert "99.99 %" in text_of(result)
    assert "  [FAIL]    BTC is short by 0.00000001\n" in text_of(result)


def test_words_from_files_reach_the_terminal_escaped(tmp_path: Path) -> None:
    evil = {"reserves": [{"asset": "B\x1b[31mTC\u202e", "amount": "1"}]}
    named = Named((write(tmp_path / "l.json", evil),))
    with watching(tmp_path, named) as (watcher, moves):
        text = text_of(rounds(watcher, moves, 1, lambda _: None)[0])
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_ages() -> None:
    assert age("2025-04-30T16:55:00Z", "2025-04-30T17:05:00Z") == "10 min old"
    assert age("2025-04-30T16:55:00Z", "2025-04-30T16:55:59Z") == "59 s old"
    assert age("2025-04-30T16:55:00Z", "2025-04-30T18:54:59Z") == "119 min old"
    assert age("2025-04-30T16:55:00Z", "2025-05-02T16:54:00Z") == "47 h old"
    assert age("2025-04-30T16:55:00Z", "2025-05-03T16:55:00Z") == "3 d old"


# -- nodes -------------------------------------------------------------------------------------


def test_a_change_on_chain_is_in_the_next_reading(tmp_path: Path, quick: None) -> None:
    node = Node({ADDRESS: 5 * ETHER, OTHER: 2 * ETHER})
    named = on_chain(tmp_path, ("ETH", "7.5", ADDRESS), ("ETH", "0", OTHER))
    with loopback(node) as server, watching(tmp_path, named, urls=(server.url,)) as (w, moves):

        def spend(number: int) -> None:
            node.balances[ADDRESS] -= ETHER // 4
            node.height += 1

        first, second = rounds(w, moves, 2, spend)
        count, wallets = w.history.wallets("okx")
    outcome = second.outcomes[0]
    assert outcome.reading is not None
    asset = outcome.reading.assets[0]
    assert (asset.held, asset.listed) == (Decimal("6.75"), Decimal("7.5"))
    assert (dict(asset.levels), dict(asset.heights)) == ({"own-node": 2}, {"ethereum": 101})
    change = outcome.changes["ETH"]
    assert (change.last, change.snapshot) == (Decimal("-0.25"), Decimal("-0.75"))
    assert change.last_time == START
    assert first.next == "2025-04-30T17:00:00Z"
    assert second.next is None
    assert (count, wallets[0].held) == (2, Decimal("4.75"))
    assert "own node" in text_of(second)
    assert "block-old" not in {id for id, _ in outcome.reading.warnings}


def test_a_node_that_stands_still_is_told(tmp_path: Path, quick: None) -> None:
    named = on_chain(tmp_path, ("ETH", "7", ADDRESS))
    with (
        loopback(Node({})) as server,
        watching(tmp_path, named, urls=(server.url,), every=6 * 3600) as (watcher, moves),
    ):
        reading = rounds(watcher, moves, 2, lambda _: None)[1].outcomes[0].reading
    assert reading is not None
    warnings = dict(reading.warnings)
    assert "latest block is of 2025-04-30T16:53:20Z" in warnings["block-old"]


def test_an_unknown_figure_is_never_the_old_one(tmp_path: Path, quick: None) -> None:
    node = Node({ADDRESS: 5 * ETHER})
    named = on_chain(tmp_path, ("ETH", "7", ADDRESS))
    with loopback(node) as server, watching(tmp_path, named, urls=(server.url,)) as (w, moves):

        def break_it(number: int) -> None:
            node.down = number in (1, 2)

        found = rounds(w, moves, 5, break_it)  # not asked in the fourth: backoff
        stored = [point.held for point in w.history.series("okx", "ETH")]
    assert stored == [5, None, None, None, 5]
    assert [r.state for r in found[:3]] == [State.UNCONFIRMED, State.INCOMPLETE, State.INCOMPLETE]
    text = text_of(found[2])
    assert "ETH  unknown: ethereum: 127.0.0.1" in text
    assert "; 5.000000000000000000 at 16:55 (10 min old)" in " ".join(text.split())
    document = watch_document(found[2])
    jsonschemas.check(document)
    asset = document["exchanges"][0]["reading"]["assets"][0]
    assert (asset["held"], asset["ratio"], asset["reason"]) == (None, None, "node-error")
    assert asset["change"]["last_known_time"] == START


def test_ux_example_of_an_unknown_figure(tmp_path: Path, kucoin: Named) -> None:
    """ux.md: unknown: tron node timed out; 1,338,479,001.98 at 16:55 (10 min old)."""
    with watching(tmp_path, kucoin) as (watcher, moves):
        known = rounds(watcher, moves, 1, lambda _: None)[0].outcomes[0]
        assert known.reading is not None
        usdt = known.reading.asset("USDT")
        assert usdt is not None
        missing = replace(usdt, held=None, unknown_rows=1, text="tron node timed out")
        reading = watcher.history.record(
            replace(known.reading, id=None, time="2025-04-30T17:05:00Z", assets=(missing,))
        )
        from merkle_por.watch.changes import changes

        outcome = replace(known, reading=reading, changes=changes(watcher.history, reading))
    result = Round("2025-04-30T17:05:00Z", (outcome,), "2025-04-30T17:10:00Z")
    lines = text_of(result).splitlines()
    assert lines[0].startswith("  17:05 UTC, next 17:10 ")
    assert lines[1] == (
        "  USDT  unknown: tron node timed out; 1,338,479,001.98 at 16:55 (10 min old)"
    )


def test_a_failing_node_is_asked_less_and_less(tmp_path: Path, quick: None) -> None:
    node = Node({ADDRESS: ETHER})
    node.down = True
    asked: list[int] = []
    named = on_chain(tmp_path, ("ETH", "7", ADDRESS))
    with loopback(node) as server, watching(tmp_path, named, urls=(server.url,)) as (w, moves):

        def note(number: int) -> None:
            asked.append(len(server.asked))

        found = rounds(w, moves, 10, note)
        asked.append(len(server.asked))
    counts = [now - before for before, now in zip([0, *asked], asked, strict=False)]
    assert [bool(count) for count in counts] == [True, True, False, True] + [False] * 3 + [
        True,
        False,
        False,
    ]
    reading = found[2].outcomes[0].reading
    assert reading is not None
    assert "asked again in" in (reading.assets[0].text or "")


def test_backoff_ends_at_an_hour_and_with_an_answer() -> None:
    backoff = Backoff(300)
    for _ in range(30):
        backoff.failed("tron", "timed out", 0)
    assert backoff.waiting("tron", 3_599) is None
    assert backoff.waiting("tron", 3_000) == ("timed out", 450)
    backoff.answered("tron")
    assert backoff.waiting("tron", 0) is None


def test_chains_without_a_node_stay_listed(tmp_path: Path, quick: None) -> None:
    rows = [
        {"asset": "ETH", "amount": "7", "address": ADDRESS, "chain": "ethereum"},
        {"asset": "BTC", "amount": "3", "address": "bc1qxyz", "chain": "bitcoin"},
    ]
    named = Named((write(tmp_path / "l.json", {"reserves": rows}),), "okx")
    with (
        loopback(Node({ADDRESS: 6 * ETHER})) as server,
        watching(tmp_path, named, urls=(server.url,)) as (watcher, moves),
    ):
        reading = rounds(watcher, moves, 1, lambda _: None)[0].outcomes[0].reading
    assert reading is not None
    levels = {asset.asset: dict(asset.levels) for asset in reading.assets}
    assert levels == {"ETH": {"own-node": 1}, "BTC": {"claimed": 1}}
    assert [str(asset.held) for asset in reading.assets] == ["6.000000000000000000", "3"]


def test_figures_are_not_compared_with_those_of_another_list(tmp_path: Path, kucoin: Named) -> None:
    def edit(number: int) -> None:
        rows = [{"asset": "BTC", "amount": "20000"}]
        write(kucoin.lists[0], {"reserves": rows})

    with watching(tmp_path, kucoin) as (watcher, moves):
        first, second = rounds(watcher, moves, 2, edit)
    assert first.outcomes[0].reading is not None
    assert second.outcomes[0].reading is not None
    assert first.outcomes[0].reading.scope != second.outcomes[0].reading.scope
    change = second.outcomes[0].changes["BTC"]
    assert (change.last, change.snapshot) == (None, 0)


def test_change_since_a_day_ago(tmp_path: Path, kucoin: Named) -> None:
    with watching(tmp_path, kucoin, every=6 * 3_600) as (watcher, moves):
        found = rounds(watcher, moves, 6, lambda _: None)
    days = [result.outcomes[0].changes["BTC"].day for result in found]
    assert days == [None, None, None, None, 0, 0]


def test_a_list_that_breaks_has_no_reading_and_the_watch_goes_on(
    tmp_path: Path, kucoin: Named
) -> None:
    good = kucoin.lists[0].read_text()

    def edit(number: int) -> None:
        kucoin.lists[0].write_text('{"reserves": [' if number == 1 else good)

    with watching(tmp_path, kucoin) as (watcher, moves):
        found = rounds(watcher, moves, 3, edit)
        assert len(watcher.history.readings("kucoin")) == 2
    assert [r.state for r in found] == [State.UNCONFIRMED, State.MALFORMED, State.UNCONFIRMED]
    assert "KuCoin can't be read" in sentence(found[1])
    jsonschemas.check(watch_document(found[1]))
    assert "[FAIL]" in text_of(found[1])


def test_at_the_start_a_bad_list_ends_it(tmp_path: Path) -> None:
    named = Named((write(tmp_path / "l.json", {"reserves": [{"asset": "BTC", "amount": "1e3"}]}),))
    with watching(tmp_path, named) as (watcher, moves), pytest.raises(Malformed):
        rounds(watcher, moves, 1, lambda _: None)


def test_files_of_another_exchange_are_refused(tmp_path: Path, kucoin: Named) -> None:
    owed = {"liabilities": {"BTC": "1"}, "exchange": "OKX"}
    named = replace(kucoin, liabilities=(write(tmp_path / "okx.json", owed),))
    with watching(tmp_path, named) as (watcher, _):
        with pytest.raises(UsageError, match="several exchanges: kucoin, okx"):
            watcher.first()
        watcher.named = [replace(named, exchange="okex"), replace(named, exchange="okx")]
        with pytest.raises(UsageError, match="both okx's"):
            watcher.first()


# -- prices ------------------------------------------------------------------------------------


def test_prices_that_fail_make_the_value_unknown(tmp_path: Path, kucoin: Named) -> None:
    up = [True]

    def answer(asked: Asked) -> Reply:
        if not up[0]:
            return Reply({}, 503)
        ids = asked.path.removeprefix("/prices/current/").split(",")
        return Reply({"coins": {id: {"price": 2, "timestamp": 1746032100} for id in ids}})

    with (
        loopback(answer) as server,
        watching(tmp_path, kucoin, prices=(f"defillama={server.url}",)) as (watcher, moves),
    ):
        found = rounds(watcher, moves, 2, lambda _: up.__setitem__(0, False))
    first, second = (result.outcomes[0].reading for result in found)
    assert first is not None
    assert second is not None
    assert first.held_value is not None
    assert first.prices_source == "defillama"
    assert (second.held_value, second.prices_source, second.assets[0].price) == (None, None, None)
    assert "USD   unknown: no price; 2,864,149,181.24" in text_of(found[1])
    assert "at 16:55 (5 min old)" in text_of(found[1])
    assert "defillama: 127.0.0.1" in text_of(found[1])


def test_prices_that_are_not_clear_are_told(tmp_path: Path) -> None:
    """A CoinMarketCap answer with two prices for one symbol: neither is taken."""
    item: dict[str, Any] = {
        "wallet_address": ADDRESS,
        "balance": 1,
        "platform": {"crypto_id": 1027, "symbol": "ETH", "name": "Ethereum"},
        "currency": {"crypto_id": 825, "price_usd": 1, "symbol": "USDT", "name": "Tether"},
    }
    other = {**item, "wallet_address": OTHER, "currency": {**item["currency"], "price_usd": 2}}
    place = write(tmp_path / "cmc.json", {"data": [item, other]})
    with watching(tmp_path, Named((place,)), prices=(str(place),)) as (watcher, moves):
        result = rounds(watcher, moves, 1, lambda _: None)[0]
    reading = result.outcomes[0].reading
    assert reading is not None
    assert (reading.held_value, reading.assets[0].held) == (None, 2)
    assert {id for id, _ in reading.warnings} == {"price-missing", "ambiguous-symbol"}


# -- alerts ------------------------------------------------------------------------------------


def test_bounds_are_compared_exactly(tmp_path: Path, kucoin: Named) -> None:
    with watching(tmp_path, kucoin) as (watcher, moves):
        result = rounds(watcher, moves, 1, lambda _: None)[0]
    reading = result.outcomes[0].reading
    assert reading is not None
    assert broken(reading, bounds(["BTC=1.0569786"], [])) == ()
    found = broken(reading, bounds(["BTC=1.05698", "ETH=1"], []))
    assert [alert.text for alert in found] == ["BTC is covered 105.69 %, the bound is 105.69 %"]
    assert broken(reading, bounds(["BTC=105.7%"], []))[0].bound == "105.70 %"
    assert broken(replace(reading, held_value=Decimal(99)), bounds([], ["100"]))[0].what == "total"
    assert not broken(replace(reading, held_value=Decimal(99)), bounds([], ["okx=100"]))
    assert not broken(replace(reading, held_value=None), bounds([], ["100"]))
    for below, total in (("BTC", "1"), ("BTC=x", "1"), ("BTC=-1", "1"), ("BTC=1", "1%")):
        with pytest.raises(UsageError):
            bounds([below], [total])


def test_a_bound_that_can_not_break_is_refused(tmp_path: Path, kucoin: Named) -> None:
    for limits, named in (
        (bounds(["DOGE=1"], []), kucoin),
        (bounds(["BTC=1"], []), replace(kucoin, liabilities=())),
        (bounds([], ["okx=5"]), kucoin),
    ):
        with (
            watching(tmp_path, named, limits=limits) as (watcher, moves),
            pytest.raises(UsageError, match="--alert"),
        ):
            rounds(watcher, moves, 1, lambda _: None)


def test_an_alert_ends_the_watch_without_a_webhook(tmp_path: Path, kucoin: Named) -> None:
    shown: list[Round] = []
    limits = bounds(["BTC=1.06"], [])
    with watching(tmp_path, kucoin, limits=limits) as (watcher, moves):
        result = watcher.run(shown.append, moves.wait, stop_at_alert=True)
        stored = watcher.history.latest("kucoin")
    assert result.state is State.INVALID
    assert len(shown) == 1
    assert stored is not None
    assert stored.alerts == ("BTC is covered 105.69 %, the bound is 106.00 %",)
    assert "[FAIL]    alert: BTC is covered 105.69 %" in text_of(result)
    assert sentence(result) == "KuCoin: BTC is covered 105.69 %, the bound is 106.00 %."


def test_a_webhook_is_told_once_and_again_when_it_holds(tmp_path: Path, quick: None) -> None:
    node = Node({ADDRESS: 5 * ETHER})
    named = on_chain(tmp_path, ("ETH", "7", ADDRESS))
    owed = write(tmp_path / "o.json", {"liabilities": {"ETH": "5"}})
    named = replace(named, liabilities=(owed,))
    replies = [Reply(b"", 500), Reply(b"ok", 204), Reply(b"not json", 200)]
    with loopback(node) as server, loopback(lambda _: replies.pop(0)) as hook:
        told = Webhook(f"{hook.url}/alert?x=1")
        with watching(
            tmp_path, named, urls=(server.url,), limits=bounds(["ETH=1"], []), hook=told
        ) as (watcher, moves):

            def move(number: int) -> None:
                node.balances[ADDRESS] = (4 if number < 4 else 6) * ETHER

            found = rounds(watcher, moves, 6, move)
    assert [r.state is State.INVALID for r in found] == [False, True, True, True, False, False]
    assert found[1].outcomes[0].said is not None
    assert "could not be delivered" in text_of(found[1])
    assert found[2].outcomes[0].said is None
    messages = [json.loads(asked.body) for asked in hook.asked]
    assert [m["broken"] for m in messages] == [True, True, False]
    assert messages[0]["text"] == "ETH is covered 80.00 %, the bound is 100.00 %"
    assert {m["schema"] for m in messages} == {"merkle-por/alert/1"}
    assert {(a.method, a.path, a.query["x"]) for a in hook.asked} == {("POST", "/alert", "1")}


def test_webhooks_go_over_https_or_stay_here() -> None:
    for url in ("http://example.org/x", "ftp://127.0.0.1/", "tcp://127.0.0.1:1", "nothing"):
        with pytest.raises(UsageError):
            Webhook(url)
    closed = Webhook("http://127.0.0.1:9/secret-path")
    assert closed.send({}) == "127.0.0.1:9 can't be reached"
    with loopback(lambda _: Reply(b"", 302, {"Location": "http://127.0.0.1:9/"})) as hook:
        assert "status 302" in str(Webhook(hook.url).send({}))


# -- the command -------------------------------------------------------------------------------


def test_options() -> None:
    assert [duration(t) for t in ("30s", "5m", "1h", "45")] == [30, 300, 3600, 45]
    for text in ("0", "", "m", "-5m", "1d", "25h", "5 m", "１m"):
        with pytest.raises(UsageError):
            duration(text)
    asked = named_nodes(
        ["eth=http://127.0.0.1:1", "ethereum=http://127.0.0.1:2"], ["X=tron:T9", "Y=eth"]
    )
    assert asked.nodes == {"ethereum": ("http://127.0.0.1:1", "http://127.0.0.1:2")}
    assert asked.tokens == {"X": ("tron", "T9"), "Y": ("eth", None)}
    with pytest.raises(UsageError) as found:
        named_nodes(["http://user:secret@node"], [])
    assert "secret" not in str(found.value)
    with pytest.raises(UsageError, match="not a chain"):
        named_nodes([], ["X=nowhere:1"])


def test_groups(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.json", {}), write(tmp_path / "b.json", {})
    assert groups([str(a), str(b)], [], None) == [Named((a, b))]
    found = groups(["Huobi", str(a), "okx", str(b)], [f"okx={b}"], None)
    assert found == [Named((a,), "htx"), Named((b,), "okx", (b,))]
    with pytest.raises(UsageError, match="put its list behind") as missing:
        groups(["kucoin"], [], None)
    assert "blog" in missing.value.hints[0]
    with pytest.raises(UsageError, match="neither a file nor"):
        groups(["mtgox"], [], None)
    with pytest.raises(UsageError, match="whose are they"):
        groups(["htx", str(a), "okx", str(b)], [str(b)], None)
    with pytest.raises(UsageError, match="not watched"):
        groups(["htx", str(a)], [f"okx={b}"], None)


def start(tmp_path: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "merkle_por", "watch", "--history", str(tmp_path / "c.db")]
    return subprocess.Popen(
        [*command, *arguments],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        **options,
    )


def test_once_from_the_command_line(tmp_path: Path, kucoin: Named) -> None:
    base = ["kucoin", str(kucoin.lists[0]), "--liabilities", str(kucoin.liabilities[0]), "--once"]
    out, err = (process := start(tmp_path, *base, "--json")).communicate(timeout=60)
    assert (process.returncode, err) == (4, "")
    jsonschemas.check(json.loads(out))
    out, err = (process := start(tmp_path, *base, "--alert-below", "BTC=1.06")).communicate(
        timeout=60
    )
    assert (process.returncode, err) == (1, "")
    assert "alert: BTC is covered 105.69 %" in out
    out, err = (process := start(tmp_path, *base, "--alert-total", "5")).communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: --alert-total needs prices")
    broken_list = write(tmp_path / "bad.json", '{"reserves": [{"asset": "BTC", "amount": 1}]}')
    out, err = (process := start(tmp_path, str(broken_list), "--once")).communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert "(bad-amount)" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_even_while_a_node_keeps_it_waiting(
    tmp_path: Path, number: signal.Signals
) -> None:
    named = on_chain(tmp_path, ("ETH", "7", ADDRESS))
    asked: list[Asked] = []

    def slow(question: Asked) -> Reply:
        asked.append(question)
        time.sleep(3)
        return Reply(b"")

    with loopback(slow) as server:
        process = start(tmp_path, str(named.lists[0]), "--node", f"ethereum={server.url}")
        for _ in range(400):
            if asked:
                break
            time.sleep(0.05)
        begun = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - begun < 2.5
    assert (process.returncode, out, err) == (0, "", "")
    with History(tmp_path / "c.db", write=True) as history:
        assert history.exchanges() == ()


def resize(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_on_a_terminal_the_table_stands_still(tmp_path: Path, kucoin: Named) -> None:
    """On a screen of its own, as wide as the window is now; the last table stays behind."""
    main, end = pty.openpty()
    resize(end, 100, 30)
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        environment.pop(name, None)
    process = start(
        tmp_path, "kucoin", str(kucoin.lists[0]), "--every", "2s", stdout=end, env=environment
    )
    seen = b""

    def read_until(text: bytes, times: int = 1) -> bytes:
        nonlocal seen
        before, deadline = len(seen), time.monotonic() + 20
        while seen[before:].count(text) < times and time.monotonic() < deadline:
            seen += os.read(main, 4096)
        assert seen[before:].count(text) >= times, seen[before:].decode()
        return seen[before:]

    shown = read_until(b"10,306.77689497", 3)
    assert shown.index(b"\x1b[?1049h") < shown.index(b"looking") < shown.index(b"10,306.77689497")
    assert b"since list" in shown  # the widest column
    resize(end, 50, 30)
    assert b"since list" not in read_until(b"10,306.77689497")
    resize(end, 50, 3)
    read_until(b"more lines; make the window taller")
    process.send_signal(signal.SIGTERM)
    os.close(end)
    try:
        while data := os.read(main, 4096):
            seen += data
    except OSError:
        pass  # the terminal is closed from the other side
    _, err = process.communicate(timeout=20)
    os.close(main)
    assert (process.returncode, err) == (0, "")
    behind = seen.rpartition(b"\x1b[?1049l")[2]
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")  # the cursor is shown again
    assert b"10,306.77689497" in behind
    assert b"1,338,479,001.98" in behind  # all of it, whatever the window
    assert b"next" not in behind


def test_a_real_node_behind_a_watched_exchange(tmp_path: Path) -> None:
    """anvil, a transfer while watching, seen in the next reading; then kill -9, and it goes on."""
    with nodes.anvil("--chain-id", "1") as node:
        rich, other, _ = node.call("eth_accounts")
        node.call("anvil_setBalance", rich, hex(100 * ETHER))
        node.call("anvil_mine")
        named = on_chain(tmp_path, ("ETH", "100", rich))
        owed = write(tmp_path / "o.json", {"liabilities": {"ETH": "95"}})
        process = start(
            tmp_path,
            *("okx", str(named.lists[0]), "--liabilities", str(owed), "--every", "1s", "--json"),
            *("--node", f"ethereum={node.url}"),
        )
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        asset = first["exchanges"][0]["reading"]["assets"][0]
        assert (asset["held"], asset["state"]) == ("100.000000000000000000", "solvent")
        assert asset["levels"] in ({"proved": 1}, {"own-node": 1})
        sent = {"from": rich, "to": other, "value": hex(10 * ETHER), "gasPrice": hex(10**10)}
        node.call("eth_sendTransaction", sent)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            later = json.loads(process.stdout.readline())
            asset = later["exchanges"][0]["reading"]["assets"][0]
            if not asset["held"].startswith("100."):
                break
        fee = Decimal(21_000) * Decimal(10**10) / ETHER
        assert Decimal(asset["held"]) == 90 - fee
        assert Decimal(asset["change"]["since_last"]) == -10 - fee
        assert Decimal(asset["change"]["since_snapshot"]) == -10 - fee
        assert (later["state"], asset["state"]) == ("invalid", "short")
        jsonschemas.check(later)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    with History(tmp_path / "c.db", write=True) as history:
        points = history.series("okx", "ETH")
        assert points[0].held == 100
        latest = history.latest("okx")
        assert latest is not None
        assert latest.assets[0].held == points[-1].held
        assert history.wallets("okx")[1][0].address == rich
