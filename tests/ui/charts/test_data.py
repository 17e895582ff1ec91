"""The drawn is the given: random numbers in, and the same numbers in figure, sentence and table.

Random numbers, sizes that differ along every axis and functions without symmetry, so that another layer, step, row or
quantity would be another number.
"""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, snapshot, train
from core.comparison.arm_statistics import summarize_arm
from core.layer_norms import LAYER_NORMS
from core.lecture.descent import bowl, descend
from core.sweeps.critical_lines import Curve
from core.sweeps.maps import Axis, SweepMap
from core.theory.layer_means import LayerMeans
from core.wording import format_number, percent, power_of_ten
from tests.support.charted import run
from ui.charts import curves
from ui.charts.arms import StyledArm, arm_marks
from ui.charts.boundary import boundary_data, decision_boundary, fit, grid
from ui.charts.compare import arm_heatmap_data, compare_heatmap, compare_profile, compare_profile_data
from ui.charts.compare_curves import compare_curves_data, compare_dead, compare_loss, compare_weight_norm
from ui.charts.descent import value_over_steps
from ui.charts.distributions import distribution_data, distributions
from ui.charts.factors import contribution_data, descent_errors
from ui.charts.heatmap import gradient_heatmap
from ui.charts.paths import NAMES, factor_by_scale
from ui.charts.phase import layer_means_data, phase_plane_data, phase_plane_table
from ui.charts.profile import Guide, gradient_profile, profile_data
from ui.charts.sharpness import sharpness_data
from ui.charts.slopes import activation_data, sigmoid_and_slope, sigmoid_data
from ui.charts.style import number
from ui.charts.sweep import format_axis_value, format_cell, sweep_map, sweep_map_data, sweep_map_table
from ui.text import typeset

SEEDS = st.integers(0, 10**6)
few = settings(max_examples=10)


def named(chart, name):
    (found,) = [part for part in chart.spec["data"] if part.get("name") == name]
    return found


def random_trace(rng, kind="default"):
    """A run whose numbers are all random; rows that diverged stay empty."""
    trace, fields = run(kind), {}
    for name in ("grad_norm", "total_grad_norm", "clipped_grad_norm", "delta_norm", "weight_norm", "update_ratio"):
        fields[name] = np.exp(rng.normal(0, 3, trace.grad_norm.shape))
    for name in ("saturation", "dead"):
        fields[name] = rng.uniform(0, 1, trace.grad_norm.shape)
    for name in ("loss", "total_loss", "holdout_loss", "accuracy", "holdout_accuracy", "global_grad_norm"):
        fields[name] = rng.uniform(0.01, 1, len(trace.step))
    for values in fields.values():
        values[trace.rows_recorded - (trace.diverged_at is not None) :] = np.nan
    return dataclasses.replace(trace, **fields)


# -- curves over the steps --------------------------------------------------------------------------------------------


@few
@given(SEEDS, st.sampled_from(["saturation", "dead"]), st.sampled_from(["default", "diverged"]))
def test_a_share_is_told_of_the_layer_where_it_is_largest_at_the_end(seed, field, kind):
    trace = random_trace(np.random.default_rng(seed), kind)
    chart = getattr(curves, f"{field}_chart")(trace)
    end = getattr(trace, field)[trace.last_row]
    at = f"at layer {end.argmax() + 1}, at step {trace.step[trace.last_row]:,}."
    assert f"At most {number(100 * end.max())} %, {at}" in chart.alt
    if kind == "diverged":
        return
    last = chart.table.iloc[-1]
    np.testing.assert_allclose([last[f"layer {k + 1}"] for k in range(trace.layers)], end)


@few
@given(SEEDS)
def test_curves_are_told_by_their_ends_the_joint_norm_and_the_median(seed):
    trace = random_trace(np.random.default_rng(seed), "penalized and clipped")
    first, last = (number(np.linalg.norm(trace.weight_norm[row]), 3) for row in (0, -1))
    assert f"All weights: {first} at step 0, {last} at step 20." in curves.weight_norm_chart(trace).alt
    assert f"Median {number(np.median(trace.update_ratio))};" in curves.update_ratio_chart(trace).alt
    loss = curves.loss_chart(trace)
    assert f"{number(trace.loss[0], 3)} at step 0, {number(trace.loss[-1], 3)} at step 20." in loss.alt
    for name, field in {"loss": "loss", "with penalties": "total_loss", "held out": "holdout_loss"}.items():
        np.testing.assert_array_equal(named(loss, name)["y"], getattr(trace, field))
    accuracy = curves.accuracy_chart(trace)
    for name, field in {"training": "accuracy", "held out": "holdout_accuracy"}.items():
        np.testing.assert_array_equal(named(accuracy, name)["y"], getattr(trace, field))


