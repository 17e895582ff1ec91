"""No test of a page is held to a public server's limits, unless it sets them."""

import pytest

from ui.runtime import limits


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for name in limits.LIMITS:
        monkeypatch.delenv(f"GRADIENT_LAB_{name}", raising=False)
