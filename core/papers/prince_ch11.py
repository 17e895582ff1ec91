"""Prince 2023, chapter 11: the size of states and gradients in residual networks at initialization."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress
from .blocks import Block, pass_through
from .entry import CHECKED, Formula, Paper
from .report import Result, Stages, in_kind, near

BLOCKS = 50
WIDTH = 200
SAMPLES = 128
NETWORKS = 6
KINDS = {
    "plain": Block(label="no skip connection", skip=0.0, branch=1.0, normalized=False),
    "residual": Block(label="residual", skip=1.0, branch=1.0, normalized=False),
    "scaled": Block(label="residual, scaled by 1/√2", skip=0.5**0.5, branch=0.5**0.5, normalized=False),
    "normalized": Block(label="residual, batch normalization", skip=1.0, branch=1.0, normalized=True),
}


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    networks: int = NETWORKS,
    width: int = WIDTH,
) -> Result:
    """Mean squares of states and gradients by block for four kinds of block.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        networks: seeds of each kind.
        width: units of a block.
    """
    stages = Stages(on_progress, [1] * len(KINDS) * networks)
    forward = {}
    backward = {}
    for k, (name, block) in enumerate(KINDS.items()):
        states = []
        gradients = []
        for seed in range(networks):
            y = np.random.default_rng([seed, 1]).standard_normal((SAMPLES, width))
            passes = pass_through(block, y, BLOCKS, seed, stages.stage(k * networks + seed))
            states.append((passes.states**2).mean(axis=(1, 2)))
            gradients.append((passes.gradients**2).mean(axis=(1, 2)))
        forward[name] = np.exp(np.log(states).mean(axis=0))
        backward[name] = np.exp(np.log(gradients).mean(axis=0))
        backward[name] = backward[name] / backward[name][-1]
    error = f"4 %: {networks} networks of {width} units"
    block_factors = {name: (square[-1] / square[0]) ** (1 / BLOCKS) for name, square in forward.items()}
    back = {name: backward[name][0] ** (1 / BLOCKS) for name in KINDS}
    linear = forward["normalized"]
    slope = float(np.polyfit(np.arange(BLOCKS + 1), linear, 1)[0])
    bend = float(np.abs(linear - (linear[0] + np.arange(BLOCKS + 1))).max() / BLOCKS)
    rows = (
        near("residual: factor of the variance by block, forward", 2.0, block_factors["residual"], 0.08, error),
        near("residual: factor of the squared gradient by block, backward", 2.0, back["residual"], 0.08, error),
        near("scaled by 1/√2: factor of the variance by block, forward", 1.0, block_factors["scaled"], 0.04, error),
        near("scaled by 1/√2: factor of the squared gradient, backward", 1.0, back["scaled"], 0.04, error),
        near("batch normalization: growth of the variance by block", 1.0, slope, 0.1, "10 %: " + error[5:]),
        in_kind(
            "batch normalization: the variance over the blocks",
            "grows linearly",
            f"from {linear[0]:.1f} to {linear[-1]:.1f} in {BLOCKS} blocks, at most {bend:.0%} off a straight line",
            bend < 0.15,
            "within 15 % of 1 + l after l blocks",
        ),
        in_kind(
            "batch normalization: the gradient",
            "no longer explodes exponentially",
            f"its square grows {backward['normalized'][0]:,.0f}-fold, without normalization "
            f"{backward['residual'][0]:.0e}-fold",
            backward["normalized"][0] < 1e-6 * backward["residual"][0],
            "a million times less",
        ),
    )
    series = {
        "kinds": [[name, block.label] for name, block in KINDS.items()],
        "forward": forward,
        "backward": backward,
    }
    return Result(rows=rows, series=series, seconds=stages.seconds)


_LAB = RunConfig(
    dataset="blobs",
    samples=256,
    hidden=(64,) * 30,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    init="he_normal",
    bias=False,
    steps=20,
    learning_rate=0.01,
)

PAPER = Paper(
    name="prince_ch11",
    label="Prince 2023, ch. 11",
    subject="Residual networks explode too, unless they are scaled or normalized",
    title="Understanding Deep Learning, chapter 11: Residual networks",
    authors="Simon Prince",
    year=2023,
    link="https://udlbook.github.io/udlbook/",
    claims=(
        (
            "With He’s init a residual block doubles the variance of the activations, and of the gradients on their "
            "way back: both explode exponentially.",
            CHECKED,
        ),
        ("Multiplying by 1/√2 after each block keeps the variance.", CHECKED),
        ("Batch normalization at the start of each branch makes the variance grow linearly.", CHECKED),
    ),
    settings=(
        "50 blocks y ← y + W ReLU(y) of 200 units, W ~ N(0, 2/200), no biases; 6 networks of each kind",
        "128 standard normal inputs; gradients of one random readout, at initialization",
        "batch normalization over the 128 inputs; its means and standard deviations are constants in the backward pass",
    ),
    caveat="The blocks are pre-activation blocks, as in the book. The Lab’s residual layers apply the activation last, "
    "y ← y + ReLU(W y), so that what they add is never negative and the variance grows faster there.",
    formulas=(
        Formula(
            latex=r"\operatorname{Var} y^{l+1} = \operatorname{Var} y^l + 2 \cdot \tfrac12 \operatorname{Var} y^l "
            r"= 2 \operatorname{Var} y^l",
            symbols=(
                "$y^l$: the state before block $l$. He’s init makes up for the half that ReLU takes away, so that the "
                "branch adds as much variance as it gets. Normalized, the branch adds 1."
            ),
            source="Prince 2023, section 11.3",
        ),
    ),
    networks=(
        ("residual, 30 layers", _LAB.replace(residual=True)),
        ("residual with batch normalization", _LAB.replace(residual=True, normalization="batch")),
    ),
    own_data=True,
    run=run,
)
