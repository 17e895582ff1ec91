"""A trace's summary and tables, from small traces whose every number can be checked by eye."""

import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, Trace, train
from core.families.clipping import CLIPS
from core.trace import LAYER_FIELDS, ROW_FIELDS, layer_factor, log10_ratio

NAN = math.nan


def small():
    """Four rows of three layers, written down: norms double from layer to layer and halve from row to row."""
    rows = np.array([8.0, 4, 2, 1])[:, None]
    layers = np.array([1.0, 2, 4])
    return Trace(
        config=RunConfig(steps=6, record_every=2),
        task="two-class",
        step=np.array([0, 2, 4, 6]),
        loss=np.array([4.0, 3, 2, 1]),
        total_loss=np.array([5.0, 4, 3, 2]),
        accuracy=np.array([0.25, 0.5, 0.75, 1]),
        holdout_loss=np.array([6.0, 5, 4, 3]),
        holdout_accuracy=np.array([0.1, 0.2, 0.3, 0.4]),
        grad_norm=rows * layers,
        total_grad_norm=2 * rows * layers,
        clipped_grad_norm=rows * layers,
        delta_norm=10 * rows * layers,
        weight_norm=np.array([[3.0, 4, 0], [3, 4, 0], [6, 8, 0], [9, 12, 0]]),
        update_ratio=np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, np.inf], [NAN] * 3]),
        saturation=np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 0], [0.25, 0.75, NAN]]),
        dead=np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 0], [0.5, 0, NAN]]),
        global_grad_norm=np.array([40.0, 20, 10, 5]),
        clip_scale=np.array([0.5, 1, 1, 0.5]),
        diverged_at=None,
        weights=[(np.zeros((2, 1)), None), (np.zeros((1, 3)), None), (np.zeros((3, 1)), None)],
    )


def broken():
    """The same run as if it had diverged at step 3: two rows are left."""
    changes = {}
    for name in (*LAYER_FIELDS, *ROW_FIELDS):
        array = getattr(small(), name).copy()
        array[2:] = NAN
        changes[name] = array
    return replace(small(), diverged_at=3, **changes)


def test_a_summary_says_what_the_rows_say():
    summary = small().summary()
    assert summary.pop("diverged_at") is None
    assert summary == pytest.approx(
        {
            "first_loss": 4,
            "final_loss": 1,
            "final_total_loss": 2,
            "final_accuracy": 1,
            "final_holdout_loss": 3,
            "final_holdout_accuracy": 0.4,
            "diverged": False,
            "layer_factor": 0.5,  # two hidden layers, norms 10 and 20 at every row: half a layer further back
            "final_layer_factor": 0.5,
            "log10_first_last": math.log10(1 / 4),
            "final_log10_first_last": math.log10(1 / 4),
            "first_global_grad_norm": 40,
            "final_global_grad_norm": 5,
            "clipped_share": 1 / 3,  # of the three rows whose step was made, not of the last
            "weight_growth": 3,  # hypot(9, 12) over hypot(3, 4)
            "final_saturation": 0.625,  # of one hidden unit a quarter, of three units three quarters
            "final_dead": 0.125,
            "median_update_ratio": 0.45,  # of the eight that are finite
        },
        rel=1e-14,
    )


