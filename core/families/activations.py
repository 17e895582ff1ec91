"""Activations: each written once, as the formula of its value and its slope at one number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numba
import numpy as np

from ..choices import ActivationName, InitName
from ..compiled.cache import compiled, scalar
from ..compiled.elementary import (
    INVERSE_ROOT_TAU,
    corrected,
    exp_and_expm1,
    falling_exp,
    falling_parts,
    interleave_loops,
    log1p,
    normal_tail,
)

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SLOPE = SELU_SCALE * SELU_ALPHA  # slope just below 0, the largest it takes
LEAK = 0.01


class ValueAndSlope(Protocol):
    """(phi(z), phi'(z)) of one float64, compiled.

    Right to 2 units in the last place (gelu 5) wherever it is representable, NaN for NaN, and without a branch, so that
    several numbers are taken at once. Where a slope passes through 0 its error is that of the terms which cancel there.
    """

    def __call__(self, z: float, /) -> tuple[float, float]: ...


class Curvature(Protocol):
    """phi''(net) of an array of any shape, as a new array of that shape.

    It is 0 almost everywhere for activations made of straight pieces. At a kink it is the left value, as the slope is.
    """

    def __call__(self, net: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class Activation:
    """One activation phi.

    Attributes:
        name, label: as in RunConfig, and as a reader sees it.
        formula: LaTeX.
        point: value and slope at one number.
        curvature: the second derivative.
        sup_slope: the supremum of |phi'|.
        kinks: where phi' jumps (finite differences and quadrature stay away from them).
        recommended: (init, init_scale) that keeps gradients level, as far as one does.
        source: where it comes from.
        pytorch: phi(net) as an expression of an exported script.
        monotone: whether phi' is nowhere negative.
        piecewise_slopes: (slope below 0, slope above) where phi is these two rays and no more, else None.
    """

    name: ActivationName
    label: str
    formula: str
    point: ValueAndSlope
    curvature: Curvature
    sup_slope: float
    kinks: tuple[float, ...]
    recommended: tuple[InitName, float]
    source: str
    pytorch: str
    monotone: bool = True
    piecewise_slopes: tuple[float, float] | None = None

    def __call__(self, net: np.ndarray) -> np.ndarray:
        """phi(net), as a new array."""
        return self.evaluate(net)[0]

    def slope(self, net: np.ndarray) -> np.ndarray:
        """phi'(net), as a new array."""
        return self.evaluate(net)[1]

    def evaluate(self, net: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(phi(net), phi'(net)), both new; integers are taken as float64."""
        dtype = np.float32 if np.asarray(net).dtype == np.float32 else np.float64
        given = np.array(net, dtype, order="C")  # copied: what is read-only would be compiled for once more
        value = np.empty_like(given)
        slope = np.empty_like(given)
        self.evaluate_into(given, value, slope)
        return value.reshape(np.shape(net)), slope.reshape(np.shape(net))

    def evaluate_into(self, net: np.ndarray, value: np.ndarray, slope: np.ndarray) -> None:
        """Writes phi(net) and phi'(net); all three are C-ordered arrays of one shape and dtype, none read-only."""
        row = (1, net.size)
        low = np.empty(1, np.int64)
        activate(ACTIVATION_CODES[self.name], net.reshape(row), value.reshape(row), slope.reshape(row), low, 0.0)


@scalar
def linear(z):
    return z, (1.0 if z == z else z)


@scalar
def sigmoid(z):
    # S(z) = 1 / (1 + exp(-z)) = exp(z) / (1 + exp(z)), by whichever exponential e is small; phi' = e / (1 + e)^2
    e, scale = falling_exp(-abs(z))
    u = e * scale
    bottom = 1 + u
    excess = u * (2 + u)
    square = 1 + excess
    inverse = 1 / square
    value = corrected(1.0 if z > 0 else e, bottom, u - (bottom - 1), bottom * inverse) * (1.0 if z > 0 else scale)
    return value, corrected(e, square, excess - (square - 1), inverse) * scale


@scalar
def tanh(z):
    # with u = exp(-2|z|) = f (1 + p), f a power of two: phi = (1 - u) / (1 + u), phi' = 4 u / (1 + u)^2
    p, f, scale = falling_parts(-2 * abs(z))  # scale is 1 wherever 1 + u is not 1
    w = f * p  # exact
    inverse = 1 / (1 + (f + w))
    # what is missing from 1 / (1 + u), by one step of Newton's; value and slope take it in before they are rounded
    missing = inverse * (((1 - inverse) - inverse * f) - inverse * w)
    top = (1 - f) - w
    value = top * inverse + top * missing
    square = inverse * inverse + (inverse + inverse) * missing
    return math.copysign(value, z), (square + p * square) * f * (4 * scale)


@scalar
def relu(z):
    return (0.0 if z <= 0 else z), (0.0 if z <= 0 else (1.0 if z == z else z))


@scalar
def leaky_relu(z):
    return (LEAK * z if z <= 0 else z), (LEAK if z <= 0 else (1.0 if z == z else z))


@scalar
def elu(z):
    e, scale, m = exp_and_expm1(z if z < 0 else 0.0)
    return (m if z < 0 else z), (e * scale if z < 0 else (1.0 if z == z else z))


@scalar
def selu(z):
    # at 0 itself the left slope, as PyTorch has it
    e, scale, m = exp_and_expm1(z if z < 0 else 0.0)
    value = SELU_SLOPE * m if z < 0 else SELU_SCALE * z
    return value, (SELU_SLOPE * e * scale if z <= 0 else (SELU_SCALE if z == z else z))


@scalar
def gelu(z):
    # Phi(-a) = E m with E = exp(-a^2 / 2); phi' = Phi(z) + z pdf(z) is T = E (m - a / sqrt(2 pi)) below 0, 1 - T above
    a = 40.0 if abs(z) > 40.0 else abs(z)  # above, Phi(-a) is 0 even times a
    e, scale, m = normal_tail(a)
    t = e * (m - a * INVERSE_ROOT_TAU) * scale
    value = z * (1 - e * m * scale) if z > 0 else math.copysign(a * (e * m) * scale, z)
    return value, (1 - t if z > 0 else t)


@scalar
def silu(z):
    # phi' = S(z) (1 + z S(-z)); as in sigmoid, by whichever exponential is small
    e, scale = falling_exp(-abs(z))
    u = e * scale
    bottom = 1 + u
    excess = u * (2 + u)
    square = 1 + excess
    inverse = 1 / square
    bounded = -800.0 if z < -800.0 else z  # below, both are 0
    share = corrected(1.0 if z > 0 else e, bottom, u - (bottom - 1), bottom * inverse)
    value = z * share if z > 0 else bounded * share * scale
    top = bottom + (0.0 if z > 800.0 else z) * u if z > 0 else ((1 + bounded) + u) * e
    return value, corrected(top, square, excess - (square - 1), inverse) * (1.0 if z > 0 else scale)


@scalar
def softplus(z):
    # ln(1 + exp(z)) = max(z, 0) + ln(1 + exp(-|z|)); phi' = S(z)
    e, scale = falling_exp(-abs(z))
    return log1p(e * scale) + (z if z > 0 else 0.0), sigmoid(z)[0]


def _straight(net: np.ndarray) -> np.ndarray:
    return np.zeros_like(net)


def _bell(net: np.ndarray) -> np.ndarray:
    """S(z) S(-z), the slope of the logistic function."""
    return ACTIVATIONS["sigmoid"].slope(net)


def _sigmoid_curvature(net: np.ndarray) -> np.ndarray:
    return -_bell(net) * np.tanh(net / 2)  # 1 - 2 S(z) = -tanh(z / 2)


def _tanh_curvature(net: np.ndarray) -> np.ndarray:
    value, slope = ACTIVATIONS["tanh"].evaluate(net)
    return -2 * value * slope


def _elu_curvature(net: np.ndarray) -> np.ndarray:
    return np.where(net > 0, 0, np.exp(np.minimum(net, 0)))


def _selu_curvature(net: np.ndarray) -> np.ndarray:
    return SELU_SLOPE * _elu_curvature(net)


def _gelu_curvature(net: np.ndarray) -> np.ndarray:
    squared = np.square(np.clip(net, -40, 40))  # beyond 40 the density is below the smallest float
    return (2 - squared) * np.exp(-squared / 2) / math.sqrt(2 * math.pi)


def _silu_curvature(net: np.ndarray) -> np.ndarray:
    return _bell(net) * (2 - net * np.tanh(net / 2))


ACTIVATIONS: dict[str, Activation] = {
    member.name: member
    for member in (
        Activation(
            name="linear",
            label="linear",
            formula=r"\varphi(z) = z",
            point=linear,
            curvature=_straight,
            sup_slope=1.0,
            kinks=(),
            recommended=("normal", 1.0),
            source="the identity",
            piecewise_slopes=(1.0, 1.0),
            pytorch="net",
        ),
        Activation(
            name="sigmoid",
            label="sigmoid",
            formula=r"\varphi(z) = \frac{1}{1 + e^{-z}}",
            point=sigmoid,
            curvature=_sigmoid_curvature,
            sup_slope=0.25,
            kinks=(),
            recommended=("glorot_normal", 4.0),
            source="the logistic function; Glorot & Bengio 2010 for its initialization",
            pytorch="torch.sigmoid(net)",
        ),
        Activation(
            name="tanh",
            label="tanh",
            formula=r"\varphi(z) = \tanh z",
            point=tanh,
            curvature=_tanh_curvature,
            sup_slope=1.0,
            kinks=(),
            recommended=("glorot_normal", 1.0),
            source="Glorot & Bengio 2010",
            pytorch="torch.tanh(net)",
        ),
        Activation(
            name="relu",
            label="ReLU",
            formula=r"\varphi(z) = \max(z, 0)",
            point=relu,
            curvature=_straight,
            sup_slope=1.0,
            kinks=(0.0,),
            recommended=("he_normal", 1.0),
            source="Nair & Hinton 2010; He et al. 2015 for its initialization",
            piecewise_slopes=(0.0, 1.0),
            pytorch="torch.relu(net)",
        ),
        Activation(
            name="leaky_relu",
            label="leaky ReLU",
            formula=r"\varphi(z) = \max(z, 0.01 z)",
            point=leaky_relu,
            curvature=_straight,
            sup_slope=1.0,
            kinks=(0.0,),
            recommended=("he_normal", 1.0),
            source="Maas et al. 2013",
            piecewise_slopes=(LEAK, 1.0),
            pytorch="torch.nn.functional.leaky_relu(net, 0.01)",
        ),
        Activation(
            name="elu",
            label="ELU",
            formula=r"\varphi(z) = z \;(z > 0),\; e^z - 1 \;(z \le 0)",
            point=elu,
            curvature=_elu_curvature,
            sup_slope=1.0,
            kinks=(),
            recommended=("lecun_normal", 1.0),
            source="Clevert et al. 2016, alpha = 1",
            pytorch="torch.nn.functional.elu(net)",
        ),
        Activation(
            name="selu",
            label="SELU",
            formula=r"\varphi(z) = 1.0507\, z \;(z > 0),\; 1.7581\,(e^z - 1) \;(z \le 0)",
            point=selu,
            curvature=_selu_curvature,
            sup_slope=SELU_SLOPE,
            kinks=(0.0,),
            recommended=("lecun_normal", 1.0),
            source="Klambauer et al. 2017",
            pytorch="torch.nn.functional.selu(net)",
        ),
        Activation(
            name="gelu",
            label="GELU",
            formula=r"\varphi(z) = z\,\Phi(z)",
            point=gelu,
            curvature=_gelu_curvature,
            sup_slope=1.128904145185155,  # at z = sqrt 2, where phi'' = (2 - z^2) pdf(z) = 0
            kinks=(),
            recommended=("he_normal", 1.0),
            source="Hendrycks & Gimpel 2016, the exact form",
            monotone=False,
            pytorch="torch.nn.functional.gelu(net)",
        ),
        Activation(
            name="silu",
            label="SiLU",
            formula=r"\varphi(z) = \frac{z}{1 + e^{-z}}",
            point=silu,
            curvature=_silu_curvature,
            sup_slope=1.0998393201288668,
            kinks=(),
            recommended=("he_normal", 1.0),
            source="Elfwing et al. 2018; Ramachandran et al. 2017 as Swish",
            monotone=False,
            pytorch="torch.nn.functional.silu(net)",
        ),
        Activation(
            name="softplus",
            label="softplus",
            formula=r"\varphi(z) = \ln(1 + e^z)",
            point=softplus,
            curvature=_bell,
            sup_slope=1.0,
            kinks=(),
            recommended=("glorot_normal", 1.0),
            source="Dugas et al. 2001",
            pytorch="torch.nn.functional.softplus(net, threshold=40)",  # beyond 40 it is net to the last digit
        ),
    )
}


def describe_activations(activation: str | Sequence[str]) -> str:
    """The label of one activation, or of those of all layers from the input on: "2 × ReLU, tanh"."""
    if isinstance(activation, str):
        return ACTIVATIONS[activation].label
    groups = [(ACTIVATIONS[name].label, len(list(layers))) for name, layers in groupby(activation)]
    return ", ".join(label if count == 1 else f"{count} × {label}" for label, count in groups)


# The number by which compiled code knows a member: its place in the registry.
ACTIVATION_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}


@numba.njit(error_model="numpy", forceinline=True)
def _each(point, net, value, slope, low, threshold):
    for unit in range(net.shape[0]):
        z = net[unit]
        y = value[unit]
        s = slope[unit]
        count = 0
        for n in range(z.shape[0]):
            y[n], s[n] = point(np.float64(z[n]))
            count += abs(s[n]) < threshold
        low[unit] = count
    interleave_loops()


@compiled
def activate(code, net, value, slope, low, threshold):
    """phi(net), phi'(net), and how many |phi'| of each unit are below a threshold, in one pass.

    Args:
        code: the member, of ACTIVATION_CODES.
        net: (units, samples), float64 or float32; formulas are computed in float64 and rounded once.
        value, slope: like net, written.
        low: (units,) whole numbers, written.
        threshold: what |phi'| is compared with.
    """
    if code == 0:
        _each(linear, net, value, slope, low, threshold)
    elif code == 1:
        _each(sigmoid, net, value, slope, low, threshold)
    elif code == 2:
        _each(tanh, net, value, slope, low, threshold)
    elif code == 3:
        _each(relu, net, value, slope, low, threshold)
    elif code == 4:
        _each(leaky_relu, net, value, slope, low, threshold)
    elif code == 5:
        _each(elu, net, value, slope, low, threshold)
    elif code == 6:
        _each(selu, net, value, slope, low, threshold)
    elif code == 7:
        _each(gelu, net, value, slope, low, threshold)
    elif code == 8:
        _each(silu, net, value, slope, low, threshold)
    elif code == 9:
        _each(softplus, net, value, slope, low, threshold)
