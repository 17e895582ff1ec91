"""Map of the net input's variance q from layer to layer, its fixed points, and where chi = 1.

    q^{l+1} = V(q^l) = sigma_w^2 E phi(u)^2 + sigma_b^2,   chi^l = sigma_w^2 E phi'(u)^2,   u ~ N(0, q^l)

W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2). Source: Poole et al. 2016; Schoenholz et al. 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from ..errors import ConfigError
from .gaussian import LARGEST, member, moment_derivatives, moments, one_variance, scale
from .moment_tables import tabled_moments

# fixed points other than 0 are looked for here
LOW = 1e-7
HIGH = 1e4
GRID = np.geomspace(LOW, HIGH, 663)  # 60 a decade
NOISE = 1e-12  # relative error of what is compared with 1
TOUCHING = 1e-10  # where a curve comes so near to 1 without crossing, it is taken to touch it

NEAR = 0.01  # and only from so near is it worth looking


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """A rest q = V(q).

    Attributes:
        q: the variance.
        chi: factor of the squared gradient norm from layer to layer there.
        slope: V'(q), by which a small deviation from it grows from layer to layer.
        stable: whether it attracts, slope < 1; a marginal one (slope 1) does not count as stable.
    """

    q: float
    chi: float
    slope: float
    stable: bool


@dataclass(frozen=True, kw_only=True)
class CriticalPoint:
    """A pair of sigma_w and a rest q at which chi = 1: gradients neither vanish nor explode.

    Attributes:
        sigma_w: the weight scale.
        q: the variance there; for linear and the ReLUs, whose chi is the same at any q, 0 without biases, and
            infinite with biases, since q then grows without end.
        slope: V'(q).
        stable: slope < 1; a point that repels is never reached from elsewhere.
    """

    sigma_w: float
    q: float
    slope: float
    stable: bool


def length_map(
    activation: str, q1: float, sigma_w: float, sigma_b: float, layers: int
) -> tuple[np.ndarray, np.ndarray]:
    """(q, chi), each (layers,): q^1 = q1 and what follows from it, and chi at each.

    Where q grows beyond 1e100, both are NaN from there on.

    Raises:
        ConfigError: an unknown activation; a variance or scale that is negative or not finite; layers below 1.
    """
    q, chi = np.full((2, checked_layers(layers)), np.nan)
    now = one_variance("q1", q1)
    weights = scale("sigma_w", sigma_w) ** 2
    biases = scale("sigma_b", sigma_b) ** 2
    for layer in range(len(q)):
        if not now <= LARGEST:
            break
        found = moments(activation, now)
        q[layer] = now
        chi[layer] = weights * found.slope2
        now = weights * found.second + biases
    return q, chi


def checked_layers(layers: int) -> int:
    """A number of layers.

    Raises:
        ConfigError: it is no whole number from 1 to 100,000.
    """
    if isinstance(layers, bool) or not isinstance(layers, (int, np.integer)) or not 1 <= layers <= 100_000:
        raise ConfigError("layers", layers, "it must be a whole number from 1 to 100,000")
    return int(layers)


def fixed_points(activation: str, sigma_w: float, sigma_b: float = 0.0) -> list[FixedPoint]:
    """Every q = V(q) among 0 and [1e-7, 1e4], sorted: stable, marginal and repelling ones.

    At q = 0 chi and slope are the limit q -> 0+, with both one-sided slopes of a kink. Where every q rests (ReLU at
    sigma_w = sqrt 2 without biases, a straight line), 0 stands for all.

    Raises:
        ConfigError: an unknown activation; a scale that is negative or not finite.
    """
    phi = member(activation)
    sigma_w = scale("sigma_w", sigma_w)
    sigma_b = scale("sigma_b", sigma_b)
    roots = [0.0] if sigma_b == 0 and (sigma_w == 0 or phi(np.zeros(1))[0] == 0) else []
    if phi.piecewise_slopes is not None:
        slope = sigma_w**2 * sum(ray**2 for ray in phi.piecewise_slopes) / 2
        q = sigma_b**2 / (1 - slope) if slope < 1 and sigma_b > 0 else math.inf
        roots += [q] if LOW <= q <= HIGH else []
    else:

        def excess(q: np.ndarray, second: np.ndarray, slope2: np.ndarray) -> np.ndarray:
            return (sigma_w**2 * second + sigma_b**2) / q - 1

        roots += _crossings(activation, excess)
    return [_fixed_point(activation, q, sigma_w) for q in roots]


def _fixed_point(activation: str, q: float, sigma_w: float) -> FixedPoint:
    slope = sigma_w**2 * float(moment_derivatives(activation, q)[0])
    return FixedPoint(q=q, chi=sigma_w**2 * float(moments(activation, q).slope2), slope=slope, stable=slope < 1 - NOISE)


def critical_points(activation: str, sigma_b: float = 0.0) -> list[CriticalPoint]:
    """Every (sigma_w, q) with q = V(q) and chi = 1 at this sigma_b, by rising q; q among 0 and [1e-7, 1e4].

    Along the critical line sigma_w^2 = 1 / E phi'^2 and sigma_b^2 = q - E phi^2 / E phi'^2 for every q, so the second
    is solved for q. Without biases an activation with phi(0) = 0 has the point q = 0, sigma_w^2 = 1 / phi'(0)^2.

    Raises:
        ConfigError: an unknown activation; a scale that is negative or not finite.
    """
    phi = member(activation)
    sigma_b = scale("sigma_b", sigma_b)
    if phi.piecewise_slopes is not None:
        sigma_w = 1 / math.sqrt(sum(ray**2 for ray in phi.piecewise_slopes) / 2)
        return [CriticalPoint(sigma_w=sigma_w, q=0.0 if sigma_b == 0 else math.inf, slope=1.0, stable=False)]
    found = [0.0] if sigma_b == 0 and phi(np.zeros(1))[0] == 0 else []

    def excess(q: np.ndarray, second: np.ndarray, slope2: np.ndarray) -> np.ndarray:
        return 1 - (second / slope2 + sigma_b**2) / q

    found += _crossings(activation, excess, lowest=1e-4 if found else LOW)
    return [_critical_point(activation, q) for q in found]


def _critical_point(activation: str, q: float) -> CriticalPoint:
    sigma_w = 1 / math.sqrt(moments(activation, q).slope2)
    slope = sigma_w**2 * float(moment_derivatives(activation, q)[0])
    return CriticalPoint(sigma_w=sigma_w, q=q, slope=slope, stable=slope < 1 - NOISE)


def critical_line(activation: str, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sigma_w, sigma_b) with chi = 1 at the rest q, each of the shape of q; NaN where no sigma_b gives it.

    Raises:
        ConfigError: an unknown activation; a variance that is negative or not finite.
    """
    at = moments(activation, q)
    square = np.asarray(q, float) - at.second / at.slope2
    square = np.where(np.abs(square) < NOISE * np.asarray(q, float), 0.0, square)  # the ReLUs: exactly 0
    with np.errstate(invalid="ignore"):
        sigma_b = np.sqrt(square)
    return np.where(np.isnan(sigma_b), np.nan, 1 / np.sqrt(at.slope2)), sigma_b


