"""How fast the engine is: against the floor, and against peers that record the same.

    python -m benchmarks.engine [--shapes A,B,D,E] [--peers none] [--repeats 15] [--quick]

All contestants of a shape take turns in one process on one core with one BLAS thread, in float64. Times are the
processor's, so that other programs in the meantime count less. A ratio is that of
the medians of their times; behind it stands the ratio of their shortest ones, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable

from threadpoolctl import threadpool_info

from benchmarks.floor import floor
from benchmarks.problem import SHAPES, STEPS
from core import train
from core.engine import one_blas_thread

Times = dict[str, list[float]]


def take_turns(contestants: dict[str, Callable[[], object]], repeats: int) -> Times:
    """Processor seconds of each contestant, `repeats` times; every round starts with another one."""
    times: Times = {name: [] for name in contestants}
    names = list(contestants)
    for name in names:
        contestants[name]()
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            start = time.process_time()
            contestants[name]()
            times[name].append(time.process_time() - start)
    return times


def ratio(times: Times, above: str, below: str) -> str:
    """Ratio of medians, and of minima in brackets."""
    middle = statistics.median(times[above]) / statistics.median(times[below])
    return f"{middle:6.2f} ({min(times[above]) / min(times[below]):.2f})"


def describe_machine() -> str:
    """The BLAS kernel that runs, and whether somebody chose it."""
    kernels = {f"{blas['internal_api']} {blas['version']}, kernel {blas.get('architecture')}" for blas in
               threadpool_info() if blas["user_api"] == "blas"}
    chosen = [f"{name}={os.environ[name]}" for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    return "; ".join(sorted(kernels)) + (f" (set: {', '.join(chosen)})" if chosen else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", default="A,B,D,E", help="of " + ", ".join(SHAPES))
    parser.add_argument("--peers", default="none", choices=["none"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="few steps and repeats: a look, not a measurement")
    options = parser.parse_args()
    steps, repeats = (30, 3) if options.quick else (STEPS, options.repeats)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(describe_machine())
    for name in options.shapes.split(","):
        configs = SHAPES[name].configs(steps)
        with one_blas_thread:
            times = take_turns({"floor": floor(configs), "engine": lambda configs=configs: train(configs)}, repeats)
        milliseconds = 1e3 * statistics.median(times["engine"])
        print(f"{SHAPES[name].label:36} engine {milliseconds:7.1f} ms   engine/floor {ratio(times, 'engine', 'floor')}",
              flush=True)


if __name__ == "__main__":
    main()
