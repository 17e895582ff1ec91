"""Every chart, table and file of a page is that of the page's own runs, under its own name and in the page's theme."""

import dataclasses
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.runtime.context import ContextProxy

from core import RunConfig, diagnose, snapshot, train
from core.comparison.arm_statistics import NOTE, table
from core.curvature import hidden_singular_values
from core.data.datasets import load
from core.diagnosis import rules
from core.diagnosis.recordings import RECORDING_VERDICTS
from core.diagnosis.rules import VERDICTS
from core.engine.training import evaluate
from core.export import to_csv, to_pytorch
from core.layer_norms import WHY_NORMS_DIFFER
from core.sweeps.critical_lines import lines
from core.sweeps.files import flatten_layers
from core.sweeps.maps import Axis, SweepMap, compute_cells
from core.theory.layer_means import expected_means, measured_means
from tests.support import compare_page, lab_page
from tests.support.page_parts import sent, watch_parts
from tests.support.pages import open_page
from ui import panels
from ui.charts import compare_curves, curves, recording_curves
from ui.charts.animation import open_at
from ui.charts.arms import style_arms
from ui.charts.boundary import decision_boundary, fit, grid
from ui.charts.compare import compare_heatmap, compare_profile, compare_span
from ui.charts.distributions import distributions
from ui.charts.filling import fill
from ui.charts.heatmap import gradient_heatmap
from ui.charts.one_layer import gradient_histogram, slope_chart, weight_histogram
from ui.charts.paper_figures import FIGURES
from ui.charts.phase import layer_means
from ui.charts.profile import gradient_profile
from ui.charts.recordings import recording_heatmap, recording_profile, recording_profile_data, recording_shares
from ui.charts.singular_values import spectrum_chart
from ui.charts.sweep import sweep_map
from ui.compare import cards, labels, printable, training
from ui.lab import theory
from ui.papers.sections import stored
from ui.presenting import TEXT_SIZE
from ui.runs import controls as runs_controls
from ui.runs.controls import DEFAULTS, choose_tensors
from ui.runs.files import get_example
from ui.runtime.jobs import Run
from ui.runtime.services import services
from ui.sweep import controls
from ui.text import typeset
from ui.urls import link


@pytest.fixture
def parts(monkeypatch):
    return watch_parts(monkeypatch)


def assert_same(charts, expected):
    """Every expected chart is there, bit by bit; names those that are not."""
    assert set(expected) <= set(charts), sorted(set(expected) - set(charts))
    assert [key for key, chart in expected.items() if sent(charts[key]) != sent(chart)] == []


def assert_tables(numbers, expected):
    """The tables behind these labels, all of them and no others, are those of these charts."""
    assert list(numbers) == list(expected)
    for label, chart in expected.items():
        pd.testing.assert_frame_equal(numbers[label]().table, chart.table, obj=label)


# -- the Lab ----------------------------------------------------------------------------------------------------------

CURVES = {
    "loss": ("Loss", curves.loss_chart),
    "accuracy": ("Accuracy", curves.accuracy_chart),
    "global-norm": ("Global gradient norm", curves.global_norm_chart),
    "update-ratio": ("Update ratio", curves.update_ratio_chart),
    "weight-norm": ("Weight norms", curves.weight_norm_chart),
    "saturation": ("Saturated units", curves.saturation_chart),
    "dead": ("Dead units", curves.dead_chart),
}
NORMS = {"delta_norm": "delta", "grad_norm": "weight gradient", "rms": "gradient per weight"}
# A run that its verdict judges at its last step, so that step 0 would be another one.
LATE = RunConfig(
    hidden=(8,) * 6, samples=32, steps=60, activation="relu", init="he_normal", loss="bce", seed=3, noise=0.2,
    output_activation="sigmoid", optimizer="adam", learning_rate=0.3, holdout=0.25,
)  # fmt: skip
OPENED = {
    "quantity": "rms", "relative": "false", "more": "true", "inside": "true", "inside_step": "7",
    "inside_quantity": "delta", "open_layer": "2", "layer_step": "9", "why": "true",
    "step": "30",
}  # fmt: skip


