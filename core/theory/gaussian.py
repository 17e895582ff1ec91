"""Gaussian averages of an activation: E f(u) for u ~ N(mean, variance), to the last digits at every width of the bell.

Gauss-Hermite nodes miss what happens near u = 0 once the bell is much wider than the activation's bend, and straddle
kinks. Here each panel between breakpoints has Gauss-Legendre nodes of its own; the breakpoints follow the bell (in
z), the activation's bend (in u), and its kinks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from ..families.activations import ACTIVATIONS, Activation

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
_BELL = np.array([0, 1, 2, 3.5, 5, 7, 9, 12])  # beyond 12 deviations there is less than 1e-32 of it
_BEND = np.array([0, 0.5, 1, 2, 3, 5, 8, 12, 17, 24, 32, 42])  # beyond, sigmoids are flat to the last digit
BELL = np.concatenate([-_BELL[:0:-1], _BELL])
BEND = np.concatenate([-_BEND[:0:-1], _BEND])
LARGEST = 1e100  # of a variance: the fourth moment is still a float64

Integrand = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Averages over u ~ N(0, q): E phi, E phi^2, E phi'^2 and E phi'^4; numbers, or arrays of the shape of q."""

    mean: float | np.ndarray
    second: float | np.ndarray
    slope2: float | np.ndarray
    slope4: float | np.ndarray


def moments(activation: str, q: float | np.ndarray) -> Moments:
    """E phi, E phi^2, E phi'^2, E phi'^4 at u ~ N(0, q), to 1e-12 relative (the mean: of sqrt(E phi^2)).

    Positively homogeneous activations have closed forms; at q = 0 the slopes are the limit q -> 0+, to which both
    one-sided slopes of a kink at 0 contribute one half.

    Args:
        activation: a name of ACTIVATIONS.
        q: variance of the net input, from 0 to 1e100; a number or an array.

    Raises:
        ConfigError: an unknown activation; a variance that is negative or not finite.

    Source: Poole et al. 2016; Schoenholz et al. 2017.
    """
    phi = member(activation)
    q = variance("q", q)
    if phi.piecewise_slopes is not None:
        low, high = phi.piecewise_slopes
        mean = (high - low) * np.sqrt(q / (2 * math.pi))
        values = mean, (low**2 + high**2) / 2 * q, (low**2 + high**2) / 2, (low**4 + high**4) / 2
    else:
        z, u, w = gaussian_nodes(phi, q)
        y, slope = phi.evaluate(u)
        values = tuple((w * f).sum(axis=-1) for f in (y, y**2, slope**2, slope**4))
    mean, second, slope2, slope4 = (_like(q, value) for value in values)
    return Moments(mean=mean, second=second, slope2=slope2, slope4=slope4)


