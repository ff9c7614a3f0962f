"""Untrusted bytes: strict JSON, bounds before work, typed fields that name what is wrong."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.documents import Document, Fields, Limits, Number, check_hex, kind_of, parse_json
from merkle_por.errors import Malformed, UsageError

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**80), 2**80),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4
        ),
    ),
    max_leaves=15,
)


def reason(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Malformed) as caught:
        parse_json(data, limits or Limits())
    return caught.value.reason


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_json_comes_back(value: Any, ascii_: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent)
    assert parse_json(text.encode()) == value
    assert parse_json(b"\xef\xbb\xbf" + text.encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    try:
        value = parse_json(data)
    except Malformed:
        return
    json.loads(data.decode("utf-8-sig"))
    assert not isinstance(value, float)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "empty-file"),
        (" \n\t ", "empty-file"),
        ("\ufeff", "empty-file"),
        ('{"a": 1, "a": 1}', "duplicate-key"),
        ('[{"x": {"b": 1, "c": 2, "b": 3}}]', "duplicate-key"),
        ('{"a": 1, "\\u0061": 2}', "duplicate-key"),
        ("NaN", "nan"),
        ('{"a": [Infinity]}', "nan"),
        ("-Infinity", "nan"),
        ('["\\ud800"]', "bad-json"),
        ('{"\\udfff": 1}', "bad-json"),
        ('{"a": 1} x', "bad-json"),
        ("{'a': 1}", "bad-json"),
        ('{"a": 1,}', "bad-json"),
        ("[01]", "bad-json"),
        ("[+1]", "bad-json"),
        ("[.5]", "bad-json"),
        ("// no\n[]", "bad-json"),
        ('["\n"]', "bad-json"),
        ('["', "bad-json"),
        ("[" + "9" * 101 + "]", "bad-number"),
        ("[0." + "9" * 101 + "]", "bad-number"),
        ("[1e" + "9" * 101 + "]", "bad-number"),
        ("[-" + "9" * 100 + "]", "bad-number"),
        ("[1, " + "1234567890" * 10 + "0]", "bad-number"),
        ("[" * 201 + "]" * 201, "too-deep"),
        ("[" * 100_000, "too-deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "too-deep"),
    ],
)
def test_what_is_not_strict_json_is_malformed(text: str, wanted: str) -> None:
    assert reason(text.encode()) == wanted


def test_bytes_that_are_no_utf8_are_malformed() -> None:
    for data in (b"\xff\xfe[\x00]\x00", b'["\xc3"]', b'["\xed\xa0\x80"]', b'["\xc0\xaf"]'):
        assert reason(data) == "bad-utf8"


def test_a_place_is_a_line_and_a_column() -> None:
    with pytest.raises(Malformed) as caught:
        parse_json(b'{"a": 1,\n  "b" 2}')
    assert caught.value.where == "line 2, column 7"


def test_depth_counts_brackets_outside_texts_only() -> None:
    limits = Limits(json_depth=2)
    assert parse_json(b'[["[[[["]]', limits) == [["[[[["]]
    assert parse_json(rb'["\"[[[[", ["\\"]]', limits) == ['"[[[[', ["\\"]]
    assert reason(b'[["", []]]', limits) == "too-deep"
    assert reason(rb'[["\"", []]]', limits) == "too-deep"


def test_numbers_that_are_no_plain_integers_keep_their_text() -> None:
    value = parse_json(b"[1, -1, -0, 1.50, 1e3, 0.1]")
    assert value == [1, -1, Number("-0"), Number("1.50"), Number("1e3"), Number("0.1")]
    assert [type(item) for item in value[:2]] == [int, int]


def test_integers_are_read_alike_with_and_without_a_longer_number_beside_them() -> None:
    numbers = [0, 7, -31, 10**99 - 1, -(10**98), 2**64]
    text = ", ".join(map(str, numbers))
    assert parse_json(f"[{text}]".encode()) == numbers
    assert parse_json(f'[{text}, "{"8" * 200}"]'.encode()) == [*numbers, "8" * 200]
    assert parse_json(f"[{text}, -0]".encode()) == [*numbers, Number("-0")]


def test_surrogate_pairs_are_characters() -> None:
    assert parse_json(rb'["\ud83d\ude00"]') == ["\U0001f600"]


# -- documents -------------------------------------------------------------------------------------


def test_a_file_larger_than_the_bound_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "big.json"
    file.write_bytes(b"[" + b"1," * 100 + b"1]")
    document = Document.of(file, Limits(proof_bytes=100))
    with (
        mock.patch.object(Document, "open", side_effect=AssertionError("was read")),
        pytest.raises(Malformed) as caught,
    ):
        _ = document.data
    assert caught.value.reason == "too-big"
    with pytest.raises(Malformed):
        _ = Document.of(b"x" * 101, Limits(proof_bytes=100)).data


def test_standard_input_is_read_to_the_bound_and_no_further() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"x" * 1000))
    with mock.patch.object(sys, "stdin", stream):
        document = Document.of("-", Limits(proof_bytes=10))
    assert document.content == b"x" * 11
    with pytest.raises(Malformed) as caught:
        _ = document.data
    assert caught.value.reason == "too-big"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_once_and_to_the_bound(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for sent, limits in ((b'{"a": 1}', Limits()), (b"0123456789", Limits(proof_bytes=4))):
        writer = Thread(target=pipe.write_bytes, args=(sent,))
        writer.start()
        document = Document.of(pipe, limits)
        writer.join()
        assert document.content == sent[: limits.proof_bytes + 1]
        assert document.head == document.content
        assert document.name == "(pipe)"
    with pytest.raises(Malformed, match="the limit"):
        _ = document.data


def test_a_missing_file_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Document.of(tmp_path / "none")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_a_missing_file(name: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        Document.of(name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    document = Document.of(tmp_path)
    assert document.is_folder
    assert (document.head, document.size, document.sha256) == (b"", 0, "")
    assert document.json_or_none is None
    with pytest.raises(Malformed) as caught:
        _ = document.data
    assert caught.value.reason == "wrong-type"


def test_what_a_document_says_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(b'\xef\xbb\xbf {"a": 1}\nrest')
    document = Document.of(file)
    assert document.name == "proof.json"
    assert document.size == 17
    assert document.first_line == ' {"a": 1}'
    assert document.looks_like_json
    assert document.json_or_none is None
    assert document.text_without_bom.startswith(" {")
    assert len(document.sha256) == 64
    assert Document.of(document) is document
    assert Document.of(b"\xff\xfe").first_line == ""
    assert not Document.of(b"no").looks_like_json


# -- fields ----------------------------------------------------------------------------------------

FIELDS = Fields(
    {"t": "x", "i": 5, "f": Number("1.5"), "b": True, "o": {"k": 1}, "a": [1, 2], "n": None}, "top"
)


@pytest.mark.parametrize(
    ("call", "wanted", "where"),
    [
        (lambda: FIELDS.get("zz"), "missing-field", "top"),
        (lambda: FIELDS.text("i"), "wrong-type", "top.i"),
        (lambda: FIELDS.text("n"), "wrong-type", "top.n"),
        (lambda: FIELDS.text("t", max_chars=0), "too-big", "top.t"),
        (lambda: FIELDS.integer("t"), "wrong-type", "top.t"),
        (lambda: FIELDS.integer("f"), "wrong-type", "top.f"),
        (lambda: FIELDS.integer("b"), "wrong-type", "top.b"),
        (lambda: FIELDS.integer("i", low=6), "bad-number", "top.i"),
        (lambda: FIELDS.integer("i", high=4), "bad-number", "top.i"),
        (lambda: FIELDS.typed("i", bool, "true or false"), "wrong-type", "top.i"),
        (lambda: FIELDS.object("a"), "wrong-type", "top.a"),
        (lambda: FIELDS.array("o"), "wrong-type", "top.o"),
        (lambda: FIELDS.array("a", low=3), "bad-keys", "top.a"),
        (lambda: FIELDS.array("a", high=1), "too-deep", "top.a"),
        (lambda: FIELDS.only("t"), "bad-keys", "top"),
        (lambda: FIELDS.required("t", "zz"), "missing-field", "top"),
        (lambda: FIELDS.hex("t", 2), "bad-hash", "top.t"),
        (lambda: Fields([], "top"), "wrong-type", "top"),
    ],
)
def test_every_miss_has_a_name_and_a_place(call: Any, wanted: str, where: str) -> None:
    with pytest.raises(Malformed) as caught:
        call()
    assert (caught.value.reason, caught.value.where) == (wanted, where)


def test_what_is_there_is_handed_out() -> None:
    assert FIELDS.text("t") == "x"
    assert FIELDS.integer("i", low=5, high=5) == 5
    assert FIELDS.typed("b", bool, "true or false") is True
    assert FIELDS.object("o").where == "top.o"
    assert FIELDS.array("a", low=2, high=2) == [1, 2]
    assert "t" in FIELDS
    assert "zz" not in FIELDS
    assert Fields({}, "").place("a") == "a"


@pytest.mark.parametrize("text", ["AB", "a", "abc", "g0", "0x", " a", "ａb", "a\n"])
def test_hashes_are_lower_case_and_of_one_length(text: str) -> None:
    with pytest.raises(Malformed):
        check_hex(text, 2, "here")
    assert check_hex("ab", 2, "here") == "ab"


def test_types_have_names_for_people() -> None:
    values = [None, True, 1, Number("1.5"), "x", [], {}]
    assert [kind_of(value) for value in values] == [
        "null",
        "a truth value",
        "a number",
        "a number",
        "a text",
        "an array",
        "an object",
    ]
