"""Terminal text of `audit`: what was recomputed, what is broken and where (ux.md, example h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from merkle_por.report.sentences import warnings_counted
from merkle_por.report.text import Page, safe
from merkle_por.report.verify_text import proof_lines, root_lines
from merkle_por.verdict import About, CheckStatus, State, Verdict

if TYPE_CHECKING:
    from merkle_por.api import Audit

ASSETS_IN_TABLE = 12
VIOLATIONS_SHOWN = 5


def audit_page(audit: Audit, page: Page) -> Page:
    """The whole output of `merkle-por audit`."""
    verdict = audit.verdict
    if verdict.account is not None and not verdict.details.get("counts"):
        proof_lines(verdict, page)
        return page
    counted = warnings_counted(len(verdict.warnings)) if verdict.state is State.VALID else ""
    page.headline(verdict.state.value, f"{verdict.sentence} {counted}".strip())
    for warning in verdict.warnings:
        page.warning(warning.text)
    _violations(verdict.details.get("violations"), page)
    failed = {item["class"] for item in verdict.details.get("violations", {}).get("listed", ())}
    _checks(verdict, failed, page)
    if verdict.account is not None:
        page.balances("yours", verdict.account.balances)
    published = dict(verdict.published)
    if published:
        shown = dict(list(published.items())[:ASSETS_IN_TABLE])
        page.balances("stated", shown)
        if len(published) > len(shown):
            page.labelled("", f"and {len(published) - len(shown)} more assets (all in --json)")
    counts = verdict.details.get("counts", {})
    if counts:
        page.labelled("checked", "; ".join(f"{grouped_count(v)} {k}" for k, v in counts.items()))
    root_lines(verdict, page)
    return page


def _checks(verdict: Verdict, listed: set[str], page: Page) -> None:
    """Every check but the root's (shown last) and the violations (shown first)."""
    about = ""
    for check in sorted(verdict.checks, key=lambda check: list(About).index(check.about)):
        if check.id in listed or check.about is About.ROOT:
            continue
        failed = check.status is CheckStatus.FAIL
        label = check.about.value if check.about.value != about else ""
        about = check.about.value
        text = f"{check.text} ({check.id})" if failed else check.text
        page.marked(label, check.status.value, text)


def grouped_count(value: Any) -> str:
    """A count with commas, or a text as it is."""
    return f"{value:,}" if isinstance(value, int) else safe(str(value))


def _violations(violations: dict[str, Any] | None, page: Page) -> None:
    if not violations:
        return
    listed = violations["listed"]
    for item in listed[:VIOLATIONS_SHOWN]:
        page.standing("fail", f"{safe(item['where'], 40)}: {item['text']} ({item['class']})")
    more = violations["more"] + max(0, len(listed) - VIOLATIONS_SHOWN)
    if more:
        page.labelled("", f"and {more:,} more (the first {len(listed)} are in --json)")
