"""The correlation c of two inputs from layer to layer, and the depth over which it and the gradient decay.

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
MIN_DISTANCE = 1e-14  # of 1 - c: nearer, two inputs are one


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """The limit of the correlation of two inputs, and the depth scales, in layers.

    Attributes:
        c_star: the correlation that any two inputs approach; 1 in the ordered phase.
        chi_c: slope of the correlation map there: a deviation shrinks by it from layer to layer.
        xi_c: -1 / ln chi_c, over which information about the input decays; infinite where chi_c = 1.
        xi_grad: -1 / ln chi of the SQUARED gradient norm (the norm's own scale is twice that); negative where
            gradients grow, infinite where chi = 1. All four are NaN where q has no fixed point.
    """

    c_star: float
    chi_c: float
    xi_c: float
    xi_grad: float


NO_CORRELATION = Correlation(c_star=math.nan, chi_c=math.nan, xi_c=math.nan, xi_grad=math.nan)


def correlation(activation: str, sigma_w: float, sigma_b: float) -> Correlation:
    """Correlation map at the fixed point q* that q = 1 approaches.

    At q* = 0 there are only the limits q -> 0+; c* is 1 then, and chi_c is chi.

    Raises:
        ConfigError: an unknown activation; a scale that is negative or not finite.
    """
    phi = member(activation)
    sigma_w = scale("sigma_w", sigma_w)
    sigma_b = scale("sigma_b", sigma_b)
    fixed_point = attractor(activation, sigma_w, sigma_b)
    if fixed_point is None:
        return NO_CORRELATION
    q = fixed_point.q
    if q == 0 or fixed_point.chi <= 1 + 1e-12:  # c = 1 attracts
        c_star = 1.0
        chi_c = fixed_point.chi
    else:
        c_star = 1 - _limit_distance(phi, q, sigma_w)
        chi_c = sigma_w**2 * pair(phi, q, q, c_star)[1]
    return Correlation(c_star=c_star, chi_c=chi_c, xi_c=depth_scale(chi_c), xi_grad=depth_scale(fixed_point.chi))


def _limit_distance(phi: Activation, q: float, sigma_w: float) -> float:
    """1 - c* where c = 1 repels: the distance itself is followed, since 1 - c loses its digits near the critical line.

    By how much the map multiplies a distance falls from chi > 1 at 0 to at most 1 at c = 0, and passes 1 only once:
    every derivative of the map in c >= 0 is positive.
    """

    def log_growth(log_distance: float) -> float:
        t = math.exp(log_distance)
        return math.log(sigma_w**2 * half_squared_difference(phi, q, t) / (q * t))

    if log_growth(0.0) >= -1e-14:  # odd activations without biases
        return 1.0
    low = math.log(MIN_DISTANCE)
    return math.exp(brentq(log_growth, low, 0.0, xtol=1e-14)) if log_growth(low) > 0 else 0.0


def half_squared_difference(phi: Activation, q: float, distance: float) -> float:
    """E (phi(u) - phi(v))^2 / 2 for u, v ~ N(0, q) with correlation 1 - distance, distance from 0 to 1.

    Given what they share, u and v are independent and alike, so that it is the mean of a variance.
    """
    z, w = _shared_nodes(phi, q, 1 - distance)
    _, u, own = gaussian_nodes(phi, np.full(z.shape, distance * q), math.sqrt((1 - distance) * q) * z)
    y = phi(u)
    y -= (own * y).sum(axis=-1, keepdims=True)
    return float((w * (own * y * y).sum(axis=-1)).sum())


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
    value, slope = (float((w * a * b).sum()) for a, b in zip(*values, strict=True))
    return value, slope


def _shared_nodes(phi: Activation, q: float, shared: float) -> tuple[np.ndarray, np.ndarray]:
    deviation = math.sqrt(shared * q)
    own = math.sqrt((1 - shared) * q)
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


def arc_cosine(piecewise_slopes: tuple[float, float], c: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E[phi(u) phi(v)] / sqrt(qu qv), E[phi'(u) phi'(v)]) of two rays from 0, for correlations c of any shape.

    Source: Cho & Saul 2009, with (high - low) ReLU(u) + low u for the two rays.
    """
    low, high = piecewise_slopes
    c = np.clip(c, -1.0, 1.0)
    angle = np.pi - np.arccos(c)
    value = (high - low) ** 2 * (np.sqrt(1 - c * c) + c * angle) / (2 * np.pi) + high * low * c
    return value, (high - low) ** 2 * angle / (2 * np.pi) + high * low