@few
@given(SEEDS, st.sampled_from(["saturation", "dead"]))
def test_a_pooled_column_of_shares_is_their_mean(seed, field):
    trace = random_trace(np.random.default_rng(seed))
    z = getattr(curves, f"{field}_chart")(trace).spec["data"][0]["z"]
    shares = getattr(trace, field)
    for column in range(100):  # of three rows each; row 300 stands alone
        np.testing.assert_allclose(z[:, column], shares[3 * column : 3 * column + 3].mean(axis=0))
    np.testing.assert_allclose(z[:, 100], shares[300])


# -- every layer at every step ----------------------------------------------------------------------------------------


@few
@given(SEEDS, st.sampled_from(list(LAYER_NORMS)))
def test_a_heatmap_is_told_by_its_corners_and_ends_with_the_last_recorded_step(seed, quantity):
    trace = random_trace(np.random.default_rng(seed), "diverged")
    chart, norms = gradient_heatmap(trace, quantity), LAYER_NORMS[quantity].values(trace)
    end = trace.last_row
    first, last = [(number(norms[row, 0]), number(norms[row, -1])) for row in (0, end)]
    assert f"At step 0 the norm is {first[0]} at layer 1 and {first[1]} at the output" in chart.alt
    assert f"at step {trace.step[end]} it is {last[0]} and {last[1]}" in chart.alt
    words = chart.spec["layout"]["title"]["subtitle"]["text"].replace("<br>", " ")
    course = [f"from {start} to {finish}" for start, finish in zip(first, last, strict=True)]
    assert words.startswith(f"Steps 0 to {trace.step[end]:,}: layer 1 {course[0]}, the output {course[1]}.")
    recorded = trace.step[: trace.rows_recorded]
    half = (recorded[-1] - recorded[-2]) / 2
    assert chart.spec["layout"]["xaxis"]["range"] == [recorded[0] - half, recorded[-1] + half]


@few
@given(SEEDS, st.sampled_from(list(LAYER_NORMS)), st.booleans())
def test_every_frame_of_a_profile_holds_its_own_row(seed, quantity, relative):
    rng = np.random.default_rng(seed)
    trace = random_trace(rng, "penalized and clipped")
    before = random_trace(rng, "penalized and clipped")
    lines = np.exp(rng.normal(0, 1, (3, trace.layers)))
    guide = Guide("theory", lines[1], lines.min(axis=0), lines.max(axis=0))
    norm = LAYER_NORMS[quantity]
    data = profile_data(trace, norm, relative=relative, previous=before, guides=[guide])
    chart = gradient_profile(trace, quantity, relative=relative, previous=before, guides=[guide])
    norms, others = norm.values(trace), norm.values(before)
    np.testing.assert_array_equal(data.step, trace.step)
    steps = [int(frame["name"]) for frame in chart.spec["frames"]]
    assert steps == trace.step.tolist()
    parts = chart.spec["data"]
    positions = {part["name"]: place for place, part in enumerate(parts) if part["name"] not in ("theory",)}
    for row, frame in enumerate(chart.spec["frames"]):
        moved = dict(zip(frame["traces"], frame["data"], strict=True))
        output, other = (norms[row, -1], others[row, -1]) if relative else (1.0, 1.0)
        np.testing.assert_allclose(moved[positions["this network"]]["y"], norms[row] / output, rtol=1e-12)
        np.testing.assert_allclose(moved[positions["previous run"]]["y"], others[row] / other, rtol=1e-12)
        for field, name in norm.variants:
            variant = norm.values(trace, field)[row] / output
            np.testing.assert_allclose(moved[positions[name]]["y"], variant, rtol=1e-12)
        slope = np.polyfit(np.arange(trace.layers - 1), np.log(norms[row, :-1]), 1)[0]
        assert data.factors[row] == pytest.approx(np.exp(-slope), rel=1e-9)
        share = typeset(power_of_ten(np.log10(norms[row, 0] / norms[row, -2])))  # of the last hidden layer's
        own = f"layer 1 has {share} times layer {trace.layers - 1}’s"
        said = own if relative else f"{number(norms[row, 0])} at layer 1"
        assert said in data.words[row]
        assert f"Step {steps[row]:,}:" in data.words[row]
    output = norms[0, -1] if relative else 1.0
    drawn = [part["y"] for part in parts if part["name"] == "theory"]
    for line, wanted in zip(drawn, (guide.low, guide.high, guide.values), strict=True):
        np.testing.assert_allclose(line, wanted / output, rtol=1e-12)
    table = chart.table
    np.testing.assert_array_equal(table[quantity], norms.ravel())
    np.testing.assert_array_equal(table["theory, low"], np.tile(guide.low, len(steps)))
    np.testing.assert_array_equal(table["theory, high"], np.tile(guide.high, len(steps)))
    for field, name in norm.variants:
        np.testing.assert_array_equal(table[name], norm.values(trace, field).ravel())


