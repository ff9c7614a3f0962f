"""BitGo, zk proof of liabilities for Go Accounts: a user's accountproof.json (spec bitgo-zk).

Three levels of trees of 1024: accounts, batches of accounts, batches of batches. Each level's
Groth16 proof ties a tree's root to the hash of that root with the tree's sums, which is the leaf
of the next level; so inclusion hangs on the zk proofs as much as the totals do.

The verifying keys travel in the user's own file. With a key whose secrets are known anything can
be proved (made/bitgo-zk/bad_forged_vk_*, which the official program accepts), so a key counts
only if its SHA-256 came from outside. The setup is made anew for each number of accounts in a
batch: one publication has several keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.exchanges._zk import bytes_of_base64, coins, element_of_base64, pinned_keys
from merkle_por.hashes.mimc_bn254 import mimc
from merkle_por.scheme import (
    ROOT,
    TOTALS,
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Scheme,
    Where,
    compare_totals,
)
from merkle_por.verdict import About, Account, Node, Root, Scope, State, Totals

DEPTH = 10
LEAVES = 1 << DEPTH
LEVELS = ("BottomProof", "MiddleProof", "TopProof")
AMOUNT_MAX = (1 << 128) - 1  # the range that the circuit proves
AMOUNT_DIGITS = 39
WALLET_CHARS = 48  # of base 36: below the field's modulus
HASH_BITS = 254
PROVEN_SOURCE = "proofs"

# The program's order at c88064f (2025-11-21), with the decimals of each chain's base unit.
ASSETS: Mapping[str, int] = {
    "ALGO": 6,
    "ARBETH": 18,
    "AVAXC": 18,
    "BTC": 8,
    "BCH": 8,
    "ADA": 6,
    "CSPR": 9,
    "TIA": 6,
    "ATOM": 6,
    "DASH": 8,
    "DOGE": 8,
    "EOS": 4,
    "ETH": 18,
    "ETC": 18,
    "HBAR": 8,
    "LTC": 8,
    "NEAR": 24,
    "OSMO": 6,
    "DOT": 10,
    "POLYGON": 18,
    "SEI": 6,
    "SOL": 9,
    "STX": 6,
    "XLM": 7,
    "SUI": 9,
    "TRX": 6,
    "XRP": 6,
    "ZEC": 8,
    "ZETA": 18,
    "BLD": 6,
    "BSC": 18,
    "TON": 9,
    "COREDAO": 18,
    "BERA": 18,
    "TAO": 9,
    "APT": 8,
}

SETUP = (
    "single-party-setup",
    "BitGo made the verifying keys alone: whoever kept the setup's secrets can prove any totals.",
)
SPLIT = (
    "root-not-given",
    "Root and totals were not compared with published ones: other customers could be shown "
    "others, proven under the same keys.",
)


@dataclass(frozen=True)
class Level:
    """One tree: its proof, key, root, and the leaf that it is in the tree above.

    position, path: of that leaf in the tree above; None and () for the top.
    """

    name: str
    proof: bytes
    key: bytes
    root: int
    leaf: int
    position: int | None
    path: tuple[int, ...]

    @property
    def key_sha256(self) -> str:
        return hashlib.sha256(self.key).hexdigest()


@dataclass(frozen=True)
class Proof:
    """Normal form. amounts, totals: base units, in the order of the assets."""

    wallet: str
    amounts: tuple[int, ...]
    position: int
    path: tuple[int, ...]
    levels: tuple[Level, ...]
    totals: tuple[int, ...]


def wallet_number(wallet: str) -> int:
    """The wallet id without hyphens as a number of base 36. Raises Malformed bad-field."""
    text = wallet.replace("-", "")
    if not text or len(text) > WALLET_CHARS or not (text.isascii() and text.isalnum()):
        raise Malformed("bad-field", "not a wallet id", where="AccountInfo.WalletId")
    return int(text, 36)


def leaf_of(number: int, amounts: Sequence[int]) -> int:
    """MiMC(number, MiMC(amounts)); the number 0 is no element (gnark writes an empty string)."""
    balances = mimc(amounts)
    return mimc([number, balances] if number else [balances])


def climb(node: int, position: int, path: Sequence[int]) -> list[int]:
    """Nodes above `node`, the root last; bit i of the position: node is the right child."""
    nodes = []
    for level, sibling in enumerate(path):
        node = mimc([sibling, node] if position >> level & 1 else [node, sibling])
        nodes.append(node)
    return nodes


def _amounts(fields: Fields, key: str, assets: Sequence[str]) -> tuple[int, ...]:
    rows = fields.array(key)
    if len(rows) != len(assets):
        text = f"{len(rows)} assets, this release has {len(assets)}"
        raise Malformed("bad-length", text, where=fields.place(key))
    out = []
    for place, (item, wanted) in enumerate(zip(rows, assets, strict=True)):
        row = Fields(item, f"{fields.place(key)}[{place}]", fields.limits).only("Asset", "Amount")
        if row.text("Asset", 100) != wanted:
            raise Malformed("asset-order", f"{wanted} must stand here", where=row.where)
        text = row.text("Amount", AMOUNT_DIGITS)
        plain = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
        if not plain or int(text) > AMOUNT_MAX:
            raise Malformed("bad-amount", "not a whole number of base units", where=row.where)
        out.append(int(text))
    return tuple(out)


def _path(fields: Fields, key: str) -> tuple[int, ...]:
    items = fields.array(key)
    if len(items) != DEPTH:
        text = f"{len(items)} siblings, these trees have {DEPTH} levels"
        raise Malformed("path-length", text, where=fields.place(key))
    return tuple(
        element_of_base64(item, f"{fields.place(key)}[{i}]") for i, item in enumerate(items)
    )


def _level(fields: Fields, name: str) -> Level:
    top = name == LEVELS[-1]
    more = ("AssetSum",) if top else ("MerklePosition", "MerklePath")
    names = ("Proof", "VerificationKey", "MerkleRoot", "MerkleRootWithAssetSumHash", *more)
    fields.only(*names).required(*names)
    return Level(
        name=name,
        proof=bytes_of_base64(fields.get("Proof"), fields.place("Proof")),
        key=bytes_of_base64(fields.get("VerificationKey"), fields.place("VerificationKey")),
        root=element_of_base64(fields.get("MerkleRoot"), fields.place("MerkleRoot")),
        leaf=element_of_base64(
            fields.get("MerkleRootWithAssetSumHash"), fields.place("MerkleRootWithAssetSumHash")
        ),
        position=None if top else fields.integer("MerklePosition", 0, LEAVES - 1),
        path=() if top else _path(fields, "MerklePath"),
    )


def parse(document: Document, assets: Sequence[str]) -> Proof:
    """Raises Malformed."""
    top = Fields(document.json, "", document.limits)
    top.only("AccountInfo", "ProofInfo").required("AccountInfo", "ProofInfo")
    account = top.object("AccountInfo").only("WalletId", "Balance")
    proof = top.object("ProofInfo").only("UserMerklePath", "UserMerklePosition", *LEVELS)
    wallet = account.text("WalletId", 200)
    wallet_number(wallet)
    return Proof(
        wallet=wallet,
        amounts=_amounts(account, "Balance", assets),
        position=proof.integer("UserMerklePosition", 0, LEAVES - 1),
        path=_path(proof, "UserMerklePath"),
        levels=tuple(_level(proof.object(name), name) for name in LEVELS),
        totals=_amounts(proof.object(LEVELS[-1]), "AssetSum", assets),
    )


def _recognises(document: Document) -> bool:
    value = document.json_or_none
    return isinstance(value, dict) and set(value) == {"AccountInfo", "ProofInfo"}


# -- facts --------------------------------------------------------------------------------------


def _assets(given: Given) -> Mapping[str, int]:
    """The assets in order, with decimals; those of a given list that are not known have none."""
    value: Any = given.value("assets")
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if value is None:
        return ASSETS
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UsageError("assets must be a list of names")
    if not value or len(set(value)) != len(value) or len(value) > given.limits.assets:
        raise UsageError("assets names one twice, none or too many")
    return {name: ASSETS.get(name, 0) for name in value}


# -- the verdict --------------------------------------------------------------------------------


def _judge(document: Document, given: Given, findings: Findings) -> None:
    assets = _assets(given)
    pins = pinned_keys(given) or frozenset()
    proof = parse(document, tuple(assets))
    findings.totals_claim = Totals.HOLDS if pins else Totals.BOUND
    findings.account = Account(proof.wallet, _coins(proof.amounts, assets))
    findings.published = _coins(proof.totals, assets)
    findings.details["verifying_keys"] = {lv.name: lv.key_sha256 for lv in proof.levels}
    findings.details["facts"] = {"vk_sha256": [level.key_sha256 for level in proof.levels]}
    findings.scope = Scope(
        others_non_negative="shown", hash_bits=HASH_BITS, levels=DEPTH * len(LEVELS)
    )
    findings.warn(*SETUP)
    unknown = [name for name in assets if name not in ASSETS]
    if unknown:
        text = f"The decimals of {', '.join(unknown[:5])} are not known: shown in base units."
        findings.warn("asset-scale", text)
    findings.about(About.INCLUDED)
    _check_paths(proof, findings)
    _check_proofs(proof, pins, findings)
    _check_totals(proof, tuple(assets), findings)
    compare_totals(given, findings)
    _anchor(proof, pins, given, findings)


def _coins(units: Sequence[int], assets: Mapping[str, int]) -> dict[str, Decimal]:
    return {
        name: coins(value, decimals)
        for value, (name, decimals) in zip(units, assets.items(), strict=True)
    }


def _check_paths(proof: Proof, findings: Findings) -> None:
    """Leaf to the bottom root, and each level's leaf to the root of the level above."""
    leaf = leaf_of(wallet_number(proof.wallet), proof.amounts)
    findings.details["leaf"] = f"{leaf:064x}"
    assert findings.account is not None
    node = Node(0, "leaf", f"{leaf:064x}", _side(proof.position, 0), user=proof.wallet)
    findings.nodes = [node]
    place, path = proof.position, proof.path
    for index, level in enumerate(proof.levels):
        nodes = climb(leaf, place, path)
        findings.check(
            nodes[-1] == level.root,
            "root-inconsistent",
            f"the path leads to the root of {level.name}",
            "your amounts and the path do not lead to the root in the file"
            if index == 0
            else "the level below is not at its place in the tree above",
            where=level.name,
            expected=f"{level.root:064x}",
            computed=f"{nodes[-1]:064x}",
        )
        _ladder(findings, index, place, path, nodes, level)
        leaf, path, place = level.leaf, level.path, level.position or 0


