"""BiFinance (spec plain-sha256-path, section 7)."""

from __future__ import annotations

import json

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of

from merkle_por.documents import Document
from merkle_por.exchanges import bifinance
from merkle_por.recognise import recognise


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_forged_self.json", "conflicting-nodes"),
        ("bad_no_self.json", "bad-hash"),
        ("bad_root_only.json", "self-not-leaf"),
        ("bad_root.json", "root-mismatch"),
        ("bad_audit_id.json", "audit-id-mismatch"),
        ("bad_dupkey.json", "duplicate-key"),
    ],
)
def test_what_the_official_program_accepts(name: str, reason: str) -> None:
    assert of("made", "bifinance", name, "bifinance").reason == reason


def test_own_balance_is_said_to_be_unverified() -> None:
    verdict = of("made", "bifinance", "own_balance_not_bound.json", "bifinance")
    assert verdict.state == "valid"
    assert verdict.account is None
    assert verdict.scope is not None
    assert verdict.scope.own_balance == "not-bound"
    assert "leaf-preimage-unpublished" in [w.id for w in verdict.warnings]


def test_a_lone_node_is_hashed_with_itself_and_said_so() -> None:
    verdict = of("made", "bifinance", "n5_u4.json", "bifinance")
    assert [w.id for w in verdict.warnings].count("lone-node-duplicated") == 2


def test_a_node_on_both_sides_is_refused() -> None:
    path, given = entry("made", "bifinance", "n5_u4.json")
    members = json.loads(path.read_bytes())
    members["path"].append({**members["self"], "role": 2})
    verdict = judged(json.dumps(members).encode(), given, scheme="bifinance")
    assert verdict.reason == "duplicate-sibling"


def test_self_may_be_repeated_in_the_path() -> None:
    path, given = entry("made", "bifinance", "n8_u7.json")
    members = json.loads(path.read_bytes())
    members["path"].append(members["self"])
    assert judged(json.dumps(members).encode(), given).state == "valid"


@pytest.mark.parametrize("in_self", [True, False])
def test_self_and_its_copy_need_not_both_name_the_parent(in_self: bool) -> None:
    path, given = entry("made", "bifinance", "n8_u7.json")
    members = json.loads(path.read_bytes())
    copies = [n for n in members["path"] if n["merkelLeaf"] == members["self"]["merkelLeaf"]]
    parent = next(n["parentMerkelLeaf"] for n in (members["self"], *copies))
    bare = {key: value for key, value in members["self"].items() if key != "parentMerkelLeaf"}
    members["path"] = [node for node in members["path"] if node not in copies]
    for named, state in ((parent, "valid"), ("ab" * 32, "invalid")):
        full = {**bare, "parentMerkelLeaf": named}
        own, copy = (full, bare) if in_self else (bare, full)
        changed = {"self": own, "path": [*members["path"], copy]}
        assert judged(json.dumps(changed).encode(), given).state == state


def test_a_second_root_is_refused() -> None:
    path, given = entry("made", "bifinance", "n8_u7.json")
    members = json.loads(path.read_bytes())
    root = next(node for node in members["path"] if node["level"] == 0)
    members["path"].append({**root, "merkelLeaf": "0" * 64})
    verdict = judged(json.dumps(members).encode(), given, scheme="bifinance")
    assert verdict.reason == "conflicting-nodes"


def test_changed_bytes() -> None:
    path, given = entry("made", "bifinance", "n8_u7.json")
    changed_bytes_never_valid(path, given, "bifinance")


def test_sum_proofs_of_the_same_layout_are_not_recognised() -> None:
    for folder, name in (("bitget-2022", "ok_n3_i1_c3.json"),):
        path, _ = entry("made", folder, name)
        assert not bifinance.SCHEME.recognises(Document.of(path))
    path, _ = entry("made", "bifinance", "n8_u7.json")
    assert recognise(Document.of(path)) is bifinance.SCHEME
