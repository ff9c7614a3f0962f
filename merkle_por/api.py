"""The public functions behind `import merkle_por`; the command line only presents them.

Nothing here raises for what stands in a file: the result's `state` says it. `UsageError` is
raised for what the caller gave (a name that no scheme takes, a missing file).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.documents import LIMITS, Document, Limits, compression
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import schemes
from merkle_por.execution import Execution
from merkle_por.pins import Pin, find
from merkle_por.recognise import by_id, recognise
from merkle_por.scheme import FactKind, Given, Kind, Scheme, read_as_file, run
from merkle_por.verdict import Caution, Check, FileInfo, Problem, State, Verdict, worst

if TYPE_CHECKING:
    from merkle_por.crosscheck import Together
    from merkle_por.report.text import Page

KEY_FACTS = ("vk_sha256", "circuit_sha256")
"""Facts that name a key or circuit, the same for many audits: pinned for an exchange."""

Source = str | Path | bytes | Document


@dataclass(frozen=True)
class Verification:
    """The result of `verify`: one verdict for each file, and one on all of them together."""

    proofs: tuple[Verdict, ...]
    together: Together | None = None

    @property
    def state(self) -> State:
        """The worst state of all files and of the checks on all together."""
        states = [proof.state for proof in self.proofs]
        if self.together is not None:
            states.append(self.together.state)
        return worst(states)

    @property
    def checks(self) -> tuple[Check, ...]:
        own = tuple(check for proof in self.proofs for check in proof.checks)
        return own + (self.together.checks if self.together else ())

    @property
    def sentence(self) -> str:
        from merkle_por.report.sentences import of_all

        return of_all(self.proofs, self.together)

    def redacted(self) -> Verification:
        """The same without account, balances and file names: for posting in public."""
        from merkle_por.report.redact import redacted, redacted_together

        together = None if self.together is None else redacted_together(self.together)
        return Verification(tuple(redacted(proof) for proof in self.proofs), together)

    def page(self, page: Page, *, path: bool = False, root: bool = True) -> Page:
        """The result as terminal text (see report.text); root=False: without the root's lines."""
        from merkle_por.report.verify_text import verification_page

        return verification_page(self, page, path=path, root=root)

    def to_json(self, **options: bool) -> dict[str, Any]:
        """The document `merkle-por/verify/1`, JSON types only (see schemas/)."""
        from merkle_por.report.json_document import verify_document

        return verify_document(self, **options)


@dataclass(frozen=True)
class Audit:
    """The result of `audit`: the verdict on one whole ledger, tree or proof set."""

    verdict: Verdict

    @property
    def state(self) -> State:
        return self.verdict.state

    @property
    def checks(self) -> tuple[Check, ...]:
        return self.verdict.checks

    @property
    def sentence(self) -> str:
        return self.verdict.sentence

    @property
    def proofs(self) -> tuple[Verdict, ...]:
        return (self.verdict,)

    def redacted(self) -> Audit:
        """The same without account, balances and file name: for posting in public.

        What was counted and what is wrong in a published ledger is nobody's own: it stays.
        """
        from merkle_por.report.redact import redacted

        details = self.verdict.details
        kept = {name: details[name] for name in ("counts", "violations") if name in details}
        return Audit(replace(redacted(self.verdict), details=kept))

    def page(self, page: Page, *, path: bool = False) -> Page:
        """The result as terminal text (see report.text)."""
        from merkle_por.report.audit_text import audit_page

        return audit_page(self, page)

    def to_json(self, **options: bool) -> dict[str, Any]:
        """The document `merkle-por/audit/1`, JSON types only (see schemas/)."""
        from merkle_por.report.json_document import audit_document

        return audit_document(self, **options)


def verify(
    *sources: Source,
    scheme: str | None = None,
    given: Mapping[str, Any] | None = None,
    root: str | None = None,
    attestation: Source | None = None,
    sources_of_given: Mapping[str, str] | None = None,
    pins: tuple[Pin, ...] = (),
    limits: Limits = LIMITS,
) -> Any:
    """Verifies one or several files: proofs; ledgers, lists and ratio inputs are handed on.

    scheme: a format id, None to recognise it. given: facts from outside the files by name (see
    `formats(id)`), values as in JSON; root is short for given["root"]. attestation: a file with
    the published root and totals. pins: roots kept from last time, used where none is given
    (see merkle_por.pins). Answers a result with .state, .checks, .sentence, .to_json().
    Raises UsageError only.
    """
    if not sources:
        raise UsageError("no file was given")
    values = dict(given or {})
    origins = dict(sources_of_given or {})
    if root is not None:
        values["root"] = root
    if attestation is not None:
        from merkle_por.attestation import facts_of

        for name, value in facts_of(Document.of(attestation, limits)).items():
            if name not in values:
                values[name] = value
                origins[name] = "attestation"
    found = [_opened(Document.of(source, limits), scheme) for source in sources]
    documents = [document for document, _ in found]
    facts = Facts(values, origins, pins)
    first = found[0][1]
    if isinstance(first, Scheme) and first.kind is Kind.RESERVES:
        from merkle_por.reserves.api import reserves

        return reserves(*documents, scheme=scheme, given=_taken(first, facts), limits=limits)
    if isinstance(first, Scheme) and first.kind is Kind.RATIO:
        from merkle_por.solvency import ratio

        if len(documents) > 1:
            raise UsageError("one ratio file at a time; several: merkle-por solvency")
        return ratio(documents[0], given=_taken(first, facts), limits=limits)
    if isinstance(first, Scheme) and first.kind is Kind.LEDGER and len(documents) == 1:
        return Audit(_judge(documents[0], first, facts, limits))
    verdicts = tuple(_judge(document, chosen, facts, limits) for document, chosen in found)
    if len(verdicts) == 1:
        return Verification(verdicts)
    from merkle_por.crosscheck import together

    return Verification(verdicts, together(verdicts))


