"""What `solvency` compares, read from files and results: both sides, prices, mapping.

Every error found in a file names that file. Levels and ownership that a typed file states are
that file's own words; `Inputs.held` notes it (see solvency, rules of trust).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from merkle_por.amounts import grouped, plain
from merkle_por.attestation import Liabilities, liabilities_of, schema_of
from merkle_por.documents import Document, Fields, Limits
from merkle_por.errors import Finding, Invalid, Malformed
from merkle_por.prices import Prices, PriceSources, prices_in, prices_of
from merkle_por.ratio import Variant, read_map
from merkle_por.reserves.api import reserves as read_reserves
from merkle_por.reserves.holding import (
    COUNT_MOST,
    ROWS,
    VERIFIED,
    Holding,
    saved_holdings,
    strict_time,
    typed_rows,
)
from merkle_por.reserves.lists import typed_list
from merkle_por.reserves.lists.reading import HEIGHT_MOST
from merkle_por.reserves.overlap import Overlap, overlaps
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.report import ReservesReport
from merkle_por.unpacking import plain as plain_text
from merkle_por.verdict import About, Caution, Check, CheckStatus, Problem, State

Source = str | Path | bytes | Document

RESERVES = "merkle-por/reserves/1"
_STATED = "levels and ownership are the file's own words: checked by nobody here"


@dataclass(frozen=True)
class ReservesSource:
    """One source of reserves, summed up. levels, ownership: rows under each word.

    others: further exchanges named in it. lists: SHA-256 of the files it was made from. addressed:
    whether its addresses were compared with those of the other lists.
    """

    source: str
    state: State
    rows: int
    levels: Mapping[str, int]
    ownership: Mapping[str, int]
    time: str | None = None
    heights: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    exchange: str | None = None
    others: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    addressed: bool = False


# -- what is owed ----------------------------------------------------------------------------


def read_liabilities(item: Any, limits: Limits) -> Liabilities:
    """One source of what is owed: a file, or a result of verify or audit. Raises Finding."""
    if isinstance(item, Liabilities):
        return item
    if hasattr(item, "to_json"):  # a result of verify or audit
        document = Document.of(json.dumps(item.to_json()).encode(), limits)
        return liabilities_of(replace_name(document, "(result)"))
    document = Document.of(item, limits)
    with _named(document):
        return liabilities_of(document)


def replace_name(document: Document, name: str) -> Document:
    """The same document under another name."""
    return Document(name, document.path, document.content, document.limits)


# -- what is held ----------------------------------------------------------------------------

Held = tuple[ReservesSource, Sequence[Holding], bool]
"""A source, its holdings, and whether levels and ownership are the file's own words."""


def read_held(
    items: list[Any],
    inputs: Inputs,
    limits: Limits,
    nodes: Mapping[str, Any] | None = None,
    *,
    checked: bool = False,
) -> list[Held]:
    """All sources of what is held, an address in two lists counted once. Raises Finding.

    nodes: arguments of `reserves` by which it asks nodes about the lists' rows, typed ones too
    (unless their words are the caller's own findings: checked).
    """
    asked = dict(nodes or {})
    documents = [
        None if isinstance(item, ReservesReport) else plain_text(Document.of(item, limits))
        for item in items
    ]
    inputs.overlaps, skips = overlaps([d for d in documents if d is not None])
    names = iter(skips)
    found: list[Held] = []
    for item, document in zip(items, documents, strict=True):
        if document is None:
            found.append(_report_source(item))
            continue
        skip = next(names)
        with _named(document):
            if typed_list.recognises(document) and (checked or not asked.get("nodes")):
                found.append(_typed_file(document, limits, skip))
            elif schema_of(document) == RESERVES:
                found.append(inputs.saved(document, limits))
            else:
                report = read_reserves(document, limits=limits, skip=skip, **asked)
                if report.errors:
                    raise _malformed(report.errors[0])
                inputs.take(report)
                found.append(_report_source(report, addressed=True))
    return found


