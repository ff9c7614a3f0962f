"""Terminal text of results, after ux.md section 1: one list of styled lines, drawn twice.

`Page` collects lines of (text, style) spans; `plain` joins them for pipes and files, `draw`
prints them on a terminal in its own 16 colours. The text is the same either way but for the
marks, which on a terminal are a symbol and a word.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import grouped

WIDTH = 80
INDENT = 12  # where the texts behind the labels begin
STACKED_BELOW = 60  # columns; narrower pages put each label above its text
STACKED_INDENT = 4
NAME_COLUMNS = 24  # longest text taken from a file
GROUP = 8  # characters of a long hash that keep one brightness, to find one's place in it

STYLES = {
    "valid": "bold green",
    "invalid": "bold red",
    "malformed": "bold magenta",
    "unconfirmed": "bold yellow",
    "incomplete": "bold cyan",
    "warn": "yellow",
    "label": "dim",
    "fail": "red",
    "": "",
}
_PLAIN_MARKS = {
    "pass": "[ok]",
    "fail": "[FAIL]",
    "warn": "[warn]",
    "unconfirmed": "[ ? ]",
    "not-checked": "[ -- ]",
}
_SYMBOL_MARKS = {
    "pass": "✓ ok",
    "fail": "✗ failed",
    "warn": "! warning",
    "unconfirmed": "? unconfirmed",
    "not-checked": "– not checked",
}
_MARK_STYLES = {
    "pass": "",
    "fail": "fail",
    "warn": "warn",
    "unconfirmed": "unconfirmed",
    "not-checked": "incomplete",
}


@dataclass(frozen=True)
class Span:
    text: str
    style: str = ""


Line = tuple[Span, ...]


def escaped(text: str) -> str:
    """Text without anything that a terminal obeys or that reorders it: such characters as \\u202e.

    Escapes categories Cc, Cf, Cs, Co and Cn (terminal escapes, bidirectional marks, unassigned)
    and the line and paragraph separators.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{ord(c):04x}" if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c
        for c in text
    )


def safe(text: str, columns: int = NAME_COLUMNS) -> str:
    """Text from a file, fit to be printed: as `escaped`, and cut to columns."""
    shown = escaped(text[: columns * 4])
    if cells(shown) <= columns:
        return shown
    if shown.isascii():
        return shown[: columns - 3] + "..."
    end = 0
    while cells(shown[: end + 1]) <= columns - 3:
        end += 1
    return shown[:end] + "..."


