"""Rows and levels of text trees: C with CPU instructions, portable C and Python alike."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest
import vectorfiles
from hypothesis import given
from hypothesis import strategies as st

from merkle_por import _native
from merkle_por.ledger import text_levels as levels
from merkle_por.ledger.text_levels import Form, literal

T = TypeVar("T")
BACKENDS = ["auto", "c", "python"]
OKX_ROW, OKX_NODE = levels._OKX_ROW, levels._OKX_NODE
# A row with one of each field, and a plain one with a narrow hash.
MIXED = Form(b"n' y'|i'\tx'=a' a", width=8, decimals=(0, 38))
LEAF_LIST = Form(b"n',i'\tx", width=8)


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


def whole_coins(units: int, decimals: int) -> Decimal:
    """units * 10^-decimals, exactly: built from its digits, no context rounds it."""
    return Decimal((0, tuple(map(int, str(units))), -decimals))


def okx_line(height: int, amounts: tuple[str, str, str], node: str = "ab" * 32) -> bytes:
    names = zip(("BTC", "ETH", "USDT"), amounts, strict=True)
    balances = json.dumps(dict(names), separators=(",", ":"))
    return f"{node},{height},{balances}".encode()


# ---- rows ----


@pytest.mark.usefixtures("backend")
def test_row_fields_in_order() -> None:
    text = b"7 00FFab0000000001|4\t00ffab0000000002=12 0.5\n7 " + b"A" * 16 + b"|5\t" + b"0" * 16
    read = levels.read_rows(text + b"=0 0", MIXED, level=7, first=4)
    assert (read.count, read.consumed, read.stop) == (2, len(text) + 4, None)
    size = MIXED.record_bytes(hashes=2)
    record = read.records[:size]
    assert (len(read.records), record[:16].hex()) == (2 * size, "00ffab000000000100ffab0000000002")
    assert levels.amount(record, MIXED, 0, hashes=2) == 12
    assert levels.amount(record, MIXED, 1, hashes=2) == 5 * 10**37


GOOD = ("1", "0.00000001", "20")


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.0", "bad-amount"),
        ("0.10", "bad-amount"),
        ("01", "bad-amount"),
        ("00", "bad-amount"),
        ("", "bad-amount"),
        (".5", "bad-amount"),
        ("5.", "bad-amount"),
        ("+1", "bad-amount"),
        ("-0", "bad-amount"),
        ("--1", "bad-amount"),
        ("-", "bad-amount"),
        (" 1", "bad-amount"),
        ("1 ", "bad-amount"),
        ("1e3", "bad-amount"),
        ("1_0", "bad-amount"),
        ("1,0", "bad-amount"),
        ("1.2.3", "bad-amount"),
        ("1.-2", "bad-amount"),
        ("NaN", "bad-amount"),
        ("0.000000001", "bad-amount"),
        ("1\\u0030", "bad-amount"),
        ("3402823669209384634633746074318.000000000001", "bad-amount"),
        ("3402823669209384634633746074318", "bad-amount"),
        ("9" * 39, "bad-amount"),
        ("9" * 40, "bad-amount"),
        ("1" + "0" * 45, "bad-amount"),
        ("0" * 45, "bad-amount"),
        ("-1", "negative-balance"),
        ("-0.00000001", "negative-balance"),
        ("3402823669209384634633746074317.68211455", None),
        ("3402823669209384634633746074317.68211456", "bad-amount"),
        ("0", None),
    ],
)
def test_amount_grammar(text: str, reason: str | None) -> None:
    raw = okx_line(1, GOOD).replace(b'"0.00000001"', b'"%s"' % text.encode())
    read = levels.read_rows(raw, OKX_ROW, level=1)
    assert read.stop == reason
    if reason is None:
        value = levels.amount(read.records, OKX_ROW, 1)
        assert whole_coins(value, 8) == Decimal(text)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("line", "stop"),
    [
        (b"", "bad-row"),
        (b"zz", "bad-hash"),
        (okx_line(1, GOOD, "AB" * 32), "bad-hash"),
        (okx_line(1, GOOD, "ab" * 31), "bad-hash"),
        (okx_line(1, GOOD, "ab" * 33), "bad-row"),
        (okx_line(2, GOOD), levels.OTHER_LEVEL),
        (okx_line(-1, GOOD), "bad-number"),
        (okx_line(1, GOOD).replace(b",1,", b",01,"), "bad-number"),
        (okx_line(1, GOOD).replace(b",1,", b",,"), "bad-number"),
        (okx_line(1, GOOD).replace(b",1,", b",18446744073709551616,"), "bad-number"),
        (okx_line(1, GOOD).replace(b",1,", b",18446744073709551615,"), levels.OTHER_LEVEL),
        (okx_line(1, GOOD) + b" ", "bad-row"),
        (okx_line(1, GOOD)[:-1], "bad-row"),
        (okx_line(1, GOOD).replace(b'"20"', b"20"), "bad-row"),
        (okx_line(1, GOOD).replace(b'"ETH"', b'"BTC"'), "bad-row"),
        (okx_line(1, GOOD).replace(b":", b": "), "bad-row"),
        (okx_line(1, GOOD)[:90], "bad-amount"),
        (b"0" * (levels.LINE_LIMIT + 1), "bad-row"),
    ],
)
def test_a_wrong_row_ends_the_reading(line: bytes, stop: str) -> None:
    good = okx_line(1, GOOD) + b"\n"
    for before in (b"", good, good * 3):
        for after in (b"\n" + good, b"\n"):
            read = levels.read_rows(before + line + after, OKX_ROW, level=1)
            assert (read.consumed, read.stop) == (len(before), stop)
            assert read.count * len(good) == len(before)


def test_a_row_has_no_line_end_within() -> None:
    with pytest.raises(ValueError, match="template"):
        levels.read_rows(b"", Form(b"x'\n"))


@pytest.mark.usefixtures("backend")
def test_running_index() -> None:
    text = b"5,0\t0000000000000000\n5,1\t0000000000000001\n5,3\t0000000000000002\n"
    read = levels.read_rows(text, LEAF_LIST, level=5)
    assert (read.count, read.stop, len(read.records)) == (2, "index-order", 16)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "form",
    [
        Form(b"q"),
        Form(b"'"),
        Form(b"a"),
        Form(b"", decimals=(1,)),
        Form(b"aa", decimals=(1, 1)),
        Form(b"a'.", decimals=(1,)),
        Form(b"n'7"),
        Form(b"nx"),
        Form(b"a", decimals=(39,)),
        Form(b"x", width=0),
        Form(b"x", width=33),
        Form(b"l"),
        Form(b"\0"),
    ],
)
def test_impossible_templates_are_refused(form: Form) -> None:
    with pytest.raises(ValueError, match="template"):
        levels.read_rows(b"", form)
    if (module := _native.kernel("text_trees")) is not None:
        with pytest.raises(ValueError, match="template"):
            module.text_rows(
                b"", form.template, form.width, bytes(form.decimals), 0, 0, False, False, False
            )


FIELD = st.text("0123456789.-e\n\r,\"'x\xb1", max_size=12)
AMOUNT = st.one_of(
    st.sampled_from(["0", "1", "0.1", "-0.5", "12.34567891", "9" * 30, "1.10"]),
    st.decimals(0, 10**12, places=8).map(lambda d: f"{d.normalize():f}"),
    FIELD,
)


@given(
    rows=st.lists(st.tuples(st.integers(1, 2), AMOUNT, AMOUNT), max_size=5),
    end=st.sampled_from([b"\n", b"\r\n"]),
    crlf=st.booleans(),
    final_end=st.booleans(),
    change=st.none() | st.tuples(st.floats(0, 1), st.integers(0, 255)),
    cut=st.integers(0, 400),
)
def test_any_text_reads_alike_everywhere(
    rows: list[tuple[int, str, str]],
    end: bytes,
    crlf: bool,
    final_end: bool,
    change: tuple[float, int] | None,
    cut: int,
) -> None:
    lines = [
        b'%b,%d,{"BTC":"%b","ETH":"0","USDT":"%b"}' % (b"0a" * 32, h, a.encode(), b.encode())
        for h, a, b in rows
    ]
    text = bytearray(end.join(lines) + (end if final_end else b""))
    if change and text:
        text[int(change[0] * (len(text) - 1))] = change[1]

    def read(part: bytes, final: bool, first: int = 0) -> levels.Rows:
        return levels.read_rows(part, OKX_ROW, level=1, first=first, crlf=crlf, final=final)

    whole = on_each_backend(lambda: read(bytes(text), True))
    start = on_each_backend(lambda: read(bytes(text[:cut]), False))
    if start.stop:
        assert start == whole
    else:
        rest = on_each_backend(lambda: read(bytes(text[start.consumed :]), True))
        assert start.records + rest.records == whole.records
        assert rest.stop == whole.stop


@given(
    text=st.text("0123456789abcdefAB|=\t .\n", max_size=200),
    good=st.integers(0, 3),
)
def test_mixed_templates_read_alike_everywhere(text: str, good: int) -> None:
    start = "".join(f"0 {'0A' * 8}|{i}\t{'0b' * 8}={i} 0.{i + 1}\n" for i in range(good))
    read = on_each_backend(lambda: levels.read_rows((start + text).encode(), MIXED))
    assert read.count >= good


# ---- levels ----


@pytest.mark.usefixtures("backend")
def test_node_letters() -> None:
    form = Form(literal("<") + b"lrxyn" + literal(";") + b"a' f" + literal(">"), 2, (3, 2))
    left = b"\x01\xab" + (1500).to_bytes(16, "little") + (7).to_bytes(16, "little")
    right = b"\x02\xcd" + (500).to_bytes(16, "little") + (0).to_bytes(16, "little")
    preimage = b"<\x01\xab\x02\xcd01ab02cd12;2 0.07>"
    sums = (2000).to_bytes(16, "little") + (7).to_bytes(16, "little")
    for width in (1, 8, 32):
        made = levels.parents(left + right, form, level=12, out_width=width)
        assert made == hashlib.sha256(preimage).digest()[:width] + sums


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("decimals", [0, 1, 8, 19, 20, 38])
@pytest.mark.parametrize(
    "value",
    [0, 1, 9, 10, 10**8, 10**19 - 1, 10**19, 2**64 - 1, 2**64, 10**38, 2**127, 2**128 - 1],
)
def test_amounts_are_written_plainly(value: int, decimals: int) -> None:
    record = bytes(1) + value.to_bytes(16, "little") + bytes(17)
    exact = f"{whole_coins(value, decimals):f}"
    trimmed = exact.rstrip("0").rstrip(".") if "." in exact else exact
    for letter, text in ((b"a", trimmed), (b"f", exact)):
        made = levels.parents(record, Form(letter, 1, (decimals,)))
        assert made == hashlib.sha256(text.encode()).digest() + value.to_bytes(16, "little")


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("wrong", [0, 5, 63, 64, 69])
def test_a_sum_beyond_128_bits_ends_the_level(wrong: int) -> None:
    form = Form(b"lra", 4, (8,))
    records = bytearray(random.Random(1).randbytes(20 * 140))
    for i in range(140):
        records[20 * i + 19] = 0  # small enough
    records[40 * wrong + 4 : 40 * wrong + 20] = b"\xff" * 16
    records[40 * wrong + 24 : 40 * wrong + 40] = (1).to_bytes(16, "little")
    made = levels.parents(records, form)
    assert len(made) == wrong * (32 + 16)
    records[40 * wrong + 24] = 0
    assert len(levels.parents(records, form)) == 70 * (32 + 16)


@given(
    count=st.integers(0, 140),
    template=st.lists(st.sampled_from(["l", "r", "x", "y", "n", "'a", "'\0", "''"]), max_size=6),
    kinds=st.lists(st.tuples(st.sampled_from("af"), st.integers(0, 38)), max_size=4),
    width=st.integers(1, 32),
    out_width=st.integers(1, 32),
    level=st.integers(0, 2**64 - 1),
    seed=st.integers(0, 999),
    bits=st.integers(0, 128),
)
def test_levels_are_made_alike_everywhere(
    count: int,
    template: list[str],
    kinds: list[tuple[str, int]],
    width: int,
    out_width: int,
    level: int,
    seed: int,
    bits: int,
) -> None:
    rng = random.Random(seed)
    letters = template + [kind for kind, _ in kinds]
    rng.shuffle(letters)
    form = Form("".join(letters).encode(), width, tuple(places for _, places in kinds))
    records = b"".join(
        rng.randbytes(width)
        + b"".join((rng.getrandbits(128) >> 128 - bits).to_bytes(16, "little") for _ in kinds)
        for _ in range(2 * count)
    )
    made = on_each_backend(lambda: levels.parents(records, form, level=level, out_width=out_width))
    assert bits == 128 or len(made) == count * (out_width + 16 * len(kinds))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("size", "form", "out_width"),
    [
        (32, Form(b"lr"), 32),
        (65, Form(b"lr"), 32),
        (64, Form(b"lr"), 33),
        (64, Form(b"lr"), 0),
        (64, Form(b"lri"), 32),
        (64, Form(b"lra"), 32),
    ],
)
def test_levels_that_cannot_be_made(size: int, form: Form, out_width: int) -> None:
    with pytest.raises(ValueError, match=r"records|template"):
        levels.parents(bytes(size), form, out_width=out_width)
    if (module := _native.kernel("text_trees")) is not None:
        with pytest.raises(ValueError, match=r"records|template"):
            module.text_parents(bytes(size), form.template, form.width, out_width, b"", 0, "auto")


# ---- whole trees of OKX ----


def okx_tree(data: bytes) -> list[str]:
    """What the plain checks find in a tree file, for the vectors below."""
    if not data:
        return ["empty-file"]
    fields = data.split(b",", 2)
    height = int(fields[1]) if len(fields) > 2 and fields[1].isdigit() else 0
    above: bytes | bytearray = b""
    for level in range(height, 0, -1):
        read = levels.read_rows(data, OKX_ROW, level=level)
        if read.stop not in (None, levels.OTHER_LEVEL):
            return [str(read.stop)]
        data = data[read.consumed :]
        size = OKX_ROW.record_bytes()
        if level == height:
            if read.count != 1:
                return ["level-size"]
        else:
            if read.count % 2:
                return ["level-size"]
            made = levels.parents(read.records, OKX_NODE, level=level + 1)
            padding = len(above) - len(made)
            if padding not in (0, size) or above[padding:] != made:
                return ["parent"]
        above = read.records
    return ["extra"] if data else []


# Faults that show in the tree file itself, without a root from outside.
TREES = [
    entry
    for side in ("made", "peer")
    for entry in vectorfiles.manifest(side, "okx-merkle-v2")
    for file in entry.files
    if file.suffix == ".txt" and entry.data.get("reason") != "root-mismatch"
]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("entry", TREES, ids=lambda entry: entry.name)
def test_okx_trees(entry: vectorfiles.Entry) -> None:
    (tree,) = [file for file in entry.files if file.suffix == ".txt"]
    found = okx_tree(tree.read_bytes())
    assert bool(found) == (entry.data["expect"] != "valid")