def _malformed(problem: Problem) -> Malformed:
    return Malformed(problem.reason, problem.text, *problem.hints, where=problem.where)


@contextmanager
def _named(document: Document) -> Iterator[None]:
    """Puts the file's name to whatever is wrong in it."""
    try:
        yield
    except Finding as error:
        error.file = document.name
        raise


def _report_source(report: ReservesReport, *, addressed: bool = False) -> Held:
    levels: dict[str, int] = {}
    for holding in report.holdings:
        levels[str(holding.level)] = levels.get(str(holding.level), 0) + holding.rows
    first = report.files[0]
    source = ReservesSource(
        source=", ".join(file.file.name for file in report.files),
        state=report.state,
        rows=report.rows,
        levels=levels,
        ownership=dict(report.counts),
        time=first.facts.get("time"),
        heights=_heights(report),
        exchange=first.facts.get("exchange", first.exchange),
        others=tuple(
            str(name)
            for file in report.files[1:]
            if (name := file.facts.get("exchange", file.exchange))
        ),
        lists=frozenset(file.file.sha256 for file in report.files),
        addressed=addressed,
    )
    return source, report.holdings, False


def _heights(report: ReservesReport) -> dict[str, tuple[int, int]]:
    """The blocks that nodes were asked at; where none was asked, those that the list names."""
    if report.asked:
        return {
            read.chain: (read.first.height, read.last.height)
            for read in report.chains
            if read.first is not None and read.last is not None
        }
    return {chain: ends for file in report.files for chain, ends in file.heights.items()}


def _typed_file(document: Document, limits: Limits, skip: frozenset[int]) -> Held:
    top = Fields(document.json, "", limits).only(*typed_list.KEYS)
    rows = typed_rows(top.array("reserves"), "reserves", limits)
    if not rows:
        raise Malformed("no-rows", "the list holds no rows")
    time = strict_time(top.get("time"), "time") if "time" in top else None
    counted = [
        row if row.time is not None else replace(row, time=time)
        for place, row in enumerate(rows, 1)
        if place not in skip
    ]
    name = top.text("exchange", 100) if "exchange" in top else None
    source = typed_source(document.name, counted, time, name)
    addressed = all(row.address is not None for row in rows)
    source = replace(source, lists=frozenset({document.sha256}), addressed=addressed)
    return source, counted, True


def typed_source(
    name: str, rows: Sequence[Holding], time: str | None, exchange: str | None
) -> ReservesSource:
    """Rows that a person typed, counted by level and ownership."""
    levels: dict[str, int] = {}
    ownership: dict[str, int] = {}
    heights: dict[str, tuple[int, int]] = {}
    for row in rows:
        levels[str(row.level)] = levels.get(str(row.level), 0) + 1
        ownership[row.ownership] = ownership.get(row.ownership, 0) + 1
        if row.height is not None:
            chain = row.chain or row.asset
            low, high = heights.get(chain, (row.height, row.height))
            heights[chain] = (min(low, row.height), max(high, row.height))
    return ReservesSource(
        name, State.UNCONFIRMED, len(rows), levels, ownership, time, heights, exchange
    )


