"""Several proofs judged together (spec cross-proof-check)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.api import Verification
from merkle_por.crosscheck import Together, together
from merkle_por.exchanges import schemes
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.report.text import Page
from merkle_por.verdict import CheckStatus, Node, State, Verdict

FOLDER = "plain-cross-proof"
DEEP = (
    "okx-merkle-v1",
    "bybit",
    "bitget-2025",
    "mexc",
    "coinex",
    "htx-merkle-sum",
    "bitunix",
    "maxwell-partial",
)
KNOWN = {name for scheme in schemes() for name in (scheme.id, *scheme.aliases)}
MAX_NOT_SUM = ("bitget-v1.0.4", "bybit", "coinex", "mexc")


def paths(*names: str) -> list[Path]:
    return [vectorfiles.file("made", FOLDER, name) for name in names]


def verified(*names: str, **given: Any) -> Verification:
    result: Verification = merkle_por.verify(*paths(*names), given=given)
    return result


@cache
def deep(scheme: str) -> tuple[Verdict, ...]:
    """The verdicts on all eight users' files."""
    names = [f"deep-{scheme}/u{i}.json" for i in range(8)]
    facts = next(
        entry.data.get("args") or {}
        for entry in vectorfiles.manifest("made", FOLDER)
        if entry.data["file"] == names[0]
    )
    return merkle_por.verify(*paths(*names), scheme=scheme, given=facts).proofs


def judgement(result: Verification) -> Together:
    assert result.together is not None
    return result.together


def reasons(found: Together) -> set[str]:
    return {check.id for check in found.checks if check.status is CheckStatus.FAIL}


@pytest.mark.parametrize("exchange", MAX_NOT_SUM)
def test_each_file_alone_holds_both_together_do_not(exchange: str) -> None:
    names = [f"{exchange}_max_instead_of_sum_{x}.json" for x in "ab"]
    root = verified(*names).proofs[0].root
    assert root is not None
    result = verified(*names, root=root.value)
    assert [proof.state for proof in result.proofs] == [State.VALID, State.VALID]
    assert result.state is State.INVALID
    assert reasons(judgement(result)) == {"node-conflict", "total-exceeded"}
    assert judgement(result).exceeded["BTC"] == (160, 100)


def test_a_conflict_names_the_hash_both_files_both_balances_and_whose_node_it_is() -> None:
    found = judgement(
        verified("bybit_max_instead_of_sum_a.json", "bybit_max_instead_of_sum_b.json")
    )
    conflict = found.conflicts[0]
    assert conflict.first.key.startswith("a8fa0ac8")
    assert conflict.first.balances is not None
    assert conflict.second.balances is not None
    assert (conflict.first.balances["BTC"], conflict.second.balances["BTC"]) == (100, 40)
    assert (conflict.first.words, conflict.second.words) == ("your leaf", "a neighbour")
    assert (conflict.first.file, conflict.second.file) == (0, 1)
    check = next(check for check in found.checks if check.id == "node-conflict")
    assert check.where == (
        "bybit_max_instead_of_sum_a.json: your leaf; bybit_max_instead_of_sum_b.json: a neighbour"
    )


@pytest.mark.parametrize("exchange", MAX_NOT_SUM)
def test_honest_files_agree(exchange: str) -> None:
    found = judgement(verified(*[f"{exchange}_honest_{i}.json" for i in (0, 1, 4, 6)]))
    assert found.state is State.VALID
    assert [check.id for check in found.checks] == ["agree"]


@pytest.mark.parametrize("scheme", DEEP)
def test_27_of_28_pairs_expose_a_cheat_on_all_levels(scheme: str) -> None:
    if scheme not in KNOWN:
        pytest.skip(f"{scheme} is not a scheme yet")
    verdicts = deep(scheme)
    assert together(verdicts).state is State.INVALID
    silent = {
        pair
        for pair in combinations(range(8), 2)
        if together([verdicts[i] for i in pair]).state is not State.INVALID
    }
    assert silent == {(6, 7)}
    found = together([verdicts[3], verdicts[5]])
    assert "node-conflict" in reasons(found)
    # They meet only at the root: rebuilt in one file, a sibling in the other.
    assert {c.first.role for c in found.conflicts} == {"sibling", "rebuilt"}


def test_one_audit_with_two_roots() -> None:
    found = judgement(verified("mexc_honest_0.json", "../mexc/ok_n5_i0.json"))
    assert reasons(found) == {"root-conflict"}


def test_two_nonces_on_one_64_bit_leaf() -> None:
    names = ("bitget_collision_a.json", "bitget_collision_b.json")
    result = verified(*names, root="69ad61041763ada7")
    assert [proof.state for proof in result.proofs] == [State.VALID, State.VALID]
    assert reasons(judgement(result)) == {"shared-leaf"}


