"""Sentence and terminal text of `solvency`, as in ux.md example j."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from merkle_por.amounts import cut, plain
from merkle_por.ratio import AssetRatio, AssetState, Ratios
from merkle_por.report.reserves_text import percent
from merkle_por.report.sentences import possessive
from merkle_por.report.text import Page, Span, aligned, grouped, safe
from merkle_por.reserves.holding import Level
from merkle_por.verdict import About, CheckStatus, State

if TYPE_CHECKING:
    from merkle_por.solvency import SolvencyReport

NAMES = {
    "binance": "Binance",
    "bitfinex": "Bitfinex",
    "bitmex": "BitMEX",
    "bybit": "Bybit",
    "crypto.com": "Crypto.com",
    "htx": "HTX",
    "kraken": "Kraken",
    "kucoin": "KuCoin",
    "okx": "OKX",
}
LIMITS = "One asset's surplus doesn't pay another's gap. Other debts: unseen."
UNKNOWN = "unknown"
BLOCKS = 6
"""Chains whose blocks the text names (all in --json)."""
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
        place = f" ({problem.where})" if problem.where else ""
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


def held_text(asset: AssetRatio) -> str:
    """The amount held; where no row of it is known, that it is not known (never zero)."""
    nothing = asset.state is AssetState.INCOMPLETE and not asset.reserves
    return UNKNOWN if nothing else grouped(asset.reserves)


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


def _table(report: SolvencyReport, ratios: Ratios, page: Page) -> None:
    lines = _lines(report, ratios)
    owed = aligned([line.owed for line in lines])
    held = aligned([line.held for line in lines])
    name = max([4, *(len(line.name) for line in lines)])
    mark = page.mark_columns
    shown = all(source.state is State.VALID for source in report.liabilities)
    titles = (
        "owed (verified)" if shown else "owed (published)",
        "held (listed)" if _listed(report) else "held (on chain)",
    )
    wide = [max(len(owed[0]), len(titles[0])), max(len(held[0]), len(titles[1]))]
    if 2 + mark + name + sum(wide) + 20 > page.width:
        _stacked(lines, page)
        return
    headers = (f"{titles[0]:>{wide[0] + 1}}", f"{titles[1]:>{wide[1] + 1}}")
    head = f"  {'state':<{mark}}{'asset':<{name + 1}}{''.join(headers)}  covered  proven"
    page.add(Span(head, "label"))
    for line, left, right in zip(lines, owed, held, strict=True):
        sign = page.marks[line.mark] if line.mark else ""
        style = "fail" if line.mark == "fail" else ""
        figures = f"{line.name:<{name}} {left:>{wide[0]}} {right:>{wide[1]}}"
        figures += f"  {line.covered:>8}  {line.proven:>6}"
        page.add(Span(f"  {sign:<{mark}}", style), Span(figures))


def _listed(report: SolvencyReport) -> bool:
    return any(level in ("claimed", "single-source") for s in report.reserves for level in s.levels)


def _stacked(lines: list[_Line], page: Page) -> None:
    """Figures too wide for one line: each asset as a label with its figures below."""
    for line in lines:
        sign = page.marks[line.mark] if line.mark else ""
        text = f"{line.name}  covered {line.covered}, proven {line.proven}"
        page.add(Span(f"  {sign:<{page.mark_columns}}"), Span(text))
        page.labelled("  owed", line.owed)
        page.labelled("  held", line.held)


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
        page.add(Span(f"  {_facts(report, ratios)}"))
        if ratios.total is not None and ratios.total.own_token_share:
            covered = _percent(ratios.total.clean_ratio)
            page.labelled("clean", f"covered {covered} without own tokens on either side")
        outside = [a for a in ratios.assets if a.liabilities is None]
        if outside:
            names = ", ".join(f"{safe(a.asset)} {plain(a.reserves)}" for a in outside[:4])
            page.labelled("not owed", f"{names}{' and more' if len(outside) > 4 else ''}")
        page_kinds(ratios, page)
        _read(report, page)
    for check in report.checks:
        if check.status is CheckStatus.FAIL and check.id != "short":
            page.marked(check.about.value, "fail", f"{check.text} ({check.id})")
    for warning in report.warnings:
        page.warning(warning.text)
    if ratios is not None:
        page.labelled("limits", LIMITS)
    steps = _next(report, page)
    if steps:
        page.labelled("next", steps)
    return page


def page_kinds(ratios: Ratios, page: Page) -> None:
    """What is in the figures, or left out of them, that is not the coin itself."""
    for asset in ratios.in_scope:
        for kind, amount in asset.kinds.items():
            if kind in ("self-pegged", "encumbered") and amount:
                text = f"{safe(asset.asset)} {grouped(amount)} {kind}: not counted"
                page.labelled("", text)
            elif kind == "lent-out" and amount:
                _part(asset, kind, amount, page)
        # By the rows' custodian, not by kind: staked coins may lie with one too.
        _part(asset, "third-party", asset.third_party, page)


def _part(asset: AssetRatio, kind: str, amount: Decimal, page: Page) -> None:
    if amount and asset.reserves:
        part = Fraction(amount) / Fraction(asset.reserves)
        page.labelled("", f"{safe(asset.asset)} {percent(part, up=True)} % {kind}")


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


def _next(report: SolvencyReport, page: Page) -> str:
    open_ = [c for c in report.checks if c.status is CheckStatus.UNCONFIRMED]
    mark = page.marks["unconfirmed"]
    steps = []
    if any(c.about is About.TOTALS for c in open_):
        steps.append(f"{mark} liabilities: use a valid verdict")
    if any(c.about is About.BALANCES for c in open_):
        steps.append(f"{mark} balances: --node")
    return "   ".join(steps)
