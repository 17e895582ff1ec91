"""The passes of drawn networks, forward and back, in compiled code: one network after another, in the same memory, so
that each stays in the processor's cache.

A network's arrays are flat: those of all hidden layers one after another, each (samples, units) and C-ordered, float32
or float64. Its weights are numbers of variance 1, which the layer's deviation multiplies after the product.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled.cache import compiled
from ..engine.passes import block
from ..families.activations import activate
from .drawn_normalization import NO_AXIS, normalize, pass_normalization_back
from .drawn_outputs import draw_top, output_delta
from .mean_squares import log_mean_square, scale_to_one, weighted_log_mean_square
from .narrow_activations import activate_narrow
from .projections import project, project_further, sample_mean_squares

# root mean squares of a layer's outputs, and deviations, for which float32 does
SAFE_LOW = 1e-12
SAFE_HIGH = 1e12
MIN_DELTA = 1e-10  # root mean square of delta over that of dE/dy for which float32 does: slopes may be tiny
MIN_NORMALIZED_DELTA = 1e-4  # the same under a normalization, whose input may have no say but for its eps: terms cancel
MIN_VARYING = 1e-4  # size of what a normalization leaves, over what it subtracts, for which float32 does
MIN_SUM = 1e-5  # size of a gradient over the largest that its terms allow, for which float32 does
MAX_NORMALIZED = 1e15  # root mean square of a net input whose squares float32 holds
MIN_SIZE = 1e-290  # a root mean square below has lost its digits even in float64
HALF_WIDTH = math.sqrt(3)  # of the uniform distribution of variance 1


class DrawnKind(NamedTuple):
    """Shape and kind of drawn networks.

    Attributes:
        widths: (layers + 1,) units, the input's first.
        weight_starts: (layers,) where the weights of each layer begin among a network's.
        unit_starts: (layers,) hidden units of the layers before.
        activation: (hidden layers,) codes.
        skips: (layers,) which layers add their input.
        axis: what normalization averages over.
        dropout: probability that a unit is dropped.
        deviations, bias_deviations: (layers,) standard deviations of weights and biases.
        small_slopes: whether any slope may be small without being 0.
        output_activation: its code, or -1 for softmax.
        has_output_slope: whether delta of the output has the slope of its activation as a factor.
        residual_factor: of a Loss.
    """

    widths: np.ndarray
    weight_starts: np.ndarray
    unit_starts: np.ndarray
    activation: np.ndarray
    skips: np.ndarray
    axis: int
    dropout: float
    deviations: np.ndarray
    bias_deviations: np.ndarray
    small_slopes: bool
    output_activation: int
    has_output_slope: bool
    residual_factor: float


class GroupNumbers(NamedTuple):
    """Numbers of a group of networks, all of one dtype but for quantiles.

    Attributes:
        numbers: (networks, weights) of variance 1, and so the next two.
        bias_numbers: (networks, units).
        chances: (networks, samples * hidden units), uniform, of dropout; or without numbers.
        quantiles: (networks, 1) the output's weights along the mean of its inputs, float64; or (networks, 0), where
            they are numbers like others.
    """

    numbers: np.ndarray
    bias_numbers: np.ndarray
    chances: np.ndarray
    quantiles: np.ndarray


class DrawnData(NamedTuple):
    """Samples of a group of networks, with an axis of networks in front, of length 1 where all have the same.

    Attributes:
        inputs: (networks, samples, inputs).
        scaled_inputs: the same, scaled to a mean square of 1 where that is of float64.
        log_inputs: (networks,) ln of the mean square that this took out.
        targets: (networks, samples, outputs), float64.
        class_weights: (networks, samples), float64, what each sample counts for its class.
        weights: (samples,) shares of the samples.
    """

    inputs: np.ndarray
    scaled_inputs: np.ndarray
    log_inputs: np.ndarray
    targets: np.ndarray
    class_weights: np.ndarray
    weights: np.ndarray


class DrawnMemory(NamedTuple):
    """Buffers of one network, of one dtype.

    Attributes:
        values, slopes: (samples * hidden units,), phi and phi', which delta takes the place of.
        nets: like values, the normalized net input; or without numbers.
        inverse: (hidden layers, the larger of samples and units), 1 / deviation in a normalization.
    """

    values: np.ndarray
    slopes: np.ndarray
    nets: np.ndarray
    inverse: np.ndarray


@compiled
def layer_inputs(kind, inputs, memory, layer):
    """(samples, fan_in) of a layer."""
    if layer == 0:
        return inputs
    samples = inputs.shape[0]
    return block(memory.values, kind.unit_starts[layer - 1] * samples, samples, kind.widths[layer])


@compiled
def scale_and_shift(net, deviation, shifts, shift_deviation):
    """net <- deviation * net + shift_deviation * shift of each unit, in place."""
    factor = net.dtype.type(deviation)
    shift_factor = net.dtype.type(shift_deviation)
    for n in range(net.shape[0]):
        for k in range(net.shape[1]):
            net[n, k] = net[n, k] * factor + shifts[k] * shift_factor


@compiled
def drop(chances, dropout, value, slope):
    """Drops units in place, each on each sample with that probability; what stays grows to make up."""
    threshold = value.dtype.type(HALF_WIDTH * (2 * dropout - 1))
    growth = value.dtype.type(1 / (1 - dropout))
    for n in range(value.shape[0]):
        factor = growth if chances[n] >= threshold else value.dtype.type(0)
        value[n] *= factor
        slope[n] *= factor


@compiled
def pass_networks(kind, drawn, data, memory, logs, done, projections):
    """ln of the squares of gradient and delta of every layer of a group of networks.

    Args:
        kind: a DrawnKind.
        drawn: a GroupNumbers.
        data: a DrawnData.
        memory: a DrawnMemory, written.
        logs: (networks, 2, layers), written: NaN for networks whose values leave the range of float64.
        done: (networks,), of which those become False for which float32 does not do.
        projections: (networks, 2 layers + 1, samples), written, or (networks, 0, samples). Of each layer each sample's
            gradient along one direction, over the norm of that of all; of each layer the sample's square of delta over
            the mean; and the last hidden layer's outputs along one direction, over their root mean square.
    """
    samples = data.inputs.shape[1]
    fan_in, outputs = kind.widths[-2:]
    top = np.empty((fan_in, outputs), drawn.numbers.dtype)
    delta = np.empty((samples, outputs))
    log_scale = np.empty(1)
    for network in range(drawn.numbers.shape[0]):
        own = network % data.inputs.shape[0]
        numbers = drawn.numbers[network]
        bias_numbers = drawn.bias_numbers[network]
        done[network], in_range = forward(
            kind, numbers, bias_numbers, drawn.chances[network], data.inputs[own], data.weights, memory
        )
        if not done[network]:
            continue
        if not in_range:
            logs[network] = np.nan
            continue
        y = layer_inputs(kind, data.inputs[own], memory, kind.widths.shape[0] - 2)
        quantile = drawn.quantiles[network, 0] if drawn.quantiles.shape[1] else math.nan
        if projections.shape[1]:
            log_size = log_mean_square(y.reshape(-1)) + math.log(fan_in)
            project(y, math.exp(-log_size / 2), projections[network, -1])
        numbers_above = block(numbers, kind.weight_starts[-1], fan_in, outputs)
        draw_top(numbers_above, kind.deviations[-1], y, data.weights, quantile, top)
        shifts = bias_numbers[kind.unit_starts[-1] :]
        net = np.dot(y, top).astype(np.float64)
        for n in range(samples):
            for k in range(outputs):
                net[n, k] += kind.bias_deviations[-1] * shifts[k]
        output_delta(kind, net, data.targets[own], data.class_weights[own], delta)
        scale_to_one(delta.reshape(1, -1), log_scale)
        above = delta.astype(top.dtype)
        done[network] = backward(
            kind,
            numbers,
            data.scaled_inputs[own],
            memory,
            top,
            above,
            log_scale[0],
            data.weights,
            logs[network],
            projections[network],
        )
        logs[network, 0, 0] += data.log_inputs[own]


@compiled
def forward(kind, numbers, bias_numbers, chances, inputs, weights, memory):
    """phi and phi' of every hidden layer of a network.

    Args:
        kind: a DrawnKind.
        numbers, bias_numbers, chances: a network's of a GroupNumbers.
        inputs: (samples, inputs).
        weights: (samples,) of the samples.
        memory: a DrawnMemory, written.

    Returns:
        Whether the dtype does, and whether all values are in the range of float64.
    """
    samples = inputs.shape[0]
    narrow = memory.values.itemsize == 4
    scratch = np.empty(samples * kind.widths.max(), memory.values.dtype)
    low = np.empty(samples, np.int64)
    for layer in range(kind.widths.shape[0] - 2):
        fan_in = kind.widths[layer]
        units = kind.widths[layer + 1]
        start = kind.unit_starts[layer] * samples
        y = layer_inputs(kind, inputs, memory, layer)
        net = block(scratch, 0, samples, units)
        if kind.axis != NO_AXIS:
            net = block(memory.nets, start, samples, units)
        np.dot(y, block(numbers, kind.weight_starts[layer], fan_in, units), net)
        shifts = bias_numbers[kind.unit_starts[layer] : kind.unit_starts[layer] + units]
        scale_and_shift(net, kind.deviations[layer], shifts, kind.bias_deviations[layer])
        if kind.axis != NO_AXIS:
            if narrow and not log_mean_square(net.reshape(-1)) < 2 * math.log(MAX_NORMALIZED):
                return False, True
            left, taken = normalize(net, kind.axis, memory.inverse[layer], weights)
            if narrow and left < MIN_VARYING * MIN_VARYING * taken:
                return False, True
        value = block(memory.values, start, samples, units)
        slope = block(memory.slopes, start, samples, units)
        flat = value.reshape(-1)
        if narrow:
            activate_narrow(kind.activation[layer], net.reshape(-1), flat, slope.reshape(-1))
        else:
            activate(kind.activation[layer], net, value, slope, low, 0.0)
        if kind.dropout > 0:
            drop(chances[start : start + samples * units], kind.dropout, flat, slope.reshape(-1))
        if kind.skips[layer]:
            value += y
        log_square = log_mean_square(flat)
        if narrow:
            if not 2 * math.log(SAFE_LOW) <= log_square < 2 * math.log(SAFE_HIGH):
                return False, True
        elif log_square != -math.inf and not 2 * math.log(MIN_SIZE) <= log_square < math.inf:
            return True, False
    return True, True


@compiled
def backward(kind, numbers, inputs, memory, top, delta, log_scale, weights, logs, projections):
    """ln of the squares of gradient and delta of every layer of a network, into logs; False where float32 fails.

    Every layer's dE/dy is scaled to a mean square of 1: what was taken out is kept as a logarithm. So are float64's y.

    Args:
        kind: a DrawnKind.
        numbers: (weights,) of a GroupNumbers.
        inputs: (samples, inputs).
        memory: a DrawnMemory after `forward`; slopes are written, and values of float64.
        top: weights of the output layer, (fan_in, units).
        delta: N dE/dnet of the output, (samples, units), scaled.
        log_scale: ln of the square of the scale of delta.
        weights: (samples,) of the samples.
        logs: (2, layers), written: of the sums of squares over a layer's weights of sum_n weight_n y_n delta_n, and
            over samples and units of delta, times the sample's weight.
        projections: a network's of `pass_networks`.
    """
    last = kind.widths.shape[0] - 2
    samples = inputs.shape[0]
    narrow = memory.values.itemsize == 4
    root_weights = np.sqrt(weights)
    longest = kind.widths.max()
    weighted_flat = np.empty(samples * longest, top.dtype)
    upstream_flat = np.empty(samples * longest, top.dtype)
    around_flat = np.empty(samples * longest, top.dtype)
    gradient_flat = np.empty(np.max(kind.widths[:-1] * kind.widths[1:]), top.dtype)
    log_y = np.zeros(1)
    log_dy = np.zeros(1)
    above = delta
    for layer in range(last, -1, -1):
        fan_in = kind.widths[layer]
        units = kind.widths[layer + 1]
        log_delta = weighted_log_mean_square(above, root_weights, weighted_flat)
        log_delta += math.log(samples)
        if narrow and kind.small_slopes and not log_delta > 2 * math.log(MIN_DELTA):
            return False
        if narrow and kind.axis != NO_AXIS and not log_delta > 2 * math.log(MIN_NORMALIZED_DELTA):
            return False
        y = layer_inputs(kind, inputs, memory, layer)
        if not narrow and layer > 0:
            scale_to_one(y.reshape(1, -1), log_y)
        weighted = block(weighted_flat, 0, samples, fan_in)
        for n in range(samples):
            for k in range(fan_in):
                weighted[n, k] = y[n, k] * weights[n]
        gradient = block(gradient_flat, 0, fan_in, units)
        np.dot(weighted.T, above, gradient)
        log_gradient = log_mean_square(gradient.reshape(-1)) + math.log(fan_in * units)
        if narrow:  # by Cauchy and Schwarz at most sum_n weight_n |y_n|^2 sum_n weight_n |delta_n|^2
            log_most = math.log(np.dot(y.reshape(-1), weighted.reshape(-1))) + math.log(units) + log_delta
            if log_gradient < log_most + 2 * math.log(MIN_SUM):
                return False
        if projections.shape[0]:
            project(y, math.exp(-log_gradient / 2), projections[layer])
            project_further(above, projections[layer])
            sample_mean_squares(above, math.exp(-log_delta), projections[last + 1 + layer])
        logs[0, layer] = log_gradient + (log_y[0] if layer > 0 else 0.0) + log_scale
        logs[1, layer] = log_delta + math.log(units) + log_scale
        if layer == 0:
            break
        upstream = block(upstream_flat, 0, samples, fan_in)
        if layer == last:
            np.dot(above, top.T, upstream)
        else:
            W = block(numbers, kind.weight_starts[layer], fan_in, units)
            np.dot(above, W.T, upstream)
            factor = upstream.dtype.type(kind.deviations[layer])
            for n in range(samples):
                for k in range(fan_in):
                    upstream[n, k] *= factor
        around = block(around_flat, 0, samples, fan_in)
        if kind.skips[layer]:
            upstream += around
        scale_to_one(upstream.reshape(1, -1), log_dy)
        log_scale += log_dy[0]
        if kind.skips[layer - 1]:
            around[:] = upstream
        start = kind.unit_starts[layer - 1] * samples
        above = block(memory.slopes, start, samples, fan_in)
        for n in range(samples):
            for k in range(fan_in):
                above[n, k] *= upstream[n, k]
        if kind.axis != NO_AXIS:
            net = block(memory.nets, start, samples, fan_in)
            left, taken = pass_normalization_back(above, net, kind.axis, memory.inverse[layer - 1], weights)
            if narrow and left < MIN_VARYING * MIN_VARYING * taken:
                return False
    return True