def test_two_roots_that_name_no_audit_are_asked_about() -> None:
    found = judgement(verified("coinex_honest_0.json", "../coinex/ok_double_n5_i4.json"))
    assert found.state is State.UNCONFIRMED
    assert found.checks[0].id == "root-not-compared"


def test_files_of_different_audits_are_not_compared() -> None:
    first, second = verified(
        "bybit_max_instead_of_sum_a.json", "bybit_max_instead_of_sum_b.json"
    ).proofs
    assert second.root is not None
    other = replace(
        second,
        snapshot=replace(second.snapshot, id="another audit"),
        root=replace(second.root, value="0" * 64),
    )
    found = together([first, other])
    assert found.state is State.VALID
    assert {check.id for check in found.checks} == {"different-audits", "not-compared"}
    assert "don't contradict" not in found.sentence or "those of one audit" in found.sentence


def test_files_of_different_exchanges_are_not_compared() -> None:
    found = judgement(verified("deep-bybit/u0.json", "deep-mexc/u0.json"))
    assert found.state is State.VALID
    assert [check.id for check in found.checks] == ["not-compared"]


def test_a_file_that_fails_alone_decides() -> None:
    good, bad = paths("bybit_honest_0.json", "bybit_honest_1.json")
    broken = bad.read_bytes().replace(b'"BTC": "', b'"BTC": "9', 1)
    assert broken != bad.read_bytes()
    result = merkle_por.verify(good, broken)
    assert result.state is State.INVALID
    assert "contradict" not in result.sentence


# -- zero against an amount, where the padding rule is not known ------------------------------


def htx_pair(mine: str, shown_to_me: str, theirs: str, shown_to_them: str) -> Verification:
    """Two HTX users under a root of two levels; each sees the other with the amount named."""
    left, right, uncle = (sha256_hex(name.encode()) for name in ("left", "right", "uncle"))

    def parent(one: str, other: str, total: Decimal) -> str:
        return sha256_hex(f"{one}{other}{total.normalize():f}".encode())

    def node(digest: str, side: Side, amount: str) -> dict[str, Any]:
        r = 1 if side is Side.RIGHT else 0
        return {
            "type": "node",
            "hash": digest,
            "uhash": "",
            "depth": 0,
            "r": r,
            "balances": f"btc:{amount}",
        }

    files = []
    for own, own_amount, other, other_amount, side in (
        (left, mine, right, shown_to_me, Side.LEFT),
        (right, theirs, left, shown_to_them, Side.RIGHT),
    ):
        total = Decimal(own_amount) + Decimal(other_amount)
        inner = parent(left, right, total)
        top = total + 1000
        root = node(parent(inner, uncle, top), Side.LEFT, f"{top}")
        path = [node(other, side.other, other_amount), node(uncle, Side.RIGHT, "1000")]
        files.append(json.dumps({"data": [root, *path, node(own, side, own_amount)]}).encode())
    result: Verification = merkle_por.verify(*files)
    return result


def test_zero_against_an_amount_is_shown_not_judged_where_padding_is_not_known() -> None:
    found = judgement(htx_pair("100", "0", "100", "0"))
    assert found.state is State.VALID
    assert [conflict.judged for conflict in found.conflicts] == [False, False]
    assert {c.status for c in found.checks if c.id == "node-conflict"} == {CheckStatus.WARN}


def test_two_amounts_above_zero_are_judged_there_too() -> None:
    found = judgement(htx_pair("100", "20", "80", "40"))
    assert found.state is State.INVALID
    assert reasons(found) == {"node-conflict"}


def test_customers_owed_more_than_the_root_are_judged_there_too() -> None:
    verdicts = htx_pair("100", "0", "100", "0").proofs
    poor = tuple(replace(v, published={"btc": Decimal(199)}) for v in verdicts)
    assert reasons(together(poor)) == {"total-exceeded"}
    just_enough = tuple(replace(v, published={"btc": Decimal(200)}) for v in verdicts)
    assert together(just_enough).state is State.VALID


def test_one_leaf_in_two_files_is_warned_of_where_leaves_bind_no_user() -> None:
    first = htx_pair("5", "5", "5", "5").proofs[0]
    found = together([first, first])
    assert found.state is State.VALID
    assert [c.status for c in found.checks if c.id == "shared-leaf"] == [CheckStatus.WARN]


# -- single rules, on verdicts made for them ---------------------------------------------------


def with_nodes(base: Verdict, change: Callable[[Node], Node]) -> Verdict:
    return replace(base, nodes=tuple(change(node) for node in base.nodes))


@pytest.fixture
def honest() -> tuple[Verdict, Verdict]:
    first, second = verified("bybit_honest_0.json", "bybit_honest_4.json").proofs
    return first, second


