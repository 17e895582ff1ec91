"""Normalization in drawn networks, forward and back, in compiled code."""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import compiled, summing
from ..families.normalization import EPS, normalize_backward
from ..norms import sum_squares

# axes of (1, samples, units) that a normalization averages over
NO_AXIS = -1
OVER_SAMPLES = 1
OVER_UNITS = 2
MAX_ROUNDING = 16 * 2.0**-52  # of the mean of equal numbers, relative


@summing
def normalize(net, axis, inverse, weights):
    """net <- (net - mean) / sqrt(variance + eps) in place, (samples, units), and 1 / sqrt(variance + eps).

    As for trained networks (`core.families.normalization`), but numbers that are all equal leave 0, not the rounding of
    their mean: of a gradient that vanishes the digits count. Over samples both are means by `weights`, (samples,): what
    normalization takes from a gradient cancels only where its own sums are weighted like that of the gradient.

    Returns (sum of squares of net - mean, sum of squares of the mean), each mean counted as often as it is taken.
    """
    samples, units = net.shape
    left = 0.0
    taken = 0.0
    if axis == OVER_UNITS:
        for n in range(samples):
            row = net[n]
            mean = 0.0
            for k in range(units):
                mean += row[k]
            mean /= units
            small = MAX_ROUNDING * abs(mean)  # equal numbers, whose mean was rounded
            square = 0.0
            for k in range(units):
                centered = row[k] - mean
                centered = 0.0 if abs(centered) <= small else centered
                row[k] = centered
                square += centered * centered
            inverse[n] = 1 / math.sqrt(square / units + EPS)
            for k in range(units):
                row[k] *= inverse[n]
            left += square
            taken += units * mean * mean
    else:
        means = np.zeros(units)
        squares = np.zeros(units)
        total = 0.0
        for n in range(samples):
            share = np.float64(weights[n])
            total += share
            for k in range(units):
                means[k] += share * net[n, k]
        for k in range(units):
            means[k] /= total
        for n in range(samples):
            share = weights[n] / total
            for k in range(units):
                centered = net[n, k] - means[k]
                centered = 0.0 if abs(centered) <= MAX_ROUNDING * abs(means[k]) else centered
                net[n, k] = centered
                squares[k] += share * centered * centered
        for k in range(units):
            inverse[k] = 1 / math.sqrt(squares[k] + EPS)
            left += samples * squares[k]
            taken += samples * means[k] * means[k]
        for n in range(samples):
            for k in range(units):
                net[n, k] *= inverse[k]
    return left, taken


@compiled
def pass_normalization_back(delta, normalized, axis, inverse, weights):
    """delta <- dE/dnet from dE/d(normalized net), in place, as for trained networks; over samples by `weights`.

    Returns the sums of squares of delta after and before the subtraction.
    """
    samples, units = delta.shape
    taken = sum_squares(delta.reshape(-1))
    if axis == OVER_UNITS:
        shape = (1, samples, units)
        normalize_backward(
            delta.reshape(shape), normalized.reshape(shape), axis, inverse[:samples].reshape(1, samples, 1)
        )
    else:
        _pass_back_over_samples(delta, normalized, inverse, weights)
    left = 0.0
    for n in range(samples):
        for k in range(units):
            centered = np.float64(delta[n, k]) / inverse[n if axis == OVER_UNITS else k]
            left += centered * centered
    return left, taken


@summing
def _pass_back_over_samples(delta, normalized, inverse, weights):
    samples, units = delta.shape
    means = np.zeros(units)
    along = np.zeros(units)
    total = 0.0
    for n in range(samples):
        share = np.float64(weights[n])
        total += share
        for k in range(units):
            part = share * delta[n, k]
            means[k] += part
            along[k] += part * normalized[n, k]
    for n in range(samples):
        for k in range(units):
            delta[n, k] = (delta[n, k] - (means[k] + normalized[n, k] * along[k]) / total) * inverse[k]
