"""Every chart, drawn for every kind of run that could embarrass it."""

from functools import cache

import numpy as np
import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest

from core import snapshot
from core.engine.training import evaluate
from core.layer_norms import LAYER_NORMS
from core.trace import LAYER_FIELDS, ROW_FIELDS
from tests.support.charted import CONFIGS, RUNS, run
from tests.support.pictures import check_picture
from ui.charts import curves
from ui.charts.boundary import decision_boundary, fit, grid
from ui.charts.distributions import SPREADS, distributions
from ui.charts.guides import Guide
from ui.charts.heatmap import gradient_heatmap
from ui.charts.profile import gradient_profile
from ui.charts.style import DARK, LIGHT, toolbar

CURVES = ("loss", "accuracy", "global_norm", "update_ratio", "weight_norm", "saturation", "dead")
CHARTS = {f"{name}_chart": getattr(curves, f"{name}_chart") for name in CURVES}
for _name in LAYER_NORMS:
    CHARTS[f"profile of {_name}"] = lambda trace, quantity=_name, **look: gradient_profile(trace, quantity, **look)
    CHARTS[f"heatmap of {_name}"] = lambda trace, quantity=_name, **look: gradient_heatmap(trace, quantity, **look)
CHARTS["profile with company"] = lambda trace, **look: gradient_profile(
    trace,
    previous=run("penalized and clipped"),
    guides=[Guide("theory", trace.grad_norm[0] * 2, trace.grad_norm[0], trace.grad_norm[0] * 4)],
    **look,
)


def texts(node):
    """Every dict of a figure's JSON that says how text looks."""
    if isinstance(node, dict):
        if "size" in node and ("family" in node or "color" in node) and "symbol" not in node and "line" not in node:
            yield node
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def check(chart, dark):
    """Check the laws of every chart."""
    assert isinstance(chart.figure, go.Figure) and isinstance(chart.table, pd.DataFrame)
    layout = chart.figure.to_plotly_json()["layout"]
    title = layout["title"]["text"]
    assert title and layout["height"] >= 200 and layout["uirevision"]
    axes = [axis for name, axis in layout.items() if name.startswith(("xaxis", "yaxis")) and axis.get("visible", True)]
    assert len(axes) >= 2 and all(axis["title"]["text"] for axis in axes)
    look = DARK if dark else LIGHT
    assert (layout["paper_bgcolor"], layout["font"]["color"]) == (look.page, look.text)
    assert layout["dragmode"] is False  # so that a finger scrolls the page
    assert min(font["size"] for font in texts(layout)) >= 12
    assert chart.alt.startswith(title)
    orjson.dumps(
        chart.raw_figure.to_dict(), option=orjson.OPT_SERIALIZE_NUMPY
    )  # as it is: Plotly need not go through it
    if chart.figure.data:
        assert any(letter.isdigit() for letter in chart.alt[len(title) :]), chart.alt
        assert len(chart.table)
    else:
        assert layout["annotations"][0]["text"].endswith(".")
    for drawn in chart.spec["data"]:  # beside a template, Plotly forgets that a drawing takes no hover
        assert not (drawn.get("hoverinfo") == "skip" and drawn.get("hovertemplate")), drawn["name"]
    lines = [layout["title"]["text"], *layout["title"].get("subtitle", {}).get("text", "").split("<br>")]
    assert max(map(len, lines)) <= 52  # more does not fit beside each other at 390 pixels
    below = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    assert below >= 120  # pixels that are left for the data
    check_picture(chart.spec)
    return chart.figure.to_json()


