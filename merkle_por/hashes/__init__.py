"""Hash functions: each a readable twin and, where it pays, a kernel."""
