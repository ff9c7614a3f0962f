"""Ledgers in the form of BitMEX and River as packed records, block by block.

A record is hash (32 bytes) || value (8 bytes, little endian); records stand in file order. The
file is root first, so node i has its children at records 2i+1 and 2i+2, and the 80 bytes that a
parent hashes are a plain slice. Nothing here opens a file or holds more than it is given: an audit
keeps two rows of the tree and hands over block after block.

Each function has a C twin (merkle_por/_native/records.c) with equal results. The twins here are
written for speed as well: no Python code runs per row where all is well, but for the hashing.

Rules: specs bitmex-liabilities, river-liabilities; measurements: ledger-hot-path.
"""

from __future__ import annotations

import hashlib
import operator
import os
import struct
import sys
from array import array
from binascii import unhexlify
from dataclasses import dataclass
from itertools import compress, count
from types import ModuleType

from merkle_por import _native
from merkle_por._native import known_answer
from merkle_por.hashes import sha256

Buffer = bytes | bytearray | memoryview

HASH_BYTES = 32
RECORD_BYTES = 40
PREFIX_BYTES = 8  # of a hash: what tells leaves apart until two agree in it
WORDS = RECORD_BYTES // 8  # a record is five 64-bit words, the last one is the value
LINE_LIMIT = 1024  # longer lines are refused unread; records.c has the same number
PIECE_BYTES = 1 << 18  # of text that the Python twin takes apart at a time
U64_DIGITS = 20
U64_END = 2**64
MOST_FINDINGS = 1000
_MOST_REPEATED = 1 << 20  # the kernel lists no more

# What is wrong with a row, and with a node, in the order of the enums of records.c.
ROW_REASONS = (None, "bad-row", "bad-hash", "bad-amount")
NODE_REASONS = ("", "sum-mismatch", "parent-hash")

_PARTED = 1 << 18  # so many leaves are compared in parts, by their hashes' first byte
_PARTS = tuple(bytes(byte % 4 == part for byte in range(256)) for part in range(4))
_WHOLE = (bytes([1]) * 256,)
_HEX = b"0123456789abcdef"
_SEED_BYTES = 72


@dataclass(frozen=True, slots=True)
class Rows:
    """What a block of text held.

    records: 40 bytes for each good row. consumed: bytes of the text that these rows took; the rest
    belongs in front of the next block. problem: the reason's name if the row after them is wrong
    (nothing behind it was read), else None.
    """

    records: bytes | bytearray
    consumed: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Violation:
    """A wrong node: its index among the parents that were checked, and the reason's name."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The first violations in order, and how many there are in all."""

    first: tuple[Violation, ...]
    total: int


# A tree of two leaves (spec bitmex-liabilities, worked example).
_EXAMPLE = (
    b"b6ebc04000cab3951b30a668a4c67ca07f9184f5c25a1c9f09016373dd89c591,12\n"
    b"278aa4b9b714f554c6878df4f988ab44ff6a1f3acfb1907561f872250e784d9d,5\n"
    b"e2e1fbbc994a2ae86d7faf65037ffef87d03003e9bd8f45fb31c9c7b6297c98f,7\n"
)
_EXAMPLE_KEY = bytes.fromhex("43397a71a7550d2414c087a155270f011c27cdbb0ea8ffc951e7dd88052b79b5")


@known_answer("records")
def _known_answers(module: ModuleType) -> bool:
    expected = _python_rows(_EXAMPLE, crlf=False, final=False).records
    for portable in (True, False):
        records, consumed, kind = module.records_rows(_EXAMPLE, False, False, portable)
        if (records, consumed, kind) != (expected, len(_EXAMPLE), 0):
            return False
    root, leaves = expected[:RECORD_BYTES], expected[RECORD_BYTES:]
    wrong = bytearray(root)
    wrong[0] ^= 1
    wrong[-1] ^= 1
    return all(
        module.records_parents(root, leaves, 9, engine) == (0, [])
        and module.records_parents(wrong, leaves, 9, engine) == (2, [(0, 1), (0, 2)])
        and module.records_scan(leaves, 0, _EXAMPLE_KEY, engine) == [1]
        for engine in module.sha256_engines()
    ) and (
        module.records_duplicates(leaves + leaves, bytes(_SEED_BYTES), 9, HASH_BYTES) == (2, [2, 3])
        and module.records_duplicates(leaves, bytes(_SEED_BYTES), 9, PREFIX_BYTES) == (0, [])
        and module.records_lines(_EXAMPLE, 1, 2) == (3, [68, len(_EXAMPLE)])
    )


