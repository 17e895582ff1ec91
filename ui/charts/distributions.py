"""How a quantity is spread within each layer, at one step."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.trace import Snapshot
from ui.charts import style
from ui.charts.style import Chart, number

BINS = 64
MAX_VALUES = 200_000  # of one layer that are binned: every k-th of more
MAX_CELLS = 20_000
QUANTILES = (5, 50, 95)
HEIGHT, BELOW = 420, 108


SPREADS = {  # field of a Snapshot -> its name
    "net": "net input",
    "activation": "activation",
    "delta": "delta",
    "weight_gradient": "weight gradient",
}
AXES = {"net": "net", "activation": "y", "delta": "∂E/∂net", "weight_gradient": "∂E/∂w"}
MAGNITUDES = {"delta", "weight_gradient"}  # their decades tell more than their sign


def distributions(snapshot: Snapshot, quantity: str = "activation", *, dark: bool = False) -> Chart:
    """How `quantity` (a name of SPREADS) is spread within each layer, with its quantiles and share of exact zeros.

    Each layer is one column of color, scaled to its own mode. Deltas and gradients are shown by size on a
    logarithmic axis, as are nets and activations when they spread over more than three decades.
    """
    label, name = SPREADS[quantity], AXES[quantity]
    values = [np.ravel(layer) for layer in getattr(snapshot, quantity)]
    zeros = np.array([np.mean(v == 0) for v in values])
    thin = [v[:: -(-v.size // MAX_VALUES)] for v in values]
    kept = [v[np.isfinite(v) & (v != 0)] for v in thin]
    title = f"{label.capitalize()} of each layer, step {snapshot.step:,}"
    layers = np.arange(1, len(values) + 1)
    if not any(v.size for v in kept):
        why = "Every value is exactly 0." if (zeros == 1).all() else "No value is finite."
        return style.empty(title, why, x="layer", y=name, dark=dark)
    largest = float(max(np.abs(v).max() for v in kept if v.size))  # a float32 could not be compared with 1e300
    by_size = quantity in MAGNITUDES or _decades_of(kept) > 3 or largest > 1e300  # differences would overflow
    cuts = np.array([np.percentile(np.abs(v) if by_size else v, QUANTILES) if v.size else [np.nan] * 3 for v in kept])
    z, edges = _columns([np.log10(np.abs(v)) if by_size else v for v in kept])
    edges = 10.0 ** np.clip(edges, -323, 308) if by_size else edges  # within the range of float64
    frame = _frame(title, _finding(cuts, zeros, by_size), layers, name, by_size, edges, zeros, dark)
    data = [
        {
            "type": "heatmap",
            "x": layers,
            "y": edges,
            "z": z,
            "zmin": 0,
            "zmax": 100,
            "colorscale": style.density_colors(dark),
            "showscale": False,
            "hoverinfo": "skip",
        }
    ]
    for k, (quantile, dash) in enumerate(zip(QUANTILES, ("dot", "solid", "dash"), strict=True)):
        which = "median" if quantile == 50 else f"{quantile}%"
        line = {"color": style.theme(dark).text, "width": 1.8 if quantile == 50 else 1.2, "dash": dash}
        curve = {"type": "scatter", "x": layers, "y": cuts[:, k], "name": which, "mode": "lines", "line": line}
        data.append(curve | {"hovertemplate": "%{y:.3~g}"} | ({"mode": "lines+markers"} if len(layers) == 1 else {}))
    if zeros.any():
        data.append(
            {
                "type": "bar",
                "x": layers,
                "y": zeros,
                "yaxis": "y2",
                "name": "exactly 0",
                "marker": {"color": style.theme(dark).muted},
                "hovertemplate": "%{y:.1%}",
            }
        )
    table = pd.DataFrame({"layer": layers} | {f"{q}%": cuts[:, k] for k, q in enumerate(QUANTILES)})
    alt = f"{title}. {_finding(cuts, zeros, by_size)}"
    return Chart({"data": data, "layout": frame}, alt, table.assign(exactly_0=zeros))


def _decades_of(kept: list[np.ndarray]) -> float:
    """How many powers of ten lie between the layers' typical sizes."""
    typical = [np.median(np.abs(v)) for v in kept if v.size]
    return float(np.log10(max(typical)) - np.log10(min(typical)))


def _columns(kept: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Histograms as percent of each layer's mode, (bins, layers) uint8, and the bins' edges.

    The edges hold the central 99 % of every layer, so that one stray value does not squeeze the rest.
    """
    ends = np.array([np.percentile(v, (0.5, 99.5)) for v in kept if v.size])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    room = 0.04 * (high - low) or max(abs(high), 1) * 0.5
    bins = max(16, min(BINS, MAX_CELLS // len(kept)))
    edges = np.linspace(low - room, high + room, bins + 1)
    counts = np.array([np.histogram(v, edges)[0] for v in kept])
    return np.rint(100 * counts / np.maximum(counts.max(axis=1, keepdims=True), 1)).astype(np.uint8).T, edges


def _frame(title, finding, layers, name, by_size, edges, zeros, dark) -> dict:
    if by_size:
        yaxis = style.axis(f"|{name}|", dark, decades=(np.log10(edges[0]), np.log10(edges[-1])))
    else:
        yaxis = style.axis(name, dark, range=[edges[0], edges[-1]])
    frame = style.layout(
        title,
        finding,
        xaxis=style.layers_axis(len(layers), dark),
        yaxis=yaxis,
        dark=dark,
        height=HEIGHT,
        below=BELOW,
        hovermode="x unified",
        bargap=0.3,
    )
    if zeros.any():
        frame["xaxis"]["anchor"] = "y2"
        frame["yaxis"]["domain"] = [0.3, 1]
        ticks = {"range": [0, 1], "tickvals": [0, 1], "ticktext": ["0%", "100%"], "domain": [0, 0.18]}
        frame["yaxis2"] = style.axis("zeros", dark, **ticks)
    return frame


def _finding(cuts: np.ndarray, zeros: np.ndarray, by_size: bool) -> str:
    what = "Median size" if by_size else "Median"
    told = f"{what}: {number(cuts[0, 1])} in layer 1"
    told += f", {number(cuts[-1, 1])} in the output." if len(cuts) > 1 else ", the only one."
    worst = int(zeros.argmax())
    told += f" Most zeros: {zeros[worst]:.0%}, in layer {worst + 1}." if zeros[worst] else ""
    return f"{told} Stronger color: more values."
