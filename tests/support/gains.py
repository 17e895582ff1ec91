"""Gains and shifts of normalization away from where they start."""

import numpy as np


def draw_gains(weights, seed=0):
    """The parameters of a run, with each learned gain drawn about 1 and each shift about 0."""
    rng, drawn = np.random.default_rng([seed, 11]), []
    for W, b, *own in weights:
        units = W.shape[1]
        drawn.append((W, b, 1 + 0.4 * rng.standard_normal(units), 0.4 * rng.standard_normal(units)) if own else (W, b))
    return drawn
