"""Curves over the steps: their colors along the network, marks of what no logarithmic axis shows, and their table."""

import numpy as np
import pytest

from core import RunConfig, train
from core.wording import percent
from tests.support.charted import changed, run
from ui.charts import curves, style


@pytest.mark.parametrize("hidden", [1, 4, 30])
@pytest.mark.parametrize("dark", [False, True])
def test_a_layers_curve_has_the_color_of_its_place_between_input_and_output(hidden, dark):
    (trace,) = train([RunConfig(hidden=(3,) * hidden, samples=8, steps=5)])
    chart = curves.weight_norm_chart(trace, dark=dark)
    for part in chart.spec["data"]:
        layer = trace.layers if part["name"] == "output" else int(part["name"].removeprefix("layer "))
        assert part["line"]["color"] == style.depth_color((layer - 1) / (trace.layers - 1), dark)
        assert (part["line"]["width"] > 2) == (layer in (1, trace.layers))
        assert part["showlegend"] or layer not in (1, trace.layers)
    assert sum(part["showlegend"] for part in chart.spec["data"]) == min(trace.layers, 3)
    assert style.depth_color(0, dark) != style.depth_color(1, dark)


def test_every_step_at_which_any_curve_is_zero_has_its_mark():
    zero = [3, 7]

    def vanish(values):
        values[zero] = 0.0
        return values

    trace = changed(run("clipped"), clip_scale=vanish)  # and so the norm after clipping, but not the one before
    chart = curves.global_norm_chart(trace)
    (marks,) = [part for part in chart.spec["data"] if part["name"] == "exactly 0"]
    assert marks["x"].tolist() == trace.step[zero].tolist()


@pytest.mark.parametrize("name", ["loss", "accuracy", "global_norm", "update_ratio", "weight_norm"])
@pytest.mark.parametrize("kind", ["clipped", "penalized and clipped", "uneven rows"])
def test_the_table_has_every_curve_and_every_guide_at_every_recorded_step(name, kind):
    trace = run(kind)
    chart = getattr(curves, f"{name}_chart")(trace)
    drawn = {part["name"]: part["y"] for part in chart.spec["data"] if part["name"] != "exactly 0"}
    assert set(chart.table) == {"step", *drawn}
    np.testing.assert_array_equal(chart.table["step"], trace.step[: trace.rows_recorded])
    for curve, values in drawn.items():
        column = chart.table[curve].to_numpy()
        np.testing.assert_array_equal(column if len(values) == len(column) else column[:2], values)


@pytest.mark.parametrize("name", ["default", "diverged", "diverged between rows", "uneven rows"])
def test_findings_tell_the_first_and_the_last_finite_value(name):
    trace = run(name)
    for data, values, form in (
        (curves.loss_data(trace), trace.loss, lambda value: style.number(value, 3)),
        (curves.accuracy_data(trace), trace.accuracy, percent),
        (curves.global_norm_data(trace), trace.global_grad_norm, style.number),
    ):
        if values is not None:
            assert form(values[0]) in data.finding and form(values[trace.last_row]) in data.finding