def test_every_chart_table_and_file_of_the_lab_is_of_its_own_run(parts):
    stated = {key: str(value) for key, value in link.to_values(LATE).items() if value != link.DEFAULTS[key]}
    app = lab_page.visit(**stated, **OPENED)
    assert WHY_NORMS_DIFFER in lab_page.texts(app.caption)
    [trace] = train([LATE])
    diagnosis = diagnose(trace)
    assert diagnosis.step > 0
    expectation = services().theories.get(theory.at_start(Run(LATE)))
    guides = theory.guides(expectation, "rms", trace)

    def picture(dark):
        options = {"relative": False, "guides": guides, "judged": diagnosis.step, "dark": dark}
        return open_at(gradient_profile(trace, "rms", **options), 30, judged=diagnosis.step)

    expected = {f"{name}-chart": make(trace, dark=True) for name, (_, make) in CURVES.items()}
    expected |= {
        "gradient-profile": picture(dark=True),
        "gradient-heatmap": gradient_heatmap(trace, "rms", dark=True),
        "distributions-chart": distributions(snapshot(LATE, 7), "delta", dark=True),
    }
    opened, start = snapshot(LATE, 9), snapshot(LATE, 0)
    expected |= {
        "layer-slope": slope_chart(opened, 1, dark=True),
        "layer-weights": weight_histogram(opened, 1, dark=True),
        "layer-gradient": gradient_histogram(opened, 1, dark=True),
    }
    means = measured_means(start), expected_means(LATE)
    expected |= {f"{quantity}-chart": layer_means(*means, quantity, dark=True) for quantity in ("q", "chi")}
    expected["spectrum-chart"] = spectrum_chart(hidden_singular_values(start), 5, dark=True)  # between six layers
    assert_same(parts.charts, expected)

    by_layer = {f"By layer: {label}": gradient_profile(trace, name) for name, label in NORMS.items()}
    over_steps = {f"Over steps: {label}": gradient_heatmap(trace, name) for name, label in NORMS.items()}
    assert_tables(parts.numbers, by_layer | over_steps | {label: make(trace) for label, make in CURVES.values()})

    write, prepare = parts.files["gradient-lab.csv"]
    assert write(prepare(None)) == to_csv(trace)
    assert parts.files["gradient_lab.py"]() == to_pytorch(LATE)
    title, words, chart = parts.sheet
    assert title == VERDICTS[diagnosis.verdict][0]
    assert words == [typeset(diagnosis.findings[0].what), panels.summary_line(LATE)]
    assert sent(chart) == sent(picture(dark=False))


@pytest.mark.parametrize("dataset", ["circles", "sine"])
def test_the_answer_is_that_of_the_trained_network_at_each_point_of_its_own_samples(dataset, parts):
    config = RunConfig(hidden=(6, 5), activation="tanh", init_scale=2.0, samples=24, steps=20, noise=0.2, holdout=0.25,
                       dataset=dataset, seed=3, learning_rate=0.05)  # fmt: skip
    lab_page.visit(**{key: str(value) for key, value in link.to_values(config).items() if value != link.DEFAULTS[key]})
    [trace] = train([config])
    data = load(dataset, samples=24, noise=0.2, holdout=0.25, seed=3, scaling=config.scaling)
    points = grid(data.X)
    outputs = evaluate(config, trace.weights, points)
    assert np.ptp(outputs) > 0.1
    if dataset == "sine":
        made = fit(data.X, data.D, points, outputs, dark=True)
    else:
        made = decision_boundary(data.X, data.D, points, outputs, task="two-class", dark=True)
    assert sent(parts.charts["answer-chart"]) == sent(made)


def test_the_picture_holds_the_run_before_beside_the_present_one(parts):
    app = lab_page.visit(**lab_page.SMALL)
    config = lab_page.config_of(app)
    app.session_state["seed"] = 7.0
    lab_page.calm(app.run())
    before, trace = train([config, config.replace(seed=7)])
    guides = theory.guides(services().theories.get(theory.at_start(Run(trace.config))), "delta_norm", trace)
    judged = diagnose(trace).step
    made = gradient_profile(
        trace, "delta_norm", relative=True, guides=guides, judged=judged, previous=before, dark=True
    )
    assert sent(parts.charts["gradient-profile"]) == sent(open_at(made, None, judged=judged))


