"""The verdict on a user's file and on a published set, for every exchange of this family.

Trust rules, in one place:
- A user's root counts once it was compared with one from outside: given, of an attestation, or of
  a proof set whose keys came from outside and whose proofs all verified in this run.
- A set hangs on its verifying keys: named by the caller or pinned by SHA-256. With such keys the
  root and the totals are proven and need no other anchor; a root given as well must be the same.
- Whoever made a key can forge proofs under it, and the exchange made it alone: always said.
- Totals hold only where no way to forge them in that release is known (`Release`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from merkle_por.documents import Document
from merkle_por.errors import Invalid, UsageError
from merkle_por.exchanges._gnark_por import config, facts, sets, user
from merkle_por.exchanges._gnark_por.config import Config
from merkle_por.exchanges._gnark_por.family import DEPTH, Assets, Family, Release
from merkle_por.exchanges._gnark_por.sets import ProvenSet
from merkle_por.exchanges._gnark_por.user import User
from merkle_por.exchanges._zk import coins
from merkle_por.hashes.poseidon_bn254_tables import MODULUS
from merkle_por.scheme import (
    Findings,
    Given,
    compare_totals,
)
from merkle_por.verdict import About, Account, Node, Root, Scope, State, Totals

HASH_BITS = 254
PROVEN_SOURCE = "proofs"
"""Where a root came from that the proofs of a set lead to."""

SETUP = (
    "single-party-setup",
    "{name} made the verifying key alone: whoever kept the setup's secrets can prove any totals. "
    "The key says nothing about the circuit either, unless its making is repeated in public.",
)
SYMBOLS = (
    "symbols-not-bound",
    "No hash binds the names of the assets: compare them with a published list "
    "(--given symbols=...).",
)
HIDDEN = (
    "index-range-not-given",
    "Which accounts the proofs cover was not said: since 2026-05 a tree can hold accounts that "
    "are in no total. merkle-por audit DIR --root HEX --json > AUDIT.json, then: merkle-por verify "
    "FILE --attestation AUDIT.json",
)
DUMMIES = (
    "worthless-collateral",
    "An account may owe coins against coins of little worth: accounts made up for it lower the "
    "net totals.",
)
CANNOT = (
    "Who was left out altogether: no customer can find himself for another.",
    "That the verifying key was made honestly: the exchange made it alone.",
    "Which asset a total belongs to: no hash holds the names.",
    "That two customers with equal balances were not shown one account, unless they can derive "
    "their account's hash.",
)
UNITS = "the file's units; --given config=FILE names them"


def judge(document: Document, given: Given, findings: Findings, family: Family) -> None:
    """A set where the document is a folder or a table, else a user's file."""
    family = family.with_profile(facts.slots(given), facts.tiers(given))
    if document.is_folder or (not document.looks_like_json and "," in document.first_line):
        _judge_set(document, given, findings, family)
    else:
        _judge_user(document, given, findings, family)


# -- what both kinds of files say ---------------------------------------------------------------


def _unsound(release: Release, given: Given) -> str | None:
    """Why the release's totals can be forged, unless the snapshot is known to be of later."""
    date = facts.snapshot_date(given)
    if release.unsound_until is not None and date is not None and date >= release.unsound_until:
        return None
    return release.unsound


def _say_release(release: Release, given: Given, findings: Findings) -> bool:
    """Cautions of the release; whether its totals can be relied on once its proofs verify."""
    findings.version = release.name
    findings.warn(SETUP[0], SETUP[1].format(name=findings.exchange_name))
    for reason, text in release.cautions:
        findings.warn(reason, text)
    unsound = _unsound(release, given)
    if unsound is not None:
        findings.warn("unsound-circuit", f"The circuit is known to be unsound: {unsound}")
    return release.totals_hold and unsound is None


