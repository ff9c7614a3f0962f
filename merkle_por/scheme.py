"""What a scheme is, what may be given from outside its files, and how it is run.

A scheme is data (`Scheme`) around two functions: `recognises(document)` and
`judge(document, given, findings)`. `judge` reads the file to a normal form, runs the scheme's
checks in its spec's order, and tells `findings` what passed; the first check that fails stops
it. `run` turns whatever happened into a `Verdict`: no exception about a file's content leaves it.

Trust rule: facts that tie a proof to something the exchange can't change for one user alone
(root, totals, verifying key) come from `Given` only, never from the document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from merkle_por.amounts import ZERO, Balances, amount, grouped, plain
from merkle_por.documents import LIMITS, Document, Limits, exists, parse_json
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.execution import VIOLATIONS, Execution
from merkle_por.verdict import (
    About,
    Account,
    Caution,
    Check,
    CheckStatus,
    Compare,
    FileInfo,
    Inclusion,
    Node,
    Problem,
    Root,
    Scope,
    Snapshot,
    State,
    Totals,
    Verdict,
)


class Kind(StrEnum):
    """What a scheme's files are; `verify` hands all but proofs to the command of that name."""

    PROOF = "proof"
    LEDGER = "ledger"
    RESERVES = "reserves"
    RATIO = "ratio"


class FactKind(StrEnum):
    """How a given fact is read: HASH (hex text), TEXT, AMOUNT, AMOUNTS (asset -> decimal text),
    INTEGER, FLAG, FILE and FILES (paths), SECRET (never shown), VALUE (as in JSON)."""

    HASH = "hash"
    TEXT = "text"
    AMOUNT = "amount"
    AMOUNTS = "amounts"
    INTEGER = "integer"
    FLAG = "flag"
    FILE = "file"
    FILES = "files"
    SECRET = "secret"
    VALUE = "value"


@dataclass(frozen=True)
class Fact:
    """A fact that a scheme takes from outside the file.

    text: what it is, for `merkle-por formats ID`. digits: hex digits of a HASH (a tuple where a
    scheme has several lengths).
    """

    kind: FactKind
    text: str
    digits: tuple[int, ...] = (64,)


FILES_BY_VALUE = frozenset({"verifying_keys"})
"""Facts that are declared as values and read as files (one, or one for each tier in order)."""


def read_as_file(name: str, fact: Fact) -> bool:
    """Whether a scheme opens what is given for this fact."""
    return fact.kind in (FactKind.FILE, FactKind.FILES) or name in FILES_BY_VALUE


ROOT = Fact(FactKind.HASH, "the Merkle root published by the exchange, seen outside this file")
EXPECT = Fact(FactKind.AMOUNTS, "your own balances at the snapshot, from your statement")

TOTALS = Fact(FactKind.AMOUNTS, "the totals published by the exchange, seen outside this file")


@dataclass(frozen=True)
class Assurance:
    """What a scheme shows when every check passes; printed with each verdict, and in full by
    `merkle-por formats ID`.

    included, totals: in words. claims_inclusion, totals_claim: the best outcome possible.
    cannot: what the scheme can't show at all, one sentence each. totals_word: for the table of
    formats, where the claim alone would say too much or too little ("zk proof", "UNSOUND").
    """

    included: str
    totals: str
    cannot: tuple[str, ...]
    claims_inclusion: bool = True
    totals_claim: Totals = Totals.BOUND
    totals_word: str = ""


@dataclass(frozen=True)
class Where:
    """Where a user finds the file and the root; menus change, so each text is dated.

    certain: how far this was established ("official program and sample", "read only", ...).
    given: the option that brings what a file is held against, where that is not --root HEX.
    """

    file: str
    root: str
    seen: str = "2026-11"
    certain: str = "from the exchange's own repository"
    given: str = ""


Judge = Callable[[Document, "Given", "Findings"], None]


@dataclass(frozen=True)
class Scheme:
    """One file format of one exchange (or of several that publish the same bytes).

    id: the spec's id, kebab-case. aliases: other ids that name the same scheme.
    members: names that stand in a file of it (members of JSON objects, columns), the telling ones
    and the usual ones: by them an unrecognised file is told which scheme it comes nearest to.
    nearest: hint of its own for a file that looks like this scheme but is not quite one, or None.
    padding_known: whether it is established how the tree fills an odd level. Where not, one hash
    shown with zero and with an amount may be such a filling, and proves nothing.
    streams: whether its judge reads the file as a stream, which unpacks what is compressed. The
    others get a compressed file unpacked in memory.
    """

    id: str
    exchange: str
    exchange_name: str
    title: str
    used: str
    file_name: str
    recognises: Callable[[Document], bool]
    judge: Judge
    assurance: Assurance
    where: Where
    kind: Kind = Kind.PROOF
    facts: Mapping[str, Fact] = field(default_factory=lambda: {"root": ROOT})
    aliases: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    nearest: Callable[[Document], str | None] = lambda document: None
    also: tuple[str, ...] = ()  # other exchanges whose files have the same bytes
    padding_known: bool = True
    streams: bool = False


