"""BitMEX and River: the whole ledger of liabilities, recomputed (spec bitmex-liabilities).

Both publish the same bytes; only the keys that find a user's leaves differ (river.py), so this is
one recogniser, and the kind of key given says whose ledger it is. BitMEX's own validator checks
nothing off the user's path and calls a user who is not found "Validated 0 sats"; River's checks
the totals, but not the rows between root and leaves. Here every node is recomputed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from merkle_por.amounts import plain
from merkle_por.documents import Document
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.exchanges import _ledger
from merkle_por.exchanges.river import leaf_key
from merkle_por.ledger import record_tree
from merkle_por.ledger.bands import audit_tree, repeated_leaves
from merkle_por.ledger.packed import U64_END, record
from merkle_por.ledger.source import opened
from merkle_por.scheme import (
    ROOT,
    Assurance,
    Fact,
    FactKind,
    Findings,
    Given,
    Kind,
    Scheme,
    Where,
)
from merkle_por.unpacking import plain_head
from merkle_por.verdict import About, Account, Scope, Snapshot, Totals

ASSET = "BTC"
DECIMALS = 8  # the ledger counts satoshi
NAMING = _ledger.Naming(
    (ASSET,), DECIMALS, node=lambda row: f"node {row}", line=lambda row: row + 2
)
INDEXES_TOLD = 100
MOST_ACCOUNTS = 10_000
_NONCE = re.compile(r"[0-9a-f]{64}")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True)
class Wanted:
    """An account to look for: its name, the key of its leaves, the claimed balance in satoshi."""

    name: str | None
    key: bytes
    claim: int | None


def snapshot_nonce(account: int, nonce: bytes, height: int) -> bytes:
    """BitMEX's nonce for one ledger, the HMAC key of the account's leaves; 32 bytes."""
    parts = nonce + height.to_bytes(8, "little") + account.to_bytes(8, "little")
    return hashlib.sha256(parts).digest()


def _nonce(text: str, name: str) -> bytes:
    if not _NONCE.fullmatch(text):
        raise Malformed("bad-nonce", f"{name} is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def _needed(given: Given, *names: str) -> list[str]:
    """Texts that must come together. Raises UsageError for one that is missing."""
    values = []
    for name in names:
        value = given.text(name)
        if value is None:
            raise UsageError(f"{name} is missing: give {' and '.join(names)} together")
        values.append(value)
    return values


def _account_number(text: str) -> int:
    number = int(text) if _DIGITS.fullmatch(text) else U64_END
    if number >= U64_END:
        raise UsageError("an account is a number below 2^64")
    return number


def _one(given: Given, height: int, findings: Findings) -> Wanted | None:
    """The account whose keys stand among the facts, None where there are none."""
    claim = given.integer("balance")
    account = given.integer("account")
    if "email" in given and ("account_uid" in given or "account_key" in given):
        email, uid, key = _needed(given, "email", "account_uid", "account_key")
        findings.exchange, findings.exchange_name = "river", "River"
        return Wanted(uid, leaf_key(email, uid, _nonce(key, "account_key"), height), claim)
    if "account_uid" in given or "account_key" in given:
        _needed(given, "email", "account_uid", "account_key")
    direct = given.text("snapshot_nonce")
    if direct is not None:
        findings.warn(
            "account-not-bound",
            "the snapshot nonce alone was used, so nothing ties these leaves to an account number",
        )
        return Wanted(None, _nonce(direct, "snapshot_nonce"), claim)
    nonce = given.text("account_nonce")
    if nonce is None and account is None:
        if claim is not None:
            raise UsageError("balance is compared with an account's: give its key as well")
        return None
    if nonce is None or account is None:
        raise UsageError("account and account_nonce belong together")
    number = _account_number(str(account))
    key_ = snapshot_nonce(number, _nonce(nonce, "account_nonce"), height)
    return Wanted(str(number), key_, claim)


def _listed(given: Given, height: int, findings: Findings) -> list[Wanted]:
    """Accounts from a file of lines `account,nonce[,satoshi]`, River's `UID:KEY[,satoshi]`."""
    document = given.file("accounts")
    if document is None:
        return []
    wanted = []
    lines = document.text_without_bom.splitlines()
    if len(lines) > MOST_ACCOUNTS:
        raise UsageError(f"accounts: {len(lines)} lines, at most {MOST_ACCOUNTS} at once")
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if cells == [""]:
            continue
        try:
            wanted.append(_listed_one(cells, given, height, findings))
        except (Malformed, UsageError) as error:
            raise UsageError(f"accounts, line {number}: {error.text}") from None
    return wanted


