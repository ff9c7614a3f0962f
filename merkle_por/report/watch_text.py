"""Sentence and terminal text of `watch`, as in ux.md section 1 (the last table).

A figure that is not known says so, with the last known one, its time and its age; columns that do
not fit the page stand below their asset.
"""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from merkle_por.amounts import cut, grouped
from merkle_por.history import AssetReading, Reading, Value
from merkle_por.prices.ask import SERVICES
from merkle_por.report.reserves_text import percent
from merkle_por.report.text import Page, Span, aligned, cells, padded, safe
from merkle_por.reserves.holding import TIME_FORMAT, Level
from merkle_por.verdict import State
from merkle_por.watch.changes import Change
from merkle_por.watch.loop import Outcome, Round

_WORDS = {
    Level.PROVED: "proved",
    Level.OWN_NODE: "own node",
    Level.AGREED: "agree",
    Level.SINGLE_SOURCE: "one source",
    Level.CLAIMED: "listed",
    Level.UNKNOWN: "unknown",
}
VALUE_DECIMALS = 2
SHOWN_WARNINGS = 6
SECONDS_BELOW = 120
"""Rounds shorter than this (seconds) show seconds in their times."""


def unix(moment: str) -> int:
    """Unix seconds of a UTC time."""
    return timegm(time.strptime(moment, TIME_FORMAT))


def age(then: str, now: str) -> str:
    """How long ago, in the largest unit that is not below two: "10 min old"."""
    seconds = max(0, unix(now) - unix(then))
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (size == 60 and seconds >= 60):
            return f"{seconds // size} {word} old"
    return f"{seconds} s old"


def clock(moment: str, now: str) -> str:
    """16:55, with its day where that is another than now's."""
    return moment[11:16] if moment[:10] == now[:10] else f"{moment[:10]} {moment[11:16]}"


def span(seconds: float) -> str:
    """The length of a round: "5 min"."""
    if seconds >= 3_600 and seconds % 3_600 == 0:
        return f"{int(seconds // 3_600)} h"
    return f"{int(seconds // 60)} min" if seconds >= 60 else f"{int(seconds)} s"


def sentence(result: Round) -> str:
    """The round in one sentence that stays true when pasted alone."""
    worst = next(o for o in result.outcomes if o.state is result.state)
    name, reading = safe(worst.name), worst.reading
    if reading is None:
        return f"{name} can't be read: {worst.error}."
    if worst.alerts:
        more = f" {len(result.alerts) - 1} more alerts." if len(result.alerts) > 1 else ""
        return f"{name}: {safe(worst.alerts[0].text, 200)}.{more}"
    match result.state:
        case State.INVALID:
            return f"{name}: {_invalid(worst, reading)}."
        case State.INCOMPLETE:
            missing = [asset for asset in reading.assets if asset.held is None]
            if not missing:
                return f"{name}: what is owed is not known to its end."
            first = missing[0]
            return f"{name}: {safe(first.asset)} is not known: {safe(first.text or '', 80)}."
    many = "" if len(result.outcomes) == 1 else f" of {len(result.outcomes)} exchanges"
    count = sum(len(o.reading.assets) for o in result.outcomes if o.reading is not None)
    if result.state is State.VALID:
        return f"All {count} assets{many} are covered, as your own sources say."
    return f"{count} assets{many} as far as they are known; some are only listed or claimed."


def _invalid(outcome: Outcome, reading: Reading) -> str:
    short = next((asset for asset in reading.assets if _short(asset)), None)
    if short is not None:
        return f"{safe(short.asset)} {_short(short)}"
    if outcome.failed:
        return safe(outcome.failed[0], 200)
    return "the ownership of a row failed"


def _short(asset: AssetReading) -> str:
    """How much is missing of what is owed, in words; "" for nothing."""
    if asset.state != "short" or asset.held is None or asset.owed is None:
        return ""
    return f"is short by {grouped(asset.owed - asset.held)}"


def source_text(asset: AssetReading) -> str:
    """Where a figure comes from: the worst level, and how much of the rest is better."""
    levels = [level for level in Level if asset.levels.get(level)]
    if not levels:
        return "nothing listed"
    worst = levels[-1]
    count = len(asset.sources)
    word = f"{count} agree" if worst is Level.AGREED else _WORDS[worst]
    if len(levels) == 1:
        return word
    return f"{asset.levels[worst]} of {asset.rows} {word}"


