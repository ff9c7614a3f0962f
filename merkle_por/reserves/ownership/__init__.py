"""Ownership signatures: does the exchange hold the key of an address in its reserve list?"""

from merkle_por.reserves.ownership.row import Ownership, Row, State

__all__ = ["Ownership", "Row", "State"]
