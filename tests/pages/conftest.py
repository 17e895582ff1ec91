"""No test of a page is held to a public server's limits, unless it sets them."""

from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner

from ui.runtime import limits


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for name in limits.LIMITS:
        monkeypatch.delenv(f"GRADIENT_LAB_{name}", raising=False)


@pytest.fixture(autouse=True, scope="session")
def packages_searched_once():
    """Streamlit searches all installed packages for components in every run of a page: an eighth of a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield
