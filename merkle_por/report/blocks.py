"""The terminal's page as blocks for HTML: the same texts, put into elements instead of columns.

A result writes itself onto a `Page` (report.text). `BlockPage` takes the same calls and keeps what
was meant (a marked check, a table of balances) instead of how it is laid out in 80 columns, so no
sentence has to be written twice. A line that comes as ready columns is kept as `columns`; pages
that draw their own tables leave those out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from merkle_por.amounts import grouped
from merkle_por.report.text import Page, Span, escaped, safe

_NO_BREAKS = 1_000_000  # a page so wide never breaks a line by itself
_TERMINAL_NOTE = "Your balances at the snapshot?"
OWN_NOTE = (
    "Are these your balances at the snapshot? They are read from the file: compare them with "
    "your statement, or type yours into the form and they are compared for you."
)


@dataclass
class Item:
    """One thing that is said. kind: marked (a check), said (label and text), balances, columns.

    status: of a check, "" else. texts: sentences; more: short lines below them; whole: unbroken
    values such as a root, as (name, value); balances: (asset, figure); beside: a note for each
    of them, or none.
    """

    kind: str
    label: str = ""
    status: str = ""
    texts: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    whole: list[tuple[str, str]] = field(default_factory=list)
    balances: list[tuple[str, str]] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


class BlockPage(Page):
    """Collects `state`, `sentence`, `warnings` (status, text) and `items`."""

    def __init__(self) -> None:
        super().__init__(_NO_BREAKS)
        self.stacked = True  # no columns are made where there is a choice
        # Marks that stand inside a sentence; those of checks are drawn by the page.
        self.marks = dict.fromkeys(self.marks, "•")
        self.state = ""
        self.sentence = ""
        self.warnings: list[tuple[str, str]] = []
        self.items: list[Item] = []

    def add(self, *spans: Span) -> None:
        text = escaped("".join(span.text for span in spans)).rstrip()
        if self.items and self.items[-1].kind == "columns":
            self.items[-1].more.append(text)
        else:
            self.items.append(Item("columns", more=[text]))

    def blank(self) -> None:
        """Parts are set apart by their elements."""

    def headline(self, state: str, text: str) -> None:
        self.state, self.sentence = state, escaped(text)

    def labelled(self, label: str, text: str) -> None:
        text = escaped(" ".join(text.split()))
        if text.startswith(_TERMINAL_NOTE):
            text = OWN_NOTE
        if not label and self.items and self.items[-1].kind != "columns":
            self.items[-1].texts.append(text)
        else:
            self.items.append(Item("said", label, texts=[text]))

    def marked(self, label: str, status: str, text: str, more: Iterable[str] = ()) -> None:
        if status == "not-checked":
            text = text.removeprefix("not checked, ")  # the mark's own words
        below = [escaped(line) for line in more]
        self.items.append(Item("marked", label, status, [escaped(text)], below))

    def standing(self, status: str, text: str) -> None:
        self.warnings.append((status, escaped(text)))

    def listed(self, status: str, text: str) -> None:
        self.items.append(Item("marked", "", status, [escaped(text)]))

    def facts(self, label: str, text: str) -> None:
        self.labelled(label, text)

    def under(self, text: str) -> None:
        self.add(Span(text))

    def whole(self, text: str) -> None:
        self.named("", text)

    def named(self, name: str, text: str) -> None:
        if not self.items:
            self.items.append(Item("said"))
        self.items[-1].whole.append((name, escaped(text)))

    def balances(
        self, label: str, balances: Mapping[str, Decimal], notes: Sequence[str] = ()
    ) -> None:
        rows = [(safe(asset), grouped(value)) for asset, value in balances.items()]
        note = escaped(" ".join(notes))
        if note.startswith(_TERMINAL_NOTE):
            note = OWN_NOTE
        item = Item("balances", label, balances=rows)
        if note != OWN_NOTE and len(notes) == len(rows):
            item.beside = [escaped(text) for text in notes]
        elif note:
            item.texts.append(note)
        self.items.append(item)

    def status_of(self, label: str) -> str:
        """The worst-placed mark of the checks under a label: the first one's; "" for none."""
        return next((i.status for i in self.items if i.label == label and i.status), "")
