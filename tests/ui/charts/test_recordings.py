"""Recordings in charts: zeros and what is not finite are marked, pools keep both, and tables hold every number."""

import numpy as np
import pytest

from core.recordings import Parameter, Recording
from core.recordings.examples import EXAMPLES, load_example
from core.recordings.selection import GROUPS, select_tensors
from ui.charts import recording_curves
from ui.charts.guides import Guide
from ui.charts.recordings import (
    MAX_POINTS,
    MAX_ROWS,
    NORMS,
    TensorView,
    map_data,
    recording_heatmap,
    recording_profile,
    recording_profile_data,
    recording_shares,
)

CURVES = [getattr(recording_curves, name) for name in dir(recording_curves) if name.startswith("recording_")]


def made(norms, **values):
    norms = np.array(norms, dtype=float)
    parameters = tuple(Parameter(name=f"net.{i}.weight", layer=i + 1, kind="weight") for i in range(norms.shape[1]))
    step, all_values = np.arange(len(norms)) * 10, {"grad_norm": norms, **values}
    recording = Recording(name="r", source="t", parameters=parameters, step=step, values=all_values)
    return TensorView(recording=recording, indices=np.arange(norms.shape[1]))


def names_of(chart):
    return [drawn.name for drawn in chart.figure.data]


@pytest.mark.parametrize("relative", [True, False])
def test_a_zero_and_an_infinity_have_marks_of_their_own_and_are_not_drawn_as_small(relative):
    view = made([[0.0, 0.5, 1.0], [0.25, np.inf, 1.0]])
    chart = recording_profile(view, relative=relative)
    assert {"exactly 0", "not finite"} <= set(names_of(chart))
    line = next(drawn for drawn in chart.figure.data if drawn.name == "this network")
    assert np.isnan(line.y[0]) and np.isfinite(line.y[1:]).all()
    heatmap = recording_heatmap(view, relative=relative)
    assert {"exactly 0", "not finite"} <= set(names_of(heatmap))
    assert np.isnan(heatmap.figure.data[0].z[0][0]) and np.isnan(heatmap.figure.data[0].z[1][1])


def test_a_recording_without_either_has_neither_mark():
    assert not {"exactly 0", "not finite"} & set(names_of(recording_profile(made([[0.5, 1.0]] * 3))))
    assert not {"exactly 0", "not finite"} & set(names_of(recording_heatmap(made([[0.5, 1.0]] * 3))))


def test_a_line_of_theory_is_drawn_where_norms_are_relative_and_nowhere_else():
    line = Guide("typical network (theory)", np.array([0.5, 1.0]))
    view = made([[0.25, 1.0], [0.5, 2.0]])
    drawn = recording_profile(view, guides=[line])
    assert line.name in names_of(drawn) and drawn.alt.endswith("Typical network (theory): 0.5 at the first.")
    assert line.name not in names_of(recording_profile(view, relative=False, guides=[line]))
    silent = recording_profile(made([[2.0, 1.0], [4.0, 0.0]]), guides=[line])
    assert line.name not in names_of(silent)


def test_where_the_last_tensor_is_silent_norms_are_shown_as_they_are():
    view = made([[2.0, 1.0], [4.0, 0.0]])
    assert recording_profile_data(view, relative=True).values.tolist() == [[2, 1], [4, 0]]
    assert recording_profile_data(made([[2.0, 1.0], [4.0, 8.0]]), relative=True).values.tolist() == [[2, 1], [0.5, 1]]


def test_thousands_of_layers_are_pooled_by_medians_and_one_infinity_is_seen():
    norms = np.tile(np.geomspace(1e-9, 1, 5_000), (400, 1))
    norms[7, 1234] = np.inf
    view = made(norms)
    data = recording_profile_data(view, relative=False)
    assert data.layers <= MAX_POINTS and np.isfinite(data.values[0]).all()
    assert data.values[0, 0] == np.median(norms[0, : -(-5_000 // MAX_POINTS)])
    pooled = map_data(view, view.norms(), logarithmic=True)
    assert len(pooled.groups) <= MAX_ROWS and pooled.cells.z.shape == pooled.not_finite.shape
    assert pooled.not_finite.sum() == 1
    assert np.isfinite(pooled.cells.z).all()


def test_the_table_behind_a_profile_holds_every_norm():
    view = made([[0.0, 0.5], [np.inf, 2.0]])
    table = recording_profile(view).table
    assert table["grad_norm"].tolist() == [0.0, 0.5, np.inf, 2.0]
    assert table["tensor"].tolist() == ["net.0.weight", "net.1.weight"] * 2


def test_clipping_is_drawn_where_it_was_recorded_and_changed_something():
    clipped = np.array([[0.1, 0.2], [0.5, 1.0]])
    assert "after clipping" in names_of(recording_profile(made([[0.5, 1.0]] * 2, clipped_grad_norm=clipped)))
    same = np.array([[0.5, 1.0]] * 2)
    assert "after clipping" not in names_of(recording_profile(made([[0.5, 1.0]] * 2, clipped_grad_norm=same)))


def test_a_shared_axis_is_the_one_that_was_given():
    chart = recording_profile(made([[0.5, 1.0]] * 2), ends=(-20.0, 3.0))
    assert tuple(chart.figure.layout.yaxis.range) == (-20.0, 3.0)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_chart_of_every_example_is_one_that_plotly_takes(name, dark):
    recording = load_example(name)
    for group in GROUPS:
        view = TensorView(recording=recording, indices=select_tensors(recording, group))
        if not len(view.indices):
            continue
        charts = [draw(view, dark=dark) for draw in CURVES]
        charts += [f(view, q, relative=True, dark=dark) for f in (recording_profile, recording_heatmap) for q in NORMS]
        charts.append(recording_shares(view, "zero_share", "Zeros", "share", dark=dark))
        for chart in charts:
            assert chart.figure.layout.title.text and chart.alt
            assert chart.figure.layout.xaxis.title.text


def test_a_recording_of_one_step_and_one_tensor_is_drawn():
    view = made([[1.0]])
    for draw in (*CURVES, recording_profile, recording_heatmap):
        assert draw(view).figure.layout.title.text


def test_names_of_a_file_are_no_markup_in_a_figure_and_long_ones_are_shortened():
    name = "<a href='http://example.org'>%{x}</a>"
    parameters = tuple(Parameter(name=n, layer=1, kind="weight") for n in (name, "b" * 5_000))
    values = {"grad_norm": np.ones((3, 2)), "weight_norm": np.ones((3, 2)), "update_norm": np.ones((3, 2))}
    recording = Recording(name="r", source="t", parameters=parameters, step=np.arange(3), values=values)
    view = TensorView(recording=recording, indices=np.arange(2))
    for draw in (*CURVES, recording_profile, recording_heatmap):
        text = draw(view).figure.to_json()
        assert "<a " not in text and "b" * 100 not in text
    shares = TensorView(recording=made([[1.0, 1.0]], dead=np.ones((1, 2))).recording, indices=np.arange(2))
    assert recording_shares(shares, "dead", "Dead", "share").figure.layout.title.text == "Dead"
    assert recording_profile(view).table["tensor"][0] == name