class Inputs:
    """Both sides as they were read, with what was found on the way."""

    def __init__(self) -> None:
        self.sources: tuple[Liabilities, ...] = ()
        self.reserves: list[ReservesSource] = []
        self.holdings: list[Holding] = []
        self.checks: list[Check] = []
        self.warnings: list[Caution] = []
        self.prices: Prices | None = None
        self.overlaps: tuple[Overlap, ...] = ()

    def owed(self, sources: Iterable[Liabilities]) -> dict[str, Decimal]:
        """All figures of what is owed. Raises Invalid source-conflict where two differ."""
        self.sources = tuple(sources)
        owed: dict[str, Decimal] = {}
        for source in self.sources:
            for asset, amount in source.totals.items():
                if owed.setdefault(asset, amount) != amount:
                    raise Invalid(
                        "source-conflict",
                        f"{asset}: {grouped(owed[asset])} or {grouped(amount)} are owed",
                        expected=plain(owed[asset]),
                        computed=plain(amount),
                    )
            self.warnings.extend(Caution(id, text) for id, text in source.notes)
        return owed

    def take(self, report: ReservesReport) -> None:
        """Checks of a list that bear on the whole comparison.

        A signature that can't be judged only leaves its row unproven.
        """
        self.checks.extend(
            check
            for check in report.checks
            if check.status is CheckStatus.FAIL
            or (check.status is CheckStatus.NOT_CHECKED and check.about is not About.OWNERSHIP)
        )
        self.warnings.extend(w for w in report.warnings if w.id != "claimed")

    def saved(self, document: Document, limits: Limits) -> Held:
        """A document of reserves --json: its figures count as far as its own state goes."""
        top = Fields(document.json, "", limits)
        state = top.text("state", 20)
        if state not in set(State):
            raise Malformed("bad-field", "not a state of a verdict", where="state")
        if state in (State.INVALID, State.MALFORMED):
            text = f"{document.name} says of itself that it is {state}"
            self.checks.append(Check("verdict-failed", About.LIST, CheckStatus.FAIL, text))
        holdings = saved_holdings(top)
        levels: dict[str, int] = {}
        for holding in holdings:
            levels[str(holding.level)] = levels.get(str(holding.level), 0) + holding.rows
        source = ReservesSource(
            document.name,
            State(state),
            sum(holding.rows for holding in holdings),
            levels,
            {
                name: top.object("ownership").integer(name, 0, COUNT_MOST)
                for name in top.object("ownership").members
            },
            heights=_saved_heights(top),
            others=_saved_exchanges(top),
            lists=frozenset({document.sha256, *_saved_lists(top)}),
        )
        if state == State.INCOMPLETE:
            self._saved_gaps(document, top)
        return source, holdings, False

    def _saved_gaps(self, document: Document, top: Fields) -> None:
        """What that run could not check, as `take` has it of a run of our own."""
        for place, item in enumerate(top.array("checks", high=ROWS)):
            row = Fields(item, f"checks[{place}]", top.limits)
            unsure = row.text("status", 20) == CheckStatus.NOT_CHECKED
            if unsure and row.text("about", 20) != About.OWNERSHIP:
                text = f"{document.name} says of itself that it is incomplete"
                status = CheckStatus.NOT_CHECKED
                self.checks.append(Check("verdict-incomplete", About.BALANCES, status, text))
                return

    def held(self, items: Iterable[Held], *, checked: bool) -> None:
        items = list(items)
        self._counted_once(items)
        for source, holdings, stated in items:
            self.reserves.append(source)
            self.holdings.extend(holdings)
            strong = any(h.level in VERIFIED or h.ownership == Owned.PROVEN for h in holdings)
            if stated and strong and not checked:
                status = CheckStatus.UNCONFIRMED
                self.checks.append(Check("levels-stated", About.BALANCES, status, _STATED))

    def _counted_once(self, items: Sequence[Held]) -> None:
        """No coin may count twice. Lists were compared address by address (reserves.overlap);
        saved documents and results hold sums only. Raises Invalid source-conflict."""
        for place, (source, holdings, _) in enumerate(items):
            for other, others, _ in items[:place]:
                if source.addressed and other.addressed:
                    continue
                if source.lists & other.lists:
                    raise Invalid(
                        "source-conflict",
                        f"{other.source} and {source.source} are of one list: its coins would be "
                        "counted twice",
                    )
                both = {h.asset for h in holdings if h.amount} & {h.asset for h in others}
                if both:
                    names = ", ".join(sorted(both)[:NAMED])
                    text = f"{other.source} and {source.source} both hold {names}: whether an "
                    text += "address stands in both can't be seen; read their lists together"
                    status = CheckStatus.NOT_CHECKED
                    self.checks.append(Check("not-compared", About.BALANCES, status, text))

    def exchange(self, given: str | None = None) -> str | None:
        """Whose figures these are: the caller's word, else the first name in the files. All must
        name one exchange: Raises Invalid source-conflict; names that nobody knows are doubtful."""
        named = [(source.exchange, "liabilities") for source in self.sources]
        for held in self.reserves:
            named += [(name, "reserves") for name in (held.exchange, *held.others)]
        found = [(n, side) for n, side in named if n and n.lower() not in NOBODY]
        if given:
            found.insert(0, (given, "the figures asked for"))
        for name, side in found[1:]:
            first, first_side = found[0]
            known = _same_exchange(first, name)
            text = f"{first_side} of {first[:40]}, {side} of {name[:40]}"
            if known is False:
                raise Invalid("source-conflict", text)
            if known is None:
                status = CheckStatus.UNCONFIRMED
                self.checks.append(Check("other-exchange", About.LIST, status, text))
        return found[0][0] if found else None


