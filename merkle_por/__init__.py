"""merkle-por."""