# -- arms side by side ------------------------------------------------------------------------------------------------


def arms_of(rng):
    """Three arms of several depths and lengths; one breaks on all seeds before its end."""
    base = RunConfig(samples=8, hidden=(3, 3), steps=6)
    made = []
    for config in (base, base.replace(hidden=(3,) * 4, steps=3), base.replace(steps=9, record_every=2)):
        traces = []
        for trace in train([config.replace(seed=seed) for seed in range(3)]):
            fields = {name: np.exp(rng.normal(0, 2, trace.grad_norm.shape)) for name in ("grad_norm", "delta_norm")}
            fields |= {"loss": rng.uniform(0.1, 1, len(trace.step)), "dead": rng.uniform(0, 1, trace.grad_norm.shape)}
            traces.append(dataclasses.replace(trace, **fields))
        made.append(traces)
    for k, trace in enumerate(made[2]):
        broken = {name: getattr(trace, name).copy() for name in ("grad_norm", "delta_norm", "loss", "global_grad_norm")}
        for values in broken.values():
            values[3:] = np.nan  # after step 4 of the steps 0, 2, 4, 6, 8, 9
        made[2][k] = dataclasses.replace(trace, diverged_at=5, **broken)
    records = [summarize_arm(traces) for traces in made]
    return [StyledArm(f"arm {k}", record, mark) for k, (record, mark) in enumerate(
        zip(records, arm_marks(["a", "b", "c"]), strict=True))]  # fmt: skip


def row_at(arm, step):
    """The arm's last row at or before a step; None once its steps are over."""
    rows = np.flatnonzero(arm.record.step <= step)
    return rows[-1] if step <= arm.record.step[-1] else None


@few
@given(SEEDS, st.sampled_from(list(LAYER_NORMS)), st.booleans())
def test_each_arm_of_a_profile_shows_its_own_row_of_every_step(seed, quantity, relative):
    arms = arms_of(np.random.default_rng(seed))
    data = compare_profile_data(arms, quantity, relative=relative)
    chart = compare_profile(arms, quantity, relative=relative)
    assert data.step.tolist() == sorted({*range(7), *range(4), 0, 2, 4, 6, 8, 9})
    places = [place for place, part in enumerate(chart.spec["data"]) if part["mode"] == "lines+markers"]
    for k, step in enumerate(data.step):
        ratios = {}
        for arm, profile, place in zip(arms, data.arms, places, strict=True):
            band, row = arm.record.layers[quantity], row_at(arm, step)
            drawn = np.asarray(chart.spec["frames"][k]["data"][place]["y"], float)
            if row is None:
                assert np.isnan(drawn).all() and np.isnan(profile.high80[k]).all()
                continue
            output = band.median[row, -1] if relative else 1.0
            np.testing.assert_allclose(drawn, band.median[row] / output, rtol=1e-12)
            for name in ("low80", "low50", "high50", "high80"):
                np.testing.assert_allclose(getattr(profile, name)[k], getattr(band, name)[row] / output, rtol=1e-12)
            ratio = arm.record.ratios[quantity].median[row]
            if np.isfinite(ratio):
                ratios[arm.name] = ratio
        if not ratios:
            assert data.words[k] == f"Step {step:,}. No arm has a gradient any more."
            continue
        low, high = min(ratios, key=ratios.get), max(ratios, key=ratios.get)
        label = LAYER_NORMS[quantity].label
        least, most = (typeset(format_number(ratios[name])) for name in (low, high))
        said = f"Step {step:,}. Layer 1 has {least} times the last hidden layer’s {label} in {low}"
        assert data.words[k] == (said + "." if low == high else f"{said}, {most} in {high}.")
    for arm in arms:
        rows = chart.table[chart.table["arm"] == arm.name]
        for step, of_step in rows.groupby("step"):
            band = arm.record.layers[quantity]
            for name in vars(band):
                np.testing.assert_array_equal(of_step[f"{quantity} {name}"], getattr(band, name)[row_at(arm, step)])


