"""Bitfinex: the public balances file of 2018 (antani) and the audit of 2014 (easy-audit)."""
