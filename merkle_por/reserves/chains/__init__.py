"""Balances on their chains: who is asked, what is believed, and at which block.

`balances(rows, nodes, at)` is the door. One file per family of chains asks one node or service;
`agree` puts several answers together and gives each figure its level of trust; `http` is the only
place that talks to the network, and only to URLs that the user named.
Source: specs/onchain-balances.md.
"""

from merkle_por.reserves.chains.balances import balances
from merkle_por.reserves.chains.interface import Balance, Block, Figure, Query

__all__ = ["Balance", "Block", "Figure", "Query", "balances"]
