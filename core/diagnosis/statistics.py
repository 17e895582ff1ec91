"""Statistics of a trace: how its gradient changes over the layers, how far its steps go, and what its loss did."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..data.datasets import DATASETS, load
from ..data.summary import Constant, DataSummary, summarize
from ..engine.training import snapshot, train
from ..errors import ConfigError
from ..families.activations import ACTIVATIONS
from ..families.initializers import INITS
from ..norms import scaled_norms
from ..trace import Trace, first_to_last, layer_factors, median_of_finite
from ..wording import count_noun

# share of the loss that is left, and of samples classified rightly
LEARNED_LOSS = 0.1
LEARNED_ACCURACY = 0.9
PROGRESS = 0.1  # the loss fell by at least this share below what a constant answer reaches
MAJORITY_SHARE = 0.5  # of the rows: from there on something is the rule and not the exception
PROBE_SAMPLES = 1000  # of which a network is computed again
MIN_WINDOW_ROWS = 5  # at each end of a run, whose median stands for the loss that a single batch does not show
UNEQUAL = 1.2  # times the share of equal classes: from there on the commonest class draws the answers
REST = 0.02  # a loss is at rest when its last two sixths differ by less than this share; twice where a loss is noisy
SHORT_RATE = 0.5  # of the largest learning rate: below, short steps alone may hold a loss at rest
MIN_REST_ROWS = 18  # rows without which nothing is said about a loss at rest


class TraceStats:
    """A trace and what several rules ask of it.

    Args:
        trace: of a run.
        samples: (X, D) that it was trained on, where they are not its config's own.

    Attributes:
        trace, config, activation: the run, its settings, and its hidden layers' activation.
        good: rows whose loss and gradient are finite; a run that broke at step 0 has none.
        end: the last of them, or 0.
        hidden: hidden layers.
        factor: (rows,) of delta: see `core.trace.layer_factors`; NaN where a silent layer stops the gradient.
        decades: (rows,) log10 of layer 1's delta norm over that of the last hidden layer that has one; -inf where only
            the output layer has one; NaN where a silent layer stops the gradient.
        weights_decades: the same of the weight gradients in row 0, the only row where they are compared.
        blocked: (rows,) True where a layer silent on every sample keeps the gradient from layer 1.
        early: (layers,) median update ratio of the first tenth of the steps, where there is most to learn.
        window: rows at each end that the next four are taken over: 1, and with mini-batches or dropout, whose losses
            also differ by the samples or units in them, as many as show every sample once, between MIN_WINDOW_ROWS and
            a tenth of all.
        first_loss, last_loss: median data loss of the first and of the last rows.
        highest_loss: the largest median of as many rows in a row.
        last_accuracy: mean accuracy of the last rows; with dropout that of the network with all its units.
    """

    def __init__(self, trace: Trace, samples: tuple[np.ndarray, np.ndarray] | None = None):
        self._given_samples = samples
        self.trace = trace
        self.config = trace.config
        self.activations = [ACTIVATIONS[name] for name in self.config.activations]
        self.good = np.flatnonzero(np.isfinite(trace.loss) & np.isfinite(trace.global_grad_norm))
        self.end = int(self.good[-1]) if len(self.good) else 0
        self.hidden = trace.layers - 1
        self.blocked = (trace.dead[:, :-1] == 1).any(axis=1) & (trace.delta_norm[:, 0] == 0)
        self.factor = np.where(self.blocked, np.nan, layer_factors(trace.delta_norm))
        self.decades = np.where(self.blocked, np.nan, first_to_last(trace.delta_norm))
        self.weights_decades = float(first_to_last(trace.grad_norm[:1])[0])
        self.early = np.array(
            [median_of_finite(ratio) for ratio in trace.update_ratio[: max(1, len(self.good) // 10)].T]
        )
        self.window = self._window()
        losses = trace.loss[self.good]
        accuracies = trace.accuracy[self.good]
        self.first_loss = median_of_finite(trace.loss[: self.window])
        self.last_loss = median_of_finite(losses[-self.window :])
        spans = sliding_window_view(losses, self.window) if self.good.size else np.empty((0, 1))
        self.highest_loss = float(np.median(spans, axis=1).max(initial=0.0))
        self.last_accuracy = float(accuracies[-self.window :].mean()) if self.good.size else float("nan")
        if self.config.dropout and self.good.size and self._final_trace is not None:
            self.last_accuracy = float(self._final_trace.accuracy[0])

    @property
    def is_noisy(self) -> bool:
        """True where a recorded loss also depends on the batch or the units that were drawn."""
        return self.config.batch_size is not None or self.config.dropout > 0

    def _window(self) -> int:
        if not self.is_noisy:
            return 1
        epoch = math.ceil(self.config.samples / (self.config.batch_size or self.config.samples))
        rows = len(self.good)
        return max(1, min(max(MIN_WINDOW_ROWS, min(epoch, rows // 10)), rows // 2))

    @cached_property
    def _samples(self) -> tuple[np.ndarray, np.ndarray] | None:
        return training_samples(self.trace) if self._given_samples is None else self._given_samples

    @cached_property
    def data(self) -> DataSummary | None:
        """Summary of the training samples; None where a trace that `train` did not make has none."""
        if self.trace.data_summary is not None:
            return self.trace.data_summary
        return None if self._samples is None else summarize(self.config, self.trace.task, *self._samples)

    @property
    def constant(self) -> Constant | None:
        """The best constant answer, where there is a summary of the samples."""
        return None if self.data is None else self.data.constant

    @property
    def majority(self) -> float:
        """The accuracy of the best constant answer; where the samples are unknown that of balanced classes."""
        if not np.isfinite(self.last_accuracy):
            return float("nan")
        outputs = self.trace.weights[-1][0].shape[1]
        return self.constant.accuracy if self.constant is not None else 1 / max(outputs, 2)

    @cached_property
    def _final_trace(self) -> Trace | None:
        """The trained network on up to PROBE_SAMPLES samples, all units there; None where the samples are unknown."""
        samples = self._samples
        if samples is None or self.trace.diverged_at is not None:
            return None
        X, D = (values[:PROBE_SAMPLES] for values in samples)
        start = self.config.replace(batch_size=None, holdout=0.0, steps=0, record_every=1, dropout=0.0)
        try:
            return train([start], data=(X, D), initial=[self.trace.weights])[0]
        except ConfigError:  # the limits of this server leave no room for so many samples at once
            return None

    @cached_property
    def final_loss(self) -> float:
        """The loss at the end; in mini-batches or with dropout that of `_final_trace`, where there is one."""
        trace = self._final_trace if self.is_noisy else None
        return self.last_loss if trace is None else float(trace.loss[0])

    @cached_property
    def progress(self) -> float:
        """The share by which the loss fell below the first, or below a constant answer's where that is lower."""
        loss = self.first_loss
        constant = 0.0 if self.constant is None else self.constant.loss
        if constant > 0:  # a constant answer is right on targets that are all equal, and that is to be learned
            loss = constant if self.is_noisy else min(loss, constant)  # the first batch's is one of few samples
        return 1 - self.final_loss / loss if loss > 0 else float("nan")

    @cached_property
    def learned(self) -> bool:
        """True when the loss fell to a tenth and nine samples in ten are right, or nineteen in twenty; with progress.

        Accuracy alone is not enough: an output that hardly differs between samples may still fall on the right side.
        Nor is the loss: where it started high above a constant answer's, it falls far before anything is learned.
        """
        if self.trace.diverged_at is not None or not self.first_loss > 0 or not self.progress >= PROGRESS:
            return False
        if self.majority < 1 and 1 - self.last_accuracy > 0.5 * (1 - self.majority):
            return False  # where one class is most of the samples, its share alone is a high accuracy
        if self.last_accuracy >= 0.95:
            return True
        return bool(self.last_loss <= LEARNED_LOSS * self.first_loss and not self.last_accuracy < LEARNED_ACCURACY)

    @cached_property
    def made_progress(self) -> bool:
        """True when the loss fell by a tenth or more and accuracy is clearly above a constant answer's."""
        if self.trace.diverged_at is not None or not self.progress >= PROGRESS:
            return False
        return not self.last_accuracy <= self.majority + min(0.05, 0.5 * (1 - self.majority))

    @property
    def favors_majority(self) -> bool:
        """True where classes are known to be unequal, and the run is right as often as the commonest one occurs."""
        outputs = self.trace.weights[-1][0].shape[1]
        unequal = self.constant is not None and self.majority > UNEQUAL / max(outputs, 2)
        return unequal and abs(self.last_accuracy - self.majority) <= 0.02

    @cached_property
    def at_rest(self) -> bool:
        """True when the loss of the last third of the rows no longer changes: see REST."""
        rows = self.trace.loss[self.good]
        sixth = len(self.good) // 6
        if len(rows) < MIN_REST_ROWS or self.trace.diverged_at is not None or self._slowed_down(sixth):
            return False
        before = np.median(rows[-2 * sixth : -sixth])
        after = np.median(rows[-sixth:])
        return bool(abs(before - after) <= REST * (2 if self.is_noisy else 1) * after)

    def _slowed_down(self, rows: int) -> bool:
        """True where the schedule of the learning rate, and not the loss, makes the last steps short."""
        rates = self.config.learning_rates(self.trace.step[self.good])
        return bool(np.median(rates[-rows:]) < SHORT_RATE * rates.max())

    def step_of(self, row: int) -> int:
        """The updates made before a row."""
        return int(self.trace.step[row])

    def when(self, row: int) -> str:
        """The time of a row, to open a sentence."""
        return "At initialization" if row == 0 else f"After {count_noun(self.step_of(row), 'step')}"

    def row_beyond(self, beyond: np.ndarray) -> int | None:
        """The row to report when the first one, or half of all, are beyond a limit: row 0, or the last such one.

        Rows count while the loss is above a tenth of its first value: later, a few hard samples make the gradient. Of
        a run that diverged row 0 alone counts: what comes after it is the divergence.

        Args:
            beyond: (rows,), whether each is.
        """
        judged = self.good[self.trace.loss[self.good] > LEARNED_LOSS * self.first_loss]
        rows = judged[beyond[judged]]
        if len(rows) and rows[0] == 0:
            return 0
        if self.trace.diverged_at is not None:
            return None
        return int(rows[-1]) if len(rows) and len(rows) >= MAJORITY_SHARE * len(judged) else None

    def first_underflow_layer(self, tiny: float) -> int | None:
        """The first hidden layer, from 1, that is silent in row 0 because the signal there is below `tiny`.

        |y| grows by about ||W||_F / sqrt(2 fan_in) in a layer of ReLUs, half of which are silent. Biases keep a signal
        from fading.
        """
        silent = np.flatnonzero(self.trace.dead[0, :-1] == 1)
        if not self.blocked[0] or (self.flat_sides != 1).any() or (self.trace.weight_norm[0] == 0).any():
            return None
        if self.config.bias and (self.config.bias_std > 0 or INITS[self.config.init].bias_deviation is not None):
            return None
        fan_in = np.array([len(W) for W, *_ in self.trace.weights])
        signal = np.cumsum(np.log10(self.trace.weight_norm[0] / np.sqrt(2 * fan_in)))
        return int(silent[0]) + 1 if signal[silent[0]] < np.log10(tiny) + 3 else None

    @cached_property
    def flat_sides(self) -> np.ndarray:
        """(hidden layers,) sides on which the activation is flat far from 0: 2 for sigmoid and tanh, 1 for ReLU."""
        slopes = [np.abs(phi.slope(np.array([-50.0, 50.0]))) / phi.sup_slope for phi in self.activations]
        return np.array([(slope < 1e-3).sum() for slope in slopes], dtype=int)

    def share_of(self, name: str, layers: np.ndarray) -> np.ndarray:
        """(rows,) `saturation` or `dead` over all units of some hidden layers.

        Args:
            layers: (hidden layers,) True for those that count, at least one.
        """
        units = np.array(self.config.hidden) * layers
        return getattr(self.trace, name)[:, :-1] @ units / units.sum()

    def labels(self, layers: np.ndarray) -> list[str]:
        """The labels of the activations of some hidden layers, each once."""
        labels = [phi.label for phi, counts in zip(self.activations, layers, strict=True) if counts]
        return list(dict.fromkeys(labels))


