"""Pascanu et al. 2013: the wall in the error surface of a recurrent network, and gradients through time."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Any

import numpy as np

from ..config import RunConfig
from ..engine.training import Progress, one_blas_thread
from ..families.activations import ACTIVATIONS
from ..theory import fixed_points
from .entry import CHECKED, Formula, Paper
from .report import Result, Row, Stages, in_kind, near

# (a) One unit: x_t = w S(x_(t-1)) + b, E = (S(x_50) - 0.7)^2
START = 0.5
TARGET = 0.7
STEPS = 50
W_RANGE = (4.0, 7.0)
B_RANGE = (-3.5, -1.5)
GRID = 121  # points along each axis of the picture
RATE = 0.1
THRESHOLD = 0.5
WALL_WEIGHTS = (4.75, 5.0, 5.25, 5.5, 5.75, 6.0, 6.25)  # points on the wall from which a step is made
DESCENT_STEPS = 100
# (b) 50 units, backpropagation through time
UNITS = 50
LENGTH = 100
INPUT_STD = 0.3
BELOW = 0.95  # largest singular value of the recurrent weights, in units of 1 / gamma
RADIUS = 1.1  # spectral radius of the identity network
SCALES = (0.8, 1.2, 1.6)  # sigma_w of the tanh networks that mean field theory describes
SKIPPED = 20  # time steps at either end: the state and the error are still settling there
NETWORKS = 30
# A forward network whose gradients explode, for the Lab.
_FORWARD = RunConfig(
    dataset="blobs",
    samples=512,
    noise=0.4,
    hidden=(64,) * 20,
    activation="relu",
    output_activation="softmax",
    loss="cross_entropy",
    init="normal",
    init_scale=2.5**0.5,
    learning_rate=0.05,
    batch_size=64,
    steps=300,
)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return ACTIVATIONS["sigmoid"](x)


def error_and_gradient(w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(E, dE/dw, dE/db) of the one-unit network after 50 time steps, each of the shape of w and b."""
    w, b = np.broadcast_arrays(np.asarray(w, float), np.asarray(b, float))
    x = np.full(w.shape, START)
    dx_dw = np.zeros(w.shape)
    dx_db = np.zeros(w.shape)
    for _ in range(STEPS):
        s = sigmoid(x)
        slope = w * s * (1 - s)
        dx_dw = s + slope * dx_dw
        dx_db = 1 + slope * dx_db
        x = w * s + b
    o = sigmoid(x)
    dE_dx = 2 * (o - TARGET) * o * (1 - o)
    return (o - TARGET) ** 2, dE_dx * dx_dw, dE_dx * dx_db


def wall(w: float) -> float:
    """The bias at which x_0 is a fixed point: b = x_0 - w S(x_0). Where w S'(x_0) > 1 that point is unstable."""
    return START - w * float(sigmoid(np.array(START)))


def gradient_on_wall(w: float) -> float:
    """||dE/d(w, b)|| on the wall, in closed form: x_t stays at x_0, so that dx_t/db = (a^t - 1) / (a - 1)."""
    s = float(sigmoid(np.array(START)))
    a = w * s * (1 - s)
    return abs(2 * (s - TARGET) * s * (1 - s) * (a**STEPS - 1) / (a - 1)) * math.hypot(s, 1)


def descend(w: float, b: float, steps: int, threshold: float | None) -> np.ndarray:
    """Points (w, b) of gradient descent, (steps + 1, 2), with the gradient's norm clipped at a threshold or not."""
    point = np.array([w, b])
    points = [point]
    for _ in range(steps):
        gradient = np.array(error_and_gradient(*point)[1:])
        norm = np.linalg.norm(gradient)
        if threshold is not None and norm > threshold:
            gradient *= threshold / norm
        point = point - RATE * gradient
        points.append(point)
    return np.array(points)


