"""Amounts of one asset that share everything a ratio asks about, and the rows people type.

A list of four million rows comes down to a few holdings; a typed list is one holding a row.
Source: specs/solvency-ratio.md ("Rules", "Details"), specs/onchain-balances.md (levels).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from merkle_por.documents import LIMITS, Fields, Limits
from merkle_por.errors import Invalid, Malformed
from merkle_por.reserves.lists.reading import AMOUNT_CHARS, HEIGHT_MOST
from merkle_por.reserves.lists.row import RowKind, address_key
from merkle_por.reserves.ownership.row import State as Owned


class Level(StrEnum):
    """Where an amount comes from, best first (specs/onchain-balances.md, "Trust levels")."""

    PROVED = "proved"
    OWN_NODE = "own-node"
    AGREED = "agreed"
    SINGLE_SOURCE = "single-source"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"


VERIFIED = frozenset({Level.PROVED, Level.OWN_NODE, Level.AGREED})
"""Levels that don't hang on one source (specs/solvency-ratio.md, rule 5)."""

NOT_JUDGED = "not-judged"
"""Ownership of rows whose signatures were not looked at."""
OWNERSHIP = frozenset({*(str(state) for state in Owned), NOT_JUDGED})

ROW_KEYS = (
    "asset",
    "amount",
    "status",
    "address",
    "ownership",
    "custody",
    "encumbered",
    "time",
    "height",
    "chain",
    "note",
    "source",
)
ROWS = 2_000_000
COUNT_MOST = 10**15
"""Of rows in a document of ours: a number that every reader of JSON takes."""
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True)
class Holding:
    """Some amount of one asset.

    amount: whole coins as counted, None where unknown. listed: as the list states them, None where
    it names none. ownership: a state of reserves.ownership, or not-judged. custody: held by a
    third party. encumbered: not free for customers (pledged, unspendable). time, until: UTC, of the
    first and the last block that amounts were read at.
    """

    asset: str
    amount: Decimal | None
    level: Level = Level.CLAIMED
    ownership: str = str(Owned.UNSIGNED)
    kind: RowKind | None = None
    custody: bool = False
    encumbered: bool = False
    rows: int = 1
    unknown_rows: int = 0
    address: str | None = None
    chain: str | None = None
    height: int | None = None
    time: str | None = None
    until: str | None = None
    coin: str | None = None
    listed: Decimal | None = None

    @property
    def verified(self) -> bool:
        """Whether both the balance and who controls the address are shown."""
        return self.ownership == Owned.PROVEN and self.level in VERIFIED and not self.custody


SUM_CHARS = 200
"""Longest amount in our own documents: sums of amounts are longer than their parts."""


def strict_amount(value: object, where: str, most: int = AMOUNT_CHARS) -> Decimal:
    """A decimal of a typed file: a JSON string, not negative, at most `most` characters.

    Raises Malformed bad-amount, Invalid negative-balance (for anything after one minus).
    """
    if not isinstance(value, str) or len(value) > most:
        raise Malformed("bad-amount", "not a plain decimal amount in quotes", where=where)
    if _AMOUNT.fullmatch(value.removeprefix("-")) is None:
        raise Malformed("bad-amount", f'"{value[:40]}" is not an amount', where=where)
    if value[0] == "-":
        raise Invalid("negative-balance", f"{value} is less than nothing", where=where)
    return Decimal(value)


def strict_time(value: object, where: str) -> str:
    """A UTC time, YYYY-MM-DDTHH:MM:SSZ. Raises Malformed bad-time."""
    if isinstance(value, str) and _TIME.fullmatch(value) is not None:
        try:
            datetime.strptime(value, TIME_FORMAT)
        except ValueError:
            pass
        else:
            return value
    raise Malformed("bad-time", "not a time like 2025-04-30T16:00:00Z", where=where)


def seconds_between(first: str, second: str) -> int:
    """How far two such times lie apart."""
    gap = datetime.strptime(first, TIME_FORMAT) - datetime.strptime(second, TIME_FORMAT)
    return abs(int(gap.total_seconds()))


def strict_asset(value: object, where: str) -> str:
    """The name of an asset, compared code point by code point. Raises Malformed bad-row."""
    if not isinstance(value, str) or not value or len(value) > 100:
        raise Malformed("bad-row", "not the name of an asset", where=where)
    return value


