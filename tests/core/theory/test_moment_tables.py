"""Moments from tables against their quadrature, and what is drawn with them against the same without a table."""

import numpy as np
import pytest

from core.families.activations import ACTIVATIONS
from core.theory import moments, variance_map
from core.theory.moment_tables import HIGH, LOW, tabled_moments
from core.theory.plane import CLOSE, DEEP, UNBOUNDED_VARIANCE, gradient_factors

CURVED = [name for name, phi in ACTIVATIONS.items() if phi.piecewise_slopes is None]
PROMISED = 1e-12  # relative, what the tables say of themselves
SAME = 1e-9  # relative, of a plane's factors, into which errors of the table grow over 60 layers


@pytest.mark.parametrize("name", CURVED)
def test_tables_agree_with_quadrature(name):
    inside = np.exp(np.random.default_rng(0).uniform(np.log(LOW), np.log(HIGH), 300))
    q = np.concatenate([[0, 1e-40, LOW, 1.0, HIGH, 1e20, 1e100], inside])
    direct = moments(name, q)
    for tabled, exact in zip(tabled_moments(name, q), (direct.second, direct.slope2), strict=True):
        np.testing.assert_allclose(tabled, exact, rtol=PROMISED, atol=0)


@pytest.mark.parametrize("name", CURVED)
def test_the_plane_is_that_of_quadrature(name):
    sigma_w, sigma_b = np.linspace(0, 4, 7), np.linspace(0, 1.5, 3)
    weights, biases = np.meshgrid(sigma_w**2, sigma_b**2)
    for found, weight, bias in zip(
        gradient_factors(name, sigma_w, sigma_b).flat, weights.flat, biases.flat, strict=True
    ):
        q = 1.0
        for _ in range(DEEP):
            before, q = q, weight * moments(name, q).second + bias
            if abs(q - before) <= CLOSE * q or q > UNBOUNDED_VARIANCE:
                break
        assert found == pytest.approx(np.sqrt(weight * moments(name, q).slope2), rel=SAME, abs=0)


@pytest.mark.parametrize("name", CURVED)
def test_rests_and_critical_points_are_those_of_quadrature(name, monkeypatch):
    def found():
        rests = [
            variance_map.fixed_points(name, sigma_w, sigma_b) for sigma_w in (0.5, 1.0, 1.7) for sigma_b in (0, 0.2)
        ]
        return rests, variance_map.critical_points(name), variance_map.critical_points(name, 0.2)

    tabled = found()
    monkeypatch.setattr(
        variance_map, "tabled_moments", lambda name, q: (moments(name, q).second, moments(name, q).slope2)
    )
    assert tabled == found()
