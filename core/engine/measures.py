"""Compiled measures of one state of a network: norms by layer, shares of low slopes, accuracy."""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import compiled
from ..norms import root_of_squares, sum_squares


@compiled
def measure_norms(layout, flat, norms):
    """Norm of each layer's weights into `norms`, (layers,); returns the sum of squares of all its numbers.

    Args:
        layout: a LayoutArrays.
        flat: (parameters,).
    """
    total = 0.0
    for layer in range(norms.shape[0]):
        start = layout.offsets[layer]
        end = layout.offsets[layer + 1]
        after_weights = start + layout.widths[layer] * layout.widths[layer + 1]
        square = sum_squares(flat[start:after_weights])
        norms[layer] = root_of_squares(flat[start:after_weights], square)
        total += square + sum_squares(flat[after_weights:end])
    return total


@compiled
def measure_delta_norms(network, batch, norms):
    """Norm of each layer's delta into `norms`, (layers,), from the last backward pass."""
    for layer in range(norms.shape[0]):
        start = network.unit_starts[layer] * batch.samples
        end = network.unit_starts[layer + 1] * batch.samples
        norms[layer] = root_of_squares(batch.slopes[start:end], batch.delta_squares[layer])


@compiled
def measure_shares(network, batch, saturation, dead):
    """Shares, (layers,) each: of (unit, sample) with |phi'| < 0.05 sup |phi'|, and of units so on every sample.

    From the counts of the last forward pass. NaN at a softmax output, which has no slope of its own.
    """
    for layer in range(saturation.shape[0]):
        start = network.unit_starts[layer]
        end = network.unit_starts[layer + 1]
        n_low = 0
        n_dead = 0
        for unit in range(start, end):
            n_low += batch.low[unit]
            n_dead += batch.low[unit] == batch.samples
        saturation[layer] = n_low / ((end - start) * batch.samples)
        dead[layer] = n_dead / (end - start)
    if network.output_activation < 0:
        saturation[-1] = dead[-1] = math.nan


@compiled
def measure_accuracy(batch, loss):
    """Share of samples classified rightly, by the threshold 0.5 of one output or the first largest of several.

    NaN where the loss just measured is no number.
    """
    outputs, samples = batch.output.shape
    if math.isnan(loss):
        return math.nan
    right = 0
    for n in range(samples):
        if outputs == 1:
            right += (batch.output[0, n] > 0.5) == (batch.targets[0, n] > 0.5)
        else:
            right += np.argmax(batch.output[:, n]) == np.argmax(batch.targets[:, n])
    return right / samples


@compiled
def all_finite(values):
    """True if every one of (numbers,) is finite."""
    for n in range(values.shape[0]):
        if not math.isfinite(values[n]):
            return False
    return True
