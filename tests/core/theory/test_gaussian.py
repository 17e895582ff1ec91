"""Gaussian averages against quadrature in 25 digits, closed forms, and limits."""

import functools
import math

import mpmath
import numpy as np
import pytest

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.theory import moments
from core.theory.gaussian import gaussian_nodes, moment_derivatives
from tests.support.erf import ERF
from tests.support.exact import EXACT

PROMISED = 1e-12  # relative, what `moments` says of itself
WIDTHS = (1e-6, 1e-3, 0.3, 1.0, 5.0, 50.0, 1e3, 1e4)
CURVED = [name for name, phi in ACTIVATIONS.items() if phi.piecewise_slopes is None]
RAYS = [name for name, phi in ACTIVATIONS.items() if phi.piecewise_slopes is not None]
SIZES = 10.0 ** np.arange(-3, 2.01)


def parts(found):
    return found.mean, found.second, found.slope2, found.slope4


def by_mpmath(name, q):
    """The four moments, by tanh-sinh quadrature: panels follow the bell and the bend, and meet at the kinks."""
    phi, slope = (functools.cache(which) for which in EXACT[name])
    with mpmath.workdps(25):
        deviation = mpmath.sqrt(mpmath.mpf(q))
        bend = [x / deviation for k in (0.3, 1, 2, 4, 8, 16, 32, 64) for x in (-k, k) if k / deviation < 14]
        breaks = sorted({mpmath.mpf(k) for k in (-14, -8, -4, -2, -1, 0, 1, 2, 4, 8, 14)} | set(bend))
        bell = functools.cache(mpmath.npdf)
        integrands = (
            lambda u: phi(u),
            lambda u: phi(u) ** 2,
            lambda u: slope(u) ** 2,
            lambda u: slope(u) ** 4,
        )
        return [float(mpmath.quad(lambda z, f=f: f(deviation * z) * bell(z), breaks)) for f in integrands]


def check_moments(name, q):
    found, exact = parts(moments(name, q)), by_mpmath(name, q)
    assert abs(found[0] - exact[0]) <= PROMISED * math.sqrt(exact[1])  # the mean of an odd function is 0
    np.testing.assert_allclose(found[1:], exact[1:], rtol=PROMISED, atol=0)


@pytest.mark.parametrize("q", [1e-3, 50.0])  # where the bell is far narrower, and far wider, than the bend
@pytest.mark.parametrize("name", CURVED)
def test_moments_agree_with_quadrature_in_25_digits(name, q):
    check_moments(name, q)


