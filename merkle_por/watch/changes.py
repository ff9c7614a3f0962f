"""A reading beside earlier ones: what has changed since the last, since a day ago, since the list.

Only readings of the same scope are compared, and only figures that were known; the day's reading is
the newest that is at least a day old, and not older than a day and a half.
"""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import EXACT
from merkle_por.history import AssetReading, History, Point, Reading, Value
from merkle_por.reserves.holding import TIME_FORMAT

DAY_SECONDS = 86_400
DAY_AT_MOST_SECONDS = 36 * 3_600


@dataclass(frozen=True)
class Change:
    """Of one asset (or of the whole value). last, day, snapshot: held now less held then, None
    where either is not known. last_time: of the reading that `last` compares with. last_known: the
    newest known figure, where the reading's own is not known."""

    last: Decimal | None = None
    last_time: str | None = None
    day: Decimal | None = None
    snapshot: Decimal | None = None
    last_known: Point | Value | None = None


def ago(moment: str, seconds: int) -> str:
    """The UTC time that many seconds before another."""
    return time.strftime(
        TIME_FORMAT, time.gmtime(timegm(time.strptime(moment, TIME_FORMAT)) - seconds)
    )


def changes(history: History, reading: Reading) -> dict[str, Change]:
    """Asset -> change, for each asset of a stored reading."""
    return {asset.asset: _change(history, reading, asset) for asset in reading.assets}


def value_change(history: History, reading: Reading) -> Change:
    """The change of the reading's whole value (prices move it too)."""
    last = history.last_value(reading.exchange, scope=reading.scope, before=reading.id)
    if reading.held_value is None:
        return Change(last_known=last)
    day = history.last_value(
        reading.exchange,
        scope=reading.scope,
        before=reading.id,
        until=ago(reading.time, DAY_SECONDS),
    )
    return Change(
        last=None if last is None else _less(reading.held_value, last.held),
        last_time=None if last is None else last.time,
        day=_less(reading.held_value, day.held) if _recent(day, reading) and day else None,
    )


def _change(history: History, reading: Reading, asset: AssetReading) -> Change:
    last = history.last_known(reading.exchange, asset.asset, scope=reading.scope, before=reading.id)
    if asset.held is None:
        return Change(last_known=last)
    day = history.last_known(
        reading.exchange,
        asset.asset,
        scope=reading.scope,
        before=reading.id,
        until=ago(reading.time, DAY_SECONDS),
    )
    return Change(
        last=None if last is None else _less(asset.held, last.held),
        last_time=None if last is None else last.time,
        day=_less(asset.held, day.held) if _recent(day, reading) and day else None,
        snapshot=_less(asset.held, asset.listed),
    )


def _recent(point: Point | Value | None, reading: Reading) -> bool:
    return point is not None and point.time >= ago(reading.time, DAY_AT_MOST_SECONDS)


def _less(now: Decimal, then: Decimal | None) -> Decimal | None:
    return None if then is None else EXACT.subtract(now, then)


def document(change: Change) -> Mapping[str, str | None]:
    """The change as JSON values."""
    from merkle_por.amounts import plain

    def text(value: Decimal | None) -> str | None:
        return None if value is None else plain(value)

    return {
        "since_last": text(change.last),
        "last_time": change.last_time,
        "since_day": text(change.day),
        "since_snapshot": text(change.snapshot),
        "last_known": text(change.last_known.held if change.last_known else None),
        "last_known_time": change.last_known.time if change.last_known else None,
    }
