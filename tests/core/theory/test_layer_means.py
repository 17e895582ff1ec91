"""Variances and gradient factors by layer against drawn networks, closed forms and hand work."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.families.initializers import INITS
from core.theory import length_map, moments
from core.theory.layer_means import expected_means, measured_means
from tests.support.strategies import quick_runs

MIXED = ("relu", "tanh", "sigmoid", "gelu")
SMALL = RunConfig(samples=40, hidden=(12, 20, 8, 8), bias_std=0.3)


def test_measured_means_are_those_of_the_snapshot():
    kept = snapshot(SMALL)
    means = measured_means(kept)
    np.testing.assert_allclose(means.q, [np.mean(net**2) for net in kept.net])
    squares = np.array([np.sum(delta**2) for delta in kept.delta])
    np.testing.assert_allclose(means.chi, squares[:-1] / squares[1:])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_input_has_the_variances_of_the_length_map(activation):
    X = np.ones((2, 3))  # |x|^2 / 3 = 1, twice
    config = RunConfig(hidden=(7,) * 4, activation=activation, init_scale=1.3, bias_std=0.2)
    means = expected_means(config, (X, np.ones((2, 1))))
    q, chi = length_map(activation, 1.3**2 + 0.2**2, 1.3, 0.2, 5)
    np.testing.assert_allclose(means.q, q, rtol=1e-12)
    np.testing.assert_allclose(means.chi, chi[:4], rtol=1e-12)


@pytest.mark.parametrize("init", INITS)
def test_chi_of_a_layer_takes_the_gain_of_the_next_layer(init):
    widths = (2, 30, 10, 60, 1)
    config = RunConfig(hidden=widths[1:-1], activation="relu", init=init, init_scale=0.7)
    means = expected_means(config)
    for layer, (fan_in, fan_out) in enumerate(zip(widths[1:], widths[2:], strict=False)):
        variance = (0.7 * INITS[init].deviation(fan_in, fan_out)) ** 2
        # n_l Var(W^{l+1}) E phi'^2, and E phi'^2 of ReLU is one half
        assert means.chi[layer] == pytest.approx(fan_in * variance / 2, rel=1e-12)


@pytest.mark.parametrize("fields", [
    {"activation": "sigmoid"}, {"activation": "tanh"}, {"activation": "gelu"},
    {"activation": "relu", "residual": True}, {"activation": "tanh", "residual": True},
    {"activation": "relu", "normalization": "layer"}, {"activation": MIXED},
    {"activation": MIXED, "normalization": "layer"},
    {"activation": "tanh", "normalization": "layer", "residual": True},
], ids=str)  # fmt: skip
def test_wide_networks_have_the_expected_means(fields):
    # the mean over 1,500 units is off by 4 % or so, and the first layers' noise adds to it
    config = RunConfig(samples=16, hidden=(1500,) * 4, init_scale=1.3, bias_std=0.2, **fields)
    measured, expected = measured_means(snapshot(config)), expected_means(config)
    if config.normalization == "none":
        np.testing.assert_allclose(measured.q[:-1], expected.q[:-1], rtol=0.2)
    np.testing.assert_allclose(measured.chi[:-1], expected.chi[:-1], rtol=0.2)


def test_batch_normalization_of_relu_multiplies_the_gradient_by_1_211():
    # Yang et al. 2019: sqrt(pi / (pi - 1)) a layer for a large batch, at any variance of the weights
    X = np.random.default_rng(0).standard_normal((64, 60))
    for scale in (0.5, 3.0):
        config = RunConfig(hidden=(50,) * 30, activation="relu", normalization="batch", init_scale=scale)
        chi = expected_means(config, (X, X[:, :1])).chi
        assert math.sqrt(chi[10]) == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=0.02)  # 64 samples: 1 / 64


def test_layer_normalization_makes_the_factor_independent_of_the_weights_scale():
    one, two = (
        expected_means(RunConfig(hidden=(50,) * 5, activation="tanh", normalization="layer", init_scale=scale))
        for scale in (1.0, 3.0)
    )
    np.testing.assert_allclose(one.chi[:-1], two.chi[:-1], rtol=1e-3)  # but for the 1e-5 inside the root
    at = moments("tanh", 1.0)
    assert one.chi[1] == pytest.approx(at.slope2 / at.second, rel=1e-3)  # sigma_w^2 E phi'^2 / (sigma_w^2 E phi^2)


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_layer_normalization_leaves_only_the_ratio_of_the_biases_scale_to_that_of_the_weights(scale):
    config = RunConfig(
        hidden=(50,) * 5, activation="tanh", normalization="layer", init_scale=scale, bias_std=0.6 * scale
    )
    at = moments("tanh", 1.0)
    # the 1e-5 inside the root tells the scales apart
    assert expected_means(config).chi[1] == pytest.approx(at.slope2 / (at.second + 0.36), rel=1e-3)


def test_a_residual_layer_of_he_relu_doubles_the_variance():
    means = expected_means(RunConfig(hidden=(40,) * 6, activation="linear", residual=True, init_scale=1.0))
    np.testing.assert_allclose(means.q[2:-1] / means.q[1:-2], 2)
    # B doubles a layer too, and so does delta^2
    np.testing.assert_allclose(means.chi[1:-1], 2)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(quick_runs())
def test_networks_of_any_size_have_means(config):
    kept = snapshot(config, 0)
    measured, expected = measured_means(kept), expected_means(config)
    assert measured.q.shape == expected.q.shape and measured.chi.shape == expected.chi.shape
