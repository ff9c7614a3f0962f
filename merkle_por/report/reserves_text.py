"""Sentence and terminal text of `reserves`, as in ux.md example i."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from merkle_por.amounts import grouped
from merkle_por.report.text import Page, Span, aligned, cells, padded, safe
from merkle_por.reserves.holding import NOT_JUDGED, Level
from merkle_por.reserves.lists.row import RowKind
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import SIGNED, AssetLine, CoinLine, ReservesReport, share
from merkle_por.verdict import CheckStatus, State

if TYPE_CHECKING:
    from merkle_por.reserves.asking import ChainRead
    from merkle_por.reserves.transfers import Shown

SHOWN_CHECKS = 6
SHOWN_ASSETS = 20
"""Assets without amounts that the text names."""
NEXT = 3
"""Chains without a node that the text names."""
LISTED_ONLY = "A list shows what the exchange says, not what it has."
KIND_COLUMNS = 16
KIND_WORDS = {
    RowKind.NATIVE: "native",
    RowKind.TOKEN: "token",
    RowKind.WRAPPED: "wrapped by a third party",
    RowKind.SELF_PEGGED: "pegged by the exchange itself",
    RowKind.LENT_OUT: "lent out",
    RowKind.STAKED: "staked, may be locked",
    RowKind.THIRD_PARTY: "held by a third party",
    RowKind.UNSPENDABLE: "can't be spent",
}
_SHARED = frozenset({RowKind.SELF_PEGGED, RowKind.LENT_OUT, RowKind.THIRD_PARTY})
"""Kinds whose part of the asset a reader should see."""


def percent(value: Fraction | None, *, up: bool = False) -> str:
    """Per cent with two decimals, cut (or, for what counts against the exchange, rounded up)."""
    if value is None:
        return "unknown"
    scaled = value * 10_000
    whole = -(-scaled.numerator // scaled.denominator) if up else int(scaled)
    return f"{whole // 100:,}.{whole % 100:02d}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def sentence(report: ReservesReport) -> str:
    """The sentence behind the first word; true when pasted alone."""
    match report.state:
        case State.MALFORMED:
            problem = report.errors[0]
            place = f" ({problem.where})" if problem.where else ""
            return f"This can't be checked: {problem.text}{place} ({problem.reason})."
        case State.INVALID:
            failed = [c for c in report.checks if c.status is CheckStatus.FAIL]
            more = f" {_plural(len(failed) - 1, 'more check')} failed." if len(failed) > 1 else ""
            place = f", {failed[0].where}" if failed[0].where else ""
            return f"This list does not hold: {failed[0].text}{place} ({failed[0].id}).{more}"
        case State.INCOMPLETE:
            return _incomplete(report)
        case State.UNCONFIRMED:
            return _unconfirmed(report)
    return _good(report)


def _good(report: ReservesReport) -> str:
    good, none = report.count(*SIGNED), report.count(Owned.UNSIGNED)
    unsigned = f"; {none} of {report.rows} rows {_have(none)} none" if none else ""
    balances = _balances(report)
    if not report.signed:
        return f"{_plural(good, 'script')} in order, with the keys you gave; {balances}."
    if report.transfers:
        shown = "is shown by its" if good == 1 else "are shown by their"
        return f"Control of {_plural(good, 'row')} {shown} transfers{unsigned}; {balances}."
    all_ = "The one signature is" if good == 1 else f"All {good} signatures are"
    return f"{all_} good{unsigned}; {balances}."


def _balances(report: ReservesReport) -> str:
    """What is known of the balances, for a list that nothing speaks against."""
    levels = _levels(report)
    if not set(levels) - {Level.CLAIMED}:
        return "balances unchecked"
    who = "one service says" if Level.SINGLE_SOURCE in levels else "the nodes say"
    return f"balances as {who}"


def _levels(report: ReservesReport) -> dict[Level, int]:
    """Rows by level of trust, best first."""
    found: dict[Level, int] = {}
    for holding in report.holdings:
        found[holding.level] = found.get(holding.level, 0) + holding.rows
    return {level: found[level] for level in Level if level in found}


def _unconfirmed(report: ReservesReport) -> str:
    good = report.count(*SIGNED)
    rows = _plural(report.rows, "row")
    if not good:
        levels = _levels(report)
        if set(levels) - {Level.CLAIMED, Level.UNKNOWN}:
            who = "one service says" if Level.SINGLE_SOURCE in levels else "nodes say"
            seen = sum(found for level, found in levels.items() if level is not Level.CLAIMED)
            all_ = "The one row holds" if seen == 1 else f"All {seen} rows hold"
            what = "at least what is listed" if _amounts(report) else "what is shown"
            return f"{all_} {what}, {who}; whose addresses they are, nothing shows."
        return f"Only a list: {rows}, and nothing in it shows who controls an address."
    if report.count(Owned.PROVEN):
        open_ = next(c for c in report.checks if c.status is CheckStatus.UNCONFIRMED)
        how = "shown by transfers" if report.transfers else "signed or scripted in good order"
        return f"{_plural(good, 'row')} {how}, but {open_.text}."
    if not report.signed:
        return f"{_plural(good, 'script')} in order, but whose keys they are this can't show."
    return f"The signatures of {rows} are good, but none by the key of the row's own address."


def _amounts(report: ReservesReport) -> bool:
    """Whether the list names amounts."""
    return any(holding.listed is not None for holding in report.holdings)


def _incomplete(report: ReservesReport) -> str:
    if report.counts.get(NOT_JUDGED):
        rows = _plural(report.rows, "row")
        return f"The rows' amounts were read; the signatures of {rows} were not judged."
    open_ = [c for c in report.checks if c.status is CheckStatus.NOT_CHECKED]
    place = f", {open_[0].where}" if open_[0].where else ""
    return f"Not every row could be judged: {open_[0].text}{place} ({open_[0].id})."


def kind_text(line: CoinLine, asset: AssetLine) -> str:
    """The kind in words, with its part of the asset where that matters."""
    text = KIND_WORDS[line.kind]
    if asset.own_token:
        text += ", the exchange's own token"
    if line.kind not in _SHARED or not line.listed or not asset.listed:
        return text
    part = share(line.listed, asset.listed)
    if part is None or part == 1:
        return text
    return f"{text}, {percent(part, up=True)} % of all {safe(line.asset)}"


def reserves_page(report: ReservesReport, page: Page) -> Page:
    """The whole output of `merkle-por reserves`."""
    page.headline(report.state.value, report.sentence)
    checks = [c for c in report.checks if c.status in (CheckStatus.FAIL, CheckStatus.NOT_CHECKED)]
    for check in checks[:SHOWN_CHECKS]:
        place = [f"at {check.where}"] if check.where else []
        page.marked(check.about.value, check.status.value, f"{check.text} ({check.id})", place)
    if len(checks) > SHOWN_CHECKS:
        page.labelled("", f"and {len(checks) - SHOWN_CHECKS} more (all in --json)")
    _table(report, page)
    _on_chain(report, page)
    for shown in report.transfers:
        page.labelled("transfers", transfers_text(shown))
    for course in report.around:
        page.marked("around", "warn" if course.only_for_the_day else "pass", safe(course.text, 400))
    for warning in report.warnings:
        page.warning(warning.text)
    if report.count(*SIGNED) and report.transfers:
        text = "A transfer shows that a key was held when it was sent, not at the snapshot."
        page.labelled("limits", text)
    elif report.count(*SIGNED) and report.signed:
        page.labelled("limits", "A signature shows that a key was held once, at an unknown time.")
    else:
        seen = any(read.asked > read.unknown for read in report.chains)
        says = "A balance shows that coins are there, not whose they are." if seen else LISTED_ONLY
        page.labelled("limits", says)
    steps = [f"--node {chain}=URL for {_plural(rows, 'row')}" for chain, rows in no_node(report)]
    if steps:
        more = [f"and {len(steps) - NEXT} more chains"] if len(steps) > NEXT else []
        page.labelled("next", "; ".join(steps[:NEXT] + more))
    return page


def transfers_text(shown: Shown) -> str:
    """What was demanded of the transfers, and how many rows they show control of."""
    rows = sum(shown.rows.values())
    good = f"{shown.rows.get(Owned.PROVEN, 0)} of {_plural(rows, 'row')} shown by them"
    demanded = "" if shown.challenge is None else f": {shown.challenge.text}"
    return f"{shown.transfers} in {safe(shown.name, 60)}{demanded}; {good}"


def no_node(report: ReservesReport) -> list[tuple[str, int]]:
    """Chains that no node was named for, and their rows; most rows first."""
    found = [(chain, rows) for (why, chain), rows in report.missing.items() if why == "no-node"]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _on_chain(report: ReservesReport, page: Page) -> None:
    """What nodes answered: per asset with its levels of trust, and the blocks that were read."""
    if not report.asked:
        return
    lines = [line for line in report.assets if set(line.levels) - {Level.CLAIMED}]
    figures = aligned([_known(line) for line in lines])
    names = max([cells(safe(line.asset)) for line in lines], default=0)
    for place, (line, figure) in enumerate(zip(lines, figures, strict=True)):
        levels = ", ".join(f"{_plural(n, 'row')} {level}" for level, n in line.levels.items())
        text = f"{padded(safe(line.asset), names)}  {figure}  {levels}"
        page.labelled("" if place else "on chain", text)
    for place, read in enumerate(report.chains):
        page.labelled("" if place else "blocks", f"{read.chain} {block_text(read)}")


def _known(line: AssetLine) -> str:
    return "unknown" if line.on_chain is None else grouped(line.on_chain)


def block_text(read: ChainRead) -> str:
    """The block or blocks of one chain with their time, and who answered."""
    if read.first is None or read.last is None:
        blocks = "no answer" if read.unknown == read.asked else "block not named"
    elif read.first == read.last:
        hash = read.first.hash
        name = f", {hash[:8]}...{hash[-8:]}" if hash else ""
        blocks = f"{read.first.height:,}{name}{_time(read.first.time)}"
    else:
        blocks = f"{read.first.height:,} to {read.last.height:,}{_time(read.last.time)}"
    sources = ", ".join(safe(source, 60) for source in read.sources)
    return f"{blocks}; {sources}" if sources else blocks


def _time(time: str | None) -> str:
    return f", {time[:10]} {time[11:16]} UTC" if time else ""


def _table(report: ReservesReport, page: Page) -> None:
    assets = {line.asset: line for line in report.assets}
    shown: list[tuple[str, Decimal, str, str]] = []
    unsigned: list[str] = []
    how = "shown by transfers" if report.transfers else "signed"
    for line in report.coins:
        if line.listed is None:
            continue
        if report.signed and not line.signed_rows:
            unsigned.append(line.title)
            continue
        proven = share(line.proven or Decimal(0), line.listed)
        text = percent(proven)
        shown.append((safe(line.title), line.listed, text, kind_text(line, assets[line.asset])))
    if not shown and not unsigned:
        _addresses(report, page)
        return
    names = max([cells(row[0]) for row in shown] + [len("asset")])
    figures = aligned([grouped(row[1]) for row in shown])
    wide = max([len(figure) for figure in figures] + [len("listed")])
    if page.width - (2 + names + 2 + wide + 2 + 8 + 2) < KIND_COLUMNS:
        for name, listed, proven_text, kind in shown:
            page.add(Span(f"  {name}"))
            page.under(f"listed {grouped(listed)}, proven {proven_text} %, {kind}")
        _unsigned(unsigned, page, how)
        return
    page.add(Span(f"  {'asset':<{names}}  {'listed':>{wide}}  {'proven %':>8}  kind", "label"))
    for (name, _, proven_text, kind), figure in zip(shown, figures, strict=True):
        row = f"  {padded(name, names)}  {figure:>{wide}}  {proven_text:>8}  "
        head, *rest = page.wrapped(kind, page.width - cells(row))
        page.add(Span(row + head))
        for text in rest:
            page.add(Span(" " * cells(row) + text))
    _unsigned(unsigned, page, how)


def _unsigned(unsigned: list[str], page: Page, how: str) -> None:
    if unsigned:
        listed = ", ".join(safe(name) for name in unsigned)
        for text in page.wrapped(f"{listed}: 0.00 % proven, no row {how}", page.width - 2):
            page.add(Span(f"  {text}"))


def _addresses(report: ReservesReport, page: Page) -> None:
    """A list without amounts: addresses per asset."""
    shown = [f"{safe(line.asset)} {line.rows}" for line in report.assets[:SHOWN_ASSETS]]
    if len(report.assets) > SHOWN_ASSETS:
        shown.append(f"and {len(report.assets) - SHOWN_ASSETS} more (all in --json)")
    if shown:
        for text in page.wrapped(f"rows without amounts: {', '.join(shown)}", page.width - 2):
            page.add(Span(f"  {text}"))
