"""One layer's way back through a group of drawn networks in compiled code.

Arrays have the networks in front, then samples, then units; all are C-ordered, float32 or float64.
"""

from __future__ import annotations

import numpy as np

from ..compiled.cache import compiled
from .mean_squares import log_mean_square, scale_to_one


@compiled
def log_gradient_squares(y, factors, delta, logs):
    """ln of the mean square over weights of sum_n factor_n y_n delta_n, into `logs`, (networks,).

    Args:
        y: the layer's inputs, (networks, samples, fan_in), or (1, samples, fan_in) where all have the same.
        factors: of each sample, (samples,).
        delta: dE/dnet, (networks, samples, units).
    """
    weighted = np.empty_like(y[0])
    gradient = np.empty((y.shape[2], delta.shape[2]), y.dtype)
    for network in range(delta.shape[0]):
        own = y[network % y.shape[0]]
        for n in range(own.shape[0]):
            for k in range(own.shape[1]):
                weighted[n, k] = own[n, k] * factors[n]
        np.dot(weighted.T, delta[network], gradient)
        logs[network] = log_mean_square(gradient.reshape(-1))


@compiled
def step_back(delta, W, around, dy, slopes, log_scales):
    """The delta of the layer below, in the place of its slopes; dE/dy is scaled to a mean square of 1 in each network.

    Args:
        delta: (networks, samples, units).
        W: (networks, fan_in, units).
        around: dE/dy that goes around this layer, (networks, samples, fan_in); without networks where none does.
        dy: where dE/dy is kept, of the same shape, perhaps the same memory; without networks where nobody needs it.
        slopes: phi' of the layer below, (networks, samples, fan_in); written.
        log_scales: (networks,), to which ln of the mean square of dE/dy is added.
    """
    upstream = np.empty_like(slopes[0])
    flat = upstream.reshape(1, -1)
    log = np.empty(1)
    for network in range(delta.shape[0]):
        np.dot(delta[network], W[network].T, upstream)
        if around.shape[0]:
            upstream += around[network]
        scale_to_one(flat, log)
        log_scales[network] += log[0]
        if dy.shape[0]:
            dy[network] = upstream
        slope = slopes[network]
        for n in range(slope.shape[0]):
            for k in range(slope.shape[1]):
                slope[n, k] *= upstream[n, k]
