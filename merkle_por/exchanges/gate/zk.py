"""Gate, zk proof of reserves (spec gate-zk): Binance's first generation with its circuit repaired,
other key names and more asset slots."""

from __future__ import annotations

from merkle_por.documents import Document
from merkle_por.exchanges._gnark_por.facts import FACTS
from merkle_por.exchanges._gnark_por.family import (
    Assets,
    Family,
    Profile,
    Release,
    UserKeys,
    words,
)
from merkle_por.exchanges._gnark_por.judge import CANNOT, DUMMIES, judge
from merkle_por.exchanges._gnark_por.recognising import is_set, is_user_file
from merkle_por.scheme import Assurance, Findings, Given, Scheme, Where
from merkle_por.verdict import Totals

# 800 at 87db18df (2026-06), 350 in 2023; it grew in between and may grow on. One only matches.
SLOTS = (800, 350, 400, 450, 500, 550, 600, 650, 700, 750, 850, 900, 1000)
# At 87db18df; older commits have fewer.
TWO_DIGIT = words(
    "1cat aidoge ake akita apepe apu atlas axl babydoge bgsc bidr bitboard bome bonk brise btt "
    "bttc cat cheems coq dbc dog doge dogelonmars dogs dsd elon floki funtoken gf hippo hmstr "
    "hot htx kct kick kishu ladys lai lever lobo love lunc maga mog moodengeth myria natix "
    "neiro neirocto nft omi peipei pepe pepper pig ptb pump qubic raca rats reef rektcoin sats "
    "say shib sidus snek spell supra tag toshi troll turbo vinu vra wen wgrt why win wkc wojak "
    "wuf x xec xen xpin zbai zbcn"
)


def _release(profile: Profile, ranged: bool | None) -> Release:
    return Release(f"{profile.slots} slots", cautions=(DUMMIES,))


GATE = Family(
    assets=Assets.FLAT,
    keys=UserKeys(
        index="Arrangement",
        account="UniqueIdentification",
        equity="TotalAssetEquity",
        debt="TotalAssetDebt",
        assets="AssetDetails",
        root="TreeRootHash",
        path="MerkleProofEncode",
        asset_keys=("Equity", "Debt"),
    ),
    profiles=tuple(Profile(slots) for slots in SLOTS),
    release=_release,
    config_keys=frozenset(("ProofCsv", "ZkKeyVKDirectoryAndPrefix")),
    two_digit=TWO_DIGIT,
    two_digit_sure=frozenset(),
    two_digit_source="Gate's list of 2026-06",
)


def _recognises(document: Document) -> bool:
    return is_user_file(document, GATE) or is_set(document, GATE)


def _judge(document: Document, given: Given, findings: Findings) -> None:
    judge(document, given, findings, GATE)


SCHEME = Scheme(
    id="gate-zk",
    exchange="gate",
    exchange_name="Gate",
    title="zk proof of reserves, one user or the whole set",
    used="2023 to now",
    file_name="user_config.json",
    recognises=_recognises,
    members=(*GATE.keys.all, *GATE.keys.asset_keys),
    judge=_judge,
    facts=FACTS,
    assurance=Assurance(
        included="your account, rebuilt from your amounts, is in the account tree",
        totals="equity and debt per asset are those of all accounts in the tree",
        cannot=(*CANNOT, "That debts are covered: coins of little worth count as cover."),
        totals_claim=Totals.HOLDS,
        totals_word="zk proof",
    ),
    where=Where(
        file="gate.com, logged in: Proof of Reserves > My Audits, download; the set (proof.csv, "
        "cex_config.json, key) in the archive of the audit",
        root="the set's last account tree root: audit it, or see what others published",
        certain="official program and its samples were run; menus not seen",
    ),
)
