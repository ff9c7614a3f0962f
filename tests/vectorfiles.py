"""Finds test vectors: ours in vectors/ (else ../shared/vectors/made), others' in ../shared.

Files published by others are read in place, never copied into the project; where they are
absent, tests that need them skip and say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
OURS = PROJECT / "vectors" / "made"
SHARED = PROJECT.parent / "shared" / "vectors"


@dataclass(frozen=True)
class Entry:
    """One entry of a manifest, with the folder that its paths are relative to."""

    folder: Path
    side: str  # made | peer
    data: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        names = self.data.get("files") or [self.data["file"]]
        return [self.folder / name for name in names]

    @property
    def format(self) -> str:
        return str(self.data["format"])

    @property
    def name(self) -> str:
        args = self.data.get("args") or {}
        extra = f":{args['mutation']}" if "mutation" in args else ""
        inside = "/".join(self.folder.parts[self.folder.parts.index(self.side) + 1 :])
        file = (self.data.get("files") or [self.data["file"]])[0]
        return f"{self.side}/{inside}/{file}{extra}"


def folder(side: str, name: str) -> Path:
    """The folder of one manifest; it may not exist (peer data on a machine without ../shared)."""
    if side == "made" and (OURS / name).exists():
        return OURS / name
    return SHARED / side / name


def file(side: str, name: str, file: str) -> Path:
    """One vector file; skips the calling test where it is absent."""
    path = folder(side, name) / file
    if not path.exists():
        import pytest

        pytest.skip(f"{side}/{name}/{file} is not on this machine (../shared/vectors)")
    return path


@cache
def manifest(side: str, name: str) -> tuple[Entry, ...]:
    """All entries of one manifest, () where the folder is absent."""
    where = folder(side, name)
    path = where / "manifest.json"
    if not path.exists():
        return ()
    return tuple(Entry(where, side, item) for item in json.loads(path.read_text()))


def all_entries() -> Iterator[Entry]:
    """Every entry of every manifest there is, ours first."""
    for side, roots in (("made", (OURS, SHARED / "made")), ("peer", (SHARED / "peer",))):
        # Large formats have a folder of several, each with its manifest.
        names = {
            str(path.parent.relative_to(root))
            for root in roots
            for path in root.rglob("manifest.json")
        }
        for name in sorted(names):
            yield from manifest(side, name)
