"""Both sides of a ratio in one file (format `solvency`, our own): recognised here, judged by
`merkle_por.solvency`."""

from __future__ import annotations

from merkle_por.documents import Document
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Kind, Scheme, Where
from merkle_por.verdict import Totals

FACTS = {
    "checked": Fact(
        FactKind.FLAG,
        "true: liabilities, levels and ownership in the file are your own findings",
    ),
}


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"liabilities": dict(), "reserves": list()}:
            return True
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    from merkle_por.solvency import ratio

    report = ratio(document, given=given.values, limits=given.limits)
    findings.checks.extend(report.checks)
    findings.warnings.extend(report.warnings)
    findings.errors.extend(report.errors)
    findings.headline = report.sentence.replace("{", "{{").replace("}", "}}")


SCHEME = Scheme(
    id="solvency",
    exchange="any",
    exchange_name="the exchange",
    title="Liabilities and reserves in one file, asset by asset",
    used="any time",
    file_name="NAME.json",
    recognises=_recognises,
    members=("liabilities", "reserves"),
    judge=_judge,
    assurance=Assurance(
        included="not about one account",
        totals="each asset's reserves are at least its liabilities, on the figures given",
        cannot=(
            "Whether there are other debts.",
            "Whether the coins were borrowed for the day.",
        ),
        claims_inclusion=False,
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file="a file you made",
        root="no root: its figures come from verdicts and nodes",
        certain="our own format",
    ),
    kind=Kind.RATIO,
    facts=FACTS,
)
