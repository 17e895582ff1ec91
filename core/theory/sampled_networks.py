"""Small batches through many random networks, forward and back: the gradient norms of each at initialization."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri, softmax

from ..config import RunConfig
from ..families.activations import ACTIVATIONS
from ..families.class_weights import sample_weights
from ..families.initializers import INITS, bias_deviations
from ..families.losses import LOSSES, OUTPUT_ACTIVATIONS
from ..families.normalization import EPS, NORMALIZATIONS
from .backward_steps import log_gradient_squares, step_back
from .mean_squares import log_mean_squares, scale_to_one, weighted_log_mean_squares
from .shared_numbers import Draws

GROUP = 16  # networks computed together, or fewer where they are large
GROUP_WEIGHTS = 1 << 23  # weights of a group: 32 MB
SAFE_SIZES = 1e-12, 1e12  # root mean squares of a layer's outputs, and deviations of weights, for which float32 does
MIN_DELTA = 1e-10  # root mean square of delta over that of dE/dy for which float32 does: slopes may be tiny
MAX_ROUNDING = 16 * np.finfo(float).eps  # of the mean of equal numbers, relative
MIN_VARYING = 1e-4  # size of what a normalization leaves, over what it subtracts, for which float32 does
MAX_NORMALIZED = 1e15  # root mean square of a net input whose squares float32 holds
MIN_SIZE = 1e-290  # a root mean square below has lost its digits even in float64
DROPOUT_SEED = 1  # of the masks, other than those of weights
GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Samples that stand for the first batch of a run.

    Attributes:
        X, D: (N, inputs) and (N, outputs); or with an axis of networks in front where each has its own batch.
        weights: (N,) share of the batch for which each stands; their sum is 1.
        batch: samples of the batch itself.
    """

    X: np.ndarray
    D: np.ndarray
    weights: np.ndarray
    batch: int

    @property
    def size(self) -> int:
        return self.X.shape[-2]

    @property
    def concentration(self) -> float:
        """Sum of squared weights: 1 / N where all weigh the same."""
        return float(self.weights @ self.weights)

    def part(self, networks: slice) -> Sample:
        """The part of the data that these networks get."""
        return self if self.X.ndim == 2 else replace(self, X=self.X[networks], D=self.D[networks])


def layer_sigma_b(config: RunConfig, widths: tuple[int, ...]) -> list[float]:
    """Standard deviation of the biases of every layer, its effective sigma_b with any init."""
    return bias_deviations(
        config.init, widths, bias=config.bias, init_scale=config.init_scale, bias_std=config.bias_std
    )