def backpropagate(
    activation: str, W: np.ndarray, drive: np.ndarray, readout: np.ndarray, target: float
) -> tuple[float, np.ndarray]:
    """Backpropagation through time of x_t = W phi(x_(t-1)) + drive_t, x_0 = 0, E = (readout . phi(x_T) - target)^2.

    Args:
        activation: phi.
        W: (units, units), recurrent weights.
        drive: (T, units), what the inputs and the bias add at each time step.
        readout: (units,).
        target: of the output at the last time step.

    Returns:
        E, and dE/dx_t for t = 1 to T, (T, units).
    """
    phi = ACTIVATIONS[activation]
    length, units = drive.shape
    values = np.empty((length, units))
    slopes = np.empty((length, units))
    before = phi(np.zeros(units))
    for t in range(length):
        values[t], slopes[t] = phi.evaluate(W @ before + drive[t])
        before = values[t]
    residual = float(readout @ before) - target
    gradients = np.empty((length, units))
    gradients[-1] = 2 * residual * readout * slopes[-1]
    for t in reversed(range(length - 1)):
        gradients[t] = slopes[t] * (W.T @ gradients[t + 1])
    return residual**2, gradients


def gradient_norms(activation: str, W: np.ndarray, seed: int) -> np.ndarray:
    """||dE/dx_t|| / ||dE/dx_T|| of one network on one random sequence, (T,)."""
    rng = np.random.default_rng([seed, 1])
    drive = INPUT_STD * rng.standard_normal((LENGTH, UNITS))
    readout = rng.standard_normal(UNITS) / math.sqrt(UNITS)
    norms = np.linalg.norm(backpropagate(activation, W, drive, readout, target=1.0)[1], axis=1)
    return norms / norms[-1]


def run(on_progress: Progress | None = None, executor: Executor | None = None, *, networks: int = NETWORKS) -> Result:
    """The wall and steps from it; gradients by time step against the bound and against mean field theory.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        networks: recurrent networks of each kind.
    """
    stages = Stages(on_progress, [1, 1, 1])
    with one_blas_thread:
        wall_rows, wall_series = _run_wall(stages.stage(0))
        bound_rows, bound_series = _run_bound(networks, stages.stage(1))
        field_rows, field_series = _run_mean_field(networks, stages.stage(2))
    rows = (*wall_rows, *bound_rows, *field_rows)
    return Result(
        rows=rows, series=wall_series | {"bound": bound_series, "mean_field": field_series}, seconds=stages.seconds
    )


def _run_wall(report: Progress) -> tuple[list, dict]:
    w = np.linspace(*W_RANGE, GRID)
    b = np.linspace(*B_RANGE, GRID)
    errors, *gradient = error_and_gradient(*np.meshgrid(w, b))
    typical = float(np.median(np.hypot(*gradient)))
    starts = [(weight, wall(weight)) for weight in WALL_WEIGHTS]
    on_wall = [float(np.hypot(*error_and_gradient(*np.asarray(start))[1:])) for start in starts]
    jumps = []
    clipped = []
    for i, start in enumerate(starts):
        jumps.append(descend(*start, 1, None)[-1])
        clipped.append(descend(*start, DESCENT_STEPS, THRESHOLD))
        report(i + 1, len(starts))
    lengths = [float(np.linalg.norm(np.subtract(jump, start))) for jump, start in zip(jumps, starts, strict=True)]
    left = sum(not _is_inside(jump) for jump in jumps)
    stayed = sum(all(map(_is_inside, path)) for path in clipped)
    lowest = [float(error_and_gradient(*path.T)[0].min()) for path in clipped]
    n_reached = sum(error < 0.02 for error in lowest)
    rows = [
        near(
            "Gradient norm on the wall at w = 5",
            gradient_on_wall(5.0),
            on_wall[WALL_WEIGHTS.index(5.0)],
            1e-6 * gradient_on_wall(5.0),
            "exact but for rounding: on the wall x stays where it starts",
            against="theory",
        ),
        in_kind(
            "Fig. 6: the error surface",
            "has a wall of high curvature",
            f"gradient norm {min(on_wall):,.0f} to {max(on_wall):,.0f} on it, {typical:.2f} at a typical point",
            min(on_wall) > 100 * typical,
            "a hundred times the median of the picture",
        ),
        in_kind(
            "Fig. 6: one step from the wall",
            "leaves the valley",
            f"{left} of {len(starts)} lead out of the picture, over a distance of {min(lengths):,.0f} to "
            f"{max(lengths):,.0f}",
            left == len(starts),
            "every step",
        ),
        in_kind(
            f"Fig. 6: {DESCENT_STEPS} steps with the gradient norm clipped at {THRESHOLD:g}",
            "stay near the wall and go on",
            f"{stayed} of {len(starts)} stay in the picture; {n_reached} get below an error of 0.02",
            stayed == len(starts) and n_reached > len(starts) / 2,
            "all stay, most get below 0.02",
        ),
    ]
    k = WALL_WEIGHTS.index(5.0)
    series = {"w": w, "b": b, "errors": errors, "start": starts[k], "jump": jumps[k], "clipped": clipped[k]}
    return rows, series


