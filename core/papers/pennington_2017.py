"""Pennington et al. 2017: the singular values of a deep network's Jacobian, by activation and weights."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from ..choices import ActivationName
from ..config import RunConfig
from ..curvature import jacobian_singular_values
from ..engine.training import Progress, train
from ..theory import moments
from ..theory.spectrum import jacobian_spectrum, relative_variance
from .entry import CHECKED, Formula, Paper
from .report import Result, Row, Stages, in_kind, near

DEPTH = 16
WIDTH = 200
NETWORKS = 6
DEPTHS = (2, 4, 8, 16)
BINS = 60  # of ln(singular value)
RANGE = 1e-3, 20.0  # of the singular values drawn
CLOSE = 0.15  # share of theory's variance, which single large singular values sway, at full size
ZERO = 1e-9  # of the largest: what is smaller is rounding


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of network, at criticality: chi = 1.

    Attributes:
        label: for a reader.
        activation: its name.
        q: variance of the net inputs, a fixed point; for ReLU any number is.
        orthogonal: whether the weights are, rather than Gaussian.
    """

    label: str
    activation: ActivationName
    q: float
    orthogonal: bool

    @property
    def sigmas(self) -> tuple[float, float]:
        """(sigma_w, sigma_b) at which chi = 1 and q stays."""
        activation_moments = moments(self.activation, self.q)
        gain = 1 / float(activation_moments.slope2)
        return math.sqrt(gain), math.sqrt(max(self.q - gain * float(activation_moments.second), 0.0))

    def config(self, width: int, depth: int) -> RunConfig:
        """The network, with as many inputs as units in a layer."""
        sigma_w, sigma_b = self.sigmas
        init = "orthogonal" if self.orthogonal else "normal"
        return RunConfig(
            activation=self.activation,
            init=init,
            init_scale=sigma_w,
            bias_std=sigma_b,
            hidden=(width,) * depth,
            samples=2,
            steps=0,
        )

    def sample(self, width: int) -> np.ndarray:
        """Two equal inputs of the length that gives the first layer the variance q."""
        sigma_w, sigma_b = self.sigmas
        x = np.random.default_rng(0).standard_normal(width)
        x *= math.sqrt((self.q - sigma_b**2) * width) / (sigma_w * np.linalg.norm(x))
        return np.array([x, x])


KINDS = (
    Kind(label="ReLU, Gaussian", activation="relu", q=1.0, orthogonal=False),
    Kind(label="ReLU, orthogonal", activation="relu", q=1.0, orthogonal=True),
    Kind(label="tanh, Gaussian", activation="tanh", q=0.01, orthogonal=False),
    Kind(label="tanh, orthogonal", activation="tanh", q=0.01, orthogonal=True),
    Kind(label="tanh, orthogonal, large q", activation="tanh", q=0.5, orthogonal=True),
)
RELU = (0, 1)
TANH_GAUSSIAN = 2
TANH_ORTHOGONAL = 3


def run(
    on_progress: Progress | None = None,
    executor: Executor | None = None,
    *,
    networks: int = NETWORKS,
    width: int = WIDTH,
) -> Result:
    """Singular values of the Jacobian of the hidden layers, of five kinds of network, beside theory.

    Args:
        on_progress: as in `train`.
        executor: not needed, the run takes seconds.
        networks: seeds of each kind.
        width: units of a layer.
    """
    stages = Stages(on_progress, [1] * len(KINDS) * networks)
    edges = np.linspace(*np.log(RANGE), BINS + 1)
    share = CLOSE * math.sqrt(NETWORKS * WIDTH / (networks * width))
    rows: list[Row] = []
    variances = []
    expected = []
    spectra = []
    histograms = []
    for k, kind in enumerate(KINDS):
        values = []
        for seed in range(networks):
            values.append(_singular_values(kind, width, seed, stages.stage(k * networks + seed)))
        by_depth = np.array(values)  # (networks, depths, width)
        squares = by_depth**2
        variance = (squares.var(axis=2) / squares.mean(axis=2) ** 2).mean(axis=0)
        theory = [relative_variance(kind.activation, kind.q, depth, orthogonal=kind.orthogonal) for depth in DEPTHS]
        spectrum = jacobian_spectrum(kind.activation, kind.sigmas[0], kind.q, DEPTH, orthogonal=kind.orthogonal)
        deepest = by_depth[:, -1].ravel()
        distance = _largest_distance(deepest, spectrum.value, spectrum.share_above)
        rows += [
            near(
                f"{kind.label}: variance of the squared singular values over their squared mean",
                theory[-1],
                variance[-1],
                share * theory[-1],
                f"{share:.0%}: fourth powers of {networks} networks of {width} units; theory is for wide ones",
                against="theory",
            ),
            near(
                f"{kind.label}: largest distance between the cumulative spectra",
                0.0,
                distance,
                0.05,
                "5 % of the singular values",
                against="theory",
            ),
        ]
        counts = np.histogram(np.log(np.maximum(deepest, 1e-300)), edges)[0]
        inside = (spectrum.value >= RANGE[0]) & (spectrum.value <= RANGE[1])
        spectra.append({"value": spectrum.value[inside], "density": spectrum.density[inside]})
        variances.append(variance)
        expected.append(theory)
        histograms.append({"values": deepest, "densities": counts / (deepest.size * np.diff(edges))})
    rows += _claims([part["values"] for part in histograms])
    series = {
        "labels": [kind.label for kind in KINDS],
        "centers": np.exp((edges[1:] + edges[:-1]) / 2),
        "densities": [part["densities"] for part in histograms],
        "theory": spectra,
        "depths": list(DEPTHS),
        "variances": variances,
        "expected": expected,
    }
    return Result(rows=tuple(rows), series=series, seconds=stages.seconds)


