"""One layer at one step: histograms of its weights and of its gradient, and where its units lie on their activation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from core.engine.batch import SATURATED
from core.layer_slopes import activation_inputs, activation_slopes, layer_activation
from core.trace import Snapshot
from core.wording import percent
from ui.charts import style
from ui.charts.style import Chart, number

BINS = 40
MAX_VALUES = 200_000  # that are counted: every k-th of more
MIN_REACH = 3.0  # net inputs drawn on either side of 0, so that the bend of the activation is seen
HEIGHT = 300


class Histogram(NamedTuple):
    """Shares of values, (bins,), between edges, (bins + 1,); `zeros` is the share of values that are exactly 0."""

    shares: np.ndarray
    edges: np.ndarray
    zeros: float


def count(values: np.ndarray, *, by_size: bool = False, reach: float = 0.0) -> Histogram | None:
    """Histogram of what is finite; None where there is nothing to count.

    Args:
        by_size: whether decades of the size are counted, log10 |value|, of what is not 0.
        reach: ends of the bins are at least this far from 0.
    """
    flat = np.ravel(values)
    flat = flat[:: max(1, -(-flat.size // MAX_VALUES))]
    kept = flat[np.isfinite(flat)]
    zeros = float(np.mean(kept == 0)) if kept.size else 0.0
    if by_size:
        kept = np.log10(np.abs(kept[kept != 0]))
    if not kept.size:
        return None
    low = float(kept.min())
    high = float(kept.max())
    low, high = (min(low, -reach), max(high, reach)) if reach else (low, high)
    room = 0.02 * (high - low) or max(abs(high), 1.0) * 0.05
    counts, edges = np.histogram(kept, BINS, (low - room, high + room))
    return Histogram(counts / counts.sum(), edges, zeros)


def weight_histogram(snapshot: Snapshot, layer: int, *, dark: bool = False) -> Chart:
    """Distribution of the weights of a layer, counted from 0."""
    W = snapshot.weights[layer][0]
    finding = f"Mean {number(float(W.mean()))}, standard deviation {number(float(W.std()), 3)}."
    return _histogram("Weights", finding, count(W), "w", dark)


def gradient_histogram(snapshot: Snapshot, layer: int, *, dark: bool = False) -> Chart:
    """Distribution of the entries of a layer's weight gradient, by their size."""
    gradient = snapshot.weight_gradient[layer]
    counted = count(gradient, by_size=True)
    finding = "Every entry is exactly 0."
    if counted:
        sizes = np.abs(gradient[np.isfinite(gradient) & (gradient != 0)])
        finding = f"Median size {number(float(np.median(sizes)))}."
        finding += f" {percent(counted.zeros)} are exactly 0." if counted.zeros else ""
    return _histogram("Weight gradient", finding, counted, "|∂E/∂w|", dark, by_size=True)


def slope_chart(snapshot: Snapshot, layer: int, *, dark: bool = False) -> Chart:
    """Where a layer's units lie, as a histogram of what the activation is applied to, below the activation's slope."""
    activation = layer_activation(snapshot, layer)
    net = activation_inputs(snapshot, layer)
    counted = count(net, reach=MIN_REACH)
    theme = style.theme(dark)
    title = "Net input, and the slope there"
    normalized = snapshot.config.normalization != "none" and layer < len(snapshot.net) - 1
    x = "net, normalized" if normalized else "net"
    slopes = activation_slopes(snapshot, layer)
    if counted is None:
        return style.empty(title, "No net input is finite.", x=x, y="share", dark=dark, height=HEIGHT)
    if activation is None or slopes is None:
        return _histogram("Net input", "A softmax has no slope of its own.", counted, x, dark)
    flat = np.abs(slopes) < SATURATED * activation.sup_slope
    finding = (
        f"Mean slope φ′ {number(float(np.mean(slopes)), 3)}; {percent(float(flat.mean()))} of its units are saturated."
    )
    chart = _histogram(title, finding, counted, x, dark)
    points = np.linspace(counted.edges[0], counted.edges[-1], 241)
    steepness = activation.slope(points)
    top = max(1.0, 1.05 * float(np.max(steepness)))
    curve = {"type": "scatter", "mode": "lines", "x": points, "y": steepness, "yaxis": "y2", "hoverinfo": "skip"}
    line = {"color": theme.text, "width": 2.5, "simplify": False}
    data = [*chart.spec["data"], curve | {"name": f"φ′ of {activation.label}", "line": line}]
    slope_axis = style.axis("φ′", dark, range=[min(0.0, float(np.min(steepness))), top])
    slope_axis |= {"overlaying": "y", "side": "right", "showgrid": False, "fixedrange": True, "tickmode": "linear"}
    slope_axis |= {"tick0": 0, "dtick": 0.25 if top < 1.6 else 0.5}
    layout = chart.spec["layout"] | {"yaxis2": slope_axis}
    layout["margin"] = layout["margin"] | {"r": 62}
    alt = f"{title}. {finding} The activation is {activation.label}."

    def table() -> pd.DataFrame:
        return chart.table.assign(slope=activation.slope((counted.edges[1:] + counted.edges[:-1]) / 2))

    return Chart(spec={"data": data, "layout": layout}, alt=alt, make_table=table)


def _histogram(
    title: str, finding: str, counted: Histogram | None, x: str, dark: bool, *, by_size: bool = False
) -> Chart:
    if counted is None:
        return style.empty(title, finding, x=x, y="share", dark=dark, height=HEIGHT)
    low = counted.edges[:-1]
    high = counted.edges[1:]
    bars = {
        "type": "bar",
        "x": (low + high) / 2,
        "y": counted.shares,
        "width": high - low,
        "marker": {"color": style.fade(style.theme(dark).accent, 0.55), "line": {"width": 0}},
        "hovertemplate": "%{y:.1%}<extra></extra>",
        "showlegend": False,
    }
    axis = style.axis(x, dark, range=[low[0], high[-1]], showgrid=False, fixedrange=True)
    if by_size:
        axis |= _decade_ticks(float(low[0]), float(high[-1]))
    frame = style.layout(
        title,
        finding,
        xaxis=axis,
        yaxis=style.axis("share of values", dark, rangemode="tozero", tickformat=".0%", fixedrange=True),
        dark=dark,
        height=HEIGHT,
        below=56,
        bargap=0,
        showlegend=False,
    )
    ends = (10.0**low, 10.0**high) if by_size else (low, high)
    columns = {"from": ends[0], "to": ends[1], "share": counted.shares}
    return Chart(
        spec={"data": [bars], "layout": frame}, alt=f"{title}. {finding}", make_table=lambda: pd.DataFrame(columns)
    )


def _decade_ticks(low: float, high: float) -> dict:
    """Ticks at whole powers of ten, or at every k-th of many; the axis itself is linear in the exponent."""
    first = int(np.ceil(low))
    last = int(np.floor(high))
    ticks = range(first, last + 1, max(1, -(-(last - first + 1) // 6)))
    return {"tickvals": list(ticks), "ticktext": [f"10<sup>{power}</sup>".replace("-", "−") for power in ticks]}
