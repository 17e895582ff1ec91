"""The profile draws the norms it was given, each frame at its step, on axes that fit step 0 and its theory."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, diagnose, train
from core.layer_norms import LAYER_NORMS, WHY_NORMS_DIFFER, relative_to_output
from core.trace import layer_factor
from core.wording import power_of_ten
from tests.support.charted import RUNS, changed, run
from ui.charts.animation import open_at
from ui.charts.guides import Guide
from ui.charts.profile import SHADES, gradient_profile, profile_data
from ui.text import typeset

RUNS_WITH_GRADIENT = [kind for kind in RUNS if kind != "diverged at step 0"]


def root_mean_square(trace):
    sizes = [W.shape[0] * W.shape[1] for W, _ in trace.weights]
    return trace.grad_norm / np.sqrt(np.array(sizes))


BY_HAND = {
    "grad_norm": lambda trace: trace.grad_norm,
    "delta_norm": lambda trace: trace.delta_norm,
    "rms": root_mean_square,
}


def data_of(trace, quantity="delta_norm", **more):
    return profile_data(trace, LAYER_NORMS[quantity], **more)


def rows_of(trace, data):
    return [int(np.flatnonzero(trace.step == step)[0]) for step in data.step]


def drawing(figure, name):
    (found,) = [drawn for drawn in figure.data if drawn.name == name]
    return found


def in_frame(figure, frame, name):
    (index,) = [i for i, drawn in enumerate(figure.data) if drawn.name == name]
    return frame.data[list(frame.traces).index(index)]


def as_drawn(norms):
    return np.where((norms > 0) & np.isfinite(norms), norms, np.nan)


def test_every_norm_is_worked_by_hand_here():
    assert set(BY_HAND) == set(LAYER_NORMS)


def test_the_first_norm_is_the_one_that_verdicts_judge():
    assert next(iter(LAYER_NORMS)) == "delta_norm"
    assert "δ" in WHY_NORMS_DIFFER
    assert gradient_profile(run("default")).alt.startswith("Delta by layer")


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("quantity", LAYER_NORMS)
@pytest.mark.parametrize("kind", ["default", "500 layers", "float32 underflow", "uneven rows", "diverged"])
def test_every_frame_holds_the_row_of_its_step(kind, quantity, relative):
    trace, norms = run(kind), BY_HAND[quantity](run(kind))
    data = data_of(trace, quantity, relative=relative)
    expected = norms / norms[:, -1:] if relative else norms
    expected = np.where(norms[:, -1:] > 0, expected, np.nan) if relative else expected
    np.testing.assert_array_equal(data.values, expected[rows_of(trace, data)])
    assert data.relative == relative


@pytest.mark.parametrize("kind", RUNS_WITH_GRADIENT)
def test_the_figure_opens_on_step_0_and_its_frames_are_the_data(kind):
    data, figure = data_of(run(kind)), gradient_profile(run(kind)).figure
    line = drawing(figure, "this network")
    np.testing.assert_array_equal(line.y, as_drawn(data.values[0]))
    np.testing.assert_array_equal(line.x, np.arange(1, run(kind).layers + 1))
    assert [frame.name for frame in figure.frames] == ([str(s) for s in data.step] if len(data.step) > 1 else [])
    for k, frame in enumerate(figure.frames):
        np.testing.assert_array_equal(in_frame(figure, frame, "this network").y, as_drawn(data.values[k]))
        assert data.words[k].startswith(f"Step {data.step[k]:,}:")
        above = frame.data[-1].text[0].replace("<br>", " ")
        assert above == data.words[k]


@settings(max_examples=40)
@given(st.data())
def test_any_norms_are_drawn_layer_by_layer_as_they_are(drawn):
    layers, base = drawn.draw(st.integers(2, 5)), run("uneven rows")
    size = st.floats(1e-30, 1e30) | st.just(0.0)
    rows = [drawn.draw(st.lists(size, min_size=layers, max_size=layers)) for _ in base.step]
    norms = np.array(rows)
    weights = [(np.ones((k + 2, 3)), None) for k in range(layers)]
    other = norms[:, ::-1].copy()
    fields = dict.fromkeys(("grad_norm", "total_grad_norm", "clipped_grad_norm"), other)
    trace = dataclasses.replace(base, delta_norm=norms, weights=weights, **fields)
    for quantity, expected in (("delta_norm", norms), ("grad_norm", other)):
        data = data_of(trace, quantity, relative=False)
        np.testing.assert_array_equal(data.values, expected)
        shares = data_of(trace, quantity)
        if shares.relative:
            np.testing.assert_array_equal(shares.values, relative_to_output(expected))
        table = gradient_profile(trace, quantity).table.set_index(["step", "layer"])
        for row, step in enumerate(trace.step):
            np.testing.assert_array_equal(table.loc[step, quantity], expected[row])


def test_a_run_without_steps_has_nothing_to_play():
    layout = gradient_profile(run("one row")).figure.layout
    assert not layout.sliders and not layout.updatemenus


@pytest.mark.parametrize("kind", [kind for kind in RUNS_WITH_GRADIENT if kind not in ("one row",)])
def test_slider_marks_are_few_even_in_steps_and_end_at_the_last_step(kind):
    trace = run(kind)
    figure = gradient_profile(trace).figure
    marks = [int(mark.args[0][0]) for mark in figure.layout.sliders[0].steps]
    assert 2 <= len(marks) <= 13
    assert marks[0] == 0 and marks[-1] == trace.step[trace.rows_recorded - 1]
    assert [mark.label for mark in figure.layout.sliders[0].steps] == [f"{step:,}" for step in marks]
    assert {str(step) for step in marks} <= {frame.name for frame in figure.frames}
    recorded = np.diff(trace.step[: trace.rows_recorded]).max()
    even = np.linspace(0, marks[-1], len(marks))
    assert np.abs(np.array(marks) - even).max() <= recorded / 2  # the nearest recorded row


def test_frames_are_played_without_a_redraw():
    layout = gradient_profile(run("default")).figure.layout
    (button,) = layout.updatemenus[0].buttons  # plays, and pauses at the next press
    assert button.args[1]["frame"]["redraw"] is False and button.args2[1]["frame"]["redraw"] is False
    assert (button.args[0], list(button.args2[0])) == (None, [None])
    assert layout.updatemenus[0].active == -1  # else the first press would pause what does not play
    assert all(mark.args[1]["frame"]["redraw"] is False for mark in layout.sliders[0].steps)
    assert all(frame.layout.title.text is None for frame in gradient_profile(run("default")).figure.frames)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("kind", RUNS_WITH_GRADIENT)
def test_the_axis_holds_step_0_and_marks_what_leaves_it_later(kind, relative):
    data = data_of(run(kind), relative=relative)
    start = data.values[0][(data.values[0] > 0) & np.isfinite(data.values[0])]
    assert data.high - data.low >= 2
    assert ((10.0**data.low <= start) & (start <= 10.0 ** (data.high + 0.3))).all()  # float64 ends beyond 10 ** 308
    names = [drawn.name for drawn in gradient_profile(run(kind), relative=relative).figure.data]
    with np.errstate(invalid="ignore"):
        later = data.values[np.isfinite(data.values)]
        assert ("exactly 0" in names) == (later == 0).any()
        assert ("not finite" in names) == np.isinf(data.values).any()
        assert ("above the axis" in names) == (later > 10.0**data.high).any()
        assert ("below the axis" in names) == ((later > 0) & (later < 10.0**data.low)).any()


def test_the_axis_fits_the_theory_but_not_the_hard_limit():
    trace = run("uneven rows")
    level = np.full(trace.layers, float(trace.delta_norm[0, -1]))
    theory = Guide("theory", level * 1e-9, level * 1e-10, level * 1e-8)
    limit = Guide("hard limit", level * 1e40, fits=False)
    data = data_of(trace, guides=[theory, limit])
    assert data.low < -10 and data.high < 10


@pytest.mark.parametrize("kind", ["default", "uneven rows"])
def test_guides_are_divided_by_the_output_of_step_0_and_drawn_as_they_are(kind):
    trace = run(kind)
    values = np.geomspace(1e-6, 1, trace.layers)
    guide = Guide("theory", values, values / 2, values * 3, band_name="95 % of networks")
    output = trace.delta_norm[0, -1]
    figure = gradient_profile(trace, guides=[guide]).figure
    low, high, middle = (drawn for drawn in figure.data if drawn.name == "theory")
    for line, expected in ((low, values / 2), (high, values * 3), (middle, values)):
        np.testing.assert_array_equal(line.y, expected / output)
    (absolute,) = data_of(trace, relative=False, guides=[guide]).guides
    np.testing.assert_array_equal(absolute.values, values)
    texts = [note.text for note in figure.layout.annotations]
    assert texts == ["theory", "95 % of networks"]


def test_a_band_whose_lower_edge_is_0_reaches_to_the_foot_of_the_axis():
    trace = run("default")
    values = trace.delta_norm[0]
    guide = Guide(name="theory", values=values, low=np.zeros(trace.layers), high=values * 3, band_name="band")
    chart = gradient_profile(trace, guides=[guide])
    low, high, _ = (drawn for drawn in chart.figure.data if drawn.name == "theory")
    np.testing.assert_allclose(low.y, 10.0 ** chart.figure.layout.yaxis.range[0])
    assert high.fill == "tonexty" and len(high.y) == len(low.y)


def test_a_theory_of_no_gradient_but_at_the_output_has_no_band_and_no_names():
    trace = run("default")
    values = np.r_[np.zeros(trace.layers - 1), trace.delta_norm[0, -1]]
    guides = [Guide(name="theory", values=values, low=values * 0.9, high=values * 1.1, band_name="band"),
              Guide(name="limit", values=values, fits=False)]  # fmt: skip
    figure = gradient_profile(trace, guides=guides).figure
    lines = [np.array(drawn.y, float) for drawn in figure.data if drawn.name in ("theory", "limit")]
    assert len(lines) == 4 and all(np.isnan(line[:-1]).all() for line in lines)
    assert not {"theory", "limit", "band"} & {note.text for note in figure.layout.annotations}


def test_markers_are_colored_by_decades_from_level():
    trace = run("default")
    data = data_of(trace)
    decades = np.log10(trace.delta_norm / trace.delta_norm[:, -1:])
    np.testing.assert_allclose(data.color, np.clip(decades[rows_of(trace, data)], -6, 6), atol=1e-9)
    figure = gradient_profile(trace).figure
    marker = drawing(figure, "this network").marker
    assert (marker.cmin, marker.cmax) == (-data.span * SHADES, data.span * SHADES)
    # half a color step, since a color is sent as a whole number of them
    shades = np.array(marker.color, dtype=float) / SHADES
    np.testing.assert_allclose(shades, np.clip(data.color[0], -data.span, data.span), atol=0.5 / SHADES + 1e-9)
    absolute = data_of(trace, relative=False)
    expected = np.log10(trace.delta_norm / trace.delta_norm[0, -1])[rows_of(trace, absolute)]
    np.testing.assert_allclose(absolute.color, np.clip(expected, -6, 6), atol=1e-9)


def test_a_zero_is_a_gap_with_a_mark_at_the_foot():
    trace = run("float32 underflow")
    figure = gradient_profile(trace).figure
    zero = trace.delta_norm[0] == 0
    assert zero.any() and not zero.all()
    mark, line = drawing(figure, "exactly 0"), drawing(figure, "this network")
    np.testing.assert_array_equal(np.isfinite(mark.y), zero)
    np.testing.assert_array_equal(np.isnan(line.y), zero)
    low, high = figure.layout.yaxis.range
    foot = np.log10(np.array(mark.y)[zero])
    assert ((low < foot) & (foot < low + 0.1 * (high - low))).all()
    assert f"{zero.sum()} of {trace.layers} layers are exactly 0" in gradient_profile(trace).alt


def test_zeros_are_marked_in_the_frames_that_have_them_only():
    trace = changed(run("uneven rows"), grad_norm=lambda norms: norms * (np.arange(len(norms)) != 2)[:, None])
    figure = gradient_profile(trace, "grad_norm", relative=False).figure
    marked = [np.isfinite(in_frame(figure, frame, "exactly 0").y).all() for frame in figure.frames]
    assert marked == [False, False, True, False]


def test_penalized_and_clipped_norms_are_drawn_where_they_differ():
    trace = run("penalized and clipped")
    figure = gradient_profile(trace, "grad_norm", relative=False).figure
    np.testing.assert_array_equal(drawing(figure, "with penalties").y, trace.total_grad_norm[0])
    np.testing.assert_array_equal(drawing(figure, "after clipping").y, trace.clipped_grad_norm[0])
    only = data_of(run("clipped"), "grad_norm").variants
    assert "after clipping" in only and "with penalties" not in only
    assert data_of(trace, "delta_norm").variants == {}
    shares = data_of(trace, "grad_norm").variants["after clipping"]
    np.testing.assert_array_equal(shares[0], trace.clipped_grad_norm[0] / trace.grad_norm[0, -1])


def test_the_previous_run_is_drawn_at_the_same_step_where_layers_match():
    previous = run("uneven rows")
    trace = changed(previous, delta_norm=lambda norms: norms * 3.0)
    data = data_of(trace, previous=previous, relative=False)
    np.testing.assert_array_equal(data.previous, previous.delta_norm)
    later = data_of(trace, previous=dataclasses.replace(previous, step=previous.step * 2), relative=False).previous
    np.testing.assert_array_equal(later, previous.delta_norm[[0, 0, 1, 1]])  # at 0, 14, 28 and 40
    assert data_of(trace, previous=run("default")).previous is None


def test_the_factor_beside_the_line_is_that_of_the_norms_drawn():
    trace = run("default")
    data, figure = data_of(trace), gradient_profile(trace).figure
    rows = rows_of(trace, data)
    np.testing.assert_array_equal(data.factors, [layer_factor(row) for row in trace.delta_norm[rows]])
    (text,) = [drawn for drawn in figure.data if drawn.text and "a layer" in drawn.text[0]]
    assert text.text[0].strip("<br> ") == f"× {trace.layer_factor(0):.3g} a layer".strip("<br> ")


def test_profile_table_holds_whole_numbers_of_every_variant():
    trace = run("penalized and clipped")
    table = gradient_profile(trace, "grad_norm").table.set_index(["step", "layer"])
    for row, step in enumerate(trace.step):
        for layer in range(trace.layers):
            cells = table.loc[(step, layer + 1), ["grad_norm", "with penalties", "after clipping"]]
            expected = [trace.grad_norm, trace.total_grad_norm, trace.clipped_grad_norm]
            assert list(cells) == [norms[row, layer] for norms in expected]


def test_words_name_the_share_that_layer_1_has_of_the_last_hidden_layer():
    trace = changed(run("uneven rows"), delta_norm=lambda norms: norms * 0 + np.array([[0.5, 1.0, 2.0]]))
    assert data_of(trace).words[0] == "Step 0: layer 1 has 0.5 times layer 2’s delta."
    absolute = data_of(trace, relative=False).words[1]
    assert absolute == "Step 7: delta 0.5 at layer 1, 2 at the output."
    dead = changed(trace, delta_norm=lambda norms: norms * np.array([[0, 1, 1]]))
    assert data_of(dead).words[0] == "Step 0: layer 1 has none of layer 2’s delta."


@pytest.mark.parametrize("kind", ["default", "penalized and clipped", "float32 underflow"])
def test_every_line_that_is_hovered_can_be_clicked_and_no_two_have_one_name(kind):
    trace = run(kind)
    theory = Guide("theory", trace.delta_norm[0] * 2, trace.delta_norm[0], trace.delta_norm[0] * 4, "band")
    limit = Guide("limit", trace.delta_norm[0] * 9, fits=False)
    figure = gradient_profile(trace, previous=trace, guides=[theory, limit]).figure
    hovered = [drawn for drawn in figure.data if drawn.hoverinfo != "skip" and drawn.yaxis in (None, "y")]
    assert len({drawn.name for drawn in hovered}) == len(hovered) >= 4
    assert all("markers" in drawn.mode for drawn in hovered)  # Plotly selects nothing on a line without them
    unseen = [drawn for drawn in hovered if drawn.name in ("theory", "limit", "previous run")]
    for state in ("marker", "selected.marker", "unselected.marker"):
        assert {drawn[f"{state}.opacity"] for drawn in unseen} == {0}


@pytest.mark.parametrize(
    "changes", [{"steps": 20}, {"activation": "tanh", "init": "glorot_normal", "learning_rate": 0.1}]
)
def test_picture_card_and_headline_state_one_number(changes):
    [trace] = train([RunConfig(**changes)])
    diagnosis = diagnose(trace)
    share = typeset(power_of_ten(np.log10(trace.delta_norm[0, 0] / trace.delta_norm[0, -2])))
    assert f"layer 1 gets {share} times what layer 10 gets" in typeset(diagnosis.findings[0].what)
    assert (diagnosis.numbers[1].label, typeset(diagnosis.numbers[1].value)) == ("Layer 1 / layer 10", share)
    assert data_of(trace).words[0] == f"Step 0: layer 1 has {share} times layer 10’s delta."


def late():
    """A run whose verdict judges step 60, where layers of ReLUs are dead."""
    config = RunConfig(hidden=(8,) * 6, samples=32, steps=60, activation="relu", init="he_normal", loss="bce",
                       output_activation="sigmoid", optimizer="adam", learning_rate=0.3)  # fmt: skip
    return train([config])[0]


def test_the_profile_opens_on_the_step_that_its_verdict_judges():
    trace = late()
    judged = diagnose(trace).step
    assert judged == 60
    figure = gradient_profile(trace, judged=judged).figure
    shown = np.array(drawing(figure, "this network").y, float)
    np.testing.assert_array_equal(shown, as_drawn(relative_to_output(trace.delta_norm)[-1]))
    assert drawing(figure, "words").text[0].startswith("Step 60: ")
    slider = figure.layout.sliders[0]
    assert slider.steps[slider.active].label == "60"
    assert list(figure.layout.meta) == [slider.active, slider.active, ""]
    assert drawing(gradient_profile(trace).figure, "words").text[0].startswith("Step 0: ")


@pytest.mark.parametrize("judged", [0, 37, 183, 300])
def test_the_judged_step_is_a_frame_and_its_norms_are_on_the_axis(judged):
    config = RunConfig(hidden=(4,) * 3, samples=16, steps=300)
    [trace] = train([config])
    norms = trace.delta_norm.copy()
    norms[judged, 0] = 1e5 * norms[judged, -1]  # six decades above step 0 and all later ones
    data = data_of(dataclasses.replace(trace, delta_norm=norms), judged=judged)
    assert judged in data.step and len(data.marks) == 13
    assert data.high >= 5


def test_the_address_names_no_step_that_is_judged_and_keeps_one_that_it_names():
    chart = gradient_profile(late(), judged=60)
    assert open_at(chart, None, judged=60).spec["layout"]["meta"][2] == ""
    named = open_at(chart, 0, judged=60).spec["layout"]
    assert named["meta"] == [0, len(named["sliders"][0]["steps"]) - 1, "0"]
    assert named["sliders"][0]["active"] == 0
