"""The gradient norm of every layer at initialization, predicted from the settings and the data without a fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..config import RunConfig
from ..data.datasets import Split
from ..engine.training import Data, Progress, ProgressCount, checked_data, one_blas_thread
from ..families.class_weights import class_weights
from ..families.initializers import INITS
from .representatives import FewestSamples, even_weights, evenly_chosen
from .sampled_networks import NetworkSampler, Sample, layer_sigma_b

MAX_NETWORKS = 384
MIN_NETWORKS = 160  # whose scatter is known to 6 %: with fewer, bands cover less than they say
PILOT_NETWORKS = 16  # that get all samples, to see whether fewer do
PILOT_WIDTH = 48  # of these: by how much fewer samples move a norm hardly depends on it
MAX_SAMPLES = 256
FEWEST_SAMPLES = (12, 24)  # chosen for the gradients of pilots that they keep
EVEN_SAMPLES = (48, 96)  # chosen evenly: networks that distinguish samples need more of them
MAX_WIDTH = 128  # of the networks drawn: wider ones differ from their mean hardly more than these
MAX_DRAWN_FLOPS = 700_000_000  # flops of all networks together, where MIN_NETWORKS do not need more
UNIT_WORK = 100  # of one unit's activation, in flops
MAX_LOST = 0.02  # share of networks that may leave the range of float64 and are left out
CLOSE = 0.33  # fewer samples do where they move ln |G|^2 by at most this share of its scatter,
CLOSE_ENOUGH = 0.4, 0.6  # or this one and so little that the mean of 16 moves is known to 8 % of |G|,
CLOSE_ALWAYS = 0.02  # or hardly,
SAME_SCATTER = 0.15  # and leave the scatter itself within this share
MIN_DEVIATION = 5e-4  # of a norm's logarithm: what fewer samples may be off where nothing scatters
LARGEST_LOG = 2 * math.log(np.finfo(float).max)  # ln of the square of the largest norm
MIDDLE = (
    0.4,
    0.6,
)  # quantiles between which the mean is taken for the median: its error is a tenth less than that of one
BAND_DEVIATIONS = 2.07  # of the logarithm on both sides of its mean: 95 % of networks, and a little for few draws

Method = Literal["networks", "narrower networks", "none"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """Norms that are expected in row 0 of a trace, each (layers,), layers counted from the input.

    Attributes:
        mean: root of the mean square over draws, sqrt(E||G||^2): for a deep ReLU network far above a typical draw.
        median, low, high: of the norm over draws of the network; 95 % lie between low and high.
        reason: why there is no prediction, and then the arrays are NaN; empty where there is one.
        method: what was drawn: networks of this size; narrower ones with the same mean field; or none.
    """

    mean: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reason: str = ""
    method: Method = "none"


def predict(config: RunConfig, data: Data | None = None) -> Prediction:
    """The gradient norm ||dE/dW^l||_F of every layer in row 0: mean, median and the band of 95 % of draws.

    Networks of these settings are drawn, from numbers that serve every config, and the data are passed through them.
    Mean field theory alone gives the mean over networks of infinite width; what one network of finite width does is
    further from it than a reader of a chart expects. Layers wider than 128 units are drawn with 128, at the same
    mean field.

    Args:
        config: any run; seed matters for its data only.
        data: (X, D) instead of the config's dataset, as in `train`.

    Returns:
        A Prediction; its reason says why arrays are NaN: values that leave the range of float64.

    Raises:
        ConfigError: as `core.train`.
    """
    return predictions(config, data)[0]


def predictions(
    config: RunConfig, data: Data | None = None, on_progress: Progress | None = None
) -> tuple[Prediction, Prediction]:
    """Predictions of grad_norm and of delta_norm.

    Args:
        config, data: as in `predict`.
        on_progress: as in `train`, with passes of a sample through a network, of which fewer than the total may do.

    Raises:
        ConfigError: as `core.train`.
    """
    found = checked_data(config, data)
    widths = (found.X.shape[1], *config.hidden, found.D.shape[1])
    drawn = narrowed(widths)
    with one_blas_thread, np.errstate(all="ignore"):
        deviations = _scaled_deviations(config, widths, drawn)
        if not max(deviations, default=0) < math.inf:
            logs = np.full((2, 1, len(deviations)), np.nan)
        else:
            progress = ProgressCount(on_progress, _max_passes(config, drawn, len(found.X)))
            samplers = [
                NetworkSampler(
                    config,
                    fewer,
                    _scaled_deviations(config, widths, fewer),
                    MAX_NETWORKS,
                    progress.tick,
                    bias_deviations=layer_sigma_b(config, widths),
                    class_weights=class_weights(config.class_weight, found.task, found.D),
                )
                for fewer in (drawn, narrowed(widths, PILOT_WIDTH))
            ]
            logs = _log_squares(*samplers, found, config.batch_size)
        # ||G||^2 has a term for each unit below, of which fewer were drawn
        logs[0] += np.log(np.array(widths[:-1]) / drawn[:-1])
        lost = np.isnan(logs).any(axis=(0, 2))
        if lost.mean() <= MAX_LOST:
            logs = logs[:, ~lost]
        if not (logs < LARGEST_LOG).all():
            reason = "Values leave the range of floating-point numbers, and the prediction with them."
            return no_prediction(len(deviations), reason), no_prediction(len(deviations), reason)
        method = "networks" if drawn == widths else "narrower networks"
        return _summary(logs[0], method), _summary(logs[1], method)


def prediction_cost(config: RunConfig, inputs: int, outputs: int, samples: int) -> int:
    """Multiply-adds that a prediction takes at most.

    Args:
        inputs, outputs, samples: of the data.
    """
    widths = narrowed((inputs, *config.hidden, outputs))
    return _max_passes(config, widths, samples) * _pass_work(widths) // 2


def _pass_work(widths: tuple[int, ...]) -> int:
    """Flops of one sample's way through one network and back."""
    return 6 * sum(m * n for m, n in zip(widths, widths[1:], strict=False)) + UNIT_WORK * sum(widths)


