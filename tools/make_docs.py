"""Writes docs/formats.md and docs/reasons.md from the schemes' own data and the reasons table.

    python tools/make_docs.py          # writes both
A test holds the files to what this would write.
"""

from __future__ import annotations

from pathlib import Path

from merkle_por.exchanges import schemes
from merkle_por.reasons import REASONS
from merkle_por.scheme import Scheme

DOCS = Path(__file__).resolve().parent.parent / "docs"


def reasons() -> str:
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in REASONS.items())
    return (
        "# Class names of failures\n\n"
        "One family for all formats, used in terminal output, JSON and vectors. Made by "
        "`tools/make_docs.py`.\n\n| class | meaning |\n| --- | --- |\n" + rows + "\n"
    )


def _section(scheme: Scheme) -> str:
    assurance = scheme.assurance
    cannot = "\n".join(f"- not shown: {sentence}" for sentence in assurance.cannot)
    given = "\n".join(f"- given `{name}`: {fact.text}" for name, fact in scheme.facts.items())
    aliases = f" (also `{'`, `'.join(scheme.aliases)}`)" if scheme.aliases else ""
    return (
        f"## `{scheme.id}`{aliases}\n\n{scheme.exchange_name}, {scheme.title}. Used "
        f"{scheme.used}; file {scheme.file_name}.\n\n"
        f"- file: {scheme.where.file}\n"
        f"- root: {scheme.where.root.replace('{audit}', 'your audit')}\n"
        f"- seen {scheme.where.seen}; {scheme.where.certain}\n"
        f"- included: {assurance.included}\n"
        f"- totals ({assurance.totals_claim.value}): {assurance.totals}\n"
        f"{cannot}\n{given}\n"
    )


def formats() -> str:
    chosen = sorted(schemes(), key=lambda s: (s.kind.value, s.exchange, s.id))
    return (
        "# Formats: what each shows, and what it can't\n\nMade by `tools/make_docs.py` from the "
        "schemes' own data; `merkle-por formats ID` prints the same.\n\n"
        + "\n".join(_section(scheme) for scheme in chosen)
    )


PAGES = {"reasons.md": reasons, "formats.md": formats}


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
