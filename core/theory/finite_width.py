"""One vector through a network of finite width, forward and back, drawn without drawing its matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..families.initializers import INITS
from .gaussian import moments
from .grams import Grams

GROUPS = 12  # of samples whose inputs are near each other


class FiniteWidthSampler:
    """What finite layers make of the mean field, as factors, for every draw of a network and every group of samples.

    Given y of a layer, W y is a Gaussian vector of variance q; going back, W^T delta has the component along y that
    W y fixes, and is a Gaussian vector across it. So one vector can be followed with no matrix, and exactly. Samples
    whose inputs are near each other are a group with one vector; the vectors of two groups are correlated as the net
    inputs and the deltas of their middle samples are.

    Attributes:
        groups: (N,) the group of each sample.
        forward: (layers, draws, groups) factors of the mean square of each layer's input.
        output: (draws, groups) factors of the variance of the output's net input.
    """

    def __init__(self, init: str, widths, grams: Grams, products, draws: int, rng: np.random.Generator):
        self._orthogonal = INITS[init].draws == "orthogonal"
        self._widths, self._gains, self._rng = widths, grams.gains, rng
        self.groups, middle = grouped(grams.K[0])
        count = len(middle)
        variance = grams.sigma_b * grams.sigma_b
        self._members = np.eye(count)[self.groups] / np.bincount(self.groups)
        lengths = [np.diag(K) @ self._members for K in grams.K]
        self.forward = np.ones((len(grams.gains), draws, count))
        self._slope2, self._shared = [], [shared(P[np.ix_(middle, middle)]) for P in products]
        self._weighted, self._y, self._slope = [], [], []
        q = np.tile(grams.gains[0] * (np.diag(grams.Y[0]) @ self._members), (draws, 1))  # of W y; biases come on top
        for layer, n in enumerate(widths[1:-1]):
            at = moments(grams.phi.name, lengths[layer])
            among = shared(grams.Y[layer][np.ix_(middle, middle)])
            weighted = self._directions((draws, count, n), widths[layer], among) * np.sqrt(q)[..., None]
            biases = grams.sigma_b * rng.standard_normal((draws, 1, n)) if variance > 0 else 0.0
            y, slope = grams.phi.evaluate(weighted + biases)
            self.forward[layer + 1] = safe_divide(np.vecdot(y, y) / n, at.second)
            q = grams.gains[layer + 1] * self.forward[layer + 1] * at.second
            self._weighted.append(weighted)
            self._y.append(y)
            self._slope.append(slope)
            self._slope2.append(at.slope2)
        self.output = safe_divide(q + variance, lengths[-1])
        self._last, self._share = (
            q + variance,
            safe_divide(q, q + variance),
        )  # what of the output's net input is W y, not b

    def backward(self, some: slice, net: np.ndarray, delta: np.ndarray) -> Iterator[np.ndarray]:
        """Factors (draws, groups) for grad_norm^2 of every layer, and then for delta_norm^2.

        Args:
            some: which draws.
            net, delta: (draws, N, outputs) of the output.
        """
        size = np.vecdot(delta, delta) @ self._members
        along = safe_divide(np.vecdot(net, delta) @ self._members, np.sqrt(size))
        share = self._share[some]
        along = share * along
        along += np.sqrt(share * (1 - share) * self._last[some]) * self._rng.standard_normal(along.shape)
        factors = [np.ones_like(along)]
        for layer in range(len(self._widths) - 3, -1, -1):
            factor, along = self._back(layer, some, along)
            factors.append(factors[-1] * factor)
        factors.reverse()
        for forward, factor in zip(self.forward, factors, strict=True):
            yield forward[some] * factor
        yield from factors

    def _back(self, layer: int, some: slice, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Through one hidden layer: the factor of |delta|^2, and then W y . delta / |delta| there.

        Args:
            along: the same product in the layer above; its y is this layer's.
        """
        weighted, y, slope = self._weighted[layer][some], self._y[layer][some], self._slope[layer][some]
        n, above = self._widths[layer + 1], self._widths[layer + 2]
        gain, length = self._gains[layer + 1], np.sqrt(np.vecdot(y, y))
        unit = safe_divide(y, length[..., None])
        seen = safe_divide(along, length)  # along y, what W y has fixed
        v = self._normal(y.shape, max(n, above) if self._orthogonal else n, self._shared[layer + 1])
        across, v = np.vecdot(v, v), v[..., :n]
        own = np.vecdot(unit, v)
        if self._orthogonal:  # |delta| is kept: what is left of it lies across y, in max(n, above) directions
            kept, across = gain / n * max(n, above), across - own * own
            across[across < 1e-9] = 0  # there is no direction but y
            v *= np.sqrt(safe_divide(np.maximum(kept - seen * seen, 0), across))[..., None]
        else:
            v *= math.sqrt(gain / n)
        v += (seen - np.vecdot(unit, v))[..., None] * unit
        v *= slope
        size = np.vecdot(v, v)
        return safe_divide(size, gain * self._slope2[layer]), safe_divide(np.vecdot(weighted, v), np.sqrt(size))

    def _directions(self, shape: tuple[int, int, int], others: int, psd_sqrt: np.ndarray) -> np.ndarray:
        """(draws, groups, units) of mean square 1: what a random matrix from `others` units makes of a vector a group.

        An orthogonal one keeps lengths, or cuts them where it leads to fewer units.

        Args:
            root: (groups, groups), from `shared`.
        """
        units = shape[-1]
        if not self._orthogonal:
            return self._normal(shape, units, psd_sqrt)
        size = max(units, others)
        z = self._normal(shape, size, psd_sqrt)
        z *= math.sqrt(size) / np.sqrt(np.vecdot(z, z))[..., None]
        return z[..., :units]

    def _normal(self, shape: tuple[int, int, int], size: int, psd_sqrt: np.ndarray) -> np.ndarray:
        return psd_sqrt @ self._rng.standard_normal((*shape[:-1], size))


def grouped(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each sample, (N,), by the distance of their first net inputs; and each group's middle sample."""
    q = np.diag(K)
    apart = np.maximum(q[:, None] + q - 2 * K, 0)
    middle = [q.argmax()]
    while len(middle) < GROUPS:  # the sample that is farthest from all chosen ones
        nearest = apart[middle].min(axis=0)
        if nearest.max() <= 1e-9 * q.max():
            break
        middle.append(nearest.argmax())
    for _ in range(3):
        kept, groups = np.unique(apart[middle].argmin(axis=0), return_inverse=True)  # those that are not empty
        members = [np.flatnonzero(groups == g) for g in range(len(kept))]
        middle = [of[apart[np.ix_(of, of)].sum(axis=0).argmin()] for of in members]
    return groups, np.array(middle)


def shared(K: np.ndarray) -> np.ndarray:
    """A with A A^T = the correlations of a covariance K."""
    size = np.sqrt(np.diag(K))
    correlations = safe_divide(K, np.outer(size, size))
    np.fill_diagonal(correlations, 1.0)  # a vector of zeros has some direction too
    return psd_sqrt(correlations)


def safe_divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where b is 0: inputs of zeros, dead units and weights of 0 pass nothing on."""
    a, b = np.broadcast_arrays(a, b)
    return np.divide(a, b, out=np.zeros(a.shape), where=b != 0)


def psd_sqrt(K: np.ndarray) -> np.ndarray:
    """A with A A^T = K, for a positive semidefinite K."""
    values, vectors = np.linalg.eigh(K)
    return vectors * np.sqrt(np.maximum(values, 0))
