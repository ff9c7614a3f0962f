"""CoinEx, Merkle-sum proof of one user (spec coinex-merkle).

Where a level has no right sibling, the published code hashes the node's hash twice (`double`),
the published sample only verifies with it once (`single`); one rule holds for a whole path, and
the verdict names it. The leaf's hash is not in the file. The official program takes a nonce of
any length, so an inner node passes there as a leaf; it also ends with status 0 on failure.
"""

from __future__ import annotations

from collections.abc import Iterable

from merkle_por.amounts import Balances, amounts, stripped
from merkle_por.documents import Document, Fields
from merkle_por.errors import Malformed
from merkle_por.exchanges._sumproof import (
    CANNOT,
    SumProof,
    check_coins,
    plain_name,
    same_coins,
)
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep, climb
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where

NONCE_DIGITS = 64
_STEP = ("balances", "hash", "pos")


def json_text(balances: Balances) -> str:
    """Compact JSON, coins in byte order, amounts as texts without trailing zeros."""
    return "{" + ",".join(f'"{c}":"{stripped(balances[c])}"' for c in sorted(balances)) + "}"


def _preimage(left: str, right: str, sums: Balances, level: int) -> str:
    return left + right + json_text(sums)


def _single(child: SumNode, level: int) -> tuple[str, Balances]:
    return child.hash + json_text(child.balances), child.balances


def _double(child: SumNode, level: int) -> tuple[str, Balances]:
    return child.hash + child.hash + json_text(child.balances), child.balances


RULES = {
    "double": SumDialect(preimage=_preimage, lone=_double),
    "single": SumDialect(preimage=_preimage, lone=_single),
}


def leaf_hash(nonce: str, balances: Balances) -> str:
    """SHA-256 of the nonce's text and the amounts as compact JSON."""
    return sha256_hex((nonce + json_text(balances)).encode())


def _known(fields: Fields, keys: Iterable[str]) -> Fields:
    """Refuses keys that differ from a known one only in case: Go would take either for it."""
    known = set(keys)
    for key in fields.members:
        if key not in known and key.casefold() in known:
            raise Malformed(
                "duplicate-key", f'"{key[:40]}" reads as a known key', where=fields.where or None
            )
    return fields


def _balances(fields: Fields) -> Balances:
    def allowed(coin: str) -> bool:
        return plain_name(coin) and not set(coin) & set("<>&")  # Go would escape these

    return amounts(check_coins(fields.object("balances"), allowed))


def _step(fields: Fields) -> SumStep:
    _known(fields, _STEP)
    if not any(key in fields for key in _STEP):
        return SumStep(Side.RIGHT, None)
    pos = fields.text("pos", 100)
    if pos not in ("left", "right"):
        raise Malformed("bad-side", "neither left nor right", where=fields.place("pos"))
    return SumStep(Side(pos), SumNode(fields.hex("hash", 64), _balances(fields)))


def parse(document: Document) -> SumProof:
    """The file's normal form. Raises Malformed."""
    keys = ("root", "self", "path")
    top = _known(Fields(document.json, "", document.limits), keys).required(*keys)
    own = _known(top.object("self"), ("balances", "nonce"))
    root = _known(top.object("root"), ("balances", "hash"))
    path = top.array("path", low=1, high=document.limits.path_levels)
    steps = tuple(_step(Fields(row, f"path[{i}]", document.limits)) for i, row in enumerate(path))
    nonce, balances = own.hex("nonce", NONCE_DIGITS), _balances(own)
    digest = leaf_hash(nonce, balances)
    return SumProof(
        leaf=SumNode(digest, balances),
        leaf_hash=digest,
        leaf_shown=False,
        steps=steps,
        root=SumNode(root.hex("hash", 64), _balances(root)),
        user=nonce,
        same_root_totals=same_coins,
    )


def rule_of(proof: SumProof) -> str | None:
    """The rule for absent siblings that leads to the file's root; None where neither does."""
    for name, dialect in RULES.items():
        if climb(proof.leaf, proof.steps, dialect)[-1].hash == proof.root.hash:
            return name
    return None


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"root": {"hash": _}, "self": {"nonce": _, **own}, "path": list()}:
            return "hash" not in own
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof = parse(document)
    rule = rule_of(proof)
    if rule is not None:
        lone = any(step.node is None for step in proof.steps)
        findings.version = rule if lone else "no-padding"
    judge_sums(proof, RULES[rule or "double"], findings, given)


SCHEME = Scheme(
    id="coinex",
    exchange="coinex",
    exchange_name="CoinEx",
    title="Merkle-sum proof of one user, two rules for absent siblings",
    used="2022-12 to now",
    file_name="merkle_proof_file.json",
    recognises=_recognises,
    members=("root", "self", "path", "balances", "hash", "nonce", "pos"),
    judge=_judge,
    assurance=Assurance(
        included="your leaf, rebuilt from nonce and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=(*CANNOT, "Of which audit the file is: it names none."),
    ),
    where=Where(
        file="coinex.com, logged in: reserve proof page, download the proof file",
        root="coinex.com, reserve proof page",
        certain="official program was run; its own sample follows another rule than its code",
    ),
)