class Given:
    """Facts from outside the file, read by the kinds a scheme declares.

    values: name -> value as in JSON; None counts as absent. sources: name -> where it came from
    (option, attestation, pin, prompt), for the verdict. folder: the proof's, for relative paths.
    execution: how long work is run (ledgers, proof sets). Raises UsageError for unknown names and
    values of the wrong kind: what the caller says is never a finding about the file.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        sources: Mapping[str, str] | None = None,
        folder: Path | None = None,
        limits: Limits = LIMITS,
        execution: Execution | None = None,
    ) -> None:
        self.values = {k: v for k, v in (values or {}).items() if v is not None}
        self.sources = dict(sources or {})
        self.folder = folder
        self.limits = limits
        self.execution = execution or Execution()
        self.facts: Mapping[str, Fact] = {}

    def having(self, values: Mapping[str, Any], sources: Mapping[str, str]) -> Given:
        """These facts and some more."""
        return Given(
            {**self.values, **values},
            sources={**self.sources, **sources},
            folder=self.folder,
            limits=self.limits,
            execution=self.execution,
        )

    def for_scheme(self, scheme: Scheme) -> Given:
        """These facts as `scheme` reads them. Raises UsageError for a name it doesn't take."""
        facts = {"expect": EXPECT, "totals": TOTALS, **scheme.facts}
        for name in self.values:
            if name not in facts:
                known = ", ".join(sorted(facts))
                raise UsageError(
                    f'"{name}" is not a fact that {scheme.id} takes', f"it takes: {known}"
                )
            _refuse_odd(self.values[name], name, facts[name].kind)
        bound = self.having({}, {})
        bound.facts = facts
        return bound

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def source(self, name: str) -> str:
        return self.sources.get(name, "option")

    def value(self, name: str) -> Any:
        """The value as it was given, None where absent."""
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{name} must be a text")
        return value

    def integer(self, name: str) -> int | None:
        value = self.values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 40:
            return int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise UsageError(f"{name} must be a whole number")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise UsageError(f"{name} must be true or false")
        return value

    def hash(self, name: str) -> str | None:
        """A hash as lower-case hex: either case, 0x and blanks are accepted from the caller."""
        value = self.text(name)
        return None if value is None else normal_hash(value, name, self.facts[name].digits)

    def object(self, name: str) -> Mapping[str, Any] | None:
        """An object with named members: as it is, or as JSON text (from a command line)."""
        value = self.values.get(name)
        if isinstance(value, str):
            value = _given_json(value, name)
        if value is not None and not isinstance(value, Mapping):
            raise UsageError(f"{name} must be an object with named members", "as JSON text")
        return value

    def amount(self, name: str) -> Decimal | None:
        value = self.values.get(name)
        if value is None:
            return None
        return _given_amount(str(value) if isinstance(value, int) else value, name)

    def amounts(self, name: str) -> dict[str, Decimal] | None:
        """asset -> amount."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise UsageError(f"{name} must name assets and amounts")
        if not value:
            # Nothing would be compared, and the answer would look as if it had been.
            raise UsageError(f"{name} names no asset")
        return {asset: _given_amount(text, f"{name} {asset}") for asset, text in value.items()}

    def file(self, name: str) -> Document | None:
        """Another input file (a path, or a Document)."""
        value = self.values.get(name)
        return None if value is None else self._open(name, value)

    def files(self, name: str) -> list[Document]:
        """Several input files; [] where absent."""
        value = self.values.get(name, [])
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            value = [value]
        return [self._open(name, item) for item in value]

    def _open(self, name: str, value: Any) -> Document:
        if not isinstance(value, str | Path | bytes | Document):
            raise UsageError(f"{name} must be a path")
        if isinstance(value, str | Path) and not Path(value).is_absolute():
            # From the working folder first, then beside the proof: users keep both together.
            # Sets come in folders, so the proof's parents count as beside it.
            near = [] if self.folder is None else [self.folder, *self.folder.resolve().parents][:3]
            for folder in (Path(), *near):
                if exists(folder / value):
                    return Document.of(folder / value, self.limits)
        try:
            return Document.of(value, self.limits)
        except UsageError as error:
            raise UsageError(error.text, f"{name} is the path itself: {name}=FILE") from None


def normal_hash(text: str, name: str, digits: tuple[int, ...] = (64,)) -> str:
    """A hash typed by a person to lower-case hex. Raises UsageError for a wrong length."""
    cleaned = "".join(text.split()).lower().removeprefix("0x")
    if not cleaned or set(cleaned) - set("0123456789abcdef"):
        raise UsageError(f"{name}: not a hexadecimal number")
    if len(cleaned) not in digits:
        wanted = " or ".join(map(str, digits))
        raise UsageError(
            f"{name}: {len(cleaned)} hexadecimal digits, this scheme's has {wanted}",
            "copy all of it from the exchange's page",
        )
    return cleaned


def _refuse_odd(value: Any, name: str, kind: FactKind) -> None:
    """What no JSON could say: half of a surrogate pair in a text, members without names.

    Paths may hold such halves: file names are bytes.
    """
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise UsageError(f"{name}: its members must have names")
        for item in value.values():
            _refuse_odd(item, name, kind)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_odd(item, name, kind)
    elif isinstance(value, str) and kind in (FactKind.TEXT, FactKind.SECRET, FactKind.HASH):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{name} is not a text") from None


def _given_json(text: str, name: str) -> Any:
    try:
        return parse_json(text.encode("utf-8", "replace"))
    except Malformed as error:
        raise UsageError(f"{name}: {error.text}", "it is read as JSON text") from None


def _given_amount(value: object, name: str) -> Decimal:
    try:
        return amount(value, name)
    except Malformed as error:
        raise UsageError(f"{name}: {error.text}", "write it out, like 1000.5") from None


class Findings:
    """What a scheme's judge has established so far.

    The judge sets the public attributes as it learns them and calls `passed`, `check`, `warn`...;
    a failed `check` raises Invalid, which ends the judge. `verdict` applies the one rule.
    """

    def __init__(self, scheme: Scheme, document: Document) -> None:
        self.scheme = scheme
        self.document = document
        # A judge sets these where one scheme serves several exchanges and the file names one.
        self.exchange = scheme.exchange
        self.exchange_name = scheme.exchange_name
        self.version: str | None = None
        self.snapshot = Snapshot()
        self.root: Root | None = None
        self.account: Account | None = None
        self.published: Balances = {}
        self.scope: Scope | None = None
        self.totals_claim = scheme.assurance.totals_claim
        self.claims_inclusion = scheme.assurance.claims_inclusion
        self.headline: str | None = None
        # For judges whose sentence holds only if what comes after them goes well, by state.
        self.headlines: dict[State, str] = {}
        self.lines: dict[About, str] = {}
        self.details: dict[str, Any] = {}
        self.nodes: list[Node] = []
        self.checks: list[Check] = []
        self.warnings: list[Caution] = []
        self.errors: list[Problem] = []
        self.compares: list[Compare] = []
        self.listed_violations = VIOLATIONS
        self._about = About.INCLUDED
        self._finished = False
        self._listed: list[dict[str, Any]] = []
        self._violations: Counter[str] = Counter()
        self._violation_about: dict[str, About] = {}
        self._violation_first: dict[str, tuple[str, str]] = {}
        self._merged = 0

    # -- what a judge says ------------------------------------------------------------------

    def about(self, about: About) -> None:
        """Which question the checks from here on (and an Invalid raised) belong to."""
        self._about = about

    def passed(
        self,
        id: str,
        text: str,
        *,
        about: About | None = None,
        expected: str | None = None,
        computed: str | None = None,
    ) -> None:
        self._add(id, CheckStatus.PASS, text, about, None, expected, computed)

    def check(
        self,
        holds: bool,
        id: str,
        text: str,
        otherwise: str,
        *,
        about: About | None = None,
        where: str | None = None,
        expected: str | None = None,
        computed: str | None = None,
    ) -> None:
        """Records `text` as passed where `holds`; else raises Invalid(id, otherwise)."""
        if about is not None:
            self._about = about
        if not holds:
            raise Invalid(id, otherwise, where=where, expected=expected, computed=computed)
        self.passed(id, text, expected=expected, computed=computed)

    def failed(
        self,
        id: str,
        text: str,
        *,
        about: About | None = None,
        where: str | None = None,
        expected: str | None = None,
        computed: str | None = None,
    ) -> None:
        """Records a failed check and goes on: for findings that don't hide what comes after."""
        Invalid(id, text)  # the reason must be documented
        self._add(id, CheckStatus.FAIL, text, about, where, expected, computed)

    def violation(
        self,
        reason: str,
        text: str,
        where: str,
        count: int = 1,
        *,
        line: int | None = None,
        listed: bool = True,
    ) -> None:
        """One of possibly many broken rows of a ledger: the first are listed, all are counted.

        count: rows of the same kind that this call stands for (only the first is described).
        line: of the file, counted from 1. listed: False for what only adds to a row that is listed
        for another reason.
        """
        Invalid(reason, text)  # the reason must be documented
        if not listed:
            self._merged += count
        elif len(self._listed) < self.listed_violations:
            self._listed.append({"class": reason, "where": where, "line": line, "text": text})
        self._violation_first.setdefault(reason, (text, where))
        self._violations[reason] += count
        self._violation_about.setdefault(reason, self._about)

    @property
    def violations(self) -> int:
        """Broken rows so far."""
        return sum(self._violations.values())

    def not_checked(self, id: str, text: str, *, about: About | None = None) -> None:
        """Something the scheme wants checked was not: the state is at best `incomplete`."""
        self._add(id, CheckStatus.NOT_CHECKED, text, about, None, None, None)

    def unconfirmed(self, id: str, text: str, *, about: About | None = None) -> None:
        """All is consistent, but hangs on a fact that came from nowhere else than the file."""
        self._add(id, CheckStatus.UNCONFIRMED, text, about, None, None, None)

    def warn(self, id: str, text: str) -> None:
        if all(known.id != id or known.text != text for known in self.warnings):
            self.warnings.append(Caution(id, text))

    def compare(self, what: str, with_: str) -> None:
        self.compares.append(Compare(what, with_))

    def published_root(self, value: str, given: Given, name: str = "root") -> None:
        """The trust anchor: compares the root the file leads to with the one given from outside.

        value: lower-case hex. Raises Invalid root-mismatch where they differ.
        """
        self.anchor(value, given.hash(name), given.source(name))

    def anchor(self, value: str, wanted: str | None, source: str) -> None:
        """As `published_root`, for a root that its scheme reads itself (not plain hex).

        wanted: the published root in the same form as value, None where none was given.
        """
        self._about = About.ROOT
        self.root = Root(value)
        if wanted is None:
            self.unconfirmed("root-not-given", "the root in the file is confirmed by nobody")
            return
        if wanted != value:
            raise Invalid(
                "root-mismatch",
                "the file leads to another root than the published one",
                expected=wanted,
                computed=value,
            )
        self.root = Root(value, source, confirmed=True)
        words = _SOURCES.get(source, source)
        self.passed("root", f"equals {words}", expected=wanted, computed=value)

    def _add(
        self,
        id: str,
        status: CheckStatus,
        text: str,
        about: About | None,
        where: str | None,
        expected: str | None,
        computed: str | None,
    ) -> None:
        about = about or self._about
        self.checks.append(Check(id, about, status, text, where, expected, computed))

    # -- what comes of it -------------------------------------------------------------------

    def finish(self) -> None:
        """Called by `run` when the judge came to its end."""
        self._finished = True

    def _outcome(self, about: About) -> CheckStatus | None:
        found = {check.status for check in self.checks if check.about is about}
        for status in (CheckStatus.FAIL, CheckStatus.NOT_CHECKED, CheckStatus.UNCONFIRMED):
            if status in found:
                return status
        return CheckStatus.PASS if found else None

    def _inclusion(self) -> Inclusion:
        if not self.claims_inclusion:
            return Inclusion.NOT_CLAIMED
        included = self._outcome(About.INCLUDED)
        if included is CheckStatus.FAIL or self._outcome(About.ROOT) is CheckStatus.FAIL:
            return Inclusion.FAILS
        if included is not CheckStatus.PASS or self.errors:
            return Inclusion.NOT_CHECKED
        # Inclusion was judged to the end once a later question was reached.
        later = any(check.about is not About.INCLUDED for check in self.checks)
        return Inclusion.HOLDS if self._finished or later else Inclusion.NOT_CHECKED

    def _totals(self, inclusion: Inclusion) -> Totals:
        if self.totals_claim is Totals.NOT_CLAIMED:
            return Totals.NOT_CLAIMED
        outcome = self._outcome(About.TOTALS)
        if outcome is CheckStatus.FAIL:
            return Totals.FAILS
        if outcome is CheckStatus.PASS and self._finished and inclusion is not Inclusion.FAILS:
            return self.totals_claim
        return Totals.NOT_CHECKED

    def _state(self, inclusion: Inclusion, totals: Totals) -> State:
        statuses = {check.status for check in self.checks}
        if self.errors:
            return State.MALFORMED
        if CheckStatus.FAIL in statuses:
            return State.INVALID
        unjudged = Inclusion.NOT_CHECKED is inclusion or Totals.NOT_CHECKED is totals
        if CheckStatus.NOT_CHECKED in statuses or unjudged or not self._finished:
            return State.INCOMPLETE
        if CheckStatus.UNCONFIRMED in statuses or not self._anchored():
            return State.UNCONFIRMED
        return State.VALID

    def _anchored(self) -> bool:
        """Whether what the proof hangs on came from outside the file."""
        return self.root is not None and self.root.confirmed

    def _settle_violations(self) -> None:
        """One failed check for each class of violations, in front of what came after them."""
        later, self.checks = self.checks, []
        for reason, count in self._violations.items():
            text, where = self._violation_first[reason]
            more = f", and {count - 1} more" if count > 1 else ""
            about = self._violation_about[reason]
            self.failed(reason, f"{text}{more}", about=about, where=where)
        self.checks.extend(later)
        if self._violations:
            self.details["violations"] = {
                "listed": self._listed,
                "more": self.violations - len(self._listed) - self._merged,
                "counts": dict(self._violations),
            }

    def verdict(self) -> Verdict:
        self._settle_violations()
        inclusion = self._inclusion()
        totals = self._totals(inclusion)
        document = self.document
        state = self._state(inclusion, totals)
        return Verdict(
            state=state,
            scheme=self.scheme.id,
            exchange=self.exchange,
            exchange_name=self.exchange_name,
            file=FileInfo(document.name, document.size, document.sha256),
            version=self.version,
            snapshot=self.snapshot,
            inclusion=inclusion,
            totals=totals,
            root=self.root,
            account=self.account,
            published=self.published,
            scope=self.scope,
            checks=tuple(self.checks),
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
            compare=tuple(self.compares),
            nodes=tuple(self.nodes),
            lines=dict(self.lines),
            headline=self.headlines.get(state, self.headline),
            details=dict(self.details),
        )


