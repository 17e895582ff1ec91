"""Where mean field theory draws its lines on a map: chi = 1, and the depth of six depth scales."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..config import RunConfig
from ..families.initializers import INITS
from ..theory.correlations import RULE_OF_SIX, correlation
from ..theory.gaussian import member
from ..theory.network import LARGEST_SCALE, locate
from ..theory.plane import gradient_factors
from ..theory.variance_map import critical_line, critical_points
from .maps import SweepMap

RESTS = np.geomspace(1e-6, 1e4, 1200)  # q along the critical line
# points of the line of six depth scales, and those computed in the chaotic phase
FINE = 241
CHAOTIC = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class Curve:
    """A line in the axes' own numbers; NaN is a gap."""

    name: str
    x: np.ndarray
    y: np.ndarray


def lines(spec: SweepMap, activation: str) -> list[Curve]:
    """The critical line where an axis is a scale, and the six depth scales where the other is the depth.

    There is none where theory has no place for the networks: normalized or residual layers, a scale that means another
    sigma_w in every row, or one beyond a million.
    """
    fields = {spec.x.field, spec.y.field}
    unit = effective_scale(spec, activation)
    if unit is None or _largest_scale(spec, unit) > LARGEST_SCALE:
        return []
    curves = []
    if fields == {"init_scale", "bias_std"}:
        sigma_w, sigma_b = critical(activation)
        curves.append(_line(spec, "init_scale", "theory: χ = 1", sigma_w / unit, sigma_b))
    elif "init_scale" in fields:
        scales = [p.sigma_w for p in critical_points(activation, spec.base.bias_std if spec.base.bias else 0.0)]
        curves += [_across(spec, "init_scale", "theory: χ = 1", sigma_w / unit) for sigma_w in scales]
    elif "bias_std" in fields:
        sigma_w, sigma_b = critical(activation)
        crossings = _crossings(sigma_w / unit, sigma_b, spec.base.init_scale)
        curves += [_across(spec, "bias_std", "theory: χ = 1", value) for value in crossings]
    if "depth" in fields and fields & {"init_scale", "bias_std"}:
        (scale,) = fields - {"depth"}
        values = (spec.x if spec.x.field == scale else spec.y).values()
        points = (np.geomspace if min(values) > 0 else np.linspace)(min(values), max(values), FINE)
        depth = RULE_OF_SIX * _depth_scales(spec, activation, scale, points, unit)
        curves.append(_line(spec, scale, "theory: six depth scales", points, depth))
    return [line for line in curves if np.isfinite(line.x).any()]


def _depth_scales(spec: SweepMap, activation: str, scale: str, points: np.ndarray, unit: float) -> np.ndarray:
    """xi_c at many values of init_scale or bias_std; NaN where it is infinite or q has no rest.

    In the ordered phase chi_c is chi. In the chaotic one it takes a while, so it is computed at a few values, and its
    logarithm, which falls smoothly from 0 at the critical point, is interpolated.
    """
    biases = spec.base.bias_std if spec.base.bias else 0.0
    if scale == "init_scale":
        bends = [p.sigma_w / unit for p in critical_points(activation, biases)]
        sigma_w = unit * points
        sigma_b = np.array([biases])
    else:
        bends = _crossings(critical(activation)[0] / unit, critical(activation)[1], spec.base.init_scale)
        sigma_w = np.array([unit * spec.base.init_scale])
        sigma_b = points
    with np.errstate(divide="ignore"):
        logs = 2 * np.log(gradient_factors(activation, sigma_w, sigma_b)).ravel()
    chaotic = np.flatnonzero(logs > 0)
    if len(chaotic):
        nodes = {bend: 0.0 for bend in bends if points[0] <= bend <= points[-1]}
        for i in np.unique(np.linspace(0, len(chaotic) - 1, CHAOTIC + 1).round().astype(int)[1:]):
            at = points[chaotic[i]]
            pair = (unit * at, biases) if scale == "init_scale" else (float(sigma_w[0]), at)
            nodes[at] = -1 / correlation(activation, *pair).xi_c
        at = np.array(sorted(nodes))
        known = np.array([nodes[value] for value in at])
        between = PchipInterpolator(at, known) if len(at) > 1 and np.isfinite(known).all() else lambda v: v * np.nan
        logs[chaotic] = between(points[chaotic])
    with np.errstate(divide="ignore"):
        return np.where(logs < 0, -1 / logs, np.nan)