@few
@given(SEEDS)
def test_an_arms_heatmap_is_measured_against_its_output_at_step_0(seed):
    for arm in arms_of(np.random.default_rng(seed)):
        median = arm.record.layers["delta_norm"].median
        data = arm_heatmap_data(arm, "delta_norm")
        rows = np.isfinite(median).all(axis=1)
        wanted = np.clip(np.log10(median[rows] / median[0, -1]), -6, 6)
        np.testing.assert_allclose(data.z, wanted.T, atol=1e-12)
        layers = median.shape[1]
        chart = compare_heatmap(arm, "delta_norm", layers=layers)
        ratio = arm.record.ratios["delta_norm"].median[0]
        assert f"layer 1 at {typeset(format_number(ratio))} of the last hidden layer" in chart.alt
        np.testing.assert_array_equal(chart.table["step"], arm.record.step[rows])


@few
@given(SEEDS)
def test_curves_of_arms_end_where_their_medians_do(seed):
    arms = arms_of(np.random.default_rng(seed))
    for draw, name in ((compare_loss, "loss"), (compare_dead, "dead"), (compare_weight_norm, "weight_norm")):
        data, chart = compare_curves_data(arms, name), draw(arms)
        ends = {}
        for arm, curve in data.arms:
            band = arm.record.curves[name]
            finite = np.flatnonzero(np.isfinite(band.median))[-1]
            assert curve.end == (arm.record.step[finite], band.median[finite])
            assert curve.complete == (finite == len(band.median) - 1)
            np.testing.assert_array_equal(curve.step, arm.record.step)
            for part in vars(band):
                np.testing.assert_array_equal(getattr(curve, part), getattr(band, part))
            if curve.complete:
                ends[arm.name] = curve.end[1]
            own = chart.table[chart.table["arm"] == arm.name]
            np.testing.assert_array_equal(own["seeds running"], arm.record.running)
            np.testing.assert_array_equal(own[f"{name} low50"], band.low50)
            lines = [p for p in chart.spec["data"] if p.get("legendgroup") == arm.name and "fill" not in p]
            drawn = next(p for p in lines if p["mode"] == "lines+markers")
            np.testing.assert_array_equal(drawn["y"], band.median)
            shades = [p for p in chart.spec["data"] if p.get("legendgroup") == arm.name and "fill" in p]
            there = np.isfinite(band.median)
            for shade, low, high in zip(shades, (band.low80, band.low50), (band.high80, band.high50), strict=True):
                np.testing.assert_array_equal(shade["y"], np.concatenate([low[there], high[there][::-1]]))
                np.testing.assert_array_equal(shade["x"][: there.sum()], arm.record.step[there])
        shown = percent if name == "dead" else number
        low, high = min(ends, key=ends.get), max(ends, key=ends.get)
        if shown(ends[low]) != shown(ends[high]):
            assert f"from {shown(ends[low])} ({low}) to {shown(ends[high])} ({high})." in chart.alt
        if name == "loss":
            assert "Ended before: arm 2." in chart.alt


# -- answers over the input -------------------------------------------------------------------------------------------


def answers(rng, task, outputs):
    """Samples, shuffled points of a grid, and outputs that are another function of either input."""
    X = rng.normal(size=(40, 2)) * [1.0, 3.0]
    points = grid(X, 9)[rng.permutation(81)]
    values = np.stack([np.sin(points[:, 0] * (k + 1)) + 0.3 * points[:, 1] + k / 3 for k in range(outputs)], axis=1)
    if task == "two-class":
        values = 1 / (1 + np.exp(-values))
    labels = rng.integers(0, max(outputs, 2), 40)
    D = np.eye(outputs)[labels] if task == "multi-class" else (labels[:, None] % 2).astype(float)
    if task == "regression":
        D = rng.normal(size=(40, 1))
    return X, D, points, values