def gaussian_nodes(phi: Activation, variance: np.ndarray, mean: np.ndarray | float = 0.0) -> tuple[np.ndarray, ...]:
    """(z, u, w) with E f(u, z) = sum w f(u, z) over the last axis, for u = mean + sqrt(variance) z, z ~ N(0, 1).

    Args:
        variance, mean: of u; any shapes that broadcast.

    Returns:
        z, u, w: their common shape and one axis of nodes more. At variance 0 and mean 0, u is 0 on both sides: the
        smallest numbers below and above, so that a kink there is met from both.
    """
    variance, mean = np.broadcast_arrays(np.asarray(variance, float), np.asarray(mean, float))
    deviation = np.sqrt(variance)[..., None]
    bends = np.concatenate([BEND, np.asarray(phi.kinks, float)]) - mean[..., None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bends = np.where(deviation > 0, bends / deviation, np.sign(bends) * BELL[-1])
    breaks = np.concatenate([np.broadcast_to(BELL, (*variance.shape, BELL.size)), bends], axis=-1)
    np.clip(breaks, BELL[0], BELL[-1], out=breaks)
    breaks.sort(axis=-1)
    half = np.diff(breaks, axis=-1)[..., None] / 2
    z = (breaks[..., :-1, None] + half * (1 + NODES)).reshape(*variance.shape, half.shape[-2] * NODES.size)
    w = (half * WEIGHTS).reshape(z.shape)
    w *= np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    u = mean[..., None] + np.where(deviation > 0, deviation, np.finfo(float).tiny) * z
    return z, u, w


def moment_derivatives(activation: str, q: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(d E phi^2 / dq, d ln E phi'^2 / dq) at q > 0: how much a change of q matters to the next layer, and to chi.

    The first is E[phi phi' u] / q; the second uses d/dq E f(u) = E[f(u) (z^2 - 1)] / (2 q), which needs no second
    derivative and holds across kinks.
    """
    phi = member(activation)
    q = variance("q", q)
    if phi.piecewise_slopes is not None:
        low, high = phi.piecewise_slopes
        return np.full_like(q, (low**2 + high**2) / 2), np.zeros_like(q)
    z, u, w = gaussian_nodes(phi, q)
    y, slope = phi.evaluate(u)
    second = (w * y * slope * z).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        second = np.where(q > 0, second / np.sqrt(q), limit_growth(phi))
        square = w * slope**2
        chi = (square * (z**2 - 1)).sum(axis=-1) / (2 * q * square.sum(axis=-1))
    return second, chi


def limit_growth(phi: Activation) -> float:
    """d E phi^2 / dq as q -> 0+: E of phi'(0)^2 + phi(0) phi''(0), each side of 0 with weight one half."""
    step = 1e-5
    low, high = phi.slope(np.array([-np.finfo(float).tiny, np.finfo(float).tiny]))
    at_zero = float(phi(np.array([0.0]))[0])
    below, above = phi.slope(np.array([-step, step]))
    bend = (above - high) / step / 2 + (low - below) / step / 2 if at_zero else 0.0
    return float((low**2 + high**2) / 2 + at_zero * bend)


def member(activation: str) -> Activation:
    """The registry's entry.

    Raises:
        ConfigError: there is none of that name.
    """
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ConfigError("activation", activation, f"it must be one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[activation]


def variance(field: str, value: float | np.ndarray) -> np.ndarray:
    """A variance as a float64 array.

    Raises:
        ConfigError: it is no number, negative, not finite, or above 1e100.
    """
    try:
        array = np.asarray(value).astype(float, casting="same_kind")  # "1" and 1j are no numbers here
    except (TypeError, ValueError):
        raise ConfigError(field, value, "it must be a number") from None
    if not ((array >= 0) & (array <= LARGEST)).all():
        raise ConfigError(field, value, f"it must be from 0 to {LARGEST:g}")
    return array


def one_variance(field: str, value: float) -> float:
    """A variance as a float.

    Raises:
        ConfigError: it is no single number, negative, not finite, or above 1e100.
    """
    array = variance(field, value)
    if array.ndim:
        raise ConfigError(field, value, "it must be one number")
    return float(array)


def sizes(field: str, value: Sequence[int], fewest: int) -> tuple[int, ...]:
    """Units of layer after layer as a tuple.

    Raises:
        ConfigError: fewer layers than that, or a size that is no whole number of at least 1.
    """
    values = tuple(value) if isinstance(value, (Sequence, np.ndarray)) else ()
    integer = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1 for n in values)
    if len(values) < fewest or not integer:
        raise ConfigError(field, value, f"it must be whole numbers of at least 1, for {fewest} or more layers")
    return tuple(map(int, values))


def scale(field: str, value: float) -> float:
    """A standard deviation as a float.

    Raises:
        ConfigError: it is no number, negative, not finite, or above 1e50.
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not 0 <= value <= math.sqrt(LARGEST):
        raise ConfigError(field, value, f"it must be a number from 0 to {math.sqrt(LARGEST):g}")
    return float(value)


def _like(q: np.ndarray, value: np.ndarray | float) -> float | np.ndarray:
    return float(value) if q.ndim == 0 else np.broadcast_to(np.asarray(value, float), q.shape).copy()
