"""The public suite in vectors/: current, complete, and passed by this project."""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import vectorfiles
from jsonschema import Draft202012Validator

import merkle_por
from merkle_por.exchanges import schemes
from merkle_por.reasons import REASONS
from merkle_por.recognise import by_id
from merkle_por.scheme import FactKind

VECTORS = vectorfiles.PROJECT / "vectors"
INDEXES = sorted(path for path in VECTORS.glob("*.json") if path.name != "schema.json")
KNOWN = {name for scheme in schemes() for name in (scheme.id, *scheme.aliases)}
# Seconds each; the conformance tests run all of them, here every so many-th will do.
SLOW = {"bitgo-zk": 5, "okx-aup-csv": 4}
REGENERATE = "run: python vectors/generate.py"


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vectors_generate", VECTORS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


@cache
def index_of(name: str) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return index


def listed_in(name: str) -> list[dict[str, Any]]:
    return [test for group in index_of(name)["groups"] for test in group["tests"]]


NAMES = sorted(path.stem for path in INDEXES)


def test_the_indexes_are_what_the_generator_writes() -> None:
    wanted = generator().indexes()
    assert sorted(wanted) == NAMES, REGENERATE
    for name, index in wanted.items():
        assert (VECTORS / f"{name}.json").read_text(encoding="utf-8") == generator().text_of(
            index
        ), f"{name}: {REGENERATE}"


@pytest.mark.parametrize("name", NAMES)
def test_an_index_fits_the_schema_and_its_files_exist(name: str) -> None:
    schema = json.loads((VECTORS / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(index_of(name))]
    assert not errors, errors[:3]
    tests = listed_in(name)
    assert index_of(name)["tests"] == len(tests)
    assert len({test["id"] for test in tests}) == len(tests)
    for test in tests:
        assert test["file"] == test["files"][0]
        assert all((VECTORS / file).exists() for file in test["files"]), test["id"]
        assert test["reason"] is None or test["reason"] in REASONS
        assert set(test["flags"]) <= set(index_of(name)["notes"])


def test_every_entry_of_every_manifest_of_ours_is_in_an_index() -> None:
    listed = {file for name in NAMES for test in listed_in(name) for file in test["files"]}
    for manifest in sorted((VECTORS / "made").glob("*/manifest.json")):
        for entry in json.loads(manifest.read_text(encoding="utf-8")):
            if entry["format"] not in generator().NOT_INDEXED:
                assert generator().below(manifest.parent / entry["file"]) in listed


def given_of(scheme: str, test: dict[str, Any]) -> dict[str, Any]:
    """The facts of one test, further files found below vectors/."""
    facts = by_id(scheme).facts
    given = dict(test["args"])
    if test["root"] is not None:
        given["root"] = test["root"]
    for name, value in given.items():
        kind = facts[name].kind if name in facts else None
        if kind is FactKind.FILE and isinstance(value, str):
            given[name] = str(VECTORS / value)
        elif kind is FactKind.FILES and isinstance(value, list):
            given[name] = [str(VECTORS / item) for item in value]
    return given


def reason_of(result: Any) -> str | None:
    """What fails first: in a file, else in all of them together."""
    for proof in getattr(result, "proofs", ()):
        if proof.reason is not None:
            return str(proof.reason)
    if getattr(result, "errors", ()):
        return str(result.errors[0].reason)
    return next((check.id for check in result.checks if check.status == "fail"), None)


@pytest.mark.parametrize("name", [name for name in NAMES if name in KNOWN])
def test_this_project_passes(name: str) -> None:
    said = []
    for test in listed_in(name)[:: SLOW.get(name, 1)]:
        files = [VECTORS / file for file in test["files"]]
        result = merkle_por.verify(*files, scheme=name, given=given_of(name, test))
        found = (result.state.value, reason_of(result))
        refused = test["result"] in ("invalid", "malformed")
        wanted = (test["result"], test["reason"] if refused else found[1])
        if found != wanted:
            said.append(f"{test['id']}: {found}, the index says {wanted}")
    assert not said, "\n".join([*said, "(names: SEEN_FIRST in vectors/generate.py)"])


def test_what_exchanges_own_programs_let_through_is_flagged() -> None:
    flagged = [
        (name, test["id"])
        for name in NAMES
        for test in listed_in(name)
        if "accepted-by-official" in test["flags"]
    ]
    schemes_with = {name for name, _ in flagged}
    # Programs of these were run and let broken files through (manifests, `official`).
    assert {"bybit", "bitget-2025", "okx-merkle-v1", "mexc", "coinex", "swissborg"} <= schemes_with
    assert ("okx-merkle-v1", "okx-merkle-v1/maxwell_user0+1") in flagged
    for name, identity in flagged:
        test = next(test for test in listed_in(name) if test["id"] == identity)
        assert test["result"] != "valid"


@pytest.mark.parametrize(
    ("official", "root", "accepted"),
    [
        ("accepts: validate result is : true", None, True),
        ("ACCEPTS", None, True),
        ("rejects: validate result is : false", None, False),
        ("Merkle tree path validation failed., exit 0", None, False),
        ("rc=0: Validated 0 sats for account 1; Total liabilities 7 sats", None, True),
        ("rc=0: error in verify_tree: tree is invalid", None, False),
        ("crash: ValueError", None, False),
        ("leaf not found; prints the expected root", "ab" * 32, False),
        (["accepts", "accepts"], None, True),
        (["accepts", "rejects"], None, False),
        ([], None, False),
        ("not-run", None, False),
        (None, None, False),
        (f"builds root {'ab' * 8}", "ab" * 8, True),
        (f"builds root {'ab' * 8}", "cd" * 8, False),
    ],
)
def test_an_official_answer_is_read_as_what_it_says(
    official: Any, root: str | None, accepted: bool
) -> None:
    assert generator().accepts(official, root) is accepted
