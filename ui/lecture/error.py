"""The error: sample by sample, output by output, adding up to the number that training reports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.config import Choice
from core.lecture.small_network import SIZE, SmallNetwork
from ui import panels
from ui.charts.errors import error_bars
from ui.charts.style import number
from ui.lecture import network
from ui.lecture.formulas import tex
from ui.session import session

ALL = "all"
ADDRESS = {"error_output": Choice((ALL, *map(str, range(1, int(SIZE.high) + 1))))}
DEFAULTS = {"error_output": ALL}


def section() -> None:
    """Bars, table and sum for the network of the section before."""
    st.markdown(
        "The error of a sample is $E_n = \\sum_k (o_{nk} - d_{nk})^2$, and the mean over the samples is "
        "$E = \\frac{1}{N} \\sum_n E_n$, the mean squared error. There is no ½ in front."
    )
    try:
        net = network.current()
    except ConfigError as error:
        panels.show_error(error)
        st.markdown("The error needs the network of the previous section: correct its table first.")
        return
    samples, outputs = net.d.shape
    part, counted = choose_outputs(net)
    each = part.squared.sum(axis=1)
    by_hand = float(each.sum() / samples)
    core = part.engine_error()
    with st.container(key="pictures-error"), st.grid(2, min_column_width=420, gap="medium"):
        with st.container():
            panels.show(error_bars(part.squared, counted, dark=panels.dark()), "lecture-error", numbers=True)
        with st.container():
            panels.table(_table(part, counted), hide_index=True, height=min(38 + 35 * len(counted) * samples, 318))
    if outputs > 1:
        draw_outputs(outputs)
    st.latex(_sum(each, by_hand))
    with st.container(horizontal=True):
        st.metric("Summed here", f"{by_hand:.12g}", border=True)
        st.metric("Computed by training", f"{core:.12g}", border=True, help="`train(..., steps=0)[0].loss[0]`")
        st.metric("Difference", number(abs(by_hand - core)), border=True)


def choose_outputs(net: SmallNetwork) -> tuple[SmallNetwork, list[int]]:
    """The network with the outputs that are counted, and their indices."""
    outputs = net.d.shape[1]
    if session["error_output"] not in _options(outputs):
        session["error_output"] = ALL
    if session["error_output"] == ALL:
        return net, list(range(outputs))
    index = int(session["error_output"]) - 1
    return net.output(index), [index]


def draw_outputs(outputs: int, disabled: bool = False) -> None:
    """Draws the choice of the outputs that are counted."""
    st.segmented_control(
        "Outputs counted",
        _options(outputs),
        required=True,
        format_func=lambda k: f"all {outputs}" if k == ALL else f"only $o_{{n{k}}}$",
        key="error_output",
        disabled=disabled,
    )


def _options(outputs: int) -> list[str]:
    return [ALL, *map(str, range(1, outputs + 1))] if outputs > 1 else [ALL]


def _sum(each: np.ndarray, mean: float) -> str:
    """E as the mean of its samples' errors, three to a line, so that it fits on a phone."""
    terms = [tex(float(value)) for value in each]
    lines = [" + ".join(terms[i : i + 3]) for i in range(0, len(terms), 3)]
    body = r" \\ & \quad + ".join(lines)
    return rf"\begin{{aligned}} E &= \tfrac{{1}}{{{len(each)}}}\, ({body}) \\ &= {tex(mean, 6)} \end{{aligned}}"


def _table(net: SmallNetwork, counted: list[int]) -> pd.DataFrame:
    """One row a sample and output."""
    samples = len(net.d)
    o = net.values.output
    d = net.d
    columns = {
        "n": np.repeat(np.arange(1, samples + 1), len(counted)),
        "k": np.tile(np.array(counted) + 1, samples),
        "o": o.ravel(),
        "d": d.ravel(),
        "o − d": (o - d).ravel(),
        "(o − d)²": net.squared.ravel(),
    }
    return pd.DataFrame(columns)
