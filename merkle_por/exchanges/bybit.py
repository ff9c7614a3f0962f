"""Bybit, Merkle-sum proof of one user, ten sets of assets since December 2022 (spec bybit-merkle).

The set of keys in `balance` is the only version mark. Amounts have fixed decimals, which makes
the unseparated text of a preimage readable in one way only; the official program doesn't demand
them, nor the heights, the root's type, hexadecimal hashes, or a root from outside the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from merkle_por.amounts import Balances, add, amount, cut, fixed
from merkle_por.clock import age
from merkle_por.documents import Document, Fields
from merkle_por.errors import Invalid, Malformed
from merkle_por.exchanges._sumproof import CANNOT, SumProof
from merkle_por.exchanges._sumproof import judge as judge_sums
from merkle_por.merkle.paths import Side, sha256_hex
from merkle_por.merkle.sums import SumDialect, SumNode, SumStep
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import Snapshot

DECIMALS = 8
LEFT, RIGHT, ROOT = 1, 2, 3  # `type` of a node
_ID_CHARS = 200
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")


@dataclass(frozen=True)
class Version:
    """One set of assets. assets: in the order in which they are hashed, which is neither that of
    the file nor alphabetical. decimals: where an asset has not the usual eight. since: release
    of the official program that brought it."""

    name: str
    since: str
    assets: tuple[str, ...]
    decimals: Mapping[str, int] = field(default_factory=dict)

    def places(self, asset: str) -> int:
        return self.decimals.get(asset, DECIMALS)

    def text(self, balances: Balances) -> str:
        """The amounts as they are hashed: fixed decimals, joined without names or separators."""
        return "".join(fixed(balances[asset], self.places(asset)) for asset in self.assets)

    def add(self, left: Balances, right: Balances) -> dict[str, Decimal]:
        return {a: cut(add(left[a], right[a]), self.places(a)) for a in self.assets}

    def preimage(self, left: str, right: str, sums: Balances, level: int) -> str:
        # Bybit counts heights from 1 at the leaves.
        return left + right + self.text(sums) + str(level + 1)


def _renamed(assets: tuple[str, ...], **new: str) -> tuple[str, ...]:
    return tuple(new.get(asset, asset) for asset in assets)


def _coins(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_20 = _coins(
    "AGLA APT ATOM AVAX BIT BTC BUSD DAI DOGE DOT DYDX EOS ETH FTM LTC MATIC SOL USDC USDT XRP"
)
_MNT20 = _renamed(_20, BIT="MNT")
_32 = (*_MNT20, *_coins("SHIB OP SAND LDO LINK COMP UNI MANA CRV BLUR SUSHI PEPE"))
_40 = (
    *(asset for asset in _32 if asset != "BUSD"),
    *_coins("WLD BEAM AGI FET IMX RNDR GALA APEX SHRAP"),
)
_40V2 = (*_renamed(tuple(a for a in _40 if a != "DAI"), RNDR="RENDER"), "USDE")
_40V3 = _renamed(_40V2, MATIC="POL")
_40V4 = _renamed(_40V3, FTM="S")
_40V5 = _renamed(_40V4, EOS="A")
_50 = (*_40V5, *_coins("GRAM XAUT HYPE STABLE ENA ARB ASTER ONDO AAVE USD1"))

VERSIONS = (
    Version("4", "December 2022", ("BTC", "ETH", "USDT", "USDC"), {"USDT": 4, "USDC": 4}),
    Version("20", "April 2023", _20),
    Version("mnt20", "2023", _MNT20),
    Version("32", "2023", _32),
    Version("40", "April 2024", _40),
    Version("40v2", "August 2024", _40V2),
    Version("40v3", "October 2024", _40V3),
    Version("40v4", "January 2025", _40V4),
    Version("40v5", "June 2025", _40V5),
    Version("50", "July 2026", _50),
)
_BY_ASSETS = {frozenset(version.assets): version for version in VERSIONS}


def version_of(balance: Fields) -> Version:
    """The version whose assets are exactly these. Raises Malformed asset-set, nearest as hint."""
    found = _BY_ASSETS.get(frozenset(balance.members))
    if found is not None:
        return found
    raise Malformed(
        "asset-set",
        f"no Bybit version has these {len(balance.members)} assets",
        nearest_version(set(balance.members), balance.where),
        "copy the whole text again from the exchange's page, don't edit it",
    )


def nearest_version(assets: set[str], where: str) -> str:
    """In words: the version that differs in the fewest assets, and how."""
    version = min(VERSIONS, key=lambda v: (len(assets ^ set(v.assets)), -len(v.assets)))
    missing = [asset for asset in version.assets if asset not in assets]
    extra = sorted(assets - set(version.assets))
    told = [
        f"{', '.join(coins[:3])}{' and others' if coins[3:] else ''} "
        f"{'are' if coins[1:] else 'is'} {what}"
        for coins, what in ((missing, "missing"), (extra, "not in it"))
        if coins
    ]
    place = where.removesuffix(".balance")
    return f'nearest is version {version.name} ({version.since}); {", ".join(told)} in "{place}"'


def leaf_hash(user: str, balances: Balances, version: Version) -> str:
    """SHA-256 of the user's hash (text) and the amounts."""
    return sha256_hex((user + version.text(balances)).encode())