@few
@given(SEEDS, st.sampled_from([("two-class", 1), ("multi-class", 3), ("regression", 1)]))
def test_a_boundary_is_the_answer_at_its_place(seed, case):
    task, outputs = case
    X, D, points, values = answers(np.random.default_rng(seed), task, outputs)
    data = boundary_data(X, D, points, values, task)
    chart = decision_boundary(X, D, points, values, task=task)
    for (x, y), value in zip(points, values, strict=True):
        i, j = np.flatnonzero(data.x == x).item(), np.flatnonzero(data.y == y).item()
        wanted = {"two-class": min(max(value[0], 0), 1), "multi-class": value.argmax(), "regression": value[0]}[task]
        assert data.z[j, i] == wanted
    samples = [part for part in chart.spec["data"] if part.get("mode") == "markers"]
    if task == "regression":
        np.testing.assert_array_equal(samples[0]["marker"]["color"], D[:, 0])
        return
    labels = D.argmax(axis=1) if task == "multi-class" else D[:, 0].astype(int)
    for k, spots in enumerate(samples):
        assert spots["name"] == f"class {k}"
        np.testing.assert_array_equal(np.stack([spots["x"], spots["y"]], axis=1), X[labels == k])
    if task == "two-class":
        area, samples = percent(np.mean(values[:, 0] > 0.5)), percent(labels.mean())
        shares = f"Class 1 on {area} of the area; {samples} of the samples are."
        assert data.constant or shares in chart.alt
    else:
        won = np.bincount(values.argmax(axis=1), minlength=3)
        if (won > 0).sum() > 1:
            assert f"class {won.argmax()} on {percent(won.max() / 81)}" in chart.alt


def test_each_output_of_a_fit_has_its_own_curve_and_samples():
    rng = np.random.default_rng(0)
    X, points = rng.normal(size=(30, 1)), np.linspace(-2, 2, 17)[:, None]
    D, values = rng.normal(size=(30, 3)), rng.normal(size=(17, 3))
    chart = fit(X, D, points, values)
    for k in range(3):
        np.testing.assert_array_equal(named(chart, f"samples, output {k + 1}")["y"], D[:, k])
        np.testing.assert_array_equal(named(chart, f"network, output {k + 1}")["y"], values[:, k])
        np.testing.assert_array_equal(chart.table[f"output_{k + 1}"], values[:, k])


# -- maps -------------------------------------------------------------------------------------------------------------

MAP = SweepMap(
    RunConfig(samples=8, hidden=(4, 4), steps=0),
    ("tanh",),
    Axis("learning_rate", 0.001, 1, 4, True),
    Axis("bias_std", 0, 1, 3),
)


@few
@given(SEEDS, st.sampled_from(["final loss", "final accuracy", "weight growth"]))
def test_every_cell_of_a_map_is_at_its_place_in_figure_table_and_words(seed, quantity):
    rng = np.random.default_rng(seed)
    cells, x, y = rng.uniform(0.1, 1, (3, 4)), MAP.x.values(), MAP.y.values()
    kind = "share" if quantity == "final accuracy" else "loss"
    line = Curve(name="theory", x=np.array([0.01, 0.1]), y=np.array([0.2, 0.7]))
    chosen = (x[int(rng.integers(4))], y[int(rng.integers(3))])
    data = sweep_map_data(MAP, cells, quantity, [line], chosen=chosen)
    ((_, along, up),) = data.lines
    np.testing.assert_allclose(along, [-2, -1], atol=1e-12)  # a logarithmic axis,
    np.testing.assert_array_equal(up, line.y)  # and a linear one
    assert data.chosen == pytest.approx((np.log10(chosen[0]), chosen[1]))
    chart = sweep_map(MAP, "tanh", cells, quantity, [line], chosen=chosen)
    targets = next(part for part in chart.spec["data"] if "customdata" in part)
    assert len(targets["customdata"]) == 12
    for across, high, (activation, i, j, *texts) in zip(targets["x"], targets["y"], targets["customdata"], strict=True):
        assert (across, high) == pytest.approx((np.log10(x[i]), y[j])) and activation == "tanh"
        assert texts == [format_axis_value(x[i]), format_axis_value(y[j]), format_cell(cells[j, i], kind)]
    table = sweep_map_table(MAP, cells, "z")
    for place in range(12):
        row = table.iloc[place]
        assert row["z"] == cells[y.index(row["bias_std"]), x.index(row["learning_rate"])]
    best = np.unravel_index(cells.argmin() if quantity == "final loss" else cells.argmax(), cells.shape)
    where = f"learning rate {format_axis_value(x[best[1]])}, bias std {format_axis_value(y[best[0]])}"
    assert f"{format_cell(cells[best], kind)}, at {where}." in chart.alt
    cells[0, :2] = np.nan
    assert "No value in 17 % of the cells." in sweep_map(MAP, "tanh", cells, quantity).alt


