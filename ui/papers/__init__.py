"""Sections of the Papers page."""
