"""A verdict fit to be posted in public (--redact): without account, balances and file name.

What stays: states, exchange, audit, roots, published totals, class names. Sentences that a
scheme wrote may quote the file, so those of failures give way to the table of reasons, and any
other that repeats something private is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from merkle_por.amounts import plain, stripped
from merkle_por.reasons import REASONS
from merkle_por.verdict import About, Caution, Check, CheckStatus, FileInfo, Problem, Verdict

if TYPE_CHECKING:
    from merkle_por.crosscheck import Together

LEFT_OUT = "(redacted)"
_WORDS = re.compile(r"[^\s;:()\"']+")


def redacted(verdict: Verdict) -> Verdict:
    """The verdict on one file without what is private; its file has no name."""
    private = _private(verdict)
    return replace(
        verdict,
        file=FileInfo("", verdict.file.bytes, verdict.file.sha256),
        account=None,
        checks=tuple(_check(check, private) for check in verdict.checks),
        warnings=tuple(Caution(w.id, _text(w.text, private)) for w in verdict.warnings),
        errors=tuple(Problem(e.reason, REASONS[e.reason], e.where) for e in verdict.errors),
        compare=tuple(c for c in verdict.compare if _text(c.with_, private) != LEFT_OUT),
        nodes=(),
        lines={k: text for k, text in verdict.lines.items() if _text(text, private) != LEFT_OUT},
        headline=verdict.headline if _text(verdict.headline or "", private) != LEFT_OUT else None,
        details={},
    )


def redacted_together(together: Together) -> Together:
    """The judgement on several files without their names and amounts."""
    checks = tuple(_check(check, frozenset(together.names)) for check in together.checks)
    return replace(together, checks=checks, conflicts=(), names=(), exceeded={})


def _private(verdict: Verdict) -> frozenset[str]:
    """Texts that must not show: the account's id, its amounts, the file's name."""
    found = {verdict.file.name} if verdict.file.name else set()
    account = verdict.account
    if account is not None:
        found |= {account.id} if account.id else set()
        amounts = [*account.balances.values(), *(account.expected or {}).values()]
        for value in filter(None, amounts):
            texts = (plain(value), stripped(value))
            found |= {*texts, *(text.removeprefix("-") for text in texts)}
    return frozenset(found)


def _text(text: str, private: Iterable[str]) -> str:
    words = {word.strip(".,").replace(",", "") for word in _WORDS.findall(text)}
    long = (item for item in private if len(item) > 3)
    return LEFT_OUT if words & set(private) or any(item in text for item in long) else text


def _check(check: Check, private: frozenset[str]) -> Check:
    failed = check.status is CheckStatus.FAIL
    text = REASONS.get(check.id, LEFT_OUT) if failed else _text(check.text, private)
    if check.about is About.ROOT:
        return replace(check, text=text, where=None)
    return replace(check, text=text, where=None, expected=None, computed=None)
