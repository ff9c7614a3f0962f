"""The document `merkle-por/watch/1`: one round over all exchanges (schemas/watch-1.json).

A watch that goes on prints one such document a line for each round.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from merkle_por.amounts import plain
from merkle_por.history import AssetReading
from merkle_por.report.json_document import envelope, figures
from merkle_por.report.reserves_json import ratio_text
from merkle_por.report.watch_text import sentence, total_ratio
from merkle_por.watch.changes import Change, document
from merkle_por.watch.loop import Outcome, Round


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def watch_document(result: Round) -> dict[str, Any]:
    """The whole document of one round."""
    return {
        **envelope("watch", result.state, sentence(result)),
        "next": result.next,
        "exchanges": [_exchange(outcome) for outcome in result.outcomes],
    }


def _exchange(outcome: Outcome) -> dict[str, Any]:
    reading = outcome.reading
    error = outcome.error
    head: dict[str, Any] = {
        "name": outcome.name,
        "state": outcome.state.value,
        "error": None
        if error is None
        else {"class": getattr(error, "reason", "usage"), "text": error.text},
        "failed": list(outcome.failed),
        "alerts": [
            {"what": a.what, "value": a.value, "bound": a.bound, "text": a.text}
            for a in outcome.alerts
        ],
        "undelivered": outcome.said,
    }
    if reading is None:
        return {**head, "exchange": None, "reading": None}
    ratio: Fraction | None = total_ratio(reading)
    return {
        **head,
        "exchange": reading.exchange,
        "reading": {
            "id": reading.id,
            "time": reading.time,
            "scope": reading.scope,
            "snapshot_time": reading.snapshot_time,
            "wallets": reading.wallets,
            "sources": dict(reading.sources),
            "warnings": [{"class": id, "text": text} for id, text in reading.warnings],
            "assets": [_asset(a, outcome.changes[a.asset]) for a in reading.assets],
            "total": {
                "currency": reading.currency,
                "held": _text(reading.held_value),
                "owed": _text(reading.owed_value),
                "verified": _text(reading.verified_value),
                "own_tokens": _text(reading.own_token_value),
                "ratio": ratio_text(ratio),
                "change": dict(document(outcome.value)),
                "prices": {"source": reading.prices_source, "time": reading.prices_time},
            },
        },
    }


def _asset(asset: AssetReading, change: Change) -> dict[str, Any]:
    return {
        "asset": asset.asset,
        "state": asset.state,
        "held": _text(asset.held),
        "known": _text(asset.known),
        "owed": _text(asset.owed),
        "listed": _text(asset.listed),
        "verified": _text(asset.verified),
        "price": _text(asset.price),
        "ratio": asset.ratio,
        "rows": asset.rows,
        "unknown_rows": asset.unknown_rows,
        "reason": asset.reason,
        "text": asset.text,
        "levels": dict(asset.levels),
        "ownership": dict(asset.ownership),
        "kinds": figures(asset.kinds),
        "heights": dict(asset.heights),
        "sources": list(asset.sources),
        "change": dict(document(change)),
    }
