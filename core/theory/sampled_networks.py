"""Small batches through many random networks, forward and back: the gradient norms of each at initialization."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtri

from ..config import RunConfig
from ..engine.workers import cores
from ..families.activations import ACTIVATION_CODES, ACTIVATIONS
from ..families.class_weights import sample_weights
from ..families.initializers import INITS, bias_deviations
from ..families.losses import LOSSES
from .drawn_normalization import NO_AXIS, OVER_SAMPLES, OVER_UNITS
from .drawn_passes import (
    SAFE_HIGH,
    SAFE_LOW,
    DrawnData,
    DrawnKind,
    DrawnMemory,
    GroupNumbers,
    pass_networks,
)
from .mean_squares import scale_to_one
from .shared_numbers import Draws, dropout_chances

GROUP = 16  # networks drawn together, or a half, a quarter ... of it where they are large
THREADS = 2  # that compute groups side by side, where this process may use so many cores
GROUP_NUMBERS = 1 << 20  # weights of a group, a part of the pool that leaves room for other parts
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
        self._memory_of_thread = threading.local()
        self.bias_deviations = layer_sigma_b(config, widths) if bias_deviations is None else bias_deviations
        sizes = [m * n for m, n in zip(widths, widths[1:], strict=False)]
        self._networks = networks
        self._hidden_units = sum(widths[1:-1])
        self.group = _group_size(sum(sizes))
        positive = [size for size in deviations if size > 0]
        # float32 is worth a try
        self._narrow = all(SAFE_LOW < size < SAFE_HIGH for size in positive) and max(self.bias_deviations) < SAFE_HIGH
        last = len(widths) - 2
        phi = [ACTIVATIONS[name] for name in config.activations]
        rule = LOSSES[config.loss]
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
            output_activation=ACTIVATION_CODES.get(config.output_activation, -1),
            has_output_slope=rule.output_activation is None,
            residual_factor=float(rule.residual_factor),
        )

    def log_squares(self, sample: Sample, start: int, stop: int, projections: np.ndarray | None = None) -> np.ndarray:
        """ln of grad_norm^2 and delta_norm^2 of every layer of networks start to stop, (2, networks, layers).

        -inf for a norm of 0; NaN where values leave the range of float64. Both numbers are multiples of `group`.

        Into `projections`, (networks, 2 layers + 1, samples), goes what `pass_networks` says; 0 where it is not finite.
        """
        if projections is None:
            projections = np.empty((stop - start, 0, sample.size))
        data: dict[type, DrawnData] = {dtype: self._data(sample, dtype) for dtype in (np.float32, np.float64)}
        firsts = range(start, stop, self.group)
        parts: list[Any] = []
        pool = ThreadPoolExecutor(min(THREADS, cores(), len(firsts)), "drawn-networks")
        try:
            groups = [projections[first - start : first - start + self.group] for first in firsts]
            for logs in pool.map(partial(self._group_log_squares, data), firsts, groups):
                parts.append(logs)
                if self._on_passed is not None:
                    self._on_passed(self.group * sample.size)
        finally:
            pool.shutdown(cancel_futures=True)
        projections[~np.isfinite(projections)] = 0
        logs = np.concatenate(parts).swapaxes(0, 1)
        logs[1] -= math.log(sample.batch)
        return logs

    def _group_log_squares(self, data: dict[type, DrawnData], first: int, projections: np.ndarray) -> np.ndarray:
        """(networks, 2, layers) of one group, in any thread: what is drawn depends on its place alone."""
        logs = np.empty((self.group, 2, len(self.deviations)))
        left = np.ones(self.group, bool)
        for dtype in (np.float32, np.float64):
            if left.any() and (dtype is np.float64 or self._fits_float32(data[dtype])):
                logs[left], projections[left], done = self._pass(data[dtype], first, left, projections.shape[1])
                left[left] = ~done
        return logs

    def _fits_float32(self, data: DrawnData) -> bool:
        return self._narrow and _within(data.inputs[None], SAFE_LOW, SAFE_HIGH)

    def _draw(self, first: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
        """(networks, weights) and (networks, units) numbers of variance 1, for weights and biases."""
        draws = Draws(self.config.init, first // self.group, self.group, networks=self._networks, dtype=dtype)
        return draws.weights(self.widths), draws.biases(self.widths)

    def _data(self, sample: Sample, dtype: type) -> DrawnData:
        inputs = np.array(sample.X, dtype, order="C", ndmin=3)
        scaled = inputs.copy()
        # float32 is given up before a product of its layers' outputs leaves the range
        log_inputs = np.zeros(len(inputs)) if dtype is np.float32 else _scale_to_one(scaled)
        targets = np.array(sample.D, float, order="C", ndmin=3)
        counted = np.ones(targets.shape[:2])
        if self._class_weights is not None:
            counted = np.ascontiguousarray(sample_weights(self._class_weights, targets)[..., 0])
        return DrawnData(
            inputs=inputs,
            scaled_inputs=scaled,
            log_inputs=log_inputs,
            targets=targets,
            class_weights=counted,
            weights=sample.weights.astype(dtype),
        )

    def _pass(
        self, data: DrawnData, first: int, chosen: np.ndarray, n_projections: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Forward and back through some networks of a group, in the dtype of the data.

        Returns:
            Logarithms of squares, (networks, 2, layers), projections, and whether the dtype did, (networks,).
        """
        dtype = data.weights.dtype
        samples = data.inputs.shape[1]
        numbers, bias_numbers = self._draw(first, dtype.type)
        chances = np.empty((self.group, 0), dtype)
        if self.config.dropout:
            shape = self.group, samples * self._hidden_units
            chances = dropout_chances(first // self.group, shape).astype(dtype, copy=False)
        quantiles = np.empty((self.group, 0))
        if self.widths[-1] == 1 and INITS[self.config.init].draws != "orthogonal":
            quantiles = _even_quantiles(first, self.group)[:, None]
        if data.inputs.shape[0] > 1:  # a batch of its own for each network
            own = np.flatnonzero(chosen) + first
            data = data._replace(**{name: getattr(data, name)[own] for name in data._fields if name != "weights"})
        parts = (numbers, bias_numbers, chances, quantiles)
        drawn = GroupNumbers(*(part if chosen.all() else part[chosen] for part in parts))
        logs = np.empty((chosen.sum(), 2, len(self.deviations)))
        done = np.empty(len(logs), bool)
        projections = np.zeros((len(logs), n_projections, samples))
        with np.errstate(over="ignore"):  # a sum that overflows is made again, scaled; what else does is marked
            pass_networks(self._kind, drawn, data, self._memory(samples, dtype), logs, done, projections)
        return logs, projections, done

    def _memory(self, samples: int, dtype: np.dtype) -> DrawnMemory:
        outputs = (samples * self._hidden_units,)
        normalizes = self._kind.axis != NO_AXIS
        inverse = (len(self.widths) - 2, max(samples, *self.widths))
        return DrawnMemory(
            values=self._buffer("values", outputs, dtype),
            slopes=self._buffer("slopes", outputs, dtype),
            nets=self._buffer("nets", outputs if normalizes else (0,), dtype),
            inverse=self._buffer("inverse", inverse if normalizes else (0, 0), dtype),
        )

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Memory that a thread's groups of one size use one after another: fresh pages cost as much as the work."""
        buffers = self._memory_of_thread.__dict__
        buffer = buffers.get(name)
        if buffer is None or buffer.shape != shape or buffer.dtype != dtype:
            buffers[name] = buffer = np.empty(shape, dtype)
        return buffer


def _even_quantiles(first: int, networks: int) -> np.ndarray:
    """Numbers of the normal distribution for networks from `first` on, spread evenly over it.

    Source: the additive recurrence with the golden ratio, whose first n members are spread evenly for every n.
    """
    return ndtri((FIRST_RANK + GOLDEN_RATIO * (first + np.arange(networks))) % 1)


def _group_size(numbers: int) -> int:
    """Networks of so many numbers that are computed together."""
    size = GROUP
    while size > 1 and size * numbers > GROUP_NUMBERS:
        size //= 2
    return size


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
