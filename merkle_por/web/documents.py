"""Documents of the API that hold nothing private: formats, schemas, OpenAPI; each with an ETag."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from merkle_por.version import __version__

SCHEMAS = Path(__file__).parent.parent / "schemas"


def tagged(
    request: Request, document: Any, *, media_type: str = "application/json", data: bytes = b""
) -> Response:
    """A document with its ETag; 304 where the asker has it already (RFC 9110, 13.1.2)."""
    body = data or orjson.dumps(document, option=orjson.OPT_INDENT_2)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    asked = request.headers.get("if-none-match", "").split(",")
    known = {part.strip().removeprefix("W/") for part in asked}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@cache
def formats(name: str | None = None) -> dict[str, Any]:
    """`merkle-por/formats/1`. Raises UsageError for an unknown name."""
    from merkle_por.report.formats_text import formats_document

    return formats_document(name)


@cache
def schema(name: str) -> Any:
    """A published JSON Schema by its name ("verify-1"), None where there is none."""
    known = {path.stem: path for path in SCHEMAS.glob("*.json")}
    return json.loads(known[name].read_text("utf-8")) if name in known else None


@cache
def limits() -> list[tuple[str, list[str]]]:
    """What formats say they can't show: each sentence once, with the formats it holds for."""
    from merkle_por.exchanges import schemes

    found: dict[str, list[str]] = {}
    for scheme in schemes():
        for sentence in scheme.assurance.cannot:
            found.setdefault(sentence, []).append(scheme.id)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


@cache
def exchanges_to_start() -> list[tuple[str, str]]:
    """(id, name) of the exchanges whose customers' first steps are known, by name."""
    from merkle_por.start import known_exchanges

    return sorted(known_exchanges(), key=lambda item: item[1].lower())


def start_at(name: str) -> dict[str, Any] | None:
    """`merkle-por/start/1` of one exchange, None where nothing is known of it."""
    from merkle_por.errors import UsageError
    from merkle_por.start import start

    try:
        return start(name[:100]).to_json()
    except UsageError:
        return None


def _refusals(*statuses: str) -> dict[str, Any]:
    words = {
        "400": "What was given can't be meant.",
        "403": "The request is not from here, or lacks its header.",
        "404": "There is no such thing.",
        "411": "The length was not stated.",
        "413": "Too big, or too many files.",
        "500": "A fault of this program, not of the file.",
        "503": "Too much is waiting.",
        "504": "It took too long and was stopped.",
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": words[status], "content": content} for status in statuses}


def _answers(text: str, schema: dict[str, Any], *refusals: str) -> dict[str, Any]:
    return {
        "200": {"description": text, "content": {"application/json": {"schema": schema}}},
        **_refusals(*refusals),
    }


def _parameter(name: str, text: str, *, where: str = "query", **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": text,
        "schema": schema or {"type": "string"},
    }


_FLAG: dict[str, Any] = {"type": "string", "enum": ["0", "1"]}
_ANY: dict[str, Any] = {"type": "object"}


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of this API."""
    upload = {
        "type": "object",
        "properties": {
            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            "text": {"type": "string", "description": "a proof as text, in place of a file"},
            "root": {"type": "string", "description": "the root that the exchange published"},
            "expect": {"type": "string", "description": "own balances: BTC=1.5 USDT=200"},
            "format": {"type": "string", "description": "format id; absent: recognised"},
            "attestation": {"type": "string", "format": "binary"},
            "fact_name_1": {"type": "string", "description": "another fact's name (1 to 4)"},
            "fact_value_1": {"type": "string"},
            "fact_file_1": {"type": "string", "format": "binary"},
        },
    }
    exchange = _parameter("id", "the exchange's id in the history", where="path")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "merkle-por",
            "version": __version__,
            "description": "Proofs of reserves, judged on this computer. Uploads are judged in "
            "memory and forgotten.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/api/verify": {
                "post": {
                    "operationId": "verify",
                    "summary": "Judge one or several files together, as merkle-por verify --json",
                    "parameters": [
                        _parameter("path", "1: with every node of the path", **_FLAG),
                        _parameter("redact", "1: without account, balances, names", **_FLAG),
                        {
                            "name": "X-Merkle-Por",
                            "in": "header",
                            "required": True,
                            "description": "any value; foreign web pages can't send it",
                            "schema": {"type": "string"},
                        },
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {"multipart/form-data": {"schema": upload}},
                    },
                    "responses": _answers(
                        "The verdict, whatever it is (see `state`)",
                        {
                            "anyOf": [
                                {"$ref": f"/api/schemas/{path.stem}"}
                                for path in sorted(SCHEMAS.glob("*.json"))
                                if path.stem.split("-")[0]
                                in ("verify", "audit", "reserves", "solvency")
                            ]
                        },
                        "400",
                        "403",
                        "411",
                        "413",
                        "500",
                        "503",
                        "504",
                    ),
                }
            },
            "/api/formats": {
                "get": {
                    "operationId": "formats",
                    "summary": "All formats, as merkle-por formats --json",
                    "responses": _answers("merkle-por/formats/1", _ANY),
                }
            },
            "/api/formats/{name}": {
                "get": {
                    "operationId": "format",
                    "summary": "One format, or all of one exchange",
                    "parameters": [_parameter("name", "format id or exchange", where="path")],
                    "responses": _answers("merkle-por/formats/1", _ANY, "404"),
                }
            },
            "/api/schemas/{name}": {
                "get": {
                    "operationId": "schema",
                    "summary": "A JSON Schema of the documents, like verify-1",
                    "parameters": [_parameter("name", "schema name", where="path")],
                    "responses": _answers("JSON Schema", _ANY, "404"),
                }
            },
            "/api/exchanges": {
                "get": {
                    "operationId": "exchanges",
                    "summary": "Every exchange that was watched, with its latest reading",
                    "responses": _answers("merkle-por/exchanges/1", _ANY),
                }
            },
            "/api/exchanges/{id}": {
                "get": {
                    "operationId": "exchange",
                    "summary": "The latest reading of one exchange",
                    "parameters": [exchange],
                    "responses": _answers("merkle-por/exchange/1", _ANY, "404"),
                }
            },
            "/api/exchanges/{id}/history": {
                "get": {
                    "operationId": "history",
                    "summary": "Readings over time, of the whole or of one asset",
                    "parameters": [
                        exchange,
                        _parameter("asset", "one asset; absent: the whole value"),
                        _parameter("since", "UTC time, RFC 3339"),
                    ],
                    "responses": _answers("merkle-por/history/1", _ANY, "404"),
                }
            },
            "/api/exchanges/{id}/wallets": {
                "get": {
                    "operationId": "wallets",
                    "summary": "Wallets of the latest reading, one page of them",
                    "parameters": [
                        exchange,
                        _parameter("q", "part of the address, coin or chain"),
                        _parameter("asset", "one asset"),
                        _parameter("sort", "column"),
                        _parameter("order", "asc or desc"),
                        _parameter("page", "from 1", type="integer", minimum=1),
                    ],
                    "responses": _answers("merkle-por/wallets/1", _ANY, "400", "404"),
                }
            },
        },
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["schema", "class", "text", "hints"],
                    "properties": {
                        "schema": {"const": "merkle-por/error/1"},
                        "class": {"type": "string"},
                        "text": {"type": "string"},
                        "hints": {"type": "array", "items": {"type": "string"}},
                    },
                }
            }
        },
    }
