"""A class that uses the Lab at once: so many visitors, each changing a control every few seconds.

Run with `.venv/bin/python -m benchmarks.load` from the project's root. It serves the dashboard as `make serve` does,
on a free port, and visits it over the websocket protocol. Every change is one that nobody has made before, of the init
scale and of the learning rate in turn: training and all charts are made again, and with another init scale the theory.
What the server with its workers, the visitors and other programs took of the processor is reported too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import time
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path

from tests.support.visitor import PRESSED, Server, Visitor, served

EVERY = 6.0  # seconds from one change to the next
# The Lab's own network 2,500 times: the most networks, and nearly the most work, that a public server allows.
SWEEP = (
    "activations=sigmoid&x=init_scale&x_from=0.5&x_to=4&x_count=50&y=learning_rate&y_from=0.001&y_to=1&y_count=50"
    "&per_cell=1&base=depth%3D10"
)


@dataclass
class Load:
    """Waiting times and failures of a class of visitors."""

    sessions: int
    seconds: list[float] = made(default_factory=list)
    asked: int = 0
    faults: list[str] = made(default_factory=list)
    late: int = 0  # changes that came after their time, because the answer before them did
    server_cpu: float = 0.0  # cores that the server and its workers took, on average
    own_cpu: float = 0.0
    started: float = 0.0  # seconds from the start of the server until it was healthy
    other_cpu: float = 0.0

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
            f"cores taken: server {self.server_cpu:.2f}, visitors {self.own_cpu:.2f}, others {self.other_cpu:.2f}"
        )


async def _sit(url: str, i: int, first: float, end: float, load: Load, least: float) -> None:
    """One visitor: arrives, then changes the init scale every six seconds, never to a value seen before."""
    try:
        await asyncio.sleep(random.Random(i).uniform(0, max(0.0, first - 5 - time.perf_counter())))
        async with Visitor(url) as visitor:
            arrived = await visitor.visit()
            load.faults += arrived.errors
            # At times of their own, as people do: sometimes several at once, sometimes nobody.
            due, k = first + random.Random(-i).uniform(0, EVERY), 0
            while due < end:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                load.late += time.perf_counter() - due > 0.5
                k += 1
                value = round(least + 0.013 * k + 0.00017 * i, 6)
                field, told = ("init_scale", f"× {value:g} ") if k % 2 else ("learning_rate", f" {value:g}, ")
                load.asked += 1
                answer = await visitor.change(**{field: value})
                load.seconds.append(answer.seconds)
                load.faults += answer.errors
                if not any(told in text for text in answer.texts):
                    load.faults.append(f"the answer to {field} {value:g} shows another network")
                due = max(due + EVERY, time.perf_counter())
    except (OSError, TimeoutError, StopIteration) as error:
        load.faults.append(f"a session was lost: {type(error).__name__} {error}")


async def attend(server: Server, sessions: int, seconds: float, first_value: float = 0.5) -> Load:
    """So many visitors for so long."""
    load = Load(sessions)
    arrival = 5 + sessions / 4  # arriving takes about twice the time of a change
    first = time.perf_counter() + arrival
    before, start = (server.cpu(), time.process_time(), busy()), time.perf_counter()
    await asyncio.gather(*(_sit(server.url, i, first, first + seconds, load, first_value) for i in range(sessions)))
    spent = time.perf_counter() - start
    load.server_cpu, load.own_cpu, everything = (
        (now - then) / spent for now, then in zip((server.cpu(), time.process_time(), busy()), before, strict=True)
    )
    load.other_cpu = everything - load.server_cpu - load.own_cpu
    return load


def busy() -> float:
    """Seconds that all cores of this machine have worked (Linux)."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def measured(sessions: int, seconds: float) -> Load:
    """The same on a server of its own, so that nothing is kept from before."""
    with served() as server:
        load = asyncio.run(attend(server, sessions, seconds))
        load.started = server.started
        return load


async def beside_a_sweep(server: Server, seconds: float) -> tuple[Load, Load]:
    """One visitor alone, and the same while another runs the largest sweep that the server allows."""
    alone = await attend(server, 1, seconds)
    async with Visitor(server.url, "sweep", SWEEP) as other:
        await other.visit()
        running = asyncio.create_task(other.replace(run_sweep=PRESSED))
        await asyncio.sleep(5)
        beside = await attend(server, 1, seconds, first_value=0.9)
        if running.done():
            beside.faults.append("the sweep ended meanwhile")
        running.cancel()
    return alone, beside


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 20, 30, 40, 50, 60])
    ask.add_argument("--seconds", type=float, default=120.0, help="of each class, after all have arrived")
    ask.add_argument("--sweep", action="store_true", help="one visitor beside another's largest sweep instead")
    given = ask.parse_args()
    if given.sweep:
        with served() as server:
            alone, beside = asyncio.run(beside_a_sweep(server, given.seconds))
        print(f"alone          {alone}\nbeside a sweep {beside}")
        print(f"the median is {beside.median / alone.median:.2f} times as long", *beside.faults)
        return
    loads = []
    for sessions in given.sessions:
        loads.append(measured(sessions, given.seconds))
        print(loads[-1], f"healthy after {loads[-1].started:.1f} s", sep="; ", flush=True)
        for fault in sorted(set(loads[-1].faults))[:5]:
            print("   ", fault)
    above = [load.sessions for load in loads if load.p95 > 2]
    print(f"p95 passes 2 s at {above[0]} sessions" if above else "p95 stays under 2 s")


if __name__ == "__main__":
    main()
