"""Hanin & Nica 2018: at finite width the size of a ReLU network's gradient is log-normal over draws."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
from scipy.special import digamma, polygamma

from ..config import RunConfig
from ..engine.training import Progress, train
from . import binomial
from .entry import CHECKED, Formula, Paper
from .report import Result, Row, Stages, in_kind, near

CONFIG = RunConfig(activation="relu", init="he_normal", bias=False, samples=2, steps=0)
SETTINGS = ((32, 20, 3000), (64, 20, 2000), (100, 30, 800))  # width, hidden layers, networks
# A target so far away that 2 (o - d) is the same for every network: the gradient is that of the output.
DISTANT_TARGET = 1e9
BINS = 40
GROUP = 200  # networks of one call, between two words of progress


def exact_variance(width: int) -> float:
    """Var ln r of one layer, r = (2 / n) sum_j D_j g_j^2 with D_j = 0 or 1 at equal odds and g_j ~ N(0, 1).

    Given k of n units active, r is chi-squared with k degrees of freedom: the mean of its logarithm is
    psi(k/2) + const and the variance psi'(k/2). A layer without any active unit (2^-n) is left out.
    """
    k = np.arange(1, width + 1)
    odds = binomial.pmf(k, width, 0.5)
    odds /= odds.sum()
    mean = (odds * digamma(k / 2)).sum()
    return float((odds * (polygamma(1, k / 2) + (digamma(k / 2) - mean) ** 2)).sum())


def run(on_progress: Progress | None = None, executor: Executor | None = None, *, share: float = 1.0) -> Result:
    """Variance of ln |delta|^2 and ln ||dE/dW||^2 over networks, for one input and a random readout.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        share: of the networks.
    """
    stages = Stages(on_progress, [width * depth * count for width, depth, count in SETTINGS])
    rows: list[Row] = []
    series: dict[str, Any] = {"settings": [], "centers": [], "densities": [], "beta": [], "by_layer": []}
    for stage, (width, depth, count) in enumerate(SETTINGS):
        networks = round(count * share)
        report = stages.stage(stage)
        x = np.random.default_rng(0).standard_normal((1, width))
        config = CONFIG.replace(hidden=(width,) * depth)
        delta = []
        weight = []
        for first in range(0, networks, GROUP):
            seeds = range(first, min(first + GROUP, networks))
            traces = train([config.replace(seed=seed) for seed in seeds], data=(x, np.full((1, 1), DISTANT_TARGET)))
            delta += [trace.delta_norm[0, 0] for trace in traces]
            weight += [trace.grad_norm[0, :depth] for trace in traces]
            report(first + len(seeds), networks)
        log_delta, log_weight = (2 * np.log(np.asarray(norms) / DISTANT_TARGET) for norms in (delta, weight))
        variance = float(log_delta.var(ddof=1))
        by_layer = log_weight.var(axis=0, ddof=1)
        beta = 5 * depth / width
        exact = depth * exact_variance(width)
        error = exact * np.sqrt(2 / (networks - 1))  # of a normal sample's variance
        name = f"width {width}, {depth} hidden layers"
        rows += [
            near(
                f"{name}: variance of ln |delta|² at the first layer",
                beta,
                variance,
                3 * error + (exact - beta),
                "three sampling errors, and the next order in 1/width, which the paper leaves out",
            ),
            near(
                f"{name}: the same, every order", exact, variance, 3 * error, "three sampling errors", against="theory"
            ),
            in_kind(
                f"{name}: variance of ln ‖dE/dW‖²",
                "the same at every layer",
                f"{by_layer.min():.2f} to {by_layer.max():.2f}",
                float(np.abs(by_layer - exact).max()) < 4 * error,
                f"all {depth} layers within four sampling errors of {exact:.2f}",
            ),
        ]
        centered = log_delta - log_delta.mean()
        edges = np.linspace(-4, 4, BINS + 1) * np.sqrt(exact)
        series["settings"].append([width, depth, networks])
        series["centers"].append(((edges[1:] + edges[:-1]) / 2).tolist())
        series["densities"].append(np.histogram(centered, edges, density=True)[0].tolist())
        series["beta"].append(beta)
        series["by_layer"].append(by_layer.tolist())
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


PAPER = Paper(
    name="hanin_nica",
    label="Hanin & Nica 2018",
    subject="The size of a gradient is log-normal over draws",
    title="Products of many large random matrices and gradients in deep neural networks",
    authors="Boris Hanin, Mihai Nica",
    year=2018,
    link="https://arxiv.org/abs/1812.05994",
    claims=(
        (
            "In a ReLU network at He’s init the logarithm of the squared gradient is close to normal, with a "
            "variance that grows like depth / width.",
            CHECKED,
        ),
        ("To leading order that variance is β = 5 Σ 1/n over the hidden layers.", "derived again here"),
    ),
    settings=(
        "ReLU, He’s init, no biases, one sample, the gradient of one random readout, at initialization",
        "width 32 with 20 hidden layers (3,000 networks), 64 with 20 (2,000), 100 with 30 (800)",
    ),
    caveat="The paper proves this; the draws here illustrate it.",
    formulas=(
        Formula(
            latex=r"\ln \lVert\delta^l\rVert^2 \approx \mathcal N\left(-\tfrac{\beta}{2}, \beta\right),\qquad "
            r"\beta = 5 \sum_j \frac{1}{n_j}",
            symbols=r"$\delta^l$: the gradient at the net inputs of layer $l$, relative to its mean square; $n_j$: "
            r"units of hidden layer $j$. The mean square stays level, the typical network’s falls with "
            r"$\beta / 2$.",
            source="Hanin & Nica 2018",
        ),
        Formula(
            latex=r"r = \frac2n \sum_{j=1}^n D_j\, g_j^2,\quad D_j \in \{0, 1\},\; g_j \sim \mathcal N(0, 1)",
            symbols=r"$r$: what one layer of $n$ units multiplies the square by; the variance of $\ln r$, summed "
            r"exactly over how many units are active, is “every order” in the table.",
            source="the chi-squared distribution’s logarithm; He et al. 2015 for the factor 2",
        ),
    ),
    networks=(("width 32, 20 layers", CONFIG.replace(hidden=(32,) * 20, dataset="gaussian", samples=128)),),
    own_data=True,
    run=run,
)
