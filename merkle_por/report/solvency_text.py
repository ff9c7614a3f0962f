"""Sentence and terminal text of `solvency`, as in ux.md example j."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from merkle_por.amounts import cut, grouped
from merkle_por.ratio import AssetRatio, AssetState, Ratios
from merkle_por.report.reserves_text import KIND_WORDS, percent
from merkle_por.report.sentences import possessive
from merkle_por.report.text import Page, Span, aligned, cells, padded, safe
from merkle_por.reserves.holding import Level
from merkle_por.reserves.lists.row import RowKind
from merkle_por.verdict import About, CheckStatus, State

if TYPE_CHECKING:
    from merkle_por.solvency import SolvencyReport

NAMES = {
    "binance": "Binance",
    "bitfinex": "Bitfinex",
    "bitget": "Bitget",
    "bitgo": "BitGo",
    "bitmex": "BitMEX",
    "bybit": "Bybit",
    "coinex": "CoinEx",
    "crypto.com": "Crypto.com",
    "gate": "Gate",
    "htx": "HTX",
    "kraken": "Kraken",
    "kucoin": "KuCoin",
    "mexc": "MEXC",
    "okx": "OKX",
}
LIMITS = "One asset's surplus doesn't pay another's gap. Other debts: unseen."
UNKNOWN = "unknown"
BLOCKS = 6
"""Chains whose blocks the text names (all in --json)."""
OUTSIDE = 4
"""Assets that nobody is owed, as far as the text names them (all in --json)."""
LOANS = 4
"""Assets whose loans and collateral the text names (all in --json)."""
_ORDER = {AssetState.SHORT: 0, AssetState.INCOMPLETE: 1, AssetState.SOLVENT: 2}
_MARKS = {
    AssetState.SHORT: "fail",
    AssetState.INCOMPLETE: "not-checked",
    AssetState.SOLVENT: "pass",
}


def exchange_name(report: SolvencyReport) -> str:
    """The exchange as people write it."""
    exchange = report.exchange
    return NAMES.get(exchange.lower(), safe(exchange)) if exchange else "the exchange"


def shown_order(ratios: Ratios) -> list[AssetRatio]:
    """Assets in scope: short ones first, the worst on top, then by name."""
    return sorted(
        ratios.in_scope,
        key=lambda a: (
            (_ORDER[a.state], a.ratio or Fraction(0), a.asset)
            if a.state is AssetState.SHORT
            else (_ORDER[a.state], Fraction(0), a.asset)
        ),
    )


def sentence(report: SolvencyReport) -> str:
    """The sentence behind the first word; true when pasted alone."""
    ratios = report.ratios
    if report.errors:
        problem = report.errors[0]
        place = f" ({problem.place})" if problem.place else ""
        return f"This can't be checked: {problem.text}{place} ({problem.reason})."
    if ratios is None or report.state in (State.INVALID, State.MALFORMED):
        return _invalid(report)
    if report.state is State.INCOMPLETE:
        check = next(c for c in report.checks if c.status is CheckStatus.NOT_CHECKED)
        return f"Not everything is known: {check.text} ({check.id})."
    whose = possessive(exchange_name(report))
    count = len(ratios.in_scope)
    all_ = "the one asset is" if count == 1 else f"all {count} assets are"
    proven = _proven(report, ratios)
    if report.state is State.VALID:
        return f"{all_[0].upper()}{all_[1:]} covered. {proven}"
    return f"On {whose} own figures {all_} covered. {proven}"


def _proven(report: SolvencyReport, ratios: Ratios) -> str:
    """How much of it is proven: balance and ownership."""
    verified = [a for a in ratios.in_scope if a.verified]
    if not verified:
        if report.state is State.VALID:
            return f"No wallet is proven to be {possessive(exchange_name(report))}."
        return "None is proven."
    full = sum((a.verified_ratio or 0) >= 1 for a in ratios.in_scope)
    count = len(ratios.in_scope)
    if full == count:
        return "All of it is proven." if count == 1 else f"All {count} by proven wallets."
    return f"Proven wallets alone cover {full} of {count}."


def _invalid(report: SolvencyReport) -> str:
    failed = [c for c in report.checks if c.status is CheckStatus.FAIL]
    ratios = report.ratios
    short = (
        [] if ratios is None else [a for a in shown_order(ratios) if a.state is AssetState.SHORT]
    )
    if short:
        worst = short[0]
        gap = grouped(-worst.surplus) if worst.surplus is not None else "unknown"
        more = f" {len(short) - 1} more short." if len(short) > 1 else ""
        return f"{safe(worst.asset)} is short by {gap}.{more}"
    place = f", {failed[0].where}" if failed[0].where else ""
    return f"These reserves can't be counted on: {failed[0].text}{place} ({failed[0].id})."


@dataclass(frozen=True)
class _Line:
    mark: str | None
    name: str
    owed: str
    held: str
    covered: str
    proven: str


def _percent(value: Fraction | None) -> str:
    return "-" if value is None else f"{percent(value)} %"


def known_reserves(asset: AssetRatio) -> Decimal | None:
    """The amount held; None where no row of it is known (never zero)."""
    nothing = asset.state is AssetState.INCOMPLETE and not asset.reserves
    return None if nothing else asset.reserves


def held_text(asset: AssetRatio) -> str:
    """The amount held in words."""
    known = known_reserves(asset)
    return UNKNOWN if known is None else grouped(known)


def _outside(asset: AssetRatio) -> str:
    """What is held of an asset that nobody is owed, as far as its rows say it."""
    return UNKNOWN if asset.unknown_rows and not asset.reserves else grouped(asset.reserves)


def known_ratio(asset: AssetRatio) -> Fraction | None:
    """The ratio to show; None where a row is unknown: what is known may be little of it."""
    return None if asset.state is AssetState.INCOMPLETE else asset.ratio


def _lines(report: SolvencyReport, ratios: Ratios) -> list[_Line]:
    lines = [
        _Line(
            _MARKS[a.state],
            safe(a.asset),
            "" if a.liabilities is None else grouped(a.liabilities),
            held_text(a),
            UNKNOWN if a.state is AssetState.INCOMPLETE else _percent(a.ratio),
            _percent(a.verified_ratio),
        )
        for a in shown_order(ratios)
    ]
    total = ratios.total
    if total is not None:
        currency = report.prices.currency if report.prices else "USD"
        lines.append(
            _Line(
                None,
                safe(currency, 10),
                grouped(cut(total.liabilities, 2)),
                grouped(cut(total.reserves, 2)),
                _percent(total.ratio),
                _percent(total.verified_ratio),
            )
        )
    return lines


STATE_WORDS = {
    AssetState.SHORT: "short",
    AssetState.INCOMPLETE: "not known",
    AssetState.SOLVENT: "covered",
}


def table_rows(report: SolvencyReport, ratios: Ratios) -> list[dict[str, str]]:
    """The same figures as cells by their heads, for pages that draw their own table."""
    owed, held = _titles(report)
    words = {_MARKS[state]: word for state, word in STATE_WORDS.items()}
    return [
        {
            "asset": line.name,
            "state": words[line.mark] if line.mark else "all in all",
            owed: line.owed or "unknown",
            held: line.held,
            "covered": line.covered,
            "proven": line.proven,
        }
        for line in _lines(report, ratios)
    ]


def _titles(report: SolvencyReport) -> tuple[str, str]:
    shown = all(source.state is State.VALID for source in report.liabilities)
    return (
        "owed (verified)" if shown else "owed (published)",
        "held (listed)" if _listed(report) else "held (on chain)",
    )


def _table(report: SolvencyReport, ratios: Ratios, page: Page) -> None:
    lines = _lines(report, ratios)
    owed = aligned([line.owed for line in lines])
    held = aligned([line.held for line in lines])
    name = max([4, *(cells(line.name) for line in lines)])
    mark = page.mark_columns
    titles = _titles(report)
    wide = [max(len(owed[0]), len(titles[0])), max(len(held[0]), len(titles[1]))]
    covered = max(8, *(len(line.covered) for line in lines))
    proven = max(6, *(len(line.proven) for line in lines))
    if 2 + mark + name + sum(wide) + covered + proven + 6 > page.width:
        if page.stacked or 2 + mark + name + covered + proven + 14 + max(wide) > page.width:
            _stacked(lines, page)
        else:
            _two_lines(lines, (mark, name, covered, proven), page)
        return
    headers = (f"{titles[0]:>{wide[0] + 1}}", f"{titles[1]:>{wide[1] + 1}}")
    head = f"  {'state':<{mark}}{'asset':<{name + 1}}{''.join(headers)}"
    head += f"  {'covered':>{covered - 1}}  {'proven':>{proven}}"
    page.add(Span(head, "label"))
    for line, left, right in zip(lines, owed, held, strict=True):
        sign = page.marks[line.mark] if line.mark else ""
        style = "fail" if line.mark == "fail" else ""
        figures = f"{padded(line.name, name)} {left:>{wide[0]}} {right:>{wide[1]}}"
        figures += f"  {line.covered:>{covered}}  {line.proven:>{proven}}"
        page.add(Span(f"  {sign:<{mark}}", style), Span(figures))


def _listed(report: SolvencyReport) -> bool:
    return any(level in ("claimed", "single-source") for s in report.reserves for level in s.levels)


def _two_lines(lines: list[_Line], columns: tuple[int, int, int, int], page: Page) -> None:
    """Figures too wide to stand side by side: what is owed above what is held."""
    mark, name, covered, proven = columns
    head = f"  {'state':<{mark}}{'asset':<{name + 1}} {'covered':>{covered}}  {'proven':>{proven}}"
    page.add(Span(head, "label"))
    figures = aligned([text for line in lines for text in (line.owed or UNKNOWN, line.held)])
    for line, owed, held in zip(lines, figures[::2], figures[1::2], strict=True):
        sign = page.marks[line.mark] if line.mark else ""
        style = "fail" if line.mark == "fail" else ""
        text = f"{padded(line.name, name + 1)} {line.covered:>{covered}}  {line.proven:>{proven}}"
        page.add(Span(f"  {sign:<{mark}}", style), Span(f"{text}  owed  {owed}"))
        page.add(Span(f"{'':<{2 + mark + cells(text)}}  held  {held}"))


def _stacked(lines: list[_Line], page: Page) -> None:
    """Figures too wide for one line: each asset as a label with its figures below."""
    for line in lines:
        sign = page.marks[line.mark] if line.mark else ""
        style = "fail" if line.mark == "fail" else ""
        page.add(Span(f"  {sign:<{page.mark_columns}}", style), Span(line.name))
        page.under(f"owed {line.owed}" if line.owed else "owed unknown")
        page.under(f"held {line.held}")
        page.under(f"covered {line.covered}, proven {line.proven}")


def _facts(report: SolvencyReport, ratios: Ratios) -> str:
    parts = []
    total = ratios.total
    if total is not None:
        share = total.own_token_share
        parts.append(
            f"own token {'unknown' if share is None else percent(share, up=True)} % of reserves"
        )
    times = sorted({s.time[:10] for s in report.liabilities if s.time})
    parts.append(f"snapshot {', '.join(times) if times else 'unknown'}")
    if total is not None and report.prices is not None:
        parts.append(f"{report.prices.currency} line by {safe(report.prices.source or 'unknown')}")
    return "; ".join(parts)


def solvency_page(report: SolvencyReport, page: Page) -> Page:
    """The whole output of `merkle-por solvency`."""
    page.headline(report.state.value, report.sentence)
    ratios = report.ratios
    if ratios is not None:
        _table(report, ratios, page)
        page.facts("figures", _facts(report, ratios))
        if ratios.total is not None and ratios.total.own_token_share:
            covered = _percent(ratios.total.clean_ratio)
            page.labelled("clean", f"covered {covered} without own tokens on either side")
        outside = [a for a in ratios.assets if a.liabilities is None]
        if outside:
            names = ", ".join(f"{safe(a.asset)} {_outside(a)}" for a in outside[:OUTSIDE])
            more = len(outside) - OUTSIDE
            page.labelled("not owed", names + (f" and {more} more" if more > 0 else ""))
        page_kinds(ratios, page)
        _loans(report, page)
        _read(report, page)
    for check in report.checks:
        if check.status is CheckStatus.FAIL and check.id != "short":
            page.marked(check.about.value, "fail", f"{check.text} ({check.id})")
    for warning in report.warnings:
        page.warning(warning.text)
    if ratios is not None:
        page.labelled("limits", LIMITS)
    steps = _next(report, page)
    fits = len("   ".join(steps)) <= page.width - page.indent
    for place, text in enumerate(["   ".join(steps)] if fits and steps else steps):
        page.labelled("" if place else "next", text)
    return page


_NOT_COUNTED = {
    RowKind.SELF_PEGGED.value: KIND_WORDS[RowKind.SELF_PEGGED],
    "encumbered": "pledged to others",
}


def page_kinds(ratios: Ratios, page: Page) -> None:
    """What is in the figures, or left out of them, that is not the coin itself."""
    lent, third, left_out = [], [], []
    for asset in ratios.in_scope:
        name = safe(asset.asset)
        for kind, amount in asset.kinds.items():
            if kind in _NOT_COUNTED and amount:
                left_out.append(f"{name} {grouped(amount)} {_NOT_COUNTED[kind]}")
            elif kind == RowKind.LENT_OUT and amount and asset.reserves:
                lent.append(f"{name} {_part(amount, asset)}")
        # By the rows' custodian, not by kind: staked coins may lie with one too.
        if asset.third_party and asset.reserves:
            third.append(f"{name} {_part(asset.third_party, asset)}")
    found = (
        (KIND_WORDS[RowKind.LENT_OUT], lent),
        (KIND_WORDS[RowKind.THIRD_PARTY], third),
        ("not counted", left_out),
    )
    for place, (what, texts) in enumerate((w, t) for w, t in found if t):
        page.labelled("" if place else "kind", f"{what}: {', '.join(texts)}")


def _part(amount: Decimal, asset: AssetRatio) -> str:
    """A part of what is counted, in per cent."""
    return f"{percent(Fraction(amount) / Fraction(asset.reserves), up=True)} %"


def _loans(report: SolvencyReport, page: Page) -> None:
    """What customers owe themselves, and what they pledged for it, where a source says so."""
    for source in report.liabilities:
        if source.loans:
            page.labelled("loans", f"to customers: {_few(source.loans)}; taken off what is owed")
        if source.pledged:
            page.labelled("pledged", f"for loans: {_few(source.pledged)}; part of what is owed")


def _few(amounts: Mapping[str, Decimal]) -> str:
    """The first amounts in words, and how many more there are (all in --json)."""
    shown = [f"{safe(a)} {grouped(v)}" for a, v in list(amounts.items())[:LOANS]]
    more = len(amounts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _read(report: SolvencyReport, page: Page) -> None:
    """How well the balances are known and at which blocks, where more than the list says so."""
    for source in report.reserves:
        if set(source.levels) <= {Level.CLAIMED}:
            continue
        rows = ", ".join(
            f"{source.levels[level]:,} {level}" for level in Level if level in source.levels
        )
        blocks = ", ".join(
            f"{safe(chain)} {low:,}" + (f" to {high:,}" if high != low else "")
            for chain, (low, high) in list(source.heights.items())[:BLOCKS]
        )
        at = f"; at {blocks}" if blocks else ""
        page.labelled("rows", f"{safe(source.source)}: {rows}{at}")


def _next(report: SolvencyReport, page: Page) -> list[str]:
    open_ = [c for c in report.checks if c.status is CheckStatus.UNCONFIRMED]
    mark = page.marks["unconfirmed"]
    steps = []
    if any(c.about is About.TOTALS for c in open_):
        steps.append(f"{mark} liabilities: use a valid verdict")
    if any(c.about is About.BALANCES for c in open_):
        steps.append(f"{mark} balances: --node")
    return steps
