"""HTX (Huobi): the Merkle-sum proofs of 2022 and 2023, and the zk proofs after them."""
