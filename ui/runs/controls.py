"""The controls of the page Your run, which are its address too: the recordings shown, and which of their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import ConfigError
from core.config import Choice, Flag
from core.recordings import Recording
from core.recordings.examples import EXAMPLES
from core.recordings.selection import GROUPS, ORDERS, count_groups, select_tensors
from ui.charts.recordings import NORMS, TensorView
from ui.runs.files import NONE, Shown, draw_upload, get_example, get_file
from ui.runtime.progress import ProgressReporter
from ui.session import session, session_by_name
from ui.urls import views
from ui.urls.sync import Parameters

FIRST = next(iter(EXAMPLES))
PANELS = ("runs_more", "runs_more_beside")  # more curves, of the first recording and of the one beside it
RULES: dict[str, Any] = {
    "example": Choice(tuple(EXAMPLES)),
    "beside": Choice((NONE, *EXAMPLES)),
    "tensors": Choice(tuple(GROUPS)),
    "order": Choice(tuple(ORDERS)),
    "norm": Choice(tuple(NORMS)),
    "relative_norm": Flag(),
    **dict.fromkeys(PANELS, Flag()),
    **views.PICTURE,
    **views.FRAME,
}
FREE_TEXT_PARAMS = ("pattern",)
DEFAULTS: dict[str, Any] = {
    "example": FIRST,
    "beside": NONE,
    "tensors": "weights",
    "pattern": "",
    "order": "model",
    "norm": "grad_norm",
    "relative_norm": True,
    **dict.fromkeys(PANELS, False),
    **views.PICTURE_DEFAULTS,
    **views.FRAME_DEFAULTS,
}
VIEW = frozenset((*PANELS, *views.PICTURE, *views.FRAME))
PARAMETERS = Parameters(
    page="runs", rules=RULES, free=FREE_TEXT_PARAMS, defaults=DEFAULTS, view=VIEW, of_run=views.OF_RUN
)


def choose_tensors(recording: Recording, values: Mapping[str, Any]) -> TensorView:
    """The tensors of a recording that the controls choose.

    Args:
        recording: the run.
        values: of the controls, by key.
    """
    kind = values["tensors"]
    order = values["order"]
    indices = select_tensors(recording, kind, pattern=values["pattern"] or "", order=order)
    is_depth = kind == "weights" and order in ("model", "names")
    return TensorView(recording=recording, indices=indices, is_depth=is_depth)


def choose(reporter: ProgressReporter) -> tuple[Shown | ConfigError | None, Shown | ConfigError | None]:
    """Draws the sidebar; returns the recording and the one beside it, if any; or the reason why one is refused."""
    with st.sidebar:
        st.subheader("Recording", anchor=False)
        first: Any = _choose_recording("Your file", "runs_file", "example", "Or an example", reporter)
        with st.expander("A second run beside it", key="runs_second", expanded=session["beside"] != NONE):
            second = _choose_recording("Second file", "runs_file_beside", "beside", "Or an example beside it", reporter)
        _draw_tensors([shown.recording for shown in (first, second) if isinstance(shown, Shown)])
    return first, second


def _choose_recording(
    label: str, file_key: str, example_key: str, example_label: str, reporter: ProgressReporter
) -> Shown | ConfigError | None:
    try:
        given = draw_upload(label, file_key)
        st.selectbox(
            example_label,
            [*EXAMPLES] if example_key == "example" else [NONE, *EXAMPLES],
            format_func=lambda name: EXAMPLES[name].label if name in EXAMPLES else "none",
            key=example_key,
            disabled=given is not None,
            help="Real PyTorch models, recorded with the same lines.",
        )
        if given is not None:
            return get_file(*given, reporter)
    except ConfigError as error:
        return error
    name = session_by_name[example_key]
    return get_example(name) if name in EXAMPLES else None


def _draw_tensors(recordings: list[Recording]) -> None:
    counts = {group: sum(count_groups(recording)[group] for recording in recordings) for group in GROUPS}
    listed = ", ".join(f"{count:,} {GROUPS[group][0].lower()}" for group, count in counts.items() if count)
    st.subheader("Tensors", anchor=False)
    st.selectbox(
        "Kind",
        list(GROUPS),
        format_func=lambda group: GROUPS[group][0],
        key="tensors",
        help="Biases, norms and embeddings have gradients of another size than weights, so each kind is shown "
        "separately.",
    )
    st.caption(f"Recorded: {listed.replace(' all', ' in all')}.")
    st.text_input(
        "Names that contain one of",
        key="pattern",
        placeholder="all",
        help="Words separated by spaces; * matches anything, and a word after a minus leaves out: "
        "`encoder -*.3.*` shows the encoder without its block 3.",
    )
    st.selectbox(
        "Order",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        key="order",
        help="The recorder lists tensors as the model does, from its first module to its last. For an order of your "
        "own, write words into the field above: with `head, encoder` the head’s tensors come first.",
    )
    st.selectbox(
        "Norm",
        list(NORMS),
        format_func=lambda name: f"{NORMS[name].label.capitalize()}: {NORMS[name].symbol}",
        key="norm",
        help="Per weight, large and small tensors can be compared: the norm is divided by √(number of entries).",
    )
    st.toggle(
        "Relative to the last tensor",
        key="relative_norm",
        help="Divides every norm by the last tensor’s at the same step. As a model learns, its gradients shrink; "
        "how much of the last one’s gradient reaches the first tensor shows only in their ratio.",
    )
