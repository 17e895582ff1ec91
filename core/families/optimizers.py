"""Optimizers: gradient in, step out, over all parameters of a stack at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np

from ..choices import OptimizerName
from ..compiled.cache import compiled, scalar

RHO = 0.99  # rmsprop
# adam; EPS for rmsprop too, outside the root
BETA_1 = 0.9
BETA_2 = 0.999
EPS = 1e-8

Unbias = tuple[float, float]  # (1 - beta_1^t, 1 - beta_2^t) at step t = 1, 2, ...


class StatelessStep(Protocol):
    """(step,) of one parameter from its gradient, compiled; the parameter becomes w - step."""

    def __call__(self, gradient: float, rate: float, momentum: float, unbias: Unbias, /) -> tuple[float]: ...


class OneStateStep(Protocol):
    """(step, state) of one parameter from its gradient and the state that the last step left, compiled."""

    def __call__(
        self, gradient: float, state: float, rate: float, momentum: float, unbias: Unbias, /
    ) -> tuple[float, float]: ...


class TwoStateStep(Protocol):
    """(step, first state, second state) of one parameter, as `OneStateStep` with two states."""

    def __call__(
        self, gradient: float, first: float, second: float, rate: float, momentum: float, unbias: Unbias, /
    ) -> tuple[float, float, float]: ...


class CurvatureBound(Protocol):
    """The largest learning_rate times curvature at which steps with this momentum do not grow on a quadratic."""

    def __call__(self, momentum: float, /) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One rule w <- w - step.

    Attributes:
        states: how many numbers it keeps for each parameter, zero at the start.
        point: the step of one parameter, and its states after it.
        uses_momentum: whether the field `momentum` applies.
        pytorch: the optimizer of an exported script.
        bound: of learning_rate times curvature; None where it depends on the gradients before.
        bound_formula: LaTeX of the curvature that this allows.
    """

    name: OptimizerName
    label: str
    formula: str
    states: int
    point: StatelessStep | OneStateStep | TwoStateStep
    uses_momentum: bool
    source: str
    pytorch: str
    bound: CurvatureBound | None = None
    bound_formula: str = ""


@scalar
def sgd(g, rate, momentum, unbias):
    return (rate * g,)


@scalar
def heavy_ball(g, velocity, rate, momentum, unbias):
    velocity = momentum * velocity + g
    return rate * velocity, velocity


@scalar
def nesterov(g, velocity, rate, momentum, unbias):
    velocity = momentum * velocity + g
    return rate * (momentum * velocity + g), velocity


@scalar
def rmsprop(g, square, rate, momentum, unbias):
    square = RHO * square + (1 - RHO) * (g * g)
    return rate * (g / (math.sqrt(square) + EPS)), square


@scalar
def adam(g, mean, square, rate, momentum, unbias):
    mean = BETA_1 * mean + (1 - BETA_1) * g
    square = BETA_2 * square + (1 - BETA_2) * (g * g)
    return rate * ((mean / unbias[0]) / (math.sqrt(square / unbias[1]) + EPS)), mean, square


ADAMW_CODE = """\
torch.optim.AdamW(
        [
            {"params": [linear.weight for linear in network.linears], "weight_decay": WEIGHT_DECAY},
            {"params": [vector for vector in network.parameters() if vector.ndim == 1], "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8,
    )"""

