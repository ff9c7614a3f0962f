"""Reads an uploaded form into memory, bounded, and nowhere else: no file ever reaches the disk.

Starlette's own reader spools larger files to temporary files, which a page that says "they are
not kept" must not do. Fields and files have separate caps; whatever is beyond them is refused.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELDS = 64
FIELD_BYTES = 8 * 1024 * 1024  # the paste box holds a proof
HEADER_BYTES = 8 * 1024
NAME_CHARS = 200
READ_SECONDS = 120  # a request that trickles in is dropped


class FormError(Exception):
    """A form that can't be read. status: of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Upload:
    """One file of a form; name is the last part of what the browser said."""

    name: str
    content: bytes


@dataclass
class Form:
    """fields: the first value of each name. files: of each name, those with a name or bytes."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field without blanks around it, "" where absent."""
        return self.fields.get(name, "").strip()


def last_part(name: str) -> str:
    """The file's own name: browsers of some systems send a path."""
    return name.replace("\\", "/").rsplit("/", 1)[-1][:NAME_CHARS]


class _Reader:
    """Callbacks of the multipart parser; bounded by what it is told."""

    def __init__(self, files: int) -> None:
        self.form = Form()
        self.left = files
        self.ended = False
        self._headers: dict[str, bytes] = {}
        self._name = b""
        self._value = b""
        self._data = bytearray()
        self._options: dict[bytes, bytes] = {}

    def begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""
        self._data = bytearray()
        self._options = {}

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._bound_header()

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound_header()

    def _bound_header(self) -> None:
        if len(self._name) + len(self._value) > HEADER_BYTES or len(self._headers) > FIELDS:
            raise FormError(400, "a part of the form has too long a header")

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def headers_finished(self) -> None:
        kind, self._options = parse_options_header(self._headers.get("content-disposition"))
        if kind != b"form-data" or b"name" not in self._options:
            raise FormError(400, "a part of the form has no name")
        if b"filename" not in self._options and len(self.form.fields) >= FIELDS:
            raise FormError(400, "the form has too many fields")

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]
        if b"filename" not in self._options and len(self._data) > FIELD_BYTES:
            raise FormError(413, "a field of the form is too long")

    def part_end(self) -> None:
        name = self._options[b"name"].decode("utf-8", "replace")
        if b"filename" not in self._options:
            self.form.fields.setdefault(name, self._data.decode("utf-8", "replace"))
            return
        filename = last_part(self._options[b"filename"].decode("utf-8", "replace"))
        if not filename and not self._data:
            return  # what browsers send for a file field left empty
        if self.left == 0:
            raise FormError(413, "too many files")
        self.left -= 1
        upload = Upload(filename or "(no name)", bytes(self._data))
        self.form.files.setdefault(name, []).append(upload)

    def end(self) -> None:
        self.ended = True


async def read_form(content_type: str, chunks: AsyncIterator[bytes], *, files: int) -> Form:
    """The form in a multipart body whose length the caller has bounded. Raises FormError.

    files: how many files it may hold.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise FormError(415, "send a form with files (multipart/form-data)")
    reader = _Reader(files)
    callbacks: MultipartCallbacks = {
        "on_part_begin": reader.begin,
        "on_header_field": reader.header_name,
        "on_header_value": reader.header_value,
        "on_header_end": reader.header_end,
        "on_headers_finished": reader.headers_finished,
        "on_part_data": reader.data,
        "on_part_end": reader.part_end,
        "on_end": reader.end,
    }
    deadline = time.monotonic() + READ_SECONDS
    try:
        parser = MultipartParser(boundary, callbacks)
        async for chunk in chunks:
            parser.write(chunk)
            if time.monotonic() > deadline:
                raise FormError(408, "the upload took too long")
        parser.finalize()
    except FormParserError:
        raise FormError(400, "the form can't be read") from None
    if not reader.ended:
        raise FormError(400, "the form is not complete")
    return reader.form
