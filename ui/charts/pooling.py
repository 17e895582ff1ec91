"""Rows of a trace at screen resolution: which to draw, or what a column of pixels stands for."""

from __future__ import annotations

import numpy as np


def thin_rows(rows: int, limit: int) -> np.ndarray:
    """At most `limit` row numbers, the first and the last among them: each row at first, then ever further apart.

    `limit` is two or more. A gradient changes most in the first steps, so these are all kept.
    """
    if rows <= limit:
        return np.arange(rows)
    near = limit // 2
    far = np.geomspace(near, rows - 1, limit - near + 1)[1:]
    return np.unique(np.concatenate([np.arange(near), np.rint(far).astype(int)]))


def bin_rows(rows: int, limit: int) -> list[slice]:
    """At most `limit` runs of neighboring rows of one size; the last may be shorter."""
    size = -(-rows // limit)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def envelope_rows(values: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` row numbers of one curve that keep its lowest and highest value wherever it was thinned.

    Each pool gives its lowest and its highest row, and one that is not finite where it has any, so that the gap is
    seen; the first and the last row always stay.
    """
    rows = len(values)
    if rows <= limit:
        return np.arange(rows)
    chosen = [0, rows - 1]
    for pool in bin_rows(rows, max(1, (limit - 2) // 3)):
        part = values[pool]
        finite = np.flatnonzero(np.isfinite(part))
        if finite.size:
            chosen += [pool.start + finite[part[finite].argmin()], pool.start + finite[part[finite].argmax()]]
        if finite.size < part.size:
            chosen.append(pool.start + int(np.flatnonzero(~np.isfinite(part))[0]))
    return np.unique(chosen)
