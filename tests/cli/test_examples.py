"""The terminal examples a to g of the user-interface design, word for word.

Blank lines are left out there. A line that begins with "~" is a table row: its words are compared,
its columns by `test_amounts_stand_on_their_points` (the design's own columns are not aligned).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import vectorfiles
from commandline import Done, run

OKX_ROOT = "ac6b39d2a0aa8112bd1aadff5e7d4b5c2b91cd54d595262ba4367f5d2db4160d"
SWISSBORG_ROOT = "71d006f0b11e5584b301ff26f10a65d69aff8ffa493602d4f7c1e19959880e8d"
BITGET_ROOT = "8eac815c495e6a67"
PAIR_ROOT = "ad4ae4fa65e1b81de7bc7a24e424c6b588d8725b9609b1dbdf6421a4114b371f"

A = """\
VALID  Your balances are in SwissBorg's tree SBPOL20240322, and its sums hold.
~ yours BTC 1.75000001 3 leaves
~ USDC 1,234,567.890123456789012345 1 leaf
~ eth 0.000000000000000001 1 leaf
  included  [ok]   5 leaves rebuilt from your balances, 5 paths reach the roots
  totals    [ok]   every sum on your paths adds up, no amount is negative
  snapshot  2024-05-01 20:59 UTC, AGE
  root      [ok]   equals the one you gave (--root)
  limits    One file can't show who was left out. Reserves: not checked here.
"""
B = """\
VALID  Your account is in OKX's tree (audit 499930592). One warning.
  [warn]    This format can't show that OKX's totals are complete: it can give
            two customers different neighbours (maxwell). Compare with others:
            merkle-por digest FILE; merkle-por compare YOURS THEIRS
~ yours BTC 1.000069 Your balances at the snapshot? They
~ ETH 0.99908176 are read from the file; check them
~ USDT 19,398.33550812 with --expect BTC=...
  included  [ok]   leaf rebuilt from your balances; 23 levels; 256-bit hashes
  totals    [warn] add up to the root: BTC 95,088.55505656, ETH
                   939,953.49090361, USDT 3,137,909,428.88369702
  root      [ok]   equals the one you gave (--root)
"""
C = """\
INVALID  You are in Bitget's tree, but its totals can't be relied on.
  included  [ok]   leaf rebuilt from your balances; 26 levels; 64-bit hashes
  totals    [FAIL] negative amounts under the root (negative-balance)
                   step 11  2909843f6f9af24c   USDC   -1,536.70659782
                   step 14  d6a5668b9cb057eb   USDC  -20,885.31318921
  meaning   A negative amount hides as much of other customers' money.
  [warn]    64-bit hashes: two records with one hash can be made at home.
"""
D = """\
INVALID  This file was changed, or is not from this tree (leaf-hash).
  included  [FAIL] the leaf rebuilt from the balances is not the file's leaf
                   file 461a101e...9926366c   rebuilt e24c6637...e8a5fdbe
  totals    [ -- ] not checked, since the leaf is wrong
  next      Download it again. If that fails too, keep it and ask the exchange.
"""
E_BEFORE = """\
UNCONFIRMED  The file agrees with itself. Is its root the one Bybit published?
  included  [ok]   in the tree of the file's own root; 14 levels; 256-bit hashes
  totals    [warn] 40 assets add up; completeness can't be shown (maxwell)
  snapshot  2025-06-17 09:00 UTC, AGE
  where     bybit.com > Proof of Reserves > audit 2025061709. Type the address
            yourself. Better: a copy of the root that somebody else sees.
"""
E_AFTER = """\
  root      [ ? ]  in the file, confirmed by nobody:
            c91d5de0554f97244e4d9f8056fad70fa0cb2cdb23c290ec597a042645dcbc03
"""
F = """\
error: bad_missing_asset.json: no Bybit version has these 49 assets (asset-set)
hint: nearest is version 50 (July 2026); AAVE is missing in "self"
hint: copy the whole text again from the exchange's page, don't edit it
"""
G = """\
INVALID  These two proofs contradict each other (node-conflict).
  alone     [ok]   a.json     [ok]   b.json      each passes when judged alone
  node      a8fa0ac8...46b5cbef   in a.json your leaf    BTC  100.00000000
                                  in b.json a neighbour  BTC   40.00000000
  meaning   The root owes 100 BTC in all, yet these two are owed 160. Under the
            published root only the maker of the tree can produce such a pair.
  next      Keep both files as they are, and a dated copy of the published root.
