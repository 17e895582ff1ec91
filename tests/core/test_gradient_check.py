"""The gradient check that a visitor can run: it passes on what is right, and fails on what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.gradient_check as module
from core import RunConfig
from core.config import cost
from core.families.activations import ACTIVATIONS
from core.gradient_check import MAX_LAYERS, gradient_check, gradient_check_cost

SMALL = RunConfig(samples=24, hidden=(6,) * 4, init="he_normal", bias_std=0.1)
BLOBS = SMALL.replace(dataset="blobs", loss="cross_entropy", output_activation="softmax")


# 1e-7: differences of a loss near 1 carry rounding of 1e-16 over steps of 1e-8 at the worst, next to a kink.
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", [{}, {"residual": True}, {"normalization": "batch"}, {"batch_size": 7},
                                  {"normalization": "layer", "norm_affine": True}])  # fmt: skip
def test_backpropagation_agrees_with_differences_of_the_loss(activation, kind):
    found = gradient_check(SMALL.replace(activation=activation, **kind))
    assert np.nanmax(found.relative_error) < 1e-7


def test_every_layer_may_have_its_own_activation():
    found = gradient_check(SMALL.replace(activation=("tanh", "relu", "sigmoid", "leaky_relu")))
    assert np.nanmax(found.relative_error) < 1e-7


def test_net_inputs_on_a_kink_are_counted_since_there_is_no_derivative():
    # a sample that silences a whole layer reaches the next one as zeros, and without biases its net input is 0
    silent = gradient_check(SMALL.replace(activation="relu", hidden=(2,) * 4, bias_std=0.0, seed=1))
    assert silent.on_kinks > 0
    assert gradient_check(SMALL.replace(activation="relu")).on_kinks == 0
    mixed = gradient_check(SMALL.replace(activation=("relu", "tanh"), hidden=(2, 2), init_scale=0.0, bias_std=0.0))
    assert mixed.on_kinks == 2 * 24  # the ReLU layer's, not those of tanh
    assert gradient_check(SMALL.replace(activation="tanh", init_scale=0.0)).on_kinks == 0


def test_a_layer_with_a_wrong_gradient_is_found(monkeypatch):
    right = module.snapshot

    def wrong(*arguments):
        held = right(*arguments)
        held.weight_gradient[1] = held.weight_gradient[1] * 1.001
        return held

    monkeypatch.setattr(module, "snapshot", wrong)
    error = gradient_check(BLOBS.replace(activation="tanh")).relative_error
    assert error[1] > 1e-4
    assert np.delete(error, 1).max() < 1e-7


def test_a_vanished_gradient_is_out_of_sight_and_says_so():
    found = gradient_check(BLOBS.replace(activation="sigmoid", hidden=(6,) * 40))
    assert found.uncertainty[0] > abs(found.exact[0])
    assert found.uncertainty[-1] < 1e-6 * abs(found.exact[-1])
    seen = [u / abs(slope) < 1e-3 for u, slope in zip(found.uncertainty, found.exact, strict=True)]
    assert found.visible.tolist() == seen and not seen[0] and seen[-1]


def test_a_deep_network_is_checked_in_twelve_layers_from_the_first_to_the_last():
    found = gradient_check(SMALL.replace(activation="tanh", hidden=(4,) * 30))
    assert len(found.layer) == MAX_LAYERS
    assert (found.layer[0], found.layer[-1]) == (1, 31)


def test_a_network_that_is_not_finite_has_no_error_to_show():
    assert np.isnan(gradient_check(SMALL.replace(activation="relu", init_scale=1e200)).relative_error).all()


def test_no_layer_in_between_is_needed():
    assert gradient_check(SMALL.replace(hidden=())).relative_error.max() < 1e-10


def test_a_check_tells_how_far_it_is_and_can_be_ended():
    told = []

    def enough(done, total):
        told.append((done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gradient_check(SMALL.replace(hidden=(200,) * 4), on_progress=enough)
    ((done, total),) = told
    assert 0 < done < total


@given(st.floats(-3, 3), st.lists(st.floats(0.5, 2), min_size=3, max_size=3))
def test_the_first_three_even_powers_of_the_step_are_extrapolated_away(limit, coefficients):
    steps = module.LONGEST * module.FACTOR ** -np.arange(module.STEPS)
    powers = (steps / module.LONGEST) ** (2 * np.arange(4)[:, None])  # 1, h^2, h^4, h^6
    central = np.array([[limit, *coefficients]]) @ powers
    rounding = np.finfo(float).eps / steps[None, :]  # the shorter the step, the more of a difference is rounding
    found, _ = module._extrapolated(central, rounding)
    # some roundings of numbers up to 9; without one of the powers it is 1e-13 or more
    assert found[0] == pytest.approx(limit, abs=2e-14)


@given(st.floats(-3, 3), st.lists(st.floats(0.5, 2), min_size=3, max_size=3))
def test_each_even_power_of_the_step_is_extrapolated_away_by_its_own_factor(limit, coefficients):
    powers = module.FACTOR ** (-2.0 * np.arange(4)[:, None] * np.arange(5))  # 1, h^2, h^4, h^6 of five steps
    central = np.array([[limit, *coefficients]]) @ powers
    found, _ = module._extrapolated(central, np.ones((1, 5)))  # equal doubts about each: the agreement decides
    assert found[0] == pytest.approx(limit, abs=1e-13)


@given(st.integers(0, 10**6))
def test_of_all_neighbors_the_pair_that_agrees_best_is_taken(seed):
    rng = np.random.default_rng(seed)
    central, rounding = rng.standard_normal((3, 7)), rng.uniform(1.0, 2.0, (3, 7))  # which rules nothing out
    found, trust = module._extrapolated(central, rounding)
    for layer in range(3):
        column, pairs = central[layer], []
        for order in range(4):
            pairs += [
                (abs(column[k + 1] - column[k]) + rounding[layer, order + 1 + k], column[k + 1])
                for k in range(len(column) - 1)
            ]
            column = column[1:] + np.diff(column) / (module.FACTOR ** (2 * order + 2) - 1)
        assert (trust[layer], found[layer]) == pytest.approx(min(pairs))


@pytest.mark.parametrize("depth", [0, 3, 30])
def test_its_cost_is_one_pass_for_the_gradient_and_one_for_each_loss_of_the_data_given(depth):
    config, totals = SMALL.replace(hidden=(4,) * depth, steps=9, record_every=3), []
    gradient_check(config, on_progress=lambda done, total: totals.append(total))
    for sizes in ((2, 1, 24), (5, 3, 70)):
        once = cost(config.replace(steps=0), *sizes).multiply_adds
        assert gradient_check_cost(config, *sizes) == (1 + totals[-1]) * once
