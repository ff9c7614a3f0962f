"""Charts as inline SVG, made on the server from plain figures; each has its table beside it.

Rules (shared/ux.md, section 3): bars begin at 0, coverage has a mark at 100 %, solid means proven
and hatched means listed only, no pie, a line has gaps where nothing was read, the title says the
finding. Colours are of Okabe and Ito's palette and never stand alone: there is always a word or a
hatch with them. Widths are per cents, so text keeps its size on a phone; nothing here needs a
script or a style sheet (classes let one adapt the colours). Coordinates are whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from html import escape

from merkle_por.amounts import grouped
from merkle_por.report.reserves_text import percent
from merkle_por.report.text import safe

BLUE, ORANGE, SKY, PURPLE, VERMILION = "#0072B2", "#E69F00", "#56B4E9", "#CC79A7", "#D55E00"
GREY = "#8A8F98"
ROW, LABEL, BAR = 44, 14, 16  # pixels: a row, its text's base line, its bar
TOP_ROWS = 9  # tokens that get a bar of their own
CEILING = Fraction(2)  # coverage beyond 200 % is drawn as 200 %; the figure says how much it is
KINDS: Mapping[str, tuple[str, str, str]] = {
    # kind of reserve -> words, colour, hatch
    "native": ("the coin itself", BLUE, "solid"),
    "same": ("the same coin on another chain", BLUE, "dots"),
    "token": ("token", SKY, "solid"),
    "wrapped": ("wrapped by a third party", SKY, "rising"),
    "staked": ("staked, may be locked", PURPLE, "rising"),
    "lent-out": ("lent out", ORANGE, "rising"),
    "self-pegged": ("pegged by the exchange itself", ORANGE, "falling"),
    "third-party": ("held by a third party", PURPLE, "falling"),
    "encumbered": ("pledged", VERMILION, "falling"),
    "unspendable": ("can't be spent", GREY, "falling"),
}
_WORDS = ("kind",)
"""Heads of a table's columns that hold words, not figures."""
_OTHER_KIND = ("other", GREY, "dots")


@dataclass(frozen=True)
class Chart:
    """A drawn chart. title: the finding; head, rows: the same figures as a table; key: (swatch
    SVG, words) of its hatches; note: what a reader must know, "" for nothing."""

    title: str
    svg: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    key: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def html(self) -> str:
        """The whole figure: title, drawing, key, table."""
        looks = ["" if name in _WORDS else ' class="figure"' for name in self.head[1:]]
        cells = f'<th scope="col">{escape(self.head[0])}</th>' + "".join(
            f'<th scope="col"{look}>{escape(name)}</th>'
            for look, name in zip(looks, self.head[1:], strict=True)
        )
        rows = "".join(
            "<tr>"
            + f'<th scope="row">{escape(row[0])}</th>'
            + "".join(
                f"<td{look}>{escape(cell)}</td>" for look, cell in zip(looks, row[1:], strict=True)
            )
            + "</tr>"
            for row in self.rows
        )
        key = "".join(f"<li>{swatch} {escape(words)}</li>" for swatch, words in self.key)
        return (
            f'<figure class="chart"><figcaption>{escape(self.title)}</figcaption>{self.svg}'
            + (f'<ul class="key">{key}</ul>' if key else "")
            + (f'<p class="note">{escape(self.note)}</p>' if self.note else "")
            + "<details><summary>Show as table</summary>"
            + f'<div class="scroll" role="region" aria-label="{escape(self.title)}" tabindex="0">'
            + f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
            + "</details></figure>"
        )


@dataclass(frozen=True)
class Coverage:
    """One asset: held / owed, and the proven part of it; None where unknown."""

    asset: str
    covered: Fraction | None
    proven: Fraction | None


@dataclass(frozen=True)
class Amount:
    """One bar: its value (in one currency), None where unknown."""

    name: str
    value: Decimal | None


@dataclass(frozen=True)
class Moment:
    """One point of a line: UTC time as RFC 3339, and the value, None where nothing was read."""

    time: str
    value: Decimal | None


# -- drawing ---------------------------------------------------------------------------------


def _part(value: Fraction) -> str:
    """A share of the width as "43.21%", between 0 and 100."""
    hundredths = max(0, min(10_000, int(value * 10_000)))
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def _hatch(id: str, kind: str, colour: str) -> str:
    """A pattern: paper with lines (rising, falling) or dots of the colour."""
    body = (
        f'<circle cx="3" cy="3" r="1.6" fill="{colour}"/>'
        if kind == "dots"
        else f'<rect width="3" height="6" fill="{colour}"/>'
    )
    turn = {"rising": "rotate(45)", "falling": "rotate(-45)"}.get(kind, "rotate(0)")
    return (
        f'<pattern id="{id}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="{turn}">{body}</pattern>'
    )


