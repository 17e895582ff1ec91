"""Runs the sweeps of the Sweep page and caches their tables and curves of theory."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError
from core.engine.workers import cores
from core.sweeps.chunks import expected_seconds
from core.sweeps.critical_lines import Curve, lines
from core.sweeps.dispatch import run_grid
from core.sweeps.grid import Grid
from core.sweeps.maps import SweepMap
from core.sweeps.table import SweepTable
from ui.runtime import jobs, limits
from ui.runtime.progress import ProgressReporter, stop_if_superseded
from ui.runtime.services import services
from ui.text import format_duration

AUTOMATIC_SECONDS = 6.0  # expected seconds up to which a sweep starts without confirmation
LOCAL_SECONDS = 1.0  # expected seconds up to which a sweep runs in this process
PREVIEW_SECONDS = 1.5  # seconds between two previews


class SweepProgressReporter(ProgressReporter):
    """Shows how many networks are done, and previews of their map."""

    def __init__(self, slot: DeltaGenerator, on_part: Callable[[], None]):
        super().__init__(slot)
        self._on_part = on_part
        self._drawn = time.monotonic()
        self._begun = None

    def on_progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        self._begun = self._begun or (now, done)
        start, before = self._begun
        left = (now - start) * (total - done) / (done - before) if done > before else None
        words = f"{done:,} of {total:,} networks" + (
            f", about {format_duration(left)} left" if left is not None else ""
        )
        self._show(done / total, f"Training: {words}. Changing a control stops it.")
        if done and now - self._drawn >= PREVIEW_SECONDS:
            self._on_part()
            self._drawn = time.monotonic()


def check_limit(spec: SweepMap) -> None:
    """Refuses a sweep that is larger than this server allows.

    Raises:
        ConfigError: it has more networks than the limit.
    """
    limit = limits.value("MAX_SWEEP")
    if limit is not None and spec.grid.networks > limit:
        shape = f"{spec.grid.networks:,} networks"
        words = f"this server allows {limit:,} in one sweep; choose fewer values or fewer networks in a cell"
        raise ConfigError("sweep", shape, words)


def expected_duration(grid: Grid) -> float:
    """Expected seconds of a sweep on the cores of this machine."""
    alone = sum(expected_seconds(config) * len(members) for config, members in grid.groups())
    return alone if alone <= LOCAL_SECONDS else alone / cores()


def get_table(grid: Grid, reporter: SweepProgressReporter, on_table: Callable[[SweepTable], None]) -> SweepTable:
    """The table of a sweep: cached, or run now in turn with other visitors.

    Args:
        reporter: shows the progress; an exception that it raises ends the sweep.
        on_table: called with the table before it is filled.

    Raises:
        BrokenExecutor: the workers ended and could not be restarted.
        ConfigError: the cluster that the environment names does not answer.
    """

    def make() -> SweepTable:
        limits.check_work(grid.cost().multiply_adds)
        table = SweepTable(grid)
        on_table(table)
        with jobs.long_slot(reporter.on_queued, "sweep"):
            run_grid(
                grid,
                table.add,
                None if expected_duration(grid) <= LOCAL_SECONDS else services().long_executor.get(),
                reporter.on_progress,
            )
        return table

    return services().sweeps.get_or_compute(grid, make, reporter.on_shared)


def has_theory(spec: SweepMap) -> bool:
    """Returns whether all curves of theory of a map are cached."""
    return all(services().curves.get((spec, activation)) is not None for activation in spec.activations)


def get_theory(spec: SweepMap, activation: str) -> tuple[Curve, ...]:
    """The curves of theory on a map: cached, or computed in turn, which takes a second or two for depth scales."""

    def make() -> tuple[Curve, ...]:
        with jobs.short_slot(stop_if_superseded, "theory"):
            return tuple(lines(spec, activation))

    return services().curves.get_or_compute((spec, activation), make, stop_if_superseded)


def describe_failures(table: SweepTable) -> str:
    """The number of networks that failed and the reason of the first, in a sentence; empty where none failed."""
    if not table.errors:
        return ""
    first = min(table.errors)
    count = len(table.errors)
    return f"{count:,} network{'s' * (count > 1)} failed; the first of them: {table.errors[first]}"


def ran(table: SweepTable) -> np.ndarray:
    """(activations, y, x): True where a cell has run."""
    return np.all(table.done.reshape(table.grid.shape), axis=-1)
