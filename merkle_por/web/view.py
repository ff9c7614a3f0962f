"""Results as HTML: what the templates are given, and nothing they could not print safely.

Every text goes through Jinja's autoescaping; texts that come from files also lose what reorders or
hides characters (`shown`). Sentences are those of the terminal (report.blocks).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import grouped
from merkle_por.clock import now
from merkle_por.report.blocks import BlockPage, Item
from merkle_por.report.charts import Chart, Coverage, coverage_bars, stacked_kinds
from merkle_por.report.ladder import Row, Rung, folded, ladders, split
from merkle_por.report.text import pointed, safe, shortened
from merkle_por.verdict import Check, CheckStatus, State, Verdict
from merkle_por.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from merkle_por.crosscheck import Conflict, Sighting, Together

TEMPLATES = Path(__file__).parent / "templates"
TEXT_COLUMNS = 2_000  # of any text of ours that may quote a file
CONFLICTS_SHOWN = 20
BALANCES_SHOWN = 500
CHECKS_SHOWN = 200

MARKS = {
    "pass": ("✓", "ok"),
    "fail": ("✗", "failed"),
    "warn": ("!", "warning"),
    "unconfirmed": ("?", "unconfirmed"),
    "not-checked": ("–", "not checked"),
}
STATES = {"valid": "✓", "invalid": "✗", "malformed": "⊘", "unconfirmed": "?", "incomplete": "–"}
RUNG_WORDS = {
    "ok": ("✓", "ok"),
    "padding": ("✓", "padding"),
    "negative": ("✗", "below zero"),
    "conflict": ("✗", "contradicted"),
}
ROLES = {"root": "Root", "leaf": "You", "rebuilt": "rebuilt"}
CHIPS = (("included", "included"), ("totals", "totals"), ("root", "root"))


@cache
def environment() -> Environment:
    """The templates, autoescaping everything; a name that is missing is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        shown=shown,
        short=shortened,
        pointed=lambda pairs: list(
            zip([name for name, _ in pairs], pointed([f for _, f in pairs]), strict=True)
        ),
        grouped=lambda value: "unknown" if value is None else grouped(value),
        clock=clock,
        count=lambda value: f"{value:,}",
    )
    found.globals.update(marks=MARKS, states=STATES, rung_words=RUNG_WORDS, roles=ROLES)
    return found


def render(template: str, **values: Any) -> str:
    """A template as text."""
    values = {"version": __version__, "time": now(), **values}
    return environment().get_template(template).render(**values)


def shown(text: object, columns: int = TEXT_COLUMNS) -> str:
    """A text that may come from a file: controls and direction marks escaped, cut."""
    return safe(str(text), columns)


def clock(time: str | None) -> str:
    """RFC 3339 as "2025-04-30 16:00 UTC"; "unknown" for None."""
    if time is None:
        return "unknown"
    if len(time) >= 20 and time[10] == "T" and time.endswith("Z"):
        return f"{safe(time[:10])} {safe(time[11:16])} UTC"
    return safe(time, 40)


def markup(chart: Chart) -> Markup:
    """A chart's HTML, which charts.py has escaped itself."""
    from markupsafe import Markup

    return Markup(chart.html())


def data_url(document: bytes) -> str:
    """A JSON document as an address that a link can save without a script."""
    return f"data:application/json;base64,{base64.b64encode(document).decode()}"


# -- one proof -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProofView:
    """One file's verdict as its part of the page."""

    number: int
    name: str
    verdict: Verdict
    page: BlockPage
    chips: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]
    checks: tuple[Check, ...]
    more_checks: int
    balances: tuple[tuple[str, str], ...]
    cannot: tuple[str, ...]
    where: str
    ladders: tuple[tuple[Row, ...], ...]

    @property
    def state(self) -> str:
        return self.verdict.state.value


