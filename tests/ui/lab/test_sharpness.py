"""Sharpness in the Lab: when it is offered, what it says, and the chart it draws."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import RunConfig, train
from core.config import cost
from core.curvature import sharpness_over, stability_bound
from core.families.optimizers import OPTIMIZERS
from ui.charts import style
from ui.charts.sharpness import sharpness_chart
from ui.charts.style import number
from ui.lab import sharpness
from ui.runtime import jobs
from ui.runtime.jobs import Run

SMALL = RunConfig(hidden=(5, 5), activation="tanh", samples=16, steps=40)


def page(**fields):
    """The panel alone, opened, for a small run with some fields changed."""

    def script(fields):
        import streamlit as st

        from core import RunConfig
        from ui.lab.sharpness import panel
        from ui.runtime.jobs import Run

        st.session_state.setdefault("sharpness", True)
        panel(Run(RunConfig(**fields)))

    fields = SMALL.replace(**fields).to_dict()
    app = AppTest.from_function(script, kwargs={"fields": fields}, default_timeout=60).run()
    assert not app.exception
    return app


def curve(chart, name):
    return next(trace for trace in chart.figure.data if trace.name.startswith(name))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_panel_shows_sharpness_with_its_formula_and_its_source(name):
    app = page(optimizer=name)
    assert len(app.get("plotly_chart")) == 1 and not app.error
    bound = OPTIMIZERS[name].bound_formula
    assert bound in app.latex[0].value and r"\lambda_{\mathrm{max}}" in app.latex[0].value
    assert ("no fixed bound" in app.markdown[0].value) == (OPTIMIZERS[name].bound is None)
    assert "Source: " in app.caption[0].value


def test_nothing_is_measured_before_it_is_opened(monkeypatch):
    def script(fields):
        from core import RunConfig
        from ui.lab.sharpness import panel
        from ui.runtime.jobs import Run

        panel(Run(RunConfig(**fields)))

    monkeypatch.setattr(sharpness, "sharpness_over", None)
    app = AppTest.from_function(script, kwargs={"fields": SMALL.to_dict()}).run()
    assert not app.exception and not app.get("plotly_chart") and app.expander[0].label.startswith("Sharpness")


def test_what_would_take_too_long_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(sharpness, "MAX_COST", 10)
    app = page()
    assert "days" in app.info[0].value and not app.get("plotly_chart")
    monkeypatch.setattr(sharpness, "MAX_PARAMETERS", 10)
    assert "up to 10 parameters; this network has 51" in page().info[0].value.replace("\\", "")


@pytest.mark.parametrize("times, duration", [(2, "2 min"), (30, "30 min"), (600, "10 h")])
def test_a_refusal_says_how_long_it_would_take_at_a_minute_for_the_most_that_is_allowed(monkeypatch, times, duration):
    run = Run(SMALL)
    trace = jobs.get_trace(run)
    monkeypatch.setattr(sharpness, "MAX_COST", sharpness.work_of(run, trace) / times)
    assert f"it would take about {duration}." in sharpness.unsupported_reason(run, trace)


def test_the_default_run_is_small_enough():
    (trace,) = train([RunConfig()])
    assert sharpness.unsupported_reason(Run(RunConfig()), trace) is None


@pytest.mark.parametrize("steps, first, last, count", [(0, 0, 0, 1), (7, 0, 7, 8), (1000, 0, 1000, 30)])
def test_steps_are_spread_evenly_over_the_run(steps, first, last, count):
    (trace,) = train([SMALL.replace(steps=steps, record_every=100)])
    marks = sharpness.measured_steps(trace)
    assert (marks[0], marks[-1], len(marks)) == (first, last, count)
    assert max(np.diff(marks), default=0) - min(np.diff(marks), default=0) <= 1


def test_steps_end_where_a_run_diverged():
    broken = {"activation": "linear", "init_scale": 9.0, "learning_rate": 5.0}
    (trace,) = train([SMALL.replace(**broken)])
    assert trace.diverged_at and sharpness.measured_steps(trace)[-1] == trace.diverged_at - 1
    assert len(page(**broken).get("plotly_chart")) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_chart_draws_what_was_measured_and_the_bound(dark):
    values, bound = sharpness_over(SMALL, [0, 20, 40]), stability_bound(SMALL)
    chart = sharpness_chart([0, 20, 40], values, bound, dark=dark)
    np.testing.assert_array_equal(curve(chart, "sharpness").y, values)
    assert set(curve(chart, "stable up to").y) == {bound} == {200.0}
    assert number(values[0], 3) in chart.alt and "below the bound of 200" in chart.alt
    assert chart.figure.layout.paper_bgcolor == style.theme(dark).page
    assert list(chart.table.columns) == ["step", "sharpness", "stable up to"]


@pytest.mark.parametrize(
    "values, bound, said",
    [
        ([1.0, 5.0], 4.0, "above the bound of 4 at step 9"),
        ([1.0, 3.0], None, "From 1 at step 0 to 3 at step 9"),
        ([-2.0, -1.0], 4.0, "below the bound"),
        ([1e-30, 1e-20], 4.0, "1.00×10⁻³⁰"),
        ([0.0, 0.0], 4.0, "From 0 at step 0"),
        ([2.0, math.nan], 4.0, "It is 2 at step 0"),
        ([math.nan, math.nan], 4.0, "diverged before any step"),
    ],
)
def test_awkward_values_have_a_chart_and_a_finding(values, bound, said):
    chart = sharpness_chart([0, 9], np.array(values), bound)
    assert said in chart.alt
    axis = chart.figure.layout.yaxis
    if min(v for v in [*values, 1] if not math.isnan(v)) <= 0:
        assert axis.type != "log"


def test_where_a_run_broke_is_marked():
    chart = sharpness_chart([0, 4], np.array([1.0, 9.0]), 4.0, diverged_at=5)
    assert "diverged at step 5" in chart.alt and chart.figure.layout.annotations[0].text == "diverged at step 5"


@pytest.mark.parametrize("bias", [True, False])
def test_the_work_is_training_to_every_step_and_sixty_products_of_the_hessian_at_each(bias):
    run = Run(RunConfig(hidden=(5, 3), samples=20, steps=40, bias=bias))
    trace = jobs.get_trace(run)
    steps = sharpness.measured_steps(trace)
    parameters = 2 * 5 + 5 * 3 + 3 * 1 + bias * (5 + 3 + 1)
    training = sum(cost(run.config.stop_at(step), 2, 1, 20).multiply_adds for step in steps)
    assert sharpness.work_of(run, trace) == training + len(steps) * 60 * 6 * 20 * parameters


def test_a_table_has_a_sharpness_of_its_own(monkeypatch):
    made = []
    monkeypatch.setattr(jobs, "compute", lambda function, run, *_, **__: (made.append(run.digest), np.ones(2))[1])
    monkeypatch.setattr(sharpness, "work_of", lambda *_: 1)
    [trace] = train([SMALL])
    for digest in ("one table", "another") * 2:
        sharpness._values(Run(SMALL.replace(dataset="custom"), digest), trace, SimpleNamespace(on_shared=None))
    assert made == ["one table", "another"]