def test_the_summary_of_a_diverged_run_is_of_what_it_had():
    trace = broken()
    summary = trace.summary()
    assert trace.rows_recorded == 2 and trace.last_row == 1
    assert summary["diverged"] is True and summary["diverged_at"] == 3
    assert math.isnan(summary["final_loss"]) and math.isnan(summary["final_accuracy"])
    assert summary["first_loss"] == 4 and summary["final_global_grad_norm"] == 20
    assert summary["final_layer_factor"] == pytest.approx(0.5, rel=1e-14)
    assert summary["weight_growth"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_every_number_of_a_summary_is_made_of_its_own_field_and_row(seed):
    rng = np.random.default_rng(seed)
    fields_of_layers = {name: 10 ** rng.uniform(-3, 3, (6, 4)) for name in LAYER_FIELDS}
    fields_of_rows = {name: 10 ** rng.uniform(-3, 3, 6) for name in ROW_FIELDS}
    fields_of_rows["clip_scale"] = np.array([0.2, 1.0, NAN, 0.7, 1.0, 0.1])
    for values in (*fields_of_layers.values(), *fields_of_rows.values()):
        values[5:] = NAN  # it broke after step 8, and the last row that is finite is the one before
    weights = [(np.zeros(shape), None) for shape in ((2, 5), (5, 3), (3, 7), (7, 1))]
    trace = replace(
        small(), step=2 * np.arange(6), diverged_at=9, weights=weights, **fields_of_layers, **fields_of_rows
    )
    got = trace.summary()

    def log_slope(norms):
        return 10 ** -np.polyfit([0, 1, 2], np.log10(norms[:3]), 1)[0]

    expected = {f"final_{name}": NAN for name in ("loss", "total_loss", "accuracy", "holdout_loss", "holdout_accuracy")}
    expected |= {"first_loss": trace.loss[0], "diverged": True, "diverged_at": 9, "clipped_share": 2 / 3}
    for prefix, row in (("", 0), ("final_", 4)):
        expected[f"{prefix}layer_factor"] = log_slope(trace.delta_norm[row])
        expected[f"{prefix}log10_first_last"] = np.log10(trace.grad_norm[row, 0] / trace.grad_norm[row, 3])
        expected[f"{prefix or 'first_'}global_grad_norm"] = trace.global_grad_norm[row]
    expected["weight_growth"] = np.linalg.norm(trace.weight_norm[4]) / np.linalg.norm(trace.weight_norm[0])
    for name in ("saturation", "dead"):  # layers count by their units: 5, 3 and 7, without the output's
        expected[f"final_{name}"] = getattr(trace, name)[4, :3] @ [5, 3, 7] / 15
    expected["median_update_ratio"] = np.median(trace.update_ratio[:5])
    assert got == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_rows_recorded_and_last_row():
    trace = small()
    assert (trace.rows_recorded, trace.last_row, trace.layers) == (4, 3, 3)
    assert replace(trace, diverged_at=4).rows_recorded == 3
    assert replace(trace, diverged_at=0).rows_recorded == 1
    assert replace(trace, loss=np.array([1.0, 2, np.inf, NAN])).last_row == 1
    assert replace(trace, global_grad_norm=np.full(4, NAN)).last_row == 0


@pytest.mark.parametrize("clip", CLIPS)
def test_no_name_of_a_summary_is_that_of_a_setting_and_every_value_is_plain(clip):
    config = RunConfig(hidden=(4, 4), steps=3, samples=8, clip=clip, clip_threshold=1e-3)
    summary = train([config])[0].summary()
    assert not set(summary) & {field.name for field in fields(RunConfig)}
    assert all(type(value) in (float, int, bool, type(None)) for value in summary.values())
    assert json.loads(json.dumps(summary)) == pytest.approx(summary, nan_ok=True)
    assert summary["clipped_share"] == (clip != "none")


def test_a_summary_has_the_same_names_whatever_happened():
    runs = [
        RunConfig(hidden=(4, 4), steps=3, samples=8),
        RunConfig(hidden=(), steps=0, samples=8),
        RunConfig(hidden=(3,), steps=3, samples=8, init_scale=1e200, activation="relu"),
        RunConfig(dataset="iris", hidden=(3,), steps=2, samples=9, loss="cross_entropy", output_activation="softmax"),
        RunConfig(hidden=(3, 3), steps=3, samples=8, init_scale=0.0, activation="relu"),
    ]
    summaries = [trace.summary() for trace in train(runs)]
    assert len({tuple(summary) for summary in summaries}) == 1
    assert summaries[2]["diverged_at"] == 0
    again = [trace.summary() for trace in train(runs)]
    for one, two in zip(summaries, again, strict=True):
        np.testing.assert_equal(one, two)  # no time or machine value


@pytest.mark.parametrize("size", [1e160, 1e-170, 1.0])
def test_weight_growth_neither_overflows_nor_underflows(size):
    assert replace(small(), weight_norm=size * small().weight_norm).summary()["weight_growth"] == pytest.approx(3)


@given(st.integers(2, 40), st.floats(0.01, 100), st.floats(-30, 30))
def test_layer_factor_of_a_geometric_sequence_is_its_ratio(layers, factor, power):
    # norms grow by `factor` with each layer back to the input; the output layer's own is left out
    norms = 10.0**power * factor ** np.arange(layers, 0, -1.0)
    assert layer_factor(np.append(norms, 123.0)) == pytest.approx(factor, rel=1e-9)


def test_layer_factor_of_few_layers_and_of_what_is_not_finite():
    assert layer_factor(np.array([1.0, 4.0])) == pytest.approx(0.25)  # one hidden layer: against the output
    assert math.isnan(layer_factor(np.array([1.0])))
    assert math.isnan(layer_factor(np.array([1.0, NAN, 1.0])))
    assert math.isnan(layer_factor(np.array([1.0, np.inf, 1.0])))
    assert layer_factor(np.array([0.0, 1.0, 1.0])) == 0


def test_layer_factor_takes_the_row_asked_for():
    trace = replace(small(), delta_norm=np.array([[1.0, 2, 9], [4, 2, 9], [1, 1, 9], [NAN] * 3]))
    assert [trace.layer_factor(row) for row in range(3)] == pytest.approx([0.5, 2, 1])
    assert trace.layer_factor() == pytest.approx(0.5)


def test_log10_ratio_of_zeros():
    assert log10_ratio(np.array([1e-12, 1.0, 1e3])) == pytest.approx(-15)
    assert log10_ratio(np.array([0.0, 1.0])) == -math.inf
    assert log10_ratio(np.array([1.0, 0.0])) == math.inf
    assert math.isnan(log10_ratio(np.array([0.0, 0.0])))


def test_the_frame_is_tidy_one_row_per_step_and_layer():
    frame = small().to_frame()
    assert isinstance(frame, pd.DataFrame) and len(frame) == 4 * 3
    assert list(frame.columns) == ["step", "layer", *LAYER_FIELDS, *ROW_FIELDS]
    assert frame["step"].tolist() == [0, 0, 0, 2, 2, 2, 4, 4, 4, 6, 6, 6]
    assert frame["layer"].tolist() == [1, 2, 3] * 4
    third = frame[(frame.step == 4) & (frame.layer == 3)].iloc[0]
    assert third.grad_norm == 8 and third.total_grad_norm == 16 and third.delta_norm == 80
    assert third.loss == 2 and third.global_grad_norm == 10 and third.accuracy == 0.75
    assert frame["loss"].tolist() == [4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1]


def test_the_frame_of_a_run_holds_every_recorded_number():
    trace = train([RunConfig(hidden=(4, 4), steps=5, samples=8, holdout=0.25, record_every=2, clip="value")])[0]
    frame = trace.to_frame()
    for name in LAYER_FIELDS:
        np.testing.assert_array_equal(frame[name].to_numpy().reshape(trace.grad_norm.shape), getattr(trace, name))
    for name in ROW_FIELDS:
        by_row = frame[name].to_numpy().reshape(trace.grad_norm.shape)
        np.testing.assert_array_equal(by_row, np.repeat(getattr(trace, name)[:, None], trace.layers, axis=1))


def test_every_field_that_is_an_array_is_in_the_frame():
    arrays = {field.name for field in fields(Trace)} - {
        "config",
        "task",
        "step",
        "diverged_at",
        "weights",
        "data_summary",
    }
    assert arrays == {*LAYER_FIELDS, *ROW_FIELDS}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_are_float64_whatever_the_dtype_and_shaped_rows_by_layers(dtype):
    config = RunConfig(hidden=(4, 3), steps=4, samples=8, dtype=dtype, record_every=2, l2=0.1, clip="adaptive")
    trace = train([config])[0]
    for name in LAYER_FIELDS:
        assert getattr(trace, name).shape == (3, 3) and getattr(trace, name).dtype == np.float64
    for name in ROW_FIELDS:
        assert getattr(trace, name).shape == (3,) and getattr(trace, name).dtype == np.float64
    assert trace.step.dtype.kind == "i"
    assert [W.shape for W, _ in trace.weights] == [(2, 4), (4, 3), (3, 1)]
    assert all(W.dtype == b.dtype == np.dtype(dtype) for W, b in trace.weights)


def test_norms_without_penalty_or_clipping_are_those_of_the_data_loss():
    trace = train([RunConfig(hidden=(4,), steps=3, samples=8)])[0]
    np.testing.assert_array_equal(trace.total_grad_norm, trace.grad_norm)
    np.testing.assert_array_equal(trace.clipped_grad_norm, trace.grad_norm)
    np.testing.assert_array_equal(trace.total_loss, trace.loss)
    np.testing.assert_array_equal(trace.clip_scale, 1)


def test_a_trace_keeps_no_more_memory_than_its_own():
    config = RunConfig(hidden=(3,), steps=20, samples=4)
    traces = train([config.replace(seed=seed) for seed in range(50)])
    for name in (*LAYER_FIELDS, *ROW_FIELDS):
        array = getattr(traces[0], name)
        integer = array if array.base is None else array.base
        assert integer.nbytes <= 2 * array.nbytes  # not a view into what all fifty recorded
    for W, _ in traces[0].weights:
        assert W.base is None


def test_a_trace_survives_pickling_and_cannot_be_rebound():
    trace = train([RunConfig(hidden=(3,), steps=2, samples=4)])[0]
    again = pickle.loads(pickle.dumps(trace))
    assert again.config == trace.config and again.summary() == pytest.approx(trace.summary(), nan_ok=True)
    np.testing.assert_array_equal(again.grad_norm, trace.grad_norm)
    with pytest.raises(FrozenInstanceError):
        trace.loss = None


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=2, max_size=8), st.floats(1e-9, 1e9))
def test_layer_factor_is_the_slope_through_the_layers_that_have_a_gradient(above, first):
    norms = np.array([first, *above])
    layers = np.flatnonzero(norms[:-1] > 0)  # the last hidden layer is the one before the output's
    found = layer_factor(np.append(norms[:-1], 1.0))
    if len(layers) < 2:
        assert math.isnan(found)
    else:
        slope = np.polyfit(layers, np.log10(norms[layers]), 1)[0]
        assert found == pytest.approx(10**-slope, rel=1e-9)
