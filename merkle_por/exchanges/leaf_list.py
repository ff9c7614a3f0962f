"""Public list of all leaves, cut to 64 bits (spec leaf-list-armanino): Armanino's and The Network
Firm's reviews for Gate.io and others, and Bitso.

The user downloads the list, rebuilds his own leaf from what his account page shows, and finds it;
the root over the list must be the one in the auditor's report. Bitso's program prints the root
and never compares it, and ignores index, level and header; all of that is checked here.
"""

from __future__ import annotations

import hashlib
import re
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from merkle_por.amounts import amount, grouped, negatives
from merkle_por.documents import BOM, Document, Limits
from merkle_por.errors import Invalid, Malformed, UsageError
from merkle_por.exchanges._plainpath import NO_TOTALS, sha256_text
from merkle_por.exchanges.template import OWN_NOTE, TEMPLATE, Template
from merkle_por.execution import Progress
from merkle_por.hashes.sha256 import digests_of_slices
from merkle_por.ledger.bands import leaves_with
from merkle_por.ledger.source import Opened, opened
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.unpacking import plain_head
from merkle_por.verdict import About, Account, Node, Scope, Totals

HEADER = "Level\tHash"
LEAF_DIGITS = 16
LEAF_BITS = LEAF_DIGITS * 4
GATE_DECIMALS = 8
HASH_BYTES = 32
LEAF_BYTES = LEAF_DIGITS // 2
LINE_BYTES = 1 << 16  # a comment may be long, a row has 40 bytes at most
_ROW = re.compile(rb"(0|[1-9][0-9]{0,2}),(0|[1-9][0-9]{0,17})\t([0-9a-f]{16})")


def with_point(text: str) -> str:
    """`concat`: trailing zeros after the point go, a whole number gets ".0"."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if "." in text else text + ".0"


def bitso_amount(text: str) -> str:
    """`bitso`: what one replace of ([0-9]+(\\.[0-9]+[1-9])?)(\\.?0+$) by its first group leaves.

    Written out by cases, since the expression backtracks: a whole number loses one last zero (10
    becomes 1); zeros after at least two kept decimals all go; else only one does, unless the
    decimals are all zeros.
    """
    whole, point, fraction = text.partition(".")
    if not point:
        digits = whole.removeprefix("-")
        return text[:-1] if len(digits) > 1 and digits.endswith("0") else text
    kept = fraction.rstrip("0")
    if kept == fraction:
        return text
    if not kept:
        return whole
    return f"{whole}.{kept}" if len(kept) > 1 else text[:-1]


def verbatim(text: str) -> str:
    """The digits as shown."""
    return text


def fixed_8(text: str) -> str:
    """`gate2020`: exactly 8 decimals. The page rounds a binary number; the ledger has the exact
    text, so the digits are padded here and never rounded. Raises Malformed bad-amount."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > GATE_DECIMALS:
        raise Malformed("bad-amount", f'"{text[:40]}" has more than 8 decimals', where="user")
    return f"{whole}.{fraction:0<{GATE_DECIMALS}}"


Pairs = Sequence[tuple[str, str]]


def _concat(owner: str, pairs: Pairs) -> str:
    return ",".join([owner, *(f"{asset}:{with_point(text)}" for asset, text in pairs)])


def _split(owner: str, pairs: Pairs) -> str:
    return sha256_text(owner) + sha256_text("".join(text for _, text in pairs))


def _gate2020(owner: str, pairs: Pairs) -> str:
    if len(pairs) != 1:
        raise Malformed("asset-set", "the dialect gate2020 has one asset")
    return _split(owner, pairs)


def _bitso(owner: str, pairs: Pairs) -> str:
    # Sorted as JavaScript sorts: by UTF-16 code units.
    ordered = sorted(pairs, key=lambda pair: f"{pair[0]}={pair[1]}".encode("utf-16-be"))
    return owner + "".join(sha256_text(bitso_amount(text)) for _, text in ordered)


@dataclass(frozen=True)
class Dialect:
    """How one kind of leaf is built; exchange only where a dialect is one exchange's own.

    shown: how the user's page writes what the ledger holds verbatim.
    """

    preimage: Callable[[str, Pairs], str]
    exchange: tuple[str, str] | None = None
    caution: str | None = None
    shown: Callable[[str], str] = verbatim


DIALECTS = {
    "concat": Dialect(_concat),
    "split": Dialect(
        _split,
        caution="the amounts are joined with nothing between them: other amounts with the same "
        "digits have the same leaf",
    ),
    "gate2020": Dialect(_gate2020, ("gate", "Gate.io"), shown=fixed_8),
    "bitso": Dialect(
        _bitso,
        ("bitso", "Bitso"),
        "asset names are not hashed and some zeros are dropped: 1 and 10 have the same leaf",
    ),
}


@dataclass(frozen=True)
class User:
    """The user's own record. pairs: asset and amount text in the order shown."""

    dialect: str
    id: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def leaf(self) -> str:
        """First 16 digits of the SHA-256 of the dialect's text."""
        dialect = DIALECTS[self.dialect]
        pairs = [(asset, dialect.shown(text)) for asset, text in self.pairs]
        return sha256_text(dialect.preimage(self.id, pairs))[:LEAF_DIGITS]

    @property
    def balances(self) -> dict[str, Decimal]:
        return {asset: Decimal(text) for asset, text in self.pairs}


