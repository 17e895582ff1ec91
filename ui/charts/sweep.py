"""A map of a sweep: one number of every cell as color, level lines, theory's lines, and a target for every click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.comparison.arms import say
from core.families.activations import ACTIVATIONS
from core.layer_norms import fitting_span
from core.sweeps.critical_lines import Curve
from core.sweeps.map_summary import (
    LEVEL_FACTOR,
    TheoryDistance,
    axis_positions,
    best_cell,
    cell_edges,
    distance_to_theory,
    level_shares,
)
from core.sweeps.maps import QUANTITIES, Axis, Quantity, SweepMap
from core.wording import name_field, percent, power_of_ten
from ui.charts import style
from ui.charts.style import Chart, number
from ui.text import typeset

# pixels, of the whole and of what stands under the data, without the legend
HEIGHT = 560
BELOW = 124
FACTOR_ENDS = (1.1, 1.25, 1.5, 2.0)  # factors per layer that the colors may span on either side of 1
LOSS_DECADES = 6.0  # that the colors of a loss span at most
MIN_SMOOTH = 4  # values of an axis that level lines take


class SweepMapData(NamedTuple):
    """Data of one map; positions are log10 of a logarithmic axis and a name's index.

    Attributes:
        x, y: (columns,) and (rows,) positions of the cells.
        z: (rows, columns) what colors stand for: log10 of a factor, loss or growth, or the cell itself.
        low, high: ends of the color scale.
        lines: theory's, as (name, x, y).
        chosen: position of the marked cell, or None.
        labels: (x values, y values) as text.
        values: (rows, columns) of the cells as text.
        finding: a sentence with numbers.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    low: float
    high: float
    lines: list[tuple[str, np.ndarray, np.ndarray]]
    chosen: tuple[float, float] | None
    labels: tuple[list[str], list[str]]
    values: list[list[str]]
    finding: str


def sweep_map_data(
    spec: SweepMap,
    cells: np.ndarray,
    quantity: str,
    lines: Sequence[Curve] = (),
    *,
    chosen: tuple[object, object] | None = None,
    partial: bool = False,
) -> SweepMapData:
    """The data step of `sweep_map`."""
    kind = QUANTITIES[quantity].kind
    x = spec.x.values()
    y = spec.y.values()
    centers = axis_positions(spec.x), axis_positions(spec.y)
    finding = f"{percent(np.isnan(cells).mean())} of the cells have not been run yet."
    if not partial:
        finding = _finding(spec, cells, kind, distance_to_theory(spec, cells, lines))
    marked = None
    if chosen is not None and chosen[0] in x and chosen[1] in y:
        marked = float(centers[0][x.index(chosen[0])]), float(centers[1][y.index(chosen[1])])
    return SweepMapData(
        *centers,
        *_color_values(cells, kind),
        [(line.name, axis_positions(spec.x, line.x), axis_positions(spec.y, line.y)) for line in lines],
        marked,
        ([format_axis_value(value) for value in x], [format_axis_value(value) for value in y]),
        [[format_cell(value, kind) for value in row] for row in cells.tolist()],
        finding,
    )


def sweep_map(
    spec: SweepMap,
    activation: str,
    cells: np.ndarray,
    quantity: str,
    lines: Sequence[Curve] = (),
    *,
    chosen: tuple[object, object] | None = None,
    partial: bool = False,
    dark: bool = False,
) -> Chart:
    """One map.

    A cell's invisible marker gives a click its `customdata`: activation, and the indices along x and y.

    Args:
        cells: (y, x) the quantity, as `core.sweeps.maps.compute_cells` gives it; NaN where there is none.
        quantity: a name of core.sweeps.maps.QUANTITIES.
        lines: of theory.
        chosen: values of the cell that is marked.
        partial: more is to come, so NaN means that a cell has not been run; such a map cannot be hovered or clicked.
    """
    shown = QUANTITIES[quantity]
    label = ACTIVATIONS[activation].label
    title = f"{shown.label[0].upper()}{shown.label[1:]}: {label}" if len(spec.activations) == 1 else label
    data = sweep_map_data(spec, cells, quantity, lines, chosen=chosen, partial=partial)
    figure = _figure(data, spec, activation, cells, shown, title, partial, dark)
    return Chart(
        spec=figure, alt=f"{title}. {data.finding}", make_table=lambda: sweep_map_table(spec, cells, shown.label)
    )


