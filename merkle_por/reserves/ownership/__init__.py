"""Ownership signatures: does the exchange hold the key of an address in its reserve list?

`judge(row, dialect)` is the one door. Pure: no network, no files but the coin table, no state.
"""

from merkle_por.reserves.ownership.coins import Coin, coin, coins
from merkle_por.reserves.ownership.dialects import HTX, OKX, OKX_AUDIT, Dialect
from merkle_por.reserves.ownership.judge import judge
from merkle_por.reserves.ownership.row import Ownership, Row, State

__all__ = [
    "HTX",
    "OKX",
    "OKX_AUDIT",
    "Coin",
    "Dialect",
    "Ownership",
    "Row",
    "State",
    "coin",
    "coins",
    "judge",
]
