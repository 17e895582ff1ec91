"""Where each layer's parameters lie in one flat array."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# (W, b) of a layer, b None without biases; (W, b, gain, shift) of a hidden layer whose normalization learns them
LayerParameters = tuple[Any, ...]


class LayoutArrays(NamedTuple):
    """A layout as compiled code takes it.

    Attributes:
        widths: (layers + 1,) units, the input's first.
        offsets: (layers + 1,) where each layer's parameters begin.
        bias: 1 where layers have b.
        affine: 1 where hidden layers have a gain and a shift, which end their parameters.
    """

    widths: np.ndarray
    offsets: np.ndarray
    bias: int
    affine: int


class Layout:
    """The parameters of R networks of equal layer sizes as one array (R, parameters).

    A layer is a block of (fan_in + 1) rows of fan_out numbers, W and then b as its last row (fan_in rows without
    biases): W and b are views, net input is one matrix product with activations that carry a row of ones, and an
    update is two calls at any depth. Two more rows of a hidden layer may follow: gain and shift of its normalization.

    Args:
        widths: units of the input, each hidden layer and the output.
        bias: whether layers have b.
        affine: whether hidden layers have a gain and a shift.
    """

    def __init__(self, widths: tuple[int, ...], bias: bool, affine: bool = False):
        self.widths = widths
        self.bias = bias
        self.affine = affine
        self.shapes = list(zip(widths, widths[1:], strict=False))
        self.layers = len(self.shapes)
        rows = [fan_in + bias + 2 * affine for fan_in in widths[:-2]] + [widths[-2] + bias]
        sizes = [n * fan_out for n, fan_out in zip(rows, widths[1:], strict=True)]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self.size = self.offsets[-1]
        self.arrays = LayoutArrays(np.array(widths), np.array(self.offsets), int(bias), int(affine))

    def new(self, runs: int, dtype: np.dtype) -> ParameterStack:
        """Zeros for so many runs."""
        return ParameterStack(self, np.zeros((runs, self.size), dtype))


class ParameterStack:
    """One number for each parameter of R networks, with its views by layer.

    Attributes:
        flat: (R, parameters).
        matrices: by layer, W with b as its last row, (R, fan_in + 1, fan_out).
        weights, biases: by layer, (R, fan_in, fan_out) and (R, fan_out); no biases, an empty list.
        gains, shifts: by hidden layer, (R, fan_out); empty where normalization learns none.
    """

    def __init__(self, layout: Layout, flat: np.ndarray):
        self.layout = layout
        self.flat = flat
        runs = len(flat)
        offsets = layout.offsets
        bias = layout.bias
        self.matrices = [
            flat[:, start : start + (fan_in + bias) * fan_out].reshape(runs, fan_in + bias, fan_out)
            for start, (fan_in, fan_out) in zip(offsets, layout.shapes, strict=False)
        ]
        self.weights = [W[:, : W.shape[1] - bias] for W in self.matrices]
        self.biases = [W[:, -1] for W in self.matrices] if bias else []
        hidden = zip(offsets[1:-1], layout.widths[1:-1], strict=True) if layout.affine else ()
        ends = [(flat[:, end - 2 * units : end - units], flat[:, end - units : end]) for end, units in hidden]
        self.gains = [gain for gain, _ in ends]
        self.shifts = [shift for _, shift in ends]

    def run(self, index: int) -> list[LayerParameters]:
        """One run's parameters by layer, copied."""
        biases = [b[index].copy() for b in self.biases] if self.biases else [None] * self.layout.layers
        layers: list[LayerParameters] = [(W[index].copy(), b) for W, b in zip(self.weights, biases, strict=True)]
        for layer, (gain, shift) in enumerate(zip(self.gains, self.shifts, strict=True)):
            layers[layer] = (*layers[layer], gain[index].copy(), shift[index].copy())
        return layers