# The curve that shows what a verdict is about; the size of the steps beside the others.
BESIDE = {
    "diverged": "global-norm", "exploding": "global-norm", "dead": "dead", "dead_output": "dead",
    "saturated": "saturation", "penalty": "weight-norm", "clipping": "global-norm", "healthy": "accuracy",
}  # fmt: skip


def test_the_curve_that_concerns_a_verdict_stands_beside_the_loss(parts, monkeypatch):
    assert set(BESIDE) < set(VERDICTS)
    for verdict in (*BESIDE, "vanishing"):
        with monkeypatch.context() as patch:
            patch.setattr(rules, "diagnose", lambda trace, v=verdict: dataclasses.replace(diagnose(trace), verdict=v))
            parts.charts.clear()
            app = lab_page.visit(**lab_page.SMALL)
        curves_shown = [key for key in parts.charts if key.removesuffix("-chart") in CURVES]
        assert curves_shown == ["loss-chart", f"{BESIDE.get(verdict, 'update-ratio')}-chart"], verdict
    assert WHY_NORMS_DIFFER not in lab_page.texts(app.caption)  # the judged norm is shown


# -- Compare ----------------------------------------------------------------------------------------------------------

COMPARE_CURVES = {
    "loss": ("Loss", compare_curves.compare_loss),
    "accuracy": ("Accuracy", compare_curves.compare_accuracy),
    "global-norm": ("Global gradient norm", compare_curves.compare_global_norm),
    "weight-norm": ("Weight norms", compare_curves.compare_weight_norm),
    "saturation": ("Saturated units", compare_curves.compare_saturation),
    "dead": ("Dead units", compare_curves.compare_dead),
}


def test_every_chart_table_and_file_of_a_comparison_is_of_its_own_arms(parts, monkeypatch):
    printed = []
    monkeypatch.setattr(printable, "document", lambda *arguments: printed.extend(arguments))
    app = compare_page.small(
        vary="none", arms="shallow~depth=2,deep~depth=4;activation=tanh", compare_quantity="rms", compare_more=True
    )
    comparison = compare_page.comparison_of(app)
    keys = {arm.name: training.key_of(comparison, arm.config(comparison.base), None) for arm in comparison.arms}
    records = {name: services().arms.get(key) for name, key in keys.items()}
    arms = style_arms(comparison, records)
    judged = cards.judged_step(records)
    expected = {f"compare-{name}": make(arms, dark=True) for name, (_, make) in COMPARE_CURVES.items()}
    for i, arm in enumerate(arms):
        span = compare_span(arms, "rms")
        expected[f"compare-heatmap-{i}"] = compare_heatmap(arm, "rms", layers=5, span=span, dark=True)
    profile = compare_profile(arms, "rms", judged=judged, dark=True)
    expected["compare-profile"] = open_at(profile, None, judged=judged)
    assert_same(parts.charts, expected)

    by_layer = {f"By layer: {label}": compare_profile(arms, name) for name, label in NORMS.items()}
    over_steps = {
        f"Over steps: {label}, {arm.name}": compare_heatmap(arm, name, layers=5)
        for arm in arms
        for name, label in NORMS.items()
    }
    assert_tables(parts.numbers, by_layer | over_steps | {label: make(arms) for label, make in COMPARE_CURVES.values()})

    summary = table(records)
    pd.testing.assert_frame_equal(parts.frames["compare-table"], cards.display_table(summary))
    pd.testing.assert_frame_equal(parts.frames["compare-differences"], labels.label_differences(comparison))
    assert parts.files["comparison.csv"]() == to_csv(summary.reset_index(names="arm"))
    said = [element.value.replace("\\", "") for element in app.markdown]
    sentences = {arm.name: typeset(arm.record.sentence) for arm in arms}
    assert len(set(sentences.values())) == len(arms)
    assert all(f"**{name}.** {sentence}" in said for name, sentence in sentences.items())
    mechanisms = cards.reasons(records)
    assert all(f"**{names}:** {typeset(why)}" in said for names, why in mechanisms) and mechanisms

    parts.files["gradient-comparison.html"]()
    title, words, charts, frames = printed
    assert title == cards.headline(records)
    assert words[:2] == [f"{name}. {sentence}" for name, sentence in sentences.items()] and words[-1] == NOTE
    span = compare_span(arms)
    drawn = [compare_profile(arms), *(compare_heatmap(arm, layers=5, span=span) for arm in arms)]
    drawn += [make(arms) for _, make in COMPARE_CURVES.values()]
    assert list(map(sent, charts)) == list(map(sent, drawn))
    pd.testing.assert_frame_equal(frames[1], cards.display_table(summary))


