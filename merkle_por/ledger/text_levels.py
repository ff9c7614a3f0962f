"""Merkle-sum trees whose nodes are text: rows of a tree file to packed records, level to level.

What a row and a node look like is a template, one letter a field, so that one parser and one
hasher serve every format of the kind. A record is the fields of a row in their order: hashes as
raw bytes, amounts as 16 bytes (little endian, unsigned) in units of 10^-decimals. Nothing here
opens a file; an auditor hands over block after block and keeps what it needs.

Row template (`read_rows`)
    x  a hash, lower-case hex           y  a hash, hex of either case
    n  the level's number               i  the running number of the row
    a  an amount in its one form: no needless zeros, at most its decimals, ends at the literal that
       follows (or with the line)
Node template (`parents`): what the parent of two records (one hash, then amounts) hashes
    l r  first and second child's hash as bytes      x y  the same as lower-case hex
    a    next asset's sum without needless zeros     f    with all its decimals
    n    the parent's level number
In both `'c` is the character c itself; `literal()` writes it.

Each function has a C twin (merkle_por/_native/text_trees.c) with equal results.
"""

from __future__ import annotations

import re
import struct
from binascii import unhexlify
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from merkle_por import _native
from merkle_por._native import known_answer
from merkle_por.hashes import sha256

Buffer = bytes | bytearray | memoryview

AMOUNT_BYTES = 16
AMOUNT_END = 2**128
AMOUNT_DIGITS = 39  # of 2^128; more in front of the point are refused unread
MAX_DECIMALS = 38
MAX_TEMPLATE = 65536
LINE_LIMIT = 16384  # longer lines are refused unread; text_trees.c has the same number
NUMBER_END = 2**64
_LOWER_HEX = b"0123456789abcdef"
_ANY_HEX = b"0123456789abcdefABCDEF"

NUMBER_CHARACTERS = b"0123456789.-"
LINE_END = b"\r\n"

OTHER_LEVEL = "other-level"

