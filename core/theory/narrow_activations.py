"""Activations of drawn networks in float32: value and slope to a few units of its last place, 16 numbers at once.

The engine's formulas (`core.families.activations`) are computed in float64, which takes five times as long. What a
drawn network loses here is far below what float32 loses in its sums.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..compiled.cache import compiled, scalar
from ..families.activations import LEAK, SELU_SCALE, SELU_SLOPE

_F = np.float32
ZERO = _F(0)
ONE_HALF = _F(0.5)
ONE = _F(1)
TWO = _F(2)
FOUR = _F(4)
NARROW_LEAK = _F(LEAK)
NARROW_SELU_SCALE = _F(SELU_SCALE)
NARROW_SELU_SLOPE = _F(SELU_SLOPE)
LARGEST_TAIL = _F(13)  # beyond, the normal tail is below the smallest float32

# as in core.compiled.elementary, for 24 bits
SHIFT = _F(1.5 * 2.0**23)
SHIFT_BITS = 0x4B400000  # the bits of SHIFT
LOWEST = _F(-87)  # below, an exponential is as good as 0
LOG2_E = _F(1.4426950408889634)
LN_2_HIGH = _F(0.693359375)  # 9 bits: its product with k is exact
LN_2_LOW = _F(-2.12194440e-4)
LN_2 = _F(0.6931471805599453)
INVERSE_ROOT_TAU = _F(0.3989422804014327)
T2 = _F(1 / 2)
T3 = _F(1 / 6)
T4 = _F(1 / 24)
T5 = _F(1 / 120)
T6 = _F(1 / 720)
T7 = _F(1 / 5040)
ARTANH_3 = _F(1 / 3)
ARTANH_5 = _F(1 / 5)
ARTANH_7 = _F(1 / 7)
ARTANH_9 = _F(1 / 9)
ROOT_2_LESS_1 = _F(0.41421356)
THREE = _F(3)
# (1 + a) Phi(-a) / exp(-a^2 / 2) as a polynomial of t = (a - 3) / (a + 3), 0 <= a <= 13, to 3e-08: interpolation at the
# Chebyshev nodes.
M0 = _F(0.486055785)
M1 = _F(-0.0965268691)
M2 = _F(-0.016431608)
M3 = _F(0.0451672288)
M4 = _F(-0.0227349993)
M5 = _F(0.00113216495)
M6 = _F(0.00301671579)
M7 = _F(-0.000261557907)
M8 = _F(-0.000474746345)
M9 = _F(-7.98132791e-05)


@intrinsic
def _power_of_two(typing_context, shifted):
    """2^k from SHIFT + k, -126 <= k <= 127."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        exponent = builder.sub(bits, ir.Constant(word, SHIFT_BITS - 127))
        return builder.bitcast(builder.shl(exponent, ir.Constant(word, 23)), ir.FloatType())

    return types.float32(types.float32), generate


@scalar
def _exponential(x):
    """(2^k, exp(r) - 1) with x = k ln 2 + r, for x <= 0: at -87 for what is below; NaN for NaN."""
    x = LOWEST if x < LOWEST else x
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    r = (x - k * LN_2_HIGH) - k * LN_2_LOW
    s = r * r
    return _power_of_two(shifted), r + s * ((T3 * r + T2) + s * ((T5 * r + T4) + s * (T7 * r + T6)))


@scalar
def _falling_exp(x):
    """exp(x) for x <= 0, as 0 below -87."""
    power, rest = _exponential(x)
    return power + power * rest if x > LOWEST or x != x else ZERO


@scalar
def _expm1(x):
    """(exp(x), exp(x) - 1) for x <= 0."""
    power, rest = _exponential(x)
    return power + power * rest, (power - ONE) + power * rest


@scalar
def _linear(z):
    return z, (ONE if z == z else z)


