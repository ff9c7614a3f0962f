"""HTX (Huobi), zk proof (spec htx-zk): derived from Binance's first generation, with one signed
balance for each asset.

The circuit adds signed balances but the leaf holds their absolute values: made-up accounts with
negative balances cancel what others are owed, and every proof verifies. So nothing of this format
shows totals; the official program accepts such sets (made/htx-zk/audit/unsound_negative_dummy).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from merkle_por.exchanges._gnark_por.judge import judge
from merkle_por.exchanges._gnark_por.recognising import (
    is_set,
    is_user_file,
    leads_to_root,
    user_items,
)
from merkle_por.scheme import Assurance, Fact, FactKind, Findings, Given, Scheme, Where
from merkle_por.verdict import Totals

# 174 at bc0adce, 168 in the repository's samples, 205 before.
SLOTS = (174, 168, 205)
TWO_DIGIT = words("ladys brise caw nft bonk xen lovely btt aidoge babydoge shib pepe")


def _release(profile: Profile, ranged: bool | None) -> Release:
    return Release(
        f"{profile.slots} slots",
        totals_hold=False,
        unsound="the signs of balances are in no hash, so accounts made up with negative balances "
        "cancel what customers are owed.",
    )


HTX = Family(
    assets=Assets.ABSOLUTE,
    keys=replace(ORIGINAL_KEYS, asset_keys=("Balance",)),
    profiles=tuple(Profile(slots) for slots in SLOTS),
    release=_release,
    config_keys=frozenset(("ProofTable", "ZkKeyName")),
    two_digit=TWO_DIGIT,
    two_digit_sure=TWO_DIGIT,
    two_digit_source="HTX's list of 2024-08",
    bounds_debt=False,  # the totals of a user are stated by the exchange
    priced=False,
)


def _recognises(document: Document) -> bool:
    if user_items(document, HTX.keys) == []:
        # A list without assets is Binance's as well: the hash decides, where it can.
        from merkle_por.exchanges.binance.zk import V1

        return leads_to_root(document, HTX) or not leads_to_root(document, V1)
    return is_user_file(document, HTX) or is_set(document, HTX)


def _judge(document: Document, given: Given, findings: Findings) -> None:
    judge(document, given, findings, HTX)


_FACTS: Mapping[str, Fact] = {
    **FACTS,
    "user_id": Fact(FactKind.TEXT, "your HTX user id (UID), whose hash the leaf holds"),
}

SCHEME = Scheme(
    id="htx-zk",
    exchange="htx",
    exchange_name="HTX",
    title="zk proof of one user or the whole set; its circuit is unsound",
    used="2023-09 to now",
    file_name="user_config.json",
    recognises=_recognises,
    members=(*HTX.keys.all, *HTX.keys.asset_keys),
    judge=_judge,
    facts=_FACTS,
    assurance=Assurance(
        included="your account, rebuilt from the absolute values of your amounts, is in the tree",
        totals="bound to the proofs, which can be forged with accounts of negative balance",
        cannot=(
            "That liabilities are complete: signs of balances are in no hash.",
            "Whether your own balance counts as owed to you or by you.",
            "Who was left out altogether.",
            "That the verifying key was made honestly: the exchange made it alone.",
            "Which asset a total belongs to: no hash holds the names.",
        ),
        totals_claim=Totals.BOUND,
        totals_word="UNSOUND",
    ),
    where=Where(
        file="htx.com, logged in: Assets > Proof of Reserves, download; the set (proof.csv, "
        "config.json, key) in the archive of the audit",
        root="htx.com > Proof of Reserves, the audit's own page, or the last account tree root of "
        "the published set: audit it",
        certain="official program and its samples were run; menus not seen",
    ),
)
