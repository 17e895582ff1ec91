"""Visitors who come, train, upload a table, compare and leave: does the server keep their memory?

Run with `make soak`, or `.venv/bin/python -m benchmarks.soak --sessions 200`. Every visitor has networks, a table and a
comparison of their own, so that nothing is found ready. What a visitor leaves is given back a while after; it fails
when the server, with nobody there, holds 100 MB more than after the first 20.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Callable

from tests.support.visitor import Server, Visitor, served

FIRST = 20  # visitors after whom everything that is loaded once has been
AT_ONCE = 4
ALLOWED = 100  # megabytes
STAYS = 2  # seconds for which a visitor who has gone is waited for; a server's own setting is a minute


def table(i: int) -> bytes:
    """A table of 200 rows that no other visitor has."""
    rows = (f"{math.sin(i + k):.6f},{math.cos(i * k):.6f},{(i + k) % 2}" for k in range(200))
    return "\n".join(("first,second,class", *rows)).encode()


async def session(url: str, i: int) -> None:
    """One visitor, from coming to leaving.

    Raises:
        AssertionError: something was not answered as it should be.
    """
    own = f"hidden=16,16,16&steps=60&init_scale={1 + i / 1000:g}"
    async with Visitor(url, query=own) as visitor:
        for answer in (await visitor.visit(), await visitor.change(learning_rate=0.02)):
            assert not answer.errors and "gradient-profile" in answer.charts, answer
    async with Visitor(url, query=f"{own}&dataset=custom") as visitor:
        await visitor.visit()
        answer = await visitor.upload("table_file", f"table-{i}.csv", table(i))
        assert not answer.errors and "gradient-profile" in answer.charts, answer
    async with Visitor(url, "compare", own) as visitor:
        answer = await visitor.visit()
        assert not answer.errors and "compare-profile" in answer.charts, answer


async def _settled(server: Server, seen: int) -> float:
    """Megabytes once those who have gone are no longer waited for."""
    await asyncio.sleep(STAYS + 1)
    await session(server.url, 1_000_000 + seen)  # Streamlit lets go of sessions when another one comes
    await asyncio.sleep(STAYS + 1)
    return server.memory()


async def soak(server: Server, more: Callable[[int], bool], report: Callable[[str], None]) -> tuple[float, float, int]:
    """Visitors one after another, four at a time, as long as `more(number so far)`.

    Returns:
        megabytes after the first 20, megabytes at the end, and how many came.
    """
    seen, first = 0, math.nan
    while more(seen):
        await asyncio.gather(*(session(server.url, seen + k) for k in range(AT_ONCE)))
        seen += AT_ONCE
        if seen == FIRST:
            first = await _settled(server, seen)
        if seen % FIRST == 0:
            report(f"{seen:5d} visitors: {server.memory():.0f} MB")
    return first, await _settled(server, seen), seen


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--minutes", type=float, default=10.0)
    ask.add_argument("--sessions", type=int, help="that many visitors instead of so many minutes")
    given = ask.parse_args()
    end = time.monotonic() + 60 * given.minutes

    def more(seen: int) -> bool:
        return seen < given.sessions if given.sessions else seen < FIRST or time.monotonic() < end

    with served(STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(STAYS)) as server:
        first, last, seen = asyncio.run(soak(server, more, lambda line: print(line, flush=True)))
    print(f"after {FIRST} visitors {first:.0f} MB, after {seen} {last:.0f} MB")
    if last - first > ALLOWED:
        sys.exit(f"the server has kept more than {ALLOWED} MB")


if __name__ == "__main__":
    main()
