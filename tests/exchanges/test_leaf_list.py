"""Public leaf lists (spec leaf-list-armanino)."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import vectorfiles
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import strategies as st

from merkle_por.documents import LIMITS, Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import leaf_list
from merkle_por.exchanges.leaf_list import (
    User,
    bitso_amount,
    fixed_8,
    layers,
    list_root,
    with_point,
)
from merkle_por.merkle.paths import root_of
from merkle_por.verdict import Inclusion, Totals

SPLIT = ["4d5b6745607fb0f8", "fceae9bdf4ac639a", "21544f90b6a6f44b"]
SPLIT += ["22bf213fc87d039d", "a15eb5f9d7cb1fa8"]
SPLIT_ROOT = "aece07167a9b1391710bbef42ceafdceb3a0c0e0d43434070f6dea178daf0960"
CONCAT = ["1171001b9d3ad79e", "9da947a7e474e5de", "aa10b83925084576"]
CONCAT += ["46ed1b1dc3f7b3d6", "d962bbd9cd024e11"]
CONCAT_ROOT = "b03c200f074fe4ddf0cbbef4fbeda6a02e9f36349e5b8fb1130fad3a9af38ad9"


def listed(leaves: list[str], end: str = "\r\n") -> bytes:
    level = layers(len(leaves))
    rows = [leaf_list.HEADER, *(f"{level},{i}\t{leaf}" for i, leaf in enumerate(leaves))]
    return (end.join(rows) + end).encode()


@pytest.mark.parametrize(("leaves", "root"), [(SPLIT, SPLIT_ROOT), (CONCAT, CONCAT_ROOT)])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_worked_examples(leaves: list[str], root: str, end: str) -> None:
    verdict = judged(listed(leaves, end), {"root": root, "leaf": leaves[4]})
    assert verdict.state == "valid"
    assert verdict.details["leaf_indexes"] == [4]
    assert verdict.totals is Totals.NOT_CLAIMED
    assert "truncated-hash" in [w.id for w in verdict.warnings]


@pytest.mark.peer
def test_bitso_example() -> None:
    verdict = of("peer", "leaf-list", "bitso-example-merkle-tree.tsv", "leaf-list")
    assert (verdict.state, verdict.exchange_name) == ("valid", "Bitso")
    assert verdict.details["leaf_indexes"] == [14]


def test_comments_and_a_missing_last_line_end() -> None:
    data = b"# made by\n" + listed(SPLIT, "\n").rstrip(b"\n")
    assert judged(data, {"root": SPLIT_ROOT, "leaf": SPLIT[0]}).state == "valid"


@drawn(st.integers(1, 300))
def test_the_root_of_packed_leaves_is_that_of_single_ones(count: int) -> None:
    leaves = [hashlib.sha256(b"%d" % i).digest()[:8] for i in range(count)]
    assert list_root(b"".join(leaves)) == root_of(leaves)


def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    data = b"#" * (2 * leaf_list.LINE_BYTES) + listed(SPLIT)
    assert judged(data, scheme="leaf-list").reason == "bad-row"


def test_a_byte_order_mark_is_ignored_and_another_level_named() -> None:
    data = b"\xef\xbb\xbf" + listed(SPLIT)
    assert judged(data, {"root": SPLIT_ROOT}).state == "valid"
    other = judged(listed(SPLIT).replace(b"4,3\t", b"3,3\t"))
    assert (other.reason, other.checks[-1].computed) == ("level-mismatch", "3")


def test_a_list_alone_claims_no_inclusion() -> None:
    verdict = judged(listed(SPLIT), {"root": SPLIT_ROOT})
    assert verdict.inclusion is Inclusion.NOT_CLAIMED
    assert "no leaf of yours was looked for" in verdict.sentence
    assert judged(listed(SPLIT)).state == "unconfirmed"


def test_a_leaf_that_stands_twice_is_warned_of() -> None:
    leaves = [SPLIT[0], SPLIT[1], SPLIT[0]]
    root = root_of([bytes.fromhex(leaf) for leaf in leaves]).hex()
    verdict = judged(listed(leaves), {"root": root, "leaf": SPLIT[0]})
    assert verdict.details["leaf_indexes"] == [0, 2]
    assert "leaf-not-unique" in [w.id for w in verdict.warnings]


def test_split_binds_no_border_between_amounts() -> None:
    first = User("split", "u1", (("A", "1"), ("B", "23")))
    second = User("split", "u1", (("A", "12"), ("B", "3")))
    assert first.leaf == second.leaf
    data = listed([first.leaf])
    given = {"root": first.leaf, "user": user("split", A="12", B="3")}
    assert "leaf-not-unique" in [w.id for w in judged(data, given).warnings]


def user(scheme: str, **balances: object) -> dict[str, object]:
    return {
        "scheme": scheme,
        "id": " u1 ",
        "assets": list(balances),
        "balances": list(balances.values()),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", "10.0"), ("10.000", "10.0"), ("0.50", "0.5"), ("0", "0.0"), ("1.05", "1.05")],
)
def test_concat_amounts(text: str, expected: str) -> None:
    assert with_point(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", "1"),
        ("100", "10"),
        ("0.10000000", "0.1000000"),
        ("0.00100000", "0.001"),
        ("10.00000000", "10"),
        ("0.00000000", "0"),
        ("0.00000001", "0.00000001"),
        ("0", "0"),
    ],
)
def test_bitso_amounts(text: str, expected: str) -> None:
    assert bitso_amount(text) == expected


@drawn(st.from_regex(r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,7})?", fullmatch=True))
def test_bitso_rule_is_the_official_expression(text: str) -> None:
    official = re.sub(r"([0-9]+(\.[0-9]+[1-9])?)(\.?0+\Z)", r"\1", text, count=1)
    assert bitso_amount(text) == official


def test_gate_amounts_are_padded_and_never_rounded() -> None:
    assert (fixed_8("1"), fixed_8("90000000.5")) == ("1.00000000", "90000000.50000000")
    with pytest.raises(Malformed):
        fixed_8("0.123456789")


@pytest.mark.parametrize("count", range(1, 70))
def test_layers(count: int) -> None:
    level, nodes = 1, count
    while nodes > 1:
        nodes, level = (nodes + 1) // 2, level + 1
    assert layers(count) == level


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("concat_bad_level.txt", "level-mismatch"),  # Bitso's program ignores level, index, header
        ("concat_bad_reorder.txt", "index-order"),
        ("concat_bad_header.txt", "no-header"),
        ("concat_bad_root.txt", "root-mismatch"),  # and never compares the root
        ("concat_bad_nonhex.txt", "bad-row"),
        ("concat_bad_balance.txt", "leaf-not-found"),
    ],
)
def test_what_official_programs_let_through(name: str, reason: str) -> None:
    assert of("made", "leaf-list", name, "leaf-list").reason == reason


@pytest.mark.parametrize(
    "row",
    ["3,5\tA15EB5F9D7CB1FA8", "03,5\t" + "0" * 16, "3,05\t" + "0" * 16, "", "3,5 " + "0" * 16],
)
def test_rows_of_another_form(row: str) -> None:
    assert judged(listed(SPLIT, "\n") + row.encode() + b"\n").reason == "bad-row"


def test_leaf_and_record_must_agree() -> None:
    own = user("concat", A="1")
    leaf = leaf_list.parse_user(own, LIMITS).leaf
    assert judged(listed([leaf]), {"root": leaf, "user": own, "leaf": leaf}).state == "valid"
    other = judged(listed([leaf]), {"root": leaf, "user": own, "leaf": SPLIT[0]})
    assert other.reason == "leaf-hash"


def test_a_template_may_say_how_the_leaf_is_made() -> None:
    own = user("concat", A="1.50", B="2")
    leaf = leaf_list.parse_user(own, LIMITS).leaf
    template = {"text": "{uid},{asset:amount}", "number": "point-zero", "leaf_digits": 16}
    given = {
        "root": leaf,
        "template": json.dumps(template).encode(),
        "user": {"uid": "u1", "balances": {"A": "1.50", "B": "2"}},
    }
    assert judged(listed([leaf]), given).state == "valid"
    found = judged(listed([leaf]), given)
    assert "64-bit evidence" in found.details["format_confirmed_by"]
    # A root that fits doesn't speak for the template where its leaf isn't in the list.
    lost = judged(listed([leaf]), {**given, "user": {"uid": "u2", "balances": {"A": "1"}}})
    assert lost.reason == "leaf-not-found"
    assert "format_confirmed_by" not in lost.details


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"scheme": "other", "id": "u", "assets": ["A"], "balances": ["1"]},
        {"scheme": "concat", "id": 1, "assets": ["A"], "balances": ["1"]},
        {"scheme": "concat", "id": "u", "assets": ["A"], "balances": []},
        {"scheme": "concat", "id": "u", "assets": [1], "balances": ["1"]},
    ],
)
def test_a_record_of_another_shape_is_a_usage_error(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        judged(listed(SPLIT), {"root": SPLIT_ROOT, "user": bad})


def test_what_a_record_holds_is_judged() -> None:
    twice = {"scheme": "concat", "id": "u", "assets": ["A", "A"], "balances": ["1", "1"]}
    assert judged(listed(SPLIT), {"user": twice}).reason == "duplicate-asset"
    assert judged(listed(SPLIT), {"user": user("concat", A="1e3")}).reason == "bad-amount"
    assert judged(listed(SPLIT), {"user": user("gate2020", A="1", B="1")}).reason == "asset-set"


def test_changed_bytes() -> None:
    path, given = entry("made", "leaf-list", "concat_n5.txt")
    changed_bytes_never_valid(path, given, "leaf-list")


def test_neighbours_are_not_recognised() -> None:
    ledger = vectorfiles.folder("made", "tnf-ledger") / "split_collision_a.csv"
    for document in (Document.of(ledger), Document.of(b"Level,Hash\n"), Document.of(b"#\n")):
        assert not leaf_list.SCHEME.recognises(document)