# -- Sweep ------------------------------------------------------------------------------------------------------------


def test_every_map_cell_and_file_of_a_sweep_is_of_its_own_activation_and_cell(parts):
    settings = {"x_count": "3", "y_count": "2", "per_cell": "3", "base": "depth=3;width=4;steps=2;samples=16"}
    app = open_page("sweep", **settings, activations=["tanh", "relu"], at="relu,2,0")
    base = controls.parse_base(settings["base"])
    spec = SweepMap(base, ("tanh", "relu"), Axis("init_scale", count=3), Axis("bias_std", count=2), 3)
    swept = services().sweeps.get(spec.grid)
    cells = compute_cells(swept, "gradient factor")
    x, y = spec.x.values(), spec.y.values()
    expected = {}
    for k, activation in enumerate(spec.activations):
        options = {"chosen": (x[2], y[0]) if activation == "relu" else None, "dark": True}
        made = sweep_map(spec, activation, cells[k], "gradient factor", tuple(lines(spec, activation)), **options)
        expected[f"sweep-map-{activation}"] = made
    chosen = spec.config("relu", x[2], y[0])
    expected["cell-profile"] = gradient_profile(train([chosen])[0], dark=True)
    assert_same(parts.charts, expected)

    [lab] = [button.proto.url for button in app.get("link_button") if button.proto.label == "Open in the Lab"]
    assert lab == "./?" + link.to_query(chosen)
    boxes = {box.key: box for box in app.selectbox}
    assert [boxes[f"cell_{part}"].label for part in range(3)] == ["Activation", "Init scale", "Bias std"]
    assert [boxes[f"cell_{part}"].value for part in range(3)] == ["relu", x[2], y[0]]
    said = " ".join(element.value.replace("\\", "") for element in app.markdown)
    assert "the median of 3 networks" in said

    assert app.title[0].value == "Bias std × init scale"
    assert parts.files["sweep.csv"]() == to_csv(flatten_layers(swept.to_frame()))
    title, words, chart = parts.sheet
    corner = panels.summary_line(spec.config("tanh", x[0], y[0]))
    assert title == "Bias std × init scale"
    assert words[1] == f"Bias std over init scale; the cell at the lower left: {corner}"
    first = sweep_map(spec, "tanh", cells[0], "gradient factor", tuple(lines(spec, "tanh")))
    assert sent(chart) == sent(first)


# -- Your run ---------------------------------------------------------------------------------------------------------

RECORDED = {
    "loss": ("Loss", recording_curves.recording_loss),
    "update-ratio": ("Update ratio", recording_curves.recording_update_ratio),
    "global-norm": ("Global gradient norm", recording_curves.recording_global_norm),
    "weight-norm": ("Weight norms", recording_curves.recording_weight_norm),
}


