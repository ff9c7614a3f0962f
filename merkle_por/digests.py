"""Fingerprints of a path, by which users find contradictions without showing each other amounts.

`digest` writes a small document about one checked proof, `compare` looks for contradictions
among several (the same as `crosscheck` does with the files themselves): one node with two
balances, one leaf for two users, two roots for one audit.

How a fingerprint is made. K = HMAC-SHA-256 over scheme, root and a word that those who compare
have agreed on (it may be empty). A node's fingerprint is HMAC(K, its hash); that of its balances
HMAC(K, its hash and its balances). So the balances are guarded by the hash of their own node: an
amount alone would be guessed in no time, but the hash has the entropy of a nonce below it and is
known only to the exchange and to those on whose path the node lies.

What a digest shows to
- anybody: exchange, audit, root, the length of the path, and whether the root was confirmed;
- the holder of another digest with the same word: from which level up the two paths are one;
- one who knows a node's hash, that is the exchange and everyone with that node on his own path:
  whether a guess at its balances is right, at any number of guesses. A neighbour whose file
  shows him your leaf can so test amounts for it, though an honest file shows it to him anyway.
  Inner nodes give him sums over many users.
Without the word, digests of one group can't be linked with those of another, unless the word is
guessed, which costs nothing but the guesses: it is no password, and no secret hangs on it alone.
Hashes of 64 or 128 bits (Bitget, MEXC) guard as well as so many bits do.

What a contradiction among digests proves: nothing to others, since anybody can write a digest.
It tells its holders that it is worth showing each other the files, which do prove it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import stripped
from merkle_por.crosscheck import (
    TEXT_COLUMNS,
    Conflict,
    Sighting,
    conflict_checks,
    contradictions,
    differing_roots,
    sightings_of,
)
from merkle_por.documents import LIMITS, Document, Fields, Limits
from merkle_por.errors import Malformed, UsageError
from merkle_por.verdict import (
    About,
    Check,
    CheckStatus,
    FileInfo,
    Inclusion,
    Problem,
    Root,
    Snapshot,
    State,
    Verdict,
)
from merkle_por.version import __version__

if TYPE_CHECKING:
    from merkle_por.report.text import Page

SCHEMA = "merkle-por/digest/1"
_DIGITS = 64  # of a fingerprint
_WORD_CHARS = 1_000
_TEXT_CHARS = 1_000
_NODE_KEYS = ("level", "role", "node", "sums", "user")
_ROLES = ("leaf", "sibling", "rebuilt", "root")
_KEYS = ("schema", "version", "scheme", "exchange", "audit", "root", "confirmed", "check", "nodes")


def digest(verdict: Verdict, salt: str = "") -> dict[str, Any]:
    """The document of one proof's fingerprints, JSON types only (schema merkle-por/digest/1).

    verdict: of a file whose path leads to its root. salt: the word agreed on, any text up to 1000
    characters; compared digests must have the same. Raises UsageError for a file that failed,
    for a scheme without paths, and for a longer word.
    """
    if len(salt) > _WORD_CHARS:
        raise UsageError(f"the agreed word is longer than {_WORD_CHARS} characters")
    if verdict.inclusion is not Inclusion.HOLDS or verdict.root is None or verdict.errors:
        raise UsageError("only a file whose path holds has a digest", "see: merkle-por verify FILE")
    if not verdict.nodes:
        raise UsageError(f"{verdict.scheme} shows no path whose nodes could be compared")
    key = _key(str(verdict.scheme), verdict.root.value, salt)
    rows = [_row(sighting, key, verdict) for sighting in sightings_of(verdict, 0)]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "scheme": verdict.scheme,
        "exchange": verdict.exchange,
        "audit": verdict.snapshot.id,
        "root": verdict.root.value,
        "confirmed": verdict.root.confirmed,
        "check": _mark(key, "check"),
        "nodes": rows,
    }


def _key(scheme: str, root: str, salt: str) -> bytes:
    text = json.dumps([scheme, root, salt])
    return hmac.digest(SCHEMA.encode(), text.encode(), "sha256")


def _mark(key: bytes, kind: str, *parts: object) -> str:
    # A JSON array keeps the parts apart, so no two lists of parts have one text.
    return hmac.new(key, json.dumps([kind, *parts]).encode(), hashlib.sha256).hexdigest()


def _row(sighting: Sighting, key: bytes, verdict: Verdict) -> dict[str, Any]:
    balances = sighting.balances
    sums = None
    if balances is not None and not (sighting.zero and not _padding_known(verdict.scheme)):
        listed = sorted((asset, stripped(value)) for asset, value in balances.items() if value)
        sums = _mark(key, "sums", sighting.key, listed)
    user = None if sighting.user is None else _mark(key, "user", sighting.key, sighting.user)
    return {
        "level": sighting.level,
        "role": sighting.role,
        "node": _mark(key, "node", sighting.key),
        "sums": sums,
        "user": user,
    }


def _padding_known(scheme: str | None) -> bool:
    from merkle_por.recognise import by_id

    return by_id(str(scheme)).padding_known


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. conflicts: contradictions, by fingerprint of the node. names: of the
    documents. errors: why a document is malformed."""

    state: State
    sentence: str
    checks: tuple[Check, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    names: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document merkle-por/compare/1, JSON types only."""
        from merkle_por.report.json_document import check_document, envelope, problem_document

        return {
            **envelope("compare", self.state, self.sentence),
            "warnings": [],
            "errors": [problem_document(problem) for problem in self.errors],
            "digests": list(self.names),
            "checks": [check_document(check) for check in self.checks],
            "conflicts": [
                {
                    "class": conflict.reason,
                    "fingerprint": conflict.first.key,
                    "views": [
                        {"digest": view.file, "role": view.role, "level": view.level}
                        for view in (conflict.first, conflict.second)
                    ],
                }
                for conflict in self.conflicts
            ],
        }

    def page(self, page: Page) -> Page:
        """The result as terminal text (see report.text)."""
        from merkle_por.report.text import safe, shortened

        def short(text: str) -> str:
            keys = {view.key for found in self.conflicts for view in (found.first, found.second)}
            for key in keys:
                text = text.replace(key, shortened(key))
            return safe(text, TEXT_COLUMNS)

        page.headline(self.state.value, safe(self.sentence, TEXT_COLUMNS))
        for index, check in enumerate(self.checks):
            label = "together" if index == 0 else ""
            where = [safe(check.where, TEXT_COLUMNS)] if check.where else []
            page.marked(label, check.status.value, short(check.text), where)
        if self.state is State.INVALID:
            page.labelled(
                "next",
                "Anybody can write a digest: show each other the files and check them together, "
                "merkle-por verify YOURS THEIRS. They are the proof.",
            )
        elif self.state is State.VALID:
            page.labelled("limits", "Silence proves nothing about customers who did not compare.")
        return page


@dataclass(frozen=True)
class _Digest:
    """One document, read. check: equal exactly for equal scheme, root and word."""

    name: str
    scheme: str
    check: str
    nodes: tuple[Sighting, ...]
    verdict: Verdict  # stands for the file in the checks on roots


def compare(
    documents: Sequence[str | Path | bytes | Document | Mapping[str, Any]],
    limits: Limits = LIMITS,
) -> Comparison:
    """Looks for contradictions among digests: paths, bytes, or documents as `digest` made them.

    Answers `valid` (they agree), `invalid` (they contradict each other), `unconfirmed` (two roots
    that may be of one audit), `incomplete` (nothing could be compared), `malformed`. Raises
    UsageError for fewer than two documents and for files that don't exist.
    """
    if len(documents) < 2:
        raise UsageError("two digests are needed", "merkle-por compare YOURS THEIRS")
    read: list[_Digest] = []
    for index, source in enumerate(documents):
        if isinstance(source, Mapping):
            name = f"(digest {index + 1})"
            document = Document(name, content=json.dumps(source).encode(), limits=limits)
        else:
            document = Document.of(source, limits)
        try:
            read.append(_read(document, index))
        except Malformed as error:
            problem = Problem(
                error.reason,
                f"not a digest: {error.text}",
                error.where,
                error.hints,
                document.name,
            )
            sentence = f"{document.name} is not a digest: {error.text} ({error.reason})."
            return Comparison(State.MALFORMED, sentence, errors=(problem,))
    return _compared(read)


def _compared(read: list[_Digest]) -> Comparison:
    names = tuple(one.name for one in read)
    checks = differing_roots(one.verdict for one in read)
    groups: dict[tuple[str, str], list[_Digest]] = {}
    for one in read:
        groups.setdefault((one.scheme, one.check), []).append(one)
    checks += _words(list(groups.values()))
    conflicts: list[Conflict] = []
    compared = 0
    for group in groups.values():
        # The same digest twice says nothing about a second customer.
        if len({one.nodes for one in (_unnumbered(one) for one in group)}) < 2:
            continue
        compared += len(group)
        conflicts += contradictions(view for one in group for view in one.nodes)
    checks += conflict_checks(conflicts, names)
    if compared and not conflicts:
        text = f"no contradiction among {compared} digests of one root"
        checks.append(Check("agree", About.TOTALS, CheckStatus.PASS, text))
    elif not compared:
        text = "no two of these digests could be compared with each other"
        checks.append(Check("not-compared", About.TOTALS, CheckStatus.NOT_CHECKED, text))
    state = _state(checks)
    return Comparison(
        state, _sentence(state, checks, len(read)), tuple(checks), tuple(conflicts), names
    )


def _unnumbered(one: _Digest) -> _Digest:
    from dataclasses import replace

    return replace(one, nodes=tuple(replace(view, file=0) for view in one.nodes))


def _words(groups: list[list[_Digest]]) -> Iterator[Check]:
    """Digests of one scheme and root whose agreed words differ can't be compared."""
    seen: dict[tuple[str, str], _Digest] = {}
    for group in groups:
        root = group[0].verdict.root
        assert root is not None
        other = seen.setdefault((group[0].scheme, root.value), group[0])
        if other is not group[0]:
            yield Check(
                "salt-mismatch",
                About.TOTALS,
                CheckStatus.NOT_CHECKED,
                f"{other.name} and {group[0].name} were made with different agreed words",
            )


def _state(checks: list[Check]) -> State:
    statuses = {check.status for check in checks}
    if CheckStatus.FAIL in statuses:
        return State.INVALID
    if CheckStatus.NOT_CHECKED in statuses:
        return State.INCOMPLETE
    return State.UNCONFIRMED if CheckStatus.UNCONFIRMED in statuses else State.VALID


def _sentence(state: State, checks: list[Check], count: int) -> str:
    match state:
        case State.INVALID:
            reason = next(check.id for check in checks if check.status is CheckStatus.FAIL)
            return f"These {count} digests contradict each other ({reason})."
        case State.INCOMPLETE:
            reason = next(check.id for check in checks if check.status is CheckStatus.NOT_CHECKED)
            return f"Not all of these digests could be compared ({reason})."
        case State.UNCONFIRMED:
            return "These digests have two roots. Are they of one audit (root-not-compared)?"
    return f"These {count} digests don't contradict each other."


def _read(document: Document, index: int) -> _Digest:
    top = Fields(document.json, "", document.limits)
    if "schema" not in top or top.get("schema") != SCHEMA:
        raise Malformed(
            "unknown-format",
            "it does not say that it is one",
            "make one of a proof: merkle-por digest FILE",
            "or check the files themselves together: merkle-por verify YOURS THEIRS",
        )
    top.only(*_KEYS).required(*_KEYS)
    scheme = top.text("scheme", _TEXT_CHARS)
    for key in ("version", "exchange"):
        top.text(key, _TEXT_CHARS)
    audit = None if top.get("audit") is None else top.text("audit", _TEXT_CHARS)
    root, check = top.text("root", _TEXT_CHARS), top.hex("check", _DIGITS)
    confirmed = bool(top.typed("confirmed", bool, "true or false"))
    # A leaf, and for each level a sibling and a rebuilt node.
    rows = top.array("nodes", low=1, high=2 * document.limits.path_levels + 1)
    nodes = [
        _sighting(Fields(row, f"nodes[{i}]", document.limits), index) for i, row in enumerate(rows)
    ]
    verdict = Verdict(
        state=State.UNCONFIRMED,
        scheme=scheme,
        exchange=top.text("exchange"),
        exchange_name=None,
        file=FileInfo(document.name, document.size, ""),
        snapshot=Snapshot(audit),
        root=Root(root, confirmed=confirmed),
    )
    return _Digest(document.name, scheme, check, tuple(nodes), verdict)


def _sighting(fields: Fields, index: int) -> Sighting:
    fields.only(*_NODE_KEYS).required(*_NODE_KEYS)
    role = fields.text("role", _TEXT_CHARS)
    if role not in _ROLES:
        raise Malformed("bad-node-type", f'"{role[:40]}" is no role', where=fields.place("role"))
    sums, user = (
        None if fields.get(key) is None else fields.hex(key, _DIGITS) for key in ("sums", "user")
    )
    level = fields.integer("level", 0, LIMITS.path_levels)
    return Sighting(index, level, role, fields.hex("node", _DIGITS), sums, False, user)
