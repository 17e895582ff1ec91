"""The output layer of drawn networks against the same in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.families.activations import ACTIVATION_CODES, ACTIVATIONS
from core.theory.drawn_outputs import draw_top, output_delta

RNG = np.random.default_rng(0)
NUMBERS = RNG.standard_normal((6, 2))
Y = RNG.standard_normal((9, 6)) + 2
WEIGHTS = RNG.uniform(0.5, 1.5, 9) / 9
NET, TARGETS = RNG.standard_normal((2, 9, 3))
COUNTED = RNG.uniform(0.5, 2, 9)


def test_without_a_quantile_the_weights_are_their_numbers_times_their_deviation():
    top = np.empty_like(NUMBERS)
    draw_top(NUMBERS, 3.0, Y, WEIGHTS, np.nan, top)
    np.testing.assert_allclose(top, 3 * NUMBERS, rtol=1e-15)


@pytest.mark.parametrize("size", [1.0, 1e200, 1e-200])
def test_the_part_of_the_weights_along_the_mean_input_is_the_quantile_and_the_rest_stays(size):
    top = np.empty_like(NUMBERS)
    draw_top(NUMBERS, 3.0, size * Y, WEIGHTS, 0.7, top)
    along = WEIGHTS @ Y / np.linalg.norm(WEIGHTS @ Y)
    np.testing.assert_allclose(along @ top, 3 * 0.7, rtol=1e-12)
    across = np.eye(6) - np.outer(along, along)
    np.testing.assert_allclose(across @ top, across @ (3 * NUMBERS), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("y", [0 * Y, Y - WEIGHTS @ Y / WEIGHTS.sum()], ids=["zeros", "around zero"])
def test_inputs_without_a_common_part_have_no_direction(y):
    top = np.empty_like(NUMBERS)
    draw_top(NUMBERS, 3.0, y, WEIGHTS, 0.7, top)
    np.testing.assert_allclose(top, 3 * NUMBERS, rtol=1e-15)


def delta_of(activation, has_slope, factor):
    kind = SimpleNamespace(output_activation=activation, has_output_slope=has_slope, residual_factor=factor)
    delta = np.empty_like(NET)
    output_delta.py_func(kind, NET.copy(), TARGETS, COUNTED, delta)
    return delta


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh"])
def test_delta_of_squared_errors_is_twice_the_error_times_the_slope(name):
    output, slope = ACTIVATIONS[name].evaluate(NET)
    expected = 2 * COUNTED[:, None] * (output - TARGETS) * slope
    np.testing.assert_allclose(delta_of(ACTIVATION_CODES[name], True, 2.0), expected, rtol=1e-12)


def test_delta_of_the_cross_entropy_is_softmax_less_the_target():
    output = np.exp(NET) / np.exp(NET).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(delta_of(-1, False, 1.0), COUNTED[:, None] * (output - TARGETS), rtol=1e-12)
