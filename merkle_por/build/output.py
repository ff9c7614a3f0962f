"""Writing a build: beside its final place, and moved there in one step when all is written.

    OUT/build.json      what was built (no secrets)
    OUT/published/      what the exchange makes public
    OUT/private/        mode 0700: accounts.csv (which file is whose) and users/, files of mode 0600

A full disk, a signal or a kill leaves nothing under OUT: what exists there is complete, or is the
former build. A killed program can leave a folder `.OUT.part-...` beside it, which may go.
An existing OUT is replaced only if asked for and only if it is itself a build (or empty).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from merkle_por.errors import UsageError

PUBLISHED, PRIVATE, USERS = "published", "private", "users"
SUMMARY = "build.json"
SUMMARY_SCHEMA = "merkle-por/build/1"
FOLDER_FILES = 1000  # user files in one folder: file managers and some file systems want few
_SUMMARY_BYTES = 1 << 24
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Published:
    """One public file: its name in OUT, bytes, SHA-256 (64 hex digits)."""

    name: str
    bytes: int
    sha256: str


class Writer:
    """A file being written: counts and hashes on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._sha256.update(data)
        self.bytes += len(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


def create(path: Path, mode: int) -> BinaryIO:
    """A new file, never through a link or over another one."""
    return os.fdopen(os.open(path, _NEW, mode), "wb", buffering=1 << 18)


def write_new(path: str, mode: int, data: bytes) -> None:
    """As `create`, all of a small file at once: there may be millions."""
    descriptor = os.open(path, _NEW, mode)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


@dataclass
class Output:
    """One build in the making; a context that cleans up unless `place` was reached.

    Raises UsageError where it may not or can't be written.
    """

    out: Path
    force: bool = False
    published: list[Published] = field(default_factory=list)
    private_files: int = 0
    private_bytes: int = 0
    placed: bool = False

    def __enter__(self) -> Output:
        self.out = Path(os.path.abspath(self.out))
        self.check_free()
        token = secrets.token_hex(8)
        self._part = self.out.with_name(f".{self.out.name}.part-{token}")
        self._private = str(self._part / PRIVATE)
        with self._errors():
            if not self.out.parent.is_dir():
                raise UsageError(f"{self.out.parent}: no such folder")
            self._part.mkdir(mode=0o700)
            try:
                (self._part / PUBLISHED).mkdir()
                (self._part / PRIVATE).mkdir(mode=0o700)
                (self._part / PRIVATE / USERS).mkdir(mode=0o700)
            except OSError:
                self._drop()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.placed:
            self._drop()
        if isinstance(error, OSError):
            raise self._cannot(error) from error

    @contextmanager
    def public(self, name: str) -> Iterator[Writer]:
        """A file of OUT/published to write into; forced to disk when it is complete."""
        with create(self._part / PUBLISHED / name, 0o644) as stream:
            writer = Writer(stream)
            yield writer
            stream.flush()
            os.fsync(stream.fileno())
        self.published.append(Published(f"{PUBLISHED}/{name}", writer.bytes, writer.sha256))

    @contextmanager
    def secret(self, name: str) -> Iterator[Writer]:
        """A file of OUT/private to write into, mode 0600."""
        with create(self._part / PRIVATE / name, 0o600) as stream:
            writer = Writer(stream)
            yield writer
        self.private_files += 1
        self.private_bytes += writer.bytes

    def user(self, number: int, suffix: str, data: bytes) -> None:
        """One file of user number `number` (see `user_name`), mode 0600."""
        path = f"{self._private}/{user_name(number, suffix)}"
        try:
            write_new(path, 0o600, data)
        except FileNotFoundError:
            os.mkdir(os.path.dirname(path), 0o700)
            write_new(path, 0o600, data)
        self.private_files += 1
        self.private_bytes += len(data)

    def place(self, summary: bytes) -> None:
        """Writes the summary and moves everything to its final place. Raises UsageError."""
        with self._errors():
            with create(self._part / SUMMARY, 0o644) as stream:
                stream.write(summary)
                stream.flush()
                os.fsync(stream.fileno())
            self._part.chmod(0o755)
            former = self._set_aside()
            try:
                os.rename(self._part, self.out)
            except BaseException:  # a signal as well
                if former is not None:
                    os.rename(former, self.out)
                raise
            self.placed = True
            if former is not None:
                shutil.rmtree(former)

    def _set_aside(self) -> Path | None:
        """Moves a former build away; where it went, None where there was none."""
        self.check_free()
        if not self.out.exists():
            return None
        if not any(self.out.iterdir()):
            self.out.rmdir()
            return None
        former = self.out.with_name(f".{self.out.name}.old-{secrets.token_hex(8)}")
        os.rename(self.out, former)
        return former

    def check_free(self) -> None:
        """Refuses an OUT that holds anything but an earlier build to replace."""
        out = Path(os.path.abspath(self.out))
        if not os.path.lexists(out):
            return
        if out.is_symlink() or not out.is_dir():
            raise UsageError(f"{out}: exists and is not a folder", "name a new folder")
        with self._errors():
            empty = not any(out.iterdir())
        if empty:
            return
        if not is_build(out):
            raise UsageError(
                f"{out}: holds other files, and no earlier build to replace", "name a new folder"
            )
        if not self.force:
            raise UsageError(
                f"{out}: holds an earlier build", "to replace it and the secrets in it: --force"
            )

    def _drop(self) -> None:
        shutil.rmtree(self._part, ignore_errors=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._cannot(error) from error

    def _cannot(self, error: OSError) -> UsageError:
        what = (error.strerror or "cannot be written").lower()
        return UsageError(f"{self.out}: {what}; nothing was left there")


def user_name(number: int, suffix: str) -> str:
    """Name of a user's file within OUT/private: users/0012/0012345.json."""
    return f"{USERS}/{number // FOLDER_FILES:04}/{number:07}{suffix}"


def is_build(folder: Path) -> bool:
    """Whether a folder is an earlier build: it has a summary that says so."""
    from merkle_por.documents import Limits, parse_json
    from merkle_por.errors import Malformed

    try:
        with (folder / SUMMARY).open("rb") as stream:
            value = parse_json(stream.read(_SUMMARY_BYTES), Limits())
    except (OSError, Malformed):
        return False
    return isinstance(value, dict) and value.get("schema") == SUMMARY_SCHEMA