def parse_user(value: Mapping[str, Any], limits: Limits) -> User:
    """{scheme, id, assets, balances} as the caller gives it.

    Raises UsageError for its shape, Malformed for what the amounts hold.
    """
    if set(value) != {"scheme", "id", "assets", "balances"}:
        raise UsageError("user has the members scheme, id, assets, balances")
    dialect, owner, assets, shown = (value[k] for k in ("scheme", "id", "assets", "balances"))
    if dialect not in DIALECTS:
        raise UsageError(f"user.scheme is one of {', '.join(DIALECTS)}")
    if not isinstance(owner, str) or not all(isinstance(x, list) for x in (assets, shown)):
        raise UsageError("user.id is a text; user.assets and user.balances are lists")
    if len(assets) != len(shown) or not 0 < len(assets) <= limits.assets:
        raise UsageError("user.assets and user.balances must be equally long")
    if not all(isinstance(asset, str) for asset in assets):
        raise UsageError("user.assets are texts")
    if len(set(assets)) != len(assets):
        raise Malformed("duplicate-asset", "an asset stands twice", where="user.assets")
    for asset, text in zip(assets, shown, strict=True):
        amount(text, f"user.balances, {asset[:20]}", max_chars=limits.number_chars)
    return User(dialect, owner.strip(), tuple(zip(assets, shown, strict=True)))


@dataclass(frozen=True)
class Listed:
    """A list as it stands: its leaves, LEAF_BYTES each, and the levels that its rows name."""

    leaves: bytes
    levels: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.leaves) // LEAF_BYTES


def parse_list(lines: Iterable[bytes]) -> Listed:
    """The rows of a list; lines with their ends, a byte order mark in front or not.

    Raises Malformed: empty-file, no-header, bad-row; Invalid: index-order.
    """
    leaves = bytearray()
    levels: dict[bytes, None] = {}
    header = False
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1:
            line = line.removeprefix(BOM)
        if line.startswith(b"#"):
            continue
        if not header:
            if line != HEADER.encode():
                raise Malformed("no-header", "the first line is not Level<TAB>Hash")
            header = True
            continue
        match = _ROW.fullmatch(line)
        if match is None:
            raise Malformed(
                "bad-row", "not level,index<TAB>16 hexadecimal digits", where=f"line {number}"
            )
        if int(match[2]) * LEAF_BYTES != len(leaves):
            expected = len(leaves) // LEAF_BYTES
            raise Invalid("index-order", f"index {expected} is expected", where=f"line {number}")
        levels[match[1]] = None
        leaves += unhexlify(match[3])
    if not leaves:
        raise Malformed("empty-file", "there is no leaf in the list")
    return Listed(bytes(leaves), tuple(map(int, levels)))


def _lines(ledger: Opened, progress: Progress) -> Iterator[bytes]:
    with ledger.place.open() as stream:
        while line := stream.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise Malformed("bad-row", "a line is longer than any row can be")
            yield line
            progress("reading", stream.tell(), ledger.size, "bytes")


