"""Where a ledger's bytes come from: plain or compressed files, read once to find the lines.

A ledger is read twice. The first pass hashes the file, counts its lines and notes where every
so many of them begin; after it any range of rows can be read on its own, by another thread or
another machine, from nothing but a path and offsets. So that all of them read the same file, each
reader compares it with what the first pass saw: this machine's own file by its identity (device,
inode, size, times of change) and, where it was written just before or is read elsewhere, each
piece by its SHA-256: two changes within one tick of a file system's clock have the same time.
A file that changed or grew is `file-changed`, never a finding about the ledger.

Compressed input (gzip, xz, zstd) is unpacked as a stream into a temporary file, with a cap.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from threading import local
from typing import BinaryIO, cast

from merkle_por.documents import Document, Limits, compression
from merkle_por.errors import Incomplete, Malformed, UsageError
from merkle_por.execution import Progress
from merkle_por.ledger.packed import line_ends
from merkle_por.unpacking import BLOCK, most_unpacked, unpacked

STRIDE = 4096  # rows between two noted places
_NEVER = 1 << 40  # a step that leads out of any text
TICK_NS = 2 * 10**9  # the coarsest clock of a file system (FAT)
IN_MEMORY = 256 << 20  # what is unpacked where no file may be written

Identity = tuple[int, int, int, int, int]


# ---- where tasks read ----


@dataclass(frozen=True)
class Place:
    """What a task needs to read: a path, or the bytes themselves where there is no file.

    identity: what the file's status must be, None where another machine may read it.
    """

    path: str | None
    content: bytes | None = None
    identity: Identity | None = None

    def open(self) -> BinaryIO:
        """A stream. Raises Incomplete file-changed, missing-file."""
        if self.content is not None:
            from io import BytesIO

            return BytesIO(self.content)
        assert self.path is not None
        try:
            stream = open(self.path, "rb")  # noqa: SIM115 -- the caller closes it
        except OSError as error:
            raise Incomplete(
                "missing-file",
                f"the ledger can't be read: {(error.strerror or 'no reason given').lower()}",
                "on several machines it must lie at the same path on each",
            ) from None
        if self.identity is not None and _identity(stream) != self.identity:
            stream.close()
            raise file_changed()
        return stream

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises Incomplete file-changed."""
        return bytes(self.view(offset, length))

    def view(self, offset: int, length: int) -> memoryview:
        """As `read`, in memory that the same thread's next call writes over.

        Fresh memory for each piece would be taken from the system and given back each time.
        """
        if self.content is not None:
            data = memoryview(self.content)[offset : offset + length]
            got = len(data)
        else:
            if len(_own.memory) < length:
                _own.memory = bytearray(length)
            data = memoryview(_own.memory)[:length]
            with self.open() as stream:
                stream.seek(offset)
                got = cast(BufferedReader, stream).readinto(data)  # a short answer is judged below
        if got != length:
            raise file_changed()
        return data


class _Own(local):
    """Memory of one thread that pieces are read into."""

    memory = bytearray()


_own = _Own()


def file_changed() -> Incomplete:
    """The error for a file that is not what it was when its reading began."""
    return Incomplete(
        "file-changed",
        "the file changed while it was read",
        "run it again when nothing writes to the file",
    )


def _identity(stream: BinaryIO) -> Identity:
    status = os.fstat(stream.fileno())
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


