"""OKX's published tree in several bands: padding, order of lines, every node, own leaves."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from ledgers import COINS, OkxTree, coin_text, leaf_hash, okx_node

import merkle_por
from merkle_por import _native
from merkle_por.ledger import bands, source
from merkle_por.ledger.text_tree import leaf_rows_of, level_counts
from merkle_por.verdict import State, Verdict

NONCE = "cd" * 32


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bands and few rows between noted places, so that all borders are met."""
    monkeypatch.setattr(bands, "TOP_ROWS", 4)
    monkeypatch.setattr(bands, "DEPTH", 2)
    monkeypatch.setattr(source, "STRIDE", 4)
    monkeypatch.setattr(source, "BLOCK", 1000)


def audited(text: bytes, **given: Any) -> Verdict:
    return merkle_por.audit(text, scheme="okx-merkle-v2", given=given).verdict


def user_file(parts: list[tuple[int, ...]]) -> tuple[str, bytes]:
    """A user's hash, and his file."""
    total = [sum(units) for units in zip(*parts, strict=True)]

    def texts(units: Any) -> dict[str, str]:
        return {coin: coin_text(amount) for coin, amount in zip(COINS, units, strict=True)}

    shown = json.dumps(texts(total), separators=(",", ":"))
    own = hashlib.sha256((NONCE + shown).encode()).hexdigest()
    nodes = [{"hash": leaf_hash(own, part), "balances": texts(part)} for part in parts]
    members = {"hash": own, "nonce": NONCE, "totalBalances": texts(total), "nodes": nodes}
    return own, json.dumps(members).encode()


@pytest.mark.parametrize("backend", ["auto", "python"])
@pytest.mark.parametrize("leaves", [*range(1, 40), 63, 64, 65, 127, 130, 257])
def test_a_right_tree_is_valid(leaves: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_native.VARIABLE, backend)
    tree = OkxTree(leaves, seed=leaves)
    verdict = audited(tree.text(), root=tree.root)
    assert verdict.state is State.VALID, verdict.sentence
    assert verdict.details["counts"]["leaves"] == leaves
    assert verdict.details["counts"]["height"] == len(tree.levels)
    totals = {c: Decimal(u).scaleb(-8) for c, u in zip(COINS, tree.levels[-1][0][1], strict=True)}
    assert verdict.published == totals


def test_the_number_of_lines_tells_the_shape() -> None:
    seen = {sum(rows for _, rows in level_counts(n)): n for n in [1, *range(2, 3000, 2)]}
    for rows in range(1, 6000):
        assert leaf_rows_of(rows) == seen.get(rows)


LINES = OkxTree(43).text().splitlines(keepends=True)
ROOT = OkxTree(43).root


