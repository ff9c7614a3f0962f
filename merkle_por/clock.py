"""The present time in the one form that all documents use."""

from __future__ import annotations

import time


def now() -> str:
    """The present time, UTC, RFC 3339: "2026-11-22T20:30:00Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
