"""The exchange pages and their API: thin over `exchange_data`, which reads the history.

Endpoints are plain functions, so Starlette runs them in threads: a slow disk never holds up the
uploads.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from merkle_por.amounts import plain
from merkle_por.errors import UsageError
from merkle_por.history import PAGE_ROWS, History, Reading, Wallet, default_path
from merkle_por.web import documents, view
from merkle_por.web import exchange_data as data

Endpoint = Callable[[Request], Response]
CSV_COLUMNS = (
    "address", "chain", "asset", "coin", "kind", "listed", "held", "height", "level", "ownership",
    "time", "reason",
)  # fmt: skip
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def routes() -> dict[str, Any]:
    """Path -> endpoint of all GET routes here."""
    return {
        "/exchanges": exchanges_page,
        "/exchanges/{id}": exchange_page,
        "/exchanges/{id}/wallets.csv": wallets_csv,
        "/compare": compare_page,
        "/api/exchanges": api_exchanges,
        "/api/exchanges/{id}": api_exchange,
        "/api/exchanges/{id}/history": api_history,
        "/api/exchanges/{id}/wallets": api_wallets,
    }


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    response: Response = request.app.state.site.page(
        request, template, status, **{"here": "/exchanges", **values}
    )
    return response


def _settings(request: Request) -> Any:
    return request.app.state.site.settings


def _message(request: Request, status: int, title: str, *texts: str) -> Response:
    return _page(request, "message.html", status, title=title, texts=texts)


def _not_watched(request: Request) -> Response:
    hint = "Watch it first: merkle-por watch LIST"
    return _message(request, 404, "This exchange was not watched", hint)


# -- pages -----------------------------------------------------------------------------------


def exchanges_page(request: Request) -> Response:
    def look(history: History) -> list[data.ExchangeView]:
        views = (data.exchange_view(history, found.exchange) for found in history.exchanges())
        return [found for found in views if found is not None]

    try:
        views = data.read(_settings(request), look)
    except UsageError as error:
        return _message(request, 500, "The history can't be read", error.text, *error.hints)
    path = _settings(request).history or default_path()
    return _page(request, "exchanges.html", title="Exchanges", views=views or [], path=str(path))


def exchange_page(request: Request) -> Response:
    id = request.path_params["id"]
    asset = request.query_params.get("history") or None

    def look(history: History) -> dict[str, Any] | None:
        found = data.exchange_view(history, id)
        if found is None:
            return None
        query = data.WalletQuery.of(request.query_params)
        return {
            "view": found,
            "charts": [view.markup(c) for c in data.charts(history, found.reading, asset)],
            "wallets": data.wallets_view(history, found.reading, query),
            "query": query,
        }

    try:
        values = data.read(_settings(request), look)
    except UsageError as error:
        return _message(request, 400, "This can't be shown", error.text, *error.hints)
    if values is None:
        return _not_watched(request)
    names = {"asset": [a.asset for a in values["view"].reading.assets]}
    return _page(
        request,
        "exchange.html",
        title=values["view"].name,
        columns=data.COLUMNS,
        levels=data.LEVEL_WORDS,
        ownerships=data.OWNERSHIP_WORDS,
        asset_names=names["asset"],
        drawn=asset or "",
        **values,
    )


def compare_page(request: Request) -> Response:
    ids = [id for id in request.query_params.get("ids", "").split(",") if id]
    ids += request.query_params.getlist("id")

    def look(history: History) -> tuple[data.Comparison, list[str]]:
        return data.comparison(history, ids), [w.exchange for w in history.exchanges()]

    try:
        found = data.read(_settings(request), look)
    except UsageError as error:
        return _message(request, 400, "This can't be shown", error.text, *error.hints)
    if found is None:
        return _not_watched(request)
    comparison, known = found
    return _page(
        request,
        "compare.html",
        title="Exchanges side by side",
        comparison=comparison,
        known=known,
        chosen=[v.id for v in comparison.views],
        most=data.COMPARED,
        dropped=max(0, len(dict.fromkeys(ids)) - data.COMPARED),
    )


# -- CSV -------------------------------------------------------------------------------------


def cell(text: str) -> str:
    """A text from a list as a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_row(wallet: Wallet) -> list[str]:
    texts = [
        wallet.address, wallet.chain or "", wallet.asset, wallet.coin, wallet.kind,
    ]  # fmt: skip
    figures = ["" if value is None else plain(value) for value in (wallet.listed, wallet.held)]
    height = "" if wallet.height is None else str(wallet.height)
    rest = [wallet.level, wallet.ownership, wallet.time, wallet.reason or ""]
    return [*(cell(text) for text in texts), *figures, height, *(cell(text) for text in rest)]


def wallets_csv(request: Request) -> Response:
    """All wallets that match, page by page, so that memory doesn't grow with the list."""
    id = request.path_params["id"]
    settings = _settings(request)
    try:
        query = data.WalletQuery.of(request.query_params)
        found = data.read(settings, lambda history: history.latest(id))
        if found is not None:
            data.read(settings, lambda h: data.page_of_wallets(h, id, query, 0))
    except UsageError as error:
        return _message(request, 400, "This can't be shown", error.text, *error.hints)
    if found is None:
        return _not_watched(request)
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in id)[:60]
    headers = {"Content-Disposition": f'attachment; filename="{name}-wallets.csv"'}
    return StreamingResponse(
        _csv_text(settings, id, query), media_type="text/csv; charset=utf-8", headers=headers
    )


