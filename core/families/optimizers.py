"""Optimizers: gradient in, step out, over all parameters of a stack at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RHO = 0.99  # rmsprop
BETA_1, BETA_2, EPS = 0.9, 0.999, 1e-8  # adam; EPS for rmsprop too, outside the root


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One rule w <- w - step.

    Attributes:
        states: how many arrays like the parameters it keeps, zero at the start.
        step: (gradient, states, learning_rate, momentum, t, out, scratch) -> None; writes the step to `out`.
            gradient, each state, out and scratch: (R, parameters); learning_rate and momentum: (R, 1); t: 1, 2, ...
        uses_momentum: whether the field `momentum` applies.
        pytorch: the optimizer of an exported script.
        bound: momentum -> the largest learning_rate times curvature at which its steps on a quadratic do not grow;
            None where that depends on the gradients before.
        bound_formula: LaTeX of the curvature that this allows.
    """

    name: str
    label: str
    formula: str
    states: int
    step: Callable[..., None]
    uses_momentum: bool
    source: str
    pytorch: str
    bound: Callable[[float], float] | None = None
    bound_formula: str = ""


def _sgd(gradient, states, learning_rate, momentum, t, out, scratch):
    np.multiply(gradient, learning_rate, out=out)


def _momentum(gradient, states, learning_rate, momentum, t, out, scratch):
    (velocity,) = states
    velocity *= momentum
    velocity += gradient
    np.multiply(velocity, learning_rate, out=out)


def _nesterov(gradient, states, learning_rate, momentum, t, out, scratch):
    (velocity,) = states
    velocity *= momentum
    velocity += gradient
    np.multiply(velocity, momentum, out=out)
    out += gradient
    out *= learning_rate


def _running_mean(mean, value, decay, scratch):
    """mean <- decay * mean + (1 - decay) * value, where `value` may be `scratch` itself."""
    mean *= decay
    np.multiply(value, 1 - decay, out=scratch)
    mean += scratch


def _rmsprop(gradient, states, learning_rate, momentum, t, out, scratch):
    (square,) = states
    np.multiply(gradient, gradient, out=scratch)
    _running_mean(square, scratch, RHO, scratch)
    np.sqrt(square, out=scratch)
    scratch += EPS
    np.divide(gradient, scratch, out=out)
    out *= learning_rate


def _adam(gradient, states, learning_rate, momentum, t, out, scratch):
    mean, square = states
    _running_mean(mean, gradient, BETA_1, scratch)
    np.multiply(gradient, gradient, out=scratch)
    _running_mean(square, scratch, BETA_2, scratch)
    np.divide(square, 1 - BETA_2**t, out=scratch)
    np.sqrt(scratch, out=scratch)
    scratch += EPS
    np.divide(mean, 1 - BETA_1**t, out=out)
    out /= scratch
    out *= learning_rate


ADAMW_CODE = """\
torch.optim.AdamW(
        [
            {"params": [linear.weight for linear in network.linears], "weight_decay": WEIGHT_DECAY},
            {"params": [linear.bias for linear in network.linears if linear.bias is not None], "weight_decay": 0.0},
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
            step=_sgd,
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
            step=_momentum,
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
            step=_nesterov,
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
            step=_rmsprop,
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
            step=_adam,
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
            step=_adam,
            uses_momentum=False,
            source="Loshchilov & Hutter 2019; PyTorch's default weight decay is 0.01",
            pytorch=ADAMW_CODE,
        ),
    )
}
