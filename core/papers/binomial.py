"""The binomial distribution: SciPy's own comes with all of `scipy.stats`, which takes a second of a server's start."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy


def pmf(k: np.ndarray, n: int, p: float) -> np.ndarray:
    """Odds of k successes in n trials, each of odds p: n! / (k! (n - k)!) p^k (1 - p)^(n - k)."""
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p))