def attractor(activation: str, sigma_w: float, sigma_b: float, q1: float = 1.0) -> FixedPoint | None:
    """The rest to which q1 is drawn, layer after layer; None where q grows without end (or beyond 1e4).

    V increases, so q moves in one direction until the next rest.

    Raises:
        ConfigError: as `fixed_points`.
    """
    q = one_variance("q1", q1)
    points = fixed_points(activation, sigma_w, sigma_b)
    next_q = sigma_w**2 * moments(activation, q).second + sigma_b**2
    if next_q > q * (1 + NOISE):
        above = [point for point in points if point.q > q]
        return above[0] if above else None
    if next_q < q * (1 - NOISE):
        below = [point for point in points if point.q < q]
        return below[-1] if below else None
    return _fixed_point(activation, q, sigma_w)


def _crossings(activation: str, excess_of: Callable, lowest: float = LOW) -> list[float]:
    """Every q in [lowest, 1e4] where the excess is 0: where it crosses 0, and where it touches it.

    Args:
        excess_of: a function of q, E phi^2 and E phi'^2. They come from a table where it is only seen between which q
            to look.
    """
    grid = GRID[GRID >= lowest]
    with np.errstate(all="ignore"):
        values = excess_of(grid, *tabled_moments(activation, grid))

    def excess(q: float) -> float:
        at = moments(activation, q)
        return excess_of(q, at.second, at.slope2)

    found = []
    for i in range(len(grid) - 1):
        a = values[i]
        b = values[i + 1]
        if abs(a) <= NOISE:
            found.append(grid[i])
        elif a * b < 0 and abs(b) > NOISE:
            found.append(brentq(excess, grid[i], grid[i + 1], xtol=1e-300, rtol=4e-16 * 4))
        elif i and abs(a) < min(NEAR, abs(values[i - 1]), abs(b)) and values[i - 1] * a > 0 and a * b > 0:
            found += _touching(excess, math.log(grid[i - 1]), math.log(grid[i + 1]), math.copysign(1.0, a))
    return [float(q) for q in found]


def _touching(excess: Callable, low: float, high: float, sign: float) -> list[float]:
    """The rests in a bracket of ln q within which the excess comes nearest to 0 from one side: none, one or two."""
    near = minimize_scalar(lambda s: sign * excess(math.exp(s)), bounds=(low, high), method="bounded",
                           options={"xatol": 1e-9})  # fmt: skip
    if near.fun > TOUCHING:
        return []
    if near.fun > -TOUCHING:
        return [math.exp(near.x)]
    edges = ((low, near.x), (near.x, high))
    return [math.exp(brentq(lambda s: excess(math.exp(s)), a, b, xtol=1e-15, rtol=1e-15)) for a, b in edges]
