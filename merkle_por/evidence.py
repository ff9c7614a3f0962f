"""The evidence document: what was run on which files with which facts, and what came out.

Written into every HTML report and every bundle, so that somebody else can run it again
(`merkle-por recheck`). Rules, in order:
1. Secrets (credentials, nonces, keys) are never written, not even as a hash.
2. Of the facts from outside only those that the exchange shows to everybody are written (PUBLIC);
   own ids, balances and records are named only, and handed in again for a recheck.
3. Files are named by their SHA-256. Their names and the own balances stand in it only where the
   user asked for them, or where the file is public anyway.
4. What is read back is hostile: every field is typed and bounded, and no text in it is ever used
   as a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from merkle_por.amounts import amount, plain
from merkle_por.clock import age_days, now
from merkle_por.documents import LIMITS, Document, Fields, Limits, Number, check_hex, parse_json
from merkle_por.errors import Malformed, UsageError
from merkle_por.pins import Pin
from merkle_por.prices import Prices
from merkle_por.recognise import by_id
from merkle_por.report.json_document import jsonable
from merkle_por.scheme import Fact, FactKind, Given
from merkle_por.verdict import Caution
from merkle_por.version import __version__

SCHEMA = "merkle-por/evidence/1"
COMMANDS = ("verify", "audit", "reserves", "solvency")
ROLES = ("file", "liabilities", "reserves", "prices", "map")
PUBLIC = frozenset(
    [
        "root",
        "totals",
        "total",
        "block_hash",
        "block",
        "header",
        "after",
        "until",
        "circuit_sha256",
        "vk_sha256",
        "branchout",
        "batch_size",
        "token_num",
        "levels_expected",
        "asset_counts",
        "max_account_index",
        "two_digit_assets",
        "tiers",
        "symbols",
        "prices",
        "index_range",
        "assets",
        "snapshot_date",
        "skip_snark",
        "unpinned",
        "signatures",
        "message",
        "leaf_mode",
        "single_leaf",
        "currency",
        "checked",
    ]
)
"""Facts that an exchange publishes for everybody, or that say how to read a file. None of them is
ever opened as a path by a scheme (verifying_keys may be, so it is not one of them)."""
OWN = frozenset({"expect"})
"""Facts about the user's own balances: written only with his balances."""
SOURCES = ("option", "prompt", "attestation")
FILES_MOST = 100
GIVEN_MOST = 100
NAME_CHARS = 300
TEXT_CHARS = 2000


@dataclass(frozen=True)
class Input:
    """One input of a run and what it was to it (one of ROLES)."""

    role: str
    document: Document


@dataclass(frozen=True)
class Ran:
    """What was run. given: facts from outside; origins: where each came from (option, prompt,
    attestation); pins: kept roots that were at hand; seen: where the user saw the root, in his
    words; options: what else shaped the result (violations, own_tokens, exchange, path, prices)."""

    command: str
    inputs: tuple[Input, ...]
    format: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    pins: tuple[Pin, ...] = ()
    seen: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FileRef:
    """A file by its content. name: None where it was left out; files: how many a folder has."""

    role: str
    name: str | None
    bytes: int
    sha256: str
    folder: bool = False


