"""What a builder is: one scheme's way from an exchange's books to its published files.

A builder gets the books, the options that its scheme has, randomness and an output, writes all
files and answers what it made. It knows its scheme's preimages from merkle_por/exchanges, so that
a tree is built with the very functions that check it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from merkle_por.build.output import Output
from merkle_por.build.randomness import Randomness
from merkle_por.build.rows import Ledger, Rules
from merkle_por.errors import UsageError
from merkle_por.execution import Progress, silent
from merkle_por.verdict import Caution

TEXT_CHARS = 200
PROGRESS_STEP = 1 << 14  # items between two words to the progress bar
BLOCK = 1 << 16  # nodes hashed or written at once


class Options:
    """The caller's options by name. Raises UsageError for a name or value that doesn't fit."""

    def __init__(self, values: Mapping[str, Any], known: Mapping[str, str], scheme: str) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        for name in self._values:
            if name not in known:
                takes = ", ".join(sorted(known)) or "none"
                raise UsageError(f'"{name}" is not an option of {scheme}', f"it takes: {takes}")

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within [low, high]; required where there is no default."""
        value = self._values.get(name, default)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            value = int(value)
        if value is None:
            raise UsageError(f"{name} is needed", f"--given {name}=NUMBER")
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UsageError(f"{name} must be a whole number from {low} to {high}")
        return value

    def text(self, name: str, default: str | None = None) -> str | None:
        """A short printable text."""
        value = self._values.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= TEXT_CHARS:
            raise UsageError(f"{name} must be a text of 1 to {TEXT_CHARS} characters")
        if not value.isprintable():
            raise UsageError(f"{name} has characters that can't be printed")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of several words, the first by default."""
        value = self.text(name, allowed[0])
        assert value is not None
        if value not in allowed:
            raise UsageError(f"{name} is one of {', '.join(allowed)}")
        return value

    def file(self, name: str) -> Path | None:
        """A path."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str | Path):
            raise UsageError(f"{name} must be a path")
        return None if value is None else Path(value)


@dataclass(frozen=True)
class Task:
    """What a builder is given."""

    ledger: Ledger
    options: Options
    random: Randomness
    output: Output
    progress: Progress = silent

    def watched(self, what: str, items: Iterable[int], total: int, unit: str) -> Iterable[int]:
        """The items, with a word to the progress bar now and then."""
        for done, item in enumerate(items):
            if not done % PROGRESS_STEP:
                self.progress(what, done, total, unit)
            yield item

    def index_users(self, suffix: str) -> None:
        """Writes accounts.csv: which file belongs to which account."""
        from merkle_por.build.output import user_name

        with self.output.secret("accounts.csv") as writer:
            writer.write(b"account,file\n")
            accounts = self.ledger.accounts
            for first in range(0, len(accounts), BLOCK):
                writer.write(
                    "".join(
                        f"{account},{user_name(number, suffix)}\n"
                        for number, account in enumerate(accounts[first : first + BLOCK], first)
                    ).encode()
                )


@dataclass(frozen=True)
class Made:
    """What a builder made.

    root: lower-case hex. leaves: how many the tree has, padding aside. levels: of the tree with
    leaves and root. format: the scheme that checks the published files, where that is another
    id. snapshot: what names this audit in the files. dummies: leaves that are nobody's. sums:
    whether the tree holds them. warnings: what the exchange must know.
    """

    root: str
    leaves: int
    levels: int
    format: str | None = None
    snapshot: str | None = None
    dummies: int = 0
    sums: bool = True
    warnings: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class Builder:
    """One scheme's builder. options: name -> what it is, for `--help` and errors.

    prepare: checks the options before anything is read, so that a typing error costs nothing.
    """

    id: str
    title: str
    rules: Rules
    options: Mapping[str, str]
    prepare: Callable[[Options], object]
    make: Callable[[Task], Made]
