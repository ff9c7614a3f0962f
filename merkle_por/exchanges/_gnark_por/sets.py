"""A published proof set: which files belong to it, and the checks on all of them together.

Rules: spec binance-zk ("Auditor files", "Order of checks"), gate-zk, htx-zk. A set is proof.csv,
the config, and a verifying key for each tier. What the caller names is taken; else the files that
stand beside proof.csv. No path is taken from a file: the names in the config only choose among
the files of the folder.

Trust: the verifying keys decide everything. A key that the caller named, or whose SHA-256 he gave,
came from outside; one that only lies beside the proofs did not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from merkle_por.documents import Document
from merkle_por.errors import Incomplete, Invalid, Malformed, UsageError
from merkle_por.exchanges._gnark_por import batches, config, rows
from merkle_por.exchanges._gnark_por.commitments import empty_root
from merkle_por.exchanges._gnark_por.config import Config
from merkle_por.exchanges._gnark_por.family import Assets, Family, Profile
from merkle_por.exchanges._gnark_por.journal import Journal
from merkle_por.exchanges._gnark_por.rows import Columns, Link
from merkle_por.exchanges._zk import pinned_keys
from merkle_por.scheme import Findings, Given
from merkle_por.verdict import About

ONE_KEY = None
"""The tier of releases that have one key."""
MAX_KEY_FILES = 64
KEY_ENDINGS = (".vk", ".vk.save")


@dataclass(frozen=True)
class Key:
    """A verifying key. named: the caller handed it in; pinned: its hash came from outside."""

    tier: int | None
    data: bytes
    named: bool
    pinned: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def anchored(self) -> bool:
        return self.named or self.pinned


@dataclass(frozen=True)
class ProvenSet:
    """A set whose checks all passed, as far as they were made.

    root: of the account tree after the last batch. last_index: of the last account that a batch
    covers, None in releases whose batches don't say. proven: whether the zk proofs were checked.
    """

    config: Config
    profile: Profile
    columns: Columns
    batches: int
    root: int
    last_index: int | None
    keys: tuple[Key, ...]
    proven: bool

    @property
    def anchored(self) -> bool:
        """Whether all that the set hangs on came from outside of it."""
        return self.proven and all(key.anchored for key in self.keys)


# -- which files --------------------------------------------------------------------------------


def table_in(folder: Path) -> Path | None:
    """The proof table in a folder: proof.csv, or the only CSV file with its columns."""
    fitting = []
    for path in sorted(folder.glob("*.csv"))[:MAX_KEY_FILES]:
        if path.is_file() and rows.columns_of(Document.of(path).first_line) is not None:
            fitting.append(path)
    chosen = [path for path in fitting if path.name == "proof.csv"] or fitting
    return chosen[0] if len(chosen) == 1 else None


def table_of(document: Document) -> Document:
    """The proof table of a document, which is it or a folder with it. Raises Malformed."""
    if not document.is_folder:
        return document
    assert document.path is not None
    path = table_in(document.path)
    if path is None:
        raise Malformed("missing-file", "there is no proof.csv, or several, in the folder")
    return Document.of(path, document.limits)


def config_beside(table: Document) -> Path | None:
    """The config that belongs to a table on disk, by its name: config.json or cex_config.json
    beside proof.csv, x_config.json beside x_proof.csv."""
    if table.path is None:
        return None
    own = table.path.with_suffix(".json").name.replace("proof", "config")
    for name in (own, "config.json", "cex_config.json"):
        path = table.path.with_name(name)
        if path != table.path and path.is_file():
            return path
    return None


def _config(table: Document, family: Family, given: Given) -> Config:
    document = given.file("config")
    if document is None:
        path = config_beside(table)
        if path is None:
            raise Incomplete(
                "missing-config",
                "the config with the published totals is not at hand",
                "name it: --given config=config.json",
            )
        document = Document.of(path, table.limits)
    return config.parse(document, family)


def _named_keys(given: Given, tiers: Sequence[int | None]) -> dict[int | None, Document]:
    """Keys that the caller named: tier -> file, or a list in the order of the tiers."""
    value: Any = given.value("verifying_keys")
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = given.object("verifying_keys")
    if value is None or (not isinstance(value, Document) and not value):
        return {}
    if not isinstance(value, Mapping):
        documents = given.files("verifying_keys")
        if len(documents) != len(tiers):
            raise UsageError(f"{len(documents)} verifying keys for {len(tiers)} tiers")
        return dict(zip(tiers, documents, strict=True))
    found: dict[int | None, Document] = {}
    for name, path in value.items():
        tier = _tier_named(str(name), tiers)
        if tier in found:
            raise UsageError(f"verifying_keys: two keys for {name}")
        if path is None:
            raise UsageError(f"verifying_keys: no file is named for {str(name)[:20]}")
        one = given.having({"verifying_keys": path}, {})
        found[tier] = one.files("verifying_keys")[0]
    return found


def _tier_named(name: str, tiers: Sequence[int | None]) -> int | None:
    if tuple(tiers) == (ONE_KEY,):
        return ONE_KEY  # one key, under whatever name
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        known = ", ".join(map(str, tiers))
        raise UsageError(f"verifying_keys: {name[:20]} is not a tier", f"there are: {known}")
    return int(name)


def _keys_beside(
    table: Document, names: Sequence[str], tiers: Sequence[int | None]
) -> dict[int | None, Document]:
    """Keys in the table's folder: those named in the config, else the only one whose first number
    is the tier (zkpor50_700.vk), else, for one key, the only one."""
    if table.path is None:
        return {}
    stems: dict[str, Path] = {}
    for ending in KEY_ENDINGS:
        for path in sorted(table.path.parent.glob(f"*{ending}"))[:MAX_KEY_FILES]:
            stems.setdefault(path.name.removesuffix(ending), path)
    found: dict[int | None, Document] = {}
    for place, tier in enumerate(tiers):
        named = names[place] if len(names) == len(tiers) else ""
        fitting = [named] if named in stems else []
        if not fitting:
            fitting = [s for s in stems if tier is ONE_KEY or _first_number(s) == tier]
        if len(fitting) == 1:
            found[tier] = Document.of(stems[fitting[0]], table.limits)
    return found


def _first_number(text: str) -> int | None:
    digits = re.search(r"[0-9]{1,9}", text)
    return int(digits.group()) if digits else None


def _keys(
    table: Document, settings: Config, used: frozenset[int | None], given: Given
) -> tuple[Key, ...]:
    """The set's keys, read and tested; used: the tiers that batches have.

    Raises Malformed for one that is none, Incomplete where one that is used is missing, Invalid
    key-not-pinned for one that is not among the pinned ones.
    """
    from merkle_por.zk.gnark import MAX_KEY_BYTES, read_verifying_key

    tiers: tuple[int | None, ...] = _tiers(settings)
    pins = pinned_keys(given)
    named = _named_keys(given, tiers)
    beside = {} if named else _keys_beside(table, settings.key_names, tiers)
    keys = []
    for tier in tiers:
        document = named.get(tier) or beside.get(tier)
        if document is None and tier not in used:
            continue
        if document is None:
            which = "the verifying key" if tier is ONE_KEY else f"the verifying key of tier {tier}"
            raise Incomplete(
                "missing-key",
                f"{which} is not at hand, so the zk proofs were not checked",
                "name it: --given verifying_keys=FILE",
            )
        if document.size > MAX_KEY_BYTES:
            raise Malformed("key-length", "longer than any key", where=document.name)
        data = document.data
        read_verifying_key(data)
        digest = hashlib.sha256(data).hexdigest()
        if pins is not None and digest not in pins:
            raise Invalid(
                "key-not-pinned",
                "a verifying key is not one of those that were published",
                where=document.name,
                computed=digest,
            )
        keys.append(Key(tier, data, tier in named, pins is not None))
    return tuple(keys)


# -- the checks ---------------------------------------------------------------------------------


def check(document: Document, family: Family, given: Given, findings: Findings) -> ProvenSet:
    """All checks on a set but the comparison of its root, in the spec's order. Notes what passed
    in findings; raises Malformed, Invalid, Incomplete. Broken batches are violations: with any,
    it raises nothing more and the last state is still compared with the totals."""
    table = table_of(document)
    skip = given.flag("skip_snark")
    progress = given.execution.progress
    table_index = rows.index(table, lambda n: progress("reading", n, None, "batches"))
    columns, places = table_index.columns, table_index.places
    if columns.tiered is not (family.assets is Assets.ROWS):
        raise Malformed("bad-keys", "the columns are of another release", where="line 1")
    settings = _config(table, family, given)
    family = family.with_slots_too(settings.assets[-1].index + 1)
    tiers = _tiers(settings)
    for tier in table_index.tiers:
        if tier not in tiers:
            raise Malformed("bad-number", f"assets_count {tier} is not one of the tiers")
    findings.about(About.TOTALS)
    config.check_symbols(settings)
    _check_debts(settings)
    keys: tuple[Key, ...] = ()
    if not skip:
        try:
            keys = _keys(table, settings, table_index.tiers, given)
        except Incomplete as error:  # the hashes are checked all the same
            findings.not_checked(error.reason, error.text, about=About.PROOF)
    profile = _profile(settings, family, table, columns, places)
    first = batches.run(_first_task(table, columns, places, profile, settings)).begin
    for reason, text in _beginning(first, settings, family, profile):
        findings.violation(reason, text, "batch 0")
    last = _parts(table, columns, places, profile, settings, keys, given, findings)
    final = config.commitment(settings, family.assets, profile, amounts=True)
    findings.check(
        last.assets_after == final,
        "total-mismatch",
        "the last batch ends at the commitment of the published totals",
        "the last batch does not end at the totals in the config",
        about=About.TOTALS,
        expected=f"{final:064x}",
        computed=f"{last.assets_after:064x}",
    )
    return ProvenSet(
        settings, profile, columns, len(places), last.root_after, last.high, keys, bool(keys)
    )


def _check_debts(settings: Config) -> None:
    for asset in settings.assets:
        if asset.debt > asset.equity:
            raise Invalid(
                "debt-exceeds-equity",
                "the total debt in an asset is larger than the total equity",
                where=f"asset {asset.index} ({asset.symbol[:20]})",
                expected=str(asset.equity),
                computed=str(asset.debt),
            )


def _profile(
    settings: Config,
    family: Family,
    table: Document,
    columns: Columns,
    places: Sequence[int],
) -> Profile:
    """The profile in which the config without its totals gives the first batch's commitment.

    Where none does, the first one: `_beginning` then says what is wrong. Raises Malformed where
    the config has more assets than any profile.
    """
    highest = settings.assets[-1].index
    fitting = [profile for profile in family.profiles if highest < profile.slots]
    if not fitting:
        raise Malformed("index-range", f"there is no asset {highest}", where=config.LIST)
    if len(fitting) == 1:
        return fitting[0]
    with table.open() as stream:
        row = next(rows.at_places(stream, places[:1], columns, 0, table.limits))
    for profile in fitting:
        start = config.commitment(settings, family.assets, profile, amounts=False)
        if start == row.link.assets_before:
            return profile
    return fitting[0]


def _source(table: Document) -> str | bytes:
    return str(table.path) if table.path is not None else table.data


def _tiers(settings: Config) -> tuple[int | None, ...]:
    return settings.tiers or (ONE_KEY,)


def _first_task(
    table: Document,
    columns: Columns,
    places: Sequence[int],
    profile: Profile,
    settings: Config,
) -> batches.Task:
    return batches.Task(
        _source(table), 0, (places[0],), columns, profile.block, _tiers(settings), (), False
    )


def _beginning(
    first: Link, settings: Config, family: Family, profile: Profile
) -> list[tuple[str, str]]:
    """What is wrong with the state before the first batch."""
    wrong = []
    if first.low is None:
        if first.root_before != empty_root(family.assets, profile):
            wrong.append(("chain-broken", "the first batch does not begin with the empty tree"))
    elif first.low != 0:
        wrong.append(("batch-order", "the first batch does not begin with account 0"))
    if first.assets_before != config.commitment(settings, family.assets, profile, amounts=False):
        text = "the first batch does not begin with no totals at the prices of the config"
        if not family.fixed:
            tried = ", ".join(map(str, family.slots_tried))
            text += f" ({tried} asset slots tried; name another number: --given asset_counts=N)"
        wrong.append(("config-mismatch", text))
    return wrong


def _parts(
    table: Document,
    columns: Columns,
    places: Sequence[int],
    profile: Profile,
    settings: Config,
    keys: tuple[Key, ...],
    given: Given,
    findings: Findings,
) -> Link:
    """Runs all parts and joins them to one chain; the state after the last batch."""
    execution = given.execution
    tiers = _tiers(settings)
    pairs = tuple((key.tier, key.data) for key in keys)
    sizes = [(i, min(batches.ROWS, len(places) - i)) for i in range(0, len(places), batches.ROWS)]
    hashes = [key.sha256 for key in keys]
    path = execution.journal if keys else None
    journal = Journal.of(
        path, table.sha256 if path else "", hashes, tiers, profile.block, columns.names
    )
    verified = journal.verified(sizes)
    broken = findings.violations
    verifying = bool(keys)
    last: Link | None = None
    todo = batches.tasks(
        _source(table), places, columns, profile.block, tiers, pairs, verified, proofs=verifying
    )
    done = 0
    for part in execution.map(batches.run, todo):
        problems = list(part.problems)
        if last is not None and (wrong := batches.joins(last, part.begin)):
            problems.insert(0, batches.Problem(part.first, *wrong))
        for problem in problems:
            # A batch without its proof is one whose part of the totals nothing shows.
            findings.violation(problem.reason, problem.text, f"batch {problem.number}")
        if verifying and not part.problems and part.first not in verified:
            journal.note(part.first, part.count)
        last = part.end
        done += part.count
        execution.progress("verifying", done, len(places), "batches")
    assert last is not None
    findings.about(About.TOTALS)
    if findings.violations == broken:
        count = f"{len(places):,} batch{'es' if len(places) != 1 else ''}"
        findings.passed("chain", f"{count}: each continues from the one before", about=About.TOTALS)
        if verifying:
            findings.passed("proofs", f"{count}: every zk proof verifies", about=About.PROOF)
    return last