# What stopped the reading, in the order of the enum of text_trees.c.
_GOOD, _FORM, _HASH, _AMOUNT, _NUMBER, _LEVEL, _INDEX, _NEGATIVE = range(8)
STOPS = (
    None,
    "bad-row",
    "bad-hash",
    "bad-amount",
    "bad-number",
    OTHER_LEVEL,
    "index-order",
    "negative-balance",
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a block of text held.

    records: one for each good row; count: their number. consumed: bytes of the text that these
    rows took. stop: why the row after them was not read: a reason's name, OTHER_LEVEL where it is
    not a fault but begins another level, or None where the block ends.
    """

    records: bytes | bytearray
    count: int
    consumed: int
    stop: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A template with what its letters need.

    width: bytes of a hash in it, 1 to 32. decimals: places after the point, for each amount.
    """

    template: bytes
    width: int = 32
    decimals: tuple[int, ...] = ()

    def record_bytes(self, hashes: int = 1) -> int:
        """Length of a record with so many hashes and all amounts."""
        return hashes * self.width + len(self.decimals) * AMOUNT_BYTES


def literal(text: str) -> bytes:
    """The template of a fixed text."""
    return b"".join(b"'%c" % byte for byte in text.encode())


def amount(record: Buffer, form: Form, index: int, hashes: int = 1) -> int:
    """Amount number `index` of one record, in units of 10^-decimals."""
    at = hashes * form.width + index * AMOUNT_BYTES
    return int.from_bytes(record[at : at + AMOUNT_BYTES], "little")


# Official sample of OKX, 2023-03 (spec okx-merkle-v2): the last two levels, right child first.
_OKX_ROW = Form(
    b"x',n',"
    + literal('{"BTC":"')
    + b"a"
    + literal('","ETH":"')
    + b"a"
    + literal('","USDT":"')
    + b"a"
    + literal('"}'),
    decimals=(8, 8, 8),
)
_OKX_NODE = Form(b"yxaaan", decimals=(8, 8, 8))
_OKX_ROWS = (
    b'9e98ebde32ef22ded88a5fb2d5e53d76ed57cb9c6b2c966f250721defe6ab041,6,{"BTC":"0.00005",'
    b'"ETH":"0.1","USDT":"1.42045977"}\n',
    b'b812559c37e94eb2782aa2729058cb677b24470524dde873b137630a985c3256,5,{"BTC":"0","ETH":"0",'
    b'"USDT":"0.00047828"}\n'
    b'82f532ededf6b45f4682b7f520b7ba1359766f30bddd62706d303b4bdb449e87,5,{"BTC":"0.00005",'
    b'"ETH":"0.1","USDT":"1.41998149"}\n',
)


@known_answer("text_trees")
def _known_answers(module: ModuleType) -> bool:
    if not hasattr(module, "text_rows"):  # a compiler without 128-bit integers
        return False
    decimals = bytes(_OKX_ROW.decimals)

    def rows(text: bytes, level: int, portable: bool) -> bytes:
        answer = module.text_rows(
            text, _OKX_ROW.template, 32, decimals, level, 0, False, False, portable
        )
        return bytes(answer[0])

    for portable in (True, False):
        root, children = rows(_OKX_ROWS[0], 6, portable), rows(_OKX_ROWS[1], 5, portable)
        for engine in module.sha256_engines():
            made = module.text_parents(children, _OKX_NODE.template, 32, 32, decimals, 6, engine)
            if len(root) != 80 or made != root:
                return False
    return True


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a template: its letter, or "'" with the fixed text."""

    letter: str
    text: bytes = b""


@cache
def _fields(form: Form, known: str, *, rows: bool) -> tuple[_Field, ...]:
    """The fields of a template, fixed texts joined. Raises ValueError if it is none.

    rows: numbers are read, so that a literal (or the line's end) must show where they end.
    """
    numbers = "nia" if rows else ""
    wrong = ValueError("template: unknown letter, or another number of amounts")
    if (
        len(form.template) > MAX_TEMPLATE
        or not 1 <= form.width <= sha256.DIGEST_BYTES
        or not all(0 <= places <= MAX_DECIMALS for places in form.decimals)
    ):
        raise wrong
    fields: list[_Field] = []
    at = 0
    while at < len(form.template):
        letter = chr(form.template[at])
        text = form.template[at + 1 : at + 2] if letter == "'" else b""
        if letter == "'" and text:
            last = fields[-1] if fields else _Field("")
            if last.letter == "'":
                text = fields.pop().text + text
            elif last.letter in numbers and text in NUMBER_CHARACTERS:
                raise wrong
            if rows and text in LINE_END:
                raise wrong
        elif letter not in known or (fields and fields[-1].letter in numbers):
            raise wrong
        fields.append(_Field(letter, text))
        at += 2 if letter == "'" else 1
    if sum(field.letter in "af" for field in fields) != len(form.decimals):
        raise wrong
    return tuple(fields)


def read_rows(
    text: Buffer,
    form: Form,
    *,
    level: int = 0,
    first: int = 0,
    crlf: bool = False,
    final: bool = True,
) -> Rows:
    """The records of the rows at the start of a block of text.

    level: the number that `n` must be; at a row with another one the reading stops (OTHER_LEVEL).
    first: the number that `i` is in the first row. crlf, final: as in packed.read_rows.
    In a row the first thing wrong from the left decides: bad-row (a literal, the line's end or
    length), bad-hash, bad-amount (form, decimals, 2^128 and above), bad-number, index-order,
    negative-balance. Raises ValueError for an impossible template or number.
    """
    if not (0 <= level < NUMBER_END and first >= 0 and first + len(text) < NUMBER_END):
        raise ValueError("level and row numbers are below 2^64")
    fields = _fields(form, "xynia", rows=True)
    module = _native.kernel("text_trees")
    if module is None:
        return _python_rows(bytes(text), form, fields, level, first, crlf, final)
    portable = _native.backend() == "c"
    records, count, consumed, kind = module.text_rows(
        text,
        form.template,
        form.width,
        bytes(form.decimals),
        level,
        first,
        crlf,
        final,
        portable,
    )
    return Rows(records, count, consumed, STOPS[kind])


def parents(
    records: Buffer, form: Form, *, level: int = 0, out_width: int = sha256.DIGEST_BYTES
) -> bytes | bytearray:
    """The records of the level above: hash (its first out_width bytes) and sums of each pair.

    Fewer than half as many come back where a sum leaves 128 bits: the first pair missing is it.
    Raises ValueError for an odd number of records (padding or promotion is the caller's, as the
    format demands) or an impossible template.
    """
    fields = _fields(form, "lrxynaf", rows=False)
    if len(records) % (2 * form.record_bytes()) or not 1 <= out_width <= sha256.DIGEST_BYTES:
        raise ValueError("records: an even number, hashes of 1 to 32 bytes")
    if not 0 <= level < NUMBER_END:
        raise ValueError("a level's number is below 2^64")
    module = _native.kernel("text_trees")
    if module is None:
        return _python_parents(bytes(records), form, fields, level, out_width)
    engine = sha256.kernel_engine()
    made: bytearray = module.text_parents(
        records, form.template, form.width, out_width, bytes(form.decimals), level, engine
    )
    return made


# ---- the Python twins ----


def _python_rows(
    text: bytes,
    form: Form,
    fields: tuple[_Field, ...],
    level: int,
    first: int,
    crlf: bool,
    final: bool,
) -> Rows:
    """Good rows by one pattern; any other line by the careful reader, which says what it is.

    The lines' ends are as in packed.read_rows.
    """
    pattern = _good_row(form, fields, b"\r\n" if crlf else b"\n")
    records = bytearray()
    at = count = 0
    while at < len(text):
        if row := pattern.match(text, at):
            record = _record(row.groups(), form, fields, level, first + count)
            if record and row.end() - at <= LINE_LIMIT:
                records += record
                count += 1
                at = row.end()
                continue
        stop = text.find(b"\n", at)
        ended = stop >= 0
        if not ended:
            stop = len(text)
            if not final and stop - at <= LINE_LIMIT + 1:
                break
        line = text[at:stop]
        if crlf:
            if line.endswith(b"\r"):
                line = line[:-1]
            elif ended:
                return Rows(records, count, at, STOPS[_FORM])
        record, kind = _read_row(line, form, fields, level, first + count)
        if kind != _GOOD:
            return Rows(records, count, at, STOPS[kind])
        records += record
        count += 1
        at = stop + ended
    return Rows(records, count, at, None)


@cache
def _good_row(form: Form, fields: tuple[_Field, ...], end: bytes) -> re.Pattern[bytes]:
    """A row with its end; no text matches it in two ways, so nothing is tried twice."""
    places = iter(form.decimals)
    parts = []
    for field in fields:
        if field.letter == "'":
            parts.append(re.escape(field.text))
        elif field.letter in "xy":
            digits = b"[0-9a-f]" if field.letter == "x" else b"[0-9a-fA-F]"
            parts.append(b"(%b{%d})" % (digits, 2 * form.width))
        elif field.letter == "a":
            most = next(places)
            fraction = rb"(?:\.([0-9]{0,%d}[1-9]))?" % (most - 1) if most else b"()"
            parts.append(rb"(0|[1-9][0-9]{0,%d})%b" % (AMOUNT_DIGITS - 1, fraction))
        else:
            parts.append(rb"(0|[1-9][0-9]{0,19})")
    return re.compile(b"".join(parts) + end)


def _record(
    groups: tuple[bytes | None, ...],
    form: Form,
    fields: tuple[_Field, ...],
    level: int,
    index: int,
) -> bytes:
    """The record of a row that matched, or nothing where its numbers are not the ones to be."""
    parts = []
    texts = iter(groups)
    places = iter(form.decimals)
    for field in fields:
        if field.letter == "'":
            continue
        text = next(texts) or b""
        if field.letter == "a":
            value = int(text + (next(texts) or b"").ljust(next(places), b"0"))
            if value >= AMOUNT_END:
                return b""
            parts.append(value.to_bytes(AMOUNT_BYTES, "little"))
        elif field.letter in "xy":
            parts.append(unhexlify(text))
        elif int(text) != (level if field.letter == "n" else index):
            return b""
    return b"".join(parts)


def _read_row(
    line: bytes, form: Form, fields: tuple[_Field, ...], level: int, index: int
) -> tuple[bytes, int]:
    """The record of one line without its end, and what is wrong with it."""
    if not 0 < len(line) <= LINE_LIMIT:
        return b"", _FORM
    record = b""
    at = 0
    decimals = iter(form.decimals)
    for place, field in enumerate(fields):
        if field.letter == "'":
            if not line.startswith(field.text, at):
                return b"", _FORM
            at += len(field.text)
        elif field.letter in "xy":
            digits = line[at : at + 2 * form.width]
            allowed = _LOWER_HEX if field.letter == "x" else _ANY_HEX
            if len(digits) < 2 * form.width or digits.translate(None, allowed):
                return b"", _HASH
            record += unhexlify(digits)
            at += len(digits)
        elif field.letter == "a":
            stop = line.find(fields[place + 1].text[:1], at) if place + 1 < len(fields) else -1
            text = line[at : stop if stop >= 0 else len(line)]
            value, kind = _read_amount(text, next(decimals))
            if kind != _GOOD:
                return b"", kind
            record += value.to_bytes(AMOUNT_BYTES, "little")
            at += len(text)
        else:
            rest = line[at:]
            text = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
            if not _is_whole(text) or len(text) > 20 or int(text) >= NUMBER_END:
                return b"", _NUMBER
            if int(text) != (level if field.letter == "n" else index):
                return b"", _LEVEL if field.letter == "n" else _INDEX
            at += len(text)
    return (record, _GOOD) if at == len(line) else (b"", _FORM)


def _is_whole(text: bytes) -> bool:
    return text.isdigit() and (text == b"0" or not text.startswith(b"0"))


def _read_amount(text: bytes, decimals: int) -> tuple[int, int]:
    """An amount in units of 10^-decimals, and what is wrong with it."""
    plain = text[1:] if text.startswith(b"-") else text
    whole, point, places = plain.partition(b".")
    if not _is_whole(whole) or len(whole) > AMOUNT_DIGITS:
        return 0, _AMOUNT
    if point and (not places.isdigit() or places.endswith(b"0") or len(places) > decimals):
        return 0, _AMOUNT
    value = int(whole + places.ljust(decimals, b"0"))
    if value >= AMOUNT_END or (plain != text and value == 0):
        return 0, _AMOUNT
    return value, _NEGATIVE if plain != text else _GOOD


def _python_parents(
    records: bytes, form: Form, fields: tuple[_Field, ...], level: int, out_width: int
) -> bytes:
    size, width, assets = form.record_bytes(), form.width, len(form.decimals)
    read = struct.Struct(f"<{width}s{2 * assets}Q").unpack_from  # an amount is two words
    preimages, packed_sums = [], []
    for at in range(0, len(records), 2 * size):
        left, *a = read(records, at)
        right, *b = read(records, at + size)
        sums = [a[i] + b[i] + (a[i + 1] + b[i + 1] << 64) for i in range(0, 2 * assets, 2)]
        if sums and max(sums) >= AMOUNT_END:
            break
        preimages.append(_preimage(left, right, sums, form, fields, level))
        packed_sums.append(b"".join([value.to_bytes(AMOUNT_BYTES, "little") for value in sums]))
    digests = sha256.digests(preimages)
    return b"".join(
        [digest[:out_width] + sums for digest, sums in zip(digests, packed_sums, strict=True)]
    )


def _preimage(
    left: bytes,
    right: bytes,
    sums: list[int],
    form: Form,
    fields: tuple[_Field, ...],
    level: int,
) -> bytes:
    """What the parent of two nodes hashes."""
    amounts = iter(zip(sums, form.decimals, strict=True))
    parts = []
    for field in fields:
        match field.letter:
            case "'":
                parts.append(field.text)
            case "l":
                parts.append(left)
            case "r":
                parts.append(right)
            case "x":
                parts.append(left.hex().encode())
            case "y":
                parts.append(right.hex().encode())
            case "n":
                parts.append(b"%d" % level)
            case letter:
                parts.append(_amount_text(*next(amounts), all_places=letter == "f").encode())
    return b"".join(parts)


def _amount_text(value: int, decimals: int, *, all_places: bool) -> str:
    """The value times 10^-decimals as a plain decimal."""
    digits = str(value).rjust(decimals + 1, "0")
    whole, places = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    if not all_places:
        places = places.rstrip("0")
    return f"{whole}.{places}" if places else whole
