"""Memory of many runs: bounded by the chunk, apart from the traces they return.

    python -m benchmarks.memory [--runs 100,300,1000] [--steps 100]

Each line is a process of its own. "traces" are the arrays of what `train` returns, "kept" is all that is alive after
it (with their headers, and a bounded number of drawn data sets), "above" the peak over that while it ran, by
tracemalloc; "RSS" is the largest resident size of the process, its libraries included.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import resource
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.problem import SHAPES
from core import Trace, train

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss, which each system counts its own way


def arrays(traces: Sequence[Trace]) -> Iterator[np.ndarray]:
    """Everything that traces keep alive."""
    for trace in traces:
        yield from (value for value in vars(trace).values() if isinstance(value, np.ndarray))
        for W, b in trace.weights:
            yield W
            yield b


def measure(runs: int, steps: int, record_every: int) -> list[float]:
    """Megabytes of the traces' arrays, of what is alive after `train`, of the peak above that, and resident."""
    configs = replace(SHAPES["D"], runs=runs).configs(steps, record_every=record_every)
    train(configs[:1])  # loads what is loaded once
    tracemalloc.start()
    traces = train(configs)
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    sizes = {array.ctypes.data: array.nbytes for array in arrays(traces)}  # two fields may share one array
    return [count / 1e6 for count in (sum(sizes.values()), kept, peak - kept, resident)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default="100,300,1000", help="numbers of configs")
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    print(f"Runs of tanh 10x32, 64 samples, {options.steps} steps; all in MB")
    print(f"{'configs':>8}{'rows each':>11}{'traces':>9}{'kept':>9}{'above':>9}{'RSS':>9}")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        for record_every in (options.steps, 1):
            for runs in map(int, options.runs.split(",")):
                megabytes = pool.submit(measure, runs, options.steps, record_every).result()
                rows = 1 + options.steps // record_every
                print(f"{runs:8}{rows:11}" + "".join(f"{value:9.1f}" for value in megabytes), flush=True)


if __name__ == "__main__":
    main()
