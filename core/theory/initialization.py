"""All that theory says of a run's gradient norms at initialization, computed without keeping the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import RunConfig, cost
from ..engine.training import Data, Progress, one_blas_thread, snapshot
from ..errors import ConfigError
from ..trace import layer_factor
from .network import worst_case, worst_case_cost
from .prediction import Prediction, prediction_cost, predictions


@dataclass(frozen=True, kw_only=True, eq=False)
class InitialNorms:
    """Expected norms of a run at initialization, and their worst case.

    Attributes:
        grad, delta: predictions of grad_norm and delta_norm over drawn networks.
        worst_grad, worst_delta: (layers,) bounds for the weights of this network; NaN where there is none, or no room
            for the network's values within the limits of this server.
    """

    grad: Prediction
    delta: Prediction
    worst_grad: np.ndarray
    worst_delta: np.ndarray

    @property
    def factor(self) -> float:
        """The expected factor per layer, from the medians of delta_norm; NaN without a prediction."""
        return layer_factor(self.delta.median)


def predict_initial_norms(
    config: RunConfig, data: Data | None = None, on_progress: Progress | None = None
) -> InitialNorms:
    """Predicts the norms in row 0 of a run, and bounds them.

    Args:
        config, data: as in `core.train`; training settings do not matter.
        on_progress: as in `predictions`.

    Raises:
        ConfigError: as `core.train`.
    """
    start = config.replace(steps=0, record_every=1)
    with one_blas_thread:
        grad, delta = predictions(start, data, on_progress)
        try:
            worst_grad, worst_delta = worst_case(snapshot(start, 0, data))
        except ConfigError:  # the limits of this server let the run pass, but not a copy of all its values
            worst_grad, worst_delta = np.full((2, len(grad.mean)), np.nan)
    return InitialNorms(grad=grad, delta=delta, worst_grad=worst_grad, worst_delta=worst_delta)


def initial_norms_cost(config: RunConfig, inputs: int, outputs: int, samples: int) -> int:
    """Multiply-adds that `predict_initial_norms` takes at most.

    Args:
        inputs, outputs, samples: of the data.
    """
    start = config.replace(steps=0, record_every=1)
    once = cost(start, inputs, outputs, samples).multiply_adds
    drawn = prediction_cost(start, inputs, outputs, samples)
    return 2 * once + drawn + worst_case_cost((inputs, *config.hidden, outputs), samples)
