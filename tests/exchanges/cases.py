"""One vector by its name, with the facts of its manifest, judged through the public API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vectorfiles

import merkle_por
from merkle_por.recognise import by_id
from merkle_por.scheme import FactKind
from merkle_por.verdict import Verdict


def judged(source: Any, given: Mapping[str, Any] | None = None, **more: Any) -> Verdict:
    """The one verdict on one file (a path or bytes)."""
    return merkle_por.verify(source, given=given, **more).proofs[0]


def entry(side: str, folder: str, name: str) -> tuple[Path, dict[str, Any]]:
    """One vector: its file, and the facts to give (paths in them made absolute).

    Skips the calling test where the file is absent.
    """
    path = vectorfiles.file(side, folder, name)
    item = next(e for e in vectorfiles.manifest(side, folder) if e.files[0].name == name)
    facts = by_id(item.format).facts
    given = dict(item.data.get("args") or {})
    for key, value in given.items():
        if key in facts and facts[key].kind is FactKind.FILE and isinstance(value, str):
            given[key] = str(item.folder / value)
    return path, given


def of(side: str, folder: str, name: str, scheme: str, **more: Any) -> Verdict:
    """The verdict on one vector with the facts of its manifest, and `more` of them."""
    path, given = entry(side, folder, name)
    return judged(path, {**given, **more}, scheme=scheme)
