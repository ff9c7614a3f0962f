"""Deribit: nothing is guessed; with the user's column mapping the pieces are added up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import merkle_por
from merkle_por.errors import UsageError
from merkle_por.verdict import Inclusion, State, Verdict

FILE = b"asset,piece,amount\nBTC,a1,0.5\nBTC,a2,1.25\nETH,a3,7\n"
COLUMNS = {"id": "piece", "asset": "asset", "amount": "amount"}


def audited(data: bytes = FILE, **given: Any) -> Verdict:
    return merkle_por.audit(data, scheme="deribit", given=given).verdict


def test_it_is_never_recognised_and_never_guessed() -> None:
    assert merkle_por.audit(FILE).state is State.MALFORMED
    verdict = audited()
    assert (verdict.state, verdict.checks[0].id) == (State.INCOMPLETE, "fact-not-given")


def test_pieces_add_up_and_nothing_confirms_the_file() -> None:
    verdict = audited(columns=COLUMNS, totals={"BTC": "1.75"})
    assert verdict.state is State.UNCONFIRMED
    assert {k: str(v) for k, v in verdict.published.items()} == {"BTC": "1.75", "ETH": "7"}
    assert audited(columns=COLUMNS, totals={"BTC": "2"}).reason == "total-mismatch"


def test_one_asset_for_the_whole_file() -> None:
    columns = {"id": "piece", "asset": "=BTC", "amount": "amount"}
    verdict = audited(b"piece;amount\na;1\nb;2\n", columns=columns, delimiter=";")
    assert verdict.published == {"BTC": 3}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"BTC,a4,-1\n", "negative-balance"),
        (b"BTC,a1,1\n", "duplicate-leaf"),
        (b"BTC,a4,1e3\n", "bad-amount"),
        (b"BTC,a4\n", "column-count"),
        (b'BTC,"a4",1\n', "bad-row"),
        (b"BTC,,1\n", "bad-row"),
        (b"BTC,a4,\xff\n", "bad-utf8"),
    ],
)
def test_each_fault_has_its_name(row: bytes, reason: str) -> None:
    assert audited(FILE + row, columns=COLUMNS).reason == reason


def test_own_pieces(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("a1\na3\n")
    verdict = audited(columns=COLUMNS, own_ids=str(ids))
    assert verdict.inclusion is Inclusion.HOLDS
    assert verdict.account is not None
    assert {k: str(v) for k, v in verdict.account.balances.items()} == {"BTC": "0.5", "ETH": "7"}
    ids.write_text("a1\nzz\n")
    assert audited(columns=COLUMNS, own_ids=str(ids)).reason == "leaf-not-found"


@pytest.mark.parametrize(
    "given",
    [
        {"columns": {"id": "piece"}},
        {"columns": {**COLUMNS, "id": "nothing"}},
        {"columns": {**COLUMNS, "id": 1}},
        {"columns": COLUMNS, "delimiter": "x"},
    ],
)
def test_a_mapping_that_does_not_fit_is_a_usage_error(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        audited(**given)
