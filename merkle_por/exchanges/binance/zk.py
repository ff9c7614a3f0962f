"""Binance, zk proof of solvency: v1 and v1b (2022-12 to 2024-09), v2 and v3 (since) (spec
binance-zk).

The releases of a pair have the same user file; v1 and v1b differ in the hash's block width, which
the root decides, and v3 states in its proof table which accounts each batch covers.
"""

from __future__ import annotations

from dataclasses import replace

from merkle_por.documents import Document
from merkle_por.exchanges._gnark_por.facts import FACTS
from merkle_por.exchanges._gnark_por.family import (
    ORIGINAL_KEYS,
    Assets,
    Family,
    Profile,
    Release,
    words,
)
from merkle_por.exchanges._gnark_por.judge import CANNOT, DUMMIES, judge
from merkle_por.exchanges._gnark_por.recognising import (
    is_set,
    is_user_file,
    leads_to_root,
    nearest,
    user_items,
)
from merkle_por.hashes.poseidon_bn254 import BLOCK, BLOCK_V1B
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import Totals

SLOTS_V1 = 350
SLOTS_V2 = 500
TIERS = (50, 500)
REPAIRED = "2023-02-14"
"""Commit f71f1e1: from then on the circuit checks the range of BasePrice."""

# Symbols with 2 decimals: v1 at f983ac0, v1b at 5dc6a29; the longer list at de794a4, 9a3e5b7.
TWO_DIGIT_V1 = words("bttc shib lunc xec win bidr spell hot doge pepe")
TWO_DIGIT_V2 = TWO_DIGIT_V1 | words(
    "floki idrt dogs bonk 1000sats neiro 1000pepper not nft bome 1mbabydoge hmstr wlfi pump "
    "monky 1000cheems idr"
)
_CONFIG = frozenset(("ProofTable", "ZkKeyName"))


def _release_v1(profile: Profile, ranged: bool | None) -> Release:
    if profile.block == BLOCK_V1B:
        return Release("v1b", cautions=(DUMMIES,))
    return Release(
        "v1",
        cautions=(DUMMIES,),
        unsound=f"until {REPAIRED} it did not check the range of prices, so that an account could "
        "cover any debt with next to nothing. If the snapshot is later, say so: "
        "--given snapshot_date=YYYY-MM-DD",
        unsound_until=REPAIRED,
    )


def _release_v2(profile: Profile, ranged: bool | None) -> Release:
    if ranged:
        return Release("v3")
    caution = (
        "collateral-not-proven",
        "The circuit of v2 (to 2026-05) leaves the tiers of collateral to the prover's choice: "
        "that each account's debt is covered is not proven.",
    )
    name = "v2 or v3" if ranged is None else "v2"
    return Release(name, totals_hold=False, cautions=(caution,) if ranged is False else ())


V1 = Family(
    assets=Assets.FLAT,
    keys=ORIGINAL_KEYS,
    profiles=(Profile(SLOTS_V1, BLOCK), Profile(SLOTS_V1, BLOCK_V1B)),
    release=_release_v1,
    config_keys=_CONFIG,
    two_digit=TWO_DIGIT_V1,
    two_digit_sure=TWO_DIGIT_V1,
    two_digit_source="Binance's list of 2023",
)
V2 = Family(
    assets=Assets.ROWS,
    keys=replace(
        ORIGINAL_KEYS,
        collateral="TotalCollateral",
        asset_keys=("Equity", "Debt", "Loan", "Margin", "PortfolioMargin"),
    ),
    profiles=(Profile(SLOTS_V2, BLOCK, TIERS),),
    release=_release_v2,
    config_keys=_CONFIG | {"AssetsCountTiers"},
    two_digit=TWO_DIGIT_V2,
    two_digit_sure=TWO_DIGIT_V1,
    two_digit_source="Binance's list of 2026-05",
)


def _recognises_v1(document: Document) -> bool:
    if user_items(document, V1.keys) == []:
        # A list without assets is HTX's as well: the hash decides, where it can.
        from merkle_por.exchanges.htx.zk import HTX

        return leads_to_root(document, V1) or not leads_to_root(document, HTX)
    return is_user_file(document, V1) or is_set(document, V1)


def _recognises_v2(document: Document) -> bool:
    return is_user_file(document, V2) or is_set(document, V2)


def _judge_v1(document: Document, given: Given, findings: Findings) -> None:
    judge(document, given, findings, V1)


def _judge_v2(document: Document, given: Given, findings: Findings) -> None:
    judge(document, given, findings, V2)


_WHERE = Where(
    file="binance.com, logged in: Profile > Wallet > Verification, entry "
    '"Merkle Tree + Zksnarks", download; the set (proof.csv, config.json, keys) in the archive '
    "published beside the audit",
    root="binance.com > Proof of Reserves (public page), or the last account tree root of the "
    "published set: audit it",
    certain="official programs were run on sets of our own; no published archive was at hand",
)

SCHEMES = (
    Scheme(
        id="binance-zk-v1",
        aliases=("binance-zk-v1b",),
        exchange="binance",
        exchange_name="Binance",
        title="zk proof of solvency, first generation: one user or the whole set",
        used="2022-12 to 2024-09",
        file_name="user_config.json",
        recognises=_recognises_v1,
        members=(*V1.keys.all, *V1.keys.asset_keys),
        judge=_judge_v1,
        facts=FACTS,
        nearest=nearest,
        assurance=Assurance(
            included="your account, rebuilt from your amounts, is in the account tree",
            totals="equity and debt per asset are those of all accounts in the tree; before "
            "2023-02-14 they can be forged",
            cannot=(*CANNOT, "That debts are covered: coins of little worth count as cover."),
            totals_claim=Totals.HOLDS,
            totals_word="zk proof",
        ),
        where=_WHERE,
    ),
    Scheme(
        id="binance-zk-v3",
        aliases=("binance-zk-v2",),
        exchange="binance",
        exchange_name="Binance",
        title="zk proof of solvency, second generation: one user or the whole set",
        used="2024-09 to now",
        file_name="user_config.json",
        recognises=_recognises_v2,
        members=(*V2.keys.all, *V2.keys.asset_keys),
        judge=_judge_v2,
        facts=FACTS,
        nearest=lambda document: None,
        assurance=Assurance(
            included="your account, rebuilt from your amounts, is in the account tree",
            totals="equity, debt and collateral per asset are those of all covered accounts",
            cannot=(*CANNOT, "That debts are covered, in sets before 2026-05."),
            totals_claim=Totals.HOLDS,
            totals_word="zk proof",
        ),
        where=_WHERE,
    ),
)
