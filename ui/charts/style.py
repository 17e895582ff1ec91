"""Style shared by all charts: two themes, the palette, the gradient's color scale, and the frame around the data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from core.families.activations import ACTIVATIONS
from ui.charts.rounding import rounded
from ui.text import typeset

FONT = "'Source Sans', 'Source Sans Pro', 'Segoe UI', Helvetica, Arial, sans-serif"
TEXT_SIZE = 13
MARKER_ROOM = 0.03  # of an axis, at either end: half of a marker, on the narrowest of charts too
LINE_WIDTH = 52  # characters that fit beside each other on a screen 390 pixels wide


@dataclass(frozen=True, eq=False, kw_only=True)
class Chart:
    """A figure, its finding in a sentence with numbers (for those who cannot see it), and the numbers drawn.

    Attributes:
        spec: the figure as Plotly's own dictionaries: data, layout and perhaps frames.
        alt: the finding.
        make_table: makes the table of what is drawn, whole and not rounded.
    """

    spec: dict
    alt: str
    make_table: Callable[[], pd.DataFrame]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The numbers drawn, made when they are asked for."""
        return self.make_table()

    @cached_property
    def figure(self) -> go.Figure:
        """The figure with every property checked by Plotly."""
        return go.Figure(self.spec)

    @property
    def raw_figure(self) -> go.Figure:
        """The figure as a page sends it: rounded, and unchecked, since Plotly's checks take ten times as long.

        Without its template: that of `go.Figure` is not added to it, and Plotly takes a copy of one for a change.
        """
        layout = {name: value for name, value in self.spec["layout"].items() if name != "template"}
        return _RawFigure(rounded(self.spec | {"layout": layout}))


class _RawFigure(go.Figure):
    """A figure that nobody looks into: `st.plotly_chart` asks it for its dictionaries, but checks bare ones."""

    def __init__(self, spec: dict):
        self.__dict__["_spec"] = spec  # go.Figure refuses attributes of its own

    def to_dict(self) -> dict:
        return self.__dict__["_spec"]


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colors of one theme; `page` is the page's background, behind the transparent figure."""

    page: str
    panel: str
    text: str
    muted: str
    grid: str
    accent: str


LIGHT = Theme(page="#ffffff", panel="#f2f5f7", text="#0d1620", muted="#4b5966", grid="#e2e8ed", accent="#0b6e69")
DARK = Theme(page="#10161d", panel="#19222b", text="#eef3f7", muted="#a7b5c1", grid="#28333d", accent="#42ada3")


def theme(dark: bool) -> Theme:
    """The colors to draw with."""
    return DARK if dark else LIGHT


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Style of one arm or activation, with a symbol and a dash for readers who do not see its color."""

    light: str
    dark: str
    symbol: str
    dash: str

    def color(self, dark: bool) -> str:
        return self.dark if dark else self.light


# Chosen so that any two differ for normal sight, and with red, green or blue cones missing; each has a contrast
# of at least 3 against its page.
MARKS = (
    Mark(light="#919191", dark="#849ebd", symbol="pentagon", dash="solid"),
    Mark(light="#d57b49", dark="#fc9a1a", symbol="circle", dash="solid"),
    Mark(light="#1d2ead", dark="#5176f8", symbol="square", dash="solid"),
    Mark(light="#156954", dark="#54cc85", symbol="diamond", dash="solid"),
    Mark(light="#824beb", dark="#9a6bbb", symbol="triangle-up", dash="dash"),
    Mark(light="#139ccf", dark="#4edafc", symbol="triangle-down", dash="dash"),
    Mark(light="#8a1107", dark="#ea5579", symbol="x", dash="dash"),
    Mark(light="#806f13", dark="#f0f06b", symbol="cross", dash="dashdot"),
    Mark(light="#a84d91", dark="#fbadc7", symbol="star", dash="dashdot"),
    Mark(light="#3b1601", dark="#b1711b", symbol="hexagon", dash="dot"),
)


def activation_mark(name: str) -> Mark:
    """The color, symbol and dash of an activation, the same on every page."""
    return MARKS[list(ACTIVATIONS).index(name) % len(MARKS)]


def arm_mark(index: int) -> Mark:
    """The color, symbol and dash of an arm, counted from 0."""
    return MARKS[(index + 1) % len(MARKS)]


# -- the gradient's color scale ---------------------------------------------------------------------------------

_DIVERGING = {
    False: ("#0a2f7a", "#1f66c1", "#86b5e4", "#eef1f4", "#f0a58f", "#cf4532", "#7d0a1c"),
    True: ("#2456b0", "#4a8ae0", "#9cc3ee", "#eef1f4", "#f3ad98", "#e2604c", "#b52a3c"),
}


def gradient_colors(dark: bool) -> list[list]:
    """Plotly color scale of a gradient, from vanished over level (the palest, in both themes) to exploded."""
    colors = _DIVERGING[dark]
    return [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]


def fade(color: str, opacity: float) -> str:
    """A "#rrggbb" color as CSS with an opacity, for bands."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