def proof_view(verdict: Verdict, number: int, conflicts: Sequence[str] = ()) -> ProofView:
    from merkle_por.report.verify_text import proof_lines, where_root

    page = BlockPage()
    proof_lines(verdict, page)
    items = tuple(item for item in page.items if item.kind != "columns")
    if verdict.state is State.MALFORMED:
        items = ()
    account = verdict.account
    balances = sorted(
        (account.balances if account else {}).items(), key=lambda item: (not item[1], item[0])
    )
    known = verdict.scheme is not None
    return ProofView(
        number=number,
        name=safe(verdict.file.name, 60),
        verdict=verdict,
        page=page,
        chips=_chips(page) if verdict.state is not State.MALFORMED else (),
        items=items,
        checks=verdict.checks[:CHECKS_SHOWN],
        more_checks=max(0, len(verdict.checks) - CHECKS_SHOWN),
        balances=tuple((safe(a), grouped(v)) for a, v in balances[:BALANCES_SHOWN]),
        cannot=_cannot(verdict) if known else (),
        where=where_root(verdict) if known else "",
        ladders=tuple(tuple(folded(rungs)) for rungs in _ladders(verdict, conflicts)),
    )


def _chips(page: BlockPage) -> tuple[tuple[str, str], ...]:
    found = ((name, page.status_of(label)) for label, name in CHIPS)
    return tuple((name, status) for name, status in found if status)


def _cannot(verdict: Verdict) -> tuple[str, ...]:
    from merkle_por.recognise import by_id

    return by_id(str(verdict.scheme)).assurance.cannot


def _ladders(
    verdict: Verdict, conflicts: Sequence[str] = (), assets: Sequence[str] = ()
) -> list[list[Rung]]:
    own = [a for a, v in (verdict.account.balances if verdict.account else {}).items() if v]
    return ladders(verdict.nodes, own=own, conflicts=conflicts, assets=assets)


# -- several proofs --------------------------------------------------------------------------


@dataclass(frozen=True)
class SideView:
    """One of two ladders that meet: the rows above the shared node and below it."""

    name: str
    words: str
    amounts: tuple[tuple[str, str], ...]
    above: tuple[Row, ...]
    below: tuple[Row, ...]


@dataclass(frozen=True)
class JoinView:
    """Two ladders joined at the node on which they contradict each other."""

    reason: str
    hash: str
    other_hash: str
    sides: tuple[SideView, SideView]


def join_view(conflict: Conflict, names: Sequence[str], proofs: Sequence[Verdict]) -> JoinView:
    """The two files' ladders, cut at the node that both show."""
    views = (conflict.first, conflict.second)
    differing = _differing(conflict)

    def side(view: Sighting) -> SideView:
        paths = _ladders(proofs[view.file], (view.key,), differing)
        rungs = next((p for p in paths if any(r.hash == view.key for r in p)), [])
        above, _, below = split(rungs, view.key)
        balances = view.balances or {}
        amounts = tuple((safe(a), grouped(balances[a])) for a in differing[:3] if a in balances)
        name = safe(names[view.file], 60) or f"file {view.file + 1}"
        return SideView(name, view.words, amounts, tuple(folded(above)), tuple(folded(below)))

    sides = (side(conflict.first), side(conflict.second))
    return JoinView(conflict.reason, views[0].key, views[1].key, sides)


def _differing(conflict: Conflict) -> list[str]:
    first, second = conflict.first.balances or {}, conflict.second.balances or {}
    names = dict.fromkeys([*first, *second])
    return [name for name in names if first.get(name, 0) != second.get(name, 0)]


@dataclass(frozen=True)
class ConflictView:
    """One contradiction as a row of a table."""

    reason: str
    hash: str
    sides: tuple[tuple[str, str, str], ...]
    judged: bool


def _conflict_view(conflict: Conflict, names: Sequence[str]) -> ConflictView:
    differing = _differing(conflict)[:3]

    def row(view: Sighting) -> tuple[str, str, str]:
        balances = view.balances or {}
        amounts = ", ".join(f"{safe(a)} {grouped(balances[a])}" for a in differing if a in balances)
        return safe(names[view.file], 60), view.words, amounts

    sides = (row(conflict.first), row(conflict.second))
    return ConflictView(conflict.reason, shortened(conflict.first.key), sides, conflict.judged)


# -- any result ------------------------------------------------------------------------------