def cells(text: str) -> int:
    """Columns of a terminal that a text takes: two for a wide character (East Asian width, Unicode
    Standard Annex 11), none for a mark that stands on the one before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me") else 1 + _wide(c)
        for c in text
    )


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def padded(text: str, columns: int) -> str:
    """Text with blanks behind it up to so many columns of a terminal."""
    return text + " " * (columns - cells(text))


def aligned(values: Sequence[str]) -> list[str]:
    """Amount texts padded on both sides, so that their points stand in one column."""
    parts = [value.partition(".") for value in values]
    left = max((len(whole) for whole, _, _ in parts), default=0)
    right = max((len(point + rest) for _, point, rest in parts), default=0)
    return [whole.rjust(left) + (point + rest).ljust(right) for whole, point, rest in parts]


def pointed(values: Sequence[str]) -> list[str]:
    """As `aligned`, for figures of one width set right-aligned in other fonts: blanks as wide as
    a digit or a point behind those with fewer decimals."""
    most = max((len(value.partition(".")[2]) for value in values), default=0)
    padded = []
    for value in values:
        point, decimals = value.partition(".")[1:]
        figure = value[-1:].isdigit()
        blank = "\u2007" * (most - len(decimals)) + ("" if point or not most else "\u2008")
        padded.append(value + blank if figure else value)
    return padded


def shortened(hash_: str) -> str:
    """First 8 ... last 8 digits; hashes of up to 16 digits whole."""
    return hash_ if len(hash_) <= 16 else f"{hash_[:8]}...{hash_[-8:]}"


def _wrapped(text: str, room: int) -> list[str]:
    """As textwrap, measured in columns of a terminal."""
    lines = [""]
    for word in re.findall(r" *[^ ]+", text):
        if lines[-1] and cells(lines[-1] + word) > room:
            lines.append("")
        lines[-1] += word if lines[-1] or len(lines) == 1 else word.lstrip(" ")
    return lines


class Page:
    """Lines in the making. symbols: draw marks as symbol and word (a terminal), else in ASCII.

    Nothing that a file says reaches a line unescaped, whoever wrote the line.
    """

    def __init__(self, width: int = WIDTH, symbols: bool = False) -> None:
        self.width = max(width, 40)
        self.stacked = self.width < STACKED_BELOW
        self.indent = STACKED_INDENT if self.stacked else INDENT
        self.symbols = symbols
        self.marks = _SYMBOL_MARKS if symbols else _PLAIN_MARKS
        self.mark_columns = 15 if symbols else 7
        self.lines: list[Line] = []
        self._first: Line | None = None

    def first_line_only(self) -> None:
        """Leaves the first line (--quiet), a verdict's sentence whole however narrow the page."""
        self.lines[:] = [self._first] if self._first is not None else self.lines[:1]

    def add(self, *spans: Span) -> None:
        self.lines.append(tuple(Span(escaped(span.text), span.style) for span in spans))

    def blank(self) -> None:
        """An empty line between two parts, never two."""
        if self.lines and self.lines[-1]:
            self.lines.append(())

    def wrapped(self, text: str, room: int) -> list[str]:
        # Words first: an escaped line end must not become a blank.
        words = " ".join(escaped(word) for word in text.split(" "))
        if not words.isascii():
            return _wrapped(words, room)
        return textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]

    def headline(self, state: str, text: str) -> None:
        """VALID  sentence."""
        word = state.upper()
        if not self.lines:
            self._first = (Span(word, state), Span(f"  {escaped(text)}"))
        head, *rest = self.wrapped(text, self.width - len(word) - 2)
        self.add(Span(word, state), Span(f"  {head}"))
        for line in rest:
            self.add(Span(" " * (len(word) + 2) + line))

    def _head(self, label: str) -> Span:
        return Span(f"  {label:<{self.indent - 2}}", "label")

    def labelled(self, label: str, text: str) -> None:
        """A label and a wrapped text behind it."""
        if self.stacked and label:
            self.add(self._head(label))
            label = ""
        for index, line in enumerate(self.wrapped(text, self.width - self.indent)):
            self.add(self._head(label if index == 0 else ""), Span(line))

    def marked(self, label: str, status: str, text: str, more: Iterable[str] = ()) -> None:
        """A label, a mark, and a wrapped text; `more` are lines below."""
        mark, style = self.marks[status], _MARK_STYLES[status]
        if self.symbols and status == "not-checked":
            text = text.removeprefix("not checked, ")  # the mark's own words
        if self.stacked:
            self.add(Span(f"  {label:<10}" if label else "  ", "label"), Span(mark, style))
            indent, mark = self.indent, ""
            for line in self.wrapped(text, self.width - indent):
                self.add(Span(" " * indent + line))
        else:
            indent = self.indent + self.mark_columns
            for index, line in enumerate(self.wrapped(text, self.width - indent)):
                if index and cells(line) > self.width - indent:  # a hash is never broken
                    self.whole(line)
                    continue
                self.add(
                    self._head(label if index == 0 else ""),
                    Span(f"{mark if index == 0 else '':<{self.mark_columns}}", style),
                    Span(line),
                )
        for text in more:
            fits = cells(text) <= self.width - indent
            for line in [text] if fits else self.wrapped(text, self.width - indent):
                self.add(Span(" " * indent + line))

    def warning(self, text: str) -> None:
        """A warning right under the headline."""
        self.standing("warn", text)

    def standing(self, status: str, text: str) -> None:
        """A wrapped text whose mark stands where labels do."""
        if self.stacked:
            self.marked("", status, text)
            return
        columns = max(INDENT - 2, self.mark_columns)
        for index, line in enumerate(self.wrapped(text, self.width - columns - 2)):
            mark = self.marks[status] if index == 0 else ""
            self.add(Span(f"  {mark:<{columns}}", _MARK_STYLES[status]), Span(line))

    def listed(self, status: str, text: str) -> None:
        """One row of a list: a mark right at the edge, a wrapped text."""
        for index, line in enumerate(self.wrapped(text, self.width - self.mark_columns - 2)):
            mark = self.marks[status] if index == 0 else ""
            self.add(Span(f"  {mark:<{self.mark_columns}}", _MARK_STYLES[status]), Span(line))

    def facts(self, label: str, text: str) -> None:
        """Where figures above are from, at the page's edge; label: for pages that name it."""
        for line in self.wrapped(text, self.width - 2):
            self.add(Span(f"  {line}"))

    def under(self, text: str) -> None:
        """A wrapped text below a name at the page's edge."""
        for line in self.wrapped(text, self.width - STACKED_INDENT):
            self.add(Span(" " * STACKED_INDENT + line))

    def whole(self, text: str) -> None:
        """An unbroken text on its own line (a root to compare), every second group of 8 dim."""
        text = escaped(text)
        groups = [text[i : i + GROUP] for i in range(0, len(text), GROUP)]
        spans = [Span(group, "label" if i % 2 else "") for i, group in enumerate(groups)]
        self.add(Span(" " * self.indent), *spans)

    def named(self, name: str, text: str) -> None:
        """A short name and an unbroken text below a mark."""
        self.add(Span(" " * self.indent + f"{name}"))
        self.whole(text)

    def balances(
        self, label: str, balances: Mapping[str, Decimal], notes: Sequence[str] = ()
    ) -> None:
        """A table asset, amount, with short notes (one for each row) or a text beside it."""
        if self.stacked and label and balances:
            self.add(self._head(label))
            label = ""
        names = [safe(asset) for asset in balances]
        columns = max((cells(name) for name in names), default=0)
        figures = aligned([grouped(value) for value in balances.values()])
        for index, (name, figure) in enumerate(zip(names, figures, strict=True)):
            note = notes[index] if index < len(notes) else ""
            self.add(
                self._head(label if index == 0 else ""),
                Span(f"{padded(name, columns)}  {figure}" + (f"   {note}" if note else "")),
            )

    def plain(self) -> str:
        """The page as text, lines stripped on the right, with a final line end."""
        return "".join("".join(s.text for s in line).rstrip() + "\n" for line in self.lines)

    def draw(self) -> None:
        """Prints the page on a terminal through rich."""
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False, markup=False, soft_wrap=True, color_system="standard")
        for line in self.lines:
            text = Text()
            for span in line:
                text.append(span.text, STYLES[span.style] or None)
            text.rstrip()
            console.print(text)
