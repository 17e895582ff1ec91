"""Data sets: those built in, and the visitor's own tables."""
