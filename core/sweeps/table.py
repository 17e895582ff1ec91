"""The rows of a sweep as they come in, and the tidy table they make."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..comparison.arms import SHAPE
from ..config import RULES, Number
from .chunks import Chunk, Rows, summary_fields
from .grid import Grid


class Table:
    """A place for every network of a grid, filled chunk by chunk.

    Attributes:
        done: (networks,) True for those that have run, well or not.
        values: (fields, networks) the summaries' numbers; NaN before, and where a run failed.
        errors: place -> why that run failed.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self.done = np.zeros(grid.networks, bool)
        self.values = np.full((len(summary_fields()), grid.networks), np.nan)
        self.errors: dict[int, str] = {}

    def add(self, chunk: Chunk, rows: Rows) -> None:
        """What a chunk found."""
        places = list(chunk.places)
        self.values[:, places] = rows.values.T
        self.errors |= {places[i]: error for i, error in rows.errors.items()}
        self.done[places] = True

    def column(self, field: str) -> np.ndarray:
        """One field of every network, (networks,), as numbers."""
        return self.values[summary_fields().index(field)]

    def frame(self) -> pd.DataFrame:
        """One row a network, in the grid's order: the axes' values, seed, the summary, and `error`.

        A run that failed has a text in `error`, NaN for numbers, and False for `diverged`; `error` is missing in all
        other rows. `diverged_at` is NaN where nothing diverged.
        """
        grid, columns = self.grid, {}
        after = grid.networks
        for name, values in grid.axes:
            after //= len(values)
            before = grid.networks // (after * len(values))
            columns[name] = _spread(name, values, before, after)
        columns["seed"] = np.tile(np.arange(grid.base.seed, grid.base.seed + grid.seeds), grid.networks // grid.seeds)
        for field, numbers in zip(summary_fields(), self.values, strict=True):
            columns[field] = numbers == 1 if field == "diverged" else numbers
        errors = np.full(grid.networks, None, object)
        for locate, error in self.errors.items():
            errors[locate] = error
        return pd.DataFrame(columns | {"error": pd.Series(errors, dtype="str")}, copy=False)


def _spread(name: str, values: tuple, before: int, after: int) -> pd.Series:
    """An axis' values, each repeated `after` times, and all of that `before` times."""
    rule = SHAPE.get(name) or RULES[name]
    if isinstance(rule, Number):
        kind = int if rule.integer and None not in values else float
    else:
        kind = bool if isinstance(values[0], bool) else object
    kept = np.empty(len(values), kind)
    for i, value in enumerate(values):  # one by one: NumPy would make a matrix of tuples
        kept[i] = np.nan if value is None else value
    spread = np.tile(np.repeat(kept, after), before)
    return pd.Series(spread, dtype="str" if isinstance(values[0], str) else None)
