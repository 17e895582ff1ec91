"""Curves of the expected gradient over one setting at a time: for a picture that follows a slider as it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..engine.training import Data, checked_data
from .fluctuations import log_variance
from .layer_means import expected_means
from .prediction import BAND_DEVIATIONS, layer_gains

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
DEPTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)


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
    is v / 2 below the logarithm of the mean. Residual, normalized and uneven networks have no v here: their median is
    the mean field's root mean square.

    Raises:
        ConfigError: as `core.train`.
    """
    found = checked_data(config, data)
    means = expected_means(config, data)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_square = np.append(np.cumsum(np.log(means.chi)[::-1])[::-1], 0.0)
    variance = np.full(len(log_square), np.nan)
    if config.hidden and len(set(config.hidden)) == 1 and not config.residual and config.normalization == "none":
        gains = layer_gains(config, (found.X.shape[1], *config.hidden, found.D.shape[1]))
        sigma_b = config.bias_std if config.bias else 0.0
        sigma_w = float(np.sqrt(gains[len(gains) > 2]))
        if np.isfinite(means.q[0]):
            delta, _ = log_variance(config.activation, sigma_w, sigma_b, config.hidden, float(means.q[0]))
            variance = np.append(delta, 0.0)
    median = log_square / 2 - np.nan_to_num(variance) / 4
    return DeltaCurve(
        median=median / np.log(10),
        half_width=BAND_DEVIATIONS * np.sqrt(variance) / 2 / np.log(10),
    )


def curve_family(config: RunConfig, field: str, data: Data | None = None) -> tuple[Sequence[float], list[DeltaCurve]]:
    """The values of "init_scale" or "depth" that a slider offers, the config's own among them, and the curve at each.

    Raises:
        ConfigError: as `core.train`.
    """
    if field == "depth":
        values = sorted({*DEPTHS, len(config.hidden)})
        configs = [config.replace(hidden=config.hidden[:1] * depth) for depth in values]
    else:
        values = sorted({*INIT_SCALES, config.init_scale})
        configs = [config.replace(init_scale=scale) for scale in values]
    return values, [delta_curve(each, data) for each in configs]