def test_a_leaf_that_is_an_inner_node_elsewhere(honest: tuple[Verdict, Verdict]) -> None:
    first, second = honest
    inner = next(node for node in second.nodes if node.role == "rebuilt")
    moved = with_nodes(
        first,
        lambda n: replace(n, hash=inner.hash, balances=inner.balances) if n.role == "leaf" else n,
    )
    assert "self-not-leaf" in reasons(together([moved, second]))


def test_one_place_with_two_hashes(honest: tuple[Verdict, Verdict]) -> None:
    first, second = honest
    top = max(node.level for node in first.nodes) - 1
    changed = with_nodes(
        first,
        lambda n: replace(n, hash="f" * 64) if n.level == top and n.role == "sibling" else n,
    )
    assert reasons(together([changed, second])) == {"conflicting-nodes"}


def test_padding_is_left_out(honest: tuple[Verdict, Verdict]) -> None:
    first, second = honest
    sibling = next(node for node in first.nodes if node.role == "sibling")

    def emptied(padding: bool) -> Verdict:
        return with_nodes(
            first,
            lambda n: replace(n, balances={}, padding=padding) if n == sibling else n,
        )

    assert together([first, emptied(True)]).state is State.VALID
    assert together([first, emptied(False)]).state is State.INVALID
    assert together([first, second]).state is State.VALID


def test_an_omitted_coin_equals_zero(honest: tuple[Verdict, Verdict]) -> None:
    first, second = honest
    short = with_nodes(
        second, lambda n: replace(n, balances={c: v for c, v in n.balances.items() if v})
    )
    assert together([first, short]).state is State.VALID


@given(st.permutations(range(8)), st.integers(2, 8))
def test_the_order_of_the_files_changes_nothing(order: list[int], count: int) -> None:
    verdicts = deep("bybit")
    found = together([verdicts[i] for i in order[:count]])
    again = together([verdicts[i] for i in sorted(order[:count])])
    assert found.state is again.state
    assert reasons(found) == reasons(again)
    assert {c.first.key for c in found.conflicts} == {c.first.key for c in again.conflicts}


# -- what is shown -----------------------------------------------------------------------------


def test_the_terminal_shows_both_views_and_what_they_mean() -> None:
    result = verified("bybit_max_instead_of_sum_a.json", "bybit_max_instead_of_sum_b.json")
    text = result.page(Page()).plain()
    assert text.startswith("INVALID  These two proofs contradict each other (node-conflict).\n")
    assert "in ...instead_of_sum_a.json your leaf    BTC  100.00000000" in text
    assert "in ...instead_of_sum_b.json a neighbour  BTC   40.00000000" in text
    assert "The root owes 100 BTC in all, yet these two are owed 160." in text
    assert max(map(len, text.splitlines())) <= 80


def test_names_of_files_and_assets_reach_the_terminal_escaped() -> None:
    result = verified("bybit_max_instead_of_sum_a.json", "bybit_max_instead_of_sum_b.json")
    evil = [
        replace(proof, file=replace(proof.file, name=f"\x1b[2J{i}.json"))
        for i, proof in enumerate(result.proofs)
    ]
    page = Page()
    together(evil).lines(page)
    assert "\x1b" not in page.plain()


def test_the_json_document_holds_all_views_and_redacts_them() -> None:
    result = verified(*[f"deep-bybit/u{i}.json" for i in range(8)])
    shown = result.to_json()["together"]
    assert shown["state"] == "invalid"
    assert len({conflict["hash"] for conflict in shown["conflicts"]}) == 12
    first = shown["conflicts"][0]
    assert {view["name"] for view in first["views"]} <= {f"u{i}.json" for i in range(8)}
    assert shown["exceeded"]["BTC"] == {"owed": "464.00000000", "root": "100.00000000"}
    hidden = json.dumps(result.to_json(redact=True)["together"])
    assert "u0.json" not in hidden
    assert "464" not in hidden


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("swissborg", "ok_3assets.user.json"),
        ("okx-merkle-v2", "user_c0.json"),
        ("bitfinex-antani", "ok_7buckets.json"),
    ],
)
def test_several_leaves_of_one_user_do_not_claim_one_place(folder: str, name: str) -> None:
    """A file of several leaves, or of paths in several trees, is given twice: no contradiction."""
    entry = next(e.data for e in vectorfiles.manifest("made", folder) if e.data.get("file") == name)
    facts = dict(entry["args"])
    for key in {"audit", "tree"} & facts.keys():
        facts[key] = vectorfiles.file("made", folder, facts[key])
    facts.setdefault("root", entry["root"])
    path = vectorfiles.file("made", folder, name)
    result = merkle_por.verify(path, path, given=facts)
    assert [proof.state for proof in result.proofs] == [State.VALID, State.VALID]
    assert result.state is State.VALID
