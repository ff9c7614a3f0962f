"""Roots and keys kept from last time: trust on first sight, written down with where it was seen.

A pin ties (exchange, snapshot, name) to one value, e.g. the root of an audit or the fingerprint of
a verifying key. A proof file can never make a pin: only the user does (`merkle-por pins add`),
and a value that changes for the same snapshot is shown, never replaced silently. The file is
`pins.json` in the user's data folder (MERKLE_POR_HOME, else XDG_DATA_HOME, else ~/.local/share),
schema `merkle-por/pins/1`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from merkle_por.clock import now
from merkle_por.documents import Document, Fields, exists, readable
from merkle_por.errors import Malformed, UsageError
from merkle_por.scheme import normal_hash

SCHEMA = "merkle-por/pins/1"
HASH_DIGITS = (16, 32, 40, 64)
TEXT_CHARS = 2000


@dataclass(frozen=True)
class Pin:
    """One kept value. snapshot: the audit's id as the files name it, "" for keys of all audits.
    name: the fact's name (root, vk_sha256...). seen: where the user saw it, in his words."""

    exchange: str
    snapshot: str
    name: str
    value: str
    seen: str
    added: str


def default_path() -> Path:
    """Where pins are kept on this machine."""
    home = os.environ.get("MERKLE_POR_HOME")
    if home:
        return Path(home) / "pins.json"
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "merkle-por" / "pins.json"


def load(path: Path | None = None) -> tuple[Pin, ...]:
    """All pins, () where there is no file yet. Raises UsageError for a damaged file."""
    path = path or default_path()
    if not exists(path):
        return ()
    try:
        top = Fields(Document.of(path).json, "").only("schema", "pins")
        if top.text("schema") != SCHEMA:
            raise UsageError(f"{path}: not a file of pins that this version reads")
        rows = [Fields(row, f"pins[{i}]") for i, row in enumerate(top.array("pins"))]
        names = ("exchange", "snapshot", "name", "value", "seen", "added")
        return tuple(Pin(*(row.only(*names).text(name) for name in names)) for row in rows)
    except Malformed as error:
        raise UsageError(f"{path}: {error}", "mend the file, or move it away") from None


def find(pins: tuple[Pin, ...], exchange: str, snapshot: str | None, name: str) -> Pin | None:
    """The pin of that exchange, snapshot and name; None where there is none."""
    for pin in pins:
        if (pin.exchange, pin.snapshot, pin.name) == (exchange, snapshot or "", name):
            return pin
    return None


def add(
    exchange: str, snapshot: str, value: str, *, name: str, seen: str, path: Path | None = None
) -> Pin:
    """Keeps a value. Raises UsageError where another value is pinned for the same snapshot."""
    path = path or default_path()
    pins = load(path)
    value = normal_hash(value, name, HASH_DIGITS)
    for text in (exchange, snapshot, name, seen):
        # What could not be read back would spoil the whole file.
        if readable(text) != text or len(text) > TEXT_CHARS:
            raise UsageError(f"a pin holds texts of up to {TEXT_CHARS} characters, in UTF-8")
    known = find(pins, exchange, snapshot, name)
    if known is not None and known.value != value:
        raise UsageError(
            f"another {name} is pinned for {exchange} {snapshot}: {known.value}",
            f"it was seen at: {known.seen}, on {known.added}",
            "an audit has one root; if the old pin was a mistake, remove it first: "
            f"merkle-por pins remove {exchange} {snapshot}",
        )
    if known is not None:
        return known
    pin = Pin(exchange, snapshot, name, value, seen, now())
    _save((*pins, pin), path)
    return pin


def remove(exchange: str, snapshot: str, *, name: str, path: Path | None = None) -> Pin:
    """Forgets a value. Raises UsageError where nothing is pinned."""
    path = path or default_path()
    pins = load(path)
    known = find(pins, exchange, snapshot, name)
    if known is None:
        raise UsageError(f"no {name} is pinned for {exchange} {snapshot}")
    _save(tuple(pin for pin in pins if pin != known), path)
    return known


def _save(pins: tuple[Pin, ...], path: Path) -> None:
    import tempfile

    target = Path(os.path.realpath(path))  # a link stays a link
    text = json.dumps({"schema": SCHEMA, "pins": [asdict(pin) for pin in pins]}, indent=1)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and moved into place: a crash leaves the old file whole.
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pins-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text + "\n")
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
