"""`build`: reads the books, hands them to the scheme's builder, places the result in one step.

Order, so that nothing is done in vain and nothing half-done is left: the output must be free and
the options right; then the rows are read whole (build/rows.py); then files are written beside
OUT and moved there (build/output.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from merkle_por.build.builder import Builder, Made, Options, Task
from merkle_por.build.output import Output
from merkle_por.build.randomness import Randomness
from merkle_por.build.result import Built, document_bytes
from merkle_por.build.rows import Ledger, RowsSource, read, total_texts
from merkle_por.documents import LIMITS, Limits
from merkle_por.errors import UsageError
from merkle_por.execution import Progress, silent
from merkle_por.verdict import Caution

BUILDERS = {
    "bitmex-liabilities": "bitmex",
    "okx-merkle-v1": "okx_v1",
    "okx-merkle-v2": "okx_v2",
    "silversixpence": "silversixpence",
    "tnf-ledger": "tnf",
}
"""Scheme id -> module of this package with its BUILDER."""

ATTESTATION_FILE = "attestation.json"
TEST_FILE = "MADE-WITH-A-TEST-SEED.txt"
TEST_SEED = Caution(
    "test-seed",
    "MADE WITH A TEST SEED: anybody can compute every nonce in it. Never publish it, never give it "
    "to users.",
)
SEED_CHARS = 1000


def builder(scheme: str) -> Builder:
    """The builder of a scheme. Raises UsageError for one that can't be built."""
    if scheme not in BUILDERS:
        raise UsageError(
            f'no tree of "{scheme[:40]}" can be built', f"one of: {', '.join(BUILDERS)}"
        )
    found: Builder = import_module(f"merkle_por.build.{BUILDERS[scheme]}").BUILDER
    return found


def build(
    rows: RowsSource,
    scheme: str,
    out: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    test_seed: str | None = None,
    limits: Limits = LIMITS,
    progress: Progress = silent,
) -> Built:
    """Builds a scheme's tree over an exchange's books and writes it to the folder `out`.

    rows: `account,asset,amount` as a CSV file ("-" is standard input), bytes, or triples of
    texts; amounts in whole coins. options: the scheme's own, by name (see BUILDERS). force:
    replaces an earlier build. test_seed: makes every draw repeatable and the result worthless;
    it is marked as such.
    Raises Malformed and Invalid for what is wrong with the rows (build/rows.py), UsageError for
    options, an output that is taken, a full disk. Whatever is raised, `out` is as it was before.
    """
    chosen = builder(scheme)
    taken = Options(options or {}, chosen.options, chosen.id)
    chosen.prepare(taken)
    if test_seed is not None and not 0 < len(test_seed) <= SEED_CHARS:
        raise UsageError(f"a test seed is a text of 1 to {SEED_CHARS} characters")
    output = Output(Path(out), force)
    output.check_free()
    ledger = read(rows, chosen.rules, limits=limits, progress=progress)
    random = Randomness(test_seed)
    with output:
        made = chosen.make(Task(ledger, taken, random, output, progress))
        with output.public(ATTESTATION_FILE) as writer:
            writer.write(document_bytes(_attestation(chosen, made, ledger)))
        if test_seed is not None:
            for target in (output.public, output.secret):
                with target(TEST_FILE) as writer:
                    writer.write(TEST_SEED.text.encode() + b"\n")
        built = _result(chosen, made, ledger, output, test_seed is not None)
        output.place(document_bytes(built.to_json()))
    return built


def _attestation(chosen: Builder, made: Made, ledger: Ledger) -> dict[str, Any]:
    """Root and totals for the exchange's page, as `verify --attestation` reads them.

    No totals for a tree without sums: nobody could compare them with anything.
    """
    from merkle_por.attestation import ATTESTATION

    document: dict[str, Any] = {
        "schema": ATTESTATION,
        "scheme": made.format or chosen.id,
        "snapshot": {"id": made.snapshot, "time": None},
        "root": made.root,
    }
    if made.sums:
        document["totals"] = total_texts(ledger)
    return document


def _result(chosen: Builder, made: Made, ledger: Ledger, output: Output, test: bool) -> Built:
    return Built(
        scheme=chosen.id,
        format=made.format or chosen.id,
        out=output.out,
        root=made.root,
        totals=ledger.totals,
        rows=ledger.rows,
        accounts=len(ledger.accounts),
        leaves=made.leaves,
        dummies=made.dummies,
        levels=made.levels,
        published=tuple(output.published),
        private_files=output.private_files,
        private_bytes=output.private_bytes,
        warnings=((TEST_SEED,) if test else ()) + made.warnings,
        test_seed=test,
    )
