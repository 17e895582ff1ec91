"""Norms that are right wherever they are representable, also where squares overflow or underflow."""

from __future__ import annotations

import math

import numpy as np

from .compiled.cache import compiled, summing

_INFO = np.finfo(np.float64)
# Between these two a sum of squares is exact to rounding: no entry that matters was lost to the limits of float64.
SAFE_LOW = float(_INFO.tiny) / float(_INFO.eps) ** 2
SAFE_HIGH = float(_INFO.max) * float(_INFO.eps) ** 2


def scaled_norms(rows: np.ndarray) -> np.ndarray:
    """The Euclidean norm of each row of (rows, numbers), (rows,) in float64.

    Scaled by the row's largest entry, so that squares neither overflow nor underflow.
    """
    rows = rows.astype(np.float64)
    largest = np.max(np.abs(rows), axis=1, initial=0)
    scale = np.where((largest > 0) & (largest < np.inf), largest, 1)
    rows /= scale[:, None]
    return scale * np.sqrt(np.vecdot(rows, rows))


def scaled_norm(values: np.ndarray) -> float:
    """The norm of all numbers of an array of any shape, as `scaled_norms`."""
    return float(scaled_norms(values.reshape(1, -1))[0])


@summing
def sum_squares(values: np.ndarray) -> float:
    """Of all of (numbers,), in float64."""
    total = 0.0
    for n in range(values.shape[0]):
        total += np.float64(values[n]) * values[n]
    return total


@summing
def scale_and_sum(values: np.ndarray, scale: float) -> float:
    """The sum of squares of values / scale, (numbers,), in float64."""
    total = 0.0
    for n in range(values.shape[0]):
        scaled = np.float64(values[n]) / scale
        total += scaled * scaled
    return total


@compiled
def find_scale(values: np.ndarray) -> float:
    """The divisor of (numbers,) before they are squared: their largest absolute value where it is of use."""
    largest = 0.0
    for n in range(values.shape[0]):
        size = abs(np.float64(values[n]))
        if size > largest:
            largest = size
    return largest if 0 < largest < math.inf else 1.0


@compiled
def root_of_squares(values: np.ndarray, square: float) -> float:
    """The norm of (numbers,) whose sum of squares is known; computed again, scaled, where that nears the limits."""
    if SAFE_LOW <= square <= SAFE_HIGH:
        return math.sqrt(square)
    scale = find_scale(values)
    return scale * math.sqrt(scale_and_sum(values, scale))


@compiled
def compute_norm(values: np.ndarray) -> float:
    """The norm of (numbers,), in float64; squares neither overflow nor underflow."""
    return root_of_squares(values, sum_squares(values))


@compiled
def compute_unit_norms(W: np.ndarray, out: np.ndarray) -> None:
    """Norms of the columns of W (fan_in, units), each unit's incoming weights, into `out` (units,) or longer."""
    fan_in, units = W.shape
    for unit in range(units):
        out[unit] = 0.0
    for row in range(fan_in):
        for unit in range(units):
            out[unit] += np.float64(W[row, unit]) * W[row, unit]
    for unit in range(units):
        out[unit] = root_of_squares(W[:, unit], out[unit])
