"""`start EXCHANGE`: what to fetch and from where, what to run, what you will see, and why a
balance can differ from the one remembered.

Everything said is data: the schemes' own texts (where, assurance, facts), the exchange's profile
(exchanges/profiles/) and the reasons in exchanges/why_different.json; each with when it was looked
at and how certain it is. Nothing is fetched. Source: shared/ux.md section 4; issue 8, item 6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from merkle_por.callable_module import make_callable
from merkle_por.clock import now
from merkle_por.errors import UsageError
from merkle_por.exchange_profiles import CERTAIN, Profile, Stated, find_profile, profiles
from merkle_por.exchanges import schemes
from merkle_por.scheme import FactKind, Kind, Scheme
from merkle_por.version import __version__

SCHEMA = "merkle-por/start/1"
_GENERAL = ("any", "chain", "")
_COMMANDS = {
    Kind.PROOF: "verify",
    Kind.LEDGER: "audit",
    Kind.RESERVES: "reserves",
    Kind.RATIO: "solvency",
}
_ORDER = (Kind.PROOF, Kind.LEDGER, Kind.RESERVES, Kind.RATIO)


@dataclass(frozen=True)
class Note:
    """One text. certain: how far it was established, in words; seen: when, YYYY-MM."""

    text: str
    certain: str
    seen: str


@dataclass(frozen=True)
class Way:
    """One format of the exchange in three steps.

    fetch: what to get and from where (file, root, other facts); run: the command; given: facts it
    also takes, (option, what it is); see: what the outcome says; cannot: what it can't.
    """

    format: str
    title: str
    kind: Kind
    used: str
    current: bool
    fetch: tuple[tuple[str, Note], ...]
    run: str
    given: tuple[tuple[str, str], ...]
    see: tuple[tuple[str, str], ...]
    cannot: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """All that a customer of one exchange needs to begin. differs: why a balance can differ."""

    exchange: str
    name: str
    ways: tuple[Way, ...]
    differs: tuple[tuple[str, Note], ...]
    notes: tuple[Note, ...] = ()
    in_scope: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The document `merkle-por/start/1` (see schemas/)."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "time": now(),
            "exchange": self.exchange,
            "name": self.name,
            "in_scope": self.in_scope,
            "ways": [_way_document(way) for way in self.ways],
            "differs": [{"id": id, **_note_document(note)} for id, note in self.differs],
            "notes": [_note_document(note) for note in self.notes],
        }


def start(exchange: str) -> Start:
    """The first steps at one exchange. Raises UsageError for one that nothing is known of."""
    wanted = exchange.strip().lower()
    profile = find_profile(wanted)
    id = profile.id if profile else wanted
    own = [scheme for scheme in schemes() if _belongs(scheme, id, wanted)]
    if profile is not None:
        listed = {*profile.formats, *profile.lists}
        own += [s for s in schemes() if s.id in listed and s not in own]
    if not own and profile is None:
        raise _unknown(wanted)
    found = [_way(scheme, profile) for scheme in own]
    if profile is not None and not any(w.current and w.kind is Kind.PROOF for w in found):
        found += _typed(profile)
    ways = sorted(found, key=lambda way: _rank(way, profile))
    name = profile.name if profile else own[0].exchange_name
    return Start(
        exchange=id,
        name=name,
        ways=tuple(ways),
        differs=tuple(_differs(profile)),
        notes=tuple(_places(profile, own)) + _profile_notes(profile),
        in_scope=profile.in_scope if profile and profile.in_scope != "-" else None,
    )


def known_exchanges() -> list[tuple[str, str]]:
    """(id, name) of every exchange that `start` knows, by id."""
    found = {s.exchange: s.exchange_name for s in schemes() if _one_exchange(s)}
    found |= {profile.id: profile.name for profile in profiles()}
    return sorted(found.items())


def _one_exchange(scheme: Scheme) -> bool:
    return scheme.exchange_name not in ("the exchange", "the list", "the chain") and not (
        scheme.exchange_name.startswith("the ")
    )


def _belongs(scheme: Scheme, id: str, wanted: str) -> bool:
    names = {scheme.exchange, scheme.exchange_name.lower(), *scheme.also}
    return _one_exchange(scheme) and bool(names & {id, wanted})


def _unknown(wanted: str) -> UsageError:
    import difflib

    ids = [id for id, _ in known_exchanges()]
    close = difflib.get_close_matches(wanted, ids, 1)
    hint = f"did you mean: merkle-por start {close[0]}" if close else "all known: merkle-por start"
    return UsageError(f'nothing is known of "{wanted[:40]}"', hint)


def _rank(way: Way, profile: Profile | None) -> tuple[bool, int, int, str]:
    """In use first, proofs before lists, and those in the order of the profile."""
    order = () if profile is None else (*profile.formats, *profile.lists)
    place = order.index(way.format) if way.format in order else len(order)
    return not way.current, _ORDER.index(way.kind), place, way.format


def _typed(profile: Profile) -> Iterable[Way]:
    """Where no file of a customer's is known: published totals against listed wallets, typed."""
    if profile.in_scope == "-":
        return  # no totals are published
    owed = {"liabilities": {"BTC": "1.5"}}
    held = {"reserves": [{"asset": "BTC", "amount": "1.6"}]}
    name = f"{profile.id}.json"
    places = [
        ("owed", profile.liabilities_from),
        (f"into {name}", replace(profile.liabilities_from, text=json.dumps(owed))),
        ("held", profile.list_from),
        ("into list.json", replace(profile.list_from, text=json.dumps(held))),
    ]
    yield Way(
        format="solvency",
        title="Published totals against published wallets, typed by you",
        kind=Kind.RATIO,
        used=profile.how_often,
        current=True,
        fetch=tuple(
            (what, Note(stated.text, CERTAIN[stated.certain], stated.seen))
            for what, stated in places
        ),
        run=f"merkle-por solvency --liabilities {name} --reserves list.json "
        f"--exchange {profile.id}",
        given=(("--prices FILE", 'prices, for a line in USD: {"BTC": "94207.31"}'),),
        see=(
            ("covered", "per asset, what is held of what is owed, on the exchange's own figures"),
            ("proven", "0.00 %: a typed figure proves nothing; UNCONFIRMED is the best there is"),
        ),
        cannot=("That anybody's balance is in the total.", "That the coins are there."),
    )


