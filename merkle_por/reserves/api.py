"""`reserves`: reads published lists of reserves and judges what is in them.

What is asked, in order: is each file a list of its layout; do its rows add up to its own summary;
does no address stand twice (over all files of one layout); does each row's signature show who
controls the address; what was on it, where nodes were named (reserves.asking).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import grouped, stripped
from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.exchange_profiles import Profile, find_profile, profiles
from merkle_por.execution import Execution
from merkle_por.recognise import by_id, recognise
from merkle_por.reserves.holding import NOT_JUDGED, Level
from merkle_por.reserves.judging import Judged, has_signature, judged_rows
from merkle_por.reserves.lists.duplicates import Duplicates, repeated
from merkle_por.reserves.lists.layout import TRANSFERS, Layout
from merkle_por.reserves.lists.layouts import layout_of
from merkle_por.reserves.lists.reading import KEPT, Reading
from merkle_por.reserves.lists.row import Row, address_key, row_keys
from merkle_por.reserves.ownership.row import Ownership
from merkle_por.reserves.ownership.row import State as Owned
from merkle_por.reserves.ownership.spellings import account
from merkle_por.reserves.report import SIGNER_ROW, ListFile, ReservesReport
from merkle_por.reserves.tally import Tally
from merkle_por.reserves.variants import htx
from merkle_por.scheme import Given
from merkle_por.unpacking import plain as plain_text
from merkle_por.verdict import About, Caution, Check, CheckStatus, FileInfo, Problem

if TYPE_CHECKING:
    from merkle_por.reserves.asking import Answered, Answers
    from merkle_por.reserves.chains.interface import Balance as NodeBalance

Source = str | Path | bytes | Document

AMOUNTS_ONLY = "okx-reserves-csv"
"""Naming this id asks for the amounts of an OKX list, not for its signatures."""
GENERAL = frozenset({"reserve-rows", "address-list", "bip127", "cmc-exchange-assets"})
"""Layouts of no exchange: anybody's list of anybody's wallets."""
WRAPPED_ROWS = 50_000
"""Rows up to which a list that names the contract of a known token is read again for what the
contract's coins back."""
SPELLED = 100_000
"""Accounts of chains with several spellings that are remembered, to find one written in two."""
TOLD_ROWS = 500
"""Rows between two words on how far the reading is."""


@dataclass(frozen=True)
class Balance:
    """A node's answer on one row. amount: None where it could not be had (never zero for that).

    problem: reason and text where the answer speaks against the list.
    """

    level: Level
    amount: Decimal | None
    problem: tuple[str, str] | None = None


BalanceOf = Callable[[Row], Balance | None]


