"""Count of networks that lie in a predicted band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..engine.training import Data, Progress, checked_data, train
from .prediction import Prediction


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """Networks beside the band of their settings, by layer.

    Attributes:
        inside: (layers,) share of networks whose gradient norm lies in the band.
        median: (layers,) of their gradient norms.
        networks: how many were drawn.
    """

    inside: np.ndarray
    median: np.ndarray
    networks: int


def band_coverage(
    config: RunConfig,
    band: Prediction,
    *,
    data: Data | None = None,
    networks: int = 200,
    on_progress: Progress | None = None,
) -> Coverage:
    """Draws networks with the engine, on the config's training data, and counts those in the band.

    Raises:
        ConfigError: as `core.train`.
    """
    arrays = checked_data(config, data)
    configs = [config.replace(steps=0, seed=seed, holdout=0.0, dataset="custom") for seed in range(networks)]
    traces = train(configs, data=(arrays.X, arrays.D), on_progress=on_progress)
    norms = np.array([trace.grad_norm[0] for trace in traces])
    inside = ((norms >= band.low) & (norms <= band.high)).mean(axis=0)
    return Coverage(inside=inside, median=np.median(norms, axis=0), networks=networks)
