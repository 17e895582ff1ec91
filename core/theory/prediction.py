"""The gradient norm of every layer at initialisation, predicted from the settings and the data without a fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.config import RunConfig
from core.datasets import Split
from core.engine import Data, checked_data
from core.families.activations import ACTIVATIONS, Activation
from core.families.initializers import INITS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS, softmax
from core.theory.gaussian import LARGEST, moments
from core.theory.grams import Grams, passed_back, propagate

DRAWS = 1000
SAMPLES = 128  # of a larger batch so many stand for all
WORK = 2_000_000_000  # multiply-adds of the quadratic forms; fewer samples stand for all where there would be more
BAND = (0.025, 0.5, 0.975)  # quantiles over draws: 95 % of networks lie between the outer two


@dataclass(frozen=True, eq=False)
class Prediction:
    """Norms that theory expects in row 0 of a trace, each (layers,), layers counted from the input.

    Attributes:
        mean: root of the mean square over draws, sqrt(E||G||^2): for a deep ReLU network far above a typical draw.
        median, low, high: of the norm over draws of the network; 95 % lie between low and high.
        reason: why there is no theory, and then the arrays are NaN; empty where there is one.
    """

    mean: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reason: str = ""


def predict(config: RunConfig, data: Data | None = None) -> Prediction:
    """The gradient norm ||dE/dW^l||_F of every layer in row 0: mean, median and the band of 95 % of draws.

    The mean follows from the Gram recursions and the mean square of the output errors. For the band, outputs are
    drawn from N(0, K^L), errors computed from them, and the recursions run; on top, every layer's mean over units is
    drawn, forward and backward, with as many units as it has.

    Args:
        config: any run; seed matters for its data only.
        data: (X, D) instead of the config's dataset, as in `train`.

    Returns:
        A Prediction; its reason says why arrays are NaN: residual or normalized networks, and net inputs whose
        variance leaves the range of float64.

    Raises:
        ConfigError: as `core.train`.

    Source: Schoenholz et al. 2017 (recursions), Hanin & Nica 2018 (finite width); their union is derived here.
    """
    return predictions(config, data)[0]


def predictions(config: RunConfig, data: Data | None = None) -> tuple[Prediction, Prediction]:
    """What `predict` says of grad_norm, and the same of delta_norm."""
    found = checked_data(config, data)
    widths = (found.X.shape[1], *config.hidden, found.D.shape[1])
    layers = len(widths) - 1
    reason = without_theory(config, widths)
    if reason:
        return _none(layers, reason), _none(layers, reason)
    phi, gains = ACTIVATIONS[config.activation], layer_gains(config, widths)
    sigma_b = config.bias_std if config.bias else 0.0
    X, D = _standing_for_all(found, len(gains))
    with np.errstate(all="ignore"):
        q = np.mean(gains[0] * (X * X).mean(axis=1) + sigma_b**2)
        lengths = typical_lengths(phi, gains, sigma_b, q)
        if lengths is None:
            reason = "The variance of the net input leaves the range of floating-point numbers, and theory with it."
            return _none(layers, reason), _none(layers, reason)
        grams = propagate(phi, gains, sigma_b, X)
        return _drawn(config, phi, widths, gains, sigma_b, lengths, grams, D, config.batch_size or len(found.X))


def without_theory(config: RunConfig, widths: tuple[int, ...]) -> str:
    """Why there is no theory for such a network, in a sentence; empty where there is one."""
    if config.normalization != "none" and config.hidden:
        return "There is no theory here for normalized layers: normalization ties the units or the samples together."
    if config.residual and any(m == n for m, n in zip(widths[:-2], widths[1:-1], strict=True)):
        return "There is no theory here for residual layers: they add up what the layers below them made."
    return ""


def layer_gains(config: RunConfig, widths: tuple[int, ...]) -> list[float]:
    """fan_in * Var(W) of every layer: its effective sigma_w^2, whatever the init."""
    init = INITS[config.init]
    return [m * (config.init_scale * init.deviation(m, n)) ** 2 for m, n in zip(widths, widths[1:], strict=False)]


def typical_lengths(phi: Activation, gains: list[float], sigma_b: float, q1: float) -> np.ndarray | None:
    """q of every layer from q1, (layers,), with each layer's own gain; None where it leaves the range of moments."""
    q = [q1]
    for gain in gains[1:]:
        if not q[-1] <= LARGEST:
            return None
        q.append(gain * moments(phi.name, q[-1]).second + sigma_b**2)
    return np.array(q) if q[-1] <= LARGEST else None


def _none(layers: int, reason: str) -> Prediction:
    return Prediction(*[np.full(layers, np.nan) for _ in range(4)], reason)


