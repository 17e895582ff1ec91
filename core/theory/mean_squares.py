"""Mean squares of drawn networks in compiled code: their logarithms, and values scaled by their roots.

All take C-ordered arrays, float32 or float64, and no square overflows or underflows.
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled.cache import compiled
from ..norms import find_scale, scale_and_sum

# sums of squares between them have lost no digits in either dtype
SAFE_LOW = 1e-24
SAFE_HIGH = 1e30


@compiled
def log_mean_square(values):
    """ln of the mean square of (numbers,), a float64; -inf for zeros."""
    square = np.float64(np.dot(values, values))
    if SAFE_LOW < square < SAFE_HIGH:
        return math.log(square) - math.log(values.shape[0])
    scale = find_scale(values)
    return np.log(scale_and_sum(values, scale)) + 2 * math.log(scale) - math.log(values.shape[0])


@compiled
def weighted_log_mean_square(values, factors, memory):
    """ln of the mean square of values times a factor for each sample: (samples, units) and (samples,), of one dtype.

    `memory`, as long as values or longer, is written.
    """
    samples, units = values.shape
    product = memory[: samples * units].reshape(samples, units)
    for n in range(samples):
        for k in range(units):
            product[n, k] = values[n, k] * factors[n]
    return log_mean_square(memory[: samples * units])


@compiled
def scale_to_one(values, logs):
    """Scales (networks, numbers) in place so that each network's mean square is 1; zeros and infinities stay.

    Into `logs`, (networks,), goes ln of what the mean square was; 0 for zeros.
    """
    for network in range(values.shape[0]):
        row = values[network]
        log = log_mean_square(row)
        if math.isfinite(log):
            factor = row.dtype.type(math.exp(-log / 2))
            for n in range(row.shape[0]):
                row[n] *= factor
        logs[network] = 0.0 if log == -math.inf else log
