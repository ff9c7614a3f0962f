"""The auditor's ledger: rows to leaves, root and totals, and what the official program misses."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest
import vectorfiles

import merkle_por
from merkle_por.documents import Document
from merkle_por.exchanges.tnf_ledger import SCHEME
from merkle_por.ledger import flat_rows
from merkle_por.verdict import Inclusion, State, Totals, Verdict

CONCAT_ROOT = "b03c200f074fe4ddf0cbbef4fbeda6a02e9f36349e5b8fb1130fad3a9af38ad9"


def audited(rows: str, **given: Any) -> Verdict:
    given = {"scheme": "concat", **given}
    return merkle_por.audit(rows.encode(), scheme="tnf-ledger", given=given).verdict


@pytest.mark.peer
def test_the_official_example() -> None:
    path = vectorfiles.file("peer", "tnf-ledger", "example_input_concat.txt")
    verdict = merkle_por.audit(
        path, root=CONCAT_ROOT, given={"scheme": "concat", "account": "2"}
    ).verdict
    assert (verdict.state, verdict.totals) == (State.VALID, Totals.HOLDS)
    assert verdict.published["balance4"] == 30000
    assert verdict.inclusion is Inclusion.HOLDS


def test_split_binds_no_totals_and_says_so() -> None:
    roots = set()
    for name in ("split_collision_a.csv", "split_collision_b.csv"):
        path = vectorfiles.file("made", "tnf-ledger", name)
        verdict = merkle_por.audit(path, given={"scheme": "split"}).verdict
        assert verdict.totals is Totals.BOUND
        assert "leaf-not-unique" in [w.id for w in verdict.warnings]
        roots.add(verdict.root and verdict.root.value)
    assert len(roots) == 1


@pytest.mark.parametrize(
    ("rows", "reason", "state"),
    [
        ("#ID,BTC\na,1\na,2\n", "duplicate-user", State.INVALID),
        ("#ID,BTC\na,-1\nb,2\n", "negative-balance", State.INVALID),
        ("#ID,BTC\na,1e3\n", "bad-amount", State.MALFORMED),
        ("#ID,BTC\na,NaN\n", "bad-amount", State.MALFORMED),
        ("#ID,BTC\na,01\n", "bad-amount", State.MALFORMED),
        ("#ID,BTC\na,1,2\n", "column-count", State.MALFORMED),
        ("#ID,BTC\na,1\n\nb,1\n", "bad-row", State.MALFORMED),
        ("#ID,BTC\na,1\n\n", "bad-row", State.MALFORMED),
        ("#ID,BTC\na,1\n#ID,ETH\n", "bad-row", State.MALFORMED),
        ("#ID,BTC\n,1\n", "bad-row", State.MALFORMED),
        ("#ID,BTC,BTC\na,1,2\n", "duplicate-asset", State.MALFORMED),
        ("#ID,#x\na,1\n", "no-header", State.MALFORMED),
        ("ID,BTC\na,1\n", "no-header", State.MALFORMED),
        ("#ID,BTC\n", "empty-file", State.MALFORMED),
        ("", "empty-file", State.MALFORMED),
    ],
)
def test_each_fault_has_its_name(rows: str, reason: str, state: State) -> None:
    verdict = audited(rows)
    assert (verdict.state, verdict.reason) == (state, reason)


def test_a_column_that_is_no_asset_enters_nothing() -> None:
    plain = audited("#ID,BTC,ETH\na,1,2\n")
    noted = audited("#ID,BTC,#x,ETH\na,1,hello,2\n")
    assert plain.root == noted.root
    assert noted.published == {"BTC": 1, "ETH": 2}


def test_rows_of_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat_rows, "RUN", 7)
    rows = [f"u{i},{i}.{i % 10}" for i in range(100)]
    rows[90] = "u13,-5"
    verdict = audited("#ID,BTC\n" + "\n".join(rows))
    assert verdict.published["BTC"] == sum((Decimal(row.split(",")[1]) for row in rows), Decimal(0))
    listed = verdict.details["violations"]["listed"]
    assert [(item["class"], item["line"]) for item in listed] == [
        ("duplicate-user", 92),
        ("negative-balance", 92),
    ]
    rows[50] = "u50"
    bad = audited("#ID,BTC\n" + "\n".join(rows))
    assert bad.errors[0].where == "line 52"


def test_without_its_dialect_it_is_incomplete() -> None:
    verdict = merkle_por.audit(b"#ID,BTC\na,1\n").verdict
    assert (verdict.scheme, verdict.state) == ("tnf-ledger", State.INCOMPLETE)


def test_gate_hashes_its_ledger_verbatim_and_a_users_page_with_8_decimals() -> None:
    def leaf(text: str) -> str:
        parts = [hashlib.sha256(part.encode()).hexdigest() for part in ("a", text)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]

    for text in ("1.5", "1.50000000", "0.1234567891"):
        verdict = audited(f"#ID,BTC\na,{text}\n", scheme="gate2020", root=leaf(text))
        assert verdict.state is State.VALID
    user = {"scheme": "gate2020", "id": "a", "assets": ["BTC"], "balances": ["1.5"]}
    listed = f"Level\tHash\n1,0\t{leaf('1.50000000')}\n".encode()
    given = {"user": user, "root": leaf("1.50000000")}
    assert merkle_por.verify(listed, given=given).state is State.VALID
    two = audited("#ID,BTC,ETH\na,1,2\n", scheme="gate2020")
    assert (two.state, two.reason) == (State.MALFORMED, "asset-set")


def test_an_id_that_is_not_there() -> None:
    assert audited("#ID,BTC\na,1\n", account="b").reason == "leaf-not-found"


@pytest.mark.parametrize(
    "text", [b"Level\tHash\n1,0\t00\n", b"# note\nx,y\n", b"ID,BTC\na,1\n", b""]
)
def test_neighbours_are_not_recognised(text: bytes) -> None:
    assert not SCHEME.recognises(Document.of(text))
