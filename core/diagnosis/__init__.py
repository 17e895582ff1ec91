"""A trace -> what happened in it, why, and what to try."""
