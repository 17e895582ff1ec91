"""Compares backpropagation with finite differences of the loss, on any network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import RunConfig, cost
from .engine.training import Data, Progress, snapshot, train
from .families.activations import ACTIVATIONS

# steps along a direction of length 1
LONGEST = 2.0
FACTOR = 4.0
STEPS = 14
MAX_LAYERS = 12  # of a deeper network so many, evenly spaced
MAX_UNCERTAINTY = 1e-3  # of a slope that counts as seen
MAX_BYTES = 64_000_000  # of the networks that are tried at once


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientCheck:
    """One direction a layer, in all its weights and biases at once; arrays (layers checked,).

    Attributes:
        layer: which layers, from 1 at the input: all, or twelve evenly spaced ones.
        exact: slope of the loss along the direction, from backpropagation.
        differences: the same from differences of the loss.
        uncertainty: how far the differences themselves can be trusted: no error below it can be seen.
        relative_error: |exact - differences| / ||gradient of that layer||; NaN where that is 0.
        on_kinks: how many net inputs of hidden layers lie exactly on a kink of the activation, as all do of a ReLU
            layer without biases that gets nothing but zeros. There is no derivative there, and differences see both
            sides where backpropagation takes one.
    """

    layer: np.ndarray
    exact: np.ndarray
    differences: np.ndarray
    uncertainty: np.ndarray
    relative_error: np.ndarray
    on_kinks: int

    @property
    def relative_uncertainty(self) -> np.ndarray:
        """The uncertainty as a share of the slope."""
        with np.errstate(all="ignore"):
            return self.uncertainty / np.abs(self.exact)

    @property
    def visible(self) -> np.ndarray:
        """Layers whose gradient is large enough to be seen in differences of the loss."""
        return np.isfinite(self.relative_error) & (self.relative_uncertainty < MAX_UNCERTAINTY)


def gradient_check(config: RunConfig, data: Data | None = None, on_progress: Progress | None = None) -> GradientCheck:
    """Compares the gradient of every layer's parameters at initialization with differences of the loss, in float64.

    For each layer a direction halfway between the gradient's own and a random one is followed both ways, with steps
    from 2 to 3e-8. Differences are extrapolated to step 0 (Ridders 1982), and of all pairs of neighbors the one that
    agrees best is taken: long steps where the loss is smooth and the gradient small, short ones next to kinks.

    Args:
        config: any run; its training settings do not matter.
        data: as in `train`.
        on_progress: called with (done, total) losses; an exception that it raises ends the check.

    Raises:
        ConfigError: as `train`.
    """
    start = config.replace(steps=0, dtype="float64", record_every=1)
    start_state = snapshot(start, 0, data)
    rng = np.random.default_rng(0)
    directions = []
    exact = []
    size = []
    for layer in start_state.gradients:
        parts = [part for part in layer if part is not None]
        norm = np.sqrt(sum((part * part).sum() for part in parts))
        other = [rng.standard_normal(part.shape) for part in parts]
        length = np.sqrt(sum((part * part).sum() for part in other))
        mixed = [(g / norm if norm > 0 else 0) + r / length for g, r in zip(parts, other, strict=True)]
        length = np.sqrt(sum((part * part).sum() for part in mixed))
        directions.append([part / length for part in mixed])
        exact.append(sum((g * d).sum() for g, d in zip(parts, directions[-1], strict=True)))
        size.append(norm)
    weights = start_state.weights
    together = max(1, MAX_BYTES // (16 * sum(W.size for W, *_ in weights)))

    layers = np.unique(np.linspace(0, len(weights) - 1, MAX_LAYERS).round().astype(int))
    steps = LONGEST * FACTOR ** -np.arange(STEPS)
    moves = [(layer, sign * step) for layer in layers for step in steps for sign in (1, -1)]
    losses = []
    for first in range(0, len(moves), together):
        some = [_moved(weights, layer, step, directions) for layer, step in moves[first : first + together]]
        losses += [trace.loss[0] for trace in train([start] * len(some), data=data, initial=some)]
        if on_progress is not None:
            on_progress(len(losses), len(moves))
    with np.errstate(all="ignore"):
        ahead, behind = np.moveaxis(np.reshape(losses, (len(layers), STEPS, 2)), -1, 0)
        rounding = np.finfo(float).eps * (np.abs(ahead) + np.abs(behind)) / steps
        differences, uncertainty = _extrapolated((ahead - behind) / (2 * steps), rounding)
        exact = np.array(exact)[layers]
        size = np.array(size)[layers]
        error = np.abs(exact - differences) / np.where(size > 0, size, np.nan)
    kinks = [ACTIVATIONS[name].kinks for name in config.activations]
    on_kinks = sum(int(np.isin(net, bends).sum()) for net, bends in zip(start_state.net, kinks, strict=False) if bends)
    return GradientCheck(
        layer=layers + 1,
        exact=exact,
        differences=differences,
        uncertainty=uncertainty,
        relative_error=error,
        on_kinks=on_kinks,
    )


def gradient_check_cost(config: RunConfig, inputs: int, outputs: int, samples: int) -> int:
    """Multiply-adds of a check.

    Args:
        inputs, outputs, samples: of the data.
    """
    once = cost(config.replace(steps=0, record_every=1), inputs, outputs, samples).multiply_adds
    return (1 + 2 * STEPS * min(len(config.hidden) + 1, MAX_LAYERS)) * once


def _extrapolated(central: np.ndarray, rounding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The limit of differences (layers, steps) whose error is even in the step, and how far it can be trusted.

    Estimates of longer steps may agree by chance on the far side of a kink: what the shortest steps rule out is not
    taken, however exact.
    """
    best = central[:, -1].copy()
    trust = np.full(len(central), np.inf)
    shortest = central[:, -3:, None]
    doubt = 8 * rounding[:, -3:, None]
    column = central
    for order in range(4):
        apart = np.abs(np.diff(column, axis=1)) + rounding[:, order + 1 :]
        possible = (np.abs(column[:, None, 1:] - shortest) <= doubt).all(axis=1)
        apart[~np.isfinite(apart) | ~possible] = np.inf
        where = apart.argmin(axis=1)
        closest = apart[np.arange(len(apart)), where]
        better = closest < trust
        best[better] = column[np.arange(len(column)), where + 1][better]
        trust = np.minimum(trust, closest)
        column = column[:, 1:] + np.diff(column, axis=1) / (FACTOR ** (2 * order + 2) - 1)
    return best, trust


def _moved(weights: list, layer: int, step: float, directions: list) -> list:
    """The network with one layer moved along its direction."""
    shifted_weights = list(weights)
    along = iter(directions[layer])
    shifted_weights[layer] = tuple(None if part is None else part + step * next(along) for part in weights[layer])
    return shifted_weights
