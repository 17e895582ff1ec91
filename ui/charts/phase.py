"""Theory beside one network: variance and factor of every layer, and the plane of weight and bias scales."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from core.families.activations import ACTIVATIONS
from core.theory.layer_means import LayerMeans
from core.theory.network import PhasePoint
from core.theory.variance_map import critical_line, critical_points
from ui.charts import style
from ui.charts.style import Chart, number

HEIGHT = 380
LINE = np.geomspace(1e-6, 1e4, 1200)  # rests q along the critical line
WIDEST, HIGHEST = 4.0, 1.5  # of the plane: sigma_w and sigma_b, unless the network lies beyond

WEIGHTS, BIASES = "σ<sub>w</sub>", "σ<sub>b</sub>"
HOVER = f"{WEIGHTS} %{{x:.2f}}, {BIASES} %{{y:.2f}}"


def layer_means(measured: LayerMeans, expected: LayerMeans | None, quantity: str, *, dark: bool = False) -> Chart:
    """q or chi of every layer at step 0: as measured in this network, and as theory expects it.

    Args:
        quantity: "q" or "chi".
    """
    title, axis = {
        "q": ("Variance of net input by layer", "q = mean of net²"),
        "chi": ("What each layer multiplies ‖δ‖² by", "χ = ‖δ‖² here / ‖δ‖² above"),
    }[quantity]
    look, own = style.theme(dark), getattr(measured, quantity)
    lines = {"measured": own} if expected is None else {"theory": getattr(expected, quantity), "measured": own}
    if not any((np.isfinite(line) & (line > 0)).any() for line in lines.values()):
        return style.empty(title, "There is no finite value in this network.", x="layer", y=axis, dark=dark)
    x = np.arange(1, len(own) + 1)
    looks = {
        "measured": ({"color": look.muted, "width": 1}, {"size": 9, "color": style.MARKS[1].color(dark)}),
        "theory": ({"color": look.accent, "width": 2.5, "dash": "dashdot"}, None),
    }
    data = []
    for name, values in lines.items():
        line, marker = looks[name]
        drawn = {"type": "scatter", "x": x, "y": np.where(values > 0, values, np.nan), "name": name, "line": line}
        drawn |= {"mode": "lines+markers" if marker else "lines", "hovertemplate": "%{y:.3~g}"}
        data.append(drawn | ({"marker": marker} if marker else {}))
    if quantity == "chi":
        level = {"type": "scatter", "x": [0.5, len(own) + 0.5], "y": [1, 1], "mode": "lines", "name": "level: χ = 1"}
        data.append(level | {"line": {"color": look.text, "width": 1, "dash": "dot"}, "hoverinfo": "skip"})
    last = len(measured.chi) - 1  # the last hidden layer: an output layer of one unit is a single draw
    finding = " ".join(
        f"{name.capitalize()}: {number(values[0])} in layer 1, {number(values[last])} in layer {last + 1}."
        for name, values in lines.items()
    )
    frame = style.layout(
        title,
        finding,
        xaxis=style.layers_axis(len(own), dark),
        yaxis=_log_axis(axis, style.log_range(*lines.values(), np.ones(1), least=1.0), dark),
        dark=dark,
        height=HEIGHT,
        hovermode="x unified",
    )
    table = pd.DataFrame({"layer": x} | {f"{quantity}, {name}": values for name, values in lines.items()})
    return Chart({"data": data, "layout": frame}, f"{title}. {finding}", table)


def _log_axis(title: str, decades: tuple[float, float], dark: bool) -> dict:
    """A logarithmic axis; over few decades with labels at 2 and 5 too."""
    axis = style.axis(title, dark, decades=decades)
    if decades[1] - decades[0] > 2:
        return axis
    powers = range(math.floor(decades[0]), math.ceil(decades[1]))
    values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return axis | {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def phase_plane(
    activation: str,
    place: PhasePoint,
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
    look, label = style.theme(dark), ACTIVATIONS[activation].label
    factor = float(np.sqrt(place.chi))
    phase = _phase(place.chi)
    title = f"Phase plane of {label}"
    finding = f"This network: {WEIGHTS} = {number(place.sigma_w)}, {BIASES} = {number(place.sigma_b)}, {phase}."
    with np.errstate(divide="ignore", invalid="ignore"):
        shades = np.clip(np.log10(factors), -0.5, 0.5)
    heat = {
        "type": "heatmap",
        "x": sigma_w.astype(np.float32),
        "y": sigma_b.astype(np.float32),
        "z": shades.astype(np.float32),
        "colorscale": style.gradient_colors(dark),
        "zmin": -0.5,
        "zmax": 0.5,
        "customdata": factors.astype(np.float32),
        "hovertemplate": f"{HOVER}<br>factor per layer %{{customdata:.3f}}<extra></extra>",
        "opacity": 0.85,
        "zsmooth": "best",
    }
    line_w, line_b = _line(activation, sigma_w[-1], sigma_b[-1])
    frame = style.layout(
        title,
        finding,
        xaxis=style.axis(f"weight scale {WEIGHTS}", dark, range=[sigma_w[0], sigma_w[-1]], showgrid=False),
        yaxis=style.axis(f"bias scale {BIASES}", dark, range=[sigma_b[0], sigma_b[-1]], showgrid=False),
        dark=dark,
        height=HEIGHT + 90,
        below=170,
    )
    ticks = [-0.5, -0.25, 0, 0.25, 0.5]
    names = ["≤ 0.32", "0.56", "1", "1.8", "≥ 3.2"]
    heat["colorbar"] = style.color_key("gradient factor per layer, √χ, deep in the network", ticks, names, frame, dark)
    critical = {"type": "scatter", "mode": "lines", "x": line_w, "y": line_b, "name": "critical line χ = 1"}
    critical |= {"line": {"color": look.text, "width": 2.5}, "hoverinfo": "skip"}
    mark = {"symbol": "star-diamond", "size": 15, "color": style.MARKS[1].color(dark)}
    mark["line"] = {"color": look.text, "width": 2}
    point = {"type": "scatter", "mode": "markers", "x": [place.sigma_w], "y": [place.sigma_b], "marker": mark}
    hover = f"this network<br>factor per layer {number(factor)}<extra></extra>"
    point |= {"name": "this network", "hovertemplate": hover, "cliponaxis": False}
    frame["legend"]["y"] = -style.below_data(112, frame["height"], frame["margin"]["t"], frame["margin"]["b"])
    frame["annotations"] = _regions(factors, sigma_w, sigma_b, dark)
    rows, columns = np.meshgrid(sigma_b, sigma_w, indexing="ij")
    table = pd.DataFrame({"sigma_w": columns.ravel(), "sigma_b": rows.ravel(), "factor per layer": factors.ravel()})
    spoken = finding.replace("<sub>", "_").replace("</sub>", "")
    return Chart({"data": [heat, critical, point], "layout": frame}, f"{title}. {spoken}", table)


def _phase(chi: float) -> str:
    """The phase at a factor chi, in words."""
    if abs(chi - 1) < 0.01:
        return "at the critical line: gradients stay level"
    return "ordered: gradients vanish" if chi < 1 else "chaotic: gradients explode"


def _line(activation: str, widest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """The critical line within the plane; a gap where it leaves it."""
    phi = ACTIVATIONS[activation]
    if phi.piecewise_slopes is not None:
        sigma_w = (sum(ray**2 for ray in phi.piecewise_slopes) / 2) ** -0.5
        return np.array([sigma_w, sigma_w]), np.array([0.0, highest])
    ends = [point.q for point in critical_points(activation)]  # where it meets the axis
    sigma_w, sigma_b = critical_line(activation, np.sort(np.append(LINE, ends)))
    inside = (sigma_w <= 1.5 * widest) & (sigma_b <= 1.5 * highest)
    return np.where(inside, sigma_w, np.nan), np.where(inside, sigma_b, np.nan)


def _regions(factors: np.ndarray, sigma_w: np.ndarray, sigma_b: np.ndarray, dark: bool) -> list[dict]:
    """The names of the regions, each in the middle of its own."""
    look, words = style.theme(dark), []
    regions = (("ordered:<br>gradients vanish", factors < 0.98), ("chaotic:<br>gradients explode", factors > 1.02))
    for name, where in regions:
        if where.mean() > 0.04:
            rows, columns = np.nonzero(where)
            x, y = sigma_w[columns].mean(), sigma_b[rows].mean()
            word = {"x": x, "y": y, "text": name, "showarrow": False, "font": {"size": 14, "color": look.text}}
            words.append(word | {"bgcolor": style.faded(look.page, 0.75), "borderpad": 4})
    return words
