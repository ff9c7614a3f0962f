"""Exact amounts: strict decimal text to Decimal and back, sums that never round.

An amount is a `Decimal` whose arithmetic runs in the context EXACT: it traps instead of
rounding. The grammar is `-?(0|[1-9][0-9]*)(\\.[0-9]+)?` in ASCII digits; exponents, plus signs,
blanks, group marks and other scripts' digits are refused before any conversion, because the
usual readers (float, Decimal, data frame engines) accept several of them silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded

from merkle_por.documents import LIMITS, Fields
from merkle_por.errors import Malformed

Balances = Mapping[str, Decimal]
"""Amount per asset, whole coins unless a scheme says otherwise."""

EXACT = Context(prec=1000, traps=[InvalidOperation, Inexact, Rounded, Overflow])
_CUT = Context(prec=1000, rounding=ROUND_DOWN, traps=[InvalidOperation, Overflow])
ZERO = Decimal(0)
_GRAMMAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?")


def amount(
    value: object,
    where: str,
    *,
    decimals: int | None = None,
    exactly: int | None = None,
    canonical: bool = False,
    negative: bool = True,
    minus_zero: bool = False,
    max_chars: int = LIMITS.number_chars,
) -> Decimal:
    """One amount from its text in a file, whole coins.

    decimals: at most so many digits after the point. exactly: just so many.
    canonical: no trailing zero after the point. negative: whether a minus is read (a scheme then
    judges it as negative-balance); minus zero is refused unless minus_zero.
    Raises Malformed: wrong-type (not a text), bad-amount.
    """
    if not isinstance(value, str):
        raise Malformed("wrong-type", "an amount must be a decimal in quotes", where=where)
    match = _GRAMMAR.fullmatch(value) if len(value) <= max_chars else None
    if match is None:
        raise Malformed("bad-amount", f'"{value[:40]}" is not a plain decimal amount', where=where)
    places = len(match.group(1) or "")
    if exactly is not None and places != exactly:
        raise Malformed(
            "bad-amount", f'"{value[:40]}" does not have {exactly} decimals', where=where
        )
    if decimals is not None and places > decimals:
        raise Malformed(
            "bad-amount", f'"{value[:40]}" has more than {decimals} decimals', where=where
        )
    if canonical and places and value.endswith("0"):
        raise Malformed("bad-amount", f'"{value[:40]}" ends in a zero after the point', where=where)
    number = Decimal(value)
    if value.startswith("-") and not ((number or minus_zero) and negative):
        raise Malformed("bad-amount", f'"{value[:40]}" has a minus', where=where)
    return number


def amounts(fields: Fields, **rules: bool | int | None) -> dict[str, Decimal]:
    """All members of one JSON object as amounts (rules as in `amount`), in file order."""
    if len(fields.members) > fields.limits.assets:
        raise Malformed("too-big", f"{len(fields.members)} assets", where=fields.where)
    return {
        asset: amount(value, fields.place(asset), **rules)  # type: ignore[arg-type]
        for asset, value in fields.members.items()
    }


def add(left: Decimal, right: Decimal) -> Decimal:
    """left + right, exactly."""
    return EXACT.add(left, right)


def add_balances(left: Balances, right: Balances) -> dict[str, Decimal]:
    """Sum per asset over the union of assets: left's order first, then right's new ones."""
    total = dict(left)
    for asset, value in right.items():
        total[asset] = EXACT.add(total[asset], value) if asset in total else value
    return total


def total(items: Iterable[Decimal]) -> Decimal:
    """Exact sum."""
    result = ZERO
    for item in items:
        result = EXACT.add(result, item)
    return result


def cut(value: Decimal, decimals: int) -> Decimal:
    """`value` cut toward zero to `decimals` places; never minus zero."""
    result = value.quantize(Decimal(1).scaleb(-decimals), context=_CUT)
    return result if result else abs(result)


def plain(value: Decimal) -> str:
    """Decimal text without exponent, digits as they are: 1.50 -> "1.50"."""
    return format(value, "f")


def grouped(value: Decimal) -> str:
    """As `plain`, with commas for thousands, for people to read: "1,234.50"."""
    whole, _, decimals = plain(value).partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = f"{int(whole.lstrip('-')):,}" if len(whole) < 4000 else whole.lstrip("-")
    return f"{sign}{digits}.{decimals}" if decimals else f"{sign}{digits}"


def stripped(value: Decimal) -> str:
    """Decimal text without exponent or trailing zeros: 1.50 -> "1.5", 0.00 -> "0"."""
    text = plain(value)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def fixed(value: Decimal, decimals: int) -> str:
    """Decimal text cut toward zero to exactly `decimals` places: 1.5 -> "1.50000000"."""
    return plain(cut(value, decimals))


def same(left: Balances, right: Balances) -> bool:
    """Equal amounts for all assets; an asset on one side only counts as zero on the other."""
    return all(left.get(asset, ZERO) == right.get(asset, ZERO) for asset in {*left, *right})


def negatives(balances: Balances) -> dict[str, Decimal]:
    """The assets with an amount below zero."""
    return {asset: value for asset, value in balances.items() if value < 0}


def texts(balances: Balances) -> dict[str, str]:
    """Amounts as decimal text, for JSON documents."""
    return {asset: plain(value) for asset, value in balances.items()}
