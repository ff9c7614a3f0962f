"""OKX, proof of reserves v2 (Plonky2), audits since 2024-09-27: user file and global proof.

Specs okx-plonky2-user and okx-plonky2-global. The rules stand in `plonky2_rules.py` and
`plonky2_global.py`; this file makes verdicts of them. The global proof is what gives a user's file
its root and bounds: handed in with a user's file it is verified too, and both must agree. A
circuit that is not known from outside never makes a verdict `valid`; and since the recursion does
not bind the inner circuits, only the net total is ever called proven, with a warning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from merkle_por.documents import Document
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.exchanges.okx.plonky2_rules import (
    BRANCHOUT,
    UserResult,
    check_user,
    check_within_totals,
    parse_user,
)
from merkle_por.scheme import (
    ROOT,
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Scheme,
    Where,
    normal_hash,
)
from merkle_por.verdict import About, Account, Node, Root, Scope, Snapshot, Totals

if TYPE_CHECKING:
    from merkle_por.exchanges.okx.plonky2_circuit import Pin
    from merkle_por.exchanges.okx.plonky2_global import GlobalResult

HASH_BITS = 256
NET = "net of all tokens"
UNIT = (
    "The file names neither unit nor scale of its amounts; OKX's source says that sums are in USD."
)

_USER_KEYS = {"account", "index", "sum_tree_siblings", "recursive_tree_siblings"}
_GLOBAL_KEYS = {"general", "root_vd_digest", "proof"}
_CIRCUIT_FACTS = {
    "branchout": Fact(FactKind.INTEGER, "children of a node in the upper tree, 64 if not given"),
    "verifier_data_file": Fact(
        FactKind.FILE, "the root circuit's verifier data (hexadecimal text), from outside the file"
    ),
    "circuit_sha256": Fact(
        FactKind.HASH, "SHA-256 of the verifier data of the circuit that you know to be OKX's"
    ),
}


def _verifier_data(given: Given) -> bytes | None:
    """The circuit's bytes handed in: hexadecimal text, as a JSON text too, or in an object's
    member root_verifier_data_hex, as global proofs have it."""
    document = given.file("verifier_data_file")
    if document is None:
        return None
    text = "".join(document.text_without_bom.split()).strip('"')
    value = document.json_or_none
    if isinstance(value, dict):
        holder = value.get("circuits_info", value)
        text = str(holder.get("root_verifier_data_hex")) if isinstance(holder, dict) else ""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not data:
        raise UsageError("verifier_data_file: not hexadecimal text")
    return data


def _pins(verifier_data: bytes, given: Given) -> tuple[Pin, ...]:
    """The known circuits; where the user names one, that one, and the file must be about it."""
    from merkle_por.exchanges.okx.plonky2_circuit import PINS, Pin

    value = given.text("circuit_sha256")
    if value is None:
        return PINS
    named = normal_hash(value, "circuit_sha256")
    found = hashlib.sha256(verifier_data).hexdigest()
    if found != named:
        raise Invalid(
            "verifier-data-not-pinned",
            "the circuit is not the one that you named (circuit_sha256)",
            expected=named,
            computed=found,
        )
    # What an unknown circuit's parameters are is not known: the ones stated are believed.
    known = tuple(pin for pin in PINS if pin.sha256 == named)
    return known or (Pin(named, "named by you"),)


def _global(document: Document, given: Given) -> GlobalResult:
    from merkle_por.exchanges.okx.plonky2_global import check_global, parse_global

    proof = parse_global(document.json, verifier_data=_verifier_data(given))
    pins = _pins(proof.verifier_data, given)
    return check_global(proof, branchout=given.integer("branchout") or BRANCHOUT, pins=pins)


def _identified(result: GlobalResult, findings: Findings) -> None:
    """The circuit: known from outside, or the whole verdict stays unconfirmed."""
    findings.details["circuit"] = {
        "verifier_data_sha256": result.verifier_data_sha256,
        "digest": result.circuit_digest,
        "known": result.pin.name if result.pin else "given" if result.circuit_given else None,
    }
    if result.circuit_known:
        return
    findings.unconfirmed(
        "circuit-not-pinned",
        "the circuit in the file is known from nowhere else (circuit not identified); "
        f"sha256 {result.verifier_data_sha256}",
        about=About.PROOF,
    )


def _judge_global(document: Document, given: Given, findings: Findings) -> None:
    findings.about(About.PROOF)
    result = _global(document, given)
    findings.snapshot = Snapshot(str(result.round_num))
    for name, text in result.passed:
        about = About.TOTALS if name == "totals" else About.PROOF
        findings.passed(name, text, about=about)
    for name, text in result.warnings:
        findings.warn(name, text)
    _identified(result, findings)
    findings.published = {NET: Decimal(result.net)}
    findings.details.update(
        stated={"equity": str(result.equity), "debt": str(result.debt)},
        batch_size=result.batch_size,
        token_num=result.token_num,
        levels=result.levels,
        branchout=result.branchout,
    )
    findings.lines[About.TOTALS] = (
        f"the net total {result.net:,} is proven for this circuit; equity and debt, and amounts "
        "of single tokens, are only stated"
    )
    findings.scope = Scope(leaf="given", own_balance="not-bound", hash_bits=HASH_BITS)
    findings.published_root(result.root, given)
    findings.compare("unit", UNIT)


def _judge_user(document: Document, given: Given, findings: Findings) -> None:
    global_file = given.file("global")
    for name in ("circuit_sha256", "verifier_data_file"):
        if global_file is None and name in given:
            raise UsageError(f"{name} is about the global proof", "give that too: global")
    proven = None if global_file is None else _global_of(global_file, given, findings)
    findings.about(About.INCLUDED)
    user = check_user(
        parse_user(document.data),
        batch_size=given.integer("batch_size") or (proven.batch_size if proven else None),
        token_num=given.integer("token_num") or (proven.token_num if proven else None),
        levels_expected=given.integer("levels_expected") or (proven.levels if proven else None),
        branchout=given.integer("branchout") or BRANCHOUT,
    )
    balances = {f"token{i}": Decimal(value) for i, value in enumerate(user.balances)}
    findings.account = Account(user.id, balances)
    findings.details.update(
        index=user.index, leaf=user.leaf, equity=str(user.equity), debt=str(user.debt)
    )
    levels = max(node.level for node in user.nodes)
    findings.scope = Scope(own_balance="sum-bound", hash_bits=HASH_BITS, levels=levels)
    findings.nodes.extend(_evidence(user, levels))
    for name, text in user.passed:
        findings.passed(name, text, about=About.INCLUDED)
    for name, text in user.warnings:
        findings.warn(name, text)
    findings.lines[About.INCLUDED] = (
        f"leaf rebuilt from the sums of your amounts ({user.net:,} net); {levels} levels; "
        f"{HASH_BITS}-bit hashes"
    )
    if proven is None:
        findings.totals_claim = Totals.NOT_CLAIMED
        findings.lines[About.TOTALS] = (
            "not in this file: check the global proof too, --given global=sum_proof_data.json"
        )
        findings.published_root(user.root, given)
    else:
        _agree(user.root, proven, given, findings)
        findings.about(About.TOTALS)
        name, text = check_within_totals(user, equity=proven.equity, debt=proven.debt)
        findings.passed(name, text, about=About.TOTALS)
        if proven.circuit_known:
            findings.lines[About.TOTALS] = (
                f"your {user.net:,} net is within the net total {proven.net:,}, which is proven "
                "for this circuit"
            )
        else:
            # Anybody can make a circuit that proves any totals for this root.
            findings.totals_claim = Totals.NOT_CLAIMED
            findings.lines[About.TOTALS] = (
                f"the global proof says {proven.net:,} net; its circuit is not identified, so "
                "that figure is only stated"
            )
    findings.compare("balances", f"your statement at the snapshot. {UNIT}")


def _global_of(document: Document, given: Given, findings: Findings) -> GlobalResult:
    """The global proof beside a user's file; what is wrong with it is said to be there."""
    findings.about(About.PROOF)
    try:
        proven = _global(document, given)
    except Malformed as error:
        error.where = f"global, {error.where}" if error.where else "global"
        raise
    for name, text in proven.passed:
        findings.passed(name, f"global proof: {text}", about=About.PROOF)
    for name, text in proven.warnings:
        findings.warn(name, text)
    findings.snapshot = Snapshot(str(proven.round_num))
    findings.published = {NET: Decimal(proven.net)}
    findings.details["stated"] = {"equity": str(proven.equity), "debt": str(proven.debt)}
    return proven


