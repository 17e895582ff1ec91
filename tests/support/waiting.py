"""Bounds on waiting, for tests of what visitors share."""

SOON = 30  # seconds; a limit for what happens at once, so that a deadlock fails instead of hanging


def never(*_):
    raise AssertionError("nobody should have to wait")
