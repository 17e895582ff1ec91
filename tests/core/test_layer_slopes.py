"""Where units lie on their activation is what the engine applied it to."""

import numpy as np
import pytest

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.layer_slopes import activation_inputs, activation_slopes, layer_activation
from tests.support.gains import draw_gains

SMALL = RunConfig(hidden=(5, 4), samples=12, steps=3)


@pytest.mark.parametrize("normalization", ["none", "layer", "batch"])
def test_the_activation_of_its_inputs_is_what_the_layer_holds(normalization):
    state = snapshot(SMALL.replace(normalization=normalization, activation="tanh"), 2)
    for layer, held in enumerate(state.activation[:-1]):
        np.testing.assert_allclose(np.tanh(activation_inputs(state, layer)), held, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(activation_inputs(state, 2), state.net[2])


@pytest.mark.parametrize("normalization", ["layer", "batch"])
def test_the_inputs_of_the_activation_have_the_learned_gain_and_shift(normalization):
    config = SMALL.replace(normalization=normalization, norm_affine=True, activation="tanh")
    state = snapshot(config, 2, initial=draw_gains(snapshot(config).weights))
    for layer, held in enumerate(state.activation[:-1]):
        np.testing.assert_allclose(np.tanh(activation_inputs(state, layer)), held, rtol=1e-12, atol=1e-14)


def test_each_layer_has_the_slopes_of_its_own_activation():
    state = snapshot(SMALL.replace(activation=("tanh", "sigmoid")), 0)
    y, s = state.activation[:2]
    np.testing.assert_allclose(activation_slopes(state, 0), 1 - y * y, rtol=1e-12)
    np.testing.assert_allclose(activation_slopes(state, 1), s * (1 - s), rtol=1e-12)


def test_slopes_of_a_sigmoid_layer_are_s_times_one_minus_s():
    state = snapshot(SMALL, 0)
    s = state.activation[1]
    np.testing.assert_allclose(activation_slopes(state, 1), s * (1 - s), rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_pass_delta_back_through_a_layer(name):
    state = snapshot(SMALL.replace(activation=name), 1)
    W = state.weights[1][0]
    passed = state.delta[1] @ W.T * activation_slopes(state, 0)
    np.testing.assert_allclose(state.delta[0], passed, rtol=1e-10, atol=1e-18)


def test_the_output_has_its_own_activation_and_softmax_has_no_slope():
    assert np.all(activation_slopes(snapshot(SMALL, 0), 2) == 1)
    blobs = SMALL.replace(dataset="blobs", loss="cross_entropy", output_activation="softmax")
    assert layer_activation(snapshot(blobs, 0), 2) is None
    assert activation_slopes(snapshot(blobs, 0), 2) is None
