"""Nielsen, chapter 5: how fast each layer of a small sigmoid network would learn at its initialization."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, snapshot
from ..theory import fixed_points
from .report import Result, Stages, near, within

PIXELS, CLASSES, SAMPLES, WIDTH = 784, 10, 1000, 30
LIT = 0.19  # share of an MNIST image's pixels that are not black
CONFIG = RunConfig(
    hidden=(WIDTH,) * 4,
    activation="sigmoid",
    output_activation="sigmoid",
    loss="bce",
    bias_std=1.0,
    samples=SAMPLES,
    steps=0,
)
PAPER = {2: (0.07, 0.31), 3: (0.012, 0.060, 0.283), 4: (0.003, 0.017, 0.070, 0.285)}


def images() -> tuple[np.ndarray, np.ndarray]:
    """1,000 images of which a fifth of the pixels are lit, and a class of ten at random for each."""
    rng = np.random.default_rng(0)
    X = np.sqrt(rng.random((SAMPLES, PIXELS))) * (rng.random((SAMPLES, PIXELS)) < LIT)
    return X, np.eye(CLASSES)[rng.integers(0, CLASSES, SAMPLES)]


def run(on_progress: Progress | None = None, executor: Executor | None = None, *, networks: int = 100) -> Result:
    """||mean over samples of delta^l||, which is ||dE/db^l||, of the hidden layers; median over networks.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        networks: seeds of each depth.
    """
    stages, data = Stages(on_progress, list(PAPER)), images()
    rows, series = [], {"paper": [list(norms) for norms in PAPER.values()], "median": [], "low": [], "high": []}
    chi = fixed_points("sigmoid", 1.0, 1.0)[0].chi
    for stage, (depth, theirs) in enumerate(PAPER.items()):
        config, tell, speeds = CONFIG.replace(hidden=(WIDTH,) * depth), stages.stage(stage), []
        for seed in range(networks):
            kept = snapshot(config.replace(seed=seed), data=data)
            speeds.append([np.linalg.norm(g) for g in kept.bias_gradient[:-1]])
            tell(seed + 1, networks)
        low, median, high = np.quantile(speeds, [0.05, 0.5, 0.95], axis=0)
        for layer, norm in enumerate(theirs):
            rows.append(
                within(
                    f"{depth} hidden layers: gradient norm of hidden layer {layer + 1}",
                    norm,
                    median[layer],
                    (low[layer], high[layer]),
                    f"the book trains one network; nine in ten of our {networks} lie here",
                )
            )
        ratios = np.diff(np.log(speeds)).mean(axis=1)
        error = ratios.std(ddof=1) / np.sqrt(networks)
        rows.append(
            near(
                f"{depth} hidden layers: what one layer multiplies the gradient norm by",
                np.sqrt(chi),
                np.exp(-ratios.mean()),
                np.sqrt(chi) * (3 * error + 1.3 / WIDTH),
                "three standard errors, and the order 1/width that the theory of wide layers leaves out",
                "theory",
            )
        )
        for name, values in (("low", low), ("median", median), ("high", high)):
            series[name].append(values.tolist())
    series["factor"] = float(np.sqrt(chi))
    return Result(tuple(rows), series, stages.seconds)
