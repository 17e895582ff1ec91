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


@dataclass(frozen=True, kw_only=True)
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
        pytorch: phi(net) as an expression of an exported script.
        monotone: whether phi' is nowhere negative.
        piecewise_slopes: (slope below 0, slope above) where phi is these two rays and no more, else None.
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
            name="linear",
            label="linear",
            formula=r"\varphi(z) = z",
            forward=_linear,
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
            forward=_sigmoid,
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
            forward=_tanh,
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
            forward=_relu,
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
            forward=_leaky_relu,
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
            forward=_elu,
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
            forward=_selu,
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
            forward=_gelu,
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
            forward=_silu,
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
            forward=_softplus,
            curvature=_bell,
            sup_slope=1.0,
            kinks=(),
            recommended=("glorot_normal", 1.0),
            source="Dugas et al. 2001",
            pytorch="torch.nn.functional.softplus(net, threshold=40)",  # beyond 40 it is net to the last digit
        ),
    )
}