def _kernel() -> tuple[ModuleType | None, str]:
    """The kernel, and the SHA-256 engine to use with it: all of the work pays even in plain C."""
    module = _native.kernel("records")
    if module is None:
        return None, ""
    return module, sha256.kernel_engine()


def read_rows(text: Buffer, *, crlf: bool = False, final: bool = True) -> Rows:
    """The records of the rows `<64 lower hex>,<decimal u64>` in a block of text.

    crlf: the file's lines end with CR LF (all of them, as its first line showed).
    final: the file ends with this block, so its last line may lack its end; otherwise an unended
    line is left over for the next block, unless it is longer than any row may be. Where a block
    ends makes no difference to what is found.
    A wrong row is bad-row (too long, not two fields, another line end), else bad-hash, else
    bad-amount (no plain decimal, or 2^64 and above).
    """
    module, _ = _kernel()
    if module is None:
        return _python_rows(bytes(text), crlf=crlf, final=final)
    portable = _native.backend() == "c"
    records, consumed, kind = module.records_rows(text, crlf, final, portable)
    return Rows(records, consumed, ROW_REASONS[kind])


def check_parents(parents: Buffer, children: Buffer, *, limit: int = MOST_FINDINGS) -> Findings:
    """Checks that parent i has the sum and the hash of records 2i and 2i+1 of `children`.

    For each node sum-mismatch (also where the sum leaves 64 bits) comes before parent-hash; both
    may be found. Raises ValueError unless there are two children for each parent.
    """
    module, engine = _kernel()
    if len(parents) % RECORD_BYTES or len(children) != 2 * len(parents):
        raise ValueError("records: two children of 40 bytes for each parent")
    if module is None:
        found = _python_parents(parents, children)
        total = len(found)
    else:
        total, found = module.records_parents(parents, children, limit, engine)
    return Findings(
        tuple(Violation(index, NODE_REASONS[kind]) for index, kind in found[:limit]), total
    )


def find_leaves(records: Buffer, first: int, key: bytes) -> list[int]:
    """Numbers of the leaves whose hash is HMAC-SHA256(key, LE64(value) || LE64(number)).

    records: leaves with the numbers first, first + 1, ...; key: 32 bytes (the account's nonce for
    this ledger). Raises ValueError for another key length, broken records or numbers above 2^64.
    """
    leaves, rest = divmod(len(records), RECORD_BYTES)
    if rest or len(key) != HASH_BYTES or first < 0 or first + leaves > U64_END:
        raise ValueError("records of 40 bytes, a key of 32, leaf numbers below 2^64")
    module, engine = _kernel()
    if module is None:
        return _python_scan(records, first, key)
    return [first + index for index in module.records_scan(records, first, key, engine)]


def duplicate_leaves(records: Buffer, *, limit: int = MOST_FINDINGS) -> tuple[int, list[int]]:
    """How many records have a hash that stood before among them, and the indexes of the first."""
    if len(records) % RECORD_BYTES:
        raise ValueError("records of 40 bytes")
    module, _ = _kernel()
    if module is not None:
        result: tuple[int, list[int]] = module.records_duplicates(
            records, os.urandom(_SEED_BYTES), limit, HASH_BYTES
        )
        return result
    data = bytes(records)
    hashes = [data[i : i + HASH_BYTES] for i in range(0, len(data), RECORD_BYTES)]
    total = len(hashes) - len(set(hashes))
    later: list[int] = []
    seen: set[bytes] = set()
    for index, node in enumerate(hashes if total else ()):
        if node in seen and len(later) < limit:
            later.append(index)
        seen.add(node)
    return total, later


