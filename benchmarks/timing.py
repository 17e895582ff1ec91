"""Contestants take turns in one process, and their times as ratios."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable

from threadpoolctl import threadpool_info

Times = dict[str, list[float]]


def take_turns(
    contestants: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> Times:
    """Seconds of each contestant, `repeats` times after one round that is not counted.

    Every round starts with another contestant. Garbage is collected between turns, not in them.

    Args:
        clock: processor seconds; time.perf_counter where other processes do the work.
    """
    times: Times = {name: [] for name in contestants}
    names = list(contestants)
    gc.disable()
    for turn in range(-1, repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            start = clock()
            contestants[name]()
            if turn >= 0:
                times[name].append(clock() - start)
    gc.enable()
    return times


def ratio(above: list[float], below: list[float]) -> str:
    """Ratio of the medians, and in brackets of the shortest times."""
    return f"{statistics.median(above) / statistics.median(below):.2f} ({min(above) / min(below):.2f})"


def on_one_core() -> None:
    """Keeps this process, and the threads that libraries start later, on one core where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def describe_machine() -> str:
    """The BLAS kernels that run in NumPy and SciPy, and whether somebody chose them."""
    kernels = {
        f"{blas['internal_api']} {blas['version']}, kernel {blas.get('architecture', 'unknown')}"
        for blas in threadpool_info()
        if blas["user_api"] == "blas"
    }
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS")
    chosen = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return "; ".join(sorted(kernels)) + (f" (set: {', '.join(chosen)})" if chosen else " (chosen by itself)")