def sweep_map_table(spec: SweepMap, cells: np.ndarray, label: str) -> pd.DataFrame:
    """One row a cell: its x, its y, and its number."""
    x = spec.x.values()
    y = spec.y.values()
    columns = {spec.x.field: [value for _ in y for value in x], spec.y.field: [value for value in y for _ in x]}
    return pd.DataFrame(columns | {label: np.ravel(cells)})


# -- words --------------------------------------------------------------------------------------------------------


def format_axis_value(value: Any) -> str:
    """A value of an axis, in few digits."""
    return number(value, 3) if isinstance(value, float) else say(value)


def format_cell(value: float, kind: str) -> str:
    """A cell's number for a reader."""
    if np.isnan(value):
        return "none"
    if kind == "share":
        return percent(value)
    return typeset(power_of_ten(value)) if kind == "decades" and np.isfinite(value) else number(value, 3)


def _label(spec: SweepMap, field: str) -> str:
    """The field, with its symbol where it has one."""
    symbols = {"bias_std": " σ<sub>b</sub>", "learning_rate": " η", "clip_threshold": " c"}
    if spec.base.init in ("normal", "uniform"):
        symbols["init_scale"] = " σ<sub>w</sub>"
    return name_field(field) + symbols.get(field, "")


def _finding(spec: SweepMap, cells: np.ndarray, kind: str, distance: TheoryDistance | None) -> str:
    present = ~np.isnan(cells)
    if not present.any():
        return "No cell has a value."
    if kind == "factor":
        shares = level_shares(cells, kind)
        words = (
            f"Gradients vanish in {percent(shares.vanishing)} of the cells, explode in {percent(shares.exploding)}, "
        )
        words += f"and are level (to {percent(LEVEL_FACTOR)} a layer) in {percent(shares.level)}."
        if distance is None:
            return words
        middle = number(distance.median)
        largest = number(distance.largest)
        return f"{words} The measured line lies {middle} cells from theory’s in the median, {largest} at most."
    if kind == "decades":
        shares = level_shares(cells, kind)
        return (
            f"The weight gradient of layer 1 is under a thousandth of the output’s in {percent(shares.vanishing)} of "
            f"the cells, over a thousand times it in {percent(shares.exploding)}, and between in "
            f"{percent(shares.level)}."
        )
    best = best_cell(cells, lowest=kind == "loss")
    if best.ties == present.sum() > 1:
        words = f"{format_cell(best.value, kind)} in every cell with a value."
    else:
        at = f"{name_field(spec.x.field)} {format_axis_value(spec.x.values()[best.column])}, "
        at += f"{name_field(spec.y.field)} {format_axis_value(spec.y.values()[best.row])}"
        words = f"{'Lowest' if kind == 'loss' else 'Highest'}: {format_cell(best.value, kind)}, at {at}"
        words += f", the first of {best.ties} such cells." if best.ties > 1 else "."
    return words + (f" No value in {percent(1 - present.mean())} of the cells." if not present.all() else "")


# -- colors -------------------------------------------------------------------------------------------------------


