"""What is written follows each format's own rules, checked here by other code than ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import books
import pytest
import vectorfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from merkle_por.build import bitmex, okx_v2, silversixpence
from merkle_por.build.api import build
from merkle_por.build.randomness import Randomness
from merkle_por.errors import Invalid, UsageError


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# ---- bitmex-liabilities ----


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 4), st.text())
def test_balances_are_split_into_a_power_of_two(owed: list[int], least: int, seed: str) -> None:
    if not any(len(owed) <= 2**k <= sum(owed) for k in range(12)):
        with pytest.raises(Invalid, match="node-count"):
            bitmex.leaf_count(owed, least)
        return
    leaves = bitmex.leaf_count(owed, least)
    assert leaves.bit_count() == 1
    assert len(owed) <= leaves <= sum(owed)
    wanted = len(owed) * least
    assert leaves < 2 * wanted
    assert leaves >= wanted or 2 * leaves > sum(owed)
    pieces = bitmex.split(dict(enumerate(owed)), leaves, Randomness(seed))
    assert len(pieces) == leaves
    sums: Counter[int] = Counter()
    for piece in pieces:
        assert piece >> 40 >= 1
        sums[piece & (1 << 40) - 1] += piece >> 40
    assert sums == dict(enumerate(owed))


def test_the_whole_bitmex_file_by_hand(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = books.rows_of("7,BTC,0.00000005;18446744073709551615,BTC,3;9,BTC,0;11,BTC,0.5")
    built = build(rows, "bitmex-liabilities", out, options={"height": 848470, "min_split": 3})
    head, *lines = (out / "published" / "liabilities-848470.csv").read_text().split("\n")[:-1]
    assert head == "block_height:848470"
    nodes = [(hash_, int(value)) for hash_, value in (line.split(",") for line in lines)]
    leaves = nodes[len(nodes) // 2 :]
    assert len(leaves) == built.leaves == 16  # 3 owed, 3 each: 9, up to 16
    for i, (hash_, value) in enumerate(nodes[: len(nodes) // 2]):
        left, right = nodes[2 * i + 1], nodes[2 * i + 2]
        assert value == left[1] + right[1]
        parts = [bytes.fromhex(h) + struct.pack("<Q", v) for h, v in (left, right)]
        assert hash_ == sha256(b"".join(parts))
    assert nodes[0] == (built.root, 350_000_005)
    assert len({hash_ for hash_, _ in leaves}) == len(leaves)
    balances = {}
    for account, path in books.users(out):
        given = json.loads(path.read_text())["given"]
        assert given["account"] == int(account)
        key = hashlib.sha256(
            bytes.fromhex(given["account_nonce"]) + struct.pack("<QQ", 848470, int(account))
        ).digest()
        assert json.loads(path.read_text())["snapshot_nonce"] == key.hex()
        balances[account] = sum(
            value
            for place, (hash_, value) in enumerate(leaves)
            if hmac.digest(key, struct.pack("<QQ", value, place), "sha256").hex() == hash_
        )
        assert given["balance"] == str(balances[account])
    assert balances == {"7": 5, "18446744073709551615": 3 * 10**8, "9": 0, "11": 5 * 10**7}


def test_leaves_are_shuffled(tmp_path: Path) -> None:
    rows = books.HEAD + b"".join(b"%d,BTC,%d\n" % (i, i + 1) for i in range(64))
    build(rows, "bitmex-liabilities", tmp_path / "a", options={"height": 1, "min_split": 1})
    lines = (tmp_path / "a" / "published" / "liabilities-1.csv").read_text().split()[-64:]
    values = [int(line.split(",")[1]) for line in lines]
    assert values != sorted(values)
    assert values != sorted(values, reverse=True)


def test_an_account_keeps_its_nonce(tmp_path: Path) -> None:
    nonces = tmp_path / "nonces.txt"
    nonces.write_text(f"1,{'ab' * 32}\n5,{'cd' * 32}\n")
    rows, out = books.rows_of("1,BTC,1;2,BTC,1"), tmp_path / "out"
    build(rows, "bitmex-liabilities", out, options={"height": 1, "nonces": nonces})
    kept = dict(line.split(",") for line in (out / "private" / "nonces.txt").read_text().split())
    assert kept["1"] == "ab" * 32
    assert set(kept) == {"1", "2"}
    again = {"height": 2, "nonces": str(out / "private" / "nonces.txt")}
    build(rows, "bitmex-liabilities", tmp_path / "next", options=again)
    assert (tmp_path / "next" / "private" / "nonces.txt").read_text().split() == [
        f"{account},{nonce}" for account, nonce in kept.items()
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"1,{'ab' * 31}\n",
        f"1,{'AB' * 32}\n",
        f"01,{'ab' * 32}\n",
        f"1,{'ab' * 32}\n1,{'cd' * 32}\n",
        f"1,{'ab' * 32}\n2,{'ab' * 32}\n",
        "é\n",
    ],
)
def test_a_bad_list_of_nonces_is_refused(text: str, tmp_path: Path) -> None:
    nonces = tmp_path / "nonces.txt"
    nonces.write_text(text)
    options = {"height": 1, "nonces": nonces}
    with pytest.raises(UsageError):
        build(books.rows_of("1,BTC,1"), "bitmex-liabilities", tmp_path / "out", options=options)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1,BTC,0.00000001;2,BTC,0.00000001;3,BTC,0.00000001", "node-count"),
        ("1,BTC,0", "no-liabilities"),
    ],
)
def test_what_the_official_generator_never_ends_on(rows: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        build(books.rows_of(rows), "bitmex-liabilities", tmp_path / "o", options={"height": 1})
    assert caught.value.reason == reason


def test_one_satoshi_is_a_tree(tmp_path: Path) -> None:
    rows = books.rows_of("1,BTC,0.00000001")
    built = build(rows, "bitmex-liabilities", tmp_path / "o", options={"height": 1})
    assert (built.leaves, built.levels) == (1, 1)
    assert [w.id for w in built.warnings] == ["node-count"]


# ---- okx ----


def test_an_odd_level_is_padded_with_a_copy(tmp_path: Path) -> None:
    rows = books.rows_of("a,BTC,1;b,ETH,2;c,USDT,3")
    built = build(rows, "okx-merkle-v1", tmp_path / "o", options={"audit_id": "12"})
    files = [json.loads(path.read_text()) for _, path in books.users(tmp_path / "o")]
    paddings = [f for f in files if f["path"][0]["type"] == 4]
    assert built.levels == 3
    assert len(paddings) == 1
    assert paddings[0]["path"][0] == {
        "auditId": "12",
        "balances": {"BTC": "0", "ETH": "0", "USDT": "0"},
        "type": 4,
        "hash": paddings[0]["self"]["hash"],
        "height": 1,
    }
    assert {f["path"][-1]["hash"] for f in files} == {built.root}
    # A neighbour's nonce is disclosed on the lowest step only, as in the official sample.
    assert all("nonce" not in step for f in files for step in f["path"][1:])


def test_okx_v1_leaf_and_parent_by_hand(tmp_path: Path) -> None:
    built = build(books.rows_of("a,BTC,1.50;b,ETH,2"), "okx-merkle-v1", tmp_path / "o")
    file = next(json.loads(p.read_text()) for a, p in books.users(tmp_path / "o") if a == "a")
    own, other, top = file["self"], file["path"][0], file["path"][1]
    text = own["nonce"] + '{"BTC":"1.5","ETH":"0","USDT":"0"}'
    assert own["hash"] == sha256(text.encode())
    left, right = (own, other) if own["type"] == 1 else (other, own)
    assert top["hash"] == sha256((left["hash"] + right["hash"] + "1.5" + "2" + "0" + "2").encode())
    assert top["hash"] == built.root
    assert "auditId" not in own


@given(st.tuples(*[st.integers(0, 6) | st.integers(0, 10**15)] * 3), st.integers(1, 9), st.text())
def test_parts_add_up_and_differ(amounts: tuple[int, int, int], most: int, seed: str) -> None:
    parts = okx_v2.split(amounts, most, Randomness(seed))
    assert 1 <= len(parts) <= most
    assert tuple(map(sum, zip(*parts, strict=True))) == amounts
    assert all(units >= 0 for part in parts for units in part)
    assert len(set(parts)) == len(parts)
    assert len(parts) == 1 or all(any(part) for part in parts)


def test_the_whole_okx_tree_by_hand(tmp_path: Path) -> None:
    rows = books.HEAD + b"".join(b"u%d,BTC,1.%d\nu%d,ETH,7\n" % (i, i, i) for i in range(1, 12))
    built = build(rows, "okx-merkle-v2", tmp_path / "o", options={"parts": 3})
    levels: dict[int, list[tuple[str, list[Decimal]]]] = {}
    text = (tmp_path / "o" / "published" / "full-liabilities-merkle-tree.txt").read_text()
    for line in text.split("\n")[:-1]:
        hash_, height, balances = line.split(",", 2)
        values = json.loads(balances)
        assert list(values) == ["BTC", "ETH", "USDT"]
        levels.setdefault(int(height), []).insert(0, (hash_, [Decimal(v) for v in values.values()]))
    assert list(levels) == list(range(built.levels, 0, -1))
    for height in range(1, built.levels):
        nodes = levels[height]
        real = len(nodes)
        if nodes[-1] == (nodes[-2][0], [0, 0, 0]):
            real -= 1
        assert real == (built.leaves if height == 1 else len(levels[height - 1]) // 2)
        for parent, left, right in zip(levels[height + 1], nodes[::2], nodes[1::2], strict=False):
            sums = [a + b for a, b in zip(left[1], right[1], strict=True)]
            assert parent[1] == sums
            amounts = "".join(f"{s.normalize():f}" for s in sums)
            assert parent[0] == sha256((left[0] + right[0] + amounts + str(height + 1)).encode())
    assert levels[built.levels][0][0] == built.root


# ---- tnf-ledger ----


@pytest.mark.parametrize("dialect", ["concat", "split"])
def test_tnf_files_by_hand(dialect: str, tmp_path: Path) -> None:
    out = tmp_path / "o"
    rows = books.rows_of("u1,BTC,1.50;u2,ETH,10;u3,BTC,0.000000000000000001")
    built = build(rows, "tnf-ledger", out, options={"scheme": dialect})
    head, *ledger = (out / "private" / "ledger.csv").read_text().split()
    assert head == "#ID,BTC,ETH"
    leaves = []
    for line in ledger:
        owner, btc, eth = line.split(",")
        dotted = [amount if "." in amount else amount + ".0" for amount in (btc, eth)]
        text = (
            f"{owner},BTC:{dotted[0]},ETH:{dotted[1]}"
            if dialect == "concat"
            else sha256(owner.encode()) + sha256((btc + eth).encode())
        )
        leaves.append(sha256(text.encode())[:16])
    tree = (out / "published" / "output_merkle_tree.txt").read_text()
    assert tree == "Level\tHash\n" + "".join(f"3,{i}\t{leaf}\n" for i, leaf in enumerate(leaves))
    raw = [bytes.fromhex(leaf) for leaf in leaves]
    root = sha256(hashlib.sha256(raw[0] + raw[1]).digest() + raw[2])
    assert built.root == root
    assert (out / "published" / "output_merkle_root.txt").read_text() == root + "\n"
    totals = (out / "published" / "output_total_balances.txt").read_text()
    assert totals == "BTC:1.500000000000000001\nETH:10\n"
    amounts = {tuple(line.split(",")[1:]) for line in ledger}
    assert amounts == {("1.5", "0"), ("0", "10"), ("0.000000000000000001", "0")}


# ---- silversixpence ----


def tree_by_hand(leaves: list[bytes]) -> tuple[list[str], str]:
    """The level files' texts and the root, an odd last node moving up as it is."""
    texts, nodes = [], leaves
    while len(nodes) > 1:
        rows, above = "", []
        for left, right in zip(nodes[::2], nodes[1::2], strict=False):
            above.append(hashlib.sha256(left + right).digest())
            rows += f"{above[-1].hex()},{len(texts) + 1},{left.hex()},{right.hex()}\n"
        texts.append(rows)
        nodes = above + (nodes[-1:] if len(nodes) % 2 else [])
    return texts, nodes[0].hex()