def effective_scale(spec: SweepMap, activation: str) -> float | None:
    """sigma_w at init_scale 1, which must be the same all over the map; None where theory has no place for it."""
    found = []
    for x in (spec.x.values()[0], spec.x.values()[-1]):
        for y in (spec.y.values()[0], spec.y.values()[-1]):
            config = spec.config(activation, x, y).replace(init_scale=1.0)
            found.append(_scale_of(config))
    known = [scale for scale in found if scale is not None]
    if not known or {"init", "normalization", "residual"} & {spec.x.field, spec.y.field}:
        return None
    return known[0] if max(known) - min(known) <= 0.02 * known[0] else None


def _largest_scale(spec: SweepMap, unit: float) -> float:
    """The largest sigma_w or sigma_b of the map."""
    axes = [axis.values()[-1] for axis in (spec.x, spec.y) if axis.field in ("init_scale", "bias_std")]
    return max(1.0, unit) * max(spec.base.init_scale, spec.base.bias_std, *axes, 0.0)


def _scale_of(config: RunConfig) -> float | None:
    by_fan_in = config.bias and INITS[config.init].bias_deviation is not None  # such biases lie on no line of the map
    if by_fan_in or len(config.hidden) < 2:
        return None
    here = locate(config, 1, 1)  # of the layers between hidden ones, so the data do not count
    return here.sigma_w if here else None


def critical(activation: str) -> tuple[np.ndarray, np.ndarray]:
    """(sigma_w, sigma_b) along chi = 1, by rising sigma_b, from the axis on."""
    phi = member(activation)
    if phi.piecewise_slopes is not None:
        sigma_w = (sum(ray**2 for ray in phi.piecewise_slopes) / 2) ** -0.5
        return np.array([sigma_w, sigma_w]), np.array([0.0, 1e3])
    ends = [point.q for point in critical_points(activation)]  # where it meets the axis
    return critical_line(activation, np.sort(np.append(RESTS, ends)))


def _line(spec: SweepMap, field: str, name: str, along: np.ndarray, other: np.ndarray) -> Curve:
    """A line given over one field, turned as the axes stand."""
    return Curve(name=name, x=along, y=other) if spec.x.field == field else Curve(name=name, x=other, y=along)


def _across(spec: SweepMap, field: str, name: str, value: float) -> Curve:
    """A straight line across the map at one value of a field."""
    axis = spec.y if spec.x.field == field else spec.x
    values = axis.values()
    ends = np.array([values[0], values[-1]], float) if axis.numeric else np.array([0, len(values) - 1.0])
    if axis.numeric and axis.low != axis.high:
        reach = 10.0 if axis.logarithmic else ends[1] - ends[0]
        ends = ends * [1 / reach, reach] if axis.logarithmic else ends + [-reach, reach]
    return _line(spec, field, name, np.full(2, value), ends)


def _crossings(along: np.ndarray, other: np.ndarray, value: float) -> list[float]:
    """Where a line passes a value: the other coordinate there."""
    found = []
    for i in range(len(along) - 1):
        a = along[i] - value
        b = along[i + 1] - value
        if math.isfinite(a) and math.isfinite(b) and a * b < 0:
            found.append(float(other[i] + (other[i + 1] - other[i]) * a / (a - b)))
    return found


def crossings(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(rows,): where along x log factor first passes 0 upwards in each row of (rows, x); NaN where it does not."""
    found = np.full(len(factors), np.nan)
    with np.errstate(all="ignore"):
        logs = np.log(factors)
    for row, values in enumerate(logs):
        up = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0) & np.isfinite(values[:-1]) & np.isfinite(values[1:]))
        if len(up):
            i = up[0]
            found[row] = x[i] - (x[i + 1] - x[i]) * values[i] / (values[i + 1] - values[i])
    return found
