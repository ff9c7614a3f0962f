"""The table of formats, and one format explained, made from the schemes' own data."""

from __future__ import annotations

from typing import Any

from merkle_por.exchanges import schemes
from merkle_por.recognise import by_id
from merkle_por.report.text import Page, Span
from merkle_por.scheme import Scheme
from merkle_por.verdict import Totals

_TOTALS_WORDS = {
    Totals.HOLDS: "shown",
    Totals.BOUND: "bound",
    Totals.NOT_CLAIMED: "not shown",
}


def table(page: Page) -> None:
    """One row for each scheme."""
    rows = [("id", "exchange", "used", "included", "totals", "file")]
    for scheme in sorted(schemes(), key=lambda s: (s.kind.value, s.exchange, s.id)):
        assurance = scheme.assurance
        rows.append(
            (
                scheme.id,
                scheme.exchange_name,
                scheme.used,
                "shown" if assurance.claims_inclusion else "-",
                _TOTALS_WORDS.get(assurance.totals_claim, assurance.totals_claim.value),
                scheme.file_name,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        page.add(Span(("  " + "  ".join(cells)).rstrip(), "label" if number == 0 else ""))
    page.labelled("more", "merkle-por formats ID, or an exchange's name")


def _chosen(name: str) -> list[Scheme]:
    of_exchange = [s for s in schemes() if s.exchange == name.lower() or name.lower() in s.also]
    return of_exchange or [by_id(name)]


def explain(name: str, page: Page) -> None:
    """A scheme (by id), or all schemes of an exchange."""
    for index, scheme in enumerate(_chosen(name)):
        if index:
            page.add(Span(""))
        assurance = scheme.assurance
        page.add(Span(f"{scheme.id}: {scheme.exchange_name}, {scheme.title}", "valid"))
        page.labelled("used", scheme.used)
        page.labelled("file", f"{scheme.file_name}: {scheme.where.file}")
        page.labelled("root", scheme.where.root.replace("{audit}", "your audit"))
        page.labelled("seen", f"{scheme.where.seen}, {scheme.where.certain}")
        page.labelled("included", assurance.included)
        page.labelled("totals", assurance.totals)
        for number, sentence in enumerate(assurance.cannot):
            page.labelled("not shown" if number == 0 else "", sentence)
        for number, (fact, about) in enumerate(scheme.facts.items()):
            option = "--root HEX" if fact == "root" else f"--given {fact}=..."
            page.labelled("given" if number == 0 else "", f"{option}  {about.text}")


def formats_document(name: str | None) -> dict[str, Any]:
    """`merkle-por/formats/1`: all schemes, or those chosen by name."""
    chosen = schemes() if name is None else _chosen(name)
    return {
        "schema": "merkle-por/formats/1",
        "formats": [
            {
                "id": scheme.id,
                "aliases": list(scheme.aliases),
                "kind": scheme.kind.value,
                "exchange": scheme.exchange,
                "exchange_name": scheme.exchange_name,
                "also": list(scheme.also),
                "title": scheme.title,
                "used": scheme.used,
                "file_name": scheme.file_name,
                "included": scheme.assurance.included,
                "totals": scheme.assurance.totals,
                "totals_claim": scheme.assurance.totals_claim.value,
                "cannot": list(scheme.assurance.cannot),
                "where": {
                    "file": scheme.where.file,
                    "root": scheme.where.root.replace("{audit}", "your audit"),
                    "seen": scheme.where.seen,
                    "certain": scheme.where.certain,
                },
                "given": {
                    fact: {"kind": about.kind.value, "text": about.text}
                    for fact, about in scheme.facts.items()
                },
            }
            for scheme in chosen
        ],
    }
