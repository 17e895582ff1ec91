"""Record of a run, row by layer, and its summaries and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .choices import TaskName
from .config import RunConfig
from .data.summary import DataSummary
from .layout import LayerParameters
from .norms import scaled_norm

LAYER_FIELDS = (
    "grad_norm",
    "total_grad_norm",
    "clipped_grad_norm",
    "delta_norm",
    "weight_norm",
    "update_ratio",
    "saturation",
    "dead",
)
ROW_FIELDS = (
    "loss",
    "total_loss",
    "accuracy",
    "holdout_loss",
    "holdout_accuracy",
    "global_grad_norm",
    "clip_scale",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """One run's record. Row t is the state after `step[t]` updates; layers count from the input.

    All arrays are float64, also those of a float32 run; NaN where nothing was or could be computed (rows after
    `diverged_at`, accuracy of a regression, held-out fields without a holdout, update_ratio of the last row).

    Attributes:
        config: the config passed.
        task: "regression", "two-class" or "multi-class", of the data it ran on.
        step: (rows,) updates made, whole numbers.
        loss, total_loss: (rows,) E, and E plus penalties; with mini-batches of that step's batch.
        accuracy: (rows,) share of samples classified rightly.
        holdout_loss, holdout_accuracy: (rows,) on the samples kept from training.
        grad_norm: (rows, layers) ||dE/dW||_F of the data loss alone.
        total_grad_norm, clipped_grad_norm: (rows, layers) with penalties, and then after clipping, of W.
        delta_norm: (rows, layers) ||dE/dnet||_F over the batch, before normalization.
        weight_norm, update_ratio: (rows, layers) ||W||_F, and ||W's step|| / ||W||.
        saturation: (rows, layers) share of (sample, unit) with |phi'| < 0.05 sup |phi'|; NaN at a softmax output.
        dead: (rows, layers) share of units so on every sample.
        global_grad_norm: (rows,) norm of all parameters' gradient, of W, b, gain and shift, with penalties, before
            clipping.
        clip_scale: (rows,) that norm after clipping / before it; 1 where not clipped.
        diverged_at: the step at which a value ceased to be finite, or None.
        weights: final [(W, b), ...], W (fan_in, fan_out), b (fan_out,) or None; (W, b, gain, shift) of hidden layers
            with `norm_affine`. Of a run that diverged, those it had at that step.
        data_summary: of the training samples passed as `data`; None for the config's own data set.
    """

    config: RunConfig
    task: TaskName
    step: np.ndarray
    loss: np.ndarray
    total_loss: np.ndarray
    accuracy: np.ndarray
    holdout_loss: np.ndarray
    holdout_accuracy: np.ndarray
    grad_norm: np.ndarray
    total_grad_norm: np.ndarray
    clipped_grad_norm: np.ndarray
    delta_norm: np.ndarray
    weight_norm: np.ndarray
    update_ratio: np.ndarray
    saturation: np.ndarray
    dead: np.ndarray
    global_grad_norm: np.ndarray
    clip_scale: np.ndarray
    diverged_at: int | None
    weights: list[LayerParameters]
    data_summary: DataSummary | None = None

    @property
    def layers(self) -> int:
        """Weight layers, the output's among them."""
        return self.grad_norm.shape[1]

    @property
    def rows_recorded(self) -> int:
        """Rows that hold values: all, or those up to the divergence."""
        if self.diverged_at is None:
            return len(self.step)
        return int(np.searchsorted(self.step, self.diverged_at, side="right"))

    @property
    def last_row(self) -> int:
        """The last row whose loss and gradient are finite; 0 when not even the first is."""
        good = np.isfinite(self.loss) & np.isfinite(self.global_grad_norm)
        return int(np.flatnonzero(good)[-1]) if good.any() else 0

    def layer_factor(self, row: int = 0) -> float:
        """Factor by which one layer multiplies the gradient norm on its way back to the input.

        See `layer_factors`; below 1 the gradient vanishes, above 1 it explodes.
        """
        return layer_factor(self.delta_norm[row])

    def hidden_share(self, name: str) -> np.ndarray:
        """(rows,) `saturation` or `dead` over all hidden units: layers weighted by their units.

        A network without hidden layers has its output layer's instead.
        """
        shares = getattr(self, name)
        if self.layers == 1:
            return shares[:, 0]
        units = np.array([W.shape[1] for W, *_ in self.weights[:-1]])
        return shares[:, :-1] @ units / units.sum()

    def summary(self) -> dict[str, Any]:
        """One flat dict of numbers: no time, no machine, no name of a setting."""
        end = self.last_row
        steps = slice(0, max(self.rows_recorded - 1, 0)) if len(self.step) > 1 else slice(0, 1)
        scale = self.clip_scale[steps]
        with np.errstate(all="ignore"):
            first, last = (np.float64(scaled_norm(self.weight_norm[row])) for row in (0, end))
            return {
                "first_loss": float(self.loss[0]),
                "final_loss": float(self.loss[-1]),
                "final_total_loss": float(self.total_loss[-1]),
                "final_accuracy": float(self.accuracy[-1]),
                "final_holdout_loss": float(self.holdout_loss[-1]),
                "final_holdout_accuracy": float(self.holdout_accuracy[-1]),
                "diverged": self.diverged_at is not None,
                "diverged_at": self.diverged_at,
                "layer_factor": self.layer_factor(0),
                "final_layer_factor": self.layer_factor(end),
                "log10_first_last": log10_ratio(self.grad_norm[0]),
                "final_log10_first_last": log10_ratio(self.grad_norm[end]),
                "first_global_grad_norm": float(self.global_grad_norm[0]),
                "final_global_grad_norm": float(self.global_grad_norm[end]),
                "clipped_share": float(np.mean(scale[np.isfinite(scale)] < 1)) if np.isfinite(scale).any() else 0.0,
                "weight_growth": float(last / first),
                "final_saturation": float(self.hidden_share("saturation")[end]),
                "final_dead": float(self.hidden_share("dead")[end]),
                "median_update_ratio": median_of_finite(self.update_ratio),
            }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row per (step, layer); columns step, layer (from 1, at the input), then every field.

        Fields of a whole row (loss, ...) repeat over its layers.
        """
        rows, layers = self.grad_norm.shape
        columns = {"step": np.repeat(self.step, layers), "layer": np.tile(np.arange(1, layers + 1), rows)}
        columns |= {name: getattr(self, name).ravel() for name in LAYER_FIELDS}
        columns |= {name: np.repeat(getattr(self, name), layers) for name in ROW_FIELDS}
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """Everything one network holds at one step, for one batch; lists run over layers from the input.

    Attributes:
        config, step: the run, and the updates made (that of the divergence, when the run broke before).
        inputs, targets: X (samples, inputs) and D (samples, outputs) of that step's batch.
        net, activation, delta: by layer, (samples, units): net input (before normalization), output y, dE/dnet.
        weight_gradient, bias_gradient: by layer, dE/dW (fan_in, fan_out) and dE/db (fan_out,) of the data loss;
            the latter None without biases.
        norm_gradient: by hidden layer (dE/dgain, dE/dshift), each (fan_out,); empty where neither is learned.
        weights: as in a Trace.
        output: (samples, outputs).
    """

    config: RunConfig
    step: int
    inputs: np.ndarray
    targets: np.ndarray
    net: list[np.ndarray]
    activation: list[np.ndarray]
    delta: list[np.ndarray]
    weight_gradient: list[np.ndarray]
    bias_gradient: list[np.ndarray | None]
    norm_gradient: list[tuple[np.ndarray, ...]]
    weights: list[LayerParameters]
    output: np.ndarray

    @property
    def gradients(self) -> list[LayerParameters]:
        """The gradient of each layer's parameters, shaped as `weights`."""
        own = [*self.norm_gradient, *[()] * (len(self.weights) - len(self.norm_gradient))]
        pairs = zip(self.weight_gradient, self.bias_gradient, own, strict=True)
        return [(W, b, *rest) for W, b, rest in pairs]