def total(records: Buffer) -> int:
    """The sum of all values."""
    return sum(words_of(records)[WORDS - 1 :: WORDS])


def prefixes(records: Buffer) -> bytes:
    """The first 8 bytes of each record's hash."""
    return memoryview(records).cast("B").cast("Q")[::WORDS].tobytes()


def repeated_prefixes(prefixes: Buffer) -> set[bytes]:
    """The prefixes (8 bytes each) that stand more than once."""
    module, _ = _kernel()
    if module is not None:
        total, later = module.records_duplicates(
            prefixes, os.urandom(_SEED_BYTES), _MOST_REPEATED, PREFIX_BYTES
        )
        if total <= _MOST_REPEATED:
            return {bytes(prefixes[8 * i : 8 * i + PREFIX_BYTES]) for i in later}
    data = bytes(prefixes)
    words = array("Q", data)
    if not words:
        return set()
    first_bytes = data[::PREFIX_BYTES]
    again: set[int] = set()
    for part in _PARTS if len(words) >= _PARTED else _WHOLE:
        # One set of all would take 100 bytes and more a leaf.
        own = list(compress(words, first_bytes.translate(part)))
        if len(set(own)) != len(own):
            seen: set[int] = set()
            again.update(word for word in own if word in seen or seen.add(word))  # type: ignore[func-returns-value]
    return {word.to_bytes(PREFIX_BYTES, sys.byteorder) for word in again}


