"""Every activation against closed forms in 50 digits, and its slope against differences, at any net input."""

import math

import mpmath
import numpy as np
import pytest

from core.families.activations import ACTIVATION_CODES, ACTIVATIONS, SELU_ALPHA, SELU_SCALE, activate
from tests.support.exact import EXACT

mpmath.mp.dps = 50


ORDINARY = np.linspace(-6, 6, 97)
EXTREME = np.array([-1e300, -1e20, -1e4, -745, -700, -100, -40, -38, -20, 20, 37, 38, 100, 700, 710, 1e4, 1e20, 1e300])
TINY = np.array([-1e-300, -1e-160, -1e-17, -1e-8, 0.0, 1e-8, 1e-17, 1e-160, 1e-300])
POINTS = np.concatenate([ORDINARY, EXTREME, TINY])


def exact(which, points):
    with mpmath.workdps(50):
        return np.array([float(which(mpmath.mpf(float(z)))) for z in points])


@pytest.fixture(params=ACTIVATIONS)
def activation(request):
    return ACTIVATIONS[request.param]


def test_every_member_has_an_exact_form_and_says_what_it_is(activation):
    assert activation.name in EXACT
    assert activation.label and activation.formula.startswith(r"\varphi(z) = ") and activation.source


def test_value_and_slope_agree_with_50_digits(activation):
    value, slope = activation.evaluate(POINTS)
    phi, dphi = (exact(which, POINTS) for which in EXACT[activation.name])
    eps = np.finfo(float).eps
    # The value to a few roundings of itself and of z. The slope to a few roundings of the largest one, since 1 - S and
    # 1 - tanh^2 lose their relative digits where they saturate, in every library; silu multiplies those by z <= 37.
    assert (np.abs(value - phi) <= 8 * eps * (np.abs(phi) + np.abs(POINTS * dphi)) + 1e-300).all()
    assert (np.abs(slope - dphi) <= 40 * eps * activation.sup_slope).all()


CROSSINGS = {"gelu": -0.7517915246935645, "silu": -1.2784645427610737}  # where phi' is 0


def test_value_and_slope_are_right_to_two_units_in_the_last_place_and_gelu_to_five(activation):
    rng = np.random.default_rng(0)
    z = np.concatenate([POINTS, rng.uniform(-3, 3, 150), rng.uniform(-40, 40, 80), rng.uniform(-760, 760, 80)])
    z = np.concatenate([z, 10.0 ** rng.uniform(-320, -1, 30), -(10.0 ** rng.uniform(-320, -1, 30)), [5e-324, -5e-324]])
    tiny = 5e-324
    for found, which in zip(activation.evaluate(z), EXACT[activation.name], strict=True):
        with mpmath.workdps(50):
            right = [which(mpmath.mpf(float(x))) for x in z]
            wrong = [float(abs(mpmath.mpf(float(f)) - r)) for f, r in zip(found, right, strict=True)]
        unit = np.maximum(np.spacing(np.abs(np.array([float(r) for r in right]))), tiny)
        if which is EXACT[activation.name][1] and activation.name in CROSSINGS:
            # two terms of about 0.3 cancel there, each right to its own last place
            unit = np.where(np.abs(z - CROSSINGS[activation.name]) < 0.5, np.spacing(0.3), unit)
        # gelu on 3,000 points: 2.7 and, for the slope, 4.1; without fused multiply-add 3.6 and 4.1
        most = 5 if activation.name == "gelu" else 2
        assert (np.array(wrong) <= most * unit).all(), z[np.argmax(wrong / unit)]


def test_infinities_and_signed_zeros_have_their_limits(activation):
    value, slope = activation.evaluate(np.array([-math.inf, math.inf, -0.0, 0.0, math.nan]))
    far, near = activation.evaluate(np.array([-1e5, 1e5])), activation.evaluate(np.array([1e-320]))
    np.testing.assert_array_equal(slope[:2], far[1])
    for limit, finite in zip(value[:2], far[0], strict=True):
        assert limit == finite or abs(limit) == math.inf
    assert (
        value[2] == value[3] == pytest.approx(near[0][0], abs=1e-300) and math.isnan(value[4]) and math.isnan(slope[4])
    )


