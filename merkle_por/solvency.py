"""`solvency`: is every asset that is owed covered by what is held, and how far is that shown?

Rules of trust, in order:
1. What is owed comes from verdicts (verify --json, audit --json) or from what was published; a
   figure that was only published is a claim.
2. What is held comes from lists, or from a saved document of `reserves --json`. Amounts of a
   list are claims until a node was asked; words in a typed file (own-node, proven) are that
   file's own, unless the caller says they are his findings (`checked`).
3. Every asset must be covered on its own. The verdict is `valid` only where both sides are shown;
   on claims alone it is `unconfirmed`, however large the surplus.
Source: specs/solvency-ratio.md; ux.md example j.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import plain
from merkle_por.attestation import Liabilities, amounts_in
from merkle_por.callable_module import make_callable
from merkle_por.documents import LIMITS, Document, Fields, Limits
from merkle_por.errors import Finding, Malformed, UsageError
from merkle_por.execution import Execution
from merkle_por.prices import Prices, PriceSources, prices_in
from merkle_por.ratio import AssetState, Ratios, Variant, compare, read_map
from merkle_por.reserves.holding import (
    VERIFIED,
    Holding,
    Level,
    strict_time,
    typed_rows,
)
from merkle_por.reserves.overlap import Overlap
from merkle_por.scheme import Given
from merkle_por.solvency_inputs import (
    Inputs,
    ReservesSource,
    Source,
    read_held,
    read_liabilities,
    read_mapping,
    read_prices,
    typed_source,
)
from merkle_por.verdict import (
    WORST_FIRST,
    About,
    Caution,
    Check,
    CheckStatus,
    FileInfo,
    Problem,
    State,
    deciding,
)

if TYPE_CHECKING:
    from merkle_por.report.text import Page

RATIO_KEYS = (
    "liabilities",
    "reserves",
    "map",
    "prices",
    "own_tokens",
    "liabilities_time",
    "exchange",
    "source",
    "note",
)
_GAPS = {
    "snapshot-gap": "reserves and liabilities are more than an hour apart: coins can be borrowed",
    "reserve-gap": "rows of the reserves are more than an hour apart: coins can move between them",
}


@dataclass(frozen=True)
class SolvencyReport:
    """The result of `solvency`. ratios: None where the input couldn't be read."""

    state: State
    exchange: str | None
    ratios: Ratios | None
    liabilities: tuple[Liabilities, ...] = ()
    reserves: tuple[ReservesSource, ...] = ()
    prices: Prices | None = None
    double_counted: tuple[Overlap, ...] = ()
    checks: tuple[Check, ...] = ()
    warnings: tuple[Caution, ...] = ()
    errors: tuple[Problem, ...] = ()
    file: FileInfo | None = None

    @property
    def solvent(self) -> bool | None:
        """Whether the figures alone cover every asset; None where there are none."""
        return None if self.ratios is None else self.ratios.solvent

    @property
    def proofs(self) -> tuple[SolvencyReport, ...]:
        """The results whose errors a command shows."""
        return (self,)

    @property
    def root(self) -> None:
        """A comparison has no root."""
        return None

    @property
    def reason(self) -> str | None:
        """Class name of what decided against it, None where nothing did."""
        return deciding(self.errors, self.checks)

    @property
    def sentence(self) -> str:
        from merkle_por.report.solvency_text import sentence

        return sentence(self)

    def page(self, page: Page, *, path: bool = False) -> Page:
        """The result as terminal text (see report.text); path: nothing here."""
        from merkle_por.report.solvency_text import solvency_page

        return solvency_page(self, page)

    def to_json(self, **options: bool) -> dict[str, Any]:
        """The document `merkle-por/solvency/1`, JSON types only (see schemas/)."""
        from merkle_por.report.solvency_json import solvency_document

        return solvency_document(self, **options)


