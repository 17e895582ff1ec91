"""Theory beside one network: variance and factor of every layer, and the plane of weight and bias scales."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.families.activations import ACTIVATIONS
from core.sweeps.critical_lines import critical
from core.theory.layer_means import LayerMeans
from core.theory.network import PhasePoint
from ui.charts import style
from ui.charts.style import Chart, number

HEIGHT = 380
MAX_SHADE = 0.5  # decades of the factor per layer that the colors span on either side of 1
# of the plane: sigma_w and sigma_b, unless the network lies beyond
WIDEST = 4.0
HIGHEST = 1.5

WEIGHTS = "σ<sub>w</sub>"
BIASES = "σ<sub>b</sub>"
HOVER = f"{WEIGHTS} %{{x:.2f}}, {BIASES} %{{y:.2f}}"


class LayerMeansData(NamedTuple):
    """(layers,) values by the name of their line, theory first where there is one, and the finding."""

    lines: dict[str, np.ndarray]
    finding: str


def layer_means_data(measured: LayerMeans, expected: LayerMeans | None, quantity: str) -> LayerMeansData:
    """The data step of `layer_means`."""
    lines = {} if expected is None else {"theory": getattr(expected, quantity)}
    lines["measured"] = getattr(measured, quantity)
    last = len(measured.chi) - 1  # the last hidden layer: an output layer of one unit is a single draw
    finding = " ".join(
        f"{name.capitalize()}: {number(values[0])} in layer 1, {number(values[last])} in layer {last + 1}."
        for name, values in lines.items()
    )
    return LayerMeansData(lines, finding)


class PhasePlaneData(NamedTuple):
    """The plane: z (sigma_b, sigma_w) log10 of the factor, clamped; the critical line; the factor of the network."""

    z: np.ndarray
    critical: tuple[np.ndarray, np.ndarray]
    factor: float


def phase_plane_data(
    activation: str, chi: float, factors: np.ndarray, sigma_w: np.ndarray, sigma_b: np.ndarray
) -> PhasePlaneData:
    """The data step of `phase_plane`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.clip(np.log10(factors), -MAX_SHADE, MAX_SHADE)
    return PhasePlaneData(z, critical_curve(activation, sigma_w[-1], sigma_b[-1]), float(np.sqrt(chi)))


def layer_means(measured: LayerMeans, expected: LayerMeans | None, quantity: str, *, dark: bool = False) -> Chart:
    """q or chi of every layer at step 0: as measured in this network, and as theory expects it.

    Args:
        quantity: "q" or "chi".
    """
    title, axis = {
        "q": ("Variance of net input by layer", "q = mean of net²"),
        "chi": ("What each layer multiplies ‖δ‖² by", "χ = ‖δ‖² here / ‖δ‖² above"),
    }[quantity]
    theme = style.theme(dark)
    own = getattr(measured, quantity)
    lines, finding = layer_means_data(measured, expected, quantity)
    if not any((np.isfinite(line) & (line > 0)).any() for line in lines.values()):
        return style.empty(title, "There is no finite value in this network.", x="layer", y=axis, dark=dark)
    x = np.arange(1, len(own) + 1)
    styles = {
        "measured": ({"color": theme.muted, "width": 1}, {"size": 9, "color": style.MARKS[1].color(dark)}),
        "theory": ({"color": theme.accent, "width": 2.5, "dash": "dashdot"}, None),
    }
    data = []
    for name, values in lines.items():
        line, marker = styles[name]
        trace = {"type": "scatter", "x": x, "y": np.where(values > 0, values, np.nan), "name": name, "line": line}
        trace |= {"mode": "lines+markers" if marker else "lines", "hovertemplate": "%{y}"}
        data.append(trace | ({"marker": marker} if marker else {}))
    if quantity == "chi":
        level: dict[str, Any] = {
            "type": "scatter",
            "x": [0.5, len(own) + 0.5],
            "y": [1, 1],
            "mode": "lines",
            "name": "level: χ = 1",
        }
        data.append(level | {"line": {"color": theme.text, "width": 1, "dash": "dot"}, "hoverinfo": "skip"})
    frame = style.layout(
        title,
        finding,
        xaxis=style.layers_axis(len(own), dark),
        yaxis=fine_log_axis(axis, style.log_range(*lines.values(), np.ones(1), least=1.0), dark),
        dark=dark,
        height=HEIGHT,
        hovermode="x unified",
    )
    columns = {"layer": x} | {f"{quantity}, {name}": values for name, values in lines.items()}
    return Chart(
        spec={"data": data, "layout": frame}, alt=f"{title}. {finding}", make_table=lambda: pd.DataFrame(columns)
    )


