"""Random weights from numbers that are drawn once and serve every config: common random numbers."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..compiled.cache import compiled
from ..families.initializers import INITS

POOL_NUMBERS = 1 << 22  # of each family: 16 MB
BLOCK_NUMBERS = POOL_NUMBERS >> 4  # drawn at once, when a config first needs them
DROPOUT_SEED = 1  # of the masks, other than those of weights
HAAR_MATRICES = 16  # of each size; signs of rows and columns make many of them


class _Pool:
    """Independent float32 numbers of mean 0 and variance 1, drawn block by block."""

    def __init__(self, family: str):
        self._family = family
        self._values = None
        self._blocks = 0
        self._lock = threading.Lock()

    def window(self, start: int, count: int) -> np.ndarray:
        """Numbers start to start + count, not to be written to."""
        with self._lock:
            if self._values is None:
                self._values = np.empty(POOL_NUMBERS, np.float32)
            while self._blocks * BLOCK_NUMBERS < start + count:
                at = self._blocks * BLOCK_NUMBERS
                fill(np.random.default_rng(self._blocks), self._family, self._values[at : at + BLOCK_NUMBERS])
                self._blocks += 1
        return self._values[start : start + count]


def fill(rng: np.random.Generator, family: str, out: np.ndarray) -> None:
    """Writes numbers of mean 0 and variance 1, normal or uniform, into a float32 array."""
    if family == "normal":
        rng.standard_normal(out=out, dtype=np.float32)
    else:
        rng.random(out=out, dtype=np.float32)
        out -= np.float32(0.5)
        out *= np.float32(math.sqrt(12))


_POOLS = {family: _Pool(family) for family in ("normal", "uniform")}


class Draws:
    """Numbers of one group of networks; the same group of equal sizes always gets the same.

    Each array starts at a random place of the pool, so that a network hardly ever meets the same numbers twice.

    Args:
        init: a name of INITS.
        group: index of the group.
        size: its networks.
        networks: of all groups together: no more of the pool than they use, roughly, is drawn.
        dtype: float32 or float64, of the same numbers.
    """

    def __init__(self, init: str, group: int, size: int, *, networks: int, dtype: type):
        self._family = INITS[init].draws
        self._bias_family = "normal" if INITS[init].bias_deviation is None else "uniform"
        self._size = size
        self._networks = networks
        self._dtype = dtype
        self._rng = np.random.default_rng([group, size])

    def weights(self, widths: Sequence[int]) -> np.ndarray:
        """(size, weights) of all layers one after another, of mean 0 and variance 1, not to be written to."""
        shapes = list(zip(widths, widths[1:], strict=False))
        total = sum(m * n for m, n in shapes)
        if self._family != "orthogonal":
            return self._numbers(self._family, total)
        numbers = np.empty((self._size, total), np.float32)
        start = 0
        for m, n in shapes:
            size = max(m, n)
            chosen = self._rng.integers(HAAR_MATRICES, size=self._size)
            write_signed(haar_matrices(size), chosen, self._signs(m), self._signs(n), start, numbers)
            start += m * n
        return numbers.astype(self._dtype, copy=False)

    def biases(self, widths: Sequence[int]) -> np.ndarray:
        """(size, units) of all layers one after another, from the family that the init draws biases of."""
        return self._numbers(self._bias_family, sum(widths[1:]))

    def _signs(self, count: int) -> np.ndarray:
        return np.float32(1) - 2 * self._rng.integers(2, size=(self._size, count), dtype=np.int8)

    def _numbers(self, family: str, each: int) -> np.ndarray:
        span = self._networks * each
        numbers = pooled(family, self._rng, self._size * each, span).reshape(self._size, each)
        return numbers.astype(self._dtype, copy=False)


def pooled(family: str, rng: np.random.Generator, count: int, span: int) -> np.ndarray:
    """(count,) numbers of mean 0 and variance 1 from a random place of the pool, not to be written to.

    Args:
        span: how many numbers of the pool, roughly, are used at most.
    """
    span = min(POOL_NUMBERS, BLOCK_NUMBERS * -(-span // BLOCK_NUMBERS))
    if count <= span:
        return _POOLS[family].window(int(rng.integers(span - count + 1)), count)
    values = np.empty(count, np.float32)
    fill(rng, family, values)
    return values


def dropout_chances(group: int, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform numbers of mean 0 and variance 1 that decide which units a group of networks drops."""
    rng = np.random.default_rng([DROPOUT_SEED, group])
    return pooled("uniform", rng, math.prod(shape), POOL_NUMBERS).reshape(shape)


@compiled
def write_signed(
    matrices: np.ndarray,
    chosen: np.ndarray,
    row_signs: np.ndarray,
    column_signs: np.ndarray,
    start: int,
    numbers: np.ndarray,
) -> None:
    """Writes one of the orthogonal matrices for each network, with other signs, scaled to a variance of 1.

    Args:
        matrices: (matrices, size, size).
        chosen: (networks,) which.
        row_signs, column_signs: (networks, fan_in) and (networks, fan_out), of which the larger is size.
        start: where the layer's weights begin.
        numbers: (networks, weights), written.
    """
    rows = row_signs.shape[1]
    columns = column_signs.shape[1]
    root = np.float32(math.sqrt(matrices.shape[1]))
    for network in range(chosen.shape[0]):
        matrix = matrices[chosen[network]]
        for n in range(rows):
            factor = root * row_signs[network, n]
            at = start + n * columns
            for k in range(columns):
                numbers[network, at + k] = matrix[n, k] * column_signs[network, k] * factor


@lru_cache(maxsize=64)
def haar_matrices(size: int) -> np.ndarray:
    """(HAAR_MATRICES, size, size) orthogonal matrices, uniformly distributed (Haar), float32."""
    q, r = np.linalg.qr(np.random.default_rng(size).standard_normal((HAAR_MATRICES, size, size)))
    return (q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None]).astype(np.float32)