def chessboard(charts, kinds):
    """Every chart of every kind, and each of them in both themes, light and dark in turn: no color depends on both."""
    for row, chart in enumerate(charts):
        for column, kind in enumerate(kinds):
            dark = (row + column) % 2 == 1
            yield pytest.param(chart, kind, dark, id=f"{chart}-{kind}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("chart, kind, dark", [*chessboard(CHARTS, RUNS)])
def test_every_chart_draws_every_run_with_title_axes_and_a_finding(chart, kind, dark):
    trace = run(kind)
    before = {name: getattr(trace, name).copy() for name in ("step", *LAYER_FIELDS, *ROW_FIELDS)}
    sent = check(CHARTS[chart](trace, dark=dark), dark)
    assert all(np.array_equal(getattr(trace, name), old, equal_nan=True) for name, old in before.items())
    assert len(sent) < 900_000  # characters; what a browser redraws in half a second


@pytest.mark.parametrize(
    "draw, most",
    [(gradient_profile, 250_000), (gradient_heatmap, 100_000)]
    + [(getattr(curves, f"{name}_chart"), 60_000) for name in CURVES],
)
@pytest.mark.parametrize("kind", ["default", "a million steps"])
def test_what_is_sent_stays_small_however_long_the_run(draw, most, kind):
    assert len(draw(run(kind)).figure.to_json()) < most


def test_a_run_that_broke_says_where():
    for name, draw in CHARTS.items():
        chart = draw(run("diverged"))
        assert f"iverged at step {run('diverged').diverged_at}" in chart.alt, name


@pytest.mark.parametrize("draw", [gradient_profile, gradient_heatmap, curves.loss_chart, curves.accuracy_chart])
def test_a_run_that_broke_at_once_leaves_a_sentence_in_place_of_the_data(draw):
    figure = draw(run("diverged at step 0")).figure
    assert not figure.data
    assert "diverged at step 0" in figure.layout.annotations[0].text


def test_a_regression_has_no_accuracy_and_is_told_so():
    chart = curves.accuracy_chart(run("regression"))
    assert not chart.figure.data and "regression" in chart.alt


def test_the_toolbar_saves_pictures_under_the_name_of_the_chart():
    for picture in ("png", "svg"):
        options = toolbar("gradient-profile", picture)["toImageButtonOptions"]
        assert (options["format"], options["filename"]) == (picture, "gradient-profile")


# -- inside the network, and its answer ---------------------------------------------------------------------------

SNAPSHOTS = [name for name in CONFIGS if name not in ("500 layers", "diverged between rows")]


@cache
def inside(name):
    return snapshot(CONFIGS[name], 0)


@pytest.mark.parametrize("quantity, kind, dark", [*chessboard(SPREADS, SNAPSHOTS)])
def test_distributions_draw_every_snapshot(quantity, kind, dark):
    before = [layer.copy() for layer in getattr(inside(kind), quantity)]
    sent = check(distributions(inside(kind), quantity, dark=dark), dark)
    same = zip(before, getattr(inside(kind), quantity), strict=True)
    assert all(np.array_equal(old, new, equal_nan=True) for old, new in same)
    assert len(sent) < 50_000


def answers(outputs, inputs=2, resolution=20):
    X = np.random.default_rng(0).normal(size=(60, inputs))
    points = grid(X, resolution)
    values = np.stack([np.sin(points.sum(axis=1) + k) for k in range(outputs)], axis=1)
    D = np.eye(outputs)[np.arange(60) % outputs] if outputs > 1 else (X[:, :1] > 0).astype(float)
    return X, D, points, values


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("task, outputs", [("two-class", 1), ("multi-class", 12), ("regression", 1), ("regression", 3)])
@pytest.mark.parametrize("value", ["ordinary", "constant", "not finite"])
def test_boundaries_draw_every_answer(task, outputs, value, dark):
    X, D, points, answer = answers(outputs)
    answer = {"ordinary": answer, "constant": np.full_like(answer, 0.25), "not finite": answer * np.nan}[value]
    sent = check(decision_boundary(X, D, points, answer, task=task, dark=dark), dark)
    assert len(sent) < 100_000


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("value", [1.0, 0.0, np.nan])
def test_fits_draw_every_answer(outputs, value):
    X, D, points, answer = answers(outputs, inputs=1)
    check(fit(X, D, points, answer * value, dark=False), dark=False)


def test_the_default_runs_boundary_is_small_and_its_network_answers_the_same_everywhere():
    trace, parts = run("default"), inside("default")
    points = grid(parts.inputs)
    outputs = evaluate(trace.config, trace.weights, points)
    chart = decision_boundary(parts.inputs, parts.targets, points, outputs, task=trace.task)
    assert "0.5 everywhere" in chart.alt
    assert len(chart.figure.to_json()) < 100_000
