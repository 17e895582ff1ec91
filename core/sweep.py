"""Grids of runs as one table: thousands of networks over any settings, in this process or on an executor.

    python -m core.sweep spec.json out.parquet        # or out.csv

spec.json: {"base": {"activation": "tanh", "steps": 0}, "seeds": 2,
            "axes": {"init_scale": {"from": 0.5, "to": 4, "count": 30}, "bias_std": [0, 0.1, 0.2]}}
Runs on every core, or on the Dask cluster that GRADIENT_LAB_SCHEDULER names. Finished runs are stored beside the output
until the output is written, so that the same command resumes an interrupted sweep.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

import pandas as pd

from .config import RunConfig
from .engine.training import Progress
from .engine.workers import LazyExecutor
from .errors import ConfigError
from .sweeps.dispatch import run_grid
from .sweeps.files import Checkpoint, check_output, read_spec, write_table
from .sweeps.grid import Grid
from .sweeps.table import SweepTable


def sweep(
    base: RunConfig,
    axes: Mapping[str, Iterable],
    seeds: int = 1,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Trains a network for every combination of the axes' values and every seed; one row each.

    Networks of one shape are trained as stacks, in chunks of at most half a second. On one machine the numbers do not
    depend on the executor or the chunks. A run that diverges or fails has a row too; only summaries are stored.

    Args:
        base: the settings that no axis changes.
        axes: field -> values, such as {"init_scale": [0.5, 1, 2], "activation": ["tanh", "relu"]}. Every field of
            RunConfig but the seed may be one (`hidden` takes shapes), and `depth` and `width` for `hidden`. With
            init="normal", init_scale is sigma_w and bias_std is sigma_b.
        seeds: networks of each combination: base.seed, base.seed + 1, ...
        executor: any concurrent.futures executor; None trains in this process. The chunk of a lost worker is tried
            once more if the executor still accepts work; otherwise its rows report the loss.
        on_progress: called with (done, total) networks at most every 0.1 s; an exception that it raises ends the sweep
            at once and reaches the caller.

    Returns:
        The axes' values, `seed`, `Trace.summary()`, and `error`, which is missing unless the run failed.

    Raises:
        ConfigError: axes or values that are not allowed; see `core.sweeps.grid.Grid`.
        BrokenExecutor: the executor is broken and accepts no more work.
    """
    table = SweepTable(Grid(base, axes, seeds))
    run_grid(table.grid, table.add, executor, on_progress)
    return table.to_frame()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.sweep", description=__doc__.splitlines()[0])
    parser.add_argument("spec", type=Path, help="JSON: an object with base, axes and seeds")
    parser.add_argument("output", type=Path, help="a file that ends in .csv or .parquet")
    options = parser.parse_args(arguments)
    try:
        check_output(options.output)
        grid = read_spec(options.spec)
        executor = LazyExecutor().get()
        with Checkpoint(options.output, grid) as checkpoint:
            printer = ProgressPrinter(int(checkpoint.table.done.sum()))
            run_grid(grid, checkpoint.add, executor, printer, checkpoint.table.done.copy())
            write_table(checkpoint.table.to_frame(), options.output)
    except (ConfigError, OSError, BrokenExecutor) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again to resume.\n")
        return 130
    failed = len(checkpoint.table.errors)
    failures = f"; {failed:,} failed, see the column error" if failed else ""
    sys.stdout.write(f"\r{grid.networks:,} networks in {options.output}{failures}\n")
    return 0


class ProgressPrinter:
    """Prints the progress of a sweep and the time it may still take."""

    def __init__(self, done_before: int):
        self.done_before = done_before
        self.start = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        seconds = time.monotonic() - self.start
        new = done - self.done_before
        remaining = f"{seconds * (total - done) / new:,.0f} s left" if new > 0 else "..."
        sys.stdout.write(f"\r{done:,} of {total:,} networks ({done / total:.0%}), {remaining}   ")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
