"""Merkle engines: shapes and folding of trees. They know no exchange."""
