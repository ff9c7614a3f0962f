"""Compressed files (gzip, xz, zstd) as streams of the text in them, with caps against bombs.

What comes out is bounded by the file's own size and by `Limits.expanded_bytes`; what unpacking
itself takes (dictionaries, windows) by constants here. A damaged or cut archive is `bad-archive`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, BinaryIO, Protocol, cast

from merkle_por.documents import HEAD_BYTES, Document, Limits, compression
from merkle_por.errors import Incomplete, Malformed, UsageError

BLOCK = 1 << 20
MOST_EXPANSION = 100  # hashes and signatures hardly compress: what grows more is a bomb
LEAST_CAP = 64 << 20
PACKED_BLOCK = 64 << 10
HEAD_PACKED = 1 << 20
MEMBERS = 1000  # packed members that a file may have whatever is in them, and
MEMBER_BYTES = 4096  # one more for so many bytes
XZ_MEMORY = 256 << 20  # bytes of dictionary that an xz file may ask for
ZSTD_PIECE = 1024  # of so many bytes at most 32 MiB come at a time (4 make a block of 128 KiB)
ZSTD_WINDOW_LOG = 27  # 128 MiB, the most that zstd itself takes without being asked


class Reads(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes: ...


def most_unpacked(document: Document, limits: Limits) -> int:
    """Bytes that a compressed file may grow to."""
    return min(limits.expanded_bytes, max(LEAST_CAP, document.size * MOST_EXPANSION))


def check_members(members: int, made: int) -> None:
    """Raises EOFError for more members than a packer makes of so many bytes of text."""
    if members > MEMBERS + made // MEMBER_BYTES:
        raise EOFError


class _Members:
    """The text of a packed file of several members (gzip, xz), which follow each other.

    begin: a fresh decompressor. Members cost work of their own: more of them than any packer makes
    are refused, and so is what lies between them but padding.
    """

    def __init__(self, raw: Reads, begin: Callable[[], Any]) -> None:
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
        check_members(self._members, self._made)
        self._decompressor = self._begin()


def _gzip_member() -> Any:
    from zlib import MAX_WBITS, decompressobj

    return decompressobj(MAX_WBITS | 16)  # with gzip's header and check sum


def _xz_member() -> Any:
    from lzma import FORMAT_XZ, LZMADecompressor

    return LZMADecompressor(FORMAT_XZ, memlimit=XZ_MEMORY)


class _ZstdStream:
    """Frames one after the other. The library's own reader takes a cut file for a whole one."""

    def __init__(self, raw: Reads, library: Any) -> None:
        self._raw = raw
        self._library = library
        self._frame: Any = None
        self._left = b""
        self._frames = 0
        self._made = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        while True:
            data = self._left or self._raw.read(ZSTD_PIECE)
            self._left = b""
            if not data:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frames += 1
                check_members(self._frames, self._made)
                self._frame = self._library.decompressobj()
            made: bytes = self._frame.decompress(data)
            self._made += len(made)
            if self._frame.eof:
                self._left = self._frame.unused_data
                self._frame = None
            if made:
                return made


def _zstd_stream(raw: Reads) -> Reads:
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
        return _ZstdStream(raw, zstandard.ZstdDecompressor(max_window_size=1 << ZSTD_WINDOW_LOG))
    options = {stdlib.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    return cast(Reads, stdlib.ZstdFile(raw, options=options))


def _unpacking(kind: str, raw: Reads) -> Reads:
    if kind == "zstd":
        return _zstd_stream(raw)
    return _Members(raw, _gzip_member if kind == "gzip" else _xz_member)


def unpacked(kind: str, raw: Reads) -> Iterator[bytes]:
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
                raise UsageError(f"the file can't be read: {error.strerror}") from None
            raise Malformed(
                "bad-archive", f"the {kind} data is damaged or cut short", "download it again"
            ) from None
        if not block:
            return
        yield block


def plain_head(document: Document) -> bytes:
    """The first 64 KiB of a file, unpacked where it is compressed; b"" where that fails.

    For recognisers, which all ask: it is unpacked once.
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
            for block in unpacked(kind, _Beginning(file, HEAD_PACKED)):
                head += block
                if len(head) >= HEAD_BYTES:
                    break
    except (Incomplete, Malformed):
        return head
    return head[:HEAD_BYTES]


class _Beginning:
    """The first bytes of a stream: no head needs more packed ones."""

    def __init__(self, raw: BinaryIO, most: int) -> None:
        self._raw = raw
        self._left = most

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data


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
            for block in unpacked(kind, raw):
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


class Unpacked(Document):
    """The text in a compressed file, read as a stream each time it is opened. Name, size and hash
    are the file's own.

    Its streams raise Malformed bad-archive, and too-big beyond `most_unpacked`.
    """

    def open(self) -> BinaryIO:
        kind = compression(self._file.head)
        assert kind is not None
        return cast(BinaryIO, BufferedReader(_Stream(self._file, kind), BLOCK))

    @property
    def _file(self) -> Document:
        return Document(self.name, self.path, self.content, self.limits)

    @cached_property
    def head(self) -> bytes:
        return plain_head(self._file)

    @cached_property
    def data(self) -> bytes:
        most = self.limits.proof_bytes
        with self.open() as stream:
            data = stream.read(most + 1)
        if len(data) > most:
            raise Malformed("too-big", f"unpacked it has more than {most:,} bytes")
        return data

    @cached_property
    def sha256(self) -> str:
        return self._file.sha256


class _Stream(RawIOBase):
    def __init__(self, document: Document, kind: str) -> None:
        self._raw = document.open()
        self._blocks = unpacked(kind, self._raw)
        self._left = most_unpacked(document, document.limits)
        self._cap = self._left
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._block:
            self._block = memoryview(next(self._blocks, b""))
            self._left -= len(self._block)
            if self._left < 0:
                raise Malformed("too-big", f"unpacked it has more than {self._cap:,} bytes")
        part = self._block[: len(buffer)]
        buffer[: len(part)] = part
        self._block = self._block[len(part) :]
        return len(part)

    def close(self) -> None:
        self._raw.close()
        super().close()


def plain(document: Document) -> Document:
    """A document as it is, or the text in it where it is compressed.

    Raises UsageError where this Python can't unpack it.
    """
    if document.is_folder or compression(document.head) is None:
        return document
    try:
        _unpacking(compression(document.head) or "", BytesIO())
    except Incomplete as error:
        raise UsageError(f"{document.name}: {error.text}", *error.hints) from None
    return Unpacked(document.name, document.path, document.content, document.limits)