@dataclass(frozen=True)
class _Naming:
    """Names and decimals of assets by index; source says where the decimals are from."""

    symbols: Mapping[int, str]
    family: Family
    two_digit: frozenset[str] | None

    def amount(self, index: int, units: int) -> Decimal:
        decimals = self.family.decimals(self.symbols[index], self.two_digit)
        return coins(units, decimals)

    def unsure(self, indexes: Mapping[int, object]) -> list[str]:
        """Symbols whose decimals depend on which release's list was used."""
        if self.two_digit is not None:
            return []
        doubtful = self.family.two_digit - self.family.two_digit_sure
        return [
            s for i, s in sorted(self.symbols.items()) if i in indexes and s.lower() in doubtful
        ]


def _naming(family: Family, given: Given, settings: Config | None) -> _Naming | None:
    if settings is not None:
        symbols: Mapping[int, str] | None = {a.index: a.symbol for a in settings.assets}
    else:
        symbols = facts.symbols(given)
    return None if symbols is None else _Naming(symbols, family, facts.two_digit(given))


def _say_scale(naming: _Naming, indexes: Mapping[int, object], findings: Findings) -> None:
    findings.details["two_digit_list"] = (
        naming.family.two_digit_source if naming.two_digit is None else "given"
    )
    unsure = naming.unsure(indexes)
    if unsure:
        shown = ", ".join(unsure[:5]) + (f" and {len(unsure) - 5} more" if len(unsure) > 5 else "")
        findings.warn(
            "asset-scale",
            f"Amounts of {shown} are read with 2 decimals ({naming.family.two_digit_source}); "
            "with an older list they would be a million times smaller. Values are not affected.",
        )


# -- a user's file ------------------------------------------------------------------------------


def _judge_user(document: Document, given: Given, findings: Findings, family: Family) -> None:
    one = user.parse(document, family)
    settings = _user_config(given, family)
    if settings is not None:
        family = _family_of(settings, family, given)
    findings.totals_claim = Totals.NOT_CLAIMED
    findings.about(About.INCLUDED)
    findings.account = Account(one.account_hex, {})
    if user.is_padding(one, family):
        text = "This account is empty and fills up a batch: it is nobody's, so not yours either."
        findings.warn("padding-account", text)
    rebuilt = user.rebuild(one, family)
    findings.passed(
        "root-inconsistent", f"your amounts lead through {DEPTH} levels to the root in the file"
    )
    findings.nodes = _nodes(one, rebuilt)
    findings.scope = Scope(
        totals="not-claimed", others_non_negative="not-shown", hash_bits=HASH_BITS, levels=DEPTH
    )
    findings.details.update(
        leaf=f"{rebuilt.leaf:064x}",
        account_index=one.index,
        asset_slots=rebuilt.profile.slots,
        block=rebuilt.profile.block,
    )
    user.check_amounts(one, family)
    findings.passed("debt-exceeds-equity", "debt and collateral are within their bounds")
    _own_account(one, given, findings)
    _own_amounts(one, family, given, settings, findings)
    _own_values(one, family, given, settings, findings)
    proven = _along_with_set(given, findings, family)
    release = family.release(rebuilt.profile, _ranged(proven, given))
    _covered(one, family, proven, given, findings)
    sound = _say_release(release, given, findings)
    findings.lines[About.TOTALS] = (
        "not in this file; the published set (proof.csv, keys) has them: merkle-por audit DIR"
    )
    if proven is not None:
        _claim(proven, family, release, given, findings)
        compare_totals(given, findings)
        findings.about(About.INCLUDED)
    elif "totals" in given and given.source("totals") != "attestation":
        raise UsageError("totals: a user's file has none", "audit the published set")
    elif not sound and release.unsound is not None:
        findings.headlines[State.VALID] = (
            "Your account is in {possessive} tree, but the circuit behind its totals is known to "
            "be unsound."
        )
    _user_root(one, proven, given, findings)


def _ranged(proven: ProvenSet | None, given: Given) -> bool | None:
    if proven is not None:
        return proven.columns.ranged
    return True if facts.last_index(given) is not None else None