def fine_log_axis(title: str, decades: tuple[float, float], dark: bool) -> dict:
    """A logarithmic axis; over few decades with labels at 2 and 5 too."""
    axis = style.axis(title, dark, decades=decades)
    if decades[1] - decades[0] > 2:
        return axis
    powers = range(math.floor(decades[0]), math.ceil(decades[1]))
    values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return axis | {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def phase_plane(
    activation: str,
    point: PhasePoint,
    factors: np.ndarray,
    sigma_w: np.ndarray,
    sigma_b: np.ndarray,
    *,
    dark: bool = False,
) -> Chart:
    """Where gradients vanish and explode in deep networks of an activation, the line between, and one network.

    Args:
        place: the network.
        factors: (sigma_b, sigma_w) gradient norm's factor per layer, sqrt(chi), deep in the network.
        sigma_w, sigma_b: the axes of `factors`.
    """
    theme = style.theme(dark)
    label = ACTIVATIONS[activation].label
    shades, (line_w, line_b), factor = phase_plane_data(activation, point.chi, factors, sigma_w, sigma_b)
    phase = _phase(point.chi)
    title = f"Phase plane of {label}"
    finding = f"This network: {WEIGHTS} = {number(point.sigma_w)}, {BIASES} = {number(point.sigma_b)}, {phase}."
    heat = {
        "type": "heatmap",
        "x": sigma_w,
        "y": sigma_b,
        "z": shades,
        "colorscale": style.gradient_colors(dark),
        "zmin": -MAX_SHADE,
        "zmax": MAX_SHADE,
        "customdata": factors,
        "hovertemplate": f"{HOVER}<br>factor per layer %{{customdata:.3f}}<extra></extra>",
        "zsmooth": "best",
    }
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis(f"weight scale {WEIGHTS}", dark, range=[sigma_w[0], sigma_w[-1]], showgrid=False),
        yaxis=style.axis(f"bias scale {BIASES}", dark, range=[sigma_b[0], sigma_b[-1]], showgrid=False),
        dark=dark,
        height=HEIGHT + 90,
        below=170,
    )
    ticks = [-MAX_SHADE, -MAX_SHADE / 2, 0, MAX_SHADE / 2, MAX_SHADE]
    names = ["≤ 0.32", "0.56", "1", "1.8", "≥ 3.2"]
    heat["colorbar"] = style.color_key("gradient factor per layer, √χ, deep in the network", ticks, names, frame, dark)
    curve: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": "critical line χ = 1", "hoverinfo": "skip"}
    entry = curve | {"x": [None], "y": [None], "line": {"color": theme.text, "width": 2.5}}
    curve |= {"x": line_w, "y": line_b, "line": {"color": style.ON_GRADIENT, "width": 2.5}, "showlegend": False}
    mark: dict[str, Any] = {"symbol": "star-diamond", "size": 15, "color": style.MARKS[1].color(dark)}
    mark["line"] = {"color": theme.text, "width": 2}
    star: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [point.sigma_w],
        "y": [point.sigma_b],
        "marker": mark,
    }
    hover = f"this network<br>factor per layer {number(factor)}<extra></extra>"
    star |= {"name": "this network", "hovertemplate": hover, "cliponaxis": False}
    frame["legend"]["y"] = -style.below_data(112, frame["height"], frame["margin"]["t"], frame["margin"]["b"])
    frame["annotations"] = _regions(factors, sigma_w, sigma_b, dark)
    spoken = finding.replace("<sub>", "_").replace("</sub>", "")
    figure = {"data": [heat, curve, entry, star], "layout": frame}
    return Chart(spec=figure, alt=f"{title}. {spoken}", make_table=lambda: phase_plane_table(factors, sigma_w, sigma_b))


def phase_plane_table(factors: np.ndarray, sigma_w: np.ndarray, sigma_b: np.ndarray) -> pd.DataFrame:
    """One row a point of the plane; factors is (sigma_b, sigma_w)."""
    rows, columns = np.meshgrid(sigma_b, sigma_w, indexing="ij")
    return pd.DataFrame({"sigma_w": columns.ravel(), "sigma_b": rows.ravel(), "factor per layer": factors.ravel()})


def _phase(chi: float) -> str:
    """The phase at a factor chi, in words."""
    if abs(chi - 1) < 0.01:
        return "at the critical line: gradients stay level"
    return "ordered: gradients vanish" if chi < 1 else "chaotic: gradients explode"


def critical_curve(activation: str, widest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """(sigma_w, sigma_b) along the critical line within the plane; a gap where it leaves it."""
    sigma_w, sigma_b = critical(activation)
    sigma_b = np.minimum(sigma_b, highest) if len(sigma_b) == 2 else sigma_b  # a straight line, from axis to edge
    inside = (sigma_w <= 1.5 * widest) & (sigma_b <= 1.5 * highest)
    return np.where(inside, sigma_w, np.nan), np.where(inside, sigma_b, np.nan)


def _regions(factors: np.ndarray, sigma_w: np.ndarray, sigma_b: np.ndarray, dark: bool) -> list[dict]:
    """The names of the regions, each in the middle of its own."""
    theme = style.theme(dark)
    words: list[dict[str, Any]] = []
    regions = (("ordered:<br>gradients vanish", factors < 0.98), ("chaotic:<br>gradients explode", factors > 1.02))
    for name, where in regions:
        if where.mean() > 0.04:
            rows, columns = np.nonzero(where)
            x, anchor = _inside(sigma_w[columns].mean(), sigma_w[0], sigma_w[-1])
            y = sigma_b[rows].mean()
            word = {"x": x, "y": y, "text": name, "showarrow": False, "font": {"size": 14, "color": theme.text}}
            word["xanchor"] = anchor
            words.append(word | {"bgcolor": style.fade(theme.page, 0.75), "borderpad": 4})
    width = sigma_w[-1] - sigma_w[0]
    height = sigma_b[-1] - sigma_b[0]
    if len(words) == 2 and abs(words[1]["x"] - words[0]["x"]) < 0.8 * width:
        lower, upper = sorted(words, key=lambda word: word["y"])
        lacking = max(0.0, 0.24 * height - (upper["y"] - lower["y"]))  # so that they do not touch on a phone
        lower["y"] -= lacking / 2
        upper["y"] += lacking / 2
    return words


def _inside(x: float, first: float, last: float) -> tuple[float, str]:
    """Where a name of a quarter of the width to either side stands within the plane: its x and its anchor."""
    share = (x - first) / (last - first)
    return (first, "left") if share < 0.25 else (last, "right") if share > 0.75 else (x, "center")
