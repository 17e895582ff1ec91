"""Numbers of single samples of drawn networks, against the same in NumPy and averages over many vectors."""

import numpy as np
import pytest

from core.theory.projections import count_negative, project, project_further, sample_mean_squares

RNG = np.random.default_rng(0)


def direction(units):
    return np.where(np.arange(units) < count_negative(units), -1.0, 1.0)


@pytest.mark.parametrize("units", [1, 2, 3, 16, 128])
def test_the_signs_of_the_direction_add_up_to_the_root_of_the_units(units):
    assert abs(direction(units).sum() - np.sqrt(units)) <= 1.5  # rounded, and then up to the parity of the units


def test_products_with_the_direction_have_on_average_the_product_of_the_vectors_themselves():
    x, y = RNG.standard_normal((2, 10)) + [[2], [1]]
    orders = np.argsort(RNG.random((20_000, 10)), axis=1)
    found = (x[orders] @ direction(10)) * (y[orders] @ direction(10))
    # 4 standard errors, and what the rounded number of signs adds to the product of the means
    rounding = abs(direction(10).sum() ** 2 - 10) / 90 * abs(x.sum() * y.sum() - x @ y)
    assert abs(found.mean() - x @ y) < 4 * found.std() / np.sqrt(len(orders)) + rounding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_are_projected_and_squared_one_by_one(dtype):
    y, delta, found = RNG.standard_normal((7, 5)).astype(dtype), RNG.standard_normal((7, 4)).astype(dtype), np.empty(7)
    project(y, 3.0, found)
    np.testing.assert_allclose(found, 3 * y @ direction(5), rtol=1e-5)
    project_further(delta, found)
    np.testing.assert_allclose(found, 3 * (y @ direction(5)) * (delta @ direction(4)), rtol=1e-5)
    sample_mean_squares(y, 2.0, found)
    np.testing.assert_allclose(found, 2 * np.mean(np.square(y), axis=1), rtol=1e-5)
