"""Terminal text of `start`: three steps for what is in use now, then why a balance can differ."""

from __future__ import annotations

import re
from string import ascii_lowercase

from merkle_por.report.text import Page, Span
from merkle_por.scheme import Kind
from merkle_por.start import Note, Start, Way

FACTS_SHOWN = 4
NO_FILE = "No format of a file that its customers get today is known."
ROOT = "--root HEX  the root, from outside the file; left out, it is asked for at a terminal"
STATES = (
    "VALID: it holds, and the root is the one you gave. UNCONFIRMED: give the root. INVALID: "
    "a check failed; keep the file. The lines below the first say which check was which."
)


class _Sources:
    """A letter for each source, so that many notes from one don't repeat it."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, str], str] = {}

    def marked(self, note: Note) -> str:
        """The note's text and its source's letter."""
        key = (note.seen, note.certain)
        letter = self._letters.setdefault(key, ascii_lowercase[len(self._letters)])
        return f"{note.text} [{letter}]"

    def listed(self) -> list[str]:
        """What each letter stands for: when it was seen, and how certain it is."""
        return [f"[{letter}] {seen}, {what}" for (seen, what), letter in self._letters.items()]


def start_page(result: Start, page: Page, *, every: bool = False) -> Page:
    """The whole output of `merkle-por start EXCHANGE`; every: formats no longer in use too."""
    shown = shown_ways(result, every=every)
    page.add(Span(f"{result.name}: check it yourself in three steps", "valid"))
    if not any(way.kind in (Kind.PROOF, Kind.LEDGER) for way in shown):
        for line in page.wrapped(NO_FILE, page.width - 2):
            page.add(Span(f"  {line}"))
    for way in shown:
        page.blank()
        _way(way, page)
    if any(way.kind is Kind.PROOF for way in shown):
        page.blank()
        page.labelled("answers", STATES)
    if result.notes:
        page.blank()
    sources = _Sources()
    for index, note in enumerate(result.notes):
        page.labelled("known" if index == 0 else "", sources.marked(note))
    if result.in_scope:
        page.labelled("covers", result.in_scope)
    page.blank()
    page.labelled("differs", "If a balance is not the one you remember, it can be because:")
    for _, note in result.differs:
        page.labelled("", sources.marked(note))
    page.labelled("", "Give your own figures (--expect BTC=1.5) and they are compared for you.")
    page.blank()
    for index, text in enumerate(sources.listed()):
        page.labelled("sources" if index == 0 else "", text)
    older = [way.format for way in result.ways if way not in shown]
    if older:
        page.blank()
        page.labelled("older", f"{', '.join(older)} (--all shows them)")
    return page


def shown_ways(result: Start, *, every: bool = False) -> list[Way]:
    """The formats in use; all of them where asked for, or where nothing newer is known."""
    current = [way for way in result.ways if way.current]
    return list(result.ways) if every or not (current or result.notes) else current


def _way(way: Way, page: Page) -> None:
    for index, line in enumerate(
        page.wrapped(f"{way.title}, {way.used} ({way.format})", page.width - 4)
    ):
        page.add(Span(f"{'    ' if index else '  '}{line}", "valid"))
    for index, (what, note) in enumerate(way.fetch):
        page.labelled("1 fetch" if index == 0 else "", f"{what}: {note.text}")
    if way.fetch:
        note = way.fetch[0][1]
        page.labelled("", f"[{note.seen}; {note.certain}]")
    for index, line in enumerate(_command(way.run, page.width - page.indent)):
        page.labelled("" if index else "2 run", line)
    if "--root HEX" in way.run:
        page.labelled("", ROOT)
    for option, text in way.given[:FACTS_SHOWN]:
        page.labelled("", f"{option}  {text}")
    if len(way.given) > FACTS_SHOWN:
        more = len(way.given) - FACTS_SHOWN
        page.labelled(
            "", f"and {more} more facts, if you have them: merkle-por formats {way.format}"
        )
    for index, (what, text) in enumerate(way.see):
        page.labelled("3 see" if index == 0 else "", f"{what}: {text}")
    for index, text in enumerate(way.cannot):
        page.labelled("not shown" if index == 0 else "", text)


def _command(command: str, room: int) -> list[str]:
    """A command on lines that can be pasted together; an option stays with its value."""
    lines = [""]
    for word in re.split(r" (?=--)", command):
        if lines[-1] and len(lines[-1]) + len(word) + 3 > room:
            lines[-1] += " \\"
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines
