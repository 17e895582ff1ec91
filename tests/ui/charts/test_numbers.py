"""The numbers in a figure are the trace's, and what a logarithmic axis cannot hold is marked."""

import numpy as np
import pytest

from core import RunConfig, snapshot, train
from core.layer_norms import LAYER_NORMS, reference_norm
from core.wording import percent
from tests.support.charted import RUNS, changed, run
from ui.charts import curves
from ui.charts.boundary import grid
from ui.charts.distributions import SPREADS, distributions
from ui.charts.heatmap import MAX_COLUMNS, gradient_heatmap, heatmap_data
from ui.charts.pooling import bin_rows, envelope_rows, thin_rows
from ui.charts.style import number


def named(figure, name):
    (found,) = [drawn for drawn in figure.data if drawn.name == name]
    return found


def index_of(figure, name):
    """The index of a named drawing, as frames count it."""
    (index,) = [i for i, drawn in enumerate(figure.data) if drawn.name == name]
    return index


def moved(figure, frame, name):
    """A named drawing as a frame changes it."""
    return frame.data[list(frame.traces).index(index_of(figure, name))]


def as_drawn(norms):
    return np.where((norms > 0) & np.isfinite(norms), norms, np.nan)


def root_mean_square(trace):
    sizes = [W.shape[0] * W.shape[1] for W, _ in trace.weights]
    return trace.grad_norm / np.sqrt(np.array(sizes))


BY_HAND = {
    "grad_norm": lambda trace: trace.grad_norm,
    "delta_norm": lambda trace: trace.delta_norm,
    "rms": root_mean_square,
}


def test_every_quantity_has_a_value_worked_by_hand():
    assert set(BY_HAND) == set(LAYER_NORMS)


# -- the heatmap ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_heatmap_holds_log10_of_every_norm_where_steps_are_few(quantity):
    trace = run("penalized and clipped")
    heat = gradient_heatmap(trace, quantity).figure.data[0]
    np.testing.assert_allclose(heat.z, np.log10(BY_HAND[quantity](trace)).T, rtol=1e-12)
    np.testing.assert_array_equal(heat.x, np.arange(-0.5, 21))
    np.testing.assert_array_equal(heat.y, np.arange(1, trace.layers + 1))


def test_a_column_is_the_median_of_log10_over_the_steps_it_pools():
    trace = run("default")
    chart = gradient_heatmap(trace, "grad_norm")
    cells = chart.figure.data[0]
    z, power = np.array(cells.z), np.log10(trace.grad_norm)
    assert z.shape == (11, 101)
    assert (cells.x[0], cells.x[1], cells.x[-1]) == (-0.5, 2.5, 300.5)  # half a step beyond the first and the last
    assert "median of neighboring recorded steps" in chart.figure.layout.title.subtitle.text.replace("<br>", " ")
    np.testing.assert_allclose(z[:, 0], np.median(power[0:3], axis=0), rtol=1e-12)
    np.testing.assert_allclose(z[:, -1], power[300], rtol=1e-12)
    assert cells.customdata[4][3] == "9 to 11" and "median of steps %{customdata}" in cells.hovertemplate
    assert cells.text[4][3] == number(10 ** np.median(power[9:12, 4]))
    row = chart.table.loc[3, ["step", "to step", "layer 5"]]
    np.testing.assert_allclose(row.astype(float), [9, 11, 10 ** np.median(power[9:12, 4])], rtol=1e-12)


@pytest.mark.parametrize("kind, span", [("default", 6), ("regression", 1)])
def test_heatmap_colors_are_level_at_the_output_of_step_0_and_reach_as_far_as_the_data(kind, span):
    trace = run(kind)
    heat = gradient_heatmap(trace).figure.data[0]
    level = np.log10(trace.delta_norm[0, -1])
    farthest = np.abs(np.log10(trace.delta_norm) - level).max()
    assert (heat.zmax - heat.zmin) / 2 == pytest.approx(span)
    assert span == min(s for s in (1, 2, 3, 6) if s >= min(farthest, 6))
    np.testing.assert_allclose([heat.zmin, heat.zmax], [level - span, level + span], rtol=1e-12)
    np.testing.assert_allclose(heat.colorbar.tickvals, level + span * np.array([-1, -0.5, 0, 0.5, 1]), rtol=1e-9)


@pytest.mark.parametrize("kind", RUNS)
def test_heatmap_has_no_more_columns_than_a_screen(kind):
    for drawn in gradient_heatmap(run(kind)).figure.data:
        if drawn.type == "heatmap":
            assert np.shape(drawn.z)[1] <= MAX_COLUMNS + 1  # one more for a last row that broke
            assert len(drawn.x) == np.shape(drawn.z)[1] + 1
            assert np.array_equal(drawn.x, sorted(drawn.x))


def test_zero_cells_have_a_color_of_their_own():
    trace = run("float32 underflow")
    heat, zeros, key = gradient_heatmap(trace).figure.data
    expected = (trace.grad_norm == 0).T
    np.testing.assert_array_equal(np.isfinite(zeros.z), expected)
    np.testing.assert_array_equal(np.isfinite(heat.z), ~expected)
    assert key.name == "exactly 0" and key.marker.color == zeros.colorscale[0][1]
    assert key.marker.color not in [color for _, color in heat.colorscale]


def test_a_broken_row_is_a_column_of_its_own_with_a_line_and_words():
    trace = run("diverged")
    figure = gradient_heatmap(trace).figure
    z = np.array(figure.data[0].z)
    assert np.isfinite(z[:, :-1]).all() and np.isnan(z[:, -1]).all()
    assert figure.layout.shapes[0].x0 == trace.diverged_at
    assert figure.layout.annotations[0].text == f"diverged at step {trace.diverged_at}"


def test_cells_of_uneven_steps_meet_half_way():
    heat = gradient_heatmap(run("uneven rows")).figure.data[0]
    np.testing.assert_array_equal(heat.x, [-3.5, 3.5, 10.5, 17, 23])  # rows at 0, 7, 14 and 20


@pytest.mark.parametrize("name", ["saturation", "dead"])
def test_share_heatmaps_hold_the_shares(name):
    trace = run("penalized and clipped")
    heat = getattr(curves, f"{name}_chart")(trace).figure.data[0]
    np.testing.assert_allclose(heat.z, getattr(trace, name).T, rtol=1e-6, atol=1e-9)
    assert (heat.zmin, heat.zmax) == (0, 1)


# -- the curves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, drawn",
    [
        ("loss", {"loss": "loss", "with penalties": "total_loss", "held out": "holdout_loss"}),
        ("accuracy", {"training": "accuracy", "held out": "holdout_accuracy"}),
        ("global_norm", {"before clipping": "global_grad_norm"}),
    ],
)
def test_curves_are_the_traces_rows(name, drawn):
    trace = run("penalized and clipped")
    figure = getattr(curves, f"{name}_chart")(trace).figure
    for label, field in drawn.items():
        curve = named(figure, label)
        np.testing.assert_array_equal(curve.x, trace.step)
        np.testing.assert_array_equal(curve.y, getattr(trace, field))


@pytest.mark.parametrize("kind", ["default", "clipped", "one row", "diverged"])
def test_a_curve_that_would_repeat_another_is_not_drawn(kind):
    names = [drawn.name for drawn in curves.loss_chart(run(kind)).figure.data]
    assert names == ["loss"]


def test_global_norm_after_clipping_stays_under_its_threshold_which_is_drawn():
    trace = run("clipped")
    chart = curves.global_norm_chart(trace)
    after, threshold = named(chart.figure, "after clipping"), named(chart.figure, "threshold")
    np.testing.assert_array_equal(after.y, trace.global_grad_norm * trace.clip_scale)
    assert set(threshold.y) == {trace.config.clip_threshold}
    assert max(after.y) <= trace.config.clip_threshold * (1 + 1e-12)  # the product rounds
    share = np.mean(trace.clip_scale[:-1] < 1)
    assert f"binds on {percent(share)} of the steps" in chart.alt


@pytest.mark.parametrize("kind, clip", [("default", False), ("penalized and clipped", False), ("clipped", True)])
def test_a_threshold_of_another_kind_of_norm_is_not_drawn(kind, clip):
    names = [drawn.name for drawn in curves.global_norm_chart(run(kind)).figure.data]
    assert ("threshold" in names) == clip


@pytest.mark.parametrize("field", ["update_ratio", "weight_norm"])
def test_layer_curves_are_the_traces_columns(field):
    trace = run("penalized and clipped")
    figure = getattr(curves, f"{field}_chart")(trace).figure
    for layer in range(trace.layers):
        name = "output" if layer == trace.layers - 1 else f"layer {layer + 1}"
        np.testing.assert_array_equal(named(figure, name).y, getattr(trace, field)[:, layer])


def test_many_layers_are_thinned_to_a_dozen_curves_and_said_so():
    chart = curves.weight_norm_chart(run("500 layers"))
    names = [drawn.name for drawn in chart.figure.data]
    assert len(names) == 12 and names[0] == "layer 1" and names[-1] == "output"
    assert "12 of 500 layers" in chart.alt


def test_the_guide_for_updates_lies_at_a_thousandth():
    guide = named(curves.update_ratio_chart(run("default")).figure, "guide 10⁻³")
    assert list(guide.y) == [1e-3, 1e-3]


def test_zeros_of_a_logarithmic_curve_are_marked_at_the_foot():
    trace = changed(run("default"), global_grad_norm=lambda norm: np.where(np.arange(301) >= 200, 0, norm))
    figure = curves.global_norm_chart(trace).figure
    mark = named(figure, "exactly 0")
    assert min(mark.x) == 200 and len(mark.x) <= 60
    assert (np.log10(mark.y) > figure.layout.yaxis.range[0]).all()


def test_thinned_curves_keep_the_odd_values_of_a_million_steps():
    trace = run("a million steps")
    curve = curves.loss_chart(trace).figure.data[0]
    assert len(curve.x) <= curves.MAX_POINTS
    assert curve.x[0] == 0 and curve.x[-1] == 1_000_000
    found = dict(zip(curve.x, curve.y, strict=True))
    assert (found[7_777 * 50], found[13_131 * 50]) == (99.0, 1e-9)


# -- which rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 3, 99, 100, 101, 301, 20_001, 1_000_001])
@pytest.mark.parametrize("most", [2, 3, 60, 100])
def test_spread_rows_hold_both_ends_within_the_limit(rows, most):
    chosen = thin_rows(rows, most)
    assert chosen[0] == 0 and chosen[-1] == rows - 1
    assert len(chosen) <= max(most, 1) and (np.diff(chosen) > 0).all()
    gaps = np.diff(chosen)
    assert (np.diff(gaps) >= -1).all() or rows <= most  # ever further apart, to rounding


@pytest.mark.parametrize("rows", [1, 7, 250, 251, 301, 1_000_001])
def test_pools_cover_every_row_once(rows):
    covered = bin_rows(rows, 250)
    assert len(covered) <= 250
    assert covered[0].start == 0 and covered[-1].stop == rows
    assert all(a.stop == b.start for a, b in zip(covered, covered[1:], strict=False))


