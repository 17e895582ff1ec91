"""Summary of a sweep's map in numbers: shares of its cells, its best cell, and its distance from theory's line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .critical_lines import Curve, crossings
from .maps import Axis, SweepMap

LEVEL_FACTOR = 0.05  # a factor per layer so near to 1 counts as level
LEVEL_DECADES = 3.0  # decades from level beyond which a gradient counts as vanished or exploded


def axis_positions(axis: Axis, values: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
    """Positions on paper of values of an axis, by default its own: numbers, or their log10; names stand in a row."""
    values = axis.values() if values is None else values
    if not axis.numeric:
        return np.arange(len(values), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.asarray(values, float)) if axis.logarithmic else np.asarray(values, float)


def cell_edges(centers: np.ndarray) -> np.ndarray:
    """(n + 1,) half way between (n,) centers, the outer ones as far from theirs as the nearest inner ones."""
    inner = (centers[:-1] + centers[1:]) / 2
    half = np.diff(centers)[[0, -1]] / 2 if len(inner) else np.array([0.5, 0.5])
    return np.concatenate([[centers[0] - half[0]], inner, [centers[-1] + half[1]]])


class LevelShares(NamedTuple):
    """Shares of the cells that have a value."""

    vanishing: float
    level: float
    exploding: float


def level_shares(cells: np.ndarray, kind: str) -> LevelShares:
    """Shares of cells whose gradient vanishes, is level and explodes; `kind` is "factor" or "decades"."""
    values = cells[~np.isnan(cells)]
    low, high = (1 / (1 + LEVEL_FACTOR), 1 + LEVEL_FACTOR) if kind == "factor" else (-LEVEL_DECADES, LEVEL_DECADES)
    below = float((values < low).mean())
    above = float((values > high).mean())
    return LevelShares(below, max(1 - below - above, 0.0), above)


class BestCell(NamedTuple):
    """The first of the cells with the best value: its place along y and x, its value, and how many are equal to it."""

    row: int
    column: int
    value: float
    ties: int


def best_cell(cells: np.ndarray, lowest: bool) -> BestCell:
    """The cell with the lowest or highest value of (y, x); at least one has a value."""
    row, column = np.unravel_index(np.nanargmin(cells) if lowest else np.nanargmax(cells), cells.shape)
    value = float(cells[row, column])
    return BestCell(int(row), int(column), value, int((cells == value).sum()))


class TheoryDistance(NamedTuple):
    """Distance of the measured level line from theory's, in cells of the map."""

    median: float
    largest: float


def distance_to_theory(spec: SweepMap, cells: np.ndarray, lines: Sequence[Curve]) -> TheoryDistance | None:
    """The distance along x over the rows where both lines are; None where there is nothing to compare.

    Args:
        cells: (y, x) factors per layer.
        lines: theory's; the one with chi = 1 is compared.
    """
    theory = next((line for line in lines if "χ" in line.name), None)
    if theory is None or spec.x.field != "init_scale" or not spec.y.numeric or len(spec.x.values()) < 2:
        return None
    good = np.isfinite(theory.x) & np.isfinite(theory.y)
    order = np.argsort(theory.y[good], kind="stable")
    along = theory.y[good][order]
    across = axis_positions(spec.x, theory.x[good])[order]
    expected = np.interp(np.asarray(spec.y.values(), float), along, across, left=np.nan, right=np.nan)
    centers = axis_positions(spec.x)
    away = np.abs(crossings(centers, cells) - expected) / np.median(np.diff(centers))
    away = away[np.isfinite(away)]
    return TheoryDistance(float(np.median(away)), float(away.max())) if away.size else None
