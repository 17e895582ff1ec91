"""Gains and costs of a sweep: processes, stacks, the size of the grid, and a Dask cluster; all as ratios.

    python -m benchmarks.sweep [--parts processes,stacks,size,dask] [--repeats 5] [--quick]

processes: two worker processes against one, by the clock. stacks: a sweep against one `train` call a network, width 16
and 32 samples, in processor time. size: processor time a network and peak memory as a grid without training grows from
100 to 100,000 networks, each size in a process of its own. dask: two Dask workers against two of the pool, by the
clock. Contestants take turns; a ratio is that of the medians, behind it that of the shortest times. Ratios by the clock
mean something on an idle machine only.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from benchmarks.timing import describe_machine, ratio, take_turns
from core import RunConfig, train
from core.engine.workers import NICENESS, Workers
from core.sweep import sweep
from core.sweeps.dispatch import run_grid
from core.sweeps.grid import Grid, make_range

TRAINED = RunConfig(samples=128, hidden=(32,) * 10, activation="tanh", steps=60)
SMALL = RunConfig(samples=32, hidden=(16,) * 10, steps=100)
START = RunConfig(samples=16, hidden=(16,) * 10, activation="tanh", steps=0)


def axes(networks: int) -> dict[str, tuple]:
    """A square grid of about so many networks."""
    side = round(networks**0.5)
    return {"init_scale": make_range("init_scale", 0.5, 3, side), "bias_std": make_range("bias_std", 0, 1, side)}


def processes(networks: int, repeats: int) -> None:
    """Two worker processes against one."""
    with Workers(1) as one, Workers(2) as two:
        contestants = {
            name: lambda pool=pool: sweep(TRAINED, axes(networks), executor=pool)
            for name, pool in (("one", one), ("two", two))
        }
        times = take_turns(contestants, repeats, time.perf_counter)
    print(f"two processes: {ratio(times['one'], times['two'])} times as fast as one")


def stacks(networks: int, repeats: int) -> None:
    """A sweep against one network after another."""
    for activation in ("relu", "tanh"):  # tanh itself takes so long that there is less to gain
        base = SMALL.replace(activation=activation)
        # no scale at which a run diverges: alone it ends there, in a stack it keeps its place to the end
        scales, biases = make_range("init_scale", 0.5, 1.4, 16), make_range("bias_std", 0, 0.5, networks // 16)
        fields = {"init_scale": scales, "bias_std": biases}
        grid = Grid(base, fields)
        contestants = {
            "stacked": partial(sweep, base, fields),
            "alone": lambda grid=grid: [train([grid.config(i)])[0].summary() for i in range(grid.networks)],
        }
        times = take_turns(contestants, repeats)
        found = ratio(times["alone"], times["stacked"])
        print(f"stacked, {activation}: {found} times as fast as one network at a time", flush=True)


def measure_size(networks: int, times: int) -> tuple[list[float], float]:
    """Processor seconds a network, and the peak of this process' memory in MB; rows are passed on and forgotten."""
    grid, seconds = Grid(START, axes(networks)), []
    run_grid(Grid(START, axes(100)), lambda chunk, rows: None)  # warm
    for _ in range(times):
        start = time.process_time()
        run_grid(grid, lambda chunk, rows: None)
        seconds.append((time.process_time() - start) / grid.networks)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def size(sizes: list[int], repeats: int) -> None:
    """Cost a network and memory as the grid grows."""
    found: dict[int, tuple[list[float], list[float]]] = {networks: ([], []) for networks in sizes}
    for _ in range(repeats):
        for networks in sizes:
            times = max(1, min(20, 5_000 // networks))
            with ProcessPoolExecutor(1, get_context("spawn")) as own:
                seconds, peak = own.submit(measure_size, networks, times).result()
            found[networks][0].extend(seconds)
            found[networks][1].append(peak)
    base = found[sizes[0]]
    print(f"{'networks':>10}{'ms a network':>15}{'over the smallest':>24}{'peak MB':>10}")
    for networks, (seconds, peaks) in found.items():
        cells = f"{1e3 * statistics.median(seconds):15.3f}{ratio(seconds, base[0]):>24}{max(peaks):10.0f}"
        print(f"{networks:10,}{cells}", flush=True)


@contextmanager
def cluster() -> Iterator[Executor]:
    """A scheduler and two workers on loopback, each a process of its own."""
    from distributed import Client

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *here, "--port", port]
    started = [subprocess.Popen([*command, "--dashboard-address", "127.0.0.1:0"], **quiet)]
    address = f"tcp://127.0.0.1:{port}"
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", *here]
    modest = lambda: os.nice(NICENESS)  # noqa: E731  as the pool's workers are
    started += [subprocess.Popen(command, preexec_fn=modest, **quiet) for _ in range(2)]
    try:
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.get_executor(pure=False)
    finally:
        for process in started:
            process.terminate()
            process.wait()


def dask(networks: int, repeats: int) -> None:
    """Two Dask workers against two of the pool."""
    with Workers(2) as pool, cluster() as executor:
        contestants = {
            "pool": lambda: sweep(TRAINED, axes(networks), executor=pool),
            "dask": lambda: sweep(TRAINED, axes(networks), executor=executor),
        }
        times = take_turns(contestants, repeats, time.perf_counter)
    print(f"two Dask workers: {ratio(times['dask'], times['pool'])} of the time of two of the pool")


PARTS = ("processes", "stacks", "size", "dask")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--quick", action="store_true", help="small grids and few turns: a look, not a measurement")
    options = parser.parse_args()
    parts = options.parts.split(",")
    for name in parts:
        if name not in PARTS:
            parser.error(f"--parts: {name} is not one of {', '.join(PARTS)}")
    repeats = 2 if options.quick else options.repeats
    print(f"BLAS: {describe_machine()}; ratio of medians (of the shortest times)", flush=True)
    if "processes" in parts:
        processes(64 if options.quick else 400, repeats)
    if "stacks" in parts:
        stacks(64 if options.quick else 256, repeats)
    if "dask" in parts:
        dask(64 if options.quick else 400, repeats)
    if "size" in parts:
        size([100, 1_000, 10_000] if options.quick else [100, 1_000, 10_000, 100_000], 1 if options.quick else 2)


if __name__ == "__main__":
    main()
