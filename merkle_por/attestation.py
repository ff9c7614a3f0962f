"""Published figures that a user saved: an attestation file, or our own verify or audit document.

Such a file is a trust anchor: it ties a proof to what the exchange showed everybody (design,
section 1). So it is read strictly, and only what was confirmed from outside counts: the root in a
verify document is a fact only where that run had compared it with a published one.

Schema `merkle-por/attestation/1`: {schema, exchange, scheme, snapshot: {id, time}, root, totals:
{asset: "amount"}, net_of_debt, source, seen, facts}; only schema is required. `source` and `seen`
say in the user's words where and when he saw it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
from typing import Any

from merkle_por.amounts import ZERO, add
from merkle_por.documents import Document, Fields
from merkle_por.errors import Finding, Malformed, UsageError
from merkle_por.reserves.holding import SUM_CHARS, strict_amount, strict_asset, strict_time
from merkle_por.reserves.lists.reading import AMOUNT_CHARS
from merkle_por.verdict import State, worst

ATTESTATION = "merkle-por/attestation/1"
VERIFY = "merkle-por/verify/1"
AUDIT = "merkle-por/audit/1"
KEYS = (
    "schema",
    "exchange",
    "scheme",
    "snapshot",
    "root",
    "totals",
    "net_of_debt",
    "source",
    "seen",
    "facts",
    "note",
)
ROOT_CHARS = 200
NET_OF_DEBT = ("binance-zk", "gate-zk", "bitgo-zk")
"""Schemes whose totals are each user's equity less his debt (specs/solvency-ratio.md)."""

FORGEABLE = ("prover-can-forge", "unsound-circuit")
"""Warnings of the zk systems whose prover can show any totals that he likes."""


@dataclass(frozen=True)
class Liabilities:
    """What is owed, with how far that is shown.

    kind: attestation, verify, audit or figures. state: of the verdict behind it; a figure that
    was only published is unconfirmed. totals: whole coins. net_of_debt: whether loans to users are
    already taken off; None where not known. notes: class and text of what a reader must know.
    loans, pledged: what customers owe in each asset, and what of it they pledged for their loans
    (it is still theirs, so part of the totals); {} where not said.
    """

    source: str
    kind: str
    state: State
    totals: Mapping[str, Decimal]
    exchange: str | None = None
    time: str | None = None
    root: str | None = None
    net_of_debt: bool | None = None
    notes: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    loans: Mapping[str, Decimal] = field(default_factory=dict)
    pledged: Mapping[str, Decimal] = field(default_factory=dict)


def schema_of(document: Document) -> str | None:
    """The schema that a JSON document names, None where it names none."""
    value = document.json_or_none
    schema = value.get("schema") if isinstance(value, dict) else None
    return schema if isinstance(schema, str) else None


def facts_of(document: Document) -> dict[str, Any]:
    """The facts that a saved file gives from outside: root, totals, and others by name.

    Raises UsageError for a file that is none or is damaged: what the caller hands in as an anchor
    is never a finding about a proof.
    """
    try:
        found = liabilities_of(document, needed=False)
    except Finding as error:
        place = f", {error.where}" if error.where else ""
        text = f"{document.name}: {error.text}{place} ({error.reason})"
        raise UsageError(text, *error.hints) from None
    facts: dict[str, Any] = dict(found.facts)
    if found.kind != "attestation" and found.state is not State.VALID:
        raise UsageError(
            f"{document.name}: a verdict that is {found.state.value} can't be an anchor",
            "make it again with what it calls unconfirmed: the root from the exchange's page "
            "(--root HEX), the hash of a verifying key (--given vk_sha256=HEX)",
        )
    if found.root is not None:
        facts["root"] = found.root
    if found.totals:
        facts["totals"] = {asset: format(value, "f") for asset, value in found.totals.items()}
    if not facts:
        raise UsageError(f"{document.name}: names neither a root nor totals")
    return facts