@dataclass(frozen=True)
class GivenRef:
    """A fact as it was written. kept: value | file | withheld."""

    name: str
    kept: str
    source: str
    value: Any = None
    files: tuple[FileRef, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """A document that was read back. `document` is all of it as JSON types."""

    version: str
    time: str
    command: str
    format: str | None
    with_balances: bool
    files: tuple[FileRef, ...]
    given: tuple[GivenRef, ...]
    pins: tuple[Pin, ...]
    seen: str | None
    options: Mapping[str, Any]
    result: Mapping[str, Any]
    document: Mapping[str, Any]


# -- writing ---------------------------------------------------------------------------------


def shown_result(result: Any, with_balances: bool) -> Any:
    """The result as it may be shown: without account, balances and file names unless asked for.

    Lists, ratios and ledgers without an own account hold nothing of the user's.
    """
    private = hasattr(result, "together") or any(
        getattr(proof, "account", None) is not None for proof in result.proofs
    )
    if with_balances or not private or not hasattr(result, "redacted"):
        return result
    return result.redacted()


def evidence_document(
    ran: Ran, result: Any, *, with_balances: bool = False, time: str | None = None
) -> dict[str, Any]:
    """The document `merkle-por/evidence/1`, JSON types only. result: of the run, not redacted."""
    shown = shown_result(result, with_balances)
    named = with_balances or shown is result
    time = time or now()
    path = bool(ran.options.get("path")) and named
    inner = {**shown.to_json(path=path, redact=not named), "time": time}
    for proof in (inner, *inner.get("proofs", ())):
        if isinstance(proof.get("snapshot"), dict):
            proof["snapshot"]["age_days"] = age_days(proof["snapshot"]["time"], time)
    facts = _facts(ran, result)
    pins = [pin for pin in ran.pins if _used(pin, result)]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "time": time,
        # verify hands ledgers, lists and ratio files on: the result says to which command.
        "command": inner["schema"].split("/")[1],
        "format": ran.format,
        "with_balances": with_balances,
        "files": [_file_document(file_ref(item, named=named)) for item in ran.inputs],
        "given": [
            _given_document(name, value, ran, facts.get(name), with_balances)
            for name, value in ran.given.items()
        ],
        "pins": [
            {"exchange": p.exchange, "snapshot": p.snapshot, "value": p.value, "seen": p.seen}
            for p in pins
        ],
        "seen": ran.seen,
        "options": jsonable(dict(ran.options)),
        "result": inner,
    }


def _used(pin: Pin, result: Any) -> bool:
    return pin.name == "root" and any(
        (pin.exchange, pin.snapshot) == (proof.exchange, proof.snapshot.id or "")
        for proof in result.proofs
        if hasattr(proof, "snapshot")
    )


def _facts(ran: Ran, result: Any) -> dict[str, Fact]:
    """The facts that the schemes of this run take."""
    ids = [ran.format, *(getattr(proof, "scheme", None) for proof in result.proofs)]
    files = getattr(result, "files", ())
    ids += [file.scheme for file in files if hasattr(file, "scheme")]
    return {name: fact for id in ids if id for name, fact in by_id(id).facts.items()}


def _given_document(
    name: str, value: Any, ran: Ran, fact: Fact | None, with_balances: bool
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": name,
        "kept": "withheld",
        "source": ran.origins.get(name, "option"),
        "value": None,
        "files": [],
    }
    kind = None if fact is None else fact.kind
    if kind is FactKind.SECRET:
        return document
    if kind in (FactKind.FILE, FactKind.FILES):
        folder = next((i.document.path for i in ran.inputs if i.document.path), None)
        facts = Given({name: value}, folder=folder.parent if folder else None).files(name)
        refs = [file_ref(Input("file", item), named=False) for item in facts]
        return {**document, "kept": "file", "files": [_file_document(ref) for ref in refs]}
    if name in PUBLIC or (name in OWN and with_balances):
        return {**document, "kept": "value", "value": _written(value)}
    return document


