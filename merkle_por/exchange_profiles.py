"""What is known of each exchange's publications: where, in which layout, how certain, since when.

Data: exchanges/profiles/ID.json, one file an exchange. Nothing here is fetched or believed by the
program: texts tell a person where to look; own tokens and names serve the tables. Each text says
how far it was established (`certain`): program-run (the official program was run), own-page (read
in the exchange's or its auditor's own pages or repository), third-party, unknown.
Source: specs/reserve-files.md, solvency-ratio.md, public-text-notes.md; ux.md section 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA = "merkle-por/profile/1"
CERTAIN = {
    "program-run": "the official program was run",
    "own-page": "read on the exchange's or its auditor's own page or repository",
    "third-party": "from a third party's notes, not seen by us",
    "unknown": "not established",
}
_STATED = ("list", "liabilities", "root")


@dataclass(frozen=True)
class Stated:
    """One text with how far it was established and when it was looked at (YYYY-MM)."""

    text: str
    certain: str
    seen: str


@dataclass(frozen=True)
class Profile:
    """One exchange. id: as schemes and histories name it.

    own_tokens: issued by the exchange itself; affiliated: by its owners or sister companies. lists,
    formats: ids of `merkle-por formats` for its wallet lists and its customers' files. signed: yes,
    partly, no, by script. messages: what its addresses sign. chains: names of chains its lists use.
    net_of_debt: whether liabilities are net of loans to users; None where not known.
    *_from: where the list, the customer's file and the root are found. ratio_shown, in_scope: what
    its own page shows.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    own_tokens: tuple[str, ...]
    affiliated: tuple[str, ...]
    lists: tuple[str, ...]
    formats: tuple[str, ...]
    signed: str
    how_often: str
    messages: tuple[str, ...]
    chains: tuple[str, ...]
    list_from: Stated
    liabilities_from: Stated
    root_from: Stated
    ratio_shown: str
    in_scope: str
    net_of_debt: bool | None
    notes: tuple[Stated, ...]
    compiled: str


@cache
def profiles() -> tuple[Profile, ...]:
    """All exchanges there are profiles of, by id."""
    folder = files("merkle_por.exchanges").joinpath("profiles")
    found = [
        _profile(json.loads(file.read_text("utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".json")
    ]
    return tuple(sorted(found, key=lambda profile: profile.id))


def find_profile(name: str) -> Profile | None:
    """The profile of an exchange by its id, name or another name it goes by; without case."""
    wanted = name.strip().lower()
    for profile in profiles():
        if wanted in (profile.id, profile.name.lower(), *profile.aliases):
            return profile
    return None


def _profile(data: Mapping[str, Any]) -> Profile:
    if data["schema"] != SCHEMA:
        raise ValueError(f"not a profile: {data['schema']}")
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in data.items()
        if name not in ("schema", "ratio", "notes", *_STATED)
    }
    fields |= {f"{name}_from": Stated(**data[name]) for name in _STATED}
    return Profile(
        **fields,
        ratio_shown=data["ratio"]["shown"],
        in_scope=data["ratio"]["in_scope"],
        notes=tuple(Stated(**note) for note in data["notes"]),
    )
