"""Every signed row of the vector lists: the manifests' counts, and each hole of the official tools.

Readers of whole lists are tested elsewhere; entries that are malformed as lists are theirs.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
import vectorfiles
from ownershiprows import rows

from merkle_por.reserves.ownership import HTX, OKX, OKX_AUDIT, Dialect, Ownership, Row, State, judge

DIALECTS = {"okx-por-csv": OKX, "okx-aup-csv": OKX_AUDIT, "htx-por-csv": HTX}
ROW_CLASSES = {
    "address-mismatch",
    "bad-address",
    "bad-checksum",
    "bad-signature",
    "duplicate-owner",
    "high-s",
    "script-mismatch",
    "signer-not-in-script",
    "small-order-key",
    "too-few-signers",
    "unexpected-message",
}
ENTRIES = [
    entry
    for name in DIALECTS
    for side in ("made", "peer")
    for entry in vectorfiles.manifest(side, name)
    if entry.format in DIALECTS and entry.data["counts"]
]


def judged(entry: vectorfiles.Entry) -> list[Ownership]:
    messages = (entry.data["args"] or {}).get("message")
    dialect: Dialect = DIALECTS[entry.format]
    accepted = frozenset(messages) if messages else None
    return [judge(row, dialect, messages=accepted) for row in rows(entry.files[0])]


def test_the_vectors_are_there() -> None:
    assert len([e for e in ENTRIES if e.side == "made"]) >= 60


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_counts_and_classes_of_every_list(entry: vectorfiles.Entry) -> None:
    found = judged(entry)
    wanted: Counter[str] = Counter()
    for label, count in entry.data["counts"].items():
        wanted[label.split("/")[0]] += count
    assert Counter(str(one.state) for one in found) == wanted
    failed = {one.reason for one in found if one.state is State.FAILED}
    assert failed <= ROW_CLASSES
    reason = entry.data.get("reason")
    if failed and reason in ROW_CLASSES and entry.data["args"].get("message"):
        # A flipped signature may give no key at all or the key of another address.
        same = {"address-mismatch", "bad-signature"}
        assert failed == {reason} or (failed <= same and reason in same)


def one(folder: str, name: str) -> Ownership:
    """The judgement of the only row of a made list."""
    (row,) = rows(vectorfiles.file("made", folder, name))
    return judge(row, DIALECTS[folder])


# --- what the official programs accept (specs/ownership-signatures.md, section 8) ----------------

HOLES = [
    ("okx-por-csv", "bad-btc-nonsense-address.csv", "bad-address"),
    ("okx-por-csv", "bad-btc-checksum.csv", "bad-address"),
    ("okx-por-csv", "bad-zec-any-key.csv", "address-mismatch"),
    ("okx-por-csv", "bad-multisig-one-key-twice.csv", "too-few-signers"),
    ("okx-por-csv", "bad-multisig-3of3-two-signers.csv", "too-few-signers"),
    ("okx-por-csv", "bad-owner-same-twice.csv", "duplicate-owner"),
    ("okx-por-csv", "bad-banned-coin-garbage.csv", "bad-signature"),
    ("okx-por-csv", "bad-unexpected-message.csv", "unexpected-message"),
    ("okx-por-csv", "bad-eip55.csv", "bad-checksum"),
    ("okx-por-csv", "bad-sol-case.csv", "address-mismatch"),
    ("okx-por-csv", "bad-ton-case.csv", "address-mismatch"),
    ("okx-aup-csv", "bad-near-any-key.csv", "address-mismatch"),
    ("okx-aup-csv", "bad-algo-any-key.csv", "address-mismatch"),
    ("okx-aup-csv", "bad-xtz-any-key.csv", "address-mismatch"),
    ("okx-aup-csv", "bad-xrp-any-key.csv", "address-mismatch"),
    ("htx-por-csv", "bad-signature-in-skipped-row.csv", "address-mismatch"),
    ("htx-por-csv", "bad-sol-small-order.csv", "small-order-key"),
]


@pytest.mark.parametrize(("folder", "name", "reason"), HOLES, ids=[h[1] for h in HOLES])
def test_fails_where_the_official_program_passes(folder: str, name: str, reason: str) -> None:
    assert one(folder, name).label == f"failed:{reason}"


def test_small_order_keys_that_the_official_program_passes() -> None:
    for row in rows(vectorfiles.file("made", "okx-por-csv", "bad-ed25519-small-order.csv")):
        assert judge(row).label == "failed:small-order-key"


ONLY_CLAIMED = [
    ("okx-por-csv", "owner-mode-foreign-address.csv", State.OWNER_ASSERTED),
    ("okx-por-csv", "owner-mode-aptos-foreign.csv", State.OWNER_ASSERTED),
    ("okx-por-csv", "starknet-foreign-account.csv", State.KEY_UNBOUND),
    ("okx-aup-csv", "hbar-any-key.csv", State.KEY_UNBOUND),
    ("okx-aup-csv", "icp-any-key.csv", State.KEY_UNBOUND),
]


@pytest.mark.parametrize(
    ("folder", "name", "state"), ONLY_CLAIMED, ids=[h[1] for h in ONLY_CLAIMED]
)
def test_not_proven_where_the_official_program_passes(folder: str, name: str, state: State) -> None:
    assert one(folder, name).state is state


@pytest.mark.parametrize("name", ["valid-p2wpkh-bip137.csv", "valid-p2wpkh-electrum-flag.csv"])
def test_proven_where_the_official_program_raises_a_false_alarm(name: str) -> None:
    assert one("okx-por-csv", name).state is State.PROVEN


def test_doge_proven_where_the_official_htx_program_crashes() -> None:
    assert one("htx-por-csv", "valid-doge-signed.csv").state is State.PROVEN


def test_taproot_with_an_old_signature_is_unsupported() -> None:
    judgement = one("okx-por-csv", "btc-taproot-any-key.csv")
    assert judgement.state is State.UNSUPPORTED
    assert judgement.reason == "no-rule"


# --- lists published by others -------------------------------------------------------------------


@pytest.mark.peer
def test_the_real_htx_list() -> None:
    found = [
        judge(row, HTX) for row in rows(vectorfiles.file("peer", "htx-por-csv", "huobi_por.csv"))
    ]
    assert Counter(str(one.state) for one in found) == {"proven": 51, "unsigned": 44}


@pytest.mark.peer
def test_the_records_of_okx_own_tests() -> None:
    path = vectorfiles.file("peer", "okx-aup-csv", "test_records.json")
    counts: Counter[str] = Counter()
    for record in json.loads(path.read_text()):
        if "address" in record:
            continue  # guesses of address kinds, no signatures
        keys = ("script", "pub", "pubKey")
        row = Row(
            # One record has neither coin nor address: the key alone. NULS is judged by key alone.
            coin=record.get("coin", "NULS"),
            address=record.get("addr", "none"),
            message=record["msg"],
            signature1=record.get("sign") or record.get("sign1"),
            signature2=record.get("sign2"),
            script_or_public_key=next((record[k] for k in keys if k in record), None),
        )
        judgement = judge(row, messages=frozenset({record["msg"]}))
        no_address = "no-address/" if "addr" not in record else ""
        counts[no_address + judgement.label] += 1
    assert counts == {"proven": 58, "key-unbound": 1, "no-address/key-unbound": 1}


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("okx_por_example_563eaa1.csv", {"proven": 33}),
        ("okx_por_example_745c30c.csv", {"proven": 3, "owner-asserted": 1}),
        ("okx_por_example_f4c901d.csv", {"proven": 2, "owner-asserted": 1}),
    ],
)
def test_older_examples_of_okx(name: str, counts: dict[str, int]) -> None:
    found = [judge(row) for row in rows(vectorfiles.file("peer", "okx-reserves-csv", name))]
    assert Counter(str(one.state) for one in found) == counts
