"""The evidence bundle: a zip to show to others, with or without the files themselves.

    manifest.json   the evidence document (merkle-por/evidence/1)
    report.html     the same as a page to read
    files/1 ...     the files judged, in the manifest's order; only where the user asked for it

The same content gives the same bytes: order, times and modes are fixed. Read back it is hostile
input: no name beyond these, no name twice, everything bounded before and while it is unpacked.
Nothing is ever unpacked to disk.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from merkle_por.documents import LIMITS, Document, Limits
from merkle_por.errors import Malformed, UsageError
from merkle_por.evidence import FILES_MOST, Input

MANIFEST, PAGE = "manifest.json", "report.html"
_NAME = re.compile(r"files/[1-9][0-9]?")
_FILE_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can write
_MODE = 0o644 << 16
_UNIX = 3
_END = struct.Struct("<4s4H2LH")  # end of central directory (APPNOTE.TXT 4.3.16)
_END_MARK = b"PK\x05\x06"
DIRECTORY_BYTES = 64 * 1024
TEXT_BYTES = 16 * 1024 * 1024  # manifest and page, each


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read: the manifest's and the page's bytes, the files by their names."""

    manifest: bytes
    page: bytes | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


def bundle_bytes(manifest: bytes, page: str, included: Iterable[Input] = ()) -> bytes:
    """The zip file. included: inputs whose bytes go into it. Raises UsageError for a folder."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        _add(archive, MANIFEST, manifest)
        _add(archive, PAGE, page.encode())
        for number, item in enumerate(included, 1):
            document = item.document
            if document.is_folder:
                raise UsageError(f"{document.name}: a folder can't be included, only files")
            if document.size > document.limits.proof_bytes or number >= FILES_MOST:
                raise UsageError(f"{document.name}: too big, or too many files, to be included")
            with document.open() as stream:
                _add(archive, f"files/{number}", stream.read(document.limits.proof_bytes))
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _FILE_TIME)
    info.create_system, info.external_attr = _UNIX, _MODE
    archive.writestr(info, data, zipfile.ZIP_DEFLATED, 9)


def read_bundle(document: Document, limits: Limits = LIMITS) -> Bundle:
    """Reads a bundle within limits (each file up to proof_bytes, all of them together too).

    Raises Malformed: bad-bundle for anything that `bundle_bytes` would not have made, too-big.
    """
    data = document.data
    count = _bounded_directory(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if len(archive.infolist()) != count:
                raise Malformed("bad-bundle", "its directory does not name all its files")
            return _read(archive, limits)
    except Malformed:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ):
        raise Malformed("bad-bundle", "the zip file is damaged, or not a bundle") from None


def _bounded_directory(data: bytes) -> int:
    """Looks at the end of the file, so that no reader builds a list of millions of entries;
    answers how many it says there are."""
    if len(data) < _END.size or not data.startswith(b"PK\x03\x04"):
        raise Malformed("bad-bundle", "not a bundle: it does not begin with a file")
    mark, disk, start, here, count, size, offset, comment = _END.unpack(data[-_END.size :])
    whole = offset + size + _END.size == len(data)
    if mark != _END_MARK or comment or disk or start or here != count or not whole:
        raise Malformed("bad-bundle", "not a bundle: something stands behind its directory")
    if count > FILES_MOST + 2 or size > DIRECTORY_BYTES:
        raise Malformed("too-big", "more files than a bundle has")
    return int(count)


def _read(archive: zipfile.ZipFile, limits: Limits) -> Bundle:
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name not in (MANIFEST, PAGE) and not _NAME.fullmatch(name):
            raise Malformed("bad-bundle", "a bundle holds no file of such a name", where=name[:60])
        if name in entries:
            raise Malformed("bad-bundle", "a name stands twice", where=name)
        if info.flag_bits & 1 or info.compress_type != zipfile.ZIP_DEFLATED:
            raise Malformed("bad-bundle", "encrypted, or packed in another way", where=name)
        entries[name] = info
    if MANIFEST not in entries:
        raise Malformed("bad-bundle", "there is no manifest.json in it")
    if sum(info.file_size for info in entries.values()) > limits.proof_bytes + 2 * TEXT_BYTES:
        raise Malformed("too-big", "the files of the bundle are too big together")
    read = {
        name: _content(archive, info, limits.proof_bytes if name.startswith("f") else TEXT_BYTES)
        for name, info in entries.items()
    }
    files = {name: data for name, data in read.items() if name not in (MANIFEST, PAGE)}
    return Bundle(read[MANIFEST], read.get(PAGE), files)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.file_size > most:
        raise Malformed("too-big", f"{info.file_size} bytes", where=info.filename)
    with archive.open(info) as stream:
        data = stream.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise Malformed("bad-bundle", "a file is not as long as it says", where=info.filename)
    return data


def manifest_bytes(document: Mapping[str, Any]) -> bytes:
    """The evidence document as the text of manifest.json: ASCII, one space of indent."""
    import json

    return (json.dumps(document, indent=1) + "\n").encode("ascii")
