"""The plane of weight and bias scales: what a layer deep in the network multiplies the gradient by, at every point."""

from __future__ import annotations

import numpy as np

from .gaussian import member
from .moment_tables import tabled_moments

DEEP = 60  # layers after which q is near its rest, or has left for good
CLOSE = 1e-3  # a step of q, relative, after which it counts as at rest: no eye sees the difference
UNBOUNDED_VARIANCE = 1e5  # a q so large does not come back


def gradient_factors(activation: str, sigma_w: np.ndarray, sigma_b: np.ndarray) -> np.ndarray:
    """sqrt(chi) of the layer that the length map reaches after 60 layers from q = 1, (sigma_b, sigma_w).

    Raises:
        ConfigError: an unknown activation.

    Source: Poole et al. 2016; Schoenholz et al. 2017.
    """
    phi = member(activation)
    weights, biases = np.meshgrid(np.square(sigma_w, dtype=float), np.square(sigma_b, dtype=float))
    if phi.piecewise_slopes is not None:
        return np.sqrt(weights * sum(ray**2 for ray in phi.piecewise_slopes) / 2)
    q = np.ones_like(weights)
    moving = np.ones(weights.shape, bool)
    for _ in range(DEEP):
        next_q = weights[moving] * tabled_moments(activation, q[moving])[0] + biases[moving]
        settled = (np.abs(next_q - q[moving]) <= CLOSE * next_q) | (next_q > UNBOUNDED_VARIANCE)
        q[moving] = next_q
        moving[moving] = ~settled
        if not moving.any():
            break
    return np.sqrt(weights * tabled_moments(activation, q)[1])