def line_ends(text: Buffer, before: int, stride: int) -> tuple[int, list[int]]:
    """How many line ends a text has, and the places behind number before, before + stride, ...

    before, stride: 1 and up.
    """
    module, _ = _kernel()
    if module is not None:
        found: tuple[int, list[int]] = module.records_lines(text, before, stride)
        return found
    data = bytes(text)
    places: list[int] = []
    mean = max(1, len(data[:4096]) // (data.count(b"\n", 0, 4096) or 1))
    count = at = 0
    while True:
        # A guess by the mean length of a line, then step by step to the place itself.
        wanted = before + len(places) * stride
        guess = min(at + (wanted - count) * mean, len(data))
        count += data.count(b"\n", at, guess)
        at = guess
        while count < wanted:
            end = data.find(b"\n", at) + 1
            if not end:
                return count, places
            at = end
            count += 1
        while count > wanted:
            at = data.rindex(b"\n", 0, at)
            count -= 1
        at = data.rindex(b"\n", 0, at) + 1  # the guess may stand behind the place
        places.append(at)


def record(records: Buffer, index: int) -> tuple[bytes, int]:
    """Hash (32 bytes) and value of one record. Raises IndexError beyond the last."""
    at = index * RECORD_BYTES
    if not 0 <= at <= len(records) - RECORD_BYTES:
        raise IndexError(index)
    value = int.from_bytes(records[at + HASH_BYTES : at + RECORD_BYTES], "little")
    return bytes(records[at : at + HASH_BYTES]), value


# ---- the Python twins ----


def words_of(data: Buffer) -> array[int]:
    """The bytes as little-endian 64-bit words."""
    words = array("Q")
    words.frombytes(data)
    if sys.byteorder == "big":
        words.byteswap()
    return words


def _python_rows(text: bytes, *, crlf: bool, final: bool) -> Rows:
    """Reads all ended lines at once; where that fails, line by line up to the wrong one."""
    records = bytearray()
    at, end = 0, text.rfind(b"\n") + 1
    while at < end:
        # Piece by piece: the fields of all rows together would not fit in the processor's cache.
        stop = text.rfind(b"\n", at, at + PIECE_BYTES) + 1 or text.index(b"\n", at) + 1
        packed = _all_rows(text[at:stop], crlf)
        if packed is None:
            break
        records += packed
        at = stop
    rest = _line_by_line(text, at, crlf=crlf, final=final)
    return Rows(records + rest.records, rest.consumed, rest.problem)


def _all_rows(text: bytes, crlf: bool) -> bytes | None:
    """The records if every line is a good row, else None; only whole-block operations."""
    if crlf:
        rows = text.count(b"\n")
        if text.count(b"\r\n") != rows or text.count(b"\r") != rows:
            return None
        text = text.replace(b"\r\n", b"\n")
    fields = text.replace(b"\n", b",").split(b",")
    rows = len(fields) // 2
    if text.translate(None, _HEX) != b",\n" * rows:  # nothing else, and one comma in each line
        return None
    hashes, values = fields[0:-1:2], fields[1::2]
    lengths = set(map(len, values))
    listed = b",%b," % b",".join(values)
    if (
        set(map(len, hashes)) != {2 * HASH_BYTES}
        or not b"".join(values).isdigit()
        or 0 in lengths
        or max(lengths) > U64_DIGITS
        or listed.count(b",0") != listed.count(b",0,")  # a leading zero
    ):
        return None
    try:
        numbers = array("Q", list(map(int, values)))
    except OverflowError:
        return None
    nodes = words_of(unhexlify(b"".join(hashes)))
    words = array("Q", bytes(RECORD_BYTES * rows))
    for i in range(WORDS - 1):
        words[i::WORDS] = nodes[i :: WORDS - 1]
    words[WORDS - 1 :: WORDS] = numbers
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _line_by_line(text: bytes, at: int, *, crlf: bool, final: bool) -> Rows:
    """The rows from place `at` on."""
    records = bytearray()
    while at < len(text):
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
                return Rows(records, at, "bad-row")
        problem = _row_problem(line)
        if problem is not None:
            return Rows(records, at, problem)
        node, _, value = line.partition(b",")
        records += unhexlify(node) + int(value).to_bytes(8, "little")
        at = stop + ended
    return Rows(records, at, None)


def _row_problem(line: bytes) -> str | None:
    fields = line.split(b",")
    if len(line) > LINE_LIMIT or len(fields) != 2:
        return "bad-row"
    node, value = fields
    if len(node) != 2 * HASH_BYTES or node.translate(None, _HEX):
        return "bad-hash"
    plain = value.isdigit() and (value == b"0" or not value.startswith(b"0"))
    if not plain or len(value) > U64_DIGITS or int(value) >= U64_END:
        return "bad-amount"
    return None


def _python_parents(parents: Buffer, children: Buffer) -> list[tuple[int, int]]:
    above, below = words_of(parents), words_of(children)[WORDS - 1 :: WORDS]
    digests = sha256.digests_of_slices(children, 2 * RECORD_BYTES)
    sums = list(map(operator.add, below[0::2], below[1::2]))
    stated = above[WORDS - 1 :: WORDS].tolist()
    found = []
    if sums != stated:
        found += [(index, 1) for index in compress(count(), map(operator.ne, sums, stated))]
    made = words_of(digests)
    if any(made[i :: WORDS - 1] != above[i::WORDS] for i in range(WORDS - 1)):
        found += [(i, 2) for i in range(len(sums)) if not _same_hash(digests, i, parents)]
    return sorted(found)


def _same_hash(digests: Buffer, index: int, records: Buffer) -> bool:
    at = index * RECORD_BYTES
    return digests[index * HASH_BYTES : (index + 1) * HASH_BYTES] == records[at : at + HASH_BYTES]


def _python_scan(records: Buffer, first: int, key: bytes) -> list[int]:
    """HMAC (RFC 2104) with the two pads hashed once and copied for each leaf."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy
    leaves = len(records) // RECORD_BYTES
    words = array("Q", bytes(16 * leaves))
    words[0::2] = words_of(records)[WORDS - 1 :: WORDS]
    words[1::2] = array("Q", range(first, first + leaves))
    if sys.byteorder == "big":
        words.byteswap()
    messages = words.tobytes()
    digests = bytearray()
    for (message,) in struct.iter_unpack("16s", messages):
        digest = inner()
        digest.update(message)
        leaf = outer()
        leaf.update(digest.digest())
        digests += leaf.digest()
    alike = map(operator.eq, words_of(digests)[:: WORDS - 1], words_of(records)[::WORDS])
    return [first + i for i in compress(count(), alike) if _same_hash(digests, i, records)]
