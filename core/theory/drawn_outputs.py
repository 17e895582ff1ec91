"""The output layer of drawn networks in compiled code: its weights, and delta from its net input and the targets."""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import compiled
from ..families.activations import activate
from ..families.losses import softmax

MIN_ALIKE = 0.5  # share of the mean in the mean square of y, above which samples count as alike


@compiled
def draw_top(numbers, deviation, y, weights, quantile, top):
    """The output's weights, with their part along the mean of y replaced by a given one.

    Where all samples are alike, the error of every sample hangs on this one number. Evenly spread over networks, it
    scatters as it should with fewer of them.

    Args:
        numbers: (fan_in, outputs) of variance 1.
        deviation: of the weights.
        y: (samples, fan_in).
        weights: (samples,) shares of the samples.
        quantile: what the part becomes, in deviations; NaN for weights as they are.
        top: (fan_in, outputs), written.
    """
    samples, fan_in = y.shape
    for i in range(fan_in):
        for k in range(top.shape[1]):
            top[i, k] = numbers[i, k] * deviation
    if math.isnan(quantile):
        return
    along = np.zeros(fan_in)
    largest = 0.0
    for n in range(samples):
        for i in range(fan_in):
            largest = max(largest, abs(np.float64(y[n, i])))
    if largest == 0:
        return
    square = 0.0
    total = 0.0
    for i in range(fan_in):
        for n in range(samples):
            scaled = y[n, i] / largest
            along[i] += weights[n] * scaled
            total += weights[n] * scaled * scaled
        square += along[i] * along[i]
    if not square > MIN_ALIKE * total:
        return
    along /= math.sqrt(square)
    for k in range(top.shape[1]):
        part = 0.0
        for i in range(fan_in):
            part += along[i] * top[i, k]
        for i in range(fan_in):
            top[i, k] += along[i] * (quantile * deviation - part)


@compiled
def output_delta(kind, net, targets, class_weights, delta):
    """N dE/dnet of the output.

    Args:
        kind: a DrawnKind.
        net, targets: (samples, outputs), float64; softmax shifts net.
        class_weights: (samples,) what each counts.
        delta: (samples, outputs), written.
    """
    samples, outputs = net.shape
    output = np.empty_like(net)
    slope = np.ones_like(net)
    if kind.output_activation < 0:
        softmax(net.T, output.T, np.empty(samples))
    else:
        activate(kind.output_activation, net, output, slope, np.empty(samples, np.int64), 0.0)
    for n in range(samples):
        for k in range(outputs):
            residual = kind.residual_factor * class_weights[n] * (output[n, k] - targets[n, k])
            delta[n, k] = residual * slope[n, k] if kind.has_output_slope else residual