@settings(max_examples=30)
@given(st.integers(2, 70))
def test_level_files_are_the_whole_tree(count: int) -> None:
    leaves = [hashlib.sha256(b"%d" % i).digest() for i in range(count)]
    levels = silversixpence.levels_of(b"".join(leaves))
    texts = [
        "".join(
            silversixpence.row(levels, number, pair)
            for pair in range(len(levels[number - 1]) // 64)
        )
        for number in range(1, len(levels))
    ]
    assert (texts, levels[-1].hex()) == tree_by_hand(leaves)


@pytest.mark.peer
def test_the_published_tree_is_rebuilt() -> None:
    """The auditor's own level files, from their leaves, byte for byte."""
    folder = vectorfiles.file("peer", "silversixpence", "tree-level1.csv").parent
    texts = [(folder / f"tree-level{n}.csv").read_text() for n in range(1, 15)]
    leaves = b"".join(
        bytes.fromhex(line.split(",")[2]) + bytes.fromhex(line.split(",")[3])
        for line in texts[0].split()
    )
    levels = silversixpence.levels_of(leaves)
    for number, text in enumerate(texts, start=1):
        lines = text.split()
        made = [silversixpence.row(levels, number, pair).strip() for pair in range(len(lines))]
        assert made == lines


def test_dummies_are_zero_and_nobodys(tmp_path: Path) -> None:
    rows = books.HEAD + b"".join(b"u%d,BTC,1.50\nu%d,ETH,2\n" % (i, i) for i in range(25))
    options = {"audit_id": "PR31DEC22", "dummies": 20}
    built = build(rows, "silversixpence", tmp_path / "o", options=options)
    assert (built.leaves, built.dummies, built.accounts) == (30, 5, 25)
    level_1 = (tmp_path / "o" / "published" / "tree-level1.csv").read_text().split()
    leaves = [bytes.fromhex(cell) for row in level_1 for cell in row.split(",")[2:]]
    assert len(leaves) == 30
    texts, root = tree_by_hand(leaves)
    assert root == built.root
    for number, text in enumerate(texts, start=1):
        written = tmp_path / "o" / "published" / f"tree-level{number}.csv"
        assert written.read_text() == text
    account, path = next(books.users(tmp_path / "o"))
    record = json.loads(path.with_suffix(".record.json").read_text())
    assert record["user_id"] == sha256(account.encode())
    assert record["balances"] == "BTC=1.50|ETH=2"
    assert record["audit_id"] == "PR31DEC22"
    leaf = sha256("".join(record.values()).encode())
    assert leaf in path.read_text().split("\n")[0].split(",")[2:]


def test_a_lone_account_needs_a_dummy(tmp_path: Path) -> None:
    options = {"audit_id": "PR1", "dummies": 0}
    with pytest.raises(UsageError):
        build(books.rows_of("a,BTC,1"), "silversixpence", tmp_path / "o", options=options)
    built = build(
        books.rows_of("a,BTC,1"),
        "silversixpence",
        tmp_path / "o",
        options={**options, "dummies": 1},
    )
    assert built.leaves == 2


# ---- all ----


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("bitmex-liabilities", {}),
        ("bitmex-liabilities", {"height": -1}),
        ("bitmex-liabilities", {"height": 2**64}),
        ("bitmex-liabilities", {"height": True}),
        ("bitmex-liabilities", {"height": "1e3"}),
        ("bitmex-liabilities", {"height": 1, "min_split": 0}),
        ("bitmex-liabilities", {"height": 1, "nonces": 5}),
        ("okx-merkle-v1", {"audit_id": "x"}),
        ("okx-merkle-v1", {"parts": 2}),
        ("okx-merkle-v2", {"parts": 0}),
        ("silversixpence", {}),
        ("silversixpence", {"audit_id": "PR 1"}),
        ("silversixpence", {"audit_id": "PR1", "leaf_mode": "triple"}),
        ("tnf-ledger", {"scheme": "bitso"}),
        ("bybit", {}),
    ],
)
def test_wrong_options_are_told_before_anything_is_read(
    scheme: str, options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        build(b"not even rows", scheme, tmp_path / "o", options=options)
