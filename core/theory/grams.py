"""Batches of inputs: averages over pairs of samples, layer by layer, and the gradient norm that follows without a fit.

    K^1 = sigma_w^2 X X^T / n_0 + sigma_b^2,       K^{l+1} = sigma_w^2 Y^l + sigma_b^2,   Y^l = E[phi(u_n) phi(u_m)]
    Q^l = sigma_w^2 E[phi'(u_n) phi'(u_m)] Q^{l+1},       E|dE/dW^l|_F^2 = (1/N^2) sum_nm Q^l_nm n_{l-1} Y^{l-1}_nm

with u ~ N(0, K^l) and Q^L the products delta_n . delta_m at the output. Source: Schoenholz et al. 2017 for one sample;
Yang & Schoenholz 2017 for pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from ..families.activations import Activation
from .correlations import arc_cosine
from .gaussian import LARGEST, NODES, WEIGHTS, gaussian_nodes, member, scale, sizes

# Hermite terms computed at once, and at most
BLOCK = 16
MAX_TERMS = 256
SMALL = 1e-10  # share of E phi^2 that terms left out may hold; their size is known, only their fall with c guessed
# Nodes for all samples at once: panels as narrow near 0 as the bend of a wide bell needs.
_EDGES = np.concatenate([[0], np.geomspace(0.01, 0.32, 6), np.arange(0.5, 12.01, 0.5)])
_HALF = np.diff(_EDGES)[:, None] / 2
_RIGHT = (_EDGES[:-1, None] + _HALF * (1 + NODES)).ravel()
Z = np.concatenate([-_RIGHT[::-1], _RIGHT])
_MASS = (_HALF * WEIGHTS).ravel() * np.exp(-_RIGHT * _RIGHT / 2) / math.sqrt(2 * math.pi)
MASS = np.concatenate([_MASS[::-1], _MASS])


def kernels(phi: Activation, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E[phi(u_n) phi(u_m)], E[phi'(u_n) phi'(u_m)]), each (N, N), for u ~ N(0, K).

    Mehler's formula: with c = K_nm / sqrt(K_nn K_mm) it is sum_k a_nk a_mk c^k, a_nk the Hermite coefficients of
    z -> phi(sqrt(K_nn) z). What a kink at 0 contributes comes in closed form, since its terms fall off slowly; the
    rest of the sum is closed at c = 1, where it is a moment.

    Args:
        K: (N, N) covariance.
    """
    q = np.diag(K).copy()
    psd_sqrt = np.sqrt(q)
    with np.errstate(divide="ignore", invalid="ignore"):
        c = np.where(np.outer(psd_sqrt, psd_sqrt) > 0, K / np.outer(psd_sqrt, psd_sqrt), 0.0)
    np.clip(c, -1.0, 1.0, out=c)
    np.fill_diagonal(c, 1.0)
    if phi.piecewise_slopes is not None:
        value, slope = arc_cosine(phi.piecewise_slopes, c)
        return np.outer(psd_sqrt, psd_sqrt) * value, slope
    tiny = np.finfo(float).tiny
    left, right = phi.slope(np.array([-tiny, tiny]))
    piecewise_slopes = float(left), float(right)  # the kink at 0, where there is one
    bent = piecewise_slopes[0] != piecewise_slopes[1]
    _, u, w = gaussian_nodes(phi, q)
    at_nodes = phi.evaluate(u)
    spread = phi.evaluate(np.maximum(psd_sqrt, tiny)[:, None] * Z)
    ones = np.ones_like(psd_sqrt)
    kinks = (
        _Kink(
            np.where(Z < 0, *piecewise_slopes) * Z,
            psd_sqrt,
            *(arc_cosine(piecewise_slopes, x)[0] for x in (c, 1.0, -1.0)),
        ),
        _Kink(np.where(Z < 0, *piecewise_slopes), ones, *(arc_cosine(piecewise_slopes, x)[1] for x in (c, 1.0, -1.0))),
    )
    values, slopes = (
        _series(spread[i], (w * f * f).sum(axis=1), (w * f * f[:, ::-1]).sum(axis=1), c, kinks[i] if bent else None)
        for i, f in enumerate(at_nodes)
    )
    return values, slopes


@dataclass(frozen=True)
class _Kink:
    """The part of a function that is two rays, or their slopes: at Z, its size a sample, its averages at c, 1, -1."""

    values: np.ndarray
    size: np.ndarray
    closed: np.ndarray
    same: np.ndarray
    opposite: np.ndarray


