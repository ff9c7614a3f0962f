"""What every function up the house returns: states, checks, and the verdict on one file.

A verdict answers two questions apart (design, "Two answers"): is the leaf included, and can the
totals under the root be relied on. The state follows from the checks by one rule, here and
nowhere else; it can be `valid` only if the scheme ran to its end, what the scheme claims to show
was shown by at least one passed check, and the root came from outside the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Verdict states; `exit` is the exit status of every command."""

    VALID = "valid"
    INVALID = "invalid"
    MALFORMED = "malformed"
    UNCONFIRMED = "unconfirmed"
    INCOMPLETE = "incomplete"

    @property
    def exit(self) -> int:
        return _EXIT[self]


_EXIT = {
    State.VALID: 0,
    State.INVALID: 1,
    State.MALFORMED: 3,
    State.UNCONFIRMED: 4,
    State.INCOMPLETE: 5,
}
WORST_FIRST = (
    State.MALFORMED,
    State.INVALID,
    State.INCOMPLETE,
    State.UNCONFIRMED,
    State.VALID,
)


def worst(states: Iterable[State]) -> State:
    """The worst of several states; no state at all is `malformed` (nothing checked)."""
    found = set(states)
    return next((state for state in WORST_FIRST if state in found), State.MALFORMED)


class CheckStatus(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    UNCONFIRMED = "unconfirmed"
    NOT_CHECKED = "not-checked"


class About(StrEnum):
    """The question a check belongs to; the terminal shows one line for each."""

    INCLUDED = "included"
    TOTALS = "totals"
    ROOT = "root"
    PROOF = "proof"  # zk proofs and their keys
    LEDGER = "ledger"  # rows of a published ledger
    LIST = "list"  # rows of a published wallet list
    OWNERSHIP = "ownership"
    BALANCES = "balances"


class Inclusion(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    NOT_CLAIMED = "not-claimed"
    NOT_CHECKED = "not-checked"


class Totals(StrEnum):
    """What a file shows about the totals.

    HOLDS: the scheme binds every balance on the path (or the whole ledger was recomputed).
    BOUND: the figures are bound to the root, but the scheme can't show that they are complete.
    """

    HOLDS = "holds"
    BOUND = "bound"
    FAILS = "fails"
    NOT_CLAIMED = "not-claimed"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True)
class Check:
    """One check: what was looked at and how it came out.

    id: name of the check; for a failed one the class name of what is wrong (reasons.py).
    where: place in the file; expected, computed: the two values compared, where there are two.
    """

    id: str
    about: About
    status: CheckStatus
    text: str
    where: str | None = None
    expected: str | None = None
    computed: str | None = None


@dataclass(frozen=True)
class Caution:
    """Something the reader must know although the check passed; `id` is its class name."""

    id: str
    text: str


@dataclass(frozen=True)
class Problem:
    """Why a file is malformed: class name, sentence, place, what to do. file: its name, where the
    result is not about that one file."""

    reason: str
    text: str
    where: str | None = None
    hints: tuple[str, ...] = ()
    file: str | None = None

    @property
    def place(self) -> str | None:
        """File and place in it."""
        return ", ".join(filter(None, (self.file, self.where))) or None


def deciding(errors: Sequence[Problem], checks: Sequence[Check]) -> str | None:
    """Class name of what decided against a file: its first problem, else its first failed check;
    None where nothing did."""
    if errors:
        return errors[0].reason
    return next((check.id for check in checks if check.status is CheckStatus.FAIL), None)


@dataclass(frozen=True)
class FileInfo:
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """Which audit: the exchange's id, and its UTC time (RFC 3339) where known."""

    id: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Root:
    """The commitment the file leads to.

    source: where the published one came from: option, attestation, pin, prompt, shipped; None
    if from nowhere else than the file. confirmed: it was compared with that and is equal.
    """

    value: str
    source: str | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class Account:
    """The user's own part: id as the file names it, balances per asset (whole coins)."""

    id: str | None
    balances: Mapping[str, Decimal]
    expected: Mapping[str, Decimal] | None = None


@dataclass(frozen=True)
class Scope:
    """What was bound by the checks, field by field (see ux.md, `scope`).

    leaf: recomputed | given | disclosed-by-file; own_balance: bound | stated | not-bound;
    totals: bound | stated | not-claimed; others_non_negative: shown | on-path | not-shown;
    complete: shown | not-shown; hash_bits: strength of the node hash; levels: path length.
    """

    leaf: str = "recomputed"
    own_balance: str = "bound"
    totals: str = "bound"
    others_non_negative: str = "on-path"
    complete: str = "not-shown"
    hash_bits: int | None = None
    levels: int | None = None


@dataclass(frozen=True)
class Compare:
    """Something the user must still compare with his own eyes."""

    what: str
    with_: str


@dataclass(frozen=True)
class Node:
    """One node of a path, from the leaf (level 0) up; evidence for the ladder and for `compare`.

    role: leaf | sibling | rebuilt | root. side: which child the node is. balances: whole coins,
    empty where the scheme has none. user: id bound to a leaf. status: ok, or what is wrong.
    """

    level: int
    role: str
    hash: str
    side: str | None = None
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    user: str | None = None
    padding: bool = False
    status: str = "ok"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one proof, ledger or proof set. `state.exit` is the exit status."""

    state: State
    scheme: str | None
    exchange: str | None
    exchange_name: str | None
    file: FileInfo
    version: str | None = None
    snapshot: Snapshot = Snapshot()
    inclusion: Inclusion = Inclusion.NOT_CHECKED
    totals: Totals = Totals.NOT_CHECKED
    root: Root | None = None
    account: Account | None = None
    published: Mapping[str, Decimal] = field(default_factory=dict)
    scope: Scope | None = None
    checks: tuple[Check, ...] = ()
    warnings: tuple[Caution, ...] = ()
    errors: tuple[Problem, ...] = ()
    compare: tuple[Compare, ...] = ()
    nodes: tuple[Node, ...] = ()
    lines: Mapping[About, str] = field(default_factory=dict)
    headline: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str | None:
        """Class name of what decided against the file, None where nothing did."""
        return deciding(self.errors, self.checks)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence that stays true when pasted alone into a chat."""
        from merkle_por.report.sentences import sentence

        return sentence(self)

    def to_json(self, **options: bool) -> dict[str, Any]:
        """The document of one proof in `merkle-por/verify/1` (see report.json_document)."""
        from merkle_por.report.json_document import proof_document

        return proof_document(self, **options)
