"""The Lab: one network, every setting of it, and the gradient norm of every layer at every step."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError, RunConfig, Trace
from core.data.datasets import load
from core.diagnosis.rules import VERDICTS, Diagnosis, diagnose
from core.engine.training import evaluate
from core.layer_norms import JUDGED, LAYER_NORMS, WHY_NORMS_DIFFER
from ui import embedding, panels, sharing
from ui.browser.reached import is_reached
from ui.charts.animation import open_at
from ui.charts.boundary import decision_boundary, fit, grid
from ui.charts.curves import (
    accuracy_chart,
    dead_chart,
    global_norm_chart,
    loss_chart,
    saturation_chart,
    update_ratio_chart,
    weight_norm_chart,
)
from ui.charts.distributions import SPREADS, distributions
from ui.charts.heatmap import gradient_heatmap
from ui.charts.profile import gradient_profile
from ui.charts.strip import pulse_styles
from ui.charts.style import Chart
from ui.compare import pinned
from ui.controls import sidebar
from ui.controls.fields import LAB_PARAMETERS, keep_address
from ui.lab import background, layer, live, phone_bar, sharpness, theory, trials
from ui.lab.verdict import draw_details, draw_findings, draw_verdict
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter, waiting_slot
from ui.runtime.services import services
from ui.runtime.turns import let_browser_draw
from ui.session import session
from ui.text import typeset
from ui.urls import address, scenes, views
from ui.urls.sync import current_query, sync_address

# Points at which the answer is drawn: fewer for a network of many units, because all their values are held at once.
MAX_POINTS = 6_400
MIN_POINTS = 400
MAX_VALUES = 4_000_000

HISTORY_HEIGHT = 800  # pixels of its charts in two columns

RELATIVE_HELP = (
    "Divides every layer’s norm by the output layer’s at the same step. As a network learns, all of its gradients "
    "shrink; how much of the output’s gradient reaches layer 1 shows only in their ratio."
)

CURVES = {
    "loss": ("Loss", loss_chart),
    "accuracy": ("Accuracy", accuracy_chart),
    "global-norm": ("Global gradient norm", global_norm_chart),
    "update-ratio": ("Update ratio", update_ratio_chart),
    "weight-norm": ("Weight norms", weight_norm_chart),
    "saturation": ("Saturated units", saturation_chart),
    "dead": ("Dead units", dead_chart),
}

# The two curves that show what a verdict is about; the other curves are drawn when they are asked for.
RELEVANT = {
    "diverged": ("loss", "global-norm"),
    "exploding": ("loss", "global-norm"),
    "dead": ("loss", "dead"),
    "dead_output": ("loss", "dead"),
    "saturated": ("loss", "saturation"),
    "penalty": ("loss", "weight-norm"),
    "clipping": ("loss", "global-norm"),
    "healthy": ("loss", "accuracy"),
}
OTHERWISE_RELEVANT = ("loss", "update-ratio")


def get_trace(run: Run) -> Trace:
    """The trace that the page has just trained; the page restarts if it is no longer cached."""
    trace = services().runs.get(run)
    if trace is None:
        st.rerun()
    return trace


def run_before(run: Run) -> Run | None:
    """The run that this session showed before this one, if any."""
    before, now = session.get("shown", (None, None))
    if now != run:
        before = now
        session["shown"] = before, run
    return before


def picture(run: Run, judged: int, before: Run | None = None) -> Chart:
    """Makes the main picture as the controls below it and the address say; it opens on the judged step by default."""
    previous = services().runs.get(before) if before else None
    return read_picture(run, judged, waiting_slot("-theory"))(previous=previous, dark=panels.dark())


def read_picture(run: Run, judged: int, slot: DeltaGenerator) -> Callable[..., Chart]:
    """Reads controls and address; returns what draws the picture, in a thread without the session too."""
    trace = get_trace(run)
    quantity = session["quantity"]
    relative = session["relative"]
    lines = theory.guides(theory.expected(run, slot), quantity, trace)
    step = views.shown_step()
    axis = views.axis_range()

    def draw(**options: Any) -> Chart:
        chart = gradient_profile(trace, quantity, relative=relative, guides=lines, judged=judged, **options)
        return open_at(chart, step, axis, judged=judged)

    return draw


def gradients(run: Run, judged: int, before: Run | None) -> None:
    """Draws the main picture, and below it the choice of what it shows."""
    trace = get_trace(run)
    st.html(pulse_styles(trace.layers, "gradient-profile"))
    open_clicked = partial(layer.open_clicked, "gradient-profile")
    panels.show(picture(run, judged, before), "gradient-profile", picked=open_clicked)
    if session.get("pictured") != run:
        session["pictured"] = run
        let_browser_draw()  # in one go with all that is below, the picture would come later
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        quantity = st.segmented_control(
            "Show",
            list(LAYER_NORMS),
            required=True,
            format_func=lambda name: LAYER_NORMS[name].label,
            key="quantity",
            label_visibility="collapsed",
        )
        chosen_layer = layer.choose_layer(trace.layers)
        st.toggle(
            "Relative to the output layer",
            key="relative",
            help=RELATIVE_HELP,
            width="content",
        )
    keep_address()
    with st.container():  # a single element, so that the charts below keep their places and are not drawn again
        if quantity != JUDGED:
            st.caption(WHY_NORMS_DIFFER)
        if chosen_layer:
            layer.draw_layer(run, trace, chosen_layer)
        reason = theory.expected(run, st.empty()).grad.reason
        if reason:
            st.caption(reason)


def charts_of(trace: Trace, names: Iterable[str]) -> None:
    """Draws some of CURVES."""
    for name in names:
        panels.show(CURVES[name][1](trace, dark=panels.dark()), f"{name}-chart")


@st.fragment
def history(run: Run, relevant: tuple[str, ...]) -> None:
    """Draws the gradient over the steps, the curves that concern the verdict, and the decision boundary."""
    if not is_reached("history", HISTORY_HEIGHT):
        return
    trace = get_trace(run)
    with st.grid(2, min_column_width=380, gap="medium"):
        quantity = session.get("quantity") or JUDGED
        panels.show(gradient_heatmap(trace, quantity, dark=panels.dark()), "gradient-heatmap")
        charts_of(trace, relevant)
        answer(run, trace)


@st.fragment
def story(run: Run, before: Run | None, diagnosis: Diagnosis, relevant: tuple[str, ...]) -> None:
    """Draws the picture, the details of the verdict, and the charts that concern it; all follow the chosen norm."""
    gradients(run, diagnosis.step, before)
    live.panel(run)
    draw_details(diagnosis, theory.describe_factor(theory.expected(run, waiting_slot("-factor")), get_trace(run)))
    trials.draw_and_follow(run, get_trace(run), diagnosis, partial(draw_findings, config=run.config))
    history(run, relevant)


@st.fragment
def more_curves(run: Run, names: tuple[str, ...]) -> None:
    """Draws the other curves when they are asked for."""
    box = st.expander("More curves: " + ", ".join(CURVES[name][0].lower() for name in names), key="more",
                      on_change=keep_address)  # fmt: skip
    if box.open:
        with box, st.grid(2, min_column_width=380, gap="medium"):
            charts_of(get_trace(run), names)


@st.fragment
def inside(run: Run) -> None:
    """Draws the distributions in every layer at a chosen step when they are asked for."""
    box = st.expander("Inside the layers: distributions at one step", key="inside", on_change=keep_address)
    if not box.open:
        return
    with box:
        last = run.config.steps
        step = 0
        if last:
            session["inside_step"] = min(int(session["inside_step"]), last)
            step = st.slider("Step", 0, last, key="inside_step", on_change=keep_address)
        name = st.segmented_control(
            "Quantity",
            list(SPREADS),
            required=True,
            format_func=SPREADS.get,
            key="inside_quantity",
            on_change=keep_address,
        )
        snapshot = panels.load_snapshot(run, step)
        if snapshot is not None:
            panels.show(distributions(snapshot, name, dark=panels.dark()), "distributions-chart", numbers=True)


def answer(run: Run, trace: Trace) -> None:
    """Draws the answer of the trained network over its inputs where there are one or two of them."""
    inputs = trace.weights[0][0].shape[0]
    if inputs > 2:
        return
    config = run.config
    data = jobs.get_data(run)
    parts = (
        data.split(config)
        if data
        else load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
    )
    units = sum(W.shape[1] for W, *_ in trace.weights)
    points = grid(parts.X, math.isqrt(min(MAX_POINTS, max(MAX_VALUES // units, MIN_POINTS))))
    outputs = evaluate(config, trace.weights, points)
    if inputs == 1:
        chart = fit(parts.X, parts.D, points, outputs, dark=panels.dark())
    else:
        chart = decision_boundary(parts.X, parts.D, points, outputs, task=trace.task, dark=panels.dark())
    with st.container():
        panels.show(chart, "answer-chart")
        if config.normalization == "batch":
            st.caption("Batch normalization uses the statistics of the points of this grid, not of the samples.")


TABLES = {
    **{f"By layer: {q.label}": partial(gradient_profile, quantity=name) for name, q in LAYER_NORMS.items()},
    **{f"Over steps: {q.label}": partial(gradient_heatmap, quantity=name) for name, q in LAYER_NORMS.items()},
    **dict(CURVES.values()),
}


def numbers(run: Run) -> None:
    """Draws any chart as a table when it is asked for."""
    panels.tables({name: lambda draw=draw: draw(get_trace(run)) for name, draw in TABLES.items()},
                  "numbers", on_change=keep_address)  # fmt: skip


scenes.expand_address()
sync_address(LAB_PARAMETERS)
views.use_whole_numbers()


def share(config: RunConfig | None, run: Run | None = None, diagnosis: Diagnosis | None = None) -> None:
    """Draws the buttons that show the scene elsewhere: in the presenting mode, as a link, as a sheet."""

    def make_handout(link: str) -> Callable[[], str]:
        title = VERDICTS[diagnosis.verdict][0]
        what = typeset(diagnosis.findings[0].what)
        lines = [what, panels.summary_line(run.config)]
        draw = read_picture(run, diagnosis.step, st.empty())
        return lambda: sharing.make_handout(title, lines, draw(), link)  # light: it is for paper

    scene = partial(current_query, LAB_PARAMETERS)
    files = partial(panels.settings_and_files, config, run)
    sharing.present_button("", scene)
    sharing.draw_menu("", scene, files, make_handout if run and diagnosis else None)


embedded = st.context.is_embedded
early = None if embedded else sidebar.read_early()
if early is not None:
    background.begin(Run(early))
chosen = sidebar.Chosen(*embedding.read_config()) if embedded else sidebar.choose()
slot = waiting_slot()
address.show_param_warnings(LAB_PARAMETERS.rules, LAB_PARAMETERS.free)


def refuse(error: ConfigError) -> None:
    """Ends the page without a run, with the reason and what resolves it."""
    of_table = error.field in ("data", "target", "task", "leave_out")
    with panels.page_header("This table cannot be used yet" if of_table else "No run with these settings"):
        share(chosen.config)
    panels.show_error(error)
    sidebar.offer_fixes(error, chosen.task)
    st.stop()


if chosen.refused is not None:
    refuse(chosen.refused)
if chosen.config is None:
    with panels.page_header("Choose a table"):
        share(None)
    st.markdown("Your own data are selected, but there is no table yet. Upload a file in the sidebar under Data.")
    st.stop()
run = Run(chosen.config, chosen.given.digest if chosen.given else None)
reporter = ProgressReporter(slot)
try:
    background.begin(run)
    trace = jobs.get_trace(run, reporter)
except ConfigError as error:
    refuse(error)
reporter.clear()

diagnosis = diagnose(trace)
if embedded:
    embedding.draw(
        picture(run, diagnosis.step),
        "gradient-profile",
        verdict=partial(draw_verdict, diagnosis),
        controls=embedding.fields_of_run(),
    )
    st.stop()
with panels.page_header("Gradient Flow Lab", panels.summary_line(run.config)):
    pinned.pin_button(run.config)
    share(run.config, run, diagnosis)
draw_verdict(diagnosis)
names = [name for name in CURVES if name != "accuracy" or trace.task != "regression"]
relevant = tuple(name for name in RELEVANT.get(diagnosis.verdict, OTHERWISE_RELEVANT) if name in names)
story(run, run_before(run), diagnosis, relevant)
more_curves(run, tuple(name for name in names if name not in relevant))
theory.why(run)
inside(run)
sharpness.panel(run)
numbers(run)
theory.how_we_know(run)
phone_bar.draw_bar(panels.dark())