def liabilities_of(document: Document, *, needed: bool = True) -> Liabilities:
    """What a saved file says is owed. needed: whether totals must be in it.

    Raises Malformed (no-liabilities where there are none), Invalid negative-balance.
    """
    value = document.json
    top = Fields(value, "", document.limits)
    match schema_of(document):
        case schema if schema == ATTESTATION:
            found = _attestation(top, document)
        case schema if schema == AUDIT:
            found = _verdict(top, "audit", "liabilities", document)
        case schema if schema == VERIFY:
            found = _verify(top, document)
        case None if "liabilities" in top:
            found = _figures(top, document)
        case _:
            raise Malformed(
                "unknown-format",
                "not an attestation, nor a document of verify --json or audit --json",
                "an attestation names its schema: " + ATTESTATION,
            )
    if needed and not found.totals:
        raise Malformed("no-liabilities", "there is no figure of what is owed")
    return found


def amounts_in(fields: Fields, most: int = AMOUNT_CHARS) -> dict[str, Decimal]:
    """Asset -> amount, strictly. Raises Malformed, Invalid negative-balance."""
    if len(fields.members) > fields.limits.assets:
        raise Malformed("too-big", f"{len(fields.members)} assets", where=fields.where)
    return {
        strict_asset(asset, fields.where): strict_amount(value, fields.place(asset), most)
        for asset, value in fields.members.items()
    }


def _text(top: Fields, name: str, most: int = 400) -> str | None:
    return top.text(name, most) if top.members.get(name) is not None else None


def _time(snapshot: Fields | None) -> str | None:
    if snapshot is None or snapshot.members.get("time") is None:
        return None
    return strict_time(snapshot.get("time"), snapshot.place("time"))


def _snapshot(top: Fields) -> Fields | None:
    return top.object("snapshot") if top.members.get("snapshot") is not None else None


def _own_time(top: Fields) -> str | None:
    """The snapshot's time in a document of ours; the exchange may have written it otherwise."""
    try:
        return _time(_snapshot(top))
    except Malformed:
        return None


def _attestation(top: Fields, document: Document) -> Liabilities:
    top.only(*KEYS)
    snapshot = _snapshot(top)
    if snapshot is not None:
        snapshot.only("id", "time")
        _text(snapshot, "id")
    net = top.members.get("net_of_debt")
    if net is not None and not isinstance(net, bool):
        raise Malformed("wrong-type", "net_of_debt is neither true nor false")
    facts = top.object("facts").members if "facts" in top else {}
    for name in ("root", "totals"):
        if name in facts:
            raise Malformed("bad-keys", f"{name} has its own place", where="facts")
    _text(top, "scheme")
    _text(top, "seen")
    return Liabilities(
        source=document.name,
        kind="attestation",
        state=State.UNCONFIRMED,
        totals=amounts_in(top.object("totals")) if top.members.get("totals") is not None else {},
        exchange=_text(top, "exchange", 100),
        time=_time(snapshot),
        root=_text(top, "root", ROOT_CHARS),
        net_of_debt=net,
        facts=facts,
    )


def _state(top: Fields) -> State:
    text = top.text("state", 20)
    if text not in {str(state) for state in State}:
        raise Malformed("bad-field", "not a state of a verdict", where=top.place("state"))
    return State(text)


