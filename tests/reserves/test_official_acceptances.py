"""Lists that the exchanges' own programs pass (or add up) and that must not pass here.

Signatures have their tests in tests/ownership; these are about the lists themselves. What each
official program answered stands in the vectors' manifests.
"""

from __future__ import annotations

import pytest
import vectorfiles

from merkle_por.reserves.api import reserves
from merkle_por.verdict import State

OKX_VERIFY_ADDRESS = {  # "all address passed"
    "bad-empty.csv": "empty-file",
    "bad-header-only.csv": "no-detail-section",
    "bad-no-rows.csv": "no-rows",
    "bad-no-blank-line.csv": "no-detail-section",
    "bad-extra-column.csv": "column-count",
    "bad-amount-negative.csv": "negative-balance",
    "bad-amount-exponent.csv": "bad-amount",
    "bad-height-text.csv": "bad-height",
    "bad-duplicate-row.csv": "duplicate-address",
    "bad-summary-inflated.csv": "summary-mismatch",
    "bad-two-column-summary-inflated.csv": "summary-mismatch",
    "bad-ed25519-small-order.csv": "small-order-key",
}
OKX_CHECK_BALANCE = {  # adds them up
    "bad_duplicate.csv": "duplicate-address",
    "bad_negative.csv": "negative-balance",
    "bad_amount_text.csv": "bad-amount",
    "bad_exponent.csv": "bad-amount",
    "bad_short_row.csv": "column-count",
    "bad_empty.csv": "empty-file",
    "bad_height.csv": "bad-height",
    "bad_no_rows.csv": "no-detail-section",
}
BITMEX_COMPILE_PROOFS = {  # "compile ok"
    "bad_address_not_of_script.yaml": "script-mismatch",
    "bad_negative_balance.yaml": "negative-balance",
    "bad_same_founder_key_thrice.yaml": "bad-script",
    "bad_negated_founder_key.yaml": "founder-keys",
    "bad_custodial_duplicates_owned.yaml": "duplicate-address",
    "bad_custodial_twice.yaml": "bad-yaml",
    "bad_upper_case_twin.yaml": "duplicate-script",
    "bad_empty_xpub.yaml": "bad-public-key",
    "bad_balance_string.yaml": "wrong-type",
    "bad_balance_float.yaml": "wrong-type",
    "bad_duplicate_key.yaml": "duplicate-key",
}
HTX_VERIFIER = {  # "passed", whatever stands in the rest of the list
    "bad-signature-in-skipped-row.csv": "address-mismatch",
    "bad-unexpected-message.csv": "unexpected-message",
    "bad-summary-inflated.csv": "summary-mismatch",
    "bad-summary-without-rows.csv": "summary-without-rows",
    "bad-group-sum.csv": "group-mismatch",
    "bad-duplicate-row.csv": "duplicate-address",
    "bad-balance-negative.csv": "negative-balance",
    "bad-balance-exponent.csv": "bad-amount",
    "bad-balance-text.csv": "bad-amount",
}
FOLDERS = {
    "htx-por-csv": HTX_VERIFIER,
    "okx-por-csv": OKX_VERIFY_ADDRESS,
    "okx-reserves-csv": OKX_CHECK_BALANCE,
    "bitmex-reserves": BITMEX_COMPILE_PROOFS,
}
ACCEPTS = ("accepted", "compile ok", "totals {")
CASES = [(folder, name, why) for folder, files in FOLDERS.items() for name, why in files.items()]


@pytest.mark.parametrize(("folder", "name", "why"), CASES, ids=[name for _, name, _ in CASES])
def test_refused_where_the_official_program_passes(folder: str, name: str, why: str) -> None:
    path = vectorfiles.file("made", folder, name)
    entries = {e.files[0]: e.data.get("args") or {} for e in vectorfiles.all_entries()}
    report = reserves(path, scheme=folder, given=entries[path])
    assert report.state in (State.INVALID, State.MALFORMED), report.sentence
    found = {check.id for check in report.checks if check.status == "fail"}
    assert why in found | {error.reason for error in report.errors}


@pytest.mark.peer
def test_okxs_own_example_whose_summary_is_not_the_sum_of_its_rows() -> None:
    report = reserves(vectorfiles.file("peer", "okx-por-csv", "okx_por_example.csv"))
    assert report.state is State.INVALID
    assert {c.id for c in report.checks if c.status == "fail"} >= {"summary-mismatch"}


def test_every_acceptance_in_the_manifests_is_named_here_or_with_the_signatures() -> None:
    """A new vector of this kind must get its name."""
    for folder, files in FOLDERS.items():
        accepted = {
            entry.files[0].name
            for entry in vectorfiles.all_entries()
            if entry.format == folder
            and entry.files[0].parent.parent.name == "made"
            and entry.data["expect"] != "valid"
            and any(word in str(entry.data.get("official")) for word in ACCEPTS)
        }
        signatures = {
            "bad-eip55.csv",
            "bad-unexpected-message.csv",
            "bad-btc-checksum.csv",
            "bad-btc-nonsense-address.csv",
            "bad-zec-any-key.csv",
            "bad-multisig-one-key-twice.csv",
            "bad-multisig-3of3-two-signers.csv",
            "bad-owner-same-twice.csv",
            "bad-banned-coin-garbage.csv",
            "bad-sol-case.csv",
            "bad-ton-case.csv",
        }
        assert accepted - set(files) - signatures == set()