def _series(
    values: np.ndarray, same: np.ndarray, opposite: np.ndarray, c: np.ndarray, kink: _Kink | None
) -> np.ndarray:
    """sum_k a_nk a_mk c^k, (N, N), of functions whose values at Z are (N, nodes).

    Args:
        same, opposite: (N,) what the sum is at c = 1 and c = -1.
    """
    weighted = values * MASS
    total = np.zeros_like(c)
    power = np.ones_like(c)
    # what the terms of either parity have still to give
    even = (same + opposite) / 2
    odd = (same - opposite) / 2
    if kink is not None:
        total += np.outer(kink.size, kink.size) * kink.closed
        even = even - kink.size**2 * (kink.same + kink.opposite) / 2
        odd = odd - kink.size**2 * (kink.same - kink.opposite) / 2
    before = np.zeros_like(Z)
    now = np.ones_like(Z)
    for start in range(0, MAX_TERMS, BLOCK):
        polynomials = np.empty((BLOCK, len(Z)))
        for k in range(start, start + BLOCK):
            polynomials[k - start] = now
            before, now = now, (Z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
        a = weighted @ polynomials.T
        h = np.outer(kink.size, (kink.values * MASS) @ polynomials.T) if kink is not None else np.zeros_like(a)
        for k in range(BLOCK):
            terms = np.outer(a[:, k], a[:, k])
            if kink is not None:
                terms -= np.outer(h[:, k], h[:, k])
            terms *= power
            total += terms
            power *= c
        contributions = a * a - h * h
        even = even - contributions[:, ::2].sum(axis=1)
        odd = odd - contributions[:, 1::2].sum(axis=1)
        if (np.abs(even) + np.abs(odd) <= SMALL * same).all():
            break
    # What is left is known at c = 1 and -1, and falls off between them like the first terms left out.
    for part, fall in ((even, power), (odd, power * c)):
        size = np.sqrt(np.maximum(part, 0.0))
        total += np.outer(size, size) * fall
    np.fill_diagonal(total, same)
    return total


@dataclass(frozen=True, kw_only=True)
class Grams:
    """Moments of a batch of N samples in every layer, from the recursions.

    Attributes:
        K: for each layer, the output's among them, (N, N) covariance of net inputs.
        Y: for each layer's input, (N, N) E[y_n y_m], a mean over units: X X^T / n_0 first.
        slopes: for each hidden layer, (N, N) E[phi'(u_n) phi'(u_m)].
        phi, gains, sigma_b: what they were computed for; a gain is fan_in * Var(W), a layer's effective sigma_w^2.
    """

    K: list[np.ndarray]
    Y: list[np.ndarray]
    slopes: list[np.ndarray]
    phi: Activation
    gains: list[float]
    sigma_b: float


def propagate(phi: Activation, gains: Sequence[float], sigma_b: float, X: np.ndarray) -> Grams:
    """The recursions forward.

    Args:
        gains: for each layer fan_in * Var(W), its effective sigma_w^2.
        X: (N, inputs).
    """
    Y = [X @ X.T / X.shape[1]]
    K = []
    found = []
    for layer, gain in enumerate(gains):
        K.append(gain * Y[-1] + sigma_b * sigma_b)
        if layer == len(gains) - 1:
            break
        if not (np.diag(K[-1]) <= LARGEST).all():  # nothing more can be said
            K += [np.full_like(K[-1], np.inf)] * (len(gains) - 1 - layer)
            break
        if layer and np.allclose(K[-1], K[-2], rtol=1e-13, atol=0):  # at rest: what follows is the same
            value = Y[-1]
            slopes = found[-1]
        else:
            value, slopes = kernels(phi, K[-1])
        Y.append(value)
        found.append(slopes)
    return Grams(K=K, Y=Y, slopes=found, phi=phi, gains=list(gains), sigma_b=sigma_b)


def backward_products(grams: Grams) -> tuple[list[np.ndarray], np.ndarray]:
    """For each layer P (N, N) with Q^l = P Q^L entry by entry, scaled to a largest entry of 1; and ln of the scales.

    Scaled, because the product over hundreds of layers leaves the range of a float64 where its root does not.
    """
    products = [np.ones_like(grams.Y[0])]
    logs = [0.0]
    for slopes, gain in zip(grams.slopes[::-1], grams.gains[:0:-1], strict=True):
        product = products[-1] * slopes * gain
        largest = np.abs(product).max()
        products.append(product / largest if largest > 0 else product)
        logs.append(logs[-1] + (math.log(largest) if largest > 0 else -math.inf))
    return products[::-1], np.array(logs[::-1])


def gradient_norms(
    activation: str,
    sigma_w: float,
    sigma_b: float,
    widths: Sequence[int],
    X: np.ndarray,
    output_gram: np.ndarray,
) -> np.ndarray:
    """E|dE/dW^l|_F^2 of the mean over the batch, (layers,), for a network with a linear output, at initialization.

    Args:
        widths: (inputs, *hidden, outputs).
        X: (N, inputs).
        output_gram: (N, N), delta_n . delta_m at the output, each delta of one sample, without the 1/N.

    Raises:
        ConfigError: an unknown activation; a scale that is negative or not finite; sizes that do not fit.

    Source: module docstring.
    """
    phi = member(activation)
    sigma_w = scale("sigma_w", sigma_w)
    sigma_b = scale("sigma_b", sigma_b)
    widths = sizes("widths", widths, 2)
    X = matrix("X", X)
    output_gram = matrix("output_gram", output_gram)
    if X.shape[1] != widths[0]:
        raise ConfigError("X", X.shape, f"it must have {widths[0]} columns, one for each input")
    if output_gram.shape != (len(X), len(X)):
        raise ConfigError("output_gram", output_gram.shape, f"it must be {len(X)} by {len(X)}, one for each pair")
    grams = propagate(phi, [sigma_w**2] * (len(widths) - 1), sigma_b, X)
    products, logs = backward_products(grams)
    sums = [n * (P * Y * output_gram).sum() for n, P, Y in zip(widths, products, grams.Y, strict=False)]
    return np.array(sums) * np.exp(logs) / len(X) ** 2


def matrix(field: str, value: np.ndarray) -> np.ndarray:
    """A finite float64 matrix with at least one row and column.

    Raises:
        ConfigError: it is something else.
    """
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise ConfigError(field, value, "it must be a matrix of numbers") from None
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise ConfigError(field, array.shape, "it must be a matrix of finite numbers with at least one row and column")
    return array
