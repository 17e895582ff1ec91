"""Grids of runs -> one table: thousands of networks over any settings, here or on an executor.

    python -m core.sweep spec.json out.parquet        # or out.csv

spec.json: {"base": {"activation": "tanh", "steps": 0}, "seeds": 2,
            "axes": {"init_scale": {"from": 0.5, "to": 4, "count": 30}, "bias_std": [0, 0.1, 0.2]}}
Runs on every core, or on the Dask cluster that GRADIENT_LAB_SCHEDULER names. What is done is kept beside the output
until that is written, so that the same command goes on where it was interrupted.
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
from .engine.workers import shared
from .errors import ConfigError
from .sweeps.dispatch import run
from .sweeps.files import Checkpoint, check_output, read_spec, write
from .sweeps.grid import Grid
from .sweeps.table import Table


def sweep(
    base: RunConfig,
    axes: Mapping[str, Iterable],
    seeds: int = 1,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Trains a network for every combination of the axes' values and every seed; one row each.

    Networks of one shape are trained as stacks, in chunks of half a second at most. On one machine the numbers do not
    depend on the executor or the chunks. A run that diverges or fails is a row too; only summaries are kept.

    Args:
        base: the settings that no axis changes.
        axes: field -> values, such as {"init_scale": [0.5, 1, 2], "activation": ["tanh", "relu"]}. Every field of
            RunConfig but the seed may be one (`hidden` takes shapes), and `depth` and `width` for `hidden`. With
            init="normal", init_scale is sigma_w and bias_std is sigma_b.
        seeds: networks of each combination: base.seed, base.seed + 1, ...
        executor: any concurrent.futures executor; None trains in this process. The chunk of a lost worker is tried
            once more, where the executor still takes work, and else reported in its rows.
        on_progress: called with (done, total) networks at most every 0.1 s; whatever it raises ends the sweep at once
            and goes on to the caller.

    Returns:
        The axes' values, `seed`, `Trace.summary()`, and `error`, which is missing but for a run that failed.

    Raises:
        ConfigError: axes or values that are not allowed; see `core.sweeps.grid.Grid`.
        BrokenExecutor: the executor given is broken, and takes no more work.
    """
    table = Table(Grid(base, axes, seeds))
    run(table.grid, table.add, executor, on_progress)
    return table.frame()


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.sweep", description=__doc__.splitlines()[0])
    parser.add_argument("spec", type=Path, help="JSON: an object with base, axes and seeds")
    parser.add_argument("output", type=Path, help="a file that ends in .csv or .parquet")
    options = parser.parse_args(arguments)
    try:
        check_output(options.output)
        grid = read_spec(options.spec)
        executor = shared()
        with Checkpoint(options.output, grid) as kept:
            ticker = ProgressPrinter(int(kept.table.done.sum()))
            run(grid, kept.add, executor, ticker, kept.table.done.copy())
            write(kept.table.frame(), options.output)
    except (ConfigError, OSError, BrokenExecutor) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The same command goes on from here.\n")
        return 130
    failed = len(kept.table.errors)
    words = f"; {failed:,} failed, see the column error" if failed else ""
    sys.stdout.write(f"\r{grid.networks:,} networks in {options.output}{words}\n")
    return 0


class ProgressPrinter:
    """Tells on the terminal how far a sweep is, and how long it may take."""

    def __init__(self, before: int):
        self.before, self.start = before, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        seconds = time.monotonic() - self.start
        left = seconds * (total - done) / (done - self.before) if done > self.before else float("nan")
        told = f"{left:,.0f} s left" if left == left else "..."
        sys.stdout.write(f"\r{done:,} of {total:,} networks ({done / total:.0%}), {told}   ")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
