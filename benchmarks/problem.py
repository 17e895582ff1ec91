"""The measured problems: shapes of stacks, and their data and parameters as a peer takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.config import RunConfig
from core.data.datasets import load
from core.engine.parameters import draw_parameters
from core.layout import Layout

STEPS = 300  # the default of RunConfig


@dataclass(frozen=True)
class Shape:
    """So many runs of one network, which differ in their seeds."""

    name: str
    runs: int
    activation: str
    layers: int
    units: int
    samples: int

    @property
    def label(self) -> str:
        runs = f"{self.runs} run{'s' * (self.runs > 1)}"
        return f"{self.name} {runs} {self.activation} {self.layers}x{self.units}, {self.samples} samples"

    def configs(self, steps: int = STEPS, **changes: object) -> list[RunConfig]:
        """Plain gradient descent that records every field at every step, unless `changes` says otherwise."""
        fields = {
            "samples": self.samples,
            "hidden": (self.units,) * self.layers,
            "activation": self.activation,
            "init": "he_normal" if self.activation == "relu" else "normal",
            "learning_rate": 0.001,  # at 0.01 one run of D oscillates, and amplifies the last digit to the first
            "steps": steps,
        }
        return [RunConfig(**(fields | changes), seed=seed) for seed in range(self.runs)]


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("A", 1, "tanh", 10, 32, 256),
        Shape("B", 1, "relu", 20, 64, 256),
        Shape("C", 1, "tanh", 50, 64, 512),
        Shape("D", 32, "tanh", 10, 32, 64),
        Shape("E", 8, "tanh", 10, 32, 256),
        Shape("F", 256, "sigmoid", 6, 16, 32),
    )
}


class Problem:
    """Data and drawn parameters of runs of one shape, run axis first.

    Attributes:
        X, D: (R, samples, inputs) and (R, samples, outputs).
        weights, biases: by layer, (R, fan_in, fan_out) and (R, fan_out).
    """

    def __init__(self, configs: Sequence[RunConfig]):
        splits = [load(c.dataset, c.samples, c.noise, c.holdout, c.seed, c.scaling) for c in configs]
        self.X, self.D = np.stack([split.X for split in splits]), np.stack([split.D for split in splits])
        self.runs, self.samples = self.X.shape[:2]
        layout = Layout((self.X.shape[2], *configs[0].hidden, self.D.shape[2]), bias=True)
        drawn = [draw_parameters(config, layout) for config in configs]
        self.weights = [np.stack([run[layer][0] for run in drawn]) for layer in range(layout.layers)]
        self.biases = [np.stack([run[layer][1] for run in drawn]) for layer in range(layout.layers)]
