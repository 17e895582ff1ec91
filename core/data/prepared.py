"""Inputs and targets of a table, scaled for a run by its training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..choices import TaskName
from .datasets import Split, TableData, count_holdout, fit_standardizer, make_split, one_hot

if TYPE_CHECKING:
    from ..config import RunConfig


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """Inputs and targets of a table, as they stand in it; `scaled` makes of them what `train` takes.

    Attributes:
        X: (samples, inputs), not scaled; NaN where a missing value is filled in by `scaled`.
        D: (samples, outputs) for the task: numbers, 0/1 in one column, or one-hot.
        task: "regression", "two-class" or "multi-class".
        input_names, output_names: one a column; "color = red" for a category.
        dropped_rows: lines of the rows left out because a value is missing.
        notes: sentences that tell a visitor what was done.
        groups: (start, stop) of the columns of X that are one category together.
    """

    X: np.ndarray
    D: np.ndarray
    task: TaskName
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dropped_rows: tuple[int, ...]
    notes: tuple[str, ...]
    groups: tuple[tuple[int, int], ...] = ()

    def split(self, config: RunConfig) -> Split:
        """Returns the samples of a run as `core.data.datasets.load` does those of a real data set.

        The seed shuffles the rows and chooses those held out. Missing values are filled, and inputs and the targets of
        a regression are standardized, by the training rows alone.
        """
        X, D, train, holdout = self._scale(config)
        parts = [np.ascontiguousarray(part) for part in (X[train], D[train], X[holdout], D[holdout])]
        return make_split(*parts, task=self.task)

    def scaled(self, config: RunConfig) -> TableData:
        """Returns (X, D) for `train([config], data)`.

        Scaled by the rows that the config's holdout and seed leave for training, or not at all with scaling="none".
        With a holdout, scaled rows are in an order in which `core.data.datasets.split` holds out the right ones.
        """
        X, D, train, holdout = self._scale(config)
        if len(holdout) and config.scaling != "none":
            held_out = np.zeros(len(X), bool)
            held_out[np.random.default_rng([config.seed, 0]).permutation(len(X))[: len(holdout)]] = True
            rows = np.empty(len(X), int)
            rows[~held_out] = train
            rows[held_out] = holdout
            X = X[rows]
            D = D[rows]
        return TableData(X, D, self)

    def _scale(self, config: RunConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns X and D, scaled, and the rows for training and those held out, in the order of the run."""
        rng = np.random.default_rng([config.seed, 0])
        order = rng.permutation(len(self.X))
        held_out = np.zeros(len(order), bool)
        held_out[rng.permutation(len(order))[: count_holdout(config.holdout, len(order))]] = True
        train = order[~held_out]
        holdout = order[held_out]
        X = self._fill(train)
        D = self.D
        if config.scaling != "none":
            X = fit_standardizer(X[train])(X)
            if self.task == "regression":
                D = fit_standardizer(D[train])(D)
        return X, D, train, holdout

    def _fill(self, train: np.ndarray) -> np.ndarray:
        """Returns X with medians and most frequent categories of the training rows in place of missing values."""
        gaps = np.isnan(self.X)
        if not gaps.any():
            return self.X
        X = self.X.copy()
        grouped = np.zeros(self.X.shape[1], bool)
        for start, stop in self.groups:
            grouped[start:stop] = True
            missing = gaps[:, start]
            totals = np.nansum(X[train, start:stop], axis=0)
            X[missing, start:stop] = one_hot(np.array([int(np.argmax(totals))]), stop - start)
        for column in np.flatnonzero(gaps.any(axis=0) & ~grouped):
            known = X[train, column][~gaps[train, column]]
            X[gaps[:, column], column] = np.median(known) if len(known) else 0.0
        return X
