"""Schoenholz et al. 2017: depth scales of a tanh network, and how deep it can be to be trained."""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, train
from ..theory import correlation, critical_points, fixed_points
from .entry import CHI_FORMULA, SECOND_HAND, Formula, Paper
from .report import Result, Stages, in_kind, near

SIGMA_B = math.sqrt(0.05)
CRITICAL = 1.76  # of sigma_w squared, as later works quote the paper
RULE = 6  # trainable up to this many depth scales
# (a) the size of gradients in a network at its initialization
DEEP = RunConfig(hidden=(300,) * 60, activation="tanh", bias_std=SIGMA_B, samples=2, steps=0)
SLOPES = (1.0, 1.76095, 2.5, 4.0)
SKIPPED = 10  # layers at either end: the lengths of signals and the errors are still settling there
# (b) which depths can be trained
TRAINED = RunConfig(
    dataset="blobs",
    samples=512,
    noise=0.4,
    hidden=(100,) * 10,
    activation="tanh",
    output_activation="softmax",
    loss="cross_entropy",
    bias_std=SIGMA_B,
    learning_rate=0.01,
    batch_size=64,
    steps=400,
)
DEPTHS = (10, 18, 25, 35, 50)
VARIANCES = (1.0, 1.4, 1.76095, 2.5, 3.2, 4.0)
CLAIMS = {"ordered": 1.0, "critical": 1.76095, "chaotic": 4.0}
LEARNED = 1.0  # a loss below this is called learned; a guess has ln 10 = 2.30


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    networks: int = 10,
    width: int = 100,
    depths: tuple[int, ...] = DEPTHS,
    variances: tuple[float, ...] = VARIANCES,
) -> Result:
    """Slopes of ln ||dE/dW||^2 against chi, and the loss after training against 6 xi.

    Args:
        on_progress, executor: as in `train`; with a process for each core it takes half the time.
        networks: seeds of (a).
        width: units of a hidden layer in (b).
        depths, variances: the grid of (b), depth by sigma_w squared.
    """
    stages = Stages(on_progress, [0.15, 1])
    line = min(critical_points("tanh", SIGMA_B), key=lambda point: point.sigma_w)
    rows = [
        near(
            "critical σ_w² at σ_b² = 0.05",
            CRITICAL,
            line.sigma_w**2,
            0.005,
            "three digits; no text of the paper was at hand to check this figure",
            checked=False,
        )
    ]
    norms = _gradient_norms(networks, stages.stage(0))
    for variance in SLOPES:
        chi = max(point.chi for point in fixed_points("tanh", math.sqrt(variance), SIGMA_B) if point.stable)
        logs = np.log(norms[variance]).mean(axis=0)[SKIPPED:-SKIPPED]
        slope = -np.polyfit(np.arange(len(logs)), logs, 1)[0]
        rows.append(
            near(
                f"σ_w² = {variance:.4g}: χ from the slope of ln ‖dE/dW‖²",
                chi,
                math.exp(slope),
                0.025 * chi,
                f"2.5 %: {networks} networks of finite width, whose typical norm falls short of the mean",
                against="theory",
            )
        )
    scales = {variance: correlation("tanh", math.sqrt(variance), SIGMA_B).xi_c for variance in variances}
    losses = _train_grid(width, depths, variances, stages.stage(1), executor)
    for phase, variance in CLAIMS.items():
        if variance not in variances:
            continue
        reach = RULE * scales[variance]
        ends = losses[variances.index(variance)]
        learned = [depth for depth, loss in zip(depths, ends, strict=True) if loss < LEARNED]
        within = [depth for depth in depths if depth <= reach]
        beyond = [depth for depth in depths if depth > 2 * reach]
        tried = ", ".join(map(str, depths))
        ended = ", ".join(f"{loss:.2g}" for loss in ends)
        rows.append(
            in_kind(
                f"σ_w² = {variance:.4g} ({phase}): deepest network that learns",
                "no limit" if reach > 1000 else f"about 6 ξ = {reach:.0f}",
                f"{max(learned, default='none')} of the depths {tried}, with losses {ended}",
                all(depth in learned for depth in within) and not any(depth in learned for depth in beyond),
                "every depth up to 6 ξ ends below a loss of 1, none beyond 12 ξ: the rule is a rough one. Its six is "
                "as later papers quote it",
                checked=reach > 1000,
            )
        )
    series = {
        "slopes": list(SLOPES),
        "norms": [np.median(norms[variance], axis=0).tolist() for variance in SLOPES],
        "chi": [row.reference for row in rows[1 : 1 + len(SLOPES)]],
        "variances": list(variances),
        "depths": list(depths),
        "reach": [RULE * scales[variance] for variance in variances],
        "losses": losses,
        "curve": _curve(variances),
    }
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


