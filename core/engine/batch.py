"""One batch through a stack of networks, forward and backward, into buffers made once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..families.activations import ACTIVATION_CODES, Activation, activate
from ..families.losses import OUTPUT_ACTIVATIONS, Loss, softmax
from ..layout import Layout, ParameterStack
from .passes import backward, forward

SATURATED = 0.05  # a unit counts as saturated where |phi'| is below this share of sup |phi'|


class NetworkShape(NamedTuple):
    """Shape and kind of a stack's networks, for the compiled passes.

    Attributes:
        widths: (layers + 1,) units, the input's first.
        offsets: (layers,) and more: where each layer's parameters begin.
        unit_starts: (layers + 1,) units of the layers before, without the input.
        skips: (layers,) which layers add their input.
        bias: 1 where layers have b.
        axis: what normalization averages over; 0 for none.
        dropout: 1 where masks drop units.
    """

    widths: np.ndarray
    offsets: np.ndarray
    unit_starts: np.ndarray
    skips: np.ndarray
    bias: int
    axis: int
    dropout: int


class BatchMemory(NamedTuple):
    """Buffers of the compiled passes, flat where layers differ in size.

    Attributes:
        samples: of each run.
        inputs: of all layers, with their row of ones, each (R, units + 1, samples).
        input_starts: where each layer's begin.
        nets: net input of one layer of one run; with normalization of all hidden layers, normalized.
        slopes: phi' and then delta of all layers, each (R, units, samples).
        low: how many slopes are low for each (layer, run, unit).
        inverse_deviation: (layers, R, longest), used where there is normalization.
        output_net: (R, outputs, samples).
        dy: dE/dy of two neighboring layers of one run.
        masks: of the hidden layers' outputs, laid out as slopes are: 0 or 1 / (1 - dropout); empty without dropout.
    """

    samples: int
    inputs: np.ndarray
    input_starts: np.ndarray
    nets: np.ndarray
    slopes: np.ndarray
    low: np.ndarray
    inverse_deviation: np.ndarray
    output_net: np.ndarray
    dy: np.ndarray
    masks: np.ndarray


class Batch:
    """R networks of one kind on `samples` samples each: every array is (R, units, samples).

    Activations carry a last row of ones, so that one product gives W and b at once; slopes phi' lie side by side in
    one array, where the backward pass overwrites them by delta.

    Args:
        layout: sizes and biases.
        activation, output_activation, loss: registry members (the output's by name).
        axis: what normalization averages over, 1, 2 or None.
        residual: whether hidden layers with fan_in = fan_out add their input.
        runs, samples, dtype: R, samples of a run, "float64" or "float32".
        dropout: whether `masks` drop units; they drop none until they are written.
    """

    def __init__(
        self,
        layout: Layout,
        activation: Activation,
        output_activation: str,
        loss: Loss,
        axis: int | None,
        residual: bool,
        runs: int,
        samples: int,
        dtype: np.dtype,
        *,
        dropout: bool = False,
    ):
        self.layout, self.activation, self.loss_rule, self.axis = layout, activation, loss, axis
        self.output_activation = OUTPUT_ACTIVATIONS[output_activation]
        self.linear_output = output_activation == "linear"
        self.runs, self.samples, self.layers = runs, samples, layout.layers
        widths, hidden, outputs = layout.widths, layout.widths[1:-1], layout.widths[-1]
        self.skips = [residual and layer < self.layers - 1 and m == n for layer, (m, n) in enumerate(layout.shapes)]

        rows = np.array([width + layout.bias for width in widths[:-1]])
        starts = runs * samples * np.cumsum([0, *rows])
        flat_inputs = np.ones(starts[-1], dtype)
        self.inputs = [
            flat_inputs[start:end].reshape(runs, -1, samples) for start, end in zip(starts, starts[1:], strict=False)
        ]
        self.y = [A[:, :width] for A, width in zip(self.inputs, widths, strict=False)]
        self.targets = np.zeros((runs, outputs, samples), dtype)
        # layer after layer, each (R, units, samples) in one piece
        unit_starts = np.cumsum([0, *widths[1:]])
        self.slope_memory = np.ones(runs * samples * unit_starts[-1], dtype)
        self.slopes = [
            self.slope_memory[runs * samples * start : runs * samples * end].reshape(runs, -1, samples)
            for start, end in zip(unit_starts, unit_starts[1:], strict=False)
        ]
        # without normalization a net input is needed no longer than its layer takes, and stays near the core
        net_size = samples * (max(widths) if axis is None else runs * sum(hidden))
        self.output_net = np.empty((runs, outputs, samples), dtype)
        self.output = self.output_net if self.linear_output else np.empty_like(self.output_net)
        self.log_sum, self.total = (np.empty((runs, 1, samples), dtype) for _ in range(2))
        self.terms, self.spare = (np.empty_like(self.output_net) for _ in range(2))
        self.best = np.empty_like(self.total)
        self.rank = np.arange(outputs, 0, -1, dtype=dtype)[:, None]
        self.loss = np.empty(runs, dtype)
        self.sample_weights: np.ndarray | None = None  # (R, 1, samples), where samples count differently
        self.delta = self.slopes  # the same memory: see `backward`
        self.low = np.zeros(runs * unit_starts[-1], np.int64)
        self.delta_squares = np.zeros((runs, self.layers))
        self.shape = NetworkShape(
            widths=np.array(widths),
            offsets=np.array(layout.offsets),
            unit_starts=unit_starts,
            skips=np.array(self.skips),
            bias=int(layout.bias),
            axis=axis or 0,
            dropout=int(dropout),
        )
        self.memory = BatchMemory(
            samples=samples,
            inputs=flat_inputs,
            input_starts=starts,
            nets=np.empty(net_size, dtype),
            slopes=self.slope_memory,
            low=self.low,
            inverse_deviation=np.empty((self.layers, runs, max(samples, *widths) if axis else 0), dtype),
            output_net=self.output_net,
            dy=np.empty((2, max(widths) * samples), dtype),
            masks=np.ones(runs * samples * unit_starts[-2] if dropout else 0, dtype),
        )
        flat_masks = self.memory.masks.reshape(-1, samples)
        # by hidden layer, (R, units, samples)
        self.masks = [
            flat_masks[runs * start : runs * end].reshape(runs, -1, samples)
            for start, end in zip(unit_starts, unit_starts[1:-1], strict=False)
        ] * dropout
        self.thresholds = [
            SATURATED * (0 if member is None else member.sup_slope) for member in (activation, self.output_activation)
        ]
        self._make_counters()

    def forward(self, parameters: ParameterStack) -> None:
        """net, y and phi' of every layer, and the output."""
        forward(self.shape, parameters.flat, self.memory, ACTIVATION_CODES[self.activation.name], self.thresholds[0])
        if self.output_activation is None:
            softmax(self.output_net, self.output, self.log_sum, self.total)
        elif not self.linear_output:
            rows = (-1, self.samples)
            activate(
                ACTIVATION_CODES[self.output_activation.name],
                self.output_net.reshape(rows),
                self.output.reshape(rows),
                self.slopes[-1].reshape(rows),
                self.low[len(self.low) - self.runs * self.layout.widths[-1] :],
                self.thresholds[1],
            )

    def measure_loss(self) -> np.ndarray:
        """E of each run, (R,), from the last forward pass."""
        self.loss_rule.terms(self.output_net, self.output, self.targets, self.log_sum, self.terms, self.spare)
        if self.sample_weights is not None:
            self.terms *= self.sample_weights
        np.add.reduce(self.terms.reshape(self.runs, -1), axis=1, out=self.loss)
        self.loss /= self.samples
        return self.loss

    def backward(self, parameters: ParameterStack, gradient: ParameterStack) -> None:
        """delta = dE/dnet of every layer in the memory of its slope, and dE/dW, dE/db into `gradient`."""
        delta, last = self.delta, self.layers - 1
        if self.loss_rule.output_activation is not None:
            self.loss_rule.residual(self.output, self.targets, delta[last])
        elif self.linear_output:
            self.loss_rule.residual(self.output, self.targets, delta[last])
        else:
            self.loss_rule.residual(self.output, self.targets, self.terms)
            delta[last] *= self.terms
        if self.sample_weights is not None:
            delta[last] *= self.sample_weights
        delta[last] /= self.samples
        backward(self.shape, parameters.flat, gradient.flat, self.memory, self.delta_squares)

    def delta_blocks(self) -> list[tuple[slice, np.ndarray]]:
        """Neighboring layers of one width together: (layers, delta as (R, layers, units * samples))."""
        blocks, first = [], 0
        widths = self.layout.widths[1:]
        for layer in range(1, self.layers + 1):
            if layer == self.layers or widths[layer] != widths[first]:
                start, size = sum(widths[:first]), widths[first] * (layer - first)
                view = self.slope_memory[self.runs * self.samples * start :][: self.runs * self.samples * size]
                by_layer = view.reshape(layer - first, self.runs, -1)
                blocks.append((slice(first, layer), by_layer.transpose(1, 0, 2)))
                first = layer
        return blocks

    def _make_counters(self) -> None:
        """Buffers for sums of counts: one count for each (layer, run, unit), in that order."""
        units = np.array(self.layout.widths[1:])
        self.counts = np.empty(len(self.low))
        self.offsets = np.cumsum([0, *np.repeat(units, self.runs)])[:-1]  # where each (layer, run) begins
        self.summed = np.empty(len(self.offsets))
        self.by_run = self.summed.reshape(self.layers, self.runs).T
        self.units = units.astype(float)
        self.values = self.units * self.samples

    def count_saturated(self, saturation: np.ndarray, dead: np.ndarray) -> None:
        """Shares, (R, layers) each: of (unit, sample) with |phi'| < 0.05 sup |phi'|, and of units so on every sample.

        From the counts of the last forward pass. NaN at a softmax output, which has no slope of its own.
        """
        np.copyto(self.counts, self.low)
        np.add.reduceat(self.counts, self.offsets, out=self.summed)  # whole numbers: exact
        np.divide(self.by_run, self.values, out=saturation)
        np.equal(self.low, self.samples, out=self.counts)
        np.add.reduceat(self.counts, self.offsets, out=self.summed)
        np.divide(self.by_run, self.units, out=dead)
        if self.output_activation is None:
            saturation[:, -1] = dead[:, -1] = np.nan

    def measure_accuracy(self, classes: np.ndarray, multi: bool) -> np.ndarray:
        """Share of samples classified rightly, (R,); NaN where the loss just measured is no number.

        Args:
            classes: (R, 1, samples) 0 or 1 (one output, threshold 0.5); or, for several outputs, outputs minus the
                index of the class, so that the first of equal outputs wins as in argmax.
            multi: whether there are several outputs.
        """
        if not multi:
            np.greater(self.output, 0.5, out=self.best)
        else:
            np.maximum.reduce(self.output, axis=1, keepdims=True, out=self.total)
            np.equal(self.output, self.total, out=self.spare, casting="unsafe")
            self.spare *= self.rank
            np.maximum.reduce(self.spare, axis=1, keepdims=True, out=self.best)
        np.equal(self.best, classes, out=self.best)
        share = np.add.reduce(self.best[:, 0], axis=1).astype(float) / self.samples
        share[np.isnan(self.loss)] = np.nan
        return share
