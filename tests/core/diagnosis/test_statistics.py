"""Evidence: slopes over the layers against closed forms, and the layer that broke first."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, diagnose, snapshot, train
from core.diagnosis.statistics import TraceStats, find_break, joint_norm
from core.trace import compared_layers, first_to_last, layer_factors
from tests.support.troubles import BLOBS, TROUBLES

MSE = RunConfig()
BCE = RunConfig(loss="bce", output_activation="sigmoid")
CROSS_ENTROPY = RunConfig(loss="cross_entropy", output_activation="softmax")

# -- slopes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("hidden", [2, 3, 10, 50])
def test_a_geometric_gradient_has_its_factor_and_its_decades(factor, hidden):
    norms = 3 * factor ** np.arange(hidden - 1, -1, -1.0)
    rows = np.append(norms, 123.0)[None]  # the output layer's is not on the line and not asked
    np.testing.assert_allclose(layer_factors(rows), factor, rtol=1e-12)
    np.testing.assert_allclose(first_to_last(rows), (hidden - 1) * np.log10(factor), rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(1e-30, 1e30), min_size=3, max_size=20))
def test_the_factor_is_a_least_squares_slope_and_the_decades_are_measured(norms):
    rows = np.array([norms])
    if len(norms) > 3:
        slope = np.polyfit(np.arange(len(norms) - 1), np.log(norms[:-1]), 1)[0]
        assert layer_factors(rows)[0] == pytest.approx(np.exp(-slope), rel=1e-9)
    assert first_to_last(rows)[0] == pytest.approx(np.log10(norms[0]) - np.log10(norms[-2]), abs=1e-12)


def test_rows_are_fitted_one_by_one():
    rows = np.random.default_rng(0).lognormal(size=(5, 7))
    for measure in (layer_factors, first_to_last):
        np.testing.assert_array_equal(measure(rows), np.hstack([measure(row[None]) for row in rows]))


def test_silent_layers_above_the_first_are_passed_over():
    norms = 0.5 ** np.arange(19, -1, -1.0)
    norms[[3, 8, 19]] = 0
    rows = np.append(norms, 1.0)[None]
    np.testing.assert_allclose(layer_factors(rows), 0.5, rtol=1e-12)
    np.testing.assert_allclose(first_to_last(rows), 18 * np.log10(0.5), rtol=1e-12)  # layer 20 has none, 19 has


@pytest.mark.parametrize(
    "norms, factor, decades",
    [
        ([5.0], np.nan, np.nan),  # one layer
        ([2.0, 4.0], 0.5, np.log10(0.5)),  # one hidden layer: against the output
        ([0.0, 0.0, 0.0, 1.0], 0.0, -np.inf),  # nothing comes back
        ([0.0, 0.0, 0.0, 0.0], np.nan, np.nan),  # nothing is sent
        ([np.nan] * 4, np.nan, np.nan),
        ([np.inf, 1.0, 1.0, 1.0], np.nan, np.nan),
        ([0.0] * 10 + [1e-3, 1.0, 1.0], 0.0, -np.inf),  # lost on its way to layer 1
        ([1.0, 0.0, 0.0, 1.0], np.nan, 0.0),  # one norm makes no line
    ],
)
def test_where_there_is_no_line(norms, factor, decades):
    np.testing.assert_equal(layer_factors(np.array([norms]))[0], factor)
    np.testing.assert_equal(first_to_last(np.array([norms]))[0], decades)


@pytest.mark.parametrize("count, expected", [(1, 1), (2, 2), (3, 2), (51, 50)])
def test_the_output_layer_is_left_out_where_two_hidden_ones_remain(count, expected):
    assert compared_layers(count) == expected


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_joint_norm_needs_no_squares(scale):
    np.testing.assert_allclose(joint_norm(scale * np.array([[3.0, 4.0], [0.0, 0.0]])), [5 * scale, 0], rtol=1e-15)


# -- what several rules ask -------------------------------------------------------------------------------------


def test_rows_count_while_there_is_something_to_learn():
    (trace,) = train([RunConfig(activation="relu", init="he_normal", steps=100)])
    run, late = TraceStats(trace), trace.loss <= 0.1 * trace.loss[0]
    assert late.any() and not late[:10].any()
    assert run.row_beyond(late) is None
    assert run.row_beyond(~late) == 0
    early = ~late & (trace.step > 0)
    assert run.row_beyond(early) == np.flatnonzero(early)[-1]


@pytest.mark.parametrize(
    "activation, sides",
    [("sigmoid", 2), ("tanh", 2), ("relu", 1), ("elu", 1), ("gelu", 1), ("softplus", 1), ("leaky_relu", 0)],
)
def test_sides_on_which_an_activation_is_flat(activation, sides):
    (trace,) = train([RunConfig(activation=activation, hidden=(2,), samples=4, steps=0)])
    assert TraceStats(trace).flat_sides.tolist() == [sides]


def test_each_layer_has_the_flat_sides_and_the_shares_of_its_own_activation():
    config = RunConfig(activation=("tanh", "relu", "tanh"), hidden=(3, 5, 2), samples=40, init_scale=4.0, steps=0)
    stats = TraceStats(train([config])[0])
    assert stats.flat_sides.tolist() == [2, 1, 2]
    assert stats.labels(stats.flat_sides == 2) == ["tanh"]
    saturation = stats.trace.saturation[0]
    expected = (3 * saturation[0] + 2 * saturation[2]) / 5
    assert stats.share_of("saturation", stats.flat_sides == 2)[0] == pytest.approx(expected, rel=1e-12)


# -- the layer that broke first ---------------------------------------------------------------------------------

BROKEN = (
    *(config for config in TROUBLES["diverged"] if len(config.hidden) < 20 and config.batch_size is None),
    RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05, holdout=0.25, record_every=2, seed=3),
    RunConfig(activation="linear", hidden=(8,) * 10, init_scale=100, learning_rate=1e300, steps=2),
    RunConfig(activation="relu", hidden=(8,) * 4, init_scale=1e60, steps=3),
    RunConfig(activation="linear", hidden=(8,) * 10, init_scale=300, steps=2, dtype="float32"),
    RunConfig(activation="leaky_relu", init="he_normal", normalization="layer", hidden=(8,) * 4, learning_rate=1e30),
)


@pytest.mark.parametrize("config", BROKEN, ids=repr)
def test_the_break_is_the_first_one_of_the_run_s_own_pass(config):
    (trace,) = train([config])
    kept = snapshot(config, step=trace.diverged_at)  # trained again, and every value of that step kept
    forward = [n for n, y in enumerate(kept.activation, start=1) if not np.isfinite(y).all()]
    weights = [n for n, (W, _) in enumerate(kept.weights, start=1) if not np.isfinite(W).all()]
    deltas = zip(kept.delta, kept.weight_gradient, strict=True)
    backward = [n for n, pair in enumerate(deltas, start=1) if not all(np.isfinite(part).all() for part in pair)]
    if weights:
        assert find_break(trace) == (weights[0], "weights")
    elif forward:
        assert find_break(trace) == (forward[0], "signal")
    elif np.isfinite(trace.loss[trace.step == trace.diverged_at]).all() and backward:
        assert find_break(trace) == (backward[-1], "gradient")
    else:
        assert find_break(trace) == (trace.layers, "loss")  # its square overflowed


def test_at_step_0_the_signal_and_the_gradient_are_told_apart():
    (signal,) = train([RunConfig(activation="relu", init_scale=1e80)])
    assert find_break(signal).quantity == "signal"
    (gradient,) = train([RunConfig(activation="leaky_relu", init_scale=1.0)], initial=[huge_on_the_way_back()])
    assert gradient.diverged_at == 0
    assert find_break(gradient) == (1, "gradient")


def huge_on_the_way_back():
    """Weights whose signal starts at 1e-300 and ends near 1e13: the gradient comes back 1e313 times as large."""
    rng = np.random.default_rng(0)
    sizes = [2, *(32,) * 10, 1]
    scales = [1e-300, *(1e34,) * 9, 1.0]
    return [(s * rng.standard_normal((a, b)), np.zeros(b)) for s, a, b in zip(scales, sizes, sizes[1:], strict=False)]


def test_data_of_one_s_own_are_stood_in_for():
    X, D = np.random.default_rng(1).standard_normal((20, 7)), np.zeros((20, 3))
    (trace,) = train([BROKEN[0].replace(dataset="custom")], data=(X, D))
    assert trace.diverged_at is not None
    broken = find_break(trace)
    assert broken.quantity in ("signal", "gradient")  # huge weights, whatever the samples
    for samples in (np.ones((3, 7)), -np.ones((3, 7))):
        with np.errstate(all="ignore"):
            kept = snapshot(trace.config.replace(steps=0), data=(samples, D[:3]), initial=trace.weights)
        below = [np.isfinite(y).all() for y in kept.activation[: broken.layer - 1]]
        assert all(below)  # no layer before the one named


def test_mini_batches_name_a_layer_too():
    config = BLOBS.replace(hidden=(32,) * 20, init_scale=1.8)
    (trace,) = train([config])
    weights = [layer for layer, (W, _) in enumerate(trace.weights, start=1) if not np.isfinite(W).all()]
    kept = snapshot(config, step=trace.diverged_at)
    signals = [layer for layer, y in enumerate(kept.activation, start=1) if not np.isfinite(y).all()]
    assert find_break(trace).layer == (weights or signals)[0]


# -- what a constant answer reaches -----------------------------------------------------------------------------


def test_a_run_that_always_answers_the_commonest_class_favors_the_majority():
    config = RunConfig(dataset="breast_cancer", samples=200, loss="bce", output_activation="sigmoid", steps=60)
    assert TraceStats(train([config])[0]).favors_majority
    balanced = config.replace(dataset="circles")
    assert not TraceStats(train([balanced])[0]).favors_majority
    learned = config.replace(activation="relu", init="he_normal", hidden=(32,), learning_rate=0.1)
    assert not TraceStats(train([learned])[0]).favors_majority


def test_stuck_at_the_commonest_class_balancing_is_offered_among_others():
    config = RunConfig(dataset="breast_cancer", samples=200, loss="bce", output_activation="sigmoid")
    stuck = config.replace(learning_rate=0.5, hidden=(2,) * 3, init="glorot_normal", steps=100)
    found = [one.label for finding in diagnose(train([stuck])[0]).findings for one in finding.suggestions]
    assert "Balance the classes" in found


@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
def test_without_the_data_a_guess_is_right_as_often_as_among_balanced_classes(outputs):
    classes = max(outputs, 2)
    X, label = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % classes
    D = np.eye(classes)[label] if outputs > 1 else label[:, None].astype(float)
    (trace,) = train([RunConfig(dataset="custom", hidden=(3,), steps=1)], data=(X, D))
    trace = replace(trace, data_summary=None)
    assert trace.task != "regression" and TraceStats(trace).majority == 1 / classes