def test_two_recordings_are_drawn_each_under_its_own_key_at_its_own_step_on_one_axis(parts):
    names = ("resnet_plain", "dead_cnn")
    app = open_page("runs", example=names[0], beside=names[1], runs_more="true", runs_more_beside="true")
    shown = [get_example(name) for name in names]
    chosen = [choose_tensors(each.recording, DEFAULTS) for each in shown]
    assert len({each.diagnosis.step for each in shown}) == 2
    data = [
        recording_profile_data(view, "grad_norm", relative=True, judged=each.diagnosis.step)
        for each, view in zip(shown, chosen, strict=True)
    ]
    ends = min(each.low for each in data), max(each.high for each in data)
    expected = {}
    for each, view, key in zip(shown, chosen, ("", "-beside"), strict=True):
        judged = each.diagnosis.step
        made = recording_profile(view, "grad_norm", relative=True, ends=ends, judged=judged, dark=True)
        expected[f"run-profile{key}"] = open_at(made, None, judged=judged)
        expected[f"run-heatmap{key}"] = recording_heatmap(view, "grad_norm", relative=True, dark=True)
        for name, (_, make) in RECORDED.items():
            expected[f"run-{name}{key}"] = make(view, dark=True)
    assert_same(parts.charts, expected)
    headlines = [header.value.partition("] ")[2] for header in app.header]
    assert headlines == [RECORDING_VERDICTS[each.diagnosis.verdict] for each in shown]

    for i, view in enumerate(chosen, 1):
        own = {label.partition(": ")[2]: make for label, make in parts.numbers.items() if label.startswith(f"{i}. ")}
        wanted = {"By layer and step": recording_profile(view, "grad_norm")}
        wanted |= {"Over steps": recording_heatmap(view, "grad_norm")}
        wanted |= {label: make(view) for label, make in RECORDED.values()}
        assert_tables({label: own[label] for label in wanted}, wanted)
    files = ("recording.csv", "recording-beside.csv")
    assert [parts.files[name]() for name in files] == [to_csv(each.recording.to_frame()) for each in shown]
    assert parts.sheet is None


def test_without_a_tensor_a_page_has_what_needs_none_and_no_sheet(parts):
    open_page("runs", example="vanishing_mlp", pattern="zzz", runs_more="true")
    assert set(parts.charts) == {
        f"run-{name}" for name in ("loss", "global-norm", "learning-rate", "dead", "saturation")
    }
    assert list(parts.numbers) == ["Loss", "Global gradient norm", "Learning rate", "Dead units", "Saturation"]
    assert parts.sheet is None


def test_the_sheet_of_a_recording_has_its_verdict_its_finding_and_its_picture(parts):
    open_page("runs", example="dead_cnn")
    shown = get_example("dead_cnn")
    judged = shown.diagnosis.step
    title, words, chart = parts.sheet
    assert title == RECORDING_VERDICTS[shown.diagnosis.verdict]
    assert words[0] == typeset(shown.diagnosis.findings[0].what) and words[1].startswith(shown.label)
    made = recording_profile(choose_tensors(shown.recording, DEFAULTS), "grad_norm", relative=True, judged=judged)
    assert sent(chart) == sent(open_at(made, None, judged=judged))


# The curves that show what a verdict is about, beside the map of a recording.
BESIDE_MAP = {"dead": ["loss", "dead", "update-ratio"], "underflow": ["loss", "zero_share", "update-ratio"]}
SHARES = {
    "dead": ("Dead units", "share of units silent on the whole batch"),
    "saturation": ("Saturation", "share of slopes below 5 % of the largest"),
    "zero_share": ("Entries that are exactly 0", "share of the gradient’s entries"),
}


def test_the_curves_that_concern_a_verdict_stand_beside_the_map_and_all_others_below(parts, monkeypatch):
    shown = get_example("vanishing_mlp")  # it holds activations too
    view = choose_tensors(shown.recording, DEFAULTS)
    units = dataclasses.replace(view, indices=shown.recording.of_kind("activation"), is_depth=False)
    expected = {f"run-{name}": make(view, dark=True) for name, (_, make) in RECORDED.items()}
    expected["run-learning-rate"] = recording_curves.recording_learning_rate(view, dark=True)
    for name, words in SHARES.items():
        of = view if name == "zero_share" else units
        expected[f"run-{name}"] = recording_shares(of, name, *words, dark=True)
    assert set(BESIDE_MAP) < set(RECORDING_VERDICTS)
    for verdict in (*BESIDE_MAP, "vanishing", "healthy"):
        judged = dataclasses.replace(shown, diagnosis=dataclasses.replace(shown.diagnosis, verdict=verdict))
        monkeypatch.setattr(runs_controls, "get_example", lambda name, judged=judged: judged)
        more = verdict == "healthy"
        open_page("runs", example="vanishing_mlp", runs_more=str(more).lower())
        curves_shown = [key.removeprefix("run-") for key in parts.charts][2:]
        beside = BESIDE_MAP.get(verdict, ["loss", "update-ratio", "global-norm"])
        assert curves_shown[: len(beside)] == beside, verdict
        assert len(curves_shown) == (len(expected) if more else len(beside)), verdict
        if not more:
            parts.charts.clear()
    assert_same(parts.charts, expected)