def _agree(root: str, proven: GlobalResult, given: Given, findings: Findings) -> None:
    """User's file and global proof lead to one root, which is compared with the given one.

    The global proof is a published file, not the user's: where its circuit is known, its root
    confirms the user's as well as one typed in.
    """
    findings.about(About.ROOT)
    findings.check(
        root == proven.root,
        "root-mismatch",
        "equals the global proof's",
        "the path leads to another root than the global proof's",
        expected=proven.root,
        computed=root,
    )
    if "root" in given:
        findings.published_root(root, given)
        findings.details["circuit_known"] = proven.circuit_known
        return
    findings.root = Root(root, "global proof", confirmed=proven.circuit_known)
    _identified(proven, findings)


def _evidence(user: UserResult, levels: int) -> Iterator[Node]:
    """The user's leaf first, with what he is owed: several users are owed no more than all."""
    yield Node(0, "leaf", user.leaf, balances={NET: Decimal(user.net)})
    for node in user.nodes:
        if (node.level, node.position) != (0, user.index):
            yield Node(node.level, "root" if node.level == levels else "sibling", node.hash)


def _has(document: Document, keys: set[str]) -> bool:
    value = document.json_or_none
    return isinstance(value, dict) and keys <= set(value)


USER = Scheme(
    id="okx-plonky2-user",
    exchange="okx",
    exchange_name="OKX",
    title="zero-knowledge proof of reserves v2, one user's path",
    used="2024-09 to now",
    file_name="*_inclusion_proof.json",
    recognises=lambda document: _has(document, _USER_KEYS),
    members=tuple(sorted(_USER_KEYS)),
    judge=_judge_user,
    facts={
        "root": ROOT,
        "global": Fact(FactKind.FILE, "sum_proof_data.json of the published liability report"),
        "batch_size": Fact(FactKind.INTEGER, "accounts in a batch, from the global proof"),
        "token_num": Fact(FactKind.INTEGER, "number of tokens, from the global proof"),
        "levels_expected": Fact(FactKind.INTEGER, "levels above the batches"),
        **_CIRCUIT_FACTS,
    },
    assurance=Assurance(
        included="your leaf, rebuilt from your id and the sums of your amounts, is under the root",
        totals="with the global proof: your net value is within the proven net total",
        totals_word="zk proof",
        cannot=(
            "Amounts of single tokens: the leaf commits only to the sums of equity and debt.",
            "Anything about totals without the global proof.",
            "Who was left out altogether.",
        ),
    ),
    where=Where(
        file="okx.com, logged in: Audits > Details > Copy data, paste into a file",
        root='the global proof: okx.com, public download page, "Liability report"; give it with '
        "--given global=sum_proof_data.json",
        certain="official program was run on synthetic accounts",
        given="--given global=sum_proof_data.json",
    ),
)

GLOBAL = Scheme(
    id="okx-plonky2-global",
    exchange="okx",
    exchange_name="OKX",
    title="zero-knowledge proof of reserves v2, the global proof of totals",
    used="2024-09 to now",
    file_name="sum_proof_data.json",
    recognises=lambda document: _has(document, _GLOBAL_KEYS),
    members=tuple(sorted(_GLOBAL_KEYS)),
    judge=_judge_global,
    facts={"root": ROOT, **_CIRCUIT_FACTS},
    assurance=Assurance(
        included="nothing about one user: check your own file with this one as --given global",
        totals="the net total of all users, for the circuit named in the verdict",
        totals_word="zk proof",
        cannot=(
            "Inner circuits: the recursion does not bind them, so the prover can exchange them.",
            "Gross totals and amounts of single tokens: they are stated only.",
            "That nobody was left out.",
        ),
        claims_inclusion=False,
    ),
    where=Where(
        file='okx.com, public download page, "Liability report", sum_proof_data.json in the zip',
        root="okx.com > Proof of reserves, the audit's own page, if it names one",
        certain="official program was run on synthetic accounts; one real circuit is known",
    ),
)

SCHEMES = (USER, GLOBAL)
