"""The forward and the backward pass of a stack, each one call of compiled code, run after run and layer by layer."""

from __future__ import annotations

import numpy as np

from ..compiled.cache import compiled, summing
from ..families.activations import activate
from ..families.normalization import normalize, normalize_backward


@summing
def multiply(values, factors):
    """factors <- values * factors, both (numbers,); returns the sum of the products' squares."""
    total = 0.0
    for n in range(values.shape[0]):
        product = values[n] * factors[n]
        factors[n] = product
        total += np.float64(product) * product
    return total


@summing
def sum_squares(values):
    """Of all of (numbers,), in float64."""
    total = 0.0
    for n in range(values.shape[0]):
        total += np.float64(values[n]) * values[n]
    return total


@summing
def descend(parameters, gradient, rates):
    """parameters -= rate * gradient, both (R, parameters), rates (R, 1)."""
    for run in range(parameters.shape[0]):
        w, g, rate = parameters[run], gradient[run], rates[run, 0]
        for k in range(w.shape[0]):
            w[k] -= rate * g[k]


@compiled
def drop(mask, values, slopes):
    """Multiplies values and slopes by the mask of a layer, each (units * samples,)."""
    for n in range(mask.shape[0]):
        values[n] *= mask[n]
        slopes[n] *= mask[n]


@compiled
def block(memory, start, rows, columns):
    """(rows, columns) of a flat array, from `start` on."""
    return memory[start : start + rows * columns].reshape(rows, columns)


@compiled
def forward(shape, parameters, batch, phi, threshold):
    """net, y and phi' of every hidden layer, and the net input of the output.

    Args:
        shape: of the networks, a NetworkShape.
        parameters: (R, parameters).
        batch: the buffers, a BatchMemory.
        phi: the activation's code.
        threshold: |phi'| below counts as low.
    """
    widths, bias, samples = shape.widths, shape.bias, batch.samples
    runs, last = parameters.shape[0], widths.shape[0] - 2
    for run in range(runs):
        for layer in range(last + 1):
            fan_in, units = widths[layer] + bias, widths[layer + 1]
            W = block(parameters[run], shape.offsets[layer], fan_in, units)
            A = block(batch.inputs, batch.input_starts[layer] + run * fan_in * samples, fan_in, samples)
            if layer == last:
                np.dot(W.T, A, batch.output_net[run])
                break
            at = runs * shape.unit_starts[layer] + run * units  # rows of slopes before these
            net = block(batch.nets, at * samples if shape.axis else 0, units, samples)
            np.dot(W.T, A, net)
            if shape.axis:
                inverse = inverse_deviation_view(batch.inverse_deviation[layer, run], shape.axis, units, samples)
                normalize(net.reshape(1, units, samples), shape.axis, inverse)
            y = block(batch.inputs, batch.input_starts[layer + 1] + run * (units + bias) * samples, units, samples)
            activate(
                phi, net, y, block(batch.slopes, at * samples, units, samples), batch.low[at : at + units], threshold
            )
            if shape.dropout:
                part = slice(at * samples, (at + units) * samples)
                drop(batch.masks[part], y.reshape(-1), batch.slopes[part])
            if shape.skips[layer]:
                y += A[:units]


@compiled
def inverse_deviation_view(memory, axis, units, samples):
    """Where normalization keeps 1 / deviation of a layer: (1, 1, samples) or (1, units, 1) of (longest,)."""
    if axis == 1:
        return memory[:samples].reshape(1, 1, samples)
    return memory[:units].reshape(1, units, 1)


@compiled
def backward(shape, parameters, gradient, batch, squares):
    """delta of every layer in the memory of its slope, and dE/dW, dE/db, from delta of the output.

    Args:
        shape, parameters, batch: as in `forward`.
        gradient: (R, parameters), written.
        squares: (R, layers), written: the sum of squares of each delta.
    """
    widths, bias, samples = shape.widths, shape.bias, batch.samples
    runs, last = parameters.shape[0], widths.shape[0] - 2
    for run in range(runs):
        for layer in range(last, -1, -1):
            fan_in, units = widths[layer], widths[layer + 1]
            delta = block(batch.slopes, (runs * shape.unit_starts[layer] + run * units) * samples, units, samples)
            if layer == last:
                squares[run, layer] = sum_squares(delta.reshape(-1))
            at = batch.input_starts[layer] + run * (fan_in + bias) * samples
            G = block(gradient[run], shape.offsets[layer], fan_in + bias, units)
            np.dot(block(batch.inputs, at, fan_in + bias, samples), delta.T, G)
            if layer == 0:
                break
            dy = block(batch.dy[layer % 2], 0, fan_in, samples)
            np.dot(block(parameters[run], shape.offsets[layer], fan_in, units), delta, dy)
            if shape.skips[layer]:
                dy += block(batch.dy[1 - layer % 2], 0, fan_in, samples)
            start = (runs * shape.unit_starts[layer - 1] + run * fan_in) * samples
            below = batch.slopes[start : start + fan_in * samples]
            squares[run, layer - 1] = multiply(dy.reshape(-1), below)
            if shape.axis:
                normalize_backward(
                    below.reshape(1, fan_in, samples),
                    batch.nets[start : start + fan_in * samples].reshape(1, fan_in, samples),
                    shape.axis,
                    inverse_deviation_view(batch.inverse_deviation[layer - 1, run], shape.axis, fan_in, samples),
                )
                squares[run, layer - 1] = sum_squares(below)
