"""Balduzzi et al. 2017: gradients at two inputs become unrelated with depth, unless there are skip connections."""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress
from .blocks import Block, pass_through
from .entry import CHECKED, Formula, Paper
from .report import Result, Stages, in_kind, near

WIDTH = 200
SAMPLES = 64
NETWORKS = 10
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 20, 35, 50)
SHALLOW = 4  # blocks up to which the plain network's correlation stands out from the noise of 64 inputs
DEEP = 8  # blocks from which the power law of residual networks is read
KINDS = {
    "plain": Block(label="no skip connections", skip=0.0, branch=1.0, normalized=True),
    "residual": Block(label="skip connections", skip=1.0, branch=1.0, normalized=True),
}
CURVES = (("plain", 1), ("plain", 24), ("residual", 50))  # as in the paper's first figure
POINTS = 256  # of the interval [-2, 2]
ACTIVE = 0.5  # share of units that pass a gradient on; at two unrelated inputs half of them do at both
GROWTH = 1 - 1 / math.pi  # of the variance between inputs in one block with a skip connection


def correlation(gradients: np.ndarray) -> float:
    """Mean scalar product between the gradients at two inputs over that of one with itself; (samples, width)."""
    samples = len(gradients)
    same = float((gradients * gradients).sum())
    pairs = float((gradients.sum(axis=0) ** 2).sum()) - same
    return pairs / (samples - 1) / same


def expected_residual_correlation(blocks: int) -> float:
    """Correlation of gradients after so many blocks with skip connections, in wide layers and large batches.

    A block adds W relu(z), z ~ N(0, 1), whose variance over inputs is 1 - 1 / pi, so that normalization divides by
    v_l = 1 + (1 - 1 / pi) l after l blocks. The branch passes on 1 / v_l of the squared gradient, and half as much of
    the product of gradients at two inputs.
    """
    v = 1 + GROWTH * np.arange(blocks)
    return float(np.prod((1 + ACTIVE / v) / (1 + 1 / v)))


def input_gradient(block: Block, blocks: int, seed: int, report: Progress) -> np.ndarray:
    """df/dx at evenly spaced x in [-2, 2] of a network from one number to one number, (POINTS,), scaled to 1."""
    rng = np.random.default_rng([seed, 2])
    x = np.linspace(-2, 2, POINTS)
    direction = rng.standard_normal(WIDTH)
    bias = rng.standard_normal(WIDTH)
    passes = pass_through(block, x[:, None] * direction + bias, blocks, seed, report)
    slope = passes.gradients[0] @ direction
    return slope / np.abs(slope).max()


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    networks: int = NETWORKS,
    width: int = WIDTH,
) -> Result:
    """Correlation of gradients between inputs by depth, with and without skip connections.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        networks: seeds of each depth and kind.
        width: units of a block.
    """
    stages = Stages(on_progress, [depth for _ in KINDS for depth in DEPTHS for _ in range(networks)])
    correlations = {}
    index = 0
    for name, block in KINDS.items():
        by_depth = []
        for depth in DEPTHS:
            values = []
            for seed in range(networks):
                y = np.random.default_rng([seed, 1]).standard_normal((SAMPLES, width))
                values.append(correlation(pass_through(block, y, depth, seed, stages.stage(index)).gradients[0]))
                index += 1
            by_depth.append(float(np.mean(values)))
        correlations[name] = np.array(by_depth)
    depths = np.array(DEPTHS)
    shallow = depths <= SHALLOW
    deep = depths >= DEEP
    factor = math.exp(np.polyfit(depths[shallow], np.log(correlations["plain"][shallow]), 1)[0])
    power = float(np.polyfit(np.log(depths[deep]), np.log(correlations["residual"][deep]), 1)[0])
    first = correlations["residual"][0]
    last = correlations["residual"][-1]
    expected = [expected_residual_correlation(depth) for depth in DEPTHS]
    rows = (
        near(
            "no skip connections: factor of the correlation by layer",
            0.5,
            factor,
            0.04,
            f"8 %: {networks} networks of {width} units, {SAMPLES} inputs",
            against="theory",
        ),
        in_kind(
            f"no skip connections: correlation after {DEPTHS[-1]} layers",
            "gone: white noise",
            f"{abs(correlations['plain'][-1]):.1e}",
            abs(correlations["plain"][-1]) < 0.01,
            "below 0.01",
        ),
        in_kind(
            f"skip connections: correlation after {DEPTHS[-1]} blocks",
            "falls sublinearly",
            f"from {first:.2f} to {last:.2f}, like depth to the power {power:.2f}",
            -1 < power < 0 and last > 0.03,
            "a power of depth between −1 and 0, from 8 blocks on",
        ),
        near(
            "skip connections: power of depth",
            -0.5,
            power,
            0.1,
            "from 8 blocks on; the paper’s theorem 3 says 1/√L",
        ),
        near(
            f"skip connections: correlation after {DEPTHS[-1]} blocks, by the product of all blocks",
            expected[-1],
            last,
            0.2 * expected[-1],
            f"20 %: the product is for wide layers and many inputs, here are {width} units and {SAMPLES} inputs",
            against="theory",
        ),
    )
    series = {
        "depths": list(DEPTHS),
        "correlations": correlations,
        "expected": {"plain": [ACTIVE**depth for depth in DEPTHS], "residual": expected},
        "labels": {name: block.label for name, block in KINDS.items()},
        "x": np.linspace(-2, 2, POINTS),
        "curves": [
            {"kind": name, "blocks": blocks, "slope": input_gradient(KINDS[name], blocks, 0, lambda done, total: None)}
            for name, blocks in CURVES
        ],
    }
    return Result(rows=rows, series=series, seconds=stages.seconds)