def _written(value: Any) -> Any:
    """A fact as JSON without floats: such a number as its text."""
    if isinstance(value, float | Number):
        return value.text if isinstance(value, Number) else repr(value)
    if isinstance(value, Mapping):
        return {str(key): _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return jsonable(value)


def file_ref(item: Input, *, named: bool) -> FileRef:
    """A file by its content; a folder by the hashes of all its files."""
    document = item.document
    name = document.name if named else None
    if document.is_folder:
        assert document.path is not None
        size, sha256 = folder_hash(document.path)
        return FileRef(item.role, name, size, sha256, folder=True)
    return FileRef(item.role, name, document.size, document.sha256)


def _file_document(ref: FileRef) -> dict[str, Any]:
    return {
        "role": ref.role,
        "name": ref.name,
        "bytes": ref.bytes,
        "sha256": ref.sha256,
        "folder": ref.folder,
    }


def folder_hash(folder: Path) -> tuple[int, str]:
    """Bytes in all files, and SHA-256 over one line "sha256  path" for each, sorted by path."""
    total = 0
    digest = hashlib.sha256()
    found = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(found, key=lambda path: path.relative_to(folder).as_posix()):
        document = Document.of(path)
        total += document.size
        name = path.relative_to(folder).as_posix()
        digest.update(f"{document.sha256}  {name}\n".encode("utf-8", "surrogateescape"))
    return total, digest.hexdigest()


# -- reading back ----------------------------------------------------------------------------


def read_evidence(data: bytes, limits: Limits = LIMITS) -> Evidence:
    """An evidence document from its JSON text. Raises Malformed."""
    value = parse_json(data, limits)
    top = Fields(value, "", limits)
    top.required("schema")
    schema = top.text("schema", NAME_CHARS)
    if schema != SCHEMA:
        raise Malformed("unknown-format", "not an evidence document that this version reads")
    names = "schema version time command format with_balances files given pins seen options result"
    top.only(*names.split()).required(*names.split())
    command = top.text("command", NAME_CHARS)
    if command not in COMMANDS:
        raise Malformed("bad-keys", "no such command", where="command")
    format_ = _optional(top, "format")
    if format_ is not None:
        _known_format(format_)
    files = top.array("files", high=FILES_MOST)
    given = top.array("given", high=GIVEN_MOST)
    pins = top.array("pins", high=FILES_MOST)
    result = top.object("result")
    if result.text("schema", NAME_CHARS) != f"merkle-por/{command}/1":
        raise Malformed("bad-keys", "the result is of another command", where="result.schema")
    evidence = Evidence(
        version=top.text("version", NAME_CHARS),
        time=top.text("time", NAME_CHARS),
        command=command,
        format=format_,
        with_balances=top.typed("with_balances", bool, "true or false"),
        files=tuple(_file_ref(row, f"files[{i}]") for i, row in enumerate(files)),
        given=tuple(_given_ref(row, f"given[{i}]") for i, row in enumerate(given)),
        pins=tuple(_pin(row, f"pins[{i}]") for i, row in enumerate(pins)),
        seen=_optional(top, "seen"),
        options=_options(top.object("options")),
        result=result.members,
        document=value,
    )
    if not evidence.files:
        raise Malformed("bad-keys", "no file is named", where="files")
    if len({ref.name for ref in evidence.given}) != len(evidence.given):
        raise Malformed("duplicate-key", "a fact stands twice", where="given")
    return evidence


def _optional(fields: Fields, key: str) -> str | None:
    return None if fields.get(key) is None else fields.text(key, TEXT_CHARS)


def _known_format(id: str) -> None:
    try:
        by_id(id)
    except UsageError:
        raise Malformed("unknown-format", "no such format", where="format") from None


def _file_ref(row: Any, where: str) -> FileRef:
    fields = Fields(row, where)
    fields.only("role", "name", "bytes", "sha256", "folder")
    role = fields.text("role", NAME_CHARS)
    if role not in ROLES:
        raise Malformed("bad-keys", "no such role", where=f"{where}.role")
    name = None if fields.get("name") is None else fields.text("name", NAME_CHARS)
    sha256 = check_hex(fields.text("sha256", 64), 64, f"{where}.sha256")
    folder = fields.typed("folder", bool, "true or false")
    return FileRef(role, name, fields.integer("bytes", 0), sha256, folder)


def _given_ref(row: Any, where: str) -> GivenRef:
    fields = Fields(row, where)
    fields.only("name", "kept", "source", "value", "files")
    name, kept = fields.text("name", NAME_CHARS), fields.text("kept", NAME_CHARS)
    if kept not in ("value", "file", "withheld"):
        raise Malformed("bad-keys", "a fact is kept in no such way", where=f"{where}.kept")
    if kept == "value" and name not in PUBLIC | OWN:
        # A scheme may open other facts as files of the reader.
        raise Malformed("bad-keys", "this fact is never written down", where=where)
    source = fields.text("source", NAME_CHARS)
    if source not in SOURCES:
        raise Malformed("bad-keys", "a fact comes from no such place", where=f"{where}.source")
    files = fields.array("files", high=FILES_MOST)
    refs = tuple(_file_ref(item, f"{where}.files[{i}]") for i, item in enumerate(files))
    if (kept == "file") is not bool(refs):
        raise Malformed("bad-keys", "a fact that is a file names it", where=where)
    value = fields.get("value")
    if (kept == "value") is not (value is not None) or value != _written(value):
        raise Malformed("wrong-type", "not a fact as it is written", where=f"{where}.value")
    return GivenRef(name, kept, source, value, refs)


def _pin(row: Any, where: str) -> Pin:
    fields = Fields(row, where)
    fields.only("exchange", "snapshot", "value", "seen")
    exchange, snapshot, value, seen = (
        fields.text(name, TEXT_CHARS) for name in ("exchange", "snapshot", "value", "seen")
    )
    return Pin(exchange, snapshot, "root", value, seen, "")


def prices_document(prices: Prices) -> dict[str, Any]:
    """Prices that were asked for, so that a recheck need not ask again."""
    return {
        "currency": prices.currency,
        "source": prices.source,
        "time": prices.time,
        "values": {asset: plain(value) for asset, value in prices.values.items()},
        "warnings": [{"class": w.id, "text": w.text} for w in prices.warnings],
    }


def read_prices(value: Any, where: str) -> Prices:
    """As `prices_document` wrote them. Raises Malformed."""
    fields = Fields(value, where)
    fields.only("currency", "source", "time", "values", "warnings")
    values = fields.object("values").members
    warnings = [
        Fields(row, f"{where}.warnings[{i}]").only("class", "text")
        for i, row in enumerate(fields.array("warnings", high=FILES_MOST))
    ]
    return Prices(
        {asset: amount(text, f"{where}.values") for asset, text in values.items()},
        fields.text("currency", NAME_CHARS),
        _optional(fields, "source"),
        _optional(fields, "time"),
        warnings=tuple(Caution(w.text("class", NAME_CHARS), w.text("text")) for w in warnings),
    )


def _options(fields: Fields) -> dict[str, Any]:
    fields.only("violations", "own_tokens", "exchange", "path", "prices")
    if "prices" in fields:
        read_prices(fields.get("prices"), "options.prices")
    options: dict[str, Any] = dict(fields.members)
    if "violations" in options:
        options["violations"] = fields.integer("violations", 1, 100_000)
    if "path" in options:
        fields.typed("path", bool, "true or false")
    if options.get("exchange") is not None:
        fields.text("exchange", NAME_CHARS)
    if options.get("own_tokens") is not None:
        tokens = fields.array("own_tokens", high=1000)
        if not all(isinstance(token, str) and len(token) <= NAME_CHARS for token in tokens):
            raise Malformed("wrong-type", "not a list of texts", where="options.own_tokens")
    return options


def differences(first: Any, second: Any, where: str = "", most: int = 20) -> list[str]:
    """The places (as in JSON: result.proofs[0].state) at which two documents differ, at most
    `most`."""
    return list(_take(_differences(first, second, where), most))


def _take(found: Iterable[str], most: int) -> Iterable[str]:
    for count, item in enumerate(found):
        if count == most:
            return
        yield item


def _differences(first: Any, second: Any, where: str) -> Iterable[str]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys((*first, *second)):
            place = f"{where}.{key}" if where else str(key)
            if key not in first or key not in second:
                yield place
            else:
                yield from _differences(first[key], second[key], place)
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            yield where
            return
        for index, pair in enumerate(zip(first, second, strict=True)):
            yield from _differences(*pair, f"{where}[{index}]")
    elif type(first) is not type(second) or first != second:
        yield where