def reserves(
    *sources: Source,
    scheme: str | None = None,
    given: Mapping[str, Any] | None = None,
    limits: Limits = LIMITS,
    balance_of: BalanceOf | None = None,
    executor: Executor | None = None,
    skip: frozenset[int] = frozenset(),
    nodes: Mapping[str, str | Sequence[str]] | None = None,
    at: Mapping[str, int | str] | None = None,
    tokens: Mapping[str, tuple[str, str | None]] | None = None,
    memory: str | Path | None = None,
    offline: bool = False,
    exchange: str | None = None,
    around: int | None = None,
    execution: Execution | None = None,
) -> ReservesReport:
    """Judges one or several lists of reserves (files of one publication are given together).

    scheme: a format id, None to recognise each file. given: facts from outside by name
    (`message`: the texts that rows may have signed; `signatures`: false to read amounts only).
    nodes: chain -> URL of a node or service, or several that must agree; only these are talked to.
    at: chain -> height or trusted hash of the block; without one each row's own height counts, else
    the latest block. tokens: a list's coin tag -> (chain, token id), for tokens that no table
    knows. memory: file that keeps the nodes' answers; offline: answer from it alone.
    exchange: whose lists these must be. around: days before and after the snapshot to read as well.
    execution: executor for signatures and chains, progress.
    balance_of: asks for one row's balance in place of nodes. executor: as in execution.
    skip: lines not to count (rows that another list has counted). Raises UsageError only.
    """
    if not sources:
        raise UsageError("no file was given")
    profile = None if exchange is None else _profile(exchange)
    execution = execution or Execution(executor)
    tally = Tally(limits.assets)
    tally.answers = _answers(nodes, at, tokens, memory, execution, offline=offline)
    if around is not None and (tally.answers is None or offline):
        raise UsageError("the days around a snapshot are asked of nodes", "add --node CHAIN=URL")
    files: list[ListFile] = []
    readings: list[tuple[Layout, Document, dict[str, object]]] = []
    duplicates = Duplicates()
    for source in sources:
        document = plain_text(Document.of(source, limits))
        layout = None
        reading = Reading(document)
        try:
            layout = _layout(document, scheme, profile)
            reading.given = _given(layout, given, document, limits, judged=scheme != AMOUNTS_ONLY)
            skipped = skip | _counted(tally, layout, document, readings)
            job = _Job(layout, reading, tally, duplicates, balance_of, execution, skipped)
            files.append(job.run())
            readings.append((layout, document, reading.given))
        except Malformed as error:
            named = (error.where, error.hints, document.name)
            tally.errors.append(Problem(error.reason, error.text, *named))
            files.append(_unread(document, layout))
        except Invalid as error:
            tally.note(error.reason, error.text, error.where, About.LIST, CheckStatus.FAIL)
            files.append(_unread(document, layout))
        tally.take(reading)
    if not tally.errors:
        try:
            _again(files, readings, duplicates, tally, around)
        except (Malformed, Invalid) as error:
            # Every list was read to its end before: a file has changed since.
            tally.errors.append(Problem(error.reason, error.text, error.where, error.hints))
    return tally.report(tuple(files), own_tokens=profile.own_tokens if profile else ())


def _again(
    files: Sequence[ListFile],
    readings: Sequence[tuple[Layout, Document, dict[str, object]]],
    duplicates: Duplicates,
    tally: Tally,
    around: int | None,
) -> None:
    """What takes a second reading of the lists."""
    _repeated(readings, duplicates, tally)
    if sum(file.rows for file in files) <= WRAPPED_ROWS:
        if tally.contracts:
            _wrapped(readings, tally)
        _claimed_twice([file for file in files if file.rows], readings, tally)
    if around is not None and tally.answers is not None:
        _around(readings, around, tally.answers, tally)


def _profile(name: str) -> Profile:
    found = find_profile(name)
    if found is None:
        known = ", ".join(profile.id for profile in profiles())
        raise UsageError(f'there is no profile of "{name[:40]}"', f"known: {known}")
    return found


def _answers(
    nodes: Mapping[str, str | Sequence[str]] | None,
    at: Mapping[str, int | str] | None,
    tokens: Mapping[str, tuple[str, str | None]] | None,
    memory: str | Path | None,
    execution: Execution,
    *,
    offline: bool,
) -> Answers | None:
    if not (nodes or at or tokens or memory or offline):
        return None
    from merkle_por.reserves.asking import Answers, asking

    asked = asking(nodes, at, tokens, memory, offline=offline)
    return None if asked is None else Answers(asked, execution)


def _counted(
    tally: Tally,
    layout: Layout,
    document: Document,
    before: Sequence[tuple[Layout, Document, dict[str, object]]],
) -> frozenset[int]:
    """Lines whose addresses an earlier list of another layout holds (in one layout they are
    duplicates, which is worse)."""
    others = [other for known, other, _ in before if known.id != layout.id]
    if not others:
        return frozenset()
    from merkle_por.reserves.overlap import overlaps

    found, skips = overlaps([*others, document])
    tally.overlaps += tuple(overlap for overlap in found if overlap.again == document.name)
    return skips[-1]


def _layout(document: Document, scheme: str | None, profile: Profile | None) -> Layout:
    name = by_id(scheme).id if scheme else recognise(document).id
    layout = layout_of(name)
    if layout is None:
        if scheme:
            raise UsageError(f"{name} is not a list of reserves")
        raise Malformed("unknown-format", f"a file of {name}, not a list of reserves")
    if profile is not None and layout.id not in (*profile.lists, *GENERAL):
        published = ", ".join(profile.lists) or "no list that programs can read"
        raise Malformed(
            "wrong-layout",
            f"{document.name} is laid out as {layout.id}; {profile.name} publishes {published}",
        )
    return layout


