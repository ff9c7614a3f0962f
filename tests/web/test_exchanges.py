"""The exchange pages over a history."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from histories import HOSTILE, READINGS, WALLETS
from pages import BASE
from starlette.testclient import TestClient

from merkle_por.history import AssetReading, History, Reading
from merkle_por.web.app import create_app
from merkle_por.web.exchange_data import exchange_view
from merkle_por.web.explorers import link
from merkle_por.web.settings import Settings


def test_nothing_watched_yet(tmp_path: Path) -> None:
    app = create_app(Settings(workers=1, history=tmp_path / "none.db"))
    client = TestClient(app, base_url=BASE)
    assert "Nothing was watched yet" in client.get("/exchanges").text
    assert client.get("/exchanges/kucoin").status_code == 404
    assert client.get("/api/exchanges").json()["exchanges"] == []
    assert client.get("/api/exchanges/kucoin").status_code == 404
    assert client.get("/exchanges/kucoin/wallets.csv").status_code == 404


def test_a_file_that_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "no.db"
    path.write_bytes(b"not a database" * 100)
    client = TestClient(create_app(Settings(workers=1, history=path)), base_url=BASE)
    assert client.get("/exchanges").status_code == 500
    assert "can&#39;t be read" in client.get("/exchanges").text


def test_overview(client: TestClient) -> None:
    page = client.get("/exchanges").text
    assert "KuCoin" in page
    assert "USDT does not cover what is owed" in page
    assert "days old (old)" in page  # the reading of `example`
    assert '<td class="figure">unknown</td>' in page
    assert "unknown USD" not in page  # what is unknown has no unit


def test_one_exchange(client: TestClient) -> None:
    page = client.get("/exchanges/kucoin").text
    assert "9,751.16814126" in page
    assert "105.93 %" in page  # 10,329.77689497 / 9,751.16814126, cut
    assert "95.60 %" in page
    assert page.count("<svg id=") == 4
    assert "can&#39;t" not in page or HOSTILE not in page
    assert HOSTILE not in page
    assert f"1 to 100 shown; {WALLETS} in the exchange" in page


def test_what_nobody_is_owed_covers_nothing(tmp_path: Path) -> None:
    """Out of scope stays out of the ratios of the total (solvency-ratio.md, rule 2)."""
    one, price = Decimal(1), Decimal(100)
    assets = (
        AssetReading("BTC", "short", one, owed=Decimal(2), verified=one, price=price),
        AssetReading("DOGE", "out-of-scope", Decimal(9), verified=Decimal(9), price=price),
    )
    reading = Reading(
        "kucoin",
        "2026-11-01T00:00:00Z",
        "lists-1",
        "invalid",
        assets,
        held_value=Decimal(1000),
        owed_value=Decimal(200),
        verified_value=Decimal(1000),
        name="KuCoin",
    )
    path = tmp_path / "history.db"
    with History(path, write=True) as history:
        history.record(reading, [])
        view = exchange_view(history, "kucoin")
        assert view is not None
        assert (view.held, view.covered, view.proven) == ("1,000.00", "50.00 %", "50.00 %")
        assert view.sentence == (
            "KuCoin holds 1,000.00 USD (some of it in assets that nobody is owed) against 200.00 "
            "owed: 50.00 % covered, 50.00 % proven."
        )


def test_history_of_an_asset_has_its_gap(client: TestClient) -> None:
    page = client.get("/exchanges/kucoin?history=BTC").text
    assert "4 of 24 readings are unknown" in page
    points = client.get("/api/exchanges/kucoin/history?asset=BTC").json()["points"]
    assert len(points) == READINGS
    assert [p["held"] for p in points].count(None) == 4


def test_wallets_are_searched_sorted_and_paged(client: TestClient) -> None:
    def rows(query: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = client.get(f"/api/exchanges/kucoin/wallets?{query}").json()[
            "wallets"
        ]
        return found

    assert len(rows("")) == 100
    assert len(rows("page=3")) == WALLETS - 200
    by_amount = [r["listed"] for r in rows("sort=listed&order=desc")]
    assert by_amount[:2] == ["248", "247"]
    assert len(rows("q=0000007")) >= 1
    assert {r["ownership"] for r in rows("ownership=proven")} == {"proven"}
    page = client.get("/exchanges/kucoin?sort=listed&order=desc").text
    assert 'aria-sort="descending"' in page
    assert page.count("aria-sort") == 1


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=-1", "sort=nothing", "order=up", "page=99999999999"]
)
def test_wrong_queries(client: TestClient, query: str) -> None:
    assert client.get(f"/api/exchanges/kucoin/wallets?{query}").status_code == 400
    assert client.get(f"/exchanges/kucoin?{query}").status_code == 400
    assert client.get(f"/exchanges/kucoin/wallets.csv?{query}").status_code == 400


def test_csv(client: TestClient) -> None:
    answer = client.get("/exchanges/kucoin/wallets.csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == WALLETS
    assert rows[-1]["address"].startswith("'=HYPERLINK")
    assert rows[7]["held"] == ""
    assert rows[8]["held"] == "1"
    proven = client.get("/exchanges/kucoin/wallets.csv?ownership=proven").text
    assert len(list(csv.DictReader(io.StringIO(proven)))) < WALLETS


def test_comparison(client: TestClient) -> None:
    page = client.get("/compare?ids=kucoin,example,nothing").text
    assert "nothing was not watched" in page
    assert "not in its lists" not in page
    assert "weakest link" in page.lower()
    five = client.get("/compare?ids=a,b,c,d,kucoin").text
    assert "1 left out" in five


def test_links_lead_to_plain_addresses_only() -> None:
    address = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    assert link("bitcoin", address) == f"https://mempool.space/address/{address}"
    for wrong in (
        "../../evil?x=1#aaaaaaaaaaaaaaa",
        "a" * 200,
        "short",
        "javascript:alert(1)aaa",
    ):
        assert link("bitcoin", wrong) is None
    assert link("no-chain", address) is None
