"""How the correlation c of two inputs travels from layer to layer, and over how many layers it and the gradient fade.

    c^{l+1} = (sigma_w^2 E[phi(u) phi(v)] + sigma_b^2) / q*,   u, v ~ N(0, q*) with correlation c^l

Its slope sigma_w^2 E[phi'(u) phi'(v)] at c = 1 is chi. Source: Poole et al. 2016; Schoenholz et al. 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..families.activations import Activation
from .gaussian import BELL, BEND, NODES, WEIGHTS, gaussian_nodes, member, scale
from .variance_map import attractor

RULE_OF_SIX = 6  # a network is trainable to about so many depth scales (Schoenholz et al. 2017)


@dataclass(frozen=True)
class Correlation:
    """Where the correlation of two inputs ends, and the depth scales, in layers.

    Attributes:
        c_star: the correlation to which any two inputs are drawn; 1 in the ordered phase.
        chi_c: slope of the correlation map there: a deviation shrinks by it from layer to layer.
        xi_c: -1 / ln chi_c, over which information about the input fades; infinite where chi_c = 1.
        xi_grad: -1 / ln chi of the SQUARED gradient norm (the norm's own scale is twice that); negative where
            gradients grow, infinite where chi = 1. All four are NaN where q has no rest.
    """

    c_star: float
    chi_c: float
    xi_c: float
    xi_grad: float


def correlation(activation: str, sigma_w: float, sigma_b: float) -> Correlation:
    """Correlation map at the rest q* to which q = 1 is drawn.

    At q* = 0 there are only the limits q -> 0+; c* is 1 then, and chi_c is chi.

    Raises:
        ConfigError: an unknown activation; a scale that is negative or not finite.
    """
    phi = member(activation)
    sigma_w, sigma_b = scale("sigma_w", sigma_w), scale("sigma_b", sigma_b)
    rest = attractor(activation, sigma_w, sigma_b)
    if rest is None:
        return Correlation(*[math.nan] * 4)
    if rest.q == 0 or rest.chi <= 1 + 1e-12:  # c = 1 attracts
        c_star, chi_c = 1.0, rest.chi
    else:
        # Just below c = 1 the map lies below the diagonal, at c = 0 not: there is a crossing, and only one, since
        # every derivative of the map in c >= 0 is positive.
        def excess(c: float) -> float:
            return (sigma_w**2 * pair(phi, rest.q, rest.q, c)[0] + sigma_b**2) / rest.q - c

        near = 1 - 1e-9
        if excess(0.0) <= 1e-14:
            c_star = 0.0
        else:
            c_star = brentq(excess, 0.0, near, xtol=1e-14) if excess(near) < 0 else 1.0
        chi_c = sigma_w**2 * pair(phi, rest.q, rest.q, c_star)[1]
    return Correlation(c_star, chi_c, depth_scale(chi_c), depth_scale(rest.chi))


def depth_scale(chi: float) -> float:
    """-1 / ln chi, in layers: infinite at 1, 0 at chi = 0, negative above 1."""
    if chi <= 0:
        return 0.0
    return math.inf if abs(chi - 1) < 1e-12 else -1 / math.log(chi)


def pair(phi: Activation, qu: float, qv: float, c: float) -> tuple[float, float]:
    """(E[phi(u) phi(v)], E[phi'(u) phi'(v)]) for u ~ N(0, qu), v ~ N(0, qv) with correlation c.

    Homogeneous activations by the arc-cosine kernels (Cho & Saul 2009). The others by quadrature: given what u and v
    share, they are independent, so the average over the shared part is of a product of two averages, each over an own
    part; every panel is resolved as in `moments`.
    """
    if phi.piecewise_slopes is not None:
        value, slope = arc_cosine(phi.piecewise_slopes, np.array(c))
        return float(math.sqrt(qu * qv) * value), float(slope)
    shared = abs(c)
    # The average over the own part is bent no more sharply than phi, and smoothed over the own deviation.
    z, w = _shared_nodes(phi, max(qu, qv), shared)
    values = [
        _own_average(phi, q, sign * math.sqrt(shared * q) * z, 1 - shared)
        for q, sign in ((qu, 1.0), (qv, math.copysign(1.0, c)))
    ]
    return tuple(float((w * a * b).sum()) for a, b in zip(*values, strict=True))


def _shared_nodes(phi: Activation, q: float, shared: float) -> tuple[np.ndarray, np.ndarray]:
    deviation, own = math.sqrt(shared * q), math.sqrt((1 - shared) * q)
    kinks = np.asarray(phi.kinks, float)
    bends = [BEND, own * np.array([-6, -3, -1.5, -0.75, 0.75, 1.5, 3, 6]), *(k + own * BELL for k in kinks)]
    u = np.concatenate([*bends, kinks])
    z = u / deviation if deviation > 0 else np.zeros(1)
    breaks = np.unique(np.clip(np.concatenate([BELL, z]), BELL[0], BELL[-1]))
    half = np.diff(breaks)[:, None] / 2
    nodes = (breaks[:-1, None] + half * (1 + NODES)).ravel()
    return nodes, (half * WEIGHTS).ravel() * np.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)


def _own_average(phi: Activation, q: float, mean: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
    """E phi and E phi' at u ~ N(mean, own q)."""
    if own * q == 0:
        return phi.evaluate(mean)
    _, u, w = gaussian_nodes(phi, np.full(mean.shape, own * q), mean)
    y, slope = phi.evaluate(u)
    return (w * y).sum(axis=-1), (w * slope).sum(axis=-1)


def arc_cosine(piecewise_slopes: tuple[float, float], c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E[phi(u) phi(v)] / sqrt(qu qv), E[phi'(u) phi'(v)]) of two rays from 0, for correlations c of any shape.

    Source: Cho & Saul 2009, with (high - low) ReLU(u) + low u for the two rays.
    """
    low, high = piecewise_slopes
    c = np.clip(c, -1.0, 1.0)
    angle = np.pi - np.arccos(c)
    value = (high - low) ** 2 * (np.sqrt(1 - c * c) + c * angle) / (2 * np.pi) + high * low * c
    return value, (high - low) ** 2 * angle / (2 * np.pi) + high * low
