"""A map of a sweep: one number of every cell as color, level lines, theory's lines, and a place to click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.comparison.arms import say
from core.families.activations import ACTIVATIONS
from core.sweeps.critical_lines import Curve, crossings
from core.sweeps.maps import QUANTITIES, Axis, SweepMap
from core.wording import power_of_ten
from ui.charts import style
from ui.charts.style import Chart, number
from ui.text import typeset

HEIGHT, BELOW = 560, 124  # pixels, of the whole and of what stands under the data, without the legend
LEGEND = style.legend_height(4)  # theory has two lines, and there is a measured one
FACTOR = np.log10(2)  # decades of the factor per layer that the colors span on either side of 1
LEVEL = 0.05  # a factor per layer so near to 1 counts as level
MARKED = 3  # decades from level beyond which a gradient counts as vanished or exploded
SPAN = 6  # decades at most that the colors of a loss span


def sweep_map(
    chart: SweepMap,
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

    A cell's marker, which is not seen, gives a click its `customdata`: activation, and the places along x and y.

    Args:
        cells: (y, x) the quantity, as `core.sweeps.maps.cells` gives it; NaN where there is none.
        quantity: a name of QUANTITIES.
        lines: of theory.
        chosen: values of the cell that is marked.
        partial: more is to come, so NaN means that a cell has not been run.
    """
    shown, look = QUANTITIES[quantity], style.theme(dark)
    label = ACTIVATIONS[activation].label
    title = f"{shown.label[0].upper()}{shown.label[1:]}: {label}" if len(chart.activations) == 1 else label
    x, y = (_Places(axis) for axis in (chart.x, chart.y))
    z, low, high = _scaled(cells, shown.kind)
    finding = _finding(chart, cells, shown.kind, lines, x, y)
    if partial:
        finding = f"{np.isnan(cells).mean():.0%} of the cells have not been run yet."
    legend = LEGEND if len(chart.activations) == 1 else 2 * LEGEND  # narrow ones have an entry a line
    frame = style.layout(
        title,
        finding,
        xaxis=x.axis(field_label(chart, chart.x.field), dark),
        yaxis=y.axis(field_label(chart, chart.y.field), dark),
        dark=dark,
        height=HEIGHT + legend,
        below=BELOW + legend,
        hovermode="closest",
    )
    ticks, names = _ticks(shown.kind, low, high)
    gradient = shown.kind in ("factor", "decades")
    heat = {
        "type": "heatmap",
        "x": x.edges.astype(np.float32),
        "y": y.edges.astype(np.float32),
        "z": np.clip(z, low, high).astype(np.float32),
        "zmin": low,
        "zmax": high,
        "colorscale": style.gradient_colors(dark) if gradient else style.share_colors(dark),
        "colorbar": style.color_key(_key(shown.label, shown.kind), ticks, names, frame, dark),
        "hoverinfo": "skip",
        "hoverongaps": False,
    }
    data = [heat, *_holes(cells, x, y, partial, dark), *_levels(z, x, y, shown.kind, dark)]
    for line, dash in zip(lines, _dashes(lines), strict=True):
        drawn = {"type": "scatter", "mode": "lines", "x": x.locate(line.x), "y": y.locate(line.y), "name": line.name}
        data.append(drawn | {"line": {"color": look.text, "width": 2.5, "dash": dash}, "hoverinfo": "skip"})
    data.append(_targets(chart, activation, cells, shown, x, y))
    if chosen is not None and chosen[0] in x.values and chosen[1] in y.values:
        mark = {"symbol": "square-open", "size": 13, "color": look.text, "line": {"width": 3}}
        here = {"type": "scatter", "mode": "markers", "x": [x.of(chosen[0])], "y": [y.of(chosen[1])], "marker": mark}
        here |= {"name": "chosen cell", "showlegend": len(chart.activations) == 1}
        data.append(here | {"hoverinfo": "skip", "cliponaxis": False})
    frame["legend"]["y"] = -style.below_data(112, frame["height"], frame["margin"]["t"], frame["margin"]["b"])
    table = pd.DataFrame(
        {
            chart.x.field: [value for _ in y.values for value in x.values],
            chart.y.field: [value for value in y.values for _ in x.values],
            shown.label: np.ravel(cells),
        }
    )
    return Chart({"data": data, "layout": frame}, f"{title}. {finding}", table)


def said(value: object) -> str:
    """A value of an axis, in few digits."""
    return f"{value:.3g}" if isinstance(value, float) else say(value)


def field_label(chart: SweepMap, field: str) -> str:
    """What an axis is called, with its symbol where it has one."""
    symbols = {"bias_std": " σ_b", "learning_rate": " η", "clip_threshold": " c"}
    if chart.base.init in ("normal", "uniform"):
        symbols["init_scale"] = " σ_w"
    return f"{field.replace('_', ' ')}{symbols.get(field, '')}"


