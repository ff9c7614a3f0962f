"""The auditor's whole tree of level files: rebuilt, whatever the number of leaves."""

from __future__ import annotations

import gzip
import lzma
import tempfile
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from hypothesis import given as drawn
from hypothesis import strategies as st

import merkle_por
from merkle_por.exchanges.silversixpence_tree import SCHEME
from merkle_por.merkle.paths import Joined, parent, root_of, sha256_hex
from merkle_por.verdict import State, Verdict

Rows = list[list[str]]  # parent, level, left, right


def levels_of(leaves: list[str]) -> list[Rows]:
    """As the official builder writes them: an odd last node rises unhashed."""
    levels: list[Rows] = []
    while len(leaves) > 1:
        level = str(len(levels) + 1)
        rows = [
            [parent(a, b, Joined.BYTES), level, a, b]
            for a, b in zip(leaves[::2], leaves[1::2], strict=False)
        ]
        leaves = [row[0] for row in rows] + (leaves[-1:] if len(leaves) % 2 else [])
        levels.append(rows)
    return levels


def tree_of(count: int) -> tuple[list[Rows], list[str], str]:
    leaves = [sha256_hex(b"%d" % i) for i in range(count)]
    return levels_of(leaves), leaves, root_of([bytes.fromhex(leaf) for leaf in leaves]).hex()


def audited(levels: list[Rows], end: str = "\n", **given: Any) -> Verdict:
    with tempfile.TemporaryDirectory() as name:
        for number, rows in enumerate(levels, start=1):
            text = "".join(",".join(row) + end for row in rows)
            Path(name, f"tree-level{number}.csv").write_bytes(text.encode())
        return merkle_por.audit(name, given=given).verdict


@drawn(st.integers(2, 130), st.sampled_from(["\n", "\r\n"]))
def test_any_tree_is_rebuilt_and_every_leaf_found(count: int, end: str) -> None:
    levels, leaves, root = tree_of(count)
    verdict = audited(levels, end, root=root, leaf=leaves[-1])
    assert verdict.state is State.VALID, verdict.sentence
    assert verdict.details["counts"] == {
        "nodes": 2 * count - 1,
        "leaves": count,
        "duplicates": 0,
        "height": len(levels) + 1,
    }
    assert verdict.details["leaf_indexes"] == [count - 1]


def test_packed_level_files_are_found_and_read(tmp_path: Path) -> None:
    levels, leaves, root = tree_of(9)
    for number, rows in enumerate(levels, start=1):
        text = "".join(",".join(row) + "\n" for row in rows).encode()
        pack, suffix = ((gzip.compress, ".gz"), (lzma.compress, ".xz"), (bytes, ""))[number % 3]
        (tmp_path / f"tree-level{number}.csv{suffix}").write_bytes(pack(text))
    for source in (tmp_path, tmp_path / "tree-level1.csv.xz"):
        verdict = merkle_por.audit(source, given={"root": root, "leaf": leaves[4]}).verdict
        assert (verdict.scheme, verdict.state) == (SCHEME.id, State.VALID)


@drawn(st.integers(2, 40), st.data())
def test_any_changed_digit_is_found(count: int, data: st.DataObject) -> None:
    levels, _, root = tree_of(count)
    level = data.draw(st.integers(0, len(levels) - 1))
    row = levels[level][data.draw(st.integers(0, len(levels[level]) - 1))]
    cell = data.draw(st.sampled_from([0, 2, 3]))
    place = data.draw(st.integers(0, 63))
    digit = data.draw(st.sampled_from("0123456789abcdef"))
    if row[cell][place] == digit:
        return
    row[cell] = row[cell][:place] + digit + row[cell][place + 1 :]
    assert audited(levels, root=root).state is State.INVALID


def test_a_missing_level_is_a_wrong_shape() -> None:
    levels, _, root = tree_of(6)
    assert audited(levels[:-1], root=root).reason == "level-mismatch"


def test_a_row_of_another_level() -> None:
    levels, _, root = tree_of(8)
    levels[1][1][1] = "3"
    assert audited(levels, root=root).reason == "bad-height"


def test_children_that_are_not_the_nodes_below() -> None:
    levels, leaves, _ = tree_of(8)
    levels[1] = levels_of(leaves[4:] + leaves[:4])[1]
    levels[2] = levels_of(leaves[4:] + leaves[:4])[2]
    verdict = audited(levels)
    assert verdict.reason == "chain-broken"
    assert verdict.details["violations"]["counts"] == {"chain-broken": 2}


def test_the_odd_node_hashed_with_itself_is_refused() -> None:
    leaves = [sha256_hex(b"%d" % i) for i in range(3)]
    assert audited(levels_of([*leaves, leaves[-1]])).reason == "duplicate-sibling"


def test_a_leaf_that_is_not_there() -> None:
    levels, _, root = tree_of(9)
    assert audited(levels, root=root, leaf="0" * 64).reason == "leaf-not-found"


def test_without_the_root_it_is_unconfirmed() -> None:
    assert audited(tree_of(7)[0]).state is State.UNCONFIRMED


def test_another_root() -> None:
    assert audited(tree_of(7)[0], root="0" * 64).reason == "root-mismatch"


def test_a_short_hash_is_malformed() -> None:
    levels, _, root = tree_of(7)
    levels[0][2][3] = levels[0][2][3][:-1]
    verdict = audited(levels, root=root)
    assert verdict.state is State.MALFORMED
    assert verdict.reason == "bad-hash"
    assert verdict.errors[0].where == "tree-level1.csv, line 3"


@pytest.mark.peer
def test_the_published_tree_of_10000_leaves() -> None:
    folder = vectorfiles.file("peer", "silversixpence", "tree-level1.csv").parent
    root = "0d955039b7944c33a7721745870254532d0c904f2804b2a4cde52afaaa3cbba0"
    verdict = merkle_por.audit(folder, root=root).verdict
    assert verdict.state is State.VALID
    assert verdict.details["counts"]["leaves"] == 10_000


def test_a_users_path_is_no_tree() -> None:
    levels, _, _ = tree_of(4)
    path = "".join(",".join(rows[0]) + "\n" for rows in levels).encode()
    from merkle_por.documents import Document

    assert not SCHEME.recognises(Document.of(path))
    level = "".join(",".join(row) + "\n" for row in levels[0]).encode()
    assert SCHEME.recognises(Document.of(level))
