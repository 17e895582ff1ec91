"""Tables that are small and take much to read, four at once, with the health check beside."""

import asyncio
import json
import time
import urllib.request

import pytest

from tests.support.loops import finished
from tests.support.visitor import Visitor, served

pytestmark = pytest.mark.slow


def seconds_of_health(url):
    """Seconds until /healthz answers, and whether it says that all is well."""
    start = time.monotonic()
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
        return time.monotonic() - start, json.load(answer)["status"] == "ok"


# 200 names over rows of one cell each; and one cell of 4.9 MB of digits that ends as a word.
HEAVY = {
    "wide": ",".join(f"n{i}" for i in range(200)).encode() + b"\n" + b"1\n" * 100_000,
    "long": b"a,b\n" + b"9" * 4_900_000 + b"x,1\n2,3\n",
}


@pytest.mark.parametrize("kind", HEAVY)
def test_heavy_tables_take_neither_memory_nor_the_health_check(kind, tmp_path):
    async def upload(url):
        async with Visitor(url, query="dataset=custom") as stranger:
            await stranger.visit()
            return await stranger.upload("table_file", "t.csv", HEAVY[kind])

    async def attack(server):
        before, health = server.memory(), []
        files = asyncio.gather(*(upload(server.url) for _ in range(4)))
        while not files.done():
            health.append(await asyncio.to_thread(seconds_of_health, server.url))
            await asyncio.sleep(0.05)
        return health, await files, server.memory() - before

    with served(tmp_path / "log") as server:
        health, answers, grown = finished(attack(server))
    assert max(seconds for seconds, _ in health) < 3 and all(well for _, well in health)
    assert grown < 150
    assert not any(answer.errors for answer in answers)
