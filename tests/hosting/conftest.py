"""A public server for the tests of this folder, ended by its own process when they are done."""

from pathlib import Path

import pytest

from tests.support.visitor import served


def pytest_collection_modifyitems(items):
    # One worker runs them all: they share a server, and what they hold it to is not to be upset by each other.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("hosting"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The dashboard as `make serve` starts it."""
    with served(tmp_path_factory.mktemp("server") / "journal", GRADIENT_LAB_MAX_COST="5e9") as server:
        yield server
