"""Cohen et al. 2021: under full-batch gradient descent sharpness rises to 2 / learning_rate and stays there."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..config import RunConfig
from ..curvature import sharpness
from ..engine.training import Progress, train
from ..wording import format_number
from .entry import CHECKED, Formula, Paper
from .report import Result, Row, Stages, in_kind, near, thinned

CONFIG = RunConfig(hidden=(50, 50), activation="tanh", init="normal", samples=20, learning_rate=0.04, steps=4000)
STEPS = {0.04: 4_000, 0.02: 12_000}  # by learning rate: sharpness needs time to rise to the higher limit
SEEDS = 4
SETTLED = 0.75  # share of the run after which sharpness has arrived


def chebyshev() -> tuple[np.ndarray, np.ndarray]:
    """20 points of the polynomial T_4 on [-1, 1]."""
    x = np.linspace(-1, 1, 20)[:, None]
    return x, 8 * x**4 - 8 * x**2 + 1


def measured(
    config: RunConfig, every: int, data: tuple[np.ndarray, np.ndarray], on_progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps and sharpness every so many of them, and the loss at every step.

    Trained in pieces, each from where the last one ended: plain gradient descent over the whole batch has no other
    state, so that the pieces together are the run.
    """
    steps = []
    values = []
    losses = []
    weights: Any = None
    pieces = config.steps // every
    for piece in range(pieces + 1):
        length = every if piece < pieces else 0
        (trace,) = train([config.replace(steps=length)], data=data, initial=[weights])
        if piece == 0:
            (start,) = train([config.replace(steps=0)], data=data)
            weights = start.weights
        steps.append(piece * every)
        values.append(sharpness(config, weights, data))
        losses.append(trace.loss[:-1] if length else trace.loss)
        weights = trace.weights
        on_progress(piece + 1, pieces + 1)
    return np.array(steps), np.array(values), np.concatenate(losses)


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    steps: Mapping[float, int] = STEPS,
    seeds: int = SEEDS,
    measurements: int = 100,
) -> Result:
    """Sharpness and loss over the steps at two learning rates.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        steps: by learning rate.
        seeds: networks of each learning rate.
        measurements: of sharpness in a run.
    """
    stages = Stages(on_progress, [1] * len(steps) * seeds)
    data = chebyshev()
    rows: list[Row] = []
    series: dict[str, Any] = {"rates": list(steps), "steps": [], "sharpness": [], "loss_steps": [], "losses": []}
    for group, (rate, count) in enumerate(steps.items()):
        config = CONFIG.replace(learning_rate=rate, steps=count)
        runs = [
            measured(config.replace(seed=seed), count // measurements, data, stages.stage(group * seeds + seed))
            for seed in range(seeds)
        ]
        at = runs[0][0]
        limit = 2 / rate
        values = np.array([run[1] for run in runs])
        losses = np.array([run[2] for run in runs])
        late = values[:, at >= SETTLED * count]
        name = f"learning rate {rate:g}"
        ends = np.median(late, axis=1)
        rises = (np.diff(losses) > 0).sum(axis=1)
        hovers = (late.min(axis=1) > 0.8 * limit) & (values.max(axis=1) >= limit)
        rows += [
            near(
                f"{name}: sharpness in the last quarter of the run, median over {seeds} networks",
                limit,
                float(np.median(ends)),
                0.06 * limit,
                "“at or just above” 2 / learning rate, 6 %",
            ),
            in_kind(
                f"{name}: sharpness over the run",
                "rises to 2 / learning rate, then hovers there",
                f"from {values[:, 0].min():.0f} to {values[:, 0].max():.0f} at first to {values.max():.1f} at most; "
                f"of {seeds} networks {hovers.sum()} crossed {limit:g} and stayed near",
                bool(hovers.all()),
                "every network crosses the limit, and stays above 0.8 of it in the last quarter",
            ),
            in_kind(
                f"{name}: the loss meanwhile",
                "falls, but not monotonically",
                f"ends at {format_number(losses[:, -1].max())} or less, with {rises.min():,} to {rises.max():,} "
                f"rising steps of {count:,}",
                bool((losses[:, -1] < 0.1 * losses[:, 0]).all() and rises.min() > 0.001 * count),
                "every network ends below a tenth of its first loss, and rises on more than 0.1 % of the steps",
            ),
        ]
        series["steps"].append(at.tolist())
        series["sharpness"].append(values.tolist())
        series["loss_steps"].append(thinned(np.arange(count + 1)))
        series["losses"].append([thinned(run) for run in losses])
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


PAPER = Paper(
    name="edge_of_stability",
    label="Cohen et al. 2021",
    subject="Sharpness rises to 2 / learning rate",
    title="Gradient descent on neural networks typically occurs at the edge of stability",
    authors="Jeremy Cohen, Simran Kaur, Yuanzhi Li, J. Zico Kolter, Ameet Talwalkar",
    year=2021,
    link="https://arxiv.org/abs/2103.00065",
    claims=(
        (
            "Sharpness rises until it hovers at, or just above, 2 / learning rate, while the loss goes on "
            "falling, though not monotonically.",
            CHECKED,
        ),
    ),
    settings=(
        "tanh, 1 input, 2 hidden layers of 50 units, 1 linear output, N(0, 1/fan_in), zero biases",
        "20 points of the Chebyshev polynomial T₄ on [−1, 1], mean squared error, gradient descent on all points",
        "learning rate 0.04 for 4,000 steps and 0.02 for 12,000; 4 networks of each",
    ),
    caveat="The task is the paper’s kind of toy problem. At the smaller learning rate not every network has "
    "reached the limit within these steps, and one that has not falls monotonically until then.",
    formulas=(
        Formula(
            latex=r"\text{sharpness} = \lambda_{\mathrm{max}}\left(\nabla^2 E\right),\qquad "
            r"\text{stable on a quadratic} \iff \eta < \frac{2}{\lambda_{\mathrm{max}}}",
            symbols=(
                r"$\nabla^2 E$: the Hessian of the loss in all weights and biases; $\lambda_{\mathrm{max}}$: its "
                r"largest eigenvalue, found by Lanczos from products $\nabla^2 E\, v$; $\eta$: the learning rate."
            ),
            source="Cohen et al. 2021; Pearlmutter 1994 for the products",
        ),
    ),
    networks=(("learning rate 0.04, on the sine", CONFIG.replace(dataset="sine")),),
    own_data=True,
    run=run,
)
