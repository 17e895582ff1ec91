"""One layer of the Lab's network, opened by a click on its block or its point: its numbers and what lies inside it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import Trace
from core.layer_slopes import activation_slopes
from core.norms import scaled_norm
from core.trace import Snapshot
from core.wording import count_noun, percent
from ui import panels
from ui.charts.one_layer import gradient_histogram, slope_chart, weight_histogram
from ui.charts.style import number
from ui.controls.fields import keep_address
from ui.runtime.jobs import Run
from ui.session import session, session_by_name


def open_clicked(chart: str) -> None:
    """Opens the layer of the clicked point of a chart with this key; a second click on it closes it again."""
    points = session_by_name[chart]["selection"]["points"]
    layer = int(points[0]["x"]) if points else None
    session["open_layer"] = layer or None  # 0 is the input, which has nothing to open


def choose_layer(layers: int) -> int | None:
    """Draws the choice of a layer to open, for those who do not click; returns it, counted from 1."""
    if (session.get("open_layer") or 1) > layers:
        session["open_layer"] = None
    return st.selectbox(
        "Open a layer",
        range(1, layers + 1),
        index=None,
        placeholder="Open a layer",
        format_func=lambda layer: f"Layer {layer}" if layer < layers else f"Layer {layer}, the output",
        key="open_layer",
        label_visibility="collapsed",
        width=190,
    )


def draw_layer(run: Run, trace: Trace, layer: int) -> None:
    """Draws one layer, counted from 1, at a chosen step."""
    last = int(trace.step[trace.last_row])
    with st.container(border=True, key="layer"):
        fan_in, fan_out = trace.weights[layer - 1][0].shape
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            name = f"Layer {layer}" if layer < trace.layers else f"Layer {layer}, the output"
            units = count_noun(fan_out, "unit")
            inputs = count_noun(fan_in, "input")
            st.subheader(f"{name}: {units} of {inputs}", anchor=False, width="content")
            st.button("Close", icon=":material/close:", key="close_layer", on_click=_close)
        step = 0
        if last:
            session["layer_step"] = min(session.get("layer_step", 0), last)
            step = st.slider("Step", 0, last, key="layer_step", on_change=keep_address)
        snapshot = panels.load_snapshot(run, step)
        if snapshot is None:
            return
        with st.container(horizontal=True):
            for label, value, help_text in _numbers(snapshot, layer - 1):
                st.metric(label, value, help=help_text, width="content")
        dark = panels.dark()
        at = layer - 1
        with st.grid(3, min_column_width=280, gap="medium"):
            panels.show(slope_chart(snapshot, at, dark=dark), "layer-slope")
            panels.show(weight_histogram(snapshot, at, dark=dark), "layer-weights")
            panels.show(gradient_histogram(snapshot, at, dark=dark), "layer-gradient")


def _close() -> None:
    session["open_layer"] = None


def _numbers(snapshot: Snapshot, layer: int) -> list[tuple[str, str, str]]:
    """(label, value, help) of each number; the layer is counted from 0."""
    norms = {
        "‖δ‖": (snapshot.delta[layer], "The norm of ∂E/∂net, over the units and the samples of the batch."),
        "‖∂E/∂W‖": (snapshot.weight_gradient[layer], "The norm of the gradient of this layer’s weights."),
        "‖W‖": (snapshot.weights[layer][0], "The norm of this layer’s weights."),
    }
    numbers = [(label, number(scaled_norm(values), 3), words) for label, (values, words) in norms.items()]
    slopes = activation_slopes(snapshot, layer)
    if slopes is not None:
        words = "The mean of φ′ over the units and the samples: what δ is multiplied by on its way through."
        numbers.append(("Mean slope φ′", number(float(np.mean(slopes)), 3), words))
        silent = float(np.mean(np.all(slopes == 0, axis=0)))
        if silent:
            numbers.append(("Units without a slope", percent(silent), "φ′ is 0 at every sample: they never learn."))
    return numbers