def result_part(result: Any, document: bytes, redacted: bytes) -> str:
    """The part of the page that holds a result of verify, whatever the files were."""
    downloads = {"full": data_url(document), "redacted": data_url(redacted)}
    proofs = getattr(result, "proofs", ())
    if not (proofs and all(isinstance(proof, Verdict) for proof in proofs)):
        return _report_part(result, downloads)
    together: Together | None = getattr(result, "together", None)
    conflicts = () if together is None else together.conflicts
    names = () if together is None else together.names
    judged = next((c for c in conflicts if c.judged), None)
    marked = [[c.first.key, c.second.key] for c in conflicts if c.judged]
    keys = [key for pair in marked for key in pair]
    views = [proof_view(verdict, n, keys) for n, verdict in enumerate(proofs, 1)]
    page = BlockPage()
    result.page(page)
    return render(
        "result.html",
        page=page,
        result=result,
        views=views,
        single=views[0] if len(views) == 1 else None,
        items=[item for item in page.items if item.kind != "columns"],
        join=None if judged is None else join_view(judged, names, proofs),
        conflicts=[_conflict_view(c, names) for c in conflicts[:CONFLICTS_SHOWN]],
        more_conflicts=max(0, len(conflicts) - CONFLICTS_SHOWN),
        downloads=downloads,
        asks_root=result.state is State.UNCONFIRMED and _asks_root(proofs),
        printed=[(v.file, v.scheme, v.root) for v in proofs],
        command="merkle-por verify FILE" + " FILE" * (len(proofs) > 1) + " --root HEX",
    )


def _asks_root(proofs: Sequence[Verdict]) -> bool:
    return any(
        p.state is State.UNCONFIRMED and p.root is not None and not p.root.confirmed for p in proofs
    )


def _report_part(result: Any, downloads: dict[str, str]) -> str:
    """Lists of reserves and comparisons: checks, charts and tables."""
    page = BlockPage()
    result.page(page)
    charts: list[Chart] = []
    rows: list[dict[str, str]] = []
    ratios = getattr(result, "ratios", None)
    if ratios is not None:
        from merkle_por.report.solvency_text import known_ratio, shown_order, table_rows

        assets = shown_order(ratios)
        coverage = [Coverage(a.asset, known_ratio(a), a.verified_ratio) for a in assets]
        if coverage:
            charts.append(coverage_bars("coverage", coverage))
        kinds = [(a.asset, a.kinds) for a in assets if any(a.kinds.values())]
        rows = table_rows(result, ratios)
    else:
        lines = getattr(result, "assets", ())
        kinds = [(a.asset, a.by_kind) for a in lines if any(a.by_kind.values())]
        rows = [
            {
                "asset": safe(a.asset),
                "rows": f"{a.rows:,}",
                "listed": "unknown" if a.listed is None else grouped(a.listed),
                "proven": "unknown" if a.proven is None else grouped(a.proven),
            }
            for a in lines
        ]
    for name in [name for name in (rows[0] if rows else ()) if name != "state"][1:]:
        for row, figure in zip(rows, pointed([row[name] for row in rows]), strict=True):
            row[name] = figure
    if kinds:
        charts.append(stacked_kinds("kinds", kinds[:TABLE_ROWS]))
    open_ = [c for c in result.checks if c.status is not CheckStatus.PASS]
    passed = [c for c in result.checks if c.status is CheckStatus.PASS]
    checks = [*open_, *passed]
    return render(
        "report.html",
        page=page,
        result=result,
        items=[item for item in page.items if item.kind != "columns"],
        charts=[markup(chart) for chart in charts],
        rows=rows[:TABLE_ROWS],
        more_rows=max(0, len(rows) - TABLE_ROWS),
        checks=checks[:CHECKS_SHOWN],
        more_checks=max(0, len(checks) - CHECKS_SHOWN),
        downloads=downloads,
        printed=_printed(result),
        command="merkle-por verify FILE",
    )


def _printed(result: Any) -> list[tuple[Any, str | None, None]]:
    """Files of a report for its printed head."""
    files = getattr(result, "files", None)
    if files:
        return [(file.file, file.scheme, None) for file in files]
    return [(result.file, None, None)] if result.file is not None else []


TABLE_ROWS = 200