def _way(scheme: Scheme, profile: Profile | None) -> Way:
    where = scheme.where
    fetch = [("file", Note(f"{scheme.file_name}: {where.file}", where.certain, where.seen))]
    if "root" in scheme.facts:
        root = where.root.replace("{audit}", "your audit")
        fetch.append(("root", Note(root, where.certain, where.seen)))
    assurance = scheme.assurance
    return Way(
        format=scheme.id,
        title=scheme.title,
        kind=scheme.kind,
        used=scheme.used,
        current=re.search(r"\bnow\b", scheme.used) is not None
        or (profile is not None and scheme.id in profile.lists),
        fetch=tuple(fetch),
        run=_run(scheme),
        given=tuple(
            (_option(name, fact.kind), fact.text)
            for name, fact in scheme.facts.items()
            if name != "root"
        ),
        see=(("included", assurance.included), ("totals", assurance.totals)),
        cannot=assurance.cannot,
    )


def _option(name: str, kind: FactKind) -> str:
    if kind is FactKind.SECRET:
        return f"--given {name}"  # asked for without echo
    return f"--given {name}={'FILE' if kind in (FactKind.FILE, FactKind.FILES) else '...'}"


def _run(scheme: Scheme) -> str:
    """The command with what can't be left out: the root, and secrets (asked for unseen). The file
    by its name, where it always has the same."""
    secrets = [
        _option(name, fact.kind)
        for name, fact in scheme.facts.items()
        if fact.kind is FactKind.SECRET and scheme.kind is Kind.PROOF
    ]
    root = [scheme.where.given or "--root HEX"] if "root" in scheme.facts else []
    file = scheme.file_name if re.fullmatch(r"[a-z_.-]+", scheme.file_name, re.I) else "FILE"
    return " ".join(["merkle-por", _COMMANDS[scheme.kind], file, *root, *secrets])


def _places(profile: Profile | None, own: Iterable[Scheme]) -> Iterable[Note]:
    """Where the exchange itself says its files are, where the formats' own texts don't."""
    if profile is None:
        return
    kinds = {scheme.kind for scheme in own}
    yield _stated("Your file", profile.liabilities_from)
    yield _stated("Its root", profile.root_from)
    if Kind.RESERVES in kinds or profile.lists:
        yield _stated("Its wallets", profile.list_from)
    yield Note(
        f"The ratio on its own page: {profile.ratio_shown}.",
        CERTAIN["own-page"],
        profile.compiled,
    )


def _stated(label: str, stated: Stated) -> Note:
    return Note(f"{label}: {stated.text}", CERTAIN[stated.certain], stated.seen)


def _profile_notes(profile: Profile | None) -> tuple[Note, ...]:
    notes = () if profile is None else profile.notes
    return tuple(Note(note.text, CERTAIN[note.certain], note.seen) for note in notes)


def _differs(profile: Profile | None) -> Iterable[tuple[str, Note]]:
    """Why a balance can differ, with what is known of this exchange's loans."""
    text = files("merkle_por.exchanges").joinpath("why_different.json").read_text("utf-8")
    data = json.loads(text)
    for reason in data["reasons"]:
        yield reason["id"], Note(reason["text"], CERTAIN[reason["certain"]], reason["seen"])
    net = None if profile is None else profile.net_of_debt
    word = {True: "net", False: "gross", None: "unknown"}[net]
    certain = CERTAIN["unknown"] if net is None else "compiled from its program and its pages"
    seen = profile.compiled if profile else data["compiled"]
    yield "loans", Note(data["loans"][word], certain, seen)


def _note_document(note: Note) -> dict[str, str]:
    return {"text": note.text, "certain": note.certain, "seen": note.seen}


def _way_document(way: Way) -> dict[str, Any]:
    return {
        "format": way.format,
        "title": way.title,
        "kind": way.kind.value,
        "used": way.used,
        "current": way.current,
        "fetch": [{"what": what, **_note_document(note)} for what, note in way.fetch],
        "run": way.run,
        "given": [{"option": option, "text": text} for option, text in way.given],
        "see": [{"what": what, "text": text} for what, text in way.see],
        "cannot": list(way.cannot),
    }


make_callable(__name__, __name__, "start")
