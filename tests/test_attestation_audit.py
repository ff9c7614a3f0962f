"""A finished audit as the anchor of a user's file, and pinned keys as the anchor of an audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import vectorfiles

from merkle_por.api import audit, verify
from merkle_por.pins import Pin
from merkle_por.verdict import State

SET = ("made", "binance-zk-v3/hidden_user")
ROOT = "000e66e9ca1b34a00d5cc0fb7b0ad070289d6158909e550edb60235bee120ec3"


def in_set(name: str) -> Path:
    return vectorfiles.file(*SET, name)


def given() -> dict[str, Any]:
    return {"verifying_keys": {"4": str(in_set("zkpor4_3.vk"))}, "asset_counts": 8}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = audit(in_set("proof.csv").parent, given=given(), root=ROOT)
    assert result.state is State.VALID
    path = tmp_path_factory.mktemp("audit") / "audit.json"
    path.write_text(json.dumps(result.to_json()))
    return path


def test_user_within_the_proven_range_is_valid(finished: Path) -> None:
    result = verify(in_set("user_covered.json"), attestation=finished)
    assert result.state is State.VALID
    assert result.proofs[0].root.source == "attestation"


def test_user_behind_the_proven_range_is_in_no_total(finished: Path) -> None:
    result = verify(in_set("user_hidden.json"), attestation=finished)
    assert result.state is State.INVALID
    assert result.proofs[0].reason == "index-range"


def test_key_beside_the_set_is_no_anchor_but_a_pinned_one_is(finished: Path) -> None:
    fingerprint = json.loads(finished.read_text())["details"]["facts"]["vk_sha256"][0]
    folder = in_set("proof.csv").parent
    alone = audit(folder, given={"asset_counts": 8}, root=ROOT)
    assert alone.state is State.UNCONFIRMED
    pin = Pin("binance", "", "vk_sha256", fingerprint, "a report", "2026-11-22T00:00:00Z")
    assert audit(folder, given={"asset_counts": 8}, root=ROOT, pins=(pin,)).state is State.VALID
    other = Pin("binance", "", "vk_sha256", "0" * 64, "a report", "2026-11-22T00:00:00Z")
    assert audit(folder, given={"asset_counts": 8}, root=ROOT, pins=(other,)).state is State.INVALID
