"""History: exact amounts, whole readings only, one writer, versions brought forward."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por import history
from merkle_por.errors import UsageError
from merkle_por.history import AssetReading, History, Reading, Wallet

BTC = AssetReading(
    asset="BTC",
    state="solvent",
    held=Decimal("10306.77689497"),
    owed=Decimal("9751.16814126"),
    listed=Decimal("10306.77689497"),
    verified=Decimal("0.10"),
    known=Decimal("10306.77689497"),
    price=Decimal("94207.31000000000000000001"),
    ratio="1.056978",
    rows=3,
    levels={"own-node": 3},
    ownership={"unsigned": 3},
    kinds={"native": Decimal("10306.77689497")},
    heights={"bitcoin": 894552},
    sources=("127.0.0.1:8332",),
)
USDT = AssetReading(
    asset="USDT",
    state="incomplete",
    held=None,
    owed=Decimal("1179019201.63"),
    listed=Decimal("1338479001.98"),
    known=Decimal("0"),
    rows=2,
    unknown_rows=1,
    reason="node-unreachable",
    text="tron node timed out",
)
READING = Reading(
    exchange="kucoin",
    time="2025-04-30T17:05:00Z",
    scope="one",
    state="incomplete",
    assets=(BTC, USDT),
    snapshot_time="2025-04-30T16:00:00Z",
    held_value=None,
    owed_value=Decimal("2443794667.05"),
    prices_source="coingecko",
    prices_time="2025-04-30T17:04:11Z",
    wallets=5,
    name="KuCoin",
    sources={"tron": "node-unreachable", "bitcoin": "ok"},
    warnings=(("claimed", "the exchange's own figures"),),
    alerts=("USDT is not known",),
)


def wallets(count: int) -> list[Wallet]:
    return [
        Wallet(
            address=f"bc1q{index:04}",
            asset="BTC" if index % 2 else "USDT",
            coin="BTC" if index % 2 else "USDT-TRC20",
            kind="native",
            level="own-node",
            ownership="unsigned",
            time=READING.time,
            chain="bitcoin" if index % 2 else "tron",
            listed=Decimal(index),
            held=None if index == 7 else Decimal(index),
            height=100 + index,
        )
        for index in range(count)
    ]


def at(moment: str, held: str | None, scope: str = "one") -> Reading:
    amount = None if held is None else Decimal(held)
    return replace(
        READING, time=moment, scope=scope, assets=(replace(BTC, held=amount),), held_value=amount
    )


def test_a_reading_comes_back_as_it_was(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        stored = writer.record(READING, wallets(5))
        assert stored.id is not None
        assert writer.latest("kucoin") == stored
    with History(tmp_path / "h.db") as reader:
        assert reader.latest("kucoin") == stored
        assert reader.reading(stored.id) == stored
        assert reader.latest("okx") is None
        assert str(stored.assets[0].price) == "94207.31000000000000000001"
        assert reader.wallets("kucoin") == (5, tuple(wallets(5)))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18))
def test_amounts_are_exact(tmp_path_factory: pytest.TempPathFactory, amount: Decimal) -> None:
    path = tmp_path_factory.mktemp("h") / "h.db"
    with History(path, write=True) as writer:
        writer.record(replace(READING, assets=(replace(BTC, held=amount),)))
        found = writer.latest("kucoin")
    assert found is not None
    assert found.assets[0].held == amount


def test_not_a_number_is_refused_and_nothing_of_it_stays(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        writer.record(READING)
        bad = replace(READING, assets=(BTC, replace(USDT, known=Decimal("NaN"))))
        with pytest.raises(ValueError):
            writer.record(bad)
        assert len(writer.readings("kucoin")) == 1


def test_unknown_stays_unknown_and_the_last_known_is_found_with_its_time(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        writer.record(at("2025-04-30T16:50:00Z", "2"))
        known = writer.record(at("2025-04-30T16:55:00Z", "3"))
        last = writer.record(at("2025-04-30T17:00:00Z", None))
        latest = writer.latest("kucoin")
        assert latest is not None
        assert latest.assets[0].held is None
        point = writer.last_known("kucoin", "BTC")
        assert point is not None
        assert (point.time, point.held) == ("2025-04-30T16:55:00Z", Decimal(3))
        before = writer.last_known("kucoin", "BTC", before=known.id)
        assert before is not None
        assert before.held == 2
        assert [p.held for p in writer.series("kucoin", "BTC")] == [2, 3, None]
        value = writer.last_value("kucoin", before=last.id)
        assert value is not None
        assert value.held == 3
        assert writer.last_known("kucoin", "ETH") is None


def test_another_scope_is_not_compared(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        writer.record(at("2025-04-30T16:50:00Z", "2", "lists alone"))
        assert writer.last_known("kucoin", "BTC", scope="with a node") is None
        assert writer.last_value("kucoin", scope="with a node") is None


def test_readings_are_the_newest_of_the_span_in_order(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        for minute in range(6):
            writer.record(at(f"2025-04-30T16:0{minute}:00Z", str(minute)))
        found = writer.readings(
            "kucoin", since="2025-04-30T16:01:00Z", until="2025-04-30T16:04:00Z", limit=2
        )
        assert [r.time[14:16] for r in found] == ["03", "04"]
        assert [w.readings for w in writer.exchanges()] == [6]
        assert writer.forget("kucoin", "2025-04-30T16:02:00Z") == 2
        assert writer.exchanges()[0].first == "2025-04-30T16:02:00Z"


def test_wallets_are_searched_sorted_and_paged(tmp_path: Path) -> None:
    with History(tmp_path / "h.db", write=True) as writer:
        writer.record(READING, wallets(30))
        count, page = writer.wallets("kucoin", order="held", descending=True, limit=3)
        assert (count, [w.held for w in page]) == (30, [29, 28, 27])
        _, page = writer.wallets("kucoin", order="held", offset=28)
        assert [w.held for w in page] == [29, None]
        assert writer.wallets("kucoin", search="BC1Q0003")[0] == 1
        assert writer.wallets("kucoin", search="trc20")[0] == 15
        assert writer.wallets("kucoin", where={"chain": "tron"})[0] == 15
        assert writer.wallets("kucoin", asset="BTC")[0] == 15
        assert writer.wallets("kucoin", search="' OR 1=1 --")[0] == 0
        with pytest.raises(UsageError):
            writer.wallets("kucoin", order="held; DROP TABLE wallets")
        with pytest.raises(UsageError):
            writer.wallets("kucoin", where={"1=1 OR address": "x"})
        writer.record(READING, wallets(2))
        assert writer.wallets("kucoin")[0] == 2
        writer.record(READING)
        assert writer.wallets("kucoin")[0] == 2


def test_one_writer_many_readers(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with History(path, write=True) as writer:
        writer.record(READING)
        with pytest.raises(UsageError, match="another merkle-por watch"):
            History(path, write=True)
        readers = [History(path) for _ in range(4)]
        writer.record(READING)
        assert [len(r.readings("kucoin")) for r in readers] == [2] * 4
        with pytest.raises(UsageError, match="reading only"):
            readers[0].record(READING)
        for reader in readers:
            reader.close()
    with History(path, write=True) as writer:
        assert len(writer.readings("kucoin")) == 2


def test_files_that_are_no_history_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no history yet"):
        History(tmp_path / "none.db")
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    before = foreign.read_bytes()
    for write in (False, True):
        with pytest.raises(UsageError, match="another program"):
            History(foreign, write=write)
    assert foreign.read_bytes() == before
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to be looked at " * 20)
    for write in (False, True):
        with pytest.raises(UsageError, match="not a history"):
            History(text, write=write)


def test_a_file_of_version_1_is_brought_forward_with_its_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.db"
    with monkeypatch.context() as patch:
        patch.setattr(history, "MIGRATIONS", history.MIGRATIONS[:1])
        History(path, write=True).close()
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO readings (exchange, time, scope, state, currency, held_value, details)"
            " VALUES ('okx', '2025-01-01T00:00:00Z', 's', 'valid', 'USD', '1.50',"
            """ '{"name": null, "sources": {}, "warnings": [], "alerts": []}')"""
        )
    database.close()
    with pytest.raises(UsageError, match="older"):
        History(path)
    with History(path, write=True) as writer:
        found = writer.latest("okx")
        assert found is not None
        assert found.held_value == Decimal("1.50")
        assert found.wallets == 0
        assert writer.wallets("okx") == (0, ())


def test_a_migration_that_fails_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.db"
    with History(path, write=True) as writer:
        writer.record(READING)
    broken = (*history.MIGRATIONS, "CREATE TABLE half (x); CREATE TABLE readings (x)")
    monkeypatch.setattr(history, "MIGRATIONS", broken)
    with pytest.raises(UsageError):
        History(path, write=True)
    monkeypatch.setattr(history, "MIGRATIONS", broken[:-1])
    with History(path, write=True) as writer:
        assert len(writer.readings("kucoin")) == 1


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    History(path, write=True).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for write in (False, True):
        with pytest.raises(UsageError, match="newer"):
            History(path, write=write)


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_history import READING, wallets
from merkle_por.history import History
with History(Path(sys.argv[1]), write=True) as writer:
    while True:
        print(writer.record(READING, wallets(2000)).id, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_writer_leaves_whole_readings(tmp_path: Path) -> None:
    """Kill -9 in the middle of writes, again and again: each stored reading is whole, none that
    was reported stored is lost, and the next writer gets the file at once."""
    path = tmp_path / "h.db"
    reported = 0
    for pause in (0.05, 0.11, 0.17):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout.read().splitlines()]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        reported = max(int(line) for line in lines if line.strip())
        with History(path, write=True) as writer:
            found = writer.readings("kucoin", limit=10_000)
            assert [r.id for r in found] == list(range(1, len(found) + 1))
            assert reported <= len(found) <= reported + 1
            assert all(replace(r, id=None) == READING for r in found)
            assert writer.wallets("kucoin")[0] == 2000
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    assert reported > 3
