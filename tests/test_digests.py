"""Salted fingerprints of paths, and contradictions among them (merkle_por/digests.py)."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschemas
import pytest
import vectorfiles
from hypothesis import given
from hypothesis import strategies as st

import merkle_por
from merkle_por.digests import compare, digest
from merkle_por.errors import UsageError
from merkle_por.report.text import Page
from merkle_por.verdict import State, Verdict

FOLDER = "plain-cross-proof"
PAIR = ("bybit_max_instead_of_sum_a.json", "bybit_max_instead_of_sum_b.json")


def verdict(name: str) -> Verdict:
    path = vectorfiles.file("made", FOLDER, name)
    found: Verdict = merkle_por.verify(path).proofs[0]
    return found


@pytest.fixture
def pair() -> list[dict[str, Any]]:
    return [digest(verdict(name), "tea at noon") for name in PAIR]


def test_a_contradiction_shows_in_digests_as_in_files(pair: list[dict[str, Any]]) -> None:
    found = compare(pair)
    assert found.state is State.INVALID
    assert {conflict.reason for conflict in found.conflicts} == {"node-conflict"}
    leaf = next(c for c in found.conflicts if c.first.role == "leaf")
    assert leaf.second.role == "sibling"


def test_a_digest_holds_no_hash_amount_or_id_of_the_file(pair: list[dict[str, Any]]) -> None:
    for name, document in zip(PAIR, pair, strict=True):
        text = json.dumps(document)
        source = json.loads(vectorfiles.file("made", FOLDER, name).read_text())
        assert source["self"]["userHash"] not in text
        for node in (source["self"], *source["path"][:-1]):
            assert node["hash"] not in text
        assert "BTC" not in text
        assert "00000000" not in text
        assert name not in text


def test_equal_balances_of_different_nodes_have_different_fingerprints() -> None:
    """Else the fingerprint of a zero, or of a round amount, would be known to everybody."""
    nodes = digest(verdict("deep-bybit/u0.json"))["nodes"]
    sums = [node["sums"] for node in nodes]
    assert len(set(sums)) == len(sums)


def test_the_word_changes_every_fingerprint() -> None:
    one, other = (digest(verdict(PAIR[0]), word) for word in ("tea", "coffee"))
    assert one["check"] != other["check"]
    values = [{n["node"] for n in doc["nodes"]} | {n["sums"] for n in doc["nodes"]}
              for doc in (one, other)]  # fmt: skip
    assert not values[0] & values[1]


def test_the_same_root_under_another_scheme_has_other_fingerprints() -> None:
    base = verdict(PAIR[0])
    other = digest(replace(base, scheme="mexc"))
    assert other["check"] != digest(base)["check"]


def test_different_words_are_told_and_never_read_as_agreement() -> None:
    found = compare([digest(verdict(PAIR[0]), "tea"), digest(verdict(PAIR[1]), "coffee")])
    assert found.state is State.INCOMPLETE
    assert {check.id for check in found.checks} == {"salt-mismatch", "not-compared"}


def test_honest_digests_agree() -> None:
    found = compare([digest(verdict(f"bybit_honest_{i}.json")) for i in (0, 1, 4, 6)])
    assert found.state is State.VALID
    assert [check.id for check in found.checks] == ["agree"]


def test_the_same_digest_twice_is_no_comparison(pair: list[dict[str, Any]]) -> None:
    assert compare([pair[0], pair[0]]).state is State.INCOMPLETE


@pytest.mark.parametrize("scheme", ["bybit", "coinex", "htx-merkle-sum", "bitunix"])
def test_pairs_contradict_each_other_exactly_as_their_files_do(scheme: str) -> None:
    digests = [digest(verdict(f"deep-{scheme}/u{i}.json")) for i in range(8)]
    silent = {
        (i, j)
        for i, j in combinations(range(8), 2)
        if compare([digests[i], digests[j]]).state is not State.INVALID
    }
    assert silent == {(6, 7)}


def test_two_users_on_one_leaf() -> None:
    found = compare([digest(verdict(f"bitget_collision_{x}.json")) for x in "ab"])
    assert [conflict.reason for conflict in found.conflicts] == ["shared-leaf"]


def test_two_roots_of_one_audit() -> None:
    found = compare(
        [digest(verdict("mexc_honest_0.json")), digest(verdict("../mexc/ok_n5_i0.json"))]
    )
    assert found.state is State.INVALID
    assert found.checks[0].id == "root-conflict"


def test_two_roots_that_name_no_audit() -> None:
    names = ("coinex_honest_0.json", "../coinex/ok_double_n5_i4.json")
    found = compare([digest(verdict(name)) for name in names])
    assert found.state is State.INCOMPLETE
    assert "root-not-compared" in {check.id for check in found.checks}


def test_zero_nodes_are_not_fingerprinted_where_padding_is_not_known() -> None:
    nodes = verdict("deep-htx-merkle-sum/u0.json").nodes
    rows = digest(verdict("deep-htx-merkle-sum/u0.json"))["nodes"]
    for node, row in zip(nodes, rows, strict=True):
        assert (row["sums"] is None) is (not any(node.balances.values()))


def test_a_failed_file_has_no_digest() -> None:
    path = vectorfiles.file("made", "bybit", "bad_flip_sibling_hash.json")
    with pytest.raises(UsageError, match="path holds"):
        digest(merkle_por.verify(path).proofs[0])


def test_a_too_long_word_and_a_single_digest_are_usage_errors(pair: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError, match="longer"):
        digest(verdict(PAIR[0]), "x" * 1001)
    with pytest.raises(UsageError, match="two digests"):
        compare(pair[:1])


def test_files_bytes_and_documents_are_taken_alike(
    pair: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(pair[0]))
    found = compare([path, json.dumps(pair[1]).encode()])
    assert found.state is State.INVALID
    assert found.names[0] == "mine.json"


def test_a_proof_in_place_of_a_digest_is_malformed_with_a_hint(pair: list[dict[str, Any]]) -> None:
    found = compare([pair[0], vectorfiles.file("made", FOLDER, PAIR[1])])
    assert found.state is State.MALFORMED
    assert any("merkle-por digest" in hint for hint in found.errors[0].hints)


def _set(document: dict[str, Any], place: list[Any], value: Any) -> None:
    *before, last = place
    at: Any = document
    for key in before:
        at = at[key]
    at[last] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["schema"], "merkle-por/digest/2"),
        (["more"], 1),
        (["root"], None),
        (["check"], "0"),
        (["confirmed"], "yes"),
        (["audit"], 7),
        (["nodes"], []),
        (["nodes"], {}),
        (["nodes", 0, "node"], "G" * 64),
        (["nodes", 0, "sums"], 0),
        (["nodes", 0, "level"], -1),
        (["nodes", 0, "level"], 65),
        (["nodes", 0, "role"], "king"),
        (["nodes", 0, "more"], 1),
    ],
)
def test_malformed_digests(pair: list[dict[str, Any]], place: list[Any], value: Any) -> None:
    changed = copy.deepcopy(pair[0])
    _set(changed, place, value)
    found = compare([changed, pair[1]])
    assert found.state is State.MALFORMED
    jsonschemas.check(found.to_json())


def test_more_nodes_than_a_path_can_have_are_malformed(pair: list[dict[str, Any]]) -> None:
    long = {**pair[0], "nodes": pair[0]["nodes"] * 100}
    assert compare([long, pair[1]]).state is State.MALFORMED


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert compare([data, data]).state is State.MALFORMED


def test_documents_fit_their_schemas(pair: list[dict[str, Any]]) -> None:
    for document in pair:
        jsonschemas.check(document)
    jsonschemas.check(compare(pair).to_json())


def test_the_page_says_that_a_digest_is_no_proof(pair: list[dict[str, Any]]) -> None:
    text = compare(pair).page(Page()).plain()
    assert text.startswith("INVALID  These 2 digests contradict each other (node-conflict).\n")
    assert "Anybody can write a digest" in text
    agree = compare([digest(verdict(f"bybit_honest_{i}.json")) for i in (0, 1)])
    assert "Silence proves nothing" in agree.page(Page()).plain()
