"""Saved figures as trust anchors: what is read, what is refused, what becomes a fact."""

from __future__ import annotations

import json
from typing import Any

import pytest
import vectorfiles

import merkle_por
from merkle_por.attestation import facts_of, liabilities_of
from merkle_por.documents import Document
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.verdict import State

FULL = {
    "schema": "merkle-por/attestation/1",
    "exchange": "okx",
    "scheme": "okx-merkle-v1",
    "snapshot": {"id": "499930592", "time": "2022-11-22T15:00:00Z"},
    "root": "ab" * 32,
    "totals": {"BTC": "1.5"},
    "net_of_debt": False,
    "source": "okx.com/proof-of-reserves",
    "seen": "by me, 2026-11-22, logged out",
    "facts": {"config": "x"},
}


def document(value: Any) -> Document:
    return Document.of(value if isinstance(value, bytes) else json.dumps(value).encode())


def test_facts() -> None:
    assert facts_of(document(FULL)) == {
        "root": "ab" * 32,
        "totals": {"BTC": "1.5"},
        "config": "x",
    }
    only = {"schema": FULL["schema"], "root": "cd" * 32}
    assert facts_of(document(only)) == {"root": "cd" * 32}


def test_liabilities_are_claims() -> None:
    found = liabilities_of(document(FULL))
    assert (found.kind, found.state) == ("attestation", State.UNCONFIRMED)
    assert (found.exchange, found.time) == ("okx", "2022-11-22T15:00:00Z")
    assert found.net_of_debt is False


@pytest.mark.parametrize(
    "change",
    [
        {"rot": "ab"},
        {"root": 5},
        {"root": "a" * 201},
        {"totals": {"BTC": 1.5}},
        {"totals": {"BTC": "1e3"}},
        {"totals": ["BTC"]},
        {"snapshot": "now"},
        {"snapshot": {"when": "now"}},
        {"snapshot": {"time": "2022-11-22"}},
        {"net_of_debt": "no"},
        {"facts": {"root": "ab"}},
        {"facts": []},
    ],
)
def test_strict(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        liabilities_of(document({**FULL, **change}))
    with pytest.raises(UsageError):
        facts_of(document({**FULL, **change}))


def test_negative_totals() -> None:
    with pytest.raises(Invalid):
        liabilities_of(document({**FULL, "totals": {"BTC": "-1"}}))


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"schema": "merkle-por/attestation/2"}', b'{"root": "ab"}']
)
def test_other_files_are_usage_errors(data: bytes) -> None:
    with pytest.raises(UsageError):
        facts_of(Document.of(data))


def test_an_empty_attestation_gives_nothing() -> None:
    with pytest.raises(UsageError, match="neither a root"):
        facts_of(document({"schema": FULL["schema"]}))


def proof() -> tuple[Any, str]:
    entries = vectorfiles.manifest("made", "okx-merkle-v1")
    entry = next(e for e in entries if e.data["expect"] == "valid")
    return entry.files[0], entry.data["root"]


def test_attestation_confirms_a_proof() -> None:
    path, root = proof()
    named = {"schema": FULL["schema"], "root": root, "facts": {"unknown-to-it": "x"}}
    verdict = merkle_por.verify(path, attestation=json.dumps(named).encode())
    assert verdict.state is State.VALID
    assert verdict.proofs[0].root.source == "attestation"
    other = {"schema": FULL["schema"], "root": "0" * 64}
    assert merkle_por.verify(path, attestation=json.dumps(other).encode()).state is State.INVALID


def test_own_documents_count_only_as_far_as_they_were_confirmed() -> None:
    path, root = proof()
    confirmed = merkle_por.verify(path, root=root)
    saved = json.dumps(confirmed.to_json()).encode()
    facts = facts_of(Document.of(saved))
    assert facts["root"] == root
    found = liabilities_of(Document.of(saved))
    assert (found.kind, found.state) == ("verify", State.VALID)
    assert dict(found.notes).keys() == {"totals-bound"}
    alone = json.dumps(merkle_por.verify(path).to_json()).encode()
    assert liabilities_of(Document.of(alone)).state is State.UNCONFIRMED
    assert liabilities_of(Document.of(alone)).root is None
    with pytest.raises(UsageError, match="can't be an anchor"):
        facts_of(Document.of(alone))
