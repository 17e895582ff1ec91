"""Initializations: one family of draws each, scaled to a standard deviation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Init:
    """One initialization of W, shape (fan_in, fan_out); init_scale multiplies it.

    All members of one `draws` family scale the same numbers, so that two runs with one seed differ by what was
    changed and nothing else.

    Attributes:
        draws: "normal", "uniform" or "orthogonal".
        deviation: (fan_in, fan_out) -> standard deviation of an entry at init_scale 1.
        formula: LaTeX of that deviation, sigma, with g the init_scale.
    """

    name: str
    label: str
    formula: str
    draws: str
    deviation: Callable[[int, int], float]
    source: str

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int, scale: float) -> np.ndarray:
        """W of shape (fan_in, fan_out), float64, entries of mean 0 and standard deviation scale * deviation."""
        return DRAWS[self.draws](rng, fan_in, fan_out) * (scale * self.deviation(fan_in, fan_out))


def _orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Orthonormal rows or columns times sqrt(max(fan_in, fan_out)): entries of variance 1.

    The sign of R's diagonal makes the distribution uniform (Haar); without it QR is biased.
    """
    tall = rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return math.sqrt(max(fan_in, fan_out)) * (q if fan_in >= fan_out else q.T)


DRAWS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "normal": lambda rng, fan_in, fan_out: rng.standard_normal((fan_in, fan_out)),
    "uniform": lambda rng, fan_in, fan_out: rng.uniform(-math.sqrt(3), math.sqrt(3), (fan_in, fan_out)),
    "orthogonal": _orthogonal,
}


def _fan_in(fan_in, fan_out):
    return 1 / math.sqrt(fan_in)


def _fan_average(fan_in, fan_out):
    return math.sqrt(2 / (fan_in + fan_out))


def _he(fan_in, fan_out):
    return math.sqrt(2 / fan_in)


INITS: dict[str, Init] = {
    member.name: member
    for member in (
        Init(
            "normal",
            "normal, fan-in",
            r"\sigma = g / \sqrt{n_{in}}",
            "normal",
            _fan_in,
            "the mean-field convention sigma_w^2 / fan_in (Poole et al. 2016)",
        ),
        Init("uniform", "uniform, fan-in", r"\sigma = g / \sqrt{n_{in}}", "uniform", _fan_in, "LeCun et al. 1998"),
        Init(
            "fixed_normal",
            "normal, fixed deviation",
            r"\sigma = g",
            "normal",
            lambda fan_in, fan_out: 1.0,
            "the naive choice, whatever the width",
        ),
        Init(
            "glorot_normal",
            "Glorot normal",
            r"\sigma = g \sqrt{2 / (n_{in} + n_{out})}",
            "normal",
            _fan_average,
            "Glorot & Bengio 2010",
        ),
        Init(
            "glorot_uniform",
            "Glorot uniform",
            r"\sigma = g \sqrt{2 / (n_{in} + n_{out})}",
            "uniform",
            _fan_average,
            "Glorot & Bengio 2010",
        ),
        Init("he_normal", "He normal", r"\sigma = g \sqrt{2 / n_{in}}", "normal", _he, "He et al. 2015"),
        Init("he_uniform", "He uniform", r"\sigma = g \sqrt{2 / n_{in}}", "uniform", _he, "He et al. 2015"),
        Init(
            "lecun_normal",
            "LeCun normal",
            r"\sigma = g / \sqrt{n_{in}}",
            "normal",
            _fan_in,
            "LeCun et al. 1998; Klambauer et al. 2017 for SELU",
        ),
        Init(
            "orthogonal",
            "orthogonal",
            r"W^\top W = g^2 I",
            "orthogonal",
            lambda fan_in, fan_out: 1 / math.sqrt(max(fan_in, fan_out)),
            "Saxe et al. 2013",
        ),
    )
}
