"""Threads that stand for visitors who come at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def pool():
    with ThreadPoolExecutor(24) as pool:
        yield pool
