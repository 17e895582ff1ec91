"""Frames and the marks of their slider: which recorded steps are drawn, and which of them can be chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, train
from ui.charts.animation import MARK_COUNTS, choose_frames, open_at
from ui.charts.profile import gradient_profile


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=400), st.integers(2, 100))
def test_the_marks_are_the_recorded_steps_nearest_to_even_ones_and_among_the_frames(gaps, most):
    step = np.cumsum(gaps) - gaps[0]
    rows, marks = choose_frames(step, most)
    assert len(rows) <= max(most, 2) and rows[0] == 0 and rows[-1] == len(step) - 1
    assert (np.diff(rows) > 0).all()
    count = next((count for count in MARK_COUNTS if count <= min(len(step), most)), 1)
    for even in np.linspace(step[0], step[-1], count):
        assert np.abs(step[rows[marks]] - even).min() == pytest.approx(np.abs(step - even).min())
    assert len(marks) <= count


@pytest.mark.parametrize("steps, record_every", [(40, 1), (300, 1), (90, 7)])
def test_the_slider_of_a_profile_has_the_marks_of_its_frames(steps, record_every):
    (trace,) = train([RunConfig(hidden=(4,) * 3, steps=steps, record_every=record_every)])
    chart = gradient_profile(trace)
    rows, marks = choose_frames(trace.step, 100)
    slider = [int(mark["args"][0][0]) for mark in chart.spec["layout"]["sliders"][0]["steps"]]
    assert slider == trace.step[rows[marks]].tolist()
    assert {frame["name"] for frame in chart.spec["frames"]} >= set(map(str, slider))


@pytest.mark.parametrize("step", [0, 7, 40, 110, 299, 300])
def test_the_slider_stands_on_the_step_that_a_chart_opens_on(step):
    (trace,) = train([RunConfig(hidden=(4,) * 3, steps=300)])
    chart = gradient_profile(trace, judged=step)
    before = [mark["label"] for mark in chart.spec["layout"]["sliders"][0]["steps"]]
    slider = open_at(chart, None, judged=step).spec["layout"]["sliders"][0]
    labels = [mark["label"] for mark in slider["steps"]]
    numbers = [int(label) for label in labels]
    assert numbers == sorted(set(numbers)) and numbers[0] == 0 and numbers[-1] == 300
    assert numbers[slider["active"]] == step
    assert slider["steps"][slider["active"]]["args"][0] == [f"{step}"]
    assert sum(one != other for one, other in zip(before, labels, strict=True)) <= 1
