"""OKX, zk-STARK proof of liabilities, audits 2023-04-27 to 2024-08-08 (spec okx-stark-v1).

One format, two kinds of input: the inclusion file of one user (JSON), and the published set (the
folder `sum_proof_data`). The rules stand in `stark_rules.py`; this file makes a verdict of them.
Whatever passes is only *consistent with the published proof*: forged sets pass every check there
can be, so the totals are never more than bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from merkle_por.documents import Document
from merkle_por.errors import UsageError
from merkle_por.exchanges.okx.stark_files import find_sum_proof_data, looks_like_inclusion
from merkle_por.exchanges.okx.stark_rules import (
    STANDING,
    ProofSet,
    Said,
    check_inclusion,
    check_proof_set,
    read_proof_set,
)
from merkle_por.scheme import ROOT, Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Scope

HASH_BITS = 256
_TOTALS = {"sum-range", "sum-mismatch", "constraint", "linear-combination", "fri-fold"}
_PROOF = {"proof-of-work", "duplicate-batch"}


def _recognises(document: Document) -> bool:
    if document.is_folder:
        assert document.path is not None
        return find_sum_proof_data(document.path) is not None
    return looks_like_inclusion(document.json_or_none)


def _say(findings: Findings, checks: tuple[Said, ...], warnings: tuple[Said, ...]) -> None:
    for name, text in checks:
        if name == "root-mismatch":
            continue  # said once, by the comparison with the given root
        about = About.TOTALS if name in _TOTALS else About.INCLUDED
        findings.passed(name, text, about=About.PROOF if name in _PROOF else about)
    for name, text in warnings:
        if name != "root-not-given":
            findings.warn(name, text)


def _units(amounts: Mapping[str, int]) -> dict[str, Decimal]:
    return {coin: Decimal(value) for coin, value in amounts.items()}


def _folder(document: Document, name: str) -> Path:
    if document.path is None:
        raise UsageError(f"{name}: a folder on disk is needed")
    return find_sum_proof_data(document.path) or document.path


def _judge(document: Document, given: Given, findings: Findings) -> None:
    findings.version = "proof set" if document.is_folder else "inclusion"
    (_judge_set if document.is_folder else _judge_user)(document, given, findings)
    findings.headline = f"The file is {STANDING}."


def _judge_set(document: Document, given: Given, findings: Findings) -> None:
    findings.claims_inclusion = False
    findings.about(About.TOTALS)
    result = check_proof_set(_folder(document, document.name))
    _say(findings, result.checks, result.warnings)
    findings.published = _units(result.totals)
    findings.details.update(
        batches=result.batches,
        total=str(result.total),
        constrained=list(result.constrained),
        unproven=list(result.unproven),
    )
    findings.lines[About.TOTALS] = (
        f"claimed totals of {len(result.totals)} coins fit the proofs of {result.batches} "
        f"batches; {len(result.unproven)} coins are claimed only"
    )
    findings.scope = Scope(leaf="given", own_balance="not-bound", hash_bits=HASH_BITS)
    findings.published_root(result.root, given)


def _judge_user(document: Document, given: Given, findings: Findings) -> None:
    folder = given.file("sum_proof_data")
    published: ProofSet | None = None
    if folder is not None:
        published = read_proof_set(_folder(folder, "sum_proof_data"))
    config = given.file("config")
    result = check_inclusion(
        document.json,
        published=published,
        config=None if config is None else config.json,
        user_id=given.text("user_id"),
    )
    findings.account = Account(result.user_id, _units(result.balances))
    findings.published = _units(result.batch_totals)
    findings.details.update(
        batch_root=result.batch_root, leaf=result.leaf, unproven=list(result.unproven)
    )
    findings.scope = Scope(hash_bits=HASH_BITS)
    _say(findings, result.checks, result.warnings)
    findings.lines[About.INCLUDED] = (
        "leaf rebuilt from your amounts; your batch, and your batch in the trunk"
    )
    findings.lines[About.TOTALS] = (
        "your batch's totals fit the trunk's leaf; they can be understated by their maker"
    )
    findings.published_root(result.root, given)
    findings.compare("balances", "your statement at the snapshot; one common unit for all coins")


SCHEME = Scheme(
    id="okx-stark-v1",
    exchange="okx",
    exchange_name="OKX",
    title="zk-STARK proof of liabilities, one user or the whole set",
    used="2023-04 to 2024-08",
    file_name="*inclusion_proof.json",
    recognises=_recognises,
    judge=_judge,
    facts={
        "root": ROOT,
        "sum_proof_data": Fact(
            FactKind.FILE, "the folder sum_proof_data of the published liability report"
        ),
        "config": Fact(FactKind.FILE, "config.json of the published set (order of the coins)"),
        "user_id": Fact(FactKind.TEXT, "your user id as OKX shows it, 64 hexadecimal digits"),
        "unpinned": Fact(FactKind.FLAG, "no published set is at hand"),
    },
    assurance=Assurance(
        included="your leaf is in a batch and the batch in the trunk",
        totals="consistent with the published proof, which its own prover can forge",
        totals_word="UNSOUND",
        cannot=(
            "That liabilities are proven: forged sets pass every check that can be made.",
            "Anything on the coins without a constraint, whose totals are claimed only.",
            "Who was left out altogether.",
        ),
    ),
    where=Where(
        file="okx.com, logged in: Audits > Details > Copy data; the set: public page, "
        '"Liability report", folder sum_proof_data in the zip',
        root="the trunk's mtree_root in the published liability report",
        certain="official program and its sample were run; no published audit was at hand",
    ),
)