def _balances(fields: Fields, version: Version) -> dict[str, Decimal]:
    if set(fields.members) != set(version.assets):
        raise Malformed(
            "asset-set",
            "the assets are not those of your own balance",
            nearest_version(set(fields.members), fields.where),
            where=fields.where,
        )
    return {
        asset: amount(fields.get(asset), fields.place(asset), exactly=version.places(asset))
        for asset in version.assets
    }


def _node(fields: Fields, version: Version, types: tuple[int, ...], height: int) -> SumNode:
    if fields.integer("type") not in types:
        raise Malformed("bad-node-type", f"type {fields.integer('type')}", where=fields.where)
    if fields.integer("height") != height:
        raise Malformed("bad-height", f"height {height} is expected here", where=fields.where)
    return SumNode(fields.hex("hash", 64), _balances(fields.object("balance"), version))


def parse(document: Document) -> tuple[SumProof, Version, Snapshot]:
    """The file's normal form. Raises Malformed, and Invalid where sides contradict each other."""
    top = Fields(document.json, "", document.limits).required("self", "path")
    own = top.object("self")
    version = version_of(own.object("balance"))
    path = top.array("path", low=2, high=document.limits.path_levels + 1)
    rows = [Fields(row, f"path[{i}]", document.limits) for i, row in enumerate(path)]
    leaf = _node(own, version, (LEFT, RIGHT), 1)
    siblings = [_node(row, version, (LEFT, RIGHT), i) for i, row in enumerate(rows[:-1], 1)]
    root = _node(rows[-1], version, (ROOT,), len(rows))
    user = own.hex("userHash", 64)
    audit = own.text("auditId", _ID_CHARS) if "auditId" in own else None
    if own.integer("type") == rows[0].integer("type"):
        raise Invalid("bad-side", "your leaf and its neighbour are on the same side")
    proof = SumProof(
        leaf=leaf,
        leaf_hash=leaf_hash(user, leaf.balances, version),
        steps=tuple(
            SumStep(Side.LEFT if row.integer("type") == LEFT else Side.RIGHT, node)
            for row, node in zip(rows, siblings, strict=False)
        ),
        root=root,
        user=user,
        account=user,
    )
    return proof, version, Snapshot(audit, snapshot_time(audit))


def snapshot_time(audit: str | None) -> str | None:
    """The time that an audit id of the form YYYYMMDDHH names, read as UTC; None for any other id.

    No hash covers the id, so this is the file's own word (spec, section on fields).
    """
    if (
        audit is None
        or len(audit) != len("YYYYMMDDHH")
        or not (audit.isascii() and audit.isdigit())
    ):
        return None
    year, month, day, hour = audit[:4], audit[4:6], audit[6:8], audit[8:]
    time = f"{year}-{month}-{day}T{hour}:00:00Z"
    return None if age(time, time) is None else time


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"self": {"userHash": _}, "path": [{"balance": _, "height": _, "hash": _}, *_]}:
            return True
    return False


def _judge(document: Document, given: Given, findings: Findings) -> None:
    proof, version, findings.snapshot = parse(document)
    findings.version = version.name
    judge_sums(proof, SumDialect(preimage=version.preimage, add=version.add), findings, given)
    findings.compare("account", "the user hash on Bybit's page: how it is made is not published")


SCHEME = Scheme(
    id="bybit",
    exchange="bybit",
    exchange_name="Bybit",
    title="Merkle-sum proof of one user, ten sets of assets",
    used="2022-12 to now",
    file_name="myProof.json",
    recognises=_recognises,
    members=("self", "path", "balance", "type", "height", "hash", "userHash"),
    judge=_judge,
    assurance=Assurance(
        included="your leaf, rebuilt from user hash and balances, is under the root",
        totals="your path's sums add up to the root's totals",
        cannot=(
            *CANNOT,
            "That the user hash is yours: how it is made is not published.",
            "Of which day the file is: no hash covers the audit id.",
        ),
    ),
    where=Where(
        file="bybit.com, logged in: Proof of Reserves > your audit, copy the text into a file",
        root="bybit.com > Proof of Reserves > {audit}",
        certain="official program and its samples were run",
    ),
)