def test_nothing_warns_or_ceases_to_be_finite_at_extreme_input(activation):
    with np.errstate(all="ignore"):
        value, slope = activation.evaluate(np.concatenate([POINTS, [-1.7e308, 1.7e308]]))
    assert np.isfinite(value).all() or activation.name == "selu"  # selu(1.7e308) is above the largest float
    assert np.isfinite(value[:-1]).all() and np.isfinite(slope).all()


def test_slope_agrees_with_central_differences(activation):
    h = 1e-5
    z = np.linspace(-8, 8, 400)  # an even number: none at 0, where phi' has its kinks and that of elu bends
    assert all(np.abs(z - kink).min() > h for kink in activation.kinks)
    difference = (activation(z + h) - activation(z - h)) / (2 * h)
    # truncation h^2 |phi'''| / 6 < 1e-10 and rounding eps |phi| / h < 2e-10
    np.testing.assert_allclose(activation.slope(z), difference, rtol=0, atol=5e-10)


def test_curvature_agrees_with_central_differences_of_the_slope(activation):
    h = 1e-5
    z = np.linspace(-8, 8, 400)  # as above: the curvature of elu and selu jumps at 0
    difference = (activation.slope(z + h) - activation.slope(z - h)) / (2 * h)
    # truncation h^2 |fourth derivative| / 6 < 1e-10; rounding eps |slope| / h < 1e-10 for each term of the slope
    np.testing.assert_allclose(activation.curvature(z), difference, rtol=0, atol=5e-10)


def test_curvature_is_finite_everywhere_and_keeps_its_digits_in_the_tails(activation):
    z = np.concatenate([POINTS[POINTS != 0], [-1.7e308, 1.7e308]])
    curvature = activation.curvature(z)
    assert np.isfinite(curvature).all()
    if activation.name in ("relu", "leaky_relu", "linear"):
        assert (curvature == 0).all()
        return
    near = np.array([-12.0, -9.5, -2.25, 0.75, 9.5, 12.0])
    with mpmath.workdps(50):
        second = np.array([float(mpmath.diff(EXACT[activation.name][1], mpmath.mpf(x))) for x in near])
    # exp(-z^2 / 2), with z^2 = 144, keeps a relative 144 eps / 2; all others less
    np.testing.assert_allclose(activation.curvature(near), second, rtol=5e-14, atol=0)


def test_kinks_are_where_the_slope_jumps_and_nowhere_else(activation):
    z = np.linspace(-8, 8, 1601)
    assert set(activation.kinks) <= {0.0}
    jumps = np.abs(np.diff(activation.slope(z))) > 0.1
    assert jumps.any() == bool(activation.kinks)
    if activation.kinks:
        left, right = activation.slope(np.array([-1e-12, 1e-12]))
        assert abs(right - left) > 0.1


def test_supremum_of_the_slope_is_reached_and_never_exceeded(activation):
    # fine enough that the largest slope on the grid is below the supremum by phi''' h^2 / 8 < 1e-7 at most
    grid = np.concatenate([np.linspace(-50, 50, 200_001), [-1e-12, 1e-12, -1e4, 1e4]])
    largest = np.abs(activation.slope(grid)).max()
    assert largest <= activation.sup_slope * (1 + 4 * np.finfo(float).eps)
    assert largest == pytest.approx(activation.sup_slope, rel=1e-7)


@pytest.mark.parametrize("name, sup", [("gelu", 1.128904), ("silu", 1.099839), ("selu", 1.758099), ("sigmoid", 0.25)])
def test_suprema_agree_with_published_ones(name, sup):
    assert ACTIVATIONS[name].sup_slope == pytest.approx(sup, abs=5e-7)


def test_supremum_where_it_is_inside_agrees_with_mpmath():
    gelu = 1 / mpmath.mpf(2) * mpmath.erfc(-1) + mpmath.sqrt(2) * mpmath.npdf(mpmath.sqrt(2))
    assert ACTIVATIONS["gelu"].sup_slope == pytest.approx(float(gelu), rel=1e-15)
    at = mpmath.findroot(lambda z: mpmath.diff(EXACT["silu"][1], z), 2.4)
    assert ACTIVATIONS["silu"].sup_slope == pytest.approx(float(EXACT["silu"][1](at)), rel=1e-15)


