"""Frames and the marks of their slider: which recorded steps are drawn, and which of them can be chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, train
from core.recordings import Parameter, Recording
from ui.charts.animation import MARK_COUNTS, MAX_UNEVENNESS, UNEVEN, choose_frames, is_even, open_at
from ui.charts.profile import gradient_profile
from ui.charts.recordings import TensorView, recording_profile

(SHORT,) = train([RunConfig(hidden=(4,) * 3, samples=16, steps=30)])


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=400), st.integers(2, 100))
def test_the_marks_are_the_recorded_steps_nearest_to_even_ones_and_among_the_frames(gaps, most):
    step = np.cumsum(gaps) - gaps[0]
    rows, marks = choose_frames(step, most)
    assert len(rows) <= max(most, 2) and rows[0] == 0 and rows[-1] == len(step) - 1
    assert (np.diff(rows) > 0).all()
    marked = step[rows[marks]]
    counts = [count for count in MARK_COUNTS if count <= min(len(step), most)] or [1]
    assert any(is_nearest(step, marked, count) for count in counts)
    assert is_even(marked) or is_nearest(step, marked, counts[0])
    assert len(marks) <= counts[0]


def is_nearest(step, marked, count):
    """True where every one of so many even steps has no recorded step nearer than its mark."""
    even = np.linspace(step[0], step[-1], count)
    nearest = np.abs(step[:, None] - even).min(axis=0)
    return len(marked) <= count and np.allclose(np.abs(marked[:, None] - even).min(axis=0), nearest)


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


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=60), st.integers(0, 40_000))
def test_marks_are_evenly_spaced_in_steps_or_it_is_said_that_they_are_not(gaps, judged):
    step = np.cumsum(gaps) - gaps[0]
    parameters = tuple(Parameter(name=f"{i}.weight", layer=i, kind="weight") for i in (1, 2))
    values = {"grad_norm": np.ones((len(step), 2))}
    recording = Recording(name="r", source="t", parameters=parameters, step=step, values=values)
    view = TensorView(recording=recording, indices=np.arange(2))
    chart = open_at(recording_profile(view, judged=judged), None, judged=judged)
    layout = chart.spec["layout"]
    marks = [int(mark["args"][0][0]) for mark in layout["sliders"][0]["steps"]]
    said = [note["text"] for note in layout["annotations"] if note.get("name") == UNEVEN]
    apart = np.diff(marks)
    assert len(said) == (apart.max() > MAX_UNEVENNESS * apart.min())
    last = step[step <= judged][-1] if judged >= step[0] else step[0]
    assert marks[layout["sliders"][0]["active"]] == last or len(marks) == 2


def test_every_tenth_step_is_even_and_a_short_end_is_not():
    runs = {"even": {"steps": 100, "record_every": 10}, "a short end": {"steps": 350, "record_every": 100}}
    said = {}
    for name, fields in runs.items():
        (trace,) = train([RunConfig(hidden=(4,) * 3, **fields)])
        notes = gradient_profile(trace).spec["layout"]["annotations"]
        said[name] = [note["text"] for note in notes if note.get("name") == UNEVEN]
    assert said == {"even": [], "a short end": ["Marks are recorded steps, unevenly far apart."]}


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_chart_opens_at_the_step_that_is_named_also_at_0_and_says_which_that_is(step, judged):
    chart = gradient_profile(SHORT, judged=judged)
    named = open_at(chart, step, judged=judged)
    alone = open_at(chart, None, judged=step)
    layout, of_alone = ({**made.spec["layout"]} for made in (named, alone))
    active, of_judged, stated = layout.pop("meta")
    assert (active, stated) == (of_alone.pop("meta")[0], str(step))
    assert named.spec["data"] == alone.spec["data"] and layout == of_alone
    marks = [int(mark["args"][0][0]) for mark in layout["sliders"][0]["steps"]]
    assert marks[active] == step and marks[of_judged] == max(mark for mark in marks if mark <= judged)
