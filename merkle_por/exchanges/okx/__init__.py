"""OKX: four generations of proofs, from a Merkle-sum path to Plonky2."""
