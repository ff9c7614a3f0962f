"""The table of formats, and one format explained, made from the schemes' own data."""

from __future__ import annotations

import re
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


_PIECES = re.compile(r"[^-_]*[-_]+|[^-_]+")
FILE_COLUMNS = 16  # least room for a file's name beside the other columns
TOTALS_LEGEND = (
    "shown: for everything in the file; bound: your path's sums add up to them; zk proof: "
    "proven, under a key or circuit of the exchange; UNSOUND: such proofs can be forged"
)
_YEAR = re.compile(r"20[0-9][0-9]")
_GENERAL = ("the exchange", "the list", "the reviewed exchange", "the chain")


def years(used: str) -> str:
    """From when to when a format was in use, in years: "2022-now"."""
    found = sorted(_YEAR.findall(used))
    if not found:
        return "any time"
    last = "now" if "to now" in used else found[-1]
    return found[0] if last == found[0] else f"{found[0]}-{last}"


def totals_word(scheme: Scheme) -> str:
    """The table's one or two words on what totals are worth in this format."""
    return scheme.assurance.totals_word or _TOTALS_WORDS[scheme.assurance.totals_claim]


def _broken(name: str, room: int) -> list[str]:
    """Names of files in lines of at most room columns; one too long is cut behind its marks."""
    lines = [""]
    for one in name.split(" "):
        pieces = [one] if len(one) <= room else _PIECES.findall(one)
        for piece in pieces:
            gap = " " if piece is pieces[0] and lines[-1] else ""
            if lines[-1] and len(lines[-1] + gap + piece) > room:
                lines.append("")
                gap = ""
            lines[-1] += gap + piece
    return lines


def table(page: Page) -> None:
    """One row for each scheme, under its exchange's name; those of no one exchange come last."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    every = sorted(schemes(), key=lambda s: (s.exchange_name in _GENERAL, s.exchange_name.lower()))
    for scheme in every:
        assurance = scheme.assurance
        name = "any exchange" if scheme.exchange_name in _GENERAL else scheme.exchange_name
        rows.setdefault(name, []).append(
            (
                scheme.id,
                years(scheme.used),
                "shown" if assurance.claims_inclusion else "-",
                totals_word(scheme),
                scheme.file_name,
            )
        )
    head = ("id", "used", "included", "totals", "file")
    listed = [head, *(row for group in rows.values() for row in group)]
    widths = [max(len(row[i]) for row in listed) for i in range(4)]

    def line(row: tuple[str, ...], style: str = "") -> None:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True))
        before = f"    {cells}  "
        if page.width - len(before) < FILE_COLUMNS:
            if row is not head:
                page.add(Span(f"  {row[0]}", "valid"))
                page.under(f"{row[1]}; included: {row[2]}; totals: {row[3]}")
                page.under(row[4])
            return
        for text in _broken(row[4], page.width - len(before)):
            page.add(Span((before + text).rstrip(), style))
            before = " " * len(before)

    line(head, "label")
    for name, group in rows.items():
        page.add(Span(f"  {name}", "label"))
        for row in sorted(group):
            line(row)
    page.labelled("totals", TOTALS_LEGEND)
    page.labelled("more", "merkle-por formats ID, or an exchange's name")


def _chosen(name: str) -> list[Scheme]:
    of_exchange = [s for s in schemes() if s.exchange == name.lower() or name.lower() in s.also]
    return of_exchange or [by_id(name)]


def _history(chosen: list[Scheme], page: Page) -> None:
    """Which format was used when, oldest first, and what each says about totals."""
    page.add(Span(f"{chosen[0].exchange_name}: {len(chosen)} formats, oldest first", "valid"))
    for scheme in chosen:
        words = f"{scheme.id}, {scheme.used}: {scheme.title}; totals: {scheme.assurance.totals}"
        page.labelled(years(scheme.used), words)


def explain(name: str, page: Page) -> None:
    """A scheme (by id), or all schemes of an exchange: their history in short, then each."""
    chosen = sorted(_chosen(name), key=lambda scheme: scheme.used)
    if len(chosen) > 1:
        _history(chosen, page)
    for index, scheme in enumerate(chosen):
        if index or len(chosen) > 1:
            page.add(Span(""))
        assurance = scheme.assurance
        title = f"{scheme.id}: {scheme.exchange_name}, {scheme.title}"
        for number, line in enumerate(page.wrapped(title, page.width - 2)):
            page.add(Span(line if number == 0 else f"  {line}", "valid"))
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
                "totals_word": totals_word(scheme),
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