ON_GRADIENT = LIGHT.text  # lines over cells of `gradient_colors`, which are palest in the middle in both themes

_SHARE = {
    False: ("#f1f2f6", "#c7b8e0", "#8a63b8", "#43196f"),
    True: ("#222a35", "#553f7f", "#9c7bd0", "#e9dcff"),
}
_DENSITY = {False: "#0b8fa6", True: "#35b6cc"}
_DEPTH = {False: ("#2b3fae", "#0c7f7a", "#b8660a"), True: ("#8ea6ff", "#3fc1b4", "#f7b15a")}


def share_colors(dark: bool) -> list[list]:
    """Plotly color scale of a share, from 0 (near the page) to 1."""
    return [[i / 3, color] for i, color in enumerate(_SHARE[dark])]


def density_colors(dark: bool) -> list[list]:
    """Plotly color scale of how many values lie somewhere, from none (the page itself) to the most."""
    colors = theme(dark)
    accent = _DENSITY[dark]
    return [[0, fade(colors.page, 0)], [0.02, fade(accent, 0.12)], [0.5, fade(accent, 0.5)], [1, fade(accent, 0.9)]]


def depth_colors(dark: bool) -> list[list]:
    """Plotly color scale along the network, from its input to its output."""
    return [[i / 2, color] for i, color in enumerate(_DEPTH[dark])]


def depth_color(share: float, dark: bool) -> str:
    """The color at a share of the way from input (0) to output (1)."""
    return sample_colorscale(depth_colors(dark), [share])[0]


# -- words and numbers -------------------------------------------------------------------------------------------


def number(value: float, digits: int = 2) -> str:
    """A number for a reader: 0.25, 340, 6.9×10⁻⁸, −3."""
    if value < 0:
        return f"−{number(-value, digits)}"
    if not math.isfinite(value):
        return "∞" if value > 0 else "not a number"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
    return typeset(f"{value:.{digits - 1}e}")


def power_of_ten(decades: float) -> str:
    """10 to a power, as a label of a color key: 10⁻⁶, 0.032, 1, 10³."""
    if decades == round(decades) and abs(decades) >= 3:
        return typeset(f"1e{decades:.0f}")
    return number(10.0**decades)


def wrapped(text: str, width: int = LINE_WIDTH) -> list[str]:
    """Lines of at most `width` characters, broken between words; Plotly breaks no line by itself."""
    lines = [""]
    for word in re.split(r"\s+(?!%)", text.strip()):  # "53 %" stays together
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


# -- the frame around the data -----------------------------------------------------------------------------------


def axis(title: str, dark: bool, *, decades: Sequence[float] | None = None, **more: Any) -> dict:
    """One axis; with `decades` (lowest, highest power of ten) a logarithmic one over just these."""
    colors = theme(dark)
    style: dict[str, Any] = {
        "title": {"text": title, "font": {"size": TEXT_SIZE, "color": colors.muted}, "standoff": 8},
        "tickfont": {"size": TEXT_SIZE, "color": colors.muted},
        "gridcolor": colors.grid,
        "linecolor": colors.grid,
        "zeroline": False,
        "ticks": "",
        "exponentformat": "power",  # of ticks, and of hovered values without a format of their own
    }
    if decades is not None:
        low, high = decades
        # One label a decade, or fewer where the decades are many; Plotly's own choice adds small 2s and 5s.
        step = max(1, math.ceil((high - low) / 10))
        style |= {"type": "log", "range": [low, high], "dtick": step}
    return style | more


