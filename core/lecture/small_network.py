"""The lecture's network f: R^I -> R^K with one hidden layer of sigmoids and no biases, small enough to write out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import Number, RunConfig
from ..engine.training import snapshot, train
from ..errors import ConfigError
from ..exercise import ENTRY
from ..trace import Snapshot

SIZE = Number(1, 5, integer=True)
SAMPLES = Number(1, 6, integer=True)
CONFIG = RunConfig(bias=False, activation="sigmoid", output_activation="sigmoid", loss="mse", init_scale=2.0, steps=0)


@dataclass(frozen=True, eq=False)
class SmallNetwork:
    """Weights and a training set.

    Attributes:
        w01: (I, J), w_ij^(0,1) from input i to hidden j.
        w12: (J, K), w_jk^(1,2) from hidden j to output k.
        x, d: (N, I) and (N, K).
    """

    w01: np.ndarray
    w12: np.ndarray
    x: np.ndarray
    d: np.ndarray

    def __post_init__(self):
        for name, values in (("W(0,1)", self.w01), ("W(1,2)", self.w12), ("x", self.x), ("d", self.d)):
            bad = np.argwhere(~((values >= ENTRY.low) & (values <= ENTRY.high)))  # NaN is neither
            if bad.size:
                row, column = bad[0]
                value = float(values[row, column])
                field = f"{name}, row {row + 1}, column {column + 1}"
                raise ConfigError(field, "empty" if np.isnan(value) else value, ENTRY.allowed)

    @property
    def config(self) -> RunConfig:
        return CONFIG.replace(hidden=(self.w01.shape[1],))

    @cached_property
    def values(self) -> Snapshot:
        """Net input and output of every node for every sample, as core's engine computes them."""
        return snapshot(self.config, data=(self.x, self.d), initial=[(self.w01, None), (self.w12, None)])

    @property
    def squared(self) -> np.ndarray:
        """(o_nk - d_nk)^2, (N, K): the terms that E sums."""
        return (self.values.output - self.d) ** 2

    def engine_error(self) -> float:
        """E = (1/N) sum_n sum_k (o_nk - d_nk)^2 as core's training loop reports it before its first step."""
        initial = [[(self.w01, None), (self.w12, None)]]
        return float(train([self.config], data=(self.x, self.d), initial=initial)[0].loss[0])

    def output(self, k: int) -> SmallNetwork:
        """The same network with its output k alone."""
        return SmallNetwork(self.w01, self.w12[:, [k]], self.x, self.d[:, [k]])


def draw(inputs: int, hidden: int, outputs: int, samples: int, seed: int) -> SmallNetwork:
    """Weights, inputs in [0, 1] and targets 0 or 1, rounded so that they can be worked with by hand.

    Raises:
        ConfigError: a size from outside 1 to 5, or samples from outside 1 to 6.
    """
    inputs, hidden, outputs = (
        SIZE.validate(name, size) for name, size in (("inputs", inputs), ("hidden", hidden), ("outputs", outputs))
    )
    samples = SAMPLES.validate("samples", samples)
    config = CONFIG.replace(hidden=(hidden,), seed=seed)
    rng = np.random.default_rng(config.seed)
    x = np.round(rng.uniform(0, 1, (samples, inputs)), 1)
    d = rng.integers(0, 2, (samples, outputs)).astype(float)
    (w01, _), (w12, _) = snapshot(config, data=(x, d)).weights
    return SmallNetwork(np.round(w01, 1) + 0.0, np.round(w12, 1) + 0.0, x, d)  # + 0.0: no minus zero
