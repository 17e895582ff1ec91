"""Glorot & Bengio 2010, section 4.2: activations and gradients at initialization, two ways to draw the weights."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, one_blas_thread, snapshot
from ..families.activations import ACTIVATIONS
from ..theory import moments
from ..trace import Snapshot
from .entry import CHECKED, Formula, Paper
from .report import Result, Row, Stages, in_kind, near

INPUTS = 1024
CLASSES = 10
SAMPLES = 300
HIDDEN = 5
CONFIG = RunConfig(
    hidden=(1000,) * HIDDEN,
    activation="tanh",
    output_activation="softmax",
    loss="cross_entropy",
    samples=SAMPLES,
    steps=0,
)
INITS = {
    # U(+-1/sqrt n) has the standard deviation 1/sqrt(3n)
    "standard": {"init": "uniform", "init_scale": 3**-0.5},
    "normalized": {"init": "glorot_uniform", "init_scale": 1.0},
}
REFERENCE = {"standard": 0.5, "normalized": 0.8}
BINS = 60


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Standard normal inputs with a class of ten at random."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((SAMPLES, INPUTS)), np.eye(CLASSES)[rng.integers(0, CLASSES, SAMPLES)]


def run(on_progress: Progress | None = None, executor: Executor | None = None, *, width: int = 1000) -> Result:
    """Spread of activations, delta and weight gradients by layer, and singular values of the layers' Jacobians.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        width: units of a hidden layer.
    """
    stages = Stages(on_progress, [1, 1])
    data = inputs()
    series: dict[str, Any] = {"inits": list(INITS)}
    rows: list[Row] = []
    shrinks: dict[str, float] = {}
    for stage, (name, init) in enumerate(INITS.items()):
        config = CONFIG.replace(hidden=(width,) * HIDDEN, **init)
        report = stages.stage(stage)
        snap = snapshot(config, data=data)
        spreads = {
            "activation": [float(y.std()) for y in snap.activation[:-1]],
            "delta": [float(delta.std()) for delta in snap.delta[:-1]],
            "weight_gradient": [float(G.std()) for G in snap.weight_gradient[:-1]],
        }
        # from hidden layer 2 on: the slope in layer 1 is set by the scale of the inputs, which later layers forget
        singular = float(np.mean([_mean_singular_value(snap, layer, report) for layer in range(2, HIDDEN)]))
        theory = _theory(data[0], width, config)
        ratio = (spreads["delta"][0] / spreads["delta"][-1]) ** (1 / (HIDDEN - 1))
        shrinks[name] = spreads["delta"][0] / spreads["delta"][-1]
        series[name] = spreads | {"theory": theory, "ratio": ratio, "singular": singular} | _histograms(snap)
        one_digit = "the paper rounds to one digit"
        rows.append(
            near(f"{name}: mean singular value of a layer's Jacobian", REFERENCE[name], singular, 0.05, one_digit)
        )
        rows.append(near(f"{name}: what one layer multiplies delta by", REFERENCE[name], ratio, 0.05, one_digit))
        noise = 0.01 + 3 / np.sqrt(width)  # of layers near the top, in units of the spread itself
        for layer in (0, HIDDEN - 1):
            rows.append(
                near(
                    f"{name}: standard deviation of activations, hidden layer {layer + 1}",
                    theory[layer],
                    spreads["activation"][layer],
                    theory[layer] * noise / 5,
                    f"order 1/sqrt(width) at {width} units",
                    against="theory",
                )
            )
    rows.append(
        in_kind(
            "Fig. 7: delta shrinks on its way down",
            "only with the standard init",
            f"to {shrinks['standard']:.2f} of the top with the standard init, to {shrinks['normalized']:.2f} with the "
            "normalized one",
            shrinks["standard"] < 0.15 and shrinks["normalized"] > 0.3,
            "standard below 0.15 (a half a layer would be 0.06), normalized above 0.3 (0.8 a layer would be 0.41)",
        )
    )
    gradient = series["standard"]["weight_gradient"]
    level = max(gradient) / min(gradient)
    rows.append(
        in_kind(
            "Fig. 8: weight gradients with the standard init",
            "the same in every layer",
            f"largest / smallest spread {level:.2f}",
            level < 1.15,
            "within 15 %: eq. 14 makes them equal up to the randomness of one network",
        )
    )
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


def _mean_singular_value(snap: Snapshot, layer: int, on_progress: Progress) -> float:
    """Of dz^(l+1) / dz^l = diag(phi'(z^l)) W^(l+1) at the first sample; W maps from rows to columns."""
    slope = ACTIVATIONS["tanh"].slope(snap.net[layer - 1][0])
    with one_blas_thread:
        J = slope[:, None] * snap.weights[layer][0]
        values = np.sqrt(np.clip(np.linalg.eigvalsh(J.T @ J), 0, None))
    on_progress(layer, HIDDEN)
    return float(values.mean())


def _theory(X: np.ndarray, width: int, config: RunConfig) -> list[float]:
    """Standard deviation of each hidden layer's activations: q^(l+1) = fan_in Var(W) E[phi(z)^2], z ~ N(0, q^l)."""

    def gain(fan_in: int, fan_out: int) -> float:
        return 1 / 3 if config.init == "uniform" else 2 * fan_in / (fan_in + fan_out)

    q = gain(X.shape[1], width) * float(np.mean(X * X))
    spreads = []
    for _ in range(HIDDEN):
        second = float(moments("tanh", q).second)
        spreads.append(second**0.5)
        q = gain(width, width) * second
    return spreads


def _histograms(snap: Snapshot) -> dict[str, Any]:
    """Densities by hidden layer on shared bins: activations, delta, weight gradients."""
    histograms = {}
    for name, values in (
        ("activations", snap.activation[:-1]),
        ("deltas", snap.delta[:-1]),
        ("weight_gradients", snap.weight_gradient[:-1]),
    ):
        widest = max(float(layer.std()) for layer in values)
        edges = np.linspace(-3.5, 3.5, BINS + 1) * widest if name != "activations" else np.linspace(-1, 1, BINS + 1)
        histograms[name] = {
            "centers": ((edges[1:] + edges[:-1]) / 2).tolist(),
            "densities": [np.histogram(layer, edges, density=True)[0].tolist() for layer in values],
        }
    return histograms


PAPER = Paper(
    name="glorot_2010",
    label="Glorot & Bengio 2010",
    subject="An init that keeps gradients level in tanh networks",
    title="Understanding the difficulty of training deep feedforward neural networks",
    authors="Xavier Glorot, Yoshua Bengio",
    year=2010,
    link="https://proceedings.mlr.press/v9/glorot10a.html",
    claims=(
        (
            "With the normalized init the average singular value of a layer’s Jacobian, and the ratio between "
            "neighboring layers that goes with it, is around 0.8; with the standard one it drops to 0.5.",
            CHECKED,
        ),
        ("Gradients at net inputs shrink on their way down with the standard init only (fig. 7).", CHECKED),
        ("Weight gradients do not, even with the standard init (fig. 8).", CHECKED),
    ),
    settings=(
        "tanh, 1,024 inputs, 5 hidden layers of 1,000 units, 10 softmax outputs, zero biases",
        "standard init: uniform on ±1/√n; normalized: uniform on ±√(6 / (fan_in + fan_out))",
        "300 samples with standard normal inputs, at initialization",
    ),
    caveat="The paper draws its figures from image data; here inputs are random numbers. Its figures of 0.8 "
    "and 0.5 stand for a singular value and for a ratio of sizes at once, which for random matrices differ by "
    "15 %: the mean of the singular values is less than the root of their mean square.",
    formulas=(
        Formula(
            latex=r"\operatorname{Var} W = \frac{1}{3n} \;\text{(standard)},\qquad "
            r"\operatorname{Var} W = \frac{2}{\text{fan\_in} + \text{fan\_out}} \;\text{(normalized)}",
            symbols=r"$n$: units of the layer before; a uniform number on $\pm a$ has variance $a^2 / 3$.",
            source="Glorot & Bengio 2010, eq. 1 and 16",
        ),
        Formula(
            latex=r"J^l = \frac{\partial z^{l+1}}{\partial z^l} = \operatorname{diag}(\varphi'(z^l))\, W^{l+1}",
            symbols=r"$z^l$: net inputs of layer $l$; $W^{l+1}$: the weights that follow, from unit $i$ (row) to $j$.",
            source="Glorot & Bengio 2010, section 4.2.1",
        ),
    ),
    networks=tuple((f"{name} init", CONFIG.replace(dataset="digits", **init)) for name, init in INITS.items()),
    own_data=True,
    run=run,
)