class _Places:
    """Where the values of an axis stand on paper: numbers at themselves or their logarithm, names in a row."""

    def __init__(self, axis: Axis):
        self._log, self._numeric, self.values = axis.logarithmic, axis.numeric, axis.values()
        self.centers = self.locate(self.values) if self._numeric else np.arange(len(self.values), dtype=float)
        inner = (self.centers[:-1] + self.centers[1:]) / 2
        half = np.diff(self.centers)[[0, -1]] / 2 if len(inner) else np.array([0.5, 0.5])
        self.edges = np.concatenate([[self.centers[0] - half[0]], inner, [self.centers[-1] + half[1]]])

    def locate(self, values: Sequence[float]) -> np.ndarray:
        """Where numbers stand."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(np.asarray(values, float)) if self._log else np.asarray(values, float)

    def of(self, value: object) -> float:
        """Where one of the axis' values stands."""
        return float(self.centers[self.values.index(value)])

    @property
    def smooth(self) -> bool:
        """Whether there are enough numbers for level lines."""
        return self._numeric and len(self.values) >= 4

    def axis(self, title: str, dark: bool) -> dict:
        """The axis as Plotly wants it."""
        more = {"range": [float(self.edges[0]), float(self.edges[-1])], "showgrid": False}
        if not self._numeric:
            more |= {"tickvals": self.centers.tolist(), "ticktext": [said(value) for value in self.values]}
        elif self._log:
            marks = self._log_marks()
            more |= {"tickvals": np.log10(marks).tolist(), "ticktext": [_short(mark) for mark in marks]}
        elif all(isinstance(value, int) for value in self.values) and self.values[-1] - self.values[0] <= 6:
            more |= {"dtick": 1}
        return style.axis(title, dark, **more)

    def _log_marks(self) -> list[float]:
        low, high = self.edges[0], self.edges[-1]
        digits = (1, 2, 5) if high - low <= 2.2 else (1,)
        powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
        found = [digit * 10.0**power for power in powers for digit in digits]
        return [mark for mark in found if low <= np.log10(mark) <= high]


def _short(value: float) -> str:
    return number(value) if not 1e-4 <= value < 1e5 else f"{value:g}"


def _scaled(cells: np.ndarray, kind: str) -> tuple[np.ndarray, float, float]:
    """The numbers that colors stand for, and the ends of the scale."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "factor":
            return np.log10(cells), -FACTOR, FACTOR
        if kind == "decades":
            return cells, -float(style.DECADES), float(style.DECADES)
        if kind == "share":
            return cells, 0.0, 1.0
        z = np.log10(cells)
    finite = z[np.isfinite(z)]
    if not finite.size:
        return z, 0.0, 1.0
    low = float(finite.min())
    high = min(float(finite.max()), float(np.median(finite)) + SPAN / 2)
    low = max(low, high - SPAN)
    return z, low, high if high > low else low + 1e-6


def _ticks(kind: str, low: float, high: float) -> tuple[list[float], list[str]]:
    if kind == "factor":
        return [-FACTOR, -FACTOR / 2, 0, FACTOR / 2, FACTOR], ["≤ 0.5", "0.71", "1", "1.41", "≥ 2"]
    if kind == "decades":
        return [-6, -3, 0, 3, 6], ["≤ 10⁻⁶", "10⁻³", "1", "10³", "≥ 10⁶"]
    if kind == "share":
        return [0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"]
    values = np.linspace(low, high, 4)
    return values.tolist(), [number(10.0**value) for value in values]


def _key(label: str, kind: str) -> str:
    return {"factor": "what one layer multiplies the gradient norm by", "decades": "first layer / last layer"}.get(
        kind, label
    )


def _holes(cells: np.ndarray, x: _Places, y: _Places, partial: bool, dark: bool) -> list[dict]:
    """Cells without a number, in gray, and their entry in the legend."""
    holes = np.isnan(cells)
    if not holes.any():
        return []
    color = style.faded(style.theme(dark).muted, 0.55)  # no end of any color scale looks like it
    gray = {"type": "heatmap", "x": x.edges.astype(np.float32), "y": y.edges.astype(np.float32)}
    gray |= {"z": np.where(holes, 0, np.nan).astype(np.float32), "colorscale": [[0, color], [1, color]]}
    name = "not run yet" if partial else "no value: diverged, failed, or too few layers"
    square = {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name}
    square |= {"marker": {"symbol": "square", "size": 12, "color": color, "line": {"width": 1, "color": "#888"}}}
    return [gray | {"showscale": False, "hoverinfo": "skip", "hoverongaps": False}, square]


_STEPS = {"factor": FACTOR / 4, "decades": 2.0, "share": 0.2, "loss": 0.5, "growth": 0.5}


def _levels(z: np.ndarray, x: _Places, y: _Places, kind: str, dark: bool) -> list[dict]:
    """Level lines, and for gradients the line where they are level, as measured."""
    finite = z[np.isfinite(z)]
    if not (x.smooth and y.smooth and finite.size and np.ptp(finite) > 0):
        return []
    look, step = style.theme(dark), _STEPS[kind]
    lines = {"type": "contour", "x": x.centers.astype(np.float32), "y": y.centers.astype(np.float32)}
    held = np.clip(np.where(np.isfinite(z), z, np.nan), -1e6, 1e6)  # float32 ends at 1e38
    lines |= {"z": held.astype(np.float32), "showscale": False, "hoverinfo": "skip"}
    lines |= {"connectgaps": False, "showlegend": False}
    low, high = np.floor(finite.min() / step) * step, np.ceil(finite.max() / step) * step
    step = max(step, (high - low) / 24)
    thin = {"coloring": "none", "start": low + step, "end": high - step, "size": step, "showlabels": False}
    found = [lines | {"contours": thin, "line": {"width": 0.7, "color": style.faded(look.text, 0.35), "smoothing": 1}}]
    if kind in ("factor", "decades") and finite.min() < 0 < finite.max():
        level = {"coloring": "none", "start": 0, "end": 0, "size": 1, "showlabels": False}
        dashed = {"width": 2, "color": look.text, "dash": "dash", "smoothing": 1}
        found.append(lines | {"contours": level, "line": dashed})
        entry = {"type": "scatter", "mode": "lines", "x": [None], "y": [None], "name": "measured: level"}
        found.append(entry | {"line": {"width": 2, "color": look.text, "dash": "dash"}})
    return found


def _dashes(lines: Sequence[Curve]) -> list[str]:
    return ["solid" if "χ" in line.name else "dot" for line in lines]


def _targets(chart: SweepMap, activation: str, cells: np.ndarray, shown, x: _Places, y: _Places) -> dict:
    """Markers that are not seen but hovered and clicked: a heatmap reports no click."""
    columns, rows = np.meshgrid(np.arange(len(x.values)), np.arange(len(y.values)))
    words = [
        f"{field_label(chart, chart.x.field)} {said(x.values[i])}<br>{field_label(chart, chart.y.field)} "
        f"{said(y.values[j])}<br>{shown.label}: {told(cells[j, i], shown.kind)}"
        for i, j in zip(columns.ravel(), rows.ravel(), strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x.centers[columns.ravel()].astype(np.float32),
        "y": y.centers[rows.ravel()].astype(np.float32),
        "marker": {"opacity": 0, "size": 14, "symbol": "square", "color": "#888"},
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [[activation, int(i), int(j)] for i, j in zip(columns.ravel(), rows.ravel(), strict=True)],
        "showlegend": False,
        # what is clicked or not must stay unseen
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
    }


def told(value: float, kind: str) -> str:
    """A cell's number for a reader."""
    if np.isnan(value):
        return "none"
    if kind == "share":
        return f"{value:.0%}"
    return typeset(power_of_ten(value)) if kind == "decades" and np.isfinite(value) else number(value, 3)