class _Hashing:
    """A stream that hashes what is read from it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(size)
        self.digest.update(data)
        return data


@dataclass
class Opened:
    """A ledger to be read.

    own: whether the place is the document's own file, whose hash the first pass then makes.
    guarded: whether readers compare pieces by their SHA-256.
    """

    document: Document
    place: Place
    size: int
    own: bool
    guarded: bool

    def check_unchanged(self) -> None:
        """Raises Incomplete file-changed."""
        if self.place.path is not None:
            stream = Place(self.place.path).open()
            with stream:
                if self._first is not None and _identity(stream) != self._first:
                    raise file_changed()

    _first: Identity | None = None


@contextmanager
def opened(document: Document, limits: Limits, *, shared: bool) -> Iterator[Opened]:
    """As `_opened`; a file that changed gets no hash in the report, since it has no single one."""
    _ = document.size  # as it is now
    try:
        with _opened(document, limits, shared=shared) as ledger:
            yield ledger
    except Incomplete as error:
        if error.reason in ("file-changed", "missing-file"):
            document.__dict__["sha256"] = ""
        raise


@contextmanager
def _opened(document: Document, limits: Limits, *, shared: bool) -> Iterator[Opened]:
    """The ledger's bytes, unpacked where needed; the temporary file goes with the context.

    Raises Malformed (too-big, bad-archive, wrong-type), Incomplete (missing-part), UsageError (no
    room to unpack).
    """
    if document.is_folder:
        raise Malformed("wrong-type", "a folder stands where a file is needed")
    kind = compression(document.head)
    if document.content is not None and document.size > limits.proof_bytes:
        # Standard input is cut off behind this size.
        raise Malformed(
            "too-big",
            f"more than {limits.proof_bytes} bytes that are not in a file",
            "save it to a file first",
        )
    if kind is not None and document.content is not None and not _may_write():
        content = _unpacked_content(document, kind, limits)
        yield Opened(document, Place(None, content), len(content), False, shared)
    elif kind is not None:
        with _unpacked_file(document, kind, limits) as path, open(path, "rb") as stream:
            first = _identity(stream)
            place = Place(path, None, None if shared else first)
            yield Opened(document, place, first[2], False, shared, first)
    elif document.content is not None:
        size = len(document.content)
        yield Opened(document, Place(None, document.content), size, True, shared)
    else:
        path = str(Path(cast(Path, document.path)).absolute())
        with document.open() as file:
            first = _identity(file)
        place = Place(path, None, None if shared else first)
        just_written = max(first[3:]) > time.time_ns() - TICK_NS
        yield Opened(document, place, first[2], True, shared or just_written, first)


def _may_write() -> bool:
    """Whether there is a folder for temporary files (a worker of the web app has none)."""
    from tempfile import TemporaryFile

    try:
        with TemporaryFile():
            return True
    except OSError:
        return False


def _blocks(document: Document, kind: str, cap: int) -> Iterator[bytes]:
    """The unpacked text; the document's hash is made on the way. Raises Malformed."""
    with document.open() as file:
        raw = _Hashing(file)
        written = 0
        for block in unpacked(kind, raw):
            written += len(block)
            if written > cap:
                raise Malformed("too-big", f"unpacked it has more than {cap:,} bytes")
            yield block
        while raw.read(BLOCK):
            pass
    document.__dict__["sha256"] = raw.digest.hexdigest()  # read once, as its property would


def _unpacked_content(document: Document, kind: str, limits: Limits) -> bytes:
    data = bytearray()
    for block in _blocks(document, kind, min(most_unpacked(document, limits), IN_MEMORY)):
        data += block
    return bytes(data)


@contextmanager
def _unpacked_file(document: Document, kind: str, limits: Limits) -> Iterator[str]:
    from tempfile import mkstemp

    try:
        handle, name = mkstemp(prefix="merkle-por-", suffix=".ledger")
    except OSError as error:
        raise UsageError(
            f"no place to unpack the ledger: {(error.strerror or 'none found').lower()}",
            "set TMPDIR to a folder that may be written",
        ) from None
    try:
        with os.fdopen(handle, "wb") as out:
            for block in _blocks(document, kind, most_unpacked(document, limits)):
                try:
                    out.write(block)
                except OSError as error:
                    raise UsageError(
                        f"no room to unpack the ledger: {(error.strerror or '').lower()}",
                        "set TMPDIR to a folder with room",
                    ) from None
        yield name
    finally:
        with suppress(OSError):
            os.unlink(name)


# ---- lines ----


@dataclass(frozen=True)
class Span:
    """A range of rows: where its bytes stand, and how to cut it out of them.

    The bytes begin `skip` rows early and may end late. pieces: length and SHA-256 of each part of
    the bytes, () where they are not compared. final: they end with the file.
    """

    offset: int
    length: int
    skip: int
    count: int
    final: bool
    pieces: tuple[tuple[int, bytes], ...] = ()

    def read(self, place: Place) -> memoryview:
        """The bytes from the first row on, as `Place.view`. Raises Incomplete file-changed."""
        view = place.view(self.offset, self.length)
        at = 0
        for length, digest in self.pieces:
            if hashlib.sha256(view[at : at + length]).digest() != digest:
                raise file_changed()
            at += length
        if self.skip:
            view = view[line_ends(view, self.skip, _NEVER)[1][0] :]
        if self.count <= STRIDE and (ends := line_ends(view, self.count, _NEVER)[1]):
            view = view[: ends[0]]  # a few rows are wanted: don't read the rest of the piece
        return view


