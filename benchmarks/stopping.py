"""Time until work ends that nobody waits for: after another change, and after the visitor has gone.

Run with `.venv/bin/python -m benchmarks.stopping` from the project's root. The server's journal says when a training
ended; the seconds run from the visitor's message, or the closing of the connection, to that line.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.support.visitor import Server, Visitor, served, trainings

LONG = "steps=200000&record_every=1000"  # minutes, unless it is stopped
PATIENT = {"GRADIENT_LAB_MAX_COST": "1e13", "GRADIENT_LAB_MAX_WORK": "1e15"}  # a server that allows it
PATIENCE = 30  # seconds in which it has to begin, and to end


def _stops(server: Server, event: str) -> list[float]:
    """When work of a kind was stopped, by the journal."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    stopped = [line for line in lines if line["event"] == event and line.get("outcome") == "stopped"]
    return [datetime.fromisoformat(line["time"]).timestamp() for line in stopped]


async def _until(server: Server, is_at_work: bool) -> None:
    """Waits until the server says that it is at work, or that it is not."""
    start = time.monotonic()
    while bool(await asyncio.to_thread(trainings, server.url)) != is_at_work:
        if time.monotonic() - start > PATIENCE:
            raise TimeoutError(f"after {PATIENCE} s the server is {'not ' * is_at_work}at work")
        await asyncio.sleep(0.05)


async def _seconds(server: Server, event: str, end, start: float = 1.0) -> float:
    """From `end()` to the end of the work that has been going on for `start` seconds."""
    before = len(_stops(server, event))
    await _until(server, True)
    await asyncio.sleep(start)
    assert len(_stops(server, event)) == before, "it ended before it was stopped"
    asked = time.time()
    await end()
    while len(found := _stops(server, event)) == before:
        if time.time() - asked > PATIENCE:
            raise TimeoutError(f"{event} still goes on {PATIENCE} s after nobody waits for it")
        await asyncio.sleep(0.05)
    return max(0.0, found[-1] - asked)


async def superseded(server: Server) -> float:
    """Seconds until a training ends after its visitor has changed a control."""
    await _until(server, False)
    async with Visitor(server.url, query=LONG) as visitor:
        await visitor.send()
        # Widgets are drawn before the training starts; their names are needed for the change.
        answer = asyncio.create_task(visitor.answer(time.perf_counter()))
        seconds = await _seconds(server, "training", lambda: visitor.send(steps=1.0))
        answer.cancel()
        return seconds


async def disconnected(server: Server, page: str = "", event: str = "training") -> float:
    """Seconds until work ends after its visitor has closed the page."""
    await _until(server, False)
    async with Visitor(server.url, page, LONG) as visitor:
        await visitor.send()
        return await _seconds(server, event, visitor.__aexit__)


def main(repeats: int = 5) -> None:
    folder = tempfile.TemporaryDirectory()
    with folder, served(Path(folder.name) / "journal", **PATIENT) as server:
        for name, ask in (
            ("another change, a run of the Lab", superseded),
            ("page closed, a run of the Lab", disconnected),
            ("page closed, a comparison on all cores", lambda s: disconnected(s, "compare", "comparison")),
        ):
            found = [asyncio.run(ask(server)) for _ in range(repeats)]
            print(f"{name}: median {statistics.median(found):.2f} s, longest {max(found):.2f} s")


if __name__ == "__main__":
    main()
