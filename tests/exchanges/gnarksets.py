"""Proof sets of the vectors for tests: the facts of a manifest's entry, and copies to change."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vectorfiles

import merkle_por
from merkle_por.execution import Execution
from merkle_por.verdict import Verdict


def entries(format_: str, part: str) -> tuple[vectorfiles.Entry, ...]:
    """All entries of one folder of a format ("audit", "user"...)."""
    found = vectorfiles.manifest("made", f"{format_}/{part}")
    if not found:
        import pytest

        pytest.skip(f"made/{format_}/{part} is not on this machine (../shared/vectors)")
    return found


def facts(entry: vectorfiles.Entry, **more: Any) -> dict[str, Any]:
    """The entry's args with absolute paths, as the caller would give them."""
    given = dict(entry.data.get("args") or {})
    for name in ("config", "proof"):
        if isinstance(given.get(name), str):
            given[name] = str(entry.folder / given[name])
    keys = given.get("verifying_keys") or {}
    given["verifying_keys"] = {tier: str(entry.folder / path) for tier, path in keys.items()}
    return {**given, **more}


def named(format_: str, part: str, file: str) -> vectorfiles.Entry:
    return next(e for e in entries(format_, part) if e.data["file"] == file)


def audited(format_: str, name: str, execution: Execution | None = None, **more: Any) -> Verdict:
    """The verdict on the set in audit/NAME."""
    entry = named(format_, "audit", f"{name}/proof.csv")
    result = merkle_por.audit(
        entry.files[0], scheme=format_, given=facts(entry, **more), execution=execution
    )
    return result.verdict


def copied(format_: str, name: str, to: Path) -> Path:
    """A writable copy of the set's folder."""
    entry = named(format_, "audit", f"{name}/proof.csv")
    folder = to / name
    shutil.copytree(entry.files[0].parent, folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def rewritten(path: Path, change: Callable[[list[dict[str, str]]], object]) -> None:
    """Changes the rows of a proof table in place."""
    reader = csv.DictReader(io.StringIO(path.read_text()))
    rows = list(reader)
    columns = list(reader.fieldnames or ())
    change(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue())
