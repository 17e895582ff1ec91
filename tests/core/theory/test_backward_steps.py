"""A layer's step back against the same in NumPy, network by network."""

import numpy as np
import pytest

from core.theory.backward_steps import log_gradient_squares, step_back

RNG = np.random.default_rng(0)
DELTA, W = RNG.standard_normal((3, 7, 4)), RNG.standard_normal((3, 5, 4))
SLOPES, AROUND, NOTHING = RNG.random((3, 7, 5)), RNG.standard_normal((3, 7, 5)), np.empty((0, 0, 0))


@pytest.mark.parametrize("networks", [1, 3], ids=["the same inputs", "inputs of their own"])
def test_gradients_are_those_of_the_weighted_samples(networks):
    y, factors, logs = RNG.standard_normal((networks, 7, 5)), RNG.random(7), np.empty(3)
    log_gradient_squares(y, factors, DELTA, logs)
    gradient = np.swapaxes(y * factors[:, None], 1, 2) @ DELTA
    np.testing.assert_allclose(logs, np.log(np.mean(gradient**2, axis=(1, 2))), rtol=1e-12)


@pytest.mark.parametrize("skipped", [False, True])
def test_a_step_back_multiplies_by_weights_and_slopes_and_keeps_the_scale(skipped):
    slopes, dy, log_scales = SLOPES.copy(), np.empty_like(AROUND), np.ones(3)
    step_back(DELTA, W, AROUND if skipped else NOTHING, dy, slopes, log_scales)
    upstream = DELTA @ np.swapaxes(W, 1, 2) + AROUND * skipped
    np.testing.assert_allclose(np.mean(dy**2, axis=(1, 2)), 1, rtol=1e-12)
    np.testing.assert_allclose(dy * np.exp((log_scales - 1) / 2)[:, None, None], upstream, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(slopes, SLOPES * dy, rtol=1e-15)


def test_what_goes_around_may_lie_where_the_result_is_kept():
    slopes, dy = np.stack([SLOPES, SLOPES]), np.empty_like(AROUND)
    step_back(DELTA, W, AROUND, dy, slopes[0], np.zeros(3))
    same = AROUND.copy()
    step_back(DELTA, W, same, same, slopes[1], np.zeros(3))
    np.testing.assert_array_equal(same, dy)
    np.testing.assert_array_equal(slopes[0], slopes[1])


def test_without_memory_for_it_the_gradient_by_outputs_is_not_kept():
    slopes = np.stack([SLOPES, SLOPES])
    step_back(DELTA, W, NOTHING, np.empty_like(AROUND), slopes[0], np.zeros(3))
    step_back(DELTA, W, NOTHING, NOTHING, slopes[1], np.zeros(3))
    np.testing.assert_array_equal(slopes[0], slopes[1])
