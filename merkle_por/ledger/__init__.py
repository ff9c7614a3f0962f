"""Whole-ledger audits: packed rows, tree levels, and the auditors on top of them."""
