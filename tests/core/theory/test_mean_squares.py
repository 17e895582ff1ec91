"""Logarithms of mean squares against exact sums, also where squares leave the range of a float."""

import math

import numpy as np
import pytest

from core.theory.mean_squares import log_mean_square, scale_to_one, weighted_log_mean_square

NUMBERS = np.random.default_rng(0).standard_normal((3, 20))
# Sums of so few float32 squares are right to a few of its roundings, 6e-8 each.
PRECISION = {np.float64: 1e-13, np.float32: 2e-6}


def logs_of(values):
    return np.array([log_mean_square(row) for row in values])


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("exponent", [0, -30, 30])
def test_the_logarithm_is_right_where_squares_leave_the_range_of_float32(dtype, exponent):
    expected = np.log(np.mean(NUMBERS**2, axis=1)) + 2 * exponent * math.log(10)
    values = (NUMBERS * 10.0**exponent).astype(dtype)
    np.testing.assert_allclose(logs_of(values), expected, rtol=0, atol=PRECISION[dtype])


@pytest.mark.parametrize("exponent", [-300, 300])
def test_the_logarithm_is_right_where_squares_leave_the_range_of_float64(exponent):
    expected = np.log(np.mean(NUMBERS**2, axis=1)) + 2 * exponent * math.log(10)
    np.testing.assert_allclose(logs_of(NUMBERS * 10.0**exponent), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", PRECISION)
def test_zeros_infinities_and_nan_have_the_logarithm_that_they_should(dtype):
    values = np.ones((3, 4), dtype)
    values[0], values[1, 2], values[2, 1] = 0, math.inf, math.nan
    np.testing.assert_array_equal(logs_of(values), [-math.inf, math.inf, math.nan])


@pytest.mark.parametrize("dtype", PRECISION)
def test_factors_multiply_each_sample(dtype):
    values, factors = NUMBERS.reshape(3, 5, 4).astype(dtype), np.arange(1, 6).astype(dtype)
    logs = [weighted_log_mean_square(each, factors, np.empty(50, dtype)) for each in values]
    np.testing.assert_allclose(logs, logs_of((values * factors[:, None]).reshape(3, -1)), rtol=1e-15)


@pytest.mark.parametrize("dtype", PRECISION)
def test_scaled_values_have_a_mean_square_of_1_and_zeros_stay(dtype):
    values, logs = NUMBERS.astype(dtype) * dtype(1e-3), np.empty(3)
    values[1] = 0
    given = values.copy()
    scale_to_one(values, logs)
    np.testing.assert_allclose(logs_of(values)[::2], 0, atol=10 * PRECISION[dtype])
    np.testing.assert_allclose(values * np.exp(logs / 2)[:, None], given, rtol=10 * PRECISION[dtype])
    assert logs[1] == 0 and not values[1].any()
