"""Small batches through many random networks, forward and back: the gradient norms of each at initialization."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri, softmax

from ..config import RunConfig
from ..families.activations import ACTIVATION_CODES, ACTIVATIONS
from ..families.class_weights import sample_weights
from ..families.initializers import INITS, bias_deviations
from ..families.losses import LOSSES, OUTPUT_ACTIVATIONS
from .drawn_passes import (
    NO_AXIS,
    OVER_SAMPLES,
    OVER_UNITS,
    SAFE_HIGH,
    SAFE_LOW,
    DrawnKind,
    GroupMemory,
    backward,
    forward,
)
from .mean_squares import scale_to_one
from .shared_numbers import Draws, dropout_chances

GROUP = 16  # networks computed together, or a half, a quarter ... of it where they are large
GROUP_NUMBERS = 1 << 19  # weights, values and slopes of a group: 2 MB
TYPICAL_SAMPLES = 24
GOLDEN_RATIO = (5**0.5 - 1) / 2
FIRST_RANK = 0.736  # from here on the ranks of 16 to 384 networks keep clear of 0.5, an output of exactly 0
AXES = {"none": NO_AXIS, "layer": OVER_UNITS, "batch": OVER_SAMPLES}


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
        self.config = config
        self.widths = widths
        self.deviations = deviations
        self._class_weights = class_weights
        self._on_passed = on_passed
        self._buffers: dict[str, np.ndarray] = {}
        self.bias_deviations = layer_sigma_b(config, widths) if bias_deviations is None else bias_deviations
        sizes = [m * n for m, n in zip(widths, widths[1:], strict=False)]
        self._networks = networks
        self._hidden_units = sum(widths[1:-1])
        self.group = _group_size(sum(sizes) + 2 * TYPICAL_SAMPLES * self._hidden_units)
        positive = [size for size in deviations if size > 0]
        # float32 is worth a try
        self._narrow = all(SAFE_LOW < size < SAFE_HIGH for size in positive) and max(self.bias_deviations) < SAFE_HIGH
        last = len(widths) - 2
        phi = [ACTIVATIONS[name] for name in config.activations]
        skips = [config.residual and layer < last and widths[layer] == widths[layer + 1] for layer in range(last + 1)]
        self._kind = DrawnKind(
            widths=np.array(widths),
            weight_starts=np.cumsum([0, *sizes[:-1]]),
            unit_starts=np.cumsum([0, *widths[1:-1]]),
            activation=np.array([ACTIVATION_CODES[name] for name in config.activations], int),
            skips=np.array(skips),
            axis=AXES[config.normalization],
            dropout=float(config.dropout),
            deviations=np.array(deviations, float),
            bias_deviations=np.array(self.bias_deviations, float),
            small_slopes=any(one.piecewise_slopes is None for one in phi),
        )

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

    def _draw(self, first: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
        """(networks, weights) and (networks, units) numbers of variance 1, for weights and biases."""
        draws = Draws(self.config.init, first // self.group, self.group, networks=self._networks, dtype=dtype)
        return draws.weights(self.widths), draws.biases(self.widths)

    def _pass(self, sample: Sample, first: int, dtype: type) -> np.ndarray | None:
        """Forward and back; None where float32 does not do."""
        if dtype is np.float32 and not _within(sample.X[None], SAFE_LOW, SAFE_HIGH):
            return None
        numbers, bias_numbers = self._draw(first, dtype)
        memory = self._memory(sample, numbers, bias_numbers, first // self.group)
        in_range = np.ones(self.group, bool)
        if not forward(self._kind, memory, in_range):
            return None
        y = memory.inputs
        if self._hidden_units:
            y = memory.values[:, -sample.size * self.widths[-2] :].reshape(self.group, sample.size, self.widths[-2])
        top = numbers[:, self._kind.weight_starts[-1] :].reshape(self.group, *self.widths[-2:])
        top = top * dtype(self.deviations[-1])
        if self.widths[-1] == 1 and INITS[self.config.init].draws != "orthogonal":
            top = self._stratify(top, y, first)
        shift = bias_numbers[:, None, -self.widths[-1] :] * dtype(self.bias_deviations[-1])
        net = np.matmul(y, top) + shift
        delta = np.ascontiguousarray(output_delta(self.config, net.astype(float), sample.D))  # to be scaled in place
        if self._class_weights is not None:
            delta *= sample_weights(self._class_weights, sample.D)
        log_scales = _scale_to_one(delta)
        # float32 is given up before a product of its layers' outputs leaves the range
        log_inputs = 0.0 if dtype is np.float32 else _scale_to_one(memory.inputs)
        logs = np.empty((2, self.group, len(self.deviations)))
        if not backward(self._kind, memory, top, delta.astype(dtype), log_scales, sample.weights.astype(dtype), logs):
            return None
        logs[0, :, 0] += log_inputs
        logs[1] -= math.log(sample.batch)
        logs[:, ~in_range] = np.nan
        return logs

    def _memory(self, sample: Sample, numbers: np.ndarray, bias_numbers: np.ndarray, group: int) -> GroupMemory:
        dtype = numbers.dtype
        outputs = (self.group, sample.size * self._hidden_units)
        nothing = (self.group, 0)
        chances = np.empty(nothing, dtype)
        if self.config.dropout:
            chances = dropout_chances(group, outputs).astype(dtype, copy=False)
        inverse = (self.group, len(self.widths) - 2, max(sample.size, *self.widths))
        return GroupMemory(
            numbers=numbers,
            bias_numbers=bias_numbers,
            chances=chances,
            inputs=np.array(sample.X, dtype, order="C", ndmin=3),
            values=self._buffer("values", outputs, dtype),
            slopes=self._buffer("slopes", outputs, dtype),
            nets=self._buffer("nets", nothing if self._kind.axis == NO_AXIS else outputs, dtype),
            inverse=self._buffer("inverse", (0, 0, 0) if self._kind.axis == NO_AXIS else inverse, dtype),
        )

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Memory that the groups of one size use one after another: fresh pages cost as much as the work on them."""
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape != shape or buffer.dtype != dtype:
            self._buffers[name] = buffer = np.empty(shape, dtype)
        return buffer

    def _stratify(self, W: np.ndarray, y: np.ndarray, first: int) -> np.ndarray:
        """The output's weights with their part along the mean of y taken evenly from the normal distribution.

        Where all samples are alike, the error of every sample hangs on this one number. Evenly spread, it scatters
        as it should with fewer networks.

        Source: the additive recurrence with the golden ratio, whose first n members are spread evenly for every n.
        """
        rank = (FIRST_RANK + GOLDEN_RATIO * (first + np.arange(len(W)))) % 1
        along = np.broadcast_to(y.mean(axis=-2, keepdims=True), (len(W), 1, W.shape[1]))
        along = _directions(along)
        wanted = (ndtri(rank) * self.deviations[-1]).astype(W.dtype)[:, None, None]
        return W + np.swapaxes(along, 1, 2) * (wanted - along @ W)


def _group_size(numbers: int) -> int:
    """Networks of so many numbers that are computed together."""
    size = GROUP
    while size > 1 and size * numbers > GROUP_NUMBERS:
        size //= 2
    return size


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Each vector over its length; zeros stay zeros."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, 1)
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / np.where(length > 0, length, 1)


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