def test_monotone_members_are_those_whose_slope_is_never_negative(activation):
    slope = activation.slope(np.concatenate([np.linspace(-50, 50, 20_001), EXTREME]))
    assert activation.monotone == bool((slope >= 0).all())


def test_float32_is_float64_to_its_rounding(activation):
    z = np.concatenate([ORDINARY, [-80, -20, 20, 80]]).astype(np.float32)
    value, slope = activation.evaluate(z)
    assert value.dtype == slope.dtype == np.float32
    wide, steep = activation.evaluate(z.astype(float))
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(value, wide, rtol=8 * eps, atol=np.finfo(np.float32).tiny)
    np.testing.assert_allclose(slope, steep, rtol=8 * eps, atol=8 * eps)


@pytest.mark.parametrize("shape", [(1, 1), (1, 257), (12, 7), (600, 180)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_pass_gives_the_same_for_every_shape_and_counts_low_slopes(activation, shape, dtype):
    z = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    net, out, slope = z.copy(), *(np.full(shape, np.nan, dtype) for _ in range(2))
    low, threshold = np.full(len(z), -1), 0.4 * activation.sup_slope
    activate(ACTIVATION_CODES[activation.name], net, out, slope, low, threshold)
    np.testing.assert_array_equal(net, z)
    flat_value, flat_slope = activation.evaluate(z.ravel())
    np.testing.assert_array_equal(out.ravel(), flat_value)
    np.testing.assert_array_equal(slope.ravel(), flat_slope)
    np.testing.assert_array_equal(low, (np.abs(slope.astype(float)) < threshold).sum(axis=1))


def test_every_member_has_a_code_of_its_own():
    assert list(ACTIVATION_CODES) == list(ACTIVATIONS)
    for name, member in ACTIVATIONS.items():
        for z in (-1.5, 0.75):
            value, slope = member.point(z)
            assert (value, slope) == pytest.approx([float(part[0]) for part in member.evaluate(np.array([z]))]), name


def test_rays_are_the_whole_of_those_that_have_them_and_of_no_other(activation):
    z = POINTS[POINTS != 0]
    low, high = activation.piecewise_slopes or activation.slope(np.array([-1e4, 1e4]))
    piecewise_slopes = np.where(z < 0, low, high) * z
    value, slope = activation.evaluate(z)
    if activation.piecewise_slopes is None:  # the nearest two rays miss the value by as much as the bend is high
        assert np.abs(value - piecewise_slopes)[np.abs(z) < 10].max() > 0.1
    else:
        np.testing.assert_array_max_ulp(value, piecewise_slopes, 1)
        np.testing.assert_allclose(slope, np.where(z < 0, low, high), rtol=np.finfo(float).eps)  # 0.99 + 0.01


def test_not_a_number_stays_one(activation):
    value, _ = activation.evaluate(np.array([math.nan, 1.0]))
    assert math.isnan(value[0]) and math.isfinite(value[1])


def test_integers_are_taken_as_floats(activation):
    assert activation(np.array([1, 2])).dtype == np.float64
    np.testing.assert_array_equal(activation(np.array([1, 2])), activation(np.array([1.0, 2.0])))


def test_slopes_and_curvatures_at_a_kink_are_the_left_ones_as_in_pytorch():
    at_zero = {name: float(ACTIVATIONS[name].slope(np.zeros(1))[0]) for name in ("relu", "leaky_relu", "selu", "elu")}
    assert at_zero == pytest.approx(
        {"relu": 0.0, "leaky_relu": 0.01, "selu": SELU_SCALE * SELU_ALPHA, "elu": 1.0}, rel=1e-15
    )
    curvature = {name: float(ACTIVATIONS[name].curvature(np.zeros(1))[0]) for name in ("selu", "elu")}
    assert curvature == pytest.approx({"selu": SELU_SCALE * SELU_ALPHA, "elu": 1.0}, rel=1e-15)
