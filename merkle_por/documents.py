"""Reading untrusted bytes: one `Document` for each input, strict JSON, typed fields, limits.

All input is hostile until a scheme has judged it. Sizes and depths are bounded before work
begins; the bounds stand in `Limits`, in one place. JSON is RFC 8259, read strictly: duplicate
keys, NaN and Infinity, lone surrogates and trailing text are refused, and a number that is not a
plain integer keeps its own text (`Number`), so that no digit is lost to a float.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from merkle_por.errors import Malformed, UsageError

HEAD_BYTES = 64 * 1024
MOST_SHOWN = 200  # characters of a path in a message
BOM = b"\xef\xbb\xbf"
_PACKED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
# A text without an end goes to the end of all: were it none, each quote in it would begin another.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_UNSTRUCTURED = bytes(sorted(set(range(256)) - set(b'"[]{}')))
_HEX = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True)
class Limits:
    """Bounds on input. All may be raised by the caller, none is absent.

    proof_bytes: largest file that is read whole (proofs, small trees, JSON documents).
    json_depth: nesting of JSON arrays and objects.
    json_values: values in one JSON text, as commas and brackets tell them.
    path_levels: siblings in one Merkle path (2^64 users are enough for everybody).
    number_chars: characters of one number or amount.
    assets: assets in one node or list of balances.
    row_chars: characters of one CSV row.
    expanded_bytes: bytes a compressed input may grow to.
    """

    proof_bytes: int = 64 * 1024 * 1024
    json_depth: int = 200
    json_values: int = 4_000_000
    path_levels: int = 64
    number_chars: int = 100
    assets: int = 5_000
    row_chars: int = 1_000_000
    expanded_bytes: int = 1 << 40


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number that is not a plain integer (1.50, 1e3, -0), as the characters in the file."""

    text: str


@dataclass
class Document:
    """One input: a file, standard input, or bytes. Nothing is read before it is asked for."""

    name: str
    path: Path | None = None
    content: bytes | None = field(default=None, repr=False)
    limits: Limits = LIMITS

    @classmethod
    def of(cls, source: str | Path | bytes | Document, limits: Limits = LIMITS) -> Document:
        """A path ("-" is standard input), bytes, or a Document as it is.

        Raises UsageError where there is no such file.
        """
        if isinstance(source, Document):
            return source
        if isinstance(source, bytes):
            return cls("(bytes)", content=source, limits=limits)
        if str(source) == "-":
            data = sys.stdin.buffer.read(limits.proof_bytes + 1)
            return cls("(standard input)", content=data, limits=limits)
        if not str(source):
            raise UsageError("a file's name is empty")
        path = Path(source)
        if not exists(path):
            raise UsageError(f"{str(source)[:MOST_SHOWN]}: no such file")
        document = cls(readable(path.name), path=path, limits=limits)
        if not (path.is_file() or path.is_dir()):  # a pipe, which can be read only once
            with document.open() as stream:
                document.content = stream.read(limits.proof_bytes + 1)
            document.name, document.path = "(pipe)", None
        return document

    @property
    def is_folder(self) -> bool:
        return self.path is not None and self.path.is_dir()

    @cached_property
    def size(self) -> int:
        """Bytes of the input."""
        if self.content is not None:
            return len(self.content)
        assert self.path is not None
        return 0 if self.path.is_dir() else self.path.stat().st_size

    def open(self) -> BinaryIO:
        """A fresh binary stream over the input."""
        if self.content is not None:
            from io import BytesIO

            return BytesIO(self.content)
        assert self.path is not None
        try:
            return self.path.open("rb")
        except OSError as error:
            raise UsageError(
                f"{self.path}: {(error.strerror or 'cannot be read').lower()}"
            ) from None

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB: enough to tell a format."""
        if self.is_folder:
            return b""
        if self.content is not None:
            return self.content[:HEAD_BYTES]
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    @cached_property
    def data(self) -> bytes:
        """All bytes. Raises Malformed too-big beyond limits.proof_bytes."""
        if self.is_folder:
            raise Malformed("wrong-type", "a folder stands where a file is needed")
        if self.size > self.limits.proof_bytes:
            raise Malformed(
                "too-big",
                f"{self.size} bytes, the limit for a file read whole is {self.limits.proof_bytes}",
                "a ledger is checked with: merkle-por audit FILE",
            )
        if self.content is not None:
            return self.content
        with self.open() as stream:
            return stream.read(self.limits.proof_bytes + 1)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, hexadecimal; "" for a folder.

        Of a file that was read whole, of just the bytes that were read: those are what is judged.
        """
        if self.is_folder:
            return ""
        if "data" in vars(self):
            return hashlib.sha256(self.data).hexdigest()
        with self.open() as stream:
            digest = hashlib.sha256()
            while block := stream.read(1 << 20):
                digest.update(block)
            return digest.hexdigest()

    @cached_property
    def text(self) -> str:
        """All bytes as UTF-8, a leading byte order mark kept. Raises Malformed bad-utf8."""
        return decode(self.data)

    @cached_property
    def text_without_bom(self) -> str:
        """As `text`, one leading byte order mark ignored."""
        return self.text.removeprefix("\ufeff")

    @cached_property
    def first_line(self) -> str:
        """The first line of the head without its end or a byte order mark; "" if not UTF-8."""
        line = self.head.removeprefix(BOM).split(b"\n", 1)[0].rstrip(b"\r")
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            return ""

    @property
    def looks_like_json(self) -> bool:
        """Whether the first visible character opens a JSON array or object."""
        return self.head.removeprefix(BOM).lstrip(b" \t\r\n")[:1] in (b"{", b"[")

    @cached_property
    def _json(self) -> tuple[Any, Malformed | None]:
        # The failure is kept too: every recogniser asks, and a hostile text may be slow to refuse.
        try:
            return parse_json(self.data, self.limits), None
        except Malformed as error:
            return None, error.with_traceback(None)

    @property
    def json(self) -> Any:
        """The JSON value: dict, list, str, int, Number, bool or None. Raises Malformed."""
        value, error = self._json
        if error is not None:
            raise error
        return value

    @property
    def json_or_none(self) -> Any:
        """As `json`, None where the text is not JSON: for recognisers, which never raise."""
        return self._json[0] if self.looks_like_json else None


