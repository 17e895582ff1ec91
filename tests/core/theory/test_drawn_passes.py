"""The parts of the compiled passes against the same in NumPy."""

import numpy as np
import pytest

from core.families.normalization import EPS
from core.theory.drawn_normalization import OVER_SAMPLES, OVER_UNITS, normalize, pass_normalization_back
from core.theory.drawn_passes import drop, scale_and_shift

RNG = np.random.default_rng(0)
NET, DELTA = RNG.standard_normal((2, 7, 5)) + 1
AXES = {OVER_SAMPLES: 0, OVER_UNITS: 1}
DTYPES = {np.float64: 1e-12, np.float32: 2e-5}


EQUAL = np.full(7, 1 / 7)
SHARES = np.arange(1, 8) / 28


def normalized(net, axis, shares=EQUAL):
    weights = shares[:, None] if axis == 0 else np.full(net.shape[1], 1 / net.shape[1])
    centered = net - (weights * net).sum(axis=axis, keepdims=True)
    return centered / np.sqrt((weights * centered**2).sum(axis=axis, keepdims=True) + EPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("over", AXES)
def test_normalized_values_have_mean_0_and_variance_1_and_sizes_are_those_of_the_subtraction(over, dtype):
    net, inverse, axis = NET.astype(dtype), np.empty(7, dtype), AXES[over]
    left, taken = normalize(net, over, inverse, EQUAL.astype(dtype))
    mean = NET.mean(axis=axis, keepdims=True)
    np.testing.assert_allclose(net, normalized(NET, axis), rtol=0, atol=DTYPES[dtype])
    np.testing.assert_allclose(inverse[: NET.shape[1 - axis]], (NET.var(axis=axis) + EPS) ** -0.5, rtol=1e-6)
    assert left == pytest.approx(((NET - mean) ** 2).sum(), rel=1e-5)
    assert taken == pytest.approx(NET.shape[axis] * (mean**2).sum(), rel=1e-5)


@pytest.mark.parametrize("over", AXES)
def test_equal_numbers_are_normalized_to_zeros(over):
    net = np.full((7, 5), 0.1)  # whose mean is rounded
    normalize(net, over, np.empty(7), EQUAL.astype(np.float32))
    assert not net.any()


@pytest.mark.parametrize("shares", [EQUAL, SHARES], ids=["equal", "weighted"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("over", AXES)
def test_the_way_back_through_a_normalization_is_its_derivative(over, dtype, shares):
    net, inverse, delta, weights = NET.astype(dtype), np.empty(7, dtype), DELTA.astype(dtype), shares.astype(dtype)
    normalize(net, over, inverse, weights)
    np.testing.assert_allclose(net, normalized(NET, AXES[over], shares), rtol=0, atol=DTYPES[dtype])
    left, taken = pass_normalization_back(delta, net, over, inverse, weights)
    step, expected = 1e-6, np.empty_like(NET)
    own = shares[:, None]  # delta is a derivative by what one sample of the many it stands for has
    for at in np.ndindex(*NET.shape):
        moved = NET.copy()
        moved[at] += step
        change = normalized(moved, AXES[over], shares) - normalized(NET, AXES[over], shares)
        expected[at] = np.sum(own * DELTA * change) / step / shares[at[0]]
    np.testing.assert_allclose(delta, expected, rtol=0, atol=max(DTYPES[dtype], 1e-5))
    assert taken == pytest.approx((DELTA**2).sum(), rel=1e-5)
    weights = own if over == OVER_SAMPLES else np.full((1, 5), 1 / 5)
    mean = (weights * NET).sum(axis=AXES[over], keepdims=True)
    divided = (weights * (NET - mean) ** 2).sum(axis=AXES[over], keepdims=True) + EPS
    assert left == pytest.approx((expected**2 * divided).sum(), rel=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_net_input_is_scaled_and_shifted_by_its_units(dtype):
    net, shifts = NET.astype(dtype), np.arange(5).astype(dtype)
    scale_and_shift(net, 2.0, shifts, 3.0)
    np.testing.assert_allclose(net, 2 * NET + 3 * np.arange(5), rtol=1e-6)


def test_so_many_units_are_dropped_as_asked_and_the_mean_stays():
    chances = RNG.uniform(-np.sqrt(3), np.sqrt(3), 10_000)
    value, slope = np.ones(10_000), np.full(10_000, 2.0)
    drop(chances, 0.2, value, slope)
    np.testing.assert_array_equal(np.unique(value), [0, 1.25])
    np.testing.assert_array_equal(slope, 2 * value)
    assert abs(value.mean() - 1) < 0.02  # 4 standard errors
