"""Around the snapshot: against real nodes whose money comes for a day, and made lists."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import nodes
import pytest
import vectorfiles
from chainhelpers import holder, row

from merkle_por.documents import Document
from merkle_por.errors import Incomplete, UsageError
from merkle_por.reserves import snapshot
from merkle_por.reserves.chains import registry
from merkle_por.reserves.chains.evm import Evm
from merkle_por.reserves.chains.http import Http, endpoint
from merkle_por.reserves.lists.address_list import LAYOUT
from merkle_por.reserves.lists.reading import Reading
from merkle_por.reserves.lists.row import RowKind

START = 4_000_000_000
ETH = 10**18


def listed(coin: str, *addresses: str, **more: Any) -> Any:
    return row(coin, *addresses, **{"asset": coin, "kind": RowKind.NATIVE, "line": 1, **more})


def mined(node: nodes.Node, day: int) -> int:
    """Mines what is waiting, at noon of a day; answers the height."""
    node.call("evm_setNextBlockTimestamp", START + day * snapshot.DAY)
    node.call("anvil_mine")
    return int(node.call("eth_blockNumber"), 16)


def send(node: nodes.Node, source: str, to: str, coins: int) -> None:
    value = hex(coins * ETH)
    transfer = {"from": source, "to": to, "value": value, "gasPrice": "0x0", "gas": "0x5208"}
    node.call("eth_sendTransaction", transfer)


@pytest.fixture(scope="module")
def days() -> Any:
    """A block every other day; the second account lends 900 to the first for day 30 only, and the
    third one always has 10,000."""
    start = str(START - snapshot.DAY)
    with nodes.anvil("--timestamp", start, "--base-fee", "0", "--no-mining") as node:
        first, second, third = node.call("eth_accounts")
        heights = {}
        for day in range(0, 61, 2):
            if day == 30:
                send(node, second, first, 900)
            if day == 32:
                send(node, first, second, 900)
            heights[day] = mined(node, day)
        yield node, heights, (first, third)


def url(node: nodes.Node) -> dict[str, str]:
    return {"ethereum": f"{node.url}#chain_id=31337"}


def test_money_for_the_day_shows_as_a_peak(days: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node, heights, (borrower, _) = days
    rows = [listed("ETH", borrower)]
    [course] = snapshot.around(lambda: rows, url(node), {"ethereum": heights[30]})
    assert [r.days for r in course.readings] == [-7, -1, 0, 1, 7]
    assert [r.amount for r in course.readings] == [10_000, 10_000, 10_900, 10_900, 10_000]
    assert not course.only_for_the_day  # a day later, no new block has come yet
    [course] = snapshot.around(
        lambda: rows, url(node), {"eth": heights[30]}, days=(-7, -2, 0, 2, 7)
    )
    assert [r.height for r in course.readings] == [heights[d] for d in (22, 28, 30, 32, 36)]
    assert course.peak == Fraction(900, 10_900)
    assert not course.only_for_the_day  # 8 %
    monkeypatch.setattr(snapshot, "PEAK", Fraction(8, 100))
    assert course.only_for_the_day
    assert "only then" in course.text


def test_money_that_stays_is_no_peak(days: Any) -> None:
    node, heights, (_, rich) = days
    rows = [listed("ETH", rich)]
    [course] = snapshot.around(lambda: rows, url(node), {"ethereum": heights[30]}, days=(-2, 0, 2))
    assert [r.amount for r in course.readings] == [10_000] * 3
    assert not course.only_for_the_day
    assert course.complete


def test_what_is_unknown_is_said(days: Any) -> None:
    node, heights, (borrower, _) = days
    rows = [listed("ETH", borrower), listed("ETH", "0x12"), listed("BTC", "1abc")]
    [course] = snapshot.around(lambda: rows, url(node), {"ethereum": heights[30]}, days=(-2, 0))
    assert [(r.rows, r.unknown) for r in course.readings] == [(2, 1), (2, 1)]
    assert course.peak is None
    assert not course.complete
    assert "unknown" in course.text


def test_blocks_by_their_times(days: Any) -> None:
    node, heights, _ = days
    one = Evm(registry.chain("ethereum"), Http(endpoint(url(node)["ethereum"])))
    latest = one.pin(None)
    for day in (0, 10, 58):
        time = START + day * snapshot.DAY
        assert snapshot.height_at(one, time, latest).height == heights[day]
        assert snapshot.height_at(one, time + 10, latest).height == heights[day]
        if day:
            assert snapshot.height_at(one, time - 1, latest).height == heights[day - 2]
    assert snapshot.height_at(one, 1 << 40, latest) == latest
    with pytest.raises(Incomplete, match="block-unknown"):
        snapshot.height_at(one, 5, latest)


def test_the_snapshot_itself_must_be_among_the_days() -> None:
    with pytest.raises(UsageError):
        snapshot.around(list, {}, {}, days=(-1, 1))
    with pytest.raises(UsageError):
        snapshot.around(list, {}, {"eth": 5})


def test_addresses_that_two_exchanges_claim() -> None:
    """One chain under several names; hexadecimal addresses without case."""
    upper, lower = "0x" + "AB" * 20, "0x" + "ab" * 20
    lists = {
        "one": [listed("USDT-ERC20", upper), listed("BTC", "1abc"), listed("ETH", upper)],
        "two": [listed("ETH", lower, network="ETH"), listed("BTC", "1ABC")],
        "three": [listed("ethereum", lower, network="ethereum"), listed("BNB", lower)],
        "four": [listed("XYZ-Nowhere", "addr"), listed("bitcoin", "1abc", network="bitcoin")],
        "five": [listed("XYZ-Nowhere", "addr")],
    }
    found = {(f.chain, f.address): f.exchanges for f in snapshot.claimed_twice(lists)}
    assert found == {
        ("ethereum", lower): ("one", "three", "two"),
        ("bitcoin", "1abc"): ("four", "one"),
        ("XYZ-Nowhere", "addr"): ("five", "four"),
    }


def test_none_of_the_public_lists_claims_anothers_address() -> None:
    """As specs/reserve-files.md says of the lists in peer/addresses."""
    lists: dict[str, Any] = {}
    for entry in vectorfiles.manifest("peer", "addresses"):
        if entry.files[0].suffix == ".json" and entry.data["expect"] == "valid":
            document = Document.of(entry.files[0])
            name = json.loads(entry.files[0].read_text())["exchange"]
            lists.setdefault(name, []).extend(LAYOUT.read(Reading(document)))
    if not lists:
        pytest.skip("peer/addresses is not on this machine (../shared/vectors)")
    assert len(lists) >= 5
    assert snapshot.claimed_twice(lists) == []
    [(name, rows), *_] = lists.items()
    assert snapshot.claimed_twice({**lists, "copycat": rows[:1]})[0].exchanges == tuple(
        sorted((name, "copycat"))
    )


def test_the_same_coins_through_a_wrapper() -> None:
    weth = registry.tokens("ethereum")["WETH"].id
    rows = [
        listed("ETH", weth, amount=Decimal(5)),
        listed("WETH-ERC20", holder(1), asset="ETH", kind=RowKind.WRAPPED, amount=Decimal(5)),
        listed("BTC", "1abc", amount=Decimal(7)),
        listed("HBTC", holder(2), asset="BTC", kind=RowKind.SELF_PEGGED, amount=Decimal(3)),
        listed("BTC-TRC20", "T", asset="BTC", kind=RowKind.SELF_PEGGED),
        listed("LTCK-KIP20", holder(3), asset="LTC", kind=RowKind.SELF_PEGGED),
    ]
    found = snapshot.through_wrappers(rows)
    assert [(f.asset, f.coin, f.amount, f.certain) for f in found] == [
        ("ETH", "ETH", Decimal(5), True),
        ("BTC", "HBTC", Decimal(3), False),
        ("BTC", "BTC-TRC20", None, False),
    ]
    assert snapshot.through_wrappers(rows[1:3]) == []
