"""Terminal text of `recheck`: same or different, where, and what only the report vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from merkle_por.clock import ago, minute
from merkle_por.report.text import Page, Span, escaped, safe

if TYPE_CHECKING:
    from merkle_por.recheck import Recheck

PLACES_SHOWN = 8
LINE_CHARS = 400
LABEL_CHARS = 10
_WORDS = {"same": "SAME", "differs": "DIFFERS", "not-run": "NOT RUN", "unreadable": "MALFORMED"}
_MATTERS = "A report can't vouch for its own root: look it up where the exchange publishes it."


def recheck_page(result: Recheck, page: Page) -> Page:
    """The whole output of `merkle-por recheck`."""
    word = _WORDS[result.outcome]
    head, *rest = page.wrapped(escaped(result.sentence), page.width - len(word) - 2)
    page.add(Span(word, result.state.value), Span(f"  {head}"))
    for line in rest:
        page.add(Span(" " * (len(word) + 2) + line))
    evidence = result.evidence
    if evidence is not None:
        when = f"{safe(minute(evidence.time), 40)}, {ago(evidence.time) or 'age unknown'}"
        page.labelled("report", f"{evidence.command}, made {when}, by {safe(evidence.version)}")
    if result.again is not None and (result.places or result.unconfirmed):
        page.labelled("now", f"{result.again.state.value.upper()}: {result.again.sentence}")
    for index, place in enumerate(result.places[:PLACES_SHOWN]):
        page.marked("differs" if index == 0 else "", "fail", safe(place, LINE_CHARS))
    if len(result.places) > PLACES_SHOWN:
        page.labelled("", f"and {len(result.places) - PLACES_SHOWN} more (all in --json)")
    for index, text in enumerate(result.missing):
        page.marked("missing" if index == 0 else "", "not-checked", safe(text, LINE_CHARS))
    for name in result.unconfirmed:
        short = len(name) < LABEL_CHARS
        text = "in the report, confirmed by nobody else"
        page.marked(
            safe(name) if short else "", "unconfirmed", text if short else f"{safe(name)}: {text}"
        )
    if "root" in result.unconfirmed and evidence is not None:
        if evidence.seen:
            page.labelled("seen", f"at {safe(evidence.seen, LINE_CHARS)}, in the report's words")
        page.labelled("next", f"{_MATTERS} Then: --root HEX")
    for note in result.notes:
        page.warning(safe(note, LINE_CHARS))
    return page
