"""What is watched of one exchange: its lists' rows with who signed for them, and what it owes.

Files are read (and signatures judged) once, and again when a file has changed. What a list says of
itself is a claim; it stays the reference for "change since the snapshot".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from merkle_por.amounts import grouped
from merkle_por.attestation import Liabilities, liabilities_of
from merkle_por.documents import Document, Fields
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.exchange_profiles import Profile, find_profile
from merkle_por.ratio import Variant, compare, read_map
from merkle_por.recognise import recognise
from merkle_por.reserves.api import reserves
from merkle_por.reserves.chains import registry
from merkle_por.reserves.holding import NOT_JUDGED, Holding, Level, seconds_between
from merkle_por.reserves.judging import judged_rows
from merkle_por.reserves.lists.layouts import layout_of
from merkle_por.reserves.lists.reading import Reading as ListReading
from merkle_por.reserves.lists.row import Row, RowKind
from merkle_por.reserves.overlap import overlaps
from merkle_por.unpacking import plain as plain_text
from merkle_por.verdict import CheckStatus

ROWS = 200_000
"""Rows that are watched of one exchange; each is asked for and stored every few minutes."""


NO_EXCHANGE = ("any", "third-party", "coinmarketcap")
"""Layouts' words for lists that may be of any exchange."""


@dataclass(frozen=True)
class Named:
    """What the user named for one exchange."""

    lists: tuple[Path, ...]
    exchange: str | None = None
    liabilities: tuple[Path, ...] = ()
    mapping: Path | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """One row. chain: where its balance is, None where that can't be told (why)."""

    row: Row
    ownership: str
    chain: str | None
    why: Incomplete | None = None

    def holding(self, amount: Decimal | None, level: Level) -> Holding:
        """The row with an amount (None: unknown) and how far that is shown."""
        row = self.row
        return Holding(
            asset=row.asset,
            amount=amount,
            level=Level.UNKNOWN if amount is None else level,
            ownership=self.ownership,
            kind=row.kind,
            custody=row.kind is RowKind.THIRD_PARTY,
            encumbered=row.kind is RowKind.UNSPENDABLE,
            unknown_rows=int(amount is None),
            chain=self.chain,
            coin=row.coin,
        )


@dataclass(frozen=True)
class Target:
    """One exchange as read. failed: checks of its lists that failed, in words. times: of the
    lists' snapshot, UTC, where they name one. listed: asset -> amount as the lists state it, None
    where a row states none. digest: of all files, for telling changes of method
    from changes of coins."""

    exchange: str
    name: str
    rows: tuple[Watched, ...]
    owed: Mapping[str, Decimal]
    liabilities: tuple[Liabilities, ...]
    variants: Mapping[str, Variant]
    listed: Mapping[str, Decimal | None]
    own_tokens: tuple[str, ...]
    failed: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]
    snapshot_time: str | None
    digest: str
    profile: Profile | None = None
    stamps: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    def assets(self) -> list[str]:
        """Every asset that is held or owed, and the exchange's own tokens among them."""
        held = (self.target(watched.row.asset) for watched in self.rows)
        return list(dict.fromkeys([*self.owed, *held]))

    def target(self, asset: str) -> str:
        """What a listed asset counts as."""
        variant = self.variants.get(asset)
        return asset if variant is None else variant.to


def files_of(named: Named) -> tuple[Path, ...]:
    """All files behind a target."""
    mapping = () if named.mapping is None else (named.mapping,)
    return (*named.lists, *named.liabilities, *mapping)


def stamps_of(named: Named) -> tuple[tuple[int, int], ...]:
    """Time and size of each file: what tells that one was replaced. Raises UsageError."""
    found = []
    for path in files_of(named):
        try:
            state = path.stat()
        except OSError:
            raise UsageError(f"{path}: no such file") from None
        found.append((state.st_mtime_ns, state.st_size))
    return tuple(found)


def read_target(named: Named, tokens: Mapping[str, tuple[str, str | None]]) -> Target:
    """Reads everything. Raises Malformed, Invalid, UsageError."""
    stamps = stamps_of(named)
    documents = [plain_text(Document.of(path)) for path in named.lists]
    failed, warnings, facts = _checked(documents)
    found, skips = overlaps(documents)
    warnings.extend(("double-counted", overlap.text) for overlap in found)
    rows: list[Watched] = []
    for document, skip in zip(documents, skips, strict=True):
        rows.extend(_rows(document, skip, tokens, ROWS - len(rows)))
    liabilities = tuple(liabilities_of(Document.of(path)) for path in named.liabilities)
    owed = _owed(liabilities)
    variants = _variants(named.mapping, owed)
    claims = (watched.holding(watched.row.amount, Level.CLAIMED) for watched in rows)
    stated = compare(owed, claims, mapping=variants)
    exchange, name, profile = _exchange(named, liabilities, facts)
    times = [fact["time"] for fact in facts if fact.get("time", "").endswith("Z")]
    times += [source.time for source in liabilities if source.time is not None]
    return Target(
        exchange=exchange,
        name=name,
        rows=tuple(rows),
        owed=owed,
        liabilities=liabilities,
        variants=variants,
        listed={a.asset: None if a.unknown_rows else a.reserves for a in stated.assets},
        own_tokens=() if profile is None else profile.own_tokens,
        failed=tuple(failed),
        warnings=tuple(dict.fromkeys([*warnings, *_notes(liabilities)])),
        snapshot_time=times[0] if times else None,
        digest=_digest(named),
        profile=profile,
        stamps=stamps,
    )