def list_root(leaves: bytes) -> bytes:
    """The root over leaves of LEAF_BYTES each, one and more: an odd last node rises unhashed."""
    nodes, width = leaves, LEAF_BYTES
    lone = b""  # the node that rises, of either width
    while len(nodes) // width + bool(lone) > 1:
        pairs, odd = divmod(len(nodes) // width, 2)
        last = nodes[2 * width * pairs :]
        nodes = digests_of_slices(nodes, 2 * width, count=pairs)
        width = HASH_BYTES
        if odd and lone:
            nodes, lone = nodes + hashlib.sha256(last + lone).digest(), b""
        elif odd:
            lone = last
    return nodes or lone


def layers(leaves: int) -> int:
    """Tree layers including leaves and root: 1, 2, 3, 3, 4, ... for 1, 2, 3, 4, 5 leaves."""
    return (leaves - 1).bit_length() + 1


def _own(
    given: Given, template: Template | None, limits: Limits, findings: Findings
) -> tuple[str | None, str | None, Mapping[str, Decimal]]:
    """(leaf hash, user id, balances) of what the caller gave."""
    leaf, shown = given.hash("leaf"), given.object("user")
    rebuilt, owner, balances = None, None, {}
    if shown is not None and template is not None:
        if template.leaf_digits != LEAF_DIGITS:
            raise UsageError("leaves of this list have 16 digits: leaf_digits must be 16")
        record = template.record(shown, limits)
        template.report(findings)
        rebuilt, owner, balances = template.leaf(record), record.uid, record.balances
    elif shown is not None:
        user = parse_user(shown, limits)
        dialect = DIALECTS[user.dialect]
        findings.version = user.dialect
        if dialect.exchange is not None:
            findings.exchange, findings.exchange_name = dialect.exchange
        if dialect.caution is not None:
            findings.warn("leaf-not-unique", dialect.caution)
        rebuilt, owner, balances = user.leaf, user.id, user.balances
    if leaf is not None and rebuilt is not None and leaf != rebuilt:
        raise Invalid(
            "leaf-hash",
            "the leaf rebuilt from your record is not the leaf given",
            expected=leaf,
            computed=rebuilt,
        )
    bound = rebuilt is not None
    findings.scope = Scope(
        leaf="recomputed" if bound else "given",
        own_balance="bound" if bound else "not-bound",
        totals="not-claimed",
        others_non_negative="not-shown",
        hash_bits=LEAF_BITS,
    )
    return rebuilt or leaf, owner, balances


def _judge(document: Document, given: Given, findings: Findings) -> None:
    findings.about(About.INCLUDED)
    with opened(document, document.limits, shared=False) as ledger:
        listed = parse_list(_lines(ledger, given.execution.progress))
        ledger.check_unchanged()
    count = listed.count
    template = Template.given(given) if "user" in given else None
    own, owner, balances = _own(given, template, document.limits, findings)
    expected = layers(count)
    wrong = next((level for level in listed.levels if level != expected), None)
    if wrong is not None:
        raise Invalid(
            "level-mismatch",
            f"{count} leaves make {expected} layers, not {wrong}",
            expected=str(expected),
            computed=str(wrong),
        )
    root = list_root(listed.leaves).hex()
    findings.passed(
        "leaf-list", f"{count} leaves, {expected} layers", about=About.ROOT, computed=root
    )
    findings.published_root(root, given)
    findings.lines[About.TOTALS] = NO_TOTALS
    findings.details["leaves"] = count
    if own is None:
        findings.claims_inclusion = False
        findings.headline = (
            "Only the list was checked, against {possessive} root; no leaf of yours was looked for."
        )
        findings.warn("leaf-not-given", "give your record (user) or your leaf to look for it")
        return
    _find(own, listed.leaves, findings)
    if template is not None:
        template.confirmed(findings, "your leaf in the list under the root (64-bit evidence)")
    findings.nodes.append(Node(0, "leaf", own, None, balances, owner))
    if owner is not None:
        findings.account = Account(owner, balances)
        findings.details["own_notes"] = [OWN_NOTE]
        findings.compare("balances", "your statement at the snapshot")
        for asset, value in negatives(balances).items():
            findings.warn("negative-balance", f"your own {asset} is negative: {grouped(value)}")
    else:
        findings.warn(
            "leaf-not-recomputed", "the leaf hash was taken as given, so no balance was checked"
        )
    findings.warn(
        "truncated-hash",
        "leaf hashes are cut to 64 bits: the exchange can prepare two records with one leaf at "
        "the cost of about 2^32 hashes",
    )


def _find(own: str, leaves: bytes, findings: Findings) -> None:
    places = list(leaves_with(leaves, bytes.fromhex(own)))  # a leaf is all prefix
    findings.check(
        bool(places),
        "leaf-not-found",
        f"your leaf is number {places[0] if places else 0} of the list; 64-bit hash",
        "your leaf is not in the list",
        about=About.INCLUDED,
        computed=own,
    )
    findings.details["leaf_indexes"] = places[:100]
    if len(places) > 1:
        findings.warn(
            "leaf-not-unique",
            f"your leaf stands {len(places)} times in the list: identical records, or two users "
            "shown one and the same leaf",
        )


def _recognises(document: Document) -> bool:
    if document.looks_like_json:
        return False
    lines = plain_head(document).removeprefix(BOM).split(b"\n")
    first = next((line for line in lines if not line.startswith(b"#")), b"")
    return first.removesuffix(b"\r") == HEADER.encode()


SCHEME = Scheme(
    id="leaf-list",
    exchange="gate",
    also=("kraken", "bitso"),
    exchange_name="the exchange",
    title="Public list of 64-bit leaves (Armanino, The Network Firm; Gate.io 2020-22, Bitso)",
    used="2020 to 2022, historical",
    file_name="output_merkle_tree.txt",
    recognises=_recognises,
    judge=_judge,
    streams=True,
    facts={
        "root": Fact(FactKind.HASH, "the Merkle root in the auditor's report", (64, LEAF_DIGITS)),
        "user": Fact(
            FactKind.VALUE,
            "your record: an object with scheme (concat, split, gate2020, bitso), id, and two "
            "lists, assets and balances, in the order and with the digits shown; with a template "
            "its own record",
        ),
        "leaf": Fact(FactKind.HASH, "your leaf, 16 digits, if there is no record", (16,)),
        "template": TEMPLATE,
    },
    assurance=Assurance(
        included="your leaf, rebuilt from your record, is in the list, and the list has the root",
        totals="not claimed: the tree carries no sums",
        cannot=(
            "What all customers together are owed: totals are not in the tree.",
            "That two customers were not given one and the same leaf: leaves are cut to 64 bits.",
            "Whether other customers' balances are negative, or rows invented.",
        ),
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file="the auditor's or exchange's download of the whole list of leaves",
        root="the auditor's report (output_merkle_root.txt)",
        certain="official programs were run; Gate's page of 2020 read only; Kraken not established",
    ),
)
