"""A record template from a small file: for exchanges whose leaf text is not published.

KuCoin, Crypto.com, Kraken and others show a record and a path, but not how the text is joined
(spec public-text-notes). A template says it as data; whether it is right is settled by the
published root and by nothing else. The template is a TOML or JSON file of the user's own, so a
fault in it is a usage error; a fault in the record is one of the proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from merkle_por.amounts import amount, stripped
from merkle_por.documents import Document, Fields, Limits
from merkle_por.errors import Malformed, UsageError
from merkle_por.exchanges._plainpath import CANNOT, PlainProof, hash_of, judge, sided_steps
from merkle_por.merkle.paths import Joined, Side
from merkle_por.scheme import ROOT, Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import About, Snapshot, Totals

TEMPLATE = Fact(
    FactKind.FILE,
    "a record template (TOML or JSON): text with {uid} {salt} {audit} {asset:amount}, "
    "asset_separator, balance_separator, number, decimals, leaf_digits, hash_depth, node",
)

Number = Literal["verbatim", "strip-zeros", "point-zero", "fixed"]
NUMBERS: tuple[Number, ...] = ("verbatim", "strip-zeros", "point-zero", "fixed")
PLACES = ("{uid}", "{salt}", "{audit}", "{asset:amount}")
MAX_DECIMALS = 60
FIELD_CHARS = 1_000
SIDES = {"l": Side.LEFT, "r": Side.RIGHT}
ROOT_MATCH = "root match"  # of a path of whole hashes, which luck can't give
OWN_NOTE = "as you gave it"  # where balances don't stand in the file


@dataclass(frozen=True)
class Owner:
    """A record's fields: texts as shown, balances in the order shown with their own text."""

    uid: str
    salt: str
    audit: str
    shown: tuple[tuple[str, str], ...]

    @property
    def balances(self) -> dict[str, Decimal]:
        return {asset: Decimal(text) for asset, text in self.shown}


@dataclass(frozen=True)
class Template:
    """How a record becomes a leaf, and how nodes are joined.

    text: the record's text with PLACES. number: how amounts are written; decimals for "fixed".
    leaf_digits: hex digits kept of the leaf hash. hash_depth: 2 hashes the hash's text again.
    """

    name: str
    text: str
    asset_separator: str = ":"
    balance_separator: str = ","
    number: Number = "verbatim"
    decimals: int = 8
    leaf_digits: int = 64
    hash_depth: int = 1
    node: Joined = Joined.BYTES

    @classmethod
    def given(cls, given: Given) -> Template | None:
        """The template that the caller gave, or None. Raises UsageError."""
        document = given.file("template") if "template" in given.facts else None
        return None if document is None else cls.read(document)

    @classmethod
    def read(cls, document: Document) -> Template:
        """A template file. Raises UsageError: it is the caller's own."""
        try:
            value = document.json if document.looks_like_json else _toml(document.text_without_bom)
            return cls.of(Fields(value, "template", document.limits))
        except Malformed as error:
            raise UsageError(f"{document.name}: {error}") from None

    @classmethod
    def of(cls, fields: Fields) -> Template:
        """A template from its members. Raises Malformed."""
        fields.only("name", *cls.__dataclass_fields__).required("text")
        template = cls(
            name=_name(fields),
            text=fields.text("text", FIELD_CHARS),
            asset_separator=_optional(fields, "asset_separator", ":"),
            balance_separator=_optional(fields, "balance_separator", ","),
            number=_choice(fields, "number", NUMBERS),
            decimals=fields.integer("decimals", 0, MAX_DECIMALS) if "decimals" in fields else 8,
            leaf_digits=_one_of(fields, "leaf_digits", (64, 16)),
            hash_depth=_one_of(fields, "hash_depth", (1, 2)),
            node=Joined(_choice(fields, "node", ("bytes", "text"))),
        )
        rest = template.text
        for place in PLACES:
            if rest.count(place) > 1:
                raise Malformed("bad-field", f"{place} stands twice", where="template.text")
            rest = rest.replace(place, "")
        if "{" in rest or "}" in rest:
            raise Malformed("bad-field", f"places are {' '.join(PLACES)}", where="template.text")
        if "{uid}" not in template.text or "{asset:amount}" not in template.text:
            raise Malformed(
                "bad-field", "a leaf must bind {uid} and {asset:amount}", where="template.text"
            )
        if template.node is Joined.TEXT and template.leaf_digits != 64:
            raise Malformed("bad-field", "text nodes need whole leaf hashes", where="template.node")
        return template

    def record(self, value: Mapping[str, Any], limits: Limits) -> Owner:
        """A record: uid, balances (object in order shown), and salt, audit where the template
        names them. Raises Malformed."""
        fields = Fields(dict(value), "record", limits)
        names = [name for name in ("uid", "salt", "audit") if f"{{{name}}}" in self.text]
        fields.only(*names, "balances").required(*names, "balances")
        texts = {name: fields.text(name, FIELD_CHARS) for name in names}
        balances = fields.object("balances")
        if len(balances.members) > limits.assets:
            raise Malformed("too-big", f"{len(balances.members)} assets", where="record.balances")
        shown = tuple((asset, balances.text(asset, 200)) for asset in balances.members)
        for asset, text in shown:
            self.written(text, f"record.balances.{asset[:20]}", limits)
        return Owner(texts["uid"], texts.get("salt", ""), texts.get("audit", ""), shown)

    def written(self, text: str, where: str, limits: Limits) -> str:
        """An amount as it enters the leaf. Raises Malformed bad-amount."""
        value = amount(text, where, max_chars=limits.number_chars)
        if self.number == "strip-zeros":
            return stripped(value)
        if self.number == "point-zero":
            bare = stripped(value)
            return bare if "." in bare else bare + ".0"
        if self.number == "fixed":
            bare = stripped(value)
            missing = self.decimals - len(bare.partition(".")[2])
            if missing < 0:
                raise Malformed(
                    "bad-amount", f"more than {self.decimals} decimals: {text[:40]}", where=where
                )
            return bare + ("." if "." not in bare and missing else "") + "0" * missing
        return text

    def preimage(self, owner: Owner, limits: Limits | None = None) -> str:
        """The record's text."""
        bounds = limits or Limits()
        pairs = (
            asset + self.asset_separator + self.written(text, "record", bounds)
            for asset, text in owner.shown
        )
        filled = {
            "{uid}": owner.uid,
            "{salt}": owner.salt,
            "{audit}": owner.audit,
            "{asset:amount}": self.balance_separator.join(pairs),
        }
        # One pass: a place's own text may look like a place.
        pieces, rest = [], self.text
        while rest:
            for place, text in filled.items():
                if rest.startswith(place):
                    pieces.append(text)
                    rest = rest[len(place) :]
                    break
            else:
                pieces.append(rest[0])
                rest = rest[1:]
        return "".join(pieces)

    def leaf(self, owner: Owner) -> str:
        """The leaf hash, leaf_digits of lower-case hex."""
        digest = hashlib.sha256(self.preimage(owner).encode()).hexdigest()
        if self.hash_depth == 2:
            digest = hashlib.sha256(digest.encode()).hexdigest()
        return digest[: self.leaf_digits]

    def report(self, findings: Findings) -> None:
        """Says on whose word the format rests. An exchange is never named for a template."""
        findings.version = f"template {self.name}"
        findings.exchange_name = "the exchange"
        # Until `confirmed` says otherwise, so that it stands beside every failure too: a wrong
        # template makes a good file fail.
        findings.warn(
            "template-not-confirmed",
            "the record template is your own; only a published root can confirm it",
        )

    def confirmed(self, findings: Findings, by: str) -> None:
        """Called after the last check: a published root that fits settles the template."""
        if findings.root is None or not findings.root.confirmed:
            return
        findings.warnings = [w for w in findings.warnings if w.id != "template-not-confirmed"]
        findings.details["format_confirmed_by"] = by
        findings.lines[About.INCLUDED] = (
            f'leaf rebuilt by your template "{self.name}"; format confirmed by: {by}'
        )