def compression(head: bytes) -> str | None:
    """The name of the compression that a file's first bytes show, None for none known."""
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)


def readable(name: str) -> str:
    """A name from the system as text: bytes that are not UTF-8 as \\xff, so that it fits JSON."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def exists(path: Path) -> bool:
    """Whether there is something at a path; also of a text that no path can be, like a file's
    content given in place of its name."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def decode(data: bytes) -> str:
    """UTF-8 to text. Raises Malformed bad-utf8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("bad-utf8", f"byte {error.start} is not UTF-8") from None


def _deeper(data: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than limit; stops where that shows."""
    if b"\\" not in data:
        # No escapes: what is not structure can go first, which is most of a proof's bytes.
        data = data.translate(None, _UNSTRUCTURED).replace(b'""', b"")
    depth = 0
    for match in _TOKENS.finditer(data):
        token = match.group()
        if token in (b"{", b"["):
            depth += 1
            if depth > limit:
                return True
        elif token in (b"}", b"]"):
            depth -= 1
    return False


def _refuse_constant(text: str) -> Any:
    raise Malformed("nan", f"{text} where a number must stand")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed("duplicate-key", f'the key "{twice[:40]}" stands twice in one object')
    return members


def _short_integers(data: bytes, limits: Limits) -> bool:
    """Whether nothing in a JSON text can be an integer too long to read, or a minus zero: then
    Python's own reader of integers serves, which takes a third of the time."""
    return b"-0" not in data and b"0" * limits.number_chars not in data.translate(_ZEROS)


