"""A class that uses the Lab at once: so many visitors, each changing a control every few seconds.

Run with `.venv/bin/python -m benchmarks.load` from the project's root. It serves the dashboard as `make serve` does,
on a free port, and visits it over the websocket protocol. Every change is a new network, which nobody has asked for before:
training, theory and all charts are made anew. The visitors take processor time too; it is reported beside the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from dataclasses import dataclass, field

from benchmarks.visitor import Server, Visitor, served

EVERY = 6.0  # seconds from one change to the next


@dataclass
class Load:
    """What a class of visitors met with."""

    sessions: int
    seconds: list[float] = field(default_factory=list)
    asked: int = 0
    faults: list[str] = field(default_factory=list)
    late: int = 0  # changes that came after their time, because the answer before them did
    server_cpu: float = 0.0
    own_cpu: float = 0.0
    busy: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds else float("nan")

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.sessions:3d} sessions: median {self.median:5.2f} s, p95 {self.p95:5.2f} s, "
            f"{len(self.seconds)} of {self.asked} changes answered, {self.late} late, {len(self.faults)} faults; "
            f"server {self.server_cpu:.0%}, visitors {self.own_cpu:.0%} of a core; {self.busy}"
        )


async def _sit(url: str, i: int, of: int, first: float, end: float, load: Load) -> None:
    """One visitor: arrives, then changes the init scale every six seconds, never to a value seen before."""
    try:
        async with Visitor(url) as visitor:
            arrived = await visitor.visit()
            load.faults += arrived.errors
            due, k = first + EVERY * i / of, 0
            while due < end:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                load.late += time.perf_counter() - due > 0.5
                k += 1
                value = round(0.5 + 0.013 * k + 0.00017 * i, 6)
                load.asked += 1
                answer = await visitor.change(init_scale=value)
                load.seconds.append(answer.seconds)
                load.faults += answer.errors
                if not any(f"× {value:g} " in text for text in answer.texts):
                    load.faults.append(f"the answer to {value:g} shows another network")
                due = max(due + EVERY, time.perf_counter())
    except (OSError, TimeoutError, StopIteration) as error:
        load.faults.append(f"a session was lost: {type(error).__name__} {error}")


async def attend(server: Server, sessions: int, seconds: float) -> Load:
    """So many visitors for so long."""
    load = Load(sessions)
    arrival = 5 + sessions / 4  # arriving takes about twice the time of a change
    first = time.perf_counter() + arrival
    cpu, own, start = server.cpu(), time.process_time(), time.perf_counter()
    await asyncio.gather(
        *(_sit(server.url, i, sessions, first, first + seconds, load) for i in range(sessions))
    )
    spent = time.perf_counter() - start
    load.server_cpu, load.own_cpu = (server.cpu() - cpu) / spent, (time.process_time() - own) / spent
    load.busy = "load average {:.1f}, {:.1f}, {:.1f}".format(*os.getloadavg())
    return load


def measured(sessions: int, seconds: float) -> Load:
    """The same on a server of its own, so that nothing is kept from before."""
    with served() as server:
        return asyncio.run(attend(server, sessions, seconds))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 20, 30, 40, 50, 60])
    ask.add_argument("--seconds", type=float, default=120.0, help="of each class, after all have arrived")
    given = ask.parse_args()
    loads = []
    for sessions in given.sessions:
        loads.append(measured(sessions, given.seconds))
        print(loads[-1], flush=True)
        for fault in sorted(set(loads[-1].faults))[:5]:
            print("   ", fault)
    above = [load.sessions for load in loads if load.p95 > 2]
    print(f"p95 passes 2 s at {above[0]} sessions" if above else "p95 stays under 2 s")


if __name__ == "__main__":
    main()