def _finding(chart: SweepMap, cells: np.ndarray, kind: str, lines: Sequence[Curve], x: _Places, y: _Places) -> str:
    there = ~np.isnan(cells)
    if not there.any():
        return "No cell has a value."
    values = cells[there]
    if kind == "factor":
        fading, growing = (values < 1 / (1 + LEVEL)).mean(), (values > 1 + LEVEL).mean()
        words = f"Gradients vanish in {fading:.0%} of the cells, explode in {growing:.0%}, and are level (to "
        words += f"{LEVEL:.0%} a layer) in {max(1 - fading - growing, 0):.0%}."
        return words + _distance(chart, cells, lines, x)
    if kind == "decades":
        below, above = (values < -MARKED).mean(), (values > MARKED).mean()
        return (
            f"The first layer’s gradient is under a thousandth of the last’s in {below:.0%} of the cells, over a "
            f"thousand times it in {above:.0%}, and between in {max(1 - below - above, 0):.0%}."
        )
    best = np.unravel_index(np.nanargmin(cells) if kind == "loss" else np.nanargmax(cells), cells.shape)
    at = f"{chart.x.field.replace('_', ' ')} {said(x.values[best[1]])}, {chart.y.field.replace('_', ' ')} "
    at += said(y.values[best[0]])
    word = "Lowest" if kind == "loss" else "Highest"
    ties = int((cells == cells[best]).sum())
    if ties == values.size > 1:
        words = f"{told(cells[best], kind)} in every cell with a value."
    else:
        words = f"{word}: {told(cells[best], kind)}, at {at}"
        words += f", the first of {ties} such cells." if ties > 1 else "."
    return words + (f" No value in {1 - there.mean():.0%} of the cells." if not there.all() else "")


def _distance(chart: SweepMap, cells: np.ndarray, lines: Sequence[Curve], x: _Places) -> str:
    """How far the measured level line lies from theory's, in cells of the map."""
    theory = next((line for line in lines if "χ" in line.name), None)
    if theory is None or chart.x.field != "init_scale" or not chart.y.numeric or len(chart.x.values()) < 2:
        return ""
    rows = np.asarray(chart.y.values(), float)
    good = np.isfinite(theory.x) & np.isfinite(theory.y)
    expected = np.interp(rows, *_rising(theory.y[good], x.locate(theory.x[good])), left=np.nan, right=np.nan)
    away = np.abs(crossings(x.centers, cells) - expected) / np.median(np.diff(x.centers))
    away = away[np.isfinite(away)]
    if not away.size:
        return ""
    middle, most = number(np.median(away)), number(away.max())
    return f" The measured line lies {middle} cells from theory’s in the median, {most} at most."


def _rising(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