_LAB = RunConfig(
    dataset="blobs",
    samples=256,
    hidden=(64,) * 24,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    init="he_normal",
    normalization="batch",
    bias=False,
    steps=100,
    learning_rate=0.05,
)

PAPER = Paper(
    name="balduzzi_2017",
    label="Balduzzi et al. 2017",
    subject="Gradients shatter with depth",
    title="The shattered gradients problem: If resnets are the answer, then what is the question?",
    authors="David Balduzzi, Marcus Frean, Lennox Leary, JP Lewis, Kurt Wan-Duo Ma, Brian McWilliams",
    year=2017,
    link="https://arxiv.org/abs/1702.08591",
    claims=(
        (
            "In plain networks the correlation between the gradients at two inputs decays exponentially with depth, "
            "until they resemble white noise; with skip connections it decays sublinearly.",
            CHECKED,
        ),
        (
            "For ReLU the decays are 1/2^L (theorem 1), and 1/√L with skip connections and batch normalization "
            "(theorem 3).",
            CHECKED,
        ),
    ),
    settings=(
        "1 to 50 layers y ← W ReLU(N(y)), or blocks y ← y + W ReLU(N(y)), of 200 units, He’s init, no biases; N is "
        "batch normalization; 10 networks of each depth",
        "64 standard normal inputs; the correlation is the mean scalar product of gradients at two inputs over that of "
        "a gradient with itself",
        "means and standard deviations of the normalization are constants in the backward pass",
    ),
    caveat="The paper’s figure has one number as input and draws the autocorrelation over nearby inputs; our second "
    "chart is its first figure, and the correlations are between unrelated inputs, as in its theorems. With skip "
    "connections ours fall faster than 1/√L, like depth to the power −0.7: normalization divides by the variance "
    "between inputs, and of the square that a block adds only the share 1 − 1/π varies between them. If all of it did, "
    "the product below would fall like 1/√L.",
    formulas=(
        Formula(
            latex=r"\rho_L = \frac{\mathbb E\,[\, g_L(x) \cdot g_L(x')\,]}{\mathbb E\,\lVert g_L(x) \rVert^2} = "
            r"\left(\frac12\right)^{L}",
            symbols=(
                "$g_L$: the gradient through $L$ layers. At one input half of the units are active, at two unrelated "
                "inputs a quarter are active for both: each layer halves the correlation."
            ),
            source="Balduzzi et al. 2017, theorem 1",
        ),
        Formula(
            latex=(
                r"\rho_L = \prod_{l=0}^{L-1} \frac{1 + 1 / (2 v_l)}{1 + 1 / v_l},\qquad "
                r"v_l = 1 + \left(1 - \frac1\pi\right) l"
            ),
            symbols=(
                "With skip connections; $v_l$: the variance between inputs before block $l + 1$, by which its "
                "normalization divides."
            ),
            source="derived here",
        ),
    ),
    networks=(
        ("24 layers, plain", _LAB),
        ("24 layers, residual", _LAB.replace(residual=True)),
    ),
    own_data=True,
    run=run,
)
