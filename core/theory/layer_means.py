"""Variances and gradient factors by layer, as mean field theory expects them and as one network has them.

With y^l the output of layer l and B^l the squared gradient at it, both summed over units and averaged over samples,

    q^{l+1} = sigma_w^2 E (y^l)^2 + sigma_b^2,      E|delta^l|^2 = E[phi'(u)^2] B^l / v^l,
    B^{l-1} = sigma_w^2 E|delta^l|^2  (+ B^l where layer l is residual),      u ~ N(0, q^l / v^l)

with v^l the variance that normalization divides by, 1 without it. Around a residual layer y^l = y^{l-1} + phi(u), whose
parts are independent in a wide network: E (y^l)^2 = E (y^{l-1})^2 + 2 E y^{l-1} E phi + E phi^2.

With dropout p what stays is divided by 1 - p: a mean of squares, E phi^2 and E phi'^2 alike, by 1 - p once.

Source: Schoenholz et al. 2017, also for dropout; Yang & Schoenholz 2017 for residual layers; Yang et al. 2019 for
batch normalization, here in the limit of a large batch whose samples differ in many directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..engine.training import Data, checked_data, one_blas_thread
from ..families.activations import ACTIVATIONS
from ..families.normalization import EPS
from ..norms import scaled_norm
from ..trace import Snapshot
from .gaussian import LARGEST, moments
from .grams import kernels
from .prediction import layer_gains
from .representatives import evenly_chosen
from .sampled_networks import layer_sigma_b

MAX_SAMPLES = 64  # of a larger batch so many stand for all


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerMeans:
    """Of each layer: q, the mean square of its net input; and chi, what it multiplies the squared delta by going back.

    Attributes:
        q: (layers,), the output's among them; before normalization.
        chi: (hidden layers,): from the layer above to this one.
    """

    q: np.ndarray
    chi: np.ndarray


def expected_means(config: RunConfig, data: Data | None = None) -> LayerMeans:
    """Means over samples and draws that mean field theory expects at initialization; NaN beyond the range of float64.

    Raises:
        ConfigError: as `core.train`.
    """
    arrays = checked_data(config, data)
    widths = (arrays.X.shape[1], *config.hidden, arrays.D.shape[1])
    gains = layer_gains(config, widths)
    sigma_b = layer_sigma_b(config, widths)
    X = arrays.X[evenly_chosen(arrays.X, arrays.D, MAX_SAMPLES)]
    skips = [config.residual and m == n for m, n in zip(widths[:-2], widths[1:-1], strict=True)]
    with one_blas_thread, np.errstate(all="ignore"):
        q, slope2 = _forward(config, gains, sigma_b, X, skips)
        # of delta^2 and B, the latter relative to delta^2 of its layer
        log_delta = [0.0]
        upstream = 0.0
        for layer in range(len(skips) - 1, -1, -1):
            above = layer + 1 < len(skips) and skips[layer + 1]
            B = gains[layer + 1] + (upstream if above else 0.0)
            log_delta.append(np.log(slope2[layer] * B))
            upstream = 1 / slope2[layer]
        chi = np.exp(log_delta[:0:-1])
    return LayerMeans(q=np.where(np.isfinite(q), q, np.nan), chi=np.where(np.isfinite(chi), chi, np.nan))


def _forward(
    config: RunConfig, gains: Sequence[float], sigma_b: list[float], X: np.ndarray, skips: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray]:
    """(q, E phi'^2 / v), (layers,) and (hidden layers,)."""
    q = np.full(len(gains), np.nan)
    slope2 = np.full(len(skips), np.nan)
    batch = config.normalization == "batch"
    second = X @ X.T / X.shape[1]
    mean = X.mean(axis=1)
    if not batch:
        second = np.diag(second).copy()
    for layer, gain in enumerate(gains):
        K = gain * second + sigma_b[layer] * sigma_b[layer]
        q[layer] = np.mean(np.diag(K) if batch else K)
        if layer == len(skips) or not q[layer] <= LARGEST:
            break
        if batch:
            K = K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
            variance = np.trace(K) / len(K) + EPS
            K = K / variance
            np.fill_diagonal(K, np.maximum(np.diag(K), 0))
            at = moments(config.activations[layer], np.diag(K))
            value, _ = kernels(ACTIVATIONS[config.activations[layer]], K)
        else:
            variance = K + EPS if config.normalization == "layer" else np.ones_like(K)
            at = moments(config.activations[layer], K / variance)
            value = at.second
        keep = 1 - config.dropout
        slope2[layer] = np.mean(at.slope2 / variance) / keep
        value = np.asarray(value)
        if batch:
            value[np.diag_indices_from(value)] /= keep
        else:
            value = value / keep
        if skips[layer]:
            cross = np.outer(mean, at.mean) + np.outer(at.mean, mean) if batch else 2 * mean * at.mean
            second = second + value + cross
            mean = mean + at.mean
        else:
            second = value
            mean = np.asarray(at.mean)
    return q, slope2


def measured_means(snapshot: Snapshot) -> LayerMeans:
    """The same of one network: means over samples and units, and |delta|^2 of neighbors."""
    with np.errstate(all="ignore"):
        q = np.array([np.mean(np.square(net, dtype=float)) for net in snapshot.net])
        logs = 2 * np.log([scaled_norm(delta) for delta in snapshot.delta])
        return LayerMeans(q=q, chi=np.exp(logs[:-1] - logs[1:]))
