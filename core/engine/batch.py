"""One batch through a stack of networks, forward and backward, into buffers made once."""

from __future__ import annotations

import numpy as np

from ..families.activations import Activation
from ..families.losses import OUTPUT_ACTIVATIONS, Loss, softmax
from ..families.normalization import normalize, normalize_backward
from ..layout import Layout, ParameterStack

SATURATED = 0.05  # a unit counts as saturated where |phi'| is below this share of sup |phi'|
BLOCK = 255  # a byte counts that far


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
        trains: whether slopes are kept, for a backward pass.
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
        trains: bool = True,
    ):
        self.layout, self.activation, self.loss_rule, self.axis = layout, activation, loss, axis
        self.output_activation = OUTPUT_ACTIVATIONS[output_activation]
        self.linear_output = output_activation == "linear"
        self.runs, self.samples, self.layers = runs, samples, layout.layers
        widths, hidden, outputs = layout.widths, layout.widths[1:-1], layout.widths[-1]
        self.skips = [residual and layer < self.layers - 1 and m == n for layer, (m, n) in enumerate(layout.shapes)]

        self.inputs = [np.ones((runs, width + layout.bias, samples), dtype) for width in widths[:-1]]
        self.y = [A[:, :width] for A, width in zip(self.inputs, widths, strict=False)]
        self.targets = np.zeros((runs, outputs, samples), dtype)

        # for all layers in turn: hot in the cache
        memory = [np.empty(runs * max(widths) * samples, dtype) for _ in range(3 + (runs > 1))]

        def views(which: int, width: int) -> np.ndarray:
            return memory[which][: runs * width * samples].reshape(runs, width, samples)

        self.scratch = [views(0, width) for width in widths[1:]]
        self.net = [views(1, width) for width in widths[1:]]
        # phi(net): of one run straight into y; of several in one piece and then copied, since y is strided over them
        self.phi = self.y[1:] if runs == 1 else [views(3, width) for width in hidden]
        # layer after layer, each (R, units, samples) in one piece: over strides, passes take 2 to 3 times as long
        self.slope_memory = np.ones(runs * sum(widths[1:]) * samples if trains else 0, dtype)
        if trains:
            ends = runs * samples * np.cumsum(widths[1:])
            self.slopes = [
                self.slope_memory[end - runs * width * samples : end].reshape(runs, width, samples)
                for end, width in zip(ends, widths[1:], strict=True)
            ]
        else:
            self.slopes = [views(2, width) for width in widths[1:]]
        if axis is not None:
            self.net = [np.empty((runs, width, samples), dtype) for width in hidden] + self.net[-1:]
            averaged = [(runs, 1, samples) if axis == 1 else (runs, width, 1) for width in hidden]
            self.inverse_deviation = [np.empty(shape, dtype) for shape in averaged]
            self.means = [np.empty(shape, dtype) for shape in averaged]
        self.output_net = np.empty((runs, outputs, samples), dtype)
        self.output = self.output_net if self.linear_output else np.empty_like(self.output_net)
        self.log_sum, self.total = (np.empty((runs, 1, samples), dtype) for _ in range(2))
        self.terms, self.spare = (np.empty_like(self.output_net) for _ in range(2))
        self.best = np.empty_like(self.total)
        self.rank = np.arange(outputs, 0, -1, dtype=dtype)[:, None]
        self.loss = np.empty(runs, dtype)
        if trains:
            self.delta = self.slopes  # the same memory: see `backward`
            self.delta_T = [delta.transpose(0, 2, 1) for delta in self.delta]
            # dE/dy: one memory, hot in the cache; with skips two in turn, since a layer needs that of the one above
            self.dy = [views(1 + layer % 2 if residual else 1, width) for layer, width in enumerate(widths)]
            self._make_counters()

    def forward(self, parameters: ParameterStack) -> None:
        """net, y and phi' of every layer, and the output."""
        last = self.layers - 1
        for layer in range(last):
            net, phi, y = self.net[layer], self.phi[layer], self.y[layer + 1]
            np.matmul(parameters.transposed[layer], self.inputs[layer], out=net)
            if self.axis is not None:
                normalize(net, self.axis, self.inverse_deviation[layer], self.scratch[layer])
            self.activation.forward(net, phi, self.slopes[layer], self.scratch[layer])
            if self.skips[layer]:
                np.add(phi, self.y[layer], out=y)
            elif phi is not y:
                np.copyto(y, phi)
        np.matmul(parameters.transposed[last], self.inputs[last], out=self.output_net)
        if self.output_activation is None:
            softmax(self.output_net, self.output, self.log_sum, self.total)
        elif not self.linear_output:
            self.output_activation.forward(self.output_net, self.output, self.slopes[last], self.scratch[last])

    def measure_loss(self) -> np.ndarray:
        """E of each run, (R,), from the last forward pass."""
        self.loss_rule.terms(self.output_net, self.output, self.targets, self.log_sum, self.terms, self.spare)
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
        delta[last] /= self.samples
        for layer in range(last, -1, -1):
            np.matmul(self.inputs[layer], self.delta_T[layer], out=gradient.matrices[layer])
            if layer == 0:
                return
            dy = self.dy[layer]
            np.matmul(parameters.weights[layer], delta[layer], out=dy)
            if self.skips[layer]:
                dy += self.dy[layer + 1]
            below = layer - 1
            np.multiply(dy, delta[below], out=delta[below])
            if self.axis is not None:
                normalize_backward(
                    delta[below],
                    self.net[below],
                    self.axis,
                    self.inverse_deviation[below],
                    self.means[below],
                    self.scratch[below],
                )

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
        """Buffers for counting: flags beside the slopes, one count for each (layer, run, unit), in that order."""
        units, values = np.array(self.layout.widths[1:]), self.runs * self.samples
        self.low = np.zeros(self.slope_memory.size, bool)
        flags = self.low.view(np.uint8).reshape(-1, self.samples)
        self.bytes = [flags[:, at : at + BLOCK] for at in range(0, self.samples, BLOCK)]
        self.block_counts = np.empty(len(flags), np.uint8)
        self.counts = np.empty(len(flags))
        self.offsets = np.cumsum([0, *np.repeat(units, self.runs)])[:-1]  # where each (layer, run) begins
        self.summed = np.empty(len(self.offsets))
        self.by_run = self.summed.reshape(self.layers, self.runs).T
        self.units = units.astype(float)
        self.values = self.units * self.samples
        hidden = values * int(units[:-1].sum())
        self.segments = [(slice(0, hidden), self.activation)] if hidden else []
        if self.output_activation is not None and not self.linear_output:
            self.segments.append((slice(hidden, None), self.output_activation))
        self.low_negative = None if all(member.monotone for _, member in self.segments) else np.empty_like(self.low)

    def count_saturated(self, saturation: np.ndarray, dead: np.ndarray) -> None:
        """Shares, (R, layers) each: of (unit, sample) with |phi'| < 0.05 sup |phi'|, and of units so on every sample.

        Reads the slopes: call it between forward and backward. NaN at a softmax output, which has no slope of its own.
        """
        for part, activation in self.segments:
            slope, low, threshold = self.slope_memory[part], self.low[part], SATURATED * activation.sup_slope
            np.less(slope, threshold, out=low)
            if not activation.monotone:
                above = np.greater(slope, -threshold, out=self.low_negative[part])
                low &= above
        counts = self.counts
        for first, block in enumerate(self.bytes):
            np.einsum("un->u", block, out=self.block_counts)
            if first == 0:
                np.copyto(counts, self.block_counts)
            else:
                counts += self.block_counts
        np.add.reduceat(counts, self.offsets, out=self.summed)  # whole numbers: exact
        np.divide(self.by_run, self.values, out=saturation)
        counts /= self.samples
        np.floor(counts, out=counts)  # 1 where low on every sample, else 0
        np.add.reduceat(counts, self.offsets, out=self.summed)
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
