"""Statistics of a recorded run for its rules: the gradient over the layers, and where it is not finite.

Slopes are fitted over weight tensors alone, since biases and norms have gradients of another size, and among those that
have one role in the model: in a transformer the gradients of the query weights and of the MLP's differ in every block.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..norms import scaled_norms
from ..recordings import Recording

MIN_LAYERS = 3  # of weights, for a slope
EARLY_ROWS = 3  # recorded rows, at most a tenth of them, that the early profile is the median of


@dataclass(frozen=True, eq=False, kw_only=True)
class Profile:
    """The gradient over the weight layers: medians over the first rows, and the row of them that stands for these.

    The first row alone would not do: where branches start at zero, as in many transformers, the first gradient of most
    layers is 0.

    Attributes:
        indices: of the weight tensors that have a gradient.
        norms: (indices,) with zeros.
        decades: log10 of the fitted line at the first tensor over that at the last.
        row: the early row that is nearest to the medians at both ends, of which the next numbers are.
        factor: what one tensor multiplies the gradient by on its way back.
        ends: indices of the first and the last tensor of the role that most tensors have.
        ratio: the norm at the first end over that at the last.
    """

    indices: np.ndarray
    norms: np.ndarray
    decades: float
    row: int
    factor: float
    ends: tuple[int, int]
    ratio: float


def profile(recording: Recording, row: int | None = None) -> Profile | None:
    """The early profile over the weights; None with fewer than three layers that have a gradient above zero.

    Args:
        row: the one row that it is of, instead of the early ones.
    """
    indices = recording.of_kind("weight")
    rows = np.arange(early_rows(recording)) if row is None else np.array([row])
    early = recording.values["grad_norm"][rows[:, None], indices]
    with np.errstate(all="ignore"):
        known = np.isfinite(early).any(axis=0)
        indices = indices[known]
        early = np.where(np.isfinite(early[:, known]), early[:, known], np.nan)
        norms = np.nanmedian(early, axis=0) if len(indices) else np.zeros(0)
    positive = np.flatnonzero(norms > 0)
    if len(positive) < MIN_LAYERS:
        return None
    roles = find_roles([recording.parameters[indices[i]].name for i in positive])
    counts = Counter(roles)
    x = positive.astype(float)
    slope = _common_slope(x, np.log10(norms[positive]), roles)
    commonest = max(counts, key=counts.__getitem__)
    ends = [int(i) for i, name in zip(positive, roles, strict=True) if name == commonest]
    with np.errstate(all="ignore"):
        decades = np.log10(norms[ends[0]]) - np.log10(norms[ends[-1]])
        apart = np.log10(early[:, ends[0]]) - np.log10(early[:, ends[-1]])
        away = np.abs(apart - decades)
        shown_row = int(np.argmin(np.where(np.isfinite(away), away, np.inf)))
        shown = early[shown_row, positive]
        is_whole = bool((shown > 0).all())
    return Profile(
        indices=indices,
        norms=norms,
        decades=float(-slope * (positive[-1] - positive[0])),
        row=int(rows[shown_row]),
        factor=float(10.0 ** -(_common_slope(x, np.log10(shown), roles) if is_whole else slope)),
        ends=(int(indices[ends[0]]), int(indices[ends[-1]])),
        ratio=float(10.0 ** (apart[shown_row] if np.isfinite(apart[shown_row]) else decades)),
    )


def early_rows(recording: Recording) -> int:
    """The number of rows at the beginning of a run that count as early."""
    return max(1, min(EARLY_ROWS, len(recording.step) // 10))


def find_roles(names: Sequence[str]) -> list[str]:
    """Names without their numbers: blocks.3.mlp.0.weight and blocks.7.mlp.2.weight have one role.

    Where no three tensors share one, all have the role "".
    """
    roles = [re.sub(r"\d+", "#", name) for name in names]
    return roles if max(Counter(roles).values(), default=0) >= MIN_LAYERS else [""] * len(roles)


def fit_factors(norms: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(rows,) factor per tensor of the gradient on its way back, of (rows, tensors); NaN with fewer than three."""
    factors = np.full(len(norms), np.nan)
    for row, values in enumerate(norms):
        positive = np.flatnonzero(np.isfinite(values) & (values > 0))
        if len(positive) >= MIN_LAYERS:
            roles = find_roles([names[i] for i in positive])
            factors[row] = 10.0 ** -_common_slope(positive.astype(float), np.log10(values[positive]), roles)
    return factors


def _common_slope(x: np.ndarray, y: np.ndarray, groups: Sequence[str]) -> float:
    """Least squares of one slope, with an offset for each group."""
    _, index = np.unique(np.array(groups), return_inverse=True)
    counts = np.bincount(index)
    dx, dy = (part - (np.bincount(index, part) / counts)[index] for part in (x, y))
    below = float(dx @ dx)
    return float(dx @ dy) / below if below else 0.0


def global_norm(recording: Recording) -> np.ndarray:
    """(rows,) norm over all recorded tensors.

    NaN where nothing was recorded, infinite where a tensor's gradient is not finite.
    """
    norms = recording.values["grad_norm"]
    with np.errstate(all="ignore"):
        joint = scaled_norms(np.nan_to_num(norms, nan=0.0, posinf=np.inf))
    joint[np.isnan(norms).all(axis=1)] = np.nan
    joint[recording.not_finite.any(axis=1)] = np.inf
    return joint
