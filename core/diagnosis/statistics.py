"""What a trace shows: how its gradients change over the layers, how far its steps go, and which layer broke first."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..data.datasets import DATASETS, Split, load
from ..engine.stack import Stack
from ..engine.training import one_blas_thread
from ..families.activations import ACTIVATIONS
from ..trace import Trace

LEARNED, RIGHT = 0.1, 0.9  # share of the loss that is left, and of samples classified rightly, when a run has learned
HALF = 0.5  # of the rows: from there on something is the rule and not the exception
PROBE = 1000  # samples that a broken network is looked at with
FEW = 5  # rows at each end of a run, at least, whose median stands for the loss that a single batch does not tell


def flow(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How a norm changes on its way back, by the least-squares line through its logarithm over the hidden layers.

    Zeros are passed over (in a residual network a silent layer has delta 0 and the layers below do not), as long as
    eight norms are left, or all where there are fewer.

    Args:
        norms: (rows, layers), of delta or of a weight gradient.

    Returns:
        The factor per layer and the decades from the last hidden layer to the first, each (rows,). 0 and -inf where
        the output layer has a gradient and no hidden one does; NaN where there are too few layers to compare.
    """
    hidden = norms[:, : compared(norms.shape[1])]
    used = (hidden > 0) & np.isfinite(hidden)
    used[used.sum(axis=1) < min(8, hidden.shape[1])] = False
    layer = np.arange(hidden.shape[1])
    with np.errstate(all="ignore"):
        y = np.where(used, np.log10(hidden), 0.0)
        center = (used * layer).sum(axis=1, keepdims=True) / used.sum(axis=1, keepdims=True)
        x = np.where(used, layer - center, 0.0)
        slope = (x * y).sum(axis=1) / (x * x).sum(axis=1)
        nothing = (hidden == 0).all(axis=1) & (norms[:, -1] > 0)
        factor = np.where(nothing, 0.0, 10**-slope)
        decades = np.where(nothing, -np.inf, -slope * (hidden.shape[1] - 1))
    return factor, decades


def compared(layers: int) -> int:
    """Layers that `flow` compares: the hidden ones, or both where only one is hidden."""
    return layers - 1 if layers > 2 else layers