@pytest.mark.parametrize("rows", [1, 10, 500, 501, 5_000])
def test_envelopes_keep_the_extremes_and_the_gaps(rows):
    values = np.random.default_rng(rows).normal(size=rows)
    values[rows // 3] = np.nan if rows > 10 else values[rows // 3]
    kept = envelope_rows(values, 500)
    assert len(kept) <= 500
    assert {0, rows - 1, int(np.nanargmax(values)), int(np.nanargmin(values))} <= set(kept)
    assert np.isnan(values).any() == np.isnan(values[kept]).any()


@pytest.mark.parametrize(
    "norms, expected",
    [
        ([[1.0, 2.0, 3.0]], 3.0),
        ([[1.0, 5.0, 0.0]], 5.0),
        ([[1.0, 5.0, np.nan]], 5.0),
        ([[0.0, 0.0], [7.0, 4.0]], 7.0),
        ([[0.0, 0.0]], 1.0),
        ([[np.nan, np.inf]], 1.0),
        ([[1e-200, 1e-180]], 1e-180),
    ],
)
def test_colors_are_measured_against_the_output_of_row_0_or_the_next_best(norms, expected):
    assert reference_norm(np.array(norms)) == expected


# -- inside the network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", SPREADS)
def test_quantiles_and_zeros_are_those_of_each_layers_values(quantity):
    parts = snapshot(RunConfig(activation="relu", hidden=(16,) * 4), 3)
    figure = distributions(parts, quantity).figure
    for layer, values in enumerate(getattr(parts, quantity)):
        kept = values[values != 0]
        kept = np.abs(kept) if quantity in ("delta", "weight_gradient") else kept
        told = [named(figure, name).y[layer] for name in ("5 %", "median", "95 %")]
        np.testing.assert_allclose(told, np.percentile(kept, [5, 50, 95]), rtol=1e-12)
    shares = [np.mean(values == 0) for values in getattr(parts, quantity)]
    if any(shares):
        np.testing.assert_allclose(named(figure, "exactly 0").y, shares)
    assert any(shares) == (quantity != "net")


def test_a_column_of_values_is_their_histogram_in_percent_of_its_mode():
    parts = snapshot(RunConfig(activation="tanh", hidden=(16,) * 4), 0)
    heat = distributions(parts, "activation").figure.data[0]
    for layer, values in enumerate(parts.activation):
        counts = np.histogram(values, heat.y)[0]
        np.testing.assert_allclose(np.array(heat.z)[:, layer], 100 * counts / counts.max(), atol=0.5)  # whole percents


def test_grid_surrounds_the_samples_with_the_first_input_running_fastest():
    X = np.array([[0.0, 10.0], [1.0, 30.0]])
    points = grid(X, 3)
    np.testing.assert_allclose(points[:3], [[-0.1, 8.0], [0.5, 8.0], [1.1, 8.0]])
    np.testing.assert_allclose(points[-1], [1.1, 32.0])
    assert grid(X[:, :1], 50).shape == (50, 1)
    assert np.isfinite(grid(np.ones((4, 2)))).all()  # samples all in one place


@pytest.mark.parametrize("steps, record_every", [(60, 7), (100, 1), (1, 1), (0, 1)])
def test_hovering_a_column_of_one_recorded_step_names_that_step(steps, record_every):
    (trace,) = train([RunConfig(hidden=(4,) * 3, steps=steps, record_every=record_every)])
    cells = gradient_heatmap(trace).figure.data[0]
    middle = (cells.x[1:] + cells.x[:-1]) / 2
    named_steps = np.asarray(cells.customdata)[0] if "step %{customdata" in cells.hovertemplate else middle
    np.testing.assert_array_equal(named_steps, trace.step)


def test_a_mean_of_shares_is_not_called_their_median():
    (trace,) = train([RunConfig(hidden=(4,) * 3, steps=2 * MAX_COLUMNS)])
    assert "mean of" in curves.saturation_chart(trace).figure.data[0].hovertemplate
    assert "median of" in gradient_heatmap(trace).figure.data[0].hovertemplate


@pytest.mark.parametrize("broken", [(), (0,), (1,), (0, 1, 2)])
@pytest.mark.parametrize("at", [0, -1])
def test_a_last_step_that_broke_in_every_layer_has_a_column_of_its_own_and_any_other_is_pooled(broken, at):
    rows = 4 * MAX_COLUMNS
    norms = 10.0 ** np.random.default_rng(0).normal(size=(rows, 3))
    norms[at, list(broken)] = np.nan
    data = heatmap_data(np.arange(rows), norms)
    stands_alone = len(broken) == 3 and at == -1
    assert (data.first[-1] == data.last[-1] == rows - 1) == stands_alone
    inner = data.z[:, 1:-1]
    assert np.isfinite(inner).all() and (data.last[:-1] < data.first[1:]).all()
