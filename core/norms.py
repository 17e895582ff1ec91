"""Norms that are right wherever they are representable, also where squares overflow or underflow."""

from __future__ import annotations

import numpy as np


def safe_squares(dtype: np.dtype) -> tuple[float, float]:
    """Between these two a sum of squares is exact to rounding: no entry that matters was lost to the dtype's limits."""
    info = np.finfo(dtype)
    return float(info.tiny) / float(info.eps) ** 2, float(info.max) * float(info.eps) ** 2


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


def repair_norms(view: np.ndarray, squares: np.ndarray, out: np.ndarray) -> None:
    """Computes again, scaled, the norms in `out` whose squares came near the limits of the dtype.

    Args:
        view: (R, layers, numbers).
        squares: (R, layers), its sums of squares.
        out: (R, layers), their roots; corrected in place.
    """
    low, high = safe_squares(view.dtype)
    if not (squares.min() >= low and squares.max() <= high):
        near = ~((squares >= low) & (squares <= high))
        out[near] = scaled_norms(view[near])


def norms(view: np.ndarray) -> np.ndarray:
    """Norms over the last axis of (R, layers, numbers), right wherever they are representable: (R, layers)."""
    squares = np.vecdot(view, view)
    out = np.sqrt(squares)
    repair_norms(view, squares, out)
    return out


def unit_norms(W: np.ndarray, scratch: np.ndarray) -> np.ndarray:
    """Norms of each unit's incoming weights, the columns of W (R, fan_in, fan_out): (R, 1, fan_out).

    A column is summed by a product with ones: its bits do not depend on the other runs.
    """
    ones = np.ones((1, W.shape[1]), W.dtype)
    np.multiply(W, W, out=scratch)
    squares = ones @ scratch
    out = np.sqrt(squares)
    low, high = safe_squares(W.dtype)
    if not (squares.min() >= low and squares.max() <= high):
        # as scaled_norms, column by column: the units of dead ReLUs and of runs that ended come here at every step
        np.abs(W, out=scratch)
        largest = np.maximum.reduce(scratch, axis=1, keepdims=True)
        scale = np.where((largest > 0) & (largest < np.inf), largest, 1)
        np.divide(W, scale, out=scratch)
        scratch *= scratch
        np.copyto(out, scale * np.sqrt(ones @ scratch), where=~((squares >= low) & (squares <= high)))
    return out