def typed_rows(items: list[object], where: str, limits: Limits = LIMITS) -> list[Holding]:
    """Rows as people type them in JSON, one holding each, in file order.

    Raises Malformed, and Invalid for negative amounts and repeated addresses.
    """
    if len(items) > ROWS:
        raise Malformed("too-big", f"{len(items)} rows", where=where)
    seen: set[tuple[str, str]] = set()
    holdings = []
    for place, item in enumerate(items):
        here = f"{where}[{place}]"
        holding = _typed_row(Fields(item, here, limits).only(*ROW_KEYS), here)
        if holding.address is not None:
            key = (holding.asset, address_key(holding.address))
            if key in seen:
                raise Invalid("duplicate-address", "an address twice for one asset", where=here)
            seen.add(key)
        holdings.append(holding)
    return holdings


def _typed_row(row: Fields, where: str) -> Holding:
    asset = strict_asset(row.get("asset"), where)
    level = _level(row)
    # A row that says of itself that nobody knows its amount needs none; any other must name it.
    value = row.members.get("amount") if level is Level.UNKNOWN else row.get("amount")
    amount = None if value is None else strict_amount(value, row.place("amount"))
    if level is Level.UNKNOWN:
        amount = None
    return Holding(
        asset=asset,
        amount=amount,
        level=level,
        ownership=_ownership(row),
        custody=_custody(row),
        encumbered=_flag(row, "encumbered"),
        unknown_rows=int(amount is None),
        address=_optional_text(row, "address"),
        chain=_optional_text(row, "chain"),
        height=row.integer("height", 0, HEIGHT_MOST)
        if row.members.get("height") is not None
        else None,
        time=strict_time(row.get("time"), row.place("time")) if "time" in row else None,
    )


def _level(row: Fields, name: str = "status") -> Level:
    value = row.members.get(name, Level.CLAIMED)
    if not isinstance(value, str) or value not in set(Level):
        raise Malformed("bad-row", "not a level of trust", where=row.place(name))
    return Level(value)


def _ownership(row: Fields) -> str:
    value = row.members.get("ownership")
    if value is None:
        return str(Owned.UNSIGNED)
    if isinstance(value, str):
        state = value.split(":", 1)[0]  # failed:class
        if state in OWNERSHIP and (state == value or state == Owned.FAILED):
            return state
    raise Malformed("bad-row", "not a verdict on ownership", where=row.place("ownership"))


def _custody(row: Fields) -> bool:
    """The custodian's name, or just whether there is one."""
    value = row.members.get("custody")
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, str):
        raise Malformed("bad-row", "not a custodian's name", where=row.place("custody"))
    return bool(value)


def _flag(row: Fields, name: str) -> bool:
    value = row.members.get(name, False)
    if not isinstance(value, bool):
        raise Malformed("bad-row", "neither true nor false", where=row.place(name))
    return value


def _optional_text(row: Fields, name: str) -> str | None:
    value = row.members.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 400):
        raise Malformed("bad-row", f"not a text for {name}", where=row.place(name))
    return value


def _optional_time(row: Fields, name: str) -> str | None:
    value = row.members.get(name)
    return None if value is None else strict_time(value, row.place(name))


def saved_holdings(top: Fields) -> list[Holding]:
    """The holdings of a document merkle-por/reserves/1. Raises Malformed, Invalid."""
    found = []
    for place, item in enumerate(top.array("holdings", high=ROWS)):
        where = f"holdings[{place}]"
        row = Fields(item, where, top.limits)
        kind = row.text("kind", 20)
        if kind not in set(RowKind):
            raise Malformed("bad-row", "not a kind of coin", where=row.place("kind"))
        value = row.get("amount")
        amount = None if value is None else strict_amount(value, row.place("amount"), SUM_CHARS)
        rows = row.integer("rows", 1, COUNT_MOST)
        listed = row.members.get("listed")
        found.append(
            Holding(
                asset=strict_asset(row.get("asset"), where),
                amount=amount,
                level=_level(row, "level"),
                ownership=_ownership(row),
                kind=RowKind(kind),
                custody=kind == RowKind.THIRD_PARTY,
                encumbered=kind == RowKind.UNSPENDABLE,
                rows=rows,
                unknown_rows=row.integer("unknown_rows", low=0, high=rows),
                chain=_optional_text(row, "network"),
                coin=_optional_text(row, "coin"),
                time=_optional_time(row, "time"),
                until=_optional_time(row, "until"),
                listed=None
                if listed is None
                else strict_amount(listed, row.place("listed"), SUM_CHARS),
            )
        )
        if amount is None and not found[-1].unknown_rows:
            raise Malformed("bad-row", "no amount, and no row that lacks one", where=where)
    return found
