"""Nielsen, chapter 5: how fast each layer of a small sigmoid network would learn at its initialization."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, snapshot
from ..theory import fixed_points
from .entry import CHECKED, CHI_FORMULA, Formula, Paper
from .report import Result, Row, Stages, near

PIXELS = 784
CLASSES = 10
SAMPLES = 1000
WIDTH = 30
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
CLOSE = 0.25  # share of the book's figure: one network in three scatters by more
BOOK = {2: (0.07, 0.31), 3: (0.012, 0.060, 0.283), 4: (0.003, 0.017, 0.070, 0.285)}


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
    stages = Stages(on_progress, list(BOOK))
    data = images()
    rows: list[Row] = []
    series: dict[str, Any] = {"paper": [list(norms) for norms in BOOK.values()], "median": [], "low": [], "high": []}
    chi = fixed_points("sigmoid", 1.0, 1.0)[0].chi
    for stage, (depth, theirs) in enumerate(BOOK.items()):
        config = CONFIG.replace(hidden=(WIDTH,) * depth)
        report = stages.stage(stage)
        speeds = []
        for seed in range(networks):
            snap = snapshot(config.replace(seed=seed), data=data)
            speeds.append([np.linalg.norm(g) for g in snap.bias_gradient[:-1] if g is not None])
            report(seed + 1, networks)
        low, median, high = np.quantile(speeds, [0.05, 0.5, 0.95], axis=0)
        for layer, norm in enumerate(theirs):
            rows.append(
                near(
                    f"{depth} hidden layers: gradient norm of hidden layer {layer + 1}",
                    norm,
                    median[layer],
                    CLOSE * norm,
                    f"{CLOSE:.0%}; the book has one network, and nine in ten of our {networks} lie between "
                    f"{low[layer]:.2g} and {high[layer]:.2g}",
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
                against="theory",
            )
        )
        for name, values in (("low", low), ("median", median), ("high", high)):
            series[name].append(values.tolist())
    series["factor"] = float(np.sqrt(chi))
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


PAPER = Paper(
    name="nielsen_ch5",
    label="Nielsen, ch. 5",
    subject="Sigmoid layers learn at unequal speeds",
    title="Neural Networks and Deep Learning, chapter 5: Why are deep neural networks hard to train?",
    authors="Michael Nielsen",
    year=2015,
    link="http://neuralnetworksanddeeplearning.com/chap5.html",
    claims=(
        (
            "In sigmoid networks with 2, 3 and 4 hidden layers of 30 units, each layer learns several times "
            "more slowly than the one after it: speeds 0.07 and 0.31; 0.012, 0.060 and 0.283; 0.003, 0.017, "
            "0.070 and 0.285.",
            CHECKED,
        ),
    ),
    settings=(
        "sigmoid, 784 inputs, 2 to 4 hidden layers of 30 units, 10 outputs",
        "weights N(0, 1/fan_in), biases N(0, 1) on every layer, cross-entropy with sigmoid outputs",
        "1,000 samples; the norm of the mean delta over them, at initialization; 100 networks of each depth",
    ),
    caveat="The book uses MNIST’s handwritten digits. Here the images are synthetic, with as many lit pixels, and the "
    "book’s one network is compared with a hundred. Two of its nine figures differ from our median by more "
    "than a quarter, as those of a single network may: from network to network the norm varies by 25 to 50 %.",
    formulas=(
        Formula(
            latex=r"\left\lVert \tfrac1N \textstyle\sum_n \delta_n^l \right\rVert = "
            r"\left\lVert \partial E / \partial b^l \right\rVert",
            symbols=r"$\delta_n^l = \partial E_n / \partial z_n^l$ for sample $n$ of $N$, with $z^l$ the net input of "
            r"layer $l$ and $b^l$ its biases: what the book calls the speed at which layer $l$ learns.",
            source="Nielsen, chapter 5",
        ),
        CHI_FORMULA,
    ),
    networks=(("four hidden layers", CONFIG.replace(dataset="digits")),),
    own_data=True,
    run=run,
)
