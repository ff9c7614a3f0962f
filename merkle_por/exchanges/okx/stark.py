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
from merkle_por.verdict import About, Account, Node, Scope

HASH_BITS = 256
_TOTALS = {"sum-range", "sum-mismatch", "constraint", "linear-combination", "fri-fold"}
_PROOF = {"proof-of-work", "duplicate-batch", "published-set"}
NET = "net of all coins"


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
    config = given.file("config")
    result = check_proof_set(
        _folder(document, document.name), config=None if config is None else config.json
    )
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
    folder, config_file = given.file("sum_proof_data"), given.file("config")
    config = None if config_file is None else config_file.json
    published: ProofSet | None = None
    if folder is not None:
        findings.about(About.TOTALS)  # what is wrong in the set is not wrong with the user's leaf
        published = read_proof_set(_folder(folder, "sum_proof_data"), config=config)
    findings.about(About.INCLUDED)
    result = check_inclusion(
        document.json,
        published=published,
        root=given.hash("root"),
        config=config,
        user_id=given.text("user_id"),
    )
    findings.account = Account(result.user_id, _units(result.balances))
    findings.details.update(
        batch_root=result.batch_root,
        batch_totals={coin: str(value) for coin, value in result.batch_totals.items()},
        batch_total=str(result.batch_total),
        total=str(result.total),
        leaf=result.leaf,
        unproven=list(result.unproven),
    )
    # One coin of a user may be below zero, his net value not: several users' net values can't be
    # more than all users' total (a batch's own is no published figure). That shows some of the
    # forgeries that every single file passes.
    owed: dict[str, Decimal] = {}
    if published is not None:
        owed[NET] = Decimal(result.total)
        findings.published = {NET: Decimal(published.trunk.sums.total)}
    findings.nodes.append(Node(0, "leaf", result.leaf, balances=owed))
    for level, sibling in enumerate(result.siblings):
        findings.nodes.append(Node(level, "sibling", sibling))
    findings.nodes.append(Node(len(result.siblings), "root", result.root))
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
    members=("batch_inclusion_proof", "trunk_inclusion_proof"),
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