def _color_values(cells: np.ndarray, kind: str) -> tuple[np.ndarray, float, float]:
    """The numbers that colors stand for, and the ends of the scale."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "share":
            return cells, 0.0, 1.0
        if kind == "decades":
            span = float(fitting_span(cells))
            return cells, -span, span
        z = np.log10(cells)
    finite = z[np.isfinite(z)]
    if kind == "factor":
        largest = float(np.abs(finite).max()) if finite.size else 0.0
        end = next((np.log10(end) for end in FACTOR_ENDS if largest <= np.log10(end)), np.log10(FACTOR_ENDS[-1]))
        return z, -float(end), float(end)
    if not finite.size:
        return z, 0.0, 1.0
    high = min(float(finite.max()), float(np.median(finite)) + LOSS_DECADES / 2)
    low = max(float(finite.min()), high - LOSS_DECADES)
    return z, low, high if high > low else low + 1e-6


def _ticks(kind: str, low: float, high: float) -> tuple[list[float], list[str]]:
    if kind == "share":
        return [0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"]
    if kind not in ("factor", "decades"):
        values = np.linspace(low, high, 4)
        return values.tolist(), [number(10.0**value) for value in values]
    values = [low, low / 2, 0, high / 2, high]
    names = [style.power_of_ten(value) if kind == "decades" else number(10.0**value, 3) for value in values]
    return values, [f"≤ {names[0]}", *names[1:-1], f"≥ {names[-1]}"]


# -- the figure step ----------------------------------------------------------------------------------------------


def _figure(
    data: SweepMapData,
    spec: SweepMap,
    activation: str,
    cells: np.ndarray,
    shown: Quantity,
    title: str,
    partial: bool,
    dark: bool,
) -> dict:
    alone = len(spec.activations) == 1
    legend = style.rows_height(2 if alone else 4)  # theory has two lines, and there is a measured one
    frame = style.layout(
        title,
        data.finding,
        xaxis=_axis(spec.x, data.x, data.labels[0], _label(spec, spec.x.field), dark),
        yaxis=_axis(spec.y, data.y, data.labels[1], _label(spec, spec.y.field), dark),
        dark=dark,
        height=HEIGHT + legend,
        below=BELOW + legend,
        hovermode="closest",
        hoverdistance=-1,  # the nearest marker, so that all of a cell can be hovered and clicked however large it is
    )
    frame["legend"]["y"] = -style.below_data(112, frame["height"], frame["margin"]["t"], frame["margin"]["b"])
    ticks, names = _ticks(shown.kind, data.low, data.high)
    heat = {
        "type": "heatmap",
        "x": cell_edges(data.x),
        "y": cell_edges(data.y),
        "z": np.clip(data.z, data.low, data.high),
        "zmin": data.low,
        "zmax": data.high,
        "colorscale": style.gradient_colors(dark) if _has_level(shown.kind) else style.share_colors(dark),
        "colorbar": style.color_key(_key(shown), ticks, names, frame, dark),
        "hoverinfo": "skip",
        "hoverongaps": False,
    }
    traces = [heat, *_holes(data, cells, partial, dark)]
    if partial:
        return {"data": traces, "layout": frame}
    if spec.x.numeric and spec.y.numeric and min(len(data.x), len(data.y)) >= MIN_SMOOTH:
        traces += _level_lines(data, shown.kind, dark)
    for name, x, y in data.lines:
        line = {"width": 2.5, "dash": "solid" if "χ" in name else "dot"}
        curve = {"type": "scatter", "mode": "lines", "name": name, "hoverinfo": "skip", "showlegend": False}
        traces.append(curve | {"x": x, "y": y, "line": line | {"color": _line_color(shown.kind, dark)}})
        traces.append(_legend_entry(name, line, dark))
    traces.append(_targets(data, spec, activation, shown.label))
    if data.chosen is not None:
        mark = {"symbol": "square-open", "size": 13, "line": {"width": 3}}
        here = {"type": "scatter", "mode": "markers", "name": "chosen cell", "hoverinfo": "skip"}
        there = {"x": [data.chosen[0]], "y": [data.chosen[1]], "cliponaxis": False, "showlegend": False}
        traces.append(here | there | {"marker": mark | {"color": _line_color(shown.kind, dark)}})
        nowhere = {"x": [None], "y": [None], "showlegend": alone}
        traces.append(here | nowhere | {"marker": mark | {"color": style.theme(dark).text}})
    return {"data": traces, "layout": frame}


def _line_color(kind: str, dark: bool) -> str:
    """Of lines over the cells; the legend's are on the page and have its text's color."""
    return style.ON_GRADIENT if _has_level(kind) else style.theme(dark).text


def _legend_entry(name: str, line: dict, dark: bool) -> dict:
    entry = {"type": "scatter", "mode": "lines", "x": [None], "y": [None], "name": name}
    return entry | {"line": line | {"color": style.theme(dark).text}}


def _has_level(kind: str) -> bool:
    """True for numbers that compare gradients, which may be level."""
    return kind in ("factor", "decades")


def _key(shown: Quantity) -> str:
    keys = {"factor": "what one layer multiplies the gradient norm by", "decades": "first layer / last layer"}
    return keys.get(shown.kind, shown.label)


def _axis(axis: Axis, centers: np.ndarray, labels: list[str], title: str, dark: bool) -> dict:
    edges = cell_edges(centers)
    more: dict[str, Any] = {"range": [float(edges[0]), float(edges[-1])], "showgrid": False}
    if not axis.numeric:
        more |= {"tickvals": centers.tolist(), "ticktext": labels}
    elif axis.logarithmic:
        marks = _log_marks(edges[0], edges[-1])
        more |= {"tickvals": np.log10(marks).tolist(), "ticktext": [_short(mark) for mark in marks]}
    elif all(isinstance(value, int) for value in axis.values()) and centers[-1] - centers[0] <= 6:
        more |= {"dtick": 1}
    return style.axis(title, dark, **more)


def _log_marks(low: float, high: float) -> list[float]:
    """Numbers to label between two powers of ten."""
    digits = (1, 2, 5) if high - low <= 2.2 else (1,)
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    marks = [digit * 10.0**power for power in powers for digit in digits]
    return [mark for mark in marks if low <= np.log10(mark) <= high]


def _short(value: float) -> str:
    return number(value) if not 1e-4 <= value < 1e5 else f"{value:g}"


def _holes(data: SweepMapData, cells: np.ndarray, partial: bool, dark: bool) -> list[dict]:
    """Cells without a number, in gray, and their entry in the legend."""
    holes = np.isnan(cells)
    if not holes.any():
        return []
    color = style.fade(style.theme(dark).muted, 0.55)  # no end of any color scale looks like it
    gray: dict[str, Any] = {"type": "heatmap", "x": cell_edges(data.x), "y": cell_edges(data.y)}
    gray |= {"z": np.where(holes, 0, np.nan), "colorscale": [[0, color], [1, color]]}
    name = "not run yet" if partial else "no value: diverged, failed, or too few layers"
    square: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name}
    square |= {"marker": {"symbol": "square", "size": 12, "color": color, "line": {"width": 1, "color": "#888"}}}
    return [gray | {"showscale": False, "hoverinfo": "skip", "hoverongaps": False}, square]


_STEPS = {"factor": np.log10(2) / 4, "decades": 2.0, "share": 0.2, "loss": 0.5, "growth": 0.5}
MAX_LEVEL_LINES = 24


def _level_lines(data: SweepMapData, kind: str, dark: bool) -> list[dict]:
    """Level lines, and for gradients the line where they are level, as measured."""
    finite = data.z[np.isfinite(data.z)]
    if not (finite.size and np.ptp(finite) > 0):
        return []
    color = _line_color(kind, dark)
    step = _STEPS[kind]
    limited = np.clip(np.where(np.isfinite(data.z), data.z, np.nan), -1e6, 1e6)  # far enough for any picture
    contour = {"type": "contour", "x": data.x, "y": data.y, "z": limited, "showscale": False, "hoverinfo": "skip"}
    contour |= {"connectgaps": False, "showlegend": False}
    low = np.floor(finite.min() / step) * step
    high = np.ceil(finite.max() / step) * step
    step = max(step, (high - low) / MAX_LEVEL_LINES)
    thin = {"coloring": "none", "start": low + step, "end": high - step, "size": step, "showlabels": False}
    faint = {"width": 0.7, "color": style.fade(color, 0.35), "smoothing": 1}
    drawn = [contour | {"contours": thin, "line": faint}]
    if _has_level(kind) and finite.min() < 0 < finite.max():
        level = {"coloring": "none", "start": 0, "end": 0, "size": 1, "showlabels": False}
        dashed = {"width": 2, "dash": "dash"}
        drawn.append(contour | {"contours": level, "line": dashed | {"color": color, "smoothing": 1}})
        drawn.append(_legend_entry("measured: level", dashed, dark))
    return drawn


def _targets(data: SweepMapData, spec: SweepMap, activation: str, label: str) -> dict:
    """Invisible markers that are hovered and clicked: a heatmap reports no click."""
    columns, rows = (part.ravel().tolist() for part in np.meshgrid(range(len(data.x)), range(len(data.y))))
    across = _label(spec, spec.x.field)
    up = _label(spec, spec.y.field)
    words = f"{across} %{{customdata[3]}}<br>{up} %{{customdata[4]}}<br>{label}: %{{customdata[5]}}<extra></extra>"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": data.x[columns],
        "y": data.y[rows],
        "marker": {"opacity": 0, "size": 14, "symbol": "square", "color": "#888"},
        "hovertemplate": words,
        "customdata": [
            [activation, i, j, data.labels[0][i], data.labels[1][j], data.values[j][i]]
            for i, j in zip(columns, rows, strict=True)
        ],
        "showlegend": False,
        # what is clicked or not must stay invisible
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
    }