def _standing_for_all(found: Split, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """The training samples, or evenly spaced ones where they are many."""
    most = math.isqrt(int(WORK / (DRAWS * layers * found.D.shape[1])))
    most = max(16, min(SAMPLES, most))
    if len(found.X) <= most:
        return found.X, found.D
    chosen = np.linspace(0, len(found.X) - 1, most).round().astype(int)
    return found.X[chosen], found.D[chosen]


def _drawn(
    config: RunConfig,
    phi: Activation,
    widths: tuple[int, ...],
    gains: list[float],
    sigma_b: float,
    lengths: np.ndarray,
    grams: Grams,
    D: np.ndarray,
    batch: int,
) -> tuple[Prediction, Prediction]:
    rng = np.random.default_rng(0)
    forward, backward, final = _finite_width(config.init, phi, widths, gains, sigma_b, lengths, rng)
    root = _root(grams.K[-1])
    net = root @ rng.standard_normal((DRAWS, len(root), widths[-1]))  # (draws, N, outputs)
    delta = _output_delta(config, net * np.sqrt(final)[:, None, None], D)
    plain = _output_delta(config, net, D)
    if config.loss == "mse" and config.output_activation == "linear":
        gram = 4 * (grams.K[-1] * widths[-1] + D @ D.T)
    else:
        gram = np.einsum("rnk,rmk->nm", plain, plain) / DRAWS
    products, logs = passed_back(grams)
    samples = len(D)
    # A batch of other size than the samples that stand for it has its share of pairs of a sample with itself.
    pairs = np.full((samples, samples), (batch - 1) / (batch * samples * max(samples - 1, 1)))
    np.fill_diagonal(pairs, 1 / (batch * samples))
    found = []
    own = np.eye(samples)
    for kind in ("grad", "delta"):
        squares, means = np.empty((len(gains), DRAWS)), np.empty(len(gains))
        for layer, P in enumerate(products):
            if kind == "grad":
                M = P * grams.Y[layer] * pairs * widths[layer]
                squares[layer] = np.einsum("rnk,rnk->r", delta, M @ delta)
            else:
                M = P * own * pairs
                squares[layer] = np.einsum("rnk,n->r", delta * delta, np.diag(M))
            means[layer] = (M * gram).sum()
        with np.errstate(divide="ignore"):
            noise = np.vstack([np.cumsum(np.log(backward)[::-1], axis=0)[::-1], np.zeros(DRAWS)])
            noise = noise + (np.log(forward) if kind == "grad" else 0.0)
            halves = (np.log(np.maximum(squares, 0)) + noise + logs[:, None]) / 2
            mean = np.exp((np.log(np.maximum(means, 0)) + logs) / 2)
        low, median, high = np.exp(np.quantile(halves, BAND, axis=1))
        found.append(Prediction(mean, median, low, high))
    return found[0], found[1]


def _finite_width(init, phi, widths, gains, sigma_b, lengths, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What finite layers make of the mean field, as factors, in every draw.

    Returns:
        forward: (layers, draws) of the mean square of each layer's input.
        backward: (hidden layers, draws) of the squared delta through each hidden layer.
        final: (draws,) of the variance of the output's net input.
    """
    orthogonal = INITS[init].draws == "orthogonal"
    hidden = widths[1:-1]
    forward, backward = np.ones((len(gains), DRAWS)), np.ones((len(hidden), DRAWS))
    q = np.full(DRAWS, lengths[0])
    for layer, n in enumerate(hidden):
        at = moments(phi.name, lengths[layer])
        z = _directions(rng, n, widths[layer], orthogonal and layer > 0)
        y, slope = phi.evaluate(np.sqrt(q)[:, None] * z)
        forward[layer + 1] = np.square(y, out=y).mean(axis=1) / at.second if at.second > 0 else 1.0
        back = slope * _directions(rng, n, widths[layer + 2], orthogonal)
        backward[layer] = np.square(back, out=back).mean(axis=1) / at.slope2
        q = gains[layer + 1] * forward[layer + 1] * at.second + sigma_b**2
    final = q / lengths[-1] if lengths[-1] > 0 else np.ones(DRAWS)
    return forward, backward, final


def _directions(rng: np.random.Generator, units: int, others: int, orthogonal: bool) -> np.ndarray:
    """(draws, units) of mean square 1: what a random matrix from `others` units makes of one vector."""
    if not orthogonal:
        return rng.standard_normal((DRAWS, units))
    size = max(units, others)
    z = rng.standard_normal((DRAWS, size))
    z *= math.sqrt(size) / np.sqrt(np.vecdot(z, z))[:, None]
    return z[:, :units]


def _root(K: np.ndarray) -> np.ndarray:
    """A with A A^T = K, for a positive semidefinite K."""
    values, vectors = np.linalg.eigh(K)
    return vectors * np.sqrt(np.maximum(values, 0))


def _output_delta(config: RunConfig, net: np.ndarray, D: np.ndarray) -> np.ndarray:
    """N dE/dnet of the output, (draws, N, outputs), from its net input of that shape and the targets (N, outputs)."""
    rule, output, slope = LOSSES[config.loss], OUTPUT_ACTIVATIONS[config.output_activation], None
    if output is None:
        turned = np.ascontiguousarray(np.swapaxes(net, 1, 2))
        o, log_sum = np.empty_like(turned), np.empty_like(turned[:, :1])
        softmax(turned, o, log_sum, np.empty_like(log_sum))
        o = np.swapaxes(o, 1, 2)
    else:
        o, slope = output.evaluate(net)
    delta = np.empty_like(net)
    rule.residual(o, D, delta)
    return delta * slope if rule.output_activation is None else delta
