"""The gradient norm of every layer at initialization, predicted from the settings and the data without a fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..data.datasets import Split
from ..engine.training import Data, checked_data, one_blas_thread
from ..families.activations import ACTIVATIONS
from ..families.initializers import INITS
from ..families.losses import LOSSES, OUTPUT_ACTIVATIONS, softmax
from .finite_width import GROUPS, FiniteWidthSampler, psd_sqrt
from .gaussian import LARGEST
from .grams import Grams, backward_products, propagate

DRAWS, FEWEST = 400, 200  # draws of a network, and of a very large one, which scatters less
TOGETHER = 50  # draws at once
UNITS = 8_000_000  # values drawn for units, over all draws
SMALLEST = 1e-300  # of a variance: below, a float64 loses its digits
LEFT = 0.05  # of a squared norm there is at least so much left, whatever samples share by chance
SAMPLES, FEWER, DEEP = 128, 64, 60  # of a larger batch so many stand for all; of a network of more layers fewer
WORK = 200_000_000  # multiply-adds of all quadratic forms for one output, over all draws
BAND = (0.02, 0.5, 0.98)  # quantiles: 95 % of networks lie between the outer two, though draws are few


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

    All are of the same draws: outputs from N(0, K^L), errors computed from them, the Gram recursions run on those; on
    top, every layer's mean over units, forward and backward, with as many units as it has.

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
    reason = unsupported_reason(config, widths)
    if reason:
        return _none(layers, reason), _none(layers, reason)
    gains, sigma_b = layer_gains(config, widths), config.bias_std if config.bias else 0.0
    X, D = representative_subset(found, layers)
    with one_blas_thread, np.errstate(all="ignore"):
        grams = propagate(ACTIVATIONS[config.activation], gains, sigma_b, X)
        within = _within_range(grams, X)
        drawn = _drawn(config, widths, grams, D, config.batch_size or len(found.X)) if within else ()
    if not drawn or not all(np.isfinite([kind.mean, kind.median, kind.low, kind.high]).all() for kind in drawn):
        reason = "The variance of the net input leaves the range of floating-point numbers, and theory with it."
        return _none(layers, reason), _none(layers, reason)
    return drawn


def unsupported_reason(config: RunConfig, widths: tuple[int, ...]) -> str:
    """Why there is no theory for such a network, in a sentence; empty where there is one."""
    if config.normalization != "none" and config.hidden:
        return "There is no theory here for normalized layers: normalization ties the units or the samples together."
    if config.residual and any(m == n for m, n in zip(widths[:-2], widths[1:-1], strict=True)):
        return "There is no theory here for residual layers: they add up what the layers below them made."
    return ""


def layer_gains(config: RunConfig, widths: tuple[int, ...]) -> list[float]:
    """fan_in * Var(W) of every layer: its effective sigma_w^2, whatever the init."""
    init = INITS[config.init]
    deviations = [config.init_scale * init.deviation(m, n) for m, n in zip(widths, widths[1:], strict=False)]
    return [m * deviation * deviation for m, deviation in zip(widths, deviations, strict=False)]  # ** 2 may raise


def _within_range(grams: Grams, X: np.ndarray) -> bool:
    """Whether no variance of a net input is too large, or too small where it is not 0 altogether."""
    something = X.any(axis=1)  # to pass on; an input of zeros has nothing
    for K, gain in zip(grams.K, grams.gains, strict=True):
        q = np.diag(K)
        if not (q <= LARGEST).all() or (gain > 0 and (q[something] < SMALLEST).any()):
            return False
        something = q > 0
    return True


def _none(layers: int, reason: str) -> Prediction:
    return Prediction(*[np.full(layers, np.nan) for _ in range(4)], reason)


def representative_subset(found: Split, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """The training samples, or some of them where they are many: of every target, short inputs and long ones."""
    most = SAMPLES if layers <= DEEP else FEWER
    if len(found.X) <= most:
        return found.X, found.D
    order = np.lexsort((np.linalg.norm(found.X, axis=1), *found.D.T))
    chosen = order[(2 * np.arange(most) + 1) * len(order) // (2 * most)]
    return found.X[chosen], found.D[chosen]


def _drawn(config: RunConfig, widths: tuple[int, ...], grams: Grams, D: np.ndarray, batch: int) -> tuple:
    rng, samples = np.random.default_rng(0), len(D)
    affordable = min(UNITS // (2 * GROUPS * sum(widths[1:-1]) + 1), WORK // (len(grams.K) * samples**2))
    draws = int(np.clip(affordable, FEWEST, DRAWS)) // TOGETHER * TOGETHER
    products, logs = backward_products(grams)
    K, (features, shares) = grams.K[-1], _chance(widths, grams, products, logs)
    factor, chain = psd_sqrt(K), FiniteWidthSampler(config.init, widths, grams, products, draws, rng)
    paired = [P / min(batch, samples) ** 2 for P in products]
    forms = [n * P * Y for n, P, Y in zip(widths, paired, grams.Y, strict=False)]  # of the output's errors, (N, N)
    forms += [np.diag(np.diag(P)) for P in paired]  # for grad_norm, and then for delta_norm, of every layer
    unit = np.trace(K) / samples
    shares = {i: widths[i] * paired[i] * share * unit for i, share in shares.items()}
    sizes = {i: max(np.abs(share).max(), 1e-300) for i, share in shares.items()}
    shares = {i: (share / sizes[i]).astype(np.float32) for i, share in shares.items()}
    more = max(batch / samples, 1.0)  # samples of the batch for each one that stands for them
    squares, layers = np.empty((len(forms), draws)), len(products)
    both = np.empty((TOGETHER, samples, samples), np.float32)
    for start in range(0, draws, TOGETHER):
        some = slice(start, start + TOGETHER)
        F = np.broadcast_to(factor, (TOGETHER, *factor.shape))
        if features:
            F = factor @ _features(rng, samples, features)
            F *= np.sqrt(np.trace(K) / (F * F).sum(axis=(1, 2)))[:, None, None]
        net = F @ rng.standard_normal((TOGETHER, F.shape[2], widths[-1]))  # (draws, N, outputs)
        net *= np.sqrt(chain.output[some])[:, chain.groups, None]
        delta = _output_delta(config, net, D)
        errors = np.swapaxes(delta, 1, 2) * _batches(rng, samples, batch)[:, None]  # (draws, outputs, N)
        off = ((F @ F.swapaxes(1, 2) - K) / unit).astype(np.float32)  # half the time; it is a correction
        for i, (M, noise) in enumerate(zip(forms, chain.backward(some, net, delta), strict=True)):
            scaled = errors * np.sqrt(noise)[:, None, chain.groups]
            alone = np.einsum("rkn,rkn,n->r", scaled, scaled, np.diag(M))
            if i >= layers:  # of deltas, a sum over samples
                squares[i, some] = alone / more
                continue
            square = np.vecdot(scaled, scaled @ M).sum(axis=1)
            if more > 1:  # of all pairs of samples, fewer are of one with itself
                square = np.maximum(square - (1 - 1 / more) * alone, alone / more)
            if i in shares:
                size = max(np.abs(scaled).max(), 1e-300)
                small = (scaled / size).astype(np.float32)
                np.multiply(off, shares[i], out=both)
                shared = np.vecdot(small, small @ both).sum(axis=1, dtype=float) * (size * size * sizes[i])
                square += np.maximum(shared, (LEFT - 1) * square)
            squares[i, some] = square
    with np.errstate(divide="ignore"):
        halves = (np.log(squares) + np.tile(logs, 2)[:, None]) / 2
    top = np.maximum(halves.max(axis=1), -1e300)
    mean = np.exp(top) * np.sqrt(np.exp(2 * (halves - top[:, None])).mean(axis=1))
    low, median, high = np.exp(np.quantile(halves, BAND, axis=1, method="nearest"))
    kinds = slice(layers), slice(layers, None)
    return tuple(Prediction(mean[kind], median[kind], low[kind], high[kind]) for kind in kinds)


def _batches(rng: np.random.Generator, samples: int, batch: int) -> np.ndarray:
    """For each draw 1 for the samples in its first batch and 0 for the others, (draws, N)."""
    members = np.ones((TOGETHER, samples))
    if batch < samples:
        members[:, batch:] = 0
        rng.permuted(members, axis=1, out=members)
    return members


def _features(rng: np.random.Generator, samples: int, features: int) -> np.ndarray:
    """A for each draw with A A^T as scattered as that of (N, features) normal numbers; never wider than (N, N).

    Source: Bartlett 1933, for more features than samples.
    """
    if features < samples:
        return rng.standard_normal((TOGETHER, samples, features))
    A = np.tril(rng.standard_normal((TOGETHER, samples, samples)), -1)
    A[:, range(samples), range(samples)] = np.sqrt(rng.chisquare(features - np.arange(samples), (TOGETHER, samples)))
    return A


def _chance(widths, grams: Grams, products, logs) -> tuple[int, dict[int, np.ndarray]]:
    """What pairs of samples have in common by chance, because a layer has finitely many units.

    The mean over n units of y_n y_m scatters by about Y_nn Y_mm / n, beyond what the factors of finite width make of
    it. Between inputs that answer differently that is more than the mean itself, and the gradient sees it squared,
    because the output's errors are made of the same y.

    Returns:
        features: so many Gaussian features give the output's covariance K that scatter; 0 where there is none.
        shares: for each layer above the first, (N, N) by how much Y^{l-1} is off for each unit that K is off.
    """
    variances = [np.zeros_like(grams.K[0])]
    for layer, n in enumerate(widths[1:-1]):
        Y = grams.Y[layer + 1]
        own = np.diag(Y)
        chance = np.maximum(np.outer(own, own) - Y * Y, 0) / n
        variances.append(chance + (grams.slopes[layer] * grams.gains[layer]) ** 2 * variances[-1])
    K = grams.K[-1]
    own = np.diag(K)
    scatter, most = grams.gains[-1] ** 2 * variances[-1], np.maximum(np.outer(own, own) - K * K, 0)
    if not scatter.sum() > 0 or not most.sum() > 0:
        return 0, {}
    shares = {}
    for layer in range(1, len(grams.K)):
        carried = grams.gains[layer] * products[layer] * math.exp(min(logs[layer], 700.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            shares[layer] = np.where(scatter > 0, carried * variances[layer] / scatter, 0.0)
    return max(round(min(most.sum() / scatter.sum(), 1e9)), 1), shares


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
