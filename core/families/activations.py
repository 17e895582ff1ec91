"""Activations: value and slope in one pass, into buffers that the caller owns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SLOPE = SELU_SCALE * SELU_ALPHA  # slope just below 0, the largest it takes
LEAK = 0.01


@dataclass(frozen=True)
class Activation:
    """One activation phi.

    Attributes:
        name, label: as in RunConfig, and as a reader sees it.
        formula: LaTeX.
        forward: (net, out, slope, scratch) -> None; writes phi(net) to `out` and phi'(net) to `slope`. All four have
            one shape and dtype and overlap nowhere; only `scratch` may be overwritten besides.
        curvature: net -> phi''(net), a new array; 0 almost everywhere for those made of straight pieces. At a kink it
            is the left value, as the slope is.
        sup_slope: the supremum of |phi'|.
        kinks: where phi' jumps (finite differences and quadrature stay away from them).
        recommended: (init, init_scale) that keeps gradients level, as far as one does.
        source: where it comes from.
    """

    name: str
    label: str
    formula: str
    forward: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]
    curvature: Callable[[np.ndarray], np.ndarray]
    sup_slope: float
    kinks: tuple[float, ...]
    recommended: tuple[str, float]
    source: str
    monotone: bool = True  # whether phi' is nowhere negative
    piecewise_slopes: tuple[float, float] | None = (
        None  # (slope below 0, slope above), where phi is these two rays and no more
    )

    def __call__(self, net: np.ndarray) -> np.ndarray:
        """phi(net), as a new array."""
        return self.evaluate(net)[0]

    def slope(self, net: np.ndarray) -> np.ndarray:
        """phi'(net), as a new array."""
        return self.evaluate(net)[1]

    def evaluate(self, net: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(phi(net), phi'(net)), both new; integers are taken as float64."""
        work = np.array(net, dtype=np.result_type(net, np.float32), order="C")
        out, slope, scratch = np.empty_like(work), np.empty_like(work), np.empty_like(work)
        with np.errstate(all="ignore"):
            self.forward(work, out, slope, scratch)
        return out, slope


def _linear(net, out, slope, scratch):
    np.copyto(out, net)
    slope.fill(1)


def logistic(net: np.ndarray, out: np.ndarray) -> None:
    """S(z) = 1 / (1 + exp(-z)) into `out`; exact in both tails, since exp(-z) = inf gives 0."""
    np.negative(net, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _sigmoid(net, out, slope, scratch):
    logistic(net, out)
    np.subtract(1, out, out=slope)
    slope *= out


def _tanh(net, out, slope, scratch):
    np.tanh(net, out=out)
    np.multiply(out, out, out=slope)
    np.subtract(1, slope, out=slope)


def _relu(net, out, slope, scratch):
    zeros = _zeros(net)
    np.maximum(net, zeros, out=out)
    _positive(net, zeros, slope, scratch)


def _leaky_relu(net, out, slope, scratch):
    np.multiply(net, LEAK, out=scratch)
    np.maximum(net, scratch, out=out)
    _positive(net, _zeros(net), slope, scratch)
    slope *= 1 - LEAK
    slope += LEAK


def _elu(net, out, slope, scratch):
    np.minimum(net, _zeros(net), out=scratch)
    np.expm1(scratch, out=out)
    np.add(out, 1, out=slope)
    np.maximum(net, _zeros(net), out=scratch)
    out += scratch


def _selu(net, out, slope, scratch):
    # slope is scale above 0 and scale * alpha * exp(z) below; at 0 itself the left value, as PyTorch has it
    np.minimum(net, _zeros(net), out=scratch)
    np.expm1(scratch, out=out)
    np.add(out, 1, out=slope)
    slope *= SELU_SLOPE
    out *= SELU_SLOPE
    np.maximum(net, _zeros(net), out=scratch)
    scratch *= SELU_SCALE
    out += scratch
    np.sign(scratch, out=scratch)
    scratch *= SELU_SLOPE - SELU_SCALE
    slope -= scratch


def _gelu(net, out, slope, scratch):
    ndtr(net, out=scratch)
    np.multiply(net, net, out=slope)
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / math.sqrt(2 * math.pi)
    slope *= net
    slope += scratch
    np.multiply(net, scratch, out=out)


def _silu(net, out, slope, scratch):
    # slope = S + z S (1 - S)
    logistic(net, scratch)
    np.multiply(net, scratch, out=out)
    np.subtract(1, scratch, out=slope)
    slope *= out
    slope += scratch


def _softplus(net, out, slope, scratch):
    np.logaddexp(net, 0, out=out)
    logistic(net, slope)


def _straight(net):
    return np.zeros_like(net)


def _bell(net):
    """S(z) S(-z), the slope of the logistic function: both factors keep their digits where 1 - S would lose them."""
    rising, falling = np.empty_like(net), np.empty_like(net)
    with np.errstate(over="ignore"):
        logistic(net, rising)
        logistic(-net, falling)
    return rising * falling


def _sigmoid_curvature(net):
    return -_bell(net) * np.tanh(net / 2)  # 1 - 2 S(z) = -tanh(z / 2)


def _tanh_curvature(net):
    return -2 * np.tanh(net) / np.cosh(np.clip(net, -350, 350)) ** 2  # 1 - tanh^2 would lose its digits


def _elu_curvature(net):
    return np.where(net > 0, 0, np.exp(np.minimum(net, 0)))


def _selu_curvature(net):
    return SELU_SLOPE * _elu_curvature(net)


def _gelu_curvature(net):
    squared = np.square(np.clip(net, -40, 40))  # beyond 40 the density is below the smallest float
    return (2 - squared) * np.exp(-squared / 2) / math.sqrt(2 * math.pi)


def _silu_curvature(net):
    return _bell(net) * (2 - net * np.tanh(net / 2))


def _positive(net, zeros, out, scratch):
    """1 where net > 0, else 0, into `out`: through bytes in `scratch`, half the time of np.sign or a mixed compare."""
    flags = scratch.reshape(-1).view(np.uint8)[: net.size].reshape(net.shape)
    np.greater(net, zeros, out=flags.view(bool))
    np.copyto(out, flags)


_ZEROS = {char: np.zeros(1 << 20, char) for char in "fd"}  # pages never touched for writing cost no memory


def _zeros(like: np.ndarray) -> np.ndarray | float:
    """Zeros of that shape: np.maximum(z, zeros) is 3 to 4 times faster than np.maximum(z, 0)."""
    return _ZEROS[like.dtype.char][: like.size].reshape(like.shape) if like.size <= 1 << 20 else 0.0


ACTIVATIONS: dict[str, Activation] = {
    member.name: member
    for member in (
        Activation(
            "linear",
            "linear",
            r"\varphi(z) = z",
            _linear,
            _straight,
            1.0,
            (),
            ("normal", 1.0),
            "the identity",
            piecewise_slopes=(1.0, 1.0),
        ),
        Activation(
            "sigmoid",
            "sigmoid",
            r"\varphi(z) = \frac{1}{1 + e^{-z}}",
            _sigmoid,
            _sigmoid_curvature,
            0.25,
            (),
            ("glorot_normal", 4.0),
            "the logistic function; Glorot & Bengio 2010 for its initialization",
        ),
        Activation(
            "tanh",
            "tanh",
            r"\varphi(z) = \tanh z",
            _tanh,
            _tanh_curvature,
            1.0,
            (),
            ("glorot_normal", 1.0),
            "Glorot & Bengio 2010",
        ),
        Activation(
            "relu",
            "ReLU",
            r"\varphi(z) = \max(z, 0)",
            _relu,
            _straight,
            1.0,
            (0.0,),
            ("he_normal", 1.0),
            "Nair & Hinton 2010; He et al. 2015 for its initialization",
            piecewise_slopes=(0.0, 1.0),
        ),
        Activation(
            "leaky_relu",
            "leaky ReLU",
            r"\varphi(z) = \max(z, 0.01 z)",
            _leaky_relu,
            _straight,
            1.0,
            (0.0,),
            ("he_normal", 1.0),
            "Maas et al. 2013",
            piecewise_slopes=(LEAK, 1.0),
        ),
        Activation(
            "elu",
            "ELU",
            r"\varphi(z) = z \;(z > 0),\; e^z - 1 \;(z \le 0)",
            _elu,
            _elu_curvature,
            1.0,
            (),
            ("lecun_normal", 1.0),
            "Clevert et al. 2016, alpha = 1",
        ),
        Activation(
            "selu",
            "SELU",
            r"\varphi(z) = 1.0507\, z \;(z > 0),\; 1.7581\,(e^z - 1) \;(z \le 0)",
            _selu,
            _selu_curvature,
            SELU_SLOPE,
            (0.0,),
            ("lecun_normal", 1.0),
            "Klambauer et al. 2017",
        ),
        Activation(
            "gelu",
            "GELU",
            r"\varphi(z) = z\,\Phi(z)",
            _gelu,
            _gelu_curvature,
            1.128904145185155,  # at z = sqrt 2, where phi'' = (2 - z^2) pdf(z) = 0
            (),
            ("he_normal", 1.0),
            "Hendrycks & Gimpel 2016, the exact form",
            monotone=False,
        ),
        Activation(
            "silu",
            "SiLU",
            r"\varphi(z) = \frac{z}{1 + e^{-z}}",
            _silu,
            _silu_curvature,
            1.0998393201288668,
            (),
            ("he_normal", 1.0),
            "Elfwing et al. 2018; Ramachandran et al. 2017 as Swish",
            monotone=False,
        ),
        Activation(
            "softplus",
            "softplus",
            r"\varphi(z) = \ln(1 + e^z)",
            _softplus,
            _bell,
            1.0,
            (),
            ("glorot_normal", 1.0),
            "Dugas et al. 2001",
        ),
    )
}