# -- on the wall and within another site ------------------------------------------------------------------------------

SCENES = [
    ("gradient-profile", "?depth=3&width=5&steps=9&samples=16&activation=tanh&quantity=rms&relative=false&axis=-5,1"),
    ("compare-profile", "compare?depth=2&width=4&steps=3&samples=16&seeds=2&vary=init_scale&arms=1,2"
    "&compare_quantity=grad_norm&step=2"),
    ("compare-profile", "compare?depth=2&width=4&steps=3&samples=16&seeds=1&vary=none&arms=a~depth=1,b~depth=3"),
    ("run-profile", "runs?example=dead_cnn&norm=rms&relative_norm=false&step=120"),
    ("run-profile", "runs?example=float16_underflow"),  # theory recognizes its network
    ("run-profile", "runs?example=float16_underflow&relative_norm=false"),
]  # fmt: skip
SWEEP = "sweep?x_count=3&y_count=2&show=final+loss&activations=relu&base=depth%3D3%3Bwidth%3D4%3Bsteps%3D2"


def charts_of(parts, page, *, embedded=False, **parameters):
    """The charts of a page by key, as it stands on a site of its own or within another one."""
    parts.charts.clear()
    with pytest.MonkeyPatch.context() as patch:
        if embedded:
            patch.setattr(ContextProxy, "is_embedded", True)
        open_page(page, **parameters)
    return dict(parts.charts)


def without_meta(chart):
    """A chart without what its slider tells the address: the wall keeps its step elsewhere."""
    layout = {name: value for name, value in chart.spec["layout"].items() if name != "meta"}
    return dataclasses.replace(chart, spec=chart.spec | {"layout": layout})


@pytest.mark.parametrize("key, scene", SCENES)
def test_the_wall_and_a_frame_show_the_picture_of_the_page(key, scene, parts):
    page, _, query = scene.partition("?")
    whole = charts_of(parts, page, **parse_qs(query))[key]
    framed = charts_of(parts, page, embedded=True, **parse_qs(query))[key]
    assert sent(framed) == sent(fill(whole))
    wall = charts_of(parts, "present", link=scene)["present-chart"]
    assert sent(without_meta(wall)) == sent(without_meta(fill(whole, TEXT_SIZE)))


def test_the_wall_and_a_frame_show_the_map_of_a_sweep_without_a_chosen_cell(parts):
    page, _, query = SWEEP.partition("?")
    spec = SweepMap(controls.parse_base(parse_qs(query)["base"][0]), ("relu",), Axis("init_scale", count=3),
                    Axis("bias_std", count=2), 1)  # fmt: skip
    framed = charts_of(parts, page, embedded=True, **parse_qs(query))["sweep-map"]
    [cells] = compute_cells(services().sweeps.get(spec.grid), "final loss")
    made = sweep_map(spec, "relu", cells, "final loss", tuple(lines(spec, "relu")), dark=True)
    assert sent(framed) == sent(fill(made))
    wall = charts_of(parts, "present", link=SWEEP)["present-chart"]
    assert sent(wall) == sent(fill(made, TEXT_SIZE))


@pytest.mark.parametrize("name", ["saxe", "he_2015"])
def test_a_paper_shows_its_own_figures_and_a_frame_the_one_that_is_asked_for(name, parts):
    figures = FIGURES[name](stored()[name].result.series, True)
    charts = charts_of(parts, "papers", paper=name)
    assert_same(charts, {f"paper-{name}-{i}": figure for i, figure in enumerate(figures)})
    for i, figure in enumerate(figures):
        framed = charts_of(parts, "papers", embedded=True, paper=name, figure=str(i + 1))
        assert {key: sent(chart) for key, chart in framed.items()} == {f"paper-{name}-{i}": sent(fill(figure))}


@pytest.mark.parametrize("hidden", [(), ("depth",), ("activation", "init_scale")])
def test_a_frame_of_the_lab_has_its_controls_but_those_that_the_address_hides(hidden, monkeypatch):
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    app = open_page("", **lab_page.SMALL, hide=",".join(hidden))
    keys = {box.key for box in (*app.selectbox, *app.number_input)}
    assert keys == {"activation", "depth", "init_scale"} - set(hidden)
