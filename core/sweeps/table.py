"""The results of a sweep as they arrive, and the tidy table made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..comparison.arms import SHAPE
from ..config import RULES, Number
from .chunks import Chunk, ChunkResult, summary_fields
from .grid import Grid


class SweepTable:
    """The results of every network of a grid, filled chunk by chunk.

    Attributes:
        done: (networks,) True for those that have run, with or without success.
        values: (fields, networks) the summaries' numbers; NaN before, and where a run failed.
        errors: index -> the error of that run.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self.done = np.zeros(grid.networks, bool)
        self.values = np.full((len(summary_fields()), grid.networks), np.nan)
        self.errors: dict[int, str] = {}

    def add(self, chunk: Chunk, result: ChunkResult) -> None:
        """Adds the result of a chunk."""
        indices = list(chunk.indices)
        self.values[:, indices] = result.values.T
        self.errors |= {indices[i]: error for i, error in result.errors.items()}
        self.done[indices] = True

    def column(self, field: str) -> np.ndarray:
        """Returns one field of every network, (networks,), as numbers."""
        return self.values[summary_fields().index(field)]

    def to_frame(self) -> pd.DataFrame:
        """Returns one row a network, in the grid's order: the axes' values, seed, the summary, and `error`.

        A run that failed has a text in `error`, NaN for numbers, and False for `diverged`; `error` is missing in all
        other rows. `diverged_at` is NaN where nothing diverged.
        """
        grid = self.grid
        columns = {}
        after = grid.networks
        for name, values in grid.axes:
            after //= len(values)
            before = grid.networks // (after * len(values))
            columns[name] = _repeat_values(name, values, before, after)
        columns["seed"] = np.tile(np.arange(grid.base.seed, grid.base.seed + grid.seeds), grid.networks // grid.seeds)
        for field, numbers in zip(summary_fields(), self.values, strict=True):
            columns[field] = numbers == 1 if field == "diverged" else numbers
        errors = np.full(grid.networks, None, object)
        for index, error in self.errors.items():
            errors[index] = error
        return pd.DataFrame(columns | {"error": pd.Series(errors, dtype="str")}, copy=False)


def _repeat_values(name: str, values: tuple, before: int, after: int) -> pd.Series:
    """Returns an axis' values, each repeated `after` times, and the whole sequence `before` times."""
    rule = SHAPE.get(name) or RULES[name]
    if isinstance(rule, Number):
        kind = int if rule.integer and None not in values else float
    else:
        kind = bool if isinstance(values[0], bool) else object
    column = np.empty(len(values), kind)
    for i, value in enumerate(values):  # one by one: NumPy would make a matrix of tuples
        column[i] = np.nan if value is None else value
    return pd.Series(np.tile(np.repeat(column, after), before), dtype="str" if isinstance(values[0], str) else None)