def layers_axis(layers: int, dark: bool, *, cells: bool = False, **more: Any) -> dict:
    """The axis of every chart over layers, counted from the input.

    Args:
        cells: whether layers are cells that reach its ends; otherwise there is room for their markers.
    """
    step = next((s for s in (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000) if layers / s <= 12), 10_000)
    ticks = sorted({1, *range(step, layers + 1, step)})
    ends = [0.5, layers + 0.5] if cells else marker_range(1, layers)
    style: dict[str, Any] = {"range": ends, "tickvals": ticks, "showgrid": False}
    style |= {"unifiedhovertitle": {"text": "layer %{x}"}} | _spike(dark)
    return axis("layer, from the input to the output", dark, **style) | more


def marker_range(first: int, last: int) -> list[float]:
    """The ends of an axis over whole numbers that cuts no marker at the first or the last of them."""
    room = max(0.5, MARKER_ROOM * (last - first + 1))
    return [first - room, last + room]


def _spike(dark: bool) -> dict:
    """The line through the hovered values; Plotly's own is thick and white on dark."""
    spike = {"spikemode": "across", "spikethickness": 1, "spikedash": "dot", "spikecolor": theme(dark).muted}
    return {"showspikes": True} | spike


def steps_axis(step: np.ndarray, dark: bool, **more: Any) -> dict:
    """The x axis of every chart over steps, from the first to the last of `step`."""
    first = int(step[0])
    last = int(step[-1])
    room = 0.02 * (last - first) or 0.5
    style: dict[str, Any] = {"range": [first - room, last + room], "showgrid": False, "tickformat": ",d"}
    style |= {"unifiedhovertitle": {"text": "step %{x:,d}"}} | _spike(dark)
    if last - first <= 6:
        style |= {"dtick": 1}  # no label between two steps
    return axis("step", dark, **style) | more


def value_axis(title: str, dark: bool, *arrays: np.ndarray) -> dict:
    """An axis from 0; a logarithmic one where values spread over more than 1.5 decades or need many digits."""
    low, high = log_range(*arrays, least=0)
    if high - low > 1.7 or high > 5 or high < -3:
        return axis(title, dark, decades=(low, high))
    return axis(title, dark, rangemode="tozero")


def share_axis(title: str, dark: bool, *, low: float = 0.0) -> dict:
    """An axis of shares from 0 to 1, in per cent as in the words of the page."""
    ticks = (0, 0.25, 0.5, 0.75, 1)
    labels = [f"{tick:.0%}".replace("%", " %") for tick in ticks]
    return axis(title, dark, range=[low, 1.03], tickvals=ticks, ticktext=labels)


def broken(diverged_at: int | None, dark: bool) -> dict:
    """`shapes` and `annotations` of a chart over steps that mark where a run broke; nothing when it did not."""
    if diverged_at is None:
        return {}
    colors = theme(dark)
    line: dict[str, Any] = {"type": "line", "x0": diverged_at, "x1": diverged_at, "yref": "paper", "y0": 0, "y1": 1}
    line |= {"line": {"color": colors.text, "width": 1.5, "dash": "dot"}}
    words: dict[str, Any] = {
        "x": diverged_at,
        "yref": "paper",
        "y": 1,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
    }
    words |= {"text": f"diverged at step {diverged_at:,}", "font": {"size": TEXT_SIZE, "color": colors.text}}
    return {"shapes": [line], "annotations": [words]}


def log_range(*arrays: np.ndarray, least: float = 2.0) -> tuple[float, float]:
    """Powers of ten that hold every positive finite value, at least `least` decades; (-1, 1) when there is none."""
    values = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.zeros(0)
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return -1.0, 1.0
    low = math.log10(values.min())
    high = math.log10(values.max())
    pad = max(0.06 * (high - low), 0.15, (least - (high - low)) / 2)
    return max(low - pad, -330.0), min(high + pad, 308.0)  # 10 ** 309 is no float64


