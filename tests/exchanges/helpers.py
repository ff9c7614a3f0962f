"""What the tests of all proof schemes share: runs on files, and the byte-change property."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import vectorfiles
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

import merkle_por
from merkle_por.documents import Document
from merkle_por.exchanges import schemes
from merkle_por.recognise import by_id
from merkle_por.scheme import FactKind
from merkle_por.verdict import State, Verdict


def entry(side: str, folder: str, file: str) -> tuple[Path, dict[str, Any]]:
    """One file of a manifest and the facts given with it (paths in them made absolute).

    Skips the calling test where the file is absent.
    """
    path = vectorfiles.file(side, folder, file)
    found = next(
        item
        for item in vectorfiles.manifest(side, folder)
        if item.data.get("file") == file and "files" not in item.data
    )
    facts = by_id(found.format).facts
    given = dict(found.data.get("args") or {})
    for name, value in given.items():
        if name in facts and facts[name].kind is FactKind.FILE and isinstance(value, str):
            given[name] = str(found.folder / value)
    return path, given


def judged(
    source: Any, given: Mapping[str, Any] | None = None, scheme: str | None = None, **more: Any
) -> Verdict:
    """The one verdict on one file: a path, bytes, or a JSON value."""
    if isinstance(source, dict | list):
        source = json.dumps(source).encode()
    verdict: Verdict = merkle_por.verify(source, scheme=scheme, given=given, **more).proofs[0]
    return verdict


def of(side: str, folder: str, file: str, scheme: str | None = None, **more: Any) -> Verdict:
    """The verdict on a manifest's file with the facts that the manifest gives, and `more`."""
    path, given = entry(side, folder, file)
    return judged(path, {**given, **more}, scheme)


def wrongly_accepted(side: str, folder: str) -> list[vectorfiles.Entry]:
    """Entries that the exchange's own program accepts although they are not to be believed."""
    accepts = ("accept", "pass")
    return [
        entry
        for entry in vectorfiles.manifest(side, folder)
        if entry.data["expect"] != "valid"
        and str(entry.data.get("official")).lower().startswith(accepts)
    ]


def changed(value: Any, change: Callable[[Any], object]) -> Any:
    """A deep copy of a JSON value with `change` applied to it."""
    fresh = copy.deepcopy(value)
    change(fresh)
    return fresh


def recognised(source: Any) -> list[str]:
    """Ids of all schemes whose recogniser answers for a JSON value or bytes."""
    data = source if isinstance(source, bytes) else json.dumps(source).encode()
    document = Document.of(data)
    return [scheme.id for scheme in schemes() if scheme.recognises(document)]


def content(verdict: Verdict) -> tuple[Any, ...]:
    """What a user relies on: own balances, totals, root."""
    account = dict(verdict.account.balances) if verdict.account else None
    return account, dict(verdict.published), verdict.root and verdict.root.value


def changed_bytes_never_valid(
    path: Path, given: Mapping[str, Any], scheme: str | None = None, max_examples: int = 150
) -> None:
    """Any change of one byte of a valid proof is refused, or changes nothing that it says.

    given: the facts (at least the root) under which `path` is valid. Changes that a scheme
    doesn't hash (blanks, an audit's date) may stay valid, with the same balances, totals and root.
    """
    original = path.read_bytes()
    first = merkle_por.verify(original, scheme=scheme, given=given).proofs[0]
    assert first.state is State.VALID, first.sentence
    wanted = content(first)

    @settings(max_examples=max_examples, deadline=None, database=None)
    @hypothesis_given(
        place=st.integers(0, len(original) - 1),
        byte=st.one_of(st.sampled_from(list(b'0123456789abcdef-.,:"eE+ {}')), st.integers(0, 255)),
    )
    def no_other_content(place: int, byte: int) -> None:
        data = original[:place] + bytes([byte]) + original[place + 1 :]
        verdict = merkle_por.verify(data, scheme=scheme, given=given).proofs[0]
        if verdict.state is State.VALID:
            assert content(verdict) == wanted

    no_other_content()
