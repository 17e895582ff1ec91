"""Activations and their slopes, with a point that moves along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.engine.batch import SATURATED
from core.families.activations import ACTIVATIONS
from ui.charts import style
from ui.charts.style import Chart, number

REACH = 10.0  # net inputs drawn, on either side of 0
POINTS = 201
TANGENT = 2.0  # half length of the tangent, in net inputs


class SigmoidData(NamedTuple):
    """The sigmoid and its slope: (points,) net inputs, values and slopes; value and slope at z; ends of the tangent."""

    net: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    value_at_z: float
    slope_at_z: float
    tangent: tuple[np.ndarray, np.ndarray]


def sigmoid_data(z: float) -> SigmoidData:
    """The data step of `sigmoid_and_slope`."""
    net = np.linspace(-REACH, REACH, POINTS)
    value, slope = ACTIVATIONS["sigmoid"].evaluate(net)
    here, steep = (float(part[0]) for part in ACTIVATIONS["sigmoid"].evaluate(np.array([z])))
    along = np.array([max(z - TANGENT, -REACH), min(z + TANGENT, REACH)])
    return SigmoidData(net, value, slope, here, steep, (along, here + steep * (along - z)))


class ActivationData(NamedTuple):
    """Activations or their slopes: (points,) net inputs, (points,) values by name, and the values at z by name."""

    net: np.ndarray
    curves: dict[str, np.ndarray]
    at_z: dict[str, float]


def activation_data(names: Sequence[str], z: float, *, slopes: bool) -> ActivationData:
    """The data step of `activations`."""
    reach = max(5.0, abs(z))
    net = np.linspace(-reach, reach, POINTS)
    functions = {name: ACTIVATIONS[name].slope if slopes else ACTIVATIONS[name] for name in names}
    at_z = {name: float(function(np.array([z]))[0]) for name, function in functions.items()}
    return ActivationData(net, {name: function(net) for name, function in functions.items()}, at_z)


def sigmoid_and_slope(z: float, *, dark: bool = False) -> Chart:
    """S, its slope S (1 - S), the tangent at z, the bound 1/4 and where the slope is below 5 % of it.

    Invisible points lie over it, so that a click anywhere returns its net input.
    """
    theme = style.theme(dark)
    shown = sigmoid_data(z)
    edge = saturated_beyond()
    net, value, slope, here, steep, (along, heights) = shown
    finding = f"At z = {number(z, 3)}: S = {number(here, 3)}, slope S(1 − S) = {number(steep, 3)}, {_of_bound(steep)}."
    frame = style.layout(
        "The sigmoid and its slope",
        finding,
        # Fixed, since on a chart that can be clicked Streamlit lets a finger pan, which then could not scroll the page.
        xaxis=style.axis("net input z", dark, range=[-REACH, REACH], showgrid=False, fixedrange=True),
        yaxis=style.axis("S and S′", dark, range=[-0.04, 1.1], tickvals=[0, 0.25, 0.5, 0.75, 1], fixedrange=True),
        dark=dark,
        height=440,
        below=102,
        hovermode="closest",
    )
    mark = style.activation_mark("sigmoid").color(dark)
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    band |= {"fillcolor": style.fade(theme.muted, 0.14)}
    frame["shapes"] = [band | {"x0": -REACH, "x1": -edge}, band | {"x0": edge, "x1": REACH}]
    words = {"showarrow": False, "yref": "paper", "y": 0.55, "font": {"size": style.TEXT_SIZE, "color": theme.muted}}
    frame["annotations"] = [words | {"x": side * (REACH + edge) / 2, "text": "saturated"} for side in (-1, 1)]
    lines = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    thick = {"width": 3, "simplify": False}
    bound = {"x": [-REACH, REACH], "y": [0.25, 0.25], "name": "1/4, never above"}
    tangent = {"x": along, "y": heights, "name": "tangent at z"}
    data = [
        lines | {"x": net, "y": value, "name": "S(z)", "line": thick | {"color": mark}},
        lines | {"x": net, "y": slope, "name": "slope S′(z)", "line": thick | {"color": theme.accent, "dash": "dash"}},
        lines | bound | {"line": {"color": theme.muted, "width": 1.5, "dash": "dot"}},
        lines | tangent | {"line": {"color": theme.text, "width": 2}},
        _clickable(),
        {
            "type": "scatter",
            "mode": "markers",
            "x": [z, z],
            "y": [here, steep],
            "marker": {"size": 13, "color": [mark, theme.accent], "line": {"color": theme.text, "width": 2}},
            "hoverinfo": "skip",
            "showlegend": False,
        },
    ]
    alt = f"The sigmoid and its slope. {finding}"
    return Chart(
        spec={"data": data, "layout": frame},
        alt=alt,
        make_table=lambda: pd.DataFrame({"z": net, "S": value, "slope": slope}),
    )


def activations(names: Sequence[str], z: float, *, slopes: bool, dark: bool = False) -> Chart:
    """The chosen activations, or their slopes, over net inputs around 0, each marked at z."""
    title = "Their slopes φ′(z)" if slopes else "Activations φ(z)"
    y = "φ′(z)" if slopes else "φ(z)"
    if not names:
        return style.empty(title, "Choose an activation to see it.", x="net input z", y=y, dark=dark)
    theme = style.theme(dark)
    shown = activation_data(names, z, slopes=slopes)
    data: list[dict] = []
    words = []
    for name, values in shown.curves.items():
        label = ACTIVATIONS[name].label
        mark = style.activation_mark(name)
        here = shown.at_z[name]
        words.append(f"{label} {number(here, 3)}")
        line = {"color": mark.color(dark), "width": 2.5, "dash": mark.dash, "simplify": False}
        curve = {"type": "scatter", "mode": "lines", "x": shown.net, "y": values, "line": line}
        data.append(curve | {"name": label, "hovertemplate": "%{y}"})
        point = {"symbol": mark.symbol, "size": 11, "color": mark.color(dark)}
        point["line"] = {"color": theme.page, "width": 1.5}
        dot = {"type": "scatter", "mode": "markers", "x": [z], "y": [here], "marker": point}
        data.append(dot | {"showlegend": False, "hoverinfo": "skip"})
    reach = float(shown.net[-1])
    legend = style.legend_height(len(names))
    finding = f"At z = {number(z, 3)}: {', '.join(words)}."
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis(
            "net input z",
            dark,
            range=[-reach, reach],
            showgrid=False,
            unifiedhovertitle={"text": "z = %{x:.2f}"},
        ),
        yaxis=style.axis(y, dark, range=[-0.2, 1.9] if slopes else [-2, 3]),
        dark=dark,
        height=340 + legend,
        below=56 + legend,
        showlegend=len(names) > 1,
        hovermode="x unified",
    )
    columns = {"z": shown.net} | {ACTIVATIONS[name].label: values for name, values in shown.curves.items()}
    return Chart(
        spec={"data": data, "layout": frame}, alt=f"{title}. {finding}", make_table=lambda: pd.DataFrame(columns)
    )


def saturated_beyond() -> float:
    """The net input above which S' < 5 % of 1/4: S (1 - S) = 1/80 at S = (1 + sqrt(1 - 4/80)) / 2."""
    half_width = np.sqrt(1 - SATURATED)
    return float(np.log((1 + half_width) / (1 - half_width)))


def _of_bound(slope: float) -> str:
    return f"{4 * slope:.0%} of 1/4" if slope >= 0.0025 else f"{number(4 * slope)} of 1/4"


def _clickable() -> dict:
    """Invisible points over the whole picture: only points can be clicked."""
    across, up = np.meshgrid(np.linspace(-REACH, REACH, 81), np.linspace(0, 1.05, 8))
    unseen = {"marker": {"opacity": 0}}
    points: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": across.ravel(),
        "y": up.ravel(),
        "showlegend": False,
    }
    points |= {"marker": {"size": 16, "opacity": 0}, "selected": unseen, "unselected": unseen}
    return points | {"hovertemplate": "z = %{x:.2f}<br>click to move the point<extra></extra>"}
