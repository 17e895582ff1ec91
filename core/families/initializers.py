"""Initializations: one family of draws each, scaled to a standard deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ..choices import InitName

DrawFamily = Literal["normal", "uniform", "orthogonal"]


class Deviation(Protocol):
    """The standard deviation of an entry of W (fan_in, fan_out) at init_scale 1."""

    def __call__(self, fan_in: int, fan_out: int, /) -> float: ...


class BiasDeviation(Protocol):
    """The standard deviation of the uniform draws of a bias at init_scale 1."""

    def __call__(self, fan_in: int, /) -> float: ...


class Draw(Protocol):
    """Draws (fan_in, fan_out) numbers of mean 0 and variance 1, float64."""

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int, /) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class Init:
    """One initialization of W, shape (fan_in, fan_out); init_scale multiplies it.

    All members of one `draws` family scale the same numbers, so that two runs with one seed differ by what was
    changed and nothing else.

    Attributes:
        pytorch: the body of an exported script's `draw_weights`.
        draws: the family of its draws.
        deviation: of an entry, from the layer's sizes.
        formula: LaTeX of that deviation, sigma, with g the init_scale.
        bias_deviation: of the uniform draws of a bias; None where biases are normal with deviation `bias_std`.
    """

    name: InitName
    label: str
    formula: str
    draws: DrawFamily
    deviation: Deviation
    source: str
    pytorch: str
    bias_deviation: BiasDeviation | None = None

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int, scale: float) -> np.ndarray:
        """W of shape (fan_in, fan_out), float64, entries of mean 0 and standard deviation scale * deviation."""
        return DRAWS[self.draws](rng, fan_in, fan_out) * (scale * self.deviation(fan_in, fan_out))

    def draw_biases(
        self, rng: np.random.Generator, fan_in: int, fan_out: int, *, scale: float, bias_std: float
    ) -> np.ndarray:
        """b of shape (fan_out,), float64: the init's own uniform draws, or normal ones of deviation bias_std."""
        if self.bias_deviation is None:
            return bias_std * rng.standard_normal(fan_out)
        bound = math.sqrt(3) * scale * self.bias_deviation(fan_in)
        part = min(bound, 1e300)  # numpy refuses a range that overflows
        return rng.uniform(-part, part, fan_out) * (bound / part if bound > part else 1.0)


def _orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Orthonormal rows or columns times sqrt(max(fan_in, fan_out)): entries of variance 1.

    The sign of R's diagonal makes the distribution uniform (Haar); without it QR is biased.
    """
    tall = rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return math.sqrt(max(fan_in, fan_out)) * (q if fan_in >= fan_out else q.T)


DRAWS: dict[DrawFamily, Draw] = {
    "normal": lambda rng, fan_in, fan_out: rng.standard_normal((fan_in, fan_out)),
    "uniform": lambda rng, fan_in, fan_out: rng.uniform(-math.sqrt(3), math.sqrt(3), (fan_in, fan_out)),
    "orthogonal": _orthogonal,
}


def _fan_in(fan_in: int, fan_out: int) -> float:
    return 1 / math.sqrt(fan_in)


def _fan_average(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2 / (fan_in + fan_out))


def _he(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2 / fan_in)


INITS: dict[str, Init] = {
    member.name: member
    for member in (
        Init(
            name="normal",
            label="normal, fan-in",
            formula=r"\sigma = g / \sqrt{n_{in}}",
            draws="normal",
            deviation=_fan_in,
            source="the mean-field convention sigma_w^2 / fan_in (Poole et al. 2016)",
            pytorch="return INIT_SCALE / np.sqrt(fan_in) * rng.standard_normal((fan_in, fan_out))",
        ),
        Init(
            name="uniform",
            label="uniform, fan-in",
            formula=r"\sigma = g / \sqrt{n_{in}}",
            draws="uniform",
            deviation=_fan_in,
            source="LeCun et al. 1998",
            pytorch="return INIT_SCALE / np.sqrt(fan_in) * rng.uniform(-np.sqrt(3), np.sqrt(3), (fan_in, fan_out))",
        ),
        Init(
            name="fixed_normal",
            label="normal, fixed deviation",
            formula=r"\sigma = g",
            draws="normal",
            deviation=lambda fan_in, fan_out: 1.0,
            source="the naive choice, the same for every width",
            pytorch="return INIT_SCALE * rng.standard_normal((fan_in, fan_out))",
        ),
        Init(
            name="glorot_normal",
            label="Glorot normal",
            formula=r"\sigma = g \sqrt{2 / (n_{in} + n_{out})}",
            draws="normal",
            deviation=_fan_average,
            source="Glorot & Bengio 2010",
            pytorch="return INIT_SCALE * np.sqrt(2 / (fan_in + fan_out)) * rng.standard_normal((fan_in, fan_out))",
        ),
        Init(
            name="glorot_uniform",
            label="Glorot uniform",
            formula=r"\sigma = g \sqrt{2 / (n_{in} + n_{out})}",
            draws="uniform",
            deviation=_fan_average,
            source="Glorot & Bengio 2010",
            pytorch="""\
