"""Curves of a recorded run: each holds the field that it is named for, and is told by its ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recordings import Parameter, Recording
from core.wording import percent
from ui.charts.recording_curves import (
    recording_global_norm,
    recording_learning_rate,
    recording_loss,
    recording_loss_scale,
    recording_update_ratio,
    recording_weight_norm,
)
from ui.charts.recordings import TensorView
from ui.charts.style import number

SEEDS = st.integers(0, 10**6)
few = settings(max_examples=10)
OF_ROWS = {"loss": recording_loss, "learning_rate": recording_learning_rate, "loss_scale": recording_loss_scale}


def random_view(rng, count=5, chosen=(3, 0, 4), rows=9):
    """Some tensors of a recording in an order of their own, and numbers of every step, all random."""
    parameters = tuple(Parameter(name=f"net.{i}.weight", layer=i + 1, kind="weight") for i in range(count))
    fields = ("grad_norm", "weight_norm", "update_norm")
    values = {field: np.exp(rng.normal(0, 2, (rows, count))) for field in fields}
    shares = np.where(rng.random((rows, 1)) < 0.5, 1.0, rng.uniform(0.1, 0.9, (rows, 1)))
    values["clipped_grad_norm"] = values["grad_norm"] * shares
    lines = {field: np.exp(rng.normal(0, 2, rows)) for field in OF_ROWS}
    step = np.cumsum(rng.integers(1, 50, rows))
    recording = Recording(name="r", source="t", parameters=parameters, step=step, values=values, rows=lines)
    return TensorView(recording=recording, indices=np.array(chosen)), shares[:, 0]


def drawn(chart):
    """The curves of a chart by name, without its guides."""
    return {part["name"]: part["y"] for part in chart.spec["data"] if "marker" in part and part["name"] != "exactly 0"}


@few
@given(SEEDS, st.sampled_from(list(OF_ROWS)))
def test_a_curve_of_the_steps_is_the_field_it_is_named_for_and_is_told_by_its_known_ends(seed, field):
    view, _ = random_view(np.random.default_rng(seed))
    values, step = view.recording.rows[field], view.recording.step
    values[[0, -1]] = np.nan  # neither end was recorded
    chart = OF_ROWS[field](view)
    (curve,) = drawn(chart).values()
    np.testing.assert_array_equal(curve, values)
    ends = ", ".join(f"{number(values[row], 3)} at step {step[row]:,}" for row in (1, -2))
    assert f"{ends}." in chart.alt
    np.testing.assert_array_equal(chart.table[field.replace("_", " ")], values)


@few
@given(SEEDS)
def test_the_norm_of_all_tensors_is_drawn_before_and_after_clipping(seed):
    view, shares = random_view(np.random.default_rng(seed))
    norm, step = np.linalg.norm(view.recording.values["grad_norm"], axis=1), view.recording.step
    chart = recording_global_norm(view)
    curves = drawn(chart)
    np.testing.assert_allclose(curves["before clipping"], norm)
    np.testing.assert_allclose(curves["after clipping"], norm * shares)
    assert f"{number(norm[0])} at step {step[0]:,}, {number(norm[-1])} at the end." in chart.alt
    assert f"binds on {percent(np.mean(shares < 1))} of the recorded steps" in chart.alt


@few
@given(SEEDS)
def test_every_tensor_has_its_own_curve_and_the_words_say_median_and_joint_norm(seed):
    view, _ = random_view(np.random.default_rng(seed))
    weight = view.recording.values["weight_norm"][:, view.indices]
    ratio = view.recording.values["update_norm"][:, view.indices] / weight
    for chart, values in ((recording_update_ratio(view), ratio), (recording_weight_norm(view), weight)):
        curves = drawn(chart)
        assert list(curves) == view.names
        for name, column in zip(view.names, values.T, strict=True):
            np.testing.assert_array_equal(curves[name], column)
            np.testing.assert_array_equal(chart.table[name], column)
    assert f"Median {number(float(np.median(ratio)))};" in recording_update_ratio(view).alt
    first, last = (number(float(np.linalg.norm(weight[row])), 3) for row in (0, -1))
    assert f"together: {first} at the beginning, {last} at the end." in recording_weight_norm(view).alt


@pytest.mark.parametrize("count", [13, 40])
def test_of_many_tensors_evenly_spread_ones_are_drawn_each_with_its_own_numbers(count):
    view, _ = random_view(np.random.default_rng(0), count=count, chosen=range(count))
    chart = recording_weight_norm(view)
    curves = drawn(chart)
    assert len(curves) == 12 and f"Drawn: 12 of {count} tensors." in chart.alt
    for name, values in curves.items():
        np.testing.assert_array_equal(values, view.recording.values["weight_norm"][:, view.names.index(name)])
    assert [*curves][0] == view.names[0] and [*curves][-1] == view.names[-1]
