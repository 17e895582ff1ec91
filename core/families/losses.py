"""Losses: value and delta at the output, both computed from net so that they cannot overflow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np

from ..choices import LossName, OutputActivationName
from ..compiled.cache import compiled, scalar
from ..compiled.elementary import falling_exp, log1p
from .activations import ACTIVATIONS, Activation


class LossTerm(Protocol):
    """The term of one output of one sample, compiled: the sum over outputs and samples is N E.

    `net` and `log_sum`, the logarithm of the sample's sum of exp(net), are those that softmax leaves.
    """

    def __call__(self, net: float, output: float, target: float, log_sum: float, /) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss E, a mean over samples of a sum over outputs.

    Attributes:
        name, label, formula, source: as in RunConfig; for a reader; LaTeX; where it comes from.
        output_activation: the only one it goes with; None for any but softmax.
        point: the term of one output of one sample.
        residual_factor: times (output - target) it is N dE/do where any output activation goes (mse), and N dE/dnet
            where one is fixed.
        pytorch: E as an expression of an exported script; PyTorch applies a fixed output activation itself.
        pytorch_weighted: the same with `weights`, (samples, 1), or `CLASS_WEIGHTS`, (classes, 1).
    """

    name: LossName
    label: str
    formula: str
    source: str
    output_activation: OutputActivationName | None
    point: LossTerm
    residual_factor: float
    pytorch: str
    pytorch_weighted: str


@scalar
def mse(net, output, target, log_sum):
    return (output - target) * (output - target)


@scalar
def bce(net, output, target, log_sum):
    # -(d ln S(z) + (1 - d) ln(1 - S(z))) = ln(1 + e^-|z|) + max(z, 0) - d z; the last two cancel exactly before
    # the small logarithm is added, where ln(1 + e^z) - d z would lose its digits (z large, d = 1)
    e, scale = falling_exp(-abs(net))
    return log1p(e * scale) + ((0.0 if net <= 0 else net) - target * net)


@scalar
def cross_entropy(net, output, target, log_sum):
    return (log_sum - net) * target


LOSSES: dict[str, Loss] = {
    member.name: member
    for member in (
        Loss(
            name="mse",
            label="mean squared error",
            formula=r"E = \frac{1}{N} \sum_n \sum_k (o_{nk} - d_{nk})^2",
            source="the lecture’s error, without a factor 1/2",
            output_activation=None,
            point=mse,
            residual_factor=2.0,
            pytorch="((output - D) ** 2).sum() / len(D)",
            pytorch_weighted="(weights * (output - D) ** 2).sum() / len(D)",
        ),
        Loss(
            name="bce",
            label="binary cross-entropy",
            formula=r"E = -\frac{1}{N} \sum_n \sum_k \left[ d_{nk} \ln o_{nk} + (1 - d_{nk}) \ln(1 - o_{nk}) \right]",
            source="Bishop 2006, section 4.3",
            output_activation="sigmoid",
            point=bce,
            residual_factor=1.0,
            pytorch='torch.nn.functional.binary_cross_entropy_with_logits(output, D, reduction="sum") / len(D)',
            pytorch_weighted="torch.nn.functional.binary_cross_entropy_with_logits(\n"
            '    output, D, weight=weights, reduction="sum"\n) / len(D)',
        ),
        Loss(
            name="cross_entropy",
            label="cross-entropy",
            formula=r"E = -\frac{1}{N} \sum_n \sum_k d_{nk} \ln o_{nk}",
            source="Bishop 2006, section 4.3, softmax output",
            output_activation="softmax",
            point=cross_entropy,
            residual_factor=1.0,
            pytorch='torch.nn.functional.cross_entropy(output, D, reduction="sum") / len(D)',
            pytorch_weighted="torch.nn.functional.cross_entropy(\n"
            '    output, D, weight=CLASS_WEIGHTS[:, 0], reduction="sum"\n) / len(D)',
        ),
    )
}

# What the output layer can be: any activation, or softmax, which couples the outputs and so has no slope of its own.
OUTPUT_ACTIVATIONS: dict[str, Activation | None] = {**ACTIVATIONS, "softmax": None}

# The number by which compiled code knows a member: its place in the registry.
LOSS_CODES = {name: code for code, name in enumerate(LOSSES)}


@numba.njit(error_model="numpy", forceinline=True, fastmath={"reassoc", "contract"})
def _sum(point, net, output, target, log_sum, weights):
    total = 0.0
    for unit in range(net.shape[0]):
        for n in range(net.shape[1]):
            total += weights[n] * point(
                np.float64(net[unit, n]), np.float64(output[unit, n]), np.float64(target[unit, n]), log_sum[n]
            )
    return total


@compiled
def compute_loss(code, net, output, target, log_sum, weights):
    """E of one run.

    Args:
        code: the member, of LOSS_CODES.
        net, output, target: (outputs, samples); with softmax, the net that it left.
        log_sum: (samples,) float64, of softmax.
        weights: (samples,) what each sample counts.
    """
    if code == 0:
        total = _sum(mse, net, output, target, log_sum, weights)
    elif code == 1:
        total = _sum(bce, net, output, target, log_sum, weights)
    else:
        total = _sum(cross_entropy, net, output, target, log_sum, weights)
    return total / net.shape[1]


@compiled
def softmax(net, out, log_sum):
    """o_k = exp(net_k) / sum exp(net) of each sample, and ln sum exp(net).

    `net` is shifted in place so that its largest entry is 0: nothing overflows, and a small loss, the difference of
    ln sum exp(net) and net, keeps its digits however large nets were.

    Args:
        net, out: (outputs, samples); `net` is shifted, `out` written.
        log_sum: (samples,) float64, written.
    """
    outputs, samples = net.shape
    for n in range(samples):
        largest = net[0, n]
        for unit in range(1, outputs):
            if net[unit, n] > largest:
                largest = net[unit, n]
        total = 0.0
        for unit in range(outputs):
            net[unit, n] -= largest
            e, scale = falling_exp(np.float64(net[unit, n]))
            out[unit, n] = e * scale
            total += e * scale
        for unit in range(outputs):
            out[unit, n] /= total
        log_sum[n] = math.log(total)