def _nodes(one: User, rebuilt: user.Rebuilt) -> list[Node]:
    nodes = [Node(0, "leaf", f"{rebuilt.leaf:064x}", _side(one.index, 0), user=one.account_hex)]
    for level, (sibling, above) in enumerate(zip(one.siblings, rebuilt.nodes, strict=True)):
        other = "left" if one.index >> level & 1 else "right"
        nodes.append(Node(level, "sibling", f"{sibling:064x}", other))
        last = level == DEPTH - 1
        side = None if last else _side(one.index, level + 1)
        nodes.append(Node(level + 1, "root" if last else "rebuilt", f"{above:064x}", side))
    return nodes


def _side(index: int, level: int) -> str:
    return "right" if index >> level & 1 else "left"


def _own_account(one: User, given: Given, findings: Findings) -> None:
    """The id that the caller knows: a hash (reduced, as the tree does), or HTX's user id."""
    known = given.hash("account")
    wanted = None if known is None else int(known, 16) % MODULUS
    uid = given.text("user_id") if "user_id" in given.facts else None
    if uid is not None:
        wanted = int.from_bytes(hashlib.sha256(uid.encode()).digest()) % MODULUS
    if wanted is None:
        findings.compare("AccountIdHash", "the id of your own account, if you can derive it")
        return
    findings.check(
        wanted == one.account,
        "user-id",
        "the file is for your account",
        "the file is for another account",
        expected=f"{wanted:064x}",
        computed=one.account_hex,
    )


def _user_config(given: Given, family: Family) -> Config | None:
    document = given.file("config")
    if document is None:
        return None
    settings = config.parse(document, family)
    config.check_symbols(settings)  # two assets of one name would be one in the balances
    return settings


def _family_of(settings: Config, family: Family, given: Given) -> Family:
    """The family with the slots and tiers that the published config shows, where none is given."""
    if settings.tiers and facts.tiers(given) is None:
        family = replace(
            family,
            profiles=tuple(
                dict.fromkeys(
                    replace(p, tiers=tuple(sorted(settings.tiers))) for p in family.profiles
                )
            ),
        )
    return family.with_slots_too(settings.assets[-1].index + 1)


def _own_amounts(
    one: User, family: Family, given: Given, settings: Config | None, findings: Findings
) -> None:
    names = ("balance",) if family.assets is Assets.ABSOLUTE else family.keys.asset_keys
    naming = _naming(family, given, settings)
    balances: dict[str, Decimal] = {}
    listed = []
    labels = [name.lower() for name in names]
    for index, row in one.assets.items():
        symbol = naming.symbols.get(index) if naming is not None else None
        units = row[0] - (row[1] if len(row) > 1 else 0)
        if naming is None:
            balances[f"asset {index}"] = Decimal(units)
        elif symbol is not None:
            balances[symbol.upper()] = naming.amount(index, units)
        elif any(row):
            raise Invalid("unknown-coin", f"the published list has no asset {index}")
        # else a row of nothing that fills a tier: its slot may be a reserved one, left out of lists
        texts = dict(zip(labels, map(str, row), strict=True))
        listed.append({"index": index, "symbol": symbol, **texts})
    if naming is None:
        findings.details["own_notes"] = [UNITS]
    else:
        _say_scale(naming, one.assets, findings)
    findings.account = Account(one.account_hex, balances)
    totals = ("total_equity", "total_debt", "total_collateral")
    findings.details["own_assets"] = listed
    findings.details["own_values"] = {
        name: str(value) for name, value in zip(totals, one.values, strict=False)
    }


def _own_values(
    one: User, family: Family, given: Given, settings: Config | None, findings: Findings
) -> None:
    """Total equity and debt from amounts and prices, where prices are at hand."""
    if not family.priced:
        return
    prices = facts.prices(given)
    if settings is not None:
        published = {asset.index: asset.price for asset in settings.assets}
        if prices is not None and any(published.get(i) != p for i, p in prices.items()):
            raise UsageError("prices and config contradict each other")
        prices = published
    if prices is None:
        findings.warn(
            "values-not-recomputed",
            "Without prices, total equity and debt were taken as given (--given config=...).",
        )
        return
    user.check_values(one, prices)
    findings.passed("value-mismatch", "total equity and debt fit the published prices")


