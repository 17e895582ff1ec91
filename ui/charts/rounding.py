"""Numbers of a figure in as many digits as a picture can show: most of what a page sends is digits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DIGITS = 5  # significant ones: more than the pixels of any screen


def rounded(node: Any) -> Any:
    """A copy of a figure's dictionaries whose arrays of floats are rounded; everything else is the same object."""
    if isinstance(node, dict):
        return {key: rounded(value) for key, value in node.items()}
    if isinstance(node, list | tuple) and node and isinstance(node[0], dict | np.ndarray):
        return [rounded(value) for value in node]
    if isinstance(node, np.ndarray) and node.dtype.kind == "f":
        return round_significant(node)
    return node


def round_significant(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Values to `digits` significant digits, each the float64 nearest to its decimal number.

    Values that differ little from one another keep as many more digits as they have in common, since an axis may
    show only their differences.
    """
    flat = np.asarray(values, dtype=float).ravel().tolist()
    finite = [value for value in flat if math.isfinite(value)]
    if not finite:
        return np.asarray(values, dtype=float)
    low, high = min(finite), max(finite)
    span, largest = high - low, max(abs(low), abs(high))
    common = math.floor(math.log10(largest)) - math.floor(math.log10(span)) if 0 < span < largest else 0
    # Formatting beats arithmetic: powers of ten beyond 10**22 are not exact, and most arrays have a dozen numbers.
    template = f"%.{min(digits + common, 17)}g"
    return np.array([float(template % value) for value in flat]).reshape(np.shape(values))