def _claims(values: list[np.ndarray]) -> list[Row]:
    """The claims of the abstract, beside the singular values of each kind."""
    shares = [float((values[k] < ZERO * values[k].max()).mean()) for k in RELU]
    largest = min(float(values[k].max()) for k in RELU)
    low, high = np.quantile(values[TANH_GAUSSIAN], (0.1, 1.0))
    orthogonal = values[TANH_ORTHOGONAL]
    return [
        in_kind(
            f"ReLU networks, {DEPTH} layers",
            "are incapable of dynamical isometry",
            f"{min(shares):.0%} or more of the singular values vanish, the largest is {largest:.1f} or more",
            min(shares) > 0.45 and largest > 3,
            "more than 45 % are below 1e-9 of the largest, and that is above 3; σ_w only multiplies all",
        ),
        in_kind(
            f"tanh networks, {DEPTH} layers",
            "can achieve isometry, but only with orthogonal weights",
            f"{orthogonal.min():.2f} to {orthogonal.max():.2f} with orthogonal weights; with Gaussian ones a tenth are "
            f"below {low:.1g} and the largest is {high:.1f}",
            orthogonal.min() > 0.5 and orthogonal.max() < 1.5 and low < 0.01 and high > 3,
            "all between 0.5 and 1.5 with orthogonal weights; a tenth below 0.01 and some above 3 with Gaussian ones",
        ),
    ]


def _singular_values(kind: Kind, width: int, seed: int, report: Progress) -> np.ndarray:
    """Of one network's Jacobian from the input to each depth, (depths, width)."""
    config = kind.config(width, DEPTHS[-1]).replace(seed=seed)
    X = kind.sample(width)
    (trace,) = train([config], data=(X, np.zeros((2, 1))))
    one = X[:1], np.zeros((1, 1))
    by_depth = []
    for done, depth in enumerate(DEPTHS):
        by_depth.append(jacobian_singular_values(config, trace.weights, one, between=(0, depth))[0])
        report(done + 1, len(DEPTHS))
    return np.array(by_depth)


def _largest_distance(values: np.ndarray, at: np.ndarray, share_above: np.ndarray) -> float:
    """Between the share of values above each point and theory's."""
    ours = 1 - np.searchsorted(np.sort(values), at) / values.size
    return float(np.abs(ours - share_above).max())


_LAB = RunConfig(hidden=(32,) * DEPTH, activation="tanh", dataset="gaussian", samples=64, steps=100)

PAPER = Paper(
    name="pennington_2017",
    label="Pennington et al. 2017",
    subject="Orthogonal tanh networks keep every direction, ReLU networks never do",
    title="Resurrecting the sigmoid in deep learning through dynamical isometry: theory and practice",
    authors="Jeffrey Pennington, Samuel Schoenholz, Surya Ganguli",
    year=2017,
    link="https://arxiv.org/abs/1711.04735",
    claims=(
        (
            "Free probability gives the whole distribution of the singular values of a deep network’s input-output "
            "Jacobian.",
            CHECKED,
        ),
        ("ReLU networks are incapable of dynamical isometry, where all singular values are near 1.", CHECKED),
        ("Sigmoidal networks can achieve it, but only with orthogonal weights.", CHECKED),
    ),
    settings=(
        "16 hidden layers of 200 units after 200 inputs; the Jacobian from the input to the last hidden layer at one "
        "sample, at initialization; 6 networks of each kind",
        "σ_w at criticality, χ = 1: ReLU with σ_w² = 2; tanh with the variance of net inputs held at q = 0.01, or "
        "0.5, by σ_w and σ_b",
        "Gaussian weights N(0, σ_w²/fan_in), or orthogonal ones times σ_w",
    ),
    caveat="The paper’s networks are wider, and it also shows that isometric networks learn faster, which is not "
    "repeated here. A small q makes tanh almost linear: isometry is a limit, reached as q → 0 at the same depth.",
    formulas=(
        Formula(
            latex=r"J = \prod_{l=1}^{L} D^l W^l,\qquad \frac{\operatorname{Var} \lambda}{(\mathbb E \lambda)^2} = "
            r"L \left( \frac{\mathbb E[\varphi'^4]}{\mathbb E[\varphi'^2]^2} - 1 + g \right)",
            symbols=(
                r"$D^l = \operatorname{diag} \varphi'(z^l)$; $\lambda$: a squared singular value of $J$, over all of "
                "them; $g = 1$ for Gaussian weights, 0 for orthogonal ones. The second moments of free factors add up."
            ),
            source="Pennington et al. 2017; derived again here",
        ),
        Formula(
            latex=r"z = \frac{1 + M}{M} \left( \sigma_w^2\, (1 + M)^{g}\, \frac{M w}{1 + M} \right)^{L},\qquad "
            r"M = \mathbb E\left[ \frac{\varphi'^2}{w - \varphi'^2} \right]",
            symbols=(
                r"Solved for $w$ at $z = \lambda + i 0$; the density of $\ln \lambda$ is $-\operatorname{Im} M / \pi$."
            ),
            source="Voiculescu’s S-transform, as in Pennington et al. 2017",
        ),
    ),
    networks=(
        ("tanh, orthogonal", _LAB.replace(init="orthogonal")),
        ("tanh, Gaussian", _LAB.replace(init="normal")),
        ("ReLU, orthogonal", _LAB.replace(init="orthogonal", activation="relu", init_scale=math.sqrt(2))),
    ),
    own_data=True,
    run=run,
)