def layout(
    title: str,
    finding: str,
    *,
    xaxis: Mapping[str, Any],
    yaxis: Mapping[str, Any],
    dark: bool,
    height: int = 380,
    below: int = 96,
    above: int = 0,
    **more: Any,
) -> dict:
    """The frame of a chart: title and finding above, the legend below the data.

    Args:
        below, above: pixels under the data, for ticks, axis title, legend and anything else there, and
            between the finding and the data.
    """
    colors = theme(dark)
    lines = wrapped(finding)
    top = above + (60 + 17 * len(lines) if finding else 48)  # a tick label at the end of the axis needs its half
    legend = {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": -below_data(52, height, top, below),
        "yanchor": "top",
        "font": {"size": TEXT_SIZE, "color": colors.text},
        "tracegroupgap": 0,
    }
    return {
        "template": {},  # none: Plotly's own would take the colors below back
        "title": {
            "text": title,
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 4},
            "y": 1 - 12 / height,
            "yanchor": "top",
            "font": {"size": 17, "color": colors.text, "weight": 600},
            "subtitle": {"text": "<br>".join(lines), "font": {"size": TEXT_SIZE, "color": colors.muted}},
        },
        "height": height,
        "margin": {"l": 62, "r": 22, "t": top, "b": below},
        "font": {"family": FONT, "size": TEXT_SIZE, "color": colors.text},
        # The page's own color, and not transparent: a picture saved from a dark page has light text.
        "paper_bgcolor": colors.page,
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {
            "font": {"family": FONT, "size": TEXT_SIZE},
            "bgcolor": colors.panel,
            "bordercolor": colors.muted,
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colors.muted, "activecolor": colors.accent},
        "legend": legend,
        "showlegend": True,
        "xaxis": dict(xaxis),
        "yaxis": dict(yaxis),
        "dragmode": False,  # a finger scrolls the page; the toolbar's buttons turn zooming and panning on
        "uirevision": title,
        # The data of a drawn chart never change: new ones are a new chart. Streamlit hands Plotly a copy of each chart
        # at once, which it would draw again without this.
        "datarevision": 0,
    } | more


def color_key(title: str, values: Sequence[float], labels: Sequence[str], frame: Mapping, dark: bool) -> dict:
    """A color bar under the data of the layout `frame`, as long as the data are wide on any screen."""
    colors = theme(dark)
    margin = frame["margin"]
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "len": 1,
        "y": -below_data(54, frame["height"], margin["t"], margin["b"]),
        "yanchor": "top",
        "thickness": 12,
        "outlinewidth": 0,
        "tickvals": list(values),
        "ticktext": list(labels),
        "ticklabeloverflow": "allow",
        "tickfont": {"size": TEXT_SIZE, "color": colors.muted},
        "title": {"text": title, "side": "top", "font": {"size": TEXT_SIZE, "color": colors.muted}},
        "xpad": 0,
        "ypad": 0,
    }


def rows_height(rows: int) -> int:
    """Pixels that rows of a legend add to the 56 of ticks and axis title; with less, Plotly moves the data up."""
    return 18 + 20 * rows


def legend_height(entries: int) -> int:
    """Pixels that a legend adds at its narrowest, two entries beside each other; none for a single entry."""
    return rows_height(math.ceil(entries / 2)) if entries > 1 else 0


def below_data(pixels: float, height: int, top: int, below: int) -> float:
    """So many pixels under the data, as a share of the data's height (Plotly's paper coordinate, without its sign)."""
    return pixels / (height - top - below)


def empty(title: str, sentence: str, *, x: str, y: str, dark: bool, height: int = 240) -> Chart:
    """A titled chart with nothing in it but a sentence that says why."""
    frame = layout(title, "", xaxis=axis(x, dark), yaxis=axis(y, dark), dark=dark, height=height, below=56)
    for name in ("xaxis", "yaxis"):
        frame[name] |= {"range": [0, 1], "showticklabels": False, "showgrid": False}
    words: dict[str, Any] = {"text": "<br>".join(wrapped(sentence, 44)), "showarrow": False, "x": 0.5, "y": 0.5}
    words |= {"xref": "paper", "yref": "paper", "font": {"size": 14, "color": theme(dark).muted}}
    frame["annotations"] = [words]
    return Chart(spec={"data": [], "layout": frame}, alt=f"{title}: {sentence}", make_table=pd.DataFrame)


def toolbar(name: str, picture: str = "png") -> dict:
    """Plotly's `config` for a chart; its camera button saves `name` as a "png" or "svg" picture.

    One chart has one camera button and so one format: a button of another format would need a JavaScript function
    for its click, which a figure sent from Python cannot carry. The page lets a visitor choose the format.
    """
    return {
        "displaylogo": False,
        "responsive": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"format": picture, "filename": name, "scale": 2 if picture == "png" else 1},
    }