@pytest.mark.parametrize("quantity, ends", [("gradient factor", ("0.8", "1.25")), ("first over last", ("10⁻³", "10³"))])
def test_the_key_of_a_map_is_of_factors_or_of_powers_of_ten(quantity, ends):
    cells = np.full((3, 4), 1.2 if quantity == "gradient factor" else 2.5)
    key = sweep_map(MAP, "tanh", cells, quantity).spec["data"][0]["colorbar"]
    assert (key["ticktext"][0], key["ticktext"][-1]) == (f"≤ {ends[0]}", f"≥ {ends[1]}")


# -- the others -------------------------------------------------------------------------------------------------------


@few
@given(SEEDS)
def test_a_phase_plane_is_indexed_by_bias_then_weight_scale(seed):
    rng = np.random.default_rng(seed)
    sigma_w, sigma_b, chi = np.linspace(0.5, 3, 5), np.linspace(0, 1, 3), rng.uniform(0.2, 2)
    factors = rng.uniform(0.1, 10, (3, 5))
    table = phase_plane_table(factors, sigma_w, sigma_b)
    for row in table.itertuples(index=False):
        assert row[2] == factors[np.flatnonzero(sigma_b == row[1])[0], np.flatnonzero(sigma_w == row[0])[0]]
    data = phase_plane_data("tanh", chi, factors, sigma_w, sigma_b)
    assert data.factor == pytest.approx(chi**0.5)
    np.testing.assert_allclose(data.z, np.clip(np.log10(factors), -0.5, 0.5))


@few
@given(SEEDS, st.sampled_from(["q", "chi"]))
def test_means_by_layer_are_told_at_the_first_and_the_last_hidden_layer(seed, quantity):
    rng = np.random.default_rng(seed)
    measured, expected = (LayerMeans(q=rng.uniform(0.1, 9, 5), chi=rng.uniform(0.1, 9, 4)) for _ in range(2))
    data = layer_means_data(measured, expected, quantity)
    for name, means in (("theory", expected), ("measured", measured)):
        values = getattr(means, quantity)
        np.testing.assert_array_equal(data.lines[name], values)
        words = f"{name.capitalize()}: {number(values[0])} in layer 1, {number(values[3])} in layer 4."
        assert words in data.finding


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=8), st.floats(0.1, 100))
def test_sharpness_is_told_with_the_first_step_above_the_bound(values, bound):
    steps = [10 * k for k in range(len(values))]
    finding = sharpness_data(steps, np.array(values), bound).finding
    above = [step for step, value in zip(steps, values, strict=True) if value > bound]
    if above:
        assert f"above the bound of {number(bound, 3)} at step {above[0]:,}" in finding
    else:
        assert "stays below the bound" in finding


@few
@given(SEEDS)
def test_each_line_of_factors_by_scale_holds_its_own_numbers(seed):
    rng = np.random.default_rng(seed)
    scales = np.geomspace(0.25, 4, 9)
    factors = {name: rng.uniform(0.1, 9, 9) for name in ("worst", "typical", "measured")}
    chart = factor_by_scale(scales, factors, 1.1, "tanh", 1.0)
    for name, values in factors.items():
        np.testing.assert_array_equal(named(chart, NAMES[name])["y"], values)
        np.testing.assert_array_equal(named(chart, NAMES[name])["x"], scales)
        np.testing.assert_array_equal(chart.table[NAMES[name]], values)
    assert f"Near the present scale {number(1.1)}: {number(factors['measured'][4], 3)} measured." in chart.alt


