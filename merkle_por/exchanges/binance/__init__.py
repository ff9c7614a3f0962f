"""Binance: zk proofs of solvency, four releases of one program."""