@pytest.mark.slow
@pytest.mark.parametrize("q", WIDTHS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_agree_with_quadrature_in_25_digits_at_every_width(name, q):
    check_moments(name, q)


@pytest.mark.parametrize("name", RAYS)
def test_moments_of_two_rays_are_half_the_sum_of_either_side(name):
    low, high = ACTIVATIONS[name].piecewise_slopes
    q = np.array(WIDTHS)
    found = moments(name, q)
    half = 1 / math.sqrt(2 * math.pi)  # E |z| / 2
    np.testing.assert_allclose(found.mean, (high - low) * half * np.sqrt(q), rtol=1e-15, atol=0)
    np.testing.assert_allclose(found.second, (low**2 + high**2) / 2 * q, rtol=1e-15)
    np.testing.assert_allclose(found.slope2, np.full(len(q), (low**2 + high**2) / 2), rtol=1e-15)
    np.testing.assert_allclose(found.slope4, np.full(len(q), (low**4 + high**4) / 2), rtol=1e-15)


@pytest.mark.parametrize("name", RAYS)
def test_quadrature_of_two_rays_gives_their_closed_forms(name):
    phi, q = ACTIVATIONS[name], np.array(WIDTHS)
    _, u, w = gaussian_nodes(phi, q)
    y, slope = phi.evaluate(u)
    found = [(w * f).sum(axis=1) for f in (y, y**2, slope**2, slope**4)]
    for ours, closed in zip(found, parts(moments(name, q)), strict=True):
        # rounding of a sum of some hundred terms; the mean of a linear one is a difference of such
        np.testing.assert_allclose(ours, closed, rtol=1e-14, atol=1e-14 * np.sqrt(q).max() if not closed.any() else 0)


@pytest.mark.parametrize("q", WIDTHS)
def test_quadrature_of_erf_gives_its_closed_forms(q):
    _, u, w = gaussian_nodes(ERF, np.array(q))
    y, slope = ERF.evaluate(u)
    second, slope2 = 2 / math.pi * math.asin(2 * q / (1 + 2 * q)), 4 / math.pi / math.sqrt(1 + 4 * q)
    assert (w * y).sum() == pytest.approx(0, abs=1e-15)
    assert (w * y**2).sum() == pytest.approx(second, rel=1e-14)  # a few dozen roundings
    assert (w * slope**2).sum() == pytest.approx(slope2, rel=1e-14)


def hermite(f, q, nodes=101):
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    return (w * f(math.sqrt(q) * z)).sum() / math.sqrt(2 * math.pi)


@pytest.mark.parametrize("name, q, off", [("tanh", 5, 5e-4), ("tanh", 50, 0.5), ("sigmoid", 50, 0.02)])
def test_gauss_hermite_with_101_nodes_would_miss_the_slopes(name, q, off):
    phi = ACTIVATIONS[name]
    assert abs(hermite(lambda u: phi.slope(u) ** 2, q) / moments(name, q).slope2 - 1) > off


def test_gauss_hermite_with_an_odd_number_of_nodes_would_weigh_a_kink_wrongly():
    relu = ACTIVATIONS["relu"]
    for q in WIDTHS:
        assert abs(hermite(lambda u: relu.slope(u) ** 2, q) - 0.5) > 0.01
        assert moments("relu", q).slope2 == 0.5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_at_zero_are_the_limit_from_above(name):
    phi = ACTIVATIONS[name]
    at_zero = float(phi(np.zeros(1))[0])
    low, high = phi.slope(np.array([-1e-300, 1e-300]))  # a kink is met from both sides
    expected = [at_zero, at_zero**2, (low**2 + high**2) / 2, (low**4 + high**4) / 2]
    np.testing.assert_allclose(parts(moments(name, 0.0)), expected, rtol=1e-14, atol=1e-300)
    # next to 0 a moment is off by its slope in sqrt(q), which is below 20 here
    np.testing.assert_allclose(parts(moments(name, 1e-12)), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arrays_keep_their_shape_and_are_what_each_number_gives(name):
    q = np.array([[0.0, 0.3, 1.0], [5.0, 50.0, 1e4]])
    found = parts(moments(name, q))
    for array, numbers in zip(found, zip(*(parts(moments(name, x)) for x in q.ravel()), strict=True), strict=True):
        assert array.shape == q.shape
        assert all(type(number) is float for number in numbers)
        # sums over nodes may be taken in another order
        np.testing.assert_allclose(array.ravel(), numbers, rtol=1e-14, atol=1e-14 * np.abs(array).max())
    found[0][0, 0] = 7  # each its own array, free to be written to


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_obey_what_holds_for_every_random_variable(name):
    found = moments(name, SIZES)
    tiny = 1 + 1e-13
    assert (found.mean**2 <= found.second * tiny).all() and (found.slope2**2 <= found.slope4 * tiny).all()
    assert (found.slope2 <= ACTIVATIONS[name].sup_slope ** 2 * tiny).all()
    variance = found.second - found.mean**2
    assert (variance <= SIZES * found.slope2 * tiny + 1e-13).all()  # Poincare's inequality for the Gaussian measure


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_growth_is_the_slope_of_the_moments(name):
    # fourth-order differences over ln q: truncation h^4 / 30, rounding 1e-15 / h
    h = 1e-3
    stencil = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))
    at = [(w, moments(name, SIZES * math.exp(k * h))) for k, w in stencil]
    second = sum(w * np.log(m.second) for w, m in at) / h
    to_chi = sum(w * np.log(m.slope2) for w, m in at) / h
    found = moment_derivatives(name, SIZES)
    np.testing.assert_allclose(found[0] * SIZES / moments(name, SIZES).second, second, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[1] * SIZES, to_chi, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_growth_at_zero_is_the_limit_from_above(name):
    q = 1e-9  # off by its next term, of size sqrt(q) at a kink
    assert moment_derivatives(name, 0.0)[0] == pytest.approx(moment_derivatives(name, q)[0], abs=1e-3)


@pytest.mark.parametrize("name", ["", "Tanh", "swish", None, 3, "relu "])
def test_an_unknown_activation_is_refused_by_name(name):
    with pytest.raises(ConfigError, match="activation") as refused:
        moments(name, 1.0)
    assert "tanh" in str(refused.value) and refused.value.field == "activation"


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_no_variance_has_no_moments(activation):
    assert moments(activation, []).second.shape == (0,)


@pytest.mark.parametrize("q", [-1e-9, math.nan, math.inf, "wide", "1.5", None, [1.0, -1.0], [[math.nan]], 1e101, 1j])
def test_what_is_no_variance_is_refused_by_name(q):
    with pytest.raises(ConfigError, match=r"^q = .* is not allowed: it must be ") as refused:
        moments("tanh", q)
    assert refused.value.field == "q"