@few
@given(SEEDS)
def test_spreads_are_told_by_medians_and_the_layer_with_most_zeros(seed):
    rng = np.random.default_rng(seed)
    layers = [rng.normal(k, 1, (20, 4 + k)) for k in range(3)]
    for k, values in enumerate(layers):
        values.ravel()[: int(rng.integers(1, 30)) + 2 * k] = 0.0
    state = dataclasses.replace(SNAPSHOT, net=layers)
    data, chart = distribution_data(state, "net"), distributions(state, "net")
    zeros = [np.mean(values == 0) for values in layers]
    np.testing.assert_allclose(data.zeros, zeros)
    for k, values in enumerate(layers):
        sizes = np.abs(values[values != 0]) if data.by_size else values[values != 0]
        np.testing.assert_allclose(data.quantiles[k], np.percentile(sizes, [5, 50, 95]))
        assert data.density[:, k].max() == 100  # in percent of the layer's own mode
    assert f"Most zeros: {percent(max(zeros))}, in layer {np.argmax(zeros) + 1}." in chart.alt


SNAPSHOT = snapshot(RunConfig(samples=4, hidden=(3, 3), steps=0))


@given(st.lists(st.lists(st.floats(-5, 5), min_size=4, max_size=4), min_size=1, max_size=6))
def test_contributions_add_up_and_are_opposed_where_both_signs_occur(terms):
    data = contribution_data(np.array(terms))
    np.testing.assert_allclose(data.total, [sum(row[k] for row in terms) for k in range(4)], atol=1e-12)
    assert abs(data.total[data.largest]) == np.abs(data.total).max()
    assert data.opposed == [k for k in range(4) if any(r[k] > 0 for r in terms) and any(r[k] < 0 for r in terms)]


@few
@given(st.integers(0, 5))
def test_the_value_over_steps_is_told_at_both_ends_and_marked_at_the_step(step):
    surface = bowl(10, 30)
    path = descend(surface, (-2.0, 1.0), 0.05, steps=5)
    chart = value_over_steps(surface, path, step)
    ends = f"E is {number(path.values[0], 3)} at step 0 and {number(path.values[5], 3)} at step 5."
    assert ends in chart.alt
    curve, dot = chart.spec["data"]
    np.testing.assert_allclose(curve["y"], path.values)  # its lowest value is 0
    assert (dot["x"], dot["y"]) == ([step], [path.values[step]])
    np.testing.assert_array_equal(chart.table[["w1", "w2"]], path.points)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_rises_of_an_error_are_counted(errors):
    assert descent_errors(np.array(errors)).rises == sum(b > a for a, b in zip(errors, errors[1:], strict=False))


@given(st.floats(-10, 10))
def test_the_tangent_passes_through_the_point_with_the_slope_there(z):
    data = sigmoid_data(z)
    value = 1 / (1 + np.exp(-z))
    along, heights = data.tangent
    assert data.value_at_z == pytest.approx(value) and data.slope_at_z == pytest.approx(value * (1 - value))
    np.testing.assert_allclose(heights, value + value * (1 - value) * (along - z), atol=1e-12)


@given(st.floats(-10, 10))
def test_the_points_on_the_sigmoid_and_on_its_slope_are_those_at_z_in_their_colors(z):
    chart = sigmoid_and_slope(z)
    curves_drawn, points = chart.spec["data"][:2], chart.spec["data"][-1]
    value = 1 / (1 + np.exp(-z))
    assert points["x"] == [z, z] and points["y"] == pytest.approx([value, value * (1 - value)])
    assert points["marker"]["color"] == [curve["line"]["color"] for curve in curves_drawn]


@pytest.mark.parametrize("slopes", [False, True])
def test_activations_or_their_slopes_are_drawn_as_asked(slopes):
    data = activation_data(["tanh", "relu"], 0.7, slopes=slopes)
    tanh = 1 - np.tanh(data.net) ** 2 if slopes else np.tanh(data.net)
    np.testing.assert_allclose(data.curves["tanh"], tanh, atol=1e-12)
    assert data.at_z["relu"] == (1.0 if slopes else 0.7)
