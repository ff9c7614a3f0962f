"""Text encodings of addresses and keys, one small module each; no keys, no coins, no verdicts."""
