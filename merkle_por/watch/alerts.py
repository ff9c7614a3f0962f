"""Bounds that the user set, and how he is told: by exit status, or by a webhook that he named.

A bound is broken only by a figure that is known; a figure that is not known makes the reading
incomplete, which has its own exit status. Ratios are compared exactly, not as they are shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from merkle_por.amounts import grouped, plain
from merkle_por.errors import UsageError
from merkle_por.history import Reading
from merkle_por.reserves.chains.http import Endpoint, endpoint

_BOUND = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,30})?)\s?(%?)")
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0


@dataclass(frozen=True)
class Bounds:
    """ratios: asset -> least ratio of held to owed. totals: exchange (None: each) -> least value of
    all that is held, in the readings' currency."""

    ratios: Mapping[str, Fraction]
    totals: Mapping[str | None, Decimal]


@dataclass(frozen=True)
class Alert:
    """A bound that is broken. what: the asset, or "total"."""

    exchange: str
    what: str
    value: str
    bound: str
    text: str


def bounds(below: Iterable[str], totals: Iterable[str]) -> Bounds:
    """ASSET=RATIO (1.05 or 105%), AMOUNT or EXCHANGE=AMOUNT. Raises UsageError."""
    ratios: dict[str, Fraction] = {}
    for pair in below:
        asset, equals, text = pair.rpartition("=")
        match = _BOUND.fullmatch(text)
        if not equals or not asset or match is None or asset in ratios:
            raise UsageError(f'--alert-below "{pair[:40]}": write ASSET=RATIO, like BTC=1.02')
        ratios[asset] = Fraction(match[1]) / (100 if match[2] else 1)
    least: dict[str | None, Decimal] = {}
    for pair in totals:
        exchange, _, text = pair.rpartition("=")
        match = _BOUND.fullmatch(text.replace(",", ""))
        name = exchange.lower() or None
        if match is None or match[2] or name in least:
            raise UsageError(f'--alert-total "{pair[:40]}": write AMOUNT or EXCHANGE=AMOUNT')
        least[name] = Decimal(match[1])
    return Bounds(ratios, least)


def broken(reading: Reading, limits: Bounds) -> tuple[Alert, ...]:
    """The bounds that a reading breaks. Raises UsageError for a bound on what is not watched."""
    found = []
    for asset, least in limits.ratios.items():
        seen = reading.asset(asset)
        if seen is None or not seen.owed:
            continue
        if seen.held is not None and Fraction(seen.held) < least * Fraction(seen.owed):
            covered, bound = _percent(Fraction(seen.held) / Fraction(seen.owed)), _percent(least)
            text = f"{asset} is covered {covered} %, the bound is {bound} %"
            found.append(Alert(reading.exchange, asset, seen.ratio or "0", f"{bound} %", text))
    total = limits.totals.get(reading.exchange, limits.totals.get(None))
    if total is not None and reading.held_value is not None and reading.held_value < total:
        value, bound = plain(reading.held_value), plain(total)
        text = f"the total is {grouped(reading.held_value)} {reading.currency}, "
        text += f"the bound is {grouped(total)}"
        found.append(Alert(reading.exchange, "total", value, bound, text))
    return tuple(found)


def check_bounds(readings: Sequence[Reading], limits: Bounds) -> None:
    """Refuses bounds that no reading could ever break. Raises UsageError."""
    for asset in limits.ratios:
        if not any(r.asset(asset) is not None for r in readings):
            raise UsageError(f"--alert-below: no exchange that is watched has {asset[:40]}")
        if not any((seen := r.asset(asset)) is not None and seen.owed for r in readings):
            hint = "name what is owed: --liabilities FILE"
            raise UsageError(f"--alert-below: {asset[:40]} has no ratio", hint)
    names = {reading.exchange for reading in readings}
    for name in limits.totals:
        if name is not None and name not in names:
            raise UsageError(f"--alert-total: {name[:40]} is not watched")


def _percent(ratio: Fraction) -> str:
    """Per cent with two decimals, cut."""
    scaled = int(ratio * 10_000)
    return f"{scaled // 100}.{scaled % 100:02d}"


class Webhook:
    """The URL that alerts are posted to (`#header=NAME: ${VARIABLE}` may follow it)."""

    def __init__(self, url: str) -> None:
        node: Endpoint = endpoint(url)
        if not node.base.startswith("https:") and not node.own:
            raise UsageError("a webhook is reached over https, or on this computer")
        if not node.base.startswith(("http:", "https:")):
            raise UsageError("a webhook's address is a URL that begins with http")
        self.node = node

    def send(self, message: Mapping[str, Any]) -> str | None:
        """Posts one JSON document. Answers None, or why it did not arrive."""
        import requests

        url = self.node.base + (f"?{self.node.query}" if self.node.query else "")
        headers = {"Content-Type": "application/json", **dict(self.node.headers)}
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.auth = self.node.auth
                with session.post(
                    url,
                    data=json.dumps(message).encode(),
                    headers=headers,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,  # what it answers is of no interest, but for the status
                ) as answer:
                    if 200 <= answer.status_code < 300:
                        return None
                    return f"{self.node.source} answers with status {answer.status_code}"
        except (requests.RequestException, OSError, ValueError):
            # The library's own words may hold the URL, and with it a key.
            return f"{self.node.source} can't be reached"
