"""Yang et al. 2019: batch normalization makes gradients explode at initialization."""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, train
from .entry import CHECKED, Formula, Paper
from .report import Result, Stages, in_kind, near

DEPTH = 30
WIDTH = 200
CONFIG = RunConfig(
    dataset="blobs",
    samples=512,
    noise=0.4,
    hidden=(WIDTH,) * DEPTH,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    normalization="batch",
    init="normal",
    bias=False,
    steps=0,
)
FACTOR = math.sqrt(math.pi / (math.pi - 1))  # of a layer, 1.211
VARIANCES = (0.5, 2.0, 8.0)  # sigma_w squared
SKIPPED = 5  # layers at either end: correlations between samples and the errors are still settling there
RATE = 1.0  # of the one step
NETWORKS = 6


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    networks: int = NETWORKS,
    width: int = WIDTH,
) -> Result:
    """The factor of ||delta|| by layer at three variances, and its range before and after one step.

    Args:
        on_progress, executor: as in `train`.
        networks: seeds of each variance.
        width: units of a hidden layer.
    """
    stages = Stages(on_progress, [len(VARIANCES), 1])
    hidden = (width,) * DEPTH
    configs = [
        CONFIG.replace(hidden=hidden, init_scale=math.sqrt(variance), seed=seed)
        for variance in VARIANCES
        for seed in range(networks)
    ]
    traces = train(configs, on_progress=stages.stage(0), executor=executor)
    norms = np.array([trace.delta_norm[0, :-1] for trace in traces]).reshape(len(VARIANCES), networks, DEPTH)
    rows = []
    factors = []
    layers = np.arange(SKIPPED, DEPTH - SKIPPED)
    for variance, each in zip(VARIANCES, norms, strict=True):
        slopes = np.polyfit(layers, np.log(each[:, layers]).T, 1)[0]
        factors.append(math.exp(-float(slopes.mean())))
        rows.append(
            near(
                f"σ_w² = {variance:g}: factor of ‖delta‖ by layer",
                FACTOR,
                factors[-1],
                0.02 * FACTOR,
                f"2 %: the formula is for infinitely wide layers, these have {width} units",
                against="theory",
            )
        )
    spread = max(factors) / min(factors)
    rows.append(
        in_kind(
            "The variance of the weights",
            "makes no difference",
            f"largest / smallest factor {spread:.3f}",
            spread < 1.01,
            "within 1 %: only the 1e-5 inside the root of the normalization tells them apart",
        )
    )
    stepped = train(
        [CONFIG.replace(hidden=hidden, init="he_normal", learning_rate=RATE, steps=1, seed=s) for s in range(networks)],
        on_progress=stages.stage(1),
        executor=executor,
    )
    two = np.array([trace.grad_norm[:2, :-1] for trace in stepped])
    ranges = two.max(axis=2) / two.min(axis=2)
    before, after = np.median(ranges, axis=0)
    rows.append(
        in_kind(
            "One step of training",
            "gives gradients a dramatically smaller range",
            f"largest / smallest ‖dE/dW‖ {before:.0f} before the step, {after:.0f} after it (medians)",
            bool((ranges[:, 1] < ranges[:, 0] / 3).all()),
            "in every network the range falls to less than a third",
        )
    )
    series = {
        "variances": list(VARIANCES),
        "norms": np.median(norms, axis=1),
        "factor": FACTOR,
        "steps": np.median(two, axis=0),
    }
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


PAPER = Paper(
    name="yang_2019",
    label="Yang et al. 2019",
    subject="Batch normalization makes gradients explode",
    title="A mean field theory of batch normalization",
    authors="Greg Yang, Jeffrey Pennington, Vinay Rao, Jascha Sohl-Dickstein, Samuel Schoenholz",
    year=2019,
    link="https://arxiv.org/abs/1902.08129",
    claims=(
        (
            "In networks with batch normalization and without skip connections gradients grow exponentially with depth "
            "on their way back, for any variance of the weights and any activation.",
            CHECKED,
        ),
        (
            "With ReLU the squared gradient grows by a factor a layer that decreases to π / (π − 1) ≈ 1.467 for large "
            "batches (theorem 3.10): 1.21 for the norm.",
            CHECKED,
        ),
        ("After one step of training the range of the gradients is dramatically smaller.", CHECKED),
    ),
    settings=(
        "ReLU, 20 inputs, 30 hidden layers of 200 units with batch normalization before the activation, 10 softmax "
        "outputs, no biases",
        "weights N(0, σ_w²/fan_in) with σ_w² = 0.5, 2 or 8; 6 networks of each",
        "512 samples in ten blobs (noise 0.4), all in one batch; one step of gradient descent at learning rate 1",
    ),
    caveat="The paper’s theory is for layers of infinite width; at 200 units the factor is about 1 % smaller. How much "
    "one step does depends on the learning rate, which the abstract does not give.",
    formulas=(
        Formula(
            latex=r"\frac{\mathbb E\,\lVert\delta^{l}\rVert^2}{\mathbb E\,\lVert\delta^{l+1}\rVert^2} = "
            r"\frac{\sigma_w^2 / 2}{\sigma_w^2\, (1 - 1/\pi) / 2} = \frac{\pi}{\pi - 1} \approx 1.467",
            symbols=r"$\sigma_w^2 / 2$: ReLU passes half of the square on; the divisor is the variance of a net input, "
            r"$\sigma_w^2 \operatorname{Var}[\max(0, z)]$ with $z \sim \mathcal N(0, 1)$, by which the normalization "
            r"divides. The factor of the norm is its root, 1.211.",
            source="Yang et al. 2019, theorem 3.10",
        ),
    ),
    networks=(
        ("batch normalization, 30 layers", CONFIG.replace(init="he_normal", steps=50)),
        ("the same without", CONFIG.replace(init="he_normal", steps=50, normalization="none")),
    ),
    own_data=False,
    run=run,
)
