"""Recordings in charts: zeros and what is not finite are marked, pools keep both, and tables hold every number."""

import re
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import diagnose
from core.recordings import Parameter, Recording
from core.recordings.examples import EXAMPLES, load_example
from core.recordings.selection import GROUPS, select_tensors
from core.wording import format_number, percent
from tests.support.pictures import check_picture
from ui.charts import recording_curves
from ui.charts.guides import Guide
from ui.charts.recordings import (
    MAX_COLUMNS,
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
from ui.charts.style import number
from ui.text import typeset

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
    line = Guide("typical network (theory, step 0)", np.array([0.5, 1.0]))
    view = made([[0.25, 1.0], [0.5, 2.0]])
    drawn = recording_profile(view, guides=[line])
    assert line.name in names_of(drawn) and drawn.alt.endswith("Typical network (theory, step 0): 0.5 at the first.")
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


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_chart_of_every_example_is_one_that_plotly_takes(name):
    recording = load_example(name)
    for group, dark in zip(GROUPS, cycle([False, True])):
        view = TensorView(recording=recording, indices=select_tensors(recording, group))
        if not len(view.indices):
            continue
        charts = [draw(view, dark=dark) for draw in CURVES]
        charts += [f(view, q, relative=True, dark=dark) for f in (recording_profile, recording_heatmap) for q in NORMS]
        charts.append(recording_shares(view, "zero_share", "Zeros", "share", dark=dark))
        for chart in charts:
            assert chart.figure.layout.title.text and chart.alt
            assert chart.figure.layout.xaxis.title.text
            check_picture(chart.spec)


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


# -- random numbers, of which every other tensor, step or quantity would be another -----------------------------------

SEEDS = st.integers(0, 10**6)
few = settings(max_examples=10)
NAMES = [f"block.{i}.weight" for i in range(5)]


def random_view(rng, rows=6, order=(4, 3, 0, 1)):
    """Some tensors of a recording of five, in an order of their own; sizes differ, and every number is random."""
    parameters = tuple(Parameter(name=name, layer=i, kind="weight", size=3 + 4 * i) for i, name in enumerate(NAMES, 1))
    fields = ("grad_norm", "clipped_grad_norm", "weight_norm", "update_norm")
    values = {field: np.exp(rng.normal(0, 2, (rows, 5))) for field in fields}
    values |= {field: rng.uniform(0, 1, (rows, 5)) for field in ("dead", "zero_share")}
    recording = Recording(
        name="r", source="t", parameters=parameters, step=np.cumsum(rng.integers(1, 50, rows)), values=values
    )
    return TensorView(recording=recording, indices=np.array(order))


def sized(view, quantity, field="grad_norm"):
    """The norms of a view, or per weight: divided by the root of the number of entries."""
    norms = view.recording.values[field][:, view.indices]
    return norms / np.sqrt(7.0 + 4 * view.indices) if quantity == "rms" else norms


def test_words_say_plainly_that_no_gradient_reaches_the_first_tensor():
    view = random_view(np.random.default_rng(0))
    view.recording.values["grad_norm"][2, view.indices[0]] = 0
    data, last = recording_profile_data(view, "grad_norm"), view.recording.values["grad_norm"][2, view.indices[-1]]
    words = f"no gradient reaches the first tensor; the last’s is {number(last)}."
    assert data.words[2] == f"Step {view.recording.step[2]:,}: {words}"
    view.recording.values["grad_norm"][3] = 0
    words = recording_profile_data(view, "grad_norm").words[3]
    assert words == f"Step {view.recording.step[3]:,}: every recorded gradient is exactly 0."


@pytest.mark.parametrize("name", EXAMPLES)
def test_headline_card_and_picture_of_an_example_state_one_number(name):
    recording = load_example(name)
    diagnosis = diagnose(recording)
    view = TensorView(recording=recording, indices=select_tensors(recording, "weights"))
    data = recording_profile_data(view, judged=diagnosis.step)
    assert data.step[data.opened] == diagnosis.step
    share = diagnosis.numbers[1]
    words = data.words[data.opened]
    if share.value == "no gradient":
        assert "no gradient reaches" in words or "gradient is exactly 0" in words
    elif share.label.endswith(f", step {diagnosis.step}") or (diagnosis.step == 0 and "step" not in share.label):
        assert f" gets {typeset(share.value)} times " in words
    stated = re.search(r"is (\S+) times that of", diagnosis.findings[0].what)
    assert stated is None or stated[1] == share.value


def test_a_profile_opens_on_the_step_that_its_verdict_judges_and_its_axis_holds_it():
    norms = np.ones((300, 3))
    norms[137, 0] = 1e-9
    chart = recording_profile(made(norms), judged=1370)
    low, _ = chart.figure.layout.yaxis.range
    assert low <= -9
    line = next(drawn for drawn in chart.figure.data if drawn.name == "this network")
    assert line.y[0] == pytest.approx(1e-9)
    slider = chart.spec["layout"]["sliders"][0]
    assert slider["steps"][slider["active"]]["label"] == "1,370"


@few
@given(SEEDS, st.sampled_from(list(NORMS)), st.booleans())
def test_every_frame_of_a_profile_holds_the_norms_of_its_step_in_the_order_chosen(seed, quantity, relative):
    view = random_view(np.random.default_rng(seed))
    norms, clipped = sized(view, quantity), sized(view, quantity, "clipped_grad_norm")
    chart, step = recording_profile(view, quantity, relative=relative), view.recording.step
    places = {part["name"]: place for place, part in enumerate(chart.spec["data"])}
    assert [int(frame["name"]) for frame in chart.spec["frames"]] == step.tolist()
    for row, frame in enumerate(chart.spec["frames"]):
        moved = dict(zip(frame["traces"], frame["data"], strict=True))
        last = norms[row, -1] if relative else 1.0  # clipping is shown against what there was before it
        np.testing.assert_allclose(moved[places["this network"]]["y"], norms[row] / last, rtol=1e-12)
        np.testing.assert_allclose(moved[places["after clipping"]]["y"], clipped[row] / last, rtol=1e-12)
        words = (
            f"the first tensor gets {typeset(format_number(norms[row, 0] / last))} times the last’s, "
            f"{number(norms[row, -1])}."
            if relative
            else f"{number(norms[row, 0])} at the first tensor, {number(norms[row, -1])} at the last."
        )
        data = recording_profile_data(view, quantity, relative=relative)
        assert data.words[row] == f"Step {step[row]:,}: {words}"
    assert chart.spec["data"][places["this network"]]["text"] == view.names
    plain = view.recording.values["grad_norm"][:, view.indices]
    for row in (0, -1):
        ends = f"{number(plain[row, 0])} at {view.names[0]}, {number(plain[row, -1])} at {view.names[-1]}, tensor 4."
        assert f"Step {step[row]:,}: {ends}" in chart.alt
    np.testing.assert_allclose(chart.table[quantity], norms.ravel())
    np.testing.assert_array_equal(chart.table["step"], np.repeat(step, 4))


@few
@given(SEEDS)
def test_zeros_and_what_is_not_finite_are_counted_each_in_its_row(seed):
    rng = np.random.default_rng(seed)
    view = random_view(rng)
    norms = view.recording.values["grad_norm"]
    counts = rng.permutation(4)[:2]  # of zeros and of infinities, in the first and in the last row
    for row, (zeros, broken) in ((0, counts), (-1, counts[::-1])):
        norms[row, view.indices[:zeros]] = 0.0
        norms[row, view.indices[4 - broken :]] = np.inf
    told = recording_profile(view, relative=False).alt.split("Step ")[1:]
    for words, (zeros, broken) in zip(told, (counts, counts[::-1]), strict=True):
        lost = min(zeros, max(0, zeros + broken - 4))  # an infinity takes the place of a zero
        assert (f"{zeros - lost} of 4 are exactly 0." in words) == (zeros > lost)
        assert (f"{broken} of 4 are not finite." in words) == (broken > 0)


@few
@given(SEEDS, st.sampled_from(list(NORMS)), st.booleans())
def test_a_map_has_every_norm_in_its_cell_and_is_told_by_its_corners(seed, quantity, relative):
    view = random_view(np.random.default_rng(seed))
    norms, step = sized(view, quantity), view.recording.step
    chart = recording_heatmap(view, quantity, relative=relative)
    heat = chart.spec["data"][0]
    shown = norms / norms[:, -1:] if relative else norms
    level = 0.0 if relative else np.log10(norms[0, -1])
    np.testing.assert_allclose(heat["z"], np.log10(shown).T, atol=1e-12)
    assert (heat["zmin"] + heat["zmax"]) / 2 == pytest.approx(level)
    np.testing.assert_allclose(heat["colorbar"]["tickvals"][2], level, atol=1e-12)
    assert ("same step" in heat["colorbar"]["title"]["text"]) == relative
    ends = [f"{number(norms[0, k])} to {number(norms[-1, k])}" for k in (0, -1)]
    told = f"Steps {step[0]:,} to {step[-1]:,}: the first tensor from {ends[0]}, the last from {ends[1]}."
    assert told in chart.alt
    np.testing.assert_allclose([chart.table[name] for name in view.names], shown.T)
    np.testing.assert_array_equal(chart.table["step"], step)
    assert list(chart.table) == ["step", *view.names]  # no second step where a column is one of them


@few
@given(SEEDS, st.sampled_from(["dead", "zero_share"]))
def test_a_share_is_told_of_the_tensor_where_it_is_largest_in_the_last_row_recorded(seed, field):
    view = random_view(np.random.default_rng(seed))
    view.recording.values[field][-1] = np.nan  # the last row holds none
    shares = view.recording.values[field][:, view.indices]
    chart = recording_shares(view, field, "Title", "share")
    worst = shares[-2].argmax()
    told = f"At most {percent(shares[-2, worst])}, at {view.names[worst]}, at step {view.recording.step[-2]:,}."
    assert told in chart.alt
    np.testing.assert_array_equal(chart.spec["data"][0]["z"], shares.T)


@few
@given(SEEDS)
def test_a_pooled_map_names_the_steps_and_the_first_tensor_of_every_pool(seed):
    rng = np.random.default_rng(seed)
    norms = np.exp(rng.normal(0, 1, (2 * MAX_COLUMNS, 3)))
    view = made(norms)
    table, data = recording_heatmap(view).table, map_data(view, norms, logarithmic=True)
    np.testing.assert_array_equal(table["step"], view.recording.step[::2])
    np.testing.assert_array_equal(table["to step"], view.recording.step[1::2])
    np.testing.assert_allclose(10.0**data.cells.z, (norms[::2] + norms[1::2]).T / 2)  # the median of two
    many = made(np.ones((2, 2 * MAX_POINTS)))
    axis = recording_profile(many).spec["layout"]["xaxis"]
    assert axis["ticktext"] == [f"{2 * at - 1:,}" for at in axis["tickvals"]]  # two tensors a point
