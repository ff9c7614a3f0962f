"""The reserve side: address lists, ownership of their addresses, balances on chain.

Rooms: `lists/` reads the published files, `ownership/` judges the signatures in their rows,
`chains/` asks nodes for balances.
"""
