"""BingX, TopOne, Pionex (spec plain-sha256-path, sections 1, 2, 4 to 6)."""

from __future__ import annotations

import json

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import strategies as st

from merkle_por.documents import Document
from merkle_por.errors import Malformed
from merkle_por.exchanges import _plainpath, plain_path
from merkle_por.merkle.paths import Joined, Side
from merkle_por.recognise import recognise
from merkle_por.verdict import Inclusion, Totals

LEAF = "3b44181df32e6fbad0273fd5bcaa8e273121d355a28933cd2b98a9e7c0bb3c7f"
RECORD = "6e7fb5f60d505b9480ad515a14b63194fa8bc3883acb3d9fbe3f9010690fcb0c,USDT:100.2589"


def file(**members: object) -> bytes:
    return json.dumps(members).encode()


def test_topone_readme_example() -> None:
    assert _plainpath.sha256_text("User12345") == RECORD.split(",")[0]
    verdict = judged(file(scheme="topone", record=RECORD, path=""), {"root": LEAF})
    assert verdict.state.value == "valid"
    assert verdict.exchange_name == "TopOne"
    assert [w.id for w in verdict.warnings] == ["single-leaf-tree"]
    assert verdict.inclusion is Inclusion.HOLDS
    assert verdict.totals is Totals.NOT_CLAIMED


def test_without_a_root_it_is_unconfirmed() -> None:
    verdict = judged(file(scheme="topone", record=RECORD, path=""))
    assert verdict.state.value == "unconfirmed"


def test_a_root_in_the_file_confirms_nothing() -> None:
    verdict = judged(file(scheme="topone", record=RECORD, path="", root=LEAF))
    assert verdict.state.value == "unconfirmed"
    wrong = judged(file(scheme="topone", record=RECORD, path="", root="0" * 64), {"root": LEAF})
    assert wrong.reason == "root-inconsistent"


def test_bare_leaf_is_told_apart_from_a_record() -> None:
    verdict = judged(file(scheme="topone", leaf=LEAF, path=""), {"root": LEAF})
    assert verdict.state.value == "valid"
    assert verdict.account is None
    assert "leaf-not-recomputed" in [w.id for w in verdict.warnings]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bingx_bad_step_token.json", "bad-step"),  # official: any token but "l" is the right
        ("bingx_bad_exponent.json", "bad-amount"),
        ("bingx_bad_dup_asset.json", "duplicate-asset"),
        ("bingx_bad_balance.json", "leaf-hash"),
        ("bingx_bad_noncanonical.json", "non-canonical-amount"),
        ("bingx_bad_upper.json", "bad-hash"),
        ("topone_bad_balance.json", "leaf-hash"),
        ("topone_bad_step_token.json", "bad-step"),
        ("pionex_bad_balance.json", "leaf-hash"),
        ("pionex_bad_index_chain.json", "index-chain"),  # official: Verified!
        ("pionex_bad_dup_index.json", "duplicate-index"),  # official: last one wins
        ("pionex_bad_asset_order.json", "asset-order"),
        ("pionex_bad_root.json", "root-mismatch"),
    ],
)
def test_what_the_official_programs_let_through(name: str, reason: str) -> None:
    assert of("made", "plain-path", name, "plain-path").reason == reason


def test_letter_case_counts_only_where_hashes_enter_as_text() -> None:
    path, given = entry("made", "plain-path", "topone_n5_u4.json")
    members = json.loads(path.read_bytes())
    members["path"] = members["path"].upper()
    assert judged(file(**members), given).state.value == "valid"


@pytest.mark.parametrize("text", ["0", "00", "1.0", "1.50", "0.00", "-0.0", "10.", ".5", "1e3"])
def test_bingx_number_rule_refuses(text: str) -> None:
    record = RECORD.replace("100.2589", text)
    verdict = judged(file(scheme="topone", record=record, path=""))
    assert verdict.reason in ("bad-amount", "non-canonical-amount")


@pytest.mark.parametrize("text", ["0.0", "20384", "0.5", "100", "-1.5"])
def test_bingx_number_rule_takes(text: str) -> None:
    assert plain_path.canonical(text)


@drawn(st.integers(1, 40), st.data())
def test_pionex_indices_of_any_leaf_form_a_path(depth: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(1 << depth, (2 << depth) - 1))
    siblings = [(index >> up) ^ 1 for up in range(depth)]
    items = data.draw(st.permutations([f"{i}:{i:064x}" for i in siblings]))
    steps = plain_path.pionex_steps(",".join(items), Joined.BYTES)
    assert [int(step.hash, 16) for step in steps] == siblings
    assert [step.side is Side.RIGHT for step in steps] == [bool(i % 2) for i in siblings]


def test_a_path_is_bounded_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="too-deep"):
        _plainpath.split_path("," * 64)


@pytest.mark.parametrize("name", ["bingx_n5_u4.json", "topone_n5_u4.json", "pionex_n5_u4.json"])
def test_changed_bytes(name: str) -> None:
    path, given = entry("made", "plain-path", name)
    changed_bytes_never_valid(path, given, "plain-path")


def test_neighbours_are_not_recognised() -> None:
    for members in ({"scheme": "other", "path": ""}, {"path": ""}, {"scheme": 1}):
        assert not plain_path.SCHEME.recognises(Document.of(file(**members)))
    with pytest.raises(Malformed):
        recognise(Document.of(file(scheme="other", path="")))