def _fill(id: str, kind: str, colour: str) -> str:
    return colour if kind == "solid" else f"url(#{id})"


def _bar(x: str, y: int, width: str, fill: str, edge: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{BAR}" fill="{fill}" '
        f'stroke="{edge}" stroke-width="1"/>'
    )


def _text(x: str, y: int, text: str, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="currentColor">{escape(text)}</text>'
    )


def _svg(id: str, title: str, height: int, body: str, defs: str = "") -> str:
    return (
        f'<svg id="{id}" role="img" aria-labelledby="{id}-title" width="100%" height="{height}" '
        f'font-family="inherit"><title id="{id}-title">{escape(title)}</title>'
        f"<defs>{defs}</defs>{body}</svg>"
    )


def _swatch(id: str, kind: str, colour: str) -> str:
    """A small square of a hatch for the key."""
    own = f"{id}-key"
    defs = "" if kind == "solid" else f"<defs>{_hatch(own, kind, colour)}</defs>"
    fill = _fill(own, kind, colour)
    return (
        '<svg class="swatch" width="18" height="14" aria-hidden="true">'
        f'{defs}<rect x="1" y="1" width="16" height="12" fill="{fill}" stroke="{colour}"/></svg>'
    )


def _key(id: str, *entries: tuple[str, str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (_swatch(f"{id}-{number}", kind, colour), words)
        for number, (kind, colour, words) in enumerate(entries)
    )


# -- coverage --------------------------------------------------------------------------------


def coverage_bars(id: str, rows: Sequence[Coverage], title: str | None = None) -> Chart:
    """Coverage per asset: a bar from 0 with a mark at 100 %, solid as far as it is proven.

    id: of the SVG, unique in its page; also begins the ids of its patterns.
    """
    known = [row.covered for row in rows if row.covered is not None]
    top = min(CEILING, max([Fraction(6, 5), *(value * 21 / 20 for value in known)]))
    mark = _part(1 / top)
    hatch = f"{id}-listed"
    body = []
    for number, row in enumerate(rows):
        y = number * ROW
        name = safe(row.asset)
        words = _coverage_words(row)
        body.append(_text("0", y + LABEL, name) + _text("100%", y + LABEL, words, "end"))
        body.append(
            f'<rect class="track" x="0" y="{y + 20}" width="100%" height="{BAR}" '
            f'fill="{GREY}" fill-opacity="0.15"/>'
        )
        if row.covered is not None:
            edge = VERMILION if row.covered < 1 else BLUE
            width = _part(min(row.covered, top) / top)
            body.append(_bar("0", y + 20, width, f"url(#{hatch})", edge))
            if row.proven:
                body.append(_bar("0", y + 20, _part(min(row.proven, top) / top), BLUE, BLUE))
        body.append(
            f'<line x1="{mark}" x2="{mark}" y1="{y + 19}" y2="{y + 39}" '
            'stroke="currentColor" stroke-width="2"/>'
        )
    bottom = len(rows) * ROW
    body.append(_text(mark, bottom + 8, "100 %", "middle", 12))
    title = title or coverage_title(rows)
    return Chart(
        title,
        _svg(id, title, bottom + 14, "".join(body), _hatch(hatch, "rising", BLUE)),
        ("asset", "covered", "proven"),
        tuple((safe(row.asset), _share(row.covered), _share(row.proven)) for row in rows),
        _key(id, ("solid", BLUE, "proven"), ("rising", BLUE, "listed only")),
        "Bars begin at 0 and end at 200 % at most; the line is what is owed.",
    )


def coverage_title(rows: Sequence[Coverage]) -> str:
    """The finding: the worst asset, or that all are covered."""
    known = [row for row in rows if row.covered is not None]
    if not known:
        return "How much of what is owed is held is not known."
    worst = min(known, key=lambda row: (row.covered or Fraction(0), row.asset))
    if worst.covered is not None and worst.covered < 1:
        return f"{safe(worst.asset)} is covered to {percent(worst.covered)} % only."
    if len(known) < len(rows):
        return f"Of {len(rows)} assets {len(known)} are known to be covered."
    return f"Each asset is covered; the least, {safe(worst.asset)}, to {percent(worst.covered)} %."


def _share(value: Fraction | None) -> str:
    return "unknown" if value is None else f"{percent(value)} %"


def _coverage_words(row: Coverage) -> str:
    if row.covered is None:
        return "unknown"
    proven = "proven unknown" if row.proven is None else f"{percent(row.proven)} % proven"
    return f"{percent(row.covered)} %, {proven}"


# -- tokens ----------------------------------------------------------------------------------


def token_bars(
    id: str, rows: Sequence[Amount], currency: str = "USD", title: str | None = None
) -> Chart:
    """Values by token, largest first: the first nine and all others as one bar."""
    known = sorted(
        ((row.value, row.name) for row in rows if row.value is not None),
        key=lambda pair: (-pair[0], pair[1]),
    )
    unknown = [row.name for row in rows if row.value is None]
    total = sum((Fraction(value) for value, _ in known), Fraction(0))
    shown = [(safe(name), Fraction(value)) for value, name in known[:TOP_ROWS]]
    rest = known[TOP_ROWS:]
    if rest:
        shown.append((f"{len(rest)} others", sum((Fraction(v) for v, _ in rest), Fraction(0))))
    most = max((value for _, value in shown), default=Fraction(0))
    body = []
    for number, (name, value) in enumerate(shown):
        y = number * ROW
        part = _share(value / total) if total else "unknown"
        figure = f"{_money(value)} {currency}, {part}"
        body.append(_text("0", y + LABEL, name) + _text("100%", y + LABEL, figure, "end"))
        width = _part(value / most) if most else "0%"
        body.append(_bar("0", y + 20, width, BLUE, BLUE))
    table = [(n, f"{_money(v)}", _share(v / total) if total else "unknown") for n, v in shown]
    table += [(safe(name), "unknown", "unknown") for name in unknown]
    if title is None:
        title = (
            f"{shown[0][0]} is {percent(shown[0][1] / total)} % of what is held."
            if shown and total
            else "No value is known: there are no prices."
        )
    note = f"Without {len(unknown)} of unknown value." if unknown else ""
    svg = _svg(id, title, max(1, len(shown)) * ROW, "".join(body))
    return Chart(title, svg, ("token", currency, "share"), tuple(table), (), note)


def _money(value: Fraction) -> str:
    """Two decimals, cut."""
    return grouped(Decimal(int(value * 100)).scaleb(-2))


# -- kinds -----------------------------------------------------------------------------------


def stacked_kinds(id: str, rows: Sequence[tuple[str, Mapping[str, Decimal]]]) -> Chart:
    """What each asset's reserve is made of: one stacked, hatched bar an asset."""
    body: list[str] = []
    defs: list[str] = []
    table: list[tuple[str, ...]] = []
    used: dict[str, None] = {}
    for number, (asset, kinds) in enumerate(rows):
        y = number * ROW
        whole = sum((Fraction(value) for value in kinds.values()), Fraction(0))
        words = []
        at = Fraction(0)
        for kind, value in sorted(kinds.items(), key=lambda item: (-item[1], item[0])):
            if value <= 0 or not whole:
                continue
            used.setdefault(kind)
            share = Fraction(value) / whole
            name, colour, hatch = KINDS.get(kind, _OTHER_KIND)
            pattern = f"{id}-{number}-{len(defs)}"
            defs.append(_hatch(pattern, hatch, colour))
            body.append(
                _bar(_part(at), y + 20, _part(share), _fill(pattern, hatch, colour), colour)
            )
            at += share
            shown = f"{percent(share, up=kind not in _PLAIN)} %"
            words.append(f"{shown} {name}")
            table.append((safe(asset), name, grouped(value), shown))
        text = words[0] if len(words) == 1 else f"{len(words)} kinds" if words else "unknown"
        body.append(_text("0", y + LABEL, safe(asset)) + _text("100%", y + LABEL, text, "end"))
    entries = [KINDS.get(kind, _OTHER_KIND) for kind in used]
    key = _key(id, *((hatch, colour, name) for name, colour, hatch in entries))
    title = _kinds_title(rows)
    return Chart(
        title,
        _svg(id, title, max(1, len(rows)) * ROW, "".join(body), "".join(defs)),
        ("asset", "kind", "amount", "share"),
        tuple(table),
        key,
    )


def _kinds_title(rows: Sequence[tuple[str, Mapping[str, Decimal]]]) -> str:
    worst: tuple[Fraction, str] | None = None
    for asset, kinds in rows:
        whole = sum((Fraction(value) for value in kinds.values()), Fraction(0))
        foreign = sum((Fraction(v) for k, v in kinds.items() if k not in _PLAIN), Fraction(0))
        if whole and foreign and (worst is None or foreign / whole > worst[0]):
            worst = (foreign / whole, asset)
    if worst is None:
        return "All that is listed is the coin itself, or a token of it."
    share = percent(worst[0], up=True)
    return f"{share} % of {safe(worst[1])} is not the coin itself."


_PLAIN = ("native", "token", "same")


# -- history ---------------------------------------------------------------------------------

BAND, PLOT, AXIS = 20, 180, 24  # pixels: the highest value's text, the drawing, the times


def history_line(
    id: str,
    points: Sequence[Moment],
    *,
    unit: str,
    what: str = "held",
    snapshots: Sequence[str] = (),
    title: str | None = None,
) -> Chart:
    """A line over time from 0, with gaps where nothing was read and marks at snapshots.

    points: oldest first. snapshots: times of published snapshots. unit: asset or currency.
    """
    known = [(_seconds(p.time), p.value) for p in points if p.value is not None]
    times = [_seconds(p.time) for p in points]
    title = title or _history_title(points, unit, what)
    table = tuple(
        (_clock(p.time), "unknown" if p.value is None else grouped(p.value)) for p in points
    )
    head = ("time", f"{what}, {unit}")
    if not known:
        body = _text("0", LABEL, "Nothing was read yet.")
        return Chart(title, _svg(id, title, 24, body), head, table)
    first, last = min(times), max(times)
    span = max(1, last - first)
    highest = max(value for _, value in known)
    most = Fraction(highest)
    scale = most * 21 / 20 or Fraction(1)
    marks = "".join(
        f'<line x1="{x}" x2="{x}" y1="{BAND}" y2="{BAND + PLOT}" stroke="{ORANGE}" '
        'stroke-width="2" stroke-dasharray="4 3"/>'
        for x in (
            _part(Fraction(_seconds(time) - first, span))
            for time in snapshots
            if first <= _seconds(time) <= last
        )
    )
    lines = "".join(_segments(points, first, span, scale))
    top = BAND + _height(most, scale)
    frame = (
        f'<line x1="0" x2="100%" y1="{BAND + PLOT}" y2="{BAND + PLOT}" stroke="currentColor"/>'
        f'<line x1="0" x2="100%" y1="{top}" y2="{top}" '
        f'stroke="{GREY}" stroke-dasharray="2 4"/>'
    )
    labels = (
        _text("0", top - 6, f"{grouped(highest)} {unit}", size=12)
        + _text("0", BAND + PLOT + 18, _clock(points[0].time), size=12)
        + (
            _text("100%", BAND + PLOT + 18, _clock(points[-1].time), "end", 12)
            if len(points) > 1
            else ""
        )
    )
    key: tuple[tuple[str, str], ...] = ()
    if marks:
        key = _key(id, ("solid", BLUE, "as read"), ("rising", ORANGE, "published snapshot"))
    gaps = sum(p.value is None for p in points)
    note = f"{gaps} of {len(points)} readings are unknown: the line has gaps there." if gaps else ""
    return Chart(
        title,
        _svg(id, title, BAND + PLOT + AXIS, frame + marks + lines + labels),
        head,
        table,
        key,
        note,
    )


def _height(value: Fraction, scale: Fraction) -> int:
    return PLOT - int(value / scale * PLOT)


def _segments(points: Sequence[Moment], first: int, span: int, scale: Fraction) -> list[str]:
    """One line for each run of known points; a lone point is a dot."""
    runs: list[list[tuple[int, int]]] = [[]]
    for point in points:
        if point.value is None:
            runs.append([])
            continue
        x = (_seconds(point.time) - first) * 10_000 // span
        runs[-1].append((x, _height(Fraction(point.value), scale)))
    lone = [run[0] for run in runs if len(run) == 1]
    drawn = [
        f'<polyline points="{" ".join(f"{x},{y}" for x, y in run)}" fill="none" stroke="{BLUE}" '
        'stroke-width="2" vector-effect="non-scaling-stroke"/>'
        for run in runs
        if len(run) > 1
    ]
    plot = (
        f'<svg x="0" y="{BAND}" width="100%" height="{PLOT}" viewBox="0 0 10000 {PLOT}" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
    dots = [
        f'<circle cx="{_part(Fraction(x, 10_000))}" cy="{BAND + y}" r="3" fill="{BLUE}"/>'
        for x, y in lone
    ]
    return [plot, *dots]


def _history_title(points: Sequence[Moment], unit: str, what: str) -> str:
    known = [p for p in points if p.value is not None]
    if len(known) < 2:
        return f"What is {what} over time: {len(known) or 'no'} reading{'s' * (len(known) != 1)}."
    first, last = known[0], known[-1]
    assert first.value is not None
    assert last.value is not None
    if first.value == last.value:
        return f"What is {what} in {unit} has not changed since {_clock(first.time)}."
    grew = last.value > first.value
    if not first.value:
        return f"What is {what} in {unit} was 0 at {_clock(first.time)}."
    change = abs(Fraction(last.value) / Fraction(first.value) - 1)
    word = "grew" if grew else "fell"
    text = percent(change, up=not grew)
    return f"What is {what} in {unit} {word} by {text} % since {_clock(first.time)}."


def _seconds(time: str) -> int:
    return int(datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def _clock(time: str) -> str:
    """2025-04-30T16:00:00Z as 2025-04-30 16:00 UTC."""
    return f"{time[:10]} {time[11:16]} UTC"
