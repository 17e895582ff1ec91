"""Your run: a recording of somebody's own PyTorch, Keras or JAX model in the charts of the Lab, with a verdict."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core import ConfigError
from core.diagnosis.recordings import RECORDING_VERDICTS
from core.export import to_csv
from core.recordings.selection import GROUPS
from ui import embedding, panels, sharing
from ui.charts.animation import open_at
from ui.charts.filling import fill
from ui.charts.recording_curves import (
    recording_global_norm,
    recording_learning_rate,
    recording_loss,
    recording_loss_scale,
    recording_update_ratio,
    recording_weight_norm,
)
from ui.charts.recordings import (
    TensorView,
    recording_heatmap,
    recording_profile,
    recording_profile_data,
    recording_shares,
)
from ui.charts.style import Chart
from ui.controls.upload import FileProgressReporter
from ui.navigation import ensure_navigation
from ui.runs import controls
from ui.runs.files import Shown
from ui.runs.snippets import draw_snippets
from ui.runs.theory import typical_network
from ui.runs.verdict import draw_details, draw_verdict
from ui.session import session, session_by_name
from ui.text import as_text, typeset
from ui.urls import address, views
from ui.urls.sync import current_query, sync_address, update_address

CLAIM = "Three lines record the gradients of any PyTorch, Keras or JAX model. Drop the file in the sidebar."

CURVES: dict[str, tuple[str, Callable[..., Chart]]] = {
    "loss": ("Loss", recording_loss),
    "update-ratio": ("Update ratio", recording_update_ratio),
    "global-norm": ("Global gradient norm", recording_global_norm),
    "weight-norm": ("Weight norms", recording_weight_norm),
    "learning-rate": ("Learning rate", recording_learning_rate),
    "loss-scale": ("Loss scale", recording_loss_scale),
}
SHARES = {
    "dead": ("Dead units", "share of units silent on the whole batch", True),
    "saturation": ("Saturation", "share of slopes below 5 % of the largest", True),
    "zero_share": ("Entries that are exactly 0", "share of the gradient’s entries", False),
}
# The curves beside the map, by verdict; the others are drawn when they are asked for.
RELEVANT = {
    "dead": ("loss", "dead", "update-ratio"),
    "underflow": ("loss", "zero_share", "update-ratio"),
}
OTHERWISE_RELEVANT = ("loss", "update-ratio", "global-norm")


def draw_chart(name: str, view: TensorView) -> Chart:
    """A chart of CURVES or SHARES."""
    if name in CURVES:
        return CURVES[name][1](view, dark=panels.dark())
    title, key, of_activations = SHARES[name]
    if of_activations:
        view = TensorView(recording=view.recording, indices=view.recording.of_kind("activation"), is_depth=False)
    return recording_shares(view, name, title, key, dark=panels.dark())


def is_recorded(name: str, view: TensorView) -> bool:
    """True if a recording holds what a chart shows."""
    recording = view.recording
    field = name.replace("-", "_")
    if name in ("loss", "learning-rate", "loss-scale"):
        return field in recording.rows and bool(np.isfinite(recording.rows[field]).any())
    if name in ("update-ratio", "weight-norm", "zero_share") and not len(view.indices):
        return False
    if name == "update-ratio":
        return recording.update_ratio is not None
    if name in ("weight-norm", *SHARES):
        return field in recording.values and bool(np.isfinite(recording.values[field]).any())
    return True


def quantity_of(views: list[TensorView]) -> str:
    """The chosen norm, or the plain one where a file does not say how large its tensors are."""
    norm = session["norm"]
    return norm if norm == "grad_norm" or all(view.has_sizes for view in views) else "grad_norm"


def shared_ends(drawn: list[tuple[Shown, TensorView]], quantity: str, relative: bool) -> tuple[float, float] | None:
    """Powers of ten at the ends of an axis that holds the profiles of all, each at the step that its verdict judges."""
    made = [
        recording_profile_data(view, quantity, relative=relative, judged=shown.diagnosis.step) for shown, view in drawn
    ]
    ends = [(data.low, data.high) for data in made if data is not None]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if len(ends) > 1 else None


def charts_of(shown: Shown, view: TensorView) -> tuple[list[str], list[str]]:
    """The curves that concern the verdict, and the others that the recording has."""
    recorded = [name for name in (*CURVES, *SHARES) if is_recorded(name, view)]
    relevant = [name for name in RELEVANT.get(shown.diagnosis.verdict, OTHERWISE_RELEVANT) if name in recorded]
    return relevant, [name for name in recorded if name not in relevant]


def profile(
    view: TensorView,
    quantity: str,
    ends: tuple[float, float] | None = None,
    *,
    judged: int = 0,
    dark: bool | None = None,
) -> Chart:
    """The profile as the address has it open.

    Args:
        view: the tensors.
        quantity: the norm, of `quantity_of`.
        ends: powers of ten at the ends of the axis that it shares with another recording.
        judged: the step that its verdict judges, on which it opens where the address names none.
        dark: its theme; None for the visitor's.
    """
    dark = panels.dark() if dark is None else dark
    relative = session["relative_norm"]
    lines = typical_network(view) if relative else ()
    chart = recording_profile(view, quantity, relative=relative, ends=ends, guides=lines, judged=judged, dark=dark)
    return open_at(chart, views.shown_step(), views.axis_range(), judged=judged)


def draw_profile(
    view: TensorView, key: str, quantity: str, ends: tuple[float, float] | None = None, *, judged: int = 0
) -> None:
    """Draws the profile, or says that no tensor is chosen.

    Args:
        key: ends the keys of a recording's charts.
        quantity, ends, judged: as for `profile`.
    """
    if len(view.indices):
        panels.show(profile(view, quantity, ends, judged=judged), f"run-profile{key}")
        return
    group = GROUPS[session["tensors"]][0].lower()
    pattern = session["pattern"]
    words = f" whose names contain “{pattern}”" if pattern else ""
    kind = "tensors" if group == "all" else group
    st.info(as_text(f"This recording has no {kind}{words}."), icon=":material/filter_alt_off:")


def draw_heatmap(view: TensorView, key: str, quantity: str) -> None:
    """Draws the map of steps by tensors."""
    relative = session["relative_norm"]
    chart = recording_heatmap(view, quantity, relative=relative, dark=panels.dark())
    panels.show(chart, f"run-heatmap{key}")


def draw_one(shown: Shown, view: TensorView) -> None:
    """Draws one recording: verdict, profile, details, map and curves."""
    st.caption(as_text(describe(shown)))
    draw_verdict(shown, "verdict")
    quantity = quantity_of([view])
    draw_profile(view, "", quantity, judged=shown.diagnosis.step)
    draw_recipe([shown])
    draw_details(shown, "details")
    relevant, others = charts_of(shown, view)
    with st.grid(2, min_column_width=380, gap="medium"):
        if len(view.indices):
            draw_heatmap(view, "", quantity)
        for name in relevant:
            panels.show(draw_chart(name, view), f"run-{name}")
    more_curves(view, others, "", 2)


def draw_recipe(runs: list[Shown]) -> None:
    """Draws the lines that record a run; they are open while nobody's own run is shown."""
    with st.expander("Record your own run in three lines", key="runs_snippets", icon=":material/fiber_manual_record:",
                     expanded=all(shown.example for shown in runs)):  # fmt: skip
        draw_snippets()


