"""Quantities of every layer at every step, as color."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core import Trace
from ui.charts import style
from ui.charts.pooling import bin_rows
from ui.charts.quantities import QUANTITIES, reference
from ui.charts.style import DECADES, Chart, number

MAX_COLUMNS = 250  # about what a screen can show
MAX_CELLS = 40_000  # cells sent; 500 layers take fewer columns
HEIGHT, BELOW = 420, 124
ZERO = {False: "#b58900", True: "#e3b93c"}  # on neither arm of the gradient's color scale


def gradient_heatmap(trace: Trace, quantity: str = "grad_norm", *, dark: bool = False) -> Chart:
    """Norm of every layer (a name of QUANTITIES) at every step, by decades from the output layer's at step 0.

    Where steps outnumber the screen's columns, a column is the median of log10 over neighboring recorded steps.
    Cells that are exactly zero have a color of their own.
    """
    chosen = QUANTITIES[quantity]
    title = f"{chosen.label[0].upper()}{chosen.label[1:]} over the steps"
    norms = chosen.values(trace, rows=slice(trace.rows_recorded))
    if not np.isfinite(norms[0]).any():
        sentence = f"The run diverged at step {trace.step[0]}, before any gradient could be computed."
        return style.empty(title, sentence, x="step", y="layer", dark=dark)
    with np.errstate(divide="ignore"):
        power, columns, words = _pooled(np.log10(norms), trace)
    finding = _finding(trace, norms)
    zero = np.isneginf(power)
    frame = _frame(trace, title, f"{finding} {words}".strip(), dark, key=bool(zero.any()))
    level = float(np.log10(reference(norms)))
    edges, layers = _edges(trace.step, columns), np.arange(1, trace.layers + 1, dtype=np.int16)
    cells = {"type": "heatmap", "x": edges, "y": layers, "hoverongaps": False}
    ends = [-DECADES, -DECADES / 2, 0, DECADES / 2, DECADES]
    key = "decades from the output’s norm at step 0"
    data = [
        cells
        | {
            "z": np.where(np.isfinite(power), power, np.nan).astype(np.float32).T,
            "zmin": level - DECADES,
            "zmax": level + DECADES,
            "colorscale": style.gradient_colors(dark),
            "colorbar": style.color_key(key, [level + e for e in ends], ["≤ −6", "−3", "0", "+3", "≥ +6"], frame, dark),
            "hovertemplate": f"step %{{x:,.0f}}, layer %{{y}}<br>{chosen.label} 10<sup>%{{z:.2f}}</sup><extra></extra>",
        }
    ]
    if zero.any():
        mark = np.where(zero, 0, np.nan).astype(np.float32).T
        words = "step %{x:,.0f}, layer %{y}<br>exactly 0<extra></extra>"
        one_color = [[0, ZERO[dark]], [1, ZERO[dark]]]
        data.append(cells | {"z": mark, "colorscale": one_color, "showscale": False, "hovertemplate": words})
        # a heatmap has no entry of its own in a legend, so a square without a place stands for it
        square = {"symbol": "square", "size": 12, "color": ZERO[dark]}
        nowhere = {"type": "scatter", "x": [None], "y": [None], "mode": "markers"}
        data.append(nowhere | {"marker": square, "name": "exactly 0"})
        frame["legend"] |= {"y": 1, "yanchor": "bottom"}
    table = _table(10.0**power, trace, columns)
    return Chart({"data": data, "layout": frame}, _alt(trace, title, norms), table)


def share_heatmap(trace: Trace, values: np.ndarray, title: str, finding: str, key: str, *, dark: bool = False) -> Chart:
    """A share from 0 to 1 of every layer, (rows, layers), at every step; a column is the mean of what it pools."""
    recorded = values[: trace.rows_recorded]
    columns = _columns(recorded)
    pooled = np.array([recorded[c].mean(axis=0) for c in columns])
    frame = _frame(trace, title, finding, dark)
    data = [
        {
            "type": "heatmap",
            "x": _edges(trace.step, columns),
            "y": np.arange(1, trace.layers + 1, dtype=np.int16),
            "z": pooled.astype(np.float32).T,
            "zmin": 0,
            "zmax": 1,
            "hoverongaps": False,
            "colorscale": style.share_colors(dark),
            "colorbar": style.color_key(key, [0, 0.5, 1], ["0%", "50%", "100%"], frame, dark),
            "hovertemplate": "step %{x:,.0f}, layer %{y}<br>%{z:.1%}<extra></extra>",
        }
    ]
    alt = f"{title}. {finding}{_broke(trace)}"
    return Chart({"data": data, "layout": frame}, alt, _table(pooled, trace, columns))


def _columns(recorded: np.ndarray) -> list[slice]:
    """The rows of each column; a last row that broke stands alone, so that it spoils no median."""
    rows, layers = recorded.shape
    integer = rows - 1 if rows > 1 and not np.isfinite(recorded[-1]).any() else rows
    columns = bin_rows(integer, max(2, min(MAX_COLUMNS, MAX_CELLS // layers)))
    return columns if integer == rows else [*columns, slice(integer, rows)]


def _pooled(power: np.ndarray, trace: Trace) -> tuple[np.ndarray, list[slice], str]:
    columns = _columns(power)
    size = columns[0].stop - columns[0].start
    words = f"A column is the median of {size} recorded steps." if size > 1 else ""
    return np.array([np.median(power[c], axis=0) for c in columns]), columns, words


def _edges(step: np.ndarray, columns: list[slice]) -> np.ndarray:
    """Where columns begin and end, half way between their steps; (columns + 1,)."""
    first = step[[c.start for c in columns]].astype(float)
    last = step[[c.stop - 1 for c in columns]].astype(float)
    inner = (last[:-1] + first[1:]) / 2
    left = first[0] - (inner[0] - last[0] if len(inner) else 0.5)
    right = last[-1] + (first[-1] - inner[-1] if len(inner) else 0.5)
    return np.concatenate([[left], inner, [right]])


def _frame(trace: Trace, title: str, finding: str, dark: bool, key: bool = False) -> dict:
    layers = style.layers_axis(trace.layers, dark)
    layers["title"]["text"] = "layer (1 is next to the input)"
    step = trace.step[: trace.rows_recorded]
    half = (step[-1] - step[-2]) / 2 if len(step) > 1 else 0.5
    steps = style.steps_axis(step, dark, range=[step[0] - half, step[-1] + half])
    above = 22 if key or trace.diverged_at is not None else 0
    frame = style.layout(
        title, finding, xaxis=steps, yaxis=layers, dark=dark, height=HEIGHT + above, below=BELOW, above=above
    )
    return frame | style.broken(trace.diverged_at, dark)


def _finding(trace: Trace, norms: np.ndarray) -> str:
    first, last = norms[0], norms[min(trace.last_row, len(norms) - 1)]
    if trace.last_row == 0:
        return f"At step 0: {number(first[0])} at layer 1, {number(first[-1])} at the output."
    return (
        f"Steps 0 to {trace.step[trace.last_row]:,}: layer 1 from {number(first[0])} to {number(last[0])}, "
        f"the output from {number(first[-1])} to {number(last[-1])}."
    )


def _alt(trace: Trace, title: str, norms: np.ndarray) -> str:
    end = min(trace.last_row, len(norms) - 1)
    told = (
        f"{title}. At step 0 the norm is {norms[0, 0]:.2g} at layer 1 and {norms[0, -1]:.2g} at the output, layer "
        f"{trace.layers}; at step {trace.step[end]} it is {norms[end, 0]:.2g} and {norms[end, -1]:.2g}."
    )
    zeros = (norms == 0).mean()
    told += f" {zeros:.1%} of its values are exactly 0." if zeros else ""
    return told + _broke(trace)


def _broke(trace: Trace) -> str:
    return "" if trace.diverged_at is None else f" The run diverged at step {trace.diverged_at}."


def _table(values: np.ndarray, trace: Trace, columns: list[slice]) -> pd.DataFrame:
    """One row a column of the picture: its first step, then layers."""
    steps = pd.Index(trace.step[[c.start for c in columns]], name="step")
    return pd.DataFrame(values, index=steps, columns=[f"layer {k}" for k in range(1, trace.layers + 1)]).reset_index()
