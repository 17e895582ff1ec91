"""Dropout: masks of the right share, the same for the same run, and none where a network is only measured."""

import numpy as np
import pytest

from core import ConfigError, RunConfig, diagnose, snapshot, train
from core.curvature import sharpness
from core.diagnosis.statistics import TraceStats
from core.diagnosis.trials import measure_result
from core.engine.training import evaluate
from core.families.activations import ACTIVATIONS
from core.families.losses import LOSSES
from core.gradient_check import gradient_check
from core.theory.coverage import band_coverage
from core.theory.layer_means import expected_means, measured_means
from core.theory.network import worst_case
from core.theory.prediction import predict

SMALL = RunConfig(hidden=(20, 30), activation="sigmoid", samples=40, steps=6, learning_rate=0.1, dropout=0.4)


def test_the_share_dropped_is_the_probability_and_what_stays_is_divided_by_the_rest():
    kept = snapshot(SMALL.replace(hidden=(300,), samples=200), step=3)
    full = 1 / (1 + np.exp(-kept.net[0]))
    dropped = kept.activation[0] == 0
    assert dropped.mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / dropped.size))
    np.testing.assert_allclose(kept.activation[0][~dropped], full[~dropped] / 0.6, rtol=1e-12)
    assert (kept.delta[0][dropped] == 0).all()  # and no gradient where a unit is dropped


def test_every_step_and_every_layer_and_every_seed_drops_others():
    states = [snapshot(config, step) for config in (SMALL, SMALL.replace(seed=1)) for step in (0, 1)]
    masks = [state.activation[0] == 0 for state in states]
    masks.append(states[0].activation[1][:, :20] == 0)
    for first in range(len(masks)):
        for second in range(first):
            assert 0.3 < (masks[first] != masks[second]).mean() < 0.7


def test_a_larger_probability_drops_the_same_units_and_more():
    few, many = (snapshot(SMALL.replace(dropout=share)).activation[0] == 0 for share in (0.2, 0.5))
    assert many[few].all() and many.sum() > few.sum()


def test_a_run_with_dropout_is_the_same_every_time_and_in_any_stack():
    configs = [SMALL.replace(dropout=share, seed=seed) for share in (0.1, 0.4) for seed in (3, 4)]
    for alone, together in zip([train([config])[0] for config in configs], train(configs), strict=True):
        np.testing.assert_array_equal(alone.loss, together.loss)
        np.testing.assert_array_equal(alone.grad_norm, together.grad_norm)


def test_without_dropout_no_bit_changes():
    plain = SMALL.replace(dropout=0.0)
    together = train([plain, SMALL])
    np.testing.assert_array_equal(together[0].loss, train([plain])[0].loss)
    assert (together[0].loss[1:] != together[1].loss[1:]).all()


def test_a_tiny_probability_drops_nothing():
    traces = train([SMALL.replace(dropout=share) for share in (0.0, 1e-12)])
    np.testing.assert_allclose(traces[1].loss, traces[0].loss, rtol=1e-9)


def test_held_out_samples_and_evaluations_see_all_units():
    config = SMALL.replace(holdout=0.3, steps=0)
    dropped, plain = (train([config.replace(dropout=share)])[0] for share in (0.4, 0.0))
    assert dropped.loss[0] != plain.loss[0]
    np.testing.assert_array_equal(dropped.holdout_loss, plain.holdout_loss)
    X = np.random.default_rng(0).standard_normal((7, 2))
    np.testing.assert_array_equal(
        evaluate(config, plain.weights, X), evaluate(config.replace(dropout=0.0), plain.weights, X)
    )
    assert sharpness(config, plain.weights) == sharpness(config.replace(dropout=0.0), plain.weights)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("fields", [{}, {"residual": True, "hidden": (6, 6)}, {"normalization": "batch"}], ids=str)
def test_gradients_with_masks_are_the_slopes_of_the_loss(loss, fields):
    dataset = "iris" if loss == "cross_entropy" else "circles"
    config = SMALL.replace(
        activation="tanh", loss=loss, output_activation=LOSSES[loss].output_activation or "linear", dataset=dataset,
        bias_std=0.2, **fields,
    )  # fmt: skip
    found = gradient_check(config)
    assert (found.relative_error < 1e-7).all()


