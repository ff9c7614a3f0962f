"""What differs between the exchanges and releases of this family, as data.

Sources: specs binance-zk, gate-zk, htx-zk. Numbers of asset slots and tiers are constants of the
exchanges' programs and stand in no file, so each family lists those to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from merkle_por.hashes.poseidon_bn254 import BLOCK

DEPTH = 28
MAX_ACCOUNTS = 1 << DEPTH
UINT64 = (1 << 64) - 1
INT64 = (1 << 63) - 1
VALUE_MAX = (1 << 128) - 1
MAX_SLOTS = 4096  # a bound on profiles given by hand; the largest known has 800
RESERVED = "reserved"
"""Symbol of a slot that no asset uses; it may stand several times if nothing is owed in it."""


def words(text: str) -> frozenset[str]:
    """The words of a text: lists of symbols as data."""
    return frozenset(text.split())


class Assets(Enum):
    """How a user's assets enter the leaf, and the totals the exchange's commitment."""

    FLAT = "flat"  # equity and debt of every slot: Binance v1, Gate
    ROWS = "rows"  # the listed assets, filled up to a tier: Binance v2, v3
    ABSOLUTE = "absolute"  # one unsigned value for each slot: HTX


@dataclass(frozen=True)
class Profile:
    """Constants of one release of an exchange's program.

    slots: assets in the exchange's list, reserved ones included. block: Poseidon's block width.
    tiers: sizes of a user's asset list (ROWS only), ascending.
    """

    slots: int
    block: int = BLOCK
    tiers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Release:
    """What is known of a release of an exchange's program.

    name: as in the spec. totals_hold: do verified proofs show the totals? cautions: class and text
    of what a reader must know besides. unsound: how its totals can be forged although every proof
    verifies, None where no way is known; unsound_until: the day (YYYY-MM-DD) it was repaired.
    """

    name: str
    totals_hold: bool = True
    cautions: tuple[tuple[str, str], ...] = ()
    unsound: str | None = None
    unsound_until: str | None = None


@dataclass(frozen=True)
class UserKeys:
    """Names of the members of a user's file; collateral None where there is none."""

    index: str
    account: str
    equity: str
    debt: str
    assets: str
    root: str
    path: str
    asset_keys: tuple[str, ...]  # after Index, in the order in which they are hashed
    collateral: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        names = (self.index, self.account, self.equity, self.debt, self.collateral)
        return tuple(name for name in (*names, self.assets, self.root, self.path) if name)

    @cached_property
    def asset(self) -> frozenset[str]:
        return frozenset(("Index", *self.asset_keys))


ORIGINAL_KEYS = UserKeys(
    index="AccountIndex",
    account="AccountIdHash",
    equity="TotalEquity",
    debt="TotalDebt",
    assets="Assets",
    root="Root",
    path="Proof",
    asset_keys=("Equity", "Debt"),
)
"""Of the first program of the family, Binance's; others changed what they needed."""


@dataclass(frozen=True)
class Family:
    """One code line: its layout and the profiles to try, the likeliest first.

    release: tells the release from the profile and, for a set, whether its batches state account
    ranges (None for a user's file).
    config_keys: top-level members that a config file may have besides CexAssetsInfo.
    fixed: the caller named the number of slots, so that no other one is meant.
    two_digit: symbols (lower case) whose amounts have 2 decimals instead of 8.
    two_digit_sure: those of them that every release's list has; of the others the file does not
    say which list was used. two_digit_source: where the list is from, for the reader.
    bounds_debt: does the circuit hold a user's debt against his equity (or collateral)?
    priced: are totals in the user's file sums of amount times price?
    """

    assets: Assets
    keys: UserKeys
    profiles: tuple[Profile, ...]
    release: Callable[[Profile, bool | None], Release]
    config_keys: frozenset[str]
    two_digit: frozenset[str]
    two_digit_sure: frozenset[str]
    two_digit_source: str
    bounds_debt: bool = True
    priced: bool = True
    fixed: bool = False

    def decimals(self, symbol: str, two_digit: frozenset[str] | None = None) -> int:
        """Decimals of an asset's amounts; two_digit: a list that replaces the program's."""
        return 2 if symbol.lower() in (self.two_digit if two_digit is None else two_digit) else 8

    def with_profile(self, slots: int | None, tiers: tuple[int, ...] | None) -> Family:
        """The family with the profiles narrowed to what the caller knows."""
        chosen: Iterable[Profile] = self.profiles
        if slots is not None:
            # Block widths and tiers stay to be tried: they don't follow from the slots.
            chosen = {replace(p, slots=slots): None for p in self.profiles}
        if tiers is not None:
            chosen = {replace(p, tiers=tiers): None for p in chosen}
        return replace(self, profiles=tuple(chosen), fixed=slots is not None)

    def with_slots_too(self, slots: int) -> Family:
        """The family with one more number of slots to try, after the known ones, unless the caller
        named theirs: programs grow, and a config may list every slot."""
        if self.fixed:
            return self
        more = (replace(p, slots=slots) for p in self.profiles)
        return replace(self, profiles=tuple(dict.fromkeys((*self.profiles, *more))))

    @property
    def slots_tried(self) -> tuple[int, ...]:
        """The numbers of slots to try, each once."""
        return tuple(dict.fromkeys(profile.slots for profile in self.profiles))
