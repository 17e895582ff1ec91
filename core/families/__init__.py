"""Choices of a run: one registry a file, one entry a member."""
