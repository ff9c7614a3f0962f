"""`recheck`: runs what a report or a bundle says was run, and compares what comes out.

Rules of trust, in order:
1. A report is somebody's word. Nothing in it is believed: its files are found by SHA-256 among
   those the reader hands in (or in the bundle itself), the same verification runs on them with
   the facts that stand in the report, and the whole document is compared, the visible page too.
2. No text of a report is used as a path; facts that a scheme may open are never read from it.
3. That the outcome is the same shows that the report tells the truth about these files. It does
   not show that its root is the published one: facts that only the report vouches for leave the
   state `unconfirmed` at best, until the reader gives them himself (--root, --given, his pins).
   Saved verdicts that a comparison was made from are such facts too (--given checked=true: they
   are the reader's own).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from merkle_por.callable_module import make_callable
from merkle_por.clock import now
from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Malformed, UsageError
from merkle_por.evidence import (
    SOURCES,
    Evidence,
    FileRef,
    GivenRef,
    Input,
    Ran,
    differences,
    evidence_document,
    file_ref,
    read_evidence,
    read_prices,
    shown_result,
)
from merkle_por.pins import Pin, find
from merkle_por.reserves.holding import Level
from merkle_por.scheme import Given
from merkle_por.verdict import Problem, State
from merkle_por.version import __version__

SCHEMA = "merkle-por/recheck/1"
SAME, DIFFERS, NOT_RUN, UNREADABLE = "same", "differs", "not-run", "unreadable"
PAGE = "the visible page"
ANCHORS = (*SOURCES, "pin")
"""Where a root that was compared with one from outside came from."""
CORE = (
    *("state", "reason", "inclusion", "totals", "root", "scheme", "snapshot", "published"),
    *("checks", "together", "solvent"),
)
"""Members that say the same in every version of the program (texts and details may not)."""


@dataclass(frozen=True)
class Recheck:
    """The result of `recheck`.

    outcome: same | differs | not-run (files or facts are missing) | unreadable. places: where the
    report differs from what comes out, as in its JSON. again: the result of the new run.
    unconfirmed: facts that only the report vouches for. missing: what has to be handed in.
    """

    outcome: str
    state: State
    evidence: Evidence | None = None
    again: Any = None
    places: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()

    @property
    def sentence(self) -> str:
        """What came out, in one sentence that stays true when pasted alone."""
        match self.outcome:
            case "unreadable":
                problem = self.errors[0]
                return f"This is not a report that can be run again: {problem.text}."
            case "not-run":
                return f"The report can't be run again yet: {self.missing[0]}."
            case "differs":
                return f"The report does not say what comes out: {self.places[0]} differs."
        word = self.again.state.value.upper()
        if self.unconfirmed:
            names = ", ".join(self.unconfirmed)
            is_ = "are" if self.unconfirmed[1:] else "is"
            return f"As the report says: {word}. But its {names} {is_} known from the report only."
        return f"As the report says: {word}. {self.again.sentence}"

    def to_json(self) -> dict[str, Any]:
        """The document `merkle-por/recheck/1` (see schemas/)."""
        evidence = self.evidence
        return {
            "schema": SCHEMA,
            "version": __version__,
            "time": now(),
            "state": self.state.value,
            "exit": self.state.exit,
            "sentence": self.sentence,
            "outcome": self.outcome,
            "places": list(self.places),
            "unconfirmed": list(self.unconfirmed),
            "missing": list(self.missing),
            "notes": list(self.notes),
            "errors": [
                {"class": e.reason, "text": e.text, "where": e.where, "hints": list(e.hints)}
                for e in self.errors
            ],
            "report": None
            if evidence is None
            else {
                "version": evidence.version,
                "time": evidence.time,
                "command": evidence.command,
                "files": [
                    {"role": f.role, "name": f.name, "bytes": f.bytes, "sha256": f.sha256}
                    for f in evidence.files
                ],
                "seen": evidence.seen,
            },
            "again": None
            if self.again is None
            else {"state": self.again.state.value, "sentence": self.again.sentence},
        }


@dataclass(frozen=True)
class Opened:
    """A report or bundle as read: its document, the page where it has one, files inside it."""

    evidence: Evidence
    page: bytes | None = None
    inside: Mapping[str, bytes] = field(default_factory=dict)


def recheck(
    report: str | Path | bytes | Document,
    *files: str | Path | bytes | Document,
    given: Mapping[str, Any] | None = None,
    pins: tuple[Pin, ...] = (),
    limits: Limits = LIMITS,
) -> Recheck:
    """Runs a report (HTML), a bundle (zip) or a bare evidence document (JSON) again.

    files: the original files, in any order; what a bundle holds need not be given. given: facts
    that the report does not hold (secrets, own ids), and those the reader knows himself (root).
    pins: roots the reader has kept. Raises UsageError only.
    """
    values = dict(given or {})
    try:
        opened = open_report(Document.of(report, limits), limits)
    except Malformed as error:
        problem = Problem(error.reason, error.text, error.where, error.hints)
        return Recheck(UNREADABLE, State.MALFORMED, errors=(problem,))
    evidence = opened.evidence
    documents = [Document.of(file, limits) for file in files]
    for fact in evidence.given:
        documents += _handed(fact, values)
    documents += [
        Document("(in the bundle)", content=data, limits=limits) for data in opened.inside.values()
    ]
    found = _by_hash(documents)
    ran, missing = _ran(evidence, found, values)
    if _asked_nodes(evidence):
        missing = (*missing, "its balances were read from nodes, which a recheck does not ask")
    if missing:
        unused = _unused(evidence, documents)
        return Recheck(NOT_RUN, State.INCOMPLETE, evidence, missing=missing, notes=unused)
    try:
        result = run(ran, limits)
        again = evidence_document(
            ran, result, with_balances=evidence.with_balances, time=evidence.time
        )
    except UsageError as error:
        # The facts of the report don't fit its files: no such run was ever made.
        problem = Problem("bad-keys", error.text, "given", tuple(error.hints))
        return Recheck(UNREADABLE, State.MALFORMED, evidence, errors=(problem,))
    shown = shown_result(result, evidence.with_balances)
    places, notes = _compare(evidence, again, opened.page, shown)
    places += _contradicted(evidence, values, result)
    unconfirmed = _vouched(evidence, values, result, pins)
    notes += _unused(evidence, [Document.of(file, limits) for file in files])
    if places:
        return Recheck(DIFFERS, State.INVALID, evidence, result, places, notes=notes)
    state = State.UNCONFIRMED if result.state is State.VALID and unconfirmed else result.state
    if result.state is not State.VALID:
        unconfirmed = ()
    return Recheck(SAME, state, evidence, result, (), unconfirmed, notes=notes)


def open_report(document: Document, limits: Limits = LIMITS) -> Opened:
    """Reads any of the three forms. Raises Malformed."""
    if document.head.startswith(b"PK"):
        from merkle_por.bundle import read_bundle

        bundle = read_bundle(document, limits)
        evidence = read_evidence(bundle.manifest, limits)
        return Opened(evidence, bundle.page, bundle.files)
    if document.looks_like_json:
        return Opened(read_evidence(document.data, limits))
    return Opened(read_evidence(embedded_json(document.data), limits), document.data)


def embedded_json(page: bytes) -> bytes:
    """The evidence document inside an HTML report. Raises Malformed where there is not one."""
    from merkle_por.report.html import END, MARKER

    marker, end = MARKER.encode(), END.encode()
    if page.count(marker) != 1:
        raise Malformed("unknown-format", "not a report of merkle-por: it holds no evidence")
    text = page.split(marker)[1]
    if end not in text:
        raise Malformed("bad-json", "the evidence in the report has no end")
    return text.split(end)[0]


def run(ran: Ran, limits: Limits = LIMITS) -> Any:
    """Runs a command on documents: the same public functions that the command line calls."""
    documents = [item.document for item in ran.inputs]
    options = ran.options
    if ran.command == "verify":
        from merkle_por.api import verify

        return verify(
            *documents,
            scheme=ran.format,
            given=ran.given,
            sources_of_given=ran.origins,
            pins=ran.pins,
            limits=limits,
        )
    if ran.command == "reserves":
        from merkle_por.reserves.api import reserves

        return reserves(
            *documents,
            scheme=ran.format,
            given=ran.given,
            exchange=options.get("exchange"),
            limits=limits,
        )
    if ran.command == "audit":
        from merkle_por.api import audit
        from merkle_por.execution import VIOLATIONS, Execution

        if len(documents) != 1:
            raise UsageError("an audit is of one ledger")
        execution = Execution(violations=options.get("violations", VIOLATIONS))
        return audit(
            documents[0],
            scheme=ran.format,
            given=ran.given,
            origins=ran.origins,
            execution=execution,
            limits=limits,
        )
    from merkle_por.solvency import ratio, solvency

    def of(role: str) -> list[Document]:
        return [item.document for item in ran.inputs if item.role == role]

    if len(documents) == 1:
        return ratio(documents[0], ran.given, limits)
    prices, mapping = of("prices"), of("map")
    asked = read_prices(options["prices"], "options.prices") if "prices" in options else None
    if len(prices) > 1 or len(mapping) > 1:
        raise UsageError("one file of prices and one of the map")
    return solvency(
        list(of("liabilities")),
        list(of("reserves")),
        prices[0] if prices else asked,
        mapping[0] if mapping else None,
        options.get("own_tokens"),
        exchange=options.get("exchange"),
        limits=limits,
    )


# -- finding files and facts -----------------------------------------------------------------


def _handed(fact: GivenRef, values: Mapping[str, Any]) -> list[Document]:
    """The files that the reader names for a fact himself, where it is one of files."""
    if fact.kept != "file" or values.get(fact.name) is None:
        return []
    return Given({fact.name: values[fact.name]}).files(fact.name)


def _by_hash(documents: Iterable[Document]) -> dict[str, Document]:
    return {file_ref(Input("file", d), named=False).sha256: d for d in documents}


def _ran(
    evidence: Evidence, found: Mapping[str, Document], values: Mapping[str, Any]
) -> tuple[Ran, tuple[str, ...]]:
    """The run as the report describes it, and what is missing for it."""
    missing: list[str] = []
    inputs = []
    for ref in evidence.files:
        document = _found(ref, found, missing)
        if document is not None:
            inputs.append(Input(ref.role, document))
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for fact in evidence.given:
        if fact.kept == "value":
            given[fact.name] = fact.value
        elif fact.kept == "file":
            documents = [_found(ref, found, missing) for ref in fact.files]
            given[fact.name] = documents[0] if len(documents) == 1 else documents
        elif fact.name in values:
            given[fact.name] = values[fact.name]
        else:
            missing.append(
                f"{fact.name} was given and is not written down, hand it in again: "
                f"--given {fact.name}=@FILE"
            )
        origins[fact.name] = fact.source
    ran = Ran(
        evidence.command,
        tuple(inputs),
        evidence.format,
        given,
        origins,
        evidence.pins,
        evidence.seen,
        evidence.options,
    )
    return ran, tuple(missing)


def _found(ref: FileRef, found: Mapping[str, Document], missing: list[str]) -> Document | None:
    """The file of that hash, under the name it had in the report."""
    document = found.get(ref.sha256)
    if document is None:
        name = f" ({ref.name})" if ref.name else ""
        missing.append(f"no file was given with SHA-256 {ref.sha256}{name}, {ref.bytes:,} bytes")
        return None
    return replace(document, name=ref.name) if ref.name else document


def _asked_nodes(evidence: Evidence) -> bool:
    """Whether amounts of a list came from elsewhere than the list."""
    holdings = evidence.result.get("holdings") if evidence.command == "reserves" else None
    return isinstance(holdings, list) and any(
        isinstance(row, dict) and row.get("level") != Level.CLAIMED for row in holdings
    )


def _unused(evidence: Evidence, documents: Sequence[Document]) -> tuple[str, ...]:
    wanted = {ref.sha256 for ref in evidence.files}
    wanted |= {ref.sha256 for fact in evidence.given for ref in fact.files}
    return tuple(
        f"{document.name} is none of the report's files: its SHA-256 is {sha256}"
        for sha256, document in _by_hash(documents).items()
        if sha256 not in wanted
    )


# -- comparing -------------------------------------------------------------------------------


def _compare(
    evidence: Evidence, again: Mapping[str, Any], page: bytes | None, shown: Any
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The places that differ, and what could not be compared."""
    if evidence.version != __version__:
        note = f"the report was made by version {evidence.version}, this is {__version__}: "
        note += "outcomes were compared; sentences and the visible page were not"
        return tuple(_core_differences(evidence.result, again["result"])), (note,)
    places = differences(dict(evidence.document), dict(again))
    if page is not None and not places:
        from merkle_por.report.html import html_report

        if html_report(again, shown).encode() != page.replace(b"\r\n", b"\n"):
            places.append(PAGE)
    return tuple(places), ()


