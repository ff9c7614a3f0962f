"""easy-audit, Bitfinex's audit of 2014 (spec bitfinex, section 2): the whole list of accounts.

    leaf  = SHA-256(nonce "|" balance)      inner = SHA-256(left hex "|" right hex)

An odd last node moves up unchanged. The tree carries no sums, but the list is whole and each
leaf binds its balance, so the total is recomputed. The official program takes one nonce twice,
any text as nonce, and gives an empty list the root "undefined".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from merkle_por.amounts import EXACT, grouped, plain
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.merkle.paths import sha256_hex, top_of
from merkle_por.scheme import ROOT, Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Account, Node, Scope, Totals

DECIMALS = 8  # satoshi
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")


@dataclass(frozen=True)
class Entry:
    """One account: nonce (64 hex digits) and balance in satoshi."""

    nonce: str
    balance: int

    @property
    def leaf(self) -> str:
        return sha256_hex(f"{self.nonce}|{self.balance}".encode())


def coins(satoshi: int) -> Decimal:
    """Satoshi to whole bitcoin, exactly."""
    return EXACT.scaleb(Decimal(satoshi), -DECIMALS)


def node(left: str, right: str) -> str:
    """Parent of two hex hashes."""
    return sha256_hex(f"{left}|{right}".encode())


def parse(document: Document) -> list[Entry]:
    """Raises Malformed; a negative balance is read, and judged later."""
    top = Fields(document.json, "", document.limits).only("accounts")
    entries = []
    for index, row in enumerate(top.array("accounts")):
        fields = Fields(row, f"accounts[{index}]", document.limits).only("nonce", "balance")
        nonce, balance = fields.hex("nonce", 64), fields.text("balance")
        if len(balance) > document.limits.number_chars or not _WHOLE.fullmatch(balance):
            raise Malformed("bad-amount", "not a whole number", where=fields.place("balance"))
        if balance == "-0":
            raise Malformed("bad-amount", "minus zero", where=fields.place("balance"))
        entries.append(Entry(nonce, int(balance)))
    if not entries:
        raise Malformed("empty-file", "there is no account in the file", where="accounts")
    return entries


def _check_entries(entries: list[Entry]) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"accounts[{index}]"
        if entry.balance < 0:
            raise Invalid("negative-balance", f"an account owes {entry.balance}", where=where)
        if entry.nonce in seen:
            raise Invalid("duplicate-leaf", "one nonce stands twice", where=where)
        seen.add(entry.nonce)


def _own(nonce: str, entries: list[Entry], given: Given, findings: Findings) -> None:
    entry = next((entry for entry in entries if entry.nonce == nonce), None)
    findings.check(
        entry is not None,
        "leaf-not-found",
        "your account is in the list, its leaf rebuilt from nonce and balance",
        "no account has your nonce",
        about=About.INCLUDED,
    )
    assert entry is not None
    balances = {"BTC": coins(entry.balance)}
    findings.account = Account(None, balances)  # the nonce is the user's secret: never shown
    findings.nodes.append(Node(0, "leaf", entry.leaf, None, balances, entry.nonce))
    wanted = given.amount("balance")
    if wanted is not None:
        findings.check(
            wanted == entry.balance,
            "balance-mismatch",
            "the list has your balance",
            f"the list says {entry.balance} satoshi, your own figure is {grouped(wanted)}",
            expected=plain(wanted),
            computed=str(entry.balance),
        )
    findings.compare("balances", "your statement at the snapshot")


def _judge(document: Document, given: Given, findings: Findings) -> None:
    entries = parse(document)
    nonce = given.hash("nonce")
    if nonce is None and "balance" in given:
        raise UsageError("balance is compared with your account's: give your nonce")
    total = coins(sum(entry.balance for entry in entries))
    findings.claims_inclusion = nonce is not None
    findings.published = {"BTC": total}
    findings.scope = Scope(others_non_negative="shown", hash_bits=256)
    findings.details["accounts"] = len(entries)
    findings.about(About.TOTALS)
    _check_entries(entries)
    root = top_of([entry.leaf for entry in entries], node)
    findings.passed("tree", f"all {len(entries)} leaves hashed and added up, none is negative")
    findings.lines[About.TOTALS] = (
        f"all {len(entries)} accounts add up, none is negative: BTC {total:,f}"
    )
    if nonce is not None:
        _own(nonce, entries, given, findings)
    findings.published_root(root, given)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"accounts": [{"nonce": _, "balance": _}, *_]} as top:
            return len(top) == 1
    return False


SCHEME = Scheme(
    id="easy-audit",
    exchange="bitfinex",
    exchange_name="Bitfinex",
    title="Whole list of accounts of the audit of 2014 (easy-audit)",
    used="2014-04, historical",
    file_name="liabilities.json",
    recognises=_recognises,
    members=("accounts", "nonce", "balance"),
    judge=_judge,
    facts={
        "root": ROOT,
        "nonce": Fact(FactKind.HASH, "your nonce, 64 digits (SHA-256 of e-mail and secret)"),
        "balance": Fact(FactKind.AMOUNT, "your balance in satoshi"),
    },
    assurance=Assurance(
        included="with your nonce given: your account is in the list",
        totals="every account is hashed and added up, none is negative",
        cannot=("Who was left out altogether.", "Whether accounts were invented."),
        totals_claim=Totals.HOLDS,
    ),
    where=Where(
        file="only the auditor had the list; users got their nonce and path",
        root=(
            "the auditor's signed post; for the audit of 2014-04-06 it was "
            "37c49d606c61aab140726265099992c3dd0fba30e1ce1a8a04f0e56cec6dc19f (read only)"
        ),
        certain="official program was run",
    ),
)
