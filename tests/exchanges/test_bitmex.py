"""BitMEX and River: keys, lookups, what the official validators let through."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import vectorfiles
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

import merkle_por
from merkle_por.documents import Document
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges import bitmex, river
from merkle_por.scheme import FactKind
from merkle_por.verdict import CheckStatus, Inclusion, State, Totals, Verdict

ACCOUNT = {
    "account": 596854,
    "account_nonce": "20823cfde6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd77b0",
}
ROOT_2 = "b6ebc04000cab3951b30a668a4c67ca07f9184f5c25a1c9f09016373dd89c591"
RIVER = {
    "email": "Alice.Example+por@exämple.org",
    "account_uid": "GQ3TFW67",
    "account_key": "8d669bb67bbbb47f1ffdcdb249497afac3133056cb329066a5f4f02e65c00535",
}


def audited(name: str, folder: str = "bitmex-liabilities", **given: Any) -> Verdict:
    path = vectorfiles.file("made", folder, name)
    return merkle_por.audit(path, given=given).verdict


def test_the_specs_worked_example() -> None:
    nonce = bytes.fromhex(ACCOUNT["account_nonce"])  # type: ignore[arg-type]
    made = bitmex.snapshot_nonce(596854, nonce, 670445).hex()
    assert made == "43397a71a7550d2414c087a155270f011c27cdbb0ea8ffc951e7dd88052b79b5"
    verdict = audited("ok_2leaves.csv", root=ROOT_2, **ACCOUNT)
    assert verdict.state is State.VALID
    assert verdict.account is not None
    assert verdict.account.balances == {"BTC": Decimal("0.00000007")}
    assert verdict.published == {"BTC": Decimal("0.00000012")}
    assert verdict.details["leaf_indexes"] == [1]
    assert verdict.snapshot.id == "670445"
    assert (verdict.inclusion, verdict.totals) == (Inclusion.HOLDS, Totals.HOLDS)


OFFICIAL_ACCEPTS = [
    entry
    for folder in ("bitmex-liabilities", "river-liabilities")
    for entry in vectorfiles.manifest("made", folder)
    if entry.data["expect"] != "valid" and str(entry.data["official"]).startswith("rc=0")
]


@pytest.mark.parametrize("entry", OFFICIAL_ACCEPTS, ids=lambda entry: entry.name)
def test_what_the_official_program_accepts_is_refused(entry: vectorfiles.Entry) -> None:
    given = entry.data["args"]
    verdict = merkle_por.audit(entry.files[0], scheme=entry.format, given=given).verdict
    assert verdict.state in (State.INVALID, State.MALFORMED)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_hidden_liabilities_subtree.csv", "sum-mismatch"),
        ("bad_offpath_leaf_hash.csv", "parent-hash"),
        ("bad_swapped_siblings.csv", "parent-hash"),
        ("bad_user_missing.csv", "leaf-not-found"),
        ("bad_wrong_nonce.csv", "leaf-not-found"),
        ("bad_truncated_last_line.csv", "node-count"),
        ("bad_leaf_row_missing.csv", "leaf-not-found"),
        ("bad_extra_full_level.csv", "sum-mismatch"),
        ("bad_duplicate_leaf.csv", "duplicate-leaf"),
        ("bad_value_leading_zero.csv", "bad-amount"),
        ("bad_uppercase_hash.csv", "bad-hash"),
        ("bad_blank_line.csv", "bad-row"),
        ("bad_wrong_published_root.csv", "root-mismatch"),
        ("bad_wrong_published_total.csv", "total-mismatch"),
        ("bad_user_one_leaf_missing.csv", "balance-mismatch"),
    ],
)
def test_each_fault_has_its_name(name: str, reason: str) -> None:
    entry = next(
        e for e in vectorfiles.manifest("made", "bitmex-liabilities") if e.data["file"] == name
    )
    assert audited(name, **entry.data["args"]).reason == reason


def test_a_user_who_is_not_found_is_never_valid() -> None:
    given = {**ACCOUNT, "account": 1}
    verdict = audited("ok_2leaves.csv", root=ROOT_2, **given)
    assert (verdict.state, verdict.reason) == (State.INVALID, "leaf-not-found")
    assert [c.id for c in verdict.checks if c.status is CheckStatus.PASS] == ["tree", "root"]


def test_no_leaf_is_right_for_who_owns_nothing() -> None:
    given = {**ACCOUNT, "account": 1, "balance": 0}
    assert audited("ok_2leaves.csv", root=ROOT_2, **given).state is State.VALID


def test_the_snapshot_nonce_alone_binds_no_account() -> None:
    key = "43397a71a7550d2414c087a155270f011c27cdbb0ea8ffc951e7dd88052b79b5"
    verdict = audited("ok_2leaves.csv", root=ROOT_2, snapshot_nonce=key)
    assert verdict.state is State.VALID
    assert [w.id for w in verdict.warnings] == ["account-not-bound"]


def test_several_accounts_at_once(tmp_path: Path) -> None:
    listed = tmp_path / "accounts.txt"
    nonce = ACCOUNT["account_nonce"]
    listed.write_text(f"596854,{nonce},7\n7,{nonce},0\n")
    verdict = audited("ok_2leaves.csv", root=ROOT_2, accounts=str(listed))
    assert verdict.state is State.VALID
    assert [row["leaves"] for row in verdict.details["accounts"]] == [1, 0]
    listed.write_text(f"596854,{nonce}\n7,{nonce}\n")
    verdict = audited("ok_2leaves.csv", root=ROOT_2, accounts=str(listed))
    assert verdict.reason == "leaf-not-found"
    listed.write_text("596854\n")
    with pytest.raises(UsageError, match="line 1"):
        audited("ok_2leaves.csv", accounts=str(listed))


def test_secrets_are_secret_and_appear_nowhere() -> None:
    for name in ("account_nonce", "snapshot_nonce", "account_key"):
        assert bitmex.SCHEME.facts[name].kind is FactKind.SECRET
    path = vectorfiles.file("made", "bitmex-liabilities", "ok_2leaves.csv")
    result = merkle_por.audit(path, root=ROOT_2, given=ACCOUNT)
    assert ACCOUNT["account_nonce"] not in str(result.to_json())


@pytest.mark.parametrize(
    "given",
    [
        {"account": 5},
        {"account_nonce": "00" * 32},
        {"balance": 5},
        {"account": 2**64, "account_nonce": "00" * 32},
        {"account": -1, "account_nonce": "00" * 32},
        {"account_uid": "GQ3TFW67"},
        {"email": "a@b", "account_key": "00" * 32},
        {"account": 1.5, "account_nonce": "00" * 32},
        {"nonce": "00"},
    ],
)
def test_keys_that_do_not_go_together_are_a_usage_error(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        audited("ok_2leaves.csv", **given)


def test_rivers_keys_find_rivers_leaves() -> None:
    entry = next(
        e
        for e in vectorfiles.manifest("made", "river-liabilities")
        if e.data["file"] == "ok_8leaves_with_zero_padding.csv"
    )
    verdict = audited(entry.data["file"], "river-liabilities", **entry.data["args"])
    assert verdict.state is State.VALID
    assert verdict.exchange_name == "River"
    assert "River's tree" in verdict.sentence
    listed = audited(
        entry.data["file"], "river-liabilities", **{**entry.data["args"], "email": "a@b.c"}
    )
    assert listed.reason == "leaf-not-found"


def test_several_river_accounts(tmp_path: Path) -> None:
    path = tmp_path / "accounts.txt"
    path.write_text(f"{RIVER['account_uid']}:{RIVER['account_key']},1234656\n")
    verdict = audited(
        "ok_8leaves_with_zero_padding.csv",
        "river-liabilities",
        accounts=str(path),
        email=RIVER["email"],
    )
    assert verdict.inclusion is Inclusion.HOLDS


@pytest.mark.parametrize("uid", ["", "gq3tfw67", "A", "ABC", "ABCDEF", "GQ3TFW6=", "GQ3TFW61"])
def test_uids_that_are_no_base32(uid: str) -> None:
    with pytest.raises(Malformed, match="bad-account-uid"):
        river.account_id(uid)


def test_a_uid_is_a_big_endian_number_and_spare_bits_are_dropped() -> None:
    assert river.account_id("AA") == 0
    assert river.account_id("AE") == 1
    assert river.account_id("AF") == 1  # two spare bits
    assert river.account_id("74") == 255
    assert river.account_id("77777777") == 2**40 - 1
    with pytest.raises(Malformed, match="64 bits"):
        river.account_id("7" * 16)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"block_height:5\n",
        b"\xef\xbb\xbfblock_height:5\n" + b"0" * 64 + b",1\n",
        b"height:5\n" + b"0" * 64 + b",1\n",
        b"block_height:5\n" + b"0" * 63 + b",1\n",
        b'{"path": [], "self": {}}',
        b"#ID,BTC\n1,2\n",
    ],
)
def test_neighbours_are_not_recognised(text: bytes) -> None:
    assert not bitmex.SCHEME.recognises(Document.of(text))


def _content(verdict: Verdict) -> tuple[Any, ...]:
    account = dict(verdict.account.balances) if verdict.account else None
    return account, dict(verdict.published), verdict.root and verdict.root.value


def test_no_changed_byte_is_valid_with_other_content() -> None:
    path = vectorfiles.file("made", "bitmex-liabilities", "ok_8leaves.csv")
    entry = next(
        e
        for e in vectorfiles.manifest("made", "bitmex-liabilities")
        if e.data["file"] == "ok_8leaves.csv"
    )
    given = {k: v for k, v in entry.data["args"].items() if k != "balance"}
    original = path.read_bytes()
    wanted = _content(merkle_por.audit(original, given=given).verdict)

    @settings(max_examples=250, deadline=None, database=None)
    @drawn(
        st.integers(0, len(original) - 1),
        st.one_of(st.sampled_from(list(b"0123456789abcdef-.,:\n\r +")), st.integers(0, 255)),
    )
    def run(place: int, byte: int) -> None:
        data = original[:place] + bytes([byte]) + original[place + 1 :]
        verdict = merkle_por.audit(data, scheme="bitmex-liabilities", given=given).verdict
        if verdict.state is State.VALID:
            assert _content(verdict) == wanted
            assert data == original

    run()