def _core_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    return differences(_core(first), _core(second), "result")


def _core(result: Any) -> Any:
    """A result without texts, times and sentences."""
    found = {key: result[key] for key in CORE if key in result}
    if isinstance(found.get("checks"), list):
        found["checks"] = [
            {key: check.get(key) for key in ("id", "about", "status")}
            for check in found["checks"]
            if isinstance(check, dict)
        ]
    if isinstance(found.get("together"), dict):
        found["together"] = {"state": found["together"].get("state")}
    proofs = result.get("proofs")
    if isinstance(proofs, list):
        found["proofs"] = [_core(proof) for proof in proofs if isinstance(proof, dict)]
    if isinstance(result.get("assets"), list):
        found["assets"] = [
            {key: asset.get(key) for key in ("asset", "liabilities", "reserves", "state")}
            for asset in result["assets"]
            if isinstance(asset, dict)
        ]
    return found


def _plain(value: Any) -> Any:
    """A fact as it is compared: hashes in either case, with or without 0x and blanks."""
    if isinstance(value, str):
        return "".join(value.split()).lower().removeprefix("0x")
    return value


def _contradicted(evidence: Evidence, values: Mapping[str, Any], result: Any) -> tuple[str, ...]:
    """Facts that the reader knows otherwise than the report says."""
    kept = {fact.name: fact.value for fact in evidence.given if fact.kept == "value"}
    found = [name for name in values if name in kept and _plain(kept[name]) != _plain(values[name])]
    for fact in evidence.given:
        own = _by_hash(_handed(fact, values))
        if own and set(own) != {ref.sha256 for ref in fact.files}:
            found.append(fact.name)
    if "root" in values and "root" not in kept:
        roots = {proof.root.value for proof in result.proofs if getattr(proof, "root", None)}
        if roots - {_plain(values["root"])}:
            found.append("root")
    return tuple(f"{name}: the report's is not yours, it" for name in found)


