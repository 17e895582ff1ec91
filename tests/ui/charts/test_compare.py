"""Charts of several arms: the medians they draw, marks that tell arms apart, and awkward arms."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from core import RunConfig, train
from core.comparison.arm_statistics import summarize_arm
from core.families.activations import ACTIVATIONS
from core.layer_norms import LAYER_NORMS
from tests.support.pictures import check_picture
from ui.charts import style
from ui.charts.arms import NAME_LENGTH, StyledArm, arm_marks, polygon
from ui.charts.compare import MAX_FRAMES, _frames, compare_heatmap, compare_profile, compare_profile_data
from ui.charts.compare_curves import (
    compare_accuracy,
    compare_dead,
    compare_global_norm,
    compare_loss,
    compare_saturation,
    compare_weight_norm,
)

CURVES = {
    "loss": compare_loss,
    "accuracy": compare_accuracy,
    "norm_after": compare_global_norm,
    "weight_norm": compare_weight_norm,
    "saturation": compare_saturation,
    "dead": compare_dead,
}
SMALL = RunConfig(samples=16, hidden=(4, 4), steps=5)
AWKWARD = {
    "two": [SMALL, SMALL.replace(activation="relu")],
    "eight of several depths": [SMALL.replace(hidden=(4,) * depth) for depth in range(8)],
    "of several lengths": [SMALL, SMALL.replace(steps=0), SMALL.replace(steps=9, record_every=2)],
    "diverging": [SMALL, SMALL.replace(activation="linear", init_scale=30.0, learning_rate=1.0)],
    "broken at once": [SMALL.replace(activation="relu", init_scale=1e200)] * 2,
    "without a gradient": [SMALL, SMALL.replace(init_scale=0.0)],
    "regression": [SMALL.replace(dataset="sine"), SMALL.replace(dataset="sine", clip="value", clip_threshold=1e-3)],
}


def drawn(configs, seeds=3, names=None):
    records = [summarize_arm(train([config.replace(seed=seed) for seed in range(seeds)])) for config in configs]
    marks = arm_marks([str(index) for index in range(len(configs))])
    names = names or [f"arm {index}" for index in range(len(configs))]
    return [StyledArm(*parts) for parts in zip(names, records, marks, strict=True)]


@pytest.fixture(scope="module", params=AWKWARD)
def arms(request):
    return drawn(AWKWARD[request.param])


def lines(figure):
    """Traces that are drawn with a line and a name of their own."""
    return [line for line in figure.data if line.mode == "lines+markers"]


def checked(chart):
    """A chart whose figure can be sent, has titled axes and a height, and whose finding is in words."""
    json.loads(chart.figure.to_json())
    layout = chart.figure.layout
    assert layout.title.text and layout.height and layout.xaxis.title.text and layout.yaxis.title.text
    assert chart.alt.strip() and "nan" not in chart.alt.lower()
    names = [drawn.get("name") for drawn in chart.spec["data"]]
    check_picture(chart.spec, beyond=names)  # the curves of an arm that diverges leave it
    return chart


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_every_arm_that_can_be_drawn_has_a_profile(arms, quantity, dark):
    chart = checked(compare_profile(arms, quantity, dark=dark))
    assert len(chart.figure.frames) <= MAX_FRAMES
    for frame in chart.figure.frames:
        assert len(frame.data) == len(chart.figure.data)


@pytest.mark.parametrize("draw", CURVES.values(), ids=CURVES)
def test_every_arm_that_can_be_drawn_has_its_curves(arms, draw):
    checked(draw(arms))


def test_every_arm_has_a_small_heatmap(arms):
    for arm in arms:
        chart = checked(compare_heatmap(arm, layers=9))
        for cells in chart.figure.data:
            assert (cells.zmin, cells.zmax) == (-6, 6)


@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_the_profile_draws_the_medians_of_every_step(quantity):
    arms = drawn(AWKWARD["two"])
    figure = compare_profile(arms, quantity, relative=False).figure
    steps = [int(frame.name) for frame in figure.frames]
    assert steps == list(range(6))
    places = [place for place, line in enumerate(figure.data) if line.mode == "lines+markers"]
    for place, arm in zip(places, arms, strict=True):
        median = arm.record.layers[quantity].median
        np.testing.assert_array_equal(figure.data[place].y, median[0])
        for step, frame in zip(steps, figure.frames, strict=True):
            np.testing.assert_array_equal(frame.data[place].y, median[step])


def test_bands_lie_around_the_line():
    arm, *_ = arms = drawn(AWKWARD["two"], seeds=5)
    outer, inner, line, *_ = compare_profile(arms, "grad_norm", relative=False).figure.data
    band = arm.record.layers["grad_norm"]
    for shade, low, high in ((outer, band.low80, band.high80), (inner, band.low50, band.high50)):
        np.testing.assert_array_equal(shade.y, np.concatenate([low[0], high[0][::-1]]))
        assert shade.fill == "toself"
    assert (band.low80[0] <= line.y).all() and (line.y <= band.high80[0]).all()


def test_one_seed_has_no_band():
    figure = compare_profile(drawn(AWKWARD["two"], seeds=1)).figure
    assert all(line.fill is None for line in figure.data)


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_draws_the_medians(name):
    arms = drawn(AWKWARD["two"])
    for line, arm in zip(lines(CURVES[name](arms).figure), arms, strict=True):
        np.testing.assert_array_equal(line.x, arm.record.step)
        np.testing.assert_array_equal(line.y, arm.record.curves[name].median)


def test_a_zero_median_has_a_mark_of_its_own():
    figure = compare_profile(drawn(AWKWARD["without a gradient"])).figure
    marks = next(line for line in figure.data if line.name == "exactly 0")
    assert len(marks.x) > 0 and marks.mode == "markers"
    without = compare_profile(drawn(AWKWARD["two"])).figure
    assert "exactly 0" not in {line.name for line in without.data}


@pytest.mark.parametrize("layers", [3, 40, 400, 900])
def test_frames_send_a_limited_count_of_numbers_and_never_fewer_than_the_first_and_the_last_step(layers):
    step = np.arange(500)
    band = SimpleNamespace(narrow=False, median=np.zeros((500, layers)))
    steps, _ = _frames([SimpleNamespace(record=SimpleNamespace(step=step))] * 8, [band] * 8)
    assert (steps[0], steps[-1]) == (0, 499)
    numbers = 8 * 9 * layers * len(steps)
    assert len(steps) <= MAX_FRAMES and (numbers <= 30_000 or len(steps) <= 3)
    assert len(steps) == 2 or numbers <= 30_000


def test_the_norm_before_clipping_is_drawn_where_clipping_binds():
    plain, clipped = drawn(AWKWARD["regression"])
    figure = compare_global_norm([plain, clipped]).figure
    thin = [line for line in figure.data if line.mode == "lines" and not line.fill]
    assert len(thin) == 1
    np.testing.assert_array_equal(thin[0].y, clipped.record.curves["norm_before"].median)
    assert (clipped.record.curves["norm_after"].median < thin[0].y).any()


def test_an_arm_that_breaks_ends_in_a_mark_and_the_finding_names_it():
    chart = compare_loss(drawn(AWKWARD["diverging"]))
    assert "Ended before: arm 1." in chart.alt
    assert "every arm" not in chart.alt
    assert any(line.mode == "markers" for line in chart.figure.data)


def test_axes_fit_the_start_of_an_arm_that_diverges_and_mark_what_leaves_them():
    arms = drawn(AWKWARD["diverging"])
    figure = compare_profile(arms, "delta_norm", relative=False).figure
    norms = [arm.record.layers["delta_norm"] for arm in arms]
    low, high = figure.layout.yaxis.range
    starts = np.log10(np.concatenate([norms[1].low80[0], norms[1].high80[0]]))
    assert low <= starts.min() and starts.max() <= high <= max(starts.max(), np.log10(norms[0].median.max())) + 2
    (at,) = [k for k, drawing in enumerate(figure.data) if drawing.name == "above the axis"]
    for step, frame in zip(arms[1].record.step, figure.frames, strict=False):
        row = list(arms[1].record.step).index(step)
        assert list(frame.data[at].x) == list(np.flatnonzero(norms[1].median[row] > 10.0**high) + 1)
        assert all(low < np.log10(height) < high for height in frame.data[at].y)


def test_nothing_is_placed_where_no_browser_finds_it():
    chart = compare_weight_norm(drawn(AWKWARD["diverging"]))
    axis = chart.figure.layout.yaxis
    top = 10 ** axis.range[1] if axis.type == "log" else axis.range[1]
    placed = np.concatenate([np.asarray(line.y, float) for line in chart.figure.data])
    assert np.nanmax(placed) <= 1e6 * top


def test_any_two_of_eight_arms_differ_in_color_and_in_symbol_and_neighbors_of_one_dash_in_both():
    for marks in (arm_marks(["tanh"] * 8), arm_marks(list(ACTIVATIONS)[:8])):
        for dark in (False, True):
            assert len({mark.color(dark) for mark in marks}) == 8
        assert len({mark.symbol for mark in marks}) == 8
        assert len({mark.dash for mark in marks}) >= 3


def test_arms_of_different_activations_have_the_looks_these_have_on_every_page():
    assert arm_marks(["relu", "tanh"]) == [style.activation_mark("relu"), style.activation_mark("tanh")]
    assert arm_marks(["relu", "relu"]) == [style.arm_mark(0), style.arm_mark(1)]


def test_names_of_visitors_are_no_markup_and_cut_in_the_legend():
    chart = compare_profile(drawn(AWKWARD["two"], names=["<b>bold</b> %{y}", "long " * 8]))
    first, second = (line.name for line in lines(chart.figure))
    assert first == "&lt;b&gt;bold&lt;/b&gt; &#37;{y}"
    assert len(second) == NAME_LENGTH and second.endswith("…")
    assert set(chart.table["arm"]) == {"<b>bold</b> %{y}", "long " * 8}


def test_the_table_has_a_row_for_each_arm_step_and_layer():
    arms = drawn(AWKWARD["of several lengths"])
    table = compare_profile(arms).table
    assert len(table) == 3 * (6 + 1 + 9)  # steps 0 to 5, 6, 8 and 9 are drawn, each arm up to its end
    for _, part in table.groupby(["arm", "step"]):
        assert list(part["layer"]) == [1, 2, 3]


def test_the_legend_leaves_room_for_every_row_on_the_narrowest_screen():
    heights = [compare_loss(drawn([SMALL] * count)).figure.layout.margin.b for count in (2, 4, 8)]
    assert all(low < high for low, high in pairwise(heights))


def test_marks_of_zeros_stand_at_the_layers_that_are_zero_in_the_colors_of_their_arms():
    arms, rng = drawn([SMALL, SMALL.replace(activation="relu")]), np.random.default_rng(0)
    zeros = [rng.random(arm.record.layers["grad_norm"].median.shape) < 0.4 for arm in arms]
    for arm, where in zip(arms, zeros, strict=True):
        where[:, -1] = False  # the others are relative to the output layer
        for part in vars(arm.record.layers["grad_norm"]).values():
            part[where] = 0.0
    chart = compare_profile(arms, "grad_norm")
    place = next(k for k, part in enumerate(chart.spec["data"]) if part.get("name") == "exactly 0")
    for row, frame in enumerate(chart.spec["frames"]):
        marks = frame["data"][place]
        wanted = [(layer + 1, arm.mark.color(False)) for arm, where in zip(arms, zeros, strict=True)
                  for layer in np.flatnonzero(where[row])]  # fmt: skip
        assert list(zip(marks["x"], marks["marker"]["color"], strict=True)) == wanted


@pytest.mark.parametrize("quantity", LAYER_NORMS)
def test_hovering_a_small_heatmap_tells_the_median_norm_itself(quantity):
    for arm in drawn(AWKWARD["two"]):
        (cells,) = compare_heatmap(arm, quantity, layers=3).spec["data"]
        median = arm.record.layers[quantity].median
        assert cells["text"] == [[style.number(norm) for norm in row] for row in median.T.tolist()]


def test_a_small_heatmap_of_an_arm_that_breaks_says_at_which_step():
    arm = drawn(AWKWARD["diverging"])[1]
    at = arm.record.summary["diverged_at"]
    assert at < arm.record.step[-1]
    assert f"Breaks at step {at:.10g}. Step 0:" in compare_heatmap(arm, layers=3).alt


def test_the_inner_band_is_shaded_more_than_the_outer():
    outer, inner, *_ = compare_profile(drawn(AWKWARD["two"], seeds=5), "grad_norm").spec["data"]
    opacity = [float(part["fillcolor"].rpartition(",")[2].rstrip(")")) for part in (outer, inner)]
    assert opacity[0] < opacity[1]


def test_the_table_of_the_global_norm_has_both_of_its_medians():
    arms = drawn(AWKWARD["regression"])
    table = compare_global_norm(arms).table
    for arm in arms:
        rows = table[table["arm"] == arm.name]
        for name in ("norm_before", "norm_after"):
            np.testing.assert_array_equal(rows[f"{name} median"], arm.record.curves[name].median)


@pytest.mark.parametrize("judged", [0, 137, 200])
def test_the_judged_step_is_a_frame_of_a_long_comparison(judged):
    arms = drawn([SMALL.replace(steps=200)] * 2, seeds=1)
    data = compare_profile_data(arms, "delta_norm", judged=judged)
    assert judged in data.step and len(data.step) < 100


def test_a_band_is_cut_off_at_the_foot_of_the_axis_and_left_out_below_it():
    nan = np.nan
    x, low, high = np.arange(5), np.array([0.1, 5.0, 0.1, nan, 2.0]), np.array([2.0, 9.0, 0.5, 4.0, nan])
    shape = polygon(x, low, high, 1.0)
    assert shape["x"].tolist() == [0, 1, 1, 0] and shape["y"].tolist() == [1, 5, 9, 2]