def _given(
    layout: Layout,
    given: Mapping[str, Any] | None,
    document: Document,
    limits: Limits,
    *,
    judged: bool,
) -> dict[str, object]:
    folder = document.path.parent if document.path else None
    bound = Given(given, folder=folder, limits=limits)
    bound.facts = layout.all_facts
    for name in bound.values:
        if name not in bound.facts:
            known = ", ".join(sorted(bound.facts)) or "nothing"
            raise UsageError(f'"{name}" is not a fact that {layout.id} takes', f"it takes: {known}")
    values: dict[str, object] = dict(bound.values)
    if "signatures" in values:
        values["signatures"] = bound.flag("signatures")
    elif not judged:
        values["signatures"] = False
    if "message" in values:
        texts = values["message"]
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list | tuple) or not all(isinstance(t, str) for t in texts):
            raise UsageError("message must be one or several texts")
        values["message"] = frozenset(texts)
    if layout.transfers and not values.keys().isdisjoint(TRANSFERS):
        from merkle_por.reserves.transfers import asked_for

        values = {name: value for name, value in values.items() if name not in TRANSFERS}
        values["asked"] = asked_for(bound)
    return values


def _unread(document: Document, layout: Layout | None) -> ListFile:
    return ListFile(
        FileInfo(document.name, document.size, document.sha256),
        layout.id if layout else None,
        layout.exchange if layout else None,
        layout.exchange_name if layout else None,
    )


