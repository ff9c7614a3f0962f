"""The small part of YAML that published reserve files use, read line by line in constant memory.

Taken: a top-level mapping whose values are scalars, mappings of scalars, or lists of scalars or of
such mappings, in block style (YAML 1.2, chapter 8) or, below the top, in flow style (chapter 7),
as the usual writers of YAML lay such data out; comments; one document with its marks. Refused by
name (bad-yaml): anchors, aliases, tags, block scalars, escapes, deeper nesting, tabs, anything
else; so no document can make more work than its length. Scalars
are not typed here: `Scalar.integer` takes plain decimal digits only, since YAML 1.1's 010, 1_000
and 0x10 are numbers to some readers and texts to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from merkle_por.errors import Malformed

_KEY = re.compile(
    r"""(?P<quote>["']?)(?P<name>[A-Za-z_]\w{0,40})(?P=quote):(?: +(?P<rest>.*))?""", re.ASCII
)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})")
_NOT_FIRST = "&*!|>%@`?:,[]{}#\"'-"
"""Characters that a plain scalar doesn't begin with here (a minus only before a number)."""
FIELDS = 32
"""Most members of one inner mapping."""
FLOW_CHARS = 1_000_000
"""Longest list or mapping in flow style: it is joined from its lines before it is read."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as its text. quoted: it stood in quotes, so it is a text and no number."""

    text: str
    quoted: bool
    line: int

    def integer(self, what: str) -> int:
        """The value as an integer. Raises Malformed wrong-type."""
        if self.quoted or _INTEGER.fullmatch(self.text) is None:
            raise Malformed(
                "wrong-type", f"{what} is not a plain integer", where=f"line {self.line}"
            )
        return int(self.text)

    def string(self, what: str) -> str:
        """The value as a text. Raises Malformed wrong-type for what YAML takes for a number."""
        if not self.quoted and (not self.text or _INTEGER.fullmatch(self.text)):
            raise Malformed("wrong-type", f"{what} is not a text", where=f"line {self.line}")
        return self.text


Mapping = dict[str, Scalar]
Value = Scalar | Mapping


@dataclass
class Entry:
    """One top-level value, or one item of a top-level list (then `item` counts from 0)."""

    key: str
    value: Value
    line: int
    item: int | None = None


@dataclass
class _Open:
    """The top-level key whose block is being read."""

    key: str
    line: int
    kind: str = ""  # "" (nothing yet), map, list
    indent: int = -1
    inner: int | None = None  # indent of the item's members, None before the first
    count: int = 0
    fields: Mapping = field(default_factory=dict)
    started: bool = False


def _bad(text: str, line: int) -> Malformed:
    return Malformed("bad-yaml", text, where=f"line {line}")


def _uncommented(text: str) -> str:
    """The line without a comment and without blanks at its end."""
    if "#" not in text:
        return text.rstrip(" ")
    quote, before = "", " "
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and text[:place].rstrip(" ")[-1:] in ("", ":", "-", ",", "[", "{"):
            quote = character
        elif character == "#" and before == " ":
            return text[:place].rstrip(" ")
        before = character
    return text.rstrip(" ")


def _scalar(text: str, line: int) -> Scalar:
    text = text.strip(" ")
    if text[:1] in ("'", '"'):
        inner = text[1:-1]
        if len(text) < 2 or text[-1] != text[0] or text[0] in inner or "\\" in inner:
            raise _bad("quotes of a form that these files don't use", line)
        return Scalar(inner, True, line)
    first = text[:1]
    if not text or (first in _NOT_FIRST and _INTEGER.fullmatch(text) is None):
        raise _bad("a value of a form that these files don't use", line)
    if ": " in text or " #" in text or not text.isprintable():
        raise _bad("a value of a form that these files don't use", line)
    return Scalar(text, False, line)


def _member_value(text: str | None, line: int) -> Scalar:
    """The value of a member; nothing behind the colon is YAML's null, no number and no text."""
    return _scalar(text, line) if text else Scalar("", False, line)


def _put(fields: Mapping, key: str, value: Scalar) -> None:
    if key in fields:
        raise Malformed(
            "duplicate-key", f'"{key}" stands twice in one mapping', where=f"line {value.line}"
        )
    if len(fields) >= FIELDS:
        raise _bad("a mapping with too many members", value.line)
    fields[key] = value


def _flow(text: str, line: int) -> list[Scalar] | Mapping:
    """[a, b] or {key: a, other: b}, without nesting."""
    text = text.rstrip(" ")
    close = {"[": "]", "{": "}"}[text[0]]
    inner = text[1:-1]
    if text[-1] != close or any(mark in inner for mark in "[]{}"):
        raise _bad("a list or mapping in brackets that is nested or not closed", line)
    parts = inner.split(", ") if inner.strip() else []
    if close == "]":
        return [_scalar(part, line) for part in parts]
    fields: Mapping = {}
    for part in parts:
        match = _KEY.fullmatch(part.strip(" "))
        if match is None or match["rest"] is None:
            raise _bad("a mapping whose members are not key: value", line)
        _put(fields, match["name"], _scalar(match["rest"], line))
    return fields


