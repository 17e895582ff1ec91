"""Curves of the expected gradient over one setting at a time: for a picture that follows a slider as it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..config import RunConfig
from ..engine.training import Data, Progress, checked_data
from ..families.initializers import INITS
from .fluctuations import log_variance
from .layer_means import expected_means
from .prediction import BAND_DEVIATIONS, layer_gains
from .sampled_networks import layer_sigma_b

INIT_SCALES = (
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1.0,
    1.1,
    1.2,
    1.4,
    1.6,
    1.8,
    2.0,
    2.5,
    3.0,
    3.5,
    4.0,
    5.0,
    6.0,
    8.0,
)
LAYER_COST = 10_000_000  # multiply-adds in whose time one layer of one curve is computed
BATCH_FACTOR = 20  # by which the Gram matrices of batch normalization take longer
DEPTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)


Field = Literal["init_scale", "depth"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DeltaCurve:
    """Delta of every layer relative to the output layer's at initialization, as powers of ten, (layers,).

    Attributes:
        median: of a typical network.
        half_width: of the band of 95 % of networks, on either side of it; NaN where theory has none.
    """

    median: np.ndarray
    half_width: np.ndarray


def delta_curve(config: RunConfig, data: Data | None = None) -> DeltaCurve:
    """Mean field's delta of a network, with the scatter of networks of its width to first order in 1 / width.

    ln |delta^l|^2 relative to the output layer's is nearly normal with the variance v of `log_variance`, so its median
    is v / 2 below the logarithm of the mean. Residual, normalized, orthogonal and uneven networks have no v here, nor
    have those with dropout or several activations: their median is the mean field's root mean square.

    Raises:
        ConfigError: as `core.train`.
    """
    arrays = checked_data(config, data)
    means = expected_means(config, data)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_square = np.append(np.cumsum(np.log(means.chi)[::-1])[::-1], 0.0)
    variance = np.full(len(log_square), np.nan)
    independent = INITS[config.init].draws != "orthogonal"
    even = (
        len(set(config.hidden)) == 1 and not config.residual and config.normalization == "none" and not config.dropout
    )
    if even and independent and isinstance(config.activation, str):
        widths = (arrays.X.shape[1], *config.hidden, arrays.D.shape[1])
        between = min(1, len(config.hidden) - 1)  # a layer between hidden ones, where there is one
        sigma_w = float(np.sqrt(layer_gains(config, widths)[between]))
        sigma_b = layer_sigma_b(config, widths)[between]
        if np.isfinite(means.q[0]):
            delta, _ = log_variance(config.activation, sigma_w, sigma_b, config.hidden, float(means.q[0]))
            variance = np.append(delta, 0.0)
    median = log_square / 2 - np.nan_to_num(variance) / 4
    return DeltaCurve(
        median=median / np.log(10),
        half_width=BAND_DEVIATIONS * np.sqrt(variance) / 2 / np.log(10),
    )


def curve_family(
    config: RunConfig, field: Field, *, data: Data | None = None, on_progress: Progress | None = None
) -> tuple[list[float], list[DeltaCurve]]:
    """The values of a field that a slider offers, the config's own among them, and the curve at each.

    Args:
        on_progress: called with the curves that are done and their number; an exception from it ends the work.

    Raises:
        ConfigError: as `core.train`.
    """
    values = _values(config, field)
    curves = []
    for done, value in enumerate(values):
        if on_progress is not None:
            on_progress(done, len(values))
        curves.append(delta_curve(_at(config, field, value), data))
    return values, curves


def curve_family_cost(config: RunConfig, field: Field) -> int:
    """Multiply-adds that `curve_family` takes, by the time of one layer."""
    layers = sum(len(_at(config, field, value).hidden) + 1 for value in _values(config, field))
    return layers * LAYER_COST * (BATCH_FACTOR if config.normalization == "batch" else 1)


def _values(config: RunConfig, field: Field) -> list[float]:
    return sorted({*DEPTHS, len(config.hidden)} if field == "depth" else {*INIT_SCALES, config.init_scale})


def _at(config: RunConfig, field: Field, value: float) -> RunConfig:
    return (
        config.replace(hidden=config.hidden[:1] * int(value)) if field == "depth" else config.replace(init_scale=value)
    )
