"""Packed ledger rows: C with CPU instructions, portable C and Python on the same input."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable
from typing import TypeVar

import pytest
import vectorfiles
from hypothesis import given
from hypothesis import strategies as st

from merkle_por import _native
from merkle_por.ledger import packed

BACKENDS = ["auto", "c", "python"]
U64_MAX = 2**64 - 1
T = TypeVar("T")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(_native.VARIABLE, request.param)
    return str(request.param)


def on_each_backend(work: Callable[[], T]) -> T:
    """The one answer of all backends."""
    answers = []
    with pytest.MonkeyPatch.context() as patch:
        for name in BACKENDS:
            patch.setenv(_native.VARIABLE, name)
            answers.append(work())
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


def pack(rows: list[tuple[bytes, int]]) -> bytes:
    return b"".join(node + value.to_bytes(8, "little") for node, value in rows)


def text_of(rows: list[tuple[bytes, int]], end: bytes = b"\n") -> bytes:
    return b"".join(b"%s,%d%s" % (node.hex().encode(), value, end) for node, value in rows)


def random_rows(count: int, seed: int = 1) -> list[tuple[bytes, int]]:
    rng = random.Random(seed)
    return [(rng.randbytes(32), rng.getrandbits(rng.randrange(1, 65))) for _ in range(count)]


def parent_of(left: tuple[bytes, int], right: tuple[bytes, int]) -> tuple[bytes, int]:
    return hashlib.sha256(pack([left, right])).digest(), left[1] + right[1]


def parents_of(rows: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    return [parent_of(rows[i], rows[i + 1]) for i in range(0, len(rows), 2)]


# ---- rows ----


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("crlf", [False, True])
def test_rows_are_read_into_records(crlf: bool) -> None:
    rows = [*random_rows(500), (bytes(32), 0), (b"\xff" * 32, U64_MAX)]
    text = text_of(rows, b"\r\n" if crlf else b"\n")
    read = packed.read_rows(text, crlf=crlf)
    assert read == packed.Rows(bytearray(pack(rows)), len(text), None)
    assert packed.record(read.records, 501) == (b"\xff" * 32, U64_MAX)
    with pytest.raises(IndexError):
        packed.record(read.records, 502)


NODE = b"0123456789abcdef" * 4
GOOD = NODE + b",15"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "bad-row"),
        (NODE, "bad-row"),
        (NODE + b",1,2", "bad-row"),
        (NODE.upper(), "bad-row"),
        (b",", "bad-hash"),
        (b",,", "bad-row"),
        (NODE.upper() + b",1", "bad-hash"),
        (NODE[1:] + b",1", "bad-hash"),
        (NODE + b"0,1", "bad-hash"),
        (b'"' + NODE + b'",1', "bad-hash"),
        (b"0x" + NODE[2:] + b",1", "bad-hash"),
        (b" " + NODE + b",1", "bad-hash"),
        (NODE[:-1] + b"g,1", "bad-hash"),
        (NODE[:-1] + b"/,1", "bad-hash"),
        (NODE[:-1] + b":,1", "bad-hash"),
        (NODE[:-1] + b"`,1", "bad-hash"),
        (NODE[:-1] + b"\xb1,1", "bad-hash"),
        (b"\x00" + NODE[1:] + b",1", "bad-hash"),
        (NODE + b",", "bad-amount"),
        (NODE + b",00", "bad-amount"),
        (NODE + b",01", "bad-amount"),
        (NODE + b",-1", "bad-amount"),
        (NODE + b",+1", "bad-amount"),
        (NODE + b", 1", "bad-amount"),
        (NODE + b",1 ", "bad-amount"),
        (NODE + b",1_0", "bad-amount"),
        (NODE + b",1.0", "bad-amount"),
        (NODE + b",1e3", "bad-amount"),
        (NODE + b",1\r", "bad-amount"),
        (NODE + b",1\x00", "bad-amount"),
        (NODE + b",a", "bad-amount"),
        (NODE + ",１".encode(), "bad-amount"),
        (NODE + b",18446744073709551616", "bad-amount"),
        (NODE + b",18446744073709551620", "bad-amount"),
        (NODE + b",99999999999999999999", "bad-amount"),
        (NODE + b",100000000000000000000", "bad-amount"),
        (NODE + b"," + b"9" * (packed.LINE_LIMIT - 65), "bad-amount"),
        (NODE + b"," + b"9" * (packed.LINE_LIMIT - 64), "bad-row"),
        (b"a" * 5000, "bad-row"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 40])
def test_a_wrong_row_is_named_and_ends_the_reading(line: bytes, reason: str, before: int) -> None:
    start = (GOOD + b"\n") * before
    for text in (start + line + b"\n" + GOOD, start + line + b"\n", start + line):
        if text == start:
            continue
        read = packed.read_rows(text)
        assert (len(read.records), read.consumed, read.problem) == (40 * before, len(start), reason)


@pytest.mark.usefixtures("backend")
def test_u64_border() -> None:
    assert packed.read_rows(NODE + b",18446744073709551615").problem is None


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("text", "crlf", "reason"),
    [
        (GOOD + b"\r\n" + GOOD, True, None),
        (GOOD + b"\r\n" + GOOD + b"\r", True, None),
        (GOOD + b"\r\n" + GOOD + b"\n", True, "bad-row"),
        (GOOD + b"\r\n" + GOOD + b"\r\r\n", True, "bad-amount"),
        (GOOD + b"\n" + GOOD + b"\r\n", False, "bad-amount"),
        (GOOD + b"\n" + GOOD, False, None),
        (GOOD + b"\n\n", False, "bad-row"),
        (b"", False, None),
        (b"\n", False, "bad-row"),
        (b"\r\n", True, "bad-row"),
    ],
)
def test_line_ends(text: bytes, crlf: bool, reason: str | None) -> None:
    assert packed.read_rows(text, crlf=crlf).problem == reason


@pytest.mark.usefixtures("backend")
def test_an_unended_line_waits_for_the_next_block_unless_too_long() -> None:
    for text in (GOOD, b"x" * (packed.LINE_LIMIT + 1), b"\n"[:0]):
        read = packed.read_rows(GOOD + b"\n" + text, final=False)
        assert (len(read.records), read.consumed, read.problem) == (40, len(GOOD) + 1, None)
    read = packed.read_rows(b"x" * (packed.LINE_LIMIT + 2), final=False)
    assert read.problem == "bad-row"


def in_blocks(text: bytes, sizes: list[int], crlf: bool) -> tuple[bytes, str | None]:
    """As an auditor reads a file: what a block leaves over stands before the next."""
    records, rest, at = bytearray(), b"", 0
    for size in [*sizes, len(text) + 1]:
        rest += text[at : at + size]
        at += size
        read = packed.read_rows(rest, crlf=crlf, final=at >= len(text))
        records += read.records
        rest = rest[read.consumed :]
        if read.problem:
            return bytes(records), read.problem
        if at >= len(text):
            break
    assert not rest
    return bytes(records), None


LINES = st.one_of(
    st.builds(
        lambda node, value: b"%s,%d" % (node.hex().encode(), value),
        st.binary(min_size=32, max_size=32),
        st.one_of(st.integers(0, 9), st.integers(0, U64_MAX), st.integers(U64_MAX, U64_MAX + 9)),
    ),
    st.sampled_from([b"", b",", GOOD + b",", NODE, GOOD + b"\r", b"z" * 1025, b"z" * 1024]),
)


@given(
    lines=st.lists(LINES, max_size=8),
    end=st.sampled_from([b"\n", b"\r\n"]),
    crlf=st.booleans(),
    final_end=st.booleans(),
    change=st.none() | st.tuples(st.floats(0, 1), st.integers(0, 255)),
    sizes=st.lists(st.integers(0, 1500), max_size=6),
)
def test_any_text_reads_alike_everywhere_and_in_any_blocks(
    lines: list[bytes],
    end: bytes,
    crlf: bool,
    final_end: bool,
    change: tuple[float, int] | None,
    sizes: list[int],
) -> None:
    text = bytearray(end.join(lines) + (end if final_end else b""))
    if change and text:
        text[int(change[0] * (len(text) - 1))] = change[1]
    whole = on_each_backend(lambda: packed.read_rows(bytes(text), crlf=crlf))
    blocks = on_each_backend(lambda: in_blocks(bytes(text), sizes, crlf))
    assert blocks == (bytes(whole.records), whole.problem)
    unended = on_each_backend(lambda: packed.read_rows(bytes(text), crlf=crlf, final=False))
    assert whole.records.startswith(unended.records)


# ---- parents ----


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 300])
def test_true_parents_pass(count: int) -> None:
    children = [(node, value >> 1) for node, value in random_rows(2 * count)]
    found = packed.check_parents(pack(parents_of(children)), pack(children))
    assert found == packed.Findings((), 0)


@pytest.mark.usefixtures("backend")
def test_each_wrong_node_is_found_sum_first() -> None:
    children = [(node, value >> 1) for node, value in random_rows(400)]
    parents = parents_of(children)
    parents[3] = (parents[3][0], parents[3][1] ^ 1)
    parents[70] = (bytes(32), parents[70][1])
    parents[199] = (parents[199][0][:-1] + b"\0", parents[199][1] + 1)
    found = packed.check_parents(pack(parents), pack(children))
    assert [(v.index, v.reason) for v in found.first] == [
        (3, "sum-mismatch"),
        (70, "parent-hash"),
        (199, "sum-mismatch"),
        (199, "parent-hash"),
    ]
    cut = packed.check_parents(pack(parents), pack(children), limit=2)
    assert (cut.total, len(cut.first)) == (4, 2)
    assert packed.check_parents(pack(parents), pack(children), limit=0).first == ()


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("left", "right", "stated", "good"),
    [
        (U64_MAX, 0, U64_MAX, True),
        (U64_MAX - 1, 1, U64_MAX, True),
        (U64_MAX, 1, 0, False),
        (U64_MAX, U64_MAX, U64_MAX - 1, False),
        (2**63, 2**63, 0, False),
    ],
)
def test_a_sum_beyond_64_bits_never_wraps(left: int, right: int, stated: int, good: bool) -> None:
    children = pack([(bytes(32), left), (bytes(32), right)])
    parent = hashlib.sha256(children).digest() + stated.to_bytes(8, "little")
    found = packed.check_parents(parent, children)
    assert [v.reason for v in found.first] == ([] if good else ["sum-mismatch"])


@given(data=st.binary(min_size=40, max_size=40 * 40), flips=st.lists(st.integers(0), max_size=5))
def test_parents_are_judged_alike_everywhere(data: bytes, flips: list[int]) -> None:
    count = len(data) // 80
    children = bytearray(data[: 80 * count])
    rows = [packed.record(children, i) for i in range(2 * count)]
    parents = bytearray(pack([(n, v % 2**64) for n, v in parents_of(rows)]))
    for flip in flips if count else []:
        parents[flip % len(parents)] ^= 1 << flip % 8
    on_each_backend(lambda: packed.check_parents(parents, children, limit=4))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("above", "below"), [(40, 79), (40, 40), (39, 78), (0, 80)])
def test_lengths_must_fit(above: int, below: int) -> None:
    with pytest.raises(ValueError, match="records"):
        packed.check_parents(bytes(above), bytes(below))


# ---- an account's leaves ----


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 300])
@pytest.mark.parametrize("first", [0, 1000, 2**64 - 300])
def test_own_leaves_are_found_by_value_and_place(count: int, first: int) -> None:
    key = hashlib.sha256(b"key").digest()
    rows = random_rows(count)
    own = [i for i in range(count) if i % 7 == 3 or i == count - 1]
    for i in own:
        message = rows[i][1].to_bytes(8, "little") + (first + i).to_bytes(8, "little")
        rows[i] = (hmac.digest(key, message, "sha256"), rows[i][1])
    records = pack(rows)
    assert packed.find_leaves(records, first, key) == [first + i for i in own]
    if first:  # a leaf elsewhere is not the account's
        assert packed.find_leaves(records, first - 1, key) == []
    assert packed.find_leaves(records, first, bytes(32)) == []


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("size", "first", "key"), [(39, 0, 32), (40, -1, 32), (40, 0, 31), (40, 2**64, 32)]
)
def test_scan_refuses_wrong_arguments(size: int, first: int, key: int) -> None:
    with pytest.raises(ValueError, match="records"):
        packed.find_leaves(bytes(size), first, bytes(key))


# ---- duplicates ----


@pytest.mark.usefixtures("backend")
def test_hashes_that_stand_twice() -> None:
    rows = random_rows(500)
    rows[20] = (rows[3][0], 5)  # another value changes nothing
    rows[480] = rows[3]
    rows[499] = rows[498]
    assert packed.duplicate_leaves(pack(rows)) == (3, [20, 480, 499])
    assert packed.duplicate_leaves(pack(rows), limit=1) == (3, [20])
    assert packed.duplicate_leaves(pack(random_rows(500, 2))) == (0, [])
    assert packed.duplicate_leaves(b"") == (0, [])


@pytest.mark.usefixtures("backend")
def test_leaves_that_differ_in_one_bit_are_not_duplicates() -> None:
    hashes = [bytes(32)] + [(1 << bit).to_bytes(32, "little") for bit in range(256)]
    assert packed.duplicate_leaves(pack([(node, 0) for node in hashes])) == (0, [])


# ---- the kernel refuses what its Python door would never hand on ----

KERNEL = _native.kernel("records")


@pytest.mark.skipif(KERNEL is None, reason="the kernel is not built")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("records_parents", (bytes(40), bytes(79), 1, "auto")),
        ("records_parents", (bytes(40), bytes(80), -1, "auto")),
        ("records_parents", (bytes(40), bytes(80), 2**40, "auto")),
        ("records_parents", (bytes(40), bytes(80), 1, "none")),
        ("records_scan", (bytes(41), 0, bytes(32), "auto")),
        ("records_scan", (bytes(40), 0, bytes(65), "auto")),
        ("records_duplicates", (bytes(41), bytes(72), 1, 32)),
        ("records_duplicates", (bytes(40), bytes(71), 1, 32)),
        ("records_duplicates", (bytes(40), bytes(72), -1, 32)),
        ("records_duplicates", (bytes(40), bytes(72), 1, 16)),
        ("records_lines", (b"", 0, 1)),
        ("records_lines", (b"", 1, 0)),
    ],
)
def test_the_kernel_checks_its_own_arguments(name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"records|engine"):
        getattr(KERNEL, name)(*arguments)


# ---- published files ----


def audit(data: bytes) -> list[str]:
    """Reasons found by the plain checks of a whole file, for the vectors below."""
    header, _, body = data.partition(b"\n")
    read = packed.read_rows(body, crlf=header.endswith(b"\r"))
    count = len(read.records) // 40
    if read.problem or count & (count + 1) or not count:
        return [read.problem or "node_count"]
    inner = count // 2
    found = packed.check_parents(read.records[: 40 * inner], read.records[40:])
    doubled = packed.duplicate_leaves(read.records[40 * inner :])[0]
    return [v.reason for v in found.first] + ["duplicate_leaf"] * min(doubled, 1)


FAMILY = {
    "bad_value": "bad-amount",
    "bad_hash": "bad-hash",
    "bad_field_count": "bad-row",
    "sum_mismatch": "sum-mismatch",
    "hash_mismatch": "parent-hash",
}
CASES = [
    entry
    for name in ("bitmex-liabilities", "river-liabilities")
    for side in ("made", "peer")
    for entry in vectorfiles.manifest(side, name)
    if entry.data["expect"] == "valid"
    or entry.data.get("reason") in {*FAMILY, "node_count", "duplicate_leaf"}
]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("entry", CASES, ids=lambda entry: entry.name)
def test_vectors(entry: vectorfiles.Entry) -> None:
    found = audit(entry.files[0].read_bytes())
    if entry.data["expect"] == "valid":
        assert found == []
    else:
        reason = entry.data["reason"]
        assert found[0] == FAMILY.get(reason, reason)


# ---- where lines begin, and prefixes that stand twice ----


def plain_line_ends(text: bytes, before: int, stride: int) -> tuple[int, list[int]]:
    ends = [i + 1 for i, byte in enumerate(text) if byte == 10]
    return len(ends), ends[before - 1 :: stride]


@given(
    st.lists(st.sampled_from([b"\n", b"a\n", b"abcdefg\n", b"x" * 40, b"\r\n"]), max_size=40),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_line_ends_are_found(parts: list[bytes], before: int, stride: int) -> None:
    text = b"".join(parts)
    found = on_each_backend(lambda: packed.line_ends(text, before, stride))
    assert found == plain_line_ends(text, before, stride)


@given(st.lists(st.sampled_from([bytes(8), b"abcdefgh", b"abcdefgi", b"\xff" * 8]), max_size=6))
def test_prefixes_that_stand_twice(prefixes: list[bytes]) -> None:
    found = on_each_backend(lambda: packed.repeated_prefixes(b"".join(prefixes)))
    assert found == {prefix for prefix in prefixes if prefixes.count(prefix) > 1}
