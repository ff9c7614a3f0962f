"""The present time in the one form that all documents use, and how long ago a time was."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

FORM = "%Y-%m-%dT%H:%M:%SZ"
_HOURS_SHOWN_UP_TO = timedelta(days=2)


def now() -> str:
    """The present time, UTC, RFC 3339: "2026-11-22T20:30:00Z"."""
    return time.strftime(FORM, time.gmtime())


def age(then: str, at: str | None = None) -> timedelta | None:
    """Time from `then` to `at` (RFC 3339 UTC, default: now); None where one can't be read."""
    try:
        return _moment(at or now()) - _moment(then)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    """Raises ValueError. (strptime would import three more modules for each proof.)"""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.strftime(FORM) != text:
        raise ValueError("another form than ours")
    return moment


def age_days(then: str | None, at: str | None = None) -> int | None:
    """Whole days from `then` to `at`; None where unknown, negative for a time to come."""
    found = None if then is None else age(then, at)
    return None if found is None else found.days


def ago(then: str, at: str | None = None) -> str:
    """How long ago, in words: "523 days ago"; "" where it can't be read."""
    found = age(then, at)
    if found is None:
        return ""
    if found < timedelta(0):
        return "a time still to come"
    if found < _HOURS_SHOWN_UP_TO:
        minutes = int(found.total_seconds()) // 60
        if minutes < 1:
            return "just now"
        if minutes < 60:
            return f"{minutes} minute{'' if minutes == 1 else 's'} ago"
        hours = minutes // 60
        return f"{hours} hour{'' if hours == 1 else 's'} ago"
    return f"{found.days:,} days ago"


def minute(then: str) -> str:
    """2025-04-30T16:00:00Z as 2025-04-30 16:00 UTC; any other text as it is."""
    if age(then, then) is None:
        return then
    return f"{then[:10]} {then[11:16]} UTC"
