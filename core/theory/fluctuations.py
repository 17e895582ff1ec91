"""Variance over networks of finite width of the logarithm of squared gradient norms, around the mean field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .gaussian import gaussian_nodes, member, moment_derivatives, one_variance, scale, sizes
from .variance_map import length_map


def log_variance(
    activation: str, sigma_w: float, sigma_b: float, hidden: Sequence[int], q1: float
) -> tuple[np.ndarray, np.ndarray]:
    """Variance over draws of ln |delta^l|^2 and of ln |dE/dW^l|_F^2, each (hidden layers,), to first order in 1/width.

    One sample, and a fixed delta at the output. A layer of n units takes its means over n draws instead of all, so

        its mean of phi^2 is off by eps,    Var eps = Var(phi^2) / n,
        its factor |delta^l|^2 / (chi |delta^{l+1}|^2) by eta,   Var eta = (3 E phi'^4 / (E phi'^2)^2 - 1) / n,
        Cov(eps, eta) = (E phi^2 phi'^2 - E phi^2 E phi'^2) / (n E phi'^2),

    and eps travels on through the length map: it changes q, and with it chi, of every layer above. For ReLU with
    He's init both variances of a layer are 5 / n (Hanin & Nica 2018), and that of a weight gradient is their sum over
    all hidden layers, whichever layer's gradient it is.

    Args:
        hidden: units of each hidden layer.
        q1: variance of the first layer's net input.

    Returns:
        (delta, weight); NaN where q grows beyond all bounds.

    Raises:
        ConfigError: an unknown activation; a scale or variance that is negative or not finite; sizes below 1.

    Source: Hanin & Nica 2018 for ReLU; the general case is derived here.
    """
    phi = member(activation)
    widths = np.array(sizes("hidden", hidden, 1), float)
    q, _ = length_map(activation, one_variance("q1", q1), sigma_w, sigma_b, len(widths))
    sigma_w = scale("sigma_w", sigma_w)
    layers = len(widths)
    finite = np.isfinite(q)
    at = np.where(finite, q, 1.0)
    _, u, w = gaussian_nodes(phi, at)
    y, slope = phi.evaluate(u)
    second = (w * y**2).sum(axis=1)
    slope2 = (w * slope**2).sum(axis=1)
    off_second = y**2 - second[:, None]
    off_slope2 = slope**2 - slope2[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        eps = (w * off_second**2).sum(axis=1) / widths
        eta = (3 * (w * slope**4).sum(axis=1) / slope2**2 - 1) / widths
        both = (w * off_second * off_slope2).sum(axis=1) / (widths * slope2)
        to_next, to_chi = moment_derivatives(activation, at)
        # dq[l, j]: change of q of layer l by a unit of layer j's eps; layers above j only
        dq = np.zeros((layers + 1, layers))
        for layer in range(layers):
            dq[layer + 1] = sigma_w**2 * to_next[layer] * dq[layer]
            dq[layer + 1, layer] += sigma_w**2
        # ln |delta^l|^2 takes eta and the change of chi of the layers from l on
        from_chi = np.cumsum((to_chi[:, None] * dq[:layers])[::-1], axis=0)[::-1]
        own = np.triu(np.ones((layers, layers)))
        # ln |y^{l-1}|^2: effect of layer l-1's own eps and of its q on its mean of phi^2; the input is fixed
        length = np.zeros((layers, layers))
        length[1:] = (to_next[:-1, None] * dq[: layers - 1] + np.eye(layers)[: layers - 1]) / second[:-1, None]
    if not finite.all():  # a gradient passes every layer above its own
        return np.full(layers, np.nan), np.full(layers, np.nan)
    return _scatter(from_chi, own, eps, eta, both), _scatter(from_chi + length, own, eps, eta, both)


def _scatter(to_eps: np.ndarray, to_eta: np.ndarray, eps: np.ndarray, eta: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Variance of sum_j to_eps[l, j] eps^j + to_eta[l, j] eta^j for every l."""
    return to_eps**2 @ eps + to_eta**2 @ eta + 2 * (to_eps * to_eta) @ both