def training_samples(trace: Trace) -> tuple[np.ndarray, np.ndarray] | None:
    """X and D that a run was trained on; None for data of one's own, which a trace does not hold."""
    config = trace.config
    data = DATASETS[trace.config.dataset]
    if trace.data_summary is not None:
        return None
    inputs = trace.weights[0][0].shape[0]
    outputs = trace.weights[-1][0].shape[1]
    if (inputs, outputs) != (data.inputs, data.outputs):
        return None
    samples = load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    return samples.X, samples.D


class Break(NamedTuple):
    """Where a run that diverged broke: a layer, from 1, and "weights", "signal", "loss" or "gradient"."""

    layer: int
    quantity: str


def find_break(trace: Trace) -> Break:
    """The first value of a run that diverged to leave the range of its dtype.

    Computed by a pass with the weights of that step: the first weights that are not finite; on the way forward the
    first output; the loss (the output layer's); on the way back the last delta or weight gradient. For data of one's
    own, which a trace does not hold, standard normal samples of their shape stand in.
    """
    for layer, parameters in enumerate(trace.weights, start=1):
        if not all(np.isfinite(values).all() for values in parameters if values is not None):
            return Break(layer, "weights")
    samples = training_samples(trace)
    if samples is None:
        inputs = trace.weights[0][0].shape[0]
        outputs = trace.weights[-1][0].shape[1]
        D = np.zeros((100, outputs))
        D[:, 0] = 1.0  # targets that every loss takes
        samples = np.random.default_rng(0).standard_normal((100, inputs)), D
    X, D = (values[:PROBE_SAMPLES] for values in samples)
    config = trace.config.replace(batch_size=None, holdout=0.0, steps=0, dropout=0.0)
    with np.errstate(all="ignore"):
        try:
            state = snapshot(config, data=(X, D), initial=trace.weights)
        except ConfigError:  # the limits of this server leave no room for it
            return Break(0, "value")
        error = state.output.astype(float) - state.targets  # the engine sums losses in float64, also of float32
        loss = np.square(error).sum() if config.loss == "mse" else 0.0
    for layer, y in enumerate(state.activation, start=1):
        if not np.isfinite(y).all():
            return Break(layer, "signal")
    if not np.isfinite(loss):
        return Break(trace.layers, "loss")
    for layer in range(trace.layers, 0, -1):
        if not (np.isfinite(state.delta[layer - 1]).all() and np.isfinite(state.weight_gradient[layer - 1]).all()):
            return Break(layer, "gradient")
    return Break(trace.layers, "loss")


def joint_norm(norms: np.ndarray) -> np.ndarray:
    """The norm over all layers, (rows,), from norms by layer (rows, layers)."""
    return scaled_norms(norms)