def _side(position: int, level: int) -> str:
    return "right" if position >> level & 1 else "left"


def _ladder(
    findings: Findings,
    index: int,
    place: int,
    path: Sequence[int],
    nodes: Sequence[int],
    level: Level,
) -> None:
    """Siblings and rebuilt nodes of one tree; its root is shown as the leaf of the next one."""
    base = index * DEPTH
    last = index == len(LEVELS) - 1
    for step, (sibling, above) in enumerate(zip(path, nodes, strict=True)):
        other = "left" if place >> step & 1 else "right"
        findings.nodes.append(Node(base + step, "sibling", f"{sibling:064x}", other))
        end = step == DEPTH - 1
        role = "root" if end and last else "rebuilt"
        digest = level.leaf if end and not last else above
        if not end:
            side: str | None = _side(place, step + 1)
        else:
            side = None if level.position is None else _side(level.position, 0)
        findings.nodes.append(Node(base + step + 1, role, f"{digest:064x}", side))


def _check_proofs(proof: Proof, pins: frozenset[str], findings: Findings) -> None:
    """Pinned keys, then the three zk proofs in one batch. Raises Malformed, Invalid."""
    from merkle_por.zk.gnark import MAX_KEY_BYTES, read_proof, read_verifying_key
    from merkle_por.zk.groth16 import Statement, failures

    statements = []
    for level in proof.levels:
        if len(level.key) > MAX_KEY_BYTES:
            raise Malformed("key-length", "longer than any key", where=level.name)
        try:
            key, points = read_verifying_key(level.key), read_proof(level.proof)
        except Malformed as error:
            where = f"{level.name}, {error.where}" if error.where else level.name
            raise Malformed(error.reason, error.text, where=where) from None
        statements.append(Statement(level.name, key, (level.root, level.leaf), points))
    for level in proof.levels:
        if pins and level.key_sha256 not in pins:
            raise Invalid(
                "key-not-pinned",
                "the file brings a verifying key of its own, not one of those published",
                where=level.name,
                computed=level.key_sha256,
            )
    for name, finding in failures(statements):
        finding.where = name
        raise finding
    findings.passed("proof-rejected", "the zk proofs of all three levels verify")
    if pins:
        findings.passed("key-not-pinned", "all verifying keys are pinned", about=About.PROOF)


