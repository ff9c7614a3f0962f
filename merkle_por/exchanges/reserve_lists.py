"""The layouts of reserve lists as schemes, so that recognition and `formats` know them.

What is in a list is judged by `merkle_por.reserves`; `judge` here carries that judgement into a
verdict for callers that run every scheme the same way.
"""

from __future__ import annotations

from merkle_por.documents import Document
from merkle_por.reserves.lists.layout import Layout
from merkle_por.reserves.lists.layouts import LAYOUTS
from merkle_por.scheme import Assurance, Findings, Given, Judge, Kind, Scheme
from merkle_por.verdict import Totals


def _judge(layout: Layout) -> Judge:
    def judge(document: Document, given: Given, findings: Findings) -> None:
        from merkle_por.reserves.api import reserves

        report = reserves(document, scheme=layout.id, given=given.values, limits=given.limits)
        findings.published = report.totals
        findings.checks.extend(report.checks)
        findings.warnings.extend(report.warnings)
        findings.errors.extend(report.errors)
        findings.headline = report.sentence.replace("{", "{{").replace("}", "}}")

    return judge


def _scheme(layout: Layout) -> Scheme:
    cannot = ["Whether the coins are owed to somebody else.", "Whether they were borrowed."]
    listed = "listed amounts per asset" if layout.amounts else "addresses without amounts"
    if layout.signed:
        shown = f"{listed}; proven is what the rows' signatures show"
        usual = "When the key was held: the signed text is the same each month."
    else:
        shown = f"{listed}, on the exchange's word; nodes you name show what the addresses hold"
        unless = ", unless transfers to themselves are given" if layout.transfers else ""
        usual = f"Who controls the addresses{unless}."
    cannot.insert(0, layout.unshown or usual)
    if not layout.amounts:
        cannot.insert(0, "How much the addresses hold.")
    return Scheme(
        id=layout.id,
        aliases=layout.aliases,
        exchange=layout.exchange,
        exchange_name=layout.exchange_name,
        title=layout.title,
        used=layout.used,
        file_name=layout.file_name,
        recognises=layout.recognises,
        members=layout.members,
        judge=_judge(layout),
        assurance=Assurance(
            included="not about one account",
            totals=layout.shown or shown,
            cannot=tuple(cannot),
            claims_inclusion=False,
            totals_claim=Totals.NOT_CLAIMED,
        ),
        where=layout.where,
        kind=Kind.RESERVES,
        facts=layout.all_facts,
    )


SCHEMES = tuple(_scheme(layout) for layout in LAYOUTS)
