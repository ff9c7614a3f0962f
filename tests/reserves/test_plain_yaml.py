"""The YAML that BitMEX's files use: what is read, what is refused, and how quickly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.errors import Malformed
from merkle_por.reserves.api import reserves
from merkle_por.reserves.lists.plain_yaml import Scalar, entries


def read(text: str) -> list[tuple[str, int | None, object]]:
    lines = iter(list(enumerate(text.split("\n"), 1)))
    found = []
    for entry in entries(lines):
        value = entry.value
        plain = value.text if isinstance(value, Scalar) else {k: v.text for k, v in value.items()}
        found.append((entry.key, entry.item, plain))
    return found


def test_block_and_flow_style() -> None:
    text = (
        "---\n# note\na: 1\nb:\n  m: 3\n  n: 4\nc:\n- x\n- 'y'\nd:\n  - k: 1\n    l: ''\n  - k: 2\n"
    )
    assert read(text) == [
        ("a", None, "1"),
        ("b", None, {"m": "3", "n": "4"}),
        ("c", 0, "x"),
        ("c", 1, "y"),
        ("d", 0, {"k": "1", "l": ""}),
        ("d", 1, {"k": "2"}),
    ]
    assert read("b: {m: 3, n: 4}\nc: [x, y]\nd:\n- {k: 1}") == [
        ("b", None, {"m": "3", "n": "4"}),
        ("c", 0, "x"),
        ("c", 1, "y"),
        ("d", 0, {"k": "1"}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a:   1\nd:\n-   k: x\n    l: y",  # as writers with a wider indent lay it out
        "a: 1\nd:\n  -\n    k: x\n    l: y",
        "a: 1\nd:\n- {k: x,\n  l: y}",
        "a: 1 # one\nd: # list\n# between\n- k: 'x' # a\n  # b\n  l: \"y\"  # c",
        "'a': 1\n\"d\":\n- 'k': x\n  l: y",
        "%YAML 1.1\n--- \na: 1\nd:\n- k: x\n  l: y\n...\n# end\n",
    ],
)
def test_other_layouts_of_the_same(text: str) -> None:
    assert read(text) == [("a", None, "1"), ("d", 0, {"k": "x", "l": "y"})]


def test_a_comment_begins_behind_a_blank_only() -> None:
    assert read("a: wpkh(x/84'/0)#abc\nb: '# no'\nc: [x, y, # one\n    z]") == [
        ("a", None, "wpkh(x/84'/0)#abc"),
        ("b", None, "# no"),
        ("c", 0, "x"),
        ("c", 1, "y"),
        ("c", 2, "z"),
    ]


def test_nothing_is_no_text_and_no_number() -> None:
    (entry,) = entries(iter([(1, "a:"), (2, "  b:")]))
    assert isinstance(entry.value, dict)
    for ask in (entry.value["b"].integer, entry.value["b"].string):
        with pytest.raises(Malformed):
            ask("b")


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1",
        "a: *x",
        "a: !!int 1",
        "a: !!python/object/apply:os.system [x]",
        "a: |\n  text",
        "a: >\n  text",
        "a: 1\nb",
        "a:\n",
        "a:\n\tb: 1",
        "? a\n: b",
        "a: {b: {c: 1}}",
        "a: [1, [2]]",
        "a: {b: 1",
        'a: "x\\u0041"',
        "a: 'x''y'",
        "a: b: c",
        "a: {b: 1\nc: 2",
        "a: {b: 1\n  c: 2}",
        "a: [1,\n",
        "a: 1\n...\nb: 2",
        "a: 1\n---\nb: 2",
        "a:\n-\n  b: 1\n   c: 2",
        "a:\n-   b: 1\n  c: 2",
        "a: 'b' c",
        "'a\": 1",
        "- a",
        "  a: 1",
        "a:\n- b: 1\n   c: 2",
        "a:\n- b: 1\n- c\n  d: 1",
        "a:\n  b: 1\n    c: 2",
        "a:\n- - 1",
        "%YAML 1.1\na: 1",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(Malformed) as found:
        read(text)
    assert found.value.reason == "bad-yaml"


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a:\n- b: 1\n  b: 2", "a: {b: 1, b: 2}"])
def test_duplicate_keys(text: str) -> None:
    with pytest.raises(Malformed) as found:
        read(text)
    assert found.value.reason == "duplicate-key"


@pytest.mark.parametrize("text", ["010", "1_000", "0x10", "1.0", "1e3", "+1", "~", "true", "0o7"])
def test_numbers_that_some_readers_take(text: str) -> None:
    with pytest.raises(Malformed) as found:
        Scalar(text, False, 1).integer("x")
    assert found.value.reason == "wrong-type"


def test_laughs_and_depth_end_at_once() -> None:
    laughs = "claim: &a [x]\n" + "".join(f"b{n}: [*a, *a, *a, *a]\n" for n in range(1000))
    deep = "claim: " + "[" * 1_000_000
    wide = "claim:\n" + "- " * 1_000_000
    begin = time.process_time()
    for text in (laughs, deep, wide):
        report = reserves(text.encode(), scheme="bitmex-reserves")
        assert report.reason in ("bad-yaml", "too-big", "bad-keys")
    assert time.process_time() - begin < 2


@given(st.text(alphabet="ab:-{}[]'\"#&*! \n0,", max_size=60))
def test_never_raises_anything_else(text: str) -> None:
    try:
        read(text)
    except Malformed as error:
        reason = error.reason
    else:
        return
    assert reason in ("bad-yaml", "duplicate-key")
