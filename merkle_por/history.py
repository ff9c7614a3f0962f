"""History of readings: what each exchange held and owed, when, and how far it was shown.

One SQLite file in WAL mode: one writer (`merkle-por watch`), many readers (the web app). A reading
is written in one transaction, so a process that is killed leaves whole readings only. Rules:
- amounts, prices and ratios are decimal text, exact; nothing passes through a float;
- what was not known is NULL, never 0 and never the figure from before (`last_known` finds that,
  with its time);
- figures are compared only within one `scope` (same lists, same chains asked): else a change
  would be one of method, not of coins.
The schema is numbered (PRAGMA user_version) and brought forward by MIGRATIONS, each in one
transaction.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from merkle_por.amounts import plain
from merkle_por.errors import UsageError

APPLICATION_ID = 0x6D706F72
"""PRAGMA application_id: "mpor"."""
BUSY_SECONDS = 10.0
WALLETS_KEPT = 20_000
"""Wallet rows kept of the latest reading; a list may have millions."""
PAGE_ROWS = 1_000
"""Most rows in one answer of `wallets`."""
READINGS_AT_ONCE = 10_000

_READINGS = """
CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    time TEXT NOT NULL,
    scope TEXT NOT NULL,
    state TEXT NOT NULL,
    snapshot_time TEXT,
    currency TEXT NOT NULL,
    held_value TEXT,
    owed_value TEXT,
    verified_value TEXT,
    own_token_value TEXT,
    prices_source TEXT,
    prices_time TEXT,
    details TEXT NOT NULL
);
CREATE INDEX readings_by_time ON readings (exchange, time, id);
CREATE TABLE assets (
    reading INTEGER NOT NULL REFERENCES readings (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    asset TEXT NOT NULL,
    state TEXT NOT NULL,
    held TEXT,
    owed TEXT,
    listed TEXT,
    verified TEXT,
    known TEXT,
    price TEXT,
    ratio TEXT,
    rows INTEGER NOT NULL,
    unknown_rows INTEGER NOT NULL,
    reason TEXT,
    text TEXT,
    details TEXT NOT NULL,
    PRIMARY KEY (reading, asset)
) WITHOUT ROWID;
"""
_WALLETS = """
CREATE TABLE wallets (
    exchange TEXT NOT NULL,
    place INTEGER NOT NULL,
    address TEXT NOT NULL,
    chain TEXT,
    asset TEXT NOT NULL,
    coin TEXT NOT NULL,
    kind TEXT NOT NULL,
    listed TEXT,
    held TEXT,
    height INTEGER,
    level TEXT NOT NULL,
    ownership TEXT NOT NULL,
    source TEXT,
    reason TEXT,
    text TEXT,
    time TEXT NOT NULL,
    PRIMARY KEY (exchange, place)
) WITHOUT ROWID;
ALTER TABLE readings ADD COLUMN wallets INTEGER NOT NULL DEFAULT 0;
"""
MIGRATIONS: tuple[str, ...] = (_READINGS, _WALLETS)
"""Script n brings a file from version n to n + 1. Scripts are never changed, only added."""


@dataclass(frozen=True)
class AssetReading:
    """One asset in one reading; whole coins.

    held: on chain (or as listed where no node was asked), None while any row is unknown; known:
    the sum of the rows that are known. listed: as the list states it for its snapshot. verified:
    the part whose balance and ownership are both shown. state: solvent, short, incomplete,
    out-of-scope. ratio: held / owed cut at 6 places, as text. levels, ownership: rows under each
    word. heights: chain -> block. sources: hosts asked. reason, text: why it is unknown.
    """

    asset: str
    state: str
    held: Decimal | None
    owed: Decimal | None = None
    listed: Decimal | None = None
    verified: Decimal | None = None
    known: Decimal | None = None
    price: Decimal | None = None
    ratio: str | None = None
    rows: int = 0
    unknown_rows: int = 0
    reason: str | None = None
    text: str | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    ownership: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, Decimal] = field(default_factory=dict)
    heights: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """All that one look at one exchange found. time: UTC, RFC 3339; id: None before it is stored.

    *_value: in `currency`; None where a price or an amount was missing. sources: who was asked, ->
    what it answered ("ok" or why not). warnings: class and text. wallets: rows of the lists in all.
    """

    exchange: str
    time: str
    scope: str
    state: str
    assets: tuple[AssetReading, ...]
    snapshot_time: str | None = None
    currency: str = "USD"
    held_value: Decimal | None = None
    owed_value: Decimal | None = None
    verified_value: Decimal | None = None
    own_token_value: Decimal | None = None
    prices_source: str | None = None
    prices_time: str | None = None
    wallets: int = 0
    name: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[tuple[str, str], ...] = ()
    alerts: tuple[str, ...] = ()
    id: int | None = None

    def asset(self, name: str) -> AssetReading | None:
        """One asset of it, None where it is not there."""
        return next((asset for asset in self.assets if asset.asset == name), None)


@dataclass(frozen=True)
class Wallet:
    """One row of a list as of the latest reading. held: None where unknown (reason, text: why)."""

    address: str
    asset: str
    coin: str
    kind: str
    level: str
    ownership: str
    time: str
    chain: str | None = None
    listed: Decimal | None = None
    held: Decimal | None = None
    height: int | None = None
    source: str | None = None
    reason: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Point:
    """One asset at one time, for charts and changes. held: None is a gap."""

    time: str
    scope: str
    held: Decimal | None
    owed: Decimal | None
    price: Decimal | None
    ratio: str | None
    state: str
    reading: int


@dataclass(frozen=True)
class Value:
    """The whole of an exchange at one time, in its currency, for charts."""

    time: str
    scope: str
    currency: str
    held: Decimal | None
    owed: Decimal | None
    reading: int


@dataclass(frozen=True)
class Watched:
    """An exchange in the history: how many readings, the first and the last time."""

    exchange: str
    readings: int
    first: str
    last: str


def default_path() -> Path:
    """Where the history is kept on this machine."""
    home = os.environ.get("MERKLE_POR_HOME")
    if home:
        return Path(home) / "history.db"
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "merkle-por" / "history.db"


WALLET_ORDERS = ("place", "address", "chain", "asset", "kind", "level", "ownership", "height")
"""What `wallets` can sort by; amounts too: "held" and "listed"."""


class History:
    """The file. write: create it, bring its schema forward, and be its only writer.

    Raises UsageError for a file that is no history, is newer than this program, or has a writer.
    """

    def __init__(self, path: Path | None = None, *, write: bool = False) -> None:
        self.path = path or default_path()
        self.write = write
        self._lock: sqlite3.Connection | None = None
        if write:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        elif not self.path.exists():
            raise UsageError(f"{self.path}: no history yet", "merkle-por watch LIST makes one")
        try:
            if write:
                self._lock = _writer_lock(self.path)
            self._database = _open(self.path, write)
        except sqlite3.DatabaseError as error:
            self._unlock()
            raise UsageError(f"{self.path}: not a history ({error})") from None
        except BaseException:
            self._unlock()
            raise

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the file; what was recorded stays."""
        self._database.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- writing ----------------------------------------------------------------------------

    def record(self, reading: Reading, wallets: Iterable[Wallet] | None = None) -> Reading:
        """Stores a reading, and its wallets in place of those of the reading before (None leaves
        them). Answers the reading with its id. All of it or nothing is stored."""
        with self._transaction() as database:
            id = _insert_reading(database, reading)
            database.executemany(_INSERT_ASSET, _asset_rows(id, reading.assets))
            if wallets is not None:
                database.execute("DELETE FROM wallets WHERE exchange = ?", (reading.exchange,))
                rows = _wallet_rows(reading.exchange, wallets)
                database.executemany(_INSERT_WALLET, rows)
        return replace(reading, id=id)

    def forget(self, exchange: str, before: str | None = None) -> int:
        """Deletes the readings of an exchange (before a time); how many there were."""
        with self._transaction() as database:
            found = database.execute(
                "DELETE FROM readings WHERE exchange = ? AND time < ?",
                (exchange, before or "9999"),
            )
            if before is None:
                database.execute("DELETE FROM wallets WHERE exchange = ?", (exchange,))
            return found.rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if not self.write:
            raise UsageError(f"{self.path}: opened for reading only")
        try:
            with _transaction(self._database) as database:
                yield database
        except sqlite3.Error as error:
            raise UsageError(f"{self.path}: can't be written ({error})") from None

    # -- reading ----------------------------------------------------------------------------

    def exchanges(self) -> tuple[Watched, ...]:
        """Every exchange that has readings, by name."""
        rows = self._database.execute(
            "SELECT exchange, COUNT(*), MIN(time), MAX(time) FROM readings"
            " GROUP BY exchange ORDER BY exchange"
        )
        return tuple(Watched(*row) for row in rows)

    def latest(self, exchange: str) -> Reading | None:
        """The last reading that was stored, None where there is none."""
        return self._one("exchange = ? ORDER BY id DESC LIMIT 1", (exchange,))

    def reading(self, id: int) -> Reading | None:
        """One reading by its id."""
        return self._one("id = ?", (id,))

    def readings(
        self,
        exchange: str,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = 100,
    ) -> tuple[Reading, ...]:
        """Readings from `since` to `until`, the newest `limit` of them, oldest first."""
        rows = self._database.execute(
            f"SELECT {_READING_COLUMNS} FROM readings"
            " WHERE exchange = ? AND time >= ? AND time <= ?"
            " ORDER BY time DESC, id DESC LIMIT ?",
            (exchange, since or "", until or "9999", min(limit, READINGS_AT_ONCE)),
        ).fetchall()
        return tuple(self._whole(row) for row in reversed(rows))

    def series(
        self,
        exchange: str,
        asset: str,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = READINGS_AT_ONCE,
    ) -> tuple[Point, ...]:
        """One asset over time, oldest first; gaps are points with held None."""
        return self._points(
            "r.exchange = ? AND a.asset = ? AND r.time >= ? AND r.time <= ?",
            (exchange, asset, since or "", until or "9999"),
            limit,
        )

    def values(
        self,
        exchange: str,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = READINGS_AT_ONCE,
    ) -> tuple[Value, ...]:
        """The whole of an exchange over time, oldest first."""
        rows = self._database.execute(
            "SELECT time, scope, currency, held_value, owed_value, id FROM readings"
            " WHERE exchange = ? AND time >= ? AND time <= ? ORDER BY time DESC, id DESC LIMIT ?",
            (exchange, since or "", until or "9999", limit),
        ).fetchall()
        return tuple(
            Value(time, scope, currency, _amount(held), _amount(owed), id)
            for time, scope, currency, held, owed, id in reversed(rows)
        )

    def last_known(
        self,
        exchange: str,
        asset: str,
        *,
        scope: str | None = None,
        until: str | None = None,
        before: int | None = None,
    ) -> Point | None:
        """The newest reading in which the asset's amount was known (in that scope, not after
        `until`, with an id below `before`)."""
        found = self._points(
            "r.exchange = ? AND a.asset = ? AND a.held IS NOT NULL"
            " AND (? IS NULL OR r.scope = ?) AND r.time <= ? AND r.id < ?",
            (exchange, asset, scope, scope, until or "9999", before or (1 << 62)),
            1,
        )
        return found[0] if found else None

    def last_value(
        self,
        exchange: str,
        *,
        scope: str | None = None,
        until: str | None = None,
        before: int | None = None,
    ) -> Value | None:
        """As `last_known`, for the exchange's whole value."""
        row = self._database.execute(
            "SELECT time, scope, currency, held_value, owed_value, id FROM readings"
            " WHERE exchange = ? AND held_value IS NOT NULL AND (? IS NULL OR scope = ?)"
            " AND time <= ? AND id < ? ORDER BY time DESC, id DESC LIMIT 1",
            (exchange, scope, scope, until or "9999", before or (1 << 62)),
        ).fetchone()
        if row is None:
            return None
        time, found_scope, currency, held, owed, id = row
        return Value(time, found_scope, currency, _amount(held), _amount(owed), id)

    def wallets(
        self,
        exchange: str,
        *,
        search: str = "",
        asset: str | None = None,
        where: Mapping[str, str] | None = None,
        order: str = "place",
        descending: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> tuple[int, tuple[Wallet, ...]]:
        """Wallet rows of the latest reading: how many match, and one page of them.

        search: a part of the address, coin or chain, without case. where: equal values of kind,
        level, ownership, chain. order: one of WALLET_ORDERS, held or listed. Raises UsageError.
        """
        filters, values = ["exchange = ?"], [exchange]
        if search:
            filters.append("instr(lower(address || ' ' || coin || ' ' || ifnull(chain, '')), ?)")
            values.append(search.lower())
        for name, value in {"asset": asset, **(where or {})}.items():
            if name not in ("asset", "kind", "level", "ownership", "chain"):
                raise UsageError(f'wallets are not filtered by "{name[:40]}"')
            if value is not None:
                filters.append(f"{name} = ?")
                values.append(value)
        matched = " AND ".join(filters)
        count = self._database.execute(
            f"SELECT COUNT(*) FROM wallets WHERE {matched}", values
        ).fetchone()[0]
        rows = self._database.execute(
            f"SELECT {_WALLET_COLUMNS} FROM wallets WHERE {matched}"
            f" ORDER BY {_order(order, descending)}, place LIMIT ? OFFSET ?",
            (*values, max(0, min(limit, PAGE_ROWS)), max(0, offset)),
        )
        return count, tuple(_wallet(row) for row in rows)

    def _points(self, where: str, values: Sequence[Any], limit: int) -> tuple[Point, ...]:
        rows = self._database.execute(
            "SELECT r.time, r.scope, a.held, a.owed, a.price, a.ratio, a.state, r.id"
            " FROM readings r JOIN assets a ON a.reading = r.id"
            f" WHERE {where} ORDER BY r.time DESC, r.id DESC LIMIT ?",
            (*values, limit),
        ).fetchall()
        return tuple(
            Point(time, scope, _amount(held), _amount(owed), _amount(price), ratio, state, id)
            for time, scope, held, owed, price, ratio, state, id in reversed(rows)
        )

    def _one(self, where: str, values: Sequence[Any]) -> Reading | None:
        row = self._database.execute(
            f"SELECT {_READING_COLUMNS} FROM readings WHERE {where}", values
        ).fetchone()
        return None if row is None else self._whole(row)

    def _whole(self, row: Sequence[Any]) -> Reading:
        assets = self._database.execute(
            f"SELECT {_ASSET_COLUMNS} FROM assets WHERE reading = ? ORDER BY place", (row[0],)
        )
        return _reading(row, tuple(_asset(asset) for asset in assets))


# -- the file --------------------------------------------------------------------------------


def _writer_lock(path: Path) -> sqlite3.Connection:
    """Keeps a second writer out for as long as this process lives, however it ends: the lock is
    the operating system's, on a file beside the history, and goes with the process."""
    lock = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        raise UsageError(
            f"{path}: another merkle-por watch writes to it",
            "stop it, or name another file: --history FILE",
        ) from None
    return lock


def _open(path: Path, write: bool) -> sqlite3.Connection:
    database = _connect(path, write)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        _check(path, database, write)
    except BaseException:
        database.close()
        raise
    return database


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={'rwc' if write else 'ro'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _check(path: Path, database: sqlite3.Connection, write: bool) -> None:
    id = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if id != APPLICATION_ID and (tables or version or not write):
        raise UsageError(f"{path}: a database of another program, not a history")
    if version > len(MIGRATIONS):
        raise UsageError(
            f"{path}: written by a newer merkle-por (version {version} of the file)",
            "update merkle-por, or name another file",
        )
    if not write:
        if version < len(MIGRATIONS):
            raise UsageError(
                f"{path}: written by an older merkle-por (version {version} of the file)",
                "merkle-por watch brings it forward",
            )
        return
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    for number in range(version, len(MIGRATIONS)):
        with _transaction(database):
            for statement in _statements(MIGRATIONS[number]):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {number + 1}")


def _statements(script: str) -> list[str]:
    """The statements of a migration: executescript would commit on its own."""
    return [part for part in script.split(";") if part.strip()]


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


# -- rows ------------------------------------------------------------------------------------

_READING_COLUMNS = (
    "id, exchange, time, scope, state, snapshot_time, currency, held_value, owed_value,"
    " verified_value, own_token_value, prices_source, prices_time, wallets, details"
)
_ASSET_COLUMNS = (
    "asset, state, held, owed, listed, verified, known, price, ratio, rows, unknown_rows,"
    " reason, text, details"
)
_WALLET_COLUMNS = (
    "address, asset, coin, kind, level, ownership, time, chain, listed, held, height, source,"
    " reason, text"
)
_INSERT_ASSET = (
    f"INSERT INTO assets (reading, place, {_ASSET_COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_WALLET = (
    f"INSERT INTO wallets (exchange, place, {_WALLET_COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _text(value: Decimal | None) -> str | None:
    if value is None:
        return None
    if not value.is_finite():
        raise ValueError("an amount that is not a number")
    return plain(value)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _insert_reading(database: sqlite3.Connection, reading: Reading) -> int:
    details = {
        "name": reading.name,
        "sources": dict(reading.sources),
        "warnings": [list(pair) for pair in reading.warnings],
        "alerts": list(reading.alerts),
    }
    names = _READING_COLUMNS.removeprefix("id, ")
    cursor = database.execute(
        f"INSERT INTO readings ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            reading.exchange,
            reading.time,
            reading.scope,
            reading.state,
            reading.snapshot_time,
            reading.currency,
            _text(reading.held_value),
            _text(reading.owed_value),
            _text(reading.verified_value),
            _text(reading.own_token_value),
            reading.prices_source,
            reading.prices_time,
            reading.wallets,
            json.dumps(details),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _asset_rows(id: int, assets: Iterable[AssetReading]) -> Iterator[tuple[Any, ...]]:
    for place, asset in enumerate(assets):
        details = {
            "levels": dict(asset.levels),
            "ownership": dict(asset.ownership),
            "kinds": {kind: _text(amount) for kind, amount in asset.kinds.items()},
            "heights": dict(asset.heights),
            "sources": list(asset.sources),
        }
        yield (
            id,
            place,
            asset.asset,
            asset.state,
            _text(asset.held),
            _text(asset.owed),
            _text(asset.listed),
            _text(asset.verified),
            _text(asset.known),
            _text(asset.price),
            asset.ratio,
            asset.rows,
            asset.unknown_rows,
            asset.reason,
            asset.text,
            json.dumps(details),
        )


def _wallet_rows(exchange: str, wallets: Iterable[Wallet]) -> Iterator[tuple[Any, ...]]:
    for place, wallet in enumerate(wallets):
        if place >= WALLETS_KEPT:
            return
        yield (
            exchange,
            place,
            wallet.address,
            wallet.asset,
            wallet.coin,
            wallet.kind,
            wallet.level,
            wallet.ownership,
            wallet.time,
            wallet.chain,
            _text(wallet.listed),
            _text(wallet.held),
            wallet.height,
            wallet.source,
            wallet.reason,
            wallet.text,
        )


def _reading(row: Sequence[Any], assets: tuple[AssetReading, ...]) -> Reading:
    details = json.loads(row[14])
    return Reading(
        id=row[0],
        exchange=row[1],
        time=row[2],
        scope=row[3],
        state=row[4],
        snapshot_time=row[5],
        currency=row[6],
        held_value=_amount(row[7]),
        owed_value=_amount(row[8]),
        verified_value=_amount(row[9]),
        own_token_value=_amount(row[10]),
        prices_source=row[11],
        prices_time=row[12],
        wallets=row[13],
        name=details["name"],
        sources=details["sources"],
        warnings=tuple((id, text) for id, text in details["warnings"]),
        alerts=tuple(details["alerts"]),
        assets=assets,
    )


def _asset(row: Sequence[Any]) -> AssetReading:
    details = json.loads(row[13])
    return AssetReading(
        asset=row[0],
        state=row[1],
        held=_amount(row[2]),
        owed=_amount(row[3]),
        listed=_amount(row[4]),
        verified=_amount(row[5]),
        known=_amount(row[6]),
        price=_amount(row[7]),
        ratio=row[8],
        rows=row[9],
        unknown_rows=row[10],
        reason=row[11],
        text=row[12],
        levels=details["levels"],
        ownership=details["ownership"],
        kinds={kind: Decimal(amount) for kind, amount in details["kinds"].items()},
        heights=details["heights"],
        sources=tuple(details["sources"]),
    )


def _wallet(row: Sequence[Any]) -> Wallet:
    return Wallet(
        address=row[0],
        asset=row[1],
        coin=row[2],
        kind=row[3],
        level=row[4],
        ownership=row[5],
        time=row[6],
        chain=row[7],
        listed=_amount(row[8]),
        held=_amount(row[9]),
        height=row[10],
        source=row[11],
        reason=row[12],
        text=row[13],
    )


def _order(name: str, descending: bool) -> str:
    """An ORDER BY term. Decimal text sorts by its length before the point, then as text; what is
    not known comes last either way."""
    way = "DESC" if descending else "ASC"
    if name in ("held", "listed"):
        whole = f"instr({name} || '.', '.')"
        return f"{name} IS NULL, {whole} {way}, {name} {way}"
    if name not in WALLET_ORDERS:
        raise UsageError(f'wallets are not sorted by "{name[:40]}"')
    return f"{name} IS NULL, {name} {way}"
