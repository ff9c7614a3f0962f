"""Pins: roots kept from last time, never replaced silently, never made by a proof."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest import mock

import pytest
import vectorfiles

import merkle_por
from merkle_por import pins
from merkle_por.errors import UsageError
from merkle_por.pins import Pin
from merkle_por.verdict import State

ROOT = "ad4ae4fa65e1b81de7bc7a24e424c6b588d8725b9609b1dbdf6421a4114b371f"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "pins.json"


def add(file: Path, value: str = ROOT, snapshot: str = "1", name: str = "root") -> Pin:
    return pins.add("bybit", snapshot, value, name=name, seen="the page", path=file)


def test_no_file_is_no_pins(file: Path) -> None:
    assert pins.load(file) == ()
    assert not file.parent.exists()


def test_what_was_pinned_comes_back(file: Path) -> None:
    pin = add(file, f"0x{ROOT.upper()}")
    assert pin.value == ROOT
    assert pins.load(file) == (pin,)
    assert add(file) == pin  # again: nothing new
    add(file, "cd" * 32, snapshot="2")
    add(file, "ef" * 32, name="vk_sha256")
    assert len(pins.load(file)) == 3
    assert pins.find(pins.load(file), "bybit", "1", "root") == pin
    assert pins.find(pins.load(file), "bybit", None, "root") is None
    assert pins.find(pins.load(file), "okx", "1", "root") is None


def test_another_value_is_refused_and_the_old_one_stays(file: Path) -> None:
    pin = add(file)
    with pytest.raises(UsageError) as caught:
        add(file, "cd" * 32)
    assert ROOT in caught.value.text
    assert any("pins remove bybit 1" in hint for hint in caught.value.hints)
    assert pins.load(file) == (pin,)


def test_what_was_removed_is_gone(file: Path) -> None:
    pin = add(file)
    assert pins.remove("bybit", "1", name="root", path=file) == pin
    assert pins.load(file) == ()
    with pytest.raises(UsageError):
        pins.remove("bybit", "1", name="root", path=file)


@pytest.mark.parametrize("value", ["", "abc", "y", ROOT[:-1], ROOT + "00"])
def test_what_is_no_root_is_not_pinned(file: Path, value: str) -> None:
    with pytest.raises(UsageError):
        add(file, value)
    assert not file.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "no json",
        '{"schema": "merkle-por/pins/2", "pins": []}',
        '{"schema": "merkle-por/pins/1", "pins": {}}',
        '{"schema": "merkle-por/pins/1", "pins": [{}]}',
        '{"schema": "merkle-por/pins/1", "pins": [], "more": 1}',
        '{"schema": "merkle-por/pins/1", "pins": [], "pins": []}',
    ],
)
def test_a_damaged_file_is_told_and_never_overwritten(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError):
        pins.load(file)
    with pytest.raises(UsageError):
        add(file)
    assert file.read_text() == text


def test_a_failed_write_leaves_the_old_file_whole(file: Path) -> None:
    pin = add(file)
    with mock.patch.object(os, "replace", side_effect=OSError("full")), pytest.raises(UsageError):
        add(file, "cd" * 32, snapshot="2")
    assert pins.load(file) == (pin,)
    assert [path.name for path in file.parent.iterdir()] == ["pins.json"]


def test_the_file_stands_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERKLE_POR_HOME", "/a")
    assert pins.default_path() == Path("/a/pins.json")
    monkeypatch.delenv("MERKLE_POR_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/b")
    assert pins.default_path() == Path("/b/merkle-por/pins.json")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert pins.default_path() == Path("/c/.local/share/merkle-por/pins.json")


def test_the_file_is_plain_json_of_its_schema(file: Path) -> None:
    add(file)
    value = json.loads(file.read_text())
    assert value["schema"] == "merkle-por/pins/1"
    row = value["pins"][0]
    assert set(row) == {"exchange", "snapshot", "name", "value", "seen", "added"}


# -- in a verdict ----------------------------------------------------------------------------------


def verified(*kept: Pin, root: str | None = None) -> merkle_por.Verdict:
    proof = vectorfiles.file("made", "plain-cross-proof", "bybit_max_instead_of_sum_a.json")
    given = None if root is None else {"root": root}
    found: merkle_por.Verdict = merkle_por.verify(proof, given=given, pins=kept).proofs[0]
    return found


PIN = Pin("bybit", "1", "root", ROOT, "the page", "2026-11-22T20:30:00Z")
OTHER = Pin("bybit", "1", "root", "cd" * 32, "a friend", "2026-11-22T20:30:00Z")


def test_a_pinned_root_confirms_a_proof_of_that_audit_only() -> None:
    found = verified(PIN)
    assert found.state is State.VALID
    assert found.root is not None
    assert found.root.source == "pin"
    for other in (
        Pin("bybit", "2", "root", ROOT, "", ""),
        Pin("okx", "1", "root", ROOT, "", ""),
        Pin("bybit", "1", "vk_sha256", ROOT, "", ""),
        Pin("bybit", "", "root", ROOT, "", ""),
    ):
        assert verified(other).state is State.UNCONFIRMED


def test_another_pinned_root_refutes_a_proof() -> None:
    found = verified(OTHER)
    assert (found.state, found.reason) == (State.INVALID, "root-mismatch")


def test_a_given_root_that_differs_from_the_pin_is_warned_of() -> None:
    found = verified(OTHER, root=ROOT)
    assert found.state is State.VALID
    assert [warning.id for warning in found.warnings if warning.id == "pin-conflict"]
    assert not [w for w in verified(PIN, root=ROOT).warnings if w.id == "pin-conflict"]
