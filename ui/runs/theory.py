"""Theory on the profile of a recorded run: the typical network of its settings, where they are recognized."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError
from core.recordings.networks import recognize_mlp
from ui.charts.guides import Guide
from ui.charts.recordings import TensorView
from ui.lab import theory
from ui.runtime.jobs import Run


def typical_network(view: TensorView, waiting: DeltaGenerator | None = None) -> list[Guide]:
    """The line of the typical network at the first step, relative to the last layer; empty where there is none.

    Theory's level belongs to the Lab's data and loss; its shape over the layers hardly depends on them.

    Args:
        view: the tensors; there is a line where they are the weights of all layers in the order of the model.
        waiting: the `st.empty()` in which progress is shown.
    """
    weights = view.recording.of_kind("weight")
    network = recognize_mlp(view.recording) if list(view.indices) == list(weights) else None
    if network is None or len(weights) != len(network.config.hidden) + 1:
        return []
    try:
        expected = theory.expected(Run(network.config), st.empty() if waiting is None else waiting).grad
    except ConfigError:
        return []
    if expected.reason or not expected.median[-1] > 0:
        return []
    return [Guide(name=theory.TYPICAL, values=expected.median / expected.median[-1])]
