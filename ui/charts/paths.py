"""The product of layers in pictures: what is left of a gradient at each layer, and a layer's factor by init scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.families.activations import ACTIVATIONS, describe_activations
from core.lecture.paths import Paths
from ui.charts import style
from ui.charts.style import Chart, number

HEIGHT = 380  # pixels, without the legend
NAMES = {
    "worst": "worst case: sup|φ′| ‖W‖₂",
    "typical": "typical: √χ, mean field",
    "measured": "measured",
    "path": "strongest single path",
    "path_bound": "its bound: sup|φ′| |w|",
}


def _line(name: str, activation: str, dark: bool) -> dict:
    """Style of a curve: what is measured has those of its activation."""
    theme = style.theme(dark)
    mark = style.activation_mark(activation)
    color = mark.color(dark)
    return {
        "worst": {"mode": "lines", "line": {"color": theme.muted, "width": 2, "dash": "longdashdot"}},
        "typical": {"mode": "lines", "line": {"color": theme.text, "width": 2, "dash": "dash"}},
        "measured": {"mode": "lines+markers", "line": {"color": color, "width": 2.5},
                     "marker": {"color": color, "symbol": mark.symbol, "size": 9}},
        "path": {"mode": "lines", "line": {"color": theme.accent, "width": 2.5, "dash": "dot"}},
        "path_bound": {"mode": "lines", "line": {"color": theme.accent, "width": 1}},
    }[name]  # fmt: skip


class ProductData(NamedTuple):
    """Gradient at each layer: by name of NAMES (layers,) values, the names that are somewhere exactly 0, words."""

    curves: dict[str, np.ndarray]
    zero: list[str]
    finding: str


def product_data(paths: Paths) -> ProductData:
    """The data step of `product_of_layers`."""
    curves = {name: getattr(paths, name) for name in NAMES}
    layers = len(paths.measured)
    arrived = paths.measured[0]
    if layers == 1:
        finding = "One hidden layer: nothing is multiplied yet."
    elif not np.isfinite(arrived):
        finding = "The gradient at the last layer is 0 or not finite, so there is nothing to compare with."
    else:
        share = number(float(arrived))
        factor = number(paths.factor("measured"), 3)
        finding = f"Layer 1 gets {share} of layer {layers}’s: {factor} a layer."
    zero = [name for name, values in curves.items() if (values == 0).any()]
    if zero:
        finding += f" Exactly 0, and not drawn: {', '.join(NAMES[name].partition(':')[0] for name in zero)}."
    return ProductData(curves, zero, finding)


def product_of_layers(paths: Paths, *, dark: bool = False) -> Chart:
    """Share of the last hidden layer's gradient at each layer: worst case, typical, measured, along one path."""
    title = "What is left of the gradient"
    curves, _, finding = product_data(paths)
    layers = len(paths.measured)
    shown = {name: _gaps(values) for name, values in curves.items()}
    legend = style.rows_height(len(NAMES))  # on a narrow screen these names stand below each other
    x = np.arange(1, layers + 1)
    data = [
        {"type": "scatter", "x": x, "y": values, "name": NAMES[name], "hovertemplate": "%{y}"}
        | _line(name, paths.config.activations[-1], dark)
        for name, values in shown.items()
        if np.isfinite(values).any()
    ]
    frame = style.layout(
        title,
        finding,
        xaxis=style.layers_axis(layers, dark),
        yaxis=style.axis("‖δ‖, share of the last layer’s", dark, decades=style.log_range(*shown.values())),
        dark=dark,
        height=HEIGHT + legend,
        below=56 + legend,
        hovermode="x unified",
    )
    columns = {"layer": x} | {NAMES[name]: values for name, values in curves.items()}
    alt = f"{title}, {layers} layers of {describe_activations(paths.config.activation)}. {finding}"
    for name in ("worst", "typical"):
        if layers > 1 and np.isfinite(paths.factor(name)):
            alt += f" {NAMES[name].partition(':')[0].capitalize()}: {number(paths.factor(name), 3)} a layer."
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: pd.DataFrame(columns))


def factor_by_scale(
    scales: np.ndarray,
    factors: Mapping[str, np.ndarray],
    now: float,
    activation: str,
    critical: float,
    *,
    dark: bool = False,
) -> Chart:
    """A layer's factor over the init scale, with the scale chosen now and the one where theory has it at 1.

    Args:
        scales: (S,), ascending.
        factors: worst, typical and measured, (S,) each, as `core.paths.over_scales`.
    """
    title = "One layer’s factor, by init scale"
    label = ACTIVATIONS[activation].label
    measured = factors["measured"]
    if not np.isfinite(measured).any():
        words = "With one hidden layer there is no factor from layer to layer."
        return style.empty(title, words, x="init scale", y="factor", dark=dark, height=HEIGHT)
    theme = style.theme(dark)
    finding = f"{label}: at 1 at init scale {number(critical, 4)}. Below it vanishes, above it explodes."
    shown = {name: _gaps(values) for name, values in factors.items()}
    legend = style.rows_height(len(shown))
    data = [
        {"type": "scatter", "x": scales, "y": shown[name], "name": NAMES[name], "hovertemplate": "%{y}"}
        | _line(name, activation, dark)
        for name in ("worst", "typical", "measured")
        if np.isfinite(shown[name]).any()
    ]
    low, high = style.log_range(*shown.values(), np.ones(1))
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16) if scales[0] <= tick <= scales[-1]]
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis("init scale", dark, type="log", range=list(np.log10([scales[0], scales[-1]])), tickvals=ticks,
                         ticktext=[f"{tick:g}" for tick in ticks], unifiedhovertitle={"text": "init scale %{x:.3~g}"}),
        yaxis=style.axis("factor of one layer", dark, decades=(low, high)),
        dark=dark,
        height=HEIGHT + legend + 20,
        below=56 + legend,
        above=20,
        hovermode="x unified",
    )  # fmt: skip
    frame["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1,
         "line": {"color": theme.text, "width": 1}},
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": now, "x1": now,
         "line": {"color": theme.accent, "width": 1.5, "dash": "dot"}},
    ]  # fmt: skip
    small = {"showarrow": False, "font": {"size": style.TEXT_SIZE, "color": theme.text}}
    frame["annotations"] = [
        small | {"xref": "paper", "x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom", "text": "1: level"},
        small | {"yref": "paper", "y": 1, "yanchor": "bottom", "x": np.log10(now), "text": "now"},
    ]
    columns = {"init scale": scales} | {NAMES[name]: values for name, values in factors.items()}
    k = int(np.abs(np.log(scales / now)).argmin())
    alt = f"{title}. {finding} Near the present scale {number(now, 3)}: {number(float(measured[k]), 3)} measured."
    return Chart(spec={"data": data, "layout": frame}, alt=alt, make_table=lambda: pd.DataFrame(columns))


def _gaps(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
