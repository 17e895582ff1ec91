"""Numbers of a figure in as many digits as a picture can show: most of what a page sends is digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

DIGITS = 5  # significant ones: more than the pixels of any screen
# powers of ten, and whole numbers of so many digits, are exact as float64
EXACT_POWER = 22
EXACT_DIGITS = 15


def rounded(spec: Any) -> Any:
    """A copy of a figure's dictionaries whose arrays of floats are rounded, and all arrays in one piece of memory.

    Everything else is the same object. So JSON is written from it at once: where a part could not be written, Plotly
    would go through every list and number of the figure in Python.
    """
    arrays: list[np.ndarray] = []
    slots: list[tuple[Any, Any]] = []
    copy = _copy([spec], arrays, slots)
    for (container, key), values in zip(slots, round_significant(arrays), strict=True):
        container[key] = values
    return copy[0]


def _copy(node: Any, arrays: list[np.ndarray], slots: list[tuple[Any, Any]]) -> Any:
    """A copy of a dictionary or list; its arrays of floats, and their places in the copy, are added to the lists."""
    copy: Any = dict(node) if isinstance(node, dict) else list(node)
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict) or (
            isinstance(value, list | tuple) and value and isinstance(value[0], dict | np.ndarray)
        ):
            copy[key] = _copy(value, arrays, slots)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            arrays.append(value)
            slots.append((copy, key))
        elif isinstance(value, np.ndarray) and not value.flags.c_contiguous:
            copy[key] = np.ascontiguousarray(value)
    return copy


def round_significant(arrays: Sequence[np.ndarray], digits: int = DIGITS) -> list[np.ndarray]:
    """Each array's values to `digits` significant digits, each the float64 nearest to its decimal number.

    Values of one array that differ little from one another keep as many more digits as they have in common, since an
    axis may show only their differences. All arrays are rounded at once: most have a dozen numbers.
    """
    sizes = [array.size for array in arrays]
    if not sum(sizes):
        return [array.astype(float) for array in arrays]
    values = np.concatenate([np.ravel(array) for array in arrays]).astype(float)
    filled = np.flatnonzero(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])[filled]
    counts = np.array(sizes)[filled]
    with np.errstate(all="ignore"):
        finite = np.isfinite(values)
        low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
        span = high - low
        largest = np.maximum(np.abs(low), np.abs(high))
        common = np.floor(np.log10(largest)) - np.floor(np.log10(span))
        common = np.where((span > 0) & (span < largest), common, 0)
        wanted = np.repeat(np.minimum(digits + common, 17), counts).astype(int)
        chosen = np.flatnonzero(finite & (values != 0))
        result = values.copy()
        result[chosen] = _round(values[chosen], wanted[chosen])
    ends = np.cumsum(sizes)
    return [result[end - size : end].reshape(np.shape(a)) for a, size, end in zip(arrays, sizes, ends, strict=True)]


def _round(values: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Finite numbers that are not 0, each to its own number of significant digits."""
    decimals = digits - 1 - np.floor(np.log10(np.abs(values))).astype(int)
    exact = (np.abs(decimals) <= EXACT_POWER) & (digits <= EXACT_DIGITS)
    power = 10.0 ** np.where(exact, np.abs(decimals), 0)
    # A whole number over or times an exact power of ten is rounded once, to the float nearest to the decimal number.
    result = np.where(decimals >= 0, np.rint(values * power) / power, np.rint(values / power) * power)
    for k in np.flatnonzero(~exact):
        result[k] = float(f"{values[k]:.{digits[k]}g}")
    return result
