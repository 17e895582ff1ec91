"""E phi^2 and E phi'^2 of an activation at many variances at once, from a table that is made when first needed."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline

from .gaussian import member, moments

LOW = 1e-26  # below, E phi^2 / q, or E phi^2 where phi(0) is not 0, and E phi'^2 rest to 1e-12 even with a kink at 0
HIGH = 1e10  # above, there is no table
NODES = 400  # evenly spaced in ln q: with splines of degree 9 they are good to 1e-12
DEGREE = 9


def tabled_moments(activation: str, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E phi^2, E phi'^2) at u ~ N(0, q), as `moments` to 1e-12 relative.

    Args:
        activation: a name of ACTIVATIONS.
        q: variances of the net input, from 0 to 1e100.

    Raises:
        ConfigError: an unknown activation; a variance that is not finite or above 1e100.
    """
    second, slope2 = np.moveaxis(np.exp(_logs(activation)(np.log(np.clip(q, LOW, HIGH)))), -1, 0)
    if member(activation)(np.zeros(1))[0] == 0:
        second = second * np.minimum(q / LOW, 1)
    large = ~(q <= HIGH)
    if large.any():
        beyond = moments(activation, q[large])
        second[large] = beyond.second
        slope2[large] = beyond.slope2
    return second, slope2


@cache
def _logs(activation: str) -> BSpline:
    """ln E phi^2 and ln E phi'^2 over ln q."""
    logs = np.linspace(math.log(LOW), math.log(HIGH), NODES)
    found = moments(activation, np.exp(logs))
    return make_interp_spline(logs, np.log(np.stack([found.second, found.slope2], axis=-1)), k=DEGREE)
