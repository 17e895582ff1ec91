"""Single samples of a drawn network: a few numbers of what each contributes, in compiled code."""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import compiled


@compiled
def count_negative(units):
    """Units of a layer that count negatively along the direction (-1, ..., -1, 1, ..., 1) of length sqrt(units).

    The signs add up to sqrt(units): the products of two vectors of exchangeable numbers with it have on average their
    own product, that of their means included.
    """
    return (units - round(math.sqrt(units))) // 2


@compiled
def project(values, factor, sums):
    """sums <- factor times each sample's product with that direction: (samples, units) and (samples,)."""
    negative = count_negative(values.shape[1])
    for n in range(values.shape[0]):
        total = 0.0
        for k in range(values.shape[1]):
            total += -values[n, k] if k < negative else values[n, k]
        sums[n] = factor * total


@compiled
def project_further(values, sums):
    """sums <- sums times each sample's product with that direction."""
    own = np.empty(sums.shape[0])
    project(values, 1.0, own)
    for n in range(sums.shape[0]):
        sums[n] *= own[n]


@compiled
def sample_mean_squares(values, factor, squares):
    """squares <- factor times each sample's mean square: (samples, units) and (samples,)."""
    for n in range(values.shape[0]):
        total = 0.0
        for k in range(values.shape[1]):
            total += np.float64(values[n, k]) * values[n, k]
        squares[n] = factor * total / values.shape[1]
