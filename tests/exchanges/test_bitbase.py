"""BitBase (spec plain-sha256-path, section 8)."""

from __future__ import annotations

import json

import pytest
from helpers import changed_bytes_never_valid, entry, judged, of

from merkle_por.documents import Document
from merkle_por.exchanges import bitbase
from merkle_por.exchanges._plainpath import sha256_text

BALANCES = {"BTC": "0.10000000", "ETH": "-0.20000000", "USDT": "100.00000000", "USDC": "0.00000000"}


def test_worked_example() -> None:
    leaf = sha256_text(bitbase.leaf_text("20260101000000", "a" * 64, BALANCES))
    assert leaf == "1b4af8c8e13d6c702f87c41435513620154891bfad3fa2069428b435320e2006"


@pytest.mark.peer
def test_published_example() -> None:
    verdict = of("peer", "bitbase", "por-proof-example.json", "bitbase")
    assert verdict.state == "valid"
    assert [w.id for w in verdict.warnings] == ["negative-balance"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "POR_V2"}, "bad-field"),
        ({"auditId": "014"}, "bad-field"),
        ({"auditId": 0}, "bad-field"),
        ({"auditId": True}, "wrong-type"),
        ({"recordId": "A" * 64}, "bad-hash"),
        ({"leafPayload": ""}, "leaf-payload"),
        ({"leafHash": "0" * 64}, "leaf-hash"),
        ({"rootHash": "0" * 64}, "root-inconsistent"),
        ({"proof": {}}, "wrong-type"),
        ({"more": 1}, "bad-keys"),
    ],
)
def test_refused(change: dict[str, object], reason: str) -> None:
    path, given = entry("made", "bitbase", "n3.json")
    members = {**json.loads(path.read_bytes()), **change}
    assert judged(json.dumps(members).encode(), given, scheme="bitbase").reason == reason


@pytest.mark.parametrize("text", ["0.1", "0.100000000", "00.10000000", "-0.00000000"])
def test_amounts_have_exactly_8_decimals(text: str) -> None:
    path, given = entry("made", "bitbase", "n3.json")
    members = json.loads(path.read_bytes())
    members["balances"]["BTC"] = text
    verdict = judged(json.dumps(members).encode(), given, scheme="bitbase")
    assert verdict.reason == "bad-amount"


def test_changed_bytes() -> None:
    path, given = entry("made", "bitbase", "n8.json")
    changed_bytes_never_valid(path, given, "bitbase")


def test_neighbours_are_not_recognised() -> None:
    for members in ({"version": "POR_V2", "proof": []}, {"proof": []}, []):
        assert not bitbase.SCHEME.recognises(Document.of(json.dumps(members).encode()))
