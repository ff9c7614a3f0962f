"""Presentation: sentences, terminal text, JSON documents. All from the same results."""
