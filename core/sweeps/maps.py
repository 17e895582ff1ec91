"""A map: a sweep over two fields, for one or a few activations, and one number of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import RULES, Number, RunConfig
from ..errors import ConfigError
from .grid import Grid, spaced
from .table import Table

MAX_ACTIVATIONS = 3  # beside each other

# The fields of an axis that are numbers: (from, to, count, logarithmic) where nothing else is asked for.
SUITED: dict[str, tuple[float, float, int, bool]] = {
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
# Those that are names: every one of them is a row or column.
NAMED = ("init", "optimizer", "clip", "normalization", "residual")
FIELDS = (*SUITED, *NAMED)
MOST = Number(1, 80, integer=True)  # values of an axis: a screen has no room for more


@dataclass(frozen=True)
class Axis:
    """One axis of a map.

    Attributes:
        field: a name of FIELDS.
        low, high, count, log: of a field that is a number; None for what suits it. Not used by the others.
    """

    field: str
    low: float | None = None
    high: float | None = None
    count: int | None = None
    log: bool | None = None

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.field in SUITED

    @property
    def logarithmic(self) -> bool:
        """Whether its numbers grow by equal factors."""
        return self.numeric and (SUITED[self.field][3] if self.log is None else self.log)

    def values(self) -> tuple:
        """Its values, from low to high.

        Raises:
            ConfigError: a field that is none of FIELDS, or a range it does not allow.
        """
        if self.field not in FIELDS:
            raise ConfigError("axis", self.field, "an axis of a map is one of " + ", ".join(FIELDS))
        if not self.numeric:
            rule = RULES[self.field]
            return getattr(rule, "names", (False, True))
        low, high, count, _ = SUITED[self.field]
        low, high = low if self.low is None else self.low, high if self.high is None else self.high
        count = MOST.validate(f"count of {self.field}", count if self.count is None else self.count)
        return spaced(self.field, low, high, count, self.logarithmic)


@dataclass(frozen=True)
class SweepMap:
    """Two axes and the activations beside each other.

    Attributes:
        base: the settings that no axis changes.
        activations: 1 to 3, a picture each.
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
        """The sweep behind it, which takes a while to be checked.

        Raises:
            ConfigError: as Grid.
        """
        axes = {"activation": self.activations, self.y.field: self.y.values(), self.x.field: self.x.values()}
        return Grid(self.base, axes, self.seeds)

    def config(self, activation: str, x: object, y: object) -> RunConfig:
        """The first network of one cell."""
        grid = self.grid
        cell = [self.activations.index(activation), self.y.values().index(y), self.x.values().index(x), 0]
        return grid.config(int(np.ravel_multi_index(cell, grid.shape)))


# -- what a cell shows ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantity:
    """One number of a network, and how that of a cell is made of it.

    Attributes:
        label: what it is called.
        field: of `Trace.summary`.
        kind: "factor" and "decades" are of gradients and have a level (1, and 0); "loss" and "growth" are positive
            numbers over many decades; "share" is from 0 to 1.
    """

    label: str
    field: str
    kind: str


QUANTITIES: dict[str, Quantity] = {
    "gradient factor": Quantity("gradient factor per layer, step 0", "layer_factor", "factor"),
    "final gradient factor": Quantity("gradient factor per layer, at the end", "final_layer_factor", "factor"),
    "first over last": Quantity("first layer’s gradient over the last’s, step 0", "log10_first_last", "decades"),
    "final first over last": Quantity(
        "first layer’s gradient over the last’s, at the end", "final_log10_first_last", "decades"
    ),
    "final loss": Quantity("loss at the end", "final_loss", "loss"),
    "final accuracy": Quantity("accuracy at the end", "final_accuracy", "share"),
    "diverged": Quantity("share of runs that diverged", "diverged", "share"),
    "dead units": Quantity("share of dead units at the end", "final_dead", "share"),
    "weight growth": Quantity("growth of the weights", "weight_growth", "growth"),
}


def cells(table: Table, quantity: str) -> np.ndarray:
    """(activations, y, x): the median over seeds, of shares the mean; NaN where no run has a value (yet).

    Factors and ratios are as the summary has them: a factor, and log10 of a ratio.
    """
    chosen = QUANTITIES[quantity]
    values = table.column(chosen.field).reshape(table.grid.shape)
    if not np.isnan(values).any():
        return values.mean(axis=-1) if chosen.kind == "share" else np.median(values, axis=-1)
    found = np.full(values.shape[:-1], np.nan)
    for locate in np.ndindex(found.shape):
        there = values[locate][~np.isnan(values[locate])]
        if there.size:
            found[locate] = there.mean() if chosen.kind == "share" else np.median(there)
    return found
