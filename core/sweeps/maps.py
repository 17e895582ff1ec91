"""A sweep map: a grid over two fields, for one to three activations, with one number in every cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import RULES, Number, RunConfig
from ..errors import ConfigError
from .grid import Grid, make_range
from .table import SweepTable

MAX_ACTIVATIONS = 3  # maps side by side

# The numeric fields that an axis may have, with their default range: (from, to, count, logarithmic).
DEFAULT_RANGES: dict[str, tuple[float, float, int, bool]] = {
    "init_scale": (0.5, 3, 26, False),
    "bias_std": (0, 1, 21, False),
    "depth": (2, 50, 17, False),
    "width": (4, 128, 11, True),
    "learning_rate": (0.001, 10, 17, True),
    "clip_threshold": (0.001, 10, 17, True),
    "steps": (1, 300, 9, True),
    "samples": (16, 512, 6, True),
    "noise": (0, 0.5, 11, False),
    "momentum": (0, 0.95, 20, False),
    "l1": (1e-5, 0.1, 9, True),
    "l2": (1e-5, 0.1, 9, True),
    "weight_decay": (1e-4, 10, 11, True),
    "max_norm": (0.25, 4, 9, True),
}
# The fields whose values are names: each name is a row or column.
CATEGORICAL_FIELDS = ("init", "optimizer", "clip", "normalization", "residual")
FIELDS = (*DEFAULT_RANGES, *CATEGORICAL_FIELDS)
AXIS_COUNT = Number(1, 80, integer=True)  # values of an axis; a screen has no room for more


@dataclass(frozen=True)
class Axis:
    """One axis of a map.

    Attributes:
        field: a name of FIELDS.
        low, high, count, log: range of a numeric field; None for its default. Ignored by the other fields.
    """

    field: str
    low: float | None = None
    high: float | None = None
    count: int | None = None
    log: bool | None = None

    @property
    def numeric(self) -> bool:
        """True when the values are numbers."""
        return self.field in DEFAULT_RANGES

    @property
    def logarithmic(self) -> bool:
        """True when the values are spaced by equal factors."""
        return self.numeric and (DEFAULT_RANGES[self.field][3] if self.log is None else self.log)

    def values(self) -> tuple:
        """Returns the values, from low to high.

        Raises:
            ConfigError: a field that is not in FIELDS, or a range that the field does not allow.
        """
        if self.field not in FIELDS:
            raise ConfigError("axis", self.field, "an axis of a map is one of " + ", ".join(FIELDS))
        if not self.numeric:
            rule = RULES[self.field]
            return getattr(rule, "names", (False, True))
        low, high, count, _ = DEFAULT_RANGES[self.field]
        low = low if self.low is None else self.low
        high = high if self.high is None else self.high
        count = AXIS_COUNT.validate(f"count of {self.field}", count if self.count is None else self.count)
        return make_range(self.field, low, high, count, self.logarithmic)


@dataclass(frozen=True)
class SweepMap:
    """The specification of a map: two axes, and activations side by side.

    Attributes:
        base: the settings that no axis changes.
        activations: one to three; each has a map of its own.
        x, y: the axes.
        seeds: networks a cell.

    Raises:
        ConfigError: equal axes, no or too many activations; what `grid` refuses.
    """

    base: RunConfig
    activations: tuple[str, ...]
    x: Axis
    y: Axis
    seeds: int = 1

    def __post_init__(self):
        if self.x.field == self.y.field:
            raise ConfigError("y", self.y.field, "the two axes must be different fields")
        if not 1 <= len(self.activations) <= MAX_ACTIVATIONS:
            raise ConfigError("activations", list(self.activations), f"a map shows 1 to {MAX_ACTIVATIONS} of them")

    @cached_property
    def grid(self) -> Grid:
        """The grid of networks; it is validated on first use, which takes a while.

        Raises:
            ConfigError: as Grid.
        """
        axes = {"activation": self.activations, self.y.field: self.y.values(), self.x.field: self.x.values()}
        return Grid(self.base, axes, self.seeds)

    def config(self, activation: str, x: object, y: object) -> RunConfig:
        """Returns the first network of one cell."""
        grid = self.grid
        cell = [self.activations.index(activation), self.y.values().index(y), self.x.values().index(x), 0]
        return grid.config(int(np.ravel_multi_index(cell, grid.shape)))


# -- the number in a cell ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number of a network that a cell shows, summarized over its seeds.

    Attributes:
        label: its name on the page.
        field: of `Trace.summary`.
        kind: "factor" and "decades" compare gradients and have a neutral value (1, and 0); "loss" and "growth" are
            positive numbers over many decades; "share" is from 0 to 1.
    """

    label: str
    field: str
    kind: str


QUANTITIES: dict[str, Quantity] = {
    "gradient factor": Quantity(label="gradient factor per layer, step 0", field="layer_factor", kind="factor"),
    "final gradient factor": Quantity(
        label="gradient factor per layer, at the end", field="final_layer_factor", kind="factor"
    ),
    "first over last": Quantity(
        label="weight gradient of layer 1 over the output’s, step 0", field="log10_first_last", kind="decades"
    ),
    "final first over last": Quantity(
        label="weight gradient of layer 1 over the output’s, at the end", field="final_log10_first_last", kind="decades"
    ),
    "final loss": Quantity(label="loss at the end", field="final_loss", kind="loss"),
    "final accuracy": Quantity(label="accuracy at the end", field="final_accuracy", kind="share"),
    "diverged": Quantity(label="share of runs that diverged", field="diverged", kind="share"),
    "dead units": Quantity(label="share of dead units at the end", field="final_dead", kind="share"),
    "weight growth": Quantity(label="growth of the weights", field="weight_growth", kind="growth"),
}


def compute_cells(table: SweepTable, quantity: str) -> np.ndarray:
    """Returns (activations, y, x): the median over seeds, of shares the mean; NaN where no run has a value (yet).

    Factors and ratios keep the form of the summary: a factor, and the log10 of a ratio.
    """
    chosen = QUANTITIES[quantity]
    values = table.column(chosen.field).reshape(table.grid.shape)
    if not np.isnan(values).any():
        return values.mean(axis=-1) if chosen.kind == "share" else np.median(values, axis=-1)
    cells = np.full(values.shape[:-1], np.nan)
    for index in np.ndindex(cells.shape):
        present = values[index][~np.isnan(values[index])]
        if present.size:
            cells[index] = present.mean() if chosen.kind == "share" else np.median(present)
    return cells
