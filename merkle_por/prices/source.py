"""What all price services share: how one is named, its key, its answers' numbers and times.

A service is asked only when the user names it, by its usual address or by one that he gives
(`coingecko=http://127.0.0.1:8080`). Keys come from the environment only; they go out in a header,
over https or to this computer, and stand in no message (`Http` cleans what servers say).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from merkle_por.errors import Finding, Incomplete, UsageError
from merkle_por.prices.table import Quote
from merkle_por.reserves.chains.http import Endpoint, Http, endpoint
from merkle_por.reserves.chains.interface import utc
from merkle_por.reserves.lists.cmc_assets import number

IDS_AT_ONCE = 100
"""Ids in one question: keeps URLs below 8,000 characters."""
ANSWER_BYTES = 16 * 1024 * 1024
READ_SECONDS = 20.0
ATTEMPTS = 3


class Source(Protocol):
    """One price service. name: as the user writes it."""

    @property
    def name(self) -> str: ...

    def quotes(self, ids: Sequence[str], at: int | None) -> dict[str, Quote]:
        """Prices in USD by id, at a Unix time (None: now); an id without a price is left out.

        Raises Incomplete, and nothing else, for whatever the service does.
        """


def connect(url: str, key: str | None, header: str, **options: Any) -> Http:
    """The door to a service. key: None where there is none. Raises UsageError."""
    node: Endpoint = endpoint(url)
    if node.base.startswith(("tcp:", "ssl:")):
        raise UsageError("a price service is asked over http or https")
    if key is not None:
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"the key for {node.source} in the environment is not a key")
        if not node.base.startswith("https:") and not node.own:
            raise UsageError(f"{node.source}: a key is not sent over plain http")
        node = replace(node, headers=(*node.headers, (header, key)), secrets=(*node.secrets, key))
    settings: dict[str, Any] = {
        "attempts": ATTEMPTS,
        "read_seconds": READ_SECONDS,
        "answer_bytes": ANSWER_BYTES,
        **options,
    }
    return Http(node, **settings)


def members(http: Http, value: object, what: str) -> Mapping[str, Any]:
    """A JSON object of an answer. Raises Incomplete node-answer."""
    if not isinstance(value, Mapping):
        raise http.nonsense(f"something else than {what}")
    return value


def price(http: Http, value: object, what: str) -> Decimal:
    """A JSON number that is a price. Raises Incomplete node-answer."""
    try:
        found = number(value, what)
    except Finding:
        raise http.nonsense(f"something else than a price of {what}") from None
    if found.is_signed():
        raise http.nonsense(f"a price below zero of {what}")
    return found


def seconds(http: Http, value: object, what: str) -> str | None:
    """A Unix time of an answer as UTC text, None where it has none. Raises Incomplete."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or utc(value) is None:
        raise http.nonsense(f"a price of {what} without a proper time")
    return utc(value)


def portions(ids: Sequence[str]) -> list[Sequence[str]]:
    """The ids in portions of one question each."""
    return [ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]


__all__ = ["Http", "Incomplete", "Source", "connect", "members", "portions", "price", "seconds"]
