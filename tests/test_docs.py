"""docs/ is what tools/make_docs.py writes, and the reasons table is sound."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from merkle_por.reasons import REASONS

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tools"))
import make_docs  # noqa: E402


@pytest.mark.parametrize("name", make_docs.PAGES)
def test_page_is_current(name: str) -> None:
    written = (PROJECT / "docs" / name).read_text()
    assert written == make_docs.PAGES[name](), "run: python tools/make_docs.py"


def test_reasons_are_kebab_case_sorted_and_one_sentence() -> None:
    assert list(REASONS) == sorted(REASONS)
    for name, text in REASONS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), name
        assert text
        assert not text.endswith("."), name


def test_every_reason_raised_in_the_code_is_in_the_table() -> None:
    pattern = re.compile(r"(?:Malformed|Invalid|Incomplete)\(\s*\"([a-z0-9-]+)\"")
    used = {
        reason
        for path in (PROJECT / "merkle_por").rglob("*.py")
        for reason in pattern.findall(path.read_text())
    }
    assert used - set(REASONS) == set()


def test_every_warning_has_its_line() -> None:
    """Classes of warnings are read by scripts (`warnings[].class`): written out, each is found."""
    named = re.compile(r'(?:Caution|\bwarn)\(\s*"([a-z0-9-]+)"')
    found = {
        name
        for path in (PROJECT / "merkle_por").rglob("*.py")
        for name in named.findall(path.read_text())
    }
    assert len(found) > 40
    assert found - set(REASONS) == set()
