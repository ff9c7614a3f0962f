"""Every entry of every manifest, through the public API, agrees with its `expect`.

Mapping (shared/README.md): `invalid` and `malformed` are interchangeable; `valid` without a root
from outside is `unconfirmed`, and `valid` once the entry's root is given; lists may be
`incomplete`; an invalid entry whose reason is `incomplete` is `incomplete`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschemas
import pytest
import vectorfiles

import merkle_por
from merkle_por.exchanges import schemes
from merkle_por.recognise import by_id
from merkle_por.scheme import FactKind, Kind

# Formats of manifests that are no scheme: test data for engines, nodes and other commands.
NOT_SCHEMES = {
    "zk-primitives-bn254",  # tests/zk
    "rpc-recording",  # tests/reserves
    "evm-proof",  # tests/reserves
    "btc-spv",  # tests/reserves
    "okx-plonky2-verifier-data",  # tests/zk
    "okx-plonky2-prover-input",  # tests/zk
    "records",
    "dapol",
    "summa",
}
KNOWN = {name for scheme in schemes() for name in (scheme.id, *scheme.aliases)}
ENTRIES = [entry for entry in vectorfiles.all_entries() if entry.format in KNOWN]


def given_of(entry: vectorfiles.Entry) -> dict[str, Any]:
    """The entry's args; paths in them made absolute (they are relative to the manifest)."""
    facts = by_id(entry.format).facts
    given = dict(entry.data.get("args") or {})
    for name, value in given.items():
        kind = facts[name].kind if name in facts else None
        if kind is FactKind.FILE and isinstance(value, str):
            given[name] = str(entry.folder / value)
        elif kind is FactKind.FILES and value:
            given[name] = [str(entry.folder / item) for item in value]
    return given


def run(entry: vectorfiles.Entry, **more: Any) -> Any:
    given = given_of(entry)
    sources: list[Any] = list(entry.files)
    if "mutation" in given:
        sources = [mutated(entry, given.pop("mutations_file"), given.pop("mutation"))]
    return merkle_por.verify(*sources, scheme=entry.format, given={**given, **more})


def mutated(entry: vectorfiles.Entry, mutations: str, name: str) -> bytes:
    """The entry's file with the patch of that name applied (shared/README.md)."""
    value = json.loads(entry.files[0].read_text())
    listed = json.loads((entry.folder / mutations).read_text())["mutations"]
    patch = next(item["patch"] for item in listed if item["name"] == name)
    for step in patch:
        place = value
        for key in step["path"][:-1]:
            place = place[key]
        if step["op"] == "del":
            del place[step["path"][-1]]
        else:
            place[step["path"][-1]] = step["value"]
    return json.dumps(value).encode()


def allowed(entry: vectorfiles.Entry) -> set[str]:
    expect = entry.data["expect"]
    kind = by_id(entry.format).kind
    if expect == "valid":
        if kind is Kind.RESERVES:
            # Nothing in the list shows who controls an address (ownership-signatures section 1).
            counts = entry.data.get("counts") or {}
            if "addresses" in entry.data or entry.format in ("binance-por-csv", "bybit-por-csv"):
                counts = {"unsigned": 1}
            if not counts:  # the manifest doesn't say
                return {"valid", "incomplete", "unconfirmed"}
            proven = any(name.startswith("proven") for name in counts)
            return {"valid", "incomplete"} if proven else {"unconfirmed", "incomplete"}
        if kind is Kind.RATIO:
            return {"valid", "unconfirmed"}
        return {"valid"} if anchored(entry) else {"unconfirmed"}
    if entry.data.get("reason") == "incomplete":
        return {"incomplete"}
    return {"invalid", "malformed"}


# Their circuits are in no pin list, so what passes is `unconfirmed` whatever root is given.
CIRCUIT_UNKNOWN = {"okx-plonky2-global"}


def anchored(entry: vectorfiles.Entry) -> bool:
    args = entry.data.get("args") or {}
    if args.get("skip_snark"):  # proofs left out on purpose: never more than consistent
        return False
    return any(args.get(name) for name in ("root", "verifying_keys", "vk_sha256"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_entry(entry: vectorfiles.Entry) -> None:
    result = run(entry)
    said = f"{result.state.value}: {result.sentence}"
    assert result.state.value in allowed(entry), said
    document = result.to_json()
    assert document["state"] == result.state.value
    jsonschemas.check(json.loads(json.dumps(document)))
    if entry.data["expect"] == "valid":
        skipped = (entry.data.get("args") or {}).get("skip_snark")
        needs_root = not anchored(entry) and not skipped and entry.data.get("root")
        if entry.format in CIRCUIT_UNKNOWN:
            return
        if needs_root and "root" in by_id(entry.format).facts:
            confirmed = run(entry, root=entry.data["root"])
            assert confirmed.state.value == "valid", confirmed.sentence


@pytest.mark.parametrize(
    "entry",
    [e for e in ENTRIES if e.data["expect"] == "valid" and Path(e.files[0]).exists()],
    ids=lambda entry: entry.name,
)
def test_exactly_one_recogniser_answers(entry: vectorfiles.Entry) -> None:
    from merkle_por.documents import Document
    from merkle_por.recognise import recognise

    for path in entry.files:
        document = Document.of(path)
        if document.size:
            assert recognise(document) is by_id(entry.format)


def test_no_format_is_forgotten() -> None:
    formats = {entry.format for entry in vectorfiles.all_entries()}
    assert formats - KNOWN - NOT_SCHEMES == set()
