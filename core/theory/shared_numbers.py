"""Random weights from numbers that are drawn once and serve every config: common random numbers."""

from __future__ import annotations

import math
import threading
from functools import lru_cache

import numpy as np

from ..families.initializers import INITS

POOL_NUMBERS = 1 << 22  # of each family: 16 MB
BLOCK_NUMBERS = POOL_NUMBERS >> 4  # drawn at once, when a config first needs them
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
    """Weights and biases of one group of networks; the same group of equal sizes always gets the same numbers.

    Each array starts at a random place of the pool, so that a network hardly ever meets the same numbers twice.

    Args:
        init: a name of INITS.
        group: index of the group.
        networks: how many.
        total: numbers that all groups together use, roughly: no more of the pool than that is drawn.
        dtype: float32 or float64, of the same numbers.
    """

    def __init__(self, init: str, group: int, networks: int, total: int, dtype: type):
        self._family = INITS[init].draws
        self._networks = networks
        self._dtype = dtype
        self._bias_family = "normal" if INITS[init].bias_deviation is None else "uniform"
        self._span = min(POOL_NUMBERS, BLOCK_NUMBERS * -(-total // BLOCK_NUMBERS))
        self._rng = np.random.default_rng([group, networks])

    def weights(self, fan_in: int, fan_out: int, deviation: float) -> np.ndarray:
        """(networks, fan_in, fan_out), entries of this standard deviation."""
        if self._family != "orthogonal":
            return self._scaled(self._family, (self._networks, fan_in, fan_out), deviation)
        size = max(fan_in, fan_out)
        chosen = haar_matrices(size)[self._rng.integers(HAAR_MATRICES, size=self._networks), :fan_in, :fan_out]
        chosen *= self._signs(fan_in, 1)
        chosen *= self._signs(1, fan_out)
        return chosen * self._dtype(deviation * math.sqrt(size))

    def biases(self, units: int, deviation: float) -> np.ndarray:
        """(networks, 1, units), numbers of this standard deviation, from the family that the init draws biases of."""
        return self._scaled(self._bias_family, (self._networks, 1, units), deviation)

    def _signs(self, *shape: int) -> np.ndarray:
        return np.float32(1) - 2 * self._rng.integers(2, size=(self._networks, *shape), dtype=np.int8)

    def _scaled(self, family: str, shape: tuple[int, ...], deviation: float) -> np.ndarray:
        count = math.prod(shape)
        if count > self._span:
            values = np.empty(count, np.float32)
            fill(self._rng, family, values)
        else:
            values = _POOLS[family].window(int(self._rng.integers(self._span - count + 1)), count)
        return values.reshape(shape) * self._dtype(deviation)


@lru_cache(maxsize=64)
def haar_matrices(size: int) -> np.ndarray:
    """(HAAR_MATRICES, size, size) orthogonal matrices, uniformly distributed (Haar), float32."""
    q, r = np.linalg.qr(np.random.default_rng(size).standard_normal((HAAR_MATRICES, size, size)))
    return (q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None]).astype(np.float32)