def compared_layers(layers: int) -> int:
    """Layers whose norms are compared: the hidden ones, or both where only one is hidden."""
    return layers - 1 if layers > 2 else layers


def layer_factors(delta_norm: np.ndarray) -> np.ndarray:
    """Factor by which one layer multiplies a norm on its way back to the input, (rows,).

    10 to minus the least-squares slope of log10 delta_norm over the hidden layers (over both layers where one is
    hidden). A zero above layer 1 is passed over: a residual connection leads around a silent layer.

    Args:
        delta_norm: (rows, layers).

    Returns:
        0 where the output layer has a gradient and layer 1 has none; NaN for one layer, where nothing is finite or no
        layer has a gradient, and where fewer than two norms are left to compare.
    """
    norms = delta_norm[:, : compared_layers(delta_norm.shape[1])]
    layer = np.arange(norms.shape[1])
    used = norms > 0
    with np.errstate(all="ignore"):
        y = np.log10(np.where(used, norms, 1.0))
        x = layer - (used * layer).sum(axis=1, keepdims=True) / used.sum(axis=1, keepdims=True)
        x = np.where(used, x, 0.0)
        factor = 10 ** -((x * y).sum(axis=1) / (x * x).sum(axis=1))
    factor[(norms[:, 0] == 0) & (delta_norm[:, -1] > 0)] = 0.0
    factor[~np.isfinite(norms).all(axis=1) | ~(delta_norm[:, -1] > 0) | (norms.shape[1] < 2)] = np.nan
    return factor


def layer_factor(delta_norm: np.ndarray) -> float:
    """The factor of one row, delta_norm (layers,): see `layer_factors`."""
    return float(layer_factors(delta_norm[None])[0])


def first_to_last(norms: np.ndarray) -> np.ndarray:
    """log10 of layer 1's norm over that of `last_compared`, (rows,).

    Measured, not fitted. -inf where only the output layer has one, or layer 1 has none; NaN for one layer, and where
    nothing is finite.

    Args:
        norms: (rows, layers).
    """
    compared = norms[:, : compared_layers(norms.shape[1])]
    last = last_compared(norms) - 1
    with np.errstate(all="ignore"):
        decades = np.log10(compared[:, 0]) - np.log10(compared[np.arange(len(compared)), last])
    decades[(compared[:, 0] == 0) & (norms[:, -1] > 0)] = -np.inf
    decades[~np.isfinite(compared).all(axis=1) | ~(norms[:, -1] > 0) | (compared.shape[1] < 2)] = np.nan
    return decades


def last_compared(norms: np.ndarray) -> np.ndarray:
    """(rows,) the last layer, from 1, of `compared_layers` whose norm is not zero; the last one where all are.

    Args:
        norms: (rows, layers).
    """
    compared = norms[:, : compared_layers(norms.shape[1])]
    backward = compared[:, ::-1] > 0
    return compared.shape[1] - np.where(backward.any(axis=1), backward.argmax(axis=1), 0)


def log10_ratio(norms: np.ndarray) -> float:
    """log10 of the first layer's norm over the last one's; -inf when only the first is zero, NaN for 0/0."""
    with np.errstate(all="ignore"):
        return float(np.log10(norms[0]) - np.log10(norms[-1]))


def median_of_finite(values: np.ndarray) -> float:
    """Median of what is finite; NaN when nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
