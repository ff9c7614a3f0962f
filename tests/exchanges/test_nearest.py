"""A file that no scheme takes is told which scheme it comes nearest to."""

from __future__ import annotations

import json
from typing import Any

import pytest
import vectorfiles
from helpers import entry, judged

from merkle_por.documents import Document
from merkle_por.exchanges import schemes
from merkle_por.recognise import COPY_AGAIN, by_id
from merkle_por.scheme import Kind

# file, what is taken out of it (a path of keys), what the hint says of that
EDITED: list[tuple[str, str, list[Any], str]] = [
    ("okx-merkle-v1", "ok_n5_i4.json", ["path"], '"path" is missing'),
    ("okx-merkle-v1", "ok_n5_i4.json", ["self"], '"self", "nonce" are missing'),
    ("bybit", "ok_v40v5_n8_i1.json", ["self", "userHash"], '"userHash" is missing'),
    ("bitget-2022", "ok_n3_i1_c3.json", ["path"], '"path" is missing'),
    ("bitget-2025", "ok_n3_i1_c4.json", ["self", "merkelLeaf"], "its members stand elsewhere"),
    ("mexc", "ok_n5_i4.json", ["self", "proofId"], '"proofId" is missing'),
    ("coinex", "ok_single_n5_i4.json", ["self", "nonce"], '"nonce" is missing'),
    ("htx-merkle-sum", "b_valid_1.json", ["data", 0, "uhash"], "its members stand elsewhere"),
]


@pytest.mark.parametrize(("folder", "name", "taken", "difference"), EDITED)
def test_a_file_without_a_telling_member(
    folder: str, name: str, taken: list[Any], difference: str
) -> None:
    path, _ = entry("made", folder, name)
    value = json.loads(path.read_bytes())
    inner = value
    for key in taken[:-1]:
        inner = inner[key]
    del inner[taken[-1]]
    problem = judged(value).errors[0]
    assert problem.reason == "unknown-format"
    named = by_id(folder).id
    assert problem.hints[0].startswith(f"nearest is {named} (")
    assert difference in problem.hints[0]
    assert problem.hints[1].endswith(f"--format {named}")
    # The advice holds: under that name the verdict says what is wrong.
    named_problem = judged(value, scheme=named).errors[0]
    assert named_problem.reason not in ("unknown-format", "ambiguous-format")


@pytest.mark.parametrize(("folder", "name"), sorted({case[:2] for case in EDITED}))
def test_half_a_text_is_told_by_its_names(folder: str, name: str) -> None:
    path, _ = entry("made", folder, name)
    data = path.read_bytes()
    problem = judged(data[: len(data) - 40]).errors[0]
    assert problem.reason == "bad-json"
    assert problem.hints[0].startswith(f"it looks like {by_id(folder).id} (")
    assert COPY_AGAIN in problem.hints


@pytest.mark.parametrize("data", [b"hello", b"{}", b"[]", b'{"self": 1, "path": 2}', b"a,b\n1,2\n"])
def test_no_scheme_is_named_for_what_resembles_none(data: bytes) -> None:
    problem = judged(data).errors[0]
    assert problem.reason == "unknown-format"
    assert not any("nearest" in hint for hint in problem.hints)


def test_names_in_other_spelling_are_not_called_missing() -> None:
    path, _ = entry("made", "mexc", "ok_n5_i4.json")
    problem = judged(path.read_bytes().replace(b"pathList", b"PathList")).errors[0]
    assert "spelt otherwise" in problem.hints[0]


def test_a_columns_name_counts_too() -> None:
    problem = judged(b"coin,network,address,balance,Height\nBTC,BTC,x,1,2\n").errors[0]
    assert problem.hints[0].startswith("nearest is binance-por-csv (")
    assert '"thirdpartycustodianname" is missing' in problem.hints[0]


def proofs() -> list[tuple[str, Document]]:
    """A valid JSON proof of each scheme that has one."""
    found: dict[str, Document] = {}
    known = {name: s.id for s in schemes() for name in (s.id, *s.aliases) if s.kind is Kind.PROOF}
    for item in vectorfiles.all_entries():
        if item.data["expect"] == "valid" and item.format in known and item.files[0].is_file():
            document = Document.of(item.files[0])
            if document.looks_like_json:
                found.setdefault(known[item.format], document)
    return sorted(found.items())


@pytest.mark.parametrize(("name", "document"), proofs())
def test_each_schemes_file_has_most_of_its_scheme_names(name: str, document: Document) -> None:
    members = by_id(name).members
    assert len(members) > 1
    standing = sum(f'"{member}"'.encode() in document.data for member in members)
    assert standing * 2 > len(members)
