"""The forward and the backward pass of a network in compiled code, layer by layer."""

from __future__ import annotations

import numpy as np

from ..compiled.cache import compiled, summing
from ..families.activations import activate
from ..families.losses import compute_loss, softmax
from ..families.normalization import normalize, normalize_backward, scale_and_shift, scale_and_shift_backward
from ..norms import sum_squares


@summing
def multiply(values, factors):
    """factors <- values * factors, both (numbers,); returns the sum of the products' squares."""
    total = 0.0
    for n in range(values.shape[0]):
        product = values[n] * factors[n]
        factors[n] = product
        total += np.float64(product) * product
    return total


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
def gain_and_shift(layout, flat, layer):
    """Gain and shift of a hidden layer, (2, units), in (parameters,)."""
    units = layout.widths[layer + 1]
    return block(flat, layout.offsets[layer + 1] - 2 * units, 2, units)


@compiled
def forward(network, parameters, batch):
    """net, y and phi' of every layer, and the output.

    Args:
        network: a Network.
        parameters: (parameters,).
        batch: the buffers, a BatchMemory.
    """
    widths = network.layout.widths
    bias = network.layout.bias
    samples = batch.samples
    last = widths.shape[0] - 2
    for layer in range(last + 1):
        fan_in = widths[layer] + bias
        units = widths[layer + 1]
        W = block(parameters, network.layout.offsets[layer], fan_in, units)
        A = block(batch.inputs, batch.input_starts[layer], fan_in, samples)
        at = network.unit_starts[layer]  # rows of slopes before these
        slopes = block(batch.slopes, at * samples, units, samples)
        low = batch.low[at : at + units]
        if layer == last:
            np.dot(W.T, A, batch.output_net)
            if network.output_activation < 0:
                softmax(batch.output_net, batch.output, batch.log_sum)
            elif network.output_activation > 0:  # a linear output is its net input, in the same memory
                threshold = network.output_threshold
                activate(network.output_activation, batch.output_net, batch.output, slopes, low, threshold)
            break
        net = block(batch.nets, at * samples if network.axis else 0, units, samples)
        np.dot(W.T, A, net)
        if network.axis:
            inverse = inverse_deviation_view(batch.inverse_deviation[layer], network.axis, units, samples)
            normalize(net.reshape(1, units, samples), network.axis, inverse)
            if network.layout.affine:
                # which only the backward pass needs
                normalized = net
                net = block(batch.dy[0], 0, units, samples)
                scale_and_shift(normalized, gain_and_shift(network.layout, parameters, layer), net)
        y = block(batch.inputs, batch.input_starts[layer + 1], units, samples)
        activate(network.activation[layer], net, y, slopes, low, network.threshold[layer])
        if batch.masks.shape[0]:
            drop(batch.masks[at * samples : (at + units) * samples], y.reshape(-1), slopes.reshape(-1))
        if network.skips[layer]:
            y += A[:units]


@compiled
def inverse_deviation_view(memory, axis, units, samples):
    """Where normalization keeps 1 / deviation of a layer: (1, 1, samples) or (1, units, 1) of (longest,)."""
    if axis == 1:
        return memory[:samples].reshape(1, 1, samples)
    return memory[:units].reshape(1, units, 1)


@compiled
def measure_loss(network, batch):
    """E from the last forward pass."""
    weights = batch.sample_weights
    return compute_loss(network.loss, batch.output_net, batch.output, batch.targets, batch.log_sum, weights)


@compiled
def output_delta(network, batch, delta):
    """dE/dnet of the output, (outputs, samples), into the memory of its slope."""
    factor = network.residual_factor / batch.samples
    has_slope = network.loss == 0 and network.output_activation > 0
    for unit in range(delta.shape[0]):
        for n in range(delta.shape[1]):
            error = np.float64(batch.output[unit, n]) - batch.targets[unit, n]
            residual = factor * batch.sample_weights[n] * error
            delta[unit, n] = residual * delta[unit, n] if has_slope else residual


@compiled
def backward(network, parameters, gradient, batch):
    """delta of every layer in the memory of its slope, with its sum of squares, and the gradient.

    Args:
        network, parameters, batch: as in `forward`.
        gradient: (parameters,), written.
    """
    widths = network.layout.widths
    bias = network.layout.bias
    samples = batch.samples
    last = widths.shape[0] - 2
    squares = batch.delta_squares
    for layer in range(last, -1, -1):
        fan_in = widths[layer]
        units = widths[layer + 1]
        delta = block(batch.slopes, network.unit_starts[layer] * samples, units, samples)
        if layer == last:
            output_delta(network, batch, delta)
            squares[layer] = sum_squares(delta.reshape(-1))
        G = block(gradient, network.layout.offsets[layer], fan_in + bias, units)
        np.dot(block(batch.inputs, batch.input_starts[layer], fan_in + bias, samples), delta.T, G)
        if layer == 0:
            break
        dy = block(batch.dy[layer % 2], 0, fan_in, samples)
        np.dot(block(parameters, network.layout.offsets[layer], fan_in, units), delta, dy)
        if network.skips[layer]:
            dy += block(batch.dy[1 - layer % 2], 0, fan_in, samples)
        start = network.unit_starts[layer - 1] * samples
        below = batch.slopes[start : start + fan_in * samples]
        squares[layer - 1] = multiply(dy.reshape(-1), below)
        if network.axis:
            normalized = batch.nets[start : start + fan_in * samples]
            if network.layout.affine:
                scale_and_shift_backward(
                    below.reshape(fan_in, samples),
                    normalized.reshape(fan_in, samples),
                    gain_and_shift(network.layout, parameters, layer - 1),
                    gain_and_shift(network.layout, gradient, layer - 1),
                )
            normalize_backward(
                below.reshape(1, fan_in, samples),
                normalized.reshape(1, fan_in, samples),
                network.axis,
                inverse_deviation_view(batch.inverse_deviation[layer - 1], network.axis, fan_in, samples),
            )
            squares[layer - 1] = sum_squares(below)
