"""What a build answers: for programs, as JSON (`merkle-por/build/1`), and as terminal text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merkle_por.amounts import texts
from merkle_por.build.output import PRIVATE, SUMMARY_SCHEMA, Published
from merkle_por.clock import now
from merkle_por.errors import Finding, Invalid
from merkle_por.verdict import Caution
from merkle_por.version import __version__

if TYPE_CHECKING:
    from merkle_por.report.text import Page

BUILT = "built"
PROBLEM_EXITS = {"invalid": 1, "malformed": 3}


@dataclass(frozen=True)
class Built:
    """A tree that was built and where its files are.

    scheme: what was asked for; format: the id that `verify` and `audit` know the published files
    by. root: lower-case hex. totals: whole coins, of the rows. leaves: padding aside, with the
    dummies (leaves of nobody). levels: of the tree, leaves and root included. published: the
    public files; the private ones are only counted. test_seed: not to be used.
    """

    scheme: str
    format: str
    out: Path
    root: str
    totals: Mapping[str, Decimal]
    rows: int
    accounts: int
    leaves: int
    dummies: int
    levels: int
    published: tuple[Published, ...]
    private_files: int
    private_bytes: int
    warnings: tuple[Caution, ...] = ()
    test_seed: bool = False

    @property
    def sentence(self) -> str:
        return f"{self.accounts:,} accounts in a tree of {self.leaves:,} leaves: {self.scheme}."

    def to_json(self) -> dict[str, Any]:
        """The document `merkle-por/build/1`. No time in it with a test seed: it is repeatable."""
        return {
            **_envelope(None if self.test_seed else now()),
            "state": BUILT,
            "exit": 0,
            "sentence": self.sentence,
            "warnings": [{"class": w.id, "text": w.text} for w in self.warnings],
            "errors": [],
            "scheme": self.scheme,
            "format": self.format,
            "test_seed": self.test_seed,
            "root": self.root,
            "totals": texts(self.totals),
            "counts": {
                "rows": self.rows,
                "accounts": self.accounts,
                "leaves": self.leaves,
                "dummies": self.dummies,
                "levels": self.levels,
            },
            "published": [
                {"name": file.name, "bytes": file.bytes, "sha256": file.sha256}
                for file in self.published
            ],
            "private": {
                "folder": PRIVATE,
                "files": self.private_files,
                "bytes": self.private_bytes,
            },
        }

    def page(self, page: Page) -> Page:
        """The result as terminal text (see report.text)."""
        from merkle_por.report.text import Span

        for index, line in enumerate(page.wrapped(self.sentence, page.width - len(BUILT) - 2)):
            page.add(Span(f"{BUILT.upper() if index == 0 else '':<{len(BUILT)}}  {line}"))
        for warning in self.warnings:
            page.warning(warning.text)
        page.balances("owed", self.totals)
        page.labelled("root", "Publish it where everybody sees the same page:")
        page.whole(self.root)
        page.labelled("public", f"{self.out}/published")
        for file in self.published:
            page.whole(f"{file.name.partition('/')[2]}  {file.bytes:,} bytes")
        page.labelled(
            "private",
            f"{self.out}/{PRIVATE}: {self.private_files:,} files, {self.private_bytes:,} bytes. "
            "accounts.csv says whose each is; give each user his own over a login, nobody else.",
        )
        page.labelled("check", f"merkle-por verify or audit, format {self.format}, with this root")
        return page


def problem_document(problem: Finding, scheme: str) -> dict[str, Any]:
    """The document where the rows were refused: nothing was written."""
    state = "invalid" if isinstance(problem, Invalid) else "malformed"
    return {
        **_envelope(now()),
        "state": state,
        "exit": PROBLEM_EXITS[state],
        "sentence": f"Nothing was built: {problem}.",
        "warnings": [],
        "errors": [
            {
                "class": problem.reason,
                "text": problem.text,
                "where": problem.where,
                "hints": list(problem.hints),
            }
        ],
        "scheme": scheme,
        "format": None,
        "test_seed": None,
        "root": None,
        "totals": None,
        "counts": None,
        "published": [],
        "private": None,
    }


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """A JSON document as it is written to a file."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _envelope(time: str | None) -> dict[str, Any]:
    return {"schema": SUMMARY_SCHEMA, "version": __version__, "time": time}
