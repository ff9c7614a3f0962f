"""JSON documents: `merkle-por/verify/1` and its parts, stable and published in schemas/.

Amounts, ratios and hashes are strings; no field is absent, unknown is null; words are lower
case. New optional fields keep the major number.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import plain
from merkle_por.clock import age_days, now
from merkle_por.verdict import Check, Node, Problem, State, Verdict
from merkle_por.version import __version__

if TYPE_CHECKING:
    from merkle_por.api import Audit, Verification


def envelope(command: str, state: State, sentence: str) -> dict[str, Any]:
    """What every document opens with."""
    return {
        "schema": f"merkle-por/{command}/1",
        "version": __version__,
        "time": now(),
        "state": state.value,
        "exit": state.exit,
        "sentence": sentence,
    }


def figures(balances: Mapping[str, Decimal] | None) -> dict[str, str] | None:
    """asset -> decimal text."""
    return None if balances is None else {asset: plain(v) for asset, v in balances.items()}


def check_document(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "about": check.about.value,
        "status": check.status.value,
        "text": check.text,
        "where": check.where,
        "expected": check.expected,
        "computed": check.computed,
    }


def problem_document(problem: Problem) -> dict[str, Any]:
    return {
        "class": problem.reason,
        "text": problem.text,
        "where": problem.where,
        "hints": list(problem.hints),
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "level": node.level,
        "role": node.role,
        "side": node.side,
        "hash": node.hash,
        "balances": figures(node.balances),
        "padding": node.padding,
        "status": node.status,
    }


def proof_document(verdict: Verdict, *, path: bool = False, redact: bool = False) -> dict[str, Any]:
    """One file's verdict. path adds `nodes`; redact drops account, balances and file name."""
    if redact:
        from merkle_por.report.redact import redacted

        verdict = redacted(verdict)
    root, account, scope = verdict.root, verdict.account, verdict.scope
    document: dict[str, Any] = {
        "file": {
            "name": verdict.file.name or None,
            "bytes": verdict.file.bytes,
            "sha256": verdict.file.sha256,
        },
        "scheme": verdict.scheme,
        "exchange": verdict.exchange,
        "variant": verdict.version,
        "snapshot": {
            "id": verdict.snapshot.id,
            "time": verdict.snapshot.time,
            "age_days": age_days(verdict.snapshot.time),
        },
        "state": verdict.state.value,
        "sentence": verdict.sentence,
        "reason": verdict.reason,
        "inclusion": verdict.inclusion.value,
        "totals": verdict.totals.value,
        "root": None
        if root is None
        else {"value": root.value, "source": root.source, "confirmed": root.confirmed},
        "account": None
        if account is None
        else {
            "id": account.id,
            "balances": figures(account.balances),
            "expected": figures(account.expected),
        },
        "published": figures(verdict.published),
        "scope": None
        if scope is None
        else {
            "leaf": scope.leaf,
            "own_balance": scope.own_balance,
            "totals": scope.totals,
            "others_non_negative": scope.others_non_negative,
            "complete": scope.complete,
            "hash_bits": scope.hash_bits,
            "levels": scope.levels,
        },
        "checks": [check_document(check) for check in verdict.checks],
        "warnings": [{"class": w.id, "text": w.text} for w in verdict.warnings],
        "errors": [problem_document(problem) for problem in verdict.errors],
        "compare": [{"what": c.what, "with": c.with_} for c in verdict.compare],
        "details": jsonable(verdict.details),
    }
    if path and not redact:
        document["nodes"] = [_node(node) for node in verdict.nodes]
    return document


def jsonable(value: Any) -> Any:
    """A value of our own results with amounts as text."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _public(verdict: Verdict) -> dict[str, Any]:
    kept = ("counts", "violations")
    return {key: jsonable(verdict.details[key]) for key in kept if key in verdict.details}


def audit_document(audit: Audit, *, path: bool = False, redact: bool = False) -> dict[str, Any]:
    """The whole document of `merkle-por audit`: one verdict, its counts and violations."""
    if redact:
        audit = audit.redacted()
    verdict = audit.verdict
    proof = proof_document(verdict, path=path)
    # What was counted and what is wrong in a public ledger is nobody's own: it stays if redacted.
    details = {**proof.pop("details"), **_public(verdict)}
    violations = {"listed": [], "more": 0, "counts": {}}
    return {
        **envelope("audit", verdict.state, verdict.sentence),
        **{key: value for key, value in proof.items() if key not in ("state", "sentence")},
        "liabilities": figures(verdict.published),
        "counts": details.pop("counts", {}),
        "violations": details.pop("violations", violations),
        "details": details,
    }


def verify_document(
    verification: Verification, *, path: bool = False, redact: bool = False
) -> dict[str, Any]:
    """The whole document of `merkle-por verify`."""
    together = verification.together
    if redact:
        verification = verification.redacted()
    warnings = {
        (w.id, w.text): {"class": w.id, "text": w.text}
        for verdict in verification.proofs
        for w in verdict.warnings
    }
    errors = [problem_document(p) for verdict in verification.proofs for p in verdict.errors]
    return {
        **envelope("verify", verification.state, verification.sentence),
        "warnings": list(warnings.values()),
        "errors": errors,
        "together": None if together is None else together.to_json(redact=redact),
        "proofs": [proof_document(v, path=path and not redact) for v in verification.proofs],
    }