def _toml(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Malformed("bad-json", f"neither JSON nor TOML: {error}") from None


def _name(fields: Fields) -> str:
    """What the user calls the template; it is printed, so nothing in it may steer a terminal."""
    name = fields.text("name", 80) if "name" in fields else "unnamed"
    if not name.isprintable():
        raise Malformed("bad-field", "not printable", where=fields.place("name"))
    return name


def _optional(fields: Fields, key: str, default: str) -> str:
    return fields.text(key, 20) if key in fields else default


def _choice(fields: Fields, key: str, allowed: tuple[Any, ...]) -> Any:
    value = fields.text(key, 20) if key in fields else allowed[0]
    if value not in allowed:
        raise Malformed("bad-field", f"one of {', '.join(allowed)}", where=fields.place(key))
    return value


def _one_of(fields: Fields, key: str, allowed: tuple[int, int]) -> int:
    value = fields.integer(key) if key in fields else allowed[0]
    if value not in allowed:
        raise Malformed("bad-number", f"{allowed[0]} or {allowed[1]}", where=fields.place(key))
    return value


def _judge(document: Document, given: Given, findings: Findings) -> None:
    template = Template.given(given)
    if template is None:
        raise UsageError(
            "this file needs your record template", "--given template=@FILE (TOML or JSON)"
        )
    top = Fields(document.json, "", document.limits)
    top.only("scheme", "record", "leaf", "path", "root").required("scheme", "record", "path")
    if top.text("scheme") != "template":
        raise Malformed("bad-field", 'the scheme must be "template"', where="scheme")
    if template.leaf_digits != 64:
        raise UsageError("a path starts from a whole leaf hash: leaf_digits must be 64")
    owner = template.record(top.object("record").members, document.limits)
    leaf, root = (
        hash_of(top.text(key), template.node, key) if key in top else None
        for key in ("leaf", "root")
    )
    steps = sided_steps(top.text("path"), SIDES, ":", template.node, document.limits)
    rebuilt = template.leaf(owner)
    findings.snapshot = Snapshot(owner.audit or None)
    template.report(findings)
    proof = PlainProof(leaf, rebuilt, steps, template.node, root, owner.uid, owner.balances)
    judge(proof, findings, given)
    template.confirmed(findings, ROOT_MATCH)


def _recognises(document: Document) -> bool:
    match document.json_or_none:
        case {"scheme": "template"}:
            return True
    return False


SCHEME = Scheme(
    id="template",
    exchange="template",
    exchange_name="the exchange",
    title="Plain SHA-256 path with a record template of your own",
    used="wherever an exchange shows record and path but not how they are joined",
    file_name="proof.json",
    recognises=_recognises,
    members=("scheme", "record", "path"),
    judge=_judge,
    facts={"root": ROOT, "template": TEMPLATE},
    assurance=Assurance(
        included="your record, joined by your template, is rebuilt to the leaf, and the path "
        "leads from it to the root; the root match is what confirms the template",
        totals="not claimed: the tree carries no sums",
        cannot=CANNOT,
        totals_claim=Totals.NOT_CLAIMED,
    ),
    where=Where(
        file='a file of your own: {"scheme": "template", "record": {"uid": "...", "balances": '
        '{"BTC": "1.0"}}, "path": "l:HASH,r:HASH"}, leaf level first',
        root="the exchange's or its auditor's published report",
        certain="a format of this program; no exchange publishes it",
    ),
)
