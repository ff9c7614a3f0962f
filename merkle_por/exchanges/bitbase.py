"""BitBase, plain SHA-256 path over hash texts (spec plain-sha256-path, section 8).

The leaf text is in the file twice, as fields and joined; both must be the same. `period` and
`snapshotTime` are in no hash and are not shown as facts. Read only: the official program was not
run, its example file verifies.
"""

from __future__ import annotations

import re

from merkle_por.amounts import amounts
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._plainpath import CANNOT, PlainProof, judge, sha256_text
from merkle_por.merkle.paths import Joined, Side, Step
from merkle_por.scheme import ROOT, Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Snapshot, Totals

VERSION = "POR_V1"
COINS = ("BTC", "ETH", "USDT", "USDC")  # fixed order in the leaf text
DECIMALS = 8
POSITIONS = {"LEFT": Side.LEFT, "RIGHT": Side.RIGHT}  # of the sibling
KEYS = ("version", "auditId", "recordId", "balances", "leafPayload", "leafHash", "rootHash")
_AUDIT = re.compile(r"[1-9][0-9]{0,39}")


def leaf_text(audit: str, record: str, texts: dict[str, str]) -> str:
    """What the leaf is the SHA-256 of; amounts as they stand in the file."""
    balances = "|".join(f"{coin}={texts[coin]}" for coin in COINS)
    return f"{VERSION}|auditId={audit}|recordId={record}|{balances}"


def _audit_id(top: Fields) -> str:
    value = top.get("auditId")
    text = value if isinstance(value, str) else str(top.integer("auditId"))
    if not _AUDIT.fullmatch(text):
        raise Malformed("bad-field", "not a positive whole number", where="auditId")
    return text


def _step(row: object, index: int, document: Document) -> Step:
    fields = Fields(row, f"proof[{index}]", document.limits).only("position", "hash")
    position = fields.text("position", 20)
    if position not in POSITIONS:
        raise Malformed("bad-step", "neither LEFT nor RIGHT", where=fields.place("position"))
    return Step(POSITIONS[position], fields.hex("hash", 64))


def parse(document: Document) -> tuple[PlainProof, str, str, str]:
    """The file's normal form, the leaf text in it, the rebuilt leaf text, and the audit id."""
    top = Fields(document.json, "", document.limits)
    top.only(*KEYS, "proof", "period", "snapshotTime").required(*KEYS, "proof")
    if top.text("version") != VERSION:
        raise Malformed("bad-field", f"the version is not {VERSION}", where="version")
    audit, record = _audit_id(top), top.hex("recordId", 64)
    shown = top.object("balances")
    if set(shown.members) != set(COINS):
        raise Malformed("asset-set", f"the assets must be {', '.join(COINS)}", where="balances")
    balances = amounts(shown, exactly=DECIMALS)
    text = leaf_text(audit, record, shown.members)
    rows = top.array("proof", high=document.limits.path_levels)
    steps = tuple(_step(row, index, document) for index, row in enumerate(rows))
    proof = PlainProof(
        leaf=top.hex("leafHash", 64),
        rebuilt=sha256_text(text),
        steps=steps,
        joined=Joined.TEXT,
        root=top.hex("rootHash", 64),
        user=record,
        balances={coin: balances[coin] for coin in COINS},
    )
    return proof, top.text("leafPayload"), text, audit


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, payload, text, audit = parse(document)
    findings.snapshot = Snapshot(audit)
    findings.about(About.INCLUDED)
    if payload != text:
        raise Invalid("leaf-payload", "the leaf's text is not the one built from the fields")
    judge(proof, findings, given)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"version": "POR_V1", "proof": list(), "leafPayload": _}:
            return True
    return False


SCHEME = Scheme(
    id="bitbase",
    exchange="bitbase",
    exchange_name="BitBase",
    title="Plain SHA-256 path of one user",
    used="2026 (date of its example)",
    file_name="por-proof.json",
    recognises=_recognises,
    members=(*KEYS, "proof"),
    judge=_judge,
    facts={"root": ROOT},
    assurance=Assurance(
        included="your leaf, rebuilt from audit, record and balances, is under the root",
        totals="not claimed: the tree carries no sums",
        cannot=CANNOT,
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file="BitBase, logged in: proof of reserves, download your proof",
        root="BitBase's public proof-of-reserves page",
        certain="read only: its program was not run, its example file verifies",
    ),
)