def _listed_one(cells: list[str], given: Given, height: int, findings: Findings) -> Wanted:
    uid, colon, river_key = cells[0].partition(":")
    claim = cells[1 if colon else 2 :]
    if len(claim) > 1 or (not colon and len(cells) < 2):
        raise UsageError("not account,nonce or UID:KEY, with a balance behind it or not")
    if claim and not _DIGITS.fullmatch(claim[0]):
        raise UsageError("the balance is not a whole number of satoshi")
    sats = int(claim[0]) if claim else None
    if colon:
        email = given.text("email")
        if email is None:
            raise UsageError("email is missing: it belongs to each UID:KEY")
        findings.exchange, findings.exchange_name = "river", "River"
        return Wanted(uid, leaf_key(email, uid, _nonce(river_key, "KEY"), height), sats)
    account = _account_number(cells[0])
    return Wanted(
        str(account), snapshot_nonce(account, _nonce(cells[1], "the nonce"), height), sats
    )


def _judge(document: Document, given: Given, findings: Findings) -> None:
    execution = given.execution
    with opened(document, document.limits, shared=execution.shared) as ledger:
        tree, height = record_tree.open_tree(ledger, document.limits, execution)
        findings.snapshot = Snapshot(str(height))
        findings.details["block_height"] = height
        one = _one(given, height, findings)
        wanted = [*([one] if one else []), *_listed(given, height, findings)]
        findings.claims_inclusion = bool(wanted)
        findings.scope = Scope(
            leaf="recomputed" if wanted else "given",
            own_balance="bound" if wanted else "not-bound",
            totals="bound",
            others_non_negative="shown",
            complete="not-shown",
            hash_bits=256,
            levels=len(tree.levels) - 1,
        )
        repeated: list[tuple[int, int]] = []
        audit = audit_tree(tree, execution, tuple(item.key for item in wanted))
        if audit.stop is None:
            repeated = [pair[:2] for pair in repeated_leaves(tree, audit.prefixes)]
        ledger.check_unchanged()
        _ledger.stop(audit, NAMING)
        _ledger.report_nodes(audit, NAMING, findings)
        _report_duplicates(repeated, tree.leaves.first, findings)
        _ledger.conclude(tree, audit, len(repeated), NAMING, findings)
        root, total = record(tree.root(), 0)
    findings.published_root(root.hex(), given)
    _total(total, given, findings)
    known = "total" in given or "totals" in given or any(audit.matches)
    _ledger.lone_leaf(tree, known, findings)
    if wanted:
        _find(wanted, audit.matches, findings)


def _report_duplicates(
    repeated: Sequence[tuple[int, int]], first_row: int, findings: Findings
) -> None:
    for number, first in repeated:
        line = NAMING.line(first_row + number)
        text = f"stands before as leaf {first}"
        findings.violation("duplicate-leaf", text, f"leaf {number}", line=line)


def _total(total: int, given: Given, findings: Findings) -> None:
    wanted = given.integer("total")
    if wanted is None:
        return
    findings.check(
        wanted == total,
        "total-mismatch",
        "the root's total is the published one",
        "the root's total is not the published one",
        about=About.TOTALS,
        expected=plain(NAMING.coins(wanted)),
        computed=plain(NAMING.coins(total)),
    )