@dataclass(frozen=True)
class Lines:
    """Where the rows of a ledger stand.

    rows: their number. header: bytes in front of them. marks: offsets of row 0, of every STRIDE-th
    row from STRIDE - lead on, and of the end. digests: SHA-256 of the bytes between two marks.
    """

    rows: int
    lead: int
    marks: tuple[int, ...]
    digests: tuple[bytes, ...]

    def span(self, first: int, count: int) -> Span:
        """Rows first to first + count. 0 <= first, 1 <= count, first + count <= rows."""
        begin = (first + self.lead) // STRIDE
        last = first + count - 1
        end = (last + self.lead) // STRIDE + 1
        skip = first - (begin * STRIDE - self.lead if begin else 0)
        pieces: tuple[tuple[int, bytes], ...] = ()
        if self.digests:
            pieces = tuple(
                (self.marks[i + 1] - self.marks[i], self.digests[i]) for i in range(begin, end)
            )
        offset, stop = self.marks[begin], self.marks[end]
        return Span(offset, stop - offset, skip, count, end == len(self.marks) - 1, pieces)


def find_lines(
    ledger: Opened, header: bytes, *, longest: int, lead: int, progress: Progress
) -> Lines:
    """The first pass: hashes the file, finds its rows.

    header: the bytes in front of row 0, as they were read before. longest: bytes of the longest
    row there can be, its end included. lead: how many rows early the noted places stand (rows
    STRIDE - lead, 2 STRIDE - lead, ...); 0 <= lead < STRIDE.
    Raises Malformed bad-row (a line far too long), Incomplete file-changed.
    """
    whole = hashlib.sha256()
    piece = hashlib.sha256()
    guarded = ledger.guarded
    marks, digests = [len(header)], []
    rows, at, wanted = 0, 0, STRIDE - lead
    last = b""
    with ledger.place.open() as stream:
        while block := stream.read(BLOCK):
            if at + len(block) > ledger.size:  # or a growing file would be read for ever
                raise file_changed()
            if ledger.own:
                whole.update(block)
            if at < len(header):
                if block[: len(header)] != header:
                    raise file_changed()
                block = block[len(header) :]
                at = len(header)
            count, ends = line_ends(block, wanted, STRIDE)
            begin = 0
            for end in ends:
                if guarded:
                    piece.update(memoryview(block)[begin:end])
                    digests.append(piece.digest())
                    piece = hashlib.sha256()
                begin = end
                _check_length(
                    marks[-1],
                    at + end,
                    STRIDE - lead if len(marks) == 1 else STRIDE,
                    longest,
                    marks,
                )
                marks.append(at + end)
            if guarded:
                piece.update(memoryview(block)[begin:])
            wanted += len(ends) * STRIDE - count
            rows += count
            at += len(block)
            last = block[-1:] or last
            progress("reading", at, ledger.size, "bytes")
    if last not in (b"\n", b""):
        rows += 1
    if at > marks[-1]:
        digests.append(piece.digest())
        left = rows - (0 if len(marks) == 1 else (len(marks) - 1) * STRIDE - lead)
        _check_length(marks[-1], at, left, longest, marks)
        marks.append(at)
    if at != ledger.size:
        raise file_changed()
    if ledger.own:
        ledger.document.__dict__["sha256"] = whole.hexdigest()
    return Lines(rows, lead, tuple(marks), tuple(digests) if guarded else ())


def _check_length(begin: int, end: int, rows: int, longest: int, marks: list[int]) -> None:
    if end - begin > rows * longest:
        line = 2 + max(0, len(marks) - 1) * STRIDE
        raise Malformed(
            "bad-row", "a line is longer than any row can be", where=f"line {line} or below"
        )