def _vouched(
    evidence: Evidence, values: Mapping[str, Any], result: Any, pins: tuple[Pin, ...]
) -> tuple[str, ...]:
    """Facts that the result hangs on and only the report vouches for."""
    open_ = [fact.name for fact in evidence.given if _hangs(fact, values)]
    if evidence.command == "solvency" and len(evidence.files) > 1 and not _own(values):
        # Saved verdicts say of themselves that they are valid; whoever made them may have lied.
        open_ += [role for role in ("liabilities", "reserves") if role not in open_]
    if any(_by_a_file(proof) for proof in result.proofs):
        # Proven by what another file shows, and the report chose that file.
        files = [fact for fact in evidence.given if fact.kept == "file"]
        open_ += [fact.name for fact in files if fact.name not in values]
    if "prices" in evidence.options:
        open_.append("prices")
    roots = [proof for proof in result.proofs if getattr(proof, "root", None) is not None]
    if any(proof.root.source == "pin" for proof in roots):
        open_.append("root")
    if roots and ("root" in values or all(_kept(proof, pins) for proof in roots)):
        open_ = [name for name in open_ if name != "root"]
    return tuple(dict.fromkeys(open_))


def _hangs(fact: GivenRef, values: Mapping[str, Any]) -> bool:
    return fact.kept == "value" and fact.name not in values and fact.name != "expect"


def _own(values: Mapping[str, Any]) -> bool:
    """Whether the reader says that the figures in the files are his own findings."""
    return Given(values).flag("checked")


def _by_a_file(proof: Any) -> bool:
    """Whether a root was confirmed by nothing that can be written down."""
    root = getattr(proof, "root", None)
    return root is not None and root.confirmed and root.source not in ANCHORS


def _kept(proof: Any, pins: tuple[Pin, ...]) -> bool:
    """Whether the reader himself has kept this root from before."""
    pin = find(pins, proof.exchange, proof.snapshot.id, "root")
    return pin is not None and pin.value == proof.root.value


make_callable(__name__, __name__, "recheck")
