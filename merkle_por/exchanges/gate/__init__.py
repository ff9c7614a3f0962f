"""Gate: zk proof of reserves (its older plain Merkle files are in plain_path)."""