def _along_with_set(given: Given, findings: Findings, family: Family) -> ProvenSet | None:
    """The published set that the caller gave along with a user's file, checked in full."""
    document = given.file("proof")
    if document is None:
        return None
    proven = sets.check(document, family, given, findings)
    findings.about(About.INCLUDED)
    return proven


def _covered(
    one: User, family: Family, proven: ProvenSet | None, given: Given, findings: Findings
) -> None:
    """The account is one of those that the proofs cover (v3: else it would be in no total)."""
    if family.assets is not Assets.ROWS:
        return
    if proven is not None and not proven.columns.ranged:
        return  # v2 builds the tree from its batches: every account in it is covered
    bounds = [facts.last_index(given), proven.last_index if proven is not None else None]
    known = [bound for bound in bounds if bound is not None]
    if not known:
        findings.warn(*HIDDEN)
        return
    findings.check(
        one.index <= min(known),
        "index-range",
        "your account is one of those that the proofs cover",
        "your account is in the tree but in no proof: its balance is in no total",
        about=About.INCLUDED,
        expected=f"at most {min(known)}",
        computed=str(one.index),
    )


def _user_root(one: User, proven: ProvenSet | None, given: Given, findings: Findings) -> None:
    value = f"{one.root:064x}"
    if proven is not None and proven.root != one.root:
        findings.about(About.ROOT)
        raise Invalid(
            "root-mismatch",
            "the file leads to another root than the proof set",
            expected=f"{proven.root:064x}",
            computed=value,
        )
    _anchor(value, proven, given, findings)


# -- a published set ----------------------------------------------------------------------------


def _judge_set(document: Document, given: Given, findings: Findings, family: Family) -> None:
    if "proof" in given:
        raise UsageError("proof is a fact for a user's file, this is the proof set itself")
    findings.claims_inclusion = False
    findings.scope = Scope(
        leaf="given",
        own_balance="not-bound",
        others_non_negative="shown",
        complete="not-shown",
        hash_bits=HASH_BITS,
        levels=DEPTH,
    )
    proven = sets.check(document, family, given, findings)
    release = family.release(proven.profile, proven.columns.ranged)
    _say_release(release, given, findings)
    _claim(proven, family, release, given, findings)
    compare_totals(given, findings)
    _anchor(f"{proven.root:064x}", proven, given, findings)


def _claim(
    proven: ProvenSet, family: Family, release: Release, given: Given, findings: Findings
) -> None:
    """Totals, symbols, keys: everything that a checked set says, but its root."""
    _say_totals(proven, family, given, findings)
    _say_symbols(proven, given, findings)
    hold = release.totals_hold and _unsound(release, given) is None and proven.anchored
    findings.totals_claim = Totals.HOLDS if hold else Totals.BOUND
    if not proven.proven and given.flag("skip_snark"):
        findings.unconfirmed(
            "proofs-skipped",
            "the zk proofs were left out: hashes, chain and totals agree, nothing is proven",
            about=About.PROOF,
        )
    for key in proven.keys:
        if not key.anchored:
            which = "the verifying key" if key.tier is None else f"the key of tier {key.tier}"
            findings.unconfirmed(
                "key-not-pinned",
                f"{which} is confirmed by nobody (--given vk_sha256=HEX); its SHA-256 is "
                f"{key.sha256}",
                about=About.PROOF,
            )
            findings.compare(f"SHA-256 of {which}: {key.sha256}", "what others see")
    _say_headlines(proven, _unsound(release, given), findings)


def _say_headlines(proven: ProvenSet, unsound: str | None, findings: Findings) -> None:
    if unsound is not None and proven.proven:
        text = "Proof verified, circuit known to be unsound: {possessive} totals can be forged."
        findings.headlines[State.VALID] = text
        findings.headlines[State.UNCONFIRMED] = text
    elif not proven.proven:
        findings.headlines[State.UNCONFIRMED] = (
            "{possessive} published figures agree with each other; the zk proofs were left out."
        )
    elif not proven.anchored:
        first = next(key for key in proven.keys if not key.anchored)
        findings.headlines[State.UNCONFIRMED] = (
            "Every proof verifies, but is the verifying key the one {name} published? Its SHA-256 "
            f"is {first.sha256}."
        )


