"""The one sentence of each verdict: true when pasted alone into a chat.

Never "safe", "fully backed", "audited" or "passed"; the exact class follows once in parentheses
for the expert to search (ux.md, rules 1, 5 and 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from merkle_por.verdict import About, CheckStatus, Inclusion, State, Totals, Verdict

if TYPE_CHECKING:
    from merkle_por.crosscheck import Together


def possessive(name: str) -> str:
    """ "OKX" -> "OKX's"."""
    return f"{name}'s"


def _audit(verdict: Verdict) -> str:
    return f" (audit {verdict.snapshot.id})" if verdict.snapshot.id else ""


def sentence(verdict: Verdict) -> str:
    """The sentence behind the verdict's first word."""
    name = verdict.exchange_name or "the exchange"
    if verdict.headline is not None:
        return verdict.headline.format(name=name, possessive=possessive(name))
    match verdict.state:
        case State.MALFORMED:
            problem = verdict.errors[0]
            place = f" ({problem.where})" if problem.where else ""
            return f"This can't be checked: {problem.text}{place} ({problem.reason})."
        case State.VALID:
            return _valid(verdict, name)
        case State.UNCONFIRMED:
            return _unconfirmed(verdict, name)
        case State.INCOMPLETE:
            return _incomplete(verdict)
        case State.INVALID:
            return _invalid(verdict, name)


def _valid(verdict: Verdict, name: str) -> str:
    whose = possessive(name)
    if verdict.inclusion is Inclusion.NOT_CLAIMED:
        return f"{whose} published figures add up to the root{_audit(verdict)}."
    if verdict.scope is not None and verdict.scope.leaf != "recomputed":
        return f"The leaf in this file is in {whose} tree{_audit(verdict)}."
    if verdict.totals is Totals.HOLDS:
        audit = f" {verdict.snapshot.id}" if verdict.snapshot.id else ""
        return f"Your balances are in {whose} tree{audit}, and its sums hold."
    return f"Your account is in {whose} tree{_audit(verdict)}."


def _unconfirmed(verdict: Verdict, name: str) -> str:
    if verdict.root is not None and not verdict.root.confirmed:
        return f"The file agrees with itself. Is its root the one {name} published?"
    open_checks = [c for c in verdict.checks if c.status is CheckStatus.UNCONFIRMED]
    what = open_checks[0].text if open_checks else "what it hangs on is confirmed by nobody"
    return f"The file agrees with itself, but {what}."


def _incomplete(verdict: Verdict) -> str:
    open_checks = [c for c in verdict.checks if c.status is CheckStatus.NOT_CHECKED]
    if open_checks:
        return f"Not everything could be checked: {open_checks[0].text} ({open_checks[0].id})."
    return "Not everything could be checked."


def _invalid(verdict: Verdict, name: str) -> str:
    failed = next(c for c in verdict.checks if c.status is CheckStatus.FAIL)
    if failed.id == "root-mismatch":
        return "This file is not from the tree whose root was published (root-mismatch)."
    if failed.id == "balance-mismatch":
        return "The balances in this file are not the ones you expect (balance-mismatch)."
    if failed.id == "leaf-hash":
        return "This file was changed, or is not from this tree (leaf-hash)."
    if failed.about is About.TOTALS and verdict.inclusion is Inclusion.HOLDS:
        if verdict.root is not None and verdict.root.confirmed:
            return f"You are in {possessive(name)} tree, but its totals can't be relied on."
        return f"The totals in this file can't be relied on ({failed.id})."
    return f"This file does not hold: {failed.text} ({failed.id})."


def of_all(verdicts: Sequence[Verdict], together: Together | None) -> str:
    """The sentence on several files: the first that decides, or what all share."""
    from merkle_por.verdict import worst

    if len(verdicts) == 1:
        return sentence(verdicts[0])
    state = worst([v.state for v in verdicts] + ([together.state] if together else []))
    if together is not None and together.state is state:
        return together.sentence
    if state is State.VALID:
        return f"All {len(verdicts)} proofs hold, and they don't contradict each other."
    names = {v.exchange_name for v in verdicts}
    if state is State.UNCONFIRMED and len({v.root for v in verdicts}) == 1 and len(names) == 1:
        return (
            f"All {len(verdicts)} files agree with themselves and with each other. "
            f"Is their root the one {names.pop()} published?"
        )
    count = sum(v.state is state for v in verdicts)
    first = next(v for v in verdicts if v.state is state)
    return f"{count} of {len(verdicts)} files: {sentence(first)}"


def warnings_counted(count: int) -> str:
    """ "One warning.", "3 warnings." or ""."""
    return "" if count == 0 else "One warning." if count == 1 else f"{count} warnings."