NOBODY = frozenset({"any", "third-party"})
"""What lists of no exchange have in an exchange's place."""
NAMED = 3
"""Assets that a sentence names."""


def _same_exchange(first: str, second: str) -> bool | None:
    """Whether two names are of one exchange; None where they differ and one is not known."""
    if first.strip().lower() == second.strip().lower():
        return True
    from merkle_por.exchange_profiles import find_profile

    one, other = find_profile(first), find_profile(second)
    return None if one is None or other is None else one.id == other.id


def _saved_exchanges(top: Fields) -> tuple[str, ...]:
    """The exchanges whose lists a saved document was made from. Raises Malformed."""
    names = [
        read.text("exchange", 100)
        for read in _saved_files(top)
        if read.members.get("exchange") is not None
    ]
    return tuple(dict.fromkeys(names))


def _saved_lists(top: Fields) -> Iterator[str]:
    for read in _saved_files(top):
        if read.members.get("file") is not None:
            yield read.object("file").text("sha256", 64)


def _saved_files(top: Fields) -> Iterator[Fields]:
    for place, item in enumerate(top.array("files", high=1000) if "files" in top else ()):
        yield Fields(item, f"files[{place}]", top.limits)


def _saved_heights(top: Fields) -> dict[str, tuple[int, int]]:
    """The blocks of a saved document. Raises Malformed."""
    found: dict[str, tuple[int, int]] = {}
    for place, item in enumerate(top.array("chains", high=1000) if "chains" in top else ()):
        read = Fields(item, f"chains[{place}]", top.limits)
        if read.get("first") is not None and read.get("last") is not None:
            ends = (read.object(end).integer("height", 0, HEIGHT_MOST) for end in ("first", "last"))
            found[read.text("chain", 100)] = (next(ends), next(ends))
    return found


def read_prices(
    value: Source | Prices | PriceSources | Mapping[str, str] | None,
    limits: Limits,
    assets: Iterable[str] = (),
    at: str | None = None,
) -> Prices | None:
    """Prices from a file, a table, or as they are; or asked for, for these assets at that time
    (UTC; None: now). Raises Finding."""
    if value is None or isinstance(value, Prices):
        return value
    if isinstance(value, PriceSources):
        from merkle_por.prices.ask import prices_from

        return prices_from(value.names, assets, at=at, ids=value.ids)
    if isinstance(value, Mapping):
        return Prices(prices_in(Fields(dict(value), "prices", limits)), source="(given)")
    document = Document.of(value, limits)
    with _named(document):
        return prices_of(document, limits)


def read_mapping(
    value: Source | Mapping[str, Mapping[str, str]] | None,
    owed: Mapping[str, Decimal],
    limits: Limits,
) -> dict[str, Variant]:
    """A mapping of variants from a file or a table. Raises Finding."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return _map_in(Fields(dict(value), "", limits), owed)
    document = Document.of(value, limits)
    with _named(document):
        return _map_in(Fields(document.json, "", limits), owed)


def _map_in(fields: Fields, owed: Mapping[str, Decimal]) -> dict[str, Variant]:
    return read_map(fields.object("map") if set(fields.members) == {"map"} else fields, owed)