@scalar
def _sigmoid(z):
    u = _falling_exp(-abs(z))
    inverse = ONE / (ONE + u)
    return (inverse if z > ZERO else u * inverse), u * inverse * inverse


@scalar
def _tanh(z):
    u, m = _expm1(-TWO * abs(z))
    inverse = ONE / (TWO + m)
    value = -m * inverse
    return (value if z > ZERO else -value), FOUR * u * inverse * inverse


@scalar
def _relu(z):
    return (ZERO if z <= ZERO else z), (ZERO if z <= ZERO else (ONE if z == z else z))


@scalar
def _leaky_relu(z):
    return (NARROW_LEAK * z if z <= ZERO else z), (NARROW_LEAK if z <= ZERO else (ONE if z == z else z))


@scalar
def _elu(z):
    u, m = _expm1(z if z < ZERO else ZERO)
    return (m if z < ZERO else z), (u if z < ZERO else (ONE if z == z else z))


@scalar
def _selu(z):
    u, m = _expm1(z if z < ZERO else ZERO)
    value = NARROW_SELU_SLOPE * m if z < ZERO else NARROW_SELU_SCALE * z
    return value, (NARROW_SELU_SLOPE * u if z <= ZERO else (NARROW_SELU_SCALE if z == z else z))


@scalar
def _gelu(z):
    # as in the engine's formula: Phi(-a) = E m, and phi' is E (m - a / sqrt(2 pi)) below 0, 1 less that above
    a = LARGEST_TAIL if abs(z) > LARGEST_TAIL else abs(z)
    e = _falling_exp(-ONE_HALF * a * a)
    t = (a - THREE) / (a + THREE)
    q = (((((M9 * t + M8) * t + M7) * t + M6) * t + M5) * t + M4) * t + M3
    q = ((q * t + M2) * t + M1) * t + M0
    m = q / (ONE + a)
    slope = e * (m - a * INVERSE_ROOT_TAU)
    tail = e * m
    return (z * (ONE - tail) if z > ZERO else -a * tail), (ONE - slope if z > ZERO else slope) + (z - z)


@scalar
def _silu(z):
    u = _falling_exp(-abs(z))
    inverse = ONE / (ONE + u)
    share = inverse if z > ZERO else u * inverse
    top = ONE + u + z * u if z > ZERO else ((ONE + z) + u) * u
    return z * share, top * inverse * inverse


@scalar
def _softplus(z):
    e = _falling_exp(-abs(z))
    large = e > ROOT_2_LESS_1
    f = ONE_HALF * (e - ONE) if large else e  # 1 + e = 2 (1 + f)
    s = f / (TWO + f)
    q = s * s
    log = TWO * s * (ONE + q * (ARTANH_3 + q * (ARTANH_5 + q * (ARTANH_7 + q * ARTANH_9))))
    return (LN_2 + log if large else log) + (z if z > ZERO else ZERO), _sigmoid(z)[0]


@numba.njit(error_model="numpy", forceinline=True)
def _each(point, net, value, slope):
    for n in range(net.shape[0]):
        value[n], slope[n] = point(np.float32(net[n]))


@compiled
def activate_narrow(code, net, value, slope):
    """phi(net) and phi'(net), (numbers,) each.

    Args:
        code: the member, of ACTIVATION_CODES.
        value, slope: written.
    """
    if code == 0:
        _each(_linear, net, value, slope)
    elif code == 1:
        _each(_sigmoid, net, value, slope)
    elif code == 2:
        _each(_tanh, net, value, slope)
    elif code == 3:
        _each(_relu, net, value, slope)
    elif code == 4:
        _each(_leaky_relu, net, value, slope)
    elif code == 5:
        _each(_elu, net, value, slope)
    elif code == 6:
        _each(_selu, net, value, slope)
    elif code == 7:
        _each(_gelu, net, value, slope)
    elif code == 8:
        _each(_silu, net, value, slope)
    elif code == 9:
        _each(_softplus, net, value, slope)
