"""phi and phi' of every activation by the book, in mpmath numbers; written again here so that a slip shows."""

import mpmath

from core.families.activations import SELU_ALPHA, SELU_SCALE


def normal_cdf(z):
    return mpmath.mpf(z > 0) if abs(z) > 1000 else mpmath.erfc(-z / mpmath.sqrt(2)) / 2  # erfc overflows at 1e300


EXACT = {
    "linear": (lambda z: z, lambda z: mpmath.mpf(1)),
    "sigmoid": (lambda z: 1 / (1 + mpmath.exp(-z)), lambda z: mpmath.exp(-z) / (1 + mpmath.exp(-z)) ** 2),
    "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2),
    "relu": (lambda z: max(z, mpmath.mpf(0)), lambda z: mpmath.mpf(z > 0)),
    "leaky_relu": (
        lambda z: z if z > 0 else mpmath.mpf(0.01) * z,
        lambda z: mpmath.mpf(1) if z > 0 else mpmath.mpf(0.01),
    ),
    "elu": (lambda z: z if z > 0 else mpmath.expm1(z), lambda z: mpmath.mpf(1) if z > 0 else mpmath.exp(z)),
    "selu": (
        lambda z: mpmath.mpf(SELU_SCALE) * (z if z > 0 else mpmath.mpf(SELU_ALPHA) * mpmath.expm1(z)),
        lambda z: mpmath.mpf(SELU_SCALE) * (1 if z > 0 else mpmath.mpf(SELU_ALPHA) * mpmath.exp(z)),
    ),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: normal_cdf(z) + z * mpmath.npdf(z)),
    "silu": (
        lambda z: z / (1 + mpmath.exp(-z)),
        lambda z: 1 / (1 + mpmath.exp(-z)) + z * mpmath.exp(-z) / (1 + mpmath.exp(-z)) ** 2,
    ),
    "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), lambda z: 1 / (1 + mpmath.exp(-z))),
}