@dataclass
class _Job:
    """The reading of one file into the tally."""

    layout: Layout
    reading: Reading
    tally: Tally
    duplicates: Duplicates
    balance_of: BalanceOf | None
    execution: Execution
    skip: frozenset[int]
    heights: dict[str, tuple[int, int]] = field(default_factory=dict)
    accounts: dict[tuple[str, str | None, str | None, str], str] = field(default_factory=dict)

    def run(self) -> ListFile:
        from merkle_por.reserves.chains.registry import token_ids

        tally, reading = self.tally, self.reading
        tally.asked = tally.asked or self.balance_of is not None or tally.answers is not None
        rows = 0
        add_key, id = self.duplicates.add, self.layout.id
        contracts = token_ids()
        network: str | None = None
        proven = 0
        height: int | None = None
        for row, owned, balance in self._rows():
            if owned is not None and not tally.signed:
                unsigned = self.layout.prove is not None or "asked" in reading.given
                proof = unsigned and owned.state is Owned.PROVEN
                tally.signed = proof or has_signature(row)
            rows += 1
            if not rows % TOLD_ROWS:
                self.execution.progress("reading rows", rows, None, "rows")
            for key in row_keys(row):
                add_key((id, key))
                if key[3] in contracts:
                    tally.contracts = True
            if reading.dialect == "okx" and (spelled := account(row.coin, row.address)):
                self._spelled(row, spelled)
            state: str = NOT_JUDGED if owned is None else owned.state
            if row.signer_of is not None:
                tally.count(state + SIGNER_ROW)
            else:
                tally.count(state)
                proven += state == Owned.PROVEN
                if row.line not in self.skip:
                    self._amount(row, state, balance)
            if owned is not None and owned.reason is not None:
                self._speak(row, owned)
            where = row.network or row.coin
            if row.height is not None and (row.height != height or where != network):
                network, height = where, row.height
                self._height(where, height)
        document = reading.document
        if not proven:
            text = f"{document.name}: no row shows who controls its address"
            status = CheckStatus.UNCONFIRMED
            tally.note("nothing-proven", text, None, About.OWNERSHIP, status)
        self._say_heights()
        return ListFile(
            FileInfo(document.name, document.size, document.sha256),
            self.layout.id,
            self.layout.exchange,
            self.layout.exchange_name,
            rows,
            self.heights,
            dict(reading.facts),
        )

    def _say_heights(self) -> None:
        """Between two blocks of one chain the same coins can stand in two rows."""
        apart = {place: ends for place, ends in self.heights.items() if ends[0] != ends[1]}
        for where, (low, high) in list(apart.items())[:KEPT]:
            name = self.reading.document.name
            text = f"{name}: rows of {where} are of blocks {low} to {high}: coins can move between"
            self.tally.warnings.append(Caution("reserve-gap", text))

    def _rows(self) -> Iterator[Answered]:
        if self.layout.prove is not None and self.tally.answers is not None:
            return self.layout.prove(self.reading, self.tally.answers)
        judged = self._by_transfers()
        if judged is None:
            judged = judged_rows(self.layout, self.reading, self.execution.executor)
        if self.tally.answers is not None:
            return self.tally.answers.of(self.layout, judged, self.skip)
        return ((row, owned, None) for row, owned in judged)

    def _by_transfers(self) -> Judged | None:
        """The rows judged by transfers of their addresses, None where none were given."""
        asked = self.reading.given.get("asked")
        if asked is None:
            return None
        from merkle_por.reserves.transfers import Asked, Control, Nodes

        assert isinstance(asked, Asked)
        nodes = Nodes({}, self.execution)
        if self.tally.answers is not None:
            whom = self.tally.answers.asked
            nodes = Nodes(whom.nodes, self.execution, whom.memory, whom.offline)
        reading = self.reading
        control = Control(asked, nodes, reading)
        self.tally.transfers.append(control.shown)
        again = self.layout.read(Reading(reading.document, given=reading.given))
        return control.judged(self.layout.read(reading), again)

    def _amount(self, row: Row, state: str, found: NodeBalance | None) -> None:
        level, amount, time = Level.CLAIMED, row.amount, None
        balance: Balance | None = None
        if self.balance_of is not None:
            balance = self.balance_of(row)
        if found is not None:
            level, amount, time = found.level, found.amount, found.time
            if amount is not None:
                # A chain counts in its smallest unit: the zeros behind say nothing more.
                amount = Decimal(stripped(amount))
            balance = Balance(found.level, found.amount, found.problem)
            if level is Level.CLAIMED:
                amount = row.amount
            if found.amount is None:
                text = found.text or "the balance is not known"
                id = found.reason or "unknown-balance"
                self._note(id, _said(row, text), row, About.BALANCES, CheckStatus.NOT_CHECKED)
        elif self.balance_of is not None:
            if balance is None or balance.amount is None:
                text = _said(row, "the balance is not known")
                self._note("unknown-balance", text, row, About.BALANCES, CheckStatus.NOT_CHECKED)
                level, amount = Level.UNKNOWN, None
            else:
                level, amount = balance.level, balance.amount
        if balance is not None and balance.problem is not None:
            reason, text = balance.problem
            self._note(reason, _said(row, text), row, About.BALANCES, CheckStatus.FAIL)
        self.tally.add(row, state, level, amount, time)
        if row.coin not in self.tally.titles and len(self.tally.titles) < self.tally.most:
            name = htx(row.coin).title if self.layout.exchange == "htx" else row.coin
            self.tally.titles[row.coin] = name

    def _spelled(self, row: Row, found: str) -> None:
        """Warns of an account that stands in the list twice, written in two ways."""
        if len(self.accounts) >= SPELLED:
            return
        first = self.accounts.setdefault((row.coin, row.network, row.type, found), row.address)
        if address_key(first) != address_key(row.address):
            text = f"{row.coin}: {row.address[:60]} in line {row.line} is the account {first[:60]} "
            self.reading.warn("double-counted", text + "written in another way, and counted again")

    def _speak(self, row: Row, owned: Ownership) -> None:
        failed = owned.state is Owned.FAILED
        if row.ownership is not None and failed:
            return  # the layout has noted it itself
        status = CheckStatus.FAIL if failed else CheckStatus.NOT_CHECKED
        text = f"{row.coin} {row.address[:60]}: {owned.text}"
        self._note(str(owned.reason), text, row, About.OWNERSHIP, status)

    def _note(self, id: str, text: str, row: Row, about: About, status: CheckStatus) -> None:
        self.tally.note(id, text, f"line {row.line}", about, status)

    def _height(self, chain: str, height: int) -> None:
        low, high = self.heights.get(chain, (height, height))
        if chain in self.heights or len(self.heights) < self.tally.most:
            self.heights[chain] = (min(low, height), max(high, height))


