"""Quantities of every layer at every step, as color."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from core import Trace
from core.layer_norms import JUDGED, LAYER_NORMS, MAX_DECADES, fitting_span, reference_norm
from core.wording import percent
from ui.charts import style
from ui.charts.pooling import bin_rows
from ui.charts.style import Chart, number

MAX_COLUMNS = 150  # eight pixels wide on the largest screen
MAX_CELLS = 40_000  # cells sent; 500 layers take fewer columns
MAX_HOVER_TEXTS = 4_000  # cells of a picture up to which each is sent with its number as text
HEIGHT = 420
BELOW = 124
ZERO = {False: "#b58900", True: "#e3b93c"}  # on neither arm of the gradient's color scale


class HeatmapData(NamedTuple):
    """Cells of a picture of steps by layers.

    Attributes:
        edges: (columns + 1,) steps at which columns begin and end, half way between recorded ones.
        first, last: (columns,) first and last recorded step that a column pools.
        z: (layers, columns), what is colored: log10 of a norm (-inf for a zero), or a share.
        level, span: of a norm: log10 of the reference, and decades of the color scale on either side of it.
    """

    edges: np.ndarray
    first: np.ndarray
    last: np.ndarray
    z: np.ndarray
    level: float = 0.0
    span: int = MAX_DECADES


def gradient_heatmap(trace: Trace, quantity: str = JUDGED, *, dark: bool = False) -> Chart:
    """Norm of every layer (a name of LAYER_NORMS) at every step, by decades from the output layer's at step 0.

    Where steps outnumber the screen's columns, a column is the median of log10 over neighboring recorded steps.
    Cells that are exactly zero have a color of their own.
    """
    norm = LAYER_NORMS[quantity]
    title = f"{norm.label[0].upper()}{norm.label[1:]} over the steps"
    norms = norm.values(trace, rows=slice(trace.rows_recorded))
    if not np.isfinite(norms[0]).any():
        sentence = f"The run diverged at step {trace.step[0]}, before any gradient could be computed."
        return style.empty(title, sentence, x="step", y="layer", dark=dark)
    data = heatmap_data(trace.step, norms)
    words = "A column is the median of neighboring recorded steps." if (data.first != data.last).any() else ""
    finding = f"{_finding(trace, norms)} {words}".strip()
    figure = _norm_figure(data, trace, title, finding, norm.label, dark)
    return Chart(spec=figure, alt=_alt(trace, title, norms), make_table=lambda: _table(10.0**data.z, data))


def heatmap_data(step: np.ndarray, norms: np.ndarray, max_columns: int = MAX_COLUMNS) -> HeatmapData:
    """The data step of `gradient_heatmap`: (rows, layers) norms as columns of log10."""
    with np.errstate(divide="ignore"):
        power = np.log10(norms)
    columns = _columns(power, max_columns)
    z = np.array([np.median(power[column], axis=0) for column in columns]).T
    level = float(np.log10(reference_norm(norms)))
    return HeatmapData(*_extent(step, columns), z, level, fitting_span(z - level))


def share_data(step: np.ndarray, shares: np.ndarray) -> HeatmapData:
    """The data step of `share_heatmap`: (rows, layers) shares as columns of means."""
    columns = _columns(shares)
    return HeatmapData(*_extent(step, columns), np.array([shares[column].mean(axis=0) for column in columns]).T)


def share_heatmap(trace: Trace, values: np.ndarray, title: str, finding: str, key: str, *, dark: bool = False) -> Chart:
    """A share from 0 to 1 of every layer, (rows, layers), at every step; a column is the mean of what it pools."""
    data = share_data(trace.step, values[: trace.rows_recorded])
    frame = _frame(trace, data.edges, title, finding, dark)
    cells = heatmap_cells(data, "%{z:.1%}", pooled="mean") | {
        "z": data.z,
        "zmin": 0,
        "zmax": 1,
        "colorscale": style.share_colors(dark),
        "colorbar": style.color_key(key, [0, 0.5, 1], ["0 %", "50 %", "100 %"], frame, dark),
    }
    alt = f"{title}. {finding}{_broke(trace)}"
    return Chart(spec={"data": [cells], "layout": frame}, alt=alt, make_table=lambda: _table(data.z, data))


# -- the data step ----------------------------------------------------------------------------------------------


def _columns(recorded: np.ndarray, max_columns: int = MAX_COLUMNS) -> list[slice]:
    """The rows of each column; a last row that broke stands alone, so that it spoils no median."""
    rows, layers = recorded.shape
    sound = rows - 1 if rows > 1 and not np.isfinite(recorded[-1]).any() else rows
    columns = bin_rows(sound, max(2, min(max_columns, MAX_CELLS // layers)))
    return columns if sound == rows else [*columns, slice(sound, rows)]


def _extent(step: np.ndarray, columns: list[slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the columns, half way between their steps, (columns + 1,), and their first and last steps."""
    first = step[[column.start for column in columns]]
    last = step[[column.stop - 1 for column in columns]]
    inner = (last[:-1] + first[1:]) / 2
    left = first[0] - (inner[0] - last[0] if len(inner) else 0.5)
    right = last[-1] + (first[-1] - inner[-1] if len(inner) else 0.5)
    return np.concatenate([[left], inner, [right]]), first, last


# -- the figure step --------------------------------------------------------------------------------------------


