"""The way of a gradient back through a stack of layers: along one path, and as a product of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import RunConfig
from ..engine.training import snapshot
from ..errors import ConfigError
from ..families.activations import ACTIVATIONS
from ..norms import scaled_norm
from ..theory import moments
from ..theory.gaussian import LARGEST
from ..theory.network import spectral_norm

CHUNK = 32  # variances whose moments are found at once: their nodes stay in the cache (measured)


@dataclass(frozen=True, eq=False, kw_only=True)
class Paths:
    """Share of the last hidden gradient at each hidden layer; layer k is entry k - 1, and the last holds 1.

        delta^l = phi'(net^l) * (W^{l+1} delta^{l+1}),   l = 1 ... L, from the last hidden layer L back to the first

    Attributes:
        measured: ||delta^l|| / ||delta^L|| over the batch, of this very network.
        worst: the product of sup|phi'| ||W||_2 over the layers in between: no data and no unit can exceed it.
        typical: the root of the product of chi in between, from mean field theory; NaN where it has none.
        path: |product of phi'(net) w| in between, at sample 1, along the strongest of all paths through the layers.
        path_bound: the same with sup|phi'| for every slope.
        units: (L,) the unit of each layer on that path, from 0.
        slopes, weights: (L - 1,) phi'(net) of its unit, and w to its unit of the next layer.
    """

    config: RunConfig
    measured: np.ndarray
    worst: np.ndarray
    typical: np.ndarray
    path: np.ndarray
    path_bound: np.ndarray
    units: np.ndarray
    slopes: np.ndarray
    weights: np.ndarray

    def factor(self, name: str) -> float:
        """Factor of one layer on average: the (L - 1)-th root of the whole product; NaN for a single layer."""
        values = getattr(self, name)
        return float(values[0] ** (1 / (len(values) - 1))) if len(values) > 1 else float("nan")

    @property
    def count(self) -> float:
        """Paths from one unit of the first hidden layer to one of the last: the product of the widths in between."""
        return float(np.prod([float(width) for width in self.config.hidden[1:-1]]))


def trace_paths(config: RunConfig) -> Paths:
    """The products of an untrained network without normalization, residual connections or a spread of biases.

    Raises:
        ConfigError: a network without hidden layers or with one of these; as `core.snapshot`.
    """
    for name, required in (("normalization", "none"), ("residual", False), ("bias_std", 0.0)):
        if getattr(config, name) != required:
            raise ConfigError(
                name, getattr(config, name), f"the product of layers is that of a network with {required}"
            )
    if not config.hidden:
        raise ConfigError("hidden", config.hidden, "the product of layers needs a hidden layer")
    shot = snapshot(config.replace(steps=0))
    activations = [ACTIVATIONS[name] for name in config.activations]
    layers = len(config.hidden)
    between = [shot.weights[k][0] for k in range(1, layers)]  # W from hidden layer k to k + 1
    slopes = [phi.slope(net[0]) for phi, net in zip(activations[:-1], shot.net, strict=False)]
    steepest = np.array([phi.sup_slope for phi in activations[:-1]])
    units = strongest(slopes, between)
    along = np.array([slope[j] for slope, j in zip(slopes, units, strict=False)])
    weights = np.array([W[j, k] for W, j, k in zip(between, units, units[1:], strict=False)])
    norms = np.array([scaled_norm(delta) for delta in shot.delta[:layers]])
    with np.errstate(all="ignore"):
        measured = norms / norms[-1]
    return Paths(
        config=config,
        measured=measured,
        worst=_products([slope * spectral_norm(W) for slope, W in zip(steepest, between, strict=True)]),
        typical=_typical(config, shot.inputs, np.sum(shot.delta[layers - 1] ** 2, axis=1)),
        path=_products(np.abs(along * weights)),
        path_bound=_products(steepest * np.abs(weights)),
        units=np.array(units),
        slopes=along,
        weights=weights,
    )


def strongest(slopes: list[np.ndarray], between: list[np.ndarray]) -> list[int]:
    """The unit of each layer on the path whose product of |slope| |weight| is the largest.

    From the back: the best that can follow after each unit is known before the unit before it chooses. In logarithms,
    since the products leave the range of float64.

    Args:
        slopes: (units,) at each layer but the last.
        between: (units, units of the next layer) weights, one fewer than there are layers.
    """
    best = np.zeros(between[-1].shape[1] if between else 1)
    choices = []
    with np.errstate(divide="ignore"):
        for slope, W in zip(slopes[::-1], between[::-1], strict=True):
            onward = np.log(np.abs(W)) + best
            choices.append(onward.argmax(axis=1))
            best = np.log(np.abs(slope)) + onward.max(axis=1)
    units = [int(best.argmax())]
    for choice in choices[::-1]:
        units.append(int(choice[units[-1]]))
    return units


def _products(factors: Sequence[float] | np.ndarray) -> np.ndarray:
    """From the back: 1 at the last layer, then one factor more a layer."""
    with np.errstate(over="ignore"):
        return np.cumprod([1.0, *factors[::-1]])[::-1]


def _typical(config: RunConfig, X: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The root of the product of chi over the layers, a mean over samples; NaN where mean field theory has none.

    Each sample has its own variance q, from q^1 = sigma_w^2 |x|^2 / inputs on, and counts by `last`, its |delta|^2 at
    the last hidden layer.
    """
    layers = len(config.hidden)
    typical = np.full(layers, np.nan)
    if config.init not in ("normal", "uniform") or not last.sum() > 0:
        return typical
    with np.errstate(all="ignore"):
        variance = np.square(np.float64(config.init_scale))
        q = variance * np.mean(X**2, axis=1)
        chi = []
        for name in config.activations[:-1]:
            if not (q <= LARGEST).all():
                return typical
            found = [moments(name, part) for part in np.array_split(q, math.ceil(len(q) / CHUNK))]
            chi.append(variance * np.concatenate([part.slope2 for part in found]))
            q = variance * np.concatenate([part.second for part in found])
        products = np.cumprod([np.ones(len(X)), *chi[::-1]], axis=0)[::-1]
        return np.sqrt(products @ (last / last.sum()))


def over_scales(config: RunConfig, scales: np.ndarray) -> dict[str, np.ndarray]:
    """Factor of one layer for the gradient, at each init scale: measured, typical and worst, (scales,) each."""
    all_paths = [trace_paths(config.replace(init_scale=float(scale))) for scale in scales]
    return {name: np.array([paths.factor(name) for paths in all_paths]) for name in ("measured", "typical", "worst")}
