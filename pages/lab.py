"""The Lab: one network, every setting of it, and the gradient norm of every layer at every step."""

import math
from functools import partial

import streamlit as st

from core import ConfigError, Trace
from core.data.datasets import load, split
from core.diagnosis.rules import diagnose
from core.engine.training import evaluate
from ui import panels
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
from ui.charts.quantities import QUANTITIES
from ui.compare import controls
from ui.controls import sidebar
from ui.controls.fields import LAB_PARAMETERS
from ui.lab import sharpness, theory
from ui.runtime import sessions
from ui.runtime.sessions import ProgressReporter, Run
from ui.urls import address, link
from ui.urls.sync import sync_address

# Points at which the answer is drawn: fewer for a network of many units, because all their values are held at once.
MAX_POINTS, MIN_POINTS, MAX_VALUES = 6_400, 400, 4_000_000

KEEP_HELP = (
    "Theory speaks of initialization. The dash-dotted line is the median over networks drawn from these settings, the "
    "band holds 95 % of them, and the long-dashed line is what no network with weights of these norms can exceed: "
    "each layer passes on at most sup|φ′| ‖W‖₂ of the gradient's norm."
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


def kept(run: Run) -> Trace:
    """The trace that the page has just trained; the page starts over if it is no longer kept."""
    trace = sessions.services().runs.get(run)
    if trace is None:
        st.rerun()
    return trace


def run_before(run: Run) -> Run | None:
    """The run that this session showed before this one."""
    before, now = st.session_state.get("shown", (None, None))
    if now != run:
        before = now
        st.session_state["shown"] = before, run
    return before


@st.fragment
def gradients(run: Run, before: Run | None) -> None:
    """The main picture, and its history."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        quantity = st.segmented_control(
            "Show",
            list(QUANTITIES),
            default="grad_norm",
            required=True,
            format_func=lambda name: QUANTITIES[name].label,
            key="quantity",
            label_visibility="collapsed",
            persist_state="session",
        )
        keep = st.toggle(
            "Keep theory at later steps", key="keep_theory", persist_state="session", help=KEEP_HELP, width="content"
        )
    trace, previous = kept(run), sessions.services().runs.get(before) if before else None
    said = theory.expected(run, ProgressReporter(st.empty()))
    lines = theory.guides(said, quantity, trace)
    profile = gradient_profile(trace, quantity, previous=previous, guides=lines, keep_guides=keep, dark=panels.dark())
    panels.show(profile, "gradient-profile")
    if said.grad.reason:
        st.caption(said.grad.reason)
    panels.show(gradient_heatmap(trace, quantity, dark=panels.dark()), "gradient-heatmap")


def curves(trace: Trace) -> None:
    """Loss and accuracy, then what the steps did to the weights and the units."""
    with st.grid(2, min_column_width=420, gap="medium"):
        for key, (_, draw) in CURVES.items():
            if key == "accuracy" and trace.task == "regression":
                continue
            panels.show(draw(trace, dark=panels.dark()), f"{key}-chart")


@st.fragment
def inside(run: Run) -> None:
    """Distributions in every layer at a chosen step."""
    box = st.expander("Inside the layers: distributions at one step", key="inside", on_change="rerun")
    if not box.open:
        return
    with box:
        last, step = run.config.steps, 0
        if last:
            step = st.slider("Step", 0, last, 0, key="inside_step")
        name = st.segmented_control(
            "Quantity",
            list(SPREADS),
            default="net",
            required=True,
            format_func=SPREADS.get,
            key="inside_quantity",
        )
        reporter = ProgressReporter(st.empty())
        snapshot = sessions.get_snapshot(run, step, reporter)
        reporter.clear()
        panels.show(distributions(snapshot, name, dark=panels.dark()), "distributions-chart", numbers=True)


@st.fragment
def answer(run: Run) -> None:
    """What the trained network answers over its inputs, where they can be drawn."""
    trace = kept(run)
    inputs = trace.weights[0][0].shape[0]
    if inputs > 2:
        return
    box = st.expander(
        "What it has learned: " + ("the fit" if inputs == 1 else "the decision boundary"),
        key="answer",
        on_change="rerun",
    )
    if not box.open:
        return
    with box:
        config, data = run.config, run.data
        parts = (
            split(*data, config.holdout, config.seed)
            if data
            else load(config.dataset, config.samples, config.noise, config.holdout, config.seed, config.scaling)
        )
        if config.normalization == "batch":
            st.caption("Batch normalization takes the statistics of the points drawn here, not those of the samples.")
        units = sum(W.shape[1] for W, _ in trace.weights)
        points = grid(parts.X, math.isqrt(min(MAX_POINTS, max(MAX_VALUES // units, MIN_POINTS))))
        outputs = evaluate(config, trace.weights, points)
        if inputs == 1:
            chart = fit(parts.X, parts.D, points, outputs, dark=panels.dark())
        else:
            chart = decision_boundary(parts.X, parts.D, points, outputs, task=trace.task, dark=panels.dark())
        panels.show(chart, "answer-chart", numbers=True)


TABLES = {
    **{f"By layer: {q.label}": partial(gradient_profile, quantity=name) for name, q in QUANTITIES.items()},
    **{f"Over steps: {q.label}": partial(gradient_heatmap, quantity=name) for name, q in QUANTITIES.items()},
    **dict(CURVES.values()),
}


def numbers(run: Run) -> None:
    """Any chart as a table."""
    panels.tables({name: lambda draw=draw: draw(kept(run)) for name, draw in TABLES.items()}, "numbers")


sync_address(LAB_PARAMETERS)
chosen = sidebar.choose()
waiting = st.empty()
address.show_param_warnings(link.CONTROL_RULES, link.FREE_TEXT_PARAMS)


def refuse(error: ConfigError) -> None:
    """The page without a run: why, and what mends it."""
    of_table = error.field in ("data", "target", "task", "leave_out")
    st.title("This table cannot be used yet" if of_table else "No run with these settings")
    panels.show_error(error)
    sidebar.offer_fixes(error, chosen.task)
    panels.share_menu(chosen.config)
    st.stop()


if chosen.refused is not None:
    refuse(chosen.refused)
if chosen.config is None:
    st.title("Bring a table")
    st.markdown("Your own data are chosen, but there is no table yet: bring a CSV file, in the sidebar under Data.")
    panels.share_menu(None)
    st.stop()
run = Run(chosen.config, chosen.given.digest if chosen.given else None)
reporter = ProgressReporter(waiting)
try:
    trace = sessions.get_trace(run, reporter)
except ConfigError as error:
    refuse(error)
reporter.clear()

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.caption(panels.summary_line(run.config), width="content")
    with st.container(horizontal=True, width="content", vertical_alignment="center"):
        controls.pin_button(run.config)
        panels.share_menu(run.config, run)
panels.verdict(diagnose(trace), run.config, theory.factor_told(theory.expected(run, reporter), trace))
reporter.clear()
gradients(run, run_before(run))
theory.why(run)
curves(trace)
inside(run)
answer(run)
sharpness.panel(run)
numbers(run)
theory.how_we_know(run)