def audit(
    source: Source,
    *,
    scheme: str | None = None,
    given: Mapping[str, Any] | None = None,
    root: str | None = None,
    origins: Mapping[str, str] | None = None,
    pins: tuple[Pin, ...] = (),
    execution: Execution | None = None,
    limits: Limits = LIMITS,
) -> Audit:
    """Recomputes a whole published ledger, tree or proof set (a file, or a folder).

    given: as in `verify`. execution: executor, progress and journal for long work. Answers a
    result with .state, .checks, .sentence, .to_json(). Raises UsageError only.
    """
    values = dict(given or {})
    if root is not None:
        values["root"] = root
    facts = Facts(values, dict(origins or {}), pins)
    document, chosen = _opened(Document.of(source, limits), scheme)
    return Audit(_judge(document, chosen, facts, limits, execution))


def formats(name: str | None = None) -> tuple[Scheme, ...]:
    """All schemes, or the one of that id or alias. Raises UsageError for an unknown id."""
    return schemes() if name is None else (by_id(name),)


def _opened(document: Document, scheme: str | None) -> tuple[Document, Scheme | Malformed]:
    """What to judge, and by which scheme: a compressed file that its scheme reads whole is
    unpacked first."""
    chosen = _chosen(document, scheme)
    if compression(document.head) is None or (isinstance(chosen, Scheme) and chosen.streams):
        return document, chosen
    from merkle_por.unpacking import plain, unpacked_whole

    listed = plain(document)
    chosen = _chosen(listed, scheme)
    if isinstance(chosen, Scheme) and chosen.kind is Kind.RESERVES:
        return listed, chosen  # lists are read as streams
    try:
        document = unpacked_whole(document)
    except Malformed as error:
        return document, error
    return document, _chosen(document, scheme)


def _chosen(document: Document, scheme: str | None) -> Scheme | Malformed:
    """The scheme that was named or recognised, or why there is none."""
    try:
        return by_id(scheme) if scheme else recognise(document)
    except Malformed as error:
        return error


@dataclass(frozen=True)
class Facts:
    """What came from outside the files: values, where each came from, and the user's pins."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    pins: tuple[Pin, ...] = ()


def _taken(scheme: Scheme, facts: Facts, *more: str) -> dict[str, Any]:
    """The values that the scheme takes (`more`: what every proof takes), and all of the caller's
    own: an attestation may say more than is asked, the caller's words may not."""
    names = {*more, *scheme.facts}
    for name, fact in scheme.facts.items():
        if facts.origins.get(name) == "attestation" and read_as_file(name, fact):
            # What a file says is never a path: only its reader names files to open.
            raise UsageError(
                f"the attestation names a file for {name}", f"name it yourself: --given {name}=FILE"
            )
    return {
        name: value
        for name, value in facts.values.items()
        if name in names or facts.origins.get(name) != "attestation"
    }


def _judge(
    document: Document,
    chosen: Scheme | Malformed,
    facts: Facts,
    limits: Limits,
    execution: Execution | None = None,
) -> Verdict:
    if isinstance(chosen, Malformed):
        return unrecognised(document, chosen)
    folder = document.path.parent if document.path else None
    values = _taken(chosen, facts, "expect", "totals")
    given = Given(values, sources=facts.origins, folder=folder, limits=limits, execution=execution)
    given = given.having(*_pinned_keys(chosen, given, facts.pins))
    verdict = run(chosen, document, given)
    return _pinned(verdict, chosen, document, given, facts.pins)


def _pinned_keys(
    scheme: Scheme, given: Given, pins: tuple[Pin, ...]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fingerprints of keys and circuits pinned for the exchange, where none was given."""
    values: dict[str, Any] = {}
    for name in KEY_FACTS:
        found = [p.value for p in pins if (p.exchange, p.name) == (scheme.exchange, name)]
        if found and name in scheme.facts and name not in given:
            values[name] = found if scheme.facts[name].kind is FactKind.VALUE else found[0]
    return values, dict.fromkeys(values, "pin")


def _pinned(
    verdict: Verdict, scheme: Scheme, document: Document, given: Given, pins: tuple[Pin, ...]
) -> Verdict:
    """Uses the pinned root where none was given; warns where another one was."""
    if not pins or verdict.root is None:
        return verdict
    pin = find(pins, scheme.exchange, verdict.snapshot.id, "root")
    if pin is None:
        return verdict
    if "root" not in given and "root" in scheme.facts:
        return run(scheme, document, given.having({"root": pin.value}, {"root": "pin"}))
    if pin.value != verdict.root.value:
        text = f"You pinned another root for this audit, seen at: {pin.seen}. An audit has one."
        return replace(verdict, warnings=(*verdict.warnings, Caution("pin-conflict", text)))
    return verdict


def unrecognised(document: Document, error: Malformed) -> Verdict:
    """The verdict on a file that no scheme takes."""
    return Verdict(
        state=State.MALFORMED,
        scheme=None,
        exchange=None,
        exchange_name=None,
        file=FileInfo(document.name, document.size, document.sha256),
        errors=(Problem(error.reason, error.text, error.where, error.hints),),
    )
