"""Evidence: slopes over the layers against closed forms, and the layer that broke first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot, train
from core.diagnosis.statistics import TraceStats, broken_layer, compared, flow, joint
from core.trace import layer_factor
from tests.support.troubles import BLOBS, TROUBLES

# -- slopes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("hidden", [2, 3, 10, 50])
def test_a_geometric_gradient_has_its_factor_and_its_decades(factor, hidden):
    norms = 3 * factor ** np.arange(hidden - 1, -1, -1.0)
    found, decades = flow(np.append(norms, 123.0)[None])  # the output layer's is not on the line and not asked
    np.testing.assert_allclose(found, factor, rtol=1e-12)
    np.testing.assert_allclose(decades, (hidden - 1) * np.log10(factor), rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(1e-30, 1e30), min_size=3, max_size=20))
def test_the_factor_is_the_one_of_the_trace(norms):
    factor, _ = flow(np.array([norms]))
    assert factor[0] == pytest.approx(layer_factor(np.array(norms)), rel=1e-9)  # centered sums against polyfit's QR


def test_rows_are_fitted_one_by_one():
    rows = np.random.default_rng(0).lognormal(size=(5, 7))
    together = np.array(flow(rows))
    np.testing.assert_array_equal(together, np.hstack([flow(row[None]) for row in rows]))


def test_silent_layers_are_passed_over():
    norms = 0.5 ** np.arange(19, -1, -1.0)
    norms[[3, 8]] = 0
    factor, _ = flow(np.append(norms, 1.0)[None])
    np.testing.assert_allclose(factor, 0.5, rtol=1e-12)


@pytest.mark.parametrize(
    "norms, factor",
    [
        ([5.0], np.nan),  # one layer
        ([2.0, 4.0], 0.5),  # one hidden layer: against the output
        ([0.0, 0.0, 0.0, 1.0], 0.0),  # nothing comes back
        ([0.0, 0.0, 0.0, 0.0], np.nan),  # nothing is sent
        ([np.nan] * 4, np.nan),
        ([np.inf, 1.0, 1.0, 1.0], np.nan),
        ([0.0] * 10 + [1e-3, 1.0, 1.0], np.nan),  # two norms left of twelve make no line
    ],
)
def test_where_there_is_no_line(norms, factor):
    found, _ = flow(np.array([norms]))
    np.testing.assert_equal(found[0], factor)


@pytest.mark.parametrize("count, expected", [(1, 1), (2, 2), (3, 2), (51, 50)])
def test_the_output_layer_is_left_out_where_two_hidden_ones_remain(count, expected):
    assert compared(count) == expected


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_joint_norm_needs_no_squares(scale):
    np.testing.assert_allclose(joint(scale * np.array([[3.0, 4.0], [0.0, 0.0]])), [5 * scale, 0], rtol=1e-15)


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
    assert TraceStats(trace).flat_sides == sides


# -- the layer that broke first ---------------------------------------------------------------------------------

BROKEN = (
    *(config for config in TROUBLES["diverged"] if len(config.hidden) < 20 and config.batch_size is None),
    RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05, holdout=0.25, record_every=2, seed=3),
    RunConfig(activation="leaky_relu", init="he_normal", normalization="layer", hidden=(8,) * 4, learning_rate=1e30),
)


@pytest.mark.parametrize("config", BROKEN, ids=repr)
def test_the_broken_layer_is_the_first_one_of_the_run_s_own_pass(config):
    (trace,) = train([config])
    kept = snapshot(config, step=trace.diverged_at)  # trained again, and every value of that step kept
    forward = [n for n, y in enumerate(kept.activation, start=1) if not np.isfinite(y).all()]
    weights = [n for n, (W, _) in enumerate(kept.weights, start=1) if not np.isfinite(W).all()]
    backward = [n for n, delta in enumerate(kept.delta, start=1) if not np.isfinite(delta).all()]
    if weights:
        assert broken_layer(trace) == weights[0]
    elif forward:
        assert broken_layer(trace) == forward[0]
    elif np.isfinite(trace.loss[trace.step == trace.diverged_at]).all():
        assert broken_layer(trace) == backward[-1]
    else:
        assert broken_layer(trace) == trace.layers  # its square overflowed


def test_data_of_one_s_own_are_stood_in_for():
    X, D = np.random.default_rng(1).standard_normal((20, 7)), np.zeros((20, 3))
    (trace,) = train([BROKEN[0].replace(dataset="custom")], data=(X, D))
    assert trace.diverged_at is not None
    assert 1 <= broken_layer(trace) <= trace.layers


def test_mini_batches_name_a_layer_too():
    (trace,) = train([BLOBS.replace(hidden=(32,) * 20, init_scale=1.8)])
    assert 1 <= broken_layer(trace) <= trace.layers