def _is_inside(point: np.ndarray) -> bool:
    w_low, w_high = W_RANGE
    b_low, b_high = B_RANGE
    return bool(w_low <= point[0] <= w_high and b_low <= point[1] <= b_high)


def _run_bound(networks: int, report: Progress) -> tuple[list, dict]:
    """Recurrent weights whose largest singular value is just below 1 / gamma, gamma = sup |phi'|."""
    rows: list[Row] = []
    series: dict[str, Any] = {"activations": ["tanh", "sigmoid"], "norms": [], "eta": BELOW}
    for k, activation in enumerate(series["activations"]):
        gamma = ACTIVATIONS[activation].sup_slope
        norms = []
        for seed in range(networks):
            W = np.random.default_rng([seed, 0]).standard_normal((UNITS, UNITS))
            norms.append(gradient_norms(activation, W * (BELOW / gamma / np.linalg.norm(W, 2)), seed))
            report(k * networks + seed + 1, len(series["activations"]) * networks)
        norms = np.array(norms)
        bound = BELOW ** np.arange(LENGTH - 1, -1, -1)
        below = int((norms <= bound * (1 + 1e-9)).all(axis=1).sum())
        rows.append(
            in_kind(
                f"{activation}, largest singular value {BELOW / gamma:.3g} < 1/γ = {1 / gamma:g}",
                "the gradient vanishes, at least as fast as the bound",
                f"{below} of {networks} networks are below {BELOW:g}^(T − t) at every time step; "
                f"median {np.median(norms[:, 0]):.1e} after {LENGTH} steps, bound {bound[0]:.1e}",
                below == networks,
                "a theorem: every network, at every time step",
            )
        )
        series["norms"].append(np.median(norms, axis=0))
    return rows, series


def _run_mean_field(networks: int, report: Progress) -> tuple[list, dict]:
    """Factors of the gradient norm by time step: the identity's against the spectral radius, tanh's against chi."""
    rows: list[Row] = []
    series: dict[str, Any] = {"scales": list(SCALES), "norms": [], "factors": []}
    steps = np.arange(LENGTH - 2 * SKIPPED)
    rates = []
    for seed in range(networks):
        W = np.random.default_rng([seed, 0]).standard_normal((UNITS, UNITS))
        W *= RADIUS / np.abs(np.linalg.eigvals(W)).max()
        rates.append(-np.polyfit(steps, np.log(gradient_norms("linear", W, seed))[SKIPPED:-SKIPPED], 1)[0])
    rows.append(
        near(
            f"identity, spectral radius {RADIUS:g}: factor of the gradient norm by time step",
            RADIUS,
            math.exp(np.median(rates)),
            0.02,
            f"the largest eigenvalue takes over as t grows; {LENGTH} steps are few, and {networks} networks a sample",
            against="theory",
        )
    )
    for done, scale in enumerate(SCALES):
        norms = []
        for seed in range(networks):
            W = np.random.default_rng([seed, 0]).standard_normal((UNITS, UNITS)) * (scale / math.sqrt(UNITS))
            norms.append(gradient_norms("tanh", W, seed))
        slope = -np.polyfit(steps, np.log(norms).mean(axis=0)[SKIPPED:-SKIPPED], 1)[0]
        chi = max(point.chi for point in fixed_points("tanh", scale, INPUT_STD) if point.stable)
        rows.append(
            near(
                f"tanh, σ_w = {scale:g}: factor of the gradient norm by time step",
                math.sqrt(chi),
                math.exp(slope),
                0.05 * math.sqrt(chi),
                f"5 %: √χ holds for wide networks, and these have {UNITS} units",
                against="theory",
            )
        )
        series["norms"].append(np.median(norms, axis=0))
        series["factors"].append(math.sqrt(chi))
        report(done + 1, len(SCALES))
    return rows, series