def _checked(
    documents: Sequence[Document],
) -> tuple[list[str], list[tuple[str, str]], list[dict[str, str]]]:
    """What the lists' own checks say, without their signatures: those are judged row by row."""
    failed: list[str] = []
    warnings: list[tuple[str, str]] = []
    facts: list[dict[str, str]] = []
    for document in documents:
        layout = layout_of(recognise(document).id)
        given = {"signatures": False} if layout is not None and layout.signed else {}
        report = reserves(document, given=given)
        if report.errors:
            problem = report.errors[0]
            error = Malformed(problem.reason, problem.text, *problem.hints, where=problem.where)
            error.file = document.name
            raise error
        for check in report.checks:
            if check.status is CheckStatus.FAIL:
                failed.append(f"{document.name}: {check.text} ({check.id})")
        warnings.extend((w.id, w.text) for w in report.warnings if w.id != "claimed")
        first = report.files[0]
        facts.append({"exchange": first.exchange or "", **first.facts})
    return failed, warnings, facts


def _rows(
    document: Document,
    skip: frozenset[int],
    tokens: Mapping[str, tuple[str, str | None]],
    room: int,
) -> list[Watched]:
    layout = layout_of(recognise(document).id)
    assert layout is not None  # `_checked` has read it
    found: list[Watched] = []
    chains: dict[tuple[str, str | None], tuple[str | None, Incomplete | None]] = {}
    for row, owned in judged_rows(layout, ListReading(document), None):
        if row.signer_of is not None or row.line in skip:
            continue
        if len(found) >= room:
            raise Malformed(
                "too-big",
                f"more than {ROWS} rows",
                "watch a part of the list; merkle-por reserves reads lists of any length",
            )
        state = NOT_JUDGED if owned is None else str(owned.state)
        tag = (row.coin, row.network)
        if tag not in chains:
            chains[tag] = _chain(*tag, tokens)
        found.append(Watched(row, state, *chains[tag]))
    return found


def _chain(
    coin: str, network: str | None, tokens: Mapping[str, tuple[str, str | None]]
) -> tuple[str | None, Incomplete | None]:
    """The chain of a tag, or why there is none."""
    try:
        return registry.resolve(coin, network, tokens)[0].name, None
    except Incomplete as error:
        return None, error


def _owed(liabilities: Sequence[Liabilities]) -> dict[str, Decimal]:
    owed: dict[str, Decimal] = {}
    for source in liabilities:
        for asset, amount in source.totals.items():
            if owed.setdefault(asset, amount) != amount:
                text = f"{asset}: {grouped(owed[asset])} or {grouped(amount)} are owed"
                raise Invalid("source-conflict", text)
    return owed


def _notes(liabilities: Sequence[Liabilities]) -> list[tuple[str, str]]:
    notes = [note for source in liabilities for note in source.notes]
    times = sorted({source.time for source in liabilities if source.time})
    if len(times) > 1 and seconds_between(times[0], times[-1]) > 3600:
        notes.append(("snapshot-gap", "the figures of what is owed are of different times"))
    return notes


def _exchange(
    named: Named, liabilities: Sequence[Liabilities], facts: Sequence[Mapping[str, str]]
) -> tuple[str, str, Profile | None]:
    """Id, name and profile: as the user said, else as the files say. Raises UsageError where
    they speak of several exchanges."""
    said = [named.exchange, *(source.exchange for source in liabilities)]
    said += [fact.get("exchange") for fact in facts]
    names = [name for name in said if name and name not in NO_EXCHANGE]
    if not names:
        name = named.lists[0].stem[:40]
        return name.lower(), name, None
    found = [(name, find_profile(name)) for name in names]
    ids = {name.lower() if profile is None else profile.id for name, profile in found}
    if len(ids) > 1:
        raise UsageError(
            f"these files are of several exchanges: {', '.join(sorted(ids))[:80]}",
            "put each exchange's name before its lists: merkle-por watch NAME LIST...",
        )
    name, profile = found[0]
    if profile is not None:
        return profile.id, profile.name, profile
    return name.lower(), name, None


def _variants(path: Path | None, owed: Mapping[str, Decimal]) -> dict[str, Variant]:
    if path is None:
        return {}
    document = Document.of(path)
    fields = Fields(document.json, "", document.limits)
    if set(fields.members) == {"map"}:
        fields = fields.object("map")
    return read_map(fields, owed)


def _digest(named: Named) -> str:
    mapping = () if named.mapping is None else (named.mapping,)
    digests = [Document.of(path).sha256 for path in (*named.lists, *mapping)]
    return hashlib.sha256(json.dumps(sorted(digests)).encode()).hexdigest()[:16]
