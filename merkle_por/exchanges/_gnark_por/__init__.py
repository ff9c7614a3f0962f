"""What the zk proofs of solvency of Binance, Gate and HTX have in common: one code family.

A user's file holds a Poseidon path of 28 levels (`user`); the published set holds a Groth16 proof
for each batch of users, chained by commitments (`audit`). What differs between exchanges and
releases is data (`family`): key names, asset slots, tiers, the hash's block width.
"""
