"""One network in theory: the worst case of its gradients, and where it lies in the phase plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import svds

from ..config import RunConfig
from ..families.activations import ACTIVATIONS
from ..norms import scaled_norm
from ..trace import Snapshot
from .correlations import NO_CORRELATION, RULE_OF_SIX, Correlation, correlation
from .plane import gradient_factors
from .prediction import layer_gains
from .sampled_networks import layer_sigma_b
from .variance_map import attractor

DENSE = 256  # a larger matrix's norm is found by Lanczos
LANCZOS_PRODUCTS = 200  # with a matrix, for its norm
LARGEST_SCALE = 1e6  # beyond, there is no fixed point to speak of


@np.errstate(all="ignore")
def worst_case(snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on (grad_norm, delta_norm), each (layers,): no network with weights of these norms can have more.

        ||delta^l|| <= sup|phi'| ||W^{l+1}||_2 ||delta^{l+1}||,      ||dE/dW^l||_F <= ||Y^{l-1}||_2 ||delta^l||_F

    with the delta that the output really has; dropout p divides phi' by 1 - p. A residual layer adds 1 for the way
    around it. NaN for normalized layers, where the bound depends on the spread of net inputs.

    Source: submultiplicativity of norms; Pascanu et al. 2013 for its use.
    """
    config = snapshot.config
    layers = len(snapshot.delta)
    steep = np.array([ACTIVATIONS[name].sup_slope for name in config.activations]) / (1 - config.dropout)
    delta = np.full(layers, np.nan)
    delta[-1] = scaled_norm(snapshot.delta[-1])
    if config.normalization == "none":
        dy = np.nan  # bound on dE/dy above a skip
        for layer in range(layers - 2, -1, -1):
            through = spectral_norm(snapshot.weights[layer + 1][0]) * delta[layer + 1]
            skipped = config.residual and layer + 1 < layers - 1 and np.equal(*snapshot.weights[layer + 1][0].shape)
            dy = through + dy if skipped else through
            delta[layer] = steep[layer] * dy
    inputs = [snapshot.inputs, *snapshot.activation[:-1]]
    return delta * [spectral_norm(Y) for Y in inputs], delta


def worst_case_cost(widths: tuple[int, ...], samples: int) -> int:
    """Multiply-adds of the spectral norms of all weights and activations, roughly.

    Args:
        widths: (inputs, *hidden, outputs).
        samples: of the batch.
    """
    shapes = [*zip(widths, widths[1:], strict=False), *((samples, width) for width in widths[:-1])]
    return sum(m * n * (4 * min(m, n) if min(m, n) <= DENSE else LANCZOS_PRODUCTS) for m, n in shapes)


def spectral_norm(W: np.ndarray) -> float:
    """Largest singular value; NaN for a matrix that is not finite."""
    largest = np.abs(W).max()
    if largest == 0 or not np.isfinite(largest):
        return 0.0 if largest == 0 else math.nan
    W = W / largest
    if min(W.shape) <= DENSE:  # as exact as a decomposition of W itself, and faster
        products = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
        return float(largest * np.sqrt(np.linalg.eigvalsh(products)[-1]))
    return float(largest * svds(W, k=1, return_singular_vectors=False, v0=np.ones(min(W.shape)))[0])


@dataclass(frozen=True, kw_only=True)
class PhasePoint:
    """Where a network lies in the plane of sigma_w and sigma_b.

    Attributes:
        sigma_w: effective weight scale between hidden layers, sqrt(fan_in Var W), a geometric mean over layers.
        sigma_b: scale of the biases, a quadratic mean over layers where the init draws them by fan_in.
        chi: factor of the squared gradient deep in the network: at the fixed point of the variance map, or where q has
            grown to after 60 layers when there is none; NaN for scales beyond 1e6.
        depths: its depth scales.
        trainable: hidden layers to which the rule of six depth scales holds it trainable; infinite at criticality.
    """

    sigma_w: float
    sigma_b: float
    chi: float
    depths: Correlation
    trainable: float


def locate(config: RunConfig, inputs: int, outputs: int) -> PhasePoint | None:
    """Where the network lies; None without hidden layers, with normalization, residual layers, dropout or activations
    that differ between layers.

    Args:
        inputs, outputs: columns of the data.

    Source: Schoenholz et al. 2017 for the rule of six.
    """
    widths = (inputs, *config.hidden, outputs)
    residual = config.residual and any(m == n for m, n in zip(widths[:-2], widths[1:-1], strict=True))
    if not config.hidden or residual or config.normalization != "none" or config.dropout:
        return None
    if not isinstance(config.activation, str):
        return None
    gains = layer_gains(config, widths)
    between = gains[1:-1] or gains[1:]
    with np.errstate(divide="ignore", over="ignore"):
        sigma_w = float(np.exp(np.mean(np.log(between)) / 2))
        biases = layer_sigma_b(config, widths)[1:-1] or layer_sigma_b(config, widths)[1:]
        sigma_b = float(np.sqrt(np.mean(np.square(biases))))
    if not max(sigma_w, sigma_b) <= LARGEST_SCALE:
        return PhasePoint(sigma_w=sigma_w, sigma_b=sigma_b, chi=math.nan, depths=NO_CORRELATION, trainable=math.nan)
    fixed_point = attractor(config.activation, sigma_w, sigma_b)
    depths = correlation(config.activation, sigma_w, sigma_b)
    if fixed_point is None:
        chi = float(gradient_factors(config.activation, np.array([sigma_w]), np.array([sigma_b]))[0, 0]) ** 2
    else:
        chi = fixed_point.chi
    trainable = RULE_OF_SIX * depths.xi_c
    return PhasePoint(sigma_w=sigma_w, sigma_b=sigma_b, chi=chi, depths=depths, trainable=trainable)