def _gradient_norms(networks: int, on_progress: Progress) -> dict[float, np.ndarray]:
    """||dE/dW||^2 of each hidden layer for one sample, (networks, layers)."""
    x = np.random.default_rng(0).standard_normal((1, 300))
    squared_norms = {}
    for done, variance in enumerate(SLOPES):
        configs = [DEEP.replace(init_scale=math.sqrt(variance), seed=seed) for seed in range(networks)]
        traces = train(configs, data=(x, np.zeros((1, 1))))
        squared_norms[variance] = np.array([trace.grad_norm[0, :-1] ** 2 for trace in traces])
        on_progress(done + 1, len(SLOPES))
    return squared_norms


def _train_grid(
    width: int, depths: tuple[int, ...], variances: tuple[float, ...], on_progress: Progress, executor: Executor | None
) -> list[list[float]]:
    """The loss after training, by variance and depth; the readout always has variance 1 / fan_in."""
    configs = [
        TRAINED.replace(hidden=(width,) * depth, init_scale=math.sqrt(variance))
        for variance in variances
        for depth in depths
    ]
    initial = []
    for config, initialized in zip(configs, train([config.replace(steps=0) for config in configs]), strict=True):
        *hidden, (W, b) = initialized.weights
        initial.append([*hidden, (W / config.init_scale, b)])
    traces = train(configs, initial=initial, on_progress=on_progress, executor=executor)
    ends = np.array([trace.loss[-8:].mean() for trace in traces])  # of one epoch
    return ends.reshape(len(variances), len(depths)).tolist()


def _curve(variances: tuple[float, ...]) -> list[list[float]]:
    """(sigma_w squared, 6 xi) on a fine grid, for drawing."""
    grid = np.linspace(min(variances), max(variances), 61)
    return [[v, RULE * correlation("tanh", math.sqrt(v), SIGMA_B).xi_c] for v in grid.tolist()]


PAPER = Paper(
    name="schoenholz_2017",
    label="Schoenholz et al. 2017",
    subject="How deep a tanh network can be",
    title="Deep information propagation",
    authors="Samuel Schoenholz, Justin Gilmer, Surya Ganguli, Jascha Sohl-Dickstein",
    year=2017,
    link="https://arxiv.org/abs/1611.01232",
    claims=(
        ("For tanh at σ_b² = 0.05 the critical σ_w² is about 1.76.", SECOND_HAND),
        ("A network can be trained up to a depth of about six depth scales, 6 ξ.", SECOND_HAND),
    ),
    settings=(
        "(a) tanh, 60 hidden layers of 300 units, σ_b² = 0.05, one sample, at initialization, 10 networks",
        "(b) tanh, 10 to 50 hidden layers of 100 units, readout N(0, 1/fan_in), softmax, cross-entropy; 512 "
        "samples in ten blobs (noise 0.4); SGD, learning rate 0.01, batches of 64, 400 steps; one network each",
    ),
    caveat="The paper trains on MNIST and CIFAR-10 and for longer; the task here is easier. The Lab draws the "
    "readout like every other layer. At the border of what can be trained, the loss after 400 steps depends on the "
    "processor’s rounding.",
    formulas=(
        CHI_FORMULA,
        Formula(
            latex=r"\xi = -\frac{1}{\ln \chi_{c^*}},\qquad L \lesssim 6\,\xi",
            symbols=r"$\xi$: layers over which the difference between two inputs fades by a factor $e$; "
            r"$\chi_{c^*}$: the slope of the correlation map at its fixed point $c^*$, equal to $\chi$ where "
            r"$c^* = 1$; $L$: layers.",
            source="Schoenholz et al. 2017",
        ),
    ),
    networks=tuple(
        (f"{phase}, 50 layers", TRAINED.replace(hidden=(100,) * 50, init_scale=variance**0.5))
        for phase, variance in CLAIMS.items()
    ),
    own_data=False,
    run=run,
)