@dataclass(frozen=True)
class _Line:
    name: str
    held: str
    changes: tuple[str, ...]
    covered: str
    source: str
    style: str = ""
    unknown: str | None = None


def watch_page(result: Round, page: Page, every: float, moment: str | None = None) -> Page:
    """The whole output of one round. moment: UTC now, for ages (None: the round's time)."""
    now = moment or result.time
    for place, outcome in enumerate(result.outcomes):
        if place:
            page.blank()
        if len(result.outcomes) > 1 or outcome.reading is None:
            page.add(Span(safe(outcome.name)))
        if outcome.reading is None:
            text = f"{outcome.error}"
            page.standing("fail", safe(text, 300))
            continue
        _exchange(outcome, outcome.reading, result, page, every, now)
    return page


def _exchange(
    outcome: Outcome, reading: Reading, result: Round, page: Page, every: float, now: str
) -> None:
    end = 16 if every >= SECONDS_BELOW else 19  # short rounds are told apart by their seconds
    head = f"{reading.time[11:end]} UTC"
    if result.next:
        head += f", next {result.next[11:end]}"
    lines = [_line(asset, outcome.changes[asset.asset], now) for asset in reading.assets]
    if reading.held_value is not None or _asked(reading):
        lines.append(_value_line(outcome, reading, now))
    titles = (span(every), "24 h", "since list")
    _table(head, titles, lines, page)
    for alert in outcome.alerts:
        page.standing("fail", f"alert: {safe(alert.text, 200)}")
    short = [f"{safe(asset.asset)} {_short(asset)}" for asset in reading.assets if _short(asset)]
    for text in [*short, *(safe(text, 200) for text in outcome.failed)][:SHOWN_WARNINGS]:
        page.standing("fail", text)
    if outcome.said is not None:
        page.standing("warn", f"the alert could not be delivered: {safe(outcome.said, 120)}")
    for name, text in reading.sources.items():
        if text != "ok":
            page.standing(
                "not-checked", safe(text if text.startswith(name) else f"{name}: {text}", 160)
            )
    # A price service that failed stands among the sources already.
    warnings = [text for id, text in reading.warnings if id != "price-source"]
    for text in warnings[:SHOWN_WARNINGS]:
        page.warning(safe(text, 300))
    if len(warnings) > SHOWN_WARNINGS:
        more = len(warnings) - SHOWN_WARNINGS
        page.labelled("", f"and {more} more warnings (all in --json)")


def _asked(reading: Reading) -> bool:
    """Whether prices were wanted at all."""
    return reading.prices_source is not None or any(name in SERVICES for name in reading.sources)


def _line(asset: AssetReading, change: Change, now: str) -> _Line:
    name = safe(asset.asset)
    covered = "-"
    if asset.owed is not None and asset.owed and asset.held is not None:
        covered = f"{percent(Fraction(asset.held) / Fraction(asset.owed))} %"
    style = "fail" if asset.state == "short" else ""
    if asset.held is None:
        text = f"unknown: {safe(asset.text or 'no answer', 100)}"
        known = change.last_known
        if known is not None and known.held is not None:
            text += f"; {grouped(known.held)} at {clock(known.time, now)} ({age(known.time, now)})"
        return _Line(name, "", ("", "", ""), "", "", unknown=text)
    return _Line(
        name,
        grouped(asset.held),
        (_signed(change.last), _signed(change.day), _signed(change.snapshot)),
        covered,
        source_text(asset),
        style,
    )