def _whole(text: str, lines: Iterator[tuple[int, str]], line: int) -> str:
    """A list or mapping in flow style with the lines on which it goes on."""
    close = {"[": "]", "{": "}"}[text[0]]
    parts, length = [text], len(text)
    while not parts[-1].endswith(close) and length <= FLOW_CHARS:
        following = next(lines, None)
        if following is None or following[1][:1] not in ("", " "):
            raise _bad("a list or mapping in brackets that is not closed", line)
        parts.append(_uncommented(following[1]).lstrip(" "))
        length += len(parts[-1]) + 1
    if length > FLOW_CHARS:
        raise _bad("a list or mapping in brackets that is too long", line)
    return " ".join(part for part in parts if part)


def _flush(block: _Open | None) -> Iterator[Entry]:
    """What the open block still holds."""
    if block is None:
        return
    if block.kind == "":
        raise _bad(f'"{block.key}" has no value', block.line)
    if block.kind == "map":
        yield Entry(block.key, block.fields, block.line)
    elif block.started:
        yield Entry(block.key, block.fields, block.line, block.count - 1)


def _start(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines of the one document, without comments, directives and document marks."""
    directives = begun = False
    for number, text in lines:
        bare = _uncommented(text)
        if not bare.strip(" "):
            continue
        if "\t" in bare:
            raise _bad("a tab", number)
        if not begun:
            if bare[0] == "%":
                directives = True
                continue
            begun = True
            if bare == "---":
                continue
            if directives:
                raise _bad("a directive without a document", number)
        if bare == "...":
            break
        yield number, bare
    for number, text in lines:
        if _uncommented(text).strip(" "):
            raise _bad("something behind the document's end", number)


def entries(lines: Iterator[tuple[int, str]]) -> Iterator[Entry]:
    """The document's values in file order; a list comes item by item."""
    seen: set[str] = set()
    block: _Open | None = None
    lines = _start(lines)
    for number, text in lines:
        bare = text.lstrip(" ")
        indent = len(text) - len(bare)
        if indent == 0 and bare[0] != "-":
            yield from _flush(block)
            block = None
            match = _KEY.fullmatch(bare)
            if match is None:
                raise _bad("a line that is not key: value", number)
            key, rest = match["name"], match["rest"]
            if key in seen:
                raise Malformed("duplicate-key", f'"{key}" stands twice', where=f"line {number}")
            if len(seen) >= FIELDS:
                raise _bad("too many members", number)
            seen.add(key)
            if not rest:
                block = _Open(key, number)
            elif rest[0] in "[{":
                value = _flow(_whole(rest, lines, number), number)
                if isinstance(value, dict):
                    yield Entry(key, value, number)
                else:
                    for place, scalar in enumerate(value):
                        yield Entry(key, scalar, number, place)
            else:
                yield Entry(key, _scalar(rest, number), number)
            continue
        if block is None:
            raise _bad("an indented line that belongs to nothing", number)
        if bare[0] == "-" and bare[:2] in ("-", "- "):
            rest = bare[1:].lstrip(" ")
            if rest[:1] == "{":
                rest = _whole(rest, lines, number)
            yield from _item(block, indent, rest, number, indent + len(bare) - len(rest))
        else:
            _member(block, indent, bare, number)
    yield from _flush(block)


def _item(block: _Open, indent: int, rest: str, number: int, inner: int) -> Iterator[Entry]:
    """A line that opens an item of a list; `inner` is where its text begins."""
    if block.kind == "":
        block.kind, block.indent = "list", indent
    if block.kind != "list" or indent != block.indent:
        raise _bad("an item of a list where none can stand", number)
    if block.started:
        yield Entry(block.key, block.fields, block.line, block.count - 1)
        block.started = False
    block.count += 1
    block.line = number
    if rest[:1] == "{":
        value = _flow(rest, number)
        assert isinstance(value, dict)
        yield Entry(block.key, value, number, block.count - 1)
        return
    match = _KEY.fullmatch(rest)
    if rest and match is None:
        yield Entry(block.key, _scalar(rest, number), number, block.count - 1)
        return
    block.fields, block.started = {}, True
    block.inner = inner if match is not None else None
    if match is not None:
        _put(block.fields, match["name"], _member_value(match["rest"], number))


def _member(block: _Open, indent: int, bare: str, number: int) -> None:
    """A line `key: value` inside a block."""
    if block.kind == "":
        block.kind, block.indent = "map", indent
    wanted: int | None = block.indent
    if block.kind == "list":
        if block.inner is None and block.started and indent > block.indent:
            block.inner = indent
        wanted = block.inner if block.started else None
    match = _KEY.fullmatch(bare)
    if indent != wanted or match is None:
        raise _bad("a line that is not where a member can stand", number)
    _put(block.fields, match["name"], _member_value(match["rest"], number))