def _csv_text(settings: Any, id: str, query: data.WalletQuery) -> Iterator[str]:
    from dataclasses import replace

    yield _csv_line(CSV_COLUMNS)
    page = 1
    while True:
        asked = replace(query, page=page)

        def look(
            history: History, asked: data.WalletQuery = asked
        ) -> tuple[int, tuple[Wallet, ...]]:
            return data.page_of_wallets(history, id, asked, PAGE_ROWS)

        found = data.read(settings, look)
        rows = found[1] if found is not None else ()
        yield "".join(_csv_line(_csv_row(row)) for row in rows)
        if len(rows) < PAGE_ROWS:
            return
        page += 1


def _csv_line(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


# -- API -------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    return None if value is None else plain(value)


def _error(status: int, word: str, text: str, *hints: str) -> Response:
    document = {"schema": "merkle-por/error/1", "class": word, "text": text, "hints": list(hints)}
    return JSONResponse(document, status)


def _reading_document(reading: Reading) -> dict[str, Any]:
    return {
        "exchange": reading.exchange,
        "name": reading.name,
        "time": reading.time,
        "state": reading.state,
        "scope": reading.scope,
        "snapshot_time": reading.snapshot_time,
        "currency": reading.currency,
        "held_value": _text(reading.held_value),
        "owed_value": _text(reading.owed_value),
        "verified_value": _text(reading.verified_value),
        "own_token_value": _text(reading.own_token_value),
        "prices": {"source": reading.prices_source, "time": reading.prices_time},
        "wallets": reading.wallets,
        "sources": dict(reading.sources),
        "warnings": [{"class": id, "text": text} for id, text in reading.warnings],
        "alerts": list(reading.alerts),
        "assets": [
            {
                "asset": a.asset,
                "state": a.state,
                "held": _text(a.held),
                "owed": _text(a.owed),
                "listed": _text(a.listed),
                "verified": _text(a.verified),
                "known": _text(a.known),
                "price": _text(a.price),
                "ratio": a.ratio,
                "rows": a.rows,
                "unknown_rows": a.unknown_rows,
                "levels": dict(a.levels),
                "ownership": dict(a.ownership),
                "kinds": {kind: plain(value) for kind, value in a.kinds.items()},
                "heights": dict(a.heights),
                "sources": list(a.sources),
                "reason": a.reason,
                "text": a.text,
            }
            for a in reading.assets
        ],
    }


def _answer(request: Request, look: Callable[[History], dict[str, Any] | None]) -> Response:
    try:
        document = data.read(_settings(request), look)
    except UsageError as error:
        return _error(400, "usage", error.text, *error.hints)
    if document is None:
        return _error(404, "not-found", "this exchange was not watched", "merkle-por watch LIST")
    return documents.tagged(request, document)


def api_exchanges(request: Request) -> Response:
    def look(history: History) -> dict[str, Any]:
        latest = (history.latest(found.exchange) for found in history.exchanges())
        return {
            "schema": "merkle-por/exchanges/1",
            "exchanges": [_reading_document(reading) for reading in latest if reading is not None],
        }

    try:
        document = data.read(_settings(request), look)
    except UsageError as error:
        return _error(500, "history", error.text, *error.hints)
    empty = {"schema": "merkle-por/exchanges/1", "exchanges": []}
    return documents.tagged(request, empty if document is None else document)


def api_exchange(request: Request) -> Response:
    def look(history: History) -> dict[str, Any] | None:
        reading = history.latest(request.path_params["id"])
        if reading is None:
            return None
        return {"schema": "merkle-por/exchange/1", **_reading_document(reading)}

    return _answer(request, look)


def api_history(request: Request) -> Response:
    asset, since = (request.query_params.get(name) for name in ("asset", "since"))

    def look(history: History) -> dict[str, Any] | None:
        id = request.path_params["id"]
        reading = history.latest(id)
        if reading is None:
            return None
        points: list[dict[str, Any]]
        if asset is None:
            points = [
                {"time": v.time, "scope": v.scope, "currency": v.currency,
                 "held": _text(v.held), "owed": _text(v.owed)}
                for v in history.values(id, since=since)
            ]  # fmt: skip
        else:
            points = [
                {"time": p.time, "scope": p.scope, "held": _text(p.held), "owed": _text(p.owed),
                 "price": _text(p.price), "ratio": p.ratio, "state": p.state}
                for p in history.series(id, asset, since=since)
            ]  # fmt: skip
        return {
            "schema": "merkle-por/history/1",
            "exchange": id,
            "asset": asset,
            "points": points,
        }

    return _answer(request, look)


def api_wallets(request: Request) -> Response:
    def look(history: History) -> dict[str, Any] | None:
        id = request.path_params["id"]
        reading = history.latest(id)
        if reading is None:
            return None
        query = data.WalletQuery.of(request.query_params)
        found, rows = data.page_of_wallets(history, id, query)
        return {
            "schema": "merkle-por/wallets/1",
            "exchange": id,
            "time": reading.time,
            "all": reading.wallets,
            "found": found,
            "page": query.page,
            "wallets": [
                {
                    "address": w.address, "chain": w.chain, "asset": w.asset, "coin": w.coin,
                    "kind": w.kind, "listed": _text(w.listed), "held": _text(w.held),
                    "height": w.height, "level": w.level, "ownership": w.ownership,
                    "source": w.source, "time": w.time, "reason": w.reason, "text": w.text,
                }
                for w in rows
            ],
        }  # fmt: skip

    return _answer(request, look)
