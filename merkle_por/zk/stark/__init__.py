"""A STARK of account sums: Keccak Merkle commitments, FRI, and a trace of balances in digits.

Rule: specs/okx-stark-v1.md sections 1, 3 and 4. The layers, from the ground up: `field`,
`commitment` (permuted Merkle trees and compressed openings), `transcript` (what is drawn from
hashes), `fri` (low degree), `trace` (the constraints on sums), `proof` (the whole check).

THIS PROOF SYSTEM DOES NOT BIND ITS PROVER. The points at which FRI looks are fixed before its
later layers are committed, and the weights of the constraints hang on the nonce alone (section 8
of the spec, both shown with forged files). Passing `proof.verify` therefore says that a proof is
consistent with the totals, never that the totals are true.
"""
