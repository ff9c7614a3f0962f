"""BN254 (alt_bn128): fields, groups, pairing, and the layers that carry them. Knows no exchange."""