def solvency(
    liabilities: Sequence[Any],
    reserves: Sequence[Any],
    prices: Source | Prices | PriceSources | Mapping[str, str] | None = None,
    mapping: Source | Mapping[str, Mapping[str, str]] | None = None,
    own_tokens: Sequence[str] | None = None,
    *,
    exchange: str | None = None,
    checked: bool = False,
    limits: Limits = LIMITS,
    nodes: Mapping[str, str | Sequence[str]] | None = None,
    at: Mapping[str, int | str] | None = None,
    tokens: Mapping[str, tuple[str, str | None]] | None = None,
    memory: str | Path | None = None,
    offline: bool = False,
    execution: Execution | None = None,
) -> SolvencyReport:
    """Compares what is owed with what is held.

    liabilities: files (attestation, verify --json, audit --json, {"liabilities": {...}}) or
    results of `verify` and `audit`. reserves: lists (see `reserves`), typed rows
    ({"reserves": [...]}), or results of `reserves`. prices: a price file, Prices, a table,
    or PriceSources to ask (for the time of the liabilities).
    mapping: {variant: {to, factor, kind}} or a file of it. own_tokens: None takes the known ones
    of the exchange. checked: levels and ownership in typed files are the caller's own findings.
    nodes and what follows: asks nodes about the rows of lists, as `reserves` does.
    Raises UsageError only.
    """
    if not liabilities or not reserves:
        raise UsageError("both liabilities and reserves are needed")
    whom: dict[str, Any] = {"nodes": nodes, "at": at, "tokens": tokens}
    whom |= {"memory": memory, "offline": offline, "execution": execution}
    inputs = Inputs()
    try:
        owed = inputs.owed([read_liabilities(item, limits) for item in liabilities])
        held = read_held(list(reserves), inputs, limits, whom, checked=checked)
        inputs.held(held, checked=checked)
        variants = read_mapping(mapping, owed, limits)
        name = inputs.exchange(exchange)
        issued = _own_tokens(own_tokens, name, owed, inputs.holdings)
        known = [s.time for s in inputs.sources if s.time is not None]
        time = known[0] if known else None
        inputs.prices = read_prices(prices, limits, [*owed, *issued], time)
    except Finding as error:
        return _unreadable(error, inputs.sources)
    return _judge(
        inputs,
        owed,
        exchange=name,
        mapping=variants,
        own_tokens=issued,
        liabilities_time=time,
    )


def ratio(
    source: Source, given: Mapping[str, Any] | None = None, limits: Limits = LIMITS
) -> SolvencyReport:
    """Judges a file that holds both sides (format `solvency`). Raises UsageError only.

    given: `checked`: the file's figures, levels and ownership are the caller's own findings.
    """
    from merkle_por.exchanges.solvency_file import FACTS

    document = Document.of(source, limits)
    facts = Given(given, limits=limits)
    unknown = set(facts.values) - set(FACTS)
    if unknown:
        raise UsageError(f'"{min(unknown)}" is not a fact that solvency takes')
    checked = facts.flag("checked")
    inputs = Inputs()
    file = FileInfo(document.name, document.size, document.sha256)
    try:
        top = Fields(document.json, "", limits).only(*RATIO_KEYS).required("liabilities")
        owed = amounts_in(top.object("liabilities"))
        if not owed:
            raise Malformed("no-liabilities", "there is no figure of what is owed")
        time = None
        if "liabilities_time" in top:
            time = strict_time(top.get("liabilities_time"), "liabilities_time")
        name = top.text("exchange", 100) if "exchange" in top else None
        variants = read_map(top.object("map"), owed) if "map" in top else {}
        table = prices_in(top.object("prices")) if "prices" in top else {}
        tokens = _texts(top, "own_tokens") if "own_tokens" in top else []
        rows = typed_rows(top.array("reserves"), "reserves", limits)
    except Finding as error:
        return replace(_unreadable(error, ()), file=file)
    state = State.VALID if checked else State.UNCONFIRMED
    inputs.sources = (Liabilities(document.name, "figures", state, owed, name, time),)
    inputs.held([(typed_source(document.name, rows, None, name), rows, True)], checked=checked)
    inputs.prices = Prices(table, source=document.name) if table else None
    report = _judge(
        inputs, owed, exchange=name, mapping=variants, own_tokens=tokens, liabilities_time=time
    )
    return replace(report, file=file)


def _texts(top: Fields, name: str) -> list[str]:
    items = top.array(name, high=1000)
    if not all(isinstance(item, str) for item in items):
        raise Malformed("wrong-type", "not a list of texts", where=name)
    return items


def _unreadable(error: Finding, sources: tuple[Liabilities, ...]) -> SolvencyReport:
    """The report on input that can't be compared."""
    problem = Problem(error.reason, error.text, error.where, error.hints, error.file)
    if isinstance(error, Malformed):
        return SolvencyReport(State.MALFORMED, None, None, sources, errors=(problem,))
    check = Check(error.reason, About.LIST, CheckStatus.FAIL, error.text, problem.place)
    return SolvencyReport(State.INVALID, None, None, sources, checks=(check,))


def _own_tokens(
    given: Sequence[str] | None,
    exchange: str | None,
    owed: Mapping[str, Decimal],
    holdings: Iterable[Holding],
) -> list[str]:
    """The tokens that the exchange issues itself; of the known ones those that occur here."""
    if given is not None:
        return list(given)
    text = files("merkle_por.reserves.data").joinpath("own_tokens.json").read_text("utf-8")
    known: list[str] = json.loads(text).get((exchange or "").lower(), [])
    here = {*owed, *(holding.asset for holding in holdings)}
    return [token for token in known if token in here]


# -- the verdict -----------------------------------------------------------------------------


