"""One network beside its theory: variances and factors by layer, its place in the phase plane, its worst case."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import svds

from ..config import RunConfig
from ..engine.training import Data, checked_data, one_blas_thread
from ..families.activations import ACTIVATIONS
from ..trace import Snapshot
from .correlations import RULE_OF_SIX, Correlation, correlation
from .grams import propagate
from .plane import gradient_factors
from .prediction import layer_gains, representative_subset, unsupported_reason
from .variance_map import attractor

DENSE = 256  # a larger matrix's norm is found by Lanczos
LARGEST_SCALE = 1e6  # beyond, there is no rest to speak of


@dataclass(frozen=True, eq=False)
class LayerMeans:
    """Of each layer: q, the mean square of its net input; and chi, what it multiplies the squared delta by going back.

    Attributes:
        q: (layers,), the output's among them.
        chi: (hidden layers,): from the layer above to this one.
    """

    q: np.ndarray
    chi: np.ndarray


def expected_means(config: RunConfig, data: Data | None = None) -> LayerMeans | None:
    """What mean field theory expects at initialization, a mean over samples and draws; None where there is no theory.

    Raises:
        ConfigError: as `core.train`.
    """
    found = checked_data(config, data)
    widths = (found.X.shape[1], *config.hidden, found.D.shape[1])
    if unsupported_reason(config, widths):
        return None
    gains, sigma_b = layer_gains(config, widths), config.bias_std if config.bias else 0.0
    with one_blas_thread, np.errstate(all="ignore"):
        grams = propagate(ACTIVATIONS[config.activation], gains, sigma_b, representative_subset(found, len(gains))[0])
    q = np.array([np.diag(K).mean() for K in grams.K])
    chi = np.full(len(config.hidden), np.nan)
    for layer, slopes in enumerate(grams.slopes):
        chi[layer] = gains[layer + 1] * np.diag(slopes).mean()
    return LayerMeans(np.where(np.isfinite(q), q, np.nan), chi)


def measured_means(held: Snapshot) -> LayerMeans:
    """The same of one network, from all it holds: means over samples and units, and |delta|^2 of neighbors."""
    with np.errstate(all="ignore"):
        q = np.array([np.mean(np.square(net, dtype=float)) for net in held.net])
        size = np.array([np.linalg.norm(delta / (np.abs(delta).max() or 1)) for delta in held.delta])
        size = 2 * (np.log(size) + np.log([np.abs(delta).max() or 1 for delta in held.delta]))
        return LayerMeans(q, np.exp(size[:-1] - size[1:]))


@np.errstate(all="ignore")
def worst_case(held: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on (grad_norm, delta_norm), each (layers,): no network with weights of these norms can have more.

        ||delta^l|| <= sup|phi'| ||W^{l+1}||_2 ||delta^{l+1}||,      ||dE/dW^l||_F <= ||Y^{l-1}||_2 ||delta^l||_F

    with the delta that the output really has. A residual layer adds 1 for the way around it. NaN for normalized layers,
    where the bound depends on the spread of net inputs.

    Source: submultiplicativity of norms; Pascanu et al. 2013 for its use.
    """
    config, layers = held.config, len(held.delta)
    steep, delta = ACTIVATIONS[config.activation].sup_slope, np.full(layers, np.nan)
    delta[-1] = np.linalg.norm(held.delta[-1])
    if config.normalization == "none":
        dy = np.nan  # bound on dE/dy above a skip
        for layer in range(layers - 2, -1, -1):
            through = spectral_norm(held.weights[layer + 1][0]) * delta[layer + 1]
            skipped = config.residual and layer + 1 < layers - 1 and np.equal(*held.weights[layer + 1][0].shape)
            dy = through + dy if skipped else through
            delta[layer] = steep * dy
    inputs = [held.inputs, *held.activation[:-1]]
    return delta * [spectral_norm(Y) for Y in inputs], delta


def spectral_norm(W: np.ndarray) -> float:
    """Largest singular value; NaN for a matrix that is not finite."""
    largest = np.abs(W).max()
    if largest == 0 or not np.isfinite(largest):
        return 0.0 if largest == 0 else math.nan
    W = W / largest
    if min(W.shape) <= DENSE:
        return float(largest * np.linalg.norm(W, 2))
    return float(largest * svds(W, k=1, return_singular_vectors=False, v0=np.ones(min(W.shape)))[0])


@dataclass(frozen=True)
class PhasePoint:
    """Where a network lies in the plane of sigma_w and sigma_b.

    Attributes:
        sigma_w: effective weight scale between hidden layers, sqrt(fan_in Var W), a geometric mean over layers.
        sigma_b: scale of the biases.
        chi: factor of the squared gradient deep in the network: at the rest of the length map, or where q has grown to
            after 60 layers when it has none; NaN for scales beyond 1e6.
        depths: its depth scales.
        trainable: hidden layers to which the rule of six depth scales holds it trainable; infinite at criticality.
    """

    sigma_w: float
    sigma_b: float
    chi: float
    depths: Correlation
    trainable: float


def locate(config: RunConfig, inputs: int, outputs: int) -> PhasePoint | None:
    """Where the network lies; None without hidden layers, with normalization or residual layers.

    Args:
        inputs, outputs: columns of the data.

    Source: Schoenholz et al. 2017 for the rule of six.
    """
    widths = (inputs, *config.hidden, outputs)
    if not config.hidden or unsupported_reason(config, widths):
        return None
    gains = layer_gains(config, widths)
    between = gains[1:-1] or gains[1:]
    with np.errstate(divide="ignore", over="ignore"):
        sigma_w = float(np.exp(np.mean(np.log(between)) / 2))
    sigma_b = config.bias_std if config.bias else 0.0
    if not max(sigma_w, sigma_b) <= LARGEST_SCALE:
        return PhasePoint(sigma_w, sigma_b, math.nan, Correlation(*[math.nan] * 4), math.nan)
    rest = attractor(config.activation, sigma_w, sigma_b)
    depths = correlation(config.activation, sigma_w, sigma_b)
    if rest is None:
        chi = float(gradient_factors(config.activation, np.array([sigma_w]), np.array([sigma_b]))[0, 0]) ** 2
    else:
        chi = rest.chi
    return PhasePoint(sigma_w, sigma_b, chi, depths, RULE_OF_SIX * depths.xi_c)
