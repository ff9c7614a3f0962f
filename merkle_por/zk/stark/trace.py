"""The trace of account sums, and the constraints that tie it to the totals.

Rule: specs/okx-stark-v1.md section 3. A block of `block` rows per account; block 0 is empty.
Net column t: row block-2 holds the account's net value, the rows below it that value's base-4
prefixes down to 0 in row 0 (so the value is in [0, 4^(block-2))), row block-1 the running total.
Balance column: row block-2 the amount, row block-1 the running total; any other row is free.
On the domain x = G^j, with X = x^blocks, x_f and x_l the rows of the first and last total:

  C1 (X - 1)                                              = t(x)
  C2 (x^rows - 1) / ((X - value row) (X - total row))     = d (d - 1) (d - 2) (d - 3)
  C3 (X - total row) / (x - x_l)                          = t(total) - t(before) - t(x)
  C4 (x - x_f) (x - x_l)                                  = t(x) - line through 0 and the total
  D1, D2 as C3, C4 for each balance column that is checked

with d = t(next row) - 4 t(x). Nothing ties the net value to the balances, and nothing at all is
asked of balance columns beyond the checked ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import mul

from merkle_por.errors import Invalid
from merkle_por.zk.stark.field import ELEMENT_BYTES, P, root_of_unity

NET_TERMS = 4  # C1..C4
BALANCE_TERMS = 2  # D1, D2 per checked balance column
DIGIT_BASE = 4


@dataclass(frozen=True)
class Shape:
    """Size of a trace: rows per account, rows, balance columns, how many of them are checked,
    and the blow-up of the evaluation domain. rows, block and blowup are powers of two."""

    block: int
    rows: int
    columns: int
    checked: int
    blowup: int

    @cached_property
    def blocks(self) -> int:
        """Accounts that fit, the empty one included."""
        return self.rows // self.block

    @cached_property
    def domain(self) -> int:
        """Points of the evaluation domain."""
        return self.blowup * self.rows

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of a row opened in full: t, balances, id, C1..C4, D1, D2 per checked column."""
        terms = 1 + self.columns + 1 + NET_TERMS + BALANCE_TERMS * self.checked
        return terms * ELEMENT_BYTES

    @property
    def offsets(self) -> tuple[int, int, int, int]:
        """Domain distances of the four rows opened per point: itself, next, before total, total."""
        last = self.blowup * (self.block - 1)
        return 0, self.blowup, last, last + self.blowup

    def value_index(self, account: int) -> int:
        """Domain index of the row with the value of account number `account` (from 0)."""
        return (self.block * (account + 1) + self.block - 2) * self.blowup


@dataclass(frozen=True)
class FullRow:
    """A row opened in full, as field elements."""

    net: int
    balances: list[int]
    label: int
    net_terms: list[int]
    balance_terms: list[int]


@dataclass(frozen=True)
class PartialRow:
    """A row opened for its columns alone."""

    net: int
    balances: list[int]


class Constraints:
    """The constraints for one shape and its totals, ready to be asked at many points."""

    def __init__(self, shape: Shape, total: int, totals: Sequence[int]) -> None:
        """total: sum of the net column. totals: sums of the checked balance columns (mod p)."""
        self._shape = shape
        generator = root_of_unity(shape.domain)
        stride = shape.blowup * shape.blocks
        self._generator = generator
        self._value_row = pow(generator, (shape.block - 2) * stride, P)
        self._total_row = pow(generator, (shape.block - 1) * stride, P)
        self._first = pow(generator, (shape.block - 1) * shape.blowup, P)
        self._last = pow(generator, (shape.rows - 1) * shape.blowup, P)
        span = pow(self._last - self._first, -1, P)
        self._slope = total * span % P
        self._slopes = [value * span % P for value in totals]

    def check(
        self, index: int, row: FullRow, following: int, before: PartialRow, total: PartialRow
    ) -> None:
        """All constraints at one domain index off the trace; Invalid `constraint` names the first
        that fails. following: the net column one row on."""
        shape = self._shape
        x = pow(self._generator, index, P)
        on_block = pow(x, shape.blocks, P)
        on_trace = pow(x, shape.rows, P)
        from_first, from_last = x - self._first, x - self._last
        at_value, at_total = on_block - self._value_row, on_block - self._total_row
        ends = from_first * from_last % P
        c1, c2, c3, c4 = row.net_terms
        digit = following - DIGIT_BASE * row.net
        holds = (
            (c1 * (on_block - 1) - row.net) % P == 0,
            (
                c2 * (on_trace - 1)
                - digit * (digit - 1) * (digit - 2) * (digit - 3) % P * at_value * at_total
            )
            % P
            == 0,
            (c3 * at_total - (total.net - before.net - row.net) * from_last) % P == 0,
            (c4 * ends - row.net + self._slope * from_first) % P == 0,
        )
        for number, good in enumerate(holds, 1):
            if not good:
                raise _fails(f"constraint {number} on the net values", index)
        terms = row.balance_terms
        for column, slope in enumerate(self._slopes):
            here = row.balances[column]
            step = total.balances[column] - before.balances[column] - here
            if (terms[2 * column] * at_total - step * from_last) % P:
                raise _fails(f"the running total of balance column {column + 1}", index)
            if (terms[2 * column + 1] * ends - here + slope * from_first) % P:
                raise _fails(f"the published total of balance column {column + 1}", index)

    def weights_at(self, index: int) -> int:
        """x^(3 rows) at a domain index: the second weight's factor in the linear combination."""
        return pow(self._generator, 3 * self._shape.rows * index, P)


@dataclass(frozen=True)
class Weights:
    """Challenges of the linear combination, one of each for every term: k_2m and k_2m+1."""

    plain: list[int]
    lifted: list[int]

    @classmethod
    def of(cls, drawn: Sequence[int]) -> Weights:
        """From the challenges as drawn: k_0, k_1, ..."""
        return cls(list(drawn[::2]), list(drawn[1::2]))


def _fails(what: str, index: int) -> Invalid:
    return Invalid("constraint", f"{what} does not hold", where=f"domain index {index}")


def combine(row: FullRow, weights: Weights, factor: int) -> int:
    """The linear combination of a row: sum of (k_2m + k_2m+1 factor) e_m, plus C2 as it is.

    e: net, balances, id, C1, C3, C4, then D1, D2 per checked column.
    """
    c1, c2, c3, c4 = row.net_terms
    terms = [row.net, *row.balances, row.label, c1, c3, c4, *row.balance_terms]
    if len(terms) != len(weights.plain):
        raise ValueError(f"{len(terms)} terms, {len(weights.plain)} weights")
    plain = sum(map(mul, weights.plain, terms))
    lifted = sum(map(mul, weights.lifted, terms))
    combined: int = (plain + lifted % P * factor + c2) % P
    return combined


def weight_count(shape: Shape) -> int:
    """Weights that `combine` takes: two per term, C2 apart."""
    return 2 * (shape.row_bytes // ELEMENT_BYTES - 1)
