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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from threading import local
from typing import Any, BinaryIO, Protocol, cast

from merkle_por.documents import HEAD_BYTES, Document, Limits, compression
from merkle_por.errors import Incomplete, Malformed, UsageError
from merkle_por.execution import Progress
from merkle_por.ledger.packed import line_ends

BLOCK = 1 << 20
STRIDE = 4096  # rows between two noted places
_NEVER = 1 << 40  # a step that leads out of any text
TICK_NS = 2 * 10**9  # the coarsest clock of a file system (FAT)
MOST_EXPANSION = 100  # hashes hardly compress: what grows more is no ledger but a bomb
LEAST_CAP = 64 << 20
PACKED_BLOCK = 64 << 10
HEAD_PACKED = 1 << 20
MEMBERS = 1000  # packed members that a file may have whatever is in them, and
MEMBER_BYTES = 4096  # one more for so many bytes
IN_MEMORY = 256 << 20  # what is unpacked where no file may be written
XZ_MEMORY = 256 << 20  # bytes of dictionary that an xz file may ask for
ZSTD_WINDOW_LOG = 27  # 128 MiB, the most that zstd itself takes without being asked

Identity = tuple[int, int, int, int, int]


class _Reads(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


# ---- compressed streams ----


class _Members:
    """The text of a packed file of several members (gzip, xz), which follow each other.

    begin: a fresh decompressor. Members cost work of their own: more of them than any packer makes
    are refused, and so is what lies between them but padding.
    """

    def __init__(self, raw: _Reads, begin: Callable[[], Any]) -> None:
        self._raw = raw
        self._begin = begin
        self._decompressor: Any = None
        self._input = b""
        self._members = 0
        self._made = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        while True:
            if not self._input and not self._full():
                self._input = self._raw.read(PACKED_BLOCK)
                if not self._input and self._decompressor is None:
                    return b""
                if not self._input:
                    raise EOFError
            if self._decompressor is None:
                if self._members:
                    self._input = self._input.lstrip(b"\0")  # padding
                if not self._input:
                    continue
                self._next_member()
            made: bytes = self._decompressor.decompress(self._input, size)
            self._input = getattr(self._decompressor, "unconsumed_tail", b"")  # zlib's
            if self._decompressor.eof:
                self._input = self._decompressor.unused_data
                self._decompressor = None
            self._made += len(made)
            if made:
                return made

    def _full(self) -> bool:
        """Whether the decompressor has more to say without more input (lzma's)."""
        return not getattr(self._decompressor, "needs_input", True)

    def _next_member(self) -> None:
        self._members += 1
        if self._members > MEMBERS + self._made // MEMBER_BYTES:
            raise EOFError
        self._decompressor = self._begin()


def _gzip_member() -> Any:
    from zlib import MAX_WBITS, decompressobj

    return decompressobj(MAX_WBITS | 16)  # with gzip's header and check sum


def _xz_member() -> Any:
    from lzma import FORMAT_XZ, LZMADecompressor

    return LZMADecompressor(FORMAT_XZ, memlimit=XZ_MEMORY)


def _zstd_stream(raw: _Reads) -> _Reads:
    try:
        import compression.zstd as stdlib  # type: ignore[import-not-found]  # from Python 3.14
    except ImportError:
        try:
            import zstandard
        except ImportError:
            raise Incomplete(
                "missing-part",
                "the file is compressed with zstd, which this Python does not read",
                "pip install 'merkle-por[zstd]'",
                "or unpack it first: zstd -d FILE",
            ) from None
        reader = zstandard.ZstdDecompressor(max_window_size=1 << ZSTD_WINDOW_LOG)
        return cast(_Reads, reader.stream_reader(raw, read_across_frames=True))
    options = {stdlib.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    return cast(_Reads, stdlib.ZstdFile(raw, options=options))


def _unpacking(kind: str, raw: _Reads) -> _Reads:
    if kind == "zstd":
        return _zstd_stream(raw)
    return _Members(raw, _gzip_member if kind == "gzip" else _xz_member)


def _unpacked(kind: str, raw: _Reads) -> Iterator[bytes]:
    """Blocks of the unpacked text. Raises Malformed bad-archive, Incomplete missing-part."""
    stream = _unpacking(kind, raw)
    while True:
        try:
            block = stream.read(BLOCK)
        except MemoryError:
            raise
        except Exception as error:
            # Each library has errors of its own, which may not even be importable here.
            if isinstance(error, OSError) and error.errno is not None:
                raise UsageError(f"the ledger can't be read: {error.strerror}") from None
            raise Malformed(
                "bad-archive", f"the {kind} data is damaged or cut short", "download it again"
            ) from None
        if not block:
            return
        yield block


def plain_head(document: Document) -> bytes:
    """The first 64 KiB of a file, unpacked where it is compressed; b"" where that fails.

    For recognisers, which all ask: it is unpacked once. Raises UsageError where this Python can't
    unpack it.
    """
    kind = compression(document.head)
    if kind is None:
        return document.head
    known: bytes | None = document.__dict__.get("_plain_head")
    if known is None:
        known = document.__dict__["_plain_head"] = _head(document, kind)
    return known


def _head(document: Document, kind: str) -> bytes:
    head = b""
    try:
        with document.open() as file:
            for block in _unpacked(kind, _Beginning(file, HEAD_PACKED)):
                head += block
                if len(head) >= HEAD_BYTES:
                    break
    except Incomplete as error:
        raise UsageError(f"{document.name}: {error.text}", *error.hints) from None
    except Malformed:
        return head
    return head[:HEAD_BYTES]


def unpacked_whole(document: Document) -> Document:
    """A compressed file as the text in it, for schemes that read files whole; its name, length
    and hash stay those of the file.

    Raises Malformed bad-archive, too-big; UsageError where this Python can't unpack it.
    """
    kind = compression(document.head)
    assert kind is not None
    whole = bytearray()
    with document.open() as raw:
        try:
            for block in _unpacked(kind, raw):
                whole += block
                if len(whole) > document.limits.proof_bytes:
                    raise Malformed(
                        "too-big",
                        f"unpacked it has more than {document.limits.proof_bytes:,} bytes",
                    )
        except Incomplete as error:
            raise UsageError(f"{document.name}: {error.text}", *error.hints) from None
    inside = Document(document.name, document.path, bytes(whole), document.limits)
    inside.__dict__.update(size=document.size, sha256=document.sha256)
    return inside


class _Beginning:
    """The first bytes of a stream: no head needs more packed ones."""

    def __init__(self, raw: BinaryIO, most: int) -> None:
        self._raw = raw
        self._left = most

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data


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
        for block in _unpacked(kind, raw):
            written += len(block)
            if written > cap:
                raise Malformed("too-big", f"unpacked it has more than {cap:,} bytes")
            yield block
        while raw.read(BLOCK):
            pass
    document.__dict__["sha256"] = raw.digest.hexdigest()  # read once, as its property would


def _cap(document: Document, limits: Limits) -> int:
    return min(limits.expanded_bytes, max(LEAST_CAP, document.size * MOST_EXPANSION))


def _unpacked_content(document: Document, kind: str, limits: Limits) -> bytes:
    data = bytearray()
    for block in _blocks(document, kind, min(_cap(document, limits), IN_MEMORY)):
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
            for block in _blocks(document, kind, _cap(document, limits)):
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