def _verdict(top: Fields, kind: str, member: str, document: Document) -> Liabilities:
    """One verdict of ours: its published totals count as far as its state goes."""
    scheme = _text(top, "scheme", 100) or ""
    totals = top.members.get(member)
    root = top.object("root") if top.members.get("root") is not None else None
    confirmed = root is not None and root.members.get("confirmed") is True
    notes = []
    if top.members.get("totals") == "bound":
        text = "the format binds the totals but can't show that they are complete"
        notes.append(("totals-bound", text))
    # What a scheme doesn't claim about totals can't become a liability by being shown.
    claimed = top.members.get("totals") in ("holds", "bound")
    state = _state(top)
    loans, pledged = _loans(top)
    if state is State.VALID and not claimed:
        state = State.UNCONFIRMED
        notes.append(("totals-not-claimed", "the format shows nothing about the totals"))
    forgeable = _warned(top).intersection(FORGEABLE)
    if state is State.VALID and forgeable:
        state = State.UNCONFIRMED
        text = "the proof's own maker can forge it: its totals are claimed only"
        notes.extend((name, text) for name in FORGEABLE if name in forgeable)
    return Liabilities(
        source=document.name,
        kind=kind,
        state=state,
        totals=amounts_in(top.object(member), SUM_CHARS) if totals is not None else {},
        exchange=_text(top, "exchange", 100),
        time=_own_time(top),
        root=root.text("value", ROOT_CHARS) if root is not None and confirmed else None,
        net_of_debt=True if scheme.startswith(NET_OF_DEBT) else None,
        notes=tuple(notes),
        facts=_proven_facts(top),
        loans=loans,
        pledged=pledged,
    )


def _warned(top: Fields) -> set[object]:
    """Class names of a verdict's warnings."""
    found = top.array("warnings") if "warnings" in top else []
    return {item.get("class") for item in found if isinstance(item, dict)}


def _loans(top: Fields) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Loans and collateral of each asset that has any, from an audit that lists them."""
    loans: dict[str, Decimal] = {}
    pledged: dict[str, Decimal] = {}
    details = top.object("details") if top.members.get("details") is not None else None
    if details is None or not isinstance(details.members.get("assets"), list):
        return loans, pledged
    for place, item in enumerate(details.array("assets", high=top.limits.assets)):
        row = Fields(item, f"details.assets[{place}]", top.limits)
        asset = strict_asset(row.get("symbol"), row.place("symbol")).upper()
        loans[asset] = strict_amount(row.get("debt"), row.place("debt"), SUM_CHARS)
        kinds = amounts_in(row.object("collateral"), SUM_CHARS)
        pledged[asset] = reduce(add, kinds.values(), ZERO)
    return _any(loans), _any(pledged)


def _any(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Those that are not zero."""
    return {asset: value for asset, value in amounts.items() if value}


def _proven_facts(top: Fields) -> dict[str, Any]:
    """What else a finished audit found that a user's file may be checked against."""
    if top.members.get("details") is None:
        return {}
    details = top.object("details")
    facts = dict(details.object("facts").members) if "facts" in details else {}
    return {name: value for name, value in facts.items() if name not in ("root", "totals")}


def _verify(top: Fields, document: Document) -> Liabilities:
    """A verify document of one proof, or of several that agree on their totals."""
    proofs = top.array("proofs", low=1)
    found = [
        _verdict(Fields(item, f"proofs[{i}]", document.limits), "verify", "published", document)
        for i, item in enumerate(proofs)
    ]
    first = found[0]
    for other in found[1:]:
        if dict(other.totals) != dict(first.totals) or other.root != first.root:
            raise Malformed(
                "source-conflict",
                "proofs of several trees in one document",
                "save one document for each audit",
            )
    return replace(first, state=worst([_state(top), *(one.state for one in found)]))


FIGURE_KEYS = ("liabilities", "exchange", "time", "liabilities_time", "source", "seen", "note")


def _figures(top: Fields, document: Document) -> Liabilities:
    """Plain figures {"liabilities": {asset: "amount"}}, typed from a page."""
    top.only(*FIGURE_KEYS)
    name = "liabilities_time" if "liabilities_time" in top else "time"
    return Liabilities(
        source=document.name,
        kind="figures",
        state=State.UNCONFIRMED,
        totals=amounts_in(top.object("liabilities")),
        exchange=_text(top, "exchange", 100),
        time=strict_time(top.get(name), name) if name in top else None,
    )