def _value_line(outcome: Outcome, reading: Reading, now: str) -> _Line:
    """The value of all that is held, its ratio over the assets that are owed."""
    name = safe(reading.currency, 10)
    if reading.held_value is None:
        known = outcome.value.last_known
        missing = [a.asset for a in reading.assets if a.price is not None and a.held is None]
        text = f"unknown: {safe(missing[0])} is not known" if missing else "unknown: no price"
        if isinstance(known, Value) and known.held is not None:
            money = grouped(cut(known.held, VALUE_DECIMALS))
            text += f"; {money} at {clock(known.time, now)} ({age(known.time, now)})"
        return _Line(name, "", ("", "", ""), "", "", unknown=text)
    change = outcome.value
    ratio = total_ratio(reading)
    return _Line(
        name,
        grouped(cut(reading.held_value, VALUE_DECIMALS)),
        (_money(change.last), _money(change.day), ""),
        "-" if ratio is None else f"{percent(ratio)} %",
        safe(reading.prices_source or "", 40),
    )


def total_ratio(reading: Reading, *, verified: bool = False) -> Fraction | None:
    """Value held over value owed, of the assets that are owed and have a price; None where one of
    them is not known. verified: only what is shown to be held."""
    held = owed = Fraction(0)
    for asset in reading.assets:
        if asset.owed is None or asset.price is None:
            continue
        amount = (asset.verified or Decimal(0)) if verified else asset.held
        if amount is None:
            return None
        held += Fraction(amount) * Fraction(asset.price)
        owed += Fraction(asset.owed) * Fraction(asset.price)
    return held / owed if owed else None


def _signed(value: Decimal | None) -> str:
    """A change: 0, +1.5, -12.40000000; "-" where there is nothing to compare with."""
    if value is None:
        return "-"
    if not value:
        return "0"
    return f"+{grouped(value)}" if value > 0 else grouped(value)


def _money(value: Decimal | None) -> str:
    return _signed(None if value is None else cut(value, VALUE_DECIMALS))


def _table(head: str, titles: Sequence[str], lines: Sequence[_Line], page: Page) -> None:
    known = [line for line in lines if line.unknown is None]
    names = max([cells(line.name) for line in lines], default=0)
    held = _column("held", [line.held for line in known])
    columns = [
        _column(title, [line.changes[place] for line in known])
        for place, title in enumerate(titles)
    ]
    covered = _column("covered", [line.covered for line in known])
    sources = max([len(line.source) for line in known] + [len("source")])
    # Changes that don't fit stand below; the name column is as wide as the time above it.
    first = max(names, len(head)) + 2
    shown = list(columns)
    while shown and first + held.width + _width(shown) + covered.width + sources + 8 > page.width:
        shown.pop()
    narrow = first + held.width + _width(shown) + covered.width + sources + 8 > page.width
    if narrow:
        first = names + 2
        page.add(Span(f"  {head}", "label"))
        head = ""
    # So do the ratio and the source, on the narrowest of pages.
    apart = narrow and first + held.width + covered.width + sources + 6 > page.width
    text = f"  {head:<{first}}{held.head}" + "".join(f"  {c.head}" for c in shown)
    page.add(Span(text if apart else f"{text}  {covered.head}  source", "label"))
    row = -1
    for line in lines:
        if line.unknown is not None:
            room = max(page.width - names - 4, 30)
            for place, part in enumerate(page.wrapped(line.unknown, room)):
                page.add(
                    Span(f"  {padded(line.name if place == 0 else '', names)}  "),
                    Span(part, "incomplete" if place == 0 else ""),
                )
            continue
        row += 1
        text = f"  {padded(line.name, first)}{held.cells[row]}"
        text += "".join(f"  {column.cells[row]}" for column in shown)
        behind = "" if apart else f"  {covered.cells[row]}  {line.source}"
        page.add(Span(text, line.style), Span(behind))
        parts = [f"covered {line.covered}", line.source] if apart else []
        parts += [
            f"{title} {change}"
            for title, change in list(zip(titles, line.changes, strict=True))[len(shown) :]
            if change not in ("", "-", "0")
        ]
        if parts:
            for part in page.wrapped(", ".join(parts), max(page.width - names - 6, 30)):
                page.add(Span(f"  {'':<{names}}    {part}", "label"))


@dataclass(frozen=True)
class _Column:
    head: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.head)


def _column(title: str, texts: Sequence[str]) -> _Column:
    cells = aligned(list(texts))
    wide = max([len(cell) for cell in cells] + [len(title)])
    return _Column(f"{title:>{wide}}", tuple(f"{cell:>{wide}}" for cell in cells))


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width + 2 for column in columns)
