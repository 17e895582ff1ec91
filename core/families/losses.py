"""Losses: value and delta at the output, both computed from net so that they cannot overflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .activations import ACTIVATIONS, Activation


def softmax(net: np.ndarray, out: np.ndarray, log_sum: np.ndarray, total: np.ndarray) -> None:
    """o_k = exp(net_k) / sum exp(net) over axis 1, and ln sum exp(net), from net (R, outputs, samples).

    `net` is shifted in place so that its largest entry is 0: nothing overflows, and a small loss, the difference of
    ln sum exp(net) and net, keeps its digits however large nets were. `log_sum` is written, `total` is scratch; both
    have shape (R, 1, samples).
    """
    np.maximum.reduce(net, axis=1, keepdims=True, out=log_sum)
    net -= log_sum
    np.exp(net, out=out)
    np.add.reduce(out, axis=1, keepdims=True, out=total)
    out /= total
    np.log(total, out=log_sum)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss E, a mean over samples of a sum over outputs.

    Attributes:
        name, label, formula, source: as in RunConfig; for a reader; LaTeX; where it comes from.
        output_activation: the only one it goes with; None for any but softmax.
        terms: (net, output, target, log_sum, out, scratch) -> None; writes to `out` one term for each run, output and
            sample, whose sum divided by the samples is E. `net` and `log_sum` are those that softmax left.
        residual: (output, target, out) -> None; writes N dE/do where any output activation goes (mse), and
            N dE/dnet where one is fixed.
        pytorch: E as an expression of an exported script; PyTorch applies a fixed output activation itself.
        pytorch_weighted: the same with `weights`, (samples, 1), or `CLASS_WEIGHTS`, (classes, 1).
    """

    name: str
    label: str
    formula: str
    source: str
    output_activation: str | None
    terms: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]
    residual: Callable[[np.ndarray, np.ndarray, np.ndarray], None]
    pytorch: str
    pytorch_weighted: str


def _mse_terms(net, output, target, log_sum, out, scratch):
    np.subtract(output, target, out=out)
    out *= out


def _mse_residual(output, target, out):
    np.subtract(output, target, out=out)
    out *= 2


def _bce_terms(net, output, target, log_sum, out, scratch):
    # -(d ln S(z) + (1 - d) ln(1 - S(z))) = ln(1 + e^-|z|) + max(z, 0) - d z; the last two cancel exactly before
    # the small logarithm is added, where ln(1 + e^z) - d z would lose its digits (z large, d = 1)
    np.multiply(target, net, out=scratch)
    np.maximum(net, 0, out=out)
    np.subtract(out, scratch, out=scratch)
    np.abs(net, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    out += scratch


def _cross_entropy_terms(net, output, target, log_sum, out, scratch):
    np.subtract(log_sum, net, out=out)
    out *= target


def _output_minus_target(output, target, out):
    np.subtract(output, target, out=out)


LOSSES: dict[str, Loss] = {
    member.name: member
    for member in (
        Loss(
            name="mse",
            label="mean squared error",
            formula=r"E = \frac{1}{N} \sum_n \sum_k (o_{nk} - d_{nk})^2",
            source="the lecture's error, without a factor 1/2",
            output_activation=None,
            terms=_mse_terms,
            residual=_mse_residual,
            pytorch="((output - D) ** 2).sum() / len(D)",
            pytorch_weighted="(weights * (output - D) ** 2).sum() / len(D)",
        ),
        Loss(
            name="bce",
            label="binary cross-entropy",
            formula=r"E = -\frac{1}{N} \sum_n \sum_k \left[ d_{nk} \ln o_{nk} + (1 - d_{nk}) \ln(1 - o_{nk}) \right]",
            source="Bishop 2006, section 4.3",
            output_activation="sigmoid",
            terms=_bce_terms,
            residual=_output_minus_target,
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
            terms=_cross_entropy_terms,
            residual=_output_minus_target,
            pytorch='torch.nn.functional.cross_entropy(output, D, reduction="sum") / len(D)',
            pytorch_weighted="torch.nn.functional.cross_entropy(\n"
            '    output, D, weight=CLASS_WEIGHTS[:, 0], reduction="sum"\n) / len(D)',
        ),
    )
}

# What the output layer can be: any activation, or softmax, which couples the outputs and so has no slope of its own.
OUTPUT_ACTIVATIONS: dict[str, Activation | None] = {**ACTIVATIONS, "softmax": None}