_SOURCES = {
    "option": "the one you gave (--root)",
    "prompt": "the one you pasted",
    "attestation": "the one in the attestation you gave",
    "pin": "the one you pinned",
}


def run(scheme: Scheme, document: Document, given: Given) -> Verdict:
    """Judges one document by one scheme. Never raises for what is in the document.

    Raises UsageError only (what the caller gave).
    """
    findings = Findings(scheme, document)
    bound = given.for_scheme(scheme)
    findings.listed_violations = bound.execution.violations
    try:
        scheme.judge(document, bound, findings)
        _published_totals(bound, findings)
        _own_balances(bound, findings)
        findings.finish()
    except Malformed as error:
        findings.errors.append(Problem(error.reason, error.text, error.where, error.hints))
    except Invalid as error:
        findings.failed(
            error.reason,
            error.text,
            where=error.where,
            expected=error.expected,
            computed=error.computed,
        )
    except Incomplete as error:
        findings.not_checked(error.reason, error.text)
    return findings.verdict()


def _published_totals(given: Given, findings: Findings) -> None:
    """Compares totals given from outside with those in the file, for schemes that don't."""
    if "totals" not in findings.scheme.facts:
        compare_totals(given, findings)


def compare_totals(given: Given, findings: Findings) -> None:
    """Compares totals given from outside with findings.published. Raises Invalid, UsageError."""
    totals = given.amounts("totals")
    if totals is None:
        return
    if not findings.published:
        raise UsageError("totals: this file has no totals to compare with")
    findings.about(About.TOTALS)
    _compare(
        findings, totals, findings.published, "total-mismatch", "the published total", "published"
    )


def _own_balances(given: Given, findings: Findings) -> None:
    """Compares the user's own statement (--expect) with the balances in the file."""
    expected = given.amounts("expect")
    if expected is None:
        return
    account = findings.account
    if account is None:
        raise UsageError("expect: this file has no balances to compare with")
    findings.account = Account(account.id, account.balances, expected)
    findings.about(About.INCLUDED)
    _compare(
        findings,
        expected,
        account.balances,
        "balance-mismatch",
        "your own figure",
        "your own figure",
    )


def _compare(
    findings: Findings, wanted: Balances, shown: Balances, reason: str, equals: str, other: str
) -> None:
    """Each wanted amount against the file's (an absent one is zero). Raises Invalid."""
    for asset, figure in wanted.items():
        found = shown.get(asset, ZERO)
        findings.check(
            found == figure,
            reason,
            f"{asset}: equals {equals}",
            f"{asset}: the file says {grouped(found)}, {other} is {grouped(figure)}",
            expected=plain(figure),
            computed=plain(found),
        )