def test_what_stays_makes_up_for_what_is_dropped():
    config = SMALL.replace(hidden=(50, 400), dropout=0.5, steps=19, learning_rate=1e-12)
    full = snapshot(config.replace(dropout=0.0)).net[1]
    apart = np.array([snapshot(config, step=step).net[1] - full for step in range(20)])
    assert np.abs(apart.mean(axis=0)).mean() < 2 * np.sqrt(2 / np.pi) * apart.std() / np.sqrt(20)


# -- theory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("fields", [{}, {"residual": True}, {"normalization": "layer"}], ids=str)
def test_mean_field_grows_by_what_is_dropped_as_networks_do(activation, fields):
    config = RunConfig(
        hidden=(400,) * 5, activation=activation, init="he_normal", samples=60, dropout=0.3, steps=0, **fields
    )
    growth = []
    for share in (0.0, 0.3):
        own = config.replace(dropout=share)
        networks = [measured_means(snapshot(own.replace(seed=seed))) for seed in range(6)]
        measured = np.mean([[np.log(one.q[1:-1]), np.log(one.chi[1:])] for one in networks], axis=0)
        expected = expected_means(own)
        growth.append((measured, np.log([expected.q[1:-1], expected.chi[1:]])))
    (plain, plain_expected), (dropped, dropped_expected) = growth
    np.testing.assert_allclose(dropped - plain, dropped_expected - plain_expected, atol=0.12)


@pytest.mark.parametrize("activation, init", [("tanh", "glorot_normal"), ("sigmoid", "normal"), ("relu", "he_normal")])
def test_the_predicted_band_counts_dropped_units(activation, init):
    config = RunConfig(hidden=(24,) * 6, activation=activation, init=init, dropout=0.5, steps=0)
    found = predict(config)
    assert found.reason == ""
    assert (band_coverage(config, found, networks=300).inside > 0.9).all()  # 95 %, but for 4 standard errors


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_worst_case_bounds_networks_with_dropped_units(activation):
    for seed in range(5):
        kept = snapshot(SMALL.replace(activation=activation, init="he_normal", seed=seed, dropout=0.7))
        weights, delta = worst_case(kept)
        assert (np.linalg.norm(kept.delta[0]) <= delta[0] * (1 + 1e-9)) and weights[0] > 0


# -- verdicts ---------------------------------------------------------------------------------------------------

RELU = RunConfig(dataset="moons", hidden=(64, 64), activation="relu", init="he_normal", learning_rate=0.05,
                 loss="bce", output_activation="sigmoid", optimizer="momentum", dropout=0.5)  # fmt: skip


@pytest.mark.claims
def test_a_run_is_judged_with_all_its_units():
    healthy = 0
    for trace in train([RELU.replace(seed=seed) for seed in range(100, 116)]):
        stats = TraceStats(trace)
        assert stats.last_accuracy >= trace.accuracy[-20:].mean() - 0.02
        healthy += diagnose(trace).verdict == "healthy"
    assert healthy >= 13


@pytest.mark.claims
def test_where_few_units_are_dropped_too_often_training_without_dropout_is_offered():
    offered = 0
    for trace in train([RELU.replace(hidden=(4,) * 3, dropout=0.8, seed=seed) for seed in range(100, 116)]):
        labels = [one.label for finding in diagnose(trace).findings for one in finding.suggestions]
        offered += "No dropout" in labels
    assert offered >= 10


def test_a_trial_measures_the_network_with_all_its_units_on_the_samples_it_was_trained_on():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    D = (X[:, :1] > 0).astype(float)
    (trace,) = train([RELU.replace(steps=30, dropout=0.7)], data=(X, D))
    found = measure_result(trace, (X, D))
    o = evaluate(trace.config, trace.weights, X)
    assert found.accuracy == ((o > 0.5) == D).mean()
    loss = -(D * np.log(o) + (1 - D) * np.log(1 - o)).mean()
    constant = -(D.mean() * np.log(D.mean()) + (1 - D.mean()) * np.log(1 - D.mean()))
    assert found.relative_loss == pytest.approx(loss / constant)


@pytest.mark.parametrize("value", [1, -0.1, 1.5, "half", True])
def test_a_share_outside_is_refused(value):
    with pytest.raises(ConfigError, match="dropout"):
        RunConfig(dropout=value)