class TraceStats:
    """A trace and what several rules ask of it.

    Attributes:
        trace, config, activation: the run, its settings, and its hidden layers' activation.
        good: rows whose loss and gradient are finite; a run that broke at step 0 has none.
        end: the last of them, or 0.
        hidden: hidden layers.
        cut: (rows,), whether a layer silent on every sample keeps the gradient from layer 1.
        factor, decades: of delta, by row: see `flow`; NaN where a silent layer cuts it off.
        weights_decades, weights_factor: of the weight gradient in row 0, the only one where it tells.
        early: (layers,) median update ratio of the first tenth of the steps, where there is most to learn.
        window: rows at each end that the next four are taken over: 1, and with mini-batches, whose losses also differ
            by the samples in them, as many as show every sample once, between FEW and a tenth of all.
        first_loss, last_loss: median data loss of the first and of the last rows.
        highest_loss: the largest median of as many rows in a row.
        last_accuracy: mean accuracy of the last rows.
        learned: whether the data loss fell to a tenth and, where there are classes, nine samples in ten are right
            (from large initial weights the loss falls to a tenth before anything is learned).
    """

    def __init__(self, trace: Trace):
        self.trace, self.config, self.activation = trace, trace.config, ACTIVATIONS[trace.config.activation]
        self.good = np.flatnonzero(np.isfinite(trace.loss) & np.isfinite(trace.global_grad_norm))
        self.end = int(self.good[-1]) if len(self.good) else 0
        self.hidden = trace.layers - 1
        self.cut = (trace.dead[:, :-1] == 1).any(axis=1) & (trace.delta_norm[:, 0] == 0)
        self.factor, self.decades = (np.where(self.cut, np.nan, values) for values in flow(trace.delta_norm))
        (self.weights_factor,), (self.weights_decades,) = flow(trace.grad_norm[:1])
        self.early = np.array([median(ratio) for ratio in trace.update_ratio[: max(1, len(self.good) // 10)].T])
        self.window = self._window()
        losses, accuracies = trace.loss[self.good], trace.accuracy[self.good]
        self.first_loss = median(trace.loss[: self.window])
        self.last_loss = median(losses[-self.window :])
        spans = sliding_window_view(losses, self.window) if self.good.size else np.empty((0, 1))
        self.highest_loss = float(np.median(spans, axis=1).max(initial=0.0))
        self.last_accuracy = float(accuracies[-self.window :].mean()) if self.good.size else float("nan")
        self.learned = trace.diverged_at is None and bool(
            self.last_loss <= LEARNED * self.first_loss and not self.last_accuracy < RIGHT
        )

    def _window(self) -> int:
        if self.config.batch_size is None:
            return 1
        epoch, rows = math.ceil(self.config.samples / self.config.batch_size), len(self.good)
        return max(1, min(max(FEW, min(epoch, rows // 10)), rows // 2))

    def when(self, row: int) -> str:
        """The time of a row, to open a sentence."""
        return "At initialization" if row == 0 else f"After {self.trace.step[row]:,} steps"

    def row_beyond(self, beyond: np.ndarray) -> int | None:
        """The row to tell of when the first one, or half of all, are beyond a limit: row 0, or the last such one.

        Rows count while the loss is above a tenth of its first value: later, a few hard samples make the gradient.

        Args:
            beyond: (rows,), whether each is.
        """
        judged = self.good[self.trace.loss[self.good] > LEARNED * self.first_loss]
        rows = judged[beyond[judged]]
        if len(rows) and rows[0] == 0:
            return 0
        return int(rows[-1]) if len(rows) and len(rows) >= HALF * len(judged) else None

    def first_underflow_layer(self, tiny: float) -> int | None:
        """The first hidden layer, from 1, that is silent in row 0 because the signal there is below `tiny`.

        |y| grows by about ||W||_F / sqrt(2 fan_in) in a layer of ReLUs, half of which are silent.
        """
        silent = np.flatnonzero(self.trace.dead[0, :-1] == 1)
        if not self.cut[0] or self.flat_sides != 1 or (self.trace.weight_norm[0] == 0).any():
            return None
        fan_in = np.array([len(W) for W, _ in self.trace.weights])
        signal = np.cumsum(np.log10(self.trace.weight_norm[0] / np.sqrt(2 * fan_in)))
        return int(silent[0]) + 1 if signal[silent[0]] < np.log10(tiny) + 3 else None

    @property
    def flat_sides(self) -> int:
        """Sides on which the activation is flat far from 0: 2 for sigmoid and tanh, 1 for ReLU and its kin."""
        slope = np.abs(self.activation.slope(np.array([-50.0, 50.0])))
        return int((slope < 1e-3 * self.activation.sup_slope).sum())


def median(values: np.ndarray) -> float:
    """Median of what is finite; NaN when nothing is."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def joint(norms: np.ndarray) -> np.ndarray:
    """The norm over all layers, (rows,), from norms by layer (rows, layers), whose squares may be beyond float64."""
    largest = norms.max(axis=1)
    with np.errstate(all="ignore"):
        return np.where(largest > 0, largest * np.linalg.norm(norms / largest[:, None], axis=1), largest)


def broken_layer(trace: Trace) -> int:
    """The first layer of a run that diverged, from 1, to hold a value that is not finite.

    Found by a pass with the weights of that step: on the way forward the first weights or outputs that are not
    finite, then the loss (the output layer's), then, on the way back, the last such delta.
    """
    for layer, (W, b) in enumerate(trace.weights, start=1):
        if not (np.isfinite(W).all() and (b is None or np.isfinite(b).all())):
            return layer
    config = trace.config.replace(batch_size=None, holdout=0.0, steps=0)
    with one_blas_thread, np.errstate(all="ignore"):
        stack = Stack([config], [_samples(trace)], [trace.weights])
        batch = stack.batch
        batch.forward(stack.parameters)
        for layer, y in enumerate([*batch.y[1:], batch.output], start=1):
            if not np.isfinite(y).all():
                return layer
        if not np.isfinite(batch.measure_loss()).all():
            return trace.layers
        batch.backward(stack.parameters, stack.gradient)
    broken = [layer for layer, delta in enumerate(batch.delta, start=1) if not np.isfinite(delta).all()]
    return max(broken, default=trace.layers)


def _samples(trace: Trace) -> Split:
    """The run's samples; for data of one's own, which a trace does not keep, standard normal ones of their shape."""
    config, data = trace.config, DATASETS[trace.config.dataset]
    inputs, outputs = trace.weights[0][0].shape[0], trace.weights[-1][0].shape[1]
    if (inputs, outputs) == (data.inputs, data.outputs):
        split = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
        X, D = split.X[:PROBE], split.D[:PROBE]
    else:
        X, D = np.random.default_rng(0).standard_normal((100, inputs)), np.zeros((100, outputs))
    return Split(X, D, X[:0], D[:0], trace.task)