def heatmap_cells(data: HeatmapData, value: str, norms: np.ndarray | None = None, *, pooled: str = "median") -> dict:
    """A heatmap without its colors; hovering names the recorded steps of the column, the layer and the value.

    Args:
        value: Plotly's template of the value.
        norms: (layers, columns), written in its place where cells are few enough to send a text for each.
        pooled: the statistic of a column's recorded steps.
    """
    cells = {
        "type": "heatmap",
        "x": data.edges,
        "y": np.arange(1, len(data.z) + 1, dtype=np.int16),
        "hoverongaps": False,
    }
    at = "step %{x:,.0f}"
    few = data.z.size <= MAX_HOVER_TEXTS
    if (data.first != data.last).any():
        at = f"{pooled} of the recorded steps around %{{x:,.0f}}"
        if few:
            at = f"{pooled} of steps %{{customdata}}"
            steps = [f"{first:,} to {last:,}" for first, last in zip(data.first, data.last, strict=True)]
            cells["customdata"] = [steps] * len(data.z)
    elif not np.array_equal((data.edges[:-1] + data.edges[1:]) / 2, data.first):
        at = "step %{customdata:,.0f}"  # %{x} is the middle of a column, which differs next to an uneven step
        cells["customdata"] = np.broadcast_to(data.first, data.z.shape)
    if norms is not None and few:
        value = value.partition("10<sup>")[0] + "%{text}"
        cells["text"] = [[number(norm) for norm in row] for row in norms.tolist()]
    return cells | {"hovertemplate": f"{at}, layer %{{y}}<br>{value}<extra></extra>"}


def _norm_figure(data: HeatmapData, trace: Trace, title: str, finding: str, label: str, dark: bool) -> dict:
    zero = np.isneginf(data.z)
    frame = _frame(trace, data.edges, title, finding, dark, key=bool(zero.any()))
    cells = heatmap_cells(data, f"{label} 10<sup>%{{z:.2f}}</sup>", 10.0**data.z)
    ends = [-data.span, -data.span / 2, 0, data.span / 2, data.span]
    names = [style.power_of_ten(end) for end in ends]
    names[0], names[-1] = f"≤ {names[0]}", f"≥ {names[-1]}"
    key = "share of the output layer’s at step 0"
    traces = [
        cells
        | {
            "z": np.where(np.isfinite(data.z), data.z, np.nan),
            "zmin": data.level - data.span,
            "zmax": data.level + data.span,
            "colorscale": style.gradient_colors(dark),
            "colorbar": style.color_key(key, [data.level + end for end in ends], names, frame, dark),
        }
    ]
    if zero.any():
        one_color = [[0, ZERO[dark]], [1, ZERO[dark]]]
        mark = {"z": np.where(zero, 0, np.nan), "colorscale": one_color, "showscale": False}
        traces.append(heatmap_cells(data, "exactly 0") | mark)
        # a heatmap has no entry of its own in a legend, so a square without a position stands for it
        square = {"symbol": "square", "size": 12, "color": ZERO[dark]}
        nowhere = {"type": "scatter", "x": [None], "y": [None], "mode": "markers"}
        traces.append(nowhere | {"marker": square, "name": "exactly 0"})
        frame["legend"] |= {"y": 1, "yanchor": "bottom"}
    return {"data": traces, "layout": frame}


def _frame(trace: Trace, edges: np.ndarray, title: str, finding: str, dark: bool, key: bool = False) -> dict:
    layers = style.layers_axis(trace.layers, dark, cells=True)
    layers["title"]["text"] = "layer (1 is next to the input)"
    step = trace.step[: trace.rows_recorded]
    steps = style.steps_axis(step, dark, range=[edges[0], edges[-1]])
    above = 22 if key or trace.diverged_at is not None else 0
    frame = style.layout(
        title, finding, xaxis=steps, yaxis=layers, dark=dark, height=HEIGHT + above, below=BELOW, above=above
    )
    return frame | style.broken(trace.diverged_at, dark)


def _finding(trace: Trace, norms: np.ndarray) -> str:
    first = norms[0]
    last = norms[min(trace.last_row, len(norms) - 1)]
    if trace.last_row == 0:
        return f"At step 0: {number(first[0])} at layer 1, {number(first[-1])} at the output."
    return (
        f"Steps 0 to {trace.step[trace.last_row]:,}: layer 1 from {number(first[0])} to {number(last[0])}, "
        f"the output from {number(first[-1])} to {number(last[-1])}."
    )


def _alt(trace: Trace, title: str, norms: np.ndarray) -> str:
    end = min(trace.last_row, len(norms) - 1)
    words = (
        f"{title}. At step 0 the norm is {number(norms[0, 0])} at layer 1 and {number(norms[0, -1])} at the output, "
        f"layer {trace.layers}; at step {trace.step[end]} it is {number(norms[end, 0])} and {number(norms[end, -1])}."
    )
    zeros = (norms == 0).mean()
    words += f" {percent(zeros)} of its values are exactly 0." if zeros else ""
    return words + _broke(trace)


def _broke(trace: Trace) -> str:
    return "" if trace.diverged_at is None else f" The run diverged at step {trace.diverged_at}."


def _table(values: np.ndarray, data: HeatmapData) -> pd.DataFrame:
    """One row a column of the picture: its first and last step, then layers."""
    layers = {f"layer {k}": row for k, row in enumerate(values, 1)}
    pooled = {"to step": data.last} if (data.first != data.last).any() else {}
    return pd.DataFrame({"step": data.first} | pooled | layers)