def _check_totals(proof: Proof, assets: Sequence[str], findings: Findings) -> None:
    top = proof.levels[-1]
    computed = leaf_of(top.root, proof.totals)
    findings.check(
        computed == top.leaf,
        "sum-mismatch",
        "the totals are those in the top level's proof",
        "the totals are not those in the top level's proof",
        about=About.TOTALS,
        expected=f"{top.leaf:064x}",
        computed=f"{computed:064x}",
    )
    for name, own, total in zip(assets, proof.amounts, proof.totals, strict=True):
        if own > total:
            raise Invalid("exceeds-total", "you are owed more than all customers", where=name)
    findings.passed("exceeds-total", "no amount of yours is above the total")


def _anchor(proof: Proof, pins: frozenset[str], given: Given, findings: Findings) -> None:
    root = f"{proof.levels[-1].root:064x}"
    if not pins:
        for level in proof.levels:
            findings.unconfirmed(
                "key-not-pinned",
                f"the key of {level.name} comes from this file, its SHA-256 is {level.key_sha256}",
                about=About.PROOF,
            )
        findings.compare("the SHA-256 of the verifying keys", "what others see")
        findings.headlines[State.UNCONFIRMED] = (
            "The proofs verify under keys from the same file: totals are not established. Are "
            "these {possessive} keys: "
            + ", ".join(level.key_sha256 for level in proof.levels)
            + "?"
        )
    if not pins or given.value("root") is not None:
        findings.published_root(root, given)
        return
    findings.root = Root(root, PROVEN_SOURCE, confirmed=True)
    findings.passed("root", "proven under the pinned keys", about=About.ROOT, computed=root)
    if given.value("totals") is None:
        findings.warn(*SPLIT)