def _max_passes(config: RunConfig, widths: tuple[int, ...], samples: int) -> int:
    """Passes of a sample through a network that `_log_squares` makes at most."""
    batch = min(config.batch_size or samples, samples)
    if batch < min(samples, MAX_SAMPLES):
        return _affordable(widths, batch) * batch
    every = min(samples, MAX_SAMPLES)
    return PILOT_NETWORKS * (every + sum(_fewer_counts(every)) + every // 2) + _affordable(widths, every) * every


def layer_deviations(config: RunConfig, widths: tuple[int, ...]) -> list[float]:
    """Standard deviation of the weights of every layer."""
    deviation = INITS[config.init].deviation
    return [config.init_scale * deviation(m, n) for m, n in zip(widths, widths[1:], strict=False)]


def layer_gains(config: RunConfig, widths: tuple[int, ...]) -> list[float]:
    """fan_in * Var(W) of every layer, its effective sigma_w^2 with any init."""
    deviations = layer_deviations(config, widths)
    return [m * deviation * deviation for m, deviation in zip(widths, deviations, strict=False)]  # ** 2 may raise


def _scaled_deviations(config: RunConfig, widths: tuple[int, ...], drawn: tuple[int, ...]) -> list[float]:
    """Standard deviation of the weights of every layer where other widths are drawn, at the same fan_in * Var(W)."""
    sizes = zip(layer_deviations(config, widths), widths, drawn, strict=False)
    return [deviation * math.sqrt(fan_in / fewer) for deviation, fan_in, fewer in sizes]


def narrowed(widths: tuple[int, ...], most: int = MAX_WIDTH) -> tuple[int, ...]:
    """The widths with hidden layers scaled so that none has more units than `most`; equal ones stay equal."""
    scale = min(1.0, most / max(widths[1:-1], default=1))
    return (widths[0], *(max(1, round(n * scale)) for n in widths[1:-1]), widths[-1])


def _log_squares(sampler: NetworkSampler, pilots: NetworkSampler, found: Split, batch_size: int | None) -> np.ndarray:
    """(2, networks, layers), from as many samples as are needed.

    Where samples are nearly alike to the network, a few stand for all; where it distinguishes them, they cannot. Pilot
    networks get all samples, and then fewer: how far their norms move decides, and is taken into account.
    """
    batch = min(batch_size or len(found.X), len(found.X))
    if batch < min(len(found.X), MAX_SAMPLES):
        sample = _own_batches(found, batch)
        return sampler.log_squares(sample, 0, _affordable(sampler.widths, batch))
    every = _evenly(found, MAX_SAMPLES, batch)
    networks = _affordable(sampler.widths, every.size)
    if batch == every.size and (networks > MIN_NETWORKS or not _fewer_counts(every.size)):
        return sampler.log_squares(every, 0, networks)
    projections = np.empty((PILOT_NETWORKS, 2 * len(pilots.deviations) + 1, every.size))
    pilot = pilots.log_squares(every, 0, PILOT_NETWORKS, projections)
    fewest = FewestSamples(projections.reshape(-1, every.size).T, every.weights)
    sample = every
    shift = 0.0
    for count in _fewer_counts(every.size):
        fewer = _fewest(every, fewest, count) if count in FEWEST_SAMPLES else _evenly(found, count, batch)
        apart = pilots.log_squares(fewer, 0, PILOT_NETWORKS) - pilot
        if _suffice(apart, pilot):
            sample = fewer
            shift = apart.mean(axis=1, keepdims=True)
            break
    logs = sampler.log_squares(sample, 0, _affordable(sampler.widths, sample.size)) - shift
    if batch > every.size:
        half = _evenly(found, every.size // 2, batch)
        growth = _mean_growth(pilots.log_squares(half, 0, PILOT_NETWORKS)[0], pilot[0])
        logs[0] += _larger_batch(growth, half.concentration / every.concentration, 1 / (batch * every.concentration))
    return logs


def _suffice(apart: np.ndarray, pilot: np.ndarray) -> bool:
    """Return whether fewer samples do, which move logarithms of squares by so much, (2, networks, layers)."""
    scatter = pilot.std(axis=1)
    moved = apart.std(axis=1)
    same = np.abs((pilot + apart).std(axis=1) - scatter) <= SAME_SCATTER * scatter
    share, most = CLOSE_ENOUGH
    close = np.maximum(np.maximum(CLOSE * scatter, np.minimum(share * scatter, most)), CLOSE_ALWAYS)
    return bool((moved <= np.where(same, close, CLOSE_ALWAYS)).all())


def _fewer_counts(every: int) -> list[int]:
    """Smaller numbers of samples that are tried, of which each has to save half of the work."""
    return [count for count in (*FEWEST_SAMPLES, *EVEN_SAMPLES) if 2 * count <= every]


def _mean_growth(fewer: np.ndarray, more: np.ndarray) -> np.ndarray:
    """(layers,) mean change of (networks, layers) logarithms, over networks that have a norm other than 0; else 0."""
    alive = np.isfinite(fewer) & np.isfinite(more)
    growth = np.subtract(fewer, more, out=np.zeros(fewer.shape), where=alive)
    return growth.sum(axis=0) / np.maximum(alive.sum(axis=0), 1)


def _larger_batch(log_growth: np.ndarray, fewer: float, more: float) -> np.ndarray:
    """Change of ln ||G||^2 from some samples to all.

    Samples that a network distinguishes add up like independent errors: ||G||^2 = a + b sum_n w_n^2, with 1 / N for the
    sum where all weigh the same.

    Args:
        log_growth: (layers,) by how much ln ||G||^2 is larger with fewer samples.
        fewer, more: the sum of squared weights of fewer and of all samples, as multiples of that of some.
    """
    independent = np.clip(np.expm1(log_growth) / (fewer - 1), 0, 1)
    return np.log1p(-independent * (1 - more))


def _affordable(widths: tuple[int, ...], samples: int) -> int:
    networks = int(np.clip(MAX_DRAWN_FLOPS // (samples * _pass_work(widths)), MIN_NETWORKS, MAX_NETWORKS))
    return networks // PILOT_NETWORKS * PILOT_NETWORKS


def _evenly(found: Split, count: int, batch: int) -> Sample:
    chosen = evenly_chosen(found.X, found.D, count)
    weights = even_weights(found.X, found.D, chosen)
    return Sample(X=found.X[chosen], D=found.D[chosen], weights=weights, batch=batch)


def _fewest(every: Sample, samples: FewestSamples, count: int) -> Sample:
    chosen, weights = samples.choose(count)
    return Sample(X=every.X[chosen], D=every.D[chosen], weights=weights, batch=every.batch)


def _own_batches(found: Split, batch: int) -> Sample:
    """A batch of its own for each network."""
    rows = np.argsort(np.random.default_rng(0).random((MAX_NETWORKS, len(found.X))), axis=1)[:, :batch]
    return Sample(X=found.X[rows], D=found.D[rows], weights=np.full(batch, 1 / batch), batch=batch)


def _summary(logs: np.ndarray, method: Method) -> Prediction:
    """Of (networks, layers) logarithms of squared norms."""
    halves = logs / 2
    top = np.maximum(halves.max(axis=0), -1e300)
    mean = np.exp(top) * np.sqrt(np.exp(2 * (halves - top)).mean(axis=0))
    low, median, high = np.quantile(halves, (0.02, 0.5, 0.98), axis=0, method="nearest")
    alive = np.isfinite(halves).all(axis=0)  # where no network has a norm of 0
    first, last = (round(share * len(halves)) for share in MIDDLE)
    median[alive] = np.sort(halves[:, alive], axis=0)[first:last].mean(axis=0)
    middle = halves[:, alive].mean(axis=0)
    scatter = np.maximum(halves[:, alive].std(axis=0, ddof=1), MIN_DEVIATION)
    low[alive] = middle - BAND_DEVIATIONS * scatter
    high[alive] = middle + BAND_DEVIATIONS * scatter
    return Prediction(mean=mean, median=np.exp(median), low=np.exp(low), high=np.exp(high), method=method)


def no_prediction(layers: int, reason: str) -> Prediction:
    """A Prediction of nothing but NaN, with the reason."""
    nothing = np.full(layers, np.nan)
    return Prediction(mean=nothing, median=nothing, low=nothing, high=nothing, reason=reason)
