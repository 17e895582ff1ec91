"""Where each layer's parameters lie in one flat array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class LayoutArrays(NamedTuple):
    """A layout as compiled code takes it.

    Attributes:
        widths: (layers + 1,) units, the input's first.
        offsets: (layers + 1,) where each layer's parameters begin.
        bias: 1 where layers have b.
    """

    widths: np.ndarray
    offsets: np.ndarray
    bias: int


class Layout:
    """The parameters of R networks of equal layer sizes as one array (R, parameters).

    A layer is a block of (fan_in + 1) rows of fan_out numbers, W and then b as its last row (fan_in rows without
    biases): W and b are views, net input is one matrix product with activations that carry a row of ones, and an
    update is two calls at any depth.

    Args:
        widths: units of the input, each hidden layer and the output.
        bias: whether layers have b.
    """

    def __init__(self, widths: tuple[int, ...], bias: bool):
        self.widths, self.bias = widths, bias
        self.shapes = list(zip(widths, widths[1:], strict=False))
        self.layers = len(self.shapes)
        sizes = [(fan_in + bias) * fan_out for fan_in, fan_out in self.shapes]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self.size = self.offsets[-1]
        self.arrays = LayoutArrays(np.array(widths), np.array(self.offsets), int(bias))

    def new(self, runs: int, dtype: np.dtype) -> ParameterStack:
        """Zeros for so many runs."""
        return ParameterStack(self, np.zeros((runs, self.size), dtype))


class ParameterStack:
    """One number for each parameter of R networks, with its views by layer.

    Attributes:
        flat: (R, parameters).
        matrices: by layer, W with b as its last row, (R, fan_in + 1, fan_out).
        weights, biases: by layer, (R, fan_in, fan_out) and (R, fan_out); no biases, an empty list.
    """

    def __init__(self, layout: Layout, flat: np.ndarray):
        self.layout, self.flat = layout, flat
        runs, offsets, bias = len(flat), layout.offsets, layout.bias
        self.matrices = [
            flat[:, offsets[layer] : offsets[layer + 1]].reshape(runs, fan_in + bias, fan_out)
            for layer, (fan_in, fan_out) in enumerate(layout.shapes)
        ]
        self.weights = [W[:, : W.shape[1] - bias] for W in self.matrices]
        self.biases = [W[:, -1] for W in self.matrices] if bias else []

    def run(self, index: int) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """One run's (W, b) by layer, copied; b is None without biases."""
        biases = [b[index].copy() for b in self.biases] if self.biases else [None] * self.layout.layers
        return [(W[index].copy(), b) for W, b in zip(self.weights, biases, strict=True)]