def _find(
    wanted: Sequence[Wanted], matches: Sequence[list[tuple[int, int]]], findings: Findings
) -> None:
    findings.about(About.INCLUDED)
    owned = [sum(value for _, value in own) for own in matches]
    names = [item.name for item in wanted if item.name is not None]
    name = names[0] if len(wanted) == 1 and names else None
    findings.account = Account(name, {ASSET: NAMING.coins(sum(owned))})
    indexes = [number for own in matches for number, _ in own]
    findings.details["leaf_indexes"] = indexes[:INDEXES_TOLD]
    findings.details["accounts"] = [
        {"account": item.name, "balance": NAMING.coins(sats), "leaves": len(own)}
        for item, own, sats in zip(wanted, matches, owned, strict=True)
    ]
    for number, (item, own, sats) in enumerate(zip(wanted, matches, owned, strict=True), start=1):
        # Numbered, not named: this text stays in a redacted report.
        whose = "yours" if len(wanted) == 1 else f"of the account given as number {number}"
        if not own and item.claim != 0:
            raise Invalid("leaf-not-found", f"no leaf is {whose}: wrong key, or left out")
        if item.claim not in (None, sats):
            raise Invalid(
                "balance-mismatch",
                f"the leaves that are {whose} hold another balance than you expect",
                expected=plain(NAMING.coins(item.claim or 0)),
                computed=plain(NAMING.coins(sats)),
            )
    count = len(indexes)
    text = (
        f"{count:,} {'leaf is' if count == 1 else 'leaves are'} yours, each rebuilt from your key"
    )
    findings.passed("leaf", text if count else "no leaf is yours, as you expect")
    if any(item.claim is None for item in wanted):
        findings.compare("balances", "your statement at the snapshot")


def _recognises(document: Document) -> bool:
    return record_tree.looks_like(plain_head(document))


SCHEME = Scheme(
    id="bitmex-liabilities",
    aliases=("river-liabilities",),
    exchange="bitmex",
    exchange_name="BitMEX",
    also=("river",),
    title="Whole ledger of liabilities, one Merkle-sum tree (BitMEX, River)",
    used="2021-03 to now",
    file_name="YYYYMMDD-liabilities-HEIGHT-....csv",
    kind=Kind.LEDGER,
    streams=True,
    recognises=_recognises,
    judge=_judge,
    facts={
        "root": ROOT,
        "total": Fact(FactKind.INTEGER, "the published total in satoshi"),
        "balance": Fact(FactKind.INTEGER, "your balance at the snapshot in satoshi"),
        "account": Fact(FactKind.INTEGER, "BitMEX: your account number"),
        "account_nonce": Fact(FactKind.SECRET, "BitMEX: your account's nonce, 64 digits"),
        "snapshot_nonce": Fact(
            FactKind.SECRET, "BitMEX: your nonce for this ledger alone, in place of the other two"
        ),
        "email": Fact(FactKind.TEXT, "River: your e-mail address as registered, its case kept"),
        "account_uid": Fact(FactKind.TEXT, "River: your account UID"),
        "account_key": Fact(FactKind.SECRET, "River: your account key, 64 digits"),
        "accounts": Fact(
            FactKind.FILE,
            "several accounts: lines of account,nonce or UID:KEY, a balance in satoshi behind it "
            "or not",
        ),
    },
    assurance=Assurance(
        included="with your keys given: your leaves are found, and what they hold together",
        totals="every node's hash and sum is recomputed, no leaf stands twice",
        cannot=(
            "Who was left out altogether: a customer who never looks is not missed.",
            "That the last row is the leaves': without it the file is a smaller tree of the same "
            "root and total. A customer who looks for leaves notices.",
            "That two customers with one account number and nonce are not shown the same leaves.",
        ),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file=(
            "BitMEX: public bucket, prefix data/porl (zipped or plain); River: proof of reserves "
            "page after log-in. Keys: your account page there"
        ),
        root=(
            "BitMEX's blog or another customer's copy of the file; River's proof of reserves page"
        ),
        certain="official programs were run on made ledgers; the real bucket was read only",
    ),
)