def _say_totals(proven: ProvenSet, family: Family, given: Given, findings: Findings) -> None:
    settings = proven.config
    naming = _naming(family, given, settings)
    assert naming is not None
    rows = []
    published: dict[str, Decimal] = {}
    used: dict[int, object] = {}
    for asset in settings.assets:
        if asset.is_reserved:
            continue
        units = asset.equity - asset.debt
        published[asset.symbol.upper()] = naming.amount(asset.index, units)
        if asset.equity:
            used[asset.index] = asset.symbol
        names = ("loan", "margin", "portfolio_margin")
        rows.append(
            {
                "index": asset.index,
                "symbol": asset.symbol,
                "equity": naming.amount(asset.index, asset.equity),
                "debt": naming.amount(asset.index, asset.debt),
                "collateral": {
                    name: naming.amount(asset.index, value)
                    for name, value in zip(names, asset.collaterals, strict=False)
                },
                "price": str(asset.price),
            }
        )
    findings.published = published
    _say_scale(naming, used, findings)
    findings.details.update(
        assets=rows,
        batches=proven.batches,
        asset_slots=proven.profile.slots,
        block=proven.profile.block,
        verifying_keys=[
            {"tier": key.tier, "sha256": key.sha256, "from_outside": key.anchored}
            for key in proven.keys
        ],
        facts=_facts_for_users(proven),
    )
    findings.details["counts"] = {"batches": proven.batches, "assets": len(rows)}
    backed = sum(1 for asset in settings.assets if any(asset.collaterals))
    more = f"; collateral in {backed} assets is in --json" if backed else ""
    findings.lines[About.TOTALS] = (
        f"{len(published)} assets, equity less debt, end the chain of {proven.batches:,} "
        f"batch{'es' if proven.batches != 1 else ''}{more}"
    )


def _facts_for_users(proven: ProvenSet) -> dict[str, Any]:
    """What an audit hands on to `verify --attestation`: see attestation.py."""
    known: dict[str, Any] = {"asset_counts": proven.profile.slots}
    if proven.last_index is not None:
        known["index_range"] = [0, proven.last_index]
    if any(asset.price for asset in proven.config.assets):
        known["prices"] = {str(a.index): str(a.price) for a in proven.config.assets}
    if proven.config.tiers:
        known["tiers"] = sorted(proven.config.tiers)
    known["symbols"] = {str(a.index): a.symbol for a in proven.config.assets}
    if proven.keys:
        known["vk_sha256"] = [key.sha256 for key in proven.keys]
    return known


def _say_symbols(proven: ProvenSet, given: Given, findings: Findings) -> None:
    """Compares the symbols with a published list; says so where there is none."""
    symbols = facts.symbols(given)
    if symbols is None:
        findings.warn(*SYMBOLS)
        return
    for asset in proven.config.assets:
        wanted = symbols.get(asset.index)
        if wanted is None and asset.is_reserved:
            continue
        if wanted is None or wanted.casefold() != asset.symbol.casefold():
            findings.about(About.TOTALS)
            raise Invalid(
                "asset-order",
                "the name of an asset is not the one in the published list",
                where=f"asset {asset.index}",
                expected=wanted,
                computed=asset.symbol,
            )
    findings.passed("asset-order", "the assets' names are those of the list", about=About.TOTALS)


def _anchor(value: str, proven: ProvenSet | None, given: Given, findings: Findings) -> None:
    """The root: compared with the one given, or proven under keys from outside."""
    proves = proven is not None and proven.anchored and not findings.violations
    if given.value("root") is not None or not proves:
        findings.published_root(value, given)
        return
    findings.root = Root(value, PROVEN_SOURCE, confirmed=True)
    text = "proven under the verifying keys that you gave"
    findings.passed("root", text, about=About.ROOT, computed=value)
