"""A summary of the samples that a run is trained on: their size, and what a constant answer gets on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..config import RunConfig
from ..families.class_weights import class_weights, sample_weights
from ..families.losses import OUTPUT_ACTIVATIONS

_FAR = np.linspace(-50.0, 50.0, 10_001)  # net inputs at whose ends every bounded activation is at its bound


class Constant(NamedTuple):
    """Result of the best constant answer on a run's training samples: accuracy (NaN in a regression) and loss."""

    accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """Numbers of a run's training samples.

    Attributes:
        input_rms: the largest root mean square of an input column.
        target_rms: that of a regression's targets; 0 elsewhere.
        target_range: the smallest and the largest target.
        constant: result of the best constant answer.
        unreachable_loss: what is left of a regression's mean squared error where each output is as near to its target
            as the output activation allows; 0 elsewhere.
    """

    input_rms: float
    target_rms: float
    target_range: tuple[float, float]
    constant: Constant
    unreachable_loss: float


def summarize(config: RunConfig, task: str, X: np.ndarray, D: np.ndarray) -> DataSummary:
    """The summary of training samples X (samples, inputs) and D (samples, outputs) of a run."""
    is_regression = task == "regression"
    beyond = 0.0
    with np.errstate(all="ignore"):
        if is_regression and config.loss == "mse":
            beyond = float(((D - np.clip(D, *output_range(config.output_activation))) ** 2).sum(axis=1).mean())
        return DataSummary(
            input_rms=float(np.sqrt((X**2).mean(axis=0)).max()),
            target_rms=float(np.sqrt((D**2).mean())) if is_regression else 0.0,
            target_range=(float(D.min()), float(D.max())),
            constant=best_constant(config, task, D),
            unreachable_loss=beyond,
        )


def output_range(name: str) -> tuple[float, float]:
    """The bounds of an output activation, infinite where it has none; of softmax 0 and 1."""
    activation = OUTPUT_ACTIVATIONS[name]
    if activation is None:
        return 0.0, 1.0
    values = activation(_FAR)
    low = -np.inf if values[0] - values[1] < -1e-6 else round(float(values.min()), 9)
    high = np.inf if values[-1] - values[-2] > 1e-6 else round(float(values.max()), 9)
    return low, high


def measure_loss(loss: str, o: np.ndarray, D: np.ndarray, weights: np.ndarray) -> float:
    """E of outputs o for targets D, (samples, outputs) each; infinite where a target has probability 0.

    Args:
        weights: (samples, 1) what each sample counts.
    """
    if loss == "mse":
        parts = -((o - D) ** 2)
    else:
        parts = np.where(D > 0, D * np.log(o), 0.0)
    if loss == "bce":
        parts += np.where(D < 1, (1 - D) * np.log1p(-o), 0.0)
    return float(-(weights * parts).sum(axis=1).mean())


def best_constant(config: RunConfig, task: str, D: np.ndarray) -> Constant:
    """Accuracy and loss of the best constant answer: the largest class; the mean of the targets, as samples count."""
    mean = D.mean(axis=0)
    by_class = class_weights(config.class_weight, task, D)
    weights = np.ones((len(D), 1)) if by_class is None else sample_weights(by_class, D)
    if task == "regression":
        share = np.nan
    else:
        share = float(max(mean.max(), 1 - mean.min()) if D.shape[1] == 1 else mean.max())
    with np.errstate(all="ignore"):
        answer = np.broadcast_to((weights * D).mean(axis=0) / weights.mean(), D.shape)
        return Constant(share, measure_loss(config.loss, answer, D, weights))