deviation = INIT_SCALE * np.sqrt(2 / (fan_in + fan_out))
return deviation * rng.uniform(-np.sqrt(3), np.sqrt(3), (fan_in, fan_out))""",
        ),
        Init(
            name="he_normal",
            label="He normal",
            formula=r"\sigma = g \sqrt{2 / n_{in}}",
            draws="normal",
            deviation=_he,
            source="He et al. 2015",
            pytorch="return INIT_SCALE * np.sqrt(2 / fan_in) * rng.standard_normal((fan_in, fan_out))",
        ),
        Init(
            name="he_uniform",
            label="He uniform",
            formula=r"\sigma = g \sqrt{2 / n_{in}}",
            draws="uniform",
            deviation=_he,
            source="He et al. 2015",
            pytorch="return INIT_SCALE * np.sqrt(2 / fan_in) * rng.uniform(-np.sqrt(3), np.sqrt(3), (fan_in, fan_out))",
        ),
        Init(
            name="lecun_normal",
            label="LeCun normal",
            formula=r"\sigma = g / \sqrt{n_{in}}",
            draws="normal",
            deviation=_fan_in,
            source="LeCun et al. 1998; Klambauer et al. 2017 for SELU",
            pytorch="return INIT_SCALE / np.sqrt(fan_in) * rng.standard_normal((fan_in, fan_out))",
        ),
        Init(
            name="torch_default",
            label="PyTorch’s default",
            formula=r"W, b \sim U(-g / \sqrt{n_{in}},\; g / \sqrt{n_{in}}),\; \sigma = g / \sqrt{3 n_{in}}",
            draws="uniform",
            deviation=lambda fan_in, fan_out: 1 / math.sqrt(3 * fan_in),
            bias_deviation=lambda fan_in: 1 / math.sqrt(3 * fan_in),
            source="torch.nn.Linear: He et al. 2015 with a = sqrt(5), which is LeCun’s bound of 1998 over sqrt(3)",
            pytorch="return INIT_SCALE / np.sqrt(fan_in) * rng.uniform(-1, 1, (fan_in, fan_out))",
        ),
        Init(
            name="orthogonal",
            label="orthogonal",
            formula=r"W^\top W = g^2 I",
            draws="orthogonal",
            deviation=lambda fan_in, fan_out: 1 / math.sqrt(max(fan_in, fan_out)),
            source="Saxe et al. 2013",
            pytorch="""\
q, r = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out))))
q *= np.where(np.diag(r) < 0, -1, 1)  # without this the draws are not uniform over the orthogonal matrices
return INIT_SCALE * (q if fan_in >= fan_out else q.T)""",
        ),
    )
}


def bias_deviations(
    init: str, widths: tuple[int, ...], *, bias: bool, init_scale: float, bias_std: float
) -> list[float]:
    """Standard deviation of the initial biases of every layer; 0 without biases.

    Args:
        widths: (inputs, *hidden, outputs).
    """
    own = INITS[init].bias_deviation
    if not bias:
        return [0.0] * (len(widths) - 1)
    return [bias_std if own is None else init_scale * own(fan_in) for fan_in in widths[:-1]]
