"""Coroutines run to their end, whatever else runs in this thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def finished(coroutine):
    """The result of a coroutine, from a loop in a thread of its own: Playwright keeps one running in the test's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