SCHEME = Scheme(
    id="bitgo-zk",
    exchange="bitgo",
    exchange_name="BitGo",
    title="zk proof of liabilities of one Go Account",
    used="2025 to now",
    file_name="accountproof.json",
    recognises=_recognises,
    members=("AccountInfo", "ProofInfo", "WalletId", "Balance", *LEVELS),
    judge=_judge,
    facts={
        "root": ROOT,
        "totals": TOTALS,
        "vk_sha256": Fact(
            FactKind.VALUE, "SHA-256 of the verifying keys of this publication, seen outside"
        ),
        "assets": Fact(FactKind.VALUE, "the assets in their order, if the release has others"),
    },
    assurance=Assurance(
        included="your account, rebuilt from wallet id and amounts, is in the top tree",
        totals="each level's sums are proven, under keys that must be known from outside",
        cannot=(
            "Anything, if the keys are only those in the file: then all of it can be forged.",
            "That the verifying keys were made honestly: BitGo made them alone.",
            "Who was left out altogether.",
            "That an account is in the tree once only.",
        ),
        totals_claim=Totals.HOLDS,
        totals_word="zk proof",
    ),
    where=Where(
        file='Go Account, logged in: tab "Go Account", button "Download Liability Proofs"',
        root="the MerkleRoot of TopProof, and the keys' SHA-256: compare them with others'",
        certain="official program was run on proofs of our own; menus from its documentation",
    ),
)