def _judge(
    inputs: Inputs,
    owed: Mapping[str, Decimal],
    *,
    exchange: str | None,
    mapping: Mapping[str, Variant],
    own_tokens: Sequence[str],
    liabilities_time: str | None,
) -> SolvencyReport:
    prices = inputs.prices
    ratios = compare(
        owed,
        inputs.holdings,
        mapping=mapping,
        prices=None if prices is None else prices.values,
        own_tokens=own_tokens,
        liabilities_time=liabilities_time,
    )
    counted = [h for h in inputs.holdings if _target(h, mapping) in owed]
    checks = [*inputs.checks, *_asset_checks(ratios), *_side_checks(inputs.sources, counted)]
    warnings = [*inputs.warnings, *(Caution(gap, _GAPS[gap]) for gap in ratios.gaps)]
    if prices is not None:
        warnings.extend(prices.warnings)
    if ratios.total is not None and ratios.total.missing:
        names = ", ".join(ratios.total.missing[:8])
        text = f"no price for {names}: not in the {prices.currency if prices else 'USD'} line"
        warnings.append(Caution("price-missing", text))
    for overlap in inputs.overlaps:
        warnings.append(Caution("double-counted", overlap.text))
    warnings.extend(_other_names(ratios))
    return SolvencyReport(
        state=_state(inputs, checks),
        exchange=exchange,
        ratios=ratios,
        liabilities=inputs.sources,
        reserves=tuple(inputs.reserves),
        prices=prices,
        double_counted=inputs.overlaps,
        checks=tuple(checks),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _other_names(ratios: Ratios) -> Iterable[Caution]:
    """Assets that no row is named after, though rows of names like theirs (ETH/ERC20) are held:
    only the user can say whether they are the same."""
    outside = [asset.asset for asset in ratios.assets if asset.liabilities is None]
    for asset in ratios.in_scope:
        if asset.kinds or asset.unknown_rows or asset.failed_rows or not asset.liabilities:
            continue
        own = asset.asset
        like = [n for n in outside if n.startswith(own) and not n[len(own) :][:1].isalnum()]
        if like:
            names = ", ".join(f'"{name[:40]}"' for name in like[:4])
            text = f'no row is named "{own[:40]}"; if {names} is it, say so: --map FILE'
            yield Caution("not-mapped", text)


def _asset_checks(ratios: Ratios) -> Iterable[Check]:
    for asset in ratios.assets:
        name = asset.asset[:40]
        if asset.failed_rows:
            rows = "one row" if asset.failed_rows == 1 else f"{asset.failed_rows} rows"
            text = f"{name}: the ownership of {rows} failed; what they hold doesn't count"
            yield Check("ownership-failed", About.OWNERSHIP, CheckStatus.FAIL, text)
        match asset.state:
            case AssetState.SOLVENT:
                text = f"{name}: what is held is at least what is owed"
                yield Check("covered", About.BALANCES, CheckStatus.PASS, text)
            case AssetState.SHORT:
                gap = plain(-(asset.surplus or Decimal(0)))
                text = f"{name} is short by {gap}"
                yield Check("short", About.BALANCES, CheckStatus.FAIL, text)
            case AssetState.INCOMPLETE:
                rows = "one row" if asset.unknown_rows == 1 else f"{asset.unknown_rows} rows"
                text = f"{name}: the amount of {rows} is not known"
                yield Check("unknown-balance", About.BALANCES, CheckStatus.NOT_CHECKED, text)


def _target(holding: Holding, mapping: Mapping[str, Variant]) -> str:
    variant = mapping.get(holding.asset)
    return holding.asset if variant is None else variant.to


def _side_checks(sources: Iterable[Liabilities], counted: Sequence[Holding]) -> Iterable[Check]:
    """How far each side is shown."""
    for source in sources:
        status = {
            State.VALID: CheckStatus.PASS,
            State.UNCONFIRMED: CheckStatus.UNCONFIRMED,
            State.INCOMPLETE: CheckStatus.NOT_CHECKED,
        }.get(source.state, CheckStatus.FAIL)
        text = f"liabilities of {source.source} are {source.state.value}"
        id = "liabilities" if status is not CheckStatus.FAIL else "verdict-failed"
        yield Check(id, About.TOTALS, status, text)
    claimed = sum(h.rows for h in counted if h.level not in VERIFIED)
    unknown = sum(h.rows for h in counted if h.level is Level.UNKNOWN)
    if claimed > unknown:
        text = f"balances of {claimed - unknown} rows are claimed, or from one source only"
        yield Check("balances-claimed", About.BALANCES, CheckStatus.UNCONFIRMED, text)


def _state(inputs: Inputs, checks: Iterable[Check]) -> State:
    statuses = {check.status for check in checks}
    states = {source.state for source in inputs.sources}
    if CheckStatus.FAIL in statuses:
        states.add(State.INVALID)
    if CheckStatus.NOT_CHECKED in statuses:
        states.add(State.INCOMPLETE)
    if CheckStatus.UNCONFIRMED in statuses:
        states.add(State.UNCONFIRMED)
    return next(state for state in WORST_FIRST if state in states or state is State.VALID)


make_callable(__name__, __name__, "solvency")