PAPER = Paper(
    name="pascanu_2013",
    label="Pascanu et al. 2013",
    subject="Recurrent networks have walls, and clipping survives them",
    title="On the difficulty of training recurrent neural networks",
    authors="Razvan Pascanu, Tomas Mikolov, Yoshua Bengio",
    year=2013,
    link="https://arxiv.org/abs/1211.5063",
    claims=(
        (
            "The error surface of one recurrent unit over 50 time steps has walls of high curvature. A step of "
            "gradient descent at a wall leads far away; a step whose gradient is clipped stays (fig. 6).",
            CHECKED,
        ),
        (
            "If the largest singular value of the recurrent weights is below 1/γ, with γ the largest slope of the "
            "activation (1 for tanh, 1/4 for the sigmoid), the gradient vanishes exponentially with time.",
            CHECKED,
        ),
    ),
    settings=(
        "(a) x_t = w S(x_(t−1)) + b with x_0 = 0.5 and E = (S(x_50) − 0.7)²; learning rate 0.1, gradient norm clipped "
        "at 0.5",
        "(b) 50 units, 100 time steps with random inputs (their sum has the standard deviation 0.3), backpropagation "
        "through time from an error at the last step; 30 networks of each kind",
    ),
    caveat="The paper draws its surface without naming its range; here w runs from 4 to 7 and b from −3.5 to −1.5. "
    "Mean field theory for recurrent networks is by Chen, Pennington and Schoenholz (2018, arXiv:1806.05394). The Lab "
    "has no recurrent networks; there the layers take the place of the time steps.",
    formulas=(
        Formula(
            latex=r"\left\lVert \frac{\partial E}{\partial x_t} \right\rVert \le \eta^{T-t} \left\lVert "
            r"\frac{\partial E}{\partial x_T} \right\rVert,\qquad \eta = \gamma\, \sigma_{\mathrm{max}}(W)",
            symbols=(
                r"$x_t$: the state at time $t$ of $T$; $\sigma_{\mathrm{max}}(W)$: the largest singular value of the "
                r"recurrent weights; $\gamma = \sup |\varphi'|$."
            ),
            source="Pascanu et al. 2013, section 2.1",
        ),
        Formula(
            latex=r"g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)",
            symbols=r"$g$: the gradient in all parameters jointly; $c$: the threshold.",
            source="Pascanu et al. 2013, algorithm 1",
        ),
        Formula(
            latex=r"b = x_0 - w\, S(x_0)",
            symbols=(
                r"The wall: here $x_0$ is a fixed point of the recurrence, unstable where $w\, S'(x_0) > 1$, and "
                "separates the states that go up from those that go down."
            ),
            source="derived here",
        ),
    ),
    networks=(
        ("exploding, not clipped", _FORWARD),
        ("clipped at 1", _FORWARD.replace(clip="global_norm", clip_threshold=1.0)),
    ),
    own_data=True,
    run=run,
)