OPTIMIZERS: dict[str, Optimizer] = {
    member.name: member
    for member in (
        Optimizer(
            name="sgd",
            label="SGD",
            formula=r"w \leftarrow w - \eta g",
            states=0,
            point=sgd,
            uses_momentum=False,
            source="Robbins & Monro 1951",
            bound=lambda momentum: 2.0,
            bound_formula=r"\frac{2}{\eta}",
            pytorch="torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)",
        ),
        Optimizer(
            name="momentum",
            label="momentum",
            formula=r"v \leftarrow \mu v + g,\; w \leftarrow w - \eta v",
            states=1,
            point=heavy_ball,
            uses_momentum=True,
            source="Polyak 1964, the heavy ball",
            bound=lambda momentum: 2 * (1 + momentum),
            bound_formula=r"\frac{2 (1 + \mu)}{\eta}",
            pytorch="torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)",
        ),
        Optimizer(
            name="nesterov",
            label="Nesterov momentum",
            formula=r"v \leftarrow \mu v + g,\; w \leftarrow w - \eta (g + \mu v)",
            states=1,
            point=nesterov,
            uses_momentum=True,
            source="Nesterov 1983, in the form of Sutskever et al. 2013",
            bound=lambda momentum: 2 * (1 + momentum) / (1 + 2 * momentum),
            bound_formula=r"\frac{2 (1 + \mu)}{(1 + 2 \mu)\, \eta}",
            pytorch="torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=MOMENTUM > 0)",
        ),
        Optimizer(
            name="rmsprop",
            label="RMSprop",
            formula=r"s \leftarrow 0.99 s + 0.01 g^2,\; w \leftarrow w - \eta g / (\sqrt{s} + 10^{-8})",
            states=1,
            point=rmsprop,
            uses_momentum=False,
            source="Tieleman & Hinton 2012",
            pytorch="torch.optim.RMSprop(network.parameters(), lr=LEARNING_RATE, alpha=0.99, eps=1e-8)",
        ),
        Optimizer(
            name="adam",
            label="Adam",
            formula=r"m \leftarrow 0.9 m + 0.1 g,\; s \leftarrow 0.999 s + 0.001 g^2,\;"
            r" w \leftarrow w - \eta \hat m / (\sqrt{\hat s} + 10^{-8})",
            states=2,
            point=adam,
            uses_momentum=False,
            source="Kingma & Ba 2015",
            pytorch="torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)",
        ),
        Optimizer(
            name="adamw",
            label="AdamW",
            formula=r"w \leftarrow (1 - \eta \lambda) w - \eta \hat m / (\sqrt{\hat s} + 10^{-8}),\;"
            r" \lambda\ \text{the weight decay, of weights only}",
            states=2,
            point=adam,
            uses_momentum=False,
            source="Loshchilov & Hutter 2019; PyTorch’s default weight decay is 0.01",
            pytorch=ADAMW_CODE,
        ),
    )
}

# The number by which compiled code knows a member: its place in the registry.
OPTIMIZER_CODES = {name: code for code, name in enumerate(OPTIMIZERS)}


@numba.njit(error_model="numpy", forceinline=True)
def _without_state(point, gradient, rate, momentum, unbias, out):
    for k in range(gradient.shape[0]):
        (out[k],) = point(np.float64(gradient[k]), rate, momentum, unbias)


@numba.njit(error_model="numpy", forceinline=True)
def _with_one(point, gradient, state, rate, momentum, unbias, out):
    for k in range(gradient.shape[0]):
        out[k], state[k] = point(np.float64(gradient[k]), np.float64(state[k]), rate, momentum, unbias)


@numba.njit(error_model="numpy", forceinline=True)
def _with_two(point, gradient, first, second, rate, momentum, unbias, out):
    for k in range(gradient.shape[0]):
        g = np.float64(gradient[k])
        a = np.float64(first[k])
        b = np.float64(second[k])
        out[k], first[k], second[k] = point(g, a, b, rate, momentum, unbias)


@compiled
def compute_step(code, gradient, states, rate, momentum, t, out):
    """The step that is subtracted from the parameters of one run, decay apart.

    Args:
        code: the member, of OPTIMIZER_CODES.
        gradient, out: (parameters,); `out` is written.
        states: (states, parameters), rewritten.
        rate, momentum: numbers.
        t: 1, 2, ...
    """
    unbias = 1 - BETA_1**t, 1 - BETA_2**t
    if code == 0:
        _without_state(sgd, gradient, rate, momentum, unbias, out)
    elif code == 1:
        _with_one(heavy_ball, gradient, states[0], rate, momentum, unbias, out)
    elif code == 2:
        _with_one(nesterov, gradient, states[0], rate, momentum, unbias, out)
    elif code == 3:
        _with_one(rmsprop, gradient, states[0], rate, momentum, unbias, out)
    else:  # adam, and adamw, whose decay is apart
        _with_two(adam, gradient, states[0], states[1], rate, momentum, unbias, out)
