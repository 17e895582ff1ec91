"""What the Sweep page runs: a grid of networks, kept, run at once where that is quick, or on all cores."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import streamlit as st

from core.engine.workers import cores, shared
from core.sweeps.chunks import expected_seconds
from core.sweeps.critical_lines import Curve, lines
from core.sweeps.dispatch import run_grid
from core.sweeps.grid import Grid
from core.sweeps.maps import SweepMap
from core.sweeps.table import SweepTable
from ui.runtime import limits, sessions
from ui.runtime.sessions import LRUCache, ProgressReporter

AT_ONCE = 6.0  # seconds expected up to which a sweep starts without being asked
HERE = 1.0  # and up to which it is not worth the way to other processes
REDRAWN = 1.5  # seconds between two pictures of what there is


class SweepProgressReporter(ProgressReporter):
    """Tells a visitor how many networks are done, and shows them."""

    def __init__(self, slot, on_part: Callable[[], None]):
        super().__init__(slot)
        self._on_part, self._drawn, self._begun = on_part, time.monotonic(), None

    def on_progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        self._begun = self._begun or (now, done)
        start, before = self._begun
        left = (now - start) * (total - done) / (done - before) if done > before else None
        words = f"{done:,} of {total:,} networks" + (f", about {left:,.0f} s left" if left is not None else "")
        self._show(done / total, f"Training: {words}. A change of any control stops this.")
        if done and now - self._drawn >= REDRAWN:
            self._on_part()
            self._drawn = time.monotonic()


@st.cache_resource(show_spinner=False)
def kept() -> LRUCache[SweepTable]:
    """The tables of every visitor's sweeps."""
    return LRUCache(100, sessions.cache_budget(0.1), lambda table: table.values.nbytes)


def expected(grid: Grid) -> float:
    """Seconds that a sweep is expected to take on the cores of this machine."""
    alone = sum(expected_seconds(config) * len(members) for config, members in grid.groups())
    return alone if alone <= HERE else alone / cores()


def found(grid: Grid, reporter: SweepProgressReporter, on_table: Callable[[SweepTable], None]) -> SweepTable:
    """The table of a sweep: kept from before, or run now, in turn with other visitors.

    Args:
        notice: is told how it gets on; whatever it raises ends the sweep.
        on_table: is given the table before it is filled.

    Raises:
        BrokenExecutor: the workers are lost, and no others to be had.
        ConfigError: the cluster that the environment names does not answer.
    """

    def make() -> SweepTable:
        limits.check_work(grid.cost().multiply_adds)
        table = SweepTable(grid)
        on_table(table)
        with sessions.services().long_queue.slot(reporter.on_queued, "sweep"):
            run_grid(grid, table.add, None if expected(grid) <= HERE else shared(), reporter.on_progress)
        return table

    return kept().get_or_compute(grid, make, reporter.on_shared)


@st.cache_resource(show_spinner=False)
def drawn() -> LRUCache[tuple[Curve, ...]]:
    """The lines of theory on every visitor's maps, by map and activation."""
    return LRUCache(300, 8_000_000, lambda lines: sum(line.x.nbytes + line.y.nbytes for line in lines))


def known(chart: SweepMap) -> bool:
    """Whether all lines of a map are there already."""
    return all(drawn().get((chart, activation)) is not None for activation in chart.activations)


def theory(chart: SweepMap, activation: str) -> tuple[Curve, ...]:
    """The lines of theory on a map: kept, or computed now, which takes a second or two for a line of depth scales."""
    return drawn().get_or_compute(
        (chart, activation), lambda: tuple(lines(chart, activation)), lambda: len(st.session_state)
    )


def failed(table: SweepTable) -> str:
    """How many networks failed, and why the first did, in a sentence; empty where none did."""
    if not table.errors:
        return ""
    place = min(table.errors)
    count = len(table.errors)
    return f"{count:,} network{'s' * (count > 1)} failed; the first of them: {table.errors[place]}"


def ran(table: SweepTable) -> np.ndarray:
    """(activations, y, x): True where a cell has run."""
    return table.done.reshape(table.grid.shape).all(axis=-1)