"""


def assert_shown(lines: list[str], wanted: str) -> None:
    """Every line of the design, in its order; the output may have more."""
    rest = iter(lines)
    for line in wanted.splitlines():
        if line.startswith("~"):
            words = line[1:].split()
            assert any(shown.split() == words for shown in rest), line
        elif line.endswith("AGE"):
            stem = line.removesuffix("AGE")
            assert any(s.startswith(stem) and s.endswith(" days ago") for s in rest), line
        else:
            assert line in rest, f"{line!r} is not in\n" + "\n".join(lines)


@pytest.fixture
def swissborg(tmp_path: Path) -> Done:
    key = tmp_path / "key"
    key.write_text("e7m61fei6oNM3igrq2MGeV\n")
    return run(
        "verify",
        vectorfiles.file("made", "swissborg", "ok_3assets.user.json"),
        "--given",
        f"audit={vectorfiles.file('made', 'swissborg', 'ok_3assets.audit.json')}",
        "--given",
        f"credential=@{key}",
        "--root",
        SWISSBORG_ROOT,
    )


def okx() -> Path:
    return vectorfiles.file("peer", "okx-merkle-v1", "merkle_proof_file.json")


def test_example_a(swissborg: Done) -> None:
    assert swissborg.status == 0
    assert_shown(swissborg.lines, A)
    assert len(swissborg.lines) == len(A.splitlines())
    assert swissborg.err == ""


def test_example_b() -> None:
    done = run("verify", okx(), "--root", OKX_ROOT)
    assert done.status == 0
    assert_shown(done.lines, B)
    assert len(done.lines) == len(B.splitlines())


def test_example_c() -> None:
    file = vectorfiles.file("peer", "bitget-2025", "merkel_tree_bg_2025.json")
    done = run("verify", file, "--root", BITGET_ROOT)
    assert done.status == 1
    assert_shown(done.lines, C)
    assert len(done.lines) == len(C.splitlines())


def test_example_d(tmp_path: Path) -> None:
    edited = tmp_path / "edited.json"
    edited.write_text(okx().read_text().replace("1.000069", "2.000069"))
    done = run("verify", edited, "--root", OKX_ROOT)
    assert done.status == 1
    assert_shown(done.lines, D)
    assert len(done.lines) == len(D.splitlines())


def test_example_e_without_a_person_to_ask() -> None:
    file = vectorfiles.file("peer", "bybit", "mock_user_merkle_tree_path_40_v5.json")
    done = run("verify", file)
    assert done.status == 4
    assert_shown(done.lines, E_BEFORE + E_AFTER)
    assert len(done.lines) == len((E_BEFORE + E_AFTER).splitlines())
    assert done.err == ""


def test_example_f() -> None:
    done = run("verify", vectorfiles.file("made", "bybit", "bad_missing_asset.json"))
    assert done.status == 3
    assert done.err == F
    assert done.out == ""


def pair(tmp_path: Path) -> list[Path]:
    files = []
    for name in ("a", "b"):
        source = vectorfiles.file(
            "made", "plain-cross-proof", f"bybit_max_instead_of_sum_{name}.json"
        )
        files.append(Path(shutil.copy(source, tmp_path / f"{name}.json")))
    return files


def test_example_g(tmp_path: Path) -> None:
    done = run("verify", *pair(tmp_path), "--root", PAIR_ROOT)
    assert done.status == 1
    assert_shown(done.lines, G)


def test_example_g_needs_both_files(tmp_path: Path) -> None:
    for file in pair(tmp_path):
        assert run("verify", file, "--root", PAIR_ROOT).status == 0


def test_amounts_stand_on_their_points(swissborg: Done) -> None:
    rows = [line for line in swissborg.lines if "lea" in line and "[" not in line]
    assert len(rows) == 3
    assert len({row.index(".") for row in rows}) == 1


def test_no_line_is_wider_than_the_page(tmp_path: Path, swissborg: Done) -> None:
    several = run("verify", *pair(tmp_path))
    for line in [*swissborg.out.splitlines(), *several.out.splitlines()]:
        assert len(line) <= 80


def test_json_of_example_b_says_what_the_design_says() -> None:
    done = run("verify", okx(), "--root", OKX_ROOT, "--json")
    document = json.loads(done.out)
    assert document["schema"] == "merkle-por/verify/1"
    assert (document["state"], document["exit"]) == ("valid", 0)
    assert document["sentence"] == "Your account is in OKX's tree (audit 499930592)."
    assert document["together"] is None
    proof = document["proofs"][0]
    assert proof["file"] == {
        "name": "merkle_proof_file.json",
        "bytes": 4991,
        "sha256": "eac77440d96a4b8f28c817ea9c104de8f519c8d3b7700c7460fe8d1ede485e2a",
    }
    assert proof["root"] == {"value": OKX_ROOT, "source": "option", "confirmed": True}
    assert proof["account"]["balances"] == {
        "BTC": "1.000069",
        "ETH": "0.99908176",
        "USDT": "19398.33550812",
    }
    assert proof["published"] == {
        "BTC": "95088.55505656",
        "ETH": "939953.49090361",
        "USDT": "3137909428.88369702",
    }
    assert proof["scope"] == {
        "leaf": "recomputed",
        "own_balance": "bound",
        "totals": "bound",
        "others_non_negative": "on-path",
        "complete": "not-shown",
        "hash_bits": 256,
        "levels": 23,
    }
    leaf = next(check for check in proof["checks"] if check["id"] == "leaf-hash")
    assert leaf["status"] == "pass"
    assert leaf["computed"] == "461a101e9aa20e694e52cb95dae0d84d81787f532859f1385bae3f009926366c"
    assert {"what": "balances", "with": "your statement at the snapshot"} in proof["compare"]