def draw_frame(runs: list[Shown], chosen: list[TensorView]) -> None:
    """Draws what a frame shows: the profiles on one axis, each below its verdict."""
    drawn = [(shown, view) for shown, view in zip(runs, chosen, strict=True) if len(view.indices)]
    if not drawn:
        for _, view in zip(runs, chosen, strict=True):
            draw_profile(view, "", "grad_norm")
        st.stop()
    quantity = quantity_of([view for _, view in drawn])
    ends = shared_ends(drawn, quantity, session["relative_norm"])

    def picture() -> None:
        with st.grid(len(drawn), min_column_width=240, gap="small"):
            for i, (shown, view) in enumerate(drawn):
                with st.container():
                    chart = fill(profile(view, quantity, ends, judged=shown.diagnosis.step))
                    panels.show(chart, f"run-profile{'-beside' * i}", height="stretch")

    def verdict() -> None:
        with st.grid(len(drawn), min_column_width=240, gap="small"):
            for i, (shown, _) in enumerate(drawn):
                with st.container():
                    draw_verdict(shown, f"verdict{'-beside' * i}", brief=len(drawn) > 1)

    embedding.draw_frame(picture, verdict=verdict)


def draw_two(runs: list[Shown], chosen: list[TensorView]) -> None:
    """Draws two recordings beside each other, row by row, their profiles on one axis."""
    pairs = list(zip(runs, chosen, ("", "-beside"), strict=True))
    nonempty = [(shown, view) for shown, view in zip(runs, chosen, strict=True) if len(view.indices)]
    quantity = quantity_of([view for _, view in nonempty])
    ends = shared_ends(nonempty, quantity, session["relative_norm"])
    relevant = list(dict.fromkeys(name for shown, view in zip(runs, chosen, strict=True)
                                  for name in charts_of(shown, view)[0]))  # fmt: skip
    with st.grid(2, min_column_width=380, gap="medium"):
        for shown, _, key in pairs:
            with st.container():
                st.caption(as_text(describe_model(shown)))
                draw_verdict(shown, f"verdict{key}")
        for shown, view, key in pairs:
            with st.container():
                draw_profile(view, key, quantity, ends, judged=shown.diagnosis.step)
        for shown, _, key in pairs:
            with st.container():
                st.caption(as_text(describe_file(shown)))
                draw_details(shown, f"details{key}")
        for _, view, key in pairs:
            with st.container():
                if len(view.indices):
                    draw_heatmap(view, key, quantity)
        for name in relevant:
            for _, view, key in pairs:
                panels.show(draw_chart(name, view), f"run-{name}{key}")
        for shown, view, key in pairs:
            with st.container():
                others = [name for name in sum(charts_of(shown, view), []) if name not in relevant]
                more_curves(view, others, key, 1)


