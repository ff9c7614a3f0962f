"""The demo's results as HTML reports: one page a step, and one page that names them all.

The pages are what --html writes, so `merkle-por recheck` runs each of them again on the bundled
files (merkle_por/demo/data). Balances are shown: nobody's real ones stand in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from merkle_por.demo import BYBIT_ROOT, SWISSBORG_ROOT, Step, folder
from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.evidence import Input, Ran
from merkle_por.report.html import index_page
from merkle_por.report.save import save_html, write

INDEX = "report.html"
_ROLES = {"kucoin.json": "liabilities", "wallets.json": "reserves", "prices.json": "prices"}


def write_reports(steps: Sequence[Step], target: str | Path) -> list[Path]:
    """Writes all pages into a folder, made where it is missing; the index is the first answer.

    Raises UsageError where that can't be done.
    """
    home = Path(target)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{home}: {(error.strerror or 'cannot be made').lower()}") from None
    pages = []
    for number, (step, ran) in enumerate(zip(steps, ran_steps(), strict=True), 1):
        path = home / f"{number}-{step.title.replace(' ', '-').replace(chr(39), '')}.html"
        pages.append(save_html(ran, step.result, path, with_balances=True))
    rows = [
        (path.name, step.title, step.result.state, step.found)
        for path, step in zip(pages, steps, strict=True)
    ]
    return [write(home / INDEX, index_page("The main job on bundled data", rows).encode()), *pages]


def ran_steps() -> tuple[Ran, ...]:
    """What each step ran, in their order, as a command line would say it."""
    data = folder()
    given = {
        "audit": data / "audit_roots.json",
        "credential": (data / "credential.txt").read_text(encoding="utf-8").strip(),
    }
    return (
        _ran("verify", "customer.json", **given, root=SWISSBORG_ROOT),
        _ran("verify", "customer.json", **given),
        _ran("verify", "alice.json", "bob.json", root=BYBIT_ROOT),
        _ran("audit", "ledger.csv"),
        _ran("solvency", "kucoin.json", "wallets.json", "prices.json"),
    )


def _ran(command: str, *names: str, **given: object) -> Ran:
    inputs = tuple(Input(_ROLES.get(name, "file"), Document.of(folder() / name)) for name in names)
    return Ran(command, inputs, given=given)
