"""A summary of training samples: sizes, the best constant answer, and targets that an output cannot take."""

import numpy as np
import pytest

from core import RunConfig, train
from core.data.summary import best_constant, output_range, summarize
from core.families.losses import OUTPUT_ACTIVATIONS

MSE = RunConfig()
BCE = RunConfig(loss="bce", output_activation="sigmoid")
CROSS_ENTROPY = RunConfig(loss="cross_entropy", output_activation="softmax")


def test_sizes_are_those_of_the_largest_column_and_of_all_targets():
    X, D = np.array([[3.0, 1], [4, 1]]), np.array([[-2.0], [4]])
    found = summarize(MSE, "regression", X, D)
    assert found.input_rms == pytest.approx(np.sqrt(12.5)) and found.target_rms == pytest.approx(np.sqrt(10))
    assert found.target_range == (-2, 4) and found.constant.loss == 9 and found.unreachable_loss == 0
    assert summarize(BCE, "two-class", X, np.array([[0.0], [1]])).target_rms == 0


@pytest.mark.parametrize("name", [name for name, member in OUTPUT_ACTIVATIONS.items() if member is not None])
def test_no_net_input_takes_an_output_out_of_its_range(name):
    low, high = output_range(name)
    values = OUTPUT_ACTIVATIONS[name](np.concatenate([np.linspace(-1e3, 1e3, 4001), np.linspace(-3, 3, 4001)]))
    assert (values >= low - 1e-6).all() and (values <= high + 1e-6).all()  # the grid of net inputs misses the lowest
    assert values.min() < low + 1e-3 if np.isfinite(low) else values.min() < -5
    assert values.max() > high - 1e-3 if np.isfinite(high) else values.max() > 500


def test_what_no_output_can_reach_is_the_loss_of_the_nearest_values():
    D = np.array([[-3.0, 0.5], [2.0, -1.0]])
    config = RunConfig(output_activation="tanh")
    assert summarize(config, "regression", np.ones((2, 1)), D).unreachable_loss == pytest.approx((4 + 1) / 2)
    relu = config.replace(output_activation="relu")
    assert summarize(relu, "regression", np.ones((2, 1)), D).unreachable_loss == pytest.approx((9 + 1) / 2)
    assert summarize(MSE, "regression", np.ones((2, 1)), D).unreachable_loss == 0


def test_a_trace_has_the_summary_of_data_of_ones_own_alone():
    X, D = np.array([[30.0, 1], [40, 1], [50, 1], [60, 1]]), np.array([[0.0], [0], [0], [1]])
    (trace,) = train([BCE.replace(hidden=(3,), steps=2)], data=(X, D))
    assert trace.data_summary == summarize(trace.config, "two-class", X, D)
    (trace,) = train([BCE.replace(hidden=(3,), steps=2, samples=8)])
    assert trace.data_summary is None


def test_the_best_constant_is_the_largest_class_and_the_mean_of_the_targets():
    two = np.array([[1.0], [0.0], [0.0], [0.0]])
    assert best_constant(MSE, "two-class", two) == (0.75, pytest.approx(3 / 16))
    assert best_constant(BCE, "two-class", two) == (0.75, pytest.approx(-(np.log(0.25) + 3 * np.log(0.75)) / 4))
    three = np.eye(3)[[0, 0, 1, 2]]
    share, loss = best_constant(CROSS_ENTROPY, "multi-class", three)
    assert share == 0.5 and loss == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2)
    share, loss = best_constant(MSE, "regression", np.array([[1.0, 0], [3, 0]]))
    assert np.isnan(share) and loss == 1


@pytest.mark.parametrize("config", [MSE, BCE], ids=["mse", "bce"])
def test_with_balanced_classes_the_best_constant_is_the_middle(config):
    two = np.array([[1.0], [0.0], [0.0], [0.0]])
    share, loss = best_constant(config.replace(class_weight="balanced"), "two-class", two)
    assert share == 0.75 and loss == pytest.approx(0.25 if config is MSE else np.log(2))


def test_no_constant_beats_the_best_one():
    rng = np.random.default_rng(0)
    D = rng.standard_normal((50, 3))
    best = best_constant(MSE, "regression", D).loss
    for _ in range(20):
        constant = D.mean(axis=0) + 0.1 * rng.standard_normal(3)
        assert ((D - constant) ** 2).sum(axis=1).mean() > best
