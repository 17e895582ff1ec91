"""A few samples that stand for many: weighted so that the means of their features are those of all."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

MIN_SAMPLES_PER_CONDITION = 16


def evenly_chosen(X: np.ndarray, D: np.ndarray, count: int) -> np.ndarray:
    """Indices of so many samples, of every target, short inputs and long ones; of all where there are no more."""
    if len(X) <= count:
        return np.arange(len(X))
    order = np.lexsort((np.linalg.norm(X, axis=1), *D.T))
    return np.sort(order[(2 * np.arange(count) + 1) * len(order) // (2 * count)])


def even_weights(X: np.ndarray, D: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Weights of chosen samples, near 1 / count, that keep the means of inputs, targets and their products.

    Where these are many for so few samples, all weigh the same: weights would differ too much.
    """
    equal = np.full(len(chosen), 1 / len(chosen))
    A, wanted = _conditions(np.concatenate([X, D, _products(X, D)], axis=1), len(chosen))
    if len(chosen) == len(X) or len(A) > len(chosen) // MIN_SAMPLES_PER_CONDITION:
        return equal
    weights = equal + np.linalg.lstsq(A[:, chosen], wanted - A[:, chosen] @ equal, rcond=1e-6)[0]
    return weights if weights.min() > 0 else equal


class FewestSamples:
    """A few samples that keep the means of features of many in their main directions exactly.

    Args:
        F: (N, features).
        shares: (N,) weights of all samples.
    """

    def __init__(self, F: np.ndarray, shares: np.ndarray):
        largest = np.abs(F).max(initial=0) or 1.0
        size, directions = np.linalg.eigh((F / largest) @ (F / largest).T)
        self._shares = shares
        self._main = directions[:, size > 1e-12 * size.max()] * np.sqrt(len(F))

    def choose(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(indices, weights) of at most `count` samples.

        Source: Tchakaloff's theorem: so many points with positive weights always exist; here by nonnegative least
        squares.
        """
        A = np.concatenate([np.ones((1, len(self._main))), self._main[:, 1 - count :].T])
        weights, _ = nnls(A, A @ self._shares)
        chosen = np.flatnonzero(weights > 1e-9)
        return chosen, weights[chosen] / weights[chosen].sum()


def _conditions(F: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(A, b) of A weights = b: a sum of 1, and means of 0 for `count` main directions of features (N, features)."""
    spread = F.std(axis=0)
    varied = spread > 1e-9 * np.abs(F).max(initial=0)
    F = (F - F.mean(axis=0))[:, varied] / spread[varied]
    main, size, _ = np.linalg.svd(F, full_matrices=False)
    main = main[:, size > 1e-6 * size.max(initial=0)][:, :count] * np.sqrt(len(F))
    A = np.concatenate([np.ones((1, len(F))), main.T])
    return A, np.eye(1, len(A))[0]


def _products(Z: np.ndarray, D: np.ndarray) -> np.ndarray:
    return (Z[:, :, None] * D[:, None, :]).reshape(len(Z), -1)
