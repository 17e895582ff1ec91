"""Rows of a trace at screen resolution: which to draw, or what a column of pixels stands for."""

from __future__ import annotations

import numpy as np


def thin_rows(rows: int, most: int) -> np.ndarray:
    """At most `most` row numbers, the first and the last among them: each row at first, then ever further apart.

    `most` is two or more. A gradient changes most in the first steps, so these are all kept.
    """
    if rows <= most:
        return np.arange(rows)
    near = most // 2
    far = np.geomspace(near, rows - 1, most - near + 1)[1:]
    return np.unique(np.concatenate([np.arange(near), np.rint(far).astype(int)]))


def bin_rows(rows: int, most: int) -> list[slice]:
    """At most `most` runs of neighboring rows of one size; the last may be shorter."""
    size = -(-rows // most)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def envelope_rows(values: np.ndarray, most: int) -> np.ndarray:
    """At most `most` row numbers of one curve that keep its lowest and highest value wherever it was thinned.

    Each pool gives its lowest and its highest row, and one that is not finite where it has any, so that the gap is
    seen; the first and the last row always stay.
    """
    rows = len(values)
    if rows <= most:
        return np.arange(rows)
    kept = [0, rows - 1]
    for pool in bin_rows(rows, max(1, (most - 2) // 3)):
        part = values[pool]
        finite = np.flatnonzero(np.isfinite(part))
        if finite.size:
            kept += [pool.start + finite[part[finite].argmin()], pool.start + finite[part[finite].argmax()]]
        if finite.size < part.size:
            kept.append(pool.start + int(np.flatnonzero(~np.isfinite(part))[0]))
    return np.unique(kept)
