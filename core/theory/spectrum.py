"""Singular values of the Jacobian of a wide network, from free probability.

With J = prod_l D^l W^l, D = diag phi'(u) at u ~ N(0, q), the factors of J J^T are free in the limit of wide layers, and
their S-transforms multiply. S is 1 / (sigma_w^2 (1 + M)) for Gaussian weights, 1 / sigma_w^2 for orthogonal ones, and
(1 + M) / (M w) for D^2, where M = E[phi'^2 / (w - phi'^2)] defines w. So M(z) of J J^T follows from

    z = (1 + M) / M * (sigma_w^2 (1 + M)^g M w / (1 + M))^L,        g = 1 for Gaussian weights, 0 for orthogonal ones

and the density of ln lambda is -Im M(lambda + i0) / pi.

Source: Pennington, Schoenholz & Ganguli 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..errors import ConfigError
from .gaussian import gaussian_nodes, member, moments, one_variance, scale

POINTS = 400  # of a spectrum
SMALLEST = 1e-6  # singular value, in units of their root mean square, down to which a spectrum is computed
ANGLE = 1e-3  # of z above the real axis: what is finer in ln lambda is smoothed out
TURNS = 40
NEWTON_STEPS = 4
# ln of |z| over the largest eigenvalue, where M is small; steps from there
START_LOG_DISTANCE = 30.0
START_STEPS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectrum:
    """Singular values of a Jacobian.

    Attributes:
        value: (points,) singular values, rising.
        density: (points,) of ln(value) at each; together with what is smaller and the zeros its integral is 1.
        zeros: share of singular values that are 0.
    """

    value: np.ndarray
    density: np.ndarray
    zeros: float

    @property
    def share_above(self) -> np.ndarray:
        """(points,) share of singular values above each."""
        steps = np.diff(np.log(self.value)) * (self.density[1:] + self.density[:-1]) / 2
        return np.append(np.cumsum(steps[::-1])[::-1], 0.0)


def relative_variance(activation: str, q: float, layers: int, *, orthogonal: bool) -> float:
    """Variance of the squared singular values over their squared mean; 0 is isometry, up to a common factor.

        L (E phi'^4 / E[phi'^2]^2 - 1 + g),        g = 1 for Gaussian weights, 0 for orthogonal ones

    Args:
        activation: a name of ACTIVATIONS.
        q: variance of the net inputs, the same in every layer.
        layers: L.
        orthogonal: whether the weights are, rather than Gaussian.

    Raises:
        ConfigError: an unknown activation; a variance or a number of layers out of range.
    """
    found = moments(activation, one_variance("q", q))
    slope2 = float(found.slope2)
    slope4 = float(found.slope4)
    return _checked(layers) * (slope4 / slope2**2 - (1 if orthogonal else 0))


def jacobian_spectrum(activation: str, sigma_w: float, q: float, layers: int, *, orthogonal: bool) -> Spectrum:
    """The singular values of the Jacobian of so many wide layers.

    Args:
        activation, q, layers, orthogonal: as in `relative_variance`.
        sigma_w: scale of the weights; an orthogonal matrix is multiplied by it.

    Raises:
        ConfigError: as in `relative_variance`; a sigma_w of 0, or slopes that are all 0.
    """
    layers = _checked(layers)
    gain = scale("sigma_w", sigma_w) ** 2
    squares, shares = _squared_slopes(activation, one_variance("q", q))
    mean = gain * float(shares @ squares)
    if not mean > 0:
        raise ConfigError("sigma_w", sigma_w, "it must be above 0, and the activation must have a slope")
    factors = _Factors(squares / float(shares @ squares), shares, layers, gaussian=not orthogonal)
    edge = factors.log_largest()
    depth = -2 * math.log(SMALLEST)
    log_size = edge - (edge + depth) * np.linspace(1, 0, POINTS) ** 2  # denser toward the largest
    M = factors.solve(log_size)
    value = np.exp((log_size + layers * math.log(mean)) / 2)
    zeros = float(shares[squares == 0].sum())
    return Spectrum(value=value, density=np.maximum(-2 * M.imag / math.pi, 0.0), zeros=zeros)


def _checked(layers: int) -> int:
    if not isinstance(layers, (int, np.integer)) or isinstance(layers, bool) or not 1 <= layers <= 500:
        raise ConfigError("layers", layers, "it must be a whole number from 1 to 500")
    return int(layers)


def _squared_slopes(activation: str, q: float) -> tuple[np.ndarray, np.ndarray]:
    """phi'(u)^2 at u ~ N(0, q): values and their shares."""
    phi = member(activation)
    if phi.piecewise_slopes is not None:
        return np.square(phi.piecewise_slopes), np.array([0.5, 0.5])
    _, u, w = gaussian_nodes(phi, np.asarray(q))
    squares, index = np.unique(np.round(phi.slope(u) ** 2, 12), return_inverse=True)
    shares = np.bincount(index, w)
    kept = shares > 1e-14
    return squares[kept], shares[kept] / shares[kept].sum()


