"""The reserve side: address lists, ownership of their addresses, balances on chain.

Rooms: `lists/` reads the published files, `ownership/` judges the signatures in their rows,
`chains/` asks nodes for balances.
"""

from merkle_por.callable_module import make_callable

make_callable(__name__, "merkle_por.reserves.api", "reserves")