def parse_json(data: bytes, limits: Limits = LIMITS) -> Any:
    """Strict JSON (RFC 8259) from bytes; one leading byte order mark is ignored.

    Answers dict, list, str, int, Number, bool or None. Raises Malformed: empty-file, bad-utf8,
    too-big, too-deep, nan, duplicate-key, bad-number (too long), bad-json.
    """

    def integer(text: str) -> int | Number:
        if len(text) > limits.number_chars:
            raise Malformed("bad-number", f"a number of {len(text)} characters")
        return Number(text) if text == "-0" else int(text)

    def fraction(text: str) -> Number:
        if len(text) > limits.number_chars:
            raise Malformed("bad-number", f"a number of {len(text)} characters")
        return Number(text)

    text = decode(data.removeprefix(BOM))
    if not text.strip():
        raise Malformed("empty-file", "there is nothing in the file")
    if sum(map(data.count, (b",", b"[", b"{"))) > limits.json_values:
        raise Malformed("too-big", f"more than {limits.json_values:,} values")
    if _deeper(data, limits.json_depth):
        raise Malformed("too-deep", f"nested deeper than {limits.json_depth} levels")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=int if _short_integers(data, limits) else integer,
            parse_float=fraction,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed("bad-json", f"not JSON: {error.msg.lower()}", where=where) from None
    except RecursionError:
        raise Malformed("too-deep", "nested too deeply") from None
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _texts(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _refuse_lone_surrogates(value: Any) -> None:
    for text in _texts(value):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Malformed("bad-json", "half of a surrogate pair in a text") from None


def kind_of(value: object) -> str:
    """The JSON type of a value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an array" if isinstance(value, list) else "an object"


class Fields:
    """Typed access to the members of one JSON object; every miss is a named Malformed.

    where: the object's place in the file, for messages ("self", "path[3]").
    """

    def __init__(self, value: object, where: str, limits: Limits = LIMITS) -> None:
        if not isinstance(value, dict):
            raise Malformed(
                "wrong-type", f"{kind_of(value)} where an object must stand", where=where
            )
        self.members: dict[str, Any] = value
        self.where = where
        self.limits = limits

    def __contains__(self, key: str) -> bool:
        return key in self.members

    def place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def only(self, *known: str) -> Fields:
        """Refuses any member that is not named (bad-keys)."""
        for key in self.members:
            if key not in known:
                raise Malformed(
                    "bad-keys", f'"{key[:40]}" is not a member of this format', where=self.where
                )
        return self

    def required(self, *known: str) -> Fields:
        """Refuses where one of the members is missing (missing-field)."""
        for key in known:
            self.get(key)
        return self

    def get(self, key: str) -> Any:
        if key not in self.members:
            raise Malformed("missing-field", f'"{key}" is missing', where=self.where or None)
        return self.members[key]

    def typed(self, key: str, wanted: type, words: str) -> Any:
        value = self.get(key)
        if not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool):
            raise Malformed(
                "wrong-type", f"{kind_of(value)} where {words} must stand", where=self.place(key)
            )
        return value

    def text(self, key: str, max_chars: int = 10_000) -> str:
        value: str = self.typed(key, str, "a text")
        if len(value) > max_chars:
            raise Malformed("too-big", f"a text of {len(value)} characters", where=self.place(key))
        return value

    def integer(self, key: str, low: int | None = None, high: int | None = None) -> int:
        """A JSON integer (never a text or 1.0), within [low, high] where given (bad-number)."""
        value: int = self.typed(key, int, "an integer")
        if (low is not None and value < low) or (high is not None and value > high):
            raise Malformed("bad-number", f"{value} is out of range", where=self.place(key))
        return value

    def hex(self, key: str, digits: int) -> str:
        """Exactly `digits` lower-case hexadecimal digits (bad-hash)."""
        return check_hex(self.typed(key, str, "a text"), digits, self.place(key))

    def object(self, key: str) -> Fields:
        return Fields(self.get(key), self.place(key), self.limits)

    def array(self, key: str, low: int = 0, high: int | None = None) -> list[Any]:
        """A JSON array of low to high elements (bad-keys if shorter, too-big if longer)."""
        value: list[Any] = self.typed(key, list, "an array")
        if len(value) < low:
            raise Malformed(
                "bad-keys",
                f"{len(value)} elements, at least {low} are needed",
                where=self.place(key),
            )
        if high is not None and len(value) > high:
            raise Malformed(
                "too-deep",
                f"{len(value)} elements, at most {high} are allowed",
                where=self.place(key),
            )
        return value


def check_hex(text: str, digits: int, where: str) -> str:
    """`text` if it is exactly `digits` lower-case hexadecimal digits. Raises Malformed bad-hash."""
    if len(text) != digits or not _HEX.fullmatch(text):
        raise Malformed("bad-hash", f"not {digits} lower-case hexadecimal digits", where=where)
    return text
