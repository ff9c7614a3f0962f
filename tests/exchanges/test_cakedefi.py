"""Cake DeFi's whole tree (spec cakedefi-sum-tree)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of
from hypothesis import given as drawn
from hypothesis import strategies as st

from merkle_por.documents import Document
from merkle_por.exchanges import cakedefi
from merkle_por.verdict import Inclusion, Totals

LEFT = "43b62aa74198cf644a3159084025a24e2569b8c0"
RIGHT = "8c83f4c2d323423286fc9aaa1bb86744d6e018ce"
ROOT = "c366824d28b2ae4a371c37faedfc627789ddcf00"


def test_worked_example() -> None:
    lending = {"DFI": "0.00000001", "ETH": "0.00000001", "BTC": "12.50", "USDC": "0"}
    assets = {"lending": lending, "staking": {"DFI": "0", "ETH": "0.00000001"}}
    assert cakedefi.inner_hash(assets, LEFT, RIGHT) == ROOT


@pytest.mark.peer
def test_published_example() -> None:
    verdict = of("peer", "cakedefi", "merkleTreeTestData_correct.json", "cakedefi")
    assert (verdict.state, verdict.totals) == ("valid", Totals.BOUND)
    assert {w.id for w in verdict.warnings} == {"leaf-preimage-unpublished", "weak-hash"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_leaf_without_assets.json", "missing-field"),
        ("bad_deflated_hidden.json", "missing-field"),
        ("bad_inner_as_leaf.json", "leaf-not-found"),
        ("bad_negative.json", "negative-balance"),
        ("bad_root.json", "root-mismatch"),
        ("bad_dupkey.json", "duplicate-key"),
    ],
)
def test_what_the_official_program_accepts(name: str, reason: str) -> None:
    assert of("made", "cakedefi", name, "cakedefi").reason == reason


def leaf(digest: str, amount: str) -> dict[str, Any]:
    return {"hash": digest * 40, "assets": {"wallet": {"BTC": amount}}, "left": None, "right": None}


def joined(left: dict[str, Any], right: dict[str, Any], total: str) -> dict[str, Any]:
    assets = {"wallet": {"BTC": total}}
    digest = cakedefi.inner_hash(assets, left["hash"], right["hash"])
    return {"hash": digest, "assets": assets, "left": left, "right": right}


def verdict_of(tree: dict[str, Any], own: str) -> Any:
    data = json.dumps(tree).encode()
    return judged(data, {"root": tree["hash"], "leaf": own * 40}, scheme="cakedefi")


def test_the_sum_keeps_the_longer_operands_decimals() -> None:
    pair = leaf("a", "500.5"), leaf("b", "0.50")
    assert verdict_of(joined(*pair, "501.00"), "a").state == "valid"
    assert verdict_of(joined(*pair, "501"), "a").reason == "sum-mismatch"
    assert verdict_of(joined(*pair, "501.0"), "a").reason == "sum-mismatch"


def test_one_leaf_twice() -> None:
    tree = joined(leaf("a", "1"), leaf("a", "1"), "2")
    assert verdict_of(tree, "a").reason == "duplicate-leaf"


def test_a_single_leaf_shows_nothing() -> None:
    verdict = verdict_of(leaf("a", "1000000"), "a")
    assert (verdict.state, verdict.inclusion) == ("incomplete", Inclusion.NOT_CHECKED)


@pytest.mark.parametrize(
    ("fact", "reason"), [("root", "root-mismatch"), ("leaf", "leaf-not-found")]
)
def test_a_single_leaf_with_another_hash_than_asked_for_is_refused(fact: str, reason: str) -> None:
    tree = leaf("a", "1000000")
    given = {"root": tree["hash"], "leaf": tree["hash"], fact: "b" * 40}
    verdict = judged(json.dumps(tree).encode(), given, scheme="cakedefi")
    assert (verdict.state, verdict.reason) == ("invalid", reason)


def test_without_the_own_hash_no_inclusion_is_claimed() -> None:
    tree = joined(leaf("a", "1"), leaf("b", "2"), "3")
    verdict = judged(json.dumps(tree).encode(), {"root": tree["hash"]})
    assert (verdict.state, verdict.inclusion) == ("valid", Inclusion.NOT_CLAIMED)


def test_path_is_kept_for_comparison() -> None:
    tree = joined(joined(leaf("a", "1"), leaf("b", "2"), "3"), leaf("c", "4"), "7")
    verdict = verdict_of(tree, "b")
    assert [(n.level, n.role, n.side) for n in verdict.nodes] == [
        (0, "sibling", "left"),
        (0, "leaf", "right"),
        (1, "rebuilt", "left"),
        (1, "sibling", "right"),
        (2, "root", None),
    ]


def test_keys_in_javascript_order() -> None:
    keys = ["b", "10", "9", "a", "01", "4294967295", "4294967294", "0"]
    wanted = ["0", "9", "10", "4294967294", "b", "a", "01", "4294967295"]
    assert cakedefi._javascript_order(dict.fromkeys(keys)) == wanted


def test_text_is_escaped_as_json_stringify_does() -> None:
    shown = {'a"\\\x01\n\u2028é/': {"\x7f": "1"}}
    preimage = '[{"a\\"\\\\\\u0001\\n\u2028é/":{"\x7f":"1"}},"l","r"]'
    import hashlib

    assert cakedefi.inner_hash(shown, "l", "r") == hashlib.sha1(preimage.encode()).hexdigest()


@drawn(st.lists(st.integers(0, 10**12), min_size=2, max_size=20), st.data())
def test_any_tree_adds_up_and_no_leaf_can_be_changed(
    values: list[int], data: st.DataObject
) -> None:
    level = [(leaf(f"{i % 16:x}", "0") | {"hash": f"{i:040x}"}, v) for i, v in enumerate(values)]
    for node, value in level:
        node["assets"] = {"wallet": {"BTC": str(value)}}
    nodes = [node for node, _ in level]
    while len(level) > 1:
        last = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [(joined(a, b, str(x + y)), x + y) for (a, x), (b, y) in pairs] + last
    root = level[0][0]
    given = {"root": root["hash"], "leaf": nodes[0]["hash"]}
    assert judged(json.dumps(root).encode(), given).state == "valid"
    chosen = data.draw(st.sampled_from(nodes))
    chosen["assets"]["wallet"]["BTC"] += "0"
    assert judged(json.dumps(root).encode(), given).state in ("invalid", "malformed")


def test_changed_bytes() -> None:
    path, given = entry("made", "cakedefi", "n8_u7.json")
    changed_bytes_never_valid(path, given, "cakedefi")


def test_neighbours_are_not_recognised() -> None:
    for tree in (leaf("a", "1") | {"hash": "a" * 64}, {"hash": "a" * 40, "assets": {}}, {}, []):
        assert not cakedefi.SCHEME.recognises(Document.of(json.dumps(tree).encode()))


@pytest.mark.parametrize(("text", "state"), [("1670000000000.5", "valid"), ('"1670"', "malformed")])
def test_the_snapshot_time_is_any_number(text: str, state: str) -> None:
    path, given = entry("made", "cakedefi", "n2_u0.json")
    members = json.loads(path.read_bytes())
    members.pop("timeOfSnapshot", None)
    data = json.dumps(members).replace("{", f'{{"timeOfSnapshot": {text}, ', 1)
    assert judged(data.encode(), given).state == state
