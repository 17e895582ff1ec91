"""The spectrum of a wide network's Jacobian: closed forms, moments, and matrices drawn."""

import math

import numpy as np
import pytest

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.theory import moments
from core.theory.spectrum import jacobian_spectrum, relative_variance


def mean_powers(spectrum):
    """Means of lambda and lambda^2, lambda a squared singular value."""
    log_value, square = np.log(spectrum.value), spectrum.value**2
    return [np.trapezoid(spectrum.density * square**power, log_value) for power in (1, 2)]


def test_one_gaussian_layer_has_the_law_of_marchenko_and_pastur():
    spectrum = jacobian_spectrum("linear", 1.0, 1.0, 1, orthogonal=False)
    x = spectrum.value[spectrum.value < 1.99]
    # the density of s is sqrt(4 - s^2) / pi, and that of ln s is s times it; 1e-3 of ln lambda are smoothed out
    np.testing.assert_allclose(spectrum.density[: x.size], x * np.sqrt(4 - x * x) / math.pi, rtol=0.02, atol=2e-3)
    assert spectrum.value[-1] == pytest.approx(2, rel=1e-6) and spectrum.zeros == 0


@pytest.mark.parametrize("layers", [2, 5, 16])
def test_a_product_of_gaussian_layers_ends_where_fuss_and_catalan_say(layers):
    spectrum = jacobian_spectrum("linear", 1.0, 1.0, layers, orthogonal=False)
    assert spectrum.value[-1] ** 2 == pytest.approx((layers + 1) ** (layers + 1) / layers**layers, rel=1e-6)


def test_two_orthogonal_relu_layers_have_the_law_of_two_free_projections():
    spectrum = jacobian_spectrum("relu", math.sqrt(2), 1.0, 2, orthogonal=True)
    x = spectrum.value[(spectrum.value > 0.05) & (spectrum.value < 1.9)]
    at = np.searchsorted(spectrum.value, x)
    # lambda / 4 has the arcsine law on half of its mass: the density of ln s is s / (pi sqrt(4 - s^2))
    np.testing.assert_allclose(spectrum.density[at], x / (math.pi * np.sqrt(4 - x * x)), rtol=0.01)
    assert spectrum.zeros == 0.5 and spectrum.share_above[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("activation, q", [("relu", 1.0), ("leaky_relu", 1.0), ("tanh", 0.5), ("gelu", 1.0)])
def test_mean_and_variance_of_the_spectrum_are_those_of_its_moments(activation, q, orthogonal):
    gain, layers = 1.3 / float(moments(activation, q).slope2), 6
    spectrum = jacobian_spectrum(activation, math.sqrt(gain), q, layers, orthogonal=orthogonal)
    first, second = mean_powers(spectrum)
    assert first == pytest.approx(1.3**layers, rel=0.01)
    expected = relative_variance(activation, q, layers, orthogonal=orthogonal)
    assert second / first**2 - 1 == pytest.approx(expected, rel=0.02, abs=0.02)
    assert 0.4 < spectrum.share_above[0] + spectrum.zeros < 1.005 and (np.diff(spectrum.share_above) <= 0).all()


def test_the_spectrum_is_that_of_matrices_drawn():
    rng, width, layers = np.random.default_rng(0), 300, 5
    J = np.eye(width)
    for _ in range(layers):
        slope = ACTIVATIONS["tanh"].slope(math.sqrt(0.5) * rng.standard_normal(width))
        J = (J @ (rng.standard_normal((width, width)) / math.sqrt(width))) * slope
    drawn = np.sort(np.linalg.svd(J, compute_uv=False))
    spectrum = jacobian_spectrum("tanh", 1.0, 0.5, layers, orthogonal=False)
    share = 1 - np.searchsorted(drawn, spectrum.value) / width
    assert np.abs(share - spectrum.share_above).max() < 0.03  # eigenvalues are far more regular than independent draws


@pytest.mark.parametrize("fields", [{"layers": 0}, {"layers": 2.5}, {"sigma_w": 0.0}, {"q": -1.0}, {"activation": "x"}])
def test_what_has_no_spectrum_is_refused_by_name(fields):
    given = {"activation": "tanh", "sigma_w": 1.0, "q": 1.0, "layers": 3} | fields
    with pytest.raises(ConfigError, match=next(iter(fields))):
        jacobian_spectrum(**given, orthogonal=False)


@pytest.mark.parametrize("q", [100.0, 1e4])
@pytest.mark.parametrize("name, least", [("tanh", math.acosh(5e-13**-0.25)), ("sigmoid", math.log(5e-13**-0.5))])
def test_the_share_of_zeros_is_that_of_net_inputs_where_the_slope_is_nothing(name, least, q):
    # squares of slopes below 5e-13 are taken for 0: 1 / cosh(u)^2 of tanh, and exp(-|u|) of sigmoid far out
    spectrum = jacobian_spectrum(name, 1.0, q, 2, orthogonal=False)
    # the nodes of a panel see an edge between them to a few hundredths of a deviation
    assert spectrum.zeros == pytest.approx(math.erfc(least / math.sqrt(2 * q)), abs=0.03)