def keep_address() -> None:
    """Writes an opened panel to the address; for the callbacks of fragments, which run alone."""
    update_address(controls.PARAMETERS)


@st.fragment
def more_curves(view: TensorView, names: list[str], key: str, columns: int) -> None:
    """Draws the other curves when they are asked for."""
    if not names:
        return
    labels = ", ".join((CURVES | SHARES)[name][0].lower() for name in names)
    panel = "runs_more_beside" if key else "runs_more"
    box = st.expander(f"More curves: {labels}", key=panel, on_change=keep_address)
    if box.open:
        with box, st.grid(columns, min_column_width=380, gap="medium"):
            for name in names:
                panels.show(draw_chart(name, view), f"run-{name}{key}")


def numbers(chosen: dict[str, TensorView]) -> None:
    """Draws any chart as a table when it is asked for."""
    tables: dict[str, Callable[[], Chart]] = {}
    for label, view in chosen.items():
        prefix = f"{label}: " if len(chosen) > 1 else ""
        if len(view.indices):
            quantity = quantity_of([view])
            tables[f"{prefix}By layer and step"] = partial(recording_profile, view, quantity)
            tables[f"{prefix}Over steps"] = partial(recording_heatmap, view, quantity)
        for name in (*CURVES, *SHARES):
            if is_recorded(name, view):
                tables[f"{prefix}{(CURVES | SHARES)[name][0]}"] = partial(draw_chart, name, view)
    if tables:
        panels.tables(tables, "run-numbers")


def share(runs: list[Shown], chosen: list[TensorView]) -> None:
    """Draws the buttons that show the scene elsewhere; a file of one's own is not on a projector's page."""

    def make_handout(address: str) -> Callable[[], str]:
        [shown] = runs
        [view] = chosen
        chart = profile(view, quantity_of([view]), judged=shown.diagnosis.step, dark=False)  # light: it is for paper
        title = RECORDING_VERDICTS[shown.diagnosis.verdict]
        lines = [typeset(shown.diagnosis.findings[0].what), describe(shown)]
        return lambda: sharing.make_handout(title, lines, chart, address)

    scene = partial(current_query, controls.PARAMETERS)
    are_examples = all(shown.example for shown in runs)
    if are_examples:
        sharing.present_button("runs", scene)

    def files() -> None:
        if not are_examples:
            st.caption("The link does not contain your file.")
        for i, shown in enumerate(runs):
            name = f"recording{'-beside' * i}.csv"
            if panels.is_writable(len(shown.recording.step) * len(shown.recording.parameters)):
                panels.download(
                    "Second recording (CSV)" if i else "Recording (CSV)",
                    lambda shown=shown: to_csv(shown.recording.to_frame()),
                    name,
                    "text/csv",
                )
        panels.choose_picture()

    is_one = len(runs) == 1 and len(chosen[0].indices) > 0
    sharing.draw_menu("runs", scene, files, make_handout if is_one else None)


def describe(shown: Shown) -> str:
    """One line that describes a recording."""
    return f"{describe_model(shown)}{' ' if shown.claim else ': '}{describe_file(shown)}"


def describe_model(shown: Shown) -> str:
    """The name of a recording and, of an example, the model."""
    return f"{shown.label}: {shown.claim}" if shown.claim else shown.label


def describe_file(shown: Shown) -> str:
    """The size of a recording, and what wrote it."""
    recording = shown.recording
    count = len(recording.parameters)
    steps = f"{len(recording.step):,} recorded steps, {recording.step[0]:,} to {recording.step[-1]:,}"
    return f"{steps}; {count:,} tensors; {recording.source}."


ensure_navigation()
sync_address(controls.PARAMETERS)
slot = st.empty()
reporter = FileProgressReporter(slot)
first, second = controls.choose(reporter)
reporter.clear()
address.show_param_warnings(controls.RULES, controls.FREE_TEXT_PARAMS)
runs = [shown for shown in (first, second) if isinstance(shown, Shown)]
chosen = [controls.choose_tensors(shown.recording, session_by_name) for shown in runs]
if st.context.is_embedded:
    draw_frame(runs, chosen)
    st.stop()
with panels.page_header("Your run", CLAIM):
    share(runs, chosen)
for refused in (first, second):
    if isinstance(refused, ConfigError):
        panels.show_error(refused)
if len(runs) == 1:
    draw_one(runs[0], chosen[0])
else:
    if runs:
        draw_two(runs, chosen)
    draw_recipe(runs)
numbers({f"{i + 1}. {shown.label}": view for i, (shown, view) in enumerate(zip(runs, chosen, strict=True))})