class _Factors:
    """The equation for w, with squared slopes in units of their mean and sigma_w^2 = 1."""

    def __init__(self, squares: np.ndarray, shares: np.ndarray, layers: int, *, gaussian: bool):
        kept = squares > 0
        self.squares = squares[kept]
        self.shares = shares[kept]
        self.layers = layers
        self.power = int(gaussian) - 1

    def _log_z(self, w: np.ndarray, M: np.ndarray) -> np.ndarray:
        """ln z = ln(1 + M) - ln M + L (ln M + ln w + (g - 1) ln(1 + M))."""
        inner = self.layers * self.power + 1
        return inner * np.log(1 + M) + (self.layers - 1) * np.log(M) + self.layers * np.log(w)

    def log_largest(self) -> float:
        """ln of the largest eigenvalue: where z(w), which falls and rises again above the largest slope, is least."""
        top = self.squares.max()

        def log_z(log_excess: float) -> float:
            w = np.array([top * (1 + math.exp(log_excess))])
            return float(self._log_z(w, self._moment(w)[0])[0])

        return float(minimize_scalar(log_z, bounds=(-25, 10), method="bounded").fun)

    def _moment(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """M and dM/dw."""
        terms = self.shares * self.squares / (w[:, None] - self.squares)
        return terms.sum(axis=1), -(terms / (w[:, None] - self.squares)).sum(axis=1)

    def _newton(self, w: np.ndarray, log_z: np.ndarray) -> np.ndarray:
        """Solves for w, from a value nearby."""
        for _ in range(NEWTON_STEPS):
            M, slope = self._moment(w)
            inner = self.layers * self.power + 1
            error = self._log_z(w, M) - log_z
            error = error.real + 1j * ((error.imag + math.pi) % (2 * math.pi) - math.pi)
            step = error / (slope * (inner / (1 + M) + (self.layers - 1) / M) + self.layers / w)
            half = np.abs(w) / 2  # no step is longer
            w = w - step * (half / np.maximum(np.abs(step), half))
        return w

    def solve(self, log_size: np.ndarray) -> np.ndarray:
        """M at |z| of these rising logarithms, just above the real axis.

        From far away, where w = z, to each |z| on the imaginary axis; from there down to the real axis.
        """
        far = np.linspace(log_size[-1] + START_LOG_DISTANCE, log_size[-1], START_STEPS)
        w = np.exp(far[:1] + 0.5j * math.pi)
        on_axis = []
        for log_radius in [*far, *log_size[::-1]]:
            w = self._newton(w, np.array([log_radius + 0.5j * math.pi]))
            on_axis.append(w[0])
        w = np.array(on_axis[: -len(log_size) - 1 : -1])
        for angle in np.geomspace(math.pi / 2, ANGLE, TURNS)[1:]:
            w = self._newton(w, log_size + 1j * angle)
        return self._moment(w)[0]