def _wrapped(readings: Sequence[tuple[Layout, Document, dict[str, object]]], tally: Tally) -> None:
    """Warns of coins that stand in the list twice: as themselves, and as a token made of them.

    What the exchange says it backs itself is shown by its kind, and counts in no ratio.
    """
    from merkle_por.reserves.snapshot import through_wrappers

    rows = (
        row
        for layout, document, given in readings
        for row in layout.read(Reading(document, given=given))
    )
    for found in through_wrappers(rows):
        if found.certain:
            tally.warnings.append(Caution("double-counted", found.text))


def _claimed_twice(
    files: Sequence[ListFile],
    readings: Sequence[tuple[Layout, Document, dict[str, object]]],
    tally: Tally,
) -> None:
    """Warns of addresses that the lists of two exchanges claim, for whatever coins."""
    from merkle_por.reserves.snapshot import claimed_twice

    lists: dict[str, list[Iterator[Row]]] = {}
    for file, (layout, document, given) in zip(files, readings, strict=True):
        name = file.facts.get("exchange") or layout.exchange_name
        lists.setdefault(name, []).append(layout.read(Reading(document, given=given)))
    if len(lists) < 2:
        return
    known = {overlap.address for overlap in tally.overlaps}
    found = claimed_twice({name: chain.from_iterable(rows) for name, rows in lists.items()})
    for twice in [one for one in found if one.address not in known][:KEPT]:
        tally.warnings.append(Caution("claimed-twice", twice.text))


def _around(
    readings: Sequence[tuple[Layout, Document, dict[str, object]]],
    days: int,
    answers: Answers,
    tally: Tally,
) -> None:
    """Reads each chain's balances some days before and after its block: borrowed coins show."""
    from merkle_por.reserves.snapshot import around

    def rows() -> Iterator[Row]:
        for layout, document, given in readings:
            if layout.prove is not None:
                continue  # its rows name no addresses
            yield from answers.asked_rows(layout, layout.read(Reading(document, given=given)))

    if all(layout.prove is not None for layout, _, _ in readings):
        return  # rows without addresses can't be asked about other days
    asked = answers.asked
    for read in tuple(answers.chains.values()):
        if read.last is None:
            continue  # its rows are unknown already
        try:
            courses = around(
                rows,
                asked.nodes,
                {read.chain: read.last.height},
                days=(-days, 0, days),
                execution=answers.execution,
                tokens=asked.tokens,
            )
        except Incomplete as error:
            text = f"{read.chain}, around the snapshot: {error.text}"
            tally.note(error.reason, text, None, About.BALANCES, CheckStatus.NOT_CHECKED)
            continue
        for course in courses:
            if not course.complete:
                text = f"{course.asset} on {course.chain} is not known around the snapshot"
                status = CheckStatus.NOT_CHECKED
                tally.note("unknown-balance", text, None, About.BALANCES, status)
        tally.around.extend(courses)


def _said(row: Row, text: str) -> str:
    """What is said of a row: its coin and address before the text, where it doesn't name them."""
    more = f" and {len(row.addresses) - 1} more" if len(row.addresses) > 1 else ""
    name = f"{row.coin} {row.address[:60]}{more}".rstrip()
    return f"{name}: {text.removeprefix(f'{row.coin[:40]}: ')}"


def _repeated(
    readings: Iterable[tuple[Layout, Document, dict[str, object]]],
    duplicates: Duplicates,
    tally: Tally,
) -> None:
    """Names rows that stand twice; the files are read again only where there may be one."""
    suspects = duplicates.suspects()
    if not suspects:
        text = "no address stands twice for one coin"
        tally.checks.append(Check("unique", About.LIST, CheckStatus.PASS, text))
        return
    keys = (
        ((layout.id, key), (document.name, row))
        for layout, document, given in readings
        for row in layout.read(Reading(document, given=given))
        for key in row_keys(row)
    )
    for _, (_, row), (name, first) in repeated(keys, suspects):
        amount = "" if row.amount is None else f" with {grouped(row.amount)}"
        text = f"{row.coin} {row.address[:60]} stands again{amount}, first in line {first.line}"
        tally.note(
            "duplicate-address",
            f"{text} of {name}",
            f"line {row.line}",
            About.LIST,
            CheckStatus.FAIL,
        )
