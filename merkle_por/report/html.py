"""One self-contained HTML file of a result: to read, to print, to hand over, to run again.

Rules (shared/ux.md section 3, "Print / --html"): verdict, time, SHA-256 of the files, format and
the whole root on page one; everything is open, so that it prints; black on white, hatches beside
colours; heads of tables repeat; no script runs and nothing is fetched; the evidence document
stands inside as JSON (see merkle_por.evidence), so that `merkle-por recheck` reads it back.

Everything goes through `el`, which escapes: text from a file can't become markup. The page is a
function of the document and the result alone, so a recheck draws it again and compares the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape
from typing import Any

from merkle_por.amounts import cut, grouped
from merkle_por.clock import ago, minute
from merkle_por.recognise import by_id
from merkle_por.report.blocks import OWN_NOTE, BlockPage, Item
from merkle_por.report.charts import Chart, Coverage, coverage_bars, stacked_kinds
from merkle_por.report.ladder import ladders
from merkle_por.report.reserves_text import kind_text, percent, transfers_text
from merkle_por.report.text import escaped, pointed, safe
from merkle_por.verdict import Check, Problem, State, Totals, Verdict

MARKER = '<script type="application/json" id="merkle-por-evidence">'
END = "</script>"
MARKS = {
    "pass": ("✓", "ok"),
    "fail": ("✗", "failed"),
    "warn": ("!", "warning"),
    "unconfirmed": ("?", "unconfirmed"),
    "not-checked": ("–", "not checked"),
}
STATE_SIGNS = {
    "valid": "✓",
    "invalid": "✗",
    "unconfirmed": "?",
    "incomplete": "–",
    "malformed": "✗",
}
PUBLISHED_ROWS = 200
KIND_ROWS = 12
FILE_CHARS = 120
OWN_QUESTION = (
    "Are these your balances at the snapshot? They are read from the file: compare them with your "
    "statement."
)
SOURCES = {
    "option": "given on the command line",
    "prompt": "pasted by the user",
    "attestation": "from an attestation file the user gave",
    "pin": "kept by the user from last time",
    "shipped": "shipped with merkle-por",
}
STYLE = """
:root{--ink:#14171a;--dim:#51565c;--line:#b9bec4;--paper:#fff}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:60rem;color:var(--ink);background:var(--paper);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.45rem;line-height:1.3;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
p{margin:.4rem 0}
code,.hash{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:.85em;
overflow-wrap:anywhere}
.brand{color:var(--dim);margin:0 0 .75rem}
.verdict{border:2px solid var(--edge);border-left-width:12px;padding:.75rem 1rem;
break-inside:avoid}
.word{display:inline-block;background:var(--edge);color:#000;padding:0 .5rem;margin-right:.4rem}
.valid{--edge:#0072b2}.valid .word{color:#fff}
.invalid{--edge:#d55e00}.unconfirmed{--edge:#e69f00}.incomplete{--edge:#56b4e9}
.malformed{--edge:#cc79a7}
dl.facts{display:grid;grid-template-columns:9rem 1fr;gap:.15rem 1rem;margin:1rem 0}
dl.facts dt{color:var(--dim)}dl.facts dd{margin:0;overflow-wrap:anywhere}
ul{margin:.3rem 0;padding-left:1.2rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid var(--line)}td{overflow-wrap:anywhere}
thead{display:table-header-group}thead th{border-bottom:2px solid var(--ink)}
tr{break-inside:avoid}
tbody th{font-weight:600}
.figure{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;
overflow-wrap:normal}
.said th{width:7.5rem;font-weight:400;color:var(--dim)}
.said .own{width:auto}.said .own td{width:auto}
.mark{white-space:nowrap;font-weight:600}.said td:nth-child(2){width:9.5rem}
.mark-fail{text-decoration:underline;text-decoration-thickness:2px}
.scroll{overflow-x:auto}.note,.small{color:var(--dim);font-size:.9rem}
figure{margin:1.25rem 0;break-inside:avoid}figcaption{font-weight:600;margin-bottom:.5rem}
figure ul.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
figure svg{overflow:visible;display:block}figure .key svg{display:inline-block}
summary{color:var(--dim)}
footer{margin-top:2.5rem;border-top:2px solid var(--ink);padding-top:.5rem;break-inside:avoid}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0;font-size:.9rem}
@media(max-width:40rem){.scroll table{min-width:36rem}
dl.facts{grid-template-columns:1fr}dl.facts dd{margin-bottom:.4rem}
.said,.said tbody,.said tr,.said th,.said td{display:block;width:auto!important;border:0;padding:0}
.said tr{border-bottom:1px solid var(--line);padding:.35rem 0}}
@page{margin:16mm 14mm 18mm;@bottom-left{content:"merkle-por recheck REPORT.html FILE";
font:9px sans-serif}@bottom-right{content:counter(page) " / " counter(pages);font:9px sans-serif}}
@media print{body{max-width:none;padding:0;font-size:11pt}.scroll{overflow:visible}
.scroll table{min-width:0!important}
h2,h3{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


class Markup(str):
    """Text that is markup already; only `el` and the charts make it."""


def el(tag: str, *children: str, **attributes: str) -> Markup:
    """An element. Plain texts are escaped, also in attributes; class_ stands for class."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    inner = "".join(c if isinstance(c, Markup) else escape(escaped(c)) for c in children)
    return Markup(f"<{tag}{given}>{inner}</{tag}>")


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


def embedded(document: Mapping[str, Any]) -> Markup:
    """The JSON element; `<`, `>` and `&` stand as JSON's own escapes, so nothing can end it."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f"{MARKER}{text}{END}")


def html_report(document: Mapping[str, Any], result: Any) -> str:
    """The whole file. document: merkle-por/evidence/1; result: what it shows (already redacted
    where it is to be)."""
    sentence = escaped(result.sentence)
    word = result.state.value.upper()
    body = joined(
        (
            el("p", f"merkle-por {document['command']}: report", class_="brand"),
            _verdict(result.state, sentence, _warnings(result)),
            _facts(document, result),
            _body(document, result),
            _footer(document),
        )
    )
    return _file_of(f"{word}: {sentence}", el("main", body), embedded(document))


def _file_of(title: str, *body: Markup) -> str:
    """A whole file with the one style and a policy that lets nothing else in."""
    head = joined(
        (
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(
                '<meta http-equiv="Content-Security-Policy" '
                "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            ),
            el("title", title),
            Markup(f"<style>{STYLE}</style>"),
        )
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{el("head", head)}\n{el("body", *body)}\n</html>\n'


# -- page one --------------------------------------------------------------------------------


def _verdict(state: State, sentence: str, warnings: Sequence[str]) -> Markup:
    word = el("span", f"{STATE_SIGNS[state.value]} {state.value.upper()}", class_="word")
    below = [el("p", el("strong", "! warning"), f" {text}") for text in warnings]
    return el("section", el("h1", word, sentence), *below, class_=f"verdict {state.value}")


def _warnings(result: Any) -> list[str]:
    proofs = result.proofs if hasattr(result, "together") else (result,)
    found = [w.text for proof in proofs for w in getattr(proof, "warnings", ())]
    if hasattr(result, "verdict"):
        found = [w.text for w in result.verdict.warnings]
    return list(dict.fromkeys(found))


def _facts(document: Mapping[str, Any], result: Any) -> Markup:
    rows: list[tuple[str, Markup]] = [
        ("checked", Markup(escape(f"{minute(document['time'])}, merkle-por {document['version']}")))
    ]
    for number, file in enumerate(document["files"], 1):
        rows.append((_role(file["role"], number, len(document["files"])), _file(file)))
    verdicts = [proof for proof in result.proofs if isinstance(proof, Verdict)]
    for scheme in dict.fromkeys(_schemes(result)):
        rows.append(("format", Markup(escape(f"{scheme} ({by_id(scheme).title})"))))
    for exchange in dict.fromkeys(v.exchange_name for v in verdicts if v.exchange_name):
        rows.append(("exchange", Markup(escape(escaped(exchange)))))
    for text in dict.fromkeys(_snapshot(v, document["time"]) for v in verdicts):
        if text:
            rows.append(("snapshot", Markup(escape(escaped(text)))))
    for root, markup in {v.root: _root(v) for v in verdicts if v.root is not None}.items():
        if root is not None:
            rows.append(("root", markup))
    if document["seen"]:
        rows.append(
            ("root seen", Markup(escape(f"{escaped(document['seen'])} (in the user's words)")))
        )
    for pin in document["pins"]:
        seen = f"{pin['seen']} (in the user's words, kept from last time)"
        rows.append(("root seen", Markup(escape(escaped(seen)))))
    given = [_given(item) for item in document["given"] if item["name"] != "root"]
    if given:
        rows.append(("given", joined(given)))
    cells = joined(joined((el("dt", name), el("dd", value))) for name, value in rows)
    return el("dl", cells, class_="facts")


def _role(role: str, number: int, count: int) -> str:
    if role != "file":
        return {"liabilities": "owed from", "reserves": "held from"}.get(role, role)
    return "file" if count == 1 else f"file {number}"


def _file(file: Mapping[str, Any]) -> Markup:
    kind = "folder of " if file["folder"] else ""
    name = f"{safe(file['name'], FILE_CHARS)}, " if file["name"] else ""
    return joined(
        (
            Markup(escape(f"{name}{kind}{file['bytes']:,} bytes, SHA-256 ")),
            el("code", file["sha256"]),
        )
    )


def _schemes(result: Any) -> list[str]:
    found = [getattr(proof, "scheme", None) for proof in result.proofs]
    files = getattr(result, "files", ())
    return [id for id in (*found, *(file.scheme for file in files)) if id]


def _snapshot(verdict: Verdict, at: str) -> str:
    id, time = verdict.snapshot.id, verdict.snapshot.time
    parts = [f"audit {safe(id, FILE_CHARS)}"] if id else []
    if time:
        parts.append(f"{minute(time)}, {ago(time, at)}")
    return ": ".join(parts)


def _root(verdict: Verdict) -> Markup:
    root = verdict.root
    assert root is not None
    if root.confirmed:
        how = f"equals the published one, {SOURCES.get(root.source or '', 'seen outside the file')}"
        status = "pass"
    else:
        how, status = "in the file, confirmed by nobody", "unconfirmed"
        if any(c.id == "root-mismatch" for c in verdict.checks):
            how, status = "in the file; another one was given as the published one", "fail"
    return joined(
        (el("code", root.value), Markup("<br>"), _mark(status), Markup(escape(f" {how}")))
    )


def _given(item: Mapping[str, Any]) -> Markup:
    match item["kept"]:
        case "value":
            text = json.dumps(item["value"], ensure_ascii=False)
            return el("div", f"{safe(item['name'])}: {safe(text, FILE_CHARS)}")
        case "file":
            files = joined(joined((_file(file), Markup(" "))) for file in item["files"])
            return el("div", f"{safe(item['name'])}: ", files)
    return el("div", f"{safe(item['name'])}: given, not written down here")


# -- what was found --------------------------------------------------------------------------


def _body(document: Mapping[str, Any], result: Any) -> Markup:
    parts: list[Markup] = [_problems(getattr(result, "errors", ()))]
    if document["command"] == "solvency" or hasattr(result, "ratios"):
        parts += [_said(result), *_solvency(result)]
    elif document["command"] == "reserves" or hasattr(result, "coins"):
        parts += [_said(result), *_reserves(result)]
    elif hasattr(result, "verdict"):
        parts += [_problems(result.verdict.errors), _said(result), *_verdict_parts(result.verdict)]
    else:
        parts += _verification(result)
    if not hasattr(result, "together") and not hasattr(result, "verdict"):
        parts.append(_checks("Every check", result.checks))
    return joined(parts)


def _verification(result: Any) -> list[Markup]:
    proofs = result.proofs
    if len(proofs) == 1:
        said = [] if proofs[0].errors else [_said(result)]
        return [_problems(proofs[0].errors), *said, *_verdict_parts(proofs[0])]
    parts = [_said(result)]
    if result.together is not None:
        parts.append(_checks("Checks on all files together", result.together.checks))
    for number, verdict in enumerate(proofs, 1):
        name = safe(verdict.file.name, FILE_CHARS) or f"file {number}"
        word = f"{STATE_SIGNS[verdict.state.value]} {verdict.state.value.upper()}"
        parts.append(el("h2", f"{name}, judged alone: {word}"))
        parts.append(el("p", escaped(verdict.sentence)))
        parts.append(_problems(verdict.errors))
        if not verdict.errors:
            parts.append(_said(_Alone(verdict)))
        parts += [_checks("Every check", verdict.checks), *_path(verdict)]
    # What several files have in common is said once.
    parts += dict.fromkeys(_published(verdict) for verdict in proofs)
    parts += dict.fromkeys(_assurance(verdict) for verdict in proofs)
    return parts


class _Alone:
    """One verdict of several, written to a page of its own."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def page(self, page: BlockPage) -> BlockPage:
        from merkle_por.report.verify_text import proof_lines

        proof_lines(self.verdict, page)
        return page


def _said(result: Any) -> Markup:
    """The terminal's page, as a table of label, mark and text."""
    page = BlockPage()
    page.marks = {status: sign for status, (sign, _) in MARKS.items()}
    result.page(page)
    items = [item for item in page.items if not _left_out(item)]
    rows = [row for item in items for row in _item(item)]
    standing = [
        el("tr", el("th", "", scope="row"), el("td", _mark(status)), el("td", text))
        for status, text in page.warnings
        if status != "warn"
    ]
    if not rows and not standing:
        return Markup("")
    return el("table", el("tbody", *standing, *rows), class_="said")


def _left_out(item: Item) -> bool:
    """Ready columns are drawn as tables here; root, snapshot and sources have
    places of their own."""
    above = item.label in ("snapshot", "figures") or (
        item.label == "root" and item.status != "fail"
    )
    return item.kind == "columns" or above


def _item(item: Item) -> list[Markup]:
    texts = [OWN_QUESTION if text == OWN_NOTE else text for text in item.texts]
    more = [el("div", el("code", line)) for line in item.more]
    whole = [el("div", f"{name} " if name else "", el("code", value)) for name, value in item.whole]
    figures = []
    if item.balances:
        amounts = pointed([figure for _, figure in item.balances])
        beside = [[el("td", text)] for text in item.beside] or [[]] * len(amounts)
        cells = (
            el("tr", el("th", asset, scope="row"), el("td", figure, class_="figure"), *note)
            for (asset, _), figure, note in zip(item.balances, amounts, beside, strict=True)
        )
        figures = [el("table", el("tbody", *cells), class_="own")]
    inner = [*figures, *(el("div", text) for text in texts), *more, *whole]
    mark = _mark(item.status) if item.status else ""
    return [el("tr", el("th", item.label, scope="row"), el("td", mark), el("td", *inner))]


def _mark(status: str) -> Markup:
    sign, word = MARKS[status]
    return el("span", f"{sign} {word}", class_=f"mark mark-{status}")


def _problems(problems: Iterable[Problem]) -> Markup:
    rows = []
    for problem in problems:
        place = f", {problem.where}" if problem.where else ""
        hints = [el("li", hint) for hint in problem.hints]
        text = f"{problem.text}{place} ({problem.reason})"
        rows.append(el("li", text, *([el("ul", *hints)] if hints else [])))
    return el("ul", *rows) if rows else Markup("")


def _checks(title: str, checks: Sequence[Check]) -> Markup:
    """Every check with both values that were compared."""
    if not checks:
        return Markup("")
    rows = []
    for check in checks:
        more = [
            el("div", f"{name} ", el("code", value))
            for name, value in (
                ("at", check.where),
                ("expected", check.expected),
                ("computed", check.computed),
            )
            if value is not None and not (name == "computed" and value == check.expected)
        ]
        rows.append(
            (
                el("th", check.about.value, scope="row"),
                el("td", _mark(check.status.value)),
                el("td", check.text, *more),
                el("td", el("code", check.id)),
            )
        )
    return _table(title, ("about", "result", "what was checked", "name"), rows)


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Markup]], figures: Sequence[int] = ()
) -> Markup:
    """A titled table. rows: cells ready made. figures: numbers of the columns of amounts."""
    cells = [
        el("th", name, scope="col", **({"class_": "figure"} if index in figures else {}))
        for index, name in enumerate(head)
    ]
    body = joined(el("tr", *row) for row in rows)
    table = el("table", el("thead", el("tr", *cells)), el("tbody", body))
    return el("section", el("h2", title), el("div", table, class_="scroll"))


def _verdict_parts(verdict: Verdict) -> list[Markup]:
    parts = [_checks("Every check", verdict.checks), _violations(verdict), _published(verdict)]
    parts += _path(verdict)
    parts.append(_assurance(verdict))
    return parts


def _violations(verdict: Verdict) -> Markup:
    """The broken rows of a ledger that are listed one by one."""
    found = verdict.details.get("violations", {})
    rows = [
        (
            el("th", safe(str(item["where"]), FILE_CHARS), scope="row"),
            el("td", item["text"]),
            el("td", el("code", item["class"])),
        )
        for item in found.get("listed", ())
    ]
    if not rows:
        return Markup("")
    table = _table("Broken rows", ("where", "what is wrong", "name"), rows)
    more = found.get("more", 0)
    return table if not more else joined((table, el("p", f"and {more:,} more", class_="note")))


def _published(verdict: Verdict) -> Markup:
    if not verdict.published:
        return Markup("")
    figures = [(asset, value) for asset, value in verdict.published.items() if value]
    nothing = len(verdict.published) - len(figures)
    amounts = pointed([grouped(value) for _, value in figures[:PUBLISHED_ROWS]])
    rows = [
        (el("th", safe(asset), scope="row"), el("td", amount, class_="figure"))
        for (asset, _), amount in zip(figures[:PUBLISHED_ROWS], amounts, strict=True)
    ]
    shown = verdict.totals in (Totals.HOLDS, Totals.BOUND)
    title = "Totals under the root" if shown else "Totals that the file states (not shown to hold)"
    table = _table(title, ("asset", "owed to all customers"), rows, (1,))
    rest = len(figures) - PUBLISHED_ROWS
    notes = [f"and {rest:,} more assets"] if rest > 0 else []
    if nothing:
        notes.append(f"{nothing:,} {'asset' if nothing == 1 else 'assets'} with a total of 0")
    return joined((table, *(el("p", note, class_="note") for note in notes)))


def _path(verdict: Verdict) -> list[Markup]:
    """The path as a ladder; a result without balances has no nodes to show."""
    own = [a for a, v in verdict.account.balances.items() if v] if verdict.account else []
    found = []
    for number, rungs in enumerate(ladders(verdict.nodes, own=own), 1):
        rows = [
            (
                el("th", "" if rung.role == "leaf" else str(rung.step), scope="row"),
                el("td", {"leaf": "your leaf", "root": "root"}.get(rung.role, rung.side or "")),
                el("td", el("code", rung.short)),
                el("td", ", ".join(f"{asset} {figure}" for asset, figure in rung.amounts)),
                el("td", rung.status),
            )
            for rung in rungs
        ]
        title = "Your path, root first" + (f" ({number})" if number > 1 else "")
        found.append(_table(title, ("step", "node", "hash", "amounts", "result"), rows))
    return found


def _assurance(verdict: Verdict) -> Markup:
    if verdict.scheme is None:
        return Markup("")
    scheme = by_id(verdict.scheme)
    shown = scheme.assurance
    cannot = el("ul", *(el("li", text) for text in shown.cannot))
    where = scheme.where
    audit = f"audit {safe(verdict.snapshot.id)}" if verdict.snapshot.id else "your audit"
    place = where.root.replace("{audit}", audit)
    return el(
        "section",
        el("h2", "What this format shows, and what it can't"),
        el("p", el("strong", "Included: "), shown.included),
        el("p", el("strong", "Totals: "), shown.totals),
        el("p", el("strong", "Not shown:")),
        cannot,
        el("p", el("strong", "Where the root is published: "), place),
        el("p", f"Looked at: {where.seen}; {where.certain}.", class_="small"),
    )


# -- ratios and lists ------------------------------------------------------------------------


def _drawn(chart: Chart, *, table: bool = True) -> Markup:
    """A chart; table=False where its figures stand in a table of the page already."""
    if not table:
        key = [el("li", Markup(f"{swatch} {escape(words)}")) for swatch, words in chart.key]
        note = [el("p", chart.note, class_="note")] if chart.note else []
        caption = el("figcaption", chart.title)
        parts = [caption, Markup(chart.svg), el("ul", *key, class_="key"), *note]
        return el("figure", *parts, class_="chart")
    # Folds stand open: a printed page can't be unfolded.
    return Markup(chart.html().replace("<details>", "<details open>"))


def _solvency(report: Any) -> list[Markup]:
    from merkle_por.report.solvency_text import known_ratio, known_reserves, shown_order

    ratios = report.ratios
    if ratios is None:
        return []
    order = shown_order(ratios)
    total = ratios.total
    words = {"solvent": "pass", "short": "fail", "incomplete": "not-checked"}
    owed, held = (
        pointed([_amount(value) for value in (*values, *whole)])
        for values, whole in (
            ([a.liabilities for a in order], [cut(total.liabilities, 2)] if total else []),
            ([known_reserves(a) for a in order], [cut(total.reserves, 2)] if total else []),
        )
    )
    rows = [
        (
            el("th", safe(a.asset), scope="row"),
            el("td", _mark(words[a.state.value])),
            el("td", owed[place], class_="figure"),
            el("td", held[place], class_="figure"),
            el("td", _percent(known_ratio(a)), class_="figure"),
            el("td", _percent(a.verified_ratio), class_="figure"),
        )
        for place, a in enumerate(order)
    ]
    if total is not None:
        currency = safe(report.prices.currency if report.prices else "USD", 10)
        rows.append(
            (
                el("th", f"all, in {currency}", scope="row"),
                el("td", ""),
                el("td", owed[-1], class_="figure"),
                el("td", held[-1], class_="figure"),
                el("td", _percent(total.ratio), class_="figure"),
                el("td", _percent(total.verified_ratio), class_="figure"),
            )
        )
    head = ("asset", "state", "owed", "held", "covered", "proven")
    parts = [_table("Owed and held", head, rows, (2, 3, 4, 5)), *_solvency_facts(report)]
    if order:
        bars = [Coverage(a.asset, known_ratio(a), a.verified_ratio) for a in order]
        parts.append(_drawn(coverage_bars("coverage", bars), table=False))
    kinds = [(a.asset, a.kinds) for a in order if a.kinds]
    if kinds:
        parts.append(_drawn(stacked_kinds("kinds", kinds[:KIND_ROWS])))
    outside = [a for a in ratios.assets if a.liabilities is None]
    if outside:
        left = [
            (
                el("th", safe(a.asset), scope="row"),
                el("td", grouped(a.reserves), class_="figure"),
            )
            for a in outside
        ]
        parts.append(_table("Held, but nothing is said to be owed", ("asset", "held"), left, (1,)))
    return parts


def _solvency_facts(report: Any) -> list[Markup]:
    total = report.ratios.total
    texts = []
    if total is not None:
        texts.append(f"Own token: {_percent(total.own_token_share, up=True)} of reserves.")
        if report.prices is not None:
            time = f", {minute(report.prices.time)}" if report.prices.time else ", time unknown"
            texts.append(f"Prices: {safe(report.prices.source or 'unknown', FILE_CHARS)}{time}.")
    for source in report.liabilities:
        time = minute(source.time) if source.time else "time unknown"
        net = {True: "net of loans to customers", False: "loans not taken off"}.get(
            source.net_of_debt, "net or gross of loans: unknown"
        )
        name = safe(source.source, FILE_CHARS)
        texts.append(f"Owed: {name} ({source.kind}, {source.state.value}), {time}, {net}.")
    for source in report.reserves:
        time = minute(source.time) if source.time else "time unknown"
        name = safe(source.source, FILE_CHARS)
        texts.append(f"Held: {name}, {source.rows:,} rows, {time}.")
    return [el("ul", *(el("li", text) for text in texts))]


def _amount(value: Decimal | None) -> str:
    return "unknown" if value is None else grouped(value)


def _percent(value: Fraction | None, *, up: bool = False) -> str:
    return "unknown" if value is None else f"{percent(value, up=up)} %"


def _reserves(report: Any) -> list[Markup]:
    assets = {line.asset: line for line in report.assets}
    listed = pointed([_amount(line.listed) for line in report.coins])
    rows = [
        (
            el("th", safe(line.title, FILE_CHARS), scope="row"),
            el("td", amount, class_="figure"),
            el("td", _proven(line.proven, line.listed), class_="figure"),
            el("td", f"{line.rows:,}", class_="figure"),
            el("td", f"{line.unknown_rows:,}", class_="figure"),
            el("td", kind_text(line, assets[line.asset])),
        )
        for line, amount in zip(report.coins, listed, strict=True)
    ]
    if not rows:
        return []
    if any(line.listed is not None for line in report.coins):
        head: tuple[str, ...] = ("coin", "listed", "proven", "rows", "amount unknown", "kind")
        parts = [_table("What the lists hold", head, rows, (1, 2, 3, 4))]
    else:  # addresses only: what they are the labels say, not we
        head, named = ("coin", "rows"), [(row[0], row[3]) for row in rows]
        parts = [_table("Addresses, without amounts", head, named, (1,))]
    kinds = [(a.asset, a.by_kind) for a in report.assets if a.by_kind and len(a.by_kind) > 1]
    if kinds:
        parts.append(_drawn(stacked_kinds("kinds", kinds[:KIND_ROWS])))
    counts = [
        (el("th", safe(word, FILE_CHARS), scope="row"), el("td", f"{count:,}", class_="figure"))
        for word, count in report.counts.items()
    ]
    parts.append(_table("Ownership", ("outcome", "rows"), counts, (1,)))
    for shown in report.transfers:
        parts.append(el("p", f"Transfers: {transfers_text(shown)}."))
    return parts


def _proven(proven: Any, listed: Any) -> str:
    if not listed:
        return "unknown"
    return _percent(Fraction(proven or 0) / Fraction(listed))


# -- the end ---------------------------------------------------------------------------------


def _footer(document: Mapping[str, Any]) -> Markup:
    more = [
        f"--given {item['name']}=@FILE" for item in document["given"] if item["kept"] == "withheld"
    ]
    files = " ".join(["FILE"] * min(len(document["files"]), 3))
    command = " ".join(["merkle-por recheck REPORT.html", files, *more])
    parts = [
        el("h2", "Run it again"),
        el("pre", el("code", command)),
        el(
            "p",
            "The files are known by their SHA-256 above. The command reads the facts that stand in "
            "this page, runs the same verification on your copies, and says whether all of this "
            "page is what comes out. Whether the root is the published one, this page can't prove: "
            "look it up yourself and add --root.",
        ),
    ]
    if not document["with_balances"] and document["command"] in ("verify", "audit"):
        left = "Account, own balances and path are left out of this page"
        parts.append(el("p", f"{left} (--with-balances puts them in).", class_="small"))
    return el("footer", *parts)


def index_page(title: str, rows: Sequence[tuple[str, str, State, str]]) -> str:
    """A page that names reports beside it. rows: file name, what it is about, state, finding."""
    cells = [
        (
            el("th", el("a", about, href=name), scope="row"),
            el("td", f"{STATE_SIGNS[state.value]} {state.value.upper()}"),
            el("td", found),
        )
        for name, about, state, found in rows
    ]
    table = _table("A report for each step", ("step", "verdict", "found"), cells)
    body = el("main", el("h1", f"merkle-por: {title[:1].lower()}{title[1:]}"), table)
    return _file_of(title, body)