class NetworkSampler:
    """Draws networks of one config, always the same ones, and passes samples through them.

    Args:
        config: the run; activation, init, normalization, residual and loss are its own.
        widths: (inputs, *hidden, outputs) of the networks drawn.
        deviations: standard deviation of each layer's weights.
        networks: how many will be drawn at most.
        on_passed: called after each group with its number of networks times samples; what it raises ends the work.
        bias_deviations: standard deviation of each layer's biases; by the config and these widths when None.
        class_weights: (classes,) what a sample of each class counts; None where all count alike.
    """

    def __init__(
        self,
        config: RunConfig,
        widths: tuple[int, ...],
        deviations: list[float],
        networks: int,
        on_passed: Callable[[int], None] | None = None,
        *,
        bias_deviations: list[float] | None = None,
        class_weights: np.ndarray | None = None,
    ):
        self._class_weights = class_weights
        self._buffers: dict[tuple, np.ndarray] = {}
        self._biases = layer_sigma_b(config, widths) if bias_deviations is None else bias_deviations
        self.config = config
        self.widths = widths
        self.deviations = deviations
        self._on_passed = on_passed
        self.weights = sum(m * n for m, n in zip(widths, widths[1:], strict=False))
        self.group = int(np.clip(GROUP_WEIGHTS // self.weights, 1, GROUP))
        self._total = networks * self.weights
        self._phi = [ACTIVATIONS[name] for name in config.activations]
        sizes = [size for size in deviations if size > 0]
        low, high = SAFE_SIZES
        self._narrow = all(low < size < high for size in sizes) and max(self._biases) < high  # float32 is worth a try
        self._axis = {None: None, 1: -1, 2: -2}[NORMALIZATIONS[config.normalization].axis]  # there (R, units, samples)
        last = len(widths) - 2
        self._skips = [
            config.residual and layer < last and widths[layer] == widths[layer + 1] for layer in range(last + 1)
        ]

    def log_squares(self, sample: Sample, start: int, stop: int) -> np.ndarray:
        """ln of grad_norm^2 and delta_norm^2 of every layer of networks start to stop, (2, networks, layers).

        -inf for a norm of 0; NaN where values leave the range of float64. Both numbers are multiples of `group`.
        """
        parts: list[Any] = []
        for first in range(start, stop, self.group):
            some = sample.part(slice(first, first + self.group))
            with np.errstate(over="ignore"):  # a sum that overflows is made again, scaled; what else does is marked
                logs = self._pass(some, first, np.float32) if self._narrow else None
                parts.append(self._pass(some, first, np.float64) if logs is None else logs)
            if self._on_passed is not None:
                self._on_passed(self.group * sample.size)
        return np.concatenate(parts, axis=1)

    def _draw(self, first: int, dtype: type) -> tuple[list, list]:
        draws = Draws(self.config.init, first // self.group, self.group, self._total, dtype)
        shapes = zip(self.widths, self.widths[1:], self.deviations, strict=False)
        W = [draws.weights(m, n, deviation) for m, n, deviation in shapes]
        units = zip(self.widths[1:], self._biases, strict=True)
        return W, [draws.biases(n, deviation) if deviation > 0 else None for n, deviation in units]

    def _pass(self, sample: Sample, first: int, dtype: type) -> np.ndarray | None:
        """Forward and back; None where float32 does not do."""
        if dtype is np.float32 and not _within(sample.X[None], *SAFE_SIZES):
            return None
        W, b = self._draw(first, dtype)
        last = len(W) - 1
        y = [np.array(sample.X, dtype, order="C")]
        slopes = []
        normalized = []
        in_range = np.ones(len(W[0]), bool)
        for layer in range(last):
            shape = (len(W[layer]), sample.size, self.widths[layer + 1])
            net = self._buffer("net", 0 if self._axis is None else layer, shape, dtype)
            value, slope = (self._buffer(name, layer, shape, dtype) for name in ("value", "slope"))
            self._net(y[layer], W[layer], b[layer], net)
            if self._axis is not None:
                if dtype is np.float32 and not _within(net, 0, MAX_NORMALIZED):
                    return None
                inverse = self._normalize(net)
                if inverse is None:
                    return None
                normalized.append((net, inverse))
            self._phi[layer].evaluate_into(net, value, slope)
            if self.config.dropout:
                self._drop(value, slope, first, layer)
            if self._skips[layer]:
                value += y[layer]
            if dtype is np.float32 and not _within(value, *SAFE_SIZES):
                return None
            if dtype is np.float64:
                log_square = log_mean_square(value)
                exact = (log_square >= 2 * math.log(MIN_SIZE)) & (log_square < math.inf)
                in_range &= exact | ~value.any(axis=(1, 2))
                value[~in_range] = 0  # and what comes of it does not count
            y.append(value)
            slopes.append(slope)
        if self.widths[-1] == 1 and INITS[self.config.init].draws != "orthogonal":
            W[last] = self._stratify(W[last], y[last], first)
        net = self._net(y[last], W[last], b[last])
        delta = np.ascontiguousarray(output_delta(self.config, net.astype(float), sample.D))  # to be scaled in place
        if self._class_weights is not None:
            delta *= sample_weights(self._class_weights, sample.D)
        log_scale = _scale_to_one(delta)
        # float32 is given up before a product of its layers' outputs leaves the range
        log_y = [0.0] * len(y) if dtype is np.float32 else [_scale_to_one(part) for part in y]
        logs = self._backward(W, y, log_y, slopes, normalized, delta.astype(dtype), log_scale, sample)
        if logs is not None:
            logs[:, ~in_range] = np.nan
        return logs

    def _drop(self, value: np.ndarray, slope: np.ndarray, first: int, layer: int) -> None:
        """Drops units in place: each on each sample with the config's probability; what stays grows to make up."""
        rng = np.random.default_rng([DROPOUT_SEED, first // self.group, layer])
        mask = (rng.random(value.shape) >= self.config.dropout) / (1 - self.config.dropout)
        value *= mask
        slope *= mask

    def _buffer(self, name: str, layer: int, shape: tuple[int, ...], dtype: type | np.dtype) -> np.ndarray:
        """Memory that the groups of one size use one after another: fresh pages cost as much as the work on them."""
        key = (name, layer, shape[2] if name in ("net", "dy") else 0)
        buffer = self._buffers.get(key)
        if buffer is None or buffer.shape != shape or buffer.dtype != dtype:
            self._buffers[key] = buffer = np.empty(shape, dtype)
        return buffer

    @staticmethod
    def _net(y: np.ndarray, W: np.ndarray, b: np.ndarray | None, out: np.ndarray | None = None) -> np.ndarray:
        net = np.matmul(y, W, out=out)
        if b is not None:
            net += b
        return net

    def _stratify(self, W: np.ndarray, y: np.ndarray, first: int) -> np.ndarray:
        """The output's weights with their part along the mean of y taken evenly from the normal distribution.

        Where all samples are alike, the error of every sample hangs on this one number. Evenly spread, it scatters
        as it should with fewer networks.

        Source: the additive recurrence with the golden ratio, whose first n members are spread evenly for every n.
        """
        rank = (0.5 + GOLDEN_RATIO * (first + np.arange(len(W)))) % 1
        along = np.broadcast_to(y.mean(axis=-2, keepdims=True), (len(W), 1, W.shape[1]))
        along = _directions(along)
        wanted = (ndtri(rank) * self.deviations[-1]).astype(W.dtype)[:, None, None]
        return W + np.swapaxes(along, 1, 2) * (wanted - along @ W)

    def _normalize(self, net: np.ndarray) -> np.ndarray | None:
        """Normalizes in place and returns the inverse deviation; None where float32 has lost the digits that vary."""
        mean = net.mean(axis=self._axis, keepdims=True)
        net -= mean
        if net.dtype == np.float64:
            net[np.abs(net) <= MAX_ROUNDING * np.abs(mean)] = 0  # equal numbers, whose mean was rounded
        variance = (net * net).mean(axis=self._axis, keepdims=True)
        if net.dtype == np.float32:
            if _cancels(variance, mean * mean):
                return None
        inverse = 1 / np.sqrt(variance + net.dtype.type(EPS))
        net *= inverse
        return inverse

    def _normalize_backward(self, delta: np.ndarray, net: np.ndarray, inverse: np.ndarray) -> bool:
        """Takes delta back through the normalization in place; False where float32 has lost the digits that stay."""
        before = delta * delta if delta.dtype == np.float32 else None
        along = (delta * net).mean(axis=self._axis, keepdims=True)
        delta -= delta.mean(axis=self._axis, keepdims=True)
        delta -= net * along
        if before is not None and _cancels(delta * delta, before):
            return False
        delta *= inverse
        return True

    def _backward(
        self,
        W: Sequence[np.ndarray],
        y: Sequence[np.ndarray],
        log_y: Sequence[np.ndarray | float],
        slopes: Sequence[np.ndarray],
        normalized: Sequence[Any],
        delta: np.ndarray,
        log_scale: np.ndarray,
        sample: Sample,
    ) -> Any:
        """Every layer's dE/dy is scaled to a mean square of 1, as y is: what was taken out is kept as a logarithm.

        None where float32 does not do.
        """
        networks = len(delta)
        last = len(W) - 1
        weights = sample.weights.astype(delta.dtype)
        root_weights = np.sqrt(sample.weights).astype(delta.dtype)
        logs = np.empty((2, networks, last + 1))
        log_gradient, log_delta = np.empty((2, networks))
        dy = nothing = np.empty((0, 0, 0), delta.dtype)
        for layer in range(last, -1, -1):
            weighted_log_mean_squares(delta, root_weights, log_delta)
            log_delta += math.log(sample.size)
            if self._loses_slopes(delta, log_delta):
                return None
            log_gradient_squares(y[layer].reshape(-1, *y[layer].shape[-2:]), weights, delta, log_gradient)
            logs[0, :, layer] = log_gradient + math.log(W[layer][0].size) + log_y[layer] + log_scale
            logs[1, :, layer] = log_delta + math.log(delta.shape[-1] / sample.batch) + log_scale
            if layer == 0:
                return logs
            around = dy if self._skips[layer] else nothing
            dy = self._buffer("dy", 0, slopes[layer - 1].shape, delta.dtype) if self._skips[layer - 1] else nothing
            step_back(delta, W[layer], around, dy, slopes[layer - 1], log_scale)
            delta = slopes[layer - 1]
            if self._axis is not None:
                if not self._normalize_backward(delta, *normalized[layer - 1]):
                    return None

    def _loses_slopes(self, delta: np.ndarray, log_delta: np.ndarray) -> bool:
        """True where slopes are so small that float32 has lost their digits; those that are exactly 0 do not count."""
        if delta.dtype == np.float64 or all(phi.piecewise_slopes is not None for phi in self._phi):
            return False
        return not log_delta.min() > 2 * math.log(MIN_DELTA)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Each vector over its length; zeros stay zeros."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, 1)
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / np.where(length > 0, length, 1)


def _cancels(left: np.ndarray, taken: np.ndarray) -> bool:
    """True where the squares that a subtraction left are so small beside those that it took, in any network."""
    return bool((left.mean(axis=(1, 2)) < MIN_VARYING * MIN_VARYING * taken.mean(axis=(1, 2))).any())


def _within(values: np.ndarray, low: float, high: float) -> bool:
    """True where every network's root mean square lies between two sizes, whose squares the dtype holds."""
    flat = values.reshape(len(values), -1)
    square = np.vecdot(flat, flat) / flat.shape[1]
    return bool(low * low <= square.min() and square.max() < high * high)


def _scale_to_one(values: np.ndarray) -> np.ndarray:
    """Scales each network's values to a mean square of 1, in place, and returns ln of what it was; 0 for zeros.

    An array without an axis of networks is that of all.
    """
    logs = np.empty(len(values) if values.ndim == 3 else 1)
    scale_to_one(values.reshape(len(logs), -1), logs)
    return logs


def log_mean_square(values: np.ndarray) -> np.ndarray:
    """ln of the mean square over all but the first axis, float64; -inf for zeros. No square over- or underflows."""
    logs = np.empty(len(values))
    log_mean_squares(values.reshape(len(values), -1), logs)
    return logs


def output_delta(config: RunConfig, net: np.ndarray, D: np.ndarray) -> np.ndarray:
    """N dE/dnet of the output, (networks, N, outputs), from its net input of that shape and the targets."""
    rule = LOSSES[config.loss]
    output = OUTPUT_ACTIVATIONS[config.output_activation]
    slope = None
    if output is None:
        o = softmax(net, axis=2)
    else:
        o, slope = output.evaluate(net)
    delta = rule.residual_factor * (o - D)
    return delta * slope if rule.output_activation is None else delta
