"""Bitget's Merkle-sum proofs in both styles (spec bitget-merkle)."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from helpers import changed, changed_bytes_never_valid, entry, judged, of, recognised
from hypothesis import given
from hypothesis import strategies as st

from merkle_por.exchanges import bitget
from merkle_por.merkle import javamap
from merkle_por.verdict import Inclusion, State

QUOTED_LEAF, QUOTED_ROOT = "258706ec355c0044", "14261c71349660da"
BARE_LEAF, BARE_ROOT = "9288c7a4c9410fc2", "8a8299af661d7b53"
AMOUNTS = {"BTC": "1.5", "ETH": "0", "USDT": "0.00000001", "USDC": "20"}

ACCEPTED_BY_BITGET = {
    "bad_duplicate_key.json": "duplicate-key",
    "bad_level_as_string.json": "wrong-type",
    "bad_negative_sibling.json": "negative-balance",
    "bad_padding_with_balance.json": "padding-not-zero",
    "bad_role_3_on_sibling.json": "bad-node-type",
    "bad_root_extra_coin.json": "sum-mismatch",
    "bad_sibling_level_wrong.json": "bad-height",
    "bad_wrong_published_root.json": "root-mismatch",
}


def lone_user(leaf: str, root: str) -> dict[str, Any]:
    zero = dict.fromkeys(AMOUNTS, "0")
    return {
        "path": [
            {"balances": zero, "level": 2, "merkelLeaf": leaf, "role": 0},
            {"balances": dict(AMOUNTS), "level": 1, "merkelLeaf": root, "role": 3},
        ],
        "self": {
            "balances": dict(AMOUNTS),
            "encryptUid": "aaaa",
            "nonce": "n1",
            "level": 2,
            "merkelLeaf": leaf,
            "role": 1,
        },
    }


@pytest.mark.parametrize(
    ("style", "leaf", "root"),
    [("quoted", QUOTED_LEAF, QUOTED_ROOT), ("bare", BARE_LEAF, BARE_ROOT)],
)
def test_worked_example(style: str, leaf: str, root: str) -> None:
    verdict = judged(lone_user(leaf, root), {"root": root})
    assert verdict.state is State.VALID
    assert verdict.version == style
    assert verdict.scope is not None
    assert verdict.scope.hash_bits == 64
    assert {warning.id for warning in verdict.warnings} == {"short-hash", "maxwell"}


@pytest.mark.parametrize("folder", ["bitget-2022", "bitget-2025"])
@pytest.mark.parametrize(("name", "reason"), ACCEPTED_BY_BITGET.items())
def test_the_official_program_accepts_but_we_refuse(folder: str, name: str, reason: str) -> None:
    assert of("made", folder, name, folder).reason == reason


def test_an_exponent_that_fits_all_hashes_is_refused() -> None:
    assert of("made", "bitget-2025", "bad_exponent_consistent.json").reason == "bad-amount"


@pytest.mark.peer
def test_the_official_sample_includes_its_user_but_has_negative_sums() -> None:
    verdict = of("peer", "bitget-2025", "merkel_tree_bg_2025.json")
    assert verdict.state is State.INVALID
    assert verdict.reason == "negative-balance"
    assert verdict.inclusion is Inclusion.HOLDS
    assert [str(item["amount"]) for item in verdict.details["negatives"]] == [
        "-1536.70659782",
        "-20885.31318921",
    ]


@pytest.mark.peer
def test_a_disclosed_neighbour_is_rebuilt() -> None:
    path, facts = entry("peer", "bitget-2022", "merkel_tree_bg_2022.json")
    assert judged(path, facts).state is State.VALID
    other = path.read_bytes().replace(b"5j01abmm722ak2wvlq75bntkz18idvfimwwhaypt66bjn0ptne8", b"x")
    assert judged(other, facts).reason == "sibling-leaf-hash"


def test_bare_prints_as_java_does() -> None:
    for text, printed in {
        "0.00000001": "1E-8",
        "0.00000010": "1.0E-7",
        "0.00000000": "0E-8",
        "0.000001": "0.000001",
        "2020155332.95708230": "2020155332.95708230",
    }.items():
        assert bitget.bare(Decimal(text)) == printed


def test_the_account_id_is_shown_but_never_the_nonce() -> None:
    verdict = judged(lone_user(QUOTED_LEAF, QUOTED_ROOT), {"root": QUOTED_ROOT})
    assert verdict.account is not None
    assert verdict.account.id == "aaaa"
    assert "n1" not in str(verdict.to_json(path=True))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("encryptUid", "aa,aa", "bad-field"),
        ("nonce", "", "bad-field"),
        ("role", 2, "bad-side"),
        ("level", 1, "bad-height"),
        ("balances", {**AMOUNTS, "BTC": "-0"}, "bad-amount"),
        ("balances", {**AMOUNTS, 'B"TC': "1"}, "bad-field"),
        ("balances", {**AMOUNTS, "BTC": True}, "wrong-type"),
        ("merkelLeaf", QUOTED_ROOT, "leaf-hash"),
    ],
)
def test_changes_to_self(key: str, value: object, reason: str) -> None:
    file = changed(lone_user(QUOTED_LEAF, QUOTED_ROOT), lambda f: f["self"].update({key: value}))
    assert judged(file, scheme="bitget").reason == reason


def test_padding_must_repeat_its_neighbour() -> None:
    file = lone_user(QUOTED_LEAF, QUOTED_ROOT)
    file["path"][0]["merkelLeaf"] = "0" * 16
    assert judged(file).reason == "padding-hash"


def test_recognises_its_own_only() -> None:
    file = lone_user(QUOTED_LEAF, QUOTED_ROOT)
    assert recognised(file) == ["bitget"]
    assert "bitget" not in recognised(
        changed(file, lambda f: f["self"].update(merkelLeaf="0" * 64))
    )


def test_fifteen_coins_in_the_order_of_javas_map() -> None:
    inserted = "USDT SOL BTC DOGE XRP ETH ADA TRX LTC BNB USDC DOT AVAX SHIB LINK".split()  # noqa: SIM905
    expected = "DOT SHIB USDT DOGE BTC SOL AVAX XRP BNB ETH LINK LTC USDC TRX ADA"
    assert javamap.ordered(inserted) == expected.split()


def test_java_string_hash() -> None:
    # Values printed by Java: "hello", and a text whose hash overflows 32 bits.
    assert javamap.string_hash("hello") == 99162322
    assert javamap.string_hash("polygenelubricants") == 0x80000000
    assert javamap.string_hash("") == 0


@given(
    st.lists(
        st.text(st.characters(max_codepoint=126), min_size=1, max_size=6), unique=True, max_size=80
    )
)
def test_the_order_keeps_all_keys_and_is_stable_under_reinsertion(keys: list[str]) -> None:
    once = javamap.ordered(keys)
    assert sorted(once) == sorted(keys)
    assert javamap.ordered(once) == once


@pytest.mark.parametrize("folder", ["bitget-2022", "bitget-2025"])
def test_changed_bytes(folder: str) -> None:
    number = folder[-4:] == "2025"
    path, facts = entry("made", folder, f"ok_n3_i1_c{4 if number else 3}.json")
    changed_bytes_never_valid(path, facts)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_neighbour_with_empty_members_discloses_nothing(nothing: str | None) -> None:
    path, facts = entry("made", "bitget-2025", "ok_n3_i1_c4.json")
    file = changed(
        json.loads(path.read_bytes()),
        lambda f: f["path"][0].update(encryptUid=nothing, nonce=nothing),
    )
    assert judged(file, facts).state is State.VALID


def test_ids_may_have_any_length() -> None:
    user, amounts = {"encryptUid": "u" * 300, "nonce": "n" * 300}, '{"BTC":"1"}'
    leaf = sha256(f"{user['encryptUid']},{user['nonce']},{amounts}".encode()).hexdigest()[:16]
    root = sha256(f"{leaf}{leaf},{amounts},1".encode()).hexdigest()[:16]
    one: dict[str, Any] = {"balances": {"BTC": "1"}, "level": 2, "merkelLeaf": leaf, "role": 1}
    file = {
        "self": {**one, **user},
        "path": [
            {**one, "balances": {"BTC": "0"}, "role": 0},
            {**one, "level": 1, "merkelLeaf": root, "role": 3},
        ],
    }
    assert judged(file, {"root": root}).state is State.VALID