@settings(max_examples=150, deadline=None)
@drawn(st.integers(0, len(LINES) - 1), st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_any_changed_hash_is_found(line: int, place: int, digit: str) -> None:
    text = LINES[line].decode()
    if text[place] == digit:
        return
    lines = [*LINES]
    lines[line] = (text[:place] + digit + text[place + 1 :]).encode()
    verdict = audited(b"".join(lines), root=ROOT)
    assert verdict.state is State.INVALID


@settings(max_examples=150, deadline=None)
@drawn(st.integers(0, len(LINES) - 1), st.sampled_from(COINS), st.integers(0, 10**20))
def test_any_changed_amount_is_found(line: int, coin: str, units: int) -> None:
    before = LINES[line].decode()
    start = before.index(f'"{coin}":"') + len(coin) + 4
    stop = before.index('"', start)
    if before[start:stop] == coin_text(units):
        return
    lines = [*LINES]
    lines[line] = (before[:start] + coin_text(units) + before[stop:]).encode()
    assert audited(b"".join(lines), root=ROOT).state is State.INVALID


@drawn(st.integers(0, len(b"".join(LINES))), st.binary(max_size=3), st.integers(0, 4))
def test_no_other_bytes_are_valid(place: int, put: bytes, cut: int) -> None:
    text = b"".join(LINES)
    data = text[:place] + put + text[place + cut :]
    verdict = audited(data, root=ROOT)
    if verdict.state is State.VALID:
        assert data.rstrip(b"\n") == text.rstrip(b"\n")


def rebuilt(level: list[Any]) -> OkxTree:
    """A tree over these leaves, every inner node right."""
    tree = OkxTree(1)
    tree.levels = [level]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [okx_node(a, b, len(tree.levels) + 1) for a, b in pairs]
        tree.levels.append(level)
    return tree


def test_one_leaf_with_two_balances_is_a_fault_and_with_one_a_count() -> None:
    level = OkxTree(8).levels[0]
    level[5] = level[2]
    verdict = audited(rebuilt(level).text())
    assert verdict.state is State.UNCONFIRMED
    assert verdict.details["counts"]["duplicates"] == 1
    assert [w.id for w in verdict.warnings] == ["leaf-not-unique"]
    level[5] = (level[2][0], (1, 2, 3))
    verdict = audited(rebuilt(level).text())
    assert (verdict.state, verdict.reason) == (State.INVALID, "duplicate-leaf")


def test_a_sum_beyond_128_bits_is_wrong_not_wrapped() -> None:
    huge = 2**127
    level = [(bytes([i]).hex() * 32, (huge, 0, 0)) for i in range(4)]
    tree = rebuilt([*level])
    tree.levels[-1] = [(tree.levels[-1][0][0], (0, 0, 0))]
    tree.levels[1] = [(digest, (0, 0, 0)) for digest, _ in tree.levels[1]]
    assert audited(tree.text()).details["violations"]["counts"]["sum-mismatch"] == 2


def test_padding_inside_the_tree_must_be_an_empty_copy() -> None:
    tree = OkxTree(5)  # 5 + 1, 3 + 1, 2, 1
    other = ("0" * 64, tree.levels[1][-1][1])
    tree.levels[1][-1] = other
    assert "padding-hash" in audited(tree.text()).details["violations"]["counts"]
    tree = OkxTree(5)
    tree.levels[1][-1] = (tree.levels[1][-1][0], (1, 0, 0))
    assert "padding-not-zero" in audited(tree.text()).details["violations"]["counts"]


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_a_users_leaves_need_a_line_each(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_native.VARIABLE, backend)
    parts = [(5, 0, 1), (7, 10**8, 0), (5, 0, 1)]
    own, file = user_file(parts)
    places = {3: parts[0], 4: parts[1], 20: parts[2]}
    tree = OkxTree(23, parts=places, user=own)
    from merkle_por.documents import Document

    verdict = audited(file, root=tree.root, tree=Document.of(tree.text()))
    assert verdict.state is State.VALID, verdict.sentence
    assert verdict.account is not None
    assert verdict.account.balances["ETH"] == 1
    assert len(verdict.details["lines"]) == 3
    # Only one of the two equal parts is there: two matches must not come from one line.
    tree = OkxTree(23, parts={3: parts[0], 4: parts[1]}, user=own)
    verdict = audited(file, root=tree.root, tree=Document.of(tree.text()))
    assert (verdict.state, verdict.reason) == (State.INVALID, "leaf-not-found")


def test_without_the_tree_a_users_file_is_incomplete() -> None:
    _, file = user_file([(1, 2, 3)])
    assert audited(file).state is State.INCOMPLETE


def test_two_users_files_are_judged_together() -> None:
    own, file = user_file([(5, 0, 1)])
    tree = OkxTree(6, parts={2: (5, 0, 1)}, user=own)
    from merkle_por.documents import Document

    given = {"tree": Document.of(tree.text()), "root": tree.root}
    result = merkle_por.verify(file, file, given=given)
    assert len(result.proofs) == 2


def test_a_single_line_binds_no_total() -> None:
    line = b'%s,1,{"BTC":"1","ETH":"0","USDT":"0"}\n' % (b"ab" * 32)
    assert audited(line, root="ab" * 32).state is State.UNCONFIRMED
    totals = {"BTC": "1", "ETH": "0", "USDT": "0"}
    assert audited(line, root="ab" * 32, totals=totals).state is State.VALID


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[:-1], "level-size"),
        (lambda lines: lines[:-43], "level-gap"),
        (lambda lines: lines[::-1], "bad-height"),
        (lambda lines: lines[1:], "many-roots"),
        (lambda lines: [], "empty-file"),
        (lambda lines: [*lines, b"\n"], "bad-hash"),
        (lambda lines: [line.replace(b"\n", b"\r\n") for line in lines], "bad-row"),
        (lambda lines: [lines[0].replace(b',"ETH"', b', "ETH"'), *lines[1:]], "bad-row"),
        (lambda lines: [lines[0].replace(b"ETH", b"XRP"), *lines[1:]], "bad-keys"),
        (lambda lines: [lines[0].replace(b":", b":-", 1), *lines[1:]], "bad-json"),
    ],
)
def test_each_wrong_shape_has_its_name(change: Any, reason: str) -> None:
    lines = OkxTree(43).text().splitlines(keepends=True)
    data = b"".join(change([*lines]))
    if reason == "level-gap":
        data = b"".join(line for line in lines if b",1," not in line[:70])
    assert audited(data).reason == reason
