"""Terminal text of `audit`: what was recomputed, what is broken and where (ux.md, example h)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import ZERO, grouped
from merkle_por.report.sentences import warnings_counted
from merkle_por.report.text import Page, safe
from merkle_por.report.verify_text import proof_lines, root_lines, snapshot_line
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
    violations = verdict.details.get("violations", {})
    _violations(violations, verdict.sentence, page)
    _checks(verdict, set(violations.get("counts", ())), page)
    if verdict.account is not None:
        page.balances("yours", verdict.account.balances)
    _stated(verdict, page)
    _loans(verdict, page)
    counts = verdict.details.get("counts", {})
    if "checked" in verdict.details:
        page.labelled("checked", str(verdict.details["checked"]))
    elif counts:
        page.labelled("checked", "; ".join(f"{grouped_count(v)} {k}" for k, v in counts.items()))
    snapshot_line(verdict, page)
    root_lines(verdict, page)
    return page


def _stated(verdict: Verdict, page: Page) -> None:
    """The totals that the ledger states, and what its leaves hold where that is another figure."""
    published = dict(verdict.published)
    owed = verdict.details.get("owed_at_least", {})
    if len(published) == 1 and owed:
        (asset, stated), (_, held) = next(iter(published.items())), next(iter(owed.items()))
        name = safe(asset)
        text = f"{name} {grouped(stated)}      owed at least  {name} {grouped(held)}"
        if page.indent + len(text) <= page.width:
            page.labelled("stated", text)
        else:
            page.labelled("stated", f"{name} {grouped(stated)}")
            page.labelled("owed", f"at least {name} {grouped(held)}")
        return
    for label, figures in (("stated", published), ("owed", owed)):
        shown = dict(list(figures.items())[:ASSETS_IN_TABLE])
        if shown:
            page.balances(label, shown)
        if len(figures) > len(shown):
            page.labelled("", f"and {len(figures) - len(shown)} more assets (all in --json)")


def _loans(verdict: Verdict, page: Page) -> None:
    """What customers owe in each asset, and what of it all customers pledged for their loans."""
    debts: dict[str, Decimal] = {}
    notes: list[str] = []
    for row in verdict.details.get("assets", ()):
        pledged = sum(row["collateral"].values(), ZERO)
        if row["debt"] or pledged:
            debts[row["symbol"].upper()] = row["debt"]
            notes.append(f"pledged {grouped(pledged)}" if row["collateral"] else "")
    if debts:
        page.balances("loans", dict(list(debts.items())[:ASSETS_IN_TABLE]), notes)
    if len(debts) > ASSETS_IN_TABLE:
        page.labelled("", f"and {len(debts) - ASSETS_IN_TABLE} more assets (all in --json)")


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


def _violations(violations: dict[str, Any], sentence: str, page: Page) -> None:
    listed = violations.get("listed", [])
    for item in listed[:VIOLATIONS_SHOWN]:
        # The class stands once: in the sentence, or with the row.
        named = "" if f"({item['class']})" in sentence else f" ({item['class']})"
        page.standing("fail", f"{safe(item['where'], 40)}: {item['text']}{named}")
    more = violations.get("more", 0) + max(0, len(listed) - VIOLATIONS_SHOWN)
    if more:
        page.labelled("", f"and {more:,} more (the first {len(listed)} are in --json)")
